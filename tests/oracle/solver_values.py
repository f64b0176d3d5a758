"""Values of context keys as rows of fixed characters and of pieces that the solver chooses."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int, Regex, Text
from tests.oracle.solver_operators import FIRST_MOMENT, LAST_MOMENT, first_moment_from, moment_text, read_moment
from tests.oracle.solver_patterns import Characters, Pattern, Token, Wildcard, accepts, exact_text
from tests.oracle.solver_value_domains import MOMENT, Alphabet, ValueDomain


class Identity(Enum):
    """The ids that a policy can name."""

    ACCOUNT = "account id"
    ORGANIZATION = "organization id"
    UNIQUE = "unique id"
    VPC = "VPC id"
    ENDPOINT = "VPC endpoint id"
    STORE = "identity store user id"


class Piece(Protocol):
    """One part of a value that the solver chooses."""

    @property
    def text(self) -> Text: ...

    def has(self, char: str) -> bool:
        """Whether the piece can contain the character."""

    def can_be(self, segment: Pattern) -> bool:
        """Whether the piece may match the pattern: a quick check that is True when unsure."""

    def may_grow(self, segment: Pattern) -> bool:
        """Whether the piece may match some pattern that begins with this one."""

    def member(self, segment: Pattern) -> Bool:
        """Whether the piece matches the pattern of characters and wildcards."""


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
class TextPiece:
    """A text of one value domain; `closing` is the character that it ends with unless it is empty."""

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
        return self.letters.has(char)

    def may_grow(self, segment: Pattern) -> bool:
        fixed = [token for token in segment if token is not Wildcard.ANY_TEXT]
        if self.longest is not None and len(fixed) > self.longest:
            return False
        return all(token is Wildcard.ONE_CHARACTER or self._meets(token) for token in fixed)

    def _meets(self, token: object) -> bool:
        assert isinstance(token, frozenset)
        return any(self.letters.has(char) for char in token)

    def can_be(self, segment: Pattern) -> bool:
        if Wildcard.ANY_TEXT not in segment and len(segment) < self.shortest:
            return False
        last = segment[-1] if segment else None
        if self.closing is not None and isinstance(last, frozenset) and self.closing not in last:
            return False
        return self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
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


_DIGITS = frozenset("0123456789")
_PLAIN_NUMBER = re.compile("0|[1-9][0-9]*")
_MOST_DIGITS = 40
_V6_CHARACTERS = frozenset("0123456789abcdef:")


@dataclass(frozen=True, eq=False)
class OctetPiece:
    """One of the four numbers of an IPv4 address, written in decimal."""

    value: Int

    @property
    def text(self) -> Text:
        return logic.number_text(self.value)

    def has(self, char: str) -> bool:
        return char in _DIGITS

    def may_grow(self, segment: Pattern) -> bool:
        fixed = [token for token in segment if token is not Wildcard.ANY_TEXT]
        return len(fixed) <= 3 and all(token is Wildcard.ONE_CHARACTER or _any_digit(token) for token in fixed)

    def can_be(self, segment: Pattern) -> bool:
        return bool(segment) and self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        fitting = [value for value in range(256) if accepts(segment, str(value))]
        if len(fitting) == 256:
            return TRUE
        starts = [value for value in fitting if value - 1 not in fitting]
        ends = [value for value in fitting if value + 1 not in fitting]
        pairs = zip(starts, ends, strict=True)
        return logic.either(*(logic.both(first <= self.value, self.value <= last) for first, last in pairs))


def _any_digit(token: object) -> bool:
    return isinstance(token, frozenset) and not _DIGITS.isdisjoint(token)


@dataclass(frozen=True, eq=False)
class Ipv6Piece:
    """An IPv6 address in its canonical form; patterns with wildcards are left out, or guessed."""

    value: Int
    spelled: Text
    leave_out: Callable[[], Bool]

    @property
    def text(self) -> Text:
        self.leave_out()
        return self.spelled

    def has(self, char: str) -> bool:
        return char in _V6_CHARACTERS

    def may_grow(self, segment: Pattern) -> bool:
        return all(isinstance(token, Wildcard) or self._meets(token) for token in segment)

    def _meets(self, token: object) -> bool:
        assert isinstance(token, frozenset)
        return any(self.has(char) for char in token)

    def can_be(self, segment: Pattern) -> bool:
        return bool(segment) and self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        if segment == (Wildcard.ANY_TEXT,):
            return TRUE
        if any(isinstance(token, Wildcard) for token in segment):
            return self.leave_out()
        written = "".join(_lower(token) for token in segment)
        try:
            address = ipaddress.IPv6Address(written)
        except ValueError:
            return FALSE
        return self.value == logic.number(int(address)) if str(address) == written else FALSE


def _lower(token: object) -> str:
    assert isinstance(token, frozenset)
    small: str = min(token, key=lambda char: (str(char).isupper(), char))
    return small


@dataclass(frozen=True, eq=False)
class NumberPiece:
    """A natural number in decimal; patterns with wildcards before the last character are guessed."""

    value: Int
    guess: Callable[[], Bool] = field(repr=False)

    @property
    def text(self) -> Text:
        return logic.number_text(self.value)

    def has(self, char: str) -> bool:
        return char in _DIGITS

    def may_grow(self, segment: Pattern) -> bool:
        return all(isinstance(token, Wildcard) or _any_digit(token) for token in segment)

    def can_be(self, segment: Pattern) -> bool:
        return bool(segment) and self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        if segment == (Wildcard.ANY_TEXT,):
            return TRUE
        exact = exact_text(segment)
        if exact is not None:
            return self.value == logic.number(int(exact)) if _PLAIN_NUMBER.fullmatch(exact) else FALSE
        prefix = exact_text(segment[:-1])
        if segment[-1] is not Wildcard.ANY_TEXT or prefix is None:
            return self.guess()
        if not _PLAIN_NUMBER.fullmatch(prefix):
            return FALSE
        lengths = range(1 if prefix == "0" else _MOST_DIGITS)
        spans = [(int(prefix) * 10**more, (int(prefix) + 1) * 10**more - 1) for more in lengths]
        return logic.either(*(logic.both(self.value >= first, self.value <= last) for first, last in spans))


@dataclass(frozen=True, eq=False)
class DatePiece:
    """A moment in ISO 8601; patterns with wildcards before the last character are guessed."""

    value: Int
    spelled: Text
    guess: Callable[[], Bool] = field(repr=False)

    @property
    def text(self) -> Text:
        return self.spelled

    def has(self, char: str) -> bool:
        return MOMENT.has(char)

    def may_grow(self, segment: Pattern) -> bool:  # noqa: ARG002 - a Piece
        return True

    def can_be(self, segment: Pattern) -> bool:  # noqa: ARG002 - a Piece
        return True

    def member(self, segment: Pattern) -> Bool:
        if segment == (Wildcard.ANY_TEXT,):
            return TRUE
        exact = exact_text(_upper(segment))
        if exact is not None:
            seconds = read_moment(exact)
            fits = seconds is not None and FIRST_MOMENT <= seconds <= LAST_MOMENT and moment_text(int(seconds)) == exact
            return self.value == logic.number(seconds) if fits and seconds is not None else FALSE
        prefix = exact_text(_upper(segment[:-1]))
        if segment[-1] is not Wildcard.ANY_TEXT or prefix is None:
            return self.guess()
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        first, end = first_moment_from(prefix), first_moment_from(after)
        return logic.both(logic.number(first) <= self.value, self.value < logic.number(end))


def _upper(pattern: Pattern) -> Pattern:
    """The pattern with letters in upper case, as a moment has them."""
    return tuple(_upper_characters(token) if isinstance(token, frozenset) else token for token in pattern)


def _upper_characters(token: Characters) -> Characters:
    return frozenset(char for char in token if char.upper() == char) or token
