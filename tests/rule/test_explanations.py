"""Each way in has its own sentence: which statement, and why its condition keeps nobody out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ecr_exposure import judge

NOW = datetime(2026, 11, 24, tzinfo=UTC)
START = "Statement[0] allows ecr:BatchGetImage to *"


def reason(condition: Any, *more: dict[str, Any], test: str = "reachable") -> str:
    """Return the reason of an Allow for everyone with this Condition."""
    first = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Condition": condition}
    policy = {"Version": "2012-10-17", "Statement": [first, *more]}
    (grant,) = judge(policy, test=test, owner="111122223333", region="us-east-1", now=NOW).grants
    return grant.reason


@pytest.mark.parametrize(
    ("operator", "key", "value", "told"),
    [
        ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abcde12345",
         "ForAllValues is also true when aws:PrincipalOrgID is absent: anyone outside an organization"),
        ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abcde12345",
         "IfExists is also true when aws:PrincipalOrgID is absent: anyone outside an organization"),
        ("StringNotEquals", "aws:PrincipalOrgID", "o-abcde12345",
         "StringNotEquals is also true when aws:PrincipalOrgID is absent: anyone outside an organization"),
        ("Null", "aws:PrincipalOrgID", "true",
         "Null is true when aws:PrincipalOrgID is absent: anyone outside an organization"),
        ("Null", "aws:PrincipalOrgID", "false", "aws:PrincipalOrgID only has to be there, whatever its value"),
        ("StringNotEquals", "aws:PrincipalAccount", "111122223333",
         "StringNotEquals shuts out only what it lists, and aws:PrincipalAccount can be anything else"),
        ("StringLike", "aws:PrincipalOrgID", "o-a*",
         '"o-a*" also fits the aws:PrincipalOrgID of callers from outside'),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci",
         '"arn:aws:iam::*:role/ci" also fits the aws:PrincipalArn of callers from outside'),
        ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}",
         "the policy variable lets a caller's own aws:PrincipalAccount fit"),
        ("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"],
         "its addresses are more than one trusted network (a /8) can be"),
        ("StringLike", "aws:SourceIp", "2001:db8:*", '"2001:db8:*" also fits the aws:SourceIp of callers from outside'),
        ("NotIpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"],
         "NotIpAddress is also true when aws:SourceIp is absent: anyone who comes through a VPC endpoint"),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-0a1b2c3d",
         "IfExists is also true when aws:SourceVpc is absent: anyone who comes without a VPC endpoint"),
        ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8",
         "aws:VpcSourceIp is any address that the caller gives to his own network"),
        ("StringNotEquals", "aws:SourceAccount", "111122223333",
         "StringNotEquals is also true when aws:SourceAccount is absent: every direct caller"),
        ("StringEquals", "aws:PrincipalTag/team", "blue", "aws:PrincipalTag/team is the caller's own to choose"),
        ("Bool", "aws:SecureTransport", "true", "aws:SecureTransport is the same for every caller"),
        ("DateLessThan", "aws:CurrentTime", "2030-01-01", "aws:CurrentTime leaves a time in which everyone can call"),
        ("StringEquals", "aws:ResourceAccount", "111122223333", "aws:ResourceAccount says nothing about the caller"),
        ("StringEquals", "acme:tenant", "x", "acme:tenant is not a key that is known to limit callers"),
        ("StringLike", "aws:PrincipalOrgPaths", "o-abcde12345/*",
         "AWS does not say what StringLike means for aws:PrincipalOrgPaths here, so it may fit anyone"),
    ],
)  # fmt: skip
def test_why_a_condition_keeps_nobody_out(operator: str, key: str, value: Any, told: str) -> None:
    assert reason({operator: {key: value}}) == f"{START}: {told}"


@pytest.mark.parametrize(
    ("deny", "told"),
    [
        ({"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgPaths": "o-abcde12345/r-ab12/"}},
         "ForAnyValue:StringNotEquals is false when aws:PrincipalOrgPaths is absent"),
        ({"Bool": {"aws:SecureTransport": "false"}},
         "Bool is false for some aws:SecureTransport that a caller can have"),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}},
         "ArnNotLike is false for some aws:PrincipalArn that a caller can have"),
    ],
)  # fmt: skip
def test_why_a_deny_does_not_stop_it(deny: Any, told: str) -> None:
    statement = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": deny}
    expected = f'{START} with no Condition, and statement "Guard" does not stop it: {told}'
    assert reason({}, statement) == expected


def test_what_was_meant_to_tell_callers_apart_is_told_first() -> None:
    condition = {"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:PrincipalOrgID": "o-*"}}
    assert reason(condition) == f'{START}: "o-*" also fits the aws:PrincipalOrgID of callers from outside'


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}},
         'aws:PrincipalOrgID "o-abcde12345" names nobody inside the trust zone'),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "a fixed network does not make a caller trusted"),
    ],
)  # fmt: skip
def test_why_a_name_is_not_trusted(condition: Any, told: str) -> None:
    assert reason(condition, test="external") == f"{START}: {told}"
