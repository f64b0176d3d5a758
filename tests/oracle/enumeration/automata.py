"""Automata that read texts character by character: patterns, words, texts within texts."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tests.oracle.enumeration.text import ARN_FIELDS, Pattern

Token = tuple[str, str]
"""A step of a pattern: how it matches, and the character it is about."""


class Automaton(Protocol):
    """Reads a text character by character and answers at its end."""

    def start(self) -> Hashable:
        """The state before the first character."""

    def step(self, state: Hashable, char: str) -> Hashable:
        """The state after one more character."""

    def answer(self, state: Hashable) -> Hashable:
        """What is known when the text ends here."""

    def letters(self) -> frozenset[str]:
        """The characters that it tells apart from all others."""


class Globs:
    """Whether the text matches one of several patterns."""

    def __init__(self, patterns: frozenset[tuple[Token, ...]]) -> None:
        """Keep the patterns in a fixed order."""
        self._patterns = sorted(patterns)
        self._memo: dict[tuple[Hashable, str], Hashable] = {}
        self._start = frozenset(position for index in range(len(self._patterns)) for position in self._skip(index, 0))

    def _skip(self, index: int, at: int) -> Iterator[tuple[int, int]]:
        """A star may match nothing."""
        pattern = self._patterns[index]
        yield index, at
        while at < len(pattern) and pattern[at][0].startswith("star"):
            at += 1
            yield index, at

    def start(self) -> Hashable:
        """Every pattern at its beginning."""
        return self._start

    def step(self, state: Hashable, char: str) -> Hashable:
        """Advance every pattern that the character fits."""
        known = self._memo.get((state, char))
        if known is not None:
            return known
        assert isinstance(state, frozenset)
        moved: set[tuple[int, int]] = set()
        for index, at in state:
            pattern = self._patterns[index]
            if at < len(pattern) and _fits(pattern[at], char):
                after = at if pattern[at][0].startswith("star") else at + 1
                moved.update(self._skip(index, after))
        result = self._memo[(state, char)] = frozenset(moved)
        return result

    def answer(self, state: Hashable) -> Hashable:
        """Whether some pattern is at its end."""
        assert isinstance(state, frozenset)
        return any(at == len(self._patterns[index]) for index, at in state)

    def letters(self) -> frozenset[str]:
        """Both cases of what stands literally, and the colon that field wildcards stop at."""
        found = {":"}
        for pattern in self._patterns:
            for kind, char in pattern:
                if kind == "fold":
                    found |= {char.lower(), char.upper()}
                elif kind == "char":
                    found.add(char)
        return frozenset(char for char in found if len(char) == 1)


def _fits(token: Token, char: str) -> bool:
    """Whether one character fits one step of a pattern."""
    kind, own = token
    if kind == "char":
        return char == own
    if kind == "fold":
        return char.lower() == own.lower()
    return char != ":" or not kind.endswith("field")


@lru_cache(maxsize=4096)
def globs(patterns: frozenset[tuple[Token, ...]]) -> Globs:
    """One automaton for one set of patterns."""
    return Globs(patterns)


def string_tokens(pattern: Pattern, *, ignore_case: bool = False) -> tuple[Token, ...]:
    """Wildcards of string operators cross every character."""
    kind = "fold" if ignore_case else "char"
    return tuple((kind, char) if is_literal else ("star" if char == "*" else "one", "") for is_literal, char in pattern)


def arn_tokens(pattern: Pattern) -> tuple[tuple[Token, ...], bool]:
    """Wildcards stay in their field but for the last; missing fields read star."""
    tokens: list[Token] = []
    colons = 0
    for is_literal, char in pattern:
        inside = "" if colons == ARN_FIELDS - 1 else "field"
        if is_literal:
            tokens.append(("char", char))
            colons += char == ":" and colons < ARN_FIELDS - 1
        else:
            tokens.append((("star" if char == "*" else "one") + inside, ""))
    short = colons < ARN_FIELDS - 1
    while colons < ARN_FIELDS - 1:
        colons += 1
        tokens += [("char", ":"), ("star" if colons == ARN_FIELDS - 1 else "starfield", "")]
    return tuple(tokens), short


class Words:
    """Which one of several words the text is, if any."""

    def __init__(self, words: Iterable[str]) -> None:
        """Remember every beginning of every word."""
        self._words = frozenset(words)
        self._beginnings = frozenset(word[:end] for word in self._words for end in range(len(word) + 1))

    def __eq__(self, other: object) -> bool:
        """The same words are the same reader."""
        return isinstance(other, Words) and self._words == other._words

    def __hash__(self) -> int:
        """The words decide."""
        return hash(self._words)

    def start(self) -> Hashable:
        """Nothing has been read."""
        return ""

    def step(self, state: Hashable, char: str) -> Hashable:
        """What is no beginning of a word will never be one."""
        if state is None:
            return None
        longer = f"{state}{char}"
        return longer if longer in self._beginnings else None

    def answer(self, state: Hashable) -> Hashable:
        """The word itself."""
        return state if state in self._words else None

    def letters(self) -> frozenset[str]:
        """Every character of every word."""
        return frozenset("".join(self._words))


@dataclass(frozen=True)
class Inside:
    """Another automaton that reads the text between two fixed texts."""

    inner: Automaton
    before: str
    after: str

    def start(self) -> Hashable:
        """The text before has been read."""
        return self._read(self.inner.start(), self.before)

    def _read(self, state: Hashable, text: str) -> Hashable:
        """Read a whole text."""
        for char in text:
            state = self.inner.step(state, char)
        return state

    def step(self, state: Hashable, char: str) -> Hashable:
        """As the other one does."""
        return self.inner.step(state, char)

    def answer(self, state: Hashable) -> Hashable:
        """The text behind is read first."""
        return self.inner.answer(self._read(state, self.after))

    def letters(self) -> frozenset[str]:
        """The letters of the other one."""
        return self.inner.letters()
