"""Regions that an account must enable before it can use them: opt-in Regions. Pure.

A StackSet creates an instance only where its Region is enabled in the target account and in the management account:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-opt-in-regions.html
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, counted, first_of, named, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

_NOBODY: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
_NO_ROLE = "a StackSet creates the role only in an account that has enabled the Region, and reports no error for others"


def region_problems(
    inventory: Inventory, home: str, excluded: Mapping[str, Collection[str]] = _NOBODY
) -> Iterator[Finding]:
    """Return what to know of opt-in Regions; ``home`` is HomeRegion, ``excluded`` are the accounts by Region."""
    own = f"account {inventory.caller.account}"
    if isinstance(inventory.opt_in_regions, Unknown):
        note = "HomeRegion should be a Region that is enabled in every account, because a StackSet creates no role in "
        yield unchecked("which Regions are opt-in Regions", inventory.opt_in_regions, own, note=f"{note}the others.")
    elif home in inventory.opt_in_regions:
        yield _opt_in_home(inventory, inventory.opt_in_regions, home)
    for region in inventory.regions:
        yield from _disabled(inventory, region, home, excluded.get(region, ()))


def _opt_in_home(inventory: Inventory, opt_in: frozenset[str], home: str) -> Finding:
    better = [region for region in inventory.regions if region not in opt_in]
    choose = f"Before the first deployment, set HomeRegion to {' or '.join(better)}, which every account has enabled."
    return Finding(
        level=Level.HINT,
        problem=f"HomeRegion is {home}, an opt-in Region: {_NO_ROLE}. The management account must have enabled it, too",
        where=f"every account, {home}",
        note=choose if better else "The Regions that every account has enabled are better, if you deploy to one.",
    )


def _disabled(inventory: Inventory, region: str, home: str, excluded: Collection[str]) -> Iterator[Finding]:
    """Return the accounts that have not enabled a Region, and those of which that is not known."""
    off = [each.account for each in inventory.account_regions if each.region == region and each.enabled is False]
    if inventory.hub in off:
        off.remove(inventory.hub)
        yield Finding(
            level=Level.MISSING,
            problem=f"the Region {region} is not enabled in this account, from which the rule is deployed",
            where=named(inventory, inventory.hub),
            commands=(_enable(region),),
            note=f"AWS may need hours to enable a Region. {RUN_AGAIN}",
        )
    elsewhere = {each.account for each in inventory.account_regions if each.enabled is True}
    without_role = [account for account in off if region == home and account in elsewhere]
    if without_role:
        yield _without_role(region, without_role)
    others = [account for account in off if account not in without_role]
    for is_excluded in (True, False):
        accounts = [account for account in others if (account in excluded) is is_excluded]
        if accounts:
            yield _without_region(inventory, region, accounts, is_excluded=is_excluded)
    if not isinstance(inventory.opt_in_regions, Unknown):
        yield from _unknown(inventory, region)


def _without_role(region: str, accounts: Sequence[str]) -> Finding:
    return Finding(
        level=Level.MISSING,
        problem=f"{counted(len(accounts))} without HomeRegion {region}, so without the role that the rule needs in the "
        f"other Regions: {', '.join(accounts)}",
        where="each of these accounts",
        commands=(_enable(region),),
        note="Or choose another HomeRegion before the first deployment.",
    )


def _without_region(inventory: Inventory, region: str, accounts: Sequence[str], *, is_excluded: bool) -> Finding:
    verb, them = ("has", "it") if len(accounts) == 1 else ("have", "them")
    effect = "so the rule excludes" if is_excluded else "and ExcludedAccounts lacks"
    return Finding(
        level=Level.HINT,
        problem=f"{counted(len(accounts))} {verb} not enabled the Region {region}, {effect} {them} there: "
        f"{first_of(inventory, accounts)}",
        where="each of these accounts",
        commands=(_enable(region),),
        note=f"Only needed if the account is to use the Region. {RUN_AGAIN}",
    )


def _unknown(inventory: Inventory, region: str) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in inventory.account_regions:
        if each.region == region and isinstance(each.enabled, Unknown):
            by_reason[each.enabled.reason].append(each.account)
    for reason, accounts in by_reason.items():
        number = counted(len(accounts))
        yield Finding(
            level=Level.HINT,
            problem=f"whether {region} is enabled could not be checked in {number} "
            f"({first_of(inventory, accounts)}): {reason}",
            where="each of these accounts",
        )


def _enable(region: str) -> str:
    return aws_command("account", "enable-region", "--region-name", region)
