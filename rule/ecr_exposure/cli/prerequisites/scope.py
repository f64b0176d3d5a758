"""What ``ecr-exposure preflight`` prints first: what was checked, by whom, and what the organization uses."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from rich.console import Console

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import ControlTower, Inventory, Organization, SecurityHub
from ecr_exposure.cli.prerequisites.dashboards import security_hub_administrator
from ecr_exposure.cli.prerequisites.excluded_accounts import unseen_places
from ecr_exposure.cli.prerequisites.finding import account_names, counted, named
from ecr_exposure.cli.prerequisites.place_texts import PlaceTexts
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.terminal import print_line

_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


def print_scope(console: Console, inventory: Inventory, values: Mapping[str, str] = _NO_VALUES) -> None:
    """Print what was checked, by whom, and what the organization uses; ``values`` are the template's parameters."""
    organization = inventory.organization
    identifier = organization.identifier if isinstance(organization, Organization) else "(id unknown)"
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    scope = f"account {inventory.hub}" if alone else f"organization {identifier}"
    print_line(console, ("Preflight", "bold"), f": {scope}, {counted(len(inventory.regions), 'Region')}")
    checked = "only the hub, because DeployAs is account-rule" if alone else _checked(inventory)
    lines = (_caller(inventory), _hub(inventory), f"Checked: {checked}")
    for line in (*lines, *_of_a_file(inventory), *_control_tower(inventory), *_security_hub(inventory)):
        print_line(console, line)
    if not alone and _is_excluded(inventory):
        text = 'not checked, because the rule excludes it unless IncludeManagementAccount is "true"'
        print_line(console, f"Management account {inventory.management_account}: {text}")


def _caller(inventory: Inventory) -> str:
    if inventory.in_management_account:
        kind = ", the management account"
    elif inventory.caller.account == inventory.hub:
        kind = f", {_registrations(inventory)}"
    else:
        kind = ""
    return f"Caller: account {inventory.caller.account}{kind}"


def _hub(inventory: Inventory) -> str:
    """Return from which account the rule will be deployed."""
    if inventory.caller.account == inventory.hub:
        return "Hub: the same account; the rule is deployed from there. --hub ACCOUNT names another one"
    kind = "the management account" if inventory.hub_is_management_account else _registrations(inventory)
    return f"Hub: {named(inventory, inventory.hub)}, {kind}; the rule is deployed from there"


def _registrations(inventory: Inventory) -> str:
    if isinstance(inventory.delegated, frozenset) and inventory.delegated:
        return f"a delegated administrator ({', '.join(sorted(inventory.delegated))})"
    if inventory.management_account and not isinstance(inventory.delegated, Unknown):
        return "not a delegated administrator of any service"
    if inventory.management_account:
        return "not known to be a delegated administrator"
    return "not known to be the management account or a delegated administrator"


def _checked(inventory: Inventory) -> str:
    """Return how many accounts were checked in all Regions, of how many, and by which role."""
    seen = {each.account for each in inventory.account_regions}
    not_completely = {place.account for place in unseen_places(inventory)}
    checked = len(seen - not_completely)
    others = len(inventory.role_used)
    used = Counter(inventory.role_used.values())
    roles = [f"{used[role]:,} with the role {role}" for role in sorted(used, key=lambda role: (-used[role], role))]
    own = ["the caller's own"] if len(seen) > others else []
    how = f"({', '.join((*own, *roles))})" if seen else "(none)"
    if inventory.limited:
        return f"{checked:,} of {counted(len(inventory.to_read))} that you named {how}"
    if inventory.cut_short:
        return f"{checked:,} of {counted(len(inventory.to_read))} in all Regions {how}"
    return f"{counted(checked)} {how}"


def _of_a_file(inventory: Inventory) -> Iterator[str]:
    if inventory.seen_at:
        yield f"  A part of this was read from a file of {inventory.seen_at:%Y-%m-%d %H:%M} UTC, not from AWS now"


def _control_tower(inventory: Inventory) -> Iterator[str]:
    tower = inventory.control_tower
    if isinstance(tower, Unknown):
        yield f"AWS Control Tower: whether it is used could not be checked: {tower.reason}"
    if not isinstance(tower, ControlTower):
        return
    if tower.home_region:
        audit = f"audit account {tower.audit_account}" if tower.audit_account else "audit account not known"
        seen = f"home Region {tower.home_region}, {audit}"
    else:
        seen = "home Region and audit account not known"
    yield f"AWS Control Tower: {seen}{f' ({tower.reason})' if tower.reason else ''}"
    yield "  The rule is usually deployed from the audit account; the management account usually has no recorder"


def _security_hub(inventory: Inventory) -> Iterator[str]:
    texts = PlaceTexts(account_names(inventory), inventory.regions)
    regions: dict[str, list[str]] = defaultdict(list)
    for region in inventory.regions:
        regions[security_hub_administrator(inventory, region)].append(region)
    for administrator, where in regions.items():
        if administrator:
            text = f"the administrator is {named(inventory, administrator)}; deploy deploy/security-hub.yaml there"
            yield f"Security Hub in {texts.regions(where)}: {text}"
    hubs = inventory.security_hub.values()
    if any(isinstance(hub, SecurityHub) and isinstance(hub.administrator, Unknown) for hub in hubs):
        yield "Security Hub: its administrator, where deploy/security-hub.yaml is deployed, is not known here"


def _is_excluded(inventory: Inventory) -> bool:
    """Return whether the rule does not include the management account."""
    account = None if inventory.limited else inventory.management_account
    read = {each.account for each in inventory.account_regions}
    return account is not None and account not in read.union(inventory.unreached, inventory.to_read)
