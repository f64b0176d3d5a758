"""Addresses, moments and numbers under String operators, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
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

P_ACCOUNT, TAG, IP, NEVER = "aws:PrincipalAccount", "aws:PrincipalTag/a", "aws:SourceIp", "aws:SourceArn"
INSTANCE_IP, ISSUED = "aws:Ec2InstanceSourcePrivateIPv4", "aws:TokenIssueTime"
NO_TEXTS = (
    (IP, "203.0.113.9"),
    ("aws:VpcSourceIp", "10.0.0.1"),
    (INSTANCE_IP, "10.0.0.1"),
    ("aws:CurrentTime", "2030-01-01T00:00:00Z"),
    (ISSUED, "2030-01-01T00:00:00Z"),
    ("aws:EpochTime", "1893456000"),
    ("aws:MultiFactorAuthAge", "5"),
    ("ec2:RoleDelivery", "2.0"),
)


CASES: list[tuple[str, list[dict[str, Any]], Answer]] = [
    *(
        row
        for key, value in NO_TEXTS
        for row in (
            (f"{key} as text, Allow", [allow(when("StringEquals", key, value))], GRANTED),
            (f"{key} as text of another form, Allow", [allow(when("StringLike", key, "x*"))], GRANTED),
            (f"{key} as text, negated, Allow", [allow(when("StringNotLike", key, "*"))], GRANTED),
            (f"{key} as text, Deny", [allow(), deny(when("StringLike", key, "*"))], GRANTED),
            (f"{key} as text, negated, Deny", [allow(), deny(when("StringNotEquals", key, "x"))], GRANTED),
            (
                f"{key} as text or equal to itself, Deny",
                [allow(when("Null", key, "false")), deny(when("StringEquals", key, ["x", f"${{{key}}}"]))],
                NOT_GRANTED,
            ),
            (
                f"{key} as text of its own variable and more, Deny",
                [allow(), deny(when("StringLike", key, f"${{{key}}}*"))],
                GRANTED,
            ),
            (
                f"{key} as the text of a tag, Deny",
                [allow(), deny(when("StringLike", key, f"${{{TAG}}}"))],
                GRANTED,
            ),
            (f"{key} as the text of a tag, Allow", [allow(when("StringEquals", TAG, f"${{{key}}}"))], GRANTED),
            (
                f"{key} as part of a tag, Deny",
                [allow(), deny(when("StringNotLike", TAG, f"*-${{{key}}}"))],
                GRANTED,
            ),
            (
                f"{key} as an organization id, Allow",
                [allow(when("StringEquals", "aws:PrincipalOrgID", f"${{{key}}}"))],
                NOT_GRANTED,
            ),
            (
                f"{key} as an organization id, Deny",
                [allow(), deny(when("StringNotEquals", "aws:PrincipalOrgID", f"${{{key}}}"))],
                NOT_GRANTED,
            ),
        )
    ),
    ("address of a service call as text", [allow(when("StringEquals", NEVER, "${aws:SourceIp}"))], NOT_GRANTED),
    (
        "absent moment as text",
        [allow(all_of(when("Null", ISSUED, "true"), when("StringLike", ISSUED, "*")))],
        NOT_GRANTED,
    ),
    (
        "address of the instance and of the VPC endpoint",
        [allow(when("StringEquals", INSTANCE_IP, "${aws:VpcSourceIp}"))],
        GRANTED,
    ),
    (
        "address of the instance and of the VPC endpoint, Deny",
        [allow(when("Null", INSTANCE_IP, "false")), deny(when("StringNotEquals", INSTANCE_IP, "${aws:VpcSourceIp}"))],
        GRANTED,
    ),
    (
        "address of the instance and of the VPC endpoint that differ",
        [
            allow(
                all_of(
                    when("StringEquals", INSTANCE_IP, "${aws:VpcSourceIp}"),
                    when("IpAddress", INSTANCE_IP, "10.0.0.0/8"),
                    when("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/9"),
                    when("NotIpAddressIfExists", "aws:VpcSourceIp", "10.128.0.0/9"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "IPv6 address and an IPv4 address",
        [
            allow(
                all_of(
                    when("StringEquals", INSTANCE_IP, "${aws:VpcSourceIp}"),
                    when("IpAddress", "aws:VpcSourceIp", "::/0"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "address of the VPC endpoint and of the caller",
        [allow(when("StringEquals", "aws:VpcSourceIp", "${aws:SourceIp}"))],
        NOT_GRANTED,
    ),
    (
        "address of the VPC endpoint and of the caller, with a default",
        [allow(when("StringEquals", "aws:VpcSourceIp", "${aws:SourceIp, '10.0.0.1'}"))],
        GRANTED,
    ),
    (
        "address of the VPC endpoint and of the caller, negated",
        [allow(when("StringNotEqualsIgnoreCase", "aws:VpcSourceIp", "${aws:SourceIp}"))],
        GRANTED,
    ),
    (
        "moment and its number",
        [allow(), deny(when("StringEquals", "aws:CurrentTime", "${aws:EpochTime}"))],
        NOT_GRANTED,
    ),
    (
        "moment of the call and of the credentials",
        [
            allow(
                all_of(
                    when("StringLike", ISSUED, "${aws:CurrentTime}"),
                    when("DateGreaterThan", "aws:CurrentTime", "2030-01-01"),
                    when("DateLessThan", ISSUED, "2030-01-01"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "number of the call and age of the credentials",
        [
            allow(
                all_of(
                    when("StringEquals", "aws:MultiFactorAuthAge", "${aws:EpochTime}"),
                    when("NumericLessThan", "aws:MultiFactorAuthAge", 1000),
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "moment and a number, which are of two types",
        [allow(when("StringEquals", "aws:CurrentTime", "${aws:MultiFactorAuthAge}"))],
        GRANTED,
    ),
    (
        "moment and a number, which are of two types, Deny",
        [allow(), deny(when("StringNotEquals", "aws:CurrentTime", "${aws:MultiFactorAuthAge}"))],
        GRANTED,
    ),
    (
        "variable without its brace",
        [allow(), deny(when("StringNotEquals", "aws:CurrentTime", "${aws:CurrentTime"))],
        GRANTED,
    ),
]


class TestTypedKeys:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected
