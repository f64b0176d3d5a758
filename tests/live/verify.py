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

from tests.live.clients import Clients
from tests.live.clock import Clock, Teller
from tests.live.command import INTERRUPTED, NOT_READY, READY, Arguments, default_region, open_session, refuse, run
from tests.live.errors import AWS_ERRORS, CannotRunError, told
from tests.live.interrupts import Interrupts
from tests.live.open_questions import Settled, answers
from tests.live.steps import NotVerifiedError, Verification
from tests.live.throwaway import NotOursError, Repository

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
        session = open_session()
        clients = Clients(session, options.region or default_region(session, "--region"))
        with Interrupts() as interrupts:
            try:
                return _run(options, clients, clock, say, interrupts)
            except KeyboardInterrupt:
                say("Interrupted; nothing was left behind.", "bold red")
                return INTERRUPTED
    except CannotRunError as error:
        return refuse(error)


def _run(options: argparse.Namespace, clients: Clients, clock: Clock, say: Teller, interrupts: Interrupts) -> int:
    """Run the check; KeyboardInterrupt comes out only where nothing is left."""
    try:
        verification = Verification(options, clients, clock, say)
    except AWS_ERRORS as error:
        raise CannotRunError(told(error)) from None
    if options.dry_run:
        verification.plan()
        return READY
    problem = ""
    try:
        try:
            verification.exercise()
        finally:
            interrupts.shield()
    except (NotVerifiedError, *AWS_ERRORS) as error:
        problem = told(error)
    except KeyboardInterrupt:
        problem = "interrupted"
    finally:
        left = _clean_up(verification.repository, say)
    if not left:
        if interrupts.caught:
            raise KeyboardInterrupt
        interrupts.release()
        _answer(verification, say)
    return _conclude(problem, left, say)


def _clean_up(repository: Repository, say: Teller) -> str:
    """Delete the repository; return what is to be done by hand, an empty text if nothing is."""
    left = ""
    try:
        if repository.delete():
            said = f"Deleted the repository {repository.name}"
        elif repository.unclear:
            said = f"There was nothing to delete. Should {repository.name} come about after all: {repository.command}"
        else:
            said = "There was nothing to delete"
    except NotOursError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, also in botocore: nobody may miss that it is left
        said = left = (
            f"CLEAN-UP FAILED, the repository may still be there ({told(error)}). Delete it: {repository.command}"
        )
    # A terminal that is gone must not hide what comes next.
    with suppress(OSError, SystemExit):
        say(said, _ALARM if left else None)
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
        return NOT_READY
    say("Verified: NON_COMPLIANT and then COMPLIANT were seen, and nothing was left behind.", "bold green")
    return READY


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="python -m tests.live.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_stack()
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
