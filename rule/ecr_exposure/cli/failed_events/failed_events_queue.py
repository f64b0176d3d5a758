"""The queue of failed events: counts, receiving everything, deleting, and what becomes visible again.

Amazon SQS gives a received message to nobody else until its visibility timeout ends, and then to anybody.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecr_exposure.cli.aws_calls import AWS_ERRORS, NotAwsError, error_code, error_text, has_expired, required
from ecr_exposure.cli.failed_events.failed_event import FailedEvent, NotARecordError, read_record
from ecr_exposure.cli.failed_events.selection import Message
from ecr_exposure.cli.failed_events.side_by_side import WORKERS, batches, side_by_side
from ecr_exposure.cli.output import duration
from ecr_exposure.cli.terminal import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
        MessageTypeDef,
    )

    _BatchResult = ChangeMessageVisibilityBatchResultTypeDef | DeleteMessageBatchResultTypeDef

BATCH: Final = 10
"""The most messages of a call: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html"""
INVISIBLE_SECONDS: Final = 900
"""The visibility timeout: nobody else receives what this run has received."""
_EXTEND_AFTER_SECONDS: Final = 300.0
_WAIT_SECONDS: Final = 2
"""With a wait SQS asks all its servers; without one it asks a few, and may find a queue empty that is not."""
_MOST_ATTEMPTS: Final = 3
# The Date header has whole seconds.
_ROUNDING: Final = timedelta(seconds=1)
# What may arrive during the run before it ends: it is received only to find out that it is new.
_MOST_NEW: Final = 100


class Counts(NamedTuple):
    """About how many messages there are, and the time of AWS."""

    visible: int
    in_flight: int
    now: datetime


class Failure(NamedTuple):
    """Why something could not be done with a message, and whether the credentials have expired."""

    reason: str
    expired: bool = False
    is_general: bool = False
    """Whether the whole call failed, so that the next one would, too."""


class FailedEventsQueue:
    """The queue of one stack, and the messages that this run has received."""

    def __init__(
        self, client: "SQSClient", url: str, function_arn: str, *, clock: Clock, stopped: Callable[[], bool]
    ) -> None:
        """Nothing is received yet. stopped: whether somebody interrupted."""
        self._client, self._url, self._function_arn = client, url, function_arn
        self._clock, self._stopped = clock, stopped
        self.messages: dict[str, Message] = {}
        """What was there at the start, by identifier."""
        self.new: set[str] = set()
        """Messages that arrived during this run."""
        self.lost: set[str] = set()
        """Messages that may be visible again, so that others may have received them."""
        self.failure: Failure | None = None
        """Why not everything could be received, or kept invisible."""
        self._receipts: dict[str, str] = {}
        self._extended = 0.0
        self._are_visible = False

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._url.rpartition("/")[2]

    @property
    def held(self) -> int:
        """How many received messages are still in the queue."""
        return len(self._receipts)

    def counts(self) -> Counts:
        """Return how many messages there are; raises an error of AWS.

        Some seconds may pass until the numbers include a change:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
        """
        names: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        response = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        attributes = required(response, lambda found: found["Attributes"])
        visible, in_flight = required(attributes, lambda found: [int(found[name]) for name in names])
        return Counts(visible, in_flight, _date(response["ResponseMetadata"]))

    def receive_all(self, start: Counts) -> None:
        """Receive what was in the queue at the start, until it is empty; raises an error of AWS at the first call.

        It also ends when as many messages as at the start were received, and a call brings only newer ones.
        """
        until = start.now + _ROUNDING
        if not self._receipts:
            self._extended = self._clock.now()
        first = self._receive(None)
        self._take(first, until)
        is_over = not first
        workers = max(1, min(WORKERS, -(-start.visible // BATCH)))

        def ends() -> bool:
            return is_over or self.failure is not None or self._stopped()

        for _, received in side_by_side(self._try_receive, repeat(None), stopped=ends, workers=workers):
            if isinstance(received, Failure):
                self.failure = self.failure or received
                continue
            found_old = self._take(received, until)
            is_over = is_over or not received or (not found_old and len(self.messages) >= start.visible)
            if len(self.new) > start.visible + _MOST_NEW:
                self.failure = Failure("messages arrive faster than they can be received")
            self.extend_if_due()

    def _receive(self, _: None) -> Sequence["MessageTypeDef"]:
        response = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=INVISIBLE_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return response.get("Messages", ())

    def _try_receive(self, _: None) -> Sequence["MessageTypeDef"] | Failure:
        try:
            return self._receive(None)
        except AWS_ERRORS as error:
            return _failure(error)

    def _take(self, received: Sequence["MessageTypeDef"], until: datetime) -> bool:
        """Store messages; return whether one was there at the start and is not yet known.

        SQS may deliver a message twice, also within a batch: the last receipt counts.
        """
        found = False
        for each in received:
            identifier = each["MessageId"]
            self._receipts[identifier] = each["ReceiptHandle"]
            if identifier in self.messages:
                continue
            sent = datetime.fromtimestamp(int(each["Attributes"]["SentTimestamp"]) / 1000, UTC)
            if sent >= until:
                self.new.add(identifier)
                continue
            found = True
            self.messages[identifier] = Message(
                identifier=identifier, sent=sent, content=self._content(each.get("Body", ""))
            )
        return found

    def _content(self, body: str) -> FailedEvent | str:
        try:
            return read_record(body, self._function_arn)
        except NotARecordError as error:
            return str(error)

    def extend_if_due(self) -> None:
        """Keep the received messages invisible; the run calls it between two calls of AWS, and after a question."""
        passed = self._clock.now() - self._extended
        if passed < _EXTEND_AFTER_SECONDS or not self._receipts or self.failure:
            return
        if passed >= INVISIBLE_SECONDS:
            self._are_visible = True
            self.failure = Failure(f"{duration(passed)} passed, so the messages are visible again: run again")
            return
        self._extended = self._clock.now()
        failures = self._change_visibility(INVISIBLE_SECONDS)
        self.failure = next((failure for failure in failures.values() if failure.is_general), None)
        if self.failure is None:
            self.lost |= failures.keys()

    def delete(self, identifiers: Sequence[str]) -> Mapping[str, Failure]:
        """Delete at most ten messages; return those that could not be deleted. Threads may call it."""
        return self._in_one_call(
            identifiers,
            lambda entries: self._client.delete_message_batch(QueueUrl=self._url, Entries=entries),
        )

    def forget(self, identifiers: Iterable[str]) -> None:
        """Note that messages are deleted."""
        for identifier in identifiers:
            self._receipts.pop(identifier, None)

    def release(self) -> Sequence[Failure]:
        """Make visible again what was received and not deleted; return a failure for each message that is not."""
        return () if self._are_visible else tuple(self._change_visibility(0).values())

    def _change_visibility(self, seconds: int) -> Mapping[str, Failure]:
        failures: dict[str, Failure] = {}

        def change(identifiers: Sequence[str]) -> Mapping[str, Failure]:
            def call(entries: Sequence[Mapping[str, Any]]) -> "ChangeMessageVisibilityBatchResultTypeDef":
                given: Any = [{**entry, "VisibilityTimeout": seconds} for entry in entries]
                return self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=given)

            return self._in_one_call(identifiers, call)

        def ends() -> bool:
            return any(failure.is_general for failure in failures.values())

        waiting = dict.fromkeys(self._receipts)
        for identifiers, failed in side_by_side(change, batches(tuple(waiting), BATCH), stopped=ends):
            failures.update(failed)
            for identifier in identifiers:
                del waiting[identifier]
        general = next((failure for failure in failures.values() if failure.is_general), None)
        return failures | (dict.fromkeys(waiting, general) if general else {})

    def _in_one_call(self, identifiers: Sequence[str], call: Callable[[Any], "_BatchResult"]) -> Mapping[str, Failure]:
        """Do something with at most ten messages; repeat it for those with which Amazon SQS itself failed.

        A call that succeeds can fail for single messages:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html
        """
        failures: dict[str, Failure] = {}
        waiting = list(identifiers)
        for attempt in range(_MOST_ATTEMPTS):
            entries = [{"Id": str(at), "ReceiptHandle": self._receipts[name]} for at, name in enumerate(waiting)]
            try:
                response = call(entries)
            except AWS_ERRORS as error:
                return failures | dict.fromkeys(waiting, _failure(error))
            done = {int(each["Id"]) for each in response.get("Successful", ())}
            refused = {int(each["Id"]): each for each in response.get("Failed", ())}
            again: list[str] = []
            for at, name in enumerate(waiting):
                if at in done:
                    continue
                failures[name] = Failure(str(refused[at]["Code"]) if at in refused else "no result in the response")
                if at in refused and not refused[at]["SenderFault"]:
                    again.append(name)
            waiting = again
            if not waiting:
                break
            if attempt < _MOST_ATTEMPTS - 1:
                for name in waiting:
                    del failures[name]
                self._clock.sleep(1.0)
        return failures


def _failure(error: BaseException) -> Failure:
    return Failure(error_text(error), expired=has_expired(error), is_general=True)


def _date(metadata: Mapping[str, Any]) -> datetime:
    """Return AWS's time, of the header that every response of HTTP has; raises NotAwsError without one.

    https://www.rfc-editor.org/rfc/rfc9110#name-date
    """
    try:
        return parsedate_to_datetime(metadata["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        raise NotAwsError("the response to GetQueueAttributes has no date, so it did not come from AWS") from None


def is_without_key(error: BaseException) -> bool:
    """Return whether the caller may not decrypt the messages of an encrypted queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    """
    return error_code(error).lower().replace(".", "").startswith("kmsaccessdenied")
