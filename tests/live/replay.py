"""Gives the function another try at the events that it failed on.

``python -m tests.live.replay --stack NAME [--region eu-west-1] [--most N] [--dry-run]``, with credentials of the
account that the stack is in. An event that failed three times waits in the stack's queue; each is handed to
the function again, asynchronously as AWS Config does it, and leaves the queue when Lambda has accepted it.
What fails again, as where AWS Config no longer accepts the event's result token, comes back into the queue as
a new message some minutes later. The daily run, unless it is off, evaluates every repository anyway.

A message that is no such record stays, and so does one whose event Lambda does not accept. Result tokens and
whole events are never shown. ``--dry-run`` shows what is there and puts it back; SQS still counts it as received.

Exit status 0: all were accepted (or, in a dry run, could be replayed); 1: some stayed; 2: it could not run.
"""

import argparse
import sys
from collections.abc import Sequence

import boto3
from rich.console import Console

from tests.live.clients import AWS_ERRORS, PATIENT, CannotRunError
from tests.live.command import (
    NOT_READY,
    READY,
    Arguments,
    open_session,
    print_line,
    refuse,
    region_name,
    run,
    told,
)
from tests.live.deployment import read_stack
from tests.live.failed_queue import Replay
from tests.live.interrupts import Interrupts


def main(arguments: Sequence[str], session: boto3.Session | None = None) -> int:
    """Replay and report; return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        session = session or open_session()
        region = options.region or session.region_name
        if not region:
            return refuse(CannotRunError("no region: name one by --region or AWS_DEFAULT_REGION"))
        stacks = session.client("cloudformation", region_name=region, config=PATIENT)
        _, outputs = read_stack(stacks, options.stack, ("FunctionName", "FailedEventsQueueUrl"))
        console = Console(highlight=False)
        with Interrupts() as interrupts:
            interrupts.shield()  # a signal is noted, and the run ends between two messages
            replay = Replay(
                sqs=session.client("sqs", region_name=region, config=PATIENT),
                functions=session.client("lambda", region_name=region, config=PATIENT),
                queue=outputs["FailedEventsQueueUrl"],
                function=outputs["FunctionName"],
                most=options.most,
                dry_run=options.dry_run,
                stopped=lambda: interrupts.caught,
                console=console,
            )
            replay.run()
    except (CannotRunError, *AWS_ERRORS) as error:
        return refuse(CannotRunError(told(error)))
    print_line(console, f"{replay.replayed} {'to replay' if options.dry_run else 'replayed'}, {replay.stayed} left")
    if interrupts.caught:
        print_line(console, ("Stopped", "yellow"), " before the queue was empty")
    return NOT_READY if replay.stayed or interrupts.caught else READY


def _parser() -> Arguments:
    parser = Arguments(prog="python -m tests.live.replay", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--stack", type=_stack, required=True, help="the stack's name, in the account and region of its function"
    )
    parser.add_argument("--region", type=lambda text: region_name(text) if text else None, help="of the stack")
    parser.add_argument("--most", type=_positive, metavar="N", help="replay at most N events")
    parser.add_argument("--dry-run", action="store_true", help="show what is there, and put it back")
    return parser


def _stack(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(run(main))
