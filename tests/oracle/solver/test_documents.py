"""Documents at the border: no policy, and what cannot be judged, labelled by hand."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.oracle.solver.cases import allow, deny, policy, reachable, when

OPEN = policy(allow())


@pytest.mark.parametrize("document", [None, "", "  \n", "{}", "null", {}, " {} "])
def test_no_policy(document: Any) -> None:
    """Without a policy nobody else gets in."""
    assert reachable(document) == "closed"


def test_percent_encoded() -> None:
    """Text that is not JSON is decoded once."""
    assert reachable(quote(OPEN)) == "open"
    assert reachable(quote(quote(OPEN))) == "problem"


@pytest.mark.parametrize("text", ["[]", "5", "true", '"text"', "{", "nonsense", '{"Version": "2012-10-17"}', "[{}]"])
def test_not_a_policy(text: str) -> None:
    """Other JSON, no JSON and no Statement are problems."""
    assert reachable(text) == "problem"


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [], "Statement": []}',
        OPEN.replace('"Effect"', '"Effect": "Deny", "Effect"'),
        OPEN.replace('"ecr:BatchGetImage"', '"ecr:BatchGetImage", "Condition": {"NumericEquals": {"a:b": NaN}}'),
        OPEN.replace('"ecr:BatchGetImage"', '"ecr:BatchGetImage", "Condition": {"NumericEquals": {"a:b": Infinity}}'),
        '{"Statement": ' + "[" * 101 + "]" * 101 + "}",
    ],
)
def test_json_problems(text: str) -> None:
    """The same key twice, NaN, Infinity and deep nesting are problems."""
    assert reachable(text) == "problem"


STATEMENTS: list[tuple[str, dict[str, Any]]] = [
    ("effect in small letters", {**allow(), "Effect": "allow"}),
    ("no effect", {**allow(), "Effect": None}),
    ("no principal", allow(principal=...)),
    ("both principals", allow(NotPrincipal="*")),
    ("no action", allow(action=...)),
    ("both actions", allow(NotAction="ecr:*")),
    ("unknown element", allow(Principals="*")),
    ("unknown principal type", allow(principal={"Human": "*"})),
    ("canonical user", allow(principal={"CanonicalUser": "79a5"})),
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
    ("Null value", allow(when("Null", "a:b", "yes"))),
    ("Bool value", allow(when("Bool", "a:b", "1"))),
    ("bad date", allow(when("DateLessThan", "a:b", "tomorrow"))),
    ("no such day", allow(when("DateLessThan", "a:b", "2026-02-30"))),
    ("bad number", allow(when("NumericEquals", "a:b", "five"))),
    ("bad address", allow(when("IpAddress", "aws:SourceIp", "1.2.3.400"))),
    ("bad mask", allow(when("IpAddress", "aws:SourceIp", "1.2.3.4/33"))),
    ("address with a star", allow(when("IpAddress", "aws:SourceIp", "1.2.3.*"))),
    ("a number may not be a variable", allow(when("NumericEquals", "a:b", "${aws:EpochTime}"))),
    ("two spellings of one key", allow({"StringEquals": {"aws:SourceVpc": "a", "aws:sourceVPC": "b"}})),
]


@pytest.mark.parametrize("statement", [pytest.param(row[1], id=row[0]) for row in STATEMENTS])
def test_statement_problems(statement: dict[str, Any]) -> None:
    """A problem anywhere is a problem of the whole policy, whatever else would be open."""
    assert reachable(policy(statement)) == "problem"
    assert reachable(policy(allow(), statement)) == "problem"


def test_version() -> None:
    """There are two versions."""
    assert reachable(policy(allow(), version="2008-10-17")) == "open"
    assert reachable(policy(allow(), version="2012-10-18")) == "problem"


def test_bool_variable_needs_the_version() -> None:
    """Text that is no variable is neither true nor false."""
    statement = allow(when("Bool", "aws:SecureTransport", "${aws:ViaAWSService}"))
    assert reachable(policy(statement, version=None)) == "problem"


@pytest.mark.parametrize("principal", [{}, {"AWS": []}, {"AWS": [], "Service": []}])
def test_principal_of_nobody(principal: Any) -> None:
    """An empty principal matches nobody."""
    assert reachable(policy(allow(principal=principal))) == "closed"
    assert reachable(policy(allow(), deny(principal=principal))) == "open"


def test_one_statement_and_objects() -> None:
    """A single statement needs no list, and a document may come as an object."""
    document = {"Statement": allow(), "Id": "x"}
    assert reachable(document) == reachable(json.dumps(document)) == "open"


def test_length_is_no_reason() -> None:
    """A long policy is judged."""
    assert reachable(OPEN + " " * 20000) == "open"


def test_sids_do_not_count() -> None:
    """Sids may be anything, twice."""
    assert reachable(policy(allow(Sid="a b"), allow(Sid="a b"))) == "open"
