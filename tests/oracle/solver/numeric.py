"""Addresses, numbers and moments as texts."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.oracle.solver import logic
from tests.oracle.solver.logic import FALSE, TRUE, Bool, Int, Text
from tests.oracle.solver.patterns import Characters, Pattern, Wild, accepts, exact_text
from tests.oracle.solver.shapes import MOMENT
from tests.oracle.solver.values import FIRST_MOMENT, LAST_MOMENT, first_moment_from, moment_text, read_moment

_DIGITS = frozenset("0123456789")
_PLAIN_NUMBER = re.compile("0|[1-9][0-9]*")
_MOST_DIGITS = 40
_LONG_ADDRESS = frozenset("0123456789abcdef:")


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
        fixed = [token for token in segment if token is not Wild.RUN]
        return len(fixed) <= 3 and all(token is Wild.ONE or _any_digit(token) for token in fixed)

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
class LongAddressPiece:
    """A whole IPv6 address in its canonical text; a wildcard on it is not searched, or is a guess."""

    value: Int
    spelled: Text
    leave_out: Callable[[], Bool]

    @property
    def text(self) -> Text:
        self.leave_out()
        return self.spelled

    def has(self, char: str) -> bool:
        return char in _LONG_ADDRESS

    def may_grow(self, segment: Pattern) -> bool:
        return all(isinstance(token, Wild) or self._meets(token) for token in segment)

    def _meets(self, token: object) -> bool:
        assert isinstance(token, frozenset)
        return any(self.has(char) for char in token)

    def can_be(self, segment: Pattern) -> bool:
        return bool(segment) and self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        if segment == (Wild.RUN,):
            return TRUE
        if any(isinstance(token, Wild) for token in segment):
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
    """A whole number that is not negative, in decimal; `guess` answers for wildcards that are not at the very end."""

    value: Int
    guess: Callable[[], Bool] = field(repr=False)

    @property
    def text(self) -> Text:
        return logic.number_text(self.value)

    def has(self, char: str) -> bool:
        return char in _DIGITS

    def may_grow(self, segment: Pattern) -> bool:
        return all(isinstance(token, Wild) or _any_digit(token) for token in segment)

    def can_be(self, segment: Pattern) -> bool:
        return bool(segment) and self.may_grow(segment)

    def member(self, segment: Pattern) -> Bool:
        if segment == (Wild.RUN,):
            return TRUE
        exact = exact_text(segment)
        if exact is not None:
            return self.value == logic.number(int(exact)) if _PLAIN_NUMBER.fullmatch(exact) else FALSE
        prefix = exact_text(segment[:-1])
        if segment[-1] is not Wild.RUN or prefix is None:
            return self.guess()
        if not _PLAIN_NUMBER.fullmatch(prefix):
            return FALSE
        lengths = range(1 if prefix == "0" else _MOST_DIGITS)
        spans = [(int(prefix) * 10**more, (int(prefix) + 1) * 10**more - 1) for more in lengths]
        return logic.either(*(logic.both(self.value >= first, self.value <= last) for first, last in spans))


@dataclass(frozen=True, eq=False)
class MomentPiece:
    """A moment in ISO 8601; `guess` answers for wildcards that are not at the very end."""

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
        if segment == (Wild.RUN,):
            return TRUE
        exact = exact_text(_upper(segment))
        if exact is not None:
            seconds = read_moment(exact)
            fits = seconds is not None and FIRST_MOMENT <= seconds <= LAST_MOMENT and moment_text(int(seconds)) == exact
            return self.value == logic.number(seconds) if fits and seconds is not None else FALSE
        prefix = exact_text(_upper(segment[:-1]))
        if segment[-1] is not Wild.RUN or prefix is None:
            return self.guess()
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        first, end = first_moment_from(prefix), first_moment_from(after)
        return logic.both(logic.number(first) <= self.value, self.value < logic.number(end))


def _upper(pattern: Pattern) -> Pattern:
    """Folded characters in the case in which a moment writes them."""
    return tuple(_upper_characters(token) if isinstance(token, frozenset) else token for token in pattern)


def _upper_characters(token: Characters) -> Characters:
    return frozenset(char for char in token if char.upper() == char) or token
