"""Values of Terraform code that keep where they are written: objects and the text of templates.

The value of `jsonencode` stays a value, so that nothing in it is lost.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.unknown_values import (
    Alternatives,
    Joined,
    Unknown,
    Value,
    joined,
)
from ecr_exposure.cli.hcl.hcl_tokens import Source

LONGEST_TEXT: Final = 1_000_000
_MOST_VALUES: Final = 50_000


class MissingError(Exception):
    """A value does not exist, such as an attribute that an object does not have: `try` takes the next one."""


class LocatedObject(dict[str, Value]):
    """An object, and where it is written. start, end: offsets; members: those of each value with its key."""

    def __init__(
        self,
        content: Mapping[str, Value],
        source: Source,
        start: int,
        end: int,
        members: Mapping[str, tuple[int, int]],
    ) -> None:
        """Store the place."""
        super().__init__(content)
        self.source, self.start, self.end, self.members = source, start, end, members

    def with_content(self, content: Mapping[str, Value]) -> "LocatedObject":
        """Return an object with other content that is written in the same place."""
        return LocatedObject(content, self.source, self.start, self.end, self.members)


class ResourceObject(dict[str, Value]):
    """A resource as an object; an attribute that the code does not say is unknown, and not missing."""

    def __init__(self, reference: str, content: Mapping[str, Value]) -> None:
        """Store the address of the resource."""
        super().__init__(content)
        self._reference = reference

    def __missing__(self, name: str) -> Unknown:
        """Return the attribute."""
        return Unknown(f"{self._reference}.{name}")


class WrittenPiece(NamedTuple):
    """A part of a text; source, start, end: where it is written, if it is in the code."""

    text: str | Unknown
    source: Source | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class WrittenText:
    """The text of a template that can be a policy."""

    pieces: tuple[WrittenPiece, ...]

    @property
    def text(self) -> str | Unknown | Joined:
        """The text without places."""
        return joined([piece.text for piece in self.pieces])


@dataclass(frozen=True, slots=True)
class JsonText:
    """The JSON text of a value."""

    value: Value


def first_unknown(value: Value) -> Unknown | None:
    """Return the first unknown value in a tree, for what is made of it: of that nothing is known."""
    if isinstance(value, Unknown):
        return value if type(value) is Unknown else Unknown(value.reference)
    if isinstance(value, (WrittenText, JsonText)):
        return first_unknown(value.text if isinstance(value, WrittenText) else value.value)
    if isinstance(value, Joined):
        return next(filter(None, map(first_unknown, value.parts)))
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return next(filter(None, map(first_unknown, children)), None)


def as_text(value: Value) -> str | Unknown | Joined:
    """Return a value as in a template. Raises MissingError for a list, an object or null."""
    if isinstance(value, (str, Unknown, Joined)):
        return value
    if isinstance(value, WrittenText):
        return value.text
    if isinstance(value, JsonText):
        return encoded(value)
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise MissingError("not a text")


def encoded(text: JsonText) -> str | Unknown | Joined:
    """Return the text of a JSON value; an unknown value in it stands between quotes."""
    return joined(_encoded(plain(text.value)))


def _encoded(value: Value) -> list[str | Unknown]:
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, Joined):
        inside = (part if isinstance(part, Unknown) else json.dumps(part)[1:-1] for part in value.parts)
        return ['"', *inside, '"']
    if isinstance(value, Mapping):
        members = [[f"{json.dumps(key)}:", *_encoded(each)] for key, each in value.items()]
        return ["{", *_separated(members), "}"]
    if isinstance(value, list):
        return ["[", *_separated([_encoded(each) for each in value]), "]"]
    return [json.dumps(value)]


def _separated(members: Sequence[list[str | Unknown]]) -> list[str | Unknown]:
    return [part for at, member in enumerate(members) for part in ([",", *member] if at else member)]


def plain(value: Value) -> Value:
    """Return a value as JSON has it: texts of JSON or templates as strings, no places."""
    if isinstance(value, (WrittenText, JsonText)):
        return as_text(value)
    if isinstance(value, Alternatives):
        return Alternatives(tuple(map(plain, value.policies)), value.references)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def is_large(value: Value) -> bool:
    """Return whether a tree has more values than any policy."""
    waiting, seen = [value], 0
    while waiting:
        each = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES or (isinstance(each, str) and len(each) > LONGEST_TEXT):
            return True
        if isinstance(each, JsonText):
            waiting.append(each.value)
        elif isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, Joined):
            waiting += each.parts
        elif isinstance(each, list):
            waiting += each
    return False
