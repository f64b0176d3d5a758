"""Condition keys: which values a caller can have, and which keys must agree, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    OTHER_ACCOUNT,
    OWNER,
    ROLE_ID,
    all_of,
    allow,
    deny,
    external,
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
OWN_ARNS = (
    "lambda:SourceFunctionArn",
    "codebuild:BuildArn",
    "codebuild:ProjectArn",
    "ec2:SourceInstanceArn",
    "ssm:SourceInstanceArn",
    "aws:ChatbotSourceArn",
    "aws:SignInSessionArn",
)
NEVER = (
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOwner",
    "aws:SourceOrgID",
    "aws:PrincipalServiceName",
    "ecr:AccountSetting",
    "sts:ExternalId",
)
FREE = (
    "aws:PrincipalTag/x",
    "aws:SourceIdentity",
    "aws:referer",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:CalledViaAWSMCP",
    "saml:sub",
    "accounts.google.com:aud",
    "token.actions.githubusercontent.com:sub",
    "aws:UserAgent",
    "aws:ResourceTag/x",
    "ecr:ResourceTag/x",
    "aws:FederatedProvider",
    "custom:Key",
    "aws:NotYetKnown",
)


def contradiction(key: str) -> dict[str, Any]:
    """A number less than 5 and greater than 6, which no number is, but on a key of text AWS documents no outcome."""
    return {"ForAnyValue:NumericLessThan": {key: 5}, "ForAllValues:NumericGreaterThan": {key: 6}}


CASES: list[tuple[str, list[dict[str, Any]], Answer]] = [
    # accounts and ARNs
    ("account of the owner", [allow(when("StringEquals", P_ACCOUNT, OWNER))], NOT_GRANTED),
    (
        "pattern longer than an account id",
        [allow(when("StringLike", P_ACCOUNT, "1*2*3*4*5*6*7*8*9*0*1*2*3"))],
        NOT_GRANTED,
    ),
    ("letters in an account id", [allow(when("StringLike", P_ACCOUNT, "a*"))], NOT_GRANTED),
    ("pattern of ten accounts, none named", [allow(when("StringLike", P_ACCOUNT, "11112222333?"))], GRANTED),
    (
        "pattern of ten accounts, all named",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(allow(principal={"AWS": f"11112222333{n}"}) for n in range(10)),
        ],
        NOT_GRANTED,
    ),
    (
        "pattern of ten accounts, nine named",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(allow(principal={"AWS": f"11112222333{n}"}) for n in range(9)),
        ],
        GRANTED,
    ),
    (
        "pattern of ten accounts, all in the Principal of a Deny",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(deny(principal={"AWS": f"11112222333{n}"}, action="ecr:PutImage") for n in range(10)),
        ],
        GRANTED,
    ),
    (
        "pattern of ten accounts, all excepted from a Deny",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            deny(when("StringNotEquals", P_ACCOUNT, [f"11112222333{n}" for n in range(10)]), action="ecr:PutImage"),
        ],
        NOT_GRANTED,
    ),
    ("complete account id around a star", [allow(when("StringLike", P_ACCOUNT, "1111*22223333"))], NOT_GRANTED),
    ("root of any account", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:root"))], GRANTED),
    ("user with a path", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:user/a/b/c"))], GRANTED),
    ("colon in a user name", [allow(when("StringLike", P_ARN, "arn:aws:iam::*:user/a:b"))], NOT_GRANTED),
    ("space in a role name", [allow(when("StringLike", P_ARN, "*role/a b"))], NOT_GRANTED),
    ("role in another partition", [allow(when("ArnLike", P_ARN, "arn:aws-cn:iam::*:role/*"))], NOT_GRANTED),
    # organizations
    ("organization id too short", [allow(when("StringLike", P_ORG, "o-abc???"))], NOT_GRANTED),
    ("organization id in capitals", [allow(when("StringLike", P_ORG, "o-ABC*"))], NOT_GRANTED),
    (
        "organization and path that differ",
        [allow(all_of(when("StringLike", P_ORG, "o-a*"), when("ForAnyValue:StringLike", P_PATHS, "o-b*")))],
        NOT_GRANTED,
    ),
    (
        "path without its last slash",
        [allow(when("ForAnyValue:StringEquals", P_PATHS, "o-bbbbbbbbbb/r-ab12"))],
        NOT_GRANTED,
    ),
    ("root id in any organization", [allow(when("ForAnyValue:StringLike", P_PATHS, "*/r-ab12/*"))], GRANTED),
    (
        "unit id in any organization",
        [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/ou-ab12-11111111/*"))],
        GRANTED,
    ),
    ("unit id too short", [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/ou-1/*"))], NOT_GRANTED),
    (
        "organization named by another statement",
        [allow(when("StringEquals", P_ORG, ORG)), allow(when("ForAnyValue:StringLike", P_PATHS, f"{ORG}/*"))],
        NOT_GRANTED,
    ),
    # user ids and names
    (
        "unique id of a user, type of a role",
        [
            allow(
                all_of(
                    when("StringLike", "aws:userid", "AIDA*"), when("StringEquals", "aws:PrincipalType", "AssumedRole")
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "unique id of a root user",
        [allow({"StringEquals": {"aws:userid": "${aws:PrincipalAccount}", "aws:PrincipalType": "Account"}})],
        GRANTED,
    ),
    (
        "unique id of a federated user",
        [
            allow(
                all_of(
                    when("StringLike", "aws:userid", "*:bob"),
                    when("StringEquals", "aws:PrincipalType", "FederatedUser"),
                )
            )
        ],
        GRANTED,
    ),
    ("federated user of a named account", [allow(when("StringLike", "aws:userid", f"{ACCOUNT}:*"))], NOT_GRANTED),
    ("role id without a session", [allow(when("StringEquals", "aws:userid", ROLE_ID))], NOT_GRANTED),
    ("role id too short", [allow(when("StringLike", "aws:userid", "AROA???:x"))], NOT_GRANTED),
    ("role id before a star", [allow(when("StringLike", "aws:userid", f"{ROLE_ID}*:x"))], GRANTED),
    ("fixed id of a user", [allow(when("StringEquals", "aws:userid", "AIDAEXAMPLEUSERID123"))], NOT_GRANTED),
    (
        "user name, type of a role",
        [
            allow(
                all_of(
                    when("StringEquals", "aws:username", "x"), when("StringEquals", "aws:PrincipalType", "AssumedRole")
                )
            )
        ],
        NOT_GRANTED,
    ),
    (
        "user name and ARN that differ",
        [allow(all_of(when("StringEquals", "aws:username", "x"), when("ArnLike", P_ARN, "arn:aws:iam::*:user/y")))],
        NOT_GRANTED,
    ),
    (
        "account and ARN that differ",
        [allow({"StringLike": {P_ACCOUNT: "1*", P_ARN: "arn:aws:iam::2*:root"}})],
        NOT_GRANTED,
    ),
    (
        "ARN of a role, type of a user",
        [
            allow(
                all_of(
                    when("ArnLike", P_ARN, "arn:aws:iam::*:role/x"), when("StringEquals", "aws:PrincipalType", "User")
                )
            )
        ],
        NOT_GRANTED,
    ),
    ("unknown principal type", [allow(when("StringEquals", "aws:PrincipalType", "Anonymous"))], NOT_GRANTED),
    # networks
    (
        "address and VPC endpoint",
        [allow(all_of(when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), when("StringLike", "aws:SourceVpce", "*")))],
        NOT_GRANTED,
    ),
    (
        "neither address nor VPC endpoint",
        [allow(when("Null", "aws:SourceIp", "true")), deny(when("Null", "aws:SourceVpc", "false"))],
        NOT_GRANTED,
    ),
    (
        "every address denied, VPC endpoints left",
        [allow(), deny(when("IpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"]))],
        GRANTED,
    ),
    ("VPC id with an invalid character", [allow(when("StringLike", "aws:SourceVpc", "vpc-x*"))], NOT_GRANTED),
    (
        "VPC ARN with a fixed VPC",
        [allow(when("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/vpc-0abc1234"))],
        NOT_GRANTED,
    ),
    (
        "VPC ARN with a fixed account",
        [allow(when("ArnLike", "aws:SourceVpcArn", f"arn:aws:ec2:*:{ACCOUNT}:vpc/*"))],
        NOT_GRANTED,
    ),
    ("VPC ARN of any account", [allow(when("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/*"))], GRANTED),
    ("named account of the VPC endpoint", [allow(when("StringEquals", "aws:VpceAccount", ACCOUNT))], NOT_GRANTED),
    (
        "owner's account of the VPC endpoint",
        [allow(when("StringEquals", "aws:VpceAccount", "${aws:ResourceAccount}"))],
        NOT_GRANTED,
    ),
    ("named organization of the VPC endpoint", [allow(when("StringEquals", "aws:VpceOrgID", ORG))], NOT_GRANTED),
    (
        "organization of the VPC endpoint excepted from a Deny",
        [allow(), deny(when("StringNotEquals", "aws:VpceOrgID", ORG))],
        NOT_GRANTED,
    ),
    (
        "path of the VPC endpoint in any organization",
        [allow(when("ForAnyValue:StringLike", "aws:VpceOrgPaths", "o-*/r-ab12/*"))],
        GRANTED,
    ),
    (
        "organization of the VPC endpoint without one",
        [allow(all_of(when("StringLike", "aws:VpceOrgID", "o-*"), when("Null", "aws:SourceIp", "false")))],
        NOT_GRANTED,
    ),
    (
        "aws:VpcSourceIp without a VPC endpoint",
        [allow({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8", "aws:SourceIp": "0.0.0.0/0"}})],
        NOT_GRANTED,
    ),
    ("one aws:VpcSourceIp address", [allow(when("IpAddress", "aws:VpcSourceIp", "10.1.2.3"))], GRANTED),
    (
        "fixed VPC of the instance",
        [allow(when("StringEquals", "aws:Ec2InstanceSourceVpc", "vpc-0abc1234"))],
        NOT_GRANTED,
    ),
    (
        "private address of the instance",
        [allow(when("IpAddress", "aws:Ec2InstanceSourcePrivateIPv4", "10.1.2.3"))],
        GRANTED,
    ),
    (
        "IPv6 address of the instance",
        [allow(when("IpAddress", "aws:Ec2InstanceSourcePrivateIPv4", "fd00::/8"))],
        NOT_GRANTED,
    ),
    # the repository
    (
        "organization of the resource",
        [allow(when("StringEquals", "aws:ResourceOrgID", ORG))],
        GRANTED,
    ),
    ("resource without organization", [allow(when("Null", "aws:ResourceOrgID", "true"))], GRANTED),
    (
        "organization of the resource is the caller's",
        [allow(when("StringEquals", "aws:ResourceOrgID", "${aws:PrincipalOrgID}"))],
        NOT_GRANTED,
    ),
    (
        "organization of the resource is the caller's, both fixed",
        [allow({"StringLike": {"aws:ResourceOrgID": "o-a23456789?", P_ORG: "o-a23456789?"}})],
        GRANTED,
    ),
    (
        "unit of the resource at any depth",
        [allow(when("ForAnyValue:StringLike", "aws:ResourceOrgPaths", f"o-*/r-ab12/{'ou-ab12-11111111/' * 9}"))],
        GRANTED,
    ),
    (
        "unit of the caller at any depth",
        [allow(when("ForAnyValue:StringLike", P_PATHS, f"o-*/r-ab12/{'ou-ab12-11111111/' * 9}"))],
        GRANTED,
    ),
    ("any path of another key", [allow(when("ForAnyValue:StringEquals", P_PATHS, "o-a23456789b/"))], NOT_GRANTED),
    (
        "organization and path of the resource that differ",
        [
            allow(
                all_of(
                    when("StringEquals", "aws:ResourceOrgID", ORG),
                    when("ForAnyValue:StringLike", "aws:ResourceOrgPaths", "o-b*"),
                )
            )
        ],
        NOT_GRANTED,
    ),
    # unknown keys
    ("key with a dot and no colon, which is unknown", [allow(contradiction("accounts.google.com"))], NOT_GRANTED),
    ("key with a dot right of its colon, which is unknown", [allow(contradiction("accounts:google.com"))], NOT_GRANTED),
    ("key of an identity provider, whose values are text", [allow(contradiction("a.b:c"))], GRANTED),
    ("unknown key as number", [allow(when("NumericLessThan", "custom:Number", 5))], GRANTED),
    ("unknown key as address", [allow(when("IpAddress", "custom:Address", "10.0.0.0/8"))], GRANTED),
    ("unknown key as ARN", [allow(when("ArnLike", "custom:Arn", f"arn:aws:s3:::{ACCOUNT}*"))], GRANTED),
    ("unknown key as Boolean", [allow(when("Bool", "custom:Flag", "true"))], GRANTED),
    (
        "unknown key with two values",
        [allow({"ForAnyValue:StringEquals": {"custom:K": "a"}, "ForAnyValue:StringLike": {"custom:K": "b"}})],
        GRANTED,
    ),
    (
        "unknown key with one value that all values exclude",
        [allow({"ForAnyValue:StringEquals": {"custom:K": "a"}, "ForAllValues:StringEquals": {"custom:K": "b"}})],
        NOT_GRANTED,
    ),
]


class TestKeys:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert reachable(policy(*statements)) is expected

    @pytest.mark.parametrize("key", FREE)
    def test_free_key_has_any_value(self, key: str) -> None:
        assert reachable(policy(allow(when("StringEquals", key, "x y")))) is GRANTED
        assert reachable(policy(allow(), deny(when("StringNotEquals", key, "x y")))) is GRANTED
        assert reachable(policy(allow(), deny(when("StringEquals", key, "x y")))) is GRANTED

    @pytest.mark.parametrize("key", NEVER)
    def test_key_of_service_calls_is_absent(self, key: str) -> None:
        assert reachable(policy(allow(when("StringLike", key, "*")))) is NOT_GRANTED
        assert reachable(policy(allow(when("Null", key, "true")))) is GRANTED
        assert reachable(policy(allow(), deny(when("Null", key, "true")))) is NOT_GRANTED

    @pytest.mark.parametrize("key", OWN_ARNS)
    def test_arn_key_has_an_account_of_the_caller(self, key: str) -> None:
        named = f"arn:aws:x:eu-west-1:{ACCOUNT}:thing/*"
        assert reachable(policy(allow(when("ArnLike", key, named)))) is NOT_GRANTED
        assert reachable(policy(allow(when("ArnLike", key, "arn:aws:*:*:*:thing/*")))) is GRANTED
        assert reachable(policy(allow(), deny(when("ArnNotLike", key, named)))) is NOT_GRANTED
        assert external(policy(allow(when("ArnLike", key, named)))) is GRANTED
        assert reachable(policy(allow(when("Null", key, "true")))) is GRANTED

    def test_unknown_owner_and_region_can_be_any(self) -> None:
        """The caller's account is still another one than the owner's."""
        unknown: dict[str, Any] = {"owner": None, "region": None}
        assert (
            reachable(policy(allow(when("StringEquals", "aws:ResourceAccount", OTHER_ACCOUNT))), **unknown) is GRANTED
        )
        own = policy(allow(when("StringEquals", P_ACCOUNT, "${aws:ResourceAccount}")))
        assert reachable(own, **unknown) is NOT_GRANTED
        assert reachable(policy(allow(when("StringEquals", "aws:RequestedRegion", "us-east-1"))), **unknown) is GRANTED
        assert reachable(policy(allow(when("ArnLike", P_ARN, "arn:aws-cn:iam::*:role/*"))), **unknown) is GRANTED
        assert reachable(policy(allow(when("ArnLike", P_ARN, "arn:aws-xy:iam::*:role/*"))), **unknown) is NOT_GRANTED
