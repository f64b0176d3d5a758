"""One run over the messages of the queue: invoke, delete what was accepted, note what became of each message."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Final

from ecr_exposure.cli.failed_events.failed_event import FailedEvent
from ecr_exposure.cli.failed_events.failed_events_queue import BATCH, FailedEventsQueue, Failure
from ecr_exposure.cli.failed_events.invocations import Answer, FailedEventsFunction, Invocation
from ecr_exposure.cli.failed_events.selection import Message, Selection
from ecr_exposure.cli.failed_events.side_by_side import batches, side_by_side

_LOST: Final = "it became visible during the run, so another run may have received it"
_NOT_DELETED: Final = "could not be deleted"
_NO_DELETION: Final = "the next run replays again what could not be deleted, and so it would every further event"
_Event = tuple[Message, FailedEvent]
_Task = _Event | list[str]
"""An event to replay, or the identifiers of messages to delete."""


class Outcome(StrEnum):
    """What became of a message."""

    REPLAYED = "replayed"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    UNSURE = "unsure"
    """It stays: Lambda may have accepted the event."""
    STAYS = "stays"
    LEFT = "left"
    """It stays, because the operator did not ask for it."""
    WAITS = "waits"
    """It stays: the operator asked for it, and the run has not got to it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message, and why it stays in the queue if that is not as wanted."""

    outcome: Outcome
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class ReplayRun:
    """The run; every message has a result."""

    queue: FailedEventsQueue
    function: FailedEventsFunction
    interrupted: Callable[[], bool]
    advance: Callable[[int], None] = lambda _number: None
    """Is told how many more messages are done."""
    results: dict[str, Result] = field(default_factory=dict)
    ended: Failure | None = None
    """Why the run ended before everything was done."""
    _superseded: Mapping[str, Sequence[Message]] = field(default_factory=dict)
    _deletable: list[str] = field(default_factory=list)

    def plan(self, selection: Selection) -> None:
        """Note what becomes of each message without any change."""
        self._superseded = selection.superseded
        for message, reason in selection.stay:
            self.results[message.identifier] = Result(Outcome.STAYS, reason)
        for message in selection.left:
            self.results[message.identifier] = Result(Outcome.LEFT)
        for message in chain((each for each, _ in selection.chosen), *selection.superseded.values()):
            self.results[message.identifier] = Result(Outcome.WAITS)
        for identifier in self.queue.new:
            self.results[identifier] = Result(Outcome.STAYS, "it arrived during this run")

    def plan_discard(self, messages: Sequence[Message]) -> None:
        """Note that these messages are to be deleted, and the others stay."""
        self.results = dict.fromkeys((*self.queue.messages, *self.queue.new), Result(Outcome.LEFT))
        self.results |= dict.fromkeys((message.identifier for message in messages), Result(Outcome.WAITS))

    def rehearse(self) -> None:
        """Note which messages a run would delete as superseded."""
        for message in chain.from_iterable(self._superseded.values()):
            self.results[message.identifier] = Result(Outcome.SUPERSEDED)

    def replay(self, chosen: Sequence[_Event]) -> None:
        """Invoke the function with each event; delete what Lambda accepted, and what that supersedes."""
        # The first one alone shows whether the caller may invoke and delete.
        for part in (chosen[:1], chosen[1:]):
            for task, result in side_by_side(self._do, self._tasks(part), stopped=self._is_over):
                if isinstance(result, Invocation):
                    self._note_invocation(task[0], result)  # type: ignore[arg-type]  # an invocation is of an event
                else:
                    self._note_deletion(task, result)  # type: ignore[arg-type]  # a deletion is of identifiers
                self.queue.extend_if_due()
            self._delete_rest()

    def discard(self, messages: Sequence[Message]) -> None:
        """Delete messages without an invocation."""
        waiting = batches((message.identifier for message in messages), BATCH)
        for identifiers, failures in side_by_side(self.queue.delete, waiting, stopped=self._is_over):
            for identifier in identifiers:
                self.results[identifier] = Result(Outcome.DISCARDED)
            self._note_deletion(identifiers, failures)
            self.queue.extend_if_due()

    def _is_over(self) -> bool:
        self.ended = self.ended or self.queue.failure
        return self.interrupted() or self.ended is not None

    def _tasks(self, events: Sequence[_Event]) -> Iterator[_Task]:
        for event in events:
            while len(self._deletable) >= BATCH:
                batch, self._deletable = self._deletable[:BATCH], self._deletable[BATCH:]
                yield batch
            identifier = event[0].identifier
            if identifier in self.queue.lost:
                self.results[identifier] = Result(Outcome.STAYS, _LOST)
            else:
                yield event

    def _do(self, task: _Task) -> Invocation | Mapping[str, Failure]:
        """In a thread."""
        return self.queue.delete(task) if isinstance(task, list) else self.function.invoke(task[1].payload)

    def _note_invocation(self, message: Message, invocation: Invocation) -> None:
        superseded = self._superseded.get(message.identifier, ())
        if invocation.answer is Answer.ACCEPTED:
            self.results[message.identifier] = Result(Outcome.REPLAYED)
            self._deletable.append(message.identifier)
            for older in superseded:
                self.results[older.identifier] = Result(Outcome.SUPERSEDED)
                self._deletable.append(older.identifier)
        else:
            outcome = Outcome.UNSURE if invocation.answer is Answer.UNSURE else Outcome.STAYS
            self.results[message.identifier] = Result(outcome, invocation.reason)
            for older in superseded:
                self.results[older.identifier] = Result(Outcome.STAYS, "a newer event, which supersedes it, stays")
        self.advance(1)
        if invocation.is_general and self.ended is None:
            self.ended = Failure("every further event would fail in the same way", expired=invocation.expired)

    def _delete_rest(self) -> None:
        """Delete what was accepted, even after an interruption: otherwise the next run would replay it again."""
        waiting = batches(self._deletable, BATCH)
        self._deletable = []
        general: list[Failure] = []

        def ends() -> bool:
            return bool(general)

        for identifiers, failures in side_by_side(self.queue.delete, waiting, stopped=ends):
            self._note_deletion(identifiers, failures)
            general.extend(failure for failure in failures.values() if failure.is_general)
        for identifier in (each for batch in waiting for each in batch):
            self._note_not_deleted(identifier, Failure("not tried after the others"))

    def _note_deletion(self, identifiers: Sequence[str], failures: Mapping[str, Failure]) -> None:
        self.queue.forget(identifier for identifier in identifiers if identifier not in failures)
        for identifier, failure in failures.items():
            self._note_not_deleted(identifier, failure)
        general = next((failure for failure in failures.values() if failure.is_general), None)
        if general is not None and self.ended is None:
            self.ended = Failure(_NO_DELETION, expired=general.expired)

    def _note_not_deleted(self, identifier: str, failure: Failure) -> None:
        outcome = self.results[identifier].outcome
        if outcome is Outcome.DISCARDED:
            self.results[identifier] = Result(Outcome.STAYS, f"it {_NOT_DELETED}: {failure.reason}")
        else:
            self.results[identifier] = Result(outcome, f"{outcome}, but it {_NOT_DELETED}: {failure.reason}")
