"""What a stranger can bring under each condition key, and the shapes and ties of the values, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.solver.cases import (
    AROA,
    FRIEND,
    ORG,
    OTHER,
    OWNER,
    all_of,
    allow,
    deny,
    external,
    policy,
    reachable,
    when,
)

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


@pytest.mark.parametrize("key", FREE)
def test_free_keys(key: str) -> None:
    """A free key can have the wanted value, and lack the unwanted one."""
    assert reachable(policy(allow(when("StringEquals", key, "x y")))) == "open"
    assert reachable(policy(allow(), deny(when("StringNotEquals", key, "x y")))) == "open"
    assert reachable(policy(allow(), deny(when("StringEquals", key, "x y")))) == "open"


@pytest.mark.parametrize("key", NEVER)
def test_keys_of_services(key: str) -> None:
    """A direct call never has these keys."""
    assert reachable(policy(allow(when("StringLike", key, "*")))) == "closed"
    assert reachable(policy(allow(when("Null", key, "true")))) == "open"
    assert reachable(policy(allow(), deny(when("Null", key, "true")))) == "closed"


@pytest.mark.parametrize("key", OWN_ARNS)
def test_own_arns(key: str) -> None:
    """ARNs of things in the caller's own account: a fixed account keeps out, a wildcard does not."""
    assert reachable(policy(allow(when("ArnLike", key, f"arn:aws:x:eu-west-1:{FRIEND}:thing/*")))) == "closed"
    assert reachable(policy(allow(when("ArnLike", key, "arn:aws:*:*:*:thing/*")))) == "open"
    assert reachable(policy(allow(), deny(when("ArnNotLike", key, f"arn:aws:x:*:{FRIEND}:thing/*")))) == "closed"
    assert external(policy(allow(when("ArnLike", key, f"arn:aws:x:eu-west-1:{FRIEND}:thing/*")))) == "open"
    assert reachable(policy(allow(when("Null", key, "true")))) == "open"


def tags(action: str) -> dict[str, Any]:
    """An Allow that asks for a request tag."""
    return allow(when("StringEquals", "aws:RequestTag/a", "b"), action=f"ecr:{action}")


def keys(action: str) -> dict[str, Any]:
    """An Allow that asks for a tag key."""
    return allow(when("ForAnyValue:StringEquals", "aws:TagKeys", "a"), action=f"ecr:{action}")


CASES: list[tuple[str, list[dict[str, Any]], str]] = [
    # accounts and ARNs
    ("owner's account", [allow(when("StringEquals", P_ACCOUNT, OWNER))], "closed"),
    ("account too short", [allow(when("StringLike", P_ACCOUNT, "1*2*3*4*5*6*7*8*9*0*1*2*3"))], "closed"),
    ("letters in an account", [allow(when("StringLike", P_ACCOUNT, "a*"))], "closed"),
    ("ten accounts, none named", [allow(when("StringLike", P_ACCOUNT, "11112222333?"))], "open"),
    (
        "ten accounts, all named",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(allow(principal={"AWS": f"11112222333{n}"}) for n in range(10)),
        ],
        "closed",
    ),
    (
        "ten accounts, nine named",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(allow(principal={"AWS": f"11112222333{n}"}) for n in range(9)),
        ],
        "open",
    ),
    (
        "named in a deny's principal is not named",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            *(deny(principal={"AWS": f"11112222333{n}"}, action="ecr:PutImage") for n in range(10)),
        ],
        "open",
    ),
    (
        "named by a Deny that spares",
        [
            allow(when("StringLike", P_ACCOUNT, "11112222333?")),
            deny(when("StringNotEquals", P_ACCOUNT, [f"11112222333{n}" for n in range(10)]), action="ecr:PutImage"),
        ],
        "closed",
    ),
    ("named with spare digits around stars", [allow(when("StringLike", P_ACCOUNT, "1111*22223333"))], "closed"),
    ("any root", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:root"))], "open"),
    ("a path", [allow(when("ArnLike", P_ARN, "arn:aws:iam::*:user/a/b/c"))], "open"),
    ("no colon in a name", [allow(when("StringLike", P_ARN, "arn:aws:iam::*:user/a:b"))], "closed"),
    ("no space in a name", [allow(when("StringLike", P_ARN, "*role/a b"))], "closed"),
    ("another partition", [allow(when("ArnLike", P_ARN, "arn:aws-cn:iam::*:role/*"))], "closed"),
    # organizations
    ("organization too short", [allow(when("StringLike", P_ORG, "o-abc???"))], "closed"),
    ("organization in capitals", [allow(when("StringLike", P_ORG, "o-ABC*"))], "closed"),
    (
        "organization and its path",
        [allow(all_of(when("StringLike", P_ORG, "o-a*"), when("ForAnyValue:StringLike", P_PATHS, "o-b*")))],
        "closed",
    ),
    (
        "path without its last slash",
        [allow(when("ForAnyValue:StringEquals", P_PATHS, "o-bbbbbbbbbb/r-ab12"))],
        "closed",
    ),
    ("somebody's root in any organization", [allow(when("ForAnyValue:StringLike", P_PATHS, "*/r-ab12/*"))], "open"),
    (
        "unit in any organization",
        [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/ou-ab12-11111111/*"))],
        "open",
    ),
    ("unit of no shape", [allow(when("ForAnyValue:StringLike", P_PATHS, "o-*/r-ab12/ou-1/*"))], "closed"),
    (
        "named by its path",
        [allow(when("StringEquals", P_ORG, ORG)), allow(when("ForAnyValue:StringLike", P_PATHS, f"{ORG}/*"))],
        "closed",
    ),
    # user ids and names
    (
        "user id of a role is not a user's",
        [
            allow(
                all_of(
                    when("StringLike", "aws:userid", "AIDA*"), when("StringEquals", "aws:PrincipalType", "AssumedRole")
                )
            )
        ],
        "closed",
    ),
    (
        "root's user id",
        [allow({"StringEquals": {"aws:userid": "${aws:PrincipalAccount}", "aws:PrincipalType": "Account"}})],
        "open",
    ),
    (
        "federated user id",
        [
            allow(
                all_of(
                    when("StringLike", "aws:userid", "*:bob"),
                    when("StringEquals", "aws:PrincipalType", "FederatedUser"),
                )
            )
        ],
        "open",
    ),
    ("federated user of one account", [allow(when("StringLike", "aws:userid", f"{FRIEND}:*"))], "closed"),
    ("role id without a session", [allow(when("StringEquals", "aws:userid", AROA))], "closed"),
    ("role id of no shape", [allow(when("StringLike", "aws:userid", "AROA???:x"))], "closed"),
    ("a role id that may go on", [allow(when("StringLike", "aws:userid", f"{AROA}*:x"))], "open"),
    ("user's id", [allow(when("StringEquals", "aws:userid", "AIDAEXAMPLEUSERID123"))], "closed"),
    (
        "only users have names",
        [
            allow(
                all_of(
                    when("StringEquals", "aws:username", "x"), when("StringEquals", "aws:PrincipalType", "AssumedRole")
                )
            )
        ],
        "closed",
    ),
    (
        "name and ARN tied",
        [allow(all_of(when("StringEquals", "aws:username", "x"), when("ArnLike", P_ARN, "arn:aws:iam::*:user/y")))],
        "closed",
    ),
    ("account and ARN tied", [allow({"StringLike": {P_ACCOUNT: "1*", P_ARN: "arn:aws:iam::2*:root"}})], "closed"),
    (
        "ARN and type tied",
        [
            allow(
                all_of(
                    when("ArnLike", P_ARN, "arn:aws:iam::*:role/x"), when("StringEquals", "aws:PrincipalType", "User")
                )
            )
        ],
        "closed",
    ),
    ("no such type", [allow(when("StringEquals", "aws:PrincipalType", "Anonymous"))], "closed"),
    # networks
    (
        "address and endpoint at once",
        [allow(all_of(when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), when("StringLike", "aws:SourceVpce", "*")))],
        "closed",
    ),
    (
        "neither address nor endpoint",
        [allow(when("Null", "aws:SourceIp", "true")), deny(when("Null", "aws:SourceVpc", "false"))],
        "closed",
    ),
    ("through an endpoint", [allow(), deny(when("IpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"]))], "open"),
    ("no VPC of that shape", [allow(when("StringLike", "aws:SourceVpc", "vpc-x*"))], "closed"),
    (
        "VPC ARN with a fixed VPC",
        [allow(when("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/vpc-0abc1234"))],
        "closed",
    ),
    (
        "VPC ARN with a fixed account",
        [allow(when("ArnLike", "aws:SourceVpcArn", f"arn:aws:ec2:*:{FRIEND}:vpc/*"))],
        "closed",
    ),
    ("VPC ARN with neither", [allow(when("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/*"))], "open"),
    ("endpoint account", [allow(when("StringEquals", "aws:VpceAccount", FRIEND))], "closed"),
    ("endpoint of the owner", [allow(when("StringEquals", "aws:VpceAccount", "${aws:ResourceAccount}"))], "closed"),
    ("endpoint organization", [allow(when("StringEquals", "aws:VpceOrgID", ORG))], "closed"),
    (
        "endpoint organization, denied unless ours",
        [allow(), deny(when("StringNotEquals", "aws:VpceOrgID", ORG))],
        "closed",
    ),
    ("endpoint paths", [allow(when("ForAnyValue:StringLike", "aws:VpceOrgPaths", "o-*/r-ab12/*"))], "open"),
    (
        "endpoint in an organization needs an endpoint",
        [allow(all_of(when("StringLike", "aws:VpceOrgID", "o-*"), when("Null", "aws:SourceIp", "false")))],
        "closed",
    ),
    (
        "VPC address needs an endpoint",
        [allow({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8", "aws:SourceIp": "0.0.0.0/0"}})],
        "closed",
    ),
    ("narrow VPC address is no trusted network", [allow(when("IpAddress", "aws:VpcSourceIp", "10.1.2.3"))], "open"),
    ("instance's VPC", [allow(when("StringEquals", "aws:Ec2InstanceSourceVpc", "vpc-0abc1234"))], "closed"),
    ("instance's address", [allow(when("IpAddress", "aws:Ec2InstanceSourcePrivateIPv4", "10.1.2.3"))], "open"),
    (
        "instance's address is no IPv6",
        [allow(when("IpAddress", "aws:Ec2InstanceSourcePrivateIPv4", "fd00::/8"))],
        "closed",
    ),
    ("public addresses only", [allow(when("StringLike", "aws:SourceIp", "192.168.*"))], "closed"),
    ("documentation ranges are public", [allow(when("StringEquals", "aws:SourceIp", "198.51.100.7"))], "open"),
    # the session and the request
    ("identity store user", [allow(when("StringEquals", "identitystore:UserId", "94482488-3041"))], "closed"),
    ("some identity store user", [allow(when("StringLike", "identitystore:UserId", "9448*"))], "open"),
    (
        "provider of one account",
        [allow(when("StringEquals", "aws:FederatedProvider", f"arn:aws:iam::{FRIEND}:oidc-provider/x"))],
        "closed",
    ),
    (
        "provider of any account",
        [allow(when("ArnLike", "aws:FederatedProvider", "arn:aws:iam::*:oidc-provider/x"))],
        "open",
    ),
    ("no service", [allow(), deny(when("Bool", "aws:PrincipalIsAWSService", "false"))], "closed"),
    ("via a service or not", [allow(), deny(when("Bool", "aws:ViaAWSService", "true"))], "open"),
    ("always TLS", [allow(), deny(when("Bool", "aws:SecureTransport", "true"))], "closed"),
    ("agent always there", [allow(when("Null", "aws:UserAgent", "true"))], "closed"),
    ("MFA absent", [allow(), deny(when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"))], "open"),
    ("request tag", [tags("TagResource")], "open"),
    ("no request tag", [tags("BatchGetImage")], "closed"),
    ("no request tag when tags go", [tags("UntagResource")], "closed"),
    ("tag key when tags go", [keys("UntagResource")], "open"),
    ("no tag key", [keys("PutImage")], "closed"),
    ("tag key on one action of many", [allow(when("Null", "aws:TagKeys", "false"), action="ecr:*")], "open"),
    (
        "that action denied",
        [
            allow(when("Null", "aws:TagKeys", "false"), action="ecr:*"),
            deny(action=["ecr:CreateRepository", "ecr:*Tag*"]),
        ],
        "closed",
    ),
    ("region", [allow(when("StringEquals", "aws:RequestedRegion", "us-east-1"))], "closed"),
    ("the repository's region", [allow(when("StringEquals", "aws:RequestedRegion", "eu-west-1"))], "open"),
    # time
    (
        "one moment",
        [
            allow(
                all_of(
                    when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"),
                    when("DateGreaterThan", "aws:EpochTime", "2031-01-01T00:00:00Z"),
                )
            )
        ],
        "closed",
    ),
    ("now still counts", [allow(when("DateLessThanEquals", "aws:CurrentTime", "2026-10-01T00:00:00Z"))], "open"),
    ("a second ago does not", [allow(when("DateLessThan", "aws:CurrentTime", "2026-10-01T00:00:00Z"))], "closed"),
    ("offset of a date", [allow(when("DateLessThanEquals", "aws:CurrentTime", "2026-10-01T01:00:00+02:00"))], "closed"),
    ("token of the last hours", [allow(when("DateLessThan", "aws:TokenIssueTime", "2026-09-29T13:00:00Z"))], "open"),
    ("token too old", [allow(when("DateLessThan", "aws:TokenIssueTime", "2026-09-29T12:00:00Z"))], "closed"),
    (
        "token and call",
        [
            allow(
                all_of(
                    when("DateGreaterThan", "aws:TokenIssueTime", "2030-01-01"),
                    when("DateLessThan", "aws:CurrentTime", "2030-01-01"),
                )
            )
        ],
        "closed",
    ),
    ("time as text", [allow(when("StringLike", "aws:CurrentTime", "2025-*"))], "closed"),
    ("future time as text", [allow(when("StringLike", "aws:CurrentTime", "2027-0*"))], "open"),
    (
        "epoch as text",
        [
            allow(
                all_of(when("StringLike", "aws:EpochTime", "19*"), when("NumericLessThan", "aws:EpochTime", 1900000000))
            )
        ],
        "closed",
    ),
    # the repository
    (
        "resource organization says nothing of the caller",
        [allow(when("StringEquals", "aws:ResourceOrgID", ORG))],
        "open",
    ),
    ("resource organization absent", [allow(when("Null", "aws:ResourceOrgID", "true"))], "open"),
    (
        "one resource organization",
        [
            allow(
                all_of(
                    when("StringEquals", "aws:ResourceOrgID", ORG),
                    when("ForAnyValue:StringLike", "aws:ResourceOrgPaths", "o-b*"),
                )
            )
        ],
        "closed",
    ),
    # unknown keys
    ("unknown key as number", [allow(when("NumericLessThan", "custom:Number", 5))], "open"),
    ("unknown key as address", [allow(when("IpAddress", "custom:Address", "10.0.0.0/8"))], "open"),
    ("unknown key as ARN", [allow(when("ArnLike", "custom:Arn", f"arn:aws:s3:::{FRIEND}*"))], "open"),
    ("unknown key as truth", [allow(when("Bool", "custom:Flag", "true"))], "open"),
    (
        "unknown key with several values",
        [allow({"ForAnyValue:StringEquals": {"custom:K": "a"}, "ForAnyValue:StringLike": {"custom:K": "b"}})],
        "open",
    ),
    (
        "unknown key with all values",
        [allow({"ForAnyValue:StringEquals": {"custom:K": "a"}, "ForAllValues:StringEquals": {"custom:K": "b"}})],
        "closed",
    ),
]


@pytest.mark.parametrize(("statements", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CASES])
def test_keys(statements: list[dict[str, Any]], expected: str) -> None:
    """A key has the values of its row, in the shapes that AWS gives them, tied as the callers are."""
    assert reachable(policy(*statements)) == expected


def test_without_owner_and_region() -> None:
    """What is not known of the repository may be anything, but the caller is never its owner."""
    unknown: dict[str, Any] = {"owner": None, "region": None}
    assert reachable(policy(allow(when("StringEquals", "aws:ResourceAccount", OTHER))), **unknown) == "open"
    assert reachable(policy(allow(when("StringEquals", P_ACCOUNT, "${aws:ResourceAccount}"))), **unknown) == "closed"
    assert reachable(policy(allow(when("StringEquals", "aws:RequestedRegion", "us-east-1"))), **unknown) == "open"
    assert reachable(policy(allow(when("ArnLike", P_ARN, "arn:aws-cn:iam::*:role/*"))), **unknown) == "open"
    assert reachable(policy(allow(when("ArnLike", P_ARN, "arn:aws-xy:iam::*:role/*"))), **unknown) == "closed"
