"""JSON values as a policy may hold them: a strict reader, and names of values for errors.

This module knows no policies: its callers say what they accept, and at which place.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final, Never, TypeGuard
from urllib.parse import unquote

from ecr_exposure.errors import PolicyError

_LONGEST_QUOTE: Final = 60
_LAST_PLANE_0: Final = "\uffff"


class DuplicateKey:
    """Replaces an object with a duplicate key, so that its reader can name the place.

    members: all that the object has, where that is known.
    """

    __slots__ = ("key", "members")

    def __init__(self, key: str, members: Sequence[tuple[str, object]] = ()) -> None:
        """Store the key and the members."""
        self.key = key
        self.members = members

    def __str__(self) -> str:
        """Return what is wrong."""
        return f"duplicate key {describe(self.key)}"


_MOST_DIGITS: Final = 40
_NUMBER: Final = re.compile(r"[+-]?([0-9]*)\.?([0-9]*)(?:[eE]([+-]?)0*([0-9]*))?")


class HugeNumber:
    """Replaces a number with too many digits, so that its reader can name the place."""

    __slots__ = ()

    def __str__(self) -> str:
        """Name the number."""
        return f"a number of more than {_MOST_DIGITS} digits"


def has_too_many_digits(number: str) -> bool:
    """Return whether a number has more than 40 digits if it is written out without an exponent."""
    found = _NUMBER.fullmatch(number)
    whole, fraction, sign, exponent = found.groups("") if found else ("", "", "", "")
    if len(exponent) > len(str(_MOST_DIGITS)):
        return True
    digits = len(whole) + len(fraction)
    decimals = len(fraction) - int(f"{sign}{exponent or 0}")
    return max(digits - min(decimals, 0), decimals + 1) > _MOST_DIGITS


def number_text(value: float) -> str:
    """Return a number as text. Raises PolicyError if it has too many digits, or is not a number of JSON."""
    if not -inf < value < inf:
        _constant(json.dumps(value))
    if _is_huge(value):
        raise PolicyError("", f"{HugeNumber()} cannot be compared")
    return str(value)


def _is_huge(value: float) -> bool:
    # Python refuses to write an integer of thousands of digits.
    return -inf < value < inf and (abs(value) >= 10**_MOST_DIGITS or has_too_many_digits(repr(value)))


def _integer(text: str) -> int | HugeNumber:
    return HugeNumber() if has_too_many_digits(text) else int(text)


def _fraction(text: str) -> float | HugeNumber:
    return HugeNumber() if has_too_many_digits(text) else float(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | DuplicateKey:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    return DuplicateKey(Counter(key for key, _ in pairs).most_common(1)[0][0], pairs)


def _constant(text: str) -> Never:
    raise PolicyError("", f"{text} is not a JSON value")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)


def read_json(text: str) -> object:
    """Return the value of a JSON text; a text that is not JSON is percent-decoded once and read again.

    Objects come back as dict, or as DuplicateKey if a key is duplicate; numbers with too many digits as HugeNumber.
    Raises PolicyError, also for nesting that is too deep.
    """
    try:
        return _decode(text)
    except PolicyError:
        decoded = _percent_decoded(text)
        if decoded is None:
            raise
    return _decode(decoded)


def _decode(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise PolicyError("", message) from None
    except RecursionError:
        raise PolicyError("", "nested deeper than 100 levels") from None


def _percent_decoded(text: str) -> str | None:
    # The IAM API returns documents percent-encoded (RFC 3986), and people paste them from there:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
    return None if decoded == text else decoded


# The exact types come first below: isinstance with an abstract class takes ten times longer.


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether the value is a JSON list (a tuple of a policy made in Python counts)."""
    return type(value) is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)))


def elements(value: object) -> Sequence[object]:
    """Return the elements of the value: in IAM a single element is the same as a list of one."""
    return value if is_list(value) else (value,)


def an_object(value: object) -> Mapping[str, object]:
    """Return the value if it is a JSON object; raise PolicyError otherwise."""
    if type(value) is dict or isinstance(value, Mapping):
        return value
    if isinstance(value, DuplicateKey):
        raise PolicyError("", str(value))
    raise PolicyError("", f"{describe(value)} is not an object")


def texts(value: object) -> tuple[str, ...]:
    """Return the value as strings if it is one string or a list of strings; raise PolicyError otherwise."""
    if type(value) is str:
        return (value,)
    found = tuple(value if type(value) is list else elements(value))
    for element in found:
        if type(element) is not str and not isinstance(element, str):
            raise PolicyError("", f"{describe(element)} is not a string")
    return found


def printable(text: str) -> str:
    """Return the text with a replacement character for every character that is not plainly visible.

    With control and direction characters the author of a policy could rewrite the line about the policy. Characters
    beyond U+FFFF are replaced too: AWS does not document whether it counts one of them as one or two.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c <= _LAST_PLANE_0 else "\ufffd" for c in text)


def _quoted(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # as below, in less time
    return printable(json.dumps(text, ensure_ascii=False))


def describe(value: object) -> str:
    """Name a value in a few printable characters: strings and numbers as they are, the rest by kind."""
    if isinstance(value, str):
        return _quoted(value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "…")
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return str(HugeNumber()) if _is_huge(value) else json.dumps(value)
    if isinstance(value, (Mapping, DuplicateKey)):
        return "an object"
    if isinstance(value, HugeNumber):
        return str(value)
    return "a list" if is_list(value) else f"a {type(value).__name__}"
