"""The queue of the events that a function failed on, and one run over it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console

from tests.live.clients import AWS_ERRORS
from tests.live.command import print_line, told
from tests.live.failed_event import FailedEvent, NotARecordError, read_record

BATCH: Final = 10
HIDDEN: Final = 900
"""Seconds in which nobody else receives what this run has received."""
PATIENCE: Final = 2
"""Seconds that SQS asks all its servers before it calls the queue empty; asking a few finds it empty too soon."""
ACCEPTED: Final = 202


@dataclass(slots=True, kw_only=True)
class Replay:
    """One run over the queue; raises an AWS error only where it cannot even start."""

    sqs: Any
    functions: Any
    queue: str
    function: str
    most: int | None
    dry_run: bool
    stopped: Callable[[], bool]
    console: Console
    started: float = field(default_factory=time.time)
    replayed: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    """Messages that stay in the queue, with the receipt by which they are made visible again."""
    stayed: int = 0
    """How many of them are a reason to look again."""
    _gone: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Handle each message once; make visible what stays, whatever happens."""
        try:
            for message in self._messages():
                self._handle(message)
        finally:
            self._put_back()

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        """Yield each message that was there at the start, the oldest of a batch first, until there are no more."""
        while not self.stopped():
            wanted = BATCH if self.most is None else min(BATCH, self.most - self.replayed)
            batch = self._receive(wanted) if wanted > 0 else ()
            fresh = [message for message in batch if message["MessageId"] not in self._gone | self.kept.keys()]
            # All are kept until they are handled: whatever interrupts the run puts them back.
            self.kept |= {message["MessageId"]: message["ReceiptHandle"] for message in batch}
            for again in self._gone & self.kept.keys():  # SQS may deliver twice, even what was deleted
                self._delete(again)
            for message in fresh:
                if self.stopped():
                    return
                yield message
            if not fresh:
                return

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
            if not self.replayed and not self.stayed:
                raise
            self._stay(f"what is still in the queue: {told(error)}")
            return ()
        return sorted(answer.get("Messages", ()), key=_sent)

    def _handle(self, message: Mapping[str, Any]) -> None:
        identifier = message["MessageId"]
        if _sent(message) > self.started:
            self._stay(f"message {identifier} came in during this run")
            return
        try:
            event = read_record(message["Body"], self.function)
        except NotARecordError as error:
            self._stay(f"message {identifier}: {error}")
            return
        refusal = "" if self.dry_run else self._invoke(event)
        if refusal:
            self._stay(f"{_title(event)}: not accepted: {refusal}")
            return
        self.replayed += 1
        verb = "Would replay" if self.dry_run else "Replayed"
        age = _age(self.started - _sent(message))
        print_line(self.console, (verb, "green"), f" {_title(event)}, failed {age} ago: {event.error}")
        if not self.dry_run:
            self._gone.add(identifier)
            self._delete(identifier)

    def _invoke(self, event: FailedEvent) -> str:
        """Hand an event to the function; return why Lambda did not accept it, or an empty text."""
        try:
            answer = self.functions.invoke(
                FunctionName=self.function, InvocationType="Event", Payload=event.payload.encode()
            )
        except AWS_ERRORS as error:
            return told(error)
        return "" if answer["StatusCode"] == ACCEPTED else f"Lambda answered {answer['StatusCode']}"

    def _delete(self, identifier: str) -> None:
        try:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=self.kept[identifier])
        except AWS_ERRORS as error:
            self._stay(f"message {identifier} was replayed and could not be deleted: {told(error)}")
        else:
            del self.kept[identifier]

    def _stay(self, why: str) -> None:
        self.stayed += 1
        print_line(self.console, ("Stays", "yellow"), f" {why}")

    def _put_back(self) -> None:
        receipts = list(self.kept.values())
        for start in range(0, len(receipts), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + BATCH])
            ]
            try:
                self.sqs.change_message_visibility_batch(QueueUrl=self.queue, Entries=entries)
            except AWS_ERRORS as error:
                text = f"What stays is hidden for up to {HIDDEN // 60} minutes: {told(error)}"
                print_line(self.console, (text, "yellow"))
                return


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
