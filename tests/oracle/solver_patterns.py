"""Values of conditions as patterns: characters, wildcards and policy variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
import string
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.oracle.solver_values import Piece


_LOWER_CASE = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(text: str) -> str:
    """The text with ASCII letters in lower case: letter case is ignored for these only, U+212A is no k."""
    return text.translate(_LOWER_CASE)


class Wildcard(Enum):
    """The two wildcards."""

    ONE_CHARACTER = "?"
    ANY_TEXT = "*"


@dataclass(frozen=True, slots=True)
class PolicyVariable:
    """A policy variable with its default value, if it has one."""

    key: str
    default: str | None


Characters: TypeAlias = frozenset[str]
Token: TypeAlias = "Characters | Wildcard | PolicyVariable | Piece"  # noqa: S105 - a token of a pattern
Pattern: TypeAlias = "tuple[Token, ...]"

_VARIABLE = re.compile(r"\$\{([^},']*,\s*'[^']*'\s*|[^}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]*?)\s*,\s*'(.*)'\s*", re.DOTALL)


def read_pattern(written: str, *, wildcards: bool, variables: bool, ignore_case: bool = False) -> Pattern:
    """The pattern of a value; `${*}`, `${?}` and `${$}` are those characters, other `${…}` are variables."""
    out: list[Token] = []
    place = 0
    for found in _VARIABLE.finditer(written) if variables else ():
        out += _plain(written[place : found.start()], wildcards, ignore_case)
        place = found.end()
        if found[1] in ("*", "?", "$"):
            out.append(frozenset(found[1]))
        else:
            out.append(_reference(found[1]))
    out += _plain(written[place:], wildcards, ignore_case)
    return without_repeated_stars(tuple(out))


def _reference(inside: str) -> PolicyVariable:
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return PolicyVariable(folded(with_default[1]), with_default[2])
    return PolicyVariable(folded(inside.strip()), None)


def _plain(written: str, wildcards: bool, ignore_case: bool) -> list[Token]:
    return [Wildcard(char) if wildcards and char in "*?" else characters(char, ignore_case) for char in written]


def characters(char: str, ignore_case: bool) -> Characters:
    """The characters that are equal to this one."""
    return frozenset((char, char.swapcase())) if ignore_case and char in string.ascii_letters else frozenset(char)


def without_repeated_stars(pattern: Pattern) -> Pattern:
    """The pattern with `*` for each `**`, which means the same."""
    return tuple(
        token
        for place, token in enumerate(pattern)
        if token is not Wildcard.ANY_TEXT or pattern[place - 1 : place] != (Wildcard.ANY_TEXT,)
    )


def literal(text: str, ignore_case: bool = False) -> Pattern:
    """A text as a pattern without wildcards."""
    return tuple(characters(char, ignore_case) for char in text)


def exact_text(pattern: Pattern) -> str | None:
    """The only text that the pattern matches; None if it matches several."""
    out = ""
    for token in pattern:
        if not isinstance(token, frozenset) or len(token) != 1:
            return None
        out += next(iter(token))
    return out


def accepts(pattern: Pattern, text: str) -> bool:
    """Whether a pattern of characters and wildcards matches a text."""
    reached = skip_stars(pattern, {0})
    for char in text:
        reached = step_pattern(pattern, reached, char)
    return len(pattern) in reached


def step_pattern(pattern: Pattern, states: frozenset[int], char: str) -> frozenset[int]:
    """The places in the pattern that one more character leads to."""
    inside = [state for state in states if state < len(pattern)]
    after = {state for state in inside if pattern[state] is Wildcard.ANY_TEXT}
    return skip_stars(pattern, after | {state + 1 for state in inside if takes(pattern[state], char)})


def skip_stars(pattern: Pattern, states: set[int]) -> frozenset[int]:
    """The places, and those after each `*`, which may stand for nothing."""
    out = set(states)
    for start in states:
        state = start
        while state < len(pattern) and pattern[state] is Wildcard.ANY_TEXT:
            state += 1
            out.add(state)
    return frozenset(out)


def takes(token: Token, char: str) -> bool:
    """Whether the token matches one character, this one."""
    return token is Wildcard.ONE_CHARACTER or (isinstance(token, frozenset) and char in token)


def split_fields(pattern: Pattern, most: int) -> list[Pattern]:
    """The pattern split at its literal colons into at most this many fields; the last has the rest."""
    fields: list[list[Token]] = [[]]
    for token in pattern:
        if token == frozenset(":") and len(fields) < most:
            fields.append([])
        else:
            fields[-1].append(token)
    return [tuple(field) for field in fields]
