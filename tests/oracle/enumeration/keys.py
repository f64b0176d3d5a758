"""Condition keys: what kind of thing each one is and which operators fit it."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final


class Kind(Enum):
    """Where the value of a key comes from."""

    PERSON = "the caller itself"
    ORGANIZATION = "the caller's organization"
    SOURCE_IP = "the public address of the call"
    ENDPOINT = "the VPC endpoint of the call"
    INSTANCE = "the EC2 instance behind the credentials"
    OWN_ARN = "a resource of the caller's own account"
    OWN_ID = "an id of the caller's own"
    PROVIDER = "the identity provider of the session"
    NEVER = "only there when a service calls as itself"
    FIXED = "the same for every request of this repository"
    TIME = "the moment of the call"
    TEXT = "text of the caller's choice"
    AGENT = "text of the caller's choice, always there"
    FLAG = "true or false, of the caller's choice"
    FLAG_ALWAYS = "true or false, always there"
    NUMBER = "a whole number of the caller's choice"
    TAG_REQUEST = "tags of the request"
    UNKNOWN = "not in the table"


STRING: Final = "string"
ARN: Final = "arn"
IP: Final = "ip"
BOOL: Final = "bool"
NUMERIC: Final = "numeric"
DATE: Final = "date"
BINARY: Final = "binary"
EVERY_FAMILY: Final = frozenset({STRING, ARN, IP, BOOL, NUMERIC, DATE, BINARY})


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key: its kind, the operator families that fit, and whether it can hold several values."""

    kind: Kind
    families: frozenset[str]
    several: bool = False


def _info(kind: Kind, *families: str, several: bool = False) -> KeyInfo:
    """String operators fit every key, since they compare text."""
    return KeyInfo(kind, frozenset({STRING, *families}), several)


_TABLE: Final[dict[str, KeyInfo]] = {
    "aws:principalaccount": _info(Kind.PERSON),
    "aws:principalarn": _info(Kind.PERSON, ARN),
    "aws:principaltype": _info(Kind.PERSON),
    "aws:userid": _info(Kind.PERSON),
    "aws:username": _info(Kind.PERSON),
    "aws:principalorgid": _info(Kind.ORGANIZATION),
    "aws:principalorgpaths": _info(Kind.ORGANIZATION, several=True),
    "aws:sourceip": _info(Kind.SOURCE_IP, IP),
    "aws:sourcevpc": _info(Kind.ENDPOINT),
    "aws:sourcevpce": _info(Kind.ENDPOINT),
    "aws:sourcevpcarn": _info(Kind.ENDPOINT, ARN),
    "aws:vpceaccount": _info(Kind.ENDPOINT),
    "aws:vpceorgid": _info(Kind.ENDPOINT),
    "aws:vpceorgpaths": _info(Kind.ENDPOINT, several=True),
    "aws:vpcsourceip": _info(Kind.ENDPOINT, IP),
    "aws:ec2instancesourcevpc": _info(Kind.INSTANCE),
    "aws:ec2instancesourceprivateipv4": _info(Kind.INSTANCE, IP),
    "lambda:sourcefunctionarn": _info(Kind.OWN_ARN, ARN),
    "codebuild:buildarn": _info(Kind.OWN_ARN, ARN),
    "codebuild:projectarn": _info(Kind.OWN_ARN, ARN),
    "ec2:sourceinstancearn": _info(Kind.OWN_ARN, ARN),
    "ssm:sourceinstancearn": _info(Kind.OWN_ARN, ARN),
    "aws:chatbotsourcearn": _info(Kind.OWN_ARN, ARN),
    "aws:signinsessionarn": _info(Kind.OWN_ARN, ARN),
    "identitystore:userid": _info(Kind.OWN_ID),
    "aws:federatedprovider": _info(Kind.PROVIDER, ARN),
    "aws:sourceaccount": _info(Kind.NEVER),
    "aws:sourcearn": _info(Kind.NEVER, ARN),
    "aws:sourceowner": _info(Kind.NEVER),
    "aws:sourceorgid": _info(Kind.NEVER),
    "aws:sourceorgpaths": _info(Kind.NEVER, several=True),
    "aws:principalservicename": _info(Kind.NEVER),
    "aws:principalservicenameslist": _info(Kind.NEVER, several=True),
    "ecr:accountsetting": _info(Kind.NEVER),
    "aws:principalisawsservice": _info(Kind.FIXED, BOOL),
    "aws:securetransport": _info(Kind.FIXED, BOOL),
    "aws:requestedregion": _info(Kind.FIXED),
    "aws:resourceaccount": _info(Kind.FIXED),
    "aws:resourceorgid": _info(Kind.FIXED),
    "aws:resourceorgpaths": _info(Kind.FIXED, several=True),
    "aws:currenttime": _info(Kind.TIME, DATE),
    "aws:epochtime": _info(Kind.TIME, DATE, NUMERIC),
    "aws:tokenissuetime": _info(Kind.TIME, DATE),
    "aws:sourceidentity": _info(Kind.TEXT),
    "aws:referer": _info(Kind.TEXT),
    "aws:calledvia": _info(Kind.TEXT, several=True),
    "aws:calledviafirst": _info(Kind.TEXT),
    "aws:calledvialast": _info(Kind.TEXT),
    "aws:assumedroot": _info(Kind.TEXT, BOOL),
    "aws:useragent": _info(Kind.AGENT),
    "aws:multifactorauthpresent": _info(Kind.FLAG, BOOL),
    "aws:multifactorauthage": _info(Kind.NUMBER, NUMERIC),
    "aws:viaawsservice": _info(Kind.FLAG_ALWAYS, BOOL),
    "aws:tagkeys": _info(Kind.TAG_REQUEST, several=True),
}

_FAMILIES_OF_KEYS: Final[tuple[tuple[str, KeyInfo], ...]] = (
    ("aws:principaltag/", _info(Kind.TEXT)),
    ("aws:resourcetag/", _info(Kind.TEXT)),
    ("ecr:resourcetag/", _info(Kind.TEXT)),
    ("aws:requesttag/", _info(Kind.TAG_REQUEST)),
    ("saml:", _info(Kind.TEXT)),
    ("sts:", _info(Kind.NEVER)),
)


@lru_cache(maxsize=4096)
def key_info(key: str) -> KeyInfo:
    """The row of a key in lower case; OpenID keys start with the domain of their provider."""
    if key in _TABLE:
        return _TABLE[key]
    for prefix, info in _FAMILIES_OF_KEYS:
        if key.startswith(prefix):
            return info
    provider, colon, name = key.rpartition(":")
    if colon and "." in provider:
        return _info(Kind.TEXT, several=name == "amr")
    return KeyInfo(Kind.UNKNOWN, EVERY_FAMILY)


def doubtful_variable(key: str) -> bool:
    """An unknown or multivalued key cannot be trusted as a variable."""
    info = key_info(key)
    return info.kind is Kind.UNKNOWN or info.several
