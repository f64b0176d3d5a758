"""Which accounts would fail the deployment, so that ExcludedAccounts must name them. Pure.

One account without a configuration recorder fails the whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Account, Inventory


def excluded_accounts(inventory: Inventory) -> tuple[str, ...]:
    """Return the accounts to exclude in every one of the Regions; never the hub, nor one that was not checked."""
    in_each = (frozenset(excluded_in(inventory, region)) for region in inventory.regions)
    return tuple(sorted(frozenset.intersection(*in_each)))


def excluded_in(inventory: Inventory, region: str) -> tuple[str, ...]:
    """Return the accounts to exclude in one Region: not ACTIVE, without the Region, or without a recorder there.

    A stopped recorder excludes no account, since one command starts it.
    """
    without = {each.account for each in inventory.account_regions if each.region == region and each.recorder is None}
    inactive = {account.identifier for account in not_active(inventory)}
    return tuple(sorted((without | inactive) - {inventory.hub}))


def unchecked_accounts(inventory: Inventory) -> tuple[str, ...]:
    """Return the accounts of which it is unknown whether they would fail the deployment."""
    refused = {each.account for each in inventory.account_regions if isinstance(each.recorder, Unknown)}
    return tuple(sorted((refused | inventory.unreached.keys()).difference(excluded_accounts(inventory))))


def not_active(inventory: Inventory) -> tuple[Account, ...]:
    """Return the accounts to which nothing can be deployed: suspended, closing, or invited."""
    accounts = () if isinstance(inventory.accounts, Unknown) else inventory.accounts
    return tuple(account for account in accounts if account.state != "ACTIVE")
