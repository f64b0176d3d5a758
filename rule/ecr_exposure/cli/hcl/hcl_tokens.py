"""The tokens of HCL, with their exact places in the text.

A string or a heredoc is one token, whatever it has inside. Heredocs, templates and comments:
https://developer.hashicorp.com/terraform/language/expressions/strings
https://developer.hashicorp.com/terraform/language/syntax/configuration
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.found_policy import Span

_MOST_NESTED: Final = 60
_BLANKS: Final = re.compile(r"[ \t\r\ufeff\xa0]+")
_LINE_COMMENT: Final = re.compile(r"(?:#|//)[^\n]*")
_HEREDOC: Final = re.compile(r"<<-?[ \t]*([^\W\d][\w-]*)[ \t\r]*(?=\n)")
_NAME: Final = re.compile(r"[^\W\d][\w-]*")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MARK: Final = re.compile(r"\.\.\.|=>|==|!=|<=|>=|&&|\|\||::|.", re.DOTALL)
_IN_STRING: Final = re.compile(r'\\.|\$\$\{|%%\{|[$%]\{|"|\n', re.DOTALL)
_JSON_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
OPENING: Final = frozenset("([{")
CLOSING: Final = frozenset(")]}")


class HclError(Exception):
    """A text is not HCL; offset: the place."""

    def __init__(self, offset: int, message: str) -> None:
        """Store the place."""
        super().__init__(message)
        self.offset = offset


class TokenKind(Enum):
    """The kinds of tokens."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    HEREDOC = "heredoc"
    MARK = "mark"
    LINE_END = "end of line"
    COMMENT = "comment"
    END = "end of file"


class Token(NamedTuple):
    """A part of a text, from start to end: offsets in characters."""

    kind: TokenKind
    text: str
    start: int
    end: int


class Source:
    """The text of a file, and the places of its characters."""

    def __init__(self, file: str, text: str, *, is_decoded: bool = False) -> None:
        """Note where the lines begin. is_decoded: the text is a string of JSON, and its places are none of the file."""
        self.file, self.text, self.is_decoded = file, text, is_decoded
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def line(self, offset: int) -> int:
        """Return the 1-based line of a character."""
        return bisect_right(self._lines, offset)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and a column."""
        return self._lines[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        """Return the lines and columns of a part of the text."""
        first, last = self.line(start), self.line(end)
        return Span(first, start - self._lines[first - 1] + 1, last, end - self._lines[last - 1] + 1)


def tokens_of(text: str, start: int = 0, end: int | None = None, *, is_json: bool = False) -> Iterator[Token]:
    """Yield the tokens of a part of a text, comments too, and END at last. Raises HclError.

    is_json: a string is one of JSON, whose escapes come before its templates.
    """
    at, last = start, len(text) if end is None else end
    while at < last:
        blank = _BLANKS.match(text, at, last)
        if blank:
            at = blank.end()
        else:
            string = _JSON_STRING.match(text, at, last) if is_json else None
            token = Token(TokenKind.STRING, string[0], at, string.end()) if string else _token(text, at, last, 0)
            yield token
            at = token.end
    yield Token(TokenKind.END, "", last, last)


def _token(text: str, at: int, last: int, depth: int) -> Token:
    first = text[at]
    if first == '"':
        end = _end_of_string(text, at, last, depth)
        return Token(TokenKind.STRING, text[at:end], at, end)
    if first == "\n":
        return Token(TokenKind.LINE_END, first, at, at + 1)
    if text.startswith("/*", at):
        end = text.find("*/", at + 2, last)
        if end < 0:
            raise HclError(at, "the comment has no end: */ is missing")
        return Token(TokenKind.COMMENT, text[at : end + 2], at, end + 2)
    heredoc = _HEREDOC.match(text, at, last) if first == "<" else None
    if heredoc:
        end = _end_of_heredoc(text, heredoc, last, depth)
        return Token(TokenKind.HEREDOC, text[at:end], at, end)
    for kind, pattern in _PATTERNS:
        found = pattern.match(text, at, last)
        if found:
            return Token(kind, found[0], at, found.end())
    raise AssertionError  # a mark is any character


_PATTERNS: Final = (
    (TokenKind.COMMENT, _LINE_COMMENT),
    (TokenKind.NAME, _NAME),
    (TokenKind.NUMBER, _NUMBER),
    (TokenKind.MARK, _MARK),
)


def _end_of_string(text: str, start: int, last: int, depth: int) -> int:
    at = start + 1
    while found := _IN_STRING.search(text, at, last):
        at = found.end()
        if found[0] == '"':
            return at
        if found[0] == "\n":
            break
        if found[0] in ("${", "%{"):
            at = end_of_sequence(text, at, last, depth)
    raise HclError(start, 'the string has no end: " is missing on this line')


def _end_of_heredoc(text: str, header: re.Match[str], last: int, depth: int) -> int:
    """Return the place behind the end marker; blanks around it, as well as no line between, are accepted."""
    marker = re.compile(rf"\$\$\{{|%%\{{|[$%]\{{|\n[ \t]*{re.escape(header[1])}(?=[ \t\r]*(?:\n|\Z))")
    at = header.end()
    while found := marker.search(text, at, last):
        at = found.end()
        if found[0] in ("${", "%{"):
            at = end_of_sequence(text, at, last, depth)
        elif found[0].startswith("\n"):
            return at
    raise HclError(header.start(), f"the heredoc has no end: a line {header[1]} is missing")


def end_of_sequence(text: str, start: int, last: int, depth: int = 0) -> int:
    """Return the place behind the closing brace of a template sequence, whose content begins at start."""
    if depth > _MOST_NESTED:
        raise HclError(start, f"templates are nested deeper than {_MOST_NESTED} levels")
    at, opened = start, 1
    while at < last:
        token = _token(text, at, last, depth + 1)
        at = token.end
        if token.kind is TokenKind.MARK:
            opened += (token.text == "{") - (token.text == "}")
            if not opened:
                return at
    raise HclError(start, "the template sequence has no end: } is missing")
