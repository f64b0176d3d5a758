"""What one run of the live check saw: frozen values, for the judgement in ``open_questions``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.live.deployment import DeployedAs
from tests.live.errors import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFinding:
    """Security Hub's finding of the throw-away repository."""

    severity: str
    failed: bool
    """Compliance.Status is FAILED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The search for the finding."""

    finding: HubFinding | None
    waited: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationRule:
    """An automation rule of Security Hub."""

    name: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoles:
    """The role StackSet of a delegated administrator."""

    changed_at: datetime
    """When the stack, and with it maybe the StackSet, was last made or updated by somebody."""
    now: datetime
    joined: Mapping[str, datetime]
    """When each active account came into the organization."""
    instances: Mapping[str, str]
    """Account to status of its stack instance: CURRENT when it was deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that one run saw."""

    rule: str
    deployed_as: DeployedAs
    account: str
    severity: str
    """What an automation rule should have made of the finding's severity."""
    evaluated: bool
    """An evaluation of the throw-away repository arrived."""
    non_compliant: bool
    function_policy: Mapping[str, Any] | Unknown
    search: Search | Unknown
    accepts_config: bool | Unknown
    """Security Hub takes findings of AWS Config."""
    automation_rules: tuple[AutomationRule, ...] | Unknown
    """Those whose name contains the rule's."""
    member_roles: MemberRoles | Unknown
    refusals: int | Unknown
    """Failures in the function's log that say that PutEvaluations was not answered by AWS Config."""
