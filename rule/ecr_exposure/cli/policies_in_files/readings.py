"""A policy with unknown values, read so that it grants as much access as possible, or as little.

Where both readings have the same result, the unknown values do not matter. A statement grants more if an Allow matches
more requests, and if a Deny matches fewer.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.policies_in_files.unknown_values import (
    Alternatives,
    Joined,
    Unknown,
    Value,
    parts_of,
    references_in,
)
from ecr_exposure.identifiers import ARN_FIELDS, arn_fields
from ecr_exposure.policy.json_values import elements
from ecr_exposure.policy.operators import OPERATORS, ValueType
from ecr_exposure.policy.patterns import ascii_lower

IsOpen = Callable[[str], bool]
"""Whether the unknown value of a reference is read in favor of access."""

_EVERYTHING: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
_NOTHING: Final = {"Effect": "Deny", "Principal": "*", "Action": "*"}
# Stands for a statement that matches nothing, so that the others keep their index.
_FOR_NOBODY: Final = {"Effect": "Allow", "Principal": {"AWS": []}, "Action": "ecr:*"}
# Compared with one text, such a key names one account, organization or network, whatever the text is: a value of a
# parameter is no policy variable.
_NAMES_ONE: Final = {
    "aws:principalorgid": "o-unknown0000",
    "aws:principalaccount": "000000000000",
    "aws:principalarn": "arn:aws:iam::000000000000:role/unknown",
    "aws:userid": "AROAUNKNOWN0000000000",
    "aws:sourcevpc": "vpc-00000000000000000",
    "aws:sourcevpce": "vpce-00000000000000000",
    "aws:vpceaccount": "000000000000",
    "aws:vpceorgid": "o-unknown0000",
    "aws:sourceaccount": "000000000000",
    "aws:sourceorgid": "o-unknown0000",
}
_MARK: Final = "\ue100"
_EXACT: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotEqualsIgnoreCase")
# Every request has these keys, so the condition is met, and it is a condition.
_ALWAYS_THERE: Final = ("aws:PrincipalArn", "aws:PrincipalAccount", "aws:userid", "aws:PrincipalType")


class _DropStatementError(Exception):
    """In this reading the statement matches nothing."""


def read_as(policy: Value, is_open: IsOpen) -> Any:  # noqa: ANN401 - a policy as `judge` takes it
    """Return a policy in which each unknown value is read in favor of access, or against it.

    Of alternatives it is the first one.
    """
    if isinstance(policy, Alternatives):
        return read_as(policy.policies[0], is_open)
    if isinstance(policy, (Unknown, Joined)):
        return {"Statement": [_EVERYTHING if _any_open(policy, is_open) else _NOTHING]}
    if not isinstance(policy, Mapping) or next(references_in(policy), None) is None:
        return policy
    found = {key: _text(value) for key, value in policy.items() if key != "Statement"}
    if isinstance(policy.get("Version"), (Unknown, Joined)):
        found["Version"] = "2012-10-17"
    if "Statement" in policy:
        found["Statement"] = [_read_statement(each, is_open) for each in elements(policy["Statement"])]
    return found


def _any_open(value: Value, is_open: IsOpen) -> bool:
    return any(map(is_open, references_in(value)))


def _text(value: Value) -> Value:
    """Return a value without its unknown parts, where they do not matter."""
    if isinstance(value, Unknown):
        return ""
    return "".join(part for part in value.parts if isinstance(part, str)) if isinstance(value, Joined) else value


def _read_statement(statement: Value, is_open: IsOpen) -> Value:
    if isinstance(statement, (Unknown, Joined)):
        return _EVERYTHING if _any_open(statement, is_open) else _NOTHING
    if not isinstance(statement, Mapping):
        return statement
    content = dict(statement)
    effect = content.get("Effect")
    if isinstance(effect, (Unknown, Joined)):
        effect = content["Effect"] = "Allow" if _any_open(effect, is_open) else "Deny"
    direction = _Direction(is_open, allows=effect != "Deny")
    try:
        return {element: _read_element(element, value, direction) for element, value in _kept(content, direction)}
    except _DropStatementError:
        return _FOR_NOBODY


class _Direction(NamedTuple):
    """Whether a statement is to match more requests, or fewer, by an unknown value."""

    is_open: IsOpen
    allows: bool

    def matches_more(self, value: Value) -> bool:
        """Return whether the statement is to match more by this value."""
        return _any_open(value, self.is_open) == self.allows


def _kept(content: Mapping[str, Value], direction: _Direction) -> list[tuple[str, Value]]:
    """Return the elements without a Condition that may be none at all."""
    condition = content.get("Condition")
    if not isinstance(condition, (Unknown, Joined)):
        return list(content.items())
    if not direction.matches_more(condition):
        raise _DropStatementError
    return [(element, value) for element, value in content.items() if element != "Condition"]


def _read_element(element: str, value: Value, direction: _Direction) -> Value:
    if next(references_in(value), None) is None:
        return value
    match element:
        case "Principal" | "NotPrincipal":
            return _read_principal(value, direction, negated=element == "NotPrincipal")
        case "Action" | "NotAction":
            return _read_actions(value, direction, negated=element == "NotAction")
        case "Condition":
            return _read_condition(value, direction)
        case "Resource" | "NotResource":
            return "*" if direction.matches_more(value) else "arn:aws:ecr:*:*:repository/unknown"
        case _:
            return _text(value)


def _read_principal(principal: Value, direction: _Direction, *, negated: bool) -> Value:
    if isinstance(principal, (Unknown, Joined)):
        return {"AWS": _values(principal, direction, negated=negated)}
    if not isinstance(principal, Mapping):
        return principal
    return {kind: _values(values, direction, kind, negated=negated) for kind, values in principal.items()}


def _values(values: Value, direction: _Direction, kind: str = "", *, negated: bool) -> list[Value]:
    """Return the values of a Principal: an unknown one is everyone, or nobody."""
    read: list[Value] = []
    for each in elements(values):
        named = _named(each, kind) if isinstance(each, Joined) else each
        if not isinstance(named, (Unknown, Joined)):
            read.append(named)
        elif direction.matches_more(each) != negated:
            read.append("*")
    return read


def _named(value: Joined, kind: str) -> str | Joined:
    """Return a principal for a value that names one, whatever its unknown part is.

    Amazon ECR accepts no wildcard in an ARN or in the name of a service, so such a part is none:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    text = "".join(part if isinstance(part, str) else _MARK for part in value.parts)
    if kind == "Service" and text.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return text.replace(_MARK, "unknown")
    fields = arn_fields(text)
    if kind != "AWS" or fields[0] != "arn" or len(fields) < ARN_FIELDS:
        return value
    known = ("arn", "aws", fields[2].replace(_MARK, "iam"), "", _NAMES_ONE["aws:principalaccount"])
    whole = [replacement if _MARK in field else field for field, replacement in zip(fields, known, strict=False)]
    return ":".join([*whole, fields[-1].replace(_MARK, "unknown")])


def _read_actions(actions: Value, direction: _Direction, *, negated: bool) -> list[Value]:
    read: list[Value] = []
    for each in elements(actions):
        if not isinstance(each, (Unknown, Joined)):
            read.append(each)
        elif direction.matches_more(each) != negated:
            pattern = "".join(part if isinstance(part, str) else "*" for part in parts_of(each))
            read.append(pattern if ":" in pattern else "*")
    return read


def _read_condition(condition: Value, direction: _Direction) -> Value:
    if not isinstance(condition, Mapping):
        return condition
    read: dict[str, Any] = {}
    is_met = 0
    for operator, block in condition.items():
        if isinstance(block, (Unknown, Joined)):
            if not direction.matches_more(block):
                raise _DropStatementError
        elif not isinstance(block, Mapping):
            read[operator] = block
        else:
            kept = {key: _read_values(operator, key, value, direction) for key, value in block.items()}
            is_met += sum(value is None for value in kept.values())
            read[operator] = {key: value for key, value in kept.items() if value is not None or block[key] is None}
    return _with_condition_that_is_met(read) if is_met else read


def _read_values(operator: str, key: str, value: Value, direction: _Direction) -> Value:
    """Return the values of one condition, None for a condition that is met; raise if it is not met."""
    if next(references_in(value), None) is None:
        return value
    row = OPERATORS.get(ascii_lower(operator))
    name = _NAMES_ONE.get(ascii_lower(key))
    if row is not None and row.name in _EXACT and name is not None:
        return [name if isinstance(each, (Unknown, Joined)) else each for each in elements(value)]
    known = [each for each in elements(value) if not isinstance(each, (Unknown, Joined))]
    more = direction.matches_more(value)
    # A value more makes a positive operator match more, and a negated one match less.
    if row is not None and row.value_type is not ValueType.NULL and known and row.negated == more:
        return known
    if not more:
        raise _DropStatementError
    return None


def _with_condition_that_is_met(condition: dict[str, Any]) -> dict[str, Any]:
    """Return a Condition with one more operator that every request meets."""
    spelling = next((each for each in condition if ascii_lower(each) == "null"), "Null")
    block = condition.get(spelling, {})
    taken = {ascii_lower(key) for key in block} if isinstance(block, Mapping) else set()
    key = next(each for each in _ALWAYS_THERE if ascii_lower(each) not in taken)
    return {**condition, spelling: {**block, key: "false"}}
