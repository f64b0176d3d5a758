"""Documents: no policy, invalid ones, and odd ones that are valid, labelled by hand."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.oracle.policy_builder import GRANTED, NOT_GRANTED, PROBLEM, allow, deny, policy, reachable, when

VALID = policy(allow())


@pytest.mark.parametrize("document", [None, "", "  \n", "{}", "null", {}, " {} "])
def test_no_policy_grants_no_access(document: Any) -> None:
    assert reachable(document) is NOT_GRANTED


def test_percent_encoded_text_is_decoded_once() -> None:
    assert reachable(quote(VALID)) is GRANTED
    assert reachable(quote(quote(VALID))) is PROBLEM


@pytest.mark.parametrize("text", ["[]", "5", "true", '"text"', "{", "nonsense", '{"Version": "2012-10-17"}', "[{}]"])
def test_text_without_statements_is_a_problem(text: str) -> None:
    assert reachable(text) is PROBLEM


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [], "Statement": []}',
        VALID.replace('"Effect"', '"Effect": "Deny", "Effect"'),
        VALID.replace('"ecr:BatchGetImage"', '"ecr:BatchGetImage", "Condition": {"NumericEquals": {"a:b": NaN}}'),
        VALID.replace('"ecr:BatchGetImage"', '"ecr:BatchGetImage", "Condition": {"NumericEquals": {"a:b": Infinity}}'),
        '{"Statement": ' + "[" * 101 + "]" * 101 + "}",
    ],
)
def test_invalid_json_is_a_problem(text: str) -> None:
    """Duplicate keys, NaN, Infinity and deep nesting."""
    assert reachable(text) is PROBLEM


STATEMENTS: list[tuple[str, dict[str, Any]]] = [
    ("Effect in lower case", {**allow(), "Effect": "allow"}),
    ("Effect null", {**allow(), "Effect": None}),
    ("no Principal", allow(principal=...)),
    ("Principal and NotPrincipal", allow(NotPrincipal="*")),
    ("no Action", allow(action=...)),
    ("Action and NotAction", allow(NotAction="ecr:*")),
    ("unknown element", allow(Principals="*")),
    ("unknown principal type", allow(principal={"Human": "*"})),
    ("principal type CanonicalUser", allow(principal={"CanonicalUser": "79a5"})),
    ("principal is a number", allow(principal=5)),
    ("principal value is a number", allow(principal={"AWS": 111122223333})),
    ("principal is null", allow(principal=None)),
    ("action is a number", allow(action=5)),
    ("condition is a list", {**allow(), "Condition": []}),
    ("condition operator is a list", allow({"StringEquals": []})),
    ("condition value is an object", allow(when("StringEquals", "a:b", {}))),
    ("condition value is null", allow(when("StringEquals", "a:b", None))),
    ("unknown operator", allow({"StringMatches": {}})),
    ("Null with a set operator", allow(when("ForAnyValue:Null", "a:b", "true"))),
    ("Null with IfExists", allow(when("NullIfExists", "a:b", "true"))),
    ("invalid value of Null", allow(when("Null", "a:b", "yes"))),
    ("invalid value of Bool", allow(when("Bool", "a:b", "1"))),
    ("invalid date", allow(when("DateLessThan", "a:b", "tomorrow"))),
    ("day that does not exist", allow(when("DateLessThan", "a:b", "2026-02-30"))),
    ("invalid number", allow(when("NumericEquals", "a:b", "five"))),
    ("invalid address", allow(when("IpAddress", "aws:SourceIp", "1.2.3.400"))),
    ("invalid prefix length", allow(when("IpAddress", "aws:SourceIp", "1.2.3.4/33"))),
    ("star in an address", allow(when("IpAddress", "aws:SourceIp", "1.2.3.*"))),
    ("variable in place of a number", allow(when("NumericEquals", "a:b", "${aws:EpochTime}"))),
    ("duplicate key in two spellings", allow({"StringEquals": {"aws:SourceVpc": "a", "aws:sourceVPC": "b"}})),
]


@pytest.mark.parametrize("statement", [pytest.param(row[1], id=row[0]) for row in STATEMENTS])
def test_invalid_statement_is_a_problem_of_the_policy(statement: dict[str, Any]) -> None:
    """Whatever access another statement grants."""
    assert reachable(policy(statement)) is PROBLEM
    assert reachable(policy(allow(), statement)) is PROBLEM


def test_other_version_is_a_problem() -> None:
    assert reachable(policy(allow(), version="2008-10-17")) is GRANTED
    assert reachable(policy(allow(), version="2012-10-18")) is PROBLEM


def test_bool_variable_without_version_2012_is_a_problem() -> None:
    """It is text, and neither true nor false."""
    statement = allow(when("Bool", "aws:SecureTransport", "${aws:ViaAWSService}"))
    assert reachable(policy(statement, version=None)) is PROBLEM


@pytest.mark.parametrize("principal", [{}, {"AWS": []}, {"AWS": [], "Service": []}])
def test_empty_principal_matches_nobody(principal: Any) -> None:
    assert reachable(policy(allow(principal=principal))) is NOT_GRANTED
    assert reachable(policy(allow(), deny(principal=principal))) is GRANTED


def test_single_statement_needs_no_list() -> None:
    """The document may be an object, too."""
    document = {"Statement": allow(), "Id": "x"}
    assert reachable(document) is reachable(json.dumps(document)) is GRANTED


def test_long_policy_is_evaluated() -> None:
    assert reachable(VALID + " " * 20000) is GRANTED


def test_duplicate_sid_is_no_problem() -> None:
    assert reachable(policy(allow(Sid="a b"), allow(Sid="a b"))) is GRANTED
