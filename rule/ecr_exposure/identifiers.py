"""The texts by which AWS identifies an account, an organization, a region and a resource.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
"""

import re
from collections.abc import Iterable
from typing import Final, NewType

from ecr_exposure.errors import ParameterError

AccountId = NewType("AccountId", str)
OrganizationId = NewType("OrganizationId", str)

ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
ORGANIZATION_ID: Final = re.compile(r"o-[a-z0-9]{10,32}")
_NAME_PART: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
REPOSITORY_NAME: Final = re.compile(rf"(?=.{{2,256}}\Z){_NAME_PART}(?:/{_NAME_PART})*")
_REGION: Final = re.compile(r"[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}")


def account_id(parameter: str, value: object) -> AccountId:
    """Return the value if it is an account id; raise ParameterError, which names the parameter, if not."""
    return AccountId(_checked(parameter, value, ACCOUNT_ID, "an account id of 12 digits"))


def organization_id(parameter: str, value: object) -> OrganizationId:
    """Return the value if it is an organization id; raise ParameterError if not."""
    accepted = "an organization id (o- and 10 to 32 lower-case letters or digits)"
    return OrganizationId(_checked(parameter, value, ORGANIZATION_ID, accepted))


def region_name(parameter: str, value: object) -> str:
    """Return the value if it is the name of a region; raise ParameterError if not."""
    return _checked(parameter, value, _REGION, "a region such as eu-central-1")


def account_ids(parameter: str, values: object) -> frozenset[AccountId]:
    """Return the values as account ids; raise ParameterError if one is not, or for a single string."""
    return frozenset(account_id(parameter, value) for value in _several(parameter, values))


def organization_ids(parameter: str, values: object) -> frozenset[OrganizationId]:
    """Return the values as organization ids; raise ParameterError if one is not, or for a single string."""
    return frozenset(organization_id(parameter, value) for value in _several(parameter, values))


def _checked(parameter: str, value: object, pattern: re.Pattern[str], accepted: str) -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise ParameterError(f"{parameter}: {value!r:.80} is not {accepted}")


def _several(parameter: str, values: object) -> Iterable[object]:
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        return values
    raise ParameterError(f"{parameter}: {values!r:.80} is not a sequence of ids")


PARTITIONS: Final = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_PARTITION_BY_REGION: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
)


def partitions_of_region(region: str | None) -> tuple[str, ...]:
    """Return the partition of a region; every partition if the region is not known."""
    if region is None:
        return PARTITIONS
    return (next((partition for prefix, partition in _PARTITION_BY_REGION if region.startswith(prefix)), "aws"),)


ARN_FIELDS: Final = 6
_PARTITION, _SERVICE, _REGION_FIELD, _ACCOUNT, _RESOURCE = 1, 2, 3, 4, 5


def arn_fields(arn: str) -> list[str]:
    """Return the fields of an ARN or ARN pattern: at most six, for only the first five colons separate.

    arn:partition:service:region:account:resource; the resource can hold colons.
    """
    return arn.split(":", ARN_FIELDS - 1)


def partition_of(arn: str) -> str:
    """Return the partition of an ARN, such as ``aws-cn``; an empty string where the field is missing."""
    return _field(arn, _PARTITION)


def service_of(arn: str) -> str:
    """Return the service of an ARN, such as ``iam``; an empty string where the field is missing."""
    return _field(arn, _SERVICE)


def region_of(arn: str) -> str:
    """Return the region of an ARN; an empty string where the field is missing or empty, as in ARNs of IAM."""
    return _field(arn, _REGION_FIELD)


def account_of(arn: str) -> str:
    """Return the account of an ARN or ARN pattern; an empty string where the field is missing or empty."""
    return _field(arn, _ACCOUNT)


def resource_of(arn: str) -> str:
    """Return the resource of an ARN or ARN pattern; an empty string where the field is missing."""
    return _field(arn, _RESOURCE)


def _field(arn: str, index: int) -> str:
    fields = arn_fields(arn)
    return fields[index] if index < len(fields) else ""
