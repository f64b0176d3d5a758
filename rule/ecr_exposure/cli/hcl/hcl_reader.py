"""The blocks and attributes of an HCL file, in native or JSON syntax, with exact places.

The extent of an attribute follows from its tokens alone, so that an expression that is not known loses no block.
https://developer.hashicorp.com/terraform/language/syntax/configuration
https://developer.hashicorp.com/terraform/language/syntax/json
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.hcl.hcl_expressions import ObjectOf, TextToken, TupleOf, Unparsed, read_expression
from ecr_exposure.cli.hcl.hcl_tokens import (
    CLOSING,
    OPENING,
    HclError,
    Source,
    Token,
    TokenKind,
    tokens_of,
)

_MOST_NESTED: Final = 50
_ENDS: Final = (TokenKind.LINE_END, TokenKind.END)
# What has headers of its own inside, or one; independent of the tokens, to find what they lose.
_HEADERS: Final = re.compile(
    r'^[ \t\ufeff]*(?P<header>resource)[ \t]+"?[\w-]+"?[ \t]+"?[\w-]+"?[ \t]*\{'
    r'|/\*.*?\*/|(?:\#|//)[^\n]*|"(?:\\.|[^"\\\n])*"'
    r"|<<-?[ \t]*(?P<marker>[^\W\d][\w-]*)[ \t\r]*\n(?:.*?\n)??[ \t]*(?P=marker)[ \t\r]*(?=\n|\Z)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """A name and an expression. start: of the name. value_start, end: the extent of the expression."""

    source: Source
    name: str
    start: int
    value_start: int
    end: int

    @cached_property
    def expression(self) -> Unparsed:
        """The expression, read when it is asked for."""
        is_json = self.source.file.endswith(".json")
        return read_expression(self.source.text, self.value_start, self.end, is_json=is_json)

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return self.source.text[self.value_start : self.end]

    @property
    def span(self) -> Span:
        """Where name and value are."""
        return self.source.span(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block with its labels. start, end: the extent, from its type to the closing brace."""

    source: Source
    kind: str
    labels: tuple[str, ...]
    start: int
    end: int = 0
    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: tuple["Block", ...] = ()

    @property
    def span(self) -> Span:
        """Where the block is."""
        return self.source.span(self.start, self.end)

    @property
    def header(self) -> Span:
        """Where the first line of the block is."""
        end = self.source.text.find("\n", self.start, self.end)
        return self.source.span(self.start, self.end if end < 0 else end)

    def overridden(self, other: "Block") -> "Block":
        """Return the block with the attributes and nested blocks of an override in place of its own."""
        kinds = {block.made_kind for block in other.blocks}
        kept = tuple(block for block in self.blocks if block.made_kind not in kinds | other.attributes.keys())
        own = {name: each for name, each in self.attributes.items() if name not in kinds}
        return replace(self, attributes={**own, **other.attributes}, blocks=(*kept, *other.blocks))

    @property
    def made_kind(self) -> str:
        """The kind of the block, and for `dynamic` that of the blocks that it makes."""
        return self.labels[0] if self.kind == "dynamic" and self.labels else self.kind

    def blocks_of(self, kind: str) -> tuple["Block", ...]:
        """Return the nested blocks of a kind; in JSON syntax, the objects of an attribute."""
        written = self.attributes.get(kind)
        if written is None:
            return tuple(block for block in self.blocks if block.kind == kind)
        expression = written.expression
        items = expression.items if isinstance(expression, TupleOf) else (expression,)
        return tuple(
            _block_of_object(written.source, (kind,), written.start, item)
            for item in items
            if isinstance(item, ObjectOf)
        )

    def dynamic_blocks(self, kind: str) -> Iterator["Block"]:
        """Yield the `dynamic` blocks of a kind; in JSON syntax, members of an attribute."""
        yield from (block for block in self.blocks if (block.kind, block.labels) == ("dynamic", (kind,)))
        written = self.attributes.get("dynamic")
        for name, key, value in _members(written.source, written.expression) if written else ():
            if written and name == kind:
                yield from _labelled(written.source, ("dynamic", name), key, value, 0)


def read_hcl(file: str, content: str) -> tuple[Block, ...]:
    """Return the blocks of a file; those of `.tf.json` and `.tofu.json` as if they were in native syntax.

    Raises NotReadError for a text that is not HCL, and if a resource would be lost.
    """
    source = Source(file, content)
    try:
        if file.endswith(".json"):
            return tuple(_blocks_of_json(source))
        blocks = _Reader(source).blocks()
    except HclError as error:
        raise NotReadError(file, source.line(error.offset), _no_hcl(file, error)) from None
    headers = sum(found["header"] is not None for found in _HEADERS.finditer(content))
    read = sum(block.kind == "resource" for block in blocks)
    if headers != read:
        message = f"{headers} resource headers, but {read} resource blocks were read: check the plan instead"
        raise NotReadError(file, None, message)
    return blocks


def read_assignments(file: str, content: str) -> dict[str, Attribute]:
    """Return the attributes of a file of variables, `.tfvars` or `.tfvars.json`. Raises NotReadError."""
    source = Source(file, content)
    try:
        if file.endswith(".json"):
            return dict(_block_of_object(source, ("",), 0, _json_object(source)).attributes)
        return _Reader(source).attributes()
    except HclError as error:
        raise NotReadError(file, source.line(error.offset), _no_hcl(file, error)) from None


def _no_hcl(file: str, error: HclError) -> str:
    return str(error) if file.endswith(".json") else f"not HCL: {error}"


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = [token for token in tokens_of(source.text) if token.kind is not TokenKind.COMMENT]
        self._at = 0

    def blocks(self) -> tuple[Block, ...]:
        return self._body(TokenKind.END, 0)[1]

    def attributes(self) -> dict[str, Attribute]:
        return self._body(TokenKind.END, 0)[0]

    def _body(self, last: TokenKind, depth: int) -> tuple[dict[str, Attribute], tuple[Block, ...]]:
        """Return what is before the end of the file (END) or the closing brace (MARK)."""
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        while True:
            token = self._tokens[self._at]
            self._at += token.kind is not TokenKind.END
            if token.kind is TokenKind.LINE_END:
                continue
            if token.kind is last and token.text in ("", "}"):
                return attributes, tuple(blocks)
            if token.kind is not TokenKind.NAME and not (token.kind is TokenKind.STRING and self._is_mark("=")):
                raise HclError(token.start, f"{token.text[:20] or 'the end of the file'!r} is not a block or attribute")
            if self._is_mark("="):
                name = token.text.strip('"')
                attributes[name] = self._attribute(name, token)
            else:
                blocks.append(self._block(token, depth + 1))

    def _is_mark(self, text: str) -> bool:
        token = self._tokens[self._at]
        return token.kind is TokenKind.MARK and token.text == text

    def _attribute(self, name: str, token: Token) -> Attribute:
        self._at += 1
        start, end, opened = self._tokens[self._at].start, self._tokens[self._at].start, 0
        while True:
            found = self._tokens[self._at]
            is_closing = found.kind is TokenKind.MARK and found.text in CLOSING
            if found.kind is TokenKind.END and opened:
                raise HclError(start, "a bracket is not closed")
            if not opened and (found.kind in _ENDS or is_closing):
                return Attribute(source=self._source, name=name, start=token.start, value_start=start, end=end)
            opened += (found.kind is TokenKind.MARK and found.text in OPENING) - is_closing
            end = found.end
            self._at += 1

    def _block(self, token: Token, depth: int) -> Block:
        if depth > _MOST_NESTED:
            raise HclError(token.start, f"blocks are nested deeper than {_MOST_NESTED} levels")
        labels: list[str] = []
        while (label := self._tokens[self._at]).kind in (TokenKind.NAME, TokenKind.STRING):
            labels.append(label.text.strip('"'))
            self._at += 1
        if not self._is_mark("{"):
            raise HclError(token.start, f"{token.text!r} is followed by neither = nor a block")
        self._at += 1
        attributes, blocks = self._body(TokenKind.MARK, depth)
        return Block(
            source=self._source,
            kind=token.text,
            labels=tuple(labels),
            start=token.start,
            end=self._tokens[self._at - 1].end,
            attributes=attributes,
            blocks=blocks,
        )


def _json_object(source: Source) -> ObjectOf:
    """Return the whole of a file in JSON syntax: JSON is an object of HCL, whose strings are templates."""
    found = read_expression(source.text, 0, len(source.text), is_json=True)
    if isinstance(found, ObjectOf):
        return found
    try:
        json.loads(source.text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise HclError(error.pos, f"not JSON: {error.msg}") from None
    except RecursionError:
        pass
    raise HclError(0, "not a JSON object of 50 levels at most")


def _members(source: Source, value: Unparsed) -> Iterator[tuple[str, Unparsed, Unparsed]]:
    """Yield name, key and value of the members of an object, or of each object of a list."""
    for each in value.items if isinstance(value, TupleOf) else (value,):
        for key, member in each.items if isinstance(each, ObjectOf) else ():
            if isinstance(key, TextToken):
                yield source.text[key.start + 1 : key.end - 1], key, member


# How many labels the blocks of a kind have.
_LABELS: Final = {"resource": 2, "data": 2, "variable": 1, "module": 1, "locals": 0, "output": 1}


def _blocks_of_json(source: Source) -> Iterator[Block]:
    for kind, key, value in _members(source, _json_object(source)):
        yield from _labelled(source, (kind,), key, value, _LABELS.get(kind, 0))


def _labelled(source: Source, labels: Sequence[str], key: Unparsed, value: Unparsed, more: int) -> Iterator[Block]:
    if more:
        for label, inner_key, inner in _members(source, value):
            yield from _labelled(source, (*labels, label), inner_key, inner, more - 1)
        return
    for each in value.items if isinstance(value, TupleOf) else (value,):
        if isinstance(each, ObjectOf):
            yield _block_of_object(source, labels, key.start, each)


def _block_of_object(source: Source, labels: Sequence[str], start: int, value: ObjectOf) -> Block:
    attributes: dict[str, Attribute] = {}
    for name, key, member in _members(source, value):
        attributes[name] = Attribute(
            source=source, name=name, start=key.start, value_start=member.start, end=member.end
        )
    return Block(
        source=source, kind=labels[0], labels=tuple(labels[1:]), start=start, end=value.end, attributes=attributes
    )
