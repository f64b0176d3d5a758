"""What the subcommands share: exit codes, arguments, help texts, the session and its region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import IntEnum
from typing import Final

import boto3
import click
from botocore.exceptions import BotoCoreError

from ecr_exposure import identifiers
from ecr_exposure.cli.aws_calls import error_text
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.errors import ParameterError


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a command takes from its process; a test brings its own."""

    clock: Clock = field(default_factory=Clock)
    session: boto3.Session | None = None
    """Used instead of a new one."""

    def open_session(self, profile: str | None) -> boto3.Session:
        """Return the operator's session; CannotRunError for a profile that does not exist."""
        try:
            return self.session or boto3.Session(profile_name=profile)
        except BotoCoreError as error:
            raise CannotRunError(error_text(error)) from None


def region_name(text: str) -> str:
    """Return a region's name; raises click.BadParameter for anything else."""
    try:
        return identifiers.region_name("region", text)
    except ParameterError:
        raise click.BadParameter(f"{text!r} is not a region such as eu-west-1") from None


def session_region(session: boto3.Session, option: str) -> str:
    """Return the session's region, from AWS_DEFAULT_REGION or the profile; CannotRunError without a valid one."""
    configured: str = session.region_name or ""
    try:
        return region_name(configured)
    except click.BadParameter as error:
        problem = error.message if configured else "none is configured"
        raise CannotRunError(f"no region: {problem}; set {option} or AWS_DEFAULT_REGION") from None


def check_region_names(session: boto3.Session, regions: Sequence[str]) -> None:
    """Raise click.BadParameter for a name that is no Region with AWS Config in any partition, as if mistyped."""
    known = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("config", partition_name=partition)
    ]
    for region in regions:
        if region not in known:
            similar = get_close_matches(region, known, n=1)
            hint = f"did you mean {similar[0]}?" if similar else "a newer version of boto3 may know it"
            raise click.BadParameter(f"{region!r} is not a Region that boto3 knows; {hint}", param_hint="'--regions'")


def reference(examples: Sequence[str], exit_codes: Mapping[int, str]) -> str:
    """Return the end of a help text: examples and exit codes, in lines that click does not wrap."""
    codes = [f"  {code:<4} {meaning}" for code, meaning in exit_codes.items()]
    return "\n".join(("\b\nExamples:", *(f"  {line}" for line in examples), "\n\b\nExit codes:", *codes))


def _region(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Return the region, or None for an empty text, which means the configured one."""
    return region_name(text) if text else None


def _stack(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not text.strip():
        raise click.BadParameter("the name is empty")
    return text


stack_argument: Final = click.argument("stack", callback=_stack)
"""STACK, the stack of template.yaml, by name or ARN."""
region_option: Final = click.option(
    "--region", metavar="REGION", callback=_region, help="The stack's region; by default the configured one."
)
profile_option: Final = click.option(
    "--profile", metavar="NAME", help="Profile of the AWS CLI; by default AWS_PROFILE or the default credentials."
)
