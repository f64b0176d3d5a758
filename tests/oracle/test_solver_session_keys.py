"""Condition keys about the session, the request and its moment, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    all_of,
    allow,
    deny,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_search import Answer

LAST_MOMENT = "9999-12-31T23:59:59Z"


def with_tag(action: str) -> dict[str, Any]:
    """An Allow of the action with a condition on a request tag."""
    return allow(when("StringEquals", "aws:RequestTag/a", "b"), action=f"ecr:{action}")


def with_tag_key(action: str) -> dict[str, Any]:
    """An Allow of the action with a condition on aws:TagKeys."""
    return allow(when("ForAnyValue:StringEquals", "aws:TagKeys", "a"), action=f"ecr:{action}")


CASES: list[tuple[str, list[dict[str, Any]], Answer]] = [
    # the session and the request
    ("fixed identity store user", [allow(when("StringEquals", "identitystore:UserId", "94482488-3041"))], NOT_GRANTED),
    ("pattern of identity store users", [allow(when("StringLike", "identitystore:UserId", "9448*"))], GRANTED),
    (
        "identity provider of a named account",
        [allow(when("StringEquals", "aws:FederatedProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"))],
        NOT_GRANTED,
    ),
    (
        "identity provider of a named account, whatever its letter case",
        [allow(when("StringEqualsIgnoreCase", "aws:FederatedProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"))],
        NOT_GRANTED,
    ),
    (
        "identity provider of any account",
        [allow(when("ArnLike", "aws:FederatedProvider", "arn:aws:iam::*:oidc-provider/x"))],
        GRANTED,
    ),
    (
        "calls of anyone but services denied",
        [allow(), deny(when("Bool", "aws:PrincipalIsAWSService", "false"))],
        NOT_GRANTED,
    ),
    ("calls through a service denied", [allow(), deny(when("Bool", "aws:ViaAWSService", "true"))], GRANTED),
    ("call through no MCP server", [allow(when("Bool", "aws:ViaAWSMCPService", "false"))], GRANTED),
    ("call through an MCP server", [allow(when("Bool", "aws:ViaAWSMCPService", "true"))], GRANTED),
    ("no word on MCP servers", [allow(when("Null", "aws:ViaAWSMCPService", "true"))], GRANTED),
    ("action of an MCP service", [allow(when("Bool", "aws:IsMcpServiceAction", "true"))], NOT_GRANTED),
    ("no action of an MCP service", [allow(when("Bool", "aws:IsMcpServiceAction", "false"))], GRANTED),
    (
        "no action of an MCP service denied",
        [allow(), deny(when("BoolIfExists", "aws:IsMcpServiceAction", "false"))],
        NOT_GRANTED,
    ),
    ("instance role of version 2", [allow(when("NumericEquals", "ec2:RoleDelivery", "2.0"))], GRANTED),
    ("instance role of version 1 denied", [allow(), deny(when("NumericLessThan", "ec2:RoleDelivery", "2.0"))], GRANTED),
    ("role for AWS Glue", [allow(when("StringEquals", "glue:RoleAssumedBy", "glue.amazonaws.com"))], GRANTED),
    (
        "role for another service",
        [allow(when("StringEquals", "glue:RoleAssumedBy", "lambda.amazonaws.com"))],
        NOT_GRANTED,
    ),
    ("role for no service", [allow(when("Null", "glue:CredentialIssuingService", "true"))], GRANTED),
    (
        "role for AWS Glue and none denied",
        [
            allow(),
            deny(when("StringEqualsIfExists", "glue:CredentialIssuingService", "glue.amazonaws.com")),
        ],
        NOT_GRANTED,
    ),
    ("TLS denied", [allow(), deny(when("Bool", "aws:SecureTransport", "true"))], NOT_GRANTED),
    ("user agent absent", [allow(when("Null", "aws:UserAgent", "true"))], NOT_GRANTED),
    (
        "MFA false denied, MFA absent left",
        [allow(), deny(when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"))],
        GRANTED,
    ),
    ("request tag of TagResource", [with_tag("TagResource")], GRANTED),
    ("request tag of an action without tags", [with_tag("BatchGetImage")], NOT_GRANTED),
    ("request tag of UntagResource", [with_tag("UntagResource")], NOT_GRANTED),
    ("tag key of UntagResource", [with_tag_key("UntagResource")], GRANTED),
    ("tag key of an action without tags", [with_tag_key("PutImage")], NOT_GRANTED),
    ("tag key of one action of many", [allow(when("Null", "aws:TagKeys", "false"), action="ecr:*")], GRANTED),
    (
        "tag key, the actions with tags denied",
        [
            allow(when("Null", "aws:TagKeys", "false"), action="ecr:*"),
            deny(action=["ecr:CreateRepository", "ecr:*Tag*"]),
        ],
        NOT_GRANTED,
    ),
    (
        "another region than the repository's",
        [allow(when("StringEquals", "aws:RequestedRegion", "us-east-1"))],
        NOT_GRANTED,
    ),
    ("region of the repository", [allow(when("StringEquals", "aws:RequestedRegion", "eu-west-1"))], GRANTED),
    # time
    (
        "two times that differ",
        [
            allow(
                all_of(
                    when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"),
                    when("DateGreaterThan", "aws:EpochTime", "2031-01-01T00:00:00Z"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    ("window that ends now", [allow(when("DateLessThanEquals", "aws:CurrentTime", "2026-10-01T00:00:00Z"))], GRANTED),
    ("window that ended", [allow(when("DateLessThan", "aws:CurrentTime", "2026-10-01T00:00:00Z"))], NOT_GRANTED),
    (
        "window that ended, with a time zone",
        [allow(when("DateLessThanEquals", "aws:CurrentTime", "2026-10-01T01:00:00+02:00"))],
        NOT_GRANTED,
    ),
    (
        "credentials issued 35 hours ago",
        [allow(when("DateLessThan", "aws:TokenIssueTime", "2026-09-29T13:00:00Z"))],
        GRANTED,
    ),
    (
        "credentials issued 36 hours ago",
        [allow(when("DateLessThan", "aws:TokenIssueTime", "2026-09-29T12:00:00Z"))],
        NOT_GRANTED,
    ),
    (
        "credentials issued after the request",
        [
            allow(
                all_of(
                    when("DateGreaterThan", "aws:TokenIssueTime", "2030-01-01"),
                    when("DateLessThan", "aws:CurrentTime", "2030-01-01"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    ("moment after the last one", [allow(when("DateGreaterThan", "aws:CurrentTime", LAST_MOMENT))], NOT_GRANTED),
    ("the last moment", [allow(when("DateGreaterThanEquals", "aws:CurrentTime", LAST_MOMENT))], GRANTED),
    (
        "epoch time after the last moment",
        [allow(when("NumericGreaterThan", "aws:EpochTime", 253402300799))],
        NOT_GRANTED,
    ),
    ("epoch time of the last moment", [allow(when("NumericEquals", "aws:EpochTime", 253402300799))], GRANTED),
    (
        "unknown key after the last moment",
        [allow(when("ForAnyValue:DateGreaterThan", "custom:At", LAST_MOMENT))],
        NOT_GRANTED,
    ),
]


class TestSessionKeys:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected
