"""Reads the state of an organization as far as the rule needs it, by Describe, List and Get calls and AssumeRole.

Organizations answers these calls to the management account and to delegated administrators:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError

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
from ecr_exposure.cli.caller import Caller, read_caller
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.account_reader import AccountReader
from ecr_exposure.cli.organization.aggregator_reader import covered_regions, organization_aggregators, read_aggregator
from ecr_exposure.cli.organization.control_tower import read_control_tower
from ecr_exposure.cli.organization.encryption_key import read_keys
from ecr_exposure.cli.organization.inventory import CONFIG_RULES, Account, Inventory, Organization
from ecr_exposure.cli.region_options import ENABLED_BY_DEFAULT, region_statuses
from ecr_exposure.cli.stack import DeployedAs

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

# AWS Organizations creates the first in each account that it creates, AWS Control Tower the second.
DEFAULT_ROLES: Final = ("OrganizationAccountAccessRole", "AWSControlTowerExecution")
_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


def read_inventory(
    session: boto3.Session,
    regions: Sequence[str],
    roles: Sequence[str],
    values: Mapping[str, str] = _NO_VALUES,
    hub: str | None = None,
) -> Inventory:
    """Read the organization of the session's account; ``values`` are those that the template's parameters have so far.

    ``hub`` is the account from which the rule will be deployed, by default that of the session.

    Raises CannotRunError without usable credentials, or without an organization unless the rule is for one account.
    Whatever else AWS refuses is Unknown.
    """
    clients = Clients(session, regions[0])
    caller = _caller_in(session, clients, regions)
    organizations = clients.organizations
    listed = attempt(lambda: _accounts(organizations))
    root_arn = attempt(lambda: _root_arn(organizations))
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    organization = _organization(organizations, caller, root_arn, alone=alone)
    management = organization.management_account if isinstance(organization, Organization) else None
    hub, hub_is_named = _hub(hub or caller.account, caller, listed), hub is not None
    trusted = attempt(lambda: _trusted(organizations))
    asked = frozenset[str]() if alone else trusted
    opt_in = _opt_in(clients, caller, (*regions, values.get("HomeRegion") or regions[0]))
    reader = AccountReader(session, caller, regions, roles, opt_in, boundary=values.get("PermissionsBoundaryName", ""))
    read = reader.read_all(_to_read(hub, listed, management, values), management if management != hub else None)
    credentials = reader.credentials(hub)
    aggregators = organization_aggregators(session, regions, credentials)
    return Inventory(
        caller=caller,
        hub=hub,
        hub_is_named=hub_is_named,
        regions=tuple(regions),
        opt_in_regions=opt_in,
        partition_regions=frozenset(session.get_available_regions("config", caller.partition)),
        roles=tuple(roles),
        role_used=read.role_used,
        organization=organization,
        root=root_arn if isinstance(root_arn, Unknown) else root_arn.rpartition("/")[2],
        trusted=trusted,
        delegated=frozenset() if management == hub else attempt(lambda: _delegated(organizations, hub)),
        administrators=attempt(lambda: _administrators(organizations)),
        accounts=listed,
        account_regions=read.account_regions,
        unreached=read.unreached,
        aggregated=covered_regions(aggregators),
        aggregator=read_aggregator(session, aggregators, credentials) if read.unreached else None,
        control_tower=read_control_tower(session, regions, asked, in_management_account=management == caller.account),
        keys=read_keys(session, regions, values.get("KmsKeyArn", ""), credentials),
        boundaries=read.boundaries,
        service_linked_role=read.service_linked_role,
    )


def _hub(hub: str, caller: Caller, listed: tuple[Account, ...] | Unknown) -> str:
    """Return the hub; CannotRunError if it is not the caller and no active account of the organization."""
    members = () if isinstance(listed, Unknown) else listed
    state = next((account.state for account in members if account.identifier == hub), None)
    if hub == caller.account or isinstance(listed, Unknown) or state == "ACTIVE":
        return hub
    raise CannotRunError(f"--hub: account {hub} is {state or 'not in the organization'}")


def _to_read(
    hub: str, listed: tuple[Account, ...] | Unknown, management: str | None, values: Mapping[str, str]
) -> list[str]:
    """Return the accounts that get the rule: ACTIVE ones, and the management account where the template includes it.

    Deployed from a delegated administrator, the template excludes it unless IncludeManagementAccount is true.
    """
    if values.get("DeployAs") == DeployedAs.ACCOUNT_RULE:
        return [hub]
    members = () if isinstance(listed, Unknown) else listed
    active = {account.identifier for account in members if account.state == "ACTIVE"}
    if values.get("IncludeManagementAccount") != "true":
        active.discard(management or "")
    elif management:
        active.add(management)
    return sorted(active | {hub})


def _opt_in(clients: Clients, caller: Caller, regions: Sequence[str]) -> frozenset[str] | Unknown:
    """Return the Regions that each account must enable; AWS lists such Regions in the partition aws only.

    https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
    """
    if caller.partition != "aws":
        return frozenset()
    statuses = attempt(lambda: region_statuses(clients.account))
    if isinstance(statuses, Unknown):
        return statuses
    return frozenset(region for region in regions if statuses.get(region) != ENABLED_BY_DEFAULT)


def _caller_in(session: boto3.Session, clients: Clients, regions: Sequence[str]) -> Caller:
    """Return whose credentials these are; CannotRunError if they cannot act in the Regions."""
    caller = read_caller(clients)
    for region in regions:
        try:
            partition = session.get_partition_for_region(region)
        except BotoCoreError as error:
            raise CannotRunError(error_text(error)) from None
        if partition != caller.partition:
            raise CannotRunError(
                f"{region} is in the partition {partition}, the credentials are in the partition {caller.partition}"
            )
    return caller


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


def _organization(
    client: "OrganizationsClient", caller: Caller, root_arn: str | Unknown, *, alone: bool
) -> Organization | Unknown:
    """Return the organization; if its description is refused, with the ids in its root's ARN.

    A rule in one account (``alone``) needs none.

    arn:aws:organizations::<management account>:root/<organization>/<root>
    """
    try:
        described = required(client.describe_organization(), lambda response: response["Organization"])
    except AWS_ERRORS as error:
        if error_code(error) == "AWSOrganizationsNotInUseException" and not alone:
            instead = "for a rule in this account alone: --set DeployAs=account-rule"
            raise CannotRunError(f"account {caller.account} is not in an organization; {instead}") from None
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


def _administrators(client: "OrganizationsClient") -> frozenset[str]:
    """Return those of organization rules; whoever deploys a service-managed StackSet there needs this permission, too.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    """
    pages = client.get_paginator("list_delegated_administrators").paginate(ServicePrincipal=CONFIG_RULES)
    return frozenset(each["Id"] for each in entries(pages, lambda page: page["DelegatedAdministrators"]))
