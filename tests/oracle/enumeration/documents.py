"""From the text or object that was handed in to plain JSON, or to a problem."""

import json
import math
from typing import Any, Final, NoReturn
from urllib.parse import unquote

MAX_DEPTH: Final = 100


class PolicyProblemError(Exception):
    """What cannot be parsed, and the place where it stands."""

    def __init__(self, place: str, message: str) -> None:
        """Keep the place apart from the message."""
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place


class NumberText(str):
    """A JSON number by its own digits."""

    __slots__ = ()


def load(policy: object) -> dict[str, Any] | None:
    """Blank text, null and an empty object are no policy."""
    if isinstance(policy, str):
        if not policy.strip():
            return None
        policy = _decode(policy)
    if policy is None or policy == {}:
        return None
    if not isinstance(policy, dict):
        raise PolicyProblemError("", "a policy is an object")
    clean = _clean(policy, 1)
    if not isinstance(clean, dict):
        raise PolicyProblemError("", "a policy is an object")
    return clean


def _decode(text: str) -> object:
    """Text that is not JSON is percent-decoded once."""
    try:
        return _parse(text)
    except ValueError:
        decoded = unquote(text)
    if decoded == text:
        raise PolicyProblemError("", "not JSON")
    try:
        return _parse(decoded)
    except ValueError as error:
        raise PolicyProblemError("", "not JSON") from error


def _parse(text: str) -> object:
    """A key may stand once in an object, and numbers keep their digits."""
    try:
        parsed: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=NumberText,
            parse_float=NumberText,
            parse_constant=_refuse,
        )
    except RecursionError as error:
        raise PolicyProblemError("", "nested too deeply") from error
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The same key twice in one object is a problem."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise PolicyProblemError("", f"the key {key!r} stands twice in one object")
        result[key] = value
    return result


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise PolicyProblemError("", f"{constant} is not a JSON number")


def _clean(value: object, depth: int) -> Any:
    """Numbers become their digits; nesting deeper than the limit is a problem."""
    if isinstance(value, dict | list | tuple) and depth > MAX_DEPTH:
        raise PolicyProblemError("", "nested too deeply")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise PolicyProblemError("", "keys are texts")
        return {key: _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return NumberText(value)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise PolicyProblemError("", "NaN and Infinity are not JSON numbers")
        return NumberText(int(value)) if value.is_integer() else NumberText(repr(value))
    raise PolicyProblemError("", f"{type(value).__name__} is not JSON")
