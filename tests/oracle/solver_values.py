"""Values of context keys as rows of fixed characters and of pieces that the solver chooses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import TRUE, Bool, Regex, Text
from tests.oracle.solver_patterns import Characters, Pattern, Token, Wildcard
from tests.oracle.solver_value_domains import Alphabet, ValueDomain


class Identity(Enum):
    """The ids that a policy can name."""

    ACCOUNT = "account id"
    ORGANIZATION = "organization id"
    UNIQUE = "unique id"
    VPC = "VPC id"
    ENDPOINT = "VPC endpoint id"
    STORE = "identity store user id"


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
    if token is Wildcard.ANY_TEXT:
        return logic.ANY_TEXT
    if token is Wildcard.ONE_CHARACTER:
        return logic.ANY_CHARACTER
    assert isinstance(token, frozenset)
    return logic.re_any_of(*(logic.re_text(char) for char in sorted(token)))


@dataclass(frozen=True, eq=False)
class Piece:
    """One part of a value that the solver chooses: a text of one value domain.

    `closing` is the character that it ends with unless it is empty.
    """

    name: str
    letters: Alphabet
    domain: ValueDomain
    shortest: int = 0
    longest: int | None = None
    closing: str | None = None
    identity: Identity | None = None
    excluded: frozenset[str] = frozenset()
    tests: dict[Pattern, Bool] = field(default_factory=dict)

    @property
    def text(self) -> Text:
        """The text itself, for comparisons with other pieces."""
        return logic.text_var(self.name)

    def has(self, char: str) -> bool:
        """Whether the piece can contain the character."""
        return self.letters.has(char)

    def may_grow(self, segment: Pattern) -> bool:
        """Whether the piece may match some pattern that begins with this one."""
        fixed = [token for token in segment if token is not Wildcard.ANY_TEXT]
        if self.longest is not None and len(fixed) > self.longest:
            return False
        return all(token is Wildcard.ONE_CHARACTER or self._meets(token) for token in fixed)

    def _meets(self, token: object) -> bool:
        assert isinstance(token, frozenset)
        return any(self.letters.has(char) for char in token)

    def can_be(self, segment: Pattern) -> bool:
        """Whether the piece may match the pattern: a quick check that is True when unsure."""
        if Wildcard.ANY_TEXT not in segment and len(segment) < self.shortest:
            return False
        last = segment[-1] if segment else None
        if self.closing is not None and isinstance(last, frozenset) and self.closing not in last:
            return False
        return self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        """Whether the piece matches the pattern of characters and wildcards."""
        pattern = self._narrowed(segment)
        if pattern == (Wildcard.ANY_TEXT,):
            return TRUE
        if pattern not in self.tests:
            self.tests[pattern] = logic.bool_var(f"{self.name} meets {len(self.tests)}")
        return self.tests[pattern]

    def _narrowed(self, segment: Pattern) -> Pattern:
        """The pattern reduced to what the piece can contain; with a fixed length, one `*` becomes so many `?`."""
        narrow = tuple(self._possible(token) if isinstance(token, frozenset) else token for token in segment)
        runs = narrow.count(Wildcard.ANY_TEXT)
        if self.longest != self.shortest or runs == 0:
            return narrow
        spare = self.shortest - (len(narrow) - runs)
        if runs > 1 and spare > 0:
            return narrow
        filled: list[Token] = []
        for token in narrow:
            filled += [Wildcard.ONE_CHARACTER] * spare if token is Wildcard.ANY_TEXT else [token]
        return tuple(filled)

    def _possible(self, token: Characters) -> Characters:
        return frozenset(char for char in token if self.letters.has(char)) or token


Item: TypeAlias = str | Piece
Items: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True)
class Alternative:
    """A value that the key has if the guard holds."""

    guard: Bool
    items: Items


@dataclass
class Encoding:
    """Where the formulas are not exact, and hints where the solver finds a model sooner.

    Restrictions leave some requests out, so `sat` stays certain. A loose encoding makes guesses instead, which admit
    too many requests, so `unsat` stays certain.
    """

    loose: bool = False
    restrictions: list[Bool] = field(default_factory=list)
    hints: list[list[Bool]] = field(default_factory=list)
    guesses: int = 0

    def guess(self) -> Bool:
        """A truth value that the solver may choose."""
        self.guesses += 1
        return logic.bool_var(f"guess {self.guesses}")


def items(*parts: str | Piece) -> Items:
    """A value of fixed texts and pieces."""
    out: list[Item] = []
    for part in parts:
        out += list(part) if isinstance(part, str) else [part]
    return tuple(out)


def items_text(value: Iterable[Item]) -> Text:
    """A value as one text of the solver."""
    return logic.joined(logic.text(entry) if isinstance(entry, str) else entry.text for entry in value)
