"""What ``ecr-exposure preflight`` prints about the organization, and what is missing in it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Console

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import ControlTower, Inventory, Organization, SecurityHub
from ecr_exposure.cli.prerequisites.dashboards import security_hub_administrators
from ecr_exposure.cli.prerequisites.finding import Finding, Level, counted, named
from ecr_exposure.cli.prerequisites.unreached_accounts import unreached_accounts
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.terminal import print_line

_STYLES: Final = {Level.MISSING: "bold red", Level.UNCHECKED: "bold yellow"} | {
    Level.EXCLUDED: "bold magenta",
    Level.HINT: "bold cyan",
}
_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


def print_scope(console: Console, inventory: Inventory, values: Mapping[str, str] = _NO_VALUES) -> None:
    """Print what was checked, by whom, and what the organization uses; ``values`` are the template's parameters."""
    organization = inventory.organization
    identifier = organization.identifier if isinstance(organization, Organization) else "(id unknown)"
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    scope = f"account {inventory.hub}" if alone else f"organization {identifier}"
    print_line(console, ("Preflight", "bold"), f": {scope}, Regions {', '.join(inventory.regions)}")
    checked = "only the hub, because DeployAs is account-rule" if alone else _checked(inventory)
    lines = (_caller(inventory), _hub(inventory), f"Checked: {checked}")
    for line in (*lines, *_control_tower(inventory), *_security_hub(inventory)):
        print_line(console, line)
    if not alone and _is_excluded(inventory):
        text = 'not checked, because the rule excludes it unless IncludeManagementAccount is "true"'
        print_line(console, f"Management account {inventory.management_account}: {text}")


def print_findings(console: Console, level: Level, findings: Sequence[Finding]) -> None:
    """Print the findings of one level, each with the account that it concerns, its note and its commands."""
    if not findings:
        return
    console.print()
    print_line(console, (f"{level.value} ({len(findings)})", _STYLES[level]))
    if any(finding.commands for finding in findings):
        print_line(console, "Run each command with credentials of the account that the line above it names", indent=2)
    for finding in findings:
        print_line(console, f"- {finding.where}: {finding.problem}")
        if finding.note:
            print_line(console, finding.note, indent=2)
        for command in finding.commands:
            print_line(console, (command, "green"), indent=4)


def print_rest_to_check(
    console: Console, inventory: Inventory, values: Mapping[str, str], findings: Sequence[Finding]
) -> None:
    """Print what could not be checked in this account, and how the management account can check it."""
    unchecked = [finding for finding in findings if finding.level is Level.UNCHECKED]
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    if not unchecked or inventory.in_management_account or alone:
        return
    unreached = len(unreached_accounts(inventory))
    what = [f"the configuration recorders of {counted(unreached)}"] if unreached else []
    others = sum(not finding.accounts for finding in unchecked)
    if others:
        what.append(f"{counted(others, 'more point' if what else 'point')} under Not checked")
    print_line(console, f"Not checked in account {inventory.caller.account}: {' and '.join(what)}")
    regions = ",".join(inventory.regions)
    print_line(
        console,
        "A run with credentials of the management account and the same parameters.yaml can check it. If that run ends "
        f"with Ready to deploy, deploy from account {inventory.hub}:",
    )
    command = f"ecr-exposure preflight --regions {regions} --hub {inventory.hub}"
    print_line(console, (command, "green"), indent=4)
    print_line(console, f"With make: make preflight REGIONS={regions} HUB={inventory.hub}", indent=2)


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
    """Return how many accounts were checked, and by which role."""
    checked = len({each.account for each in inventory.account_regions})
    others = len(inventory.role_used)
    roles = [f"{number} with the role {role}" for role, number in Counter(inventory.role_used.values()).most_common()]
    own = ["the caller's own"] if checked > others else []
    return f"{counted(checked)} ({', '.join((*own, *roles))})"


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
    for region in inventory.regions:
        for administrator in security_hub_administrators(inventory, region):
            text = f"the administrator is {named(inventory, administrator)}; deploy deploy/security-hub.yaml there"
            yield f"Security Hub in {region}: {text}"
    hubs = inventory.security_hub.values()
    if any(isinstance(hub, SecurityHub) and isinstance(hub.administrator, Unknown) for hub in hubs):
        yield "Security Hub: its administrator, where deploy/security-hub.yaml is deployed, is not known here"


def _is_excluded(inventory: Inventory) -> bool:
    """Return whether the rule does not include the management account."""
    account = inventory.management_account
    read = {each.account for each in inventory.account_regions}
    return account is not None and account not in read and account not in inventory.unreached
