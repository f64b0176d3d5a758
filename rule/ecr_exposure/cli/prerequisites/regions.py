"""Regions that an account must enable before it can use them: opt-in Regions. Pure.

A StackSet creates an instance only where its Region is enabled in the target account and in the management account:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-opt-in-regions.html
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, Inventory
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, Place, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

_NOBODY: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
_NO_ROLE = "a StackSet creates the role only in an account that has enabled the Region, and reports no error for others"


def region_problems(
    inventory: Inventory, home: str, excluded: Mapping[str, Collection[str]] = _NOBODY
) -> Iterator[Finding]:
    """Return what to know of HomeRegion, ``home``, and of opt-in Regions; ``excluded`` are accounts by Region."""
    own = f"account {inventory.caller.account}"
    if isinstance(inventory.opt_in_regions, Unknown):
        note = "HomeRegion should be a Region that is enabled in every account, because a StackSet creates no role in "
        yield unchecked("which Regions are opt-in Regions", inventory.opt_in_regions, own, note=f"{note}the others.")
    if home:
        yield from _home(inventory, home)
    yield from _disabled(inventory, home, excluded)


def _home(inventory: Inventory, home: str) -> Iterator[Finding]:
    named, opt_in = home in inventory.regions, inventory.opt_in_regions
    if not named and home not in inventory.partition_regions:
        yield Finding(
            level=Level.MISSING,
            problem=f"HomeRegion is {home}, which is no Region of the partition {inventory.caller.partition}: no stack "
            "would create the roles",
            where=f"account {inventory.caller.account}",
            note="Change it: --set HomeRegion=REGION. If the Region is new, update boto3.",
        )
        return
    if not isinstance(opt_in, Unknown) and home in opt_in:
        yield _opt_in_home(inventory, opt_in, home)
    if not named:
        yield Finding(
            level=Level.HINT,
            problem=f"HomeRegion is {home}, which is not among these Regions: only the stack in HomeRegion creates the "
            "roles",
            where=f"account {inventory.caller.account}, {home}",
            note="Deploy that stack first, unless it exists.",
        )


def _opt_in_home(inventory: Inventory, opt_in: frozenset[str], home: str) -> Finding:
    better = [region for region in inventory.regions if region not in opt_in]
    choose = f"Before the first deployment, set HomeRegion to {' or '.join(better)}, which every account has enabled."
    return Finding(
        level=Level.HINT,
        problem=f"HomeRegion is {home}, an opt-in Region: {_NO_ROLE}. The management account must have enabled it, too",
        where=f"every account, {home}",
        note=choose if better else "The Regions that every account has enabled are better, if you deploy to one.",
    )


def _disabled(inventory: Inventory, home: str, excluded: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Return each account that has not enabled a Region, and those of which that is not known."""
    elsewhere = {each.account for each in inventory.account_regions if each.enabled is True}
    for each in inventory.account_regions:
        if each.enabled is False and each.account == inventory.hub:
            yield _hub_without_region(each)
        elif each.enabled is False and each.region == home and each.account in elsewhere:
            yield _without_role(each)
        elif each.enabled is False:
            yield _without_region(each, is_excluded=each.account in excluded.get(each.region, ()))
        elif isinstance(each.enabled, Unknown) and not isinstance(inventory.opt_in_regions, Unknown):
            what = "whether the Region is enabled"
            yield unchecked(what, each.enabled, Place(each.account, each.region), level=Level.HINT)


def _hub_without_region(each: AccountRegion) -> Finding:
    return Finding(
        level=Level.MISSING,
        problem="the Region is not enabled in this account, from which the rule is deployed",
        places=(Place(each.account, each.region),),
        commands=(_enable(each.region),),
        note=f"AWS may need hours to enable a Region. {RUN_AGAIN}",
    )


def _without_role(each: AccountRegion) -> Finding:
    return Finding(
        level=Level.MISSING,
        problem="HomeRegion is not enabled, so the role does not exist that the rule needs in the other Regions",
        places=(Place(each.account, each.region),),
        commands=(_enable(each.region),),
        note="Or choose another HomeRegion before the first deployment.",
    )


def _without_region(each: AccountRegion, *, is_excluded: bool) -> Finding:
    effect = "so the rule excludes the account there" if is_excluded else "and ExcludedAccounts lacks the account there"
    return Finding(
        level=Level.HINT,
        problem=f"the Region is not enabled, {effect}",
        places=(Place(each.account, each.region),),
        commands=(_enable(each.region),),
        note=f"Only needed if the account is to use the Region. {RUN_AGAIN}",
    )


def _enable(region: str) -> str:
    return aws_command("account", "enable-region", "--region-name", region)
