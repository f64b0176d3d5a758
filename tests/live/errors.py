"""What can go wrong between here and AWS, and how it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

_T = TypeVar("_T")


class CannotRunError(Exception):
    """There is nothing to work on: no credentials, no stack, no rule; or an argument is wrong."""


class StrangeAnswerError(Exception):
    """Something that is not AWS answered, such as a proxy."""


# All that a call can raise: what AWS answers, what keeps it from answering, and what is no answer.
AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError, StrangeAnswerError)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be looked at, and why: neither there nor missing."""

    why: str


def attempt(read: Callable[[], _T], trouble: str = "") -> _T | Unknown:
    """Return what is read, or why it could not be, after words about the trouble if there are any."""
    try:
        return read()
    except AWS_ERRORS as error:
        return Unknown(f"{trouble}: {told(error)}" if trouble else told(error))


def code_of(error: BaseException) -> str:
    """Return the code that AWS gave an error, or an empty text."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def told(error: BaseException) -> str:
    """Return an error in one printable line; one of AWS as its code, message, and the operation that met it."""
    if isinstance(error, ClientError):
        answer: dict[str, Any] = error.response.get("Error", {})
        text = f"{answer.get('Code', 'Unknown')}: {answer.get('Message', '')} ({error.operation_name})"
    else:
        text = str(error)
    return printable(text)


def printable(text: str) -> str:
    """Return a text from outside without anything that moves a terminal's cursor."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
