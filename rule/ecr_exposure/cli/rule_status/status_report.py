"""Prints a status: one table, groups at scale, failed events, alarms, and what was not seen."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.output import Output, duration
from ecr_exposure.cli.rule_status.conclusion import Conclusion, Group, group_rows
from ecr_exposure.cli.rule_status.evaluation_state import INCOMPLETE, NO_RESULT, Row, State
from ecr_exposure.cli.rule_status.stack_facts import StackFacts
from ecr_exposure.cli.rule_status.stack_operations import Alarm, FailedEvents, Operations

_MOST_ROWS: Final = 30
_MOST_GROUPS: Final = 40
_MOST_NAMED: Final = 5
_RECENT: Final = timedelta(hours=1)
_STYLES: Final = {
    State.NOT_SEEN: "yellow",
    State.MISSING: "red",
    State.PARTLY: "red",
    State.EVALUATED: "green",
    State.NO_REPOSITORIES: "green",
    State.EXCLUDED: "",
    State.NOT_ACTIVE: "",
}
_COUNTED: Final = {State.NO_REPOSITORIES: "without repositories", State.NOT_ACTIVE: "not active"}
_STABLE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_WIDTH: Final = max(len(state) for state in State)
_COUNT: Final = "Accounts × Regions"  # noqa: RUF001 - a product
_NO_REPOSITORIES: Final = (
    '"no repositories": AWS Config has recorded none and the rule has reported none. preflight shows where a recorder '
    "does not run, or does not record repositories."
)
_NEVER_OLD: Final = (
    "Without periodic evaluations a result does not become old, also where a recorder was stopped since: preflight "
    "shows where."
)


def print_conclusion(output: Output, conclusion: Conclusion, profile: str | None) -> None:
    """Print all but the last line; the printed commands use the profile of the AWS CLI that the operator named."""
    option = f" {shlex.join(('--profile', profile))}" if profile else ""
    _print_stacks(output, conclusion)
    if len(conclusion.rows) <= _MOST_ROWS:
        _print_table(output, conclusion.rows)
    else:
        _print_groups(output, conclusion.rows)
    _print_operations(output, conclusion, option)
    _print_not_seen(output, conclusion)
    _print_notes(output, conclusion, option)


def summary(conclusion: Conclusion) -> str:
    """Return in one line how many accounts in Regions are in each state, and what else is not as wanted."""
    parts = [f"{count:,} {_COUNTED.get(state, state)}" for state, count in conclusion.counts.items()]
    if conclusion.problems_of_evaluated:
        parts.append(f"{conclusion.problems_of_evaluated:,} of the evaluated with a problem")
    accounts = _number(len({row.account for row in conclusion.rows}), "account")
    text = f"{', '.join(parts)} ({accounts}, {_number(len(conclusion.evidence.regions), 'Region')})"
    if conclusion.failed_events:
        text += f"; {_number(conclusion.failed_events, 'failed event')}"
    if conclusion.alarms:
        text += f"; {_number(conclusion.alarms, 'alarm')}"
    return text


def _print_stacks(output: Output, conclusion: Conclusion) -> None:
    texts: dict[str, list[str]] = {}
    for each in conclusion.evidence.regions:
        stack = each.stack
        if isinstance(stack, StackFacts):
            hours = 0 if stack.period is None else stack.period // timedelta(hours=1)
            period = f"evaluates every {_number(hours, 'hour')}" if hours else "without periodic evaluations"
            unstable = "" if stack.status in _STABLE else f", status {stack.status}"
            text = f"Stack {stack.name}{unstable}: rule {stack.rule_name} as {stack.deployed_as}, {period}"
            texts.setdefault(text, []).append(each.region)
    for text, regions in texts.items():
        output.line(f"{text} ({_listed(regions)})" if len(conclusion.evidence.regions) > 1 else text)


def _print_table(output: Output, rows: Sequence[Row]) -> None:
    order = list(State)
    width = max((len(row.region) for row in rows), default=0)
    output.line((f"{'Account':<12}  {'Region':<{width}}  {'State':<{_WIDTH}}  {'Repositories':<12}  Reason", "bold"))
    for row in sorted(rows, key=lambda each: order.index(each.state)):
        place = f"{row.account:<12}  {row.region:<{width}}  "
        rest = f"  {_repositories(row):<12}  {row.reason}".rstrip()
        output.line(place, (f"{row.state:<{_WIDTH}}" if rest else row.state.value, _STYLES[row.state]), rest)


def _repositories(row: Row) -> str:
    return f"{row.current} of {row.repositories}" if row.repositories else ""


def _print_groups(output: Output, rows: Sequence[Row]) -> None:
    groups = group_rows(rows)
    output.line((f"{_COUNT}  {'State':<{_WIDTH}}  Reason", "bold"))
    for group in groups[:_MOST_GROUPS]:
        state = f"{group.state:<{_WIDTH}}" if group.reason else group.state.value
        count = f"{len(group.rows):>{len(_COUNT)},}  "
        output.line(count, (state, _STYLES[group.state]), f"  {group.reason}".rstrip())
        if group.reason:
            output.line(_places(group), indent=len(_COUNT) + _WIDTH + 4)
    rest = groups[_MOST_GROUPS:]
    if rest:
        count = f"{sum(len(each.rows) for each in rest):>{len(_COUNT)},}"
        output.line(f"{count}  for {len(rest):,} other reasons: see --json")


def _places(group: Group) -> str:
    """Return the first accounts, each with its Region or with the number of its Regions."""
    by_account: dict[str, list[Row]] = {}
    for row in group.rows:
        by_account.setdefault(row.account, []).append(row)
    shown = (_place(rows) for rows in list(by_account.values())[:_MOST_NAMED])
    return f"in {', '.join(shown)}{_more(len(by_account))}"


def _place(rows: Sequence[Row]) -> str:
    row = rows[0]
    if len(rows) > 1:
        return f"{row.account} ({len(rows)} Regions)"
    share = f" ({_repositories(row)})" if row.state is State.PARTLY else ""
    return f"{row.account} {row.region}{share}"


def _print_operations(output: Output, conclusion: Conclusion, profile: str) -> None:
    quiet, calm = [], []
    for each in conclusion.operations:
        events = each.failed_events
        if isinstance(events, FailedEvents):
            if each.events:
                output.line((f"{each.region}: {_events(events)}", "red"))
                replay = f"ecr-exposure replay {_stack_name(conclusion)} --region {each.region}{profile}"
                output.line(replay, indent=4)
            else:
                quiet.append(each.region)
        for text in _alarms(each):
            output.line((f"{each.region}: {text}", "red"))
        if not (isinstance(each.alarms, Unknown) or any(_alarms(each))):
            calm.append(each.region)
    if quiet:
        output.line(f"No failed events in {_listed(quiet)}")
    if calm:
        output.line(f"No alarm in {_listed(calm)}")


def _alarms(operations: Operations) -> Iterator[str]:
    yield from map(_alarm, operations.in_alarm)
    yield from (f"alarm {name} does not exist" for name in operations.missing_alarms)


def _stack_name(conclusion: Conclusion) -> str:
    return next(each.stack.name for each in conclusion.evidence.regions if isinstance(each.stack, StackFacts))


def _events(events: FailedEvents) -> str:
    verb = "waits" if events.waiting == 1 else "wait"
    text = f"about {_number(events.waiting, 'failed event')} {verb}"
    if isinstance(events.oldest, timedelta):
        text += f", the oldest for {duration(events.oldest.total_seconds())} (SQS deletes it after 14 d)"
    return f"{text}, and {events.in_flight:,} more are being received" if events.in_flight else text


def _alarm(alarm: Alarm) -> str:
    since = f" since {alarm.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if alarm.since else ""
    return f"alarm {alarm.name} is in ALARM{since}{f': {alarm.reason}' if alarm.reason else ''}"


def _print_not_seen(output: Output, conclusion: Conclusion) -> None:
    """Print what is not yet in the table as the reason of a row."""
    shown = {row.reason for row in conclusion.rows if row.state is State.NOT_SEEN}
    for each in conclusion.not_seen:
        if each.reason not in shown:
            output.line(("Not seen: ", "yellow"), f"{each.reason} (for {_listed(each.regions)})")


def _print_notes(output: Output, conclusion: Conclusion, profile: str) -> None:
    """Print what limits the meaning of a state, and where a reason may be found."""
    if any(row.state is State.NO_REPOSITORIES for row in conclusion.rows):
        output.line(_NO_REPOSITORIES)
    stacks = [each.stack for each in conclusion.evidence.regions if isinstance(each.stack, StackFacts)]
    if any(stack.period is None for stack in stacks) and conclusion.counts.get(State.EVALUATED):
        output.line(_NEVER_OLD)
    log = _log_of_missing_results(conclusion)
    if log:
        output.line("Why a result is missing, if AWS reports no reason, is in the function's log:")
        output.line(f"{log}{profile}", indent=4)
    recent = _changed_recently(conclusion)
    if recent:
        output.line(f"The stack changed within the last hour, so first results may be on their way: {_listed(recent)}")


def _changed_recently(conclusion: Conclusion) -> list[str]:
    """Return the Regions that lack results and whose stack was changed within the last hour."""
    lacking = {row.region for row in conclusion.rows if row.state in {State.MISSING, State.PARTLY}}
    return [
        each.region
        for each in conclusion.evidence.regions
        if each.region in lacking
        and isinstance(each.stack, StackFacts)
        and conclusion.evidence.now - each.stack.changed_at < _RECENT
    ]


def _log_of_missing_results(conclusion: Conclusion) -> str:
    """Return the command that shows the function's errors, if AWS reports no reason for a missing result."""
    unexplained = {row.region for row in conclusion.rows if row.reason in {NO_RESULT, INCOMPLETE}}
    for each in conclusion.evidence.regions:
        if isinstance(each.stack, StackFacts) and each.region in unexplained:
            return f"aws logs tail {each.stack.log_group} --region {each.region} --since 1d"
    return ""


def _listed(regions: Sequence[str]) -> str:
    return ", ".join(regions[:_MOST_NAMED]) + _more(len(regions))


def _more(count: int) -> str:
    return f" and {count - _MOST_NAMED:,} more" if count > _MOST_NAMED else ""


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
