"""Principal and NotPrincipal elements, rows 4 to 7 of the decision table in docs/verdicts.md, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    OWNER,
    PROBLEM,
    ROLE,
    allow,
    deny,
    external,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_search import Answer

ANY = "*"
P_ORG, P_ARN = "aws:PrincipalOrgID", "aws:PrincipalArn"
ORG_ARN_LIKE = f"arn:aws:iam::{ACCOUNT}:role/*"
NOT_US = {"StringNotEquals": {P_ORG: ORG}}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
DELETED_ROLE = "AROAJQABLZS4A3QDU576Q"
WEB_IDENTITY_PROVIDERS = (
    "cognito-identity.amazonaws.com",
    "www.amazon.com",
    "graph.facebook.com",
    "accounts.google.com",
)
INVALID_PRINCIPALS: tuple[tuple[str, Any], ...] = (
    ("account id of eleven digits", {"AWS": "11112222333"}),
    ("placeholder", {"AWS": "<account-id>"}),
    ("empty text", {"AWS": ""}),
    ("group", {"AWS": f"arn:aws:iam::{ACCOUNT}:group/developers"}),
    ("CloudFront identity", {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}),
    ("ARN without an account", {"AWS": "arn:aws:iam:::role/ci"}),
    ("role without a name", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/"}),
    ("unknown partition", {"AWS": f"arn:amazon:iam::{ACCOUNT}:root"}),
    ("unique id in lower case", {"AWS": DELETED_ROLE.lower()}),
    ("unique id too short", {"AWS": "AIDAEXAMPLE0001"}),
    ("unique id of a role with an empty session", {"AWS": f"{DELETED_ROLE}:"}),
    ("unique id of a user with a session", {"AWS": "AIDAEXAMPLE00000001:me"}),
    ("service under AWS", {"AWS": "lambda.amazonaws.com"}),
    ("web identity provider under AWS", {"AWS": "accounts.google.com"}),
    ("identity provider under AWS", {"AWS": PROVIDER}),
    ("service without a name", {"Service": ""}),
    ("other identity provider", {"Federated": "token.actions.githubusercontent.com"}),
    ("role under Federated", {"Federated": ROLE}),
    ("role in place of an object", ROLE),
    ("account in place of an object", ACCOUNT),
    ("empty text in place of an object", ""),
    ("role in a list in place of an object", [ROLE]),
    ("empty list in place of an object", []),
)

ROWS: list[tuple[str, list[dict[str, Any]], Answer]] = [
    ("4 account", [allow(principal={"AWS": ACCOUNT})], NOT_GRANTED),
    ("4 root", [allow(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})], NOT_GRANTED),
    ("4 role", [allow(principal={"AWS": ROLE})], NOT_GRANTED),
    ("4 user", [allow(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"})], NOT_GRANTED),
    ("4 session", [allow(principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/me"})], NOT_GRANTED),
    ("4 deleted user", [allow(principal={"AWS": "AIDAJQABLZS4A3QDU576Q"})], NOT_GRANTED),
    ("5 service principal", [allow(principal={"Service": "codebuild.amazonaws.com"})], NOT_GRANTED),
    (
        "5 service principal with a source account",
        [allow(when("StringEquals", "aws:SourceAccount", OWNER), principal={"Service": "x.amazonaws.com"})],
        NOT_GRANTED,
    ),
    ("6 any root", [allow(principal={"AWS": "arn:aws:iam::*:root"})], GRANTED),
    ("6 any role of one account", [allow(principal={"AWS": ORG_ARN_LIKE})], GRANTED),
    ("4 unique id of a role", [allow(principal={"AWS": DELETED_ROLE})], NOT_GRANTED),
    (
        "4 role session without a name",
        [allow(principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"})],
        NOT_GRANTED,
    ),
    ("4 unique id of a role with a session", [allow(principal={"AWS": f"{DELETED_ROLE}:me"})], NOT_GRANTED),
    ("4 identity provider of one account", [allow(principal={"Federated": PROVIDER})], NOT_GRANTED),
    ("6 any service", [allow(principal={"Service": ANY})], GRANTED),
    ("6 services by a pattern", [allow(principal={"Service": "*.amazonaws.com"})], GRANTED),
    ("6 any identity provider", [allow(principal={"Federated": ANY})], GRANTED),
    *(
        (f"6 web identity provider {host}", [allow(principal={"Federated": host})], GRANTED)
        for host in WEB_IDENTITY_PROVIDERS
    ),
    ("6 star in a list in place of an object", [allow(principal=[ANY])], GRANTED),
    ("6 account and pattern in a list in place of an object", [allow(principal=[ACCOUNT, "1*"])], GRANTED),
    ("6 pattern in place of an object", [allow(principal="arn:aws:iam::*:root")], GRANTED),
    ("6 question mark in an account id", [allow(principal={"AWS": "11112222333?"})], GRANTED),
    ("6 any session of a unique id", [allow(principal={"AWS": f"{DELETED_ROLE}:*"})], GRANTED),
    ("6 pattern beside an account", [allow(principal={"AWS": [ACCOUNT, "arn:aws:iam::*:root"]})], GRANTED),
    (
        "6 pattern with a condition",
        [allow(when("StringEquals", P_ORG, ORG), principal={"AWS": "arn:aws:iam::*:root"})],
        NOT_GRANTED,
    ),
    ("6 pattern in a Deny", [allow(), deny(principal={"AWS": "arn:aws:iam::*:root"})], GRANTED),
    ("6 pattern beside a star in a Deny", [allow(), deny(principal={"AWS": [ANY, "1*"]})], NOT_GRANTED),
    ("6 list in a Deny", [allow(), deny(principal=[ANY])], GRANTED),
    ("6 any service in a Deny", [allow(), deny(principal={"Service": ANY})], GRANTED),
    ("6 pattern in NotPrincipal", [allow(principal=..., NotPrincipal={"AWS": "arn:aws:iam::*:root"})], GRANTED),
    ("6 list in NotPrincipal", [allow(principal=..., NotPrincipal=[ANY])], GRANTED),
    (
        "6 pattern in NotPrincipal of a Deny",
        [allow(), deny(principal=..., NotPrincipal={"AWS": [ROLE, "arn:aws:iam::*:root"]})],
        GRANTED,
    ),
    (
        "6 web identity provider in NotPrincipal of a Deny",
        [allow(), deny(principal=..., NotPrincipal={"Federated": "graph.facebook.com"})],
        GRANTED,
    ),
    ("6a account without a digit beside a star", [allow(principal={"AWS": [ANY, "11112222333"]})], GRANTED),
    ("6a account without a digit beside a pattern", [allow(principal={"AWS": ["1*", "11112222333"]})], GRANTED),
    ("6a account without a digit in NotPrincipal", [allow(principal=..., NotPrincipal=["11112222333"])], GRANTED),
    (
        "6a account without a digit in NotPrincipal of a Deny",
        [allow(), deny(principal=..., NotPrincipal={"AWS": [ROLE, "11112222333"]})],
        GRANTED,
    ),
    (
        "6a in a Deny of a policy that grants no access",
        [allow(when("StringEquals", P_ORG, ORG)), deny(principal={"AWS": "11112222333"})],
        PROBLEM,
    ),
    ("6a for an action of another service", [allow(principal={"AWS": "11112222333"}, action="s3:*")], PROBLEM),
    ("6a in a Deny alone", [deny(principal={"AWS": "11112222333"})], PROBLEM),
    (
        "6a in a Deny with a condition that is never true",
        [allow(principal={"AWS": ROLE}), deny(when("Null", P_ARN, "true"), principal={"AWS": "x"})],
        PROBLEM,
    ),
    ("7 NotPrincipal of a role", [allow(principal=..., NotPrincipal={"AWS": ROLE})], GRANTED),
    (
        "7 NotPrincipal with a named organization",
        [allow(when("StringEquals", P_ORG, ORG), principal=..., NotPrincipal={"AWS": ROLE})],
        NOT_GRANTED,
    ),
    ("7 NotPrincipal with a Deny", [allow(principal=..., NotPrincipal={"AWS": ROLE}), deny(NOT_US)], NOT_GRANTED),
    ("7 NotPrincipal of everyone", [allow(principal=..., NotPrincipal=ANY)], NOT_GRANTED),
    (
        "7 Deny with an identity provider in NotPrincipal",
        [allow(), deny(principal=..., NotPrincipal={"Federated": PROVIDER})],
        NOT_GRANTED,
    ),
    (
        "7 Deny with a deleted role in NotPrincipal",
        [allow(), deny(principal=..., NotPrincipal={"AWS": DELETED_ROLE})],
        NOT_GRANTED,
    ),
]


class TestPrincipals:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(ROWS))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected

    @pytest.mark.parametrize(("why", "principal"), INVALID_PRINCIPALS)
    def test_invalid_principal_is_found_under_every_test(self, why: str, principal: Any) -> None:
        """It makes a policy without access a problem, and changes nothing about access."""
        alone, beside = policy(allow(principal=principal)), policy(allow(principal=principal), allow())
        for test in ("unconditional", "reachable", "external"):
            assert external(alone, test=test) is PROBLEM, why
            assert external(beside, test=test) is GRANTED, why
        assert reachable(policy(allow(), deny(principal=principal))) is GRANTED, why
