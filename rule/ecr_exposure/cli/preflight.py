"""``ecr-exposure preflight``: checks the prerequisites of a deployment to an organization, and changes none of them.

It writes parameters.yaml beside template.yaml and, if it ends early, the file from which ``--resume`` goes on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Unpack

import boto3
import click

from ecr_exposure.cli.account_options import accounts_option, listed, one_account, role_name
from ecr_exposure.cli.aws_calls import CredentialsExpiredError, Unknown
from ecr_exposure.cli.caller import caller_in
from ecr_exposure.cli.command_line import (
    CannotRunError,
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
)
from ecr_exposure.cli.organization.accounts_to_read import Selection
from ecr_exposure.cli.organization.earlier_readings import RESUME_FILE, EarlierReadings
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.organization.reader import (
    DEFAULT_ROLES,
    EXPIRED,
    INTERRUPTED,
    Way,
    read_inventory,
)
from ecr_exposure.cli.organization.reading_document import saved_members
from ecr_exposure.cli.organization.stack_reader import read_stacks
from ecr_exposure.cli.output import Output, open_output
from ecr_exposure.cli.permissions import statement
from ecr_exposure.cli.prerequisites.finding import Finding, Level, counted
from ecr_exposure.cli.prerequisites.findings_report import findings_as_json, print_findings
from ecr_exposure.cli.prerequisites.problems import find_problems
from ecr_exposure.cli.prerequisites.scope import print_scope
from ecr_exposure.cli.region_options import regions_option, resolve_regions
from ecr_exposure.cli.terminal import Interrupts
from ecr_exposure.cli.values.project_folder import ProjectFolder, open_project_folder
from ecr_exposure.cli.values.proposed_values import ProposedValues, proposed_values
from ecr_exposure.cli.values.refused_values import refused_values
from ecr_exposure.cli.values.sam_deploy import stack_name
from ecr_exposure.cli.values.stack_changes import stack_problems
from ecr_exposure.cli.values.values_report import ValuesReport

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html: a unit, or the root
_UNIT: Final = re.compile(r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}|r-[0-9a-z]{4,32}", re.ASCII)


class _Options(CommonOptions):
    regions: tuple[str, ...]
    role: str | None
    hub: str | None
    accounts: tuple[str, ...]
    units: tuple[str, ...]
    parameters: Path
    assignments: tuple[str, ...]
    from_file: Path | None
    resume: bool
    thorough: bool


def _units(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    return listed(text, _UNIT, "the ID of an organizational unit, such as ou-ab12-11111111")


@click.command(
    epilog=reference(
        (
            "ecr-exposure preflight --regions eu-west-1 --set publicAccessTest=reachable",
            "ecr-exposure preflight --regions eu-west-1,us-east-1 --hub 111122223333",
        ),
        {
            ExitCode.AS_WANTED: "Ready to deploy; accounts may be excluded, and there may be hints.",
            ExitCode.NOT_AS_WANTED: "A prerequisite is missing.",
            ExitCode.NOT_DONE: "Not run, or a prerequisite could not be checked.",
            ExitCode.INTERRUPTED: "Interrupted; what was seen is printed.",
        },
    )
)
@regions_option
@click.option(
    "--role",
    metavar="NAME",
    callback=role_name,
    help=f"The role to assume in the other accounts; by default {' or '.join(DEFAULT_ROLES)}, whichever exists.",
)
@click.option(
    "--hub",
    metavar="ACCOUNT",
    callback=one_account,
    help="The account from which you will deploy; by default the caller's. For a run in the management account.",
)
@accounts_option
@click.option(
    "--ou",
    "units",
    metavar="OU,...",
    callback=_units,
    help="Only the accounts in these organizational units and below.",
)
@click.option(
    "--parameters",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("parameters.yaml"),
    show_default=True,
    help="The file of the stack's values, beside template.yaml.",
)
@click.option(
    "--set",
    "assignments",
    metavar="NAME=VALUE",
    multiple=True,
    help="A value to write into the file; repeat the option for several.",
)
@click.option(
    "--from",
    "from_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What a run with --json saw, usually in the management account; what it did not see is read.",
)
@click.option("--resume", is_flag=True, help=f"Go on where a run ended early: with the facts in {RESUME_FILE}.")
@click.option(
    "--thorough",
    is_flag=True,
    help="In a large organization, too, read in every account and Region what the recorder records, and the delivery "
    "channel.",
)
@common_options(
    statement(
        "ReadTheOrganization",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListAWSServiceAccessForOrganization",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListDelegatedServicesForAccount",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListRoots",
        "cloudformation:DescribeOrganizationsAccess",
        "securityhub:ListOrganizationAdminAccounts",
        "controltower:ListLandingZones",
        "controltower:GetLandingZone",
    ),
    statement("AssumeTheRole", "sts:AssumeRole", resource=[f"arn:*:iam::*:role/{role}" for role in DEFAULT_ROLES]),
    statement(
        "ReadEachAccount",
        "account:ListRegions",
        "config:DescribeConfigurationRecorders",
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeDeliveryChannels",
        "config:DescribeDeliveryChannelStatus",
        "iam:GetPolicy",
        "iam:GetRole",
    ),
    statement(
        "ReadTheHub",
        "cloudformation:DescribeStacks",
        "config:DescribeConfigurationAggregators",
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:GetAggregateDiscoveredResourceCounts",
        "kms:DescribeKey",
        "securityhub:DescribeHub",
    ),
)
@click.pass_obj
def preflight(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check the prerequisites before you deploy to an organization.

    Lists what is missing, with the AWS CLI commands that fix it, and adds the values that it finds to parameters.yaml,
    which sam deploy reads. It never changes a value that the file has; --set does. Towards AWS it is read-only.

    Run it with credentials of the account from which you will deploy, the hub. If the hub is a delegated administrator,
    it usually may not assume a role in every account: run preflight in the management account with --hub and --json,
    and then in the hub with --from.

    Security Hub and the organization aggregator are optional: what is missing there is a hint, and so is a check of
    them that fails.
    """
    output = open_output("preflight", environment, options)
    run = _Run(environment, output, options)
    with Interrupts():  # also of a terminal that closes: what was seen is kept for --resume
        run.read()
        return run.report()


class _Run:
    """One run: what the options say, then what AWS says, then what that means."""

    def __init__(self, environment: Environment, output: Output, options: _Options) -> None:
        """Open the files, and write the values of ``--set``, before and whether or not AWS can be read."""
        self._output, self._options = output, options
        self._today = environment.clock.today
        self._project = open_project_folder(options["parameters"])
        folder = self._project.file.parent if self._project else Path()
        self._earlier = EarlierReadings(
            folder, from_file=options["from_file"], resume=options["resume"], today=self._today
        )
        self._session = environment.open_session(options["profile"])
        self._regions = resolve_regions(self._session, options["regions"])
        _set_values(output, self._project, options)
        self._values = self._project.values if self._project else {}

    def read(self) -> None:
        """Read the organization, and compare the deployed stack."""
        options = self._options
        caller = caller_in(self._session, self._regions)
        self._output.begin(caller, self._regions)
        way = Way(
            caller=caller,
            hub=options["hub"],
            selection=Selection(accounts=options["accounts"], units=options["units"], thorough=options["thorough"]),
            saved=self._earlier.read,
            counting=self._output.counting,
            today=self._today,
        )
        roles = (options["role"],) if options["role"] else DEFAULT_ROLES
        self._inventory = read_inventory(self._session, self._regions, roles, self._values, way)
        self._proposed = proposed_values(self._inventory, self._values)
        self._chosen = {**self._values, **self._proposed.missing(self._values)}
        self._findings = (*self._problems(), *self._of_stack(), *self._proposed.refusals, *self._of_file())

    def report(self) -> ExitCode:
        """Print what was found, write the values, and return the exit code."""
        inventory, output = self._inventory, self._output
        print_scope(output.report, inventory, self._chosen)
        print_findings(output.report, inventory, self._findings, self._chosen)
        written = True
        if inventory.cut_short:
            output.report.print()
            output.line("No values were written, because not everything was seen")
            output.line(self._earlier.save(inventory, self._chosen.get("PermissionsBoundaryName", "")))
        else:
            written = self._add_values()
            if not inventory.limited:
                self._earlier.remove()
        output.report.print()
        return self._end(written=written)

    def _problems(self) -> tuple[Finding, ...]:
        excluded = self._proposed.excluded(self._chosen, self._regions)
        return find_problems(self._inventory, self._chosen, excluded)

    def _of_stack(self) -> tuple[Finding, ...]:
        """Compare the deployed stack with the values that the file has or gets, unless nothing more can be read."""
        if self._inventory.cut_short:
            return ()
        try:
            return tuple(_stack_findings(self._session, self._inventory, self._project, self._chosen))
        except (KeyboardInterrupt, CredentialsExpiredError) as error:
            cut_short = INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXPIRED
            self._inventory = replace(self._inventory, cut_short=cut_short)
            return ()

    def _of_file(self) -> tuple[Finding, ...]:
        if not self._project:
            return ()
        return (*refused_values(self._project, self._inventory, self._proposed), *self._project.findings())

    def _add_values(self) -> bool:
        options = self._options
        profile = options["profile"] if self._inventory.caller.account == self._inventory.hub else None
        report = ValuesReport(self._output.report, self._project, options["parameters"], profile)
        return report.add_and_print(self._inventory, self._proposed, self._values)

    def _end(self, *, written: bool) -> ExitCode:
        exit_code, name, line = _result(self._inventory, self._findings, self._output.minutes)
        if not written and exit_code is not ExitCode.INTERRUPTED:
            exit_code = ExitCode.NOT_DONE
        members: dict[str, object] = {}
        if self._output.as_json:
            members = _document(self._inventory, self._findings, self._proposed, self._chosen)
            boundary = self._chosen.get("PermissionsBoundaryName", "")
            members |= saved_members(self._inventory, boundary, self._inventory.seen_at or self._today())
        return self._output.end(exit_code, name, *line, **members)


def _stack_findings(
    session: boto3.Session, inventory: Inventory, project: ProjectFolder | None, values: Mapping[str, str]
) -> Iterator[Finding]:
    """Compare the deployed stack with the values that the file has or gets; nothing to compare without a name."""
    name = stack_name(project.file.parent) if project else None
    if project and name:
        yield from stack_problems(read_stacks(session, inventory, name), values, project.parameters)


def _set_values(output: Output, project: ProjectFolder | None, options: _Options) -> None:
    if not options["assignments"]:
        return
    file = options["parameters"]
    if not project:
        raise CannotRunError(f"--set: {file} is not beside a template.yaml, so nothing is written")
    for name, value in project.set_values(options["assignments"]).items():
        output.line(("Set", "bold"), f" in {file}: {name}={value}")


def _document(
    inventory: Inventory, findings: Sequence[Finding], proposed: ProposedValues, values: Mapping[str, str]
) -> dict[str, object]:
    """Return what the document has beside what ``--from`` reads."""
    accounts = () if isinstance(inventory.accounts, Unknown) else inventory.accounts
    return {
        "findings": findings_as_json(findings),
        "values": dict(values),
        "values_of_regions": {region: dict(own) for region, own in proposed.of_regions.items()},
        "accounts": [{"id": each.identifier, "name": each.name, "state": each.state} for each in accounts],
    }


Line = tuple[tuple[str, str], str]
"""The styled first word of a line, and the rest."""


def _named(inventory: Inventory) -> str:
    """Return that a run with ``--accounts`` or ``--ou`` says nothing about the other accounts."""
    were = "was" if len(inventory.to_read) == 1 else "were"
    return f"; only the {counted(len(inventory.to_read))} that you named {were} checked" if inventory.limited else ""


def _result(inventory: Inventory, findings: Sequence[Finding], minutes: int) -> tuple[ExitCode, str, Line]:
    """Return the exit code, the result's name in the document, and the last line."""
    seen = f"{inventory.seen:,} of {counted(len(inventory.to_read))} {'was' if inventory.seen == 1 else 'were'} seen"
    if inventory.cut_short == INTERRUPTED:
        rest = f": {seen}; run again with --resume"
        return ExitCode.INTERRUPTED, INTERRUPTED, (("Interrupted", "bold red"), rest)
    if inventory.cut_short:
        rest = f": your credentials expired after {minutes} min; {seen}; renew them and run again with --resume"
        return ExitCode.NOT_DONE, EXPIRED, (("Not seen", "bold red"), rest)
    missing = sum(finding.level is Level.MISSING for finding in findings)
    unchecked = sum(finding.level is Level.UNCHECKED for finding in findings)
    named = _named(inventory)
    if not missing and not unchecked:
        without = len({each for finding in findings if finding.level is Level.EXCLUDED for each in finding.accounts})
        excluded = f" without {counted(without)}: see Excluded" if without else ""
        return ExitCode.AS_WANTED, "ready", (("Ready", "bold green"), f" to deploy{excluded}{named}")
    name, style = ("Not ready", "bold red") if missing else ("Not seen", "bold yellow")
    exit_code = ExitCode.NOT_DONE if unchecked else ExitCode.NOT_AS_WANTED
    return exit_code, name.lower(), ((name, style), f": {missing} missing, {unchecked} not checked{named}")
