"""What AWS Config stores: the rules, result tokens and evaluations of every account and region.

PutEvaluations: https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from moto.utilities.utils import get_partition

_MAX_EVALUATIONS: Final = 100
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
    """An error that the service returns, by its AWS error code."""

    def __init__(self, code: str, message: str) -> None:
        """Take the error code and the message."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule in one account and region."""

    account: str
    region: str
    name: str
    parameters: Mapping[str, str]
    triggers: frozenset[str] = ALL_TRIGGERS
    """The message types that invoke it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Account, region and name: names are unique within an account and region."""
        return self.account, self.region, self.name

    @property
    def identifier(self) -> str:
        """ConfigRuleId: ``config-rule-`` and six characters, the same in every run."""
        digest = hashlib.sha256(f"{self.account}:{self.region}:{self.name}".encode()).hexdigest()
        return f"config-rule-{digest[:6]}"

    @property
    def arn(self) -> str:
        """The rule's ARN, which contains its identifier, not its name."""
        partition = get_partition(self.region)
        return f"arn:{partition}:config:{self.region}:{self.account}:config-rule/{self.identifier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The evaluation of one resource, as the AWS Config dashboard shows it."""

    resource_type: str
    resource_id: str
    compliance: str
    annotation: str | None
    ordering_timestamp: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PutEvaluations:
    """One PutEvaluations call and its result."""

    account: str
    """The account of the credentials that signed the call."""
    region: str
    result_token: str
    test_mode: bool
    evaluations: tuple[Mapping[str, Any], ...]
    rule: Rule | None = None
    failed: tuple[Mapping[str, Any], ...] = ()
    """The evaluations returned as FailedEvaluations: they are not stored."""
    refused: str = ""
    """The error code if the whole call failed."""


@dataclass(slots=True, eq=False)
class _InjectedFailure:
    when: Callable[[Mapping[str, Any]], bool]
    remaining: int | None

    def applies_to(self, evaluation: Mapping[str, Any]) -> bool:
        if self.remaining == 0 or not self.when(evaluation):
            return False
        if self.remaining is not None:
            self.remaining -= 1
        return True


class ConfigStore:
    """Rules, result tokens and evaluations, with the checks that AWS Config makes."""

    def __init__(self) -> None:
        """Start empty."""
        self.calls: list[PutEvaluations] = []
        self._rules: dict[tuple[str, str, str], Rule] = {}
        self._tokens: dict[str, Rule] = {}
        self._latest: dict[tuple[str, str, str], dict[tuple[str, str], Evaluation]] = {}
        self._failing: list[_InjectedFailure] = []

    def put_rule(self, rule: Rule) -> None:
        """Create or update a rule."""
        self._rules[rule.key] = rule

    def delete_rule(self, rule: Rule) -> None:
        """Delete a rule and its evaluations; PutEvaluations with its result tokens fails from now on."""
        self._latest.pop(rule.key, None)
        del self._rules[rule.key]

    def rule(self, account: str, region: str, name: str) -> Rule:
        """Return a rule by name; raises RefusedError NoSuchConfigRuleException."""
        try:
            return self._rules[account, region, name]
        except KeyError:
            raise RefusedError("NoSuchConfigRuleException", f"The ConfigRule {name!r} is invalid") from None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules of all accounts and Regions."""
        return tuple(self._rules.values())

    def rules_in(self, account: str, region: str) -> tuple[Rule, ...]:
        """Return all rules of an account in a region."""
        return tuple(rule for rule in self._rules.values() if (rule.account, rule.region) == (account, region))

    def issue_token(self, rule: Rule) -> str:
        """Return a new result token, valid for the rule in its account and region."""
        token = secrets.token_urlsafe(48)
        self._tokens[token] = rule
        return token

    def evaluations(self, rule: Rule) -> tuple[Evaluation, ...]:
        """Return the latest evaluation of each resource; the dashboard does not show NOT_APPLICABLE."""
        rows = self._latest.get(rule.key, {})
        return tuple(row for _, row in sorted(rows.items()) if row.compliance != "NOT_APPLICABLE")

    def age(self, by: timedelta) -> None:
        """Let all evaluations become older."""
        for rows in self._latest.values():
            for resource, row in rows.items():
                rows[resource] = replace(row, recorded_at=row.recorded_at - by)

    @contextmanager
    def failing(self, when: Callable[[Mapping[str, Any]], bool], *, times: int | None = 1) -> Iterator[None]:
        """Return matching evaluations as FailedEvaluations, ``times`` times (None: always)."""
        failure = _InjectedFailure(when, times)
        self._failing.append(failure)
        try:
            yield
        finally:
            self._failing.remove(failure)

    def put_evaluations(self, call: PutEvaluations) -> tuple[Mapping[str, Any], ...]:
        """Store the evaluations of a call; return the failed ones. Raises RefusedError where AWS returns an error."""
        try:
            rule = None if call.test_mode else self._rule_of(call)
            _check(call.evaluations)
        except RefusedError as error:
            self.calls.append(replace(call, refused=error.code))
            raise
        failed = tuple(item for item in call.evaluations if any(failure.applies_to(item) for failure in self._failing))
        self.calls.append(replace(call, rule=rule, failed=failed))
        if rule is not None:
            for item in call.evaluations:
                if item not in failed:
                    self._store(rule, _evaluation(item))
        return failed

    def _rule_of(self, call: PutEvaluations) -> Rule:
        rule = self._tokens.get(call.result_token)
        if rule is None or (rule.account, rule.region) != (call.account, call.region):
            raise RefusedError("InvalidResultTokenException", "The resultToken provided is invalid")
        return self.rule(rule.account, rule.region, rule.name)

    def _store(self, rule: Rule, evaluation: Evaluation) -> None:
        rows = self._latest.setdefault(rule.key, {})
        resource = (evaluation.resource_type, evaluation.resource_id)
        latest = rows.get(resource)
        if latest is None or latest.ordering_timestamp <= evaluation.ordering_timestamp:
            rows[resource] = evaluation


def _check(evaluations: Sequence[Mapping[str, Any]]) -> None:
    """Raise RefusedError for what the API forbids: over 100 evaluations, a wrong length, an unknown type.

    https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
    """
    if len(evaluations) > _MAX_EVALUATIONS:
        raise _constraint("evaluations", f"Member must have length less than or equal to {_MAX_EVALUATIONS}")
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
