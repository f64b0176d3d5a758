"""``ecr-exposure preflight``: checks the prerequisites of a deployment to an organization, and changes none of them.

It writes one file, parameters.yaml beside template.yaml.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Unpack

import boto3
import click
from rich.console import Console

from ecr_exposure.cli.command_line import (
    CannotRunError,
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
)
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.organization.reader import DEFAULT_ROLES, read_inventory
from ecr_exposure.cli.organization.stack_reader import read_stacks
from ecr_exposure.cli.prerequisites.finding import Finding, Level, counted
from ecr_exposure.cli.prerequisites.findings_report import print_findings, print_rest_to_check, print_scope
from ecr_exposure.cli.prerequisites.problems import find_problems
from ecr_exposure.cli.region_options import regions_option, resolve_regions
from ecr_exposure.cli.terminal import print_line
from ecr_exposure.cli.values.project_folder import ProjectFolder, open_project_folder
from ecr_exposure.cli.values.proposed_values import proposed_values
from ecr_exposure.cli.values.refused_values import refused_values
from ecr_exposure.cli.values.sam_deploy import stack_name
from ecr_exposure.cli.values.stack_changes import stack_problems
from ecr_exposure.cli.values.values_report import ValuesReport
from ecr_exposure.identifiers import ACCOUNT_ID

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: a path, if any, and a name
_ROLE: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)


class _Options(CommonOptions):
    regions: tuple[str, ...]
    role: str | None
    hub: str | None
    parameters: Path
    assignments: tuple[str, ...]


def _role(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not _ROLE.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not the name of a role (an ARN is not accepted)")
    return text


def _hub(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not ACCOUNT_ID.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not an account ID of 12 digits")
    return text


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
            ExitCode.INTERRUPTED: "Interrupted.",
        },
    )
)
@regions_option
@click.option(
    "--role",
    metavar="NAME",
    callback=_role,
    help=f"The role to assume in the other accounts; by default {' or '.join(DEFAULT_ROLES)}, whichever exists.",
)
@click.option(
    "--hub",
    metavar="ACCOUNT",
    callback=_hub,
    help="The account from which you will deploy; by default the caller's. For a run in the management account.",
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
@common_options()
@click.pass_obj
def preflight(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check the prerequisites before you deploy to an organization.

    Lists what is missing, with the AWS CLI commands that fix it, and adds the values that it finds to parameters.yaml,
    which sam deploy reads. It never changes a value that the file has; --set does. Towards AWS it is read-only.

    Run it with credentials of the account from which you will deploy, the hub. If the hub is a delegated administrator,
    run it in the management account with --hub: a delegated administrator usually may not assume a role in every
    account.

    Security Hub and the organization aggregator are optional: what is missing there is a hint, and so is a check of
    them that fails.
    """
    console = Console(highlight=False)
    project = open_project_folder(options["parameters"])
    session = environment.open_session(options["profile"])
    regions = resolve_regions(session, options["regions"])
    _set_values(console, project, options)
    values = project.values if project else {}
    with Console(stderr=True).status("Reading the organization …"):
        inventory = read_inventory(session, regions, _roles(options), values, options["hub"])
    proposed = proposed_values(inventory, values)
    chosen = {**values, **proposed.missing(values)}
    problems = find_problems(inventory, chosen, proposed.excluded(chosen, regions))
    of_file = (*refused_values(project, inventory, proposed), *project.findings()) if project else ()
    of_stack = _stack_problems(session, inventory, project, chosen)
    findings = (*problems, *of_stack, *proposed.refusals, *of_file)
    print_scope(console, inventory, chosen)
    for level in Level:
        print_findings(console, level, [finding for finding in findings if finding.level is level])
    profile = options["profile"] if inventory.caller.account == inventory.hub else None
    report = ValuesReport(console, project, options["parameters"], profile)
    written = report.add_and_print(inventory, proposed, values)
    result = _print_result(console, findings)
    print_rest_to_check(console, inventory, chosen, findings)
    return result if written else ExitCode.NOT_DONE


def _stack_problems(
    session: boto3.Session, inventory: Inventory, project: ProjectFolder | None, values: Mapping[str, str]
) -> Iterator[Finding]:
    """Compare the deployed stack with the values that the file has or gets; nothing to compare without a name."""
    name = stack_name(project.file.parent) if project else None
    if project and name:
        yield from stack_problems(read_stacks(session, inventory, name), values, project.parameters)


def _roles(options: _Options) -> tuple[str, ...]:
    return (options["role"],) if options["role"] else DEFAULT_ROLES


def _set_values(console: Console, project: ProjectFolder | None, options: _Options) -> None:
    """Write the values of --set, before and whether or not AWS can be read."""
    if not options["assignments"]:
        return
    file = options["parameters"]
    if not project:
        raise CannotRunError(f"--set: {file} is not beside a template.yaml, so nothing is written")
    for name, value in project.set_values(options["assignments"]).items():
        print_line(console, ("Set", "bold"), f" in {file}: {name}={value}")


def _print_result(console: Console, findings: Sequence[Finding]) -> ExitCode:
    missing = sum(finding.level is Level.MISSING for finding in findings)
    unchecked = sum(finding.level is Level.UNCHECKED for finding in findings)
    console.print()
    without = len({each for finding in findings if finding.level is Level.EXCLUDED for each in finding.accounts})
    if not missing and not unchecked:
        excluded = f" without {counted(without)}: see Excluded" if without else ""
        print_line(console, ("Ready", "bold green"), f" to deploy{excluded}")
        return ExitCode.AS_WANTED
    result = ("Not ready", "bold red") if missing else ("Not completely checked", "bold yellow")
    print_line(console, result, f": {missing} missing, {unchecked} not checked")
    return ExitCode.NOT_DONE if unchecked else ExitCode.NOT_AS_WANTED
