"""The condition keys: when a caller's request carries one, and which values a caller can bring.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
Adding a key is one row here and one case in the corpus.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.policy.operators import ValueType


class Presence(Enum):
    """When a direct caller's request carries a key."""

    ALWAYS = "always"
    OPTIONAL = "as the caller likes"
    NEVER = "never"
    ORGANIZATION = "in an organization"
    DIRECT = "not through a VPC endpoint"
    ENDPOINT = "through a VPC endpoint"
    ENDPOINT_ORGANIZATION = "through a VPC endpoint, in an organization"
    USER = "for an IAM user"
    OWNER_ORGANIZATION = "where the owner is in an organization"
    TAGS = "where a request passes tags"
    TAG_KEYS = "where a request passes tag keys"


class Content(Enum):
    """Which values a key can have in a caller's request."""

    PRINCIPAL_ARN = "the caller's ARN"
    PRINCIPAL_ACCOUNT = "the caller's account"
    PRINCIPAL_TYPE = "the caller's type"
    USERID = "the caller's unique id"
    USERNAME = "the caller's name"
    ORGANIZATION_ID = "an organization of the caller"
    ORGANIZATION_PATH = "a path in an organization of the caller"
    ACCOUNT = "an account of the caller"
    VPC = "a VPC of the caller"
    ENDPOINT = "a VPC endpoint of the caller"
    VPC_ARN = "the ARN of a VPC of the caller"
    ARN = "an ARN in an account of the caller"
    PROVIDER = "free, or the ARN of a provider in an account of the caller"
    OWN_ID = "an id of the caller"
    PUBLIC_ADDRESS = "a public address"
    ADDRESS = "an address"
    ADDRESS_IPV4 = "an address of IPv4"
    BOOL = "true or false"
    TRUE = "true"
    FALSE = "false"
    AGE = "zero or more"
    TIME = "now or later"
    ISSUE_TIME = "at most 36 hours before the call"
    REGION = "the repository's region"
    OWNER_ACCOUNT = "the owner's account"
    OWNER_ORGANIZATION_ID = "the owner's organization"
    OWNER_ORGANIZATION_PATH = "a path in the owner's organization"
    RESOURCE_TAG = "free, for it is the repository's"
    TEXT = "free"
    UNKNOWN = "free, for the key is unknown"


class Key(NamedTuple):
    """One row; types: what its values can be read as beside text."""

    presence: Presence
    content: Content
    types: tuple[ValueType, ...] = ()
    multivalued: bool = False


_P, _C, _T = Presence, Content, ValueType
_OWN_ARN: Final = Key(_P.OPTIONAL, _C.ARN, (_T.ARN,))
_FREE: Final = Key(_P.OPTIONAL, _C.TEXT)
_FREE_BOOL: Final = Key(_P.OPTIONAL, _C.BOOL, (_T.BOOL,))
_NEVER: Final = Key(_P.NEVER, _C.TEXT)
_NEVER_ARN: Final = Key(_P.NEVER, _C.TEXT, (_T.ARN,))
_NEVER_SEVERAL: Final = Key(_P.NEVER, _C.TEXT, (), multivalued=True)
_SEVERAL: Final = Key(_P.OPTIONAL, _C.TEXT, (), multivalued=True)

TABLE: Final[Mapping[str, Key]] = {
    # Who calls.
    "aws:PrincipalAccount": Key(_P.ALWAYS, _C.PRINCIPAL_ACCOUNT),
    "aws:PrincipalArn": Key(_P.ALWAYS, _C.PRINCIPAL_ARN, (_T.ARN,)),
    "aws:PrincipalType": Key(_P.ALWAYS, _C.PRINCIPAL_TYPE),
    "aws:userid": Key(_P.ALWAYS, _C.USERID),
    "aws:username": Key(_P.USER, _C.USERNAME),
    "aws:PrincipalOrgID": Key(_P.ORGANIZATION, _C.ORGANIZATION_ID),
    "aws:PrincipalOrgPaths": Key(_P.ORGANIZATION, _C.ORGANIZATION_PATH, (), multivalued=True),
    "aws:PrincipalIsAWSService": Key(_P.ALWAYS, _C.FALSE, (_T.BOOL,)),
    "aws:SourceIdentity": _FREE,
    "aws:FederatedProvider": Key(_P.OPTIONAL, _C.PROVIDER, (_T.ARN,)),
    "aws:MultiFactorAuthPresent": _FREE_BOOL,
    "aws:MultiFactorAuthAge": Key(_P.OPTIONAL, _C.AGE, (_T.NUMERIC,)),
    "aws:TokenIssueTime": Key(_P.OPTIONAL, _C.ISSUE_TIME, (_T.DATE,)),
    "aws:AssumedRoot": _FREE_BOOL,
    "identitystore:UserId": Key(_P.OPTIONAL, _C.OWN_ID),
    "aws:SignInSessionArn": _OWN_ARN,
    # From where.
    "aws:SourceIp": Key(_P.DIRECT, _C.PUBLIC_ADDRESS, (_T.IP,)),
    "aws:SourceVpc": Key(_P.ENDPOINT, _C.VPC),
    "aws:SourceVpce": Key(_P.ENDPOINT, _C.ENDPOINT),
    "aws:SourceVpcArn": Key(_P.ENDPOINT, _C.VPC_ARN, (_T.ARN,)),
    "aws:VpceAccount": Key(_P.ENDPOINT, _C.ACCOUNT),
    "aws:VpceOrgID": Key(_P.ENDPOINT_ORGANIZATION, _C.ORGANIZATION_ID),
    "aws:VpceOrgPaths": Key(_P.ENDPOINT_ORGANIZATION, _C.ORGANIZATION_PATH, (), multivalued=True),
    "aws:VpcSourceIp": Key(_P.ENDPOINT, _C.ADDRESS, (_T.IP,)),
    "aws:Ec2InstanceSourceVpc": Key(_P.OPTIONAL, _C.VPC),
    "aws:Ec2InstanceSourcePrivateIPv4": Key(_P.OPTIONAL, _C.ADDRESS_IPV4, (_T.IP,)),
    "lambda:SourceFunctionArn": _OWN_ARN,
    "codebuild:BuildArn": _OWN_ARN,
    "codebuild:ProjectArn": _OWN_ARN,
    "ec2:SourceInstanceArn": _OWN_ARN,
    "ssm:SourceInstanceArn": _OWN_ARN,
    "aws:ChatbotSourceArn": _OWN_ARN,
    # How.
    "aws:SecureTransport": Key(_P.ALWAYS, _C.TRUE, (_T.BOOL,)),
    "aws:ViaAWSService": Key(_P.ALWAYS, _C.BOOL, (_T.BOOL,)),
    "aws:CalledVia": _SEVERAL,
    "aws:CalledViaFirst": _FREE,
    "aws:CalledViaLast": _FREE,
    "aws:referer": _FREE,
    "aws:UserAgent": Key(_P.ALWAYS, _C.TEXT),
    "aws:CurrentTime": Key(_P.ALWAYS, _C.TIME, (_T.DATE,)),
    "aws:EpochTime": Key(_P.ALWAYS, _C.TIME, (_T.DATE, _T.NUMERIC)),
    "aws:TagKeys": Key(_P.TAG_KEYS, _C.TEXT, (), multivalued=True),
    # What is called.
    "aws:RequestedRegion": Key(_P.ALWAYS, _C.REGION),
    "aws:ResourceAccount": Key(_P.ALWAYS, _C.OWNER_ACCOUNT),
    "aws:ResourceOrgID": Key(_P.OWNER_ORGANIZATION, _C.OWNER_ORGANIZATION_ID),
    "aws:ResourceOrgPaths": Key(_P.OWNER_ORGANIZATION, _C.OWNER_ORGANIZATION_PATH, (), multivalued=True),
    # Only when an AWS service calls as itself.
    "aws:SourceAccount": _NEVER,
    "aws:SourceOwner": _NEVER,
    "aws:SourceArn": _NEVER_ARN,
    "aws:SourceOrgID": _NEVER,
    "aws:SourceOrgPaths": _NEVER_SEVERAL,
    "aws:PrincipalServiceName": _NEVER,
    "aws:PrincipalServiceNamesList": _NEVER_SEVERAL,
    # Only in PutAccountSetting, which no repository policy grants.
    "ecr:AccountSetting": _NEVER,
}

_KEYS: Final = {name.lower(): key for name, key in TABLE.items()}
_SPELLING: Final = {name.lower(): name for name in TABLE}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html lists the
# keys that web identity providers and SAML bring; those of STS are only in calls of STS itself.
PREFIXES: Final = (
    ("aws:PrincipalTag/", _FREE),
    ("aws:RequestTag/", Key(_P.TAGS, _C.TEXT)),
    ("aws:ResourceTag/", Key(_P.OPTIONAL, _C.RESOURCE_TAG)),
    ("ecr:ResourceTag/", Key(_P.OPTIONAL, _C.RESOURCE_TAG)),
    ("saml:", _FREE),
    ("sts:", _NEVER),
)
_UNKNOWN: Final = Key(_P.OPTIONAL, _C.UNKNOWN, tuple(ValueType))


def key_of(name: str) -> Key:
    """Return the row of a key, given in lower case; a key that is not in the table is free."""
    if name in _KEYS:
        return _KEYS[name]
    for prefix, key in PREFIXES:
        if name.startswith(prefix.lower()):
            return key
    # The key of a web identity provider begins with the provider's host.
    return _FREE if "." in name.partition(":")[0] and ":" in name else _UNKNOWN


def spelled(name: str) -> str:
    """Return a key, given in lower case, as AWS spells it; an unknown one as it is."""
    if name in _SPELLING:
        return _SPELLING[name]
    found = next((prefix for prefix, _ in PREFIXES if name.startswith(prefix.lower())), "")
    return found + name[len(found) :]


def fits(key: Key, value_type: ValueType) -> bool:
    """Tell whether an operator of this type fits the key; text operators fit every key."""
    return value_type is ValueType.STRING or value_type in key.types
