"""What `scan` and `report` have in common: they evaluate repositories in AWS, and read as far as they can."""

from collections.abc import Iterable
from datetime import datetime

import ecr_exposure
from ecr_exposure.cli.aws_calls import Clients
from ecr_exposure.cli.command_line import Environment, ExitCode
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.organization_accounts import accounts_inside
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from ecr_exposure.cli.publication import exit_code_of
from ecr_exposure.cli.report_options import JudgementOptions, ReportOptions, judgement_of
from ecr_exposure.findings.access_tests import EXTERNAL


def open_report_output(command: str, environment: Environment, options: ReportOptions) -> Output:
    """Return the output of a command whose report is all that standard output has, whatever its format is."""
    return Output(
        command,
        environment.clock,
        quiet=options["quiet"],
        no_color=options["no_color"],
        known=environment.known,
        on_errors=True,
    )


def judgement_in_organization(options: JudgementOptions, started: datetime, clients: Clients) -> Judgement:
    """Return how policies are evaluated; `external` asks for the organization's accounts unless a file has them.

    Raises CannotRunError if they cannot be listed or the file cannot be read, or one of AWS_ERRORS.
    """
    is_asked = options["test"] == EXTERNAL.name and options["members"] is None
    return judgement_of(options, started, members=accounts_inside(clients.organizations) if is_asked else ())


def repositories_report(  # noqa: PLR0913 - each argument is one part of the report
    command: str,
    options: ReportOptions,
    judgement: Judgement,
    *,
    policies: Iterable[CheckedPolicy],
    errors: Iterable[NotReadError],
    notes: Iterable[str],
    scope: PlacesRead,
    ended: ExitCode,
) -> Report:
    """Return the report; ended: how a run ended early, AS_WANTED for one that did not."""
    found, unread = tuple(policies), tuple(errors)
    return Report(
        command=command,
        policies=found,
        errors=unread,
        notes=tuple(notes),
        scope=scope,
        exit_code=int(ended or exit_code_of(found, unread, exit_zero=options["exit_zero"])),
        question=judgement.question,
        started=judgement.now,
        version=ecr_exposure.__version__,
        show_excused=options["show_excused"],
        category=options["category"],
        no_color=options["no_color"],
    )


def credentials_expired(account: str, minutes: int, seen: str = "") -> NotReadError:
    """Return the one line that says that the operator's credentials expired; seen: how much was read."""
    read = f"{seen}; " if seen else ""
    return NotReadError(account, None, f"your credentials expired after {minutes} min; {read}renew them and run again")
