"""Which of the messages are replayed, superseded, or stay in the queue. Pure.

Of several events about one repository only the newest is needed, since the function evaluates the repository as it is
when it is invoked. A scheduled notification evaluates all repositories, and so it supersedes every older event of its
account, Region and rule.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from ecr_exposure.cli.failed_events.failed_event import SCHEDULED, FailedEvent, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the queue."""

    identifier: str
    sent: datetime
    """When Lambda sent it to the queue, by the clock of Amazon SQS."""
    content: FailedEvent | str
    """A failed event of the function, or why the message is not one."""


class Kind(StrEnum):
    """What ``--discard`` deletes."""

    FOREIGN = "foreign"
    """Messages that are not failed events of the function."""
    HOPELESS = "hopeless"
    """Events with which the function cannot succeed."""
    EVENTS = "events"
    """All failed events that the filters select."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which messages the operator asked for; without a filter, all."""

    accounts: frozenset[str] = frozenset()
    rule: str = ""
    """A name, or a pattern with * and ?."""
    older_than: timedelta | None = None

    @property
    def any(self) -> bool:
        """Whether there is a filter."""
        return bool(self.accounts or self.rule or self.older_than is not None)

    def match(self, message: Message, now: datetime) -> bool:
        """Return whether the operator asked for this message; a message that is no event has no account and rule."""
        if self.older_than is not None and now - message.sent < self.older_than:
            return False
        event = message.content
        if isinstance(event, str):
            return not (self.accounts or self.rule)
        return (not self.accounts or event.account in self.accounts) and (
            not self.rule or fnmatchcase(event.rule, self.rule.replace("[", "[[]"))
        )


@dataclass(slots=True, kw_only=True)
class Selection:
    """What is to be done with each message; every message is in one of the parts."""

    chosen: list[tuple[Message, FailedEvent]] = field(default_factory=list)
    """The events to replay, those that failed first at the front."""
    superseded: dict[str, list[Message]] = field(default_factory=dict)
    """By the identifier of the chosen message that supersedes them."""
    stay: list[tuple[Message, str]] = field(default_factory=list)
    """Messages that cannot be replayed, with the reason."""
    left: list[Message] = field(default_factory=list)
    """Messages that the operator did not ask for, and older events than one of these."""

    @property
    def superseded_number(self) -> int:
        """How many messages are superseded."""
        return sum(map(len, self.superseded.values()))

    @property
    def discardable(self) -> Mapping[Kind, int]:
        """How many of the messages that cannot be replayed are of each kind; no kind without one."""
        return Counter(Kind.FOREIGN if isinstance(message.content, str) else Kind.HOPELESS for message, _ in self.stay)


def select(messages: Iterable[Message], filters: Filters, *, now: datetime, most: int | None = None) -> Selection:
    """Return what is to be done with each message.

    now: the time at the start of the run, by AWS's clock. most: how many events are replayed at most.
    """
    ordered = sorted(messages, key=lambda message: (message.sent, message.identifier))
    newest = _newest(ordered)
    selection = Selection()
    tops: dict[str, list[Message]] = {}
    for message in ordered:
        event = message.content
        if not filters.match(message, now):
            selection.left.append(message)
        elif isinstance(event, str):
            selection.stay.append((message, event))
        elif (newer := _newer(newest, message, event)) is not None:
            tops.setdefault(newer.identifier, []).append(message)
        elif event.hopeless:
            selection.stay.append((message, event.hopeless))
        elif most is not None and len(selection.chosen) >= most:
            selection.left.append(message)
        else:
            selection.chosen.append((message, event))
    for message, _ in selection.chosen:
        if message.identifier in tops:
            selection.superseded[message.identifier] = tops.pop(message.identifier)
    # Nothing supersedes these in this run: the newer event stays in the queue.
    selection.left += [message for older in tops.values() for message in older]
    return selection


def of_kinds(messages: Iterable[Message], kinds: Iterable[Kind], filters: Filters, now: datetime) -> list[Message]:
    """Return the messages that ``--discard`` deletes."""
    wanted = frozenset(kinds)

    def is_wanted(content: FailedEvent | str) -> bool:
        if isinstance(content, str):
            return Kind.FOREIGN in wanted
        return Kind.EVENTS in wanted or (Kind.HOPELESS in wanted and bool(content.hopeless))

    return [message for message in messages if is_wanted(message.content) and filters.match(message, now)]


_Order = tuple[datetime, datetime, str]


def _newest(messages: Sequence[Message]) -> dict[Subject, tuple[_Order, Message]]:
    """Return the newest event of each subject with which the function can succeed."""
    newest: dict[Subject, tuple[_Order, Message]] = {}
    for message in messages:
        event = message.content
        if isinstance(event, str) or event.hopeless or event.at is None or event.subject is None:
            continue
        order = (event.at, message.sent, message.identifier)
        if event.subject not in newest or order > newest[event.subject][0]:
            newest[event.subject] = (order, message)
    return newest


def _newer(newest: dict[Subject, tuple[_Order, Message]], message: Message, event: FailedEvent) -> Message | None:
    """Return the newest event that makes this one unnecessary, if there is one."""
    if event.at is None or event.subject is None:
        return None
    scheduled = newest.get(Subject(event.subject.rule, ()))
    if scheduled is not None and event.message_type != SCHEDULED and scheduled[0][0] > event.at:
        return scheduled[1]
    found = newest.get(event.subject)
    return found[1] if found is not None and found[0] > (event.at, message.sent, message.identifier) else None
