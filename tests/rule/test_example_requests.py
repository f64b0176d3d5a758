"""The text of an example request: who may do what, from where, and all that the policy asked for."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import Request, judge

NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
CALLER: Final = "arn:aws:iam::999999999999:role/x"
PLAIN: Final = f"{CALLER} from 198.51.100.7 may ecr:BatchGetImage"


def example(condition: Any, *denies: dict[str, Any], test: str = "reachable", version: str = "2012-10-17") -> str:
    """Return the text of the request that an Allow for everyone with this Condition allows."""
    first = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Condition": condition}
    policy = {"Version": version, "Statement": [first, *denies]}
    (grant,) = judge(policy, test=test, owner="111122223333", region="us-east-1", now=NOW).grants
    return str(grant.witness)


def deny(condition: Any, action: str = "*") -> dict[str, Any]:
    """Return a Deny for everyone with this Condition."""
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Condition": condition}


def test_plain_request_names_caller_address_and_action() -> None:
    assert example({}) == PLAIN


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:PrincipalTag/Team": "blue"}}, 'with aws:PrincipalTag/Team "blue"'),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, 'with aws:PrincipalOrgID "o-zzzzzzzzzz"'),
        ({"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
         'with aws:CurrentTime "2030-01-01T00:00:01Z"'),
        ({"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}},
         'with aws:CalledVia "cloudformation.amazonaws.com"'),
        ({"StringLike": {"aws:userid": "*:ci"}}, 'with aws:userid "AROAZZZZZZZZZZZZ:ci"'),
        ({"StringEquals": {"acme:Tenant": "x", "aws:UserAgent": "docker"}},
         'with acme:Tenant "x", aws:UserAgent "docker"'),
    ],
)  # fmt: skip
def test_values_that_the_allow_needs_are_named(condition: Any, expected: str) -> None:
    assert example(condition) == f"{CALLER} from 198.51.100.7 {expected} may ecr:BatchGetImage"


def test_values_that_avoid_a_deny_are_named() -> None:
    condition = {"StringNotEquals": {"aws:PrincipalTag/team": "blue"}, "Bool": {"aws:ViaAWSService": "false"}}
    text = example({}, deny({"StringNotEquals": {"aws:PrincipalTag/team": "blue"}}))
    assert text == f'{CALLER} from 198.51.100.7 with aws:PrincipalTag/team "blue" may ecr:BatchGetImage'
    assert example({}, deny(condition, "ecr:PutImage")) == PLAIN


def test_variable_is_named_by_its_value() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/project}"}}
    assert example(condition) == (
        f'{CALLER} from 198.51.100.7 with aws:PrincipalTag/project "x", aws:PrincipalTag/team "x" may ecr:BatchGetImage'
    )


def test_tag_of_the_repository_is_not_called_the_callers() -> None:
    condition = {"StringEquals": {"aws:ResourceTag/public": "true"}}
    assert example(condition) == f'{PLAIN} on a repository with aws:ResourceTag/public "true"'


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringEquals": {"aws:RequestedRegion": "us-east-1", "aws:ResourceAccount": "111122223333"}},
        {"StringLike": {"aws:PrincipalAccount": "9*", "aws:PrincipalType": "Assumed*"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abcde12345"}},
    ],
)
def test_values_that_tell_nothing_new_are_not_named(condition: Any) -> None:
    assert example(condition) == PLAIN


def test_endpoint_takes_the_place_of_the_address() -> None:
    assert example({"StringLike": {"aws:SourceVpce": "vpce-*"}}) == (
        f"{CALLER} through vpce-ffffffff may ecr:BatchGetImage"
    )


def test_request_of_a_user_names_the_user() -> None:
    assert example({"StringEquals": {"aws:username": "ci"}}) == (
        "arn:aws:iam::999999999999:user/ci from 198.51.100.7 may ecr:BatchGetImage"
    )


def test_request_made_by_hand_names_caller_origin_and_action() -> None:
    context = {"aws:sourceip": "203.0.113.9", "aws:principaltag/team": "blue"}
    assert str(Request(principal=CALLER, action="ecr:PutImage", context=context)) == (
        f"{CALLER} from 203.0.113.9 may ecr:PutImage"
    )


def test_characters_that_are_not_printable_are_replaced() -> None:
    assert str(Request(principal="a\u202eb", action="ecr:PutImage", context={})) == "a\ufffdb may ecr:PutImage"
