"""The search for the finding in Security Hub, while the repository is open: only as long as it can arrive."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, has_expired, may_pass
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification import observations
from ecr_exposure.cli.verification.open_questions import (
    CONFIG_SEVERITY,
    FINDING_SECONDS,
    AutomationRule,
    FindingSearch,
    NotEnabled,
    SecurityHubFinding,
)
from ecr_exposure.cli.verification.waiting import Waiting

# An automation rule may change the finding some time after it arrives.
_AUTOMATION_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingWait:
    """What the search for the finding needs to know."""

    clients: Clients
    clock: Clock
    rule: str
    repository: str
    expected: str | None
    """The label of --expect-finding: the search goes on until a FAILED finding has it."""
    accepts_config: bool | Unknown
    """Security Hub accepts findings of AWS Config."""
    automation_rules: tuple[AutomationRule, ...] | Unknown

    def search(self, waiting: Waiting, deadline: float) -> FindingSearch | Unknown:
        """Wait for the finding, half of the remaining time at most; no finding is an answer, too.

        Raises one of AWS_ERRORS if the credentials have expired.
        """
        start = self.clock.now()
        if self.accepts_config is False:
            return FindingSearch(finding=None, waited=0.0)
        until = start + min(FINDING_SECONDS, (deadline - start) / 2)
        arrived = math.inf
        finding: SecurityHubFinding | None = None
        while True:
            unseen: Exception | None = None
            try:
                finding = observations.find_finding(self.clients, self.rule, self.repository)
            except AWS_ERRORS as error:
                if has_expired(error):
                    raise
                if not may_pass(error):
                    return observations.why_no_finding(error)
                unseen = error
            now = self.clock.now()
            if finding and finding.failed:
                arrived = min(arrived, now)
                until = min(until, arrived + _AUTOMATION_SECONDS)
            if finding and self._is_enough(finding):
                return FindingSearch(finding=finding, waited=arrived - start)
            if now >= until:
                if unseen and not finding:
                    return observations.why_no_finding(unseen)
                return FindingSearch(finding=finding, waited=min(arrived, now) - start)
            waiting.wait("the finding", until)

    def _is_enough(self, finding: SecurityHubFinding) -> bool:
        """Return whether nothing more is expected of a finding."""
        if not finding.failed:
            return False
        if self.expected is not None:
            return finding.severity == self.expected
        return finding.severity != CONFIG_SEVERITY or not self._may_change()

    def _may_change(self) -> bool:
        """Return whether an automation rule may change the severity that AWS Config sends."""
        rules = self.automation_rules
        return isinstance(rules, Unknown) or any(rule.enabled for rule in rules)


def described(search: FindingSearch | Unknown, accepts_config: bool | Unknown) -> str:  # noqa: FBT001 - three values
    """Return what a person reads about the search."""
    if isinstance(search, NotEnabled):
        return f"No finding can arrive: {search.reason}"
    if isinstance(search, Unknown):
        return f"Unknown whether there is a finding: {search.reason}"
    if search.finding is None and accepts_config is False:
        return "No finding can arrive: Security Hub does not accept findings of AWS Config here"
    if search.finding is None:
        return f"No finding arrived in {search.waited:.0f} s"
    status = "FAILED" if search.finding.failed else "not FAILED"
    return f"The finding arrived after {search.waited:.0f} s: severity {search.finding.severity}, {status}"


def as_json(search: FindingSearch | Unknown) -> Mapping[str, object]:
    """Return the search for the JSON document; ``found`` is null where it is not known."""
    if isinstance(search, Unknown):
        found = False if isinstance(search, NotEnabled) else None
        return {"found": found, "severity": None, "failed": None, "waited_seconds": None, "reason": search.reason}
    finding = search.finding
    return {
        "found": finding is not None,
        "severity": finding.severity if finding else None,
        "failed": finding.failed if finding else None,
        "waited_seconds": round(search.waited),
        "reason": None,
    }
