"""Gives the function another try at the events that it failed on.

``python -m tests.live.replay --stack NAME [--region eu-west-1] [--most N] [--dry-run]``, with credentials of the
account that the stack is in. An event that failed three times waits in the stack's queue; each is handed to
the function again, asynchronously as AWS Config does it, and leaves the queue when Lambda has accepted it.
What fails again, as where AWS Config no longer accepts the event's result token, comes back into the queue as
a new message some minutes later. The daily run, unless it is off, evaluates every repository anyway.

A message that is no such record stays, and so does one whose event Lambda does not accept. Result tokens and
whole events are never shown. ``--dry-run`` shows what is there and puts it back; SQS still counts it as received.

Exit status 0: all were accepted (or, in a dry run, could be replayed); 1: some stayed, were not looked at, or
are hidden by another run; 2: it could not run.
"""

import argparse
import sys
from collections.abc import Sequence

import boto3
from rich.console import Console

from tests.live.clients import Clients
from tests.live.command import NOT_READY, READY, Arguments, default_region, open_session, print_line, refuse, run
from tests.live.deployment import read_stack
from tests.live.errors import AWS_ERRORS, CannotRunError, told
from tests.live.failed_queue import Replay
from tests.live.interrupts import Interrupts


def main(arguments: Sequence[str], session: boto3.Session | None = None) -> int:
    """Replay and report; return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        session = session or open_session()
        clients = Clients(session, options.region or default_region(session, "--region"))
        _, outputs = read_stack(clients("cloudformation"), options.stack, ("FunctionName", "FailedEventsQueueUrl"))
        console = Console(highlight=False)
        with Interrupts() as interrupts:
            interrupts.shield()  # a signal is noted, and the run ends between two messages
            replay = Replay(
                sqs=clients("sqs"),
                functions=clients("lambda"),
                queue=outputs["FailedEventsQueueUrl"],
                function=outputs["FunctionName"],
                most=options.most,
                dry_run=options.dry_run,
                interrupted=lambda: interrupts.caught,
                console=console,
            )
            replay.run()
    except (CannotRunError, *AWS_ERRORS) as error:
        return refuse(CannotRunError(told(error)))
    verb = "to replay" if options.dry_run else "replayed"
    print_line(console, f"{replay.replayed} {verb}, {len(replay.left)} left")
    if replay.ended:
        print_line(console, ("Stopped", "yellow"), f" before the queue was empty: {replay.ended}")
    if replay.hidden:
        print_line(console, ("Look again in 15 minutes", "yellow"), f": {replay.hidden}")
    return NOT_READY if replay.left or replay.ended or replay.hidden else READY


def _parser() -> Arguments:
    parser = Arguments(prog="python -m tests.live.replay", description=(__doc__ or "").partition("\n")[0])
    parser.add_stack()
    parser.add_argument("--most", type=_positive, metavar="N", help="replay at most N events")
    parser.add_argument("--dry-run", action="store_true", help="show what is there, and put it back")
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(run(main))
