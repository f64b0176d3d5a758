"""The accounts that an operator names, by options that several commands have."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import click

from ecr_exposure.identifiers import ACCOUNT_ID

_ACCOUNT: Final = "an account ID of 12 digits"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,576}")
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: a path, if any, and a name
_ROLE_NAME: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)


def one_account(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Return the account, or None without the option; a callback that raises click.BadParameter."""
    if text is not None and not ACCOUNT_ID.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not {_ACCOUNT}")
    return text


def listed(text: str | None, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
    """Return the parts of a list without repetition, none without the option; raises click.BadParameter.

    ``what`` says what the pattern accepts.
    """
    parts = () if text is None else tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for part in parts:
        if not pattern.fullmatch(part):
            raise click.BadParameter(f"{part!r} is not {what}")
    return parts


def matching(pattern: re.Pattern[str], what: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Return the callback of an option whose text must match; ``what`` says what the pattern accepts."""

    def check(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
        if text is not None and not pattern.fullmatch(text):
            raise click.BadParameter(f"{text!r} is not {what}")
        return text

    return check


role_arn: Final = matching(_ROLE, "the ARN of a role, such as arn:aws:iam::111122223333:role/Admin")
role_name: Final = matching(_ROLE_NAME, "the name of a role (an ARN is not accepted)")


def account_ids(_context: click.Context, _parameter: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the accounts of one or more lists, none without the option; a callback that raises click.BadParameter."""
    return listed(",".join(texts) if texts else None, ACCOUNT_ID, _ACCOUNT)


accounts_option: Final = click.option(
    "--accounts",
    metavar="ID,...",
    multiple=True,
    callback=account_ids,
    help="Only these accounts; by default all of the organization.",
)
