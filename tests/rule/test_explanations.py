"""The reason of a grant: which statement grants access, and why its condition does not restrict the callers."""

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
    ("operator", "key", "value", "text"),
    [
        ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abcde12345",
         "ForAllValues also matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
        ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abcde12345",
         "IfExists also matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
        ("StringNotEquals", "aws:PrincipalOrgID", "o-abcde12345",
         "StringNotEquals also matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
        ("Null", "aws:PrincipalOrgID", "true",
         "Null matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
        ("Null", "aws:PrincipalOrgID", "false", "aws:PrincipalOrgID only has to be present; any value matches"),
        ("StringNotEquals", "aws:PrincipalAccount", "111122223333",
         "StringNotEquals excludes only the listed values, and aws:PrincipalAccount can have any other"),
        ("StringLike", "aws:PrincipalOrgID", "o-a*",
         '"o-a*" also matches the aws:PrincipalOrgID of callers in other accounts'),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci",
         '"arn:aws:iam::*:role/ci" also matches the aws:PrincipalArn of callers in other accounts'),
        ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}",
         "the policy variable matches the caller's own aws:PrincipalAccount"),
        ("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"],
         "its address ranges are wider than a trusted network can be (a /8, or a /32 of IPv6)"),
        ("StringLike", "aws:SourceIp", "2001:db8:*",
         "AWS does not document how StringLike evaluates aws:SourceIp here, so it may match any caller"),
        ("NotIpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"],
         "NotIpAddress also matches when aws:SourceIp is absent, as for any request through a VPC endpoint"),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-0a1b2c3d",
         "IfExists also matches when aws:SourceVpc is absent, as for any request that uses no VPC endpoint"),
        ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8",
         "aws:VpcSourceIp can be any address: the caller chooses the CIDR range of its VPC"),
        ("StringNotEquals", "aws:SourceAccount", "111122223333",
         "StringNotEquals also matches when aws:SourceAccount is absent, as for every request of an IAM principal"),
        ("StringEquals", "aws:PrincipalTag/team", "blue", "aws:PrincipalTag/team can be set by the caller"),
        ("Bool", "aws:SecureTransport", "true", "aws:SecureTransport is the same for every caller"),
        ("DateLessThan", "aws:CurrentTime", "2030-01-01",
         "aws:CurrentTime restricts the time of the request and not the caller"),
        ("StringEquals", "aws:ResourceAccount", "111122223333",
         "aws:ResourceAccount is about the repository and does not restrict the caller"),
        ("StringEquals", "acme:tenant", "x", "acme:tenant is not a condition key that is known to restrict callers"),
        ("StringLike", "aws:PrincipalOrgPaths", "o-abcde12345/*",
         "AWS does not document how StringLike evaluates aws:PrincipalOrgPaths here, so it may match any caller"),
    ],
)  # fmt: skip
def test_reason_says_why_the_condition_does_not_restrict_the_callers(
    operator: str, key: str, value: Any, text: str
) -> None:
    assert reason({operator: {key: value}}) == f"{START}: {text}"


@pytest.mark.parametrize(
    ("deny", "text"),
    [
        ({"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgPaths": "o-abcde12345/r-ab12/"}},
         "ForAnyValue:StringNotEquals does not match when aws:PrincipalOrgPaths is absent"),
        ({"Bool": {"aws:SecureTransport": "false"}},
         "Bool does not match the aws:SecureTransport of the request"),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}},
         "ArnNotLike does not match the aws:PrincipalArn of the request"),
    ],
)  # fmt: skip
def test_reason_says_why_a_deny_does_not_match(deny: Any, text: str) -> None:
    statement = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": deny}
    expected = f'{START} with no Condition, and statement "Guard" does not deny it: {text}'
    assert reason({}, statement) == expected


def test_condition_on_the_caller_is_explained_before_one_that_every_caller_meets() -> None:
    condition = {"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:PrincipalOrgID": "o-*"}}
    assert reason(condition) == f'{START}: "o-*" also matches the aws:PrincipalOrgID of callers in other accounts'


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}},
         'aws:PrincipalOrgID "o-abcde12345" is not in the zone of trust'),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "a fixed network is not part of the zone of trust"),
    ],
)  # fmt: skip
def test_reason_says_what_is_not_in_the_zone_of_trust(condition: Any, text: str) -> None:
    assert reason(condition, test="external") == f"{START}: {text}"


def test_undocumented_condition_is_explained_before_all_others() -> None:
    condition = {"StringLike": {"aws:PrincipalArn": "*"}, "NumericEquals": {"aws:PrincipalAccount": "1"}}
    text = "AWS does not document how NumericEquals evaluates aws:PrincipalAccount here, so it may match any caller"
    assert reason(condition) == f"{START}: {text}"


def test_deny_that_only_undocumented_behavior_avoids_is_explained_before_others() -> None:
    def deny(sid: str, condition: Any) -> dict[str, Any]:
        return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": condition}

    documented = deny("A", {"Bool": {"aws:SecureTransport": "false"}})
    undocumented = deny("B", {"NumericEquals": {"aws:PrincipalAccount": "1"}})
    assert reason({}, documented, undocumented) == (
        f'{START} with no Condition, and statement "B" may not deny it:'
        " AWS does not document how NumericEquals evaluates aws:PrincipalAccount here"
    )


def test_deny_with_a_documented_false_condition_is_explained_by_it() -> None:
    both = {"NumericEquals": {"aws:PrincipalAccount": "1"}, "Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": both}
    assert reason({}, deny).endswith("Bool does not match the aws:SecureTransport of the request")
