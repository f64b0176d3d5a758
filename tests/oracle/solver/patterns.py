"""Value patterns as tokens: characters, the two wildcards, and policy variables."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.oracle.solver.pieces import Piece


class Wild(Enum):
    """`?` stands for one character, `*` for any text."""

    ONE = "?"
    RUN = "*"


@dataclass(frozen=True, slots=True)
class Reference:
    """A policy variable with its default, if it has one."""

    key: str
    default: str | None


Characters: TypeAlias = frozenset[str]
Token: TypeAlias = "Characters | Wild | Reference | Piece"  # noqa: S105 - a token of a pattern
Pattern: TypeAlias = "tuple[Token, ...]"

_VARIABLE = re.compile(r"\$\{([^},']*,\s*'[^']*'\s*|[^}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]*?)\s*,\s*'(.*)'\s*", re.DOTALL)


def read_pattern(written: str, *, wildcards: bool, variables: bool, fold_case: bool = False) -> Pattern:
    """A value as tokens; `${*}`, `${?}` and `${$}` are those characters, other `${…}` are variables."""
    out: list[Token] = []
    place = 0
    for found in _VARIABLE.finditer(written) if variables else ():
        out += _plain(written[place : found.start()], wildcards, fold_case)
        place = found.end()
        if found[1] in ("*", "?", "$"):
            out.append(frozenset(found[1]))
        else:
            out.append(_reference(found[1]))
    out += _plain(written[place:], wildcards, fold_case)
    return without_double_runs(tuple(out))


def _reference(inside: str) -> Reference:
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Reference(with_default[1].lower(), with_default[2])
    return Reference(inside.strip().lower(), None)


def _plain(written: str, wildcards: bool, fold_case: bool) -> list[Token]:
    return [Wild(char) if wildcards and char in "*?" else characters(char, fold_case) for char in written]


def characters(char: str, fold_case: bool) -> Characters:
    """The characters that count as this one."""
    if not fold_case:
        return frozenset(char)
    return frozenset(same for same in (char, char.lower(), char.upper()) if len(same) == 1)


def without_double_runs(pattern: Pattern) -> Pattern:
    """`**` means what `*` means."""
    return tuple(
        token
        for place, token in enumerate(pattern)
        if token is not Wild.RUN or pattern[place - 1 : place] != (Wild.RUN,)
    )


def literal(text: str, fold_case: bool = False) -> Pattern:
    """A text as a pattern without wildcards."""
    return tuple(characters(char, fold_case) for char in text)


def exact_text(pattern: Pattern) -> str | None:
    """The only text a pattern without wildcards and variables matches; None when there are several."""
    out = ""
    for token in pattern:
        if not isinstance(token, frozenset) or len(token) != 1:
            return None
        out += next(iter(token))
    return out


def accepts(pattern: Pattern, text: str) -> bool:
    """Whether a pattern of characters and wildcards matches a text."""
    reached = skip_runs(pattern, {0})
    for char in text:
        reached = step_pattern(pattern, reached, char)
    return len(pattern) in reached


def step_pattern(pattern: Pattern, states: frozenset[int], char: str) -> frozenset[int]:
    """The places in a pattern that one more character leads to."""
    inside = [state for state in states if state < len(pattern)]
    after = {state for state in inside if pattern[state] is Wild.RUN}
    return skip_runs(pattern, after | {state + 1 for state in inside if takes(pattern[state], char)})


def skip_runs(pattern: Pattern, states: set[int]) -> frozenset[int]:
    """The places, and those behind runs that may be empty."""
    out = set(states)
    for start in states:
        state = start
        while state < len(pattern) and pattern[state] is Wild.RUN:
            state += 1
            out.add(state)
    return frozenset(out)


def takes(token: Token, char: str) -> bool:
    """Whether a single-character token matches this character."""
    return token is Wild.ONE or (isinstance(token, frozenset) and char in token)


def split_fields(pattern: Pattern, most: int) -> list[Pattern]:
    """The pattern cut at its literal colons into at most this many fields; the last takes the rest."""
    fields: list[list[Token]] = [[]]
    for token in pattern:
        if token == frozenset(":") and len(fields) < most:
            fields.append([])
        else:
            fields[-1].append(token)
    return [tuple(field) for field in fields]
