"""Patterns as small automata that read one character after the other, so that many can run side by side."""

from collections.abc import Iterable, Sequence
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
_NO_COLON_FIELDS: Final = range(_FIELD)


class Glob:
    """One pattern of wildcards as bits: bit i says that the first i of its characters are matched."""

    __slots__ = ("_any", "_colon", "_letters", "_loops", "_loops_at_colon", "_size")

    def __init__(self, text: str, *, wildcards: bool, ignore_case: bool = False, arn: bool = False) -> None:
        """Take the pattern apart; arn: in the first five fields a wildcard does not match a colon."""
        self._letters: dict[str, int] = {}
        self._any = self._colon = self._loops = self._loops_at_colon = 0
        at = field = 0
        for character in text:
            bit = 1 << at
            free = not arn or field >= _FIELD
            if wildcards and character == "*":
                self._loops |= bit
                self._loops_at_colon |= bit if free else 0
                continue
            if wildcards and character == "?":
                self._any |= bit
                self._colon |= bit if free else 0
            else:
                field += character == ":"
                plain = character.translate(PLAIN)
                for each in {plain.lower(), plain.upper()} if ignore_case else {plain}:
                    self._letters[each] = self._letters.get(each, 0) | bit
            at += 1
        self._size = at

    @property
    def letters(self) -> Iterable[str]:
        """The characters that the pattern tells apart."""
        return self._letters

    def step(self, state: int, character: str) -> int:
        """Read one character."""
        at_colon = character == ":"
        taken = self._letters.get(character, 0) | (self._colon if at_colon else self._any)
        return ((state & taken) << 1) | (state & (self._loops_at_colon if at_colon else self._loops))

    def accepts(self, state: int) -> bool:
        """Tell whether the whole pattern is matched."""
        return bool(state >> self._size & 1)


class OneOf:
    """A text that fits one of several globs, or (``member`` false) none of them."""

    __slots__ = ("_globs", "_member", "letters", "start", "tape")

    def __init__(self, tape: str, globs: Sequence[Glob], *, member: bool) -> None:
        """Run the globs side by side."""
        self.tape = tape
        self._globs = tuple(globs)
        self._member = member
        self.letters = frozenset(letter for glob in globs for letter in glob.letters) | {":"}
        self.start: object = (1,) * len(self._globs)

    def step(self, state: tuple[int, ...], character: str) -> tuple[int, ...] | None:
        """Read one character."""
        after = tuple([glob.step(bits, character) for glob, bits in zip(self._globs, state, strict=True)])
        return after if any(after) or not self._member else None

    def accepts(self, state: tuple[int, ...]) -> bool:
        """Tell whether the text may end here."""
        return any(glob.accepts(bits) for glob, bits in zip(self._globs, state, strict=True)) == self._member


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
