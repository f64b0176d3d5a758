"""A small search for a text of a given shape that fits some patterns and avoids others.

Several texts can be spelled at once, for they share parts: the ARN of a caller holds his account, and
his session name stands in his ARN and in his unique id. So a shape is a row of pieces, each of which
writes on some tapes; each pattern reads one tape. All patterns are run side by side, breadth first:
the first text that comes out is a shortest one, and none comes out only if there is none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ecr_exposure.exposure.automata import Pattern
from ecr_exposure.exposure.budget import Budget


class CharClass(NamedTuple):
    """A set of characters: a test, and samples from which a neutral one is taken."""

    contains: Callable[[str], bool]
    samples: str


class Literal(NamedTuple):
    """A fixed text for each tape that it writes on."""

    texts: Mapping[str, str]


class Repeat(NamedTuple):
    """Between ``least`` and ``most`` characters of a class, the same on each of its tapes."""

    characters: CharClass
    least: int
    most: int | None
    tapes: tuple[str, ...]


Shape = Sequence[Literal | Repeat]


class _Node(NamedTuple):
    piece: int
    written: int
    states: tuple[object, ...]


def spell(shape: Shape, patterns: Sequence[Pattern], budget: Budget) -> dict[str, str] | None:
    """Return a text for each tape, shortest first; None where no text of the shape fits all patterns."""
    search = _Search(shape, patterns, budget)
    return search.run()


class _Search:
    def __init__(self, shape: Shape, patterns: Sequence[Pattern], budget: Budget) -> None:
        self._shape = shape
        self._patterns = patterns
        self._budget = budget
        self._readers = [self._reading(piece) for piece in shape]
        self._alphabets = [self._alphabet(at) for at in range(len(shape))]
        self._ended = self._ends()

    def _reading(self, piece: Literal | Repeat) -> tuple[int, ...]:
        tapes = piece.texts if isinstance(piece, Literal) else piece.tapes
        return tuple(at for at, pattern in enumerate(self._patterns) if pattern.tape in tapes)

    def _ends(self) -> list[tuple[int, ...]]:
        """Return for each piece the patterns whose tape ends right before it."""
        last = [
            max((at for at, readers in enumerate(self._readers) if p in readers), default=-1)
            for p in range(len(self._patterns))
        ]
        return [tuple(p for p, end in enumerate(last) if end == at - 1) for at in range(len(self._shape) + 1)]

    def _alphabet(self, at: int) -> str:
        piece = self._shape[at]
        if isinstance(piece, Literal):
            return ""
        special: set[str] = set()
        for reader in self._readers[at]:
            special |= self._patterns[reader].letters
        neutral = next((each for each in piece.characters.samples if each not in special), "")
        return neutral + "".join(sorted(each for each in special if piece.characters.contains(each)))

    def run(self) -> dict[str, str] | None:
        first = self._enter(0, tuple(pattern.start for pattern in self._patterns))
        parents: dict[_Node, tuple[_Node, str] | None] = {}
        waiting: deque[_Node] = deque()
        for node in first:
            parents[node] = None
            waiting.append(node)
        while waiting:
            node = waiting.popleft()
            if node.piece == len(self._shape):
                return self._told(node, parents)
            alphabet = self._alphabets[node.piece]
            self._budget.spend(len(alphabet) * (3 + len(self._readers[node.piece])))
            for character in alphabet:
                for after in self._after(node, character):
                    if after not in parents:
                        parents[after] = (node, character)
                        waiting.append(after)
        return None

    def _after(self, node: _Node, character: str) -> Iterable[_Node]:
        states = list(node.states)
        for at in self._readers[node.piece]:
            state = self._patterns[at].step(states[at], character)
            if state is None:
                return
            states[at] = state
        piece = self._shape[node.piece]
        assert isinstance(piece, Repeat)  # noqa: S101 - only repeats have an alphabet
        count = node.written + 1 if piece.most is not None or node.written < piece.least else node.written
        if piece.most is None or count < piece.most:
            yield _Node(node.piece, count, tuple(states))
        if count >= piece.least:
            yield from self._enter(node.piece + 1, tuple(states))

    def _enter(self, at: int, states: tuple[object, ...]) -> Iterable[_Node]:
        """Yield the nodes in which a character can be written, literals written and empty repeats skipped."""
        while True:
            if self._ended[at]:
                finished = self._finish(at, states)
                if finished is None:
                    return
                states = finished
            if at == len(self._shape):
                yield _Node(at, 0, states)
                return
            piece = self._shape[at]
            if isinstance(piece, Repeat):
                yield _Node(at, 0, states)
                if piece.least:
                    return
            else:
                written = self._write(at, piece, states)
                if written is None:
                    return
                states = written
            at += 1

    def _finish(self, at: int, states: tuple[object, ...]) -> tuple[object, ...] | None:
        """Judge the patterns whose tape is written to its end, and forget their states."""
        after = list(states)
        for pattern in self._ended[at]:
            if not self._patterns[pattern].accepts(after[pattern]):
                return None
            after[pattern] = None
        return tuple(after)

    def _write(self, at: int, piece: Literal, states: tuple[object, ...]) -> tuple[object, ...] | None:
        after = list(states)
        for reader in self._readers[at]:
            pattern = self._patterns[reader]
            for character in piece.texts[pattern.tape]:
                state = pattern.step(after[reader], character)
                if state is None:
                    return None
                after[reader] = state
        return tuple(after)

    def _told(self, node: _Node, parents: Mapping[_Node, tuple[_Node, str] | None]) -> dict[str, str]:
        written: list[tuple[int, str]] = []
        step = parents[node]
        while step is not None:
            before, character = step
            written.append((before.piece, character))
            step = parents[before]
        letters: dict[int, list[str]] = {}
        for at, character in reversed(written):
            letters.setdefault(at, []).append(character)
        tapes: dict[str, str] = {}
        for at, piece in enumerate(self._shape):
            texts = (
                piece.texts if isinstance(piece, Literal) else dict.fromkeys(piece.tapes, "".join(letters.get(at, [])))
            )
            for tape, text in texts.items():
                tapes[tape] = tapes.get(tape, "") + text
        return tapes
