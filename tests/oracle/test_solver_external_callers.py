"""Access from outside the zone of trust, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    OTHER_ACCOUNT,
    OWNER,
    PROBLEM,
    ROLE,
    ROLE_ID,
    allow,
    deny,
    external,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_search import Answer

P_ORG, P_ACCOUNT, P_ARN = "aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn"
IP, VPC = "aws:SourceIp", "aws:SourceVpc"
ORG_ARN_LIKE = f"arn:aws:iam::{ACCOUNT}:role/*"
NOT_US = {"StringNotEquals": {P_ORG: ORG}}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"

OUTSIDE: list[tuple[str, list[dict[str, Any]], dict[str, Any], Answer]] = [
    ("named account", [allow(principal={"AWS": ACCOUNT})], {}, GRANTED),
    ("named role", [allow(principal={"AWS": ROLE})], {}, GRANTED),
    ("named session", [allow(principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/me"})], {}, GRANTED),
    ("session without a name", [allow(principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"})], {}, NOT_GRANTED),
    ("trusted account", [allow(principal={"AWS": ROLE})], {"trusted_accounts": (ACCOUNT,)}, NOT_GRANTED),
    ("member", [allow(principal={"AWS": ACCOUNT})], {"members": (ACCOUNT,)}, NOT_GRANTED),
    ("owner", [allow(principal={"AWS": OWNER})], {}, NOT_GRANTED),
    ("deleted role", [allow(principal={"AWS": "AROAJQABLZS4A3QDU576Q"})], {}, NOT_GRANTED),
    ("service", [allow(principal={"Service": "x.amazonaws.com"})], {}, NOT_GRANTED),
    ("identity provider", [allow(principal={"Federated": PROVIDER})], {}, GRANTED),
    (
        "identity provider in a Deny",
        [allow(principal={"AWS": ACCOUNT}), deny(principal={"Federated": PROVIDER})],
        {},
        GRANTED,
    ),
    (
        "identity provider in NotPrincipal of a Deny",
        [allow(), deny(principal=..., NotPrincipal={"Federated": PROVIDER})],
        {},
        GRANTED,
    ),
    (
        "trusted identity provider in NotPrincipal of a Deny",
        [allow(), deny(principal=..., NotPrincipal={"Federated": PROVIDER})],
        {"trusted_accounts": (ACCOUNT,)},
        NOT_GRANTED,
    ),
    ("account id of eleven digits", [allow(principal={"AWS": "11112222333"})], {}, PROBLEM),
    ("account id of eleven digits beside a role", [allow(principal={"AWS": ["11112222333", ROLE]})], {}, GRANTED),
    (
        "account id of eleven digits beside a trusted role",
        [allow(principal={"AWS": ["11112222333", ROLE]})],
        {"trusted_accounts": (ACCOUNT,)},
        PROBLEM,
    ),
    ("session of a deleted role", [allow(principal={"AWS": "AROAJQABLZS4A3QDU576Q:me"})], {}, NOT_GRANTED),
    ("roles of an account by a pattern", [allow(principal={"AWS": ORG_ARN_LIKE})], {"members": (ACCOUNT,)}, GRANTED),
    ("organization", [allow(when("StringEquals", P_ORG, ORG))], {}, GRANTED),
    ("trusted organization", [allow(when("StringEquals", P_ORG, ORG))], {"trusted_organizations": (ORG,)}, NOT_GRANTED),
    ("Deny but for a trusted organization", [allow(), deny(NOT_US)], {"trusted_organizations": (ORG,)}, NOT_GRANTED),
    (
        "two accounts, one a member",
        [allow(principal={"AWS": [ACCOUNT, OTHER_ACCOUNT]})],
        {"members": (ACCOUNT,)},
        GRANTED,
    ),
    ("role in a condition", [allow(when("ArnEquals", P_ARN, ROLE))], {}, GRANTED),
    ("the only role denied", [allow(principal={"AWS": ROLE}), deny(principal={"AWS": ROLE})], {}, NOT_GRANTED),
    ("one role of an account denied", [allow(principal={"AWS": ACCOUNT}), deny(principal={"AWS": ROLE})], {}, GRANTED),
    (
        "role with a condition on its organization",
        [allow(when("StringEquals", P_ORG, ORG), principal={"AWS": ROLE})],
        {},
        GRANTED,
    ),
    ("trusted network", [allow(when("IpAddress", IP, "203.0.113.0/24"))], {}, GRANTED),
    ("private network", [allow(when("IpAddress", IP, "10.0.0.0/8"))], {}, NOT_GRANTED),
    ("VPC", [allow(when("StringEquals", VPC, "vpc-0abc1234"))], {}, GRANTED),
    ("unique id", [allow(when("StringLike", "aws:userid", f"{ROLE_ID}:*"))], {}, GRANTED),
    ("organization of the resource", [allow(when("StringEquals", P_ORG, "${aws:ResourceOrgID}"))], {}, NOT_GRANTED),
    (
        "pattern of ten accounts, all members",
        [allow(when("StringLike", P_ACCOUNT, "11112222333?"))],
        {"members": tuple(f"11112222333{n}" for n in range(10))},
        NOT_GRANTED,
    ),
    (
        "pattern of ten accounts, nine members",
        [allow(when("StringLike", P_ACCOUNT, "11112222333?"))],
        {"members": tuple(f"11112222333{n}" for n in range(9))},
        GRANTED,
    ),
    (
        "role of one account, condition on another",
        [allow(when("StringEquals", P_ACCOUNT, OTHER_ACCOUNT), principal={"AWS": ROLE})],
        {},
        NOT_GRANTED,
    ),
    ("account in another partition", [allow(principal={"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"})], {}, NOT_GRANTED),
    (
        "account in the partition of the region",
        [allow(principal={"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"})],
        {"region": "cn-north-1"},
        GRANTED,
    ),
]


ZONE = {"members": (OTHER_ACCOUNT,), "trusted_accounts": (ACCOUNT,), "trusted_organizations": (ORG,)}
VPCE, VPC_ARN, INSTANCE_VPC = "aws:SourceVpce", "aws:SourceVpcArn", "aws:Ec2InstanceSourceVpc"

# Conditions that only a caller inside the zone of trust could meet, if networks were trusted.
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("VPC", when("StringEquals", VPC, "vpc-0abc1234")),
    ("VPC endpoint", when("StringEquals", VPCE, "vpce-0abc1234")),
    ("VPC ARN of the owner", when("ArnEquals", VPC_ARN, f"arn:aws:ec2:eu-west-1:{OWNER}:vpc/vpc-0abc1234")),
    ("VPC ARN of a member", when("ArnEquals", VPC_ARN, f"arn:aws:ec2:eu-west-1:{OTHER_ACCOUNT}:vpc/vpc-0abc1234")),
    ("owner's VPC endpoint", when("StringEquals", "aws:VpceAccount", OWNER)),
    ("owner's VPC endpoint by a variable", when("StringEquals", "aws:VpceAccount", "${aws:ResourceAccount}")),
    ("VPC endpoint of a trusted account", when("StringEquals", "aws:VpceAccount", ACCOUNT)),
    ("VPC endpoint of a trusted organization", when("StringEquals", "aws:VpceOrgID", ORG)),
    ("VPC endpoint of the resource's organization", when("StringEquals", "aws:VpceOrgID", "${aws:ResourceOrgID}")),
    ("path of a trusted organization", when("ForAnyValue:StringLike", "aws:VpceOrgPaths", f"{ORG}/*")),
    ("VPC of the instance", when("StringEquals", INSTANCE_VPC, "vpc-0abc1234")),
]


class TestNetworks:
    """A network makes no caller trusted, whoever owns it.

    A foreign credential inside an own VPC is what endpoint policies are for:
    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html.
    """

    @pytest.mark.parametrize(("why", "condition"), NETWORKS, ids=[row[0] for row in NETWORKS])
    def test_external_caller_uses_every_network(self, why: str, condition: dict[str, Any]) -> None:
        assert external(policy(allow(condition)), **ZONE) is GRANTED, why

    @pytest.mark.parametrize(("why", "condition"), NETWORKS, ids=[row[0] for row in NETWORKS])
    def test_public_caller_does_not_use_a_named_network(self, why: str, condition: dict[str, Any]) -> None:
        assert reachable(policy(allow(condition))) is NOT_GRANTED, why

    def test_resource_of_the_zone_of_trust_does_not_call(self) -> None:
        """Other ARNs are the caller's own."""
        for account in (OWNER, ACCOUNT, OTHER_ACCOUNT):
            function = when("ArnLike", "lambda:SourceFunctionArn", f"arn:aws:lambda:*:{account}:function:*")
            assert external(policy(allow(function)), **ZONE) is NOT_GRANTED

    def test_organization_of_the_resource_is_not_the_callers(self) -> None:
        variable = when("StringEquals", P_ORG, "${aws:ResourceOrgID}")
        assert external(policy(allow(variable)), **ZONE) is NOT_GRANTED


class TestExternalCaller:
    """Access from outside the zone of trust."""

    @pytest.mark.parametrize(("statements", "zone", "expected"), labelled(OUTSIDE))
    def test_oracle_answers_as_labelled(
        self, statements: list[dict[str, Any]], zone: dict[str, Any], expected: Answer
    ) -> None:
        assert external(policy(*statements), **zone) is expected

    def test_missing_owner_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="owner"):
            external(policy(allow()), owner=None)

    def test_unknown_test_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="public"):
            external(policy(allow()), test="public")
