"""The state of an organization as far as the rule needs it, read by Describe, List and Get calls and AssumeRole.

Organizations answers these calls to the management account and to delegated administrators:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
Without a name, DescribeConfigurationRecorders returns the customer managed recorder:
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorders.html
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    Clients,
    NotAwsError,
    Unknown,
    attempt,
    entries,
    error_code,
    error_text,
    required,
)
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.inventory import (
    Account,
    AccountRegion,
    Caller,
    Inventory,
    Organization,
    Recorder,
    SecurityHub,
)

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_securityhub import SecurityHubClient

_ACCOUNTS_AT_ONCE: Final = 8
# AWS Organizations creates the first in each account that it creates, AWS Control Tower the second.
DEFAULT_ROLES: Final = ("OrganizationAccountAccessRole", "AWSControlTowerExecution")
_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})
# Errors of DescribeHub in an account that has not enabled Security Hub:
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
_NOT_ENABLED: Final = frozenset({"InvalidAccessException", "ResourceNotFoundException"})


def read_inventory(
    session: boto3.Session, regions: Sequence[str], roles: Sequence[str], values: Mapping[str, str] = _NO_VALUES
) -> Inventory:
    """Read the organization of the session's account; ``values`` are those of parameters.yaml.

    Raises CannotRunError without usable credentials or without an organization. Whatever else AWS refuses
    is Unknown.
    """
    _ = values
    clients = Clients(session, regions[0])
    caller = _caller(clients)
    _check_partition(session, caller, regions)
    organizations = clients.organizations
    accounts = attempt(lambda: _accounts(organizations))
    root_arn = attempt(lambda: _root_arn(organizations))
    organization = _organization(organizations, caller, root_arn)
    management = organization.management_account if isinstance(organization, Organization) else None
    # Deployed from a delegated administrator, the template excludes the management account by itself.
    members = () if isinstance(accounts, Unknown) else accounts
    active = {account.identifier for account in members if account.state == "ACTIVE"} - {management}
    reader = _AccountReader(session, caller, regions, roles[0])
    account_regions, unreached = reader.read_all(sorted(active | {caller.account}))
    return Inventory(
        caller=caller,
        regions=tuple(regions),
        opt_in_regions=frozenset(),
        roles=tuple(roles),
        role_used={},
        organization=organization,
        root=root_arn if isinstance(root_arn, Unknown) else root_arn.rpartition("/")[2],
        trusted=attempt(lambda: _trusted(organizations)),
        delegated=frozenset()
        if management == caller.account
        else attempt(lambda: _delegated(organizations, caller.account)),
        accounts=accounts,
        account_regions=account_regions,
        unreached=unreached,
        aggregated=attempt(lambda: _aggregated(session, regions)),
        aggregator=None,
        control_tower=None,
        keys={},
        management=None,
    )


def _caller(clients: Clients) -> Caller:
    try:
        identity = clients.sts.get_caller_identity()
        return Caller(
            account=required(identity, lambda found: found["Account"]),
            partition=required(identity, lambda found: found["Arn"]).split(":")[1],
        )
    except AWS_ERRORS as error:
        raise CannotRunError(f"no usable AWS credentials: {error_text(error)}") from None


def _check_partition(session: boto3.Session, caller: Caller, regions: Sequence[str]) -> None:
    for region in regions:
        try:
            partition = session.get_partition_for_region(region)
        except BotoCoreError as error:
            raise CannotRunError(error_text(error)) from None
        if partition != caller.partition:
            raise CannotRunError(
                f"{region} is in the partition {partition}, the credentials are in the partition {caller.partition}"
            )


def _accounts(client: "OrganizationsClient") -> tuple[Account, ...]:
    """Return all accounts; State replaces Status, which AWS announced to retire in September 2026.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    pages = client.get_paginator("list_accounts").paginate()
    return tuple(
        Account(
            identifier=each["Id"],
            name=each.get("Name", ""),
            state=each.get("State") or each.get("Status", "UNKNOWN"),
        )
        for each in entries(pages, lambda page: page["Accounts"])
    )


def _organization(client: "OrganizationsClient", caller: Caller, root_arn: str | Unknown) -> Organization | Unknown:
    """Return the organization; if its description is refused, with the ids in its root's ARN.

    arn:aws:organizations::<management account>:root/<organization>/<root>
    """
    try:
        described = required(client.describe_organization(), lambda response: response["Organization"])
    except AWS_ERRORS as error:
        if error_code(error) == "AWSOrganizationsNotInUseException":
            raise CannotRunError(f"account {caller.account} is not in an organization") from None
        refused = Unknown(error_text(error))
    else:
        return Organization(
            identifier=described["Id"],
            management_account=described["MasterAccountId"],
            feature_set=described["FeatureSet"],
        )
    if isinstance(root_arn, Unknown):
        return refused
    owner, resource = root_arn.split(":")[4:]
    return Organization(identifier=resource.split("/")[1], management_account=owner, feature_set=refused)


def _root_arn(client: "OrganizationsClient") -> str:
    for root in entries(client.get_paginator("list_roots").paginate(), lambda page: page["Roots"]):
        return str(root["Arn"])
    raise NotAwsError("the organization has no root, so the response did not come from AWS")


def _trusted(client: "OrganizationsClient") -> frozenset[str]:
    pages = client.get_paginator("list_aws_service_access_for_organization").paginate()
    services = entries(pages, lambda page: page["EnabledServicePrincipals"])
    return frozenset(service["ServicePrincipal"] for service in services)


def _delegated(client: "OrganizationsClient", account: str) -> frozenset[str]:
    """Return the service principals that an account administers; for none AWS may return an error."""
    pages = client.get_paginator("list_delegated_services_for_account").paginate(AccountId=account)
    try:
        services = list(entries(pages, lambda page: page["DelegatedServices"]))
    except client.exceptions.AccountNotRegisteredException:
        return frozenset()
    return frozenset(service["ServicePrincipal"] for service in services)


def _aggregated(session: boto3.Session, regions: Sequence[str]) -> frozenset[str]:
    covered: set[str] = set()
    for region in regions:
        paginator = Clients(session, region).config.get_paginator("describe_configuration_aggregators")
        for each in entries(paginator.paginate(), lambda page: page["ConfigurationAggregators"]):
            source = each.get("OrganizationAggregationSource")
            if source:
                covered.update(regions if source.get("AllAwsRegions") else source.get("AwsRegions", ()))
    return frozenset(covered) & frozenset(regions)


class _AccountReader:
    """Reads accounts side by side, each in all regions: the caller's own directly, the others by the role."""

    def __init__(self, session: boto3.Session, caller: Caller, regions: Sequence[str], role: str) -> None:
        self._session, self._caller, self._regions, self._role = session, caller, regions, role
        self._sts = Clients(session, regions[0]).sts

    def read_all(self, accounts: Sequence[str]) -> tuple[tuple[AccountRegion, ...], dict[str, Unknown]]:
        with ThreadPoolExecutor(_ACCOUNTS_AT_ONCE) as pool:
            results = dict(zip(accounts, pool.map(self._read, accounts), strict=True))
        read = [each for each in results.values() if not isinstance(each, Unknown)]
        unreached = {account: each for account, each in results.items() if isinstance(each, Unknown)}
        return tuple(each for account_regions in read for each in account_regions), unreached

    def _read(self, account: str) -> tuple[AccountRegion, ...] | Unknown:
        own = account == self._caller.account
        credentials = {} if own else attempt(lambda: self._assume_role(account))
        if isinstance(credentials, Unknown):
            return credentials
        return tuple(
            _account_region(Clients(self._session, region, credentials), account, region) for region in self._regions
        )

    def _assume_role(self, account: str) -> dict[str, str]:
        arn = f"arn:{self._caller.partition}:iam::{account}:role/{self._role}"
        response = self._sts.assume_role(RoleArn=arn, RoleSessionName="ecr-exposure-preflight")
        credentials = required(response, lambda found: found["Credentials"])
        return {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }


def _account_region(clients: Clients, account: str, region: str) -> AccountRegion:
    return AccountRegion(
        account=account,
        region=region,
        enabled=True,
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
