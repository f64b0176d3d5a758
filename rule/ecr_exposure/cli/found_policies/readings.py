"""A policy with unknown values, read so that it grants as much access as possible, or as little.

Where both readings have the same result, the unknown values do not matter. A statement grants more if an Allow matches
more requests, and if a Deny matches fewer.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.found_policies.unknown_values import (
    Alternatives,
    Joined,
    Unknown,
    Value,
    parts_of,
    references_in,
)
from ecr_exposure.identifiers import ARN_FIELDS, account_of, arn_fields
from ecr_exposure.policy.json_values import elements
from ecr_exposure.policy.operators import OPERATORS, Operator, ValueType
from ecr_exposure.policy.patterns import ascii_lower

IsOpen = Callable[[str], bool]
"""Whether the unknown value of a reference is read in favor of access."""

_EVERYTHING: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
_NOTHING: Final = {"Effect": "Deny", "Principal": "*", "Action": "*"}
# Another account than the one that stands for the code's own.
_ACCOUNT: Final = "000000000001"
# Compared with one text, such a key names one account, organization or network, whatever the text is: a value of a
# parameter is no policy variable, and a list of such values is not empty.
_NAMES_ONE: Final = {
    "aws:principalorgid": "o-unknown0000",
    "aws:principalaccount": _ACCOUNT,
    "aws:principalarn": f"arn:aws:iam::{_ACCOUNT}:role/unknown",
    "aws:userid": "AROAUNKNOWN0000000000",
    "aws:sourcevpc": "vpc-00000000000000000",
    "aws:sourcevpce": "vpce-00000000000000000",
    "aws:vpceaccount": _ACCOUNT,
    "aws:vpceorgid": "o-unknown0000",
    "aws:sourceaccount": _ACCOUNT,
    "aws:sourceorgid": "o-unknown0000",
}
_MARK: Final = "\ue100"
_EXACT: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotEqualsIgnoreCase")
_NULL: Final = "null"
# Every request has it, so that "Null: false" of it is always met, and "Null: true" never.
_ALWAYS_THERE: Final = "aws:PrincipalArn"
_IN_ACCOUNT: Final = {"AWS": "role/unknown", "Federated": "saml-provider/unknown"}
"""A principal in an account, by its type."""
_SESSION: Final = "assumed-role/unknown/unknown"


class _Met(Enum):
    """Which requests meet a condition with an unknown value, at most or at least."""

    ALWAYS = "all"
    PRESENT = "those with the key"
    ABSENT = "those without the key"
    NEVER = "none"

    def is_excluded(self, null: Value) -> bool:
        """Return whether a Null condition of the key with these values leaves none of the requests, or maybe none."""
        values = {str(each).lower() for each in elements(null)}
        return (
            self is _Met.NEVER
            or (self is _Met.ABSENT and values != {"true"})
            or (self is _Met.PRESENT and values == {"true"})
        )


def read_as(policy: Value, is_open: IsOpen, *, names_decide: bool = False) -> Any:  # noqa: ANN401 - as `judge` takes it
    """Return a policy in which each unknown value is read in favor of access, or against it.

    Of alternatives it is the first one. The statements keep their positions. names_decide: it matters which account,
    organization or network a value names.
    """
    if isinstance(policy, Alternatives):
        return read_as(policy.policies[0], is_open, names_decide=names_decide)
    if isinstance(policy, (Unknown, Joined)):
        return {"Statement": [_EVERYTHING if _any_open(policy, is_open) else _NOTHING]}
    if not isinstance(policy, Mapping) or next(references_in(policy), None) is None:
        return policy
    found = {key: _text(value) for key, value in policy.items() if key != "Statement"}
    if "Statement" in policy:
        found["Statement"] = [_read_statement(each, is_open, names_decide) for each in elements(policy["Statement"])]
    return found


def _any_open(value: Value, is_open: IsOpen) -> bool:
    return any(map(is_open, references_in(value)))


def _text(value: Value) -> Value:
    """Return a value without its unknown parts, where they do not matter."""
    if isinstance(value, Unknown):
        return ""
    return "".join(part for part in value.parts if isinstance(part, str)) if isinstance(value, Joined) else value


def _read_statement(statement: Value, is_open: IsOpen, names_decide: bool) -> Value:  # noqa: FBT001 - passed on
    if isinstance(statement, (Unknown, Joined)):
        return _EVERYTHING if _any_open(statement, is_open) else _NOTHING
    if not isinstance(statement, Mapping):
        return statement
    content = dict(statement)
    effect = content.get("Effect")
    if isinstance(effect, (Unknown, Joined)):
        effect = content["Effect"] = "Allow" if _any_open(effect, is_open) else "Deny"
    direction = _Direction(is_open, effect != "Deny", names_decide)
    condition = content.get("Condition")
    if isinstance(condition, (Unknown, Joined)):
        # It may be no condition at all.
        del content["Condition"]
        if not direction.matches_more(condition):
            content["Condition"] = _with([("", _Met.NEVER)], {})
    return {element: _read_element(element, value, direction) for element, value in content.items()}


class _Direction(NamedTuple):
    """Whether a statement is to match more requests, or fewer, by an unknown value."""

    is_open: IsOpen
    allows: bool
    names_decide: bool

    def matches_more(self, value: Value) -> bool:
        """Return whether the statement is to match more by this value."""
        return _any_open(value, self.is_open) == self.allows


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
            read = "*" if direction.matches_more(value) else "arn:aws:ecr:*:*:repository/unknown"
            return [read if isinstance(each, (Unknown, Joined)) else each for each in elements(value)]
        case _:
            return _text(value)


def _read_principal(principal: Value, direction: _Direction, *, negated: bool) -> Value:
    if isinstance(principal, Joined) and _as_text(principal).strip(_MARK) and "*" not in _as_text(principal):
        # Directly under the element, only "*" is a principal.
        return _as_text(principal).replace(_MARK, "unknown")
    if isinstance(principal, (Unknown, Joined)):
        return {"AWS": _values(principal, direction, negated=negated)}
    if not isinstance(principal, Mapping):
        return _values(principal, direction, negated=negated)
    read = {kind: _values(values, direction, kind, negated=negated) for kind, values in principal.items()}
    if direction.names_decide and not direction.allows and not negated and "*" in read.get("Federated", ()):
        # A Deny of every provider denies nobody, that of a known one denies its users.
        read["AWS"] = ["*", *read.get("AWS", ())]
    return read


def _values(values: Value, direction: _Direction, kind: str = "", *, negated: bool) -> list[Value]:
    """Return the values of a Principal: an unknown one is everyone, or nobody, and a partly known one its principal."""
    read: list[Value] = []
    for each in elements(values):
        if not isinstance(each, (Unknown, Joined)):
            read.append(each)
            continue
        named = _named(each, kind) if isinstance(each, Joined) else None
        is_named = direction.matches_more(each) != negated
        if named is not None and not direction.names_decide:
            read.append(named)
        elif is_named:
            read.append(_account_of(named, kind) if direction.allows and not negated else "*")
    return read


def _account_of(named: str | None, kind: str) -> str:
    """Return a principal that is at least one of which only the account is known; ``*`` if it is not known either.

    A condition can be about all of the principal, so that no example can stand for it.
    """
    if named is None or kind == "Service":
        return named or "*"
    account = account_of(named)
    return account if kind == "AWS" and account != _ACCOUNT else "*"


def _named(value: Joined, kind: str) -> str | None:
    """Return a principal for a value that names one, whatever its unknown part is; None for another value.

    Amazon ECR accepts no wildcard in an ARN or in the name of a service, so such a part is none:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    text = _as_text(value)
    if kind == "Service":
        return text.replace(_MARK, "unknown")
    fields = arn_fields(text)
    if kind not in _IN_ACCOUNT or fields[0] != "arn" or len(fields) < ARN_FIELDS:
        return None
    resource = fields[-1]
    service = "sts" if resource.startswith(("assumed-role/", "federated-user/")) else "iam"
    known = ("arn", "aws", service, "", _ACCOUNT)
    whole = [replacement if _MARK in field else field for field, replacement in zip(fields, known, strict=False)]
    if _MARK in resource and "/" not in resource.partition(_MARK)[0]:
        resource = _SESSION if fields[2] == "sts" else _IN_ACCOUNT[kind]
    return ":".join([*whole, resource.replace(_MARK, "unknown")])


def _as_text(value: Joined) -> str:
    return "".join(part if isinstance(part, str) else _MARK for part in value.parts)


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
    met: list[tuple[str, _Met]] = []
    for operator, block in condition.items():
        if isinstance(block, (Unknown, Joined)):
            read[operator] = {}
            if not direction.matches_more(block):
                met.append(("", _Met.NEVER))  # an empty block would be met always
        elif not isinstance(block, Mapping):
            read[operator] = block
        else:
            kept = {key: _read_values(operator, key, value, direction) for key, value in block.items()}
            read[operator] = {key: value for key, value in kept.items() if not isinstance(value, _Met)}
            met += [(key, value) for key, value in kept.items() if isinstance(value, _Met)]
    return _with(met, read) if met else read


def _read_values(operator: str, key: str, value: Value, direction: _Direction) -> Value:
    """Return the values of one condition, or which requests meet it."""
    if next(references_in(value), None) is None:
        return value
    row = OPERATORS.get(ascii_lower(operator))
    more = direction.matches_more(value)
    if row is None or row.value_type is ValueType.NULL:
        return _Met.ALWAYS if more else _Met.NEVER
    name = _NAMES_ONE.get(ascii_lower(key))
    if name is not None and row.name in _EXACT and not direction.names_decide and not _has_variable(value):
        return [name if isinstance(each, (Unknown, Joined)) else each for each in elements(value)]
    known = [each for each in elements(value) if not isinstance(each, (Unknown, Joined))]
    # A value more makes a positive operator match more, and a negated one match less.
    return known if known and row.negated == more else _met(row, more=more)


def _has_variable(values: Value) -> bool:
    """Return whether one of the values may have a policy variable whose key is not known."""
    return any("$" in _as_text(each) for each in elements(values) if isinstance(each, Joined))


def _met(row: Operator, *, more: bool) -> _Met:
    """Return which requests meet a condition whose values are not known: that of an absent key is."""
    if more:
        return _Met.PRESENT if row.when_absent is False else _Met.ALWAYS
    return _Met.ABSENT if row.when_absent is True else _Met.NEVER


def _with(met: Iterable[tuple[str, _Met]], condition: dict[str, Any]) -> dict[str, Any]:
    """Return a Condition that is also met by no other requests; its known parts stay, for each is checked."""
    spelling = next((each for each in condition if ascii_lower(each) == "null"), "Null")
    block = condition.get(spelling, {})
    if not isinstance(block, Mapping):
        return condition
    tested = {ascii_lower(key): value for key, value in block.items()}
    added: dict[str, str] = {}
    is_never = False
    for key, which in met:
        name = key if which in (_Met.PRESENT, _Met.ABSENT) else _ALWAYS_THERE
        if ascii_lower(name) not in tested:
            tested[ascii_lower(name)] = added[name] = "true" if which is _Met.ABSENT else "false"
        is_never |= which.is_excluded(tested[ascii_lower(name)])
    if is_never:
        # A block has one test of a key: this one decides.
        block = {key: value for key, value in block.items() if ascii_lower(key) != ascii_lower(_ALWAYS_THERE)}
        added = {_ALWAYS_THERE: "true"}
    return {**condition, spelling: {**block, **added}}
