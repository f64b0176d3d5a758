"""``ecr-exposure preflight``: checks the prerequisites of a deployment to an organization, and changes nothing."""

import re
from collections.abc import Sequence
from typing import Final, TypedDict, Unpack

import click
from rich.console import Console

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.command_line import (
    Environment,
    ExitCode,
    profile_option,
    reference,
    region_name,
    session_region,
)
from ecr_exposure.cli.excluded_accounts import excluded_accounts, unchecked_accounts
from ecr_exposure.cli.finding import Finding, Level
from ecr_exposure.cli.inventory import Inventory, Organization
from ecr_exposure.cli.inventory_reader import read_inventory
from ecr_exposure.cli.preflight_report import print_findings, print_scope
from ecr_exposure.cli.prerequisites import find_problems
from ecr_exposure.cli.terminal import print_line

DEFAULT_ROLE: Final = "OrganizationAccountAccessRole"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: a path, if any, and a name
_ROLE: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)


class _Options(TypedDict):
    regions: tuple[str, ...]
    role: str
    profile: str | None


def _regions(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the regions without repetition; none for an empty text, which means the configured one."""
    named = text.split(",") if text and text.strip() else ()
    return tuple(dict.fromkeys(region_name(part.strip()) for part in named))


def _role(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not the name of a role (an ARN is not accepted)")
    return text


@click.command(
    epilog=reference(
        (
            "ecr-exposure preflight",
            "ecr-exposure preflight --regions eu-west-1,us-east-1 --role AWSControlTowerExecution",
        ),
        {
            ExitCode.AS_WANTED: "Ready to deploy; there may be hints.",
            ExitCode.NOT_AS_WANTED: "A prerequisite is missing.",
            ExitCode.NOT_DONE: "Not run, or a prerequisite could not be checked.",
            ExitCode.INTERRUPTED: "Interrupted.",
        },
    )
)
@click.option(
    "--regions",
    metavar="REGION,...",
    callback=_regions,
    help="The regions to deploy to; by default the configured one.",
)
@click.option(
    "--role",
    metavar="NAME",
    callback=_role,
    default=DEFAULT_ROLE,
    show_default=True,
    help="The role to assume in the other accounts of the organization.",
)
@profile_option
@click.pass_obj
def preflight(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check the prerequisites before you deploy to an organization.

    Lists what is missing, with the AWS CLI commands that fix it, and the parameter values for sam deploy --guided.
    It is read-only. Run it with credentials of the management account or of a delegated administrator.

    Security Hub and the organization aggregator are optional: what is missing there is a hint, and so is a check of
    them that fails.
    """
    session = environment.open_session(options["profile"])
    regions = options["regions"] or (session_region(session, "--regions"),)
    with Console(stderr=True).status("Reading the organization …"):
        inventory = read_inventory(session, regions, (options["role"],))
    findings = find_problems(inventory)
    console = Console(highlight=False)
    print_scope(console, inventory)
    for level in Level:
        print_findings(console, level, [finding for finding in findings if finding.level is level])
    _print_parameters(console, inventory)
    return _print_result(console, findings)


def _print_parameters(console: Console, inventory: Inventory) -> None:
    """Print what ``sam deploy --guided`` asks for, and which of it is unknown."""
    organization = inventory.organization
    values = {
        "OrganizationId": organization.identifier if isinstance(organization, Organization) else None,
        "OrganizationRootId": None if isinstance(inventory.root, Unknown) else inventory.root,
        "ManagementAccountId": inventory.management_account,
        "ExcludedAccounts": None if isinstance(inventory.accounts, Unknown) else ",".join(excluded_accounts(inventory)),
    }
    console.print()
    print_line(console, ("Parameter values for sam deploy --guided", "bold"))
    for name, value in values.items():
        print_line(console, f"{name}: unknown, see above" if value is None else f"{name}={value}", indent=2)
    unchecked = unchecked_accounts(inventory)
    if unchecked:
        text = "may fail the deployment, and are not in ExcludedAccounts"
        print_line(console, f"Accounts that could not be checked {text}: {','.join(unchecked)}")


def _print_result(console: Console, findings: Sequence[Finding]) -> ExitCode:
    missing = sum(finding.level is Level.MISSING for finding in findings)
    unchecked = sum(finding.level is Level.UNCHECKED for finding in findings)
    console.print()
    if not missing and not unchecked:
        print_line(console, ("Ready", "bold green"), " to deploy")
        return ExitCode.AS_WANTED
    print_line(console, ("Not ready", "bold red"), f": {missing} missing, {unchecked} not checked")
    return ExitCode.NOT_DONE if unchecked else ExitCode.NOT_AS_WANTED
