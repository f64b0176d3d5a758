"""What a command needs to be allowed to do, as an IAM policy that ``--permissions`` prints.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import click

Statement = Mapping[str, Any]
# GetCallerIdentity needs no permission, but a reader of the policy should find every call in it:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_CALLER: Final[Statement] = {
    "Sid": "ReadTheCaller",
    "Effect": "Allow",
    "Action": ["sts:GetCallerIdentity"],
    "Resource": "*",
}


def statement(sid: str, *actions: str, resource: str | Sequence[str] = "*") -> Statement:
    """Return an Allow statement; the resources are patterns, as IAM writes them."""
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def policy(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the policy document of a command."""
    return {"Version": "2012-10-17", "Statement": [_CALLER, *statements]}


def permissions_option(statements: Sequence[Statement]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--permissions``, which prints the policy and ends the command."""

    def show(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
        if wanted and not context.resilient_parsing:
            click.echo(json.dumps(policy(statements), indent=2))
            context.exit()

    return click.option(
        "--permissions",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Print the permissions that the command needs, as an IAM policy, and exit.",
    )
