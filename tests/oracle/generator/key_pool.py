"""Condition keys that generated policies test, with values for each."""

from dataclasses import dataclass
from typing import Final

from tests.oracle.generator.pool import ACCOUNTS, ARNS, ORGANIZATIONS, PROVIDERS, ROLE_ID, SERVICES, SESSIONS, USER_ID


@dataclass(frozen=True, slots=True)
class KeyPool:
    """A condition key, how often it is drawn, the operator types that fit it, and values for it."""

    key: str
    weight: int
    operator_types: tuple[str, ...]
    exact: tuple[str, ...]
    patterns: tuple[str, ...] = ()


_ROLE_ANYWHERE: Final = "arn:aws:iam::*:role/ci"
_FREE: Final = ("red", "blue", "prod", "", "Red", "\u212aey", "key", "\u00e9t\u00e9", "\u017f")
_FREE_PATTERNS: Final = ("*", "r*", "*d", "?ed", "p?o*", "*o*", "?ey", "R*", "\u00c9*")
_CIDRS: Final = (
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "203.0.113.0/24",
    "203.0.113.128/25",
    "203.0.113.9",
    "198.51.100.0/24",
    "52.0.0.0/8",
    "52.0.0.0/7",
    "10.0.0.0/7",
    "10.0.0.0/8",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "::/0",
    "2000::/4",
    "3000::/4",
    "2001:db8::/32",
    "2001:db8::/31",
    "2001:db8:1::1",
    "fd00::/8",
)
_DATES: Final = (
    "2020-01-01T00:00:00Z",
    "2020-06-15",
    "2026-09-30T12:00:00Z",
    "2026-10-01T00:00:00Z",
    "2026-10-02T06:30:00Z",
    "2026-10-01T12:00:00+02:00",
    "2027-03-01T00:00:00Z",
    "2030-01-01",
    "1893456000",
    "1577836800",
    "9999-12-31T23:59:59Z",
    "253402300799",
    "253402300800",
    "-1",
)
_PATHS: Final = tuple(
    f"{organization}/r-ab12/{rest}"
    for organization in ORGANIZATIONS[:2]
    for rest in ("", "ou-ab12-11111111/", "ou-ab12-11111111/ou-ab12-22222222/")
)
_PATH_PATTERNS: Final = (
    "o-a1b2c3d4e5/*",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*",
    "o-*/r-ab12/*",
    "*/ou-ab12-22222222/*",
    "o-*",
    "*",
    "o-zyx9876543210/r-*",
)
_ACCOUNT_PATTERNS: Final = ("*", "1111*", "11112222333?", "111122223333*", "*3333", "9999*", "12")
_ARN_PATTERNS: Final = (
    "*",
    _ROLE_ANYWHERE,
    "arn:aws:iam::*:root",
    "arn:aws:iam::111122223333:*",
    "arn:aws:iam::111122223333:role/*",
    "arn:aws:iam::111122223333*",
    "arn:aws:iam::1111*:user/*",
    "arn:*:iam::444455556666:role/ci*",
    "arn:aws:sts::*:federated-user/c*",
    "arn:aws:sts::*:assumed-role/*",
    "*111122223333*",
    "*:role/?i",
    "arn:aws:iam::*:role/team/*",
    "arn:aws:iam::*:role/a:b/*",
    "arn:aws:iam::*:*:111122223333:role/ci",
    "arn:aws:iam::999900001111:*",
)
_HOSTS: Final = ("vpc-0a1b2c3d", "vpc-1234567890abcdef0")

KEYS: Final = (
    KeyPool(
        "aws:PrincipalOrgID",
        14,
        ("string",),
        ORGANIZATIONS,
        ("o-*", "o-a*", "*", "o-a1b2c3d4e?", "x-*"),
    ),
    KeyPool("aws:PrincipalOrgPaths", 8, ("string",), _PATHS, _PATH_PATTERNS),
    KeyPool("aws:PrincipalAccount", 12, ("string",), ACCOUNTS, _ACCOUNT_PATTERNS),
    KeyPool("aws:PrincipalArn", 14, ("arn", "string"), (*ARNS, *SESSIONS), _ARN_PATTERNS),
    KeyPool(
        "aws:userid",
        6,
        ("string",),
        (USER_ID, f"{ROLE_ID}:session", "111122223333", "111122223333:carol"),
        (
            f"{ROLE_ID}:*",
            "*:session",
            "AROA*",
            "AIDA*",
            "*",
            "111122223333:*",
            "*:c*",
            f"{ROLE_ID}*",
        ),
    ),
    KeyPool("aws:username", 4, ("string",), ("alice", "bob", "ci"), ("a*", "*", "?i", "*/*")),
    KeyPool(
        "aws:PrincipalType",
        3,
        ("string",),
        ("User", "AssumedRole", "FederatedUser", "Account", "Root"),
        ("*User", "A*", "*"),
    ),
    KeyPool("aws:SourceIp", 10, ("ip",), _CIDRS),
    KeyPool("aws:VpcSourceIp", 4, ("ip",), _CIDRS),
    KeyPool("aws:SourceVpc", 4, ("string",), _HOSTS, ("vpc-*", "vpc-0a1b*", "*", "subnet-*")),
    KeyPool("aws:SourceVpce", 4, ("string",), ("vpce-0a1b2c3d", "vpce-00ff"), ("vpce-*", "vpce-0*", "*")),
    KeyPool(
        "aws:SourceVpcArn",
        2,
        ("arn", "string"),
        ("arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0a1b2c3d",),
        (
            "arn:aws:ec2:*:111122223333:vpc/*",
            "arn:aws:ec2:*:*:vpc/vpc-0a1b2c3d",
            "arn:aws:ec2:*:*:vpc/*",
            "arn:aws:ec2:*:1111*:vpc/vpc-0*",
        ),
    ),
    KeyPool("aws:VpceAccount", 3, ("string",), ACCOUNTS, _ACCOUNT_PATTERNS),
    KeyPool("aws:VpceOrgID", 3, ("string",), ORGANIZATIONS, ("o-*", "*", "o-a*")),
    KeyPool("aws:VpceOrgPaths", 2, ("string",), _PATHS, _PATH_PATTERNS),
    KeyPool("aws:Ec2InstanceSourceVpc", 2, ("string",), _HOSTS, ("vpc-*", "*")),
    KeyPool("aws:Ec2InstanceSourcePrivateIPv4", 2, ("ip",), ("10.0.0.0/8", "0.0.0.0/0", "203.0.113.9")),
    KeyPool(
        "lambda:SourceFunctionArn",
        2,
        ("arn", "string"),
        ("arn:aws:lambda:eu-central-1:111122223333:function:build",),
        (
            "arn:aws:lambda:*:111122223333:function:*",
            "arn:aws:lambda:*:*:function:build",
            "arn:aws:lambda:*:1111*:function:*",
        ),
    ),
    KeyPool(
        "codebuild:ProjectArn",
        1,
        ("arn",),
        ("arn:aws:codebuild:eu-central-1:444455556666:project/app",),
        ("arn:aws:codebuild:*:*:project/app", "arn:aws:codebuild:*:444455556666:*"),
    ),
    KeyPool(
        "aws:SignInSessionArn",
        1,
        ("arn",),
        ("arn:aws:signin:eu-central-1:111122223333:session/x1",),
        ("arn:aws:signin:*:*:session/*",),
    ),
    KeyPool("identitystore:UserId", 1, ("string",), ("9067642ac7-0001",), ("9067*", "*")),
    KeyPool(
        "aws:FederatedProvider",
        2,
        ("string",),
        (*PROVIDERS, "accounts.google.com"),
        ("arn:aws:iam::*:saml-provider/*", "*google*", "*"),
    ),
    KeyPool("aws:SourceAccount", 3, ("string",), ACCOUNTS, ("1111*", "*")),
    KeyPool(
        "aws:SourceArn",
        3,
        ("arn", "string"),
        ("arn:aws:ecr:eu-central-1:111122223333:repository/app",),
        ("arn:aws:ecr:*:*:*", "arn:aws:lambda:*:111122223333:*"),
    ),
    KeyPool("aws:SourceOwner", 1, ("string",), ACCOUNTS, ("1111*",)),
    KeyPool("aws:PrincipalServiceNamesList", 1, ("string",), SERVICES, ("*.amazonaws.com",)),
    KeyPool("aws:SourceOrgID", 2, ("string",), ORGANIZATIONS, ("o-*",)),
    KeyPool("aws:SourceOrgPaths", 1, ("string",), _PATHS, _PATH_PATTERNS),
    KeyPool("aws:PrincipalServiceName", 1, ("string",), SERVICES, ("*.amazonaws.com",)),
    KeyPool("aws:PrincipalIsAWSService", 4, ("bool",), ()),
    KeyPool("aws:PrincipalTag/team", 5, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:PrincipalTag/acct", 2, ("string",), ACCOUNTS, ("1111*", "*")),
    KeyPool("aws:SourceIdentity", 2, ("string",), ("alice", "bob", "red"), _FREE_PATTERNS),
    KeyPool("aws:MultiFactorAuthPresent", 3, ("bool",), ()),
    KeyPool("aws:MultiFactorAuthAge", 2, ("numeric",), ("0", "300", "3600", "-1", "9" * 40, "1e39", "1e-39", "0.5")),
    KeyPool("ec2:RoleDelivery", 1, ("numeric",), ("1.0", "2.0", "2", "-1e39")),
    KeyPool("glue:RoleAssumedBy", 1, ("string",), ("glue.amazonaws.com", "lambda.amazonaws.com"), ("glue*", "*")),
    KeyPool("glue:CredentialIssuingService", 1, ("string",), ("glue.amazonaws.com",), ("*.amazonaws.com",)),
    KeyPool("aws:referer", 1, ("string",), ("https://example.com/", "red"), ("https://*", "*")),
    KeyPool("aws:UserAgent", 2, ("string",), ("docker/24", "red"), ("docker/*", "*", "*kaniko*")),
    KeyPool(
        "aws:CalledVia",
        2,
        ("string",),
        ("athena.amazonaws.com", "cloudformation.amazonaws.com"),
        ("*.amazonaws.com", "*"),
    ),
    KeyPool("aws:CalledViaFirst", 1, ("string",), ("athena.amazonaws.com",), ("*",)),
    KeyPool("aws:CalledViaLast", 1, ("string",), ("athena.amazonaws.com",), ("*.amazonaws.com",)),
    KeyPool("aws:ViaAWSService", 2, ("bool",), ()),
    KeyPool("aws:ViaAWSMCPService", 2, ("bool",), ()),
    KeyPool("aws:CalledViaAWSMCP", 1, ("string",), ("aws-mcp.amazonaws.com",), ("aws-mcp*", "*")),
    KeyPool("aws:IsMcpServiceAction", 1, ("bool",), ()),
    KeyPool("aws:AssumedRoot", 1, ("bool",), ()),
    KeyPool("aws:SecureTransport", 4, ("bool",), ()),
    KeyPool("aws:TokenIssueTime", 2, ("date",), _DATES),
    KeyPool("aws:CurrentTime", 4, ("date",), _DATES),
    KeyPool("aws:EpochTime", 2, ("date", "numeric"), ("1893456000", "1577836800", "1790899200")),
    KeyPool("aws:RequestedRegion", 2, ("string",), ("eu-central-1", "us-east-1"), ("eu-*", "us-*", "*")),
    KeyPool("aws:ResourceAccount", 3, ("string",), ACCOUNTS, ("9999*", "*")),
    KeyPool("aws:ResourceOrgID", 2, ("string",), ORGANIZATIONS, ("o-*", "o-a*")),
    KeyPool("aws:ResourceOrgPaths", 1, ("string",), _PATHS, _PATH_PATTERNS),
    KeyPool("aws:ResourceTag/env", 3, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("ecr:ResourceTag/env", 1, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:ResourceTag/team", 2, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:ResourceTag/Key", 1, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:PrincipalTag/\u212aey", 1, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:RequestTag/env", 2, ("string",), _FREE, _FREE_PATTERNS),
    KeyPool("aws:TagKeys", 2, ("string",), ("env", "team", "cost"), ("e*", "*", "*t*")),
    KeyPool("saml:aud", 1, ("string",), ("https://signin.aws.amazon.com/saml",), ("https://*",)),
    KeyPool(
        "token.actions.githubusercontent.com:sub",
        1,
        ("string",),
        ("repo:org/app:ref:main",),
        ("repo:org/*",),
    ),
    KeyPool("ecr:AccountSetting", 1, ("string",), ("BASIC_SCAN_TYPE_VERSION",), ("*",)),
    KeyPool("sts:ExternalId", 1, ("string",), ("x1",), ("*",)),
    KeyPool("example.com", 1, ("string", "numeric"), _FREE, _FREE_PATTERNS),
    KeyPool(
        "example:Unheard",
        3,
        ("string", "arn", "ip", "bool", "numeric", "date", "binary"),
        _FREE,
        _FREE_PATTERNS,
    ),
)
