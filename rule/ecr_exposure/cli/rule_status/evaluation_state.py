"""Concludes from the evidence whether the rule evaluates the repositories of each account in each Region.

Only a current result for each recorded repository counts as evaluated. What AWS reports as failed, and what could not
be read, never becomes "no repositories".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.rule_status.evidence import ACTIVE, NONE_RECORDED, Evidence, Member, RegionEvidence, Times
from ecr_exposure.cli.rule_status.stack_facts import StackFacts
from ecr_exposure.cli.stack import DeployedAs

_PERIODS: Final = 2
NO_STACK: Final = "no stack of this name in this Region"
NO_RESULT: Final = "no compliance result"
INCOMPLETE: Final = "some repositories have no compliance result"


class State(StrEnum):
    """Whether the rule evaluates the repositories of one account in one Region; the worst first."""

    NOT_SEEN = "not seen"
    MISSING = "missing"
    PARTLY = "partly evaluated"
    EVALUATED = "evaluated"
    NO_REPOSITORIES = "no repositories"
    EXCLUDED = "excluded"
    NOT_ACTIVE = "account not active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One account in one Region."""

    account: str
    region: str
    state: State
    reason: str = ""
    """Why; also what AWS reports as failed although all repositories are evaluated."""
    current: int | None = None
    """How many repositories have a current result; None if it is not known."""
    repositories: int | None = None
    """How many repositories AWS Config has recorded or has a result for; None if it is not known."""
    oldest: datetime | None = None
    """The time of the oldest result; None without results."""

    @property
    def is_as_wanted(self) -> bool:
        """Whether nothing has to be done: no reason in a state that is no failure."""
        match self.state:
            case State.EVALUATED:
                return not self.reason
            case State.NO_REPOSITORIES | State.EXCLUDED | State.NOT_ACTIVE:
                return True
            case State.NOT_SEEN | State.MISSING | State.PARTLY:
                return False
            case never:
                assert_never(never)


def decide(evidence: Evidence) -> tuple[Row, ...]:
    """Return one row for each account and Region, in the order of the Regions and of the accounts."""
    return tuple(_row(evidence, region, member) for region in evidence.regions for member in _members(evidence, region))


def _members(evidence: Evidence, region: RegionEvidence) -> Iterator[Member]:
    """Yield the accounts that a Region should have; if they are not known, those of which AWS reports anything."""
    stack = region.stack
    if isinstance(stack, StackFacts) and stack.deployed_as is DeployedAs.ACCOUNT_RULE:
        members: tuple[Member, ...] = (Member(account=evidence.hub, state=ACTIVE),)
    elif isinstance(evidence.members, Unknown):
        traces = {evidence.hub, *evidence.named, *_traces(region)}
        members = tuple(Member(account=account, state=ACTIVE) for account in sorted(traces))
    else:
        members = evidence.members
    return (each for each in members if not evidence.named or each.account in evidence.named)


def _traces(region: RegionEvidence) -> Iterator[str]:
    for problems in (region.instances, region.deployments):
        if not isinstance(problems, Unknown):
            yield from problems.found
    for known in (region.repositories, region.evaluated):
        if not isinstance(known, Unknown):
            yield from known


def _row(evidence: Evidence, region: RegionEvidence, member: Member) -> Row:
    account, stack = member.account, region.stack

    def row(state: State, reason: str) -> Row:
        return Row(account=account, region=region.region, state=state, reason=reason)

    if member.state != ACTIVE:
        return row(State.NOT_ACTIVE, f"its state in AWS Organizations is {member.state}")
    if stack is None:
        return row(State.MISSING, NO_STACK)
    if isinstance(stack, Unknown):
        return row(State.NOT_SEEN, stack.reason)
    if account in stack.excluded:
        return row(State.EXCLUDED, stack.excluded[account])
    return _from_results(region, stack, account, evidence.now)


def _reports(region: RegionEvidence, stack: StackFacts, account: str) -> tuple[str, str]:
    """Return what AWS reports as failed in an account, and what could not be read about it."""
    problems, unknown = [], []
    gets_role = stack.deployed_as is not DeployedAs.ACCOUNT_RULE and stack.gets_role_from_stack_set(account)
    for reported in (region.instances if gets_role else None, region.deployments, region.sources, region.rules):
        if isinstance(reported, Unknown):
            unknown.append(reported.reason)
        elif reported is not None and reported.of(account):
            problems.append(reported.of(account))
    return "; ".join(problems), "; ".join(unknown)


def _from_results(region: RegionEvidence, stack: StackFacts, account: str, now: datetime) -> Row:
    problems, unknown = _reports(region, stack, account)
    results, repositories = _results(region, account), region.repositories
    if isinstance(results, Unknown):
        return _unread(region, account, problems, results)
    if isinstance(repositories, Unknown):
        return _unread(region, account, problems, repositories)
    recorded = repositories.get(account, NONE_RECORDED)
    limit = None if stack.period is None else _PERIODS * stack.period
    old = sum(1 for time in results.values() if limit is not None and now - time > limit)
    current = len(results) - old
    # By name: the result of a deleted repository says nothing about one that was created since.
    expected = max(len(recorded.names | results.keys()), recorded.count)
    state, reason = _state(current, old, expected, limit)
    if state is State.NO_REPOSITORIES and problems:
        state = State.MISSING
    elif state is State.NO_REPOSITORIES and unknown:
        state, reason = State.NOT_SEEN, unknown
    return Row(
        account=account,
        region=region.region,
        state=state,
        reason=problems or reason,
        current=current,
        repositories=expected,
        oldest=min(results.values(), default=None),
    )


def _unread(region: RegionEvidence, account: str, problems: str, unknown: Unknown) -> Row:
    """Return the row of an account whose results are unknown; what AWS reports as failed is enough for "missing"."""
    state = State.MISSING if problems else State.NOT_SEEN
    return Row(account=account, region=region.region, state=state, reason=problems or unknown.reason)


def _results(region: RegionEvidence, account: str) -> Times | Unknown:
    """Return the results of an account; empty where AWS Config has none."""
    aggregator = region.aggregator
    if isinstance(aggregator, Unknown):
        return aggregator
    if aggregator is not None and aggregator.accounts is not None and account not in aggregator.accounts:
        return Unknown(f"the aggregator {aggregator.name} does not cover this account")
    return region.evaluated if isinstance(region.evaluated, Unknown) else region.evaluated.get(account, {})


def _state(current: int, old: int, expected: int, limit: timedelta | None) -> tuple[State, str]:
    """Return the state that the results alone show, and the reason if it is no good one."""
    if not expected:
        return State.NO_REPOSITORIES, ""
    if current == expected:
        return State.EVALUATED, ""
    hours = 0 if limit is None else limit // timedelta(hours=1)
    aged = f"results are older than two periods ({hours} hours)"
    if current:
        return State.PARTLY, f"some {aged}" if old else INCOMPLETE
    return State.MISSING, aged if old else NO_RESULT
