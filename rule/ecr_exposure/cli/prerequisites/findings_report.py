"""What ``ecr-exposure preflight`` prints about the organization, and what is missing in it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Console

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import ControlTower, Inventory, Organization
from ecr_exposure.cli.prerequisites.dashboards import security_hub_administrators
from ecr_exposure.cli.prerequisites.finding import Finding, Level, counted, named
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
    scope = f"account {inventory.caller.account}" if alone else f"organization {identifier}"
    print_line(console, ("Preflight", "bold"), f": {scope}, Regions {', '.join(inventory.regions)}")
    for line in (_caller(inventory), _checked(inventory), *_control_tower(inventory), *_security_hub(inventory)):
        print_line(console, line)
    if alone:
        print_line(console, "DeployAs is account-rule: the rule evaluates this account only, so no other was checked")
    elif _is_left_out(inventory):
        text = "not checked; the template excludes it, because a StackSet does not deploy to it"
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


def _caller(inventory: Inventory) -> str:
    if inventory.in_management_account:
        kind = "the management account"
    elif isinstance(inventory.delegated, frozenset) and inventory.delegated:
        kind = f"a delegated administrator ({', '.join(sorted(inventory.delegated))})"
    else:
        kind = "not known to be the management account or a delegated administrator"
    return f"Caller: account {inventory.caller.account}, {kind}"


def _checked(inventory: Inventory) -> str:
    """Return how many accounts were checked, and by which role."""
    checked = len({each.account for each in inventory.account_regions})
    others = len(inventory.role_used)
    roles = [f"{number} with the role {role}" for role, number in Counter(inventory.role_used.values()).most_common()]
    own = ["the caller's own"] if checked > others else []
    return f"Checked: {counted(checked)} ({', '.join((*own, *roles))})"


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


def _is_left_out(inventory: Inventory) -> bool:
    """Return whether the rule does not include the management account."""
    account = inventory.management_account
    read = {each.account for each in inventory.account_regions}
    return account is not None and account not in read and account not in inventory.unreached
