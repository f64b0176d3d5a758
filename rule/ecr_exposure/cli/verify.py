"""``ecr-exposure verify``: checks a deployed stack with one temporary repository, from public to deleted."""

import traceback
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Unpack

import click

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_text
from ecr_exposure.cli.clean_up import CleanUp
from ecr_exposure.cli.command_line import (
    CannotRunError,
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
    stack_argument,
)
from ecr_exposure.cli.leftovers import Leftover, find_leftovers
from ecr_exposure.cli.open_questions import Outcome, answers
from ecr_exposure.cli.region_options import one_region, region_option
from ecr_exposure.cli.stack import find_rule, read_deployment
from ecr_exposure.cli.temporary_repository import LONGEST_RUN, Place
from ecr_exposure.cli.terminal import ALARM, Clock, Interrupts, Progress
from ecr_exposure.cli.verify_steps import NotSeenError, NotVerifiedError, Verification

_STYLES: Final = {Outcome.YES: "green", Outcome.NO: "red", Outcome.OPEN: "yellow"}
_SEVERITIES: Final = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
_MOST_MINUTES: Final = LONGEST_RUN / timedelta(minutes=1)


class _Options(CommonOptions):
    stack: str
    region: str | None
    minutes: float
    severity: str
    dry_run: bool
    clean: bool


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
            ExitCode.AS_WANTED: "Verified, and no repository is left.",
            ExitCode.NOT_AS_WANTED: "Not verified within the time limit, or a repository of an earlier run is left.",
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
@click.option(
    "--dry-run",
    is_flag=True,
    help="Find stack, rule and repositories of earlier runs, print the steps, change nothing.",
)
@click.option(
    "--clean",
    is_flag=True,
    help=f"Delete repositories of runs that started more than {LONGEST_RUN.days * 24} hours ago.",
)
@common_options()
@click.pass_obj
def verify(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check that a deployed stack flags a public repository.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. The command creates an
    empty repository there, makes it public (everyone gets ecr:DescribeRepositories and nothing else), waits for
    NON_COMPLIANT and the finding in Security Hub, deletes the policy, waits for COMPLIANT, and deletes the
    repository, also after an error, at the time limit and on an interrupt. Before, it creates and deletes one that
    nobody can see, so that it makes none public that it may not delete.

    It reports repositories that earlier runs left, for example because they were killed.

    At the end it prints what the run shows about AWS behavior that is undocumented.
    """
    clock, progress = environment.clock, Progress(environment.clock)
    session = environment.open_session(options["profile"])
    region = one_region(session, options["region"])
    clean_up = CleanUp(lambda: Clients(environment.open_session(options["profile"]), region), clock, progress)
    with Interrupts() as interrupts:
        try:
            verification, leftovers = _prepare(options, Clients(session, region), clock, progress)
            for leftover in leftovers:
                leftover.report(progress, clock.today())
            if options["dry_run"]:
                verification.print_steps()
                progress.line("Dry run: nothing was created or deleted.")
                return _exit_code(leftovers, progress)
            if options["clean"]:
                leftovers = _clean(leftovers, clean_up, clock)
            exit_code = _run(verification, clean_up, progress, interrupts)
            return _exit_code(leftovers, progress) if exit_code is ExitCode.AS_WANTED else exit_code
        except KeyboardInterrupt:
            progress.line("Interrupted; this run leaves no repository.", "bold red")
            return ExitCode.INTERRUPTED


def _prepare(
    options: _Options, clients: Clients, clock: Clock, progress: Progress
) -> tuple[Verification, tuple[Leftover, ...]]:
    """Find the stack, its rule, and what earlier runs left; raises CannotRunError."""
    try:
        deployment = read_deployment(clients, options["stack"])
        rule = find_rule(clients, deployment)
        place = Place(account=deployment.account, region=deployment.region, profile=options["profile"])
        progress.line(f"Stack {deployment.stack}: {deployment.rule_name} as {deployment.deployed_as} in {place}")
        progress.line(f"Rule in this account: {rule}")
        leftovers = find_leftovers(clients, place, clock)
    except AWS_ERRORS as error:
        raise CannotRunError(error_text(error)) from None
    verification = Verification(
        clients=clients,
        clock=clock,
        progress=progress,
        deployment=deployment,
        rule=rule,
        place=place,
        minutes=options["minutes"],
        severity=options["severity"],
    )
    return verification, leftovers


def _clean(leftovers: Sequence[Leftover], clean_up: CleanUp, clock: Clock) -> tuple[Leftover, ...]:
    """Delete what finished runs left and return the others; CannotRunError if one could not be deleted."""
    finished = [leftover for leftover in leftovers if leftover.is_finished(clock.today())]
    failed = [leftover for leftover in finished if clean_up.run(leftover.repository)]
    if failed:
        raise CannotRunError(f"left by an earlier run and not deleted: {_names(failed)}")
    return tuple(leftover for leftover in leftovers if leftover not in finished)


def _exit_code(leftovers: Sequence[Leftover], progress: Progress) -> ExitCode:
    """Return the exit code of a run after which nothing is wrong but what earlier runs left."""
    if not leftovers:
        return ExitCode.AS_WANTED
    progress.line(f"Left by an earlier run and still there: {_names(leftovers)}", "bold red")
    return ExitCode.NOT_AS_WANTED


def _names(leftovers: Sequence[Leftover]) -> str:
    return ", ".join(leftover.repository.name for leftover in leftovers)


def _run(verification: Verification, clean_up: CleanUp, progress: Progress, interrupts: Interrupts) -> ExitCode:
    """Run the steps and clean up; raises KeyboardInterrupt only if no repository is left."""
    left: Sequence[str] = ()
    try:
        problem, exit_code = _steps(verification, progress, interrupts)
    finally:
        left = clean_up.run(verification.repository)
    if not left:
        if interrupts.caught:
            raise KeyboardInterrupt
        interrupts.release()
        _print_answers(verification, progress)
    if problem:
        progress.line(f"Not verified: {problem}", "bold red")
    if left:
        for line in left:
            progress.line(line, ALARM)
        return ExitCode.NOT_DONE
    if not problem:
        progress.line("Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted.", "bold green")
    return exit_code


def _steps(verification: Verification, progress: Progress, interrupts: Interrupts) -> tuple[str, ExitCode]:
    """Run the steps; return the problem, empty if there is none, and the exit code.

    No signal raises any more, so the clean-up completes.
    """
    try:
        try:
            verification.run()
        finally:
            interrupts.shield()
    except NotVerifiedError as error:
        return str(error), ExitCode.NOT_AS_WANTED
    except NotSeenError as error:
        return str(error), ExitCode.NOT_DONE
    except AWS_ERRORS as error:
        nothing = "" if verification.opened else "nothing was opened: "
        return nothing + error_text(error), ExitCode.NOT_DONE
    except KeyboardInterrupt:
        progress.try_line("Interrupted; cleaning up", "bold red")
        return "interrupted", ExitCode.NOT_DONE
    except OSError:  # of the terminal or the output file: nobody reads the rest
        raise
    except Exception as error:  # noqa: BLE001 - what is left must be the last thing that is printed
        traceback.print_exc()
        return f"unexpected error: {error!r}", ExitCode.NOT_DONE
    return "", ExitCode.AS_WANTED


def _print_answers(verification: Verification, progress: Progress) -> None:
    progress.line("What this run shows about AWS behavior that is undocumented:", "bold")
    for answer in answers(verification.results()):
        reason = answer.reason[:1].upper() + answer.reason[1:]
        progress.line(f"{answer.outcome.value}: {answer.question} {reason}", _STYLES[answer.outcome])
