"""The queue of the events that a function failed on, and one run over it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError
from rich.console import Console

from tests.live.command import print_line
from tests.live.errors import AWS_ERRORS, Unknown, attempt, code_of, told
from tests.live.failed_event import FailedEvent, NotARecordError, read_record

BATCH: Final = 10
HIDDEN: Final = 900
"""Seconds in which nobody else receives what this run has received."""
PATIENCE: Final = 2
"""Seconds that SQS asks all its servers before it calls the queue empty; asking a few finds it empty too soon."""
ACCEPTED: Final = 202
# Refused credentials, a refused action, no such function: Lambda's answer to each event would be the same.
# https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
_FOR_ALL_STATUSES: Final = frozenset({401, 403, 404})
_FOR_ALL_CODES: Final = frozenset({"AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"})


@dataclass(slots=True, kw_only=True)
class Replay:
    """One run over the queue; raises an AWS error only where it cannot even start."""

    sqs: Any
    functions: Any
    queue: str
    function: str
    most: int | None
    dry_run: bool
    interrupted: Callable[[], bool]
    console: Console
    started: float = field(default_factory=time.time)
    replayed: int = 0
    left: set[str] = field(default_factory=set)
    """Messages that are a reason to look again."""
    ended: str = ""
    """Why the run ended before the queue was empty."""
    hidden: str = ""
    """What is to say of messages that others hide."""
    _kept: dict[str, str] = field(default_factory=dict)
    """Messages that are in the queue, with the receipt by which they are made visible again."""
    _gone: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Handle each message once; make visible what stays, whatever happens."""
        try:
            for message in self._messages():
                self._handle(message)
                if self._is_over():
                    return
            self._look_for_others()
        finally:
            self._put_back()

    def _is_over(self) -> bool:
        if self.interrupted():
            self.ended = self.ended or "interrupted"
        return bool(self.ended)

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        """Yield each message that was there at the start, the oldest of a batch first, until there are no more."""
        while not self._is_over():
            wanted = BATCH if self.most is None else min(BATCH, self.most - self.replayed)
            # SQS may deliver twice, also within a batch: the last receipt counts.
            batch = {each["MessageId"]: each for each in (self._receive(wanted) if wanted > 0 else ())}
            new = [each for name, each in batch.items() if name not in self._gone | self._kept.keys()]
            # All are kept until they are handled: whatever interrupts the run puts them back.
            self._kept |= {name: each["ReceiptHandle"] for name, each in batch.items()}
            for name in batch.keys() & self._gone:  # even what was deleted may come again
                self._stay(name, self._delete(name))
            if not new or self._is_over():
                return
            yield from new

    def _receive(self, wanted: int) -> Sequence[Mapping[str, Any]]:
        try:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=wanted,
                VisibilityTimeout=HIDDEN,
                WaitTimeSeconds=PATIENCE,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        except AWS_ERRORS as error:
            if not self.replayed and not self.left:
                raise
            self.ended = told(error)
            return ()
        return sorted(answer.get("Messages", ()), key=_sent)

    def _handle(self, message: Mapping[str, Any]) -> None:
        identifier = message["MessageId"]
        if _sent(message) > self.started:
            self._stay(identifier, f"message {identifier} came in during this run")
            return
        try:
            event = read_record(message["Body"], self.function)
        except NotARecordError as error:
            self._stay(identifier, f"message {identifier}: {error}")
            return
        refusal = "" if self.dry_run else self._invoke(event)
        if refusal:
            self._stay(identifier, f"{_title(event)}: not accepted: {refusal}")
            return
        self.replayed += 1
        # Before a word is said: where nobody listens any more, that ends the run.
        trouble = "" if self.dry_run else self._delete(identifier)
        verb = "Would replay" if self.dry_run else "Replayed"
        age = _age(self.started - _sent(message))
        print_line(self.console, (verb, "green"), f" {_title(event)}, failed {age} ago: {event.error}")
        self._stay(identifier, trouble)

    def _invoke(self, event: FailedEvent) -> str:
        """Hand an event to the function; return why Lambda did not accept it, or an empty text."""
        try:
            answer = self.functions.invoke(FunctionName=self.function, InvocationType="Event", Payload=event.payload)
        except AWS_ERRORS as error:
            if _is_for_all(error):
                self.ended = "every further event would meet the same"
            return told(error)
        return "" if answer["StatusCode"] == ACCEPTED else f"Lambda answered {answer['StatusCode']}"

    def _delete(self, identifier: str) -> str:
        """Delete what was replayed; return why it could not be, or an empty text."""
        self._gone.add(identifier)
        try:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=self._kept[identifier])
        except AWS_ERRORS as error:
            self.ended = "what cannot be deleted is replayed again the next time, and so would be every further event"
            return f"message {identifier} was replayed and could not be deleted: {told(error)}"
        del self._kept[identifier]
        return ""

    def _stay(self, identifier: str, why: str) -> None:
        """Say that a message stays, if there is a reason why."""
        if why:
            self.left.add(identifier)
            print_line(self.console, ("Stays", "yellow"), f" {why}")

    def _look_for_others(self) -> None:
        """Count what others hide; it is not among what was received, and comes back when they give up."""
        name = "ApproximateNumberOfMessagesNotVisible"

        def read() -> int:
            answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])
            return int(answer["Attributes"][name]) - len(self._kept)

        count = attempt(read, "whether messages are hidden could not be checked")
        if isinstance(count, Unknown):
            self.hidden = count.why
        elif count > 0:
            self.hidden = f"about {count} messages are hidden, by another run or by one that was killed"

    def _put_back(self) -> None:
        receipts = list(self._kept.values())
        for start in range(0, len(receipts), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + BATCH])
            ]
            still = f"hidden for up to {HIDDEN // 60} minutes"
            try:
                answer = self.sqs.change_message_visibility_batch(QueueUrl=self.queue, Entries=entries)
            except AWS_ERRORS as error:
                print_line(self.console, (f"What stays is {still}: {told(error)}", "yellow"))
                return
            failed = answer.get("Failed", ())
            if failed:
                codes = ", ".join(sorted({each["Code"] for each in failed}))
                print_line(self.console, (f"{len(failed)} that stays is {still}: {codes}", "yellow"))


def _is_for_all(error: BaseException) -> bool:
    """Tell whether an error is not about the single event: no connection, no credentials, no function."""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _FOR_ALL_STATUSES or code_of(error) in _FOR_ALL_CODES


def _sent(message: Mapping[str, Any]) -> float:
    """Return when a message came into the queue, in seconds since 1970."""
    return int(message["Attributes"]["SentTimestamp"]) / 1000


def _title(event: FailedEvent) -> str:
    about = f"{event.resource} of " if event.resource else ""
    return f"{about}{event.account} ({event.message_type}, rule {event.rule})"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
