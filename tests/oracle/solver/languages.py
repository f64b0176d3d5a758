"""Which patterns a text of one shape can match at the same time: exact answers by walking automata side by side.

String solvers are slow, and at times give up, on several long patterns over one text.  The patterns that a policy asks
one text about are few, so every combination of answers that some text of the shape gives is found beforehand, with such
a text; the solver then only chooses among the combinations.
"""

import string
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.oracle.solver.patterns import Pattern, Wild, exact_text, skip_runs, step_pattern
from tests.oracle.solver.shapes import Shape

Answers = tuple[bool, ...]
Texts = dict[Answers, list[str]]
_MOST_STEPS = 2_000_000
_SAMPLE = string.printable[:95] + "\u00e9"
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class _Place:
    """How far one text has come: in the shape, in the words, past the beginnings, in every other pattern."""

    shape: frozenset[int]
    word: str | None
    begun: frozenset[str]
    others: tuple[frozenset[int], ...]


@dataclass
class _Walk:
    """Plain words and fixed beginnings (`word*`) share one track; every other pattern has a track of its own."""

    shape: Shape
    patterns: tuple[Pattern, ...]
    forbidden: frozenset[str]
    known: dict[Hashable, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = [exact_text(pattern) for pattern in self.patterns]
        self.starts = [_beginning(pattern) for pattern in self.patterns]
        plain = zip(self.patterns, self.words, self.starts, strict=True)
        self.others = [pattern for pattern, word, start in plain if word is None and start is None]
        self.wanted = {start for start in self.starts if start is not None}
        spelled = {word for word in self.words if word is not None} | self.forbidden | self.wanted
        self.prefixes = {word[:end] for word in spelled for end in range(len(word) + 1)}

    def begin(self) -> _Place:
        """Before the first character."""
        states = tuple(skip_runs(pattern, {0}) for pattern in self.others)
        return _Place(self.shape.automaton.begin, "" if "" in self.prefixes else None, frozenset(), states)

    def after(self, place: _Place, char: str) -> _Place | None:
        """After one more character; None when no text of the shape goes on like that."""
        shape = self._once(("shape", place.shape, char), lambda: self.shape.automaton.after(place.shape, char))
        if not shape:
            return None
        word = None if place.word is None else place.word + char
        begun = place.begun | {word} if word in self.wanted else place.begun
        others = tuple(
            self._other(index, states, char) if states else states for index, states in enumerate(place.others)
        )
        return _Place(shape, word if word in self.prefixes else None, begun, others)

    def _other(self, index: int, states: frozenset[int], char: str) -> frozenset[int]:
        return self._once((index, states, char), lambda: step_pattern(self.others[index], states, char))

    def answers(self, place: _Place) -> Answers | None:
        """What every pattern says of the text; None when it is not of the shape, or forbidden."""
        if self.shape.automaton.end not in place.shape or place.word in self.forbidden:
            return None
        rest = iter(len(pattern) in states for pattern, states in zip(self.others, place.others, strict=True))
        out = []
        for word, start in zip(self.words, self.starts, strict=True):
            if start is not None:
                out.append(start in place.begun)
            else:
                out.append(next(rest) if word is None else word == place.word)
        return tuple(out)

    def characters(self, want: int) -> list[str]:
        """One character (or as many as wanted) for each way in which characters differ here."""
        spelled = {char for word in self.prefixes for char in word}
        tokens = {token for pattern in self.others for token in pattern if isinstance(token, frozenset)}
        edges = {has for steps in self.shape.automaton.steps for has, _ in steps}
        found: dict[Hashable, list[str]] = {}
        for char in sorted(spelled.union(_SAMPLE, *tokens)):
            own = char if char in spelled else ""
            alike = found.setdefault((own, *(has(char) for has in edges), *(char in token for token in tokens)), [])
            if len(alike) < want:
                alike.append(char)
        return [char for alike in found.values() for char in alike]

    def _once(self, key: K, make: Callable[[], V]) -> V:
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]  # type: ignore[return-value]


def _beginning(pattern: Pattern) -> str | None:
    """The text that a pattern of the form `text*` begins with."""
    if len(pattern) > 1 and pattern[-1] is Wild.RUN:
        return exact_text(pattern[:-1])
    return None


def combinations(
    shape: Shape, patterns: tuple[Pattern, ...], forbidden: frozenset[str] = frozenset(), want: int = 1
) -> Texts | None:
    """Every combination of answers, each with as many different texts as wanted; None when the walk gets too long."""
    walk = _Walk(shape, patterns, forbidden)
    characters = walk.characters(want)
    found: Texts = {}
    first = walk.begin()
    waiting, visits = deque([(first, "")]), {first: 1}
    steps = 0
    while waiting:
        place, text = waiting.popleft()
        answers = walk.answers(place)
        if answers is not None and len(found.setdefault(answers, [])) < want:
            found[answers].append(text)
        steps += len(characters) * (4 + sum(1 for states in place.others if states))
        if steps > _MOST_STEPS:
            return None
        for char in characters:
            after = walk.after(place, char)
            if after is not None and visits.get(after, 0) < want:
                visits[after] = visits.get(after, 0) + 1
                waiting.append((after, text + char))
    return found
