"""Value domains: the texts that ids, names and other values can be, as regular languages."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import Regex

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

    def has(char: str) -> bool:
        return char in extra or any(first <= char <= last for first, last in pairs)

    ascii_characters = frozenset(filter(has, map(chr, range(128))))
    return Alphabet(
        lambda char: char in ascii_characters or (not char.isascii() and has(char)), logic.re_any_of(*options)
    )


class Automaton:
    """A nondeterministic automaton that is built from left to right; state 0 begins."""

    def __init__(self) -> None:
        """Start with one state."""
        self.steps: list[list[tuple[Has, int]]] = [[]]
        self.jumps: list[list[int]] = [[]]
        self.end = 0
        self._after: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def state(self) -> int:
        """Add a state."""
        self.steps.append([])
        self.jumps.append([])
        return len(self.steps) - 1

    @functools.cached_property
    def begin(self) -> frozenset[int]:
        """Where every text begins."""
        return self._closed({0})

    def after(self, states: frozenset[int], char: str) -> frozenset[int]:
        """Where one more character leads to."""
        if (states, char) not in self._after:
            reached = {to for state in states for has, to in self.steps[state] if has(char)}
            self._after[states, char] = self._closed(reached)
        return self._after[states, char]

    def _closed(self, states: set[int]) -> frozenset[int]:
        waiting, found = list(states), set(states)
        while waiting:
            for to in self.jumps[waiting.pop()]:
                if to not in found:
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)


@dataclass(frozen=True, eq=False)
class ValueDomain:
    """A regular language, as an expression of the solver and as a way to extend an automaton from a state."""

    regex: Regex
    extend: Callable[[Automaton, int], int]

    @functools.cached_property
    def automaton(self) -> Automaton:
        """The automaton of the value domain."""
        made = Automaton()
        made.end = self.extend(made, 0)
        return made


def word(text: str) -> ValueDomain:
    """Exactly this text."""

    def extend(made: Automaton, state: int) -> int:
        for char in text:
            to = made.state()
            made.steps[state].append((char.__eq__, to))
            state = to
        return state

    return ValueDomain(logic.re_text(text), extend)


@functools.cache
def some(letters: Alphabet, least: int, most: int | None = None) -> ValueDomain:
    """Between `least` and `most` characters of an alphabet (without `most`: any number from `least`)."""

    def extend(made: Automaton, state: int) -> int:
        ends = [made.state()]
        made.jumps[state].append(ends[0])  # no loop on a state that other edges leave too
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

    return ValueDomain(logic.re_times(letters.regex, least, most), extend)


def row(*parts: ValueDomain) -> ValueDomain:
    """The parts one after the other."""

    def extend(made: Automaton, state: int) -> int:
        for part in parts:
            state = part.extend(made, state)
        return state

    return ValueDomain(logic.re_sequence(*(part.regex for part in parts)), extend)


def one_of(*options: ValueDomain) -> ValueDomain:
    """One of the options."""

    def extend(made: Automaton, state: int) -> int:
        ends = [option.extend(made, state) for option in options]
        final = made.state()
        for end in ends:
            made.jumps[end].append(final)
        return final

    return ValueDomain(logic.re_any_of(*(option.regex for option in options)), extend)


def many(part: ValueDomain) -> ValueDomain:
    """The part any number of times."""

    def extend(made: Automaton, state: int) -> int:
        loop = made.state()
        made.jumps[state].append(loop)
        made.jumps[part.extend(made, loop)].append(loop)
        return loop

    return ValueDomain(logic.re_times(part.regex, 0, None), extend)


def not_beginning(letters: Alphabet, beginning: str) -> ValueDomain:
    """Any text of an alphabet that does not begin like this, in whatever letter case."""
    same = [some(alphabet("", char.lower() + char.upper()), 1, 1) for char in beginning]
    options = [row(word(""), *same[:end]) for end in range(len(beginning))]
    for end, char in enumerate(beginning):
        either_case = logic.re_any_of(logic.re_text(char.lower()), logic.re_text(char.upper()))
        other = Alphabet(_but(letters, char), logic.re_both(letters.regex, logic.re_not(either_case)))
        options.append(row(*same[:end], some(other, 1, 1), some(letters, 0)))
    return one_of(*options)


def _but(letters: Alphabet, char: str) -> Has:
    return lambda other: other not in (char.lower(), char.upper()) and letters.has(other)


LAST = "\U0002fa1f"  # Z3's characters end a little later
DIGITS = alphabet("09")
LOWER = alphabet("az09")
UPPER = alphabet("AZ09")
HEX = alphabet("af09")
NAME = alphabet("azAZ09", "_+=,.@-")
PATH = alphabet("!~")  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
DASHED = alphabet("az09", "-")
UNITS = alphabet("az09", "-/")
SPELLED = alphabet("09af", "-.:TZ")  # addresses, moments and numbers
PRINTABLE = alphabet(f" ~\u00a1\ud7ff\ue000{LAST}")  # half of a surrogate pair is no character

ACCOUNT_DOMAIN = some(DIGITS, 12, 12)
ORGANIZATION_DOMAIN = row(word("o-"), some(LOWER, 10, 32))
_UNIT = row(word("ou-"), some(LOWER, 4, 32), word("-"), some(LOWER, 8, 32), word("/"))
UNITS_DOMAIN = row(word("r-"), some(LOWER, 4, 32), word("/"), many(_UNIT))
PATH_DOMAIN = one_of(word(""), row(some(PATH, 1), word("/")))
NAME_DOMAIN = some(NAME, 1)
USER_ID_DOMAIN = row(word("AIDA"), some(UPPER, 12, 28))
ROLE_ID_DOMAIN = row(word("AROA"), some(UPPER, 12, 28))
NO_ARN_DOMAIN = not_beginning(PRINTABLE, "arn:")
UNIQUE_ID_DOMAIN = one_of(USER_ID_DOMAIN, ROLE_ID_DOMAIN)
VPC_DOMAIN = row(word("vpc-"), some(HEX, 1))
ENDPOINT_DOMAIN = row(word("vpce-"), some(HEX, 1))
PARTITION_DOMAIN = one_of(
    *(word(name) for name in ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso")),
    row(word("aws-iso-"), some(alphabet("az"), 1, 1)),
)
NO_CAPITALS = logic.re_times(
    logic.re_any_of(logic.re_range(" ", "@"), logic.re_range("[", "~"), logic.re_range("\u00a1", LAST)), 0, None
)
NO_COLONS = logic.re_times(logic.re_any_of(logic.re_range(" ", "9"), logic.re_range(";", LAST)), 0, None)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
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
