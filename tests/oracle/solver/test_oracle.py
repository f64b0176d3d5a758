"""The decision table for strangers, row by row, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.solver import texts
from tests.oracle.solver.actions import REGISTRY_ACTIONS, REPOSITORY_ACTIONS
from tests.oracle.solver.cases import (
    AROA,
    FRIEND,
    NOW,
    ORG,
    OTHER,
    OWNER,
    ROLE,
    all_of,
    allow,
    deny,
    external,
    policy,
    reachable,
    when,
)
from tests.oracle.solver.oracle import witness

ANY = "*"
P_ORG, P_PATHS = "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"
P_ACCOUNT, P_ARN = "aws:PrincipalAccount", "aws:PrincipalArn"
IP, VPC, VPCE = "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce"
ORG_ARN_LIKE = f"arn:aws:iam::{FRIEND}:role/*"
NOT_US = {"StringNotEquals": {P_ORG: ORG}}
PROVIDER = f"arn:aws:iam::{FRIEND}:oidc-provider/token.actions.githubusercontent.com"

ROWS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("1 star", [allow()], "open"),
    ("1 AWS star", [allow(principal={"AWS": ANY})], "open"),
    ("1 star in a list", [allow(principal={"AWS": [ROLE, ANY]})], "open"),
    ("1 empty condition", [allow({})], "open"),
    ("1 empty operator", [allow({"StringEquals": {}})], "open"),
    ("1 any case of the action", [allow(action="ECR:batchgetIMAGE")], "open"),
    ("2 another service", [allow(action="s3:*")], "closed"),
    ("2 registry level", [allow(action="ecr:GetAuthorizationToken")], "closed"),
    ("2 registry level pattern", [allow(action="ecr:*PullThroughCache*")], "closed"),
    ("2 question mark", [allow(action="ecr:BatchGetImag?")], "open"),
    ("2 unknown action", [allow(action="ecr:FutureAction")], "open"),
    ("3 NotAction", [allow(action=..., NotAction="ecr:DeleteRepository")], "open"),
    ("3 NotAction of everything", [allow(action=..., NotAction="ecr:*")], "closed"),
    ("3 NotAction of all 35", [allow(action=..., NotAction=list(REPOSITORY_ACTIONS))], "closed"),
    ("4 account", [allow(principal={"AWS": FRIEND})], "closed"),
    ("4 root", [allow(principal={"AWS": f"arn:aws:iam::{FRIEND}:root"})], "closed"),
    ("4 role", [allow(principal={"AWS": ROLE})], "closed"),
    ("4 user", [allow(principal={"AWS": f"arn:aws:iam::{FRIEND}:user/bob"})], "closed"),
    ("4 session", [allow(principal={"AWS": f"arn:aws:sts::{FRIEND}:assumed-role/ci/me"})], "closed"),
    ("4 deleted", [allow(principal={"AWS": "AIDAJQABLZS4A3QDU576Q"})], "closed"),
    ("5 service", [allow(principal={"Service": "codebuild.amazonaws.com"})], "closed"),
    (
        "5 service tied",
        [allow(when("StringEquals", "aws:SourceAccount", OWNER), principal={"Service": "x.amazonaws.com"})],
        "closed",
    ),
    ("6 any root", [allow(principal={"AWS": "arn:aws:iam::*:root"})], "open"),
    ("6 any role of one account", [allow(principal={"AWS": ORG_ARN_LIKE})], "open"),
    ("6 any service", [allow(principal={"Service": ANY})], "open"),
    ("6 list at the top", [allow(principal=[ROLE])], "open"),
    ("6 any provider", [allow(principal={"Federated": ANY})], "open"),
    ("6 built-in provider", [allow(principal={"Federated": "cognito-identity.amazonaws.com"})], "open"),
    ("6 malformed denies nobody", [allow(), deny(principal={"AWS": "arn:aws:iam::*:root"})], "open"),
    ("6 list denies nobody", [allow(), deny(principal=[ANY])], "open"),
    ("6 malformed with a condition", [allow(when("StringEquals", P_ORG, ORG), principal=[ROLE])], "closed"),
    ("6 provider of one account", [allow(principal={"Federated": PROVIDER})], "closed"),
    ("7 NotPrincipal", [allow(principal=..., NotPrincipal={"AWS": ROLE})], "open"),
    (
        "7 with our organization",
        [allow(when("StringEquals", P_ORG, ORG), principal=..., NotPrincipal={"AWS": ROLE})],
        "closed",
    ),
    ("7 with a deny", [allow(principal=..., NotPrincipal={"AWS": ROLE}), deny(NOT_US)], "closed"),
    ("7 nobody left", [allow(principal=..., NotPrincipal=ANY)], "closed"),
    ("8 deny only", [deny()], "closed"),
    ("8 nothing", [], "closed"),
    ("9 organization", [allow(when("StringEquals", P_ORG, ORG))], "closed"),
    ("9 account", [allow(when("StringEquals", P_ACCOUNT, FRIEND))], "closed"),
    ("9 ARN", [allow(when("ArnLike", P_ARN, ORG_ARN_LIKE))], "closed"),
    ("9 paths", [allow(when("ForAnyValue:StringLike", P_PATHS, f"{ORG}/r-ab12/*"))], "closed"),
    ("10 organization ForAllValues", [allow(when("ForAllValues:StringEquals", P_ORG, ORG))], "open"),
    ("10 organization IfExists", [allow(when("StringEqualsIfExists", P_ORG, ORG))], "open"),
    ("10 paths ForAllValues", [allow(when("ForAllValues:StringLike", P_PATHS, f"{ORG}/*"))], "open"),
    ("10 account ForAllValues", [allow(when("ForAllValues:StringEquals", P_ACCOUNT, FRIEND))], "closed"),
    ("10 ARN IfExists", [allow(when("ArnLikeIfExists", P_ARN, ORG_ARN_LIKE))], "closed"),
    ("10 userid IfExists", [allow(when("StringLikeIfExists", "aws:userid", f"{AROA}:*"))], "closed"),
    ("11 not that account", [allow(when("StringNotEquals", P_ACCOUNT, FRIEND))], "open"),
    ("11 not that ARN", [allow(when("ArnNotLike", P_ARN, ORG_ARN_LIKE))], "open"),
    ("11 no account left", [allow(when("StringNotLike", P_ACCOUNT, ANY))], "closed"),
    ("11 no organization left", [allow(when("StringNotLike", P_ORG, ANY))], "open"),
    ("12 any organization", [allow(when("StringLike", P_ORG, "o-*"))], "open"),
    ("12 some organizations", [allow(when("StringLike", P_ORG, "o-a*"))], "open"),
    ("12 some accounts", [allow(when("StringLike", P_ACCOUNT, "1234*"))], "open"),
    ("12 a role in any account", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:role/Admin"))], "open"),
    ("12 complete digits", [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{FRIEND}*"))], "closed"),
    ("12 complete digits as text", [allow(when("StringLike", P_ARN, f"arn:aws:iam::{FRIEND}*"))], "closed"),
    ("12 an organization that may go on", [allow(when("StringLike", P_ORG, f"{ORG}*"))], "open"),
    ("12 any root of an organization", [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/*"))], "open"),
    ("13 a role's sessions", [allow(when("StringLike", "aws:userid", f"{AROA}:*"))], "closed"),
    ("13 a session name", [allow(when("StringLike", "aws:userid", "*:session"))], "open"),
    ("14 literal star account", [allow(when("StringEquals", P_ACCOUNT, ANY))], "closed"),
    ("14 literal star ARN", [allow(when("StringEquals", P_ARN, ORG_ARN_LIKE))], "closed"),
    ("15 own organization", [allow(when("StringEquals", P_ORG, "${aws:ResourceOrgID}"))], "closed"),
    ("15 own account", [allow(when("StringEquals", P_ACCOUNT, "${aws:ResourceAccount}"))], "closed"),
    ("15 tautology", [allow(when("StringEquals", P_ACCOUNT, "${aws:PrincipalAccount}"))], "open"),
    ("15 tautology in an ARN", [allow(when("ArnLike", P_ARN, "arn:aws:iam::${aws:PrincipalAccount}:*"))], "open"),
    (
        "15 paths of our organization",
        [allow(when("ForAnyValue:StringLike", P_PATHS, "${aws:ResourceOrgID}/*"))],
        "closed",
    ),
    ("16 everywhere", [allow(when("IpAddress", IP, "0.0.0.0/0"))], "open"),
    ("16 everywhere in IPv6", [allow(when("IpAddress", IP, "::/0"))], "open"),
    ("16 halves", [allow(when("IpAddress", IP, ["0.0.0.0/1", "128.0.0.0/1"]))], "open"),
    ("16 wider than /8", [allow(when("IpAddress", IP, "4.0.0.0/7"))], "open"),
    ("16 wider than /32", [allow(when("IpAddress", IP, "2600::/31"))], "open"),
    ("16 a long list", [allow(when("IpAddress", IP, [f"{n}.0.0.0/9" for n in range(11, 14)]))], "open"),
    ("17 a /24", [allow(when("IpAddress", IP, "203.0.113.0/24"))], "closed"),
    ("17 exactly a /8", [allow(when("IpAddress", IP, "4.0.0.0/8"))], "closed"),
    ("17 exactly a /32", [allow(when("IpAddress", IP, "2600::/32"))], "closed"),
    ("17 with private ones", [allow(when("IpAddress", IP, ["10.0.0.0/8", "203.0.113.7"]))], "closed"),
    ("18 private only", [allow(when("IpAddress", IP, "10.0.0.0/8"))], "closed"),
    ("18 private and wide", [allow(when("IpAddress", IP, ["10.0.0.0/8", "172.16.0.0/12", "240.0.0.0/4"]))], "closed"),
    ("19 NotIpAddress", [allow(when("NotIpAddress", IP, "0.0.0.0/0"))], "open"),
    ("20 VPC", [allow(when("StringEquals", VPC, "vpc-0abc1234"))], "closed"),
    ("20 endpoint", [allow(when("StringEquals", VPCE, "vpce-0abc1234"))], "closed"),
    ("20 any VPC", [allow(when("StringLike", VPC, "vpc-*"))], "open"),
    ("20 IfExists", [allow(when("StringEqualsIfExists", VPCE, "vpce-0abc1234"))], "open"),
    ("20 Null", [allow(when("Null", VPC, True))], "open"),
    ("20 negated", [allow(when("StringNotEquals", VPC, "vpc-0abc1234"))], "open"),
    ("21 VpcSourceIp", [allow(when("IpAddress", "aws:VpcSourceIp", "10.0.0.5/32"))], "open"),
    ("22 SourceAccount", [allow(when("StringEquals", "aws:SourceAccount", OWNER))], "closed"),
    ("22 any SourceArn", [allow(when("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"))], "closed"),
    ("22 SourceOrgID", [allow(when("StringEquals", "aws:SourceOrgID", ORG))], "closed"),
    ("22 IfExists", [allow(when("StringEqualsIfExists", "aws:SourceAccount", OWNER))], "open"),
    ("22 negated", [allow(when("StringNotEquals", "aws:SourceAccount", OWNER))], "open"),
    ("22 Null", [allow(when("Null", "aws:SourceArn", "true"))], "open"),
    ("23 service calls", [allow(when("Bool", "aws:PrincipalIsAWSService", "true"))], "closed"),
    ("24 tag", [allow(when("StringEquals", "aws:PrincipalTag/team", "blue"))], "open"),
    ("24 agent", [allow(when("StringLike", "aws:UserAgent", "docker/*"))], "open"),
    ("24 referer", [allow(when("StringEquals", "aws:referer", "secret"))], "open"),
    ("24 username", [allow(when("StringEquals", "aws:username", "admin"))], "open"),
    (
        "24 MFA",
        [
            allow(
                all_of(
                    when("Bool", "aws:MultiFactorAuthPresent", "true"),
                    when("NumericLessThan", "aws:MultiFactorAuthAge", 60),
                )
            )
        ],
        "open",
    ),
    ("24 TLS", [allow(when("Bool", "aws:SecureTransport", "true"))], "open"),
    ("24 CalledVia", [allow(when("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com"))], "open"),
    ("25 passed", [allow(when("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))], "closed"),
    ("25 to come", [allow(when("DateGreaterThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"))], "open"),
    (
        "25 an empty window",
        [
            allow(
                {"DateGreaterThan": {"aws:CurrentTime": "2030-01-01"}, "NumericLessThan": {"aws:EpochTime": 1893456000}}
            )
        ],
        "closed",
    ),
    ("26 owner", [allow(when("StringEquals", "aws:ResourceAccount", OWNER))], "open"),
    ("26 not the owner", [allow(when("StringEquals", "aws:ResourceAccount", FRIEND))], "closed"),
    ("26 resource tag", [allow(when("StringEquals", "ecr:ResourceTag/env", "prod"))], "open"),
    ("27 unknown key", [allow(when("StringEquals", "custom:Key", "x"))], "open"),
    ("28 cannot be parsed", [allow(when("StringEqual", P_ORG, ORG))], "problem"),
    ("29 all at once", [allow(all_of(when("StringEquals", P_ORG, ORG), when("ArnLike", P_ARN, "*:role/x")))], "closed"),
    ("30 without organization", [allow(when("Null", P_ORG, "true"))], "open"),
    ("30 with an organization", [allow(when("Null", P_ORG, "false"))], "open"),
    ("31 everything denied", [allow(action="ecr:*"), deny(action=list(REPOSITORY_ACTIONS))], "closed"),
    ("31 the granted denied", [allow(), deny(action="ecr:Batch*")], "closed"),
    ("31 some denied", [allow(action="ecr:*"), deny(action="ecr:Batch*")], "open"),
    ("31 unknown action denied", [allow(action="ecr:FutureAction"), deny()], "closed"),
    (
        "31 unknown action not denied",
        [allow(action="ecr:FutureAction"), deny(action=list(REPOSITORY_ACTIONS + REGISTRY_ACTIONS))],
        "open",
    ),
    ("31 NotAction deny", [allow(), deny(action=..., NotAction="ecr:PutImage")], "closed"),
    ("32 not our organization", [allow(), deny(NOT_US)], "closed"),
    ("32 not our organization, IfExists", [allow(), deny(when("StringNotEqualsIfExists", P_ORG, ORG))], "closed"),
    ("32 not our ARN", [allow(), deny(when("ArnNotLike", P_ARN, ORG_ARN_LIKE))], "closed"),
    ("32 not our account", [allow(), deny(when("StringNotEquals", P_ACCOUNT, FRIEND))], "closed"),
    ("32 not our network", [allow(), deny(when("NotIpAddress", IP, "203.0.113.0/24"))], "closed"),
    ("32 not a huge network", [allow(), deny(when("NotIpAddress", IP, "0.0.0.0/0"))], "open"),
    ("32 NotPrincipal", [allow(), deny(principal=..., NotPrincipal={"AWS": [ROLE, FRIEND]})], "closed"),
    ("32 a role in any account", [allow(), deny(when("ArnNotLike", P_ARN, "arn:aws:iam::*:role/ci"))], "open"),
    ("33 ForAnyValue", [allow(), deny(when("ForAnyValue:StringNotLike", P_PATHS, f"{ORG}/*"))], "open"),
    ("33 ForAllValues", [allow(), deny(when("ForAllValues:StringNotLike", P_PATHS, f"{ORG}/*"))], "closed"),
    ("34 TLS", [allow(), deny(when("Bool", "aws:SecureTransport", "false"))], "open"),
    ("34 a positive identity", [allow(), deny(when("StringEquals", P_ORG, ORG))], "open"),
    ("34 a principal", [allow(), deny(principal={"AWS": ROLE})], "open"),
    ("35 both true", [allow(), deny(all_of(NOT_US, when("Bool", "aws:PrincipalIsAWSService", "false")))], "closed"),
    ("35 one false", [allow(), deny(all_of(NOT_US, when("Bool", "aws:PrincipalIsAWSService", "true")))], "open"),
    ("36 union of statements", [allow(when("IpAddress", IP, f"{n}.0.0.0/8")) for n in range(11, 16)], "closed"),
    (
        "36 deny spares a network that an allow accepts",
        [allow(when("IpAddress", IP, "1.0.0.0/8")), deny(when("NotIpAddress", IP, "0.0.0.0/0"))],
        "closed",
    ),
    ("37 resource in an allow", [allow(Resource="arn:aws:ecr:us-east-1:1:repository/x")], "open"),
    ("37 resource in a deny", [allow(), deny(Resource=ANY)], "open"),
    ("37 NotResource in an allow", [allow(NotResource=ANY)], "open"),
]


@pytest.mark.parametrize(("statements", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_decision_table(statements: list[dict[str, Any]], expected: str) -> None:
    """A stranger gets in exactly where the table says so."""
    assert reachable(policy(*statements)) == expected


OUTSIDE: list[tuple[str, list[dict[str, Any]], dict[str, Any], str]] = [
    ("named account", [allow(principal={"AWS": FRIEND})], {}, "open"),
    ("named role", [allow(principal={"AWS": ROLE})], {}, "open"),
    ("named session", [allow(principal={"AWS": f"arn:aws:sts::{FRIEND}:assumed-role/ci/me"})], {}, "open"),
    ("trusted account", [allow(principal={"AWS": ROLE})], {"trusted_accounts": (FRIEND,)}, "closed"),
    ("member", [allow(principal={"AWS": FRIEND})], {"members": (FRIEND,)}, "closed"),
    ("owner", [allow(principal={"AWS": OWNER})], {}, "closed"),
    ("deleted principal", [allow(principal={"AWS": "AROAJQABLZS4A3QDU576Q"})], {}, "closed"),
    ("service", [allow(principal={"Service": "x.amazonaws.com"})], {}, "closed"),
    ("provider", [allow(principal={"Federated": PROVIDER})], {}, "open"),
    (
        "provider denied",
        [allow(principal={"AWS": FRIEND}), deny(principal={"Federated": PROVIDER})],
        {},
        "open",
    ),
    ("provider spared", [allow(), deny(principal=..., NotPrincipal={"Federated": PROVIDER})], {}, "open"),
    ("organization", [allow(when("StringEquals", P_ORG, ORG))], {}, "open"),
    ("trusted organization", [allow(when("StringEquals", P_ORG, ORG))], {"trusted_organizations": (ORG,)}, "closed"),
    ("not our organization", [allow(), deny(NOT_US)], {"trusted_organizations": (ORG,)}, "closed"),
    ("two friends, one trusted", [allow(principal={"AWS": [FRIEND, OTHER]})], {"members": (FRIEND,)}, "open"),
    ("role condition", [allow(when("ArnEquals", P_ARN, ROLE))], {}, "open"),
    ("role denied", [allow(principal={"AWS": ROLE}), deny(principal={"AWS": ROLE})], {}, "closed"),
    ("another role denied", [allow(principal={"AWS": FRIEND}), deny(principal={"AWS": ROLE})], {}, "open"),
    ("role in another organization", [allow(when("StringEquals", P_ORG, ORG), principal={"AWS": ROLE})], {}, "open"),
    ("trusted network", [allow(when("IpAddress", IP, "203.0.113.0/24"))], {}, "open"),
    ("private network", [allow(when("IpAddress", IP, "10.0.0.0/8"))], {}, "closed"),
    ("VPC", [allow(when("StringEquals", VPC, "vpc-0abc1234"))], {}, "open"),
    ("unique id", [allow(when("StringLike", "aws:userid", f"{AROA}:*"))], {}, "open"),
    ("own organization", [allow(when("StringEquals", P_ORG, "${aws:ResourceOrgID}"))], {}, "closed"),
    (
        "finitely many accounts",
        [allow(when("StringLike", P_ACCOUNT, "11112222333?"))],
        {"members": tuple(f"11112222333{n}" for n in range(10))},
        "closed",
    ),
    (
        "one of them not",
        [allow(when("StringLike", P_ACCOUNT, "11112222333?"))],
        {"members": tuple(f"11112222333{n}" for n in range(9))},
        "open",
    ),
    ("two tests of one caller", [allow(when("StringEquals", P_ACCOUNT, OTHER), principal={"AWS": ROLE})], {}, "closed"),
    ("wrong partition", [allow(principal={"AWS": f"arn:aws-cn:iam::{FRIEND}:root"})], {}, "closed"),
    (
        "partition of the region",
        [allow(principal={"AWS": f"arn:aws-cn:iam::{FRIEND}:root"})],
        {"region": "cn-north-1"},
        "open",
    ),
]


@pytest.mark.parametrize(("statements", "zone", "expected"), [pytest.param(*row[1:], id=row[0]) for row in OUTSIDE])
def test_external(statements: list[dict[str, Any]], zone: dict[str, Any], expected: str) -> None:
    """An outsider gets in wherever the zone does not keep him out."""
    assert external(policy(*statements), **zone) == expected


def test_external_needs_the_owner() -> None:
    """Without an owner there is no zone."""
    with pytest.raises(ValueError, match="owner"):
        external(policy(allow()), owner=None)


def test_witness_is_a_whole_request() -> None:
    """A witness has a caller outside, an action that is granted and the keys that were asked about."""
    document = policy(
        allow({"StringLike": {P_ARN: "arn:aws:iam::????????????:role/Admin", "aws:PrincipalTag/a": "b?d"}})
    )
    found = witness(document, test="reachable", owner=OWNER, region="eu-west-1", now=NOW)
    assert found is not None
    assert found["caller"] == f"arn:aws:iam::{found['account']}:role/Admin"
    assert found["account"] != OWNER
    assert found["action"] == "ecr:batchgetimage"
    assert found["context"]["aws:principaltag/a"][0::2] == "bd"


def test_no_witness_when_closed() -> None:
    """Nobody gets in, so there is nothing to show."""
    document = policy(allow(when("StringEquals", P_ORG, ORG)))
    assert witness(document, test="reachable", owner=OWNER, now=NOW) is None


@pytest.mark.parametrize(("statements", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_the_solvers_own_texts_agree(
    statements: list[dict[str, Any]], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the combinations found beforehand the solver says the same, where it finds an answer in time."""
    monkeypatch.setattr(texts, "texts_of", lambda *_, **__: None)
    assert reachable(policy(*statements), timeout_ms=500) in (expected, "undecided")
