"""The accounts that an operator names, by options that several commands have."""

import re
from typing import Final

import click

from ecr_exposure.identifiers import ACCOUNT_ID

_ACCOUNT: Final = "an account ID of 12 digits"


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


def account_ids(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the accounts of a list, none without the option; a callback that raises click.BadParameter."""
    return listed(text, ACCOUNT_ID, _ACCOUNT)


accounts_option: Final = click.option(
    "--accounts",
    metavar="ID,...",
    callback=account_ids,
    help="Only these accounts; by default all of the organization.",
)
