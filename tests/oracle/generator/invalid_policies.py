"""Policies with one fault each, and the place of the fault."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

Policy = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True, slots=True)
class InvalidPolicy:
    """An invalid policy, and the place of its fault ("" is the whole text)."""

    policy: Policy | str
    place: str


def statements_of(policy: Policy) -> list[Policy]:
    """The statements as a list, which replaces a single statement."""
    raw = policy["Statement"]
    if not isinstance(raw, list):
        policy["Statement"] = raw = [raw]
    return list(raw)


DOCUMENT_FAULTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("Version", "2012-10-18", "Version"),
    ("Version", "", "Version"),
    ("Version", 20121017, "Version"),
    ("Id", ["x"], "Id"),
    ("Statements", [], ""),
    ("statement", [], ""),
    ("Statement", None, "Statement[0]"),
    ("Statement", "Allow", "Statement[0]"),
    ("Statement", 7, "Statement[0]"),
)

STATEMENT_FAULTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("Effect", "allow", ".Effect"),
    ("Effect", "DENY", ".Effect"),
    ("Effect", None, ".Effect"),
    ("Effect", ["Allow"], ".Effect"),
    ("Principals", "*", ""),
    ("action", "ecr:*", ""),
    ("Sid", 5, ".Sid"),
    ("Resource", 5, ".Resource"),
    ("Condition", [], ".Condition"),
    ("Condition", "aws:PrincipalOrgID", ".Condition"),
    ("Condition", {"StringEquals": []}, ".Condition"),
    ("Condition", {"StringEquals": {"aws:username": None}}, ".Condition"),
    ("Condition", {"StringEquals": {"aws:username": {"a": "b"}}}, ".Condition"),
    ("Condition", {"StringEquals": {"aws:username": [["a"]]}}, ".Condition"),
    ("Condition", {"StringEqual": {"aws:username": "a"}}, ".Condition"),
    ("Condition", {"ForSomeValues:StringEquals": {"aws:username": "a"}}, ".Condition"),
    ("Condition", {"StringEqualsIfExist": {"aws:username": "a"}}, ".Condition"),
    ("Condition", {"NullIfExists": {"aws:username": "true"}}, ".Condition"),
    ("Condition", {"ForAnyValue:Null": {"aws:TagKeys": "true"}}, ".Condition"),
    ("Condition", {"Null": {"aws:username": "maybe"}}, ".Condition"),
    ("Condition", {"Null": {"aws:username": 1}}, ".Condition"),
    ("Condition", {"Bool": {"aws:SecureTransport": "yes"}}, ".Condition"),
    ("Condition", {"Bool": {"aws:SecureTransport": 0}}, ".Condition"),
    ("Condition", {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}, ".Condition"),
    ("Condition", {"DateLessThan": {"aws:CurrentTime": "2026-13-01T00:00:00Z"}}, ".Condition"),
    ("Condition", {"NumericLessThan": {"aws:MultiFactorAuthAge": "five"}}, ".Condition"),
    ("Condition", {"NumericEquals": {"aws:MultiFactorAuthAge": True}}, ".Condition"),
    ("Condition", {"IpAddress": {"aws:SourceIp": "203.0.113.0/33"}}, ".Condition"),
    ("Condition", {"IpAddress": {"aws:SourceIp": "203.0.113"}}, ".Condition"),
    ("Condition", {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "x"]}}, ".Condition"),
    ("Condition", {"IpAddress": {"aws:SourceIp": "${aws:SourceIp}"}}, ".Condition"),
    ("Condition", {"NumericEquals": {"aws:MultiFactorAuthAge": "1e40"}}, ".Condition"),
    ("Condition", {"NumericEquals": {"aws:EpochTime": "9" * 41}}, ".Condition"),
    ("Condition", {"NumericNotEqualsIfExists": {"example:Unheard": f"0.{'0' * 39}1"}}, ".Condition"),
    ("Condition", {"StringLi\u212ae": {"aws:username": "a"}}, ".Condition"),
    ("Condition", {"Null": {"aws:username": "${aws:SecureTransport}"}}, ".Condition"),
    (
        "Condition",
        {"StringEquals": {"aws:username": "a", "AWS:UserName": "b"}},
        ".Condition",
    ),
)
NUMBER_FAULTS: Final = (10**40, -(10**40), 10**400, 1e300, 1e-60)
ACTION_FAULTS: Final = (
    "",
    "ecr",
    "ecr:",
    ":x",
    "ecr:a:b",
    "**",
    "e_r:x",
    "ecr:\u00e9",
    "ecr:*\ud800",
    "e cr:x",
    "ecr:a\n",
)


def _set_document(policy: Policy, draw: Draw) -> InvalidPolicy:
    """One element of the document is invalid."""
    name, value, place = draw(st.sampled_from(DOCUMENT_FAULTS))
    return InvalidPolicy({**policy, name: value}, place)


def _drop_statements(policy: Policy, draw: Draw) -> InvalidPolicy:
    """Statement is missing."""
    del policy["Statement"]
    return InvalidPolicy({**policy, "Id": str(draw(st.sampled_from(["a", "b"])))}, "Statement")


def _set_statement(policy: Policy, draw: Draw) -> InvalidPolicy:
    """One element of one statement is invalid."""
    statements = statements_of(policy)
    index = draw(st.integers(0, len(statements) - 1))
    name, value, place = draw(st.sampled_from(STATEMENT_FAULTS))
    statements[index][name] = copy.deepcopy(value)
    return InvalidPolicy(policy, f"Statement[{index}]{place}")


def _invalidate_principal(policy: Policy, draw: Draw) -> InvalidPolicy:
    """An unknown principal type, Principal with NotPrincipal, or neither."""
    statements = statements_of(policy)
    index = draw(st.integers(0, len(statements) - 1))
    statement, place = statements[index], f"Statement[{index}]"
    name = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    way = draw(st.integers(0, 4))
    if way == 0:
        del statement[name]
    elif way == 1:
        statement["Principal" if name == "NotPrincipal" else "NotPrincipal"] = {"AWS": "111122223333"}
    else:
        value = [{"CanonicalUser": "79a59df9"}, {"Everyone": "*"}, {"AWS": 111122223333}][way - 2]
        statement[name] = value
        place = f"{place}.{name}"
    return InvalidPolicy(policy, place)


def _invalidate_action(policy: Policy, draw: Draw) -> InvalidPolicy:
    """Action with NotAction, neither, or one that is not a string."""
    statements = statements_of(policy)
    index = draw(st.integers(0, len(statements) - 1))
    statement, place = statements[index], f"Statement[{index}]"
    name = "NotAction" if "NotAction" in statement else "Action"
    way = draw(st.integers(0, 4))
    if way == 0:
        del statement[name]
    elif way == 1:
        statement["Action" if name == "NotAction" else "NotAction"] = "ecr:BatchGetImage"
    elif way == 2:
        fault = draw(st.sampled_from(ACTION_FAULTS))
        statement[name] = draw(st.sampled_from([fault, [fault], ["ecr:*", fault]]))
        place = f"{place}.{name}"
    else:
        statement[name] = draw(st.sampled_from([5, [5], {"a": "b"}, None]))
        place = f"{place}.{name}"
    return InvalidPolicy(policy, place)


def _lengthen_number(policy: Policy, draw: Draw) -> InvalidPolicy:
    """A number of more than 40 digits, under whatever operator."""
    statements = statements_of(policy)
    statement = draw(st.sampled_from(statements))
    operator = draw(st.sampled_from(["StringEquals", "NumericLessThan", "DateEquals", "StringLikeIfExists"]))
    statement["Condition"] = {operator: {"example:Unheard": draw(st.sampled_from(NUMBER_FAULTS))}}
    return InvalidPolicy(json.dumps(policy) if draw(st.booleans()) else policy, "")


def _invalidate_text(policy: Policy, draw: Draw) -> InvalidPolicy:
    """The text is not JSON, not an object, nested too deep, or has a duplicate key."""
    text = json.dumps(policy)
    nested = "[" * 120 + "]" * 120
    return InvalidPolicy(
        draw(
            st.sampled_from(
                [
                    text[:-1],
                    f"{text}}}",
                    "[]",
                    "7",
                    "true",
                    "%5B%5D",
                    "policy",
                    f'{text[:-1]}, "Statement": []}}',
                    f'{text[:-1]}, "Id": NaN}}',
                    f'{text[:-1]}, "Id": {nested}}}',
                ]
            )
        ),
        "",
    )


FAULTS: Final = (
    _set_document,
    _drop_statements,
    _set_statement,
    _set_statement,
    _set_statement,
    _invalidate_principal,
    _invalidate_action,
    _lengthen_number,
    _invalidate_text,
)
