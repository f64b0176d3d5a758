"""Texts of a policy as glyphs: literal characters, wildcards and policy variables."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Glyph = tuple[bool, str]
"""A character: (True, c) is c itself, (False, "*") and (False, "?") are wildcards."""

Pattern = tuple[Glyph, ...]
Context = Mapping[str, tuple[str, ...]]
Doubt = Literal["doubt"]

DOUBT: Final[Doubt] = "doubt"
ARN_FIELDS: Final = 6

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE_BODY = re.compile(r"\s*([^,'\s][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")
_ESCAPES: Final = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: the key it reads and the text it takes when the key is absent."""

    key: str
    default: str | None


Template = tuple[Glyph | Variable, ...]


def literal(text: str) -> Pattern:
    """Every character of a literal text stands for itself."""
    return tuple((True, char) for char in text)


def _plain(text: str, *, wildcards: bool) -> Pattern:
    """Stars and question marks are wildcards only where the operator knows wildcards."""
    return tuple((not (wildcards and char in "*?"), char) for char in text)


def parse_template(text: str, *, wildcards: bool, variables: bool) -> Template:
    """Variables exist only in documents of version 2012-10-17; elsewhere they are literal text."""
    if not variables:
        return _plain(text, wildcards=wildcards)
    parts: list[Glyph | Variable] = []
    position = 0
    for found in _VARIABLE.finditer(text):
        parts += _plain(text[position : found.start()], wildcards=wildcards)
        parts.append(_variable(found.group(1)))
        position = found.end()
    parts += _plain(text[position:], wildcards=wildcards)
    return tuple(parts)


def _variable(body: str) -> Glyph | Variable:
    """`*`, `?` and `$` in a variable are escapes; an unreadable variable names no known key."""
    if body in _ESCAPES:
        return (True, body)
    match = _VARIABLE_BODY.fullmatch(body)
    if match is None:
        return Variable(key="", default=None)
    return Variable(key=match.group(1).lower(), default=match.group(2))


def variables_of(template: Template) -> tuple[Variable, ...]:
    """The variables of a template, in order."""
    return tuple(part for part in template if isinstance(part, Variable))


def resolve(template: Template, context: Context, doubtful: Callable[[str], bool]) -> Pattern | Doubt | None:
    """A variable reads the request: doubtful key → doubt, absent without default → no text."""
    glyphs: list[Glyph] = []
    for part in template:
        if not isinstance(part, Variable):
            glyphs.append(part)
            continue
        if doubtful(part.key):
            return DOUBT
        values = context.get(part.key)
        text = values[0] if values else part.default
        if text is None:
            return None
        glyphs += literal(text)
    return tuple(glyphs)


def partly_resolve(template: Template, context: Context, fixed: Callable[[str], bool]) -> Template:
    """Replace the variables whose key is the same for every request (absent: their default)."""
    parts: list[Glyph | Variable] = []
    for part in template:
        if isinstance(part, Variable) and fixed(part.key):
            values = context.get(part.key)
            text = values[0] if values else part.default
            if text is not None:
                parts += literal(text)
                continue
        parts.append(part)
    return tuple(parts)


def text_of(pattern: Pattern) -> str:
    """The characters of a pattern, wildcards written as they stand."""
    return "".join(char for _, char in pattern)


def has_wildcard(template: Template) -> bool:
    """Whether a star or a question mark of the template is a wildcard."""
    return any(not isinstance(part, Variable) and not part[0] for part in template)


@lru_cache(maxsize=20000)
def _compiled(pattern: Pattern, ignore_case: bool) -> re.Pattern[str]:
    """A star is any run of characters, a question mark any single one."""
    pieces = [re.escape(char) if is_literal else (".*" if char == "*" else ".") for is_literal, char in pattern]
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile("".join(pieces), flags)


def glob_matches(pattern: Pattern, text: str, *, ignore_case: bool = False) -> bool:
    """The whole text must match; a wildcard crosses every character."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def arn_fields(pattern: Pattern) -> list[Pattern]:
    """Colons split an ARN into at most six fields; the last one takes the rest."""
    fields: list[list[Glyph]] = [[]]
    for glyph in pattern:
        if glyph == (True, ":") and len(fields) < ARN_FIELDS:
            fields.append([])
        else:
            fields[-1].append(glyph)
    return [tuple(field) for field in fields]


def arn_matches(pattern: Pattern, text: str) -> bool | Doubt:
    """Field by field; a short pattern whose fields all match leaves the rest in doubt."""
    parts = text.split(":", ARN_FIELDS - 1)
    fields = arn_fields(pattern)
    if len(parts) != ARN_FIELDS:
        return False
    if not all(glob_matches(field, part) for field, part in zip(fields, parts, strict=False)):
        return False
    return True if len(fields) == ARN_FIELDS else DOUBT
