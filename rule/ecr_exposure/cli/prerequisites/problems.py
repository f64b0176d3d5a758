"""Which prerequisites of a deployment are missing, and the AWS CLI commands that fix them. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import Final

from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.accounts import account_problems
from ecr_exposure.cli.prerequisites.dashboards import aggregator_hints, security_hub_hints
from ecr_exposure.cli.prerequisites.finding import Finding
from ecr_exposure.cli.prerequisites.groups import grouped
from ecr_exposure.cli.prerequisites.keys import key_problems
from ecr_exposure.cli.prerequisites.management_account import management_account_problems
from ecr_exposure.cli.prerequisites.missing_recorders import Excluded
from ecr_exposure.cli.prerequisites.organization_settings import organization_problems
from ecr_exposure.cli.prerequisites.permissions_boundaries import boundary_problems
from ecr_exposure.cli.prerequisites.regions import region_problems
from ecr_exposure.cli.prerequisites.unreached_accounts import unreached_problems
from ecr_exposure.cli.stack import DeployedAs

_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})
_NOBODY: Final[Excluded] = MappingProxyType({})


def find_problems(
    inventory: Inventory, values: Mapping[str, str] = _NO_VALUES, excluded: Excluded = _NOBODY
) -> tuple[Finding, ...]:
    """Return what is missing, could not be checked or is worth knowing: the organization first, then its accounts.

    ``values`` are those that the template's parameters will have, ``excluded`` the accounts without the rule, by
    Region. Equal findings are one. A rule in one account needs nothing of the organization.
    """
    key = key_problems(inventory, values.get("KmsKeyArn", ""))
    boundary = boundary_problems(inventory, values.get("PermissionsBoundaryName", ""))
    if values.get("DeployAs") == DeployedAs.ACCOUNT_RULE:
        alone = _only_the_hub(inventory)
        own = (region_problems(alone, ""), unreached_problems(alone), account_problems(alone, _NOBODY))
        return grouped(chain(*own, boundary, key))
    return grouped(
        chain(
            organization_problems(inventory),
            region_problems(inventory, values.get("HomeRegion", ""), excluded),
            management_account_problems(inventory),
            unreached_problems(inventory),
            account_problems(inventory, excluded),
            boundary,
            key,
            aggregator_hints(inventory),
            security_hub_hints(inventory),
        )
    )


def _only_the_hub(inventory: Inventory) -> Inventory:
    own = tuple(each for each in inventory.account_regions if each.account == inventory.hub)
    unreached = {account: reason for account, reason in inventory.unreached.items() if account == inventory.hub}
    hub = (inventory.hub,)
    return replace(inventory, accounts=(), to_read=hub, account_regions=own, unreached=unreached, control_tower=None)
