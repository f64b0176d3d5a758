"""The operators of Terraform, on values that can be unknown.

https://developer.hashicorp.com/terraform/language/expressions/operators
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from ecr_exposure.cli.found_policies.unknown_values import Joined, Named, Unknown, Value
from ecr_exposure.cli.policies_in_terraform.located_values import (
    LONGEST_TEXT,
    JsonText,
    MissingError,
    WrittenText,
    as_text,
    first_unknown,
)
from ecr_exposure.cli.policies_in_terraform.terraform_functions import on_each_option, one_of_all
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, may_be_absent, spread

_LONGEST_REFERENCE: Final = 80
_NO_TEXT: Final = (None, "")
_CALCULATIONS: Final[Mapping[str, Callable[[Any, Any], Value]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def truth(value: Value) -> bool | Unknown:
    """Return a value as a condition. Raises MissingError."""
    unknown = first_unknown(value)
    if unknown:
        return unknown
    if value in (True, "true", False, "false") and isinstance(value, (bool, str)):
        return value in (True, "true")
    raise MissingError("neither true nor false")


def equal(left: Value, right: Value) -> bool | Unknown:
    """Return whether two values are the same; a text of which a part is known is neither empty nor null."""
    left, right = (as_text(each) if isinstance(each, (JsonText, WrittenText)) else each for each in (left, right))
    if any(isinstance(one, (Joined, Named)) and other in _NO_TEXT for one, other in ((left, right), (right, left))):
        return False
    return (
        first_unknown(left)
        or first_unknown(right)
        or (left == right and isinstance(left, bool) == isinstance(right, bool))
    )


def calculated(operator: str, *operands: Value) -> Value:
    """Return the result of an operator of arithmetic or comparison, or of one operand. Raises MissingError."""
    unknown = next(filter(None, map(first_unknown, operands)), None)
    if unknown:
        return unknown
    if operator == "!":
        return not truth(operands[0])
    left, right = operands if len(operands) > 1 else (0, operands[0])
    if not all(type(each) in (int, float) and abs(each) < LONGEST_TEXT for each in (left, right)):
        raise MissingError("no number, or a large one")
    if operator in "/%" and not right:
        raise MissingError("division by zero")
    return _CALCULATIONS[operator](left, right)


def member(value: Value, key: Value) -> Value:
    """Return a member of an object or an element of a list, one of all if the key is not known. Raises MissingError."""
    if isinstance(key, Choice):
        return on_each_option(key, lambda each: member(value, each))
    found = spread(value) if isinstance(value, list) else value
    return on_each_option(found, lambda each: _member(each, key))


def _member(value: Value, key: Value) -> Value:
    if isinstance(value, Unknown):
        text = f".{key}" if isinstance(key, str) else f"[{key}]" if isinstance(key, int) else "[…]"
        return Unknown(f"{value.reference}{text}"[:_LONGEST_REFERENCE])
    unknown = first_unknown([each for each in value if may_be_absent(each)]) if isinstance(value, list) else None
    decides = unknown or first_unknown(key)
    if decides:
        return unknown or one_of_all(value, decides)
    with suppress(KeyError, IndexError, TypeError, ValueError):
        if isinstance(value, Mapping):
            return value[as_text(key)]
        if isinstance(value, list):
            return value[int(key)]
    raise MissingError(f"no element {key!r}")
