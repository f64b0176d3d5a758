"""Values that a file does not say: a parameter without a default, an attribute that is known after deployment.

A policy of a file is a tree of JSON values in which such a value stands for itself, and text can have it in between.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecr_exposure.policy.json_values import read_json


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known; reference: as the file names it, such as ``!Ref Principals`` or ``var.principals``."""

    reference: str


@dataclass(frozen=True, slots=True)
class Named(Unknown):
    """A value that names one account, principal or organization, and never all; example: a value of its shape."""

    example: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A string with unknown parts; parts: not one string alone."""

    parts: tuple[str | Unknown, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """A whole policy, where it depends on values that are not known which of several it is; references: those values.

    No policy is one of several too: None.
    """

    policies: tuple[Any, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a policy that a file has in a form that is not documented; problem: what is wrong, with the place."""

    problem: str


Value = Any
"""A JSON value, an Unknown or a Joined; lists and dicts hold such values. DuplicateKey stands for an invalid object.

A whole policy can also be Unreadable, or Alternatives.
"""


def joined(parts: Sequence[str | Unknown]) -> str | Unknown | Joined:
    """Return the parts as one value: a string if all are known, an Unknown if it is the only one."""
    merged: list[str | Unknown] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    if not merged:
        return ""
    return merged[0] if len(merged) == 1 else Joined(tuple(merged))


def parts_of(value: str | Unknown | Joined) -> tuple[str | Unknown, ...]:
    """Return the parts of a text."""
    return value.parts if isinstance(value, Joined) else (value,)


def references_in(value: Value) -> Iterator[str]:
    """Yield the references of all unknown values in a tree, in their order, with repetitions."""
    if isinstance(value, Alternatives):
        yield from value.references
        value = list(value.policies)
    if isinstance(value, Unknown):
        yield value.reference
    elif isinstance(value, Joined):
        yield from (part.reference for part in value.parts if isinstance(part, Unknown))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from references_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from references_in(each)


def with_examples(value: Value) -> Value:
    """Return a value of a policy in which what names one is known: where it does not matter which one."""
    if isinstance(value, Named):
        return value.example
    if isinstance(value, Joined):
        return joined([part.example if isinstance(part, Named) else part for part in value.parts])
    if isinstance(value, Mapping):
        return {key: with_examples(each) for key, each in value.items()}
    return [with_examples(each) for each in value] if isinstance(value, list) else value


# Private characters, which no AWS value holds.
_FIRST, _LAST = "\ue100", "\ue101"
_MARK: Final = re.compile(f"{_FIRST}([0-9]{{1,9}}){_LAST}")
_QUOTE: Final = '"'


def read_policy_text(text: str | Unknown | Joined) -> Value:
    """Return the policy of a JSON text with unknown parts; None for white space alone.

    A text that is a JSON string comes back as it is: its content is no policy, though it may look like one.
    An unknown part inside a JSON string makes it a Joined, and in the name of a member the whole object Unknown; one
    outside stands for a whole value.
    Raises PolicyError if the text is not JSON.
    """
    if isinstance(text, Unknown):
        return text
    if isinstance(text, str):
        value = read_json(text) if text.strip() else None
        return text if isinstance(value, str) else value
    unknown: list[Unknown] = []
    written, in_string = "", False
    for part in text.parts:
        if isinstance(part, Unknown):
            mark = f"{_FIRST}{len(unknown)}{_LAST}"
            written += mark if in_string else f"{_QUOTE}{mark}{_QUOTE}"
            unknown.append(part)
        else:
            written += part
            in_string = _ends_in_string(part, in_string=in_string)
    return _with_unknown(read_json(written), unknown)


def _ends_in_string(part: str, *, in_string: bool) -> bool:
    escaped = False
    for character in part:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = in_string
        elif character == _QUOTE:
            in_string = not in_string
    return in_string


def _with_unknown(value: Value, unknown: Sequence[Unknown]) -> Value:
    if isinstance(value, str):
        return _text_with_unknown(value, unknown)
    if isinstance(value, dict):
        # With an unknown name a member could be any member, so that the object is unknown.
        names = (part for key in value for part in parts_of(_text_with_unknown(key, unknown)))
        in_name = next((part for part in names if isinstance(part, Unknown)), None)
        return in_name or {key: _with_unknown(each, unknown) for key, each in value.items()}
    return [_with_unknown(each, unknown) for each in value] if isinstance(value, list) else value


def _text_with_unknown(text: str, unknown: Sequence[Unknown]) -> str | Unknown | Joined:
    pieces = _MARK.split(text)
    if any(int(number) >= len(unknown) for number in pieces[1::2]):
        return text  # the known text holds such characters too
    return joined([unknown[int(piece)] if at % 2 else piece for at, piece in enumerate(pieces)])
