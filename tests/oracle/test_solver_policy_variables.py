"""Policy variables, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    allow,
    deny,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_search import Answer

P_ORG, P_ACCOUNT, P_ARN = "aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn"
TAG, IS_SERVICE = "aws:PrincipalTag/a", "aws:PrincipalIsAWSService"

CASES: list[tuple[str, list[dict[str, Any]], Answer]] = [
    ("variable of another free key", [allow(when("StringEquals", TAG, "${ecr:ResourceTag/a}"))], GRANTED),
    (
        "variable of the user name in an ARN",
        [allow(when("StringLike", P_ARN, "arn:aws:iam::*:user/${aws:username}"))],
        GRANTED,
    ),
    (
        "variable of the user name in an ARN of a named account",
        [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))],
        NOT_GRANTED,
    ),
    (
        "variable without a value, positive",
        [allow(when("StringEquals", P_ACCOUNT, "${aws:SourceAccount}"))],
        NOT_GRANTED,
    ),
    (
        "variable without a value, negated",
        [allow(), deny(when("StringNotEquals", P_ACCOUNT, "${aws:SourceAccount}"))],
        NOT_GRANTED,
    ),
    (
        "default value of a variable, which names nobody",
        [allow(when("StringEquals", P_ACCOUNT, f"${{aws:SourceAccount, '{ACCOUNT}'}}"))],
        GRANTED,
    ),
    (
        "default value of a variable that has a value",
        [allow(when("StringEquals", "aws:PrincipalType", "${aws:PrincipalAccount, 'User'}"))],
        NOT_GRANTED,
    ),
    ("escaped star", [allow(when("StringLike", P_ORG, "${*}"))], NOT_GRANTED),
    ("escaped dollar", [allow(when("StringEquals", TAG, "${$}x"))], GRANTED),
    ("variable in a Bool value, Allow", [allow(when("Bool", IS_SERVICE, "${aws:SecureTransport}"))], GRANTED),
    ("variable in a Bool value, Deny", [allow(), deny(when("Bool", IS_SERVICE, "${aws:SecureTransport}"))], GRANTED),
    ("escape in a Bool value", [allow(), deny(when("Bool", "aws:SecureTransport", "${*}"))], GRANTED),
    ("brace in a Bool value", [allow(), deny(when("Bool", "aws:SecureTransport", "true${"))], GRANTED),
    (
        "variable beside a word as Bool values",
        [allow(), deny(when("Bool", "aws:SecureTransport", ["${aws:x}", "true"]))],
        NOT_GRANTED,
    ),
    (
        "variable beside a word that does not match as Bool values",
        [allow(), deny(when("Bool", "aws:SecureTransport", ["${aws:x}", "false"]))],
        GRANTED,
    ),
    (
        "variable in a Bool value, key absent",
        [allow(when("Bool", "aws:ViaAWSMCPService", "${aws:x}")), deny(when("Null", "aws:ViaAWSMCPService", False))],
        NOT_GRANTED,
    ),
    (
        "wildcard in a default value that is taken, Deny",
        [allow(), deny(when("StringNotLike", P_ACCOUNT, "${aws:SourceAccount, '*'}"))],
        GRANTED,
    ),
    (
        "wildcard in a default value that is taken, Allow",
        [allow(when("StringLike", "aws:PrincipalType", "${aws:SourceAccount, 'x*'}"))],
        GRANTED,
    ),
    (
        "wildcard in a default value of an ARN",
        [allow(when("ArnLike", P_ARN, "arn:aws:iam::${aws:SourceAccount, '?'}:root"))],
        GRANTED,
    ),
    (
        "wildcard in a default value that is not taken",
        [allow(when("StringLike", "aws:PrincipalType", "${aws:PrincipalAccount, '*'}"))],
        NOT_GRANTED,
    ),
    (
        "wildcard in a default value under an operator without wildcards",
        [allow(when("StringEquals", P_ACCOUNT, "${aws:SourceAccount, '*'}"))],
        NOT_GRANTED,
    ),
    (
        "unknown variable with a default value",
        [allow(), deny(when("StringNotEquals", "aws:PrincipalType", "${custom:X, 'y'}"))],
        GRANTED,
    ),
    (
        "multivalued variable with a default value",
        [allow(), deny(when("StringNotEquals", "aws:PrincipalType", "${aws:SourceOrgPaths, 'y'}"))],
        GRANTED,
    ),
    ("dollar without a brace", [allow(when("StringEquals", TAG, "$x"))], GRANTED),
    ("brace that does not end, fixed value", [allow(when("StringEquals", "aws:PrincipalType", "${User"))], NOT_GRANTED),
    (
        "variable of the resource account in an ARN",
        [allow(when("ArnLike", P_ARN, "arn:aws:iam::${aws:ResourceAccount}:role/*"))],
        NOT_GRANTED,
    ),
    (
        "variable of a tag with two conflicting conditions",
        [
            allow(
                {
                    "StringEquals": {"aws:ResourceTag/r": f"${{{TAG}}}", TAG: "b"},
                    "StringNotLike": {"aws:ResourceTag/r": "b*"},
                }
            )
        ],
        NOT_GRANTED,
    ),
    (
        "variable of a tag, patterns that no text meets",
        [
            allow(
                {"StringEquals": {TAG: "${aws:PrincipalTag/b}"}, "StringLike": {TAG: "x*", "aws:PrincipalTag/b": "y*"}}
            )
        ],
        NOT_GRANTED,
    ),
    (
        "variable of a tag, patterns that one text meets",
        [
            allow(
                {"StringEquals": {TAG: "${aws:PrincipalTag/b}"}, "StringLike": {TAG: "x*", "aws:PrincipalTag/b": "*y"}}
            )
        ],
        GRANTED,
    ),
    (
        "variable of a free tag before a wildcard",
        [allow(when("StringLike", "aws:userid", "${aws:PrincipalTag/id}:*"))],
        GRANTED,
    ),
    (
        "negated variable of a free tag, Deny",
        [allow(), deny(when("StringNotLike", "aws:userid", "*:${aws:PrincipalTag/id}"))],
        GRANTED,
    ),
]


class TestPolicyVariables:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected

    @pytest.mark.parametrize("version", ["2008-10-17", None])
    def test_variable_without_version_2012_is_text(self, version: str | None) -> None:
        """No account id has this form, but a tag can have it."""
        account = when("StringEquals", P_ACCOUNT, "${aws:PrincipalAccount}")
        assert reachable(policy(allow(account), version=version)) is NOT_GRANTED
        assert reachable(policy(allow(when("StringEquals", TAG, "${aws:username}")), version=version)) is GRANTED
