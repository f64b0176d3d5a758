"""Value domains: the texts that ids, names and other values can be, as regular languages.

String solvers are slow, and sometimes give up, on several long patterns over one text. The patterns that a policy
tests one text with are few, so `combinations` finds beforehand every combination of outcomes that some text of the
domain gives, with such a text; the solver then only chooses among the combinations.
"""

import functools
import string
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import Regex
from tests.oracle.solver_patterns import Pattern, Wildcard, exact_text, skip_stars, step_pattern

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
PRINTABLE = alphabet(f" ~\u00a1{LAST}")
MOMENT = alphabet("09", "-:TZ")

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
MOMENT_DOMAIN = row(
    *(some(DIGITS, part, part) if isinstance(part, int) else word(part) for part in (4, "-", 2, "-", 2, "T")),
    *(some(DIGITS, part, part) if isinstance(part, int) else word(part) for part in (2, ":", 2, ":", 2, "Z")),
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


Answers = tuple[bool, ...]
Texts = dict[Answers, list[str]]
_MOST_STEPS = 2_000_000
_SAMPLE = string.printable[:95] + "\u00e9"
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class _Place:
    """The state of one text: in the domain, in the plain words, which beginnings it has, in every other pattern."""

    domain: frozenset[int]
    word: str | None
    begun: frozenset[str]
    others: tuple[frozenset[int], ...]


@dataclass
class _Walk:
    """A walk through the automata of domain and patterns; plain words and beginnings (`word*`) share one state."""

    domain: ValueDomain
    patterns: tuple[Pattern, ...]
    excluded: frozenset[str]
    known: dict[Hashable, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = [exact_text(pattern) for pattern in self.patterns]
        self.starts = [_beginning(pattern) for pattern in self.patterns]
        plain = zip(self.patterns, self.words, self.starts, strict=True)
        self.others = [pattern for pattern, word, start in plain if word is None and start is None]
        self.wanted = {start for start in self.starts if start is not None}
        spelled = {word for word in self.words if word is not None} | self.excluded | self.wanted
        self.prefixes = {word[:end] for word in spelled for end in range(len(word) + 1)}

    def begin(self) -> _Place:
        """Before the first character."""
        states = tuple(skip_stars(pattern, {0}) for pattern in self.others)
        return _Place(self.domain.automaton.begin, "" if "" in self.prefixes else None, frozenset(), states)

    def after(self, place: _Place, char: str) -> _Place | None:
        """After one more character; None if no text of the domain continues like that."""
        domain = self._once(("domain", place.domain, char), lambda: self.domain.automaton.after(place.domain, char))
        if not domain:
            return None
        word = None if place.word is None else place.word + char
        begun = place.begun | {word} if word in self.wanted else place.begun
        others = tuple(
            self._other(index, states, char) if states else states for index, states in enumerate(place.others)
        )
        return _Place(domain, word if word in self.prefixes else None, begun, others)

    def _other(self, index: int, states: frozenset[int], char: str) -> frozenset[int]:
        return self._once((index, states, char), lambda: step_pattern(self.others[index], states, char))

    def answers(self, place: _Place) -> Answers | None:
        """Which patterns match the text; None if it is outside the domain or excluded."""
        if self.domain.automaton.end not in place.domain or place.word in self.excluded:
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
        """One character, or `want` of them, of each set that domain and patterns do not distinguish."""
        spelled = {char for word in self.prefixes for char in word}
        tokens = {token for pattern in self.others for token in pattern if isinstance(token, frozenset)}
        edges = {has for steps in self.domain.automaton.steps for has, _ in steps}
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
        return self.known[key]  # type: ignore[return-value]  # what `make` returned for the key


def _beginning(pattern: Pattern) -> str | None:
    """The text that a pattern of the form `text*` begins with."""
    if len(pattern) > 1 and pattern[-1] is Wildcard.ANY_TEXT:
        return exact_text(pattern[:-1])
    return None


def combinations(
    domain: ValueDomain, patterns: tuple[Pattern, ...], excluded: frozenset[str] = frozenset(), want: int = 1
) -> Texts | None:
    """Every combination of outcomes, each with up to `want` texts; None if the walk has too many steps."""
    walk = _Walk(domain, patterns, excluded)
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
