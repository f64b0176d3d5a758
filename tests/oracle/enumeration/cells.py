"""Finite sets of texts that stand for all texts of a shape.

Walking a tape and the automata that read its texts at once finds one example for every
combination of answers that the automata can give.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.oracle.enumeration.automata import Automaton
from tests.oracle.enumeration.tapes import MORE, Edge, Tape


class UniverseCutError(Exception):
    """The universe is larger than the limit."""


@dataclass(slots=True)
class Budget:
    """How many more steps may be taken."""

    left: int

    def spend(self, steps: int = 1) -> None:
        """Every step counts."""
        self.left -= steps
        if self.left < 0:
            raise UniverseCutError


_DEAD: Final[frozenset[object]] = frozenset()

Probe = tuple[str, Automaton]
"""An automaton and the text that it reads."""

State = tuple[int, tuple[Hashable, ...]]


@dataclass
class Walk:
    """A joint walk over a tape and its probes."""

    tape: Tape
    probes: tuple[Probe, ...]
    budget: Budget
    required: int = 0
    came: dict[State, tuple[State, Edge, str] | None] = field(default_factory=dict)

    def alphabet(self, edge: Edge) -> list[str]:
        """The characters that the readers tell apart, and one for all the others."""
        assert edge.chars is not None
        letters = frozenset().union(*(automaton.letters() for view, automaton in self.probes if view in edge.views))
        pool = edge.chars.chars + (MORE if edge.chars.open else "")
        other = [char for char in pool if char not in letters][:1]
        return other + sorted(char for char in letters if char in edge.chars)

    def _after(self, states: tuple[Hashable, ...], edge: Edge, char: str) -> tuple[Hashable, ...]:
        """Every reader of the texts that grow takes a step."""
        return tuple(
            automaton.step(state, char) if view in edge.views else state
            for state, (view, automaton) in zip(states, self.probes, strict=True)
        )

    def ends(self) -> Iterator[State]:
        """Every state in which the tape is at its end, nearest first."""
        first: State = (0, tuple(automaton.start() for _, automaton in self.probes))
        self.came[first] = None
        alphabets: dict[Edge, list[str]] = {}
        queue = deque([first])
        while queue:
            state = queue.popleft()
            node, states = state
            if node == self.tape.end:
                yield state
            for edge in self.tape.edges[node]:
                if edge.chars is None:
                    steps = [("", (edge.target, states))]
                else:
                    if edge not in alphabets:
                        alphabets[edge] = self.alphabet(edge)
                    steps = [(char, (edge.target, self._after(states, edge, char))) for char in alphabets[edge]]
                for char, step in steps:
                    if step not in self.came and self._alive(step):
                        self.budget.spend()
                        self.came[step] = (state, edge, char)
                        queue.append(step)

    def _alive(self, state: State) -> bool:
        """A required pattern that can match no more ends the way."""
        return all(each != _DEAD for each in state[1][: self.required])

    def answers(self, state: State) -> tuple[Hashable, ...]:
        """What every probe says at an end."""
        return tuple(automaton.answer(each) for each, (_, automaton) in zip(state[1], self.probes, strict=True))

    def texts(self, state: State) -> dict[str, str]:
        """The texts that were written on the way to a state."""
        steps: list[tuple[Edge, str]] = []
        link = self.came[state]
        while link is not None:
            previous, edge, char = link
            steps.append((edge, char))
            link = self.came[previous]
        texts = dict.fromkeys(self.tape.views, "")
        for edge, char in reversed(steps):
            for view in edge.views:
                texts[view] += char
        return texts


Texts = dict[str, str]


_KNOWN: Final[dict[object, tuple[int, list[Texts]]]] = {}
_MOST_KNOWN: Final = 20_000


def cells(
    tape: Tape,
    probes: tuple[Probe, ...],
    forbidden: tuple[Probe, ...],
    budget: Budget,
) -> list[Texts]:
    """One example for each combination of answers, none that a forbidden probe accepts."""
    barred = frozenset(forbidden)
    mine = tuple(probe for probe in dict.fromkeys((*forbidden, *probes)) if probe[0] in tape.views)
    key = (tape, mine, barred)
    if key not in _KNOWN:
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        before = budget.left
        found = _explore(tape, mine, barred, budget)
        _KNOWN[key] = (before - budget.left, found)
        return found
    cost, found = _KNOWN[key]
    budget.spend(cost)
    return found


def _explore(tape: Tape, probes: tuple[Probe, ...], barred: frozenset[Probe], budget: Budget) -> list[Texts]:
    """Walk to every end and keep the first one for each combination of answers."""
    walk = Walk(tape, probes, budget)
    found: dict[tuple[Hashable, ...], State] = {}
    for state in walk.ends():
        answers = walk.answers(state)
        if any(answer for answer, probe in zip(answers, probes, strict=True) if probe in barred):
            continue
        found.setdefault(answers, state)
    return [walk.texts(state) for state in found.values()]


def first_cell(tape: Tape, required: tuple[Probe, ...], forbidden: tuple[Probe, ...], budget: Budget) -> Texts | None:
    """An example that every required probe accepts and no forbidden one."""
    walk = Walk(tape, (*required, *forbidden), budget, required=len(required))
    wanted = [True] * len(required) + [False] * len(forbidden)
    for state in walk.ends():
        if [bool(answer) for answer in walk.answers(state)] == wanted:
            return walk.texts(state)
    return None
