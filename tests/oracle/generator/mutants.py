"""Policies that differ from a given one in one small change."""

import copy
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Policy = dict[str, Any]
Place = tuple[int, str, str]
"""The place of a condition: index of the statement, operator, key."""

_OPERATOR: Final = re.compile(r"(?i:(?P<prefix>(?:For(?:Any|All)Values?:)?)(?P<name>.*?)(?P<suffix>(?:IfExists)?))")
_NEGATIONS: Final = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "ArnEquals": "ArnNotEquals",
    "ArnLike": "ArnNotLike",
    "IpAddress": "NotIpAddress",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
    "NumericLessThan": "NumericGreaterThanEquals",
    "NumericGreaterThan": "NumericLessThanEquals",
    "DateLessThan": "DateGreaterThanEquals",
    "DateGreaterThan": "DateLessThanEquals",
}
_OPPOSITES: Final = {
    **{name.lower(): other for name, other in _NEGATIONS.items()},
    **{other.lower(): name for name, other in _NEGATIONS.items()},
}
_WIDER: Final = {"stringequals": "StringLike", "stringnotequals": "StringNotLike"}
_PATTERNED: Final = {"stringlike", "stringnotlike", "arnequals", "arnnotequals", "arnlike", "arnnotlike"}


class Mutant(NamedTuple):
    """A changed policy, and the change."""

    change: str
    policy: Policy


def mutants(policy: Policy) -> Iterator[Mutant]:
    """Every policy with one change; Statement and Condition of the given one must be valid."""
    raw = policy["Statement"]
    statements = raw if isinstance(raw, list) else [raw]
    whole = {**policy, "Statement": statements}
    for index, statement in enumerate(statements):
        if statement["Effect"] == "Deny":
            yield Mutant(f"Statement[{index}] removed", _without(whole, index))
            turned = copy.deepcopy(whole)
            turned["Statement"][index]["Effect"] = "Allow"
            yield Mutant(f"Statement[{index}] changed to Allow", turned)
        for operator, tests in (statement.get("Condition") or {}).items():
            for key in tests:
                yield from _of_condition(whole, (index, operator, key))


def _without(policy: Policy, index: int) -> Policy:
    statements = policy["Statement"]
    return copy.deepcopy({**policy, "Statement": statements[:index] + statements[index + 1 :]})


def _of_condition(policy: Policy, place: Place) -> Iterator[Mutant]:
    """The policy without the condition, with another operator, with a wider value."""
    index, operator, key = place
    values = policy["Statement"][index]["Condition"][operator][key]
    at = f"{operator} {key} of Statement[{index}]"
    yield Mutant(f"{at} removed", _replaced(policy, place, "", ()))
    found = _OPERATOR.fullmatch(operator)
    assert found is not None
    prefix, name, suffix = found["prefix"], found["name"], found["suffix"]
    if opposite := _OPPOSITES.get(name.lower()):
        yield Mutant(f"{at} negated", _replaced(policy, place, prefix + opposite + suffix, values))
    if suffix:
        yield Mutant(f"{at} without IfExists", _replaced(policy, place, prefix + name, values))
    if prefix:
        yield Mutant(f"{at} without {prefix}", _replaced(policy, place, name + suffix, values))
    wide = name if name.lower() in _PATTERNED else _WIDER.get(name.lower())
    if wide is not None:
        for value in _wider(values):
            yield Mutant(f"{at} widened", _replaced(policy, place, prefix + wide + suffix, value))


def _wider(values: Any) -> Iterator[Any]:
    """The values, with a star in place of the last character of one."""
    listed = values if isinstance(values, list) else [values]
    for index, value in enumerate(listed):
        if isinstance(value, str):
            yield [*listed[:index], f"{value[:-1]}*", *listed[index + 1 :]]


def _replaced(policy: Policy, place: Place, operator: str, values: Any) -> Policy:
    """The policy with another condition in place of one; without an operator: with none."""
    index, old, key = place
    mutant = copy.deepcopy(policy)
    condition = mutant["Statement"][index]["Condition"]
    del condition[old][key]
    if not condition[old]:
        del condition[old]
    if operator:
        condition.setdefault(operator, {})[key] = values
    elif not condition:
        del mutant["Statement"][index]["Condition"]
    return mutant
