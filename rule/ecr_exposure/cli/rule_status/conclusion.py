"""What a status amounts to: counts, groups of equal findings, what was not seen, and the exit code."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.command_line import ExitCode
from ecr_exposure.cli.rule_status.evaluation_state import Row, State, decide
from ecr_exposure.cli.rule_status.evidence import Evidence
from ecr_exposure.cli.rule_status.stack_facts import StackFacts
from ecr_exposure.cli.rule_status.stack_operations import Operations
from ecr_exposure.cli.stack import DeployedAs

# A request ID or another UUID; and where a long message was cut, what is left of its last word.
_IDENTIFIER: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_CUT: Final = re.compile(r"\w[\w-]*…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Accounts and Regions in the same state for the same reason."""

    state: State
    reason: str
    """In a group of several: ACCOUNT for the account's own ID, REGION for Regions, ID for other identifiers of AWS."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """What could not be read, with the Regions in which it is needed."""

    reason: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The status of a stack."""

    evidence: Evidence
    operations: tuple[Operations, ...]
    rows: tuple[Row, ...]
    not_seen: tuple[NotSeen, ...]

    @property
    def counts(self) -> dict[State, int]:
        """How many pairs of account and Region are in each state, the worst first; those without any are omitted."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in State if counted[state]}

    @property
    def problems_of_evaluated(self) -> int:
        """How many are evaluated although AWS reports something as failed there."""
        return sum(1 for row in self.rows if row.state is State.EVALUATED and row.reason)

    @property
    def failed_events(self) -> int:
        """How many failed events there are in all queues that could be read."""
        return sum(each.events for each in self.operations)

    @property
    def alarms(self) -> int:
        """How many alarms are in ALARM or do not exist."""
        return sum(len(each.in_alarm) + len(each.missing_alarms) for each in self.operations)

    @property
    def exit_code(self) -> ExitCode:
        """Whether all is evaluated, something is not, or something could not be seen."""
        if self.evidence.unread or self.not_seen or any(row.state is State.NOT_SEEN for row in self.rows):
            return ExitCode.NOT_DONE
        if self.failed_events or self.alarms or not all(row.is_as_wanted for row in self.rows):
            return ExitCode.NOT_AS_WANTED
        return ExitCode.AS_WANTED


def conclude(evidence: Evidence, operations: Sequence[Operations]) -> Conclusion:
    """Return the status."""
    return Conclusion(
        evidence=evidence,
        operations=tuple(operations),
        rows=decide(evidence),
        not_seen=_not_seen(evidence, operations),
    )


def group_rows(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Return groups of equal state and reason; the worst state first, in it the largest group first."""
    found: dict[tuple[State, str], list[Row]] = {}
    regions = re.compile("|".join(sorted({re.escape(row.region) for row in rows}, key=len, reverse=True)))
    for row in rows:
        found.setdefault((row.state, _without_place(row, regions)), []).append(row)
    order = list(State)
    groups = (
        Group(state=state, reason=reason if len(each) > 1 else each[0].reason, rows=tuple(each))
        for (state, reason), each in found.items()
    )
    return tuple(sorted(groups, key=lambda group: (order.index(group.state), -len(group.rows), group.reason)))


def _without_place(row: Row, regions: re.Pattern[str]) -> str:
    """Return the reason without what differs by place: a message of AWS may name account, Region and a request."""
    if not row.reason:
        return ""
    text = regions.sub("REGION", row.reason.replace(row.account, "ACCOUNT"))
    return _CUT.sub("…", _IDENTIFIER.sub("ID", text))


def _not_seen(evidence: Evidence, operations: Sequence[Operations]) -> tuple[NotSeen, ...]:
    regions: dict[str, list[str]] = {}
    for region, unknown in (*_unknown(evidence), *_unknown_operations(operations)):
        places = regions.setdefault(unknown.reason, [])
        if region not in places:
            places.append(region)
    return tuple(NotSeen(reason=reason, regions=tuple(places)) for reason, places in regions.items())


def _unknown(evidence: Evidence) -> Iterator[tuple[str, Unknown]]:
    for each in evidence.regions:
        if isinstance(each.stack, Unknown):
            yield each.region, each.stack
        if not isinstance(each.stack, StackFacts):
            continue
        if isinstance(each.aggregator, Unknown):  # then its contents are not read, for the same reason
            facts: tuple[object, ...] = (each.aggregator, each.instances, each.deployments)
        else:
            facts = (each.instances, each.deployments, each.sources, each.repositories, each.evaluated)
        if each.stack.deployed_as is not DeployedAs.ACCOUNT_RULE:
            facts = (evidence.members, *facts)
        yield from ((each.region, fact) for fact in facts if isinstance(fact, Unknown))


def _unknown_operations(operations: Sequence[Operations]) -> Iterator[tuple[str, Unknown]]:
    for each in operations:
        events = each.failed_events
        facts = (events, each.alarms) if isinstance(events, Unknown) else (events.oldest, each.alarms)
        yield from ((each.region, fact) for fact in facts if isinstance(fact, Unknown))
