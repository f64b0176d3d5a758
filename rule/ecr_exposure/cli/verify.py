"""``ecr-exposure verify``: checks a deployed stack with one temporary repository, from public to deleted."""

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypedDict, Unpack

import click
from rich.console import Console

from ecr_exposure.cli import observations
from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, entries, error_text
from ecr_exposure.cli.command_line import (
    CannotRunError,
    Environment,
    ExitCode,
    profile_option,
    reference,
    region_option,
    session_region,
    stack_argument,
)
from ecr_exposure.cli.open_questions import FINDING_SECONDS, FindingSearch, Outcome, RunResults, answers
from ecr_exposure.cli.stack import find_rule, read_deployment
from ecr_exposure.cli.temporary_repository import PREFIX, ForeignRepositoryError, TemporaryRepository
from ecr_exposure.cli.terminal import Clock, Interrupts, Progress, print_line

_STYLES: Final = {Outcome.YES: "green", Outcome.NO: "red", Outcome.OPEN: "yellow"}
_ALARM: Final = "bold white on red"
_SEVERITIES: Final = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# A day; even a DAILY recorder needs no longer.
_MOST_MINUTES: Final = 1440.0
_POLL_SECONDS: Final = 10.0
# An automation rule may change the finding some time after it arrives.
_AUTOMATION_SECONDS: Final = 120.0


class _Options(TypedDict):
    stack: str
    region: str | None
    profile: str | None
    minutes: float
    severity: str
    dry_run: bool


class NotVerifiedError(Exception):
    """AWS Config did not report the expected compliance within the time limit."""


def _minutes(_context: click.Context, _parameter: click.Parameter, minutes: float) -> float:
    if not 0 < minutes <= _MOST_MINUTES:  # false for NaN, too
        raise click.BadParameter(f"{minutes:g} is not between 0 and {_MOST_MINUTES:.0f}")
    return minutes


@click.command(
    epilog=reference(
        (
            "ecr-exposure verify ecr-repository-no-public-access --dry-run",
            "ecr-exposure verify ecr-repository-no-public-access --region eu-west-1",
        ),
        {
            ExitCode.AS_WANTED: "Verified, and the repository is deleted.",
            ExitCode.NOT_AS_WANTED: "Not verified within the time limit; the repository is deleted.",
            ExitCode.NOT_DONE: "Not run, not completed, or the repository could not be deleted.",
            ExitCode.INTERRUPTED: "Interrupted; the repository is deleted.",
        },
    )
)
@stack_argument
@region_option
@click.option(
    "--minutes",
    type=float,
    metavar="N",
    callback=_minutes,
    default=30,
    show_default=True,
    help="The time limit of the whole check.",
)
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES),
    default="CRITICAL",
    show_default=True,
    help="The severity that deploy/security-hub.yaml gives the finding.",
)
@click.option("--dry-run", is_flag=True, help="Find the stack and its rule, print the steps, and change nothing.")
@profile_option
@click.pass_obj
def verify(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check that a deployed stack flags a public repository.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. The command creates an
    empty repository there, makes it public (everyone gets ecr:DescribeRepositories and nothing else), waits for
    NON_COMPLIANT and the finding in Security Hub, deletes the policy, waits for COMPLIANT, and deletes the
    repository, also after an error, at the time limit and on an interrupt.

    At the end it prints what the run shows about AWS behavior that is undocumented.
    """
    progress = Progress(environment.clock)
    session = environment.open_session(options["profile"])
    clients = Clients(session, options["region"] or session_region(session, "--region"))
    with Interrupts() as interrupts:
        try:
            verification = _prepare(options, clients, environment.clock, progress)
            if options["dry_run"]:
                verification.print_steps()
                return ExitCode.AS_WANTED
            return _run(verification, progress, interrupts)
        except KeyboardInterrupt:
            progress.line("Interrupted; no repository is left.", "bold red")
            return ExitCode.INTERRUPTED


def _prepare(options: _Options, clients: Clients, clock: Clock, progress: Progress) -> "Verification":
    try:
        return Verification(options, clients, clock, progress)
    except AWS_ERRORS as error:
        raise CannotRunError(error_text(error)) from None


def _run(verification: "Verification", progress: Progress, interrupts: Interrupts) -> ExitCode:
    """Run the steps and clean up; raises KeyboardInterrupt only if no repository is left."""
    problem, exit_code = "", ExitCode.AS_WANTED
    try:
        try:
            verification.run()
        finally:
            interrupts.shield()
    except NotVerifiedError as error:
        problem, exit_code = str(error), ExitCode.NOT_AS_WANTED
    except AWS_ERRORS as error:
        problem, exit_code = error_text(error), ExitCode.NOT_DONE
    except KeyboardInterrupt:
        problem, exit_code = "interrupted", ExitCode.NOT_DONE
    finally:
        left = _clean_up(verification.repository, progress)
    if not left:
        if interrupts.caught:
            raise KeyboardInterrupt
        interrupts.release()
        _print_answers(verification, progress)
    if problem:
        progress.line(f"Not verified: {problem}", "bold red")
    if left:
        progress.line(left, _ALARM)
        return ExitCode.NOT_DONE
    if not problem:
        progress.line("Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted.", "bold green")
    return exit_code


def _clean_up(repository: TemporaryRepository, progress: Progress) -> str:
    """Delete the repository; return what the operator has to do, or an empty string."""
    done = left = ""
    try:
        if repository.delete():
            done = f"Deleted the repository {repository.name}"
        elif repository.may_exist_later:
            done = f"Nothing to delete. If {repository.name} appears later, delete it: {repository.delete_command}"
        else:
            done = "Nothing to delete"
    except ForeignRepositoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, also in botocore: the operator must know what is left
        problem = f"the repository may still exist ({error_text(error)})"
        left = f"CLEAN-UP FAILED: {problem}. Delete it: {repository.delete_command}"
    # The run must go on if nobody reads the output any more; then this may be the only line that is read.
    with suppress(OSError, SystemExit):
        if left:
            print_line(Console(stderr=True), (left, _ALARM))
        else:
            progress.line(done)
    return left


def _print_answers(verification: "Verification", progress: Progress) -> None:
    progress.line("What this run shows about AWS behavior that is undocumented:", "bold")
    for answer in answers(verification.results()):
        reason = answer.reason[:1].upper() + answer.reason[1:]
        progress.line(f"{answer.outcome.value}: {answer.question} {reason}", _STYLES[answer.outcome])


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the steps have seen so far."""

    evaluation: str = ""
    """Compliance and annotation; empty as long as there is no evaluation."""
    non_compliant: bool = False
    search: FindingSearch | Unknown = Unknown("the run ended before the search for the finding")  # noqa: RUF009 - frozen


class Verification:
    """The steps of the check, with one repository."""

    def __init__(self, options: _Options, clients: Clients, clock: Clock, progress: Progress) -> None:
        """Find the stack and its rule; raises CannotRunError or one of AWS_ERRORS."""
        self._clients, self._clock, self._progress = clients, clock, progress
        self._severity, self._minutes = options["severity"], options["minutes"]
        self.deployment = read_deployment(clients, options["stack"])
        self.rule = find_rule(clients, self.deployment)
        self.repository = TemporaryRepository(clients, self.deployment, clock)
        self.seen = _Seen()
        stack, rule_name, deployed_as = self.deployment.stack, self.deployment.rule_name, self.deployment.deployed_as
        where = f"account {self.deployment.account}, {self.deployment.region}"
        progress.line(f"Stack {stack}: {rule_name} as {deployed_as} in {where}")
        progress.line(f"Rule in this account: {self.rule}")

    def print_steps(self) -> None:
        """Print what ``run`` and the clean-up would do."""
        for step in (
            f"create an empty repository {PREFIX}<12 random characters>",
            "set a policy that grants everyone ecr:DescribeRepositories and nothing else",
            f"wait for NON_COMPLIANT (time limit of all steps: {self._minutes:g} minutes)",
            f"search Security Hub for its finding, with severity {self._severity}",
            "delete its policy and wait for COMPLIANT",
            "delete the repository, also after an error, at the time limit and on an interrupt",
            "print what the run shows about AWS behavior that is undocumented",
        ):
            self._progress.line(f"Would {step}")
        self._progress.line("Dry run: nothing was created.")

    def run(self) -> None:
        """Create the repository and wait for each compliance; raises NotVerifiedError or one of AWS_ERRORS."""
        deadline = self._clock.now() + self._minutes * 60
        self._progress.line(f"Creating the empty repository {self.repository.name}")
        self.repository.create()
        self.repository.make_public()
        granted = "Its policy grants everyone ecr:DescribeRepositories and nothing else"
        self._progress.line(f"{granted}; waiting for NON_COMPLIANT")
        self._wait_for("NON_COMPLIANT", deadline)
        self.seen.non_compliant = True
        self._progress.line("Searching Security Hub for the finding")
        self.seen.search = self._search(deadline)
        self._progress.line(_described(self.seen.search))
        deleted = self.repository.delete_policy()
        done = "Deleted its policy" if deleted else "Its policy was already deleted by somebody else"
        self._progress.line(f"{done}; waiting for COMPLIANT")
        self._wait_for("COMPLIANT", deadline)

    def results(self) -> RunResults:
        """Return what was seen, together with what else the open questions need."""
        clients, deployment = self._clients, self.deployment
        return RunResults(
            rule=self.rule,
            deployed_as=deployment.deployed_as,
            account=deployment.account,
            severity=self._severity,
            evaluated=bool(self.seen.evaluation),
            non_compliant=self.seen.non_compliant,
            function_policy=observations.function_policy(clients, deployment),
            search=self.seen.search,
            accepts_config=observations.accepts_config(clients),
            automation_rules=observations.automation_rules(clients, deployment.rule_name),
            member_roles=observations.member_roles(clients, deployment, self._clock),
            refused_responses=observations.refused_responses(clients, deployment, self._clock),
        )

    def _wait_for(self, wanted: str, deadline: float) -> None:
        while True:
            compliance, evaluation = self._evaluation()
            if evaluation and evaluation != self.seen.evaluation:
                self._progress.line(evaluation, "bold red" if compliance == "NON_COMPLIANT" else "green")
                self.seen.evaluation = evaluation
            if compliance == wanted:
                return
            now = self._clock.now()
            if now >= deadline:
                last = f"the last was {self.seen.evaluation}" if self.seen.evaluation else "there was no evaluation"
                raise NotVerifiedError(
                    f"not {wanted} within {self._minutes:g} minutes; {last}. Does the configuration recorder record "
                    f"AWS::ECR::Repository, and continuously? The function's log: aws logs tail "
                    f"{self.deployment.log_group} --since 1h --region {self.deployment.region}"
                )
            self._clock.sleep(min(_POLL_SECONDS, deadline - now))

    def _evaluation(self) -> tuple[str, str]:
        """Return compliance and a line about it, both empty as long as there is no evaluation."""
        paginator = self._clients.config.get_paginator("get_compliance_details_by_config_rule")
        pages = paginator.paginate(ConfigRuleName=self.rule, PaginationConfig={"PageSize": 100})
        for result in entries(pages, lambda page: page["EvaluationResults"]):
            qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            if qualifier["ResourceId"] == self.repository.name:
                compliance = str(result["ComplianceType"])
                return compliance, f"{compliance}: {result.get('Annotation', 'no annotation')}"
        return "", ""

    def _search(self, deadline: float) -> FindingSearch | Unknown:
        """Wait for the finding, half of the remaining time at most; no finding is an answer, too."""
        start = self._clock.now()
        until = start + min(FINDING_SECONDS, (deadline - start) / 2)
        arrived = math.inf
        while True:
            try:
                finding = observations.find_finding(self._clients, self.rule, self.repository.name)
            except AWS_ERRORS as error:
                return observations.why_no_finding(error)
            now = self._clock.now()
            if finding and finding.failed:
                arrived = min(arrived, now)
                until = min(until, arrived + _AUTOMATION_SECONDS)
            if now >= until or (finding and finding.failed and finding.severity == self._severity):
                return FindingSearch(finding=finding, waited=min(arrived, now) - start)
            self._clock.sleep(min(_POLL_SECONDS, until - now))


def _described(search: FindingSearch | Unknown) -> str:
    if isinstance(search, Unknown):
        return f"Unknown whether there is a finding: {search.reason}"
    if search.finding is None:
        return f"No finding arrived in {search.waited:.0f} s"
    status = "FAILED" if search.finding.failed else "not FAILED"
    return f"The finding arrived after {search.waited:.0f} s: severity {search.finding.severity}, {status}"
