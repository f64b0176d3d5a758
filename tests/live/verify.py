"""The live check of a deployed stack: one throw-away repository is opened, seen, closed, seen and deleted.

``python -m tests.live.verify --stack NAME [--region R] [--minutes N] [--severity LABEL] [--dry-run]``, with
credentials of the account that holds the stack. Exit status: 0 verified and nothing left, 1 not, 2 could not
be run, 130 interrupted and nothing left.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tests.live.clients import AWS_ERRORS, CannotRunError, Clients
from tests.live.clock import Clock
from tests.live.command import Arguments, refuse, region_name, run, told
from tests.live.interrupts import Interrupts
from tests.live.open_questions import Settled, answers
from tests.live.steps import NotVerifiedError, Verification
from tests.live.teller import Teller
from tests.live.throwaway import Repository

_STYLES: Final = {Settled.YES: "green", Settled.NO: "red", Settled.OPEN: "yellow"}
_LABELS: Final = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# A day; nothing that is recorded takes longer.
_MOST_MINUTES: Final = 1440.0
_ALARM: Final = "bold white on red"


def main(arguments: Sequence[str], clock: Clock | None = None) -> int:
    """Run the check; return the exit status."""
    clock = clock or Clock()
    say = Teller(clock)
    try:
        options = _options(arguments)
        with Interrupts() as interrupts:
            return _run(options, clock, say, interrupts)
    except CannotRunError as error:
        return refuse(error)
    except KeyboardInterrupt:
        say("Interrupted; nothing was left behind.", "bold red")
        return 130


def _run(options: argparse.Namespace, clock: Clock, say: Teller, interrupts: Interrupts) -> int:
    try:
        verification = Verification(options, Clients(options.region), clock, say)
    except AWS_ERRORS as error:
        raise CannotRunError(told(error)) from None
    if options.dry_run:
        verification.plan()
        return 0
    problem = ""
    try:
        try:
            verification.exercise()
        finally:
            interrupts.shield()
    except (NotVerifiedError, *AWS_ERRORS) as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted"
    finally:
        left = _clean_up(verification.repository, say)
    if interrupts.caught:
        if not left:
            raise KeyboardInterrupt
        return 1
    interrupts.release()
    _answer(verification, say)
    return _conclude(problem, left, say)


def _clean_up(repository: Repository, say: Teller) -> str:
    """Delete the repository; return what is to be done by hand, an empty text if nothing is."""
    left = ""
    try:
        told = f"Deleted the repository {repository.name}" if repository.delete() else "There was nothing to delete"
    except AWS_ERRORS as error:
        left = f"CLEAN-UP FAILED, the repository may still be there ({error}). Delete it: {repository.command}"
        told = left
    # A terminal that is gone must not hide what comes next.
    with suppress(OSError, SystemExit):
        say(told, _ALARM if left else None)
    return left


def _answer(verification: Verification, say: Teller) -> None:
    say("What AWS does not document, and what this run says about it:", "bold")
    for answer in answers(verification.observed()):
        say(f"{answer.settled.value}: {answer.question} {answer.why}", _STYLES[answer.settled])


def _conclude(problem: str, left: str, say: Teller) -> int:
    if problem:
        say(f"Not verified: {problem}", "bold red")
    if left:
        say(left, _ALARM)
    if problem or left:
        return 1
    say("Verified: NON_COMPLIANT and then COMPLIANT were seen, and nothing was left behind.", "bold green")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="python -m tests.live.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stack", required=True, help="the stack of template.yaml, by name or ARN")
    parser.add_argument("--region", type=region_name, help="the stack's region; the configured one if left out")
    parser.add_argument("--minutes", type=_minutes, default=30.0, help="the time limit of it all (default 30)")
    parser.add_argument(
        "--severity", choices=_LABELS, default="CRITICAL", help="what deploy/security-hub.yaml makes of the severity"
    )
    parser.add_argument("--dry-run", action="store_true", help="find stack and rule, say the steps, make nothing")
    return parser.parse_args(arguments)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= _MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_MOST_MINUTES:.0f}")
    return minutes


if __name__ == "__main__":
    sys.exit(run(main))
