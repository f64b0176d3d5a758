"""The values of a template with their places, and a reader of JSON that keeps the places.

A template is a tree of nodes, in YAML or in JSON. A node's content is read when it is asked for: of a large template
only a few resources have policies.
"""

import json
import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Final, NamedTuple, TypeAlias, cast

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.json_members import Member as JsonMember
from ecr_exposure.cli.json_members import after_blanks, members, value_at
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import HugeNumber, read_json

Scalar: TypeAlias = str | int | float | bool | HugeNumber | None
Content: TypeAlias = "Scalar | list[Node] | tuple[Member, ...]"
"""A scalar, the elements of a list, or the members of an object, in which a key can be duplicate."""


LOOP: Final = "Fn::ForEach::"
_WITHOUT_PREFIX: Final = ("Ref", "Condition")


class Node(ABC):
    """A value of a template."""

    __slots__ = ()

    @property
    def tag(self) -> str:
        """Return the YAML tag, such as ``!Sub``; "" for none."""
        return ""

    def without_tag(self) -> "Node":
        """Return the same value without its tag: the argument of a function in short form."""
        return self

    @property
    @abstractmethod
    def content(self) -> Content:
        """Return what the node is. Raises NotReadError."""

    @property
    @abstractmethod
    def text(self) -> str | None:
        """Return a scalar as it is written; None for null, a list or an object."""

    @property
    @abstractmethod
    def span(self) -> Span:
        """Return where the node is."""

    @property
    def json_in_lines(self) -> "JsonText | None":
        """Return the text of a literal block, whose lines are lines of the file; None for other nodes."""
        return None

    def member(self, key: str) -> "Node | None":
        """Return the value of a key of an object, the last one if the key is duplicate; None if there is none."""
        content = self.content
        if not isinstance(content, tuple):
            return None
        for each in reversed(content):
            if each.key == key:
                return each.value
        return None

    def at(self, *path: str) -> "Node | None":
        """Return the node at the end of a path of keys."""
        node: Node | None = self
        for key in path:
            node = node.member(key) if node is not None else None
        return node


class Member(NamedTuple):
    """A key of an object, and its value; place: returns where the key is."""

    key: str
    value: Node
    place: Callable[[], Span]

    @property
    def key_span(self) -> Span:
        """Return where the key is."""
        return self.place()

    @property
    def span(self) -> Span:
        """Return where key and value are; the key alone if the value is an alias of another place."""
        key, value = self.key_span, self.value.span
        if (value.end_line, value.end_column) < (key.end_line, key.end_column):
            return key
        return Span(key.line, key.column, value.end_line, value.end_column)


def function_of(node: Node) -> tuple[str, Node] | None:
    """Return the full name of a function and its argument; None for a node that is none."""
    if node.tag:
        name = node.tag.removeprefix("!")
        return (name if name in _WITHOUT_PREFIX else f"Fn::{name}"), node.without_tag()
    content = node.content
    if not isinstance(content, tuple):
        return None
    for member in content:
        if member.key.startswith("Fn::") and not member.key.startswith(LOOP):
            # CloudFormation accepts no other key beside a function, but Fn::Transform can have some.
            return (member.key, member.value) if len(content) == 1 else ("Fn::Transform", member.value)
    if len(content) == 1 and content[0].key == "Ref":
        return "Ref", content[0].value
    return None


class JsonText:
    """A JSON text, and where it is in its file.

    line: of the file, on which the text begins. indent: the characters of the file before each line of the text.
    """

    def __init__(self, text: str, *, file: str = "", line: int = 1, indent: int = 0) -> None:
        """Store the text."""
        self.text, self.file, self._line, self._indent = text, file, line, indent

    def with_text(self, text: str) -> "JsonText":
        """Return another text of the same lines, at the same place."""
        return JsonText(text, file=self.file, line=self._line, indent=self._indent)

    def root(self) -> Node:
        """Return the value of the text. Raises NotReadError if the text is not JSON."""
        start = after_blanks(self.text, 0)
        try:
            value, end = value_at(self.text, start)
            if (rest := after_blanks(self.text, end)) != len(self.text):
                raise json.JSONDecodeError("Extra data", self.text, rest)  # noqa: TRY301 - as the decoder raises it
        except json.JSONDecodeError as error:
            line = self._line + error.lineno - 1
            raise NotReadError(self.file, line, f"not JSON: {error.msg} at column {error.colno}") from None
        except RecursionError:
            raise NotReadError(self.file, None, "not JSON that can be read: nested too deep") from None
        return _JsonNode(self, value, start, end)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def span(self, start: int, end: int) -> Span:
        """Return where a part of the text is."""
        return Span(*self._place(start), *self._place(end))

    def key_span(self, member: JsonMember) -> Span:
        """Return where the key of a member is."""
        return self.span(member.first, self.text.rindex('"', member.first, member.start) + 1)

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, at) - 1
        return self._line + line, self._indent + at - self._line_starts[line] + 1


class _JsonNode(Node):
    """A value in a JSON text, which has it from start to end."""

    __slots__ = ("_content", "_end", "_source", "_start", "_value")

    def __init__(self, source: JsonText, value: object, start: int, end: int) -> None:
        self._source, self._value, self._start, self._end = source, value, start, end

    @property
    def content(self) -> Content:
        if not hasattr(self, "_content"):
            self._content = self._read()
        return self._content

    def _read(self) -> Content:
        match self._value:
            case dict():
                return tuple(self._member(each) for each in self._parts())
            case list():
                return [self._part(each) for each in self._parts()]
            case int() | float() if not isinstance(self._value, bool):
                return self._number()
            case scalar:
                return cast("Scalar", scalar)

    def _parts(self) -> Iterator[JsonMember]:
        return members(self._source.text, self._start)

    def _part(self, part: JsonMember) -> Node:
        return _JsonNode(self._source, part.value, part.start, part.end)

    def _member(self, part: JsonMember) -> Member:
        return Member(str(part.key), self._part(part), partial(self._source.key_span, part))

    @property
    def text(self) -> str | None:
        content = self.content
        if content is None or isinstance(content, (list, tuple)):
            return None
        return content if isinstance(content, str) else self._source.text[self._start : self._end]

    @property
    def span(self) -> Span:
        return self._source.span(self._start, self._end)

    def _number(self) -> Scalar:
        try:
            return cast("Scalar", read_json(self._source.text[self._start : self._end]))
        except PolicyError as error:  # NaN
            raise NotReadError(self._source.file, self.span.line, str(error)) from None
