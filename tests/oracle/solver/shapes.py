"""The shapes of what a request carries: alphabets, and regular languages over them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.oracle.solver import logic
from tests.oracle.solver.logic import Regex

Has: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True)
class Alphabet:
    """A set of characters, for Python and for the solver."""

    has: Has
    regex: Regex


def alphabet(ranges: str, extra: str = "") -> Alphabet:
    """An alphabet from pairs of first and last characters and single ones."""
    pairs = [(ranges[place], ranges[place + 1]) for place in range(0, len(ranges), 2)]
    options = [logic.re_range(*pair) for pair in pairs] + [logic.re_text(char) for char in extra]
    return Alphabet(
        lambda char: char in extra or any(first <= char <= last for first, last in pairs), logic.re_any_of(*options)
    )


class Automaton:
    """A nondeterministic automaton that is built from left to right; state 0 begins."""

    def __init__(self) -> None:
        """Begin with one state."""
        self.steps: list[list[tuple[Has, int]]] = [[]]
        self.jumps: list[list[int]] = [[]]
        self.end = 0

    def state(self) -> int:
        """One more state."""
        self.steps.append([])
        self.jumps.append([])
        return len(self.steps) - 1

    @functools.cached_property
    def begin(self) -> frozenset[int]:
        """Where every text begins."""
        return self._closed({0})

    def after(self, states: frozenset[int], char: str) -> frozenset[int]:
        """Where one more character leads to."""
        return self._closed({to for state in states for has, to in self.steps[state] if has(char)})

    def _closed(self, states: set[int]) -> frozenset[int]:
        waiting, found = list(states), set(states)
        while waiting:
            for to in self.jumps[waiting.pop()]:
                if to not in found:
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)


@dataclass(frozen=True, eq=False)
class Shape:
    """A regular language, for the solver and as a way to prolong an automaton from one state to another."""

    regex: Regex
    prolong: Callable[[Automaton, int], int]

    @functools.cached_property
    def automaton(self) -> Automaton:
        """The automaton of the shape."""
        made = Automaton()
        made.end = self.prolong(made, 0)
        return made


def word(text: str) -> Shape:
    """Exactly this text."""

    def prolong(made: Automaton, state: int) -> int:
        for char in text:
            to = made.state()
            made.steps[state].append((char.__eq__, to))
            state = to
        return state

    return Shape(logic.re_text(text), prolong)


@functools.cache
def some(letters: Alphabet, least: int, most: int | None = None) -> Shape:
    """Between `least` and `most` characters of an alphabet (without `most`: any number from `least`)."""

    def prolong(made: Automaton, state: int) -> int:
        ends = [made.state()]
        made.jumps[state].append(ends[0])  # a loop must not sit on a state that others leave, too
        for _ in range(most or least):
            to = made.state()
            made.steps[ends[-1]].append((letters.has, to))
            ends.append(to)
        if most is None:
            made.steps[ends[-1]].append((letters.has, ends[-1]))
            return ends[-1]
        final = made.state()
        for end in ends[least:]:
            made.jumps[end].append(final)
        return final

    return Shape(logic.re_times(letters.regex, least, most), prolong)


def row(*parts: Shape) -> Shape:
    """The parts one after the other."""

    def prolong(made: Automaton, state: int) -> int:
        for part in parts:
            state = part.prolong(made, state)
        return state

    return Shape(logic.re_sequence(*(part.regex for part in parts)), prolong)


def one_of(*options: Shape) -> Shape:
    """One of the options."""

    def prolong(made: Automaton, state: int) -> int:
        ends = [option.prolong(made, state) for option in options]
        final = made.state()
        for end in ends:
            made.jumps[end].append(final)
        return final

    return Shape(logic.re_any_of(*(option.regex for option in options)), prolong)


def many(part: Shape) -> Shape:
    """The part any number of times."""

    def prolong(made: Automaton, state: int) -> int:
        loop = made.state()
        made.jumps[state].append(loop)
        made.jumps[part.prolong(made, loop)].append(loop)
        return loop

    return Shape(logic.re_times(part.regex, 0, None), prolong)


def not_beginning(letters: Alphabet, beginning: str) -> Shape:
    """Any text of an alphabet that does not begin like this."""
    options = [word(beginning[:end]) for end in range(len(beginning))]
    for end, char in enumerate(beginning):
        other = Alphabet(_but(letters, char), logic.re_both(letters.regex, logic.re_not(logic.re_text(char))))
        options.append(row(word(beginning[:end]), some(other, 1, 1), some(letters, 0)))
    return one_of(*options)


def _but(letters: Alphabet, char: str) -> Has:
    return lambda other: other != char and letters.has(other)


LAST = "\U0002fa1f"  # the solver's characters end a little later
DIGITS = alphabet("09")
LOWER = alphabet("az09")
UPPER = alphabet("AZ09")
HEX = alphabet("af09")
NAME = alphabet("azAZ09", "_+=,.@-")
PATH = alphabet("!~")  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
DASHED = alphabet("az09", "-")
UNITS = alphabet("az09", "-/")
PRINTABLE = alphabet(f" ~\u00a1{LAST}")
MOMENT = alphabet("09", "-:TZ")

ACCOUNT_SHAPE = some(DIGITS, 12, 12)
ORGANIZATION_SHAPE = row(word("o-"), some(LOWER, 10, 32))
_UNIT = row(word("ou-"), some(LOWER, 4, 32), word("-"), some(LOWER, 8, 32), word("/"))
UNITS_SHAPE = row(word("r-"), some(LOWER, 4, 32), word("/"), many(_UNIT))
PATH_SHAPE = one_of(word(""), row(some(PATH, 1), word("/")))
NAME_SHAPE = some(NAME, 1)
USER_ID_SHAPE = row(word("AIDA"), some(UPPER, 12, 28))
ROLE_ID_SHAPE = row(word("AROA"), some(UPPER, 12, 28))
NO_ARN_SHAPE = not_beginning(PRINTABLE, "arn:")
UNIQUE_ID_SHAPE = one_of(USER_ID_SHAPE, ROLE_ID_SHAPE)
VPC_SHAPE = row(word("vpc-"), some(HEX, 1))
ENDPOINT_SHAPE = row(word("vpce-"), some(HEX, 1))
PARTITION_SHAPE = one_of(
    *(word(name) for name in ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso")),
    row(word("aws-iso-"), some(alphabet("az"), 1, 1)),
)
MOMENT_SHAPE = row(
    *(some(DIGITS, part, part) if isinstance(part, int) else word(part) for part in (4, "-", 2, "-", 2, "T")),
    *(some(DIGITS, part, part) if isinstance(part, int) else word(part) for part in (2, ":", 2, ":", 2, "Z")),
)
NO_CAPITALS = logic.re_times(
    logic.re_any_of(logic.re_range(" ", "@"), logic.re_range("[", "~"), logic.re_range("\u00a1", LAST)), 0, None
)
NO_COLONS = logic.re_times(logic.re_any_of(logic.re_range(" ", "9"), logic.re_range(";", LAST)), 0, None)

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
}


def partition_of(region: str) -> str:
    """The partition that a region belongs to."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
