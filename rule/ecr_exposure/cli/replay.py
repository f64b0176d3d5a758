"""``ecr-exposure replay``: invokes the function again with the events on which it failed.

Lambda sends an event that failed three times to the stack's queue. Each is given to the function again,
asynchronously as AWS Config does it, and deleted from the queue when Lambda has accepted it. What fails again,
for example because AWS Config no longer accepts the event's result token, comes back as a new message.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Unpack

import click
from botocore.exceptions import ClientError
from rich.console import Console

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, attempt, error_code, error_text
from ecr_exposure.cli.command_line import (
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
    stack_argument,
)
from ecr_exposure.cli.failed_event import FailedEvent, NotARecordError, read_record
from ecr_exposure.cli.region_options import one_region, region_option
from ecr_exposure.cli.stack import read_stack
from ecr_exposure.cli.terminal import Interrupts, print_line

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BATCH: Final = 10
_INVISIBLE_SECONDS: Final = 900
"""The visibility timeout: nobody else receives what this run has received."""
_WAIT_SECONDS: Final = 2
"""With a wait SQS asks all its servers; without one it asks a few, and may find a queue empty that is not."""
_ACCEPTED: Final = 202
# Refused credentials, a refused action, no such function: Lambda's answer to each event would be the same.
# https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
_GENERAL_STATUSES: Final = frozenset({401, 403, 404})
_GENERAL_CODES: Final = frozenset({"AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"})


class _Options(CommonOptions):
    stack: str
    region: str | None
    most: int | None
    dry_run: bool


@click.command(
    epilog=reference(
        (
            "ecr-exposure replay ecr-repository-no-public-access --dry-run",
            "ecr-exposure replay ecr-repository-no-public-access --most 100 --region eu-west-1",
        ),
        {
            ExitCode.AS_WANTED: "Lambda accepted every event (dry run: every message is a failed event).",
            ExitCode.NOT_AS_WANTED: "Some messages stay in the queue.",
            ExitCode.NOT_DONE: "Not run, or not all messages were handled.",
            ExitCode.INTERRUPTED: "Interrupted between two messages.",
        },
    )
)
@stack_argument
@region_option
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="Replay N events at most.")
@click.option("--dry-run", is_flag=True, help="Print the events and leave them in the queue.")
@common_options()
@click.pass_obj
def replay(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Invoke the function again with the events on which it failed.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. Lambda sends an event that
    failed three times to the stack's queue. The command invokes the function with each of them, asynchronously, and
    deletes it from the queue when Lambda has accepted it. An event that fails again returns to the queue some minutes
    later. Periodic evaluation, unless it is off, evaluates every repository anyway.

    Messages that are not failed events of this function stay, and so do events that Lambda does not accept. Result
    tokens and whole events are never printed. A dry run increases the receive count of each message, too.
    """
    session = environment.open_session(options["profile"])
    clients = Clients(session, one_region(session, options["region"]))
    _, outputs = read_stack(clients.cloudformation, options["stack"], ("FunctionName", "FailedEventsQueueUrl"))
    console = Console(highlight=False)
    with Interrupts() as interrupts:
        interrupts.shield()  # a signal is recorded, and the run ends between two messages
        run = Replay(
            sqs=clients.sqs,
            functions=clients.functions,
            queue=outputs["FailedEventsQueueUrl"],
            function=outputs["FunctionName"],
            most=options["most"],
            dry_run=options["dry_run"],
            interrupted=lambda: interrupts.caught,
            console=console,
        )
        run.run()
    verb = "to replay" if options["dry_run"] else "replayed"
    print_line(console, f"{run.replayed} {verb}, {len(run.kept)} kept in the queue")
    if run.ended:
        print_line(console, ("Stopped", "yellow"), f" before the queue was empty: {run.ended}")
    if run.in_flight:
        print_line(console, ("Run again in 15 minutes", "yellow"), f": {run.in_flight}")
    return _exit_code(run, interrupted=interrupts.caught)


def _exit_code(run: "Replay", *, interrupted: bool) -> ExitCode:
    if interrupted:
        return ExitCode.INTERRUPTED
    if run.ended or run.in_flight:
        return ExitCode.NOT_DONE
    return ExitCode.NOT_AS_WANTED if run.kept else ExitCode.AS_WANTED


@dataclass(slots=True, kw_only=True)
class Replay:
    """One run over the queue; raises an AWS error only if it cannot even start."""

    sqs: "SQSClient"
    functions: "LambdaClient"
    queue: str
    function: str
    most: int | None
    dry_run: bool
    interrupted: Callable[[], bool]
    console: Console
    started: float = field(default_factory=time.time)
    replayed: int = 0
    kept: set[str] = field(default_factory=set)
    """Messages that stay in the queue for a reason that was printed."""
    ended: str = ""
    """Why the run ended before the queue was empty."""
    in_flight: str = ""
    """What is known about messages that others have received."""
    _receipts: dict[str, str] = field(default_factory=dict)
    """Received messages that are still in the queue, with the receipt by which they become visible again."""
    _deleted: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Handle each message once; make visible again what stays, whatever happens."""
        try:
            for message in self._messages():
                self._handle(message)
                if self._is_over():
                    return
            self._count_in_flight()
        finally:
            self._make_visible()

    def _is_over(self) -> bool:
        if self.interrupted():
            self.ended = self.ended or "interrupted"
        return bool(self.ended)

    def _messages(self) -> Iterator["MessageTypeDef"]:
        """Yield each message that was there at the start, the oldest of a batch first, until there are no more."""
        while not self._is_over():
            wanted = _BATCH if self.most is None else min(_BATCH, self.most - self.replayed)
            # SQS may deliver a message twice, also within a batch: the last receipt counts.
            batch = {each["MessageId"]: each for each in (self._receive(wanted) if wanted > 0 else ())}
            new = [each for name, each in batch.items() if name not in self._deleted | self._receipts.keys()]
            # All are recorded before they are handled: however the run ends, they become visible again.
            self._receipts |= {name: each["ReceiptHandle"] for name, each in batch.items()}
            for name in batch.keys() & self._deleted:  # SQS may deliver even a deleted message again
                self._keep(name, self._delete(name))
            if not new or self._is_over():
                return
            yield from new

    def _receive(self, wanted: int) -> Sequence["MessageTypeDef"]:
        try:
            response = self.sqs.receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=wanted,
                VisibilityTimeout=_INVISIBLE_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        except AWS_ERRORS as error:
            if not self.replayed and not self.kept:
                raise
            self.ended = error_text(error)
            return ()
        return sorted(response.get("Messages", ()), key=_sent)

    def _handle(self, message: "MessageTypeDef") -> None:
        identifier = message["MessageId"]
        if _sent(message) > self.started:
            self._keep(identifier, f"message {identifier}: it arrived during this run")
            return
        try:
            event = read_record(message["Body"], self.function)
        except NotARecordError as error:
            self._keep(identifier, f"message {identifier}: {error}")
            return
        refusal = "" if self.dry_run else self._invoke(event)
        if refusal:
            self._keep(identifier, f"{_title(event)}: not accepted: {refusal}")
            return
        self.replayed += 1
        # Deleted before it is printed: if nobody reads the output any more, printing ends the run.
        failure = "" if self.dry_run else self._delete(identifier)
        verb = "Would replay" if self.dry_run else "Replayed"
        age = _age(self.started - _sent(message))
        print_line(self.console, (verb, "green"), f" {_title(event)}, failed {age} ago: {event.error}")
        self._keep(identifier, failure)

    def _invoke(self, event: FailedEvent) -> str:
        """Invoke the function with an event; return why Lambda did not accept it, or an empty string."""
        try:
            response = self.functions.invoke(FunctionName=self.function, InvocationType="Event", Payload=event.payload)
        except AWS_ERRORS as error:
            if _is_general(error):
                self.ended = "every further event would fail in the same way"
            return error_text(error)
        return "" if response["StatusCode"] == _ACCEPTED else f"Lambda's status code is {response['StatusCode']}"

    def _delete(self, identifier: str) -> str:
        """Delete what was replayed; return why it could not be deleted, or an empty string."""
        self._deleted.add(identifier)
        try:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=self._receipts[identifier])
        except AWS_ERRORS as error:
            self.ended = "the next run replays again what could not be deleted, and so it would every further event"
            return f"message {identifier}: replayed, but it could not be deleted: {error_text(error)}"
        del self._receipts[identifier]
        return ""

    def _keep(self, identifier: str, reason: str) -> None:
        """Record and print that a message stays in the queue, if there is a reason."""
        if reason:
            self.kept.add(identifier)
            print_line(self.console, ("Kept", "yellow"), f" {reason}")

    def _count_in_flight(self) -> None:
        """Count what others have received and this run has not; it becomes visible at the end of their timeout."""
        name: Final = "ApproximateNumberOfMessagesNotVisible"

        def read() -> int:
            response = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])
            return int(response["Attributes"][name]) - len(self._receipts)

        count = attempt(read, "whether other messages are in flight could not be checked")
        if isinstance(count, Unknown):
            self.in_flight = count.reason
        elif count > 0:
            self.in_flight = f"about {count} messages are in flight, received by another run or by one that was killed"

    def _make_visible(self) -> None:
        receipts = list(self._receipts.values())
        still = f"in flight for up to {_INVISIBLE_SECONDS // 60} minutes"
        for start in range(0, len(receipts), _BATCH):
            batch = receipts[start : start + _BATCH]
            try:
                response = self.sqs.change_message_visibility_batch(
                    QueueUrl=self.queue,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                        for number, receipt in enumerate(batch)
                    ],
                )
            except AWS_ERRORS as error:
                print_line(self.console, (f"Kept messages are {still}: {error_text(error)}", "yellow"))
                return
            failed = response.get("Failed", ())
            if failed:
                codes = ", ".join(sorted({each["Code"] for each in failed}))
                print_line(self.console, (f"Kept messages that are {still}: {len(failed)} ({codes})", "yellow"))


def _is_general(error: BaseException) -> bool:
    """Return whether an error does not concern the single event: no connection, no credentials, no function."""
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"].get("HTTPStatusCode")
    return status in _GENERAL_STATUSES or error_code(error) in _GENERAL_CODES


def _sent(message: "MessageTypeDef") -> float:
    """Return when a message was sent to the queue, in seconds since 1970."""
    return int(message["Attributes"]["SentTimestamp"]) / 1000


def _title(event: FailedEvent) -> str:
    resource = f"{event.resource} in " if event.resource else ""
    return f"{resource}account {event.account} ({event.message_type}, rule {event.rule})"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
