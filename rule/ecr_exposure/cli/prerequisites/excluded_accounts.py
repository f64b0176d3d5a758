"""Which accounts would fail the deployment, so that ExcludedAccounts must name them. Pure.

One account without a configuration recorder fails the whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from collections.abc import Mapping

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Account, Inventory
from ecr_exposure.cli.prerequisites.finding import Place


def excluded_accounts(inventory: Inventory) -> frozenset[str]:
    """Return the accounts to exclude in every one of the Regions; never the hub, nor one that was not checked."""
    return frozenset.intersection(*excluded_by_region(inventory).values())


def excluded_by_region(inventory: Inventory) -> Mapping[str, frozenset[str]]:
    """Return the accounts to exclude in each Region: not ACTIVE, without the Region, or without a recorder there.

    A stopped recorder excludes no account, since one command starts it. The hub is never excluded.
    """
    inactive = {account.identifier for account in not_active(inventory)}
    without = {region: set(inactive) for region in inventory.regions}
    for each in inventory.account_regions:
        if each.recorder is None:
            without[each.region].add(each.account)
    return {region: frozenset(found - {inventory.hub, inventory.probable_hub}) for region, found in without.items()}


def unchecked_accounts(inventory: Inventory) -> frozenset[str]:
    """Return the accounts of which it is unknown whether they would fail the deployment."""
    refused = {each.account for each in inventory.account_regions if isinstance(each.recorder, Unknown)}
    unseen = {place.account for place in unseen_places(inventory)}
    return frozenset(refused | unseen | inventory.unreached.keys()) - excluded_accounts(inventory)


def saw_a_part(inventory: Inventory) -> bool:
    """Return whether the operator named some of the accounts, or the run ended before all were read."""
    return inventory.limited or bool(inventory.cut_short)


def unseen_places(inventory: Inventory) -> tuple[Place, ...]:
    """Return the accounts and Regions that were to be read, and were not, because the run ended before."""
    seen = {(each.account, each.region) for each in inventory.account_regions}
    return tuple(
        Place(account, region)
        for account in inventory.to_read
        if account not in inventory.unreached
        for region in inventory.regions
        if (account, region) not in seen
    )


def not_active(inventory: Inventory) -> tuple[Account, ...]:
    """Return the accounts to which nothing can be deployed: suspended, closing, or invited."""
    accounts = () if isinstance(inventory.accounts, Unknown) else inventory.accounts
    return tuple(account for account in accounts if account.state != "ACTIVE")
