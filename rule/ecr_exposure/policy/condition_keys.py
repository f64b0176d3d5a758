"""The condition keys: when the request context of an IAM principal has one, and which values it can have.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
Adding a key is one row here, one in the oracle and one case in the corpus.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.policy.operators import ValueType
from ecr_exposure.policy.patterns import ascii_lower


class Presence(Enum):
    """When the request context of an IAM principal has a key."""

    ALWAYS = "always"
    OPTIONAL = "optional"
    NEVER = "never"
    ORGANIZATION = "if the caller is in an organization"
    DIRECT = "unless the request comes through a VPC endpoint"
    ENDPOINT = "if the request comes through a VPC endpoint"
    ENDPOINT_ORGANIZATION = "if the VPC endpoint's account is in an organization"
    USER = "only for IAM users"
    OWNER_ORGANIZATION = "if the owner is in an organization"
    TAGS = "if the request passes tags"
    TAG_KEYS = "if the request passes tag keys"


class ValueDomain(Enum):
    """Which values a key can have in the request context of a caller."""

    PRINCIPAL_ARN = "the caller's ARN"
    PRINCIPAL_ACCOUNT = "the caller's account"
    PRINCIPAL_TYPE = "the caller's type"
    USERID = "the caller's unique ID, any session name"
    USERNAME = "the caller's name"
    ORGANIZATION_ID = "the caller's organization"
    ORGANIZATION_PATH = "a path in the caller's organization"
    ACCOUNT = "an account of the caller"
    VPC = "a VPC of the caller"
    ENDPOINT = "a VPC endpoint of the caller"
    VPC_ARN = "the ARN of a VPC of the caller"
    ARN = "an ARN in an account of the caller"
    PROVIDER = "any value; an ARN is of the caller's account"
    OWN_ID = "an ID of the caller"
    PUBLIC_ADDRESS = "any public IP address"
    ADDRESS = "any IP address"
    ADDRESS_IPV4 = "any IPv4 address"
    BOOL = "true or false"
    TRUE = "true"
    FALSE = "false"
    AGE = "zero or more seconds"
    NUMBER = "any number"
    TIME = "now or later"
    ISSUE_TIME = "at most 36 hours before the request"
    REGION = "the repository's Region"
    OWNER_ACCOUNT = "the owner's account"
    OWNER_ORGANIZATION_ID = "the owner's organization"
    OWNER_ORGANIZATION_PATH = "a path in the owner's organization"
    RESOURCE_TAG = "any value (a tag of the repository)"
    GLUE_SERVICE = "glue.amazonaws.com"
    TEXT = "any value"
    UNKNOWN = "any value (unknown key)"


class ConditionKey(NamedTuple):
    """One condition key.

    name: in lower case, as a request context has it, for IAM ignores the case of keys. spelling: as AWS writes
    it, and what AWS does not prescribe as the policy writes it. types: what its values can be read as besides a string.
    """

    name: str
    spelling: str
    presence: Presence
    domain: ValueDomain
    types: tuple[ValueType, ...] = ()
    multivalued: bool = False

    def fits(self, value_type: ValueType) -> bool:
        """Return whether an operator of this type fits the key.

        String operators fit every key but addresses, dates and numbers: AWS does not document how it writes those.
        """
        return value_type in self.types or (value_type is ValueType.STRING and _NOT_TEXT.isdisjoint(self.types))

    def common_type(self, other: "ConditionKey") -> ValueType | None:
        """Return as what the values of two keys can be compared if both are addresses, dates or numbers."""
        return next((each for each in self.types if each in _NOT_TEXT and each in other.types), None)


_NOT_TEXT: Final = frozenset((ValueType.IP, ValueType.DATE, ValueType.NUMERIC))


_P, _D, _T = Presence, ValueDomain, ValueType


def _row(
    spelling: str, presence: Presence, domain: ValueDomain, *types: ValueType, multivalued: bool = False
) -> ConditionKey:
    return ConditionKey(spelling.lower(), spelling, presence, domain, types, multivalued)


TABLE: Final = (
    # Who calls.
    _row("aws:PrincipalAccount", _P.ALWAYS, _D.PRINCIPAL_ACCOUNT),
    _row("aws:PrincipalArn", _P.ALWAYS, _D.PRINCIPAL_ARN, _T.ARN),
    _row("aws:PrincipalType", _P.ALWAYS, _D.PRINCIPAL_TYPE),
    _row("aws:userid", _P.ALWAYS, _D.USERID),
    _row("aws:username", _P.USER, _D.USERNAME),
    _row("aws:PrincipalOrgID", _P.ORGANIZATION, _D.ORGANIZATION_ID),
    _row("aws:PrincipalOrgPaths", _P.ORGANIZATION, _D.ORGANIZATION_PATH, multivalued=True),
    _row("aws:PrincipalIsAWSService", _P.ALWAYS, _D.FALSE, _T.BOOL),
    _row("aws:SourceIdentity", _P.OPTIONAL, _D.TEXT),
    _row("aws:FederatedProvider", _P.OPTIONAL, _D.PROVIDER, _T.ARN),
    _row("aws:MultiFactorAuthPresent", _P.OPTIONAL, _D.BOOL, _T.BOOL),
    _row("aws:MultiFactorAuthAge", _P.OPTIONAL, _D.AGE, _T.NUMERIC),
    _row("aws:TokenIssueTime", _P.OPTIONAL, _D.ISSUE_TIME, _T.DATE),
    _row("aws:AssumedRoot", _P.OPTIONAL, _D.BOOL, _T.BOOL),
    _row("identitystore:UserId", _P.OPTIONAL, _D.OWN_ID),
    _row("aws:SignInSessionArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    # From where.
    _row("aws:SourceIp", _P.DIRECT, _D.PUBLIC_ADDRESS, _T.IP),
    _row("aws:SourceVpc", _P.ENDPOINT, _D.VPC),
    _row("aws:SourceVpce", _P.ENDPOINT, _D.ENDPOINT),
    _row("aws:SourceVpcArn", _P.ENDPOINT, _D.VPC_ARN, _T.ARN),
    _row("aws:VpceAccount", _P.ENDPOINT, _D.ACCOUNT),
    _row("aws:VpceOrgID", _P.ENDPOINT_ORGANIZATION, _D.ORGANIZATION_ID),
    _row("aws:VpceOrgPaths", _P.ENDPOINT_ORGANIZATION, _D.ORGANIZATION_PATH, multivalued=True),
    _row("aws:VpcSourceIp", _P.ENDPOINT, _D.ADDRESS, _T.IP),
    _row("aws:Ec2InstanceSourceVpc", _P.OPTIONAL, _D.VPC),
    _row("aws:Ec2InstanceSourcePrivateIPv4", _P.OPTIONAL, _D.ADDRESS_IPV4, _T.IP),
    _row("lambda:SourceFunctionArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    _row("codebuild:BuildArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    _row("codebuild:ProjectArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    _row("ec2:SourceInstanceArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    _row("ssm:SourceInstanceArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    _row("ec2:RoleDelivery", _P.OPTIONAL, _D.NUMBER, _T.NUMERIC),
    _row("glue:RoleAssumedBy", _P.OPTIONAL, _D.GLUE_SERVICE),
    _row("glue:CredentialIssuingService", _P.OPTIONAL, _D.GLUE_SERVICE),
    _row("aws:ChatbotSourceArn", _P.OPTIONAL, _D.ARN, _T.ARN),
    # How.
    _row("aws:SecureTransport", _P.ALWAYS, _D.TRUE, _T.BOOL),
    _row("aws:ViaAWSService", _P.ALWAYS, _D.BOOL, _T.BOOL),
    _row("aws:CalledVia", _P.OPTIONAL, _D.TEXT, multivalued=True),
    _row("aws:CalledViaFirst", _P.OPTIONAL, _D.TEXT),
    _row("aws:CalledViaLast", _P.OPTIONAL, _D.TEXT),
    _row("aws:ViaAWSMCPService", _P.OPTIONAL, _D.BOOL, _T.BOOL),
    _row("aws:CalledViaAWSMCP", _P.OPTIONAL, _D.TEXT),
    _row("aws:IsMcpServiceAction", _P.OPTIONAL, _D.FALSE, _T.BOOL),
    _row("aws:referer", _P.OPTIONAL, _D.TEXT),
    _row("aws:UserAgent", _P.ALWAYS, _D.TEXT),
    _row("aws:CurrentTime", _P.ALWAYS, _D.TIME, _T.DATE),
    _row("aws:EpochTime", _P.ALWAYS, _D.TIME, _T.DATE, _T.NUMERIC),
    _row("aws:TagKeys", _P.TAG_KEYS, _D.TEXT, multivalued=True),
    # What is called.
    _row("aws:RequestedRegion", _P.ALWAYS, _D.REGION),
    _row("aws:ResourceAccount", _P.ALWAYS, _D.OWNER_ACCOUNT),
    _row("aws:ResourceOrgID", _P.OWNER_ORGANIZATION, _D.OWNER_ORGANIZATION_ID),
    _row("aws:ResourceOrgPaths", _P.OWNER_ORGANIZATION, _D.OWNER_ORGANIZATION_PATH, multivalued=True),
    # Only when an AWS service calls as itself.
    _row("aws:SourceAccount", _P.NEVER, _D.TEXT),
    _row("aws:SourceOwner", _P.NEVER, _D.TEXT),
    _row("aws:SourceArn", _P.NEVER, _D.TEXT, _T.ARN),
    _row("aws:SourceOrgID", _P.NEVER, _D.TEXT),
    _row("aws:SourceOrgPaths", _P.NEVER, _D.TEXT, multivalued=True),
    _row("aws:PrincipalServiceName", _P.NEVER, _D.TEXT),
    _row("aws:PrincipalServiceNamesList", _P.NEVER, _D.TEXT, multivalued=True),
    # Only in PutAccountSetting, which no repository policy grants.
    _row("ecr:AccountSetting", _P.NEVER, _D.TEXT),
)
"""The keys that the rule knows by their whole name."""

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html lists the keys of
# web identity providers and SAML; those of STS are only in requests to STS.
PREFIXES: Final = (
    _row("aws:PrincipalTag/", _P.OPTIONAL, _D.TEXT),
    _row("aws:RequestTag/", _P.TAGS, _D.TEXT),
    _row("aws:ResourceTag/", _P.OPTIONAL, _D.RESOURCE_TAG),
    _row("ecr:ResourceTag/", _P.OPTIONAL, _D.RESOURCE_TAG),
    _row("saml:", _P.OPTIONAL, _D.TEXT),
    _row("sts:", _P.NEVER, _D.TEXT),
)
"""The keys that the rule knows by their beginning."""

_WEB_IDENTITY: Final = _row("", _P.OPTIONAL, _D.TEXT)
_UNKNOWN: Final = _row("", _P.OPTIONAL, _D.UNKNOWN, *ValueType)

KEYS: Final[Mapping[str, ConditionKey]] = {row.name: row for row in TABLE}
"""The rows of TABLE by name."""
_AS_SPELLED: Final = {row.spelling: row for row in TABLE}
"""Fast path: most policies spell a key as AWS does."""


def condition_key(text: str) -> ConditionKey:
    """Return the row of a key, whatever its case; a key that is in no row is unknown, and may have any value."""
    if (found := _AS_SPELLED.get(text)) is not None:
        return found
    name = ascii_lower(text)
    if (found := KEYS.get(name)) is not None:
        return found
    for row in PREFIXES:
        if name.startswith(row.name):
            return row._replace(name=name, spelling=row.spelling + text[len(row.name) :])
    # The key of a web identity provider begins with the provider's host name.
    host, colon, _ = name.partition(":")
    row = _WEB_IDENTITY if colon and "." in host else _UNKNOWN
    return row._replace(name=name, spelling=text)
