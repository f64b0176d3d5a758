"""The wildcards of IAM: ``*`` is any text, also none, and ``?`` is any one character.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from typing import Final

# A star or question mark that is meant as such, in a pattern and in the text it is compared with: two
# characters that no AWS value holds.
LITERAL: Final = str.maketrans("*?", "\ue02a\ue03f")
_WILDCARDS: Final = re.compile(r"[*?]*\*[*?]*")
PLAIN: Final = str.maketrans("\ue02a\ue03f", "*?")


def has_wildcard(pattern: str) -> bool:
    """Tell whether the pattern can match anything but itself."""
    return "*" in pattern or "?" in pattern


def simplified(pattern: str) -> str:
    """Return the same pattern with each run of wildcards as question marks before one star at most."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*", pattern)


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole text fits the pattern; case counts.

    Between its stars a pattern is a row of fixed pieces. Taking each piece at the first place where
    it fits leaves most room for the rest, so nothing is ever tried twice.
    """
    if len(pattern) - pattern.count("*") > len(text):
        return False
    head, *pieces = pattern.split("*")
    if not pieces:
        return len(head) == len(text) and _fits(head, text, 0)
    tail = pieces.pop()
    at, end = len(head), len(text) - len(tail)
    if at > end or not _fits(head, text, 0) or not _fits(tail, text, end):
        return False
    for piece in pieces:
        found = _find(piece, text, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _fits(piece: str, text: str, at: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, at)
    part = text[at : at + len(piece)]
    return len(part) == len(piece) and all(mine in ("?", theirs) for mine, theirs in zip(piece, part, strict=True))


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    places = range(start, end - len(piece) + 1)
    return next((at for at in places if _fits(piece, text, at)), -1)
