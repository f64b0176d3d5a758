"""Condition operators: absent keys, set operators, matching and policy variables, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    all_of,
    allow,
    deny,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_search import Answer

P_ORG, P_PATHS, P_ACCOUNT, P_ARN = (
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
)
NEVER, TAG, IP = "aws:SourceArn", "aws:PrincipalTag/a", "aws:SourceIp"
IS_SERVICE = "aws:PrincipalIsAWSService"
NOT_KELVIN = [deny(when("StringLike", "saml:sub", "\u212a"))]
POSITIVE: dict[str, Any] = {
    "StringEquals": "x",
    "StringEqualsIgnoreCase": "x",
    "StringLike": "*",
    "ArnEquals": "arn:*:*:*:*:*",
    "ArnLike": "arn:*:*:*:*:*",
    "IpAddress": "0.0.0.0/0",
    "Bool": "true",
    "NumericEquals": "1",
    "NumericLessThan": "1",
    "NumericLessThanEquals": "1",
    "NumericGreaterThan": "1",
    "NumericGreaterThanEquals": "1",
    "DateEquals": "2020-01-01",
    "DateLessThan": "2020-01-01",
    "DateLessThanEquals": "2020-01-01",
    "DateGreaterThan": "2020-01-01",
    "DateGreaterThanEquals": "2020-01-01",
    "BinaryEquals": "QQ==",
}
NEGATED: dict[str, Any] = {
    "StringNotEquals": "x",
    "StringNotEqualsIgnoreCase": "x",
    "StringNotLike": "*",
    "ArnNotEquals": "*",
    "ArnNotLike": "*",
    "NotIpAddress": "0.0.0.0/0",
    "NumericNotEquals": "1",
    "DateNotEquals": "2020-01-01",
}
OPERATORS = [pytest.param(name, value, id=name) for name, value in (POSITIVE | NEGATED).items()]


class TestAbsentKey:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html."""

    @pytest.mark.parametrize(("operator", "value"), OPERATORS)
    def test_only_a_negated_operator_is_true(self, operator: str, value: Any) -> None:
        self.check(when(operator, NEVER, value), is_true=operator in NEGATED)

    @pytest.mark.parametrize(("operator", "value"), OPERATORS)
    def test_if_exists_is_true(self, operator: str, value: Any) -> None:
        self.check(when(f"{operator}IfExists", NEVER, value), is_true=True)

    @pytest.mark.parametrize(("operator", "value"), OPERATORS)
    def test_for_all_values_is_true(self, operator: str, value: Any) -> None:
        self.check(when(f"ForAllValues:{operator}", NEVER, value), is_true=True)
        self.check(when(f"ForAllValues:{operator}IfExists", NEVER, value), is_true=True)

    @pytest.mark.parametrize(("operator", "value"), OPERATORS)
    def test_for_any_value_is_false(self, operator: str, value: Any) -> None:
        self.check(when(f"ForAnyValue:{operator}", NEVER, value), is_true=False)

    @pytest.mark.parametrize(("operator", "value"), OPERATORS)
    def test_for_any_value_with_if_exists_is_undocumented(self, operator: str, value: Any) -> None:
        condition = when(f"ForAnyValue:{operator}IfExists", NEVER, value)
        assert reachable(policy(allow(condition))) is GRANTED
        assert reachable(policy(allow(), deny(condition))) is GRANTED

    @pytest.mark.parametrize(("value", "is_true"), [("true", True), ("false", False), (["true", "false"], True)])
    def test_null_true_is_true(self, value: Any, is_true: bool) -> None:
        self.check(when("Null", NEVER, value), is_true=is_true)

    @staticmethod
    def check(condition: dict[str, Any], *, is_true: bool) -> None:
        """A condition that is true makes an Allow match, and a Deny too."""
        assert reachable(policy(allow(condition))) is (GRANTED if is_true else NOT_GRANTED)
        assert reachable(policy(allow(), deny(condition))) is (NOT_GRANTED if is_true else GRANTED)


CASES: list[tuple[str, list[dict[str, Any]], Answer]] = [
    # undocumented: true in an Allow, false in a Deny
    ("multivalued key without set operator, Allow", [allow(when("StringLike", P_PATHS, f"{ORG}/*"))], GRANTED),
    (
        "multivalued key without set operator, Deny",
        [allow(), deny(when("StringNotLike", P_PATHS, f"{ORG}/*"))],
        GRANTED,
    ),
    (
        "multivalued key without set operator, absent",
        [allow(all_of(when("StringLike", P_PATHS, "x"), when("Null", P_ORG, "true")))],
        NOT_GRANTED,
    ),
    ("empty list, Allow", [allow(when("StringEquals", P_ACCOUNT, []))], GRANTED),
    ("empty list, Deny", [allow(), deny(when("StringNotEquals", P_ACCOUNT, []))], GRANTED),
    ("empty list, key absent", [allow(when("StringEquals", NEVER, []))], NOT_GRANTED),
    ("IpAddress on an ARN, Allow", [allow(when("IpAddress", P_ARN, "10.0.0.0/8"))], GRANTED),
    ("NotIpAddress on an ARN, Deny", [allow(), deny(when("NotIpAddress", P_ARN, "10.0.0.0/8"))], GRANTED),
    ("ArnEquals on an account id", [allow(when("ArnEquals", P_ACCOUNT, ACCOUNT))], GRANTED),
    ("NumericNotEquals on an account id", [allow(), deny(when("NumericNotEquals", P_ACCOUNT, "1"))], GRANTED),
    ("BinaryEquals on a tag, Deny", [allow(), deny(when("BinaryEquals", TAG, "QQ=="))], GRANTED),
    ("BinaryEquals on an account, Allow", [allow(when("BinaryEquals", P_ACCOUNT, "QQ=="))], GRANTED),
    ("BinaryEquals on a Boolean, Deny", [allow(), deny(when("BinaryEquals", IS_SERVICE, "ZmFsc2U="))], GRANTED),
    ("ArnNotLike on a text key, Deny", [allow(), deny(when("ArnNotLike", "aws:username", "x"))], GRANTED),
    (
        "ARN operator on an identity provider",
        [allow(when("ArnLike", "aws:FederatedProvider", "arn:aws:s3:*:*:x"))],
        NOT_GRANTED,
    ),
    (
        "undocumented value beside one that matches, Deny",
        [allow(), deny(when("StringEquals", "aws:SecureTransport", ["${custom:X}", "true"]))],
        NOT_GRANTED,
    ),
    (
        "undocumented value beside one that matches, negated, Allow",
        [allow(when("StringNotEquals", "aws:SecureTransport", ["${custom:X}", "true"]))],
        NOT_GRANTED,
    ),
    ("Bool on a tag", [allow(), deny(when("Bool", TAG, "true")), deny(when("Null", TAG, "true"))], GRANTED),
    ("DateLessThan on an account id", [allow(when("DateLessThan", P_ACCOUNT, "2020-01-01"))], GRANTED),
    ("short ARN pattern of a named account", [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}"))], NOT_GRANTED),
    ("short ARN pattern, Allow", [allow(when("ArnLike", P_ARN, "arn:aws:iam"))], GRANTED),
    ("short ARN pattern, Deny", [allow(), deny(when("ArnLike", P_ARN, "arn:aws:*"))], GRANTED),
    ("negated short ARN pattern, Allow", [allow(when("ArnNotLike", P_ARN, "arn:aws:*"))], GRANTED),
    (
        "negated short ARN pattern that does not match, Deny",
        [allow(), deny(when("ArnNotLike", P_ARN, "arn:aws:s3"))],
        NOT_GRANTED,
    ),
    ("unknown variable, Allow", [allow(when("StringEquals", P_ORG, "${custom:X}"))], GRANTED),
    ("unknown variable, Deny", [allow(), deny(when("StringNotEquals", P_ACCOUNT, "${custom:X}"))], GRANTED),
    ("multivalued variable", [allow(when("StringEquals", P_ACCOUNT, "${aws:TagKeys}"))], GRANTED),
    (
        "unknown variable beside a fixed value",
        [allow(), deny(when("StringEquals", P_ACCOUNT, [ACCOUNT, "${custom:X}"]))],
        GRANTED,
    ),
    # matching
    ("ArnEquals with a wildcard", [allow(when("ArnEquals", P_ARN, "arn:aws:iam::*:role/x"))], GRANTED),
    ("ARN pattern whose star would cross a colon", [allow(when("ArnLike", P_ARN, "arn:*:role/x:a:b:c"))], NOT_GRANTED),
    ("star in the service of an ARN", [allow(when("ArnLike", P_ARN, "arn:aws:*::*:federated-user/x"))], GRANTED),
    (
        "colon in the last field of an ARN",
        [allow(when("ArnLike", "codebuild:BuildArn", "arn:aws:codebuild:*:*:build/x:?"))],
        GRANTED,
    ),
    (
        "ARN of a role session",
        [allow(when("ArnLike", P_ARN, "arn:aws:sts::*:assumed-role/*"))],
        NOT_GRANTED,
    ),
    ("StringLike whose star crosses fields", [allow(when("StringLike", P_ARN, f"*{ACCOUNT}*"))], GRANTED),
    (
        "StringLike with an account id between colons",
        [allow(when("StringLike", P_ARN, f"*:{ACCOUNT}:root"))],
        NOT_GRANTED,
    ),
    ("named role in any partition", [allow(when("ArnLike", P_ARN, f"arn:*:iam::{ACCOUNT}:role/x"))], NOT_GRANTED),
    (
        "StringLike with a path that has colons",
        [allow(when("StringLike", P_ARN, f"arn:*:iam::{ACCOUNT}:role/x"))],
        GRANTED,
    ),
    (
        "StringLike with a name that has colons",
        [allow(when("StringLike", P_ARN, f"arn:*:iam::{ACCOUNT}:x"))],
        NOT_GRANTED,
    ),
    ("value in other letter case", [allow(when("StringEquals", "aws:PrincipalType", "user"))], NOT_GRANTED),
    (
        "value in other letter case, IgnoreCase",
        [allow(when("StringEqualsIgnoreCase", "aws:PrincipalType", "USER"))],
        GRANTED,
    ),
    (
        "Kelvin sign, IgnoreCase",
        [allow(when("StringEqualsIgnoreCase", "saml:sub", "\u212a")), *NOT_KELVIN],
        NOT_GRANTED,
    ),
    ("letter k, IgnoreCase", [allow(when("StringEqualsIgnoreCase", "saml:sub", "k")), *NOT_KELVIN], GRANTED),
    (
        "letters that are no ASCII, IgnoreCase",
        [allow(when("StringEqualsIgnoreCase", "saml:sub", "\u00e9")), deny(when("StringEquals", "saml:sub", "\u00e9"))],
        NOT_GRANTED,
    ),
    (
        "long s in the name of a type, IgnoreCase",
        [allow(when("StringEqualsIgnoreCase", "aws:PrincipalType", "U\u017fer"))],
        NOT_GRANTED,
    ),
    (
        "organization id in capitals, IgnoreCase",
        [allow(when("StringEqualsIgnoreCase", P_ORG, ORG.upper()))],
        NOT_GRANTED,
    ),
    ("several values, one matches", [allow(when("StringEquals", "aws:PrincipalType", ["x", "User"]))], GRANTED),
    (
        "negated values, every type listed",
        [allow(when("StringNotEquals", "aws:PrincipalType", ["User", "Account", "AssumedRole", "FederatedUser"]))],
        NOT_GRANTED,
    ),
    ("Bool value in capitals", [allow(when("Bool", "aws:SecureTransport", "TRUE"))], GRANTED),
    ("Bool value as JSON false", [allow(when("Bool", "aws:SecureTransport", False))], NOT_GRANTED),
    ("Boolean key as text in capitals", [allow(when("StringEquals", "aws:SecureTransport", "True"))], NOT_GRANTED),
    ("Boolean key as text", [allow(when("StringLike", "aws:SecureTransport", "tr*"))], GRANTED),
    ("operator in other letter case", [allow(when("foranyvalue:STRINGLIKE", P_PATHS, f"{ORG}/*"))], NOT_GRANTED),
    ("key in other letter case", [allow(when("StringEquals", "AWS:principalORGid", ORG))], NOT_GRANTED),
    ("address without prefix length", [allow(), deny(when("NotIpAddress", IP, "203.0.113.9"))], NOT_GRANTED),
    ("address with prefix length 0", [allow(when("IpAddress", IP, "203.0.113.9/0"))], GRANTED),
    # numbers
    (
        "two bounds with half a second between",
        [
            allow(
                {
                    "NumericGreaterThan": {"aws:MultiFactorAuthAge": 4.5},
                    "NumericLessThan": {"aws:MultiFactorAuthAge": "5"},
                }
            )
        ],
        GRANTED,
    ),
    (
        "two bounds without a number between",
        [
            allow(
                {
                    "NumericGreaterThan": {"aws:MultiFactorAuthAge": 5},
                    "NumericLessThanEquals": {"aws:MultiFactorAuthAge": "5.0"},
                }
            )
        ],
        NOT_GRANTED,
    ),
    (
        "two bounds that are equal",
        [
            allow(
                {
                    "NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": 5},
                    "NumericLessThanEquals": {"aws:MultiFactorAuthAge": "5.0"},
                }
            )
        ],
        GRANTED,
    ),
    ("negative age", [allow(when("NumericLessThan", "aws:MultiFactorAuthAge", 0))], NOT_GRANTED),
    (
        "one value that meets two conditions",
        [allow({"StringLike": {TAG: "a*"}, "StringNotEquals": {TAG: ["ab", "ac"]}})],
        GRANTED,
    ),
    (
        "one value that cannot meet two conditions",
        [allow({"StringEquals": {TAG: "a"}, "StringNotEquals": {TAG: "a"}})],
        NOT_GRANTED,
    ),
    # set operators
    (
        "ForAnyValue and ForAllValues of different values",
        [
            allow(
                {
                    "ForAnyValue:StringEquals": {"aws:CalledVia": "a"},
                    "ForAllValues:StringEquals": {"aws:CalledVia": "b"},
                }
            )
        ],
        NOT_GRANTED,
    ),
    (
        "two ForAnyValue of different values",
        [
            allow(
                {"ForAnyValue:StringEquals": {"aws:CalledVia": "a"}, "ForAnyValue:StringLike": {"aws:CalledVia": "b*"}}
            )
        ],
        GRANTED,
    ),
    ("negated ForAnyValue", [allow({"ForAnyValue:StringNotEquals": {P_PATHS: "x"}})], GRANTED),
    (
        "two ForAnyValue of different paths",
        [
            allow(
                {
                    "ForAnyValue:StringLike": {P_PATHS: "o-*/r-aaaa/"},
                    "ForAnyValue:StringEqualsIgnoreCase": {P_PATHS: "o-bbbbbbbbbb/r-bbbb/"},
                }
            )
        ],
        NOT_GRANTED,
    ),
    (
        "negated ForAllValues on a single-valued key",
        [allow(when("ForAllValues:StringNotEquals", P_ACCOUNT, ACCOUNT))],
        GRANTED,
    ),
    ("ForAllValues in a Deny", [allow(), deny(when("ForAllValues:StringEquals", P_ORG, ORG))], GRANTED),
    (
        "ForAllValues in a Deny, only absent keys allowed",
        [allow(when("Null", P_ORG, "true")), deny(when("ForAllValues:StringEquals", P_ORG, ORG))],
        NOT_GRANTED,
    ),
]


class TestOperators:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected
