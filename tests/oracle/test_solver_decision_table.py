"""The decision table of docs/verdicts.md, row by row, and external callers, labelled by hand."""

from typing import Any

import pytest

from tests.oracle import solver_texts
from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    NOW,
    ORG,
    OWNER,
    PROBLEM,
    ROLE,
    ROLE_ID,
    UNDECIDED,
    all_of,
    allow,
    deny,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.solver_oracle import decide_with_request
from tests.oracle.solver_search import Answer
from tests.oracle.solver_statements import REGISTRY_ACTIONS, REPOSITORY_ACTIONS
from tests.oracle.solver_text_search import FoundText

ANY = "*"
P_ORG, P_PATHS = "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"
P_ACCOUNT, P_ARN = "aws:PrincipalAccount", "aws:PrincipalArn"
IP, VPC, VPCE = "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce"
ORG_ARN_LIKE = f"arn:aws:iam::{ACCOUNT}:role/*"
NOT_US = {"StringNotEquals": {P_ORG: ORG}}
IN_OFFICE_IF_EXISTS = {"IpAddressIfExists": {IP: "203.0.113.0/24"}}
NO_ENDPOINT = deny(when("Null", IP, "true"))
SPARED = [deny(when("NotIpAddress", IP, network)) for network in ("203.0.113.0/24", "198.51.100.0/24")]
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"

ROWS: list[tuple[str, list[dict[str, Any]], Answer]] = [
    ("1 star", [allow()], GRANTED),
    ("1 AWS star", [allow(principal={"AWS": ANY})], GRANTED),
    ("1 star in a list", [allow(principal={"AWS": [ROLE, ANY]})], GRANTED),
    ("1 empty condition", [allow({})], GRANTED),
    ("1 empty operator", [allow({"StringEquals": {}})], GRANTED),
    ("1 action in any letter case", [allow(action="ECR:batchgetIMAGE")], GRANTED),
    ("2 actions of another service", [allow(action="s3:*")], NOT_GRANTED),
    ("2 registry action", [allow(action="ecr:GetAuthorizationToken")], NOT_GRANTED),
    ("2 pattern of registry actions", [allow(action="ecr:*PullThroughCache*")], NOT_GRANTED),
    ("2 question mark in an action", [allow(action="ecr:BatchGetImag?")], GRANTED),
    ("2 wildcard on both sides of the colon", [allow(action="*:*")], GRANTED),
    ("2 star that ends before the colon", [allow(action="*r:BatchGetImage")], GRANTED),
    ("2 pattern over the colon", [allow(action="e*:*Image")], GRANTED),
    ("2 pattern over the colon in a Deny", [allow(), deny(action="?cr:Batch*")], NOT_GRANTED),
    ("2 every action denied by a pattern over the colon", [allow(), deny(action="*:*")], NOT_GRANTED),
    ("2 no action", [allow(action=[])], NOT_GRANTED),
    ("2 blank in an action", [allow(action="ecr:Batch Get Image")], GRANTED),
    ("2 unknown action", [allow(action="ecr:FutureAction")], GRANTED),
    ("2 pattern that begins otherwise", [allow(action="e*:Future")], NOT_GRANTED),
    ("2 unknown action denied by a pattern", [allow(action="ecr:Future*"), deny(action="ecr:Fut*")], NOT_GRANTED),
    ("2 another unknown action denied", [allow(action="ecr:Future*"), deny(action="ecr:FutureThing")], GRANTED),
    ("3 NotAction", [allow(action=..., NotAction="ecr:DeleteRepository")], GRANTED),
    ("3 empty NotAction", [allow(action=..., NotAction=[])], GRANTED),
    ("3 empty NotAction in a Deny", [allow(), deny(action=..., NotAction=[])], NOT_GRANTED),
    (
        "3 NotAction of all repository actions beside an unknown action",
        [
            allow(action=..., NotAction=list(REPOSITORY_ACTIONS)),
            allow(principal={"AWS": ROLE}, action="ecr:FutureAction"),
        ],
        NOT_GRANTED,
    ),
    ("3 NotAction of every action", [allow(action=..., NotAction="ecr:*")], NOT_GRANTED),
    ("3 NotAction of all repository actions", [allow(action=..., NotAction=list(REPOSITORY_ACTIONS))], NOT_GRANTED),
    ("4 account", [allow(principal={"AWS": ACCOUNT})], NOT_GRANTED),
    ("4 role", [allow(principal={"AWS": ROLE})], NOT_GRANTED),
    ("5 service principal", [allow(principal={"Service": "codebuild.amazonaws.com"})], NOT_GRANTED),
    ("6 any root", [allow(principal={"AWS": "arn:aws:iam::*:root"})], GRANTED),
    ("6a account id of eleven digits", [allow(principal={"AWS": "11112222333"})], PROBLEM),
    ("7 NotPrincipal of a role", [allow(principal=..., NotPrincipal={"AWS": ROLE})], GRANTED),
    ("7 NotPrincipal with a Deny", [allow(principal=..., NotPrincipal={"AWS": ROLE}), deny(NOT_US)], NOT_GRANTED),
    ("8 deny only", [deny()], NOT_GRANTED),
    ("8 no statement", [], NOT_GRANTED),
    ("9 organization", [allow(when("StringEquals", P_ORG, ORG))], NOT_GRANTED),
    ("9 account", [allow(when("StringEquals", P_ACCOUNT, ACCOUNT))], NOT_GRANTED),
    ("9 ARN", [allow(when("ArnLike", P_ARN, ORG_ARN_LIKE))], NOT_GRANTED),
    ("9 paths", [allow(when("ForAnyValue:StringLike", P_PATHS, f"{ORG}/r-ab12/*"))], NOT_GRANTED),
    ("10 ForAllValues on the organization", [allow(when("ForAllValues:StringEquals", P_ORG, ORG))], GRANTED),
    ("10 IfExists on the organization", [allow(when("StringEqualsIfExists", P_ORG, ORG))], GRANTED),
    ("10 ForAllValues on the paths", [allow(when("ForAllValues:StringLike", P_PATHS, f"{ORG}/*"))], GRANTED),
    ("10 ForAllValues on the account", [allow(when("ForAllValues:StringEquals", P_ACCOUNT, ACCOUNT))], NOT_GRANTED),
    ("10 IfExists on the ARN", [allow(when("ArnLikeIfExists", P_ARN, ORG_ARN_LIKE))], NOT_GRANTED),
    ("10 IfExists on the unique id", [allow(when("StringLikeIfExists", "aws:userid", f"{ROLE_ID}:*"))], NOT_GRANTED),
    ("11 negated account", [allow(when("StringNotEquals", P_ACCOUNT, ACCOUNT))], GRANTED),
    ("11 negated ARN", [allow(when("ArnNotLike", P_ARN, ORG_ARN_LIKE))], GRANTED),
    ("11 negated pattern of every account", [allow(when("StringNotLike", P_ACCOUNT, ANY))], NOT_GRANTED),
    ("11 negated pattern of every organization", [allow(when("StringNotLike", P_ORG, ANY))], GRANTED),
    ("12 any organization", [allow(when("StringLike", P_ORG, "o-*"))], GRANTED),
    ("12 some organizations", [allow(when("StringLike", P_ORG, "o-a*"))], GRANTED),
    ("12 some accounts", [allow(when("StringLike", P_ACCOUNT, "1234*"))], GRANTED),
    ("12 a role in any account", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:role/Admin"))], GRANTED),
    ("12 complete account id before a star", [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{ACCOUNT}*"))], NOT_GRANTED),
    (
        "12 complete account id before a star, StringLike",
        [allow(when("StringLike", P_ARN, f"arn:aws:iam::{ACCOUNT}*"))],
        NOT_GRANTED,
    ),
    ("12 organization id before a star", [allow(when("StringLike", P_ORG, f"{ORG}*"))], GRANTED),
    ("12 root id in any organization", [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/*"))], GRANTED),
    ("13 sessions of one role", [allow(when("StringLike", "aws:userid", f"{ROLE_ID}:*"))], NOT_GRANTED),
    ("13 session name of any role", [allow(when("StringLike", "aws:userid", "*:session"))], GRANTED),
    ("14 literal star as account", [allow(when("StringEquals", P_ACCOUNT, ANY))], NOT_GRANTED),
    ("14 literal star in an ARN", [allow(when("StringEquals", P_ARN, ORG_ARN_LIKE))], NOT_GRANTED),
    ("15 organization of the resource", [allow(when("StringEquals", P_ORG, "${aws:ResourceOrgID}"))], NOT_GRANTED),
    ("15 account of the resource", [allow(when("StringEquals", P_ACCOUNT, "${aws:ResourceAccount}"))], NOT_GRANTED),
    ("15 variable of the key itself", [allow(when("StringEquals", P_ACCOUNT, "${aws:PrincipalAccount}"))], GRANTED),
    (
        "15 variable of the caller's account in its ARN",
        [allow(when("ArnLike", P_ARN, "arn:aws:iam::${aws:PrincipalAccount}:*"))],
        GRANTED,
    ),
    (
        "15 paths in the organization of the resource",
        [allow(when("ForAnyValue:StringLike", P_PATHS, "${aws:ResourceOrgID}/*"))],
        NOT_GRANTED,
    ),
    ("16 every IPv4 address", [allow(when("IpAddress", IP, "0.0.0.0/0"))], GRANTED),
    ("16 every IPv6 address", [allow(when("IpAddress", IP, "::/0"))], GRANTED),
    ("16 every IPv4 address in two halves", [allow(when("IpAddress", IP, ["0.0.0.0/1", "128.0.0.0/1"]))], GRANTED),
    ("16 wider than /8", [allow(when("IpAddress", IP, "4.0.0.0/7"))], GRANTED),
    ("16 wider than /32", [allow(when("IpAddress", IP, "2600::/31"))], GRANTED),
    ("16 list wider than /8", [allow(when("IpAddress", IP, [f"{n}.0.0.0/9" for n in range(11, 14)]))], GRANTED),
    ("17 a /24", [allow(when("IpAddress", IP, "203.0.113.0/24"))], NOT_GRANTED),
    ("17 exactly a /8", [allow(when("IpAddress", IP, "4.0.0.0/8"))], NOT_GRANTED),
    ("17 exactly a /32", [allow(when("IpAddress", IP, "2600::/32"))], NOT_GRANTED),
    ("17 a /24, IfExists, VPC endpoints denied", [allow(IN_OFFICE_IF_EXISTS), NO_ENDPOINT], NOT_GRANTED),
    ("17 a /24, ForAnyValue", [allow(when("ForAnyValue:IpAddress", IP, "203.0.113.0/24"))], NOT_GRANTED),
    ("17 a /8 of IPv4 and a /32 of IPv6", [allow(when("IpAddress", IP, ["4.0.0.0/8", "2600::/32"]))], NOT_GRANTED),
    (
        "17 a trusted network and a Deny that spares a wide one",
        [allow(), deny(when("NotIpAddress", IP, ["203.0.113.0/24", "2600::/31"]))],
        GRANTED,
    ),
    ("17 trusted networks of two statements, each denied", [allow(), *SPARED], NOT_GRANTED),
    ("17 one address and private ones", [allow(when("IpAddress", IP, ["10.0.0.0/8", "203.0.113.7"]))], NOT_GRANTED),
    ("18 private addresses", [allow(when("IpAddress", IP, "10.0.0.0/8"))], NOT_GRANTED),
    (
        "18 more private addresses than a /8",
        [allow(when("IpAddress", IP, ["10.0.0.0/8", "172.16.0.0/12", "240.0.0.0/4"]))],
        NOT_GRANTED,
    ),
    ("19 NotIpAddress", [allow(when("NotIpAddress", IP, "0.0.0.0/0"))], GRANTED),
    ("20 fixed VPC", [allow(when("StringEquals", VPC, "vpc-0abc1234"))], NOT_GRANTED),
    ("20 fixed VPC endpoint", [allow(when("StringEquals", VPCE, "vpce-0abc1234"))], NOT_GRANTED),
    ("20 any VPC", [allow(when("StringLike", VPC, "vpc-*"))], GRANTED),
    ("20 IfExists on the VPC endpoint", [allow(when("StringEqualsIfExists", VPCE, "vpce-0abc1234"))], GRANTED),
    ("20 VPC absent", [allow(when("Null", VPC, True))], GRANTED),
    ("20 negated VPC", [allow(when("StringNotEquals", VPC, "vpc-0abc1234"))], GRANTED),
    ("21 VpcSourceIp", [allow(when("IpAddress", "aws:VpcSourceIp", "10.0.0.5/32"))], GRANTED),
    ("22 SourceAccount", [allow(when("StringEquals", "aws:SourceAccount", OWNER))], NOT_GRANTED),
    ("22 any SourceArn", [allow(when("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"))], NOT_GRANTED),
    ("22 SourceOrgID", [allow(when("StringEquals", "aws:SourceOrgID", ORG))], NOT_GRANTED),
    ("22 IfExists on SourceAccount", [allow(when("StringEqualsIfExists", "aws:SourceAccount", OWNER))], GRANTED),
    ("22 negated SourceAccount", [allow(when("StringNotEquals", "aws:SourceAccount", OWNER))], GRANTED),
    ("22 SourceArn absent", [allow(when("Null", "aws:SourceArn", "true"))], GRANTED),
    ("23 PrincipalIsAWSService true", [allow(when("Bool", "aws:PrincipalIsAWSService", "true"))], NOT_GRANTED),
    ("24 principal tag", [allow(when("StringEquals", "aws:PrincipalTag/team", "blue"))], GRANTED),
    ("24 user agent", [allow(when("StringLike", "aws:UserAgent", "docker/*"))], GRANTED),
    ("24 referer", [allow(when("StringEquals", "aws:referer", "secret"))], GRANTED),
    ("24 username", [allow(when("StringEquals", "aws:username", "admin"))], GRANTED),
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
        GRANTED,
    ),
    ("24 TLS", [allow(when("Bool", "aws:SecureTransport", "true"))], GRANTED),
    ("24 CalledVia", [allow(when("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com"))], GRANTED),
    ("25 past window", [allow(when("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))], NOT_GRANTED),
    ("25 future window", [allow(when("DateGreaterThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"))], GRANTED),
    (
        "25 empty window",
        [
            allow(
                {"DateGreaterThan": {"aws:CurrentTime": "2030-01-01"}, "NumericLessThan": {"aws:EpochTime": 1893456000}}
            )
        ],
        NOT_GRANTED,
    ),
    ("26 account of the resource is the owner", [allow(when("StringEquals", "aws:ResourceAccount", OWNER))], GRANTED),
    (
        "26 account of the resource is another",
        [allow(when("StringEquals", "aws:ResourceAccount", ACCOUNT))],
        NOT_GRANTED,
    ),
    ("26 resource tag that is not known", [allow(when("StringEquals", "ecr:ResourceTag/env", "prod"))], GRANTED),
    ("27 unknown key", [allow(when("StringEquals", "custom:Key", "x"))], GRANTED),
    ("28 unknown operator", [allow(when("StringEqual", P_ORG, ORG))], PROBLEM),
    (
        "29 fixed organization and role name",
        [allow(all_of(when("StringEquals", P_ORG, ORG), when("ArnLike", P_ARN, "*:role/x")))],
        NOT_GRANTED,
    ),
    ("30 organization absent", [allow(when("Null", P_ORG, "true"))], GRANTED),
    ("30 organization present", [allow(when("Null", P_ORG, "false"))], GRANTED),
    ("31 every action denied", [allow(action="ecr:*"), deny(action=list(REPOSITORY_ACTIONS))], NOT_GRANTED),
    ("31 granted action denied", [allow(), deny(action="ecr:Batch*")], NOT_GRANTED),
    ("31 some granted actions denied", [allow(action="ecr:*"), deny(action="ecr:Batch*")], GRANTED),
    ("31 unknown action denied", [allow(action="ecr:FutureAction"), deny()], NOT_GRANTED),
    (
        "31 unknown action not denied",
        [allow(action="ecr:FutureAction"), deny(action=list(REPOSITORY_ACTIONS + REGISTRY_ACTIONS))],
        GRANTED,
    ),
    ("31 NotAction in a Deny", [allow(), deny(action=..., NotAction="ecr:PutImage")], NOT_GRANTED),
    ("32 Deny but for one organization", [allow(), deny(NOT_US)], NOT_GRANTED),
    (
        "32 Deny but for one organization, IfExists",
        [allow(), deny(when("StringNotEqualsIfExists", P_ORG, ORG))],
        NOT_GRANTED,
    ),
    ("32 Deny but for roles of one account", [allow(), deny(when("ArnNotLike", P_ARN, ORG_ARN_LIKE))], NOT_GRANTED),
    ("32 Deny but for one account", [allow(), deny(when("StringNotEquals", P_ACCOUNT, ACCOUNT))], NOT_GRANTED),
    ("32 Deny but for a trusted network", [allow(), deny(when("NotIpAddress", IP, "203.0.113.0/24"))], NOT_GRANTED),
    ("32 Deny but for every IPv4 address", [allow(), deny(when("NotIpAddress", IP, "0.0.0.0/0"))], GRANTED),
    ("32 Deny with NotPrincipal", [allow(), deny(principal=..., NotPrincipal={"AWS": [ROLE, ACCOUNT]})], NOT_GRANTED),
    (
        "32 Deny but for a role of any account",
        [allow(), deny(when("ArnNotLike", P_ARN, "arn:aws:iam::*:role/ci"))],
        GRANTED,
    ),
    ("33 Deny with ForAnyValue", [allow(), deny(when("ForAnyValue:StringNotLike", P_PATHS, f"{ORG}/*"))], GRANTED),
    (
        "33 Deny with ForAllValues",
        [allow(), deny(when("ForAllValues:StringNotLike", P_PATHS, f"{ORG}/*"))],
        NOT_GRANTED,
    ),
    ("34 Deny without TLS", [allow(), deny(when("Bool", "aws:SecureTransport", "false"))], GRANTED),
    ("34 Deny of one organization", [allow(), deny(when("StringEquals", P_ORG, ORG))], GRANTED),
    ("34 Deny of one role", [allow(), deny(principal={"AWS": ROLE})], GRANTED),
    (
        "35 Deny with two conditions, both true",
        [allow(), deny(all_of(NOT_US, when("Bool", "aws:PrincipalIsAWSService", "false")))],
        NOT_GRANTED,
    ),
    (
        "35 Deny with two conditions, one false",
        [allow(), deny(all_of(NOT_US, when("Bool", "aws:PrincipalIsAWSService", "true")))],
        GRANTED,
    ),
    (
        "36 trusted networks of several statements",
        [allow(when("IpAddress", IP, f"{n}.0.0.0/8")) for n in range(11, 16)],
        NOT_GRANTED,
    ),
    (
        "36 trusted network with a Deny but for every address",
        [allow(when("IpAddress", IP, "1.0.0.0/8")), deny(when("NotIpAddress", IP, "0.0.0.0/0"))],
        NOT_GRANTED,
    ),
    ("37 resource in an allow", [allow(Resource="arn:aws:ecr:us-east-1:1:repository/x")], GRANTED),
    ("37 star as resource in a Deny", [allow(), deny(Resource=ANY)], NOT_GRANTED),
    ("37 star in a list of resources in a Deny", [allow(), deny(Resource=["x", ANY])], NOT_GRANTED),
    ("37 pattern as resource in a Deny", [allow(), deny(Resource="arn:aws:ecr:*")], GRANTED),
    ("37 two stars as resource in a Deny", [allow(), deny(Resource="**")], GRANTED),
    ("37 no resource in a Deny", [allow(), deny(Resource=[])], GRANTED),
    ("37 NotResource in a Deny", [allow(), deny(NotResource=ANY)], GRANTED),
    ("37 Resource and NotResource in a Deny", [allow(), deny(Resource=ANY, NotResource="x")], GRANTED),
    ("37 NotResource in an allow", [allow(NotResource=ANY)], GRANTED),
]


class TestPublicCaller:
    """The rows of the table."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(ROWS))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected

    def test_every_row_has_a_case(self) -> None:
        assert {int(row[0].split()[0].removesuffix("a")) for row in ROWS} == set(range(1, 38))

    @pytest.mark.parametrize(("statements", "expected"), labelled(ROWS))
    def test_solver_that_chooses_texts_itself_answers_the_same(
        self, statements: list[dict[str, Any]], expected: Answer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the walks through automata, as far as the solver decides within few steps."""
        monkeypatch.setattr(solver_texts, "find_text", lambda *_: FoundText(None, None, 0))
        assert reachable(policy(*statements), steps=1_000_000) in (expected, UNDECIDED)


class TestRequest:
    """The request of the solver's model."""

    def test_request_with_access_is_complete(self) -> None:
        """It has a caller from another account, an action that is granted and the keys that the policy tests."""
        document = policy(
            allow({"StringLike": {P_ARN: "arn:aws:iam::????????????:role/Admin", "aws:PrincipalTag/a": "b?d"}})
        )
        _, make = decide_with_request(document, test="reachable", owner=OWNER, region="eu-west-1", now=NOW)
        assert make is not None
        found = make()
        assert found["principal"].startswith(f"arn:aws:sts::{found['account']}:assumed-role/Admin/")
        assert found["account"] != OWNER
        assert found["action"] == "ecr:batchgetimage"
        assert found["context"]["aws:principaltag/a"][0::2] == "bd"

    def test_policy_without_public_access_has_no_request(self) -> None:
        document = policy(allow(when("StringEquals", P_ORG, ORG)))
        assert decide_with_request(document, test="reachable", owner=OWNER, now=NOW) == (NOT_GRANTED, None)


class TestBudget:
    """The solver's steps."""

    def test_too_few_steps_leave_the_answer_undecided(self) -> None:
        document = policy(allow(when("StringLike", "aws:userid", "${aws:PrincipalTag/id}:*")))
        assert reachable(document, steps=1) is UNDECIDED
        assert reachable(document) is GRANTED

    def test_actions_are_those_of_the_service_authorization_reference(self) -> None:
        assert len(set(REPOSITORY_ACTIONS)) == 35
        assert len(set(REGISTRY_ACTIONS)) == 25
        assert not set(REPOSITORY_ACTIONS) & set(REGISTRY_ACTIONS)
