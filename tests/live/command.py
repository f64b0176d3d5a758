"""What the commands share: arguments and AWS errors that end in one clear line."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any, Final, Never

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from tests.live.clients import CannotRunError

READY: Final = 0
NOT_READY: Final = 1
CANNOT_RUN: Final = 2

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")


class Arguments(argparse.ArgumentParser):
    """A parser that fails in one line."""

    def error(self, message: str) -> Never:
        """Raise CannotRunError in place of argparse's usage and exit."""
        raise CannotRunError(f"{message} (--help shows what is accepted)")


def region_name(text: str) -> str:
    """Return a region's name; one of another form is refused."""
    if not _REGION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a region such as eu-west-1")
    return text


def told(error: Exception) -> str:
    """Return an AWS error in one printable line: code, message, and the operation that met it."""
    if isinstance(error, ClientError):
        answer: dict[str, Any] = error.response.get("Error", {})
        text = f"{answer.get('Code', 'Unknown')}: {answer.get('Message', '')} ({error.operation_name})"
    else:
        text = str(error)
    return printable(text)


def printable(text: str) -> str:
    """Return a text from outside without anything that moves a terminal's cursor."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


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
    return main(sys.argv[1:])


def refuse(error: CannotRunError) -> int:
    """Say in one line on stderr why the command did not run; return the exit status."""
    print_line(Console(stderr=True), ("Not run: ", "bold red"), str(error))
    return CANNOT_RUN
