"""What AWS Organizations and CloudFormation tell about the organization: its accounts and units, who may do what.

Organizations answers these calls to the management account and to delegated administrators:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    Clients,
    CredentialsExpiredError,
    NotAwsError,
    Unknown,
    attempt,
    entries,
    error_code,
    error_text,
    has_expired,
    required,
)
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.inventory import CONFIG_RULES, Account, Organization

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFacts:
    """What is known of the organization, whoever is its hub."""

    organization: Organization | Unknown
    root: str | Unknown
    accounts: tuple[Account, ...] | Unknown
    trusted: frozenset[str] | Unknown
    """Service principals with trusted access."""
    administrators: frozenset[str] | Unknown
    """Delegated administrators of AWS Config for organization rules."""
    stack_sets_access: bool | Unknown

    @property
    def management_account(self) -> str | None:
        """The management account's id, if it is known."""
        return self.organization.management_account if isinstance(self.organization, Organization) else None


def read_organization(clients: Clients, caller: Caller, *, alone: bool) -> OrganizationFacts:
    """Read what is known; ``alone``: a rule in one account needs no organization.

    Raises CannotRunError without an organization, unless ``alone``. Whatever else AWS refuses is Unknown.
    """
    client = clients.organizations
    root_arn = attempt(lambda: _root_arn(client))
    organization = _organization(client, caller, root_arn, alone=alone)
    is_management = isinstance(organization, Organization) and organization.management_account == caller.account
    return OrganizationFacts(
        organization=organization,
        root=root_arn if isinstance(root_arn, Unknown) else root_arn.rpartition("/")[2],
        accounts=attempt(lambda: _accounts(client)),
        trusted=attempt(lambda: _trusted(client)),
        administrators=attempt(lambda: _administrators(client)),
        stack_sets_access=attempt(lambda: _stack_sets_access(clients, is_management=is_management)),
    )


def delegated_services(clients: Clients, account: str) -> frozenset[str] | Unknown:
    """Return the service principals that an account administers."""
    return attempt(lambda: _delegated(clients.organizations, account))


def accounts_of_units(clients: Clients, units: Iterable[str]) -> frozenset[str]:
    """Return the accounts in these organizational units and in those below them; raises one of AWS_ERRORS.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html
    """
    return frozenset(account for unit in units for account in _below(clients.organizations, unit))


def _below(client: "OrganizationsClient", parent: str) -> Iterator[str]:
    pages = client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent)
    yield from (each["Id"] for each in entries(pages, lambda page: page["Accounts"]))
    units = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
    for unit in entries(units, lambda page: page["OrganizationalUnits"]):
        yield from _below(client, unit["Id"])


def _accounts(client: "OrganizationsClient") -> tuple[Account, ...]:
    """Return all accounts; State replaces Status, which AWS announced to retire in September 2026.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    pages = client.get_paginator("list_accounts").paginate()
    return tuple(
        Account(
            identifier=each["Id"],
            name=each.get("Name", ""),
            state=each.get("State") or required(each, lambda found: found["Status"]),
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
        if has_expired(error):
            raise CredentialsExpiredError(error_text(error)) from None
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


def _stack_sets_access(clients: Clients, *, is_management: bool) -> bool:
    """Return whether CloudFormation activated trusted access; the trust that Organizations lists is not enough.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeOrganizationsAccess.html
    """
    call_as: Literal["SELF", "DELEGATED_ADMIN"] = "SELF" if is_management else "DELEGATED_ADMIN"
    response = clients.cloudformation.describe_organizations_access(CallAs=call_as)
    return required(response, lambda found: found["Status"]) == "ENABLED"
