"""A small search for a text of a given shape that fits some patterns and avoids others.

Several texts can be spelled at once, for they share parts: the ARN of a caller holds his account, and
his session name stands in his ARN and in his unique id. So a shape is a row of pieces, each of which
writes on some tapes; each pattern reads one tape. All patterns are run side by side, breadth first:
the first text that comes out is a shortest one, and none comes out only if there is none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ecr_exposure.policy.patterns import PLAIN

LIMIT: Final = 200_000


class TooComplexError(Exception):
    """The search cannot answer; the text says why."""


class Budget:
    """Steps that are left; each costs about the same."""

    __slots__ = ("left",)

    def __init__(self, limit: int = LIMIT) -> None:
        """Start with all steps."""
        self.left = limit

    def spend(self, steps: int) -> None:
        """Take steps; raises TooComplexError when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise TooComplexError(f"more than {LIMIT:,} steps")


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
