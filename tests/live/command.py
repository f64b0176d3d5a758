"""What the commands share: arguments, and ends in one clear line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Final, Never

import boto3
from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.text import Text

from ecr_exposure import identifiers
from ecr_exposure.errors import ParameterError
from tests.live.errors import CannotRunError, told

READY: Final = 0
NOT_READY: Final = 1
CANNOT_RUN: Final = 2
INTERRUPTED: Final = 130


class Arguments(argparse.ArgumentParser):
    """A parser that fails in one line."""

    def error(self, message: str) -> Never:
        """Raise CannotRunError in place of argparse's usage and exit."""
        raise CannotRunError(f"{message} (--help shows what is accepted)")

    def add_stack(self) -> None:
        """Ask for the stack; its region may be left out, or empty."""
        self.add_argument("--stack", type=_stack, required=True, help="the stack of template.yaml, by name or ARN")
        self.add_argument(
            "--region",
            type=lambda text: region_name(text) if text else None,
            help="the stack's region; the configured one if left out",
        )


def region_name(text: str) -> str:
    """Return a region's name; one of another form is refused."""
    try:
        return identifiers.region_name("region", text)
    except ParameterError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a region such as eu-west-1") from None


def default_region(session: boto3.Session, option: str) -> str:
    """Return the session's region, as AWS_DEFAULT_REGION or the profile names it; CannotRunError without one."""
    try:
        return region_name(session.region_name or "")
    except argparse.ArgumentTypeError:
        given = f"{session.region_name!r} is none" if session.region_name else "there is none"
        raise CannotRunError(f"no region: {given}; name one by {option} or AWS_DEFAULT_REGION") from None


def open_session() -> boto3.Session:
    """Return the operator's own session; CannotRunError for a profile that is not there."""
    try:
        return boto3.Session()
    except BotoCoreError as error:
        raise CannotRunError(told(error)) from None


def print_line(console: Console, *parts: str | tuple[str, str] | Text, indent: int = 0) -> None:
    """Print a line as it is, never wrapped: a command must survive being copied."""
    console.print(Text.assemble(" " * indent, *parts), soft_wrap=True)


def run(main: Callable[[Sequence[str]], int]) -> int:
    """Run a command with the process's arguments; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another
    try:
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        print_line(Console(stderr=True), ("Interrupted", "bold red"))
        return INTERRUPTED


def refuse(error: CannotRunError) -> int:
    """Say in one line on stderr why the command did not run; return the exit status."""
    print_line(Console(stderr=True), ("Not run: ", "bold red"), str(error))
    return CANNOT_RUN


def _stack(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty")
    return text
