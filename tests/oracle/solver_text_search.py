"""Texts of a value domain that match some patterns and not others.

String solvers are slow, and sometimes give up, on several long patterns over one text. Here the domain and the patterns
are automata, and a walk through their product finds the shortest text or proves that there is none. Most texts fail to
match most patterns anyway, so a pattern that must not match takes part only after a text was found that matches it.
"""

import functools
import string
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tests.oracle.solver_patterns import (
    Pattern,
    Wildcard,
    accepts,
    exact_text,
    literal,
    skip_stars,
    step_pattern,
)
from tests.oracle.solver_value_domains import ValueDomain

if TYPE_CHECKING:
    from collections.abc import Hashable

Patterns: TypeAlias = frozenset[Pattern]

_MOST_STEPS = 1_000_000
_SAMPLE = string.printable[:95] + "\u00e9"


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text that matches as wanted; without a text, patterns of which no text matches and fails to match all.

    `steps`: the characters that were tried, once for each automaton. Text and patterns are None if these were too many.
    """

    text: str | None
    core: tuple[Patterns, Patterns] | None
    steps: int


@functools.lru_cache(maxsize=65536)
def find_text(domain: ValueDomain, matching: Patterns, failing: Patterns, excluded: frozenset[str]) -> FoundText:
    """A text of the domain that matches all patterns of the first set and none of the second, and is not excluded."""
    used: set[Pattern] = set()
    steps = 0
    while True:
        walk = _Walk(domain, tuple(matching), tuple(used), _MOST_STEPS - steps)
        text = walk.text()
        steps += walk.steps
        if text is None:
            core = _smaller(domain, matching, frozenset(used), excluded) if walk.complete else None
            return FoundText(None, core, steps)
        wrong = {pattern for pattern in failing if accepts(pattern, text)}
        if text in excluded:
            wrong.add(literal(text))
        if not wrong:
            return FoundText(text, None, steps)
        used |= wrong


def _smaller(
    domain: ValueDomain, matching: Patterns, failing: Patterns, excluded: frozenset[str]
) -> tuple[Patterns, Patterns]:
    """Fewer patterns that still contradict each other; an excluded text is no pattern of the policy."""
    words = frozenset(literal(text) for text in excluded)
    for wanted, patterns in ((True, matching), (False, failing - words)):
        for pattern in sorted(patterns, key=_order):
            fewer = (matching - {pattern}, failing) if wanted else (matching, failing - {pattern})
            walk = _Walk(domain, tuple(fewer[0]), tuple(fewer[1]), _MOST_STEPS)
            if walk.text() is None and walk.complete:
                matching, failing = fewer
    return matching, failing - words


def _order(pattern: Pattern) -> str:
    return "".join(min(token) if isinstance(token, frozenset) else repr(token) for token in pattern)


_Place: TypeAlias = tuple[frozenset[int], tuple[frozenset[int], ...], tuple[frozenset[int], ...]]


class _Walk:
    """A walk through the product of a domain and patterns, breadth first."""

    def __init__(
        self, domain: ValueDomain, matching: tuple[Pattern, ...], failing: tuple[Pattern, ...], most_steps: int
    ) -> None:
        self.automaton = domain.automaton
        self.matching = matching
        self.failing = failing
        self.most_steps = most_steps
        self.steps = 0
        self.complete = True
        self.known: dict[tuple[int, frozenset[int], str], frozenset[int]] = {}

    def text(self) -> str | None:
        """The shortest text; None if there is none, or if the walk was not `complete`."""
        for word in filter(None, map(exact_text, self.matching)):
            return word if self._has(word) else None
        first = self._begin()
        waiting, seen = deque([(first, "")]), {first}
        characters = self._characters()
        while waiting:
            place, text = waiting.popleft()
            if self._is_wanted(place):
                return text
            self.steps += len(characters) * (1 + len(self.matching) + len(self.failing))
            if self.steps > self.most_steps:
                self.complete = False
                return None
            for char in characters:
                after = self._after(place, char)
                if after is not None and after not in seen:
                    seen.add(after)
                    waiting.append((after, text + char))
        return None

    def _has(self, word: str) -> bool:
        """Whether this text is wanted."""
        domain = self.automaton.begin
        for char in word:
            domain = self.automaton.after(domain, char)
        return (
            self.automaton.end in domain
            and all(accepts(pattern, word) for pattern in self.matching)
            and not any(accepts(pattern, word) for pattern in self.failing)
        )

    def _begin(self) -> _Place:
        matching, failing = (
            tuple(skip_stars(pattern, {0}) for pattern in patterns) for patterns in (self.matching, self.failing)
        )
        return self.automaton.begin, matching, failing

    def _is_wanted(self, place: _Place) -> bool:
        domain, matching, failing = place
        return (
            self.automaton.end in domain
            and all(len(pattern) in states for pattern, states in zip(self.matching, matching, strict=True))
            and not any(len(pattern) in states for pattern, states in zip(self.failing, failing, strict=True))
        )

    def _after(self, place: _Place, char: str) -> _Place | None:
        """After one more character; None if no text that continues like that is wanted."""
        domain = self.automaton.after(place[0], char)
        if not domain:
            return None
        matching = []
        for index, states in enumerate(place[1]):
            matching.append(self._step(index, states, char))
            if not matching[-1]:
                return None
        failing = []
        for index, states in enumerate(place[2]):
            failing.append(self._step(len(matching) + index, states, char))
            pattern = self.failing[index]
            if pattern and pattern[-1] is Wildcard.ANY_TEXT and len(pattern) in failing[-1]:
                return None
        return domain, tuple(matching), tuple(failing)

    def _step(self, index: int, states: frozenset[int], char: str) -> frozenset[int]:
        key = (index, states, char)
        if key not in self.known:
            count = len(self.matching)
            pattern = self.matching[index] if index < count else self.failing[index - count]
            self.known[key] = step_pattern(pattern, states, char)
        return self.known[key]

    def _characters(self) -> list[str]:
        """One character of each set that the domain and the patterns do not distinguish."""
        tokens = {
            token for pattern in (*self.matching, *self.failing) for token in pattern if isinstance(token, frozenset)
        }
        edges = {has for steps in self.automaton.steps for has, _ in steps}
        found: dict[Hashable, str] = {}
        for char in sorted({*_SAMPLE}.union(*tokens)):
            alike = (*(has(char) for has in edges), *(char in token for token in tokens))
            found.setdefault(alike, char)
        return list(found.values())
