"""Security Hub in the hub, and which account administers it in the organization: two calls a Region.

Only the management account can list the administrators:
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListOrganizationAdminAccounts.html
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, Unknown, attempt, entries, error_code, required
from ecr_exposure.cli.organization.inventory import SecurityHub
from ecr_exposure.cli.workers import in_regions

if TYPE_CHECKING:
    from mypy_boto3_securityhub import SecurityHubClient

ONLY_MANAGEMENT_ACCOUNT: Final = Unknown("only the management account can list it")
# Errors of DescribeHub in an account that has not enabled Security Hub:
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
_NOT_ENABLED: Final = frozenset({"InvalidAccessException", "ResourceNotFoundException"})


def read_security_hub(
    session: boto3.Session,
    regions: Sequence[str],
    credentials: Mapping[str, str] | Unknown,
    administrators: Mapping[str, str] | None,
) -> dict[str, SecurityHub | Unknown]:
    """Read Security Hub in each Region; the credentials are those of the hub, empty for the session's own.

    administrators: those that are known elsewhere than in the management account, by Region; None in that account,
    which lists them.
    """

    def read(region: str) -> SecurityHub | Unknown:
        enabled = _enabled(session, region, credentials)
        if isinstance(enabled, Unknown):
            return enabled
        if administrators is None:
            return SecurityHub(enabled=enabled, administrator=_administrator(session, region))
        return SecurityHub(enabled=enabled, administrator=administrators.get(region, ONLY_MANAGEMENT_ACCOUNT))

    return in_regions(regions, read)


def _enabled(session: boto3.Session, region: str, credentials: Mapping[str, str] | Unknown) -> bool | Unknown:
    if isinstance(credentials, Unknown):
        return credentials
    return attempt(lambda: _is_enabled(Clients(session, region, credentials).security_hub))


def _administrator(session: boto3.Session, region: str) -> str | Unknown:
    return attempt(lambda: _listed_administrator(Clients(session, region).security_hub))


def _is_enabled(client: "SecurityHubClient") -> bool:
    try:
        required(client.describe_hub(), lambda response: response["HubArn"])
    except ClientError as error:
        if error_code(error) not in _NOT_ENABLED:
            raise
        return False
    return True


def _listed_administrator(client: "SecurityHubClient") -> str:
    pages = client.get_paginator("list_organization_admin_accounts").paginate()
    accounts = entries(pages, lambda page: page["AdminAccounts"])
    return next((each["AccountId"] for each in accounts if each.get("Status") == "ENABLED"), "")
