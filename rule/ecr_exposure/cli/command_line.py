"""What the subcommands share: exit codes, options, help texts and the session."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TypedDict

import click

from ecr_exposure.cli.permissions import Statement, permissions_option
from ecr_exposure.cli.terminal import Clock

if TYPE_CHECKING:
    import boto3


class ExitCode(IntEnum):
    """What a command returns to the shell; NOT_DONE has precedence over NOT_AS_WANTED."""

    AS_WANTED = 0
    NOT_AS_WANTED = 1
    """The command has done all that it should, and something is not as wanted."""
    NOT_DONE = 2
    """The command could not do all that it should."""
    INTERRUPTED = 130


class CannotRunError(click.ClickException):
    """There is nothing to work on: no credentials, no region, no stack, no rule."""


class CommonOptions(TypedDict):
    """The options of every command."""

    profile: str | None
    as_json: bool
    quiet: bool
    no_color: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a command takes from its process; a test brings its own."""

    clock: Clock = field(default_factory=Clock)
    session: "boto3.Session | None" = None
    """Used instead of a new one."""
    known: dict[str, object] = field(default_factory=dict)
    """What is known of the account, caller and Regions for a JSON document, as soon as it is."""

    def open_session(self, profile: str | None) -> "boto3.Session":
        """Return the operator's session; CannotRunError for a profile that does not exist."""
        import boto3  # noqa: PLC0415 - takes longer than to check a file, which needs no session
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as boto3

        from ecr_exposure.cli.aws_calls import error_text  # noqa: PLC0415 - imports boto3

        try:
            return self.session or boto3.Session(profile_name=profile)
        except BotoCoreError as error:
            raise CannotRunError(error_text(error)) from None


def reference(examples: Sequence[str], exit_codes: Mapping[int, str]) -> str:
    """Return the end of a help text: examples and exit codes, in lines that click does not wrap."""
    codes = [f"  {code:<4} {meaning}" for code, meaning in exit_codes.items()]
    return "\n".join(("\b\nExamples:", *(f"  {line}" for line in examples), "\n\b\nExit codes:", *codes))


def named(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """Return a name; a callback that raises click.BadParameter for an empty one."""
    if not text.strip():
        raise click.BadParameter("the name is empty")
    return text


stack_argument: Final = click.argument("stack", callback=named)
"""STACK, the stack of template.yaml, by name or ARN."""
yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask before the first change.")


def common_options(*statements: Statement) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of every command; the statements are those of ``--permissions``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_COMMON, permissions_option(statements))):
            function = option(function)
        return function

    return decorate


profile_option: Final = click.option(
    "--profile", metavar="NAME", help="Profile of the AWS CLI; by default AWS_PROFILE or the default credentials."
)
_COMMON: Final = (
    profile_option,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document; progress goes to standard error."),
    click.option("--quiet", "-q", is_flag=True, help="Print the result only, the last line."),
    click.option("--no-color", is_flag=True, help="Print without colors, as with the variable NO_COLOR."),
)
