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
    ("operator with a Kelvin sign as its k", allow({"StringLi\u212ae": {"a:b": "x"}})),
    ("variable in a Null value", allow(when("Null", "a:b", "${aws:ViaAWSService}"))),
    ("variable in place of an address", allow(when("IpAddress", "aws:SourceIp", "${aws:VpcSourceIp}"))),
    ("number of 41 digits", allow(when("NumericEquals", "a:b", "1" * 41))),
    ("number of 41 digits without its exponent", allow(when("NumericEquals", "a:b", "1e40"))),
    ("number with a huge exponent", allow(when("NumericEquals", "a:b", "1e99999999999999999999"))),
    ("fraction of 41 digits", allow(when("NumericEquals", "a:b", f"0.{'1' * 40}"))),
    ("fraction of 41 digits without its exponent", allow(when("NumericEquals", "a:b", "1e-40"))),
    ("JSON number of 41 digits", allow(when("StringEquals", "a:b", 10**40))),
    ("JSON number of 301 digits without its exponent", allow(when("StringEquals", "a:b", 1e300))),
    ("JSON number of 300 digits as epoch time", allow(when("DateEquals", "a:b", 10**299))),
    ("resource is a number", allow(Resource=5)),
    ("duplicate key in two spellings", allow({"StringEquals": {"aws:SourceVpc": "a", "aws:sourceVPC": "b"}})),
]


@pytest.mark.parametrize("statement", [pytest.param(row[1], id=row[0]) for row in STATEMENTS])
def test_invalid_statement_is_a_problem_of_the_policy(statement: dict[str, Any]) -> None:
    """Whatever access another statement grants."""
    assert reachable(policy(statement)) is PROBLEM
    assert reachable(policy(allow(), statement)) is PROBLEM


@pytest.mark.parametrize("number", ["1e400", "1E+40", "-1e40", "1e-40", "0." + "0" * 39 + "1", "9" * 41, "9" * 5000])
def test_json_number_of_more_than_40_digits_is_a_problem(number: str) -> None:
    """Whatever its operator; text with such digits is text."""
    text = policy(allow(when("StringEquals", "aws:PrincipalTag/a", "number")))
    assert reachable(text.replace('"number"', number)) is PROBLEM
    assert reachable(text.replace('"number"', f'"{number}"')) is GRANTED
    assert reachable(text.replace("StringEquals", "NumericEquals").replace('"number"', f'"{number}"')) is PROBLEM


@pytest.mark.parametrize("number", ["9" * 40, "1e39", "-1e39", "1e-39", "0." + "0" * 38 + "1", "0e400", "12e-1"])
def test_number_of_40_digits_is_valid(number: str) -> None:
    text = policy(allow(when("NumericEquals", "custom:Number", "number")))
    assert reachable(text.replace('"number"', number)) is GRANTED
    assert reachable(text.replace('"number"', f'"{number}"')) is GRANTED


def test_numbers_of_a_document_that_is_no_text_have_the_same_limit() -> None:
    def document(number: float) -> dict[str, Any]:
        return {"Statement": allow(when("NumericEquals", "custom:Number", number))}

    assert reachable(document(10**40 - 1)) is GRANTED
    assert reachable(document(10**40)) is PROBLEM
    assert reachable(document(10**5000)) is PROBLEM
    assert reachable(document(1e39)) is GRANTED
    assert reachable(document(1e300)) is PROBLEM
    assert reachable(document(float("inf"))) is PROBLEM


def test_epoch_time_that_is_text_has_any_number_of_digits() -> None:
    """After the last moment there is none, and before every one there are others."""
    assert reachable(policy(allow(when("DateLessThan", "aws:CurrentTime", "9" * 5000)))) is GRANTED
    assert reachable(policy(allow(when("DateGreaterThan", "aws:CurrentTime", "9" * 5000)))) is NOT_GRANTED
    assert reachable(policy(allow(when("DateGreaterThan", "aws:CurrentTime", f"-{'9' * 5000}")))) is GRANTED


INVALID_ACTIONS = (
    "",
    "**",
    "ecr",
    "ecr*",
    "ecr:",
    ":BatchGetImage",
    "ecr:Batch:GetImage",
    "arn:aws:ecr:x",
    "e cr:BatchGetImage",
    "ecr_public:BatchGetImage",
    "ec\u24e1:BatchGetImage",
    "ecr:BatchGetImag\u00e9",
    "ecr:\u00a0",
    "ecr:Batch\tGetImage",
    "ecr:*\ud800",
)


@pytest.mark.parametrize("action", INVALID_ACTIONS)
def test_action_that_is_no_service_and_name_is_a_problem(action: str) -> None:
    assert reachable(policy(allow(action=["ecr:*", action]))) is PROBLEM
    assert reachable(policy(allow(), deny(action=action))) is PROBLEM
    assert reachable(policy(allow(action=..., NotAction=action))) is PROBLEM


@pytest.mark.parametrize("action", ["*", "*:*", "?:a", "ecr: ", "ecr:a b", "e-c.r*?:!", "1:2"])
def test_odd_action_of_a_service_and_a_name_is_valid(action: str) -> None:
    assert reachable(policy(allow(), allow(action=action))) is GRANTED


def test_keys_that_differ_in_other_letters_than_ascii_are_two() -> None:
    """U+212A is no k."""
    keys = {"aws:PrincipalTag/k": "a", "aws:PrincipalTag/\u212a": "b"}
    assert reachable(policy(allow({"StringEquals": keys}))) is GRANTED
    assert reachable(policy(allow({"StringEquals": {**keys, "AWS:PrincipalTag/K": "a"}}))) is PROBLEM


def test_other_version_is_a_problem() -> None:
    assert reachable(policy(allow(), version="2008-10-17")) is GRANTED
    assert reachable(policy(allow(), version="2012-10-18")) is PROBLEM


@pytest.mark.parametrize("value", ["${aws:ViaAWSService}", "${*}", "${", "true${"])
def test_bool_variable_without_version_2012_is_a_problem(value: str) -> None:
    """It is text, and neither true nor false."""
    statement = allow(when("Bool", "aws:SecureTransport", value))
    assert reachable(policy(statement, version=None)) is PROBLEM
    assert reachable(policy(statement)) is GRANTED


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
