"""The documents of a YAML stream as nodes: the text of each scalar as it is written, with its line and column.

A YAML load would turn ``2012-10-17`` into a date and ``000011112222`` into an octal number, and drop duplicate keys.
CloudFormation reads YAML 1.1: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

import re
from collections.abc import Iterator
from functools import cache, cached_property, partial
from typing import Any, Final, TypeAlias

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.policies_in_templates.template_nodes import Content, JsonText, Member, Node, Scalar

_YamlNode: TypeAlias = Any
"""A ScalarNode, SequenceNode or MappingNode of PyYAML; its property id says which."""
_Place: TypeAlias = tuple[int, int]

_STANDARD: Final = "tag:yaml.org,2002:"
_PLAIN: Final = "plain"
"""Stands for the tag of a plain scalar, which has none: its type follows from its text."""
# https://yaml.org/type/bool.html, without y and n, which PyYAML and others read as text
_TRUE: Final = frozenset(each for word in ("yes", "true", "on") for each in (word, word.title(), word.upper()))
_FALSE: Final = frozenset(each for word in ("no", "false", "off") for each in (word, word.title(), word.upper()))
# https://yaml.org/type/null.html
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,38})")
_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NO_TEXT_NOR_LIST: Final = ("binary", "omap", "pairs", "set")


def yaml_documents(file: str, content: str) -> Iterator[Node]:
    """Yield the documents of a stream, none for an empty one. Raises NotReadError at the first that is not YAML."""
    import yaml  # noqa: PLC0415 - imported where it is used: most commands need no YAML

    stream = _Stream(file, content)
    try:
        for document in yaml.compose_all(content, _loader()):
            if document is not None:
                yield stream.node(document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        column = f" at column {mark.column + 1}" if mark else ""
        raise NotReadError(file, mark.line + 1 if mark else None, f"not YAML: {error.problem}{column}") from None
    except yaml.reader.ReaderError as error:
        line = len(_LINE_END.findall(content, 0, error.position)) + 1
        raise NotReadError(file, line, f"not YAML: {error.reason}") from None
    except RecursionError:
        raise NotReadError(file, None, "not YAML that can be read: nested too deep") from None
    finally:
        stream.forget()


@cache
def _loader() -> Any:  # noqa: ANN401 - a class of PyYAML without types
    """Return PyYAML's loader with libyaml, if it is there, and without its reading of types, which costs much time."""
    import yaml  # noqa: PLC0415 - as above

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc] # Any
        """A loader that composes nodes only."""

        def resolve(self, kind: type, _value: object, implicit: tuple[bool, bool]) -> str:
            """Return the tag of a node that has none."""
            return _PLAIN if kind is yaml.ScalarNode and implicit[0] else ""

        def descend_resolver(self, _parent: object, _index: object) -> None:
            """Follow no path."""

        def ascend_resolver(self) -> None:
            """Follow no path."""

    return Loader


class _Stream:
    """What the nodes of a stream have in common."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self._text = file, text
        self._nodes: dict[int, _Node] = {}

    def node(self, yaml_node: _YamlNode) -> "_Node":
        """Return the one node for a node of PyYAML, so that an alias is not read again."""
        found = self._nodes.get(id(yaml_node))
        if found is None:
            found = self._nodes[id(yaml_node)] = _Node(self, yaml_node)
        return found

    def forget(self) -> None:
        """Keep no node, so that their memory is freed without a search for cycles."""
        self._nodes.clear()

    @cached_property
    def lines(self) -> list[str]:
        return _LINE_END.split(self._text)

    def span_of(self, node: _YamlNode) -> Span:
        """Return where a node is."""
        start = node.start_mark
        line, column = self.end_of(node)
        return Span(start.line + 1, start.column + 1, line + 1, column + 1)

    def end_of(self, node: _YamlNode) -> _Place:
        """Return the place behind the last character of a node, 0-based.

        PyYAML's end of a block is where the next token begins, after blank lines and comments.
        """
        while node.id != "scalar" and node.value and not node.flow_style:
            last = node.value[-1] if node.id == "sequence" else node.value[-1][1]
            if last.start_mark.index < node.start_mark.index:  # an alias is a node of an earlier place
                break
            node = last
        end = node.end_mark.line, node.end_mark.column
        style = node.style if node.id == "scalar" else None
        if style not in ("|", ">") and (node.id == "scalar" or node.flow_style):
            return end
        line = end[0] - 1 if end[1] == 0 or not self._line(end[0])[: end[1]].strip() else end[0]
        while line > node.start_mark.line and self._is_empty(line, may_be_comment=style is None):
            line -= 1
        return line, len(self._line(line).rstrip())

    def _line(self, number: int) -> str:
        return self.lines[number] if number < len(self.lines) else ""

    def _is_empty(self, number: int, *, may_be_comment: bool) -> bool:
        line = self._line(number).strip()
        return not line or (may_be_comment and line.startswith("#"))


class _Node(Node):
    """A node of PyYAML."""

    __slots__ = ("_content", "_has_tag", "_is_being_read", "_stream", "_yaml")

    def __init__(self, stream: _Stream, yaml_node: _YamlNode, *, has_tag: bool = True) -> None:
        self._stream, self._yaml, self._has_tag = stream, yaml_node, has_tag
        self._is_being_read = False

    @property
    def tag(self) -> str:
        return _own_tag(self._yaml.tag) if self._has_tag else ""

    def without_tag(self) -> Node:
        return _Node(self._stream, self._yaml, has_tag=False)

    @property
    def content(self) -> Content:
        if not hasattr(self, "_content"):
            if self._is_being_read:
                raise self._error("a mapping that merges itself")
            self._is_being_read = True
            self._content = self._read()
        return self._content

    def _read(self) -> Content:
        match self._yaml.id:
            case "mapping":
                return tuple(self._members())
            case "sequence":
                return [self._stream.node(each) for each in self._yaml.value]
            case _:
                return _scalar(self._yaml.tag, self._yaml.value)

    @property
    def text(self) -> str | None:
        return self._yaml.value if self._yaml.id == "scalar" and self.content is not None else None

    @property
    def span(self) -> Span:
        return self._stream.span_of(self._yaml)

    @property
    def json_in_lines(self) -> JsonText | None:
        if self._yaml.id != "scalar" or self._yaml.style != "|":
            return None
        text, first, lines = self._yaml.value, self._yaml.start_mark.line + 1, self._stream.lines
        written = text.rstrip("\n").split("\n")
        pairs = list(zip(written, lines[first : first + len(written)], strict=False))
        indents = {len(line) - len(own) for own, line in pairs if own}
        if len(indents) != 1 or not all(line.endswith(own) for own, line in pairs):
            return None
        return JsonText(text, file=self._stream.file, line=first + 1, indent=indents.pop())

    def _members(self) -> list[Member]:
        own: list[Member] = []
        merged: list[Member] = []
        for key, value in self._yaml.value:
            if key.value == "<<" and key.tag == _PLAIN:
                merged += self._merged(self._stream.node(value))
            elif key.id != "scalar":
                raise self._error("a key that is not a string")
            else:
                own.append(Member(key.value, self._stream.node(value), partial(self._stream.span_of, key)))
        if not merged:
            return own
        # An own key has precedence, and so has the earlier of two merged mappings: https://yaml.org/type/merge.html
        keys = {each.key for each in own}
        inherited = {each.key: each for each in merged if each.key not in keys}
        return [*own, *inherited.values()]

    def _merged(self, value: "_Node") -> list[Member]:
        content = value.content
        if isinstance(content, tuple):
            return list(content)
        mappings = [each.content for each in content] if isinstance(content, list) else [None]
        found: dict[str, Member] = {}
        for mapping in mappings:
            if not isinstance(mapping, tuple):
                raise self._error("<< merges neither a mapping nor a list of mappings")
            for each in mapping:
                found.setdefault(each.key, each)
        return list(found.values())

    def _error(self, message: str) -> NotReadError:
        return NotReadError(
            self._stream.file, self._yaml.start_mark.line + 1, f"not a YAML that is accepted: {message}"
        )


def _own_tag(tag: str) -> str:
    if tag in ("", _PLAIN, "!"):
        return ""
    if tag.startswith(_STANDARD):
        name = tag.removeprefix(_STANDARD)
        return f"!!{name}" if name in _NO_TEXT_NOR_LIST else ""
    return tag


def _scalar(tag: str, text: str) -> Scalar:
    """Return a scalar in its type; a number that JSON would not write so, such as 0011, stays a text."""
    kind = tag.removeprefix(_STANDARD)
    is_plain = kind == _PLAIN
    if kind == "null" or (is_plain and text in _NULL):
        return None
    if kind == "bool" or (is_plain and (text in _TRUE or text in _FALSE)):
        return text in _TRUE
    return int(text) if (is_plain or kind == "int") and _INTEGER.fullmatch(text) else text
