"""Statements that are in a policy or not, as an unknown value decides.

Such a statement has a part of its Condition that is unknown: read against access, no request meets it.
"""

from collections.abc import Hashable, Mapping
from typing import Final

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value
from ecr_exposure.cli.policies_in_terraform.located_values import LocatedObject
from ecr_exposure.cli.policies_in_terraform.uncertain_values import choice

_ALWAYS_THERE: Final = "aws:PrincipalArn"


def maybe_met(condition: Mapping[str, Value], unknown: Unknown, *, is_there: bool) -> Value:
    """Return a Condition that is also met by fewer requests, or none, by an unknown value.

    is_there: whether there is a Condition if the value is read in favor of access.
    """
    if not is_there and not any(condition.values()):
        return unknown
    spelling = next((each for each in condition if each.lower() == "null"), "Null")
    block = condition.get(spelling, {})
    if not isinstance(block, Mapping) or _ALWAYS_THERE in block:
        return unknown
    return {**condition, spelling: {**block, _ALWAYS_THERE: unknown}}


def maybe_absent(statement: Value, unknown: Unknown) -> Value:
    """Return a statement that is there or not, as an unknown value says."""
    if isinstance(statement, (Unknown, Joined)):
        return statement
    condition = statement.get("Condition") or {}
    if not isinstance(condition, Mapping):
        return unknown
    content = {**statement, "Condition": maybe_met(condition, unknown, is_there=False)}
    return statement.with_content(content) if isinstance(statement, LocatedObject) else content


def _are_statements(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) and "Effect" in each for each in value)


def either(unknown: Unknown, question: Hashable, yes: Value, no: Value) -> Value:
    """Return one of two values, by an unknown condition; question: the condition, the same for the same one."""
    if yes == no:
        return yes
    lists = [[] if each is None else each for each in (yes, no)]
    if all(map(_are_statements, lists)):
        one, other = lists
        return [each if each in other else maybe_absent(each, unknown) for each in one] + [
            maybe_absent(each, unknown) for each in other if each not in one
        ]
    return choice(unknown.reference, question, (yes, no))
