"""Which ids a policy names, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import ACCOUNT, NOW, ORG, OTHER_ACCOUNT, ROLE, ROLE_ID, allow, deny, policy, when
from tests.oracle.solver_oracle import excluded_ids
from tests.oracle.solver_values import Identity

LONG_ORG = f"o-{'a' * 32}"
VPC_ARN = f"arn:aws:ec2:*:{ACCOUNT}:vpc/vpc-0abc1234"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"
P_ACCOUNT, P_ARN, P_ORG = "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID"

# An operator and a value on a key, and the ids that they name.
VALUES: list[tuple[str, str, Any, set[str]]] = [
    ("StringEquals", P_ACCOUNT, ACCOUNT, {ACCOUNT}),
    ("StringEquals", P_ACCOUNT, [ACCOUNT, OTHER_ACCOUNT], {ACCOUNT, OTHER_ACCOUNT}),
    ("StringEquals", P_ACCOUNT, int(ACCOUNT), {ACCOUNT}),
    ("StringLike", P_ACCOUNT, f"*{ACCOUNT}*", {ACCOUNT}),
    ("StringLike", P_ACCOUNT, "1111*22223333", {ACCOUNT}),
    ("StringLike", P_ACCOUNT, "11112222333?", set()),
    ("StringLikeIfExists", P_ACCOUNT, ACCOUNT, {ACCOUNT}),
    ("ForAllValues:StringEquals", P_ACCOUNT, ACCOUNT, {ACCOUNT}),
    ("NumericEquals", P_ACCOUNT, ACCOUNT, {ACCOUNT}),
    ("ArnLike", P_ARN, ROLE, {ACCOUNT}),
    ("StringEquals", P_ARN, ROLE, {ACCOUNT}),
    ("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}*", {ACCOUNT}),
    ("StringLike", P_ARN, f"arn:aws:iam::{ACCOUNT}*", {ACCOUNT}),
    ("ArnLike", P_ARN, f"arn:*:iam::{ACCOUNT}:role/*", {ACCOUNT}),
    ("StringLike", P_ARN, f"arn:*:iam::{ACCOUNT}:role/*", set()),
    ("StringLike", P_ARN, f"arn:*:iam::{ACCOUNT}:root", {ACCOUNT}),
    ("StringLike", P_ARN, f"*{ACCOUNT}*", set()),
    ("ArnLike", P_ARN, f"*{ACCOUNT}*", set()),
    ("ArnLike", P_ARN, "arn:aws:iam::11112222*:role/x", set()),
    ("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}", {ACCOUNT}),
    ("ArnLike", P_ARN, f"arn:aws:iam::${{aws:SourceAccount, '{ACCOUNT}'}}:root", set()),
    ("StringEquals", P_ACCOUNT, "${aws:ResourceAccount}", set()),
    ("StringEquals", P_ORG, ORG, {ORG}),
    ("StringEqualsIgnoreCase", P_ORG, ORG.upper(), {ORG}),
    ("StringLike", P_ORG, f"{ORG}*", set()),
    ("StringLike", P_ORG, f"{LONG_ORG}*", {LONG_ORG}),
    ("StringLike", P_ORG, f"{LONG_ORG[:-1]}*", set()),
    ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORG}/*", {ORG}),
    ("StringLike", "aws:PrincipalOrgPaths", f"{ORG}/*", {ORG}),
    ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORG}*", set()),
    ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{LONG_ORG}*", {LONG_ORG}),
    ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/r-ab12/*", set()),
    ("StringEquals", "aws:VpceOrgID", ORG, {ORG}),
    ("StringEquals", "aws:VpceAccount", ACCOUNT, {ACCOUNT}),
    ("StringLike", "aws:userid", f"{ROLE_ID}:*", {ROLE_ID}),
    ("StringLike", "aws:userid", f"{ROLE_ID}*", set()),
    ("StringEquals", "aws:userid", "AIDAEXAMPLEUSERID123", {"AIDAEXAMPLEUSERID123"}),
    ("StringLike", "aws:userid", f"{ACCOUNT}:*", {ACCOUNT}),
    ("StringLike", "aws:userid", f"*{ACCOUNT}:bob", set()),
    ("StringEquals", "aws:SourceVpc", "vpc-0abc1234", {"vpc-0abc1234"}),
    ("StringLike", "aws:SourceVpc", "vpc-0abc1234*", set()),
    ("StringEquals", "aws:SourceVpce", "vpce-0abc1234", {"vpce-0abc1234"}),
    ("StringEquals", "aws:Ec2InstanceSourceVpc", "vpc-0abc1234", {"vpc-0abc1234"}),
    ("ArnLike", "aws:SourceVpcArn", VPC_ARN, {ACCOUNT, "vpc-0abc1234"}),
    ("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/vpc-0abc1234", {"vpc-0abc1234"}),
    ("ArnLike", "lambda:SourceFunctionArn", f"arn:aws:lambda:*:{ACCOUNT}:function:*", {ACCOUNT}),
    ("ArnLike", "aws:FederatedProvider", PROVIDER, {ACCOUNT}),
    ("StringLike", "aws:FederatedProvider", f"*:{ACCOUNT}:oidc-provider/x", set()),
    ("StringEquals", "identitystore:UserId", "94482488-3041", {"94482488-3041"}),
    # keys that say nothing about the caller
    ("StringEquals", "aws:SourceAccount", ACCOUNT, set()),
    ("ArnLike", "aws:SourceArn", f"arn:aws:s3:*:{ACCOUNT}:x", set()),
    ("StringEquals", "aws:ResourceAccount", ACCOUNT, set()),
    ("StringEquals", "aws:ResourceOrgID", ORG, set()),
    ("StringEquals", "aws:PrincipalTag/account", ACCOUNT, set()),
    ("StringEquals", "custom:Account", ACCOUNT, set()),
    ("Null", P_ACCOUNT, "true", set()),
]
_NEGATIONS = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "StringLikeIfExists": "StringNotLikeIfExists",
    "ForAllValues:StringEquals": "ForAllValues:StringNotEquals",
    "ForAnyValue:StringLike": "ForAnyValue:StringNotLike",
    "ArnLike": "ArnNotLike",
    "NumericEquals": "NumericNotEquals",
}
IDS = [f"{row[0]} {row[1]} {row[2]}" for row in VALUES]

PRINCIPALS: list[tuple[Any, set[str]]] = [
    ({"AWS": ACCOUNT}, {ACCOUNT}),
    ({"AWS": [ROLE, f"arn:aws:iam::{OTHER_ACCOUNT}:root"]}, {ACCOUNT, OTHER_ACCOUNT}),
    ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/me"}, {ACCOUNT}),
    ({"AWS": ROLE_ID}, {ROLE_ID}),
    ({"AWS": f"{ROLE_ID}:me"}, {ROLE_ID}),
    ({"Federated": PROVIDER}, {ACCOUNT}),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, set()),
    ({"AWS": f"{ROLE_ID}:*"}, set()),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:group/developers"}, set()),
    ([ACCOUNT], set()),
    ({"AWS": ["1*", ACCOUNT]}, {ACCOUNT}),
    ({"AWS": "11112222333?"}, set()),
    ({"Service": "lambda.amazonaws.com"}, set()),
    ("*", set()),
]


def named(*statements: dict[str, Any]) -> set[str]:
    """The ids that the statements name."""
    found = excluded_ids(policy(*statements), test="reachable", owner=None, region="eu-west-1", now=NOW)
    return {text for texts in found.values() for text in texts}


class TestConditions:
    """A value names what every value that it matches has."""

    @pytest.mark.parametrize(("operator", "key", "value", "expected"), VALUES, ids=IDS)
    def test_positive_condition_of_an_allow_names(
        self, operator: str, key: str, value: Any, expected: set[str]
    ) -> None:
        assert named(allow(when(operator, key, value))) == expected
        assert named(deny(when(operator, key, value))) == set()

    @pytest.mark.parametrize(("operator", "key", "value", "expected"), VALUES, ids=IDS)
    def test_negated_condition_of_a_deny_names(self, operator: str, key: str, value: Any, expected: set[str]) -> None:
        negated = _NEGATIONS.get(operator, operator)
        assert named(deny(when(negated, key, value))) == expected
        assert named(allow(when(negated, key, value))) == set()

    def test_variable_of_version_2008_is_text(self) -> None:
        """It is in no account id, but every version has these digits in an ARN."""
        arn = when("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")
        found = excluded_ids(policy(allow(arn), version="2008-10-17"), test="reachable", owner=None, now=NOW)
        assert found[Identity.ACCOUNT] == {ACCOUNT}


class TestPrincipals:
    """An element names the ids of its principals; a value with a wildcard, or that ECR refuses, is none."""

    @pytest.mark.parametrize(("principal", "expected"), PRINCIPALS)
    def test_principal_of_an_allow_names(self, principal: Any, expected: set[str]) -> None:
        assert named(allow(principal=principal)) == expected
        assert named(deny(principal=principal)) == set()

    @pytest.mark.parametrize(("principal", "expected"), PRINCIPALS)
    def test_not_principal_of_a_deny_names(self, principal: Any, expected: set[str]) -> None:
        assert named(deny(principal=..., NotPrincipal=principal)) == expected
        assert named(allow(principal=..., NotPrincipal=principal)) == set()
