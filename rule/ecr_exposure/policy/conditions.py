"""The Condition element, normalised: one Condition for each operator and key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.condition_keys import ConditionKey, condition_key
from ecr_exposure.policy.json_values import HugeNumber, an_object, describe, elements, number_text, printable
from ecr_exposure.policy.operators import OPERATORS, Operator
from ecr_exposure.policy.patterns import ascii_lower


class Condition(NamedTuple):
    """One test of one condition key.

    values: the strings that the key is compared with; JSON booleans and numbers as their text.
    """

    operator: Operator
    key: ConditionKey
    values: tuple[str, ...]


_AS_SPELLED: Final = {operator.spelling: operator for operator in OPERATORS.values()}
"""Fast path: most policies spell an operator as AWS does."""


def read_conditions(value: object, *, variables: bool) -> tuple[Condition, ...]:
    """Read a Condition element; raise PolicyError if it is invalid.

    variables: whether ``${…}`` is a policy variable, as in version 2012-10-17.
    """
    found: list[Condition] = []
    for spelling, block in an_object(value).items():
        operator = _AS_SPELLED.get(spelling) or OPERATORS.get(ascii_lower(str(spelling)))
        if operator is None:
            raise PolicyError("", f"{describe(spelling)} is not a condition operator")
        try:
            found += _read_block(operator, an_object(block), variables=variables)
        except PolicyError as error:
            raise error.within(printable(str(spelling))) from None
    return tuple(found)


def _read_block(operator: Operator, block: Mapping[str, object], *, variables: bool) -> list[Condition]:
    found: list[Condition] = []
    is_text = operator.accepts is None
    for key, value in block.items():
        try:
            values = (value,) if is_text and type(value) is str else _read_values(operator, value, variables=variables)
        except PolicyError as error:
            raise error.within(printable(str(key))) from None
        # Half the time of Condition(…).
        found.append(tuple.__new__(Condition, (operator, condition_key(str(key)), values)))
    if len(found) > 1:
        (name, times), *_ = Counter(condition.key.name for condition in found).most_common(1)
        if times > 1:
            raise PolicyError("", f"duplicate condition key {describe(name)} (the case of keys is ignored)")
    return found


def _read_values(operator: Operator, value: object, *, variables: bool) -> tuple[str, ...]:
    accepts = operator.accepts
    found = tuple(map(_as_text, elements(value)))
    if accepts is None:
        return found
    for text in found:
        may_be_variable = variables and operator.variables is None and "${" in text
        if not may_be_variable and not accepts(text):
            raise PolicyError("", f"{describe(text)} is not {operator.value_type.value}")
    return found


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, HugeNumber):
        raise PolicyError("", f"{value} cannot be compared")
    raise PolicyError("", f"{describe(value)} is not a string, a number, true or false")
