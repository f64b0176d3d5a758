"""Ids and values that generated policies share, so that their statements interact."""

from datetime import UTC, datetime
from typing import Final

NOW: Final = datetime(2026, 10, 1, tzinfo=UTC)
OWNER: Final = "999900001111"
REGION: Final = "eu-central-1"
OTHER_REGIONS: Final = ("us-east-1", "cn-north-1", "us-gov-west-1")
MEMBERS: Final = ("555566667777",)
TRUSTED_ACCOUNTS: Final = ("222233334444",)
TRUSTED_ORGANIZATIONS: Final = ("o-trusted00001",)

ACCOUNTS: Final = ("111122223333", "444455556666", OWNER, *MEMBERS, *TRUSTED_ACCOUNTS)
ORGANIZATIONS: Final = ("o-a1b2c3d4e5", "o-zyx9876543210", *TRUSTED_ORGANIZATIONS)
USER_ID: Final = "AIDAEXAMPLE0000000001"
ROLE_ID: Final = "AROAEXAMPLE0000000001"
NAMES: Final = ("ci", "Admin", "team/deploy", "ci-prod")

ARNS: Final = tuple(
    [f"arn:aws:iam::{account}:root" for account in ACCOUNTS[:3]]
    + [f"arn:aws:iam::{account}:role/{name}" for account in ACCOUNTS[:2] for name in NAMES]
    + [f"arn:aws:iam::{ACCOUNTS[0]}:user/alice", f"arn:aws:iam::{ACCOUNTS[3]}:user/eng/bob"]
    + [f"arn:aws:sts::{ACCOUNTS[0]}:federated-user/carol", "arn:aws-cn:iam::111122223333:role/ci"]
)
SESSIONS: Final = tuple(
    f"arn:aws:sts::{account}:assumed-role/{name}/session"
    for account in (ACCOUNTS[0], ACCOUNTS[4])
    for name in ("ci", "deploy")
)
PROVIDERS: Final = (
    "arn:aws:iam::111122223333:saml-provider/Okta",
    "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com",
)
BUILT_IN_PROVIDERS: Final = (
    "accounts.google.com",
    "www.amazon.com",
    "graph.facebook.com",
    "cognito-identity.amazonaws.com",
)
SERVICES: Final = (
    "ecr.amazonaws.com",
    "lambda.amazonaws.com",
    "codebuild.amazonaws.com",
    "replication.ecr.amazonaws.com",
)
UNRELIABLE_AWS: Final = (
    "arn:aws:iam::*:root",
    "arn:aws:iam::111122223333:role/*",
    "arn:aws:iam::*:role/ci",
    "1111222?3333",
    "arn:aws:sts::111122223333:assumed-role/ci/*",
    f"{ROLE_ID}:*",
    "AROA*",
)
INVALID_AWS: Final = (
    "11112222333",
    "<account-id>",
    "",
    "arn:aws:iam::111122223333:group/developers",
    "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE",
    "arn:aws:iam::11112222333:root",
    "arn:aws:iam::111122223333:role/",
    "aroaexample0000000001",
    "ecr.amazonaws.com",
)
"""What ECR refuses as a principal."""
ACTIONS: Final = (
    "ecr:*",
    "*",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ECR:batchgetimage",
    "ecr:Put*",
    "ecr:Get*",
    "ecr:Describe*",
    "ecr:*Image",
    "ecr:?atch*",
    "ecr:TagResource",
    "ecr:UntagResource",
    "ecr:CreateRepository",
    "ecr:ListTagsForResource",
    "ecr:SetRepositoryPolicy",
    "ecr:GetAuthorizationToken",
    "ecr:DescribeRegistry",
    "ecr:*Registry*",
    "s3:GetObject",
    "s3:*",
    "ecr-public:*",
    "e*:Batch*",
    "ecr:FutureThing",
    "ecr:Future*",
    "*:*",
    "?cr:*Image",
    "*r:Get*",
    "ecr*:Put*",
    "ecr:Batch GetImage",
    "ecr: *",
    "ecr:!x",
)


VARIABLES: Final = (
    "${aws:PrincipalAccount}",
    "${aws:ResourceAccount}",
    "${aws:ResourceOrgID}",
    "${aws:PrincipalOrgID}",
    "${aws:PrincipalArn}",
    "${aws:username}",
    "${aws:userid}",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/acct}",
    "${aws:SourceAccount}",
    "${aws:SourceVpc}",
    "${aws:PrincipalType}",
    "${aws:PrincipalOrgPaths}",
    "${example:Unheard}",
    "${aws:PrincipalTag/team, 'red'}",
    "${aws:PrincipalOrgID, 'o-a1b2c3d4e5'}",
    "${aws:SourceAccount, '111122223333'}",
    "${aws:ResourceTag/team}",
    "${aws:ResourceTag/env, 'red'}",
    "${aws:PrincipalTag/team, 'r*'}",
    "${example:Unheard, 'x'}",
    "${aws:SourceIp}",
    "${aws:CurrentTime}",
    "${aws:SecureTransport}",
    "${*}",
    "${?}",
    "${$}",
    "${",
)
SAME_TYPE: Final = {
    "ip": ("aws:SourceIp", "aws:VpcSourceIp", "aws:Ec2InstanceSourcePrivateIPv4"),
    "date": ("aws:CurrentTime", "aws:TokenIssueTime", "aws:EpochTime"),
    "numeric": ("aws:EpochTime", "aws:MultiFactorAuthAge", "ec2:RoleDelivery"),
}
"""Keys whose variables a String operator compares with a key of the type."""
RESOURCE_TAGS: Final[tuple[dict[str, str] | None, ...]] = (
    None,
    {},
    {"env": "red"},
    {"Env": "blue", "team": "red", "dp:exclude:identity": "true"},
    {"env": "red", "ENV": "blue"},
    {"team": "blue", "\u212aey": "red", "owner": "alice"},
    {"team": "platform", "project": "search", "cost-center": ""},
)
EMBEDDINGS: Final = (
    "{}",
    "{}",
    "{}",
    "{}*",
    "x-{}",
    "arn:aws:iam::{}:root",
    "arn:aws:iam::{}:role/ci",
    "arn:aws:iam::111122223333:role/{}",
    "{}/*",
)
