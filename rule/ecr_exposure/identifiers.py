"""The texts by which AWS identifies an account, an organization and a region.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
"""

import re
from collections.abc import Iterable
from typing import Final, NewType

from ecr_exposure.errors import ParameterError

AccountId = NewType("AccountId", str)
OrganizationId = NewType("OrganizationId", str)

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ORGANIZATION: Final = re.compile(r"o-[a-z0-9]{10,32}")
_REGION: Final = re.compile(r"[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}")


def account_id(parameter: str, value: object) -> AccountId:
    """Return the value if it is an account id; ParameterError, which names the parameter, if not."""
    return AccountId(_checked(parameter, value, _ACCOUNT, "an account id of 12 digits"))


def organization_id(parameter: str, value: object) -> OrganizationId:
    """Return the value if it is an organization id; ParameterError if not."""
    accepted = "an organization id (o- and 10 to 32 lower-case letters or digits)"
    return OrganizationId(_checked(parameter, value, _ORGANIZATION, accepted))


def region_name(parameter: str, value: object) -> str:
    """Return the value if it is a region's name; ParameterError if not."""
    return _checked(parameter, value, _REGION, "a region such as eu-central-1")


def account_ids(parameter: str, values: object) -> frozenset[AccountId]:
    """Return the values as account ids; ParameterError where one is none, or for a bare text."""
    return frozenset(account_id(parameter, value) for value in _several(parameter, values))


def organization_ids(parameter: str, values: object) -> frozenset[OrganizationId]:
    """Return the values as organization ids; ParameterError where one is none, or for a bare text."""
    return frozenset(organization_id(parameter, value) for value in _several(parameter, values))


def _checked(parameter: str, value: object, shape: re.Pattern[str], accepted: str) -> str:
    if isinstance(value, str) and shape.fullmatch(value):
        return value
    raise ParameterError(f"{parameter}: {value!r:.80} is not {accepted}")


def _several(parameter: str, values: object) -> Iterable[object]:
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        return values
    raise ParameterError(f"{parameter}: {values!r:.80} is not a sequence of ids")
