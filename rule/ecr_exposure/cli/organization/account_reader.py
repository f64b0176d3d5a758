"""The accounts of an organization, each read in all Regions: the caller's own directly, the others by a role.

Without a name, DescribeConfigurationRecorders returns the customer managed recorder:
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorders.html
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    Clients,
    Unknown,
    attempt,
    error_code,
    error_text,
    required,
)
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.organization.inventory import AccountRegion, Recorder, SecurityHub
from ecr_exposure.cli.region_options import ENABLED, region_statuses

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_securityhub import SecurityHubClient

_ACCOUNTS_AT_ONCE: Final = 8
# Errors of DescribeHub in an account that has not enabled Security Hub:
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
_NOT_ENABLED: Final = frozenset({"InvalidAccessException", "ResourceNotFoundException"})
_MULTI_ACCOUNT_ROLE: Final = "AWSServiceRoleForConfigMultiAccountSetup"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html: a path, if any, and a name
_POLICY: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAccount:
    """What was read in one account."""

    role: str | None
    """The role that was assumed; None in the caller's account."""
    boundary: bool | Unknown | None
    """Whether the permissions boundary exists; None without one."""
    account_regions: tuple[AccountRegion, ...]
    service_linked_role: bool | Unknown | None
    """Only read in the management account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAccounts:
    """What was read in all accounts."""

    account_regions: tuple[AccountRegion, ...]
    boundaries: Mapping[str, bool | Unknown]
    role_used: Mapping[str, str]
    unreached: Mapping[str, Unknown]
    """Accounts in which none of the roles could be assumed."""
    service_linked_role: bool | Unknown | None


class AccountReader:
    """Reads accounts side by side."""

    def __init__(  # noqa: PLR0913 - each argument is one fact about the accounts
        self,
        session: boto3.Session,
        caller: Caller,
        regions: Sequence[str],
        roles: Sequence[str],
        opt_in: frozenset[str] | Unknown,
        *,
        boundary: str,
    ) -> None:
        """Take the roles to try in each account, which Regions an account must enable, and the boundary's name."""
        self._session, self._caller, self._regions, self._roles = session, caller, regions, roles
        self._opt_in, self._boundary = opt_in, boundary
        self._sts = Clients(session, regions[0]).sts

    def read_all(self, accounts: Sequence[str], management: str | None) -> ReadAccounts:
        """Read the accounts; in the management account, if it is given, also its service-linked role."""
        with ThreadPoolExecutor(_ACCOUNTS_AT_ONCE) as pool:
            read = pool.map(lambda account: self._read(account, is_management=account == management), accounts)
            results = dict(zip(accounts, read, strict=True))
        reached = {account: each for account, each in results.items() if isinstance(each, ReadAccount)}
        return ReadAccounts(
            account_regions=tuple(one for each in reached.values() for one in each.account_regions),
            boundaries={account: each.boundary for account, each in reached.items() if each.boundary is not None},
            role_used={account: each.role for account, each in reached.items() if each.role},
            unreached={account: each for account, each in results.items() if isinstance(each, Unknown)},
            service_linked_role=reached[management].service_linked_role if management in reached else None,
        )

    def credentials(self, account: str) -> Mapping[str, str] | Unknown:
        """Return the credentials of a role in the account; none in the caller's, whose session has its own."""
        assumed = self._assume_first(account)
        return assumed if isinstance(assumed, Unknown) else assumed[1]

    def _read(self, account: str, *, is_management: bool) -> ReadAccount | Unknown:
        assumed = self._assume_first(account)
        if isinstance(assumed, Unknown):
            return assumed
        role, credentials = assumed
        clients = [Clients(self._session, region, credentials) for region in self._regions]
        statuses = attempt(lambda: region_statuses(clients[0].account)) if self._must_ask else {}
        return ReadAccount(
            role=role,
            boundary=self._has_boundary(clients[0], account),
            account_regions=tuple(
                _account_region(each, account, region, self._enabled(region, statuses))
                for each, region in zip(clients, self._regions, strict=True)
            ),
            service_linked_role=attempt(lambda: _has_multi_account_role(clients[0].iam)) if is_management else None,
        )

    def _has_boundary(self, clients: Clients, account: str) -> bool | Unknown | None:
        """Return whether the account has the permissions boundary; None without a valid name."""
        if not _POLICY.fullmatch(self._boundary):
            return None
        arn = f"arn:{self._caller.partition}:iam::{account}:policy/{self._boundary}"
        return attempt(lambda: _policy_exists(clients.iam, arn))

    @property
    def _must_ask(self) -> bool:
        """Whether an account may not have enabled one of the Regions."""
        return isinstance(self._opt_in, Unknown) or not self._opt_in.isdisjoint(self._regions)

    def _enabled(self, region: str, statuses: Mapping[str, str] | Unknown) -> bool | Unknown:
        if not isinstance(self._opt_in, Unknown) and region not in self._opt_in:
            return True
        return statuses if isinstance(statuses, Unknown) else statuses.get(region) in ENABLED

    def _assume_first(self, account: str) -> tuple[str | None, Mapping[str, str]] | Unknown:
        """Return the first role that can be assumed, with its credentials; the caller's account needs none."""
        if account == self._caller.account:
            return None, {}
        reasons = []
        for role in self._roles:
            try:
                return role, self._assume(account, role)
            except AWS_ERRORS as error:
                reasons.append(error_text(error))
        return Unknown("; ".join(dict.fromkeys(reasons)))

    def _assume(self, account: str, role: str) -> Mapping[str, str]:
        arn = f"arn:{self._caller.partition}:iam::{account}:role/{role}"
        response = self._sts.assume_role(RoleArn=arn, RoleSessionName="ecr-exposure-preflight")
        credentials = required(response, lambda found: found["Credentials"])
        return {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }


def _account_region(clients: Clients, account: str, region: str, enabled: bool | Unknown) -> AccountRegion:  # noqa: FBT001 - three values
    if enabled is False:
        return AccountRegion(
            account=account, region=region, enabled=False, recorder=None, bucket=None, security_hub=None
        )
    return AccountRegion(
        account=account,
        region=region,
        enabled=enabled,
        recorder=attempt(lambda: _recorder(clients.config)),
        bucket=attempt(lambda: _bucket(clients.config)),
        security_hub=attempt(lambda: _security_hub(clients.security_hub)),
    )


def _recorder(client: "ConfigServiceClient") -> Recorder | None:
    """Return the customer managed recorder; a service-linked one evaluates no rules of the customer."""
    described = client.describe_configuration_recorders()
    for settings in required(described, lambda response: response["ConfigurationRecorders"]):
        if not settings.get("servicePrincipal"):
            status = client.describe_configuration_recorder_status(ConfigurationRecorderNames=[settings["name"]])
            states = required(status, lambda response: response["ConfigurationRecordersStatus"])
            return Recorder(settings=settings, recording=any(state.get("recording", False) for state in states))
    return None


def _bucket(client: "ConfigServiceClient") -> str | None:
    for channel in required(client.describe_delivery_channels(), lambda response: response["DeliveryChannels"]):
        return str(channel["s3BucketName"])
    return None


def _security_hub(client: "SecurityHubClient") -> SecurityHub:
    try:
        required(client.describe_hub(), lambda response: response["HubArn"])
    except ClientError as error:
        if error_code(error) not in _NOT_ENABLED:
            raise
        return SecurityHub(enabled=False, administrator="")
    administrator = client.get_administrator_account().get("Administrator") or {}
    return SecurityHub(enabled=True, administrator=administrator.get("AccountId", ""))


def _has_multi_account_role(client: "IAMClient") -> bool:
    """Return whether AWS Config may deploy organization rules to this account.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
    """
    try:
        required(client.get_role(RoleName=_MULTI_ACCOUNT_ROLE), lambda response: response["Role"])
    except client.exceptions.NoSuchEntityException:
        return False
    return True


def _policy_exists(client: "IAMClient", arn: str) -> bool:
    """Return whether a customer managed policy exists.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
    """
    try:
        required(client.get_policy(PolicyArn=arn), lambda response: response["Policy"])
    except client.exceptions.NoSuchEntityException:
        return False
    return True
