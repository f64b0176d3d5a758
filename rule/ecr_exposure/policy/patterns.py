"""The wildcards of IAM: ``*`` matches any text, also none, and ``?`` any one character.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
import string
from typing import Final

# Literal asterisks and question marks, in a pattern and in the text that it is compared with, are replaced with two
# private characters that no AWS value holds.
LITERAL: Final = str.maketrans("*?", "\ue02a\ue03f")
_WILDCARDS: Final = re.compile(r"[*?]*\*[*?]*")
PLAIN: Final = str.maketrans("\ue02a\ue03f", "*?")
_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Return the text with its ASCII letters in lower case.

    AWS documents no other letters as equal. str.lower() would make a k of the Kelvin sign.
    """
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def has_wildcard(pattern: str) -> bool:
    """Return whether the pattern has a wildcard."""
    return "*" in pattern or "?" in pattern


def simplified(pattern: str) -> str:
    """Return an equal pattern, in which a run of wildcards is question marks and at most one star behind them."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*", pattern)


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole text matches the pattern; case counts.

    Between its stars a pattern is a sequence of fixed pieces. Each piece is matched at the first possible place,
    which leaves most text for the rest, so no place is tried twice.
    """
    if len(pattern) - pattern.count("*") > len(text):
        return False
    head, *pieces = pattern.split("*")
    if not pieces:
        return len(head) == len(text) and _matches_at(head, text, 0)
    tail = pieces.pop()
    at, end = len(head), len(text) - len(tail)
    if at > end or not _matches_at(head, text, 0) or not _matches_at(tail, text, end):
        return False
    for piece in pieces:
        found = _find(piece, text, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _matches_at(piece: str, text: str, at: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, at)
    part = text[at : at + len(piece)]
    return len(part) == len(piece) and all(mine in ("?", theirs) for mine, theirs in zip(piece, part, strict=True))


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    places = range(start, end - len(piece) + 1)
    return next((at for at in places if _matches_at(piece, text, at)), -1)
