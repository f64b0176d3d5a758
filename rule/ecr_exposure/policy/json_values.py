"""JSON as a policy may hold it: one reader for text, one set of words for what stands there.

Nothing here knows policies; the callers know what they accept and where they are.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Never, TypeGuard
from urllib.parse import unquote

from ecr_exposure.errors import PolicyError

_LONGEST_QUOTE: Final = 60
_LAST_PLANE_0: Final = "\uffff"
# Beyond this many digits Python refuses to write an integer or to make it a float.
_LARGEST: Final = 10**40


class RepeatedKey:
    """Stands where an object holds one key twice, so that its reader can name the place."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        """Remember the key."""
        self.key = key

    def __str__(self) -> str:
        """Say what is wrong."""
        return f"the key {describe(self.key)} stands twice in one object"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | RepeatedKey:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    return RepeatedKey(Counter(key for key, _ in pairs).most_common(1)[0][0])


def _constant(text: str) -> Never:
    raise PolicyError("", f"{text} is not a JSON value")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def read_json(text: str) -> object:
    """Return the value of a JSON text; a text that is none is percent-decoded once and read again.

    Objects come back as dict, or as RepeatedKey where a key stands twice.
    Raises PolicyError, also for a number or a nesting that is out of all bounds.
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
    except PolicyError:
        raise
    except ValueError:
        raise PolicyError("", "a number has too many digits") from None


def _percent_decoded(text: str) -> str | None:
    # The IAM API returns documents percent-encoded (RFC 3986), and they are pasted from there:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
    return None if decoded == text else decoded


# The exact types are asked for first below: an isinstance of an abstract class costs ten times more.


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Tell whether the value is a JSON list (a tuple of a hand-made policy counts)."""
    return type(value) is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)))


def elements(value: object) -> Sequence[object]:
    """Return the value's elements: IAM lets one element stand for a list of one."""
    return value if is_list(value) else (value,)


def an_object(value: object) -> Mapping[str, object]:
    """Return the value if it is a JSON object; PolicyError otherwise."""
    if type(value) is dict or isinstance(value, Mapping):
        return value
    if isinstance(value, RepeatedKey):
        raise PolicyError("", str(value))
    raise PolicyError("", f"{describe(value)} is not an object")


def texts(value: object) -> tuple[str, ...]:
    """Return the value as texts if it is one text or a list of texts; PolicyError otherwise."""
    if type(value) is str:
        return (value,)
    found: list[str] = []
    for element in value if type(value) is list else elements(value):
        if not isinstance(element, str):
            raise PolicyError("", f"{describe(element)} is not text")
        found.append(element)
    return tuple(found)


def printable(text: str) -> str:
    """Return the text with a replacement character for all that is no plain visible character.

    Control and direction characters would let a policy's author rewrite the line that accuses him.
    Characters beyond U+FFFF go too: whether AWS counts one of them as one or two is not documented.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c <= _LAST_PLANE_0 else "\ufffd" for c in text)


def describe(value: object) -> str:
    """Name a value in a few characters: texts and numbers as they stand, the rest by kind."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "…", ensure_ascii=False)
    if isinstance(value, (int, float)):
        return str(value) if abs(value) < _LARGEST else "a huge number"
    if isinstance(value, (Mapping, RepeatedKey)):
        return "an object"
    return "a list" if is_list(value) else f"a {type(value).__name__}"


def is_number(value: object) -> bool:
    """Tell whether the value is a JSON number of a size that somebody may have meant."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
