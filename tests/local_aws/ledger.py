"""What AWS Config keeps: rules, result tokens and evaluations of every account and region.

Contract of PutEvaluations: https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from moto.utilities.utils import get_partition

MAX_EVALUATIONS: Final = 100
ALL_TRIGGERS: Final = frozenset(
    {
        "ConfigurationItemChangeNotification",
        "OversizedConfigurationItemChangeNotification",
        "ScheduledNotification",
    }
)
_COMPLIANCE_TYPES: Final = ("COMPLIANT", "INSUFFICIENT_DATA", "NON_COMPLIANT", "NOT_APPLICABLE")
_MAX_LENGTHS: Final = MappingProxyType({"ComplianceResourceType": 256, "ComplianceResourceId": 768, "Annotation": 256})


class RefusedError(Exception):
    """An error that the service answers with, by its AWS code."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both parts."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as one account has it in one region."""

    account: str
    region: str
    name: str
    parameters: Mapping[str, str]
    triggers: frozenset[str] = ALL_TRIGGERS
    """The types of messages that it hears of."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other rule: names are unique in one account and region."""
        return self.account, self.region, self.name

    @property
    def identifier(self) -> str:
        """``config-rule-`` and six characters, the same in every run."""
        digest = hashlib.sha256(f"{self.account}:{self.region}:{self.name}".encode()).hexdigest()
        return f"config-rule-{digest[:6]}"

    @property
    def arn(self) -> str:
        """Its ARN, which carries the identifier and not the name."""
        partition = get_partition(self.region)
        return f"arn:{partition}:config:{self.region}:{self.account}:config-rule/{self.identifier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One line of a rule's dashboard."""

    resource_type: str
    resource_id: str
    compliance: str
    annotation: str | None
    ordering_timestamp: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PutEvaluations:
    """One call of PutEvaluations as it arrived, and what became of it."""

    account: str
    """Whose credentials made the call."""
    region: str
    result_token: str
    test_mode: bool
    evaluations: tuple[Mapping[str, Any], ...]
    rule: Rule | None = None
    failed: tuple[Mapping[str, Any], ...] = ()
    """Those answered as FailedEvaluations: they are not recorded."""
    refused: str = ""
    """The error code, when the whole call was refused."""


@dataclass(slots=True, eq=False)
class _Failure:
    when: Callable[[Mapping[str, Any]], bool]
    left: int | None

    def hits(self, evaluation: Mapping[str, Any]) -> bool:
        if self.left == 0 or not self.when(evaluation):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Ledger:
    """Rules, tokens and evaluations; refuses what AWS Config refuses."""

    def __init__(self) -> None:
        """Start empty."""
        self.calls: list[PutEvaluations] = []
        self._rules: dict[tuple[str, str, str], Rule] = {}
        self._tokens: dict[str, Rule] = {}
        self._latest: dict[tuple[str, str, str], dict[tuple[str, str], Evaluation]] = {}
        self._failing: list[_Failure] = []

    def put_rule(self, rule: Rule) -> None:
        """Make or update a rule."""
        self._rules[rule.key] = rule

    def delete_rule(self, rule: Rule) -> None:
        """Remove a rule with its evaluations; its tokens stay known and lead nowhere."""
        self._latest.pop(rule.key, None)
        del self._rules[rule.key]

    def rule(self, account: str, region: str, name: str) -> Rule:
        """Return the rule of that name there, or refuse as AWS does."""
        try:
            return self._rules[account, region, name]
        except KeyError:
            raise RefusedError("NoSuchConfigRuleException", f"The ConfigRule {name!r} is invalid") from None

    def rules_in(self, account: str, region: str) -> tuple[Rule, ...]:
        """Return all rules of an account in a region."""
        return tuple(rule for rule in self._rules.values() if (rule.account, rule.region) == (account, region))

    def issue_token(self, rule: Rule) -> str:
        """Return a fresh result token: it stands for the rule in that account and region."""
        token = secrets.token_urlsafe(48)
        self._tokens[token] = rule
        return token

    def evaluations(self, rule: Rule) -> tuple[Evaluation, ...]:
        """Return the dashboard: the latest evaluation of each resource; NOT_APPLICABLE takes it off."""
        rows = self._latest.get(rule.key, {})
        return tuple(row for _, row in sorted(rows.items()) if row.compliance != "NOT_APPLICABLE")

    @contextmanager
    def failing(self, when: Callable[[Mapping[str, Any]], bool], *, times: int | None = 1) -> Iterator[None]:
        """Answer matching evaluations as FailedEvaluations, so many times; None for always."""
        failure = _Failure(when, times)
        self._failing.append(failure)
        try:
            yield
        finally:
            self._failing.remove(failure)

    def put_evaluations(self, call: PutEvaluations) -> tuple[Mapping[str, Any], ...]:
        """Record a call and return what failed of it; raises RefusedError for what AWS would refuse."""
        try:
            rule = None if call.test_mode else self._rule_of(call)
            check(call.evaluations)
        except RefusedError as error:
            self.calls.append(replace(call, refused=error.code))
            raise
        failed = tuple(item for item in call.evaluations if any(failure.hits(item) for failure in self._failing))
        self.calls.append(replace(call, rule=rule, failed=failed))
        if rule is not None:
            for item in call.evaluations:
                if item not in failed:
                    self._keep(rule, _evaluation(item))
        return failed

    def _rule_of(self, call: PutEvaluations) -> Rule:
        rule = self._tokens.get(call.result_token)
        if rule is None or (rule.account, rule.region) != (call.account, call.region):
            raise RefusedError("InvalidResultTokenException", "The resultToken provided is invalid")
        return self.rule(rule.account, rule.region, rule.name)

    def _keep(self, rule: Rule, evaluation: Evaluation) -> None:
        rows = self._latest.setdefault(rule.key, {})
        resource = (evaluation.resource_type, evaluation.resource_id)
        known = rows.get(resource)
        if known is None or known.ordering_timestamp <= evaluation.ordering_timestamp:
            rows[resource] = evaluation


def check(evaluations: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what the service model forbids: more than 100, texts too long or empty, unknown types.

    https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
    """
    if len(evaluations) > MAX_EVALUATIONS:
        raise _constraint("evaluations", f"Member must have length less than or equal to {MAX_EVALUATIONS}")
    for number, evaluation in enumerate(evaluations, start=1):
        path = f"evaluations.{number}.member"
        for name, longest in _MAX_LENGTHS.items():
            text = evaluation.get(name)
            if text is None and name != "Annotation":
                raise _constraint(f"{path}.{name}", "Member must not be null")
            if text is not None and not 1 <= len(text) <= longest:
                raise _constraint(f"{path}.{name}", f"Member must have length between 1 and {longest}")
        if evaluation.get("ComplianceType") not in _COMPLIANCE_TYPES:
            enum = ", ".join(_COMPLIANCE_TYPES)
            raise _constraint(f"{path}.ComplianceType", f"Member must satisfy enum value set: [{enum}]")
        if evaluation["ComplianceType"] == "INSUFFICIENT_DATA":
            raise RefusedError("InvalidParameterValueException", "INSUFFICIENT_DATA is not accepted here")
        if evaluation.get("OrderingTimestamp") is None:
            raise _constraint(f"{path}.OrderingTimestamp", "Member must not be null")


def _constraint(path: str, rule: str) -> RefusedError:
    return RefusedError("ValidationException", f"Value at '{path}' failed to satisfy constraint: {rule}")


def _evaluation(item: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        resource_type=item["ComplianceResourceType"],
        resource_id=item["ComplianceResourceId"],
        compliance=item["ComplianceType"],
        annotation=item.get("Annotation"),
        ordering_timestamp=datetime.fromtimestamp(item["OrderingTimestamp"], UTC),
        recorded_at=datetime.now(UTC),
    )
