"""Patterns as small automata that read one character after the other, so that many can run side by side."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from ecr_exposure.policy.patterns import PLAIN


class Pattern(Protocol):
    """A deterministic automaton over one tape; a state is any hashable value."""

    tape: str
    letters: frozenset[str]

    @property
    def start(self) -> object:
        """The state before the first character."""

    def step(self, state: Any, character: str) -> Any:  # noqa: ANN401 - each automaton has states of its own
        """Return the next state; None where nothing that follows can be accepted."""

    def accepts(self, state: Any) -> bool:  # noqa: ANN401 - the same
        """Tell whether the text may end here."""


_FIELD: Final = 5


class OneOf:
    """A text that fits one of several patterns of wildcards, or (``member`` false) none of them.

    All patterns lie side by side in one integer: bit i says that everything before the i-th character of
    its pattern is matched. One step moves the bits whose character fits, and keeps those under a star.
    """

    __slots__ = ("_any", "_ends", "_letters", "_loops", "_member", "_size", "_sure", "letters", "start", "tape")

    def __init__(
        self, tape: str, texts: Iterable[str], *, member: bool, ignore_case: bool = False, arn: bool = False
    ) -> None:
        """Lay out the patterns; arn: in the first five fields a wildcard does not match a colon."""
        self.tape = tape
        self._member = member
        self._letters: dict[str, int] = {}
        # What a question mark and a star take: any character, and a colon.
        self._any, self._loops = [0, 0], [0, 0]
        self._size = self._ends = self.start = 0
        for text in texts:
            self._add(text, ignore_case=ignore_case, arn=arn)
        self._sure = self._ends & self._loops[0] & self._loops[1]
        self.letters = frozenset(self._letters) | {":"}

    def _add(self, text: str, *, ignore_case: bool, arn: bool) -> None:
        self.start |= 1 << self._size
        field = 0
        for character in text:
            bit = 1 << self._size
            at_colon = bit if not arn or field >= _FIELD else 0
            if character == "*":
                self._loops = [self._loops[0] | bit, self._loops[1] | at_colon]
                continue
            if character == "?":
                self._any = [self._any[0] | bit, self._any[1] | at_colon]
            else:
                field += character == ":"
                plain = character.translate(PLAIN)
                for each in {plain, plain.lower(), plain.upper()} if ignore_case else {plain}:
                    self._letters[each] = self._letters.get(each, 0) | bit
            self._size += 1
        self._ends |= 1 << self._size
        self._size += 1

    def step(self, state: int, character: str) -> int | None:
        """Read one character."""
        colon = character == ":"
        taken = self._letters.get(character, 0) | self._any[colon]
        after = ((state & taken) << 1) | (state & self._loops[colon])
        if self._member:
            return after or None
        # Where a pattern ends in a star and is matched so far, whatever follows matches too.
        return None if after & self._sure else after

    def accepts(self, state: int) -> bool:
        """Tell whether the text may end here."""
        return bool(state & self._ends) == self._member


class NotIn:
    """A text that is none of a set of fixed texts."""

    __slots__ = ("_prefixes", "_texts", "letters", "start", "tape")

    def __init__(self, tape: str, texts: frozenset[str]) -> None:
        """Remember every beginning, so that the size of the set costs nothing while reading."""
        self.tape = tape
        self._texts = texts
        self._prefixes = {text[:end] for text in texts for end in range(len(text) + 1)}
        self.letters = frozenset(letter for text in texts for letter in text)
        self.start: object = ""

    def step(self, state: str, character: str) -> str:
        """Read one character; a text that began differently is out of danger."""
        longer = state + character
        return longer if state != _SAFE and longer in self._prefixes else _SAFE

    def accepts(self, state: str) -> bool:
        """Tell whether the text may end here."""
        return state not in self._texts


_SAFE: Final = "\x00"
