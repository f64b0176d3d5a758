"""What is known about the evaluations of a rule, before anything is concluded from it. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from ecr_exposure.cli.aggregated_data import Problems
from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.rule_status.stack_facts import StackFacts

ACTIVE: Final = "ACTIVE"
"""The state of an account in AWS Organizations."""


NO_PROBLEMS = Problems(found=MappingProxyType({}), otherwise="")

Times = Mapping[str, datetime]
"""Repository to the time of its last evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The repositories that AWS Config has recorded in one account and Region."""

    names: frozenset[str]
    count: int
    """How many AWS Config counts; another number if one of the two lists is behind the other."""


NONE_RECORDED = Recorded(names=frozenset(), count=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEvidence:
    """What is known about one Region."""

    region: str
    stack: StackFacts | Unknown | None
    """None if no stack of the name exists there; nothing else is known then."""
    aggregator: AggregatorPlace | Unknown | None = None
    """None for a rule of one account; unknown where no aggregator covers the Region."""
    instances: Problems | Unknown = NO_PROBLEMS
    """The stack instances that create the role in each account, which all Regions share."""
    deployments: Problems | Unknown = NO_PROBLEMS
    """The conformance pack, the organization rule or the rule in each account."""
    sources: Problems | Unknown = NO_PROBLEMS
    """The aggregator's last update from each account."""
    rules: Problems = NO_PROBLEMS
    """Several rules with results that could be the stack's."""
    repositories: Mapping[str, Recorded] | Unknown = field(default_factory=dict)
    """The repositories that AWS Config has recorded, by account; an account without any may be omitted."""
    evaluated: Mapping[str, Times | Unknown] | Unknown = field(default_factory=dict)
    """The repositories with a result of the rule, by account; an account without any is omitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account of the organization."""

    account: str
    state: str
    """ACTIVE, or another state of AWS Organizations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known."""

    hub: str
    now: datetime
    named: frozenset[str]
    """The accounts that the operator named; empty for all."""
    members: tuple[Member, ...] | Unknown
    """The accounts of the organization; without organization the hub alone."""
    regions: tuple[RegionEvidence, ...]
    unread: str = ""
    """Why not all was read, such as "interrupted"; empty if all was."""
