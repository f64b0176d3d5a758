"""JSON values as a policy may hold them: a strict reader, and names of values for errors.

This module knows no policies: its callers say what they accept, and at which place.
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


class DuplicateKey:
    """Replaces an object with a duplicate key, so that its reader can name the place."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        """Store the key."""
        self.key = key

    def __str__(self) -> str:
        """Return what is wrong."""
        return f"duplicate key {describe(self.key)}"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | DuplicateKey:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    return DuplicateKey(Counter(key for key, _ in pairs).most_common(1)[0][0])


def _constant(text: str) -> Never:
    raise PolicyError("", f"{text} is not a JSON value")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def read_json(text: str) -> object:
    """Return the value of a JSON text; a text that is not JSON is percent-decoded once and read again.

    Objects come back as dict, or as DuplicateKey if a key is duplicate.
    Raises PolicyError, also for a number with too many digits and for nesting that is too deep.
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
    found: list[str] = []
    for element in value if type(value) is list else elements(value):
        if not isinstance(element, str):
            raise PolicyError("", f"{describe(element)} is not a string")
        found.append(element)
    return tuple(found)


def printable(text: str) -> str:
    """Return the text with a replacement character for every character that is not plainly visible.

    With control and direction characters the author of a policy could rewrite the line about the policy. Characters
    beyond U+FFFF are replaced too: AWS does not document whether it counts one of them as one or two.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c <= _LAST_PLANE_0 else "\ufffd" for c in text)


def describe(value: object) -> str:
    """Name a value in a few characters: strings and numbers as they are, the rest by kind."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "…", ensure_ascii=False)
    if isinstance(value, (int, float)):
        return str(value) if abs(value) < _LARGEST else "a huge number"
    if isinstance(value, (Mapping, DuplicateKey)):
        return "an object"
    return "a list" if is_list(value) else f"a {type(value).__name__}"


def is_number(value: object) -> bool:
    """Return whether the value is a JSON number of a plausible size."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
