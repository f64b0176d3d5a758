"""The failed events that wait in a stack's queue, and the stack's alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.aws_calls import Clients, Unknown, attempt, entries, message_text, required
from ecr_exposure.cli.rule_status.stack_facts import StackFacts

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_WAITING: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_DELAYED: Final = "ApproximateNumberOfMessagesDelayed"
_AGE: Final = "the age of the oldest failed event"
_RECENT: Final = timedelta(hours=1)
_PERIOD: Final = 300
# The logical IDs in template.yaml; CloudFormation adds a hyphen and a random part.
_ALARMS: Final = ("FailedEventsAlarm", "ErrorsAlarm", "ThrottlesAlarm", "LostEventsAlarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvents:
    """The queue of failed events; SQS counts approximately."""

    waiting: int
    in_flight: int
    """Received by a consumer, such as replay, and not deleted yet."""
    oldest: timedelta | Unknown | None
    """The age of the oldest one as CloudWatch knows it; None if it has no recent value, or nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm of the stack."""

    name: str
    """The logical ID in the template."""
    state: str
    """OK, ALARM or INSUFFICIENT_DATA."""
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What waits for the operator in one Region."""

    region: str
    failed_events: FailedEvents | Unknown
    alarms: tuple[Alarm, ...] | Unknown

    @property
    def missing_alarms(self) -> tuple[str, ...]:
        """The alarms of the template that do not exist."""
        if isinstance(self.alarms, Unknown):
            return ()
        names = {alarm.name for alarm in self.alarms}
        return tuple(name for name in _ALARMS if name not in names)

    @property
    def in_alarm(self) -> tuple[Alarm, ...]:
        """The alarms in state ALARM."""
        return () if isinstance(self.alarms, Unknown) else tuple(each for each in self.alarms if each.state == "ALARM")

    @property
    def events(self) -> int:
        """How many failed events there are; 0 if it is not known."""
        known = self.failed_events
        return 0 if isinstance(known, Unknown) else known.waiting + known.in_flight


def read_operations(clients: Clients, stack: StackFacts, now: datetime) -> Operations:
    """Read queue and alarms of a stack in its Region."""
    return Operations(
        region=stack.region,
        failed_events=attempt(lambda: _failed_events(clients, stack.queue_url, now), "the failed events"),
        alarms=attempt(lambda: _alarms(clients.cloudwatch, stack.name), "the alarms"),
    )


def _failed_events(clients: Clients, url: str, now: datetime) -> FailedEvents:
    response = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING, _IN_FLIGHT, _DELAYED])
    waiting, in_flight = required(response, lambda each: _counts(each["Attributes"]))
    queue = url.rpartition("/")[2]
    return FailedEvents(
        waiting=waiting,
        in_flight=in_flight,
        oldest=attempt(lambda: _oldest(clients.cloudwatch, queue, now), _AGE) if waiting or in_flight else None,
    )


def _counts(attributes: Mapping["QueueAttributeNameType", str]) -> tuple[int, int]:
    """Return how many messages wait, and how many were received and not deleted yet."""
    return int(attributes[_WAITING]) + int(attributes[_DELAYED]), int(attributes[_IN_FLIGHT])


def _oldest(client: "CloudWatchClient", queue: str, now: datetime) -> timedelta | None:
    """Return the age of the oldest message, without receiving it.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    response = client.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - _RECENT,
        EndTime=now + timedelta(seconds=_PERIOD),
        Period=_PERIOD,
        Statistics=["Maximum"],
    )
    points = required(response, lambda each: each["Datapoints"])
    if not points:
        return None
    latest = max(points, key=lambda point: point["Timestamp"])
    return timedelta(seconds=latest["Maximum"])


def _alarms(client: "CloudWatchClient", stack: str) -> tuple[Alarm, ...]:
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-", AlarmTypes=["MetricAlarm"])
    found = []
    for each in entries(pages, lambda page: page["MetricAlarms"]):
        name, _, random = each["AlarmName"].removeprefix(f"{stack}-").partition("-")
        if name in _ALARMS and "-" not in random:  # otherwise it belongs to a stack with a longer name
            found.append(
                Alarm(
                    name=name,
                    state=each["StateValue"],
                    reason=message_text(each.get("StateReason", "")),
                    since=each.get("StateTransitionedTimestamp") or each.get("StateUpdatedTimestamp"),
                )
            )
    return tuple(sorted(found, key=lambda alarm: _ALARMS.index(alarm.name)))
