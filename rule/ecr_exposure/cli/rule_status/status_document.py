"""A status as the members of the JSON document of ``status --json``, schema 1."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.rule_status.conclusion import Conclusion
from ecr_exposure.cli.rule_status.evaluation_state import NO_STACK, Row
from ecr_exposure.cli.rule_status.evidence import RegionEvidence
from ecr_exposure.cli.rule_status.stack_facts import StackFacts
from ecr_exposure.cli.rule_status.stack_operations import Operations


def document(conclusion: Conclusion) -> dict[str, Any]:
    """Return stacks, counts, accounts (each in each Region), failed_events, alarms and not_seen.

    Times are in UTC by ISO 8601; what is not known is null, and in an "error" beside it is why.
    """
    return {
        "stacks": [_stack(region) for region in conclusion.evidence.regions],
        "counts": {state.value: count for state, count in conclusion.counts.items()},
        "accounts": [_row(row) for row in conclusion.rows],
        "failed_events": [_failed_events(each) for each in conclusion.operations],
        "alarms": [alarm for each in conclusion.operations for alarm in _alarms(each)],
        "not_seen": [{"reason": each.reason, "regions": list(each.regions)} for each in conclusion.not_seen],
    }


def _stack(region: RegionEvidence) -> dict[str, Any]:
    stack = region.stack
    if not isinstance(stack, StackFacts):
        reason = NO_STACK if stack is None else stack.reason
        return {"region": region.region, "name": None, "error": reason}
    place = region.aggregator
    aggregator = None if place is None or isinstance(place, Unknown) else f"{place.name} in {place.region}"
    return {
        "region": region.region,
        "name": stack.name,
        "status": stack.status,
        "changed_at": _time(stack.changed_at),
        "deployed_as": stack.deployed_as.value,
        "rule": stack.rule_name,
        "period_hours": None if stack.period is None else stack.period // timedelta(hours=1),
        "aggregator": aggregator,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "account": row.account,
        "region": row.region,
        "state": row.state.value,
        "reason": row.reason,
        "evaluated": row.current,
        "repositories": row.repositories,
        "oldest_result": None if row.oldest is None else _time(row.oldest),
    }


def _failed_events(operations: Operations) -> dict[str, Any]:
    events = operations.failed_events
    if isinstance(events, Unknown):
        unknown = {"waiting": None, "in_flight": None, "oldest_seconds": None}
        return {"region": operations.region} | unknown | {"error": events.reason}
    found = {"region": operations.region, "waiting": events.waiting, "in_flight": events.in_flight}
    if isinstance(events.oldest, Unknown):
        return found | {"oldest_seconds": None, "error": events.oldest.reason}
    return found | {"oldest_seconds": None if events.oldest is None else int(events.oldest.total_seconds())}


def _alarms(operations: Operations) -> Iterator[dict[str, Any]]:
    if isinstance(operations.alarms, Unknown):
        yield {"region": operations.region, "name": None, "state": None, "error": operations.alarms.reason}
        return
    for alarm in operations.alarms:
        since = None if alarm.since is None else _time(alarm.since)
        yield {
            "region": operations.region,
            "name": alarm.name,
            "state": alarm.state,
            "reason": alarm.reason,
            "since": since,
        }
    for name in operations.missing_alarms:
        yield {"region": operations.region, "name": name, "state": "MISSING", "reason": "", "since": None}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
