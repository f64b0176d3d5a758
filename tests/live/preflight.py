"""Looks whether an organization is ready for the rule, before it is deployed, and changes nothing.

``python -m tests.live.preflight [--regions eu-west-1,us-east-1] [--role NAME]``, with credentials of the
management account or of a delegated administrator. The role is assumed in each member account; the
caller's own account is looked at with the caller's credentials.

Exit status 0: ready, hints or not; 1: something is missing or was not looked at; 2: it could not run;
130: interrupted.
What could only have become a hint (Security Hub, the aggregator) stays one when it cannot be looked at.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Final

import boto3
from rich.console import Console

from tests.live.account_findings import (
    account_findings,
    excluded_accounts,
    security_hub_administrators,
    unseen_accounts,
)
from tests.live.command import (
    NOT_READY,
    READY,
    Arguments,
    default_region,
    open_session,
    print_line,
    refuse,
    region_name,
    run,
)
from tests.live.errors import CannotRunError, Unknown
from tests.live.findings import Finding, Level, organization_findings
from tests.live.landscape import Landscape, Organization
from tests.live.survey import survey

DEFAULT_ROLE: Final = "OrganizationAccountAccessRole"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: a path, if any, and a name
_ROLE: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_COLOUR: Final = {Level.MISSING: "bold red", Level.UNCHECKED: "bold yellow", Level.HINT: "bold cyan"}


def main(arguments: Sequence[str], session: boto3.Session | None = None) -> int:
    """Look and report; return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        session = session or open_session()
        regions = options.regions or (default_region(session, "--regions"),)
        with Console(stderr=True).status("Looking at the organization …"):
            landscape = survey(session, regions, options.role)
    except CannotRunError as error:
        return refuse(error)
    findings = organization_findings(landscape) + account_findings(landscape)
    console = Console(highlight=False)
    _print_place(console, landscape)
    for level in Level:
        _print_findings(console, level, [finding for finding in findings if finding.level is level])
    _print_values(console, landscape)
    return _print_verdict(console, findings)


def _parser() -> Arguments:
    parser = Arguments(prog="python -m tests.live.preflight", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--regions", type=_regions, help="comma-separated; default: the region of the session")
    parser.add_argument("--role", type=_role, default=DEFAULT_ROLE, help="assumed in each member account (%(default)s)")
    return parser


def _regions(text: str) -> tuple[str, ...]:
    """Return the named regions, each once; an empty text is the default, as make passes it."""
    return tuple(dict.fromkeys(region_name(part.strip()) for part in text.split(","))) if text.strip() else ()


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a role (an ARN is not accepted)")
    return text


def _print_place(console: Console, landscape: Landscape) -> None:
    organization = landscape.organization
    named = f"organization {organization.identifier}" if isinstance(organization, Organization) else "an organization"
    caller = landscape.caller.account
    if landscape.in_management_account:
        title = "the management account"
    elif isinstance(landscape.delegated, frozenset) and landscape.delegated:
        title = f"a delegated administrator ({', '.join(sorted(landscape.delegated))})"
    else:
        title = "not known as management account or delegated administrator"
    looked = len({place.account for place in landscape.places})
    print_line(console, ("Preflight", "bold"), f": {named}, regions {', '.join(landscape.regions)}")
    print_line(console, f"Caller: account {caller}, {title}")
    print_line(console, f"Looked at: {_count(looked, 'account')}; in other accounts with the role {landscape.role}")
    for region in landscape.regions:
        for administrator in security_hub_administrators(landscape, region):
            text = f"its administrator is account {administrator}; deploy/security-hub.yaml belongs there"
            print_line(console, f"Security Hub in {region}: {text}")
    if landscape.management_account and not landscape.in_management_account:
        text = "not looked at; the template leaves it out by itself, as a role StackSet never reaches it"
        print_line(console, f"Management account {landscape.management_account}: {text}")


def _print_findings(console: Console, level: Level, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    console.print()
    print_line(console, (f"{level.value} ({len(findings)})", _COLOUR[level]))
    for finding in findings:
        print_line(console, f"- {finding.where}: {finding.what}")
        if finding.note:
            print_line(console, finding.note, indent=2)
        for command in finding.commands:
            print_line(console, (command, "green"), indent=4)


def _print_values(console: Console, landscape: Landscape) -> None:
    """Print what ``sam deploy --guided`` asks for; a value that was not found out is said to be so."""
    organization = landscape.organization
    values = {
        "OrganizationId": organization.identifier if isinstance(organization, Organization) else None,
        "OrganizationRootId": None if isinstance(landscape.root, Unknown) else landscape.root,
        "ManagementAccountId": landscape.management_account,
        "ExcludedAccounts": None if isinstance(landscape.accounts, Unknown) else ",".join(excluded_accounts(landscape)),
    }
    console.print()
    print_line(console, ("Values for sam deploy --guided", "bold"))
    for name, value in values.items():
        unknown = f"{name}: could not be found out, see above"
        print_line(console, unknown if value is None else f"{name}={value}", indent=2)
    unseen = unseen_accounts(landscape)
    if unseen:
        print_line(console, f"Not looked at, so neither in ExcludedAccounts nor known to be fine: {','.join(unseen)}")


def _print_verdict(console: Console, findings: Sequence[Finding]) -> int:
    missing = sum(finding.level is Level.MISSING for finding in findings)
    unchecked = sum(finding.level is Level.UNCHECKED for finding in findings)
    console.print()
    if not missing and not unchecked:
        print_line(console, ("Ready", "bold green"), " to deploy")
        return READY
    print_line(console, ("Not ready", "bold red"), f": {missing} missing, {unchecked} not looked at")
    return NOT_READY


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


if __name__ == "__main__":
    sys.exit(run(main))
