"""What ``replay`` prints about the messages, as lines and as members of the JSON document."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ecr_exposure.cli.failed_events.failed_event import FailedEvent
from ecr_exposure.cli.failed_events.replay_run import Outcome, Result
from ecr_exposure.cli.failed_events.selection import Message
from ecr_exposure.cli.output import Output, duration

_MOST_NAMED: Final = 5
_MOST_GROUPS: Final = 20
_STYLES: Final = {Outcome.REPLAYED: "green", Outcome.DISCARDED: "green", Outcome.SUPERSEDED: "green"}


def counts(results: Mapping[str, Result]) -> Mapping[str, int]:
    """Return how many messages have each outcome, and how many stay in the queue against the operator's wish."""
    found = Counter(result.outcome for result in results.values())
    kept = sum(1 for result in results.values() if result.reason)
    return {**{str(outcome): found[outcome] for outcome in Outcome if outcome is not Outcome.STAYS}, "stays": kept}


def counted(results: Mapping[str, Result], done: Outcome, word: str) -> str:
    """Return one line, such as: 4,812 of 5,000 replayed, 12 superseded, 3 stay.

    done: the outcome that the operator asked for, and its word.
    """
    number = counts(results)
    parts = [f"{number[done]:,} of {len(results):,} {word}"]
    if "replay" in word:
        parts.append(f"{number['superseded']:,} superseded")
    parts.append(f"{number['stays']:,} stay")
    if number["unsure"]:
        parts[-1] += f" ({number['unsure']:,} of them unsure)"
    if number["waits"] and done is not Outcome.WAITS:
        parts.append(f"{number['waits']:,} not done")
    if number["left"]:
        parts.append(f"{number['left']:,} not asked for")
    return ", ".join(parts)


def print_groups(output: Output, events: Iterable[FailedEvent]) -> None:
    """Print the events by their error, with the accounts; equal errors of several accounts are one group."""
    groups = grouped(events)
    for cause, accounts in groups[:_MOST_GROUPS]:
        output.line(f"{accounts.total():,} failed: {cause}")
        named = ", ".join(f"{account} ({number:,})" for account, number in accounts.most_common(_MOST_NAMED))
        more = f" and {len(accounts) - _MOST_NAMED:,} more" if len(accounts) > _MOST_NAMED else ""
        output.line(f"in {len(accounts):,} account{'s' if len(accounts) > 1 else ''}: {named}{more}", indent=2)
    if len(groups) > _MOST_GROUPS:
        output.line(f"and {len(groups) - _MOST_GROUPS:,} more errors (--json has all)")


def grouped(events: Iterable[FailedEvent]) -> Sequence[tuple[str, Counter[str]]]:
    """Return each error with how many events of each account have it, the most frequent first."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        groups[event.cause][event.account] += 1
    return sorted(groups.items(), key=lambda group: (-group[1].total(), group[0]))


def print_stays(output: Output, results: Mapping[str, Result]) -> None:
    """Print what stays in the queue, by reason."""
    reasons = _reasons(results)
    for reason, identifiers in reasons[:_MOST_GROUPS]:
        more = f" and {len(identifiers) - _MOST_NAMED:,} more" if len(identifiers) > _MOST_NAMED else ""
        named = ", ".join(identifiers[:_MOST_NAMED])
        output.line((f"{len(identifiers):,} stay", "yellow"), f": {reason}")
        output.line(f"{named}{more}", indent=2)
    if len(reasons) > _MOST_GROUPS:
        output.line(f"and {len(reasons) - _MOST_GROUPS:,} more reasons (--json has all)")


def _reasons(results: Mapping[str, Result]) -> Sequence[tuple[str, list[str]]]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for identifier, result in results.items():
        if result.reason:
            reasons[result.reason].append(identifier)
    return sorted(reasons.items(), key=lambda group: (-len(group[1]), group[0]))


def print_each(
    output: Output, messages: Iterable[Message], results: Mapping[str, Result], *, now: datetime, waits: str
) -> None:
    """Print one line for each event that the operator asked for, those that failed first at the top.

    now: by AWS's clock. waits: the word for an event that the run has not got to.
    """
    for message in sorted(messages, key=lambda each: (each.sent, each.identifier)):
        event, result = message.content, results[message.identifier]
        if isinstance(event, str) or result.outcome is Outcome.LEFT:
            continue
        word = waits if result.outcome is Outcome.WAITS else str(result.outcome)
        title = (word.capitalize(), _STYLES.get(result.outcome, "yellow"))
        age = duration((now - message.sent).total_seconds())
        output.line(title, f" {_title(event)}, failed {age} ago: {event.error}")


def members(
    messages: Mapping[str, Message], results: Mapping[str, Result], ended: str, in_flight: str
) -> Mapping[str, Any]:
    """Return the members of the JSON document.

    ended: why the run ended before everything was done. in_flight: why messages do not become visible at once.
    """
    events = [message.content for message in messages.values()]
    return {
        "messages": len(results),
        **counts(results),
        "stay": [
            {"reason": reason, "count": len(identifiers), "messages": identifiers}
            for reason, identifiers in _reasons(results)
        ],
        "errors": [
            {"error": cause, "count": accounts.total(), "accounts": dict(accounts)}
            for cause, accounts in grouped(event for event in events if not isinstance(event, str))
        ],
        "events": list(_rows(messages.values(), results)),
        "ended": ended,
        "in_flight": in_flight,
    }


def _rows(messages: Iterable[Message], results: Mapping[str, Result]) -> Iterator[Mapping[str, Any]]:
    for message in sorted(messages, key=lambda each: (each.sent, each.identifier)):
        event, result = message.content, results[message.identifier]
        if isinstance(event, str):
            continue
        yield {
            "message": message.identifier,
            "account": event.account,
            "rule": event.rule,
            "type": event.message_type,
            "repository": event.resource or None,
            "failed_at": message.sent.isoformat(timespec="milliseconds"),
            "error": event.error,
            "outcome": str(result.outcome),
            "reason": result.reason,
        }


def _title(event: FailedEvent) -> str:
    resource = f"{event.resource} in " if event.resource else ""
    return f"{resource}account {event.account} ({event.message_type}, rule {event.rule})"
