"""The parts that the texts of a request are made of, each of which the solver may choose."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from tests.oracle.solver import logic
from tests.oracle.solver.logic import TRUE, Bool, Regex, Text
from tests.oracle.solver.patterns import Characters, Pattern, Token, Wild
from tests.oracle.solver.shapes import Alphabet, Shape


class Identity(Enum):
    """The identifying parts that a policy can name."""

    ACCOUNT = "account id"
    ORGANIZATION = "organization id"
    UNIQUE = "unique id"
    VPC = "VPC id"
    ENDPOINT = "VPC endpoint id"
    STORE = "identity store user id"


class Piece(Protocol):
    """One chosen part of a text."""

    @property
    def text(self) -> Text: ...

    def has(self, char: str) -> bool:
        """Whether the character can stand in this part."""

    def can_be(self, segment: Pattern) -> bool:
        """A cheap look at whether the part could match; true when in doubt."""

    def may_grow(self, segment: Pattern) -> bool:
        """Whether a longer segment could still match."""

    def member(self, segment: Pattern) -> Bool:
        """Whether the part matches a pattern of characters and wildcards."""


def pattern_regex(pattern: Pattern) -> Regex:
    """A pattern of characters and wildcards as a regular expression."""
    parts: list[Regex] = []
    run = ""
    for token in pattern:
        if isinstance(token, frozenset) and len(token) == 1:
            run += next(iter(token))
            continue
        if run:
            parts.append(logic.re_text(run))
            run = ""
        parts.append(_token_regex(token))
    return logic.re_sequence(*parts, *([logic.re_text(run)] if run else []))


def _token_regex(token: object) -> Regex:
    if token is Wild.RUN:
        return logic.ANY_TEXT
    if token is Wild.ONE:
        return logic.ANY_CHARACTER
    assert isinstance(token, frozenset)
    return logic.re_any_of(*(logic.re_text(char) for char in sorted(token)))


@dataclass(frozen=True, eq=False)
class TextPiece:
    """A text of one alphabet; `closing` is the character it must end with unless it is empty."""

    name: str
    letters: Alphabet
    shape: Shape
    shortest: int = 0
    longest: int | None = None
    closing: str | None = None
    identity: Identity | None = None
    forbidden: frozenset[str] = frozenset()
    tests: dict[Pattern, Bool] = field(default_factory=dict)

    @property
    def text(self) -> Text:
        """The text itself, for comparisons with other texts that the solver chooses."""
        return logic.text_var(self.name)

    def has(self, char: str) -> bool:
        return self.letters.has(char)

    def may_grow(self, segment: Pattern) -> bool:
        fixed = [token for token in segment if token is not Wild.RUN]
        if self.longest is not None and len(fixed) > self.longest:
            return False
        return all(token is Wild.ONE or self._meets(token) for token in fixed)

    def _meets(self, token: object) -> bool:
        assert isinstance(token, frozenset)
        return any(self.letters.has(char) for char in token)

    def can_be(self, segment: Pattern) -> bool:
        if Wild.RUN not in segment and len(segment) < self.shortest:
            return False
        last = segment[-1] if segment else None
        if self.closing is not None and isinstance(last, frozenset) and self.closing not in last:
            return False
        return self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        pattern = self._narrowed(segment)
        if pattern == (Wild.RUN,):
            return TRUE
        if pattern not in self.tests:
            self.tests[pattern] = logic.bool_var(f"{self.name} meets {len(self.tests)}")
        return self.tests[pattern]

    def _narrowed(self, segment: Pattern) -> Pattern:
        """The same pattern for this part: only its characters count, and a fixed length leaves a run no choice."""
        narrow = tuple(self._possible(token) if isinstance(token, frozenset) else token for token in segment)
        runs = narrow.count(Wild.RUN)
        if self.longest != self.shortest or runs == 0:
            return narrow
        spare = self.shortest - (len(narrow) - runs)
        if runs > 1 and spare > 0:
            return narrow
        filled: list[Token] = []
        for token in narrow:
            filled += [Wild.ONE] * spare if token is Wild.RUN else [token]
        return tuple(filled)

    def _possible(self, token: Characters) -> Characters:
        return frozenset(char for char in token if self.letters.has(char)) or token


Item: TypeAlias = str | Piece
Items: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True)
class Alternative:
    """A text that the request has when the guard holds."""

    guard: Bool
    items: Items


@dataclass
class Doubts:
    """What the encoding could not say exactly, and where to look first (hints).

    Cuts leave some requests out: `sat` is certain.  Guesses, which a loose encoding makes instead, let too many in:
    `unsat` is certain.
    """

    loose: bool = False
    cuts: list[Bool] = field(default_factory=list)
    hints: list[list[Bool]] = field(default_factory=list)
    guesses: int = 0

    def guess(self) -> Bool:
        """A truth left free."""
        self.guesses += 1
        return logic.bool_var(f"guess {self.guesses}")


def items(*parts: str | Piece) -> Items:
    """Fixed texts and pieces as single characters and pieces."""
    out: list[Item] = []
    for part in parts:
        out += list(part) if isinstance(part, str) else [part]
    return tuple(out)


def items_text(value: Iterable[Item]) -> Text:
    """Characters and pieces as one text of the solver."""
    return logic.joined(logic.text(entry) if isinstance(entry, str) else entry.text for entry in value)
