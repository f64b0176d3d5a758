"""Statements that are in a policy or not, as an unknown value decides.

Such a statement has an operator more in its Condition, which is unknown: read in favor of access it has none, and read
against it the statement is not there.
"""

from collections.abc import Mapping

from ecr_exposure.cli.policies_in_files.located_values import JsonText, LocatedObject
from ecr_exposure.cli.policies_in_files.unknown_values import Joined, Unknown, Value
from ecr_exposure.policy.json_values import elements


def maybe_absent(statement: Value, unknown: Unknown) -> Value:
    """Return a statement that is there or not, as an unknown value says: a part of its Condition is unknown."""
    if isinstance(statement, (Unknown, Joined)):
        return statement
    condition = statement.get("Condition") or {}
    if not isinstance(condition, Mapping):
        return unknown
    content = {**statement, "Condition": {**condition, f"if {unknown.reference}": unknown}}
    return statement.with_content(content) if isinstance(statement, LocatedObject) else content


def _are_statements(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) and "Effect" in each for each in value)


def _is_policy(value: Value) -> bool:
    return isinstance(value, JsonText) and isinstance(value.value, Mapping) and "Statement" in value.value


def either(unknown: Unknown, yes: Value, no: Value) -> Value:
    """Return one of two values, by an unknown condition."""
    if yes == no:
        return yes
    lists = [[] if each is None else each for each in (yes, no)]
    if all(map(_are_statements, lists)):
        one, other = lists
        return [each if each in other else maybe_absent(each, unknown) for each in one] + [
            maybe_absent(each, unknown) for each in other if each not in one
        ]
    if _is_policy(yes) and _is_policy(no):
        statements = (list(elements(each.value["Statement"])) for each in (yes, no))
        return JsonText({**yes.value, "Statement": either(unknown, *statements)})
    return unknown
