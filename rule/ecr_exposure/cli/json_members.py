"""Where the members of a JSON object, and the elements of a JSON list, are in their text."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()
_CLOSING: Final = {"{": "}", "[": "]"}


class Member(NamedTuple):
    """A member of an object, or an element of a list, which has no key.

    The text has it from first to end, and its value from start to end; before, after: the blanks around it.
    """

    key: str | None
    value: Any
    first: int
    start: int
    end: int
    before: str
    after: str


def after_blanks(text: str, start: int) -> int:
    """Return the place of the first character that is not white space."""
    found = _BLANKS.match(text, start)
    return found.end() if found else start


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins here, and its end. Raises ValueError if none does."""
    return _DECODER.raw_decode(text, start)


def members(text: str, start: int) -> Iterator[Member]:
    """Yield the members of the object, or the elements of the list, that begins here; two for a duplicate key.

    Raises ValueError if the text is not JSON.
    """
    end, closing = start + 1, _CLOSING[text[start]]
    if text[after_blanks(text, end)] == closing:
        return
    while text[end - 1] != closing:
        key, first = None, after_blanks(text, end)
        before, value_start = text[end:first], first
        if closing == "}":
            key, key_end = value_at(text, first)
            value_start = after_blanks(text, text.index(":", key_end) + 1)
        value, value_end = value_at(text, value_start)
        end = after_blanks(text, value_end)
        after, end = text[value_end:end], end + 1
        yield Member(key, value, first, value_start, value_end, before, after)
