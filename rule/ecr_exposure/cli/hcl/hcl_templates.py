"""What is inside a quoted string or a heredoc of HCL: text, interpolations `${ }` and directives `%{ }`.

https://developer.hashicorp.com/terraform/language/expressions/strings
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from ecr_exposure.cli.hcl.hcl_expressions import TextToken, Unparsed, read_expression, read_tokens
from ecr_exposure.cli.hcl.hcl_tokens import HclError, Token, TokenKind, end_of_sequence, tokens_of

_IN_QUOTES: Final = re.compile(r"\\u[0-9a-fA-F]{4}|\\U000[0-9a-fA-F]{5}|\\.|\$\$\{|%%\{|[$%]\{", re.DOTALL)
_IN_HEREDOC: Final = re.compile(r"\$\$\{|%%\{|[$%]\{|\n")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BLANKS: Final = re.compile(r"[ \t]*")
_FILLED_LINE: Final = re.compile(r"^[ \t]*(?=[^ \t\r\n])", re.MULTILINE)


class Piece(NamedTuple):
    """A text, and where it is written: from start to end."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IfDirective(Unparsed):
    """One of two templates."""

    condition: Unparsed
    yes: tuple["Piece | Unparsed", ...]
    no: tuple["Piece | Unparsed", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForDirective(Unparsed):
    """A template for each element of a list or object."""

    names: tuple[str, ...]
    collection: Unparsed
    content: tuple["Piece | Unparsed", ...]


class _Directive(NamedTuple):
    start: int
    end: int
    tokens: tuple[Token, ...]

    @property
    def word(self) -> str:
        return self.tokens[0].text if self.tokens else ""


Part = Piece | Unparsed


def parts_of_template(text: str, token: TextToken) -> tuple[Part, ...]:
    """Return the parts of a string or heredoc of a text. Raises HclError for directives that do not fit together."""
    if token.is_heredoc:
        start = text.index("\n", token.start) + 1
        end = max(text.rindex("\n", token.start, token.end) + 1, start)
        found = _heredoc_parts(text, start, end, is_indented=text.startswith("<<-", token.start))
    else:
        found = _quoted_parts(text, token.start + 1, token.end - 1)
    return _joined_directives(found)


def decoded_json(text: str, token: TextToken) -> str | None:
    """Return the text of a string of JSON that has templates in it; None for one without."""
    written = text[token.start : token.end]
    with suppress(json.JSONDecodeError):
        return str(json.loads(written)) if token.is_json and ("${" in written or "%{" in written) else None
    raise HclError(token.start, "not a string of JSON")


def parts_of_decoded(text: str) -> tuple[Part, ...]:
    """Return the parts of a text without escapes. Raises HclError."""
    return _joined_directives(_heredoc_parts(text, 0, len(text), is_indented=False))


def _quoted_parts(text: str, start: int, end: int) -> Iterator[Part | _Directive]:
    at = start
    while found := _IN_QUOTES.search(text, at, end):
        if found.start() > at:
            yield Piece(text[at : found.start()], at, found.start())
        at = found.end()
        if found[0] in ("${", "%{"):
            at = end_of_sequence(text, at, end)
            yield _sequence(text, found.start(), at)
        else:
            yield Piece(_unescaped(found[0]), found.start(), at)
    if at < end:
        yield Piece(text[at:end], at, end)


def _unescaped(escape: str) -> str:
    if escape[0] != "\\":
        return escape[1:]
    if escape[1] in "uU" and len(escape) > 2:  # noqa: PLR2004 - more than the letter
        code = int(f"0x{escape[2:]}", 0)
        return chr(code) if code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004 - the last code point
    return _ESCAPES.get(escape[1], escape[1])


def _heredoc_parts(text: str, start: int, end: int, *, is_indented: bool) -> Iterator[Part | _Directive]:
    lengths = [len(found[0]) for found in _FILLED_LINE.finditer(text, start, end)] if is_indented else []
    indent = min(lengths, default=0)
    at = _indented(text, start, end, indent)
    while found := _IN_HEREDOC.search(text, at, end):
        if found[0] == "\n":
            yield Piece(text[at : found.end()], at, found.end())
            at = _indented(text, found.end(), end, indent)
            continue
        if found.start() > at:
            yield Piece(text[at : found.start()], at, found.start())
        at = found.end()
        if found[0] in ("${", "%{"):
            at = end_of_sequence(text, at, end)
            yield _sequence(text, found.start(), at)
        else:
            yield Piece(found[0][1:], found.start() + 1, at)
    if at < end:
        yield Piece(text[at:end], at, end)


def _indented(text: str, start: int, end: int, indent: int) -> int:
    """Return the place behind the indentation that `<<-` removes."""
    found = _BLANKS.match(text, start, min(start + indent, end))
    return found.end() if found else start


def _sequence(text: str, start: int, end: int) -> Unparsed | _Directive:
    """Return an interpolation or directive; `~` at its ends removes blanks, which mean nothing in JSON."""
    first, last = start + 2, end - 1
    first += text.startswith("~", first)
    last -= text[first:last].endswith("~")
    if text[start] == "$":
        return read_expression(text, first, last)
    return _Directive(start, end, tuple(token for token in tokens_of(text, first, last) if token.text.strip()))


def _joined_directives(parts: Iterator[Part | _Directive]) -> tuple[Part, ...]:
    reader = _Directives(parts)
    found, last = reader.until()
    if last is not None:
        raise HclError(last.start, f"the directive {last.word!r} has no beginning")
    return found


class _Directives:
    """Joins `if`, `else`, `endif`, and `for`, `endfor`."""

    def __init__(self, parts: Iterator[Part | _Directive]) -> None:
        self._parts = parts

    def until(self, *words: str) -> tuple[tuple[Part, ...], _Directive | None]:
        """Return the parts before a directive of these words, and the directive; None at the end."""
        found: list[Part] = []
        for part in self._parts:
            if not isinstance(part, _Directive):
                found.append(part)
            elif part.word in words:
                return tuple(found), part
            elif part.word == "if":
                found.append(self._if(part))
            elif part.word == "for":
                found.append(self._for(part))
            else:
                return tuple(found), part
        if words:
            raise HclError(0, f"the directive {words[-1]!r} is missing")
        return tuple(found), None

    def _if(self, directive: _Directive) -> IfDirective:
        yes, last = self.until("else", "endif")
        no: tuple[Part, ...] = ()
        if last and last.word == "else":
            no, last = self.until("endif")
        end = _closed(directive, last, "endif")
        return IfDirective(start=directive.start, end=end, condition=_expression(directive.tokens[1:]), yes=yes, no=no)

    def _for(self, directive: _Directive) -> ForDirective:
        content, last = self.until("endfor")
        words = [token.text for token in directive.tokens]
        if "in" not in words:
            raise HclError(directive.start, "the directive for has no in")
        at = words.index("in")
        return ForDirective(
            start=directive.start,
            end=_closed(directive, last, "endfor"),
            names=tuple(word for word in words[1:at] if word != ","),
            collection=_expression(directive.tokens[at + 1 :]),
            content=content,
        )


def _closed(directive: _Directive, last: _Directive | None, word: str) -> int:
    if last is None or last.word != word:
        raise HclError(directive.start, f"the directive {word!r} is missing")
    return last.end


def _expression(tokens: Sequence[Token]) -> Unparsed:
    last = tokens[-1].end if tokens else 0
    return read_tokens([*tokens, Token(TokenKind.END, "", last, last)])
