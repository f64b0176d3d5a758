"""The shortest string of a given form that matches some wildcard patterns and does not match others.

Several strings are searched for at once, because they share parts: the ARN of a caller holds its account id, and
the session name is in its ARN and in its unique id. Each string is written to a tape of its own. A form is a
sequence of pieces, each of which writes to some tapes, and each automaton reads one tape. All automata run side by
side, breadth first: the first result is a shortest one, and there is no result only if no string matches.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ecr_exposure.policy.patterns import PLAIN

LIMIT: Final = 200_000
_ARN_SEPARATORS: Final = 5


class TooComplexError(Exception):
    """The search cannot decide; the message says why."""


class Budget:
    """The steps that the search may still take; they are counted, so the limit is the same on every machine."""

    __slots__ = ("left",)

    def __init__(self, limit: int = LIMIT) -> None:
        """Start with all steps."""
        self.left = limit

    def spend(self, steps: int) -> None:
        """Take steps; raise TooComplexError if there are none left."""
        self.left -= steps
        if self.left < 0:
            raise TooComplexError(f"more than {LIMIT:,} steps")


class Automaton(Protocol):
    """A deterministic automaton that reads one tape; a state is any hashable value."""

    tape: str
    letters: frozenset[str]

    @property
    def start(self) -> object:
        """The state before the first character."""

    def step(self, state: Any, character: str) -> Any:  # noqa: ANN401 - each automaton has states of its own
        """Return the next state; None if nothing that follows can be accepted."""

    def accepts(self, state: Any) -> bool:  # noqa: ANN401 - the same
        """Return whether the string may end here."""


class PatternAutomaton:
    """Accepts a string that matches at least one of several wildcard patterns or, negated, none of them.

    All patterns are laid out in one integer: bit i says that everything before the i-th character of its
    pattern has matched. One step moves the bits whose character matches, and keeps those at a star.
    """

    __slots__ = ("_any", "_ends", "_letters", "_loops", "_negated", "_size", "_sure", "letters", "start", "tape")

    def __init__(
        self, tape: str, patterns: Iterable[str], *, negated: bool = False, ignore_case: bool = False, arn: bool = False
    ) -> None:
        """Lay out the patterns; arn: in the first five fields a wildcard does not match a colon."""
        self.tape = tape
        self._negated = negated
        self._letters: dict[str, int] = {}
        # What a question mark and a star match: any other character, and a colon.
        self._any, self._loops = [0, 0], [0, 0]
        self._size = self._ends = self.start = 0
        for pattern in patterns:
            self._add(pattern, ignore_case=ignore_case, arn=arn)
        self._sure = self._ends & self._loops[0] & self._loops[1]
        self.letters = frozenset(self._letters) | {":"}

    def _add(self, pattern: str, *, ignore_case: bool, arn: bool) -> None:
        self.start |= 1 << self._size
        separators = 0
        for character in pattern:
            bit = 1 << self._size
            at_colon = bit if not arn or separators >= _ARN_SEPARATORS else 0
            if character == "*":
                self._loops = [self._loops[0] | bit, self._loops[1] | at_colon]
                continue
            if character == "?":
                self._any = [self._any[0] | bit, self._any[1] | at_colon]
            else:
                separators += character == ":"
                plain = character.translate(PLAIN)
                # IAM ignores the case of ASCII letters only.
                cases = {plain.lower(), plain.upper()} if ignore_case and plain.isascii() else {plain}
                for each in cases:
                    self._letters[each] = self._letters.get(each, 0) | bit
            self._size += 1
        self._ends |= 1 << self._size
        self._size += 1

    def step(self, state: int, character: str) -> int | None:
        """Read one character."""
        colon = character == ":"
        matched = self._letters.get(character, 0) | self._any[colon]
        after = ((state & matched) << 1) | (state & self._loops[colon])
        if not self._negated:
            return after or None
        # If a pattern that ends in a star has matched up to the star, it matches whatever follows.
        return None if after & self._sure else after

    def accepts(self, state: int) -> bool:
        """Return whether the string may end here."""
        return bool(state & self._ends) != self._negated


class ExclusionAutomaton:
    """Accepts every string but those of a set."""

    __slots__ = ("_excluded", "_prefixes", "letters", "start", "tape")

    def __init__(self, tape: str, excluded: frozenset[str]) -> None:
        """Store every prefix, so that a step takes the same time whatever the size of the set."""
        self.tape = tape
        self._excluded = excluded
        self._prefixes = {text[:end] for text in excluded for end in range(len(text) + 1)}
        self.letters = frozenset(letter for text in excluded for letter in text)
        self.start: object = ""

    def step(self, state: str, character: str) -> str:
        """Read one character; a string that is no prefix of an excluded one stays accepted."""
        longer = state + character
        return longer if state != _ACCEPTED and longer in self._prefixes else _ACCEPTED

    def accepts(self, state: str) -> bool:
        """Return whether the string may end here."""
        return state not in self._excluded


_ACCEPTED: Final = "\x00"


class CharClass(NamedTuple):
    """A set of characters: a test, and samples from which one that no pattern names is taken."""

    contains: Callable[[str], bool]
    samples: str


class Literal(NamedTuple):
    """A fixed text for each tape that it writes to."""

    texts: Mapping[str, str]


class Repeat(NamedTuple):
    """Between ``least`` and ``most`` characters of a class, the same on each of its tapes."""

    characters: CharClass
    least: int
    most: int | None
    tapes: tuple[str, ...]


Form = Sequence[Literal | Repeat]


class _Node(NamedTuple):
    piece: int
    written: int
    states: tuple[object, ...]


def shortest_match(form: Form, automata: Sequence[Automaton], budget: Budget) -> dict[str, str] | None:
    """Return a string for each tape that every automaton accepts, shortest first; None if there is none.

    Raises TooComplexError.
    """
    return _StringSearch(form, automata, budget).run()


class _StringSearch:
    def __init__(self, form: Form, automata: Sequence[Automaton], budget: Budget) -> None:
        self._form = form
        self._automata = automata
        self._budget = budget
        self._readers = [self._readers_of(piece) for piece in form]
        self._alphabets = [self._alphabet(at) for at in range(len(form))]
        self._ended = self._ends()

    def _readers_of(self, piece: Literal | Repeat) -> tuple[int, ...]:
        tapes = piece.texts if isinstance(piece, Literal) else piece.tapes
        return tuple(at for at, automaton in enumerate(self._automata) if automaton.tape in tapes)

    def _ends(self) -> list[tuple[int, ...]]:
        """Return for each piece the automata whose tape ends right before it."""
        last = [
            max((at for at, readers in enumerate(self._readers) if reader in readers), default=-1)
            for reader in range(len(self._automata))
        ]
        return [tuple(reader for reader, end in enumerate(last) if end == at - 1) for at in range(len(self._form) + 1)]

    def _alphabet(self, at: int) -> str:
        """Return the characters worth trying in a piece: those that a pattern names, and one that none does."""
        piece = self._form[at]
        if isinstance(piece, Literal):
            return ""
        special: set[str] = set()
        for reader in self._readers[at]:
            special |= self._automata[reader].letters
        contains, samples = piece.characters
        neutral = next((each for each in samples if each not in special), "")
        # Samples come first, as in plain examples.
        plain = "".join(each for each in samples if each in special)
        return neutral + plain + "".join(sorted(each for each in special - set(plain) if contains(each)))

    def run(self) -> dict[str, str] | None:
        first = self._enter(0, tuple(automaton.start for automaton in self._automata))
        parents: dict[_Node, tuple[_Node, str] | None] = {}
        waiting: deque[_Node] = deque()
        for node in first:
            parents[node] = None
            waiting.append(node)
        while waiting:
            node = waiting.popleft()
            if node.piece == len(self._form):
                return self._tapes(node, parents)
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
            state = self._automata[at].step(states[at], character)
            if state is None:
                return
            states[at] = state
        piece = self._form[node.piece]
        assert isinstance(piece, Repeat)  # noqa: S101 - only repeats have an alphabet
        count = node.written + 1 if piece.most is not None or node.written < piece.least else node.written
        if piece.most is None or count < piece.most:
            yield _Node(node.piece, count, tuple(states))
        if count >= piece.least:
            yield from self._enter(node.piece + 1, tuple(states))

    def _enter(self, at: int, states: tuple[object, ...]) -> Iterable[_Node]:
        """Yield the nodes that expect a character: literals are written, and optional repeats skipped."""
        while True:
            if self._ended[at]:
                finished = self._finish(at, states)
                if finished is None:
                    return
                states = finished
            if at == len(self._form):
                yield _Node(at, 0, states)
                return
            piece = self._form[at]
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
        """Ask the automata whose tape is complete whether they accept, and drop their states."""
        after = list(states)
        for reader in self._ended[at]:
            if not self._automata[reader].accepts(after[reader]):
                return None
            after[reader] = None
        return tuple(after)

    def _write(self, at: int, piece: Literal, states: tuple[object, ...]) -> tuple[object, ...] | None:
        after = list(states)
        for reader in self._readers[at]:
            automaton = self._automata[reader]
            for character in piece.texts[automaton.tape]:
                state = automaton.step(after[reader], character)
                if state is None:
                    return None
                after[reader] = state
        return tuple(after)

    def _tapes(self, node: _Node, parents: Mapping[_Node, tuple[_Node, str] | None]) -> dict[str, str]:
        """Return what was written to each tape on the way to a node."""
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
        for at, piece in enumerate(self._form):
            texts = (
                piece.texts if isinstance(piece, Literal) else dict.fromkeys(piece.tapes, "".join(letters.get(at, [])))
            )
            for tape, text in texts.items():
                tapes[tape] = tapes.get(tape, "") + text
        return tapes
