"""The values of a template with their places, and a reader of JSON that keeps the places.

A template is a tree of nodes, in YAML or in JSON. A node's content is read when it is asked for: of a large template
only a few resources have policies.
"""

import json
import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

from ecr_exposure.cli.policies_in_files.found_policy import FileError, Span
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import HugeNumber, read_json

Scalar: TypeAlias = str | int | float | bool | HugeNumber | None
Content: TypeAlias = "Scalar | list[Node] | tuple[Member, ...]"
"""A scalar, the elements of a list, or the members of an object, in which a key can be duplicate."""


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
        """Return what the node is. Raises FileError."""

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
        return next((each.value for each in reversed(content) if each.key == key), None)

    def at(self, *path: str) -> "Node | None":
        """Return the node at the end of a path of keys."""
        node: Node | None = self
        for key in path:
            node = node.member(key) if node is not None else None
        return node


class Member(NamedTuple):
    """A key of an object, and its value."""

    key: str
    key_span: Span
    value: Node

    @property
    def span(self) -> Span:
        """Return where key and value are; the key alone if the value is an alias of another place."""
        value = self.value.span
        if (value.end_line, value.end_column) < (self.key_span.end_line, self.key_span.end_column):
            return self.key_span
        return Span(self.key_span.line, self.key_span.column, value.end_line, value.end_column)


_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


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
        """Return the value of the text. Raises FileError if the text is not JSON."""
        start = self.after_blanks(0)
        try:
            end = _DECODER.raw_decode(self.text, start)[1]
            if self.after_blanks(end) != len(self.text):
                raise json.JSONDecodeError("Extra data", self.text, end)  # noqa: TRY301 - as the decoder raises it
        except json.JSONDecodeError as error:
            line = self._line + error.lineno - 1
            raise FileError(self.file, line, f"not JSON: {error.msg} at column {error.colno}") from None
        except RecursionError:
            raise FileError(self.file, None, "not JSON that can be read: nested too deep") from None
        return _JsonNode(self, start, end)

    def after_blanks(self, at: int) -> int:
        """Return the place of the next character that is not white space."""
        found = _BLANKS.match(self.text, at)
        return found.end() if found else at

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def span(self, start: int, end: int) -> Span:
        """Return where a part of the text is."""
        return Span(*self._place(start), *self._place(end))

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, at) - 1
        return self._line + line, self._indent + at - self._line_starts[line] + 1


class _JsonNode(Node):
    """A value in a JSON text, which has it from start to end."""

    __slots__ = ("_content", "_end", "_source", "_start")

    def __init__(self, source: JsonText, start: int, end: int) -> None:
        self._source, self._start, self._end = source, start, end

    @property
    def content(self) -> Content:
        if not hasattr(self, "_content"):
            self._content = self._read()
        return self._content

    def _read(self) -> Content:
        match self._source.text[self._start]:
            case "{":
                return tuple(self._members())
            case "[":
                return self._elements()
            case _:
                return self._scalar()

    @property
    def text(self) -> str | None:
        content = self.content
        if content is None or isinstance(content, (list, tuple)):
            return None
        return content if isinstance(content, str) else self._source.text[self._start : self._end]

    @property
    def span(self) -> Span:
        return self._source.span(self._start, self._end)

    def _scalar(self) -> Scalar:
        written = self._source.text[self._start : self._end]
        if written.startswith('"'):
            text: str = _DECODER.raw_decode(written)[0]
            return text
        try:
            return read_json(written)  # type: ignore[return-value] # neither an object nor a list
        except PolicyError as error:  # NaN
            raise FileError(self._source.file, self.span.line, str(error)) from None

    def _elements(self) -> list[Node]:
        source, found = self._source, []
        at = source.after_blanks(self._start + 1)
        while source.text[at] != "]":
            end = _DECODER.raw_decode(source.text, at)[1]
            found.append(_JsonNode(source, at, end))
            at = self._next(end)
        return list(found)

    def _members(self) -> list[Member]:
        source, found = self._source, []
        at = source.after_blanks(self._start + 1)
        while source.text[at] != "}":
            key, key_end = _DECODER.raw_decode(source.text, at)
            start = source.after_blanks(source.text.index(":", key_end) + 1)
            end = _DECODER.raw_decode(source.text, start)[1]
            found.append(Member(key, source.span(at, key_end), _JsonNode(source, start, end)))
            at = self._next(end)
        return found

    def _next(self, end: int) -> int:
        """Return the place of what follows an element and its comma."""
        at = self._source.after_blanks(end)
        return self._source.after_blanks(at + 1) if self._source.text[at] == "," else at
