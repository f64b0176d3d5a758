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
