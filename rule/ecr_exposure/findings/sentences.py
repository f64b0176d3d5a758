"""Sentences: how they name the things of a policy, and which of their parts give way if they are too long.

Each part has a shortest text and longer ones. All parts start with their shortest text, and then get a longer one in
the order of Rank, as long as the sentence has room.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum
from typing import Final, NamedTuple

from ecr_exposure.policy.actions import CAPABILITY_OF
from ecr_exposure.policy.condition_keys import PREFIXES, TABLE, ConditionKey, ValueDomain
from ecr_exposure.policy.document import Statement
from ecr_exposure.policy.json_values import describe, printable
from ecr_exposure.policy.principals import Principal, PrincipalKind, WrittenPrincipal


class Rank(IntEnum):
    """Which longer texts get room first."""

    CAUSE = 0
    DENY = 1
    ACTION = 2
    SHORT_SID = 3
    RECIPIENTS = 4
    DETAIL = 5
    ADVISORY = 6
    ACTIONS = 7
    SID = 8


class Part(NamedTuple):
    """A part of a sentence; longer: longer texts in place of the shortest, each with its rank, shorter ones first."""

    shortest: str
    longer: tuple[tuple[Rank, str], ...] = ()

    @property
    def longest(self) -> str:
        """The text if there is room for everything."""
        return self.longer[-1][1] if self.longer else self.shortest


Sentence = tuple[Part, ...]


def whole(sentence: Iterable[Part]) -> str:
    """Return the sentence with the longest text of each part, in printable characters."""
    return printable("".join([part.longest for part in sentence]))


def fitted(sentence: Sentence, length: int) -> str:
    """Return the sentence in at most so many printable characters; the last resort is to cut it at a word."""
    text = whole(sentence)
    if len(text) <= length:
        return text
    chosen = [part.shortest for part in sentence]
    left = length - sum(map(len, chosen))
    longer = [(rank, at, text) for at, part in enumerate(sentence) for rank, text in part.longer]
    for _, at, text in sorted(longer, key=lambda each: each[0]):
        needed = len(text) - len(chosen[at])
        if needed <= left:
            chosen[at] = text
            left -= needed
    return _cut(printable("".join(chosen)), length)


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    return f"{kept[: kept.rfind(' ')] if ' ' in kept else kept}…"


# Names.

SHORT_SID: Final = 24
"""As much of a Sid as a sentence shows before it shows more of other things."""


def name_of(statement: Statement, longest: int | None = None) -> str:
    """Name a statement by its Sid, in so many characters of it, or by its position."""
    if not statement.sid:
        return f"Statement[{statement.position}]"
    cut = longest is not None and len(statement.sid) > longest
    return f"statement {describe(f'{statement.sid[:longest]}…' if cut else statement.sid)}"


def enumerated(texts: Sequence[str], most: int) -> str:
    """Return texts as "a, b and c", at most so many, and how many more there are."""
    if len(texts) == 1:
        return texts[0]
    shown = [*texts[:most]]
    if more := len(texts) - len(shown):
        shown.append(f"{more} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def unquoted(text: str) -> str:
    """Return a text of a policy as `describe` does, without the quotation marks."""
    return describe(text)[1:-1]


def named_principal(principal: Principal) -> str:
    """Name a principal by its ARN, its account or its id."""
    text = unquoted(principal.text)
    return f"account {text}" if principal.kind is PrincipalKind.ACCOUNT else text


def written_principal(principal: WrittenPrincipal) -> str:
    """Name a value that is no principal by its type and text, such as ``Service "*"``."""
    if principal.type:
        return f"{principal.type} {describe(principal.text)}"
    return f"Principal [{describe(principal.text)}]"  # "*" without a list means everyone


# What was probably meant by a condition key or an action that is not known.

_SIMILAR: Final = 0.75
_KEYS: Final = {row.name: row.spelling for row in TABLE}
_TAGS: Final = {row.name: row.spelling for row in PREFIXES if row.name.endswith("/")}
_ACTIONS: Final = {action.lower(): action for action in CAPABILITY_OF}


def shown_key(key: ConditionKey) -> str:
    """Name a condition key: an unknown one in quotes, with the known key that is similar to it."""
    if key.domain is not ValueDomain.UNKNOWN:
        return unquoted(key.spelling)
    meant = _similar_key(key.spelling)
    return f"{describe(key.spelling)} (did you mean {meant}?)" if meant else describe(key.spelling)


def shown_action(pattern: str) -> str:
    """Name an unknown action, with the known action that is similar to it."""
    meant = _similar(pattern.lower(), _ACTIONS)
    return f"{unquoted(pattern)} (did you mean {_ACTIONS[meant]}?)" if meant else unquoted(pattern)


def _similar_key(written: str) -> str | None:
    name, slash, tag = written.partition("/")
    known = _TAGS if slash else _KEYS
    wanted = (name + slash).lower()
    same = [each for each in known if each.partition(":")[2] == wanted.rpartition(":")[2]]
    meant = same[0] if same else _similar(wanted, known)
    return None if meant is None else unquoted(known[meant] + tag)


def _similar(wanted: str, known: Iterable[str]) -> str | None:
    """Return the most similar name: a typing error rarely changes the service or the first letter behind it."""
    start = wanted[: wanted.find(":") + 2]
    found = get_close_matches(wanted, [name for name in known if name.startswith(start)], n=1, cutoff=_SIMILAR)
    return found[0] if found else None
