"""AWS behavior that is undocumented, and what one run of ``verify`` shows about it. Pure.

A question is answered only by what was seen and has no other explanation; otherwise it stays open, with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.stack import DeployedAs

# The severity of every finding of AWS Config:
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
CONFIG_SEVERITY: Final = "MEDIUM"
# The same page: a finding usually arrives within five minutes. None in twice that time is an answer.
FINDING_SECONDS: Final = 600.0
# StackSets may wait, and an account that is being created cannot have stack instances yet.
_SETTLING: Final = timedelta(hours=1)
_KINDS: Final = {
    DeployedAs.PACK: "a rule of an organization conformance pack",
    DeployedAs.ORGANIZATION_RULE: "an organization rule (OrgConfigRule-…)",
    DeployedAs.ACCOUNT_RULE: "a rule of a single account",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityHubFinding:
    """Security Hub's finding of the temporary repository."""

    severity: str
    failed: bool
    """Compliance.Status is FAILED."""


@dataclass(frozen=True, slots=True)
class NotEnabled(Unknown):
    """Security Hub is not enabled, or does not serve the account: no finding can arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSearch:
    """The search for the finding."""

    finding: SecurityHubFinding | None
    waited: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationRule:
    """An automation rule of Security Hub."""

    name: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoles:
    """The StackSet by which a delegated administrator deploys the role."""

    changed_at: datetime
    """When the stack, and with it perhaps the StackSet, was last created or updated."""
    now: datetime
    joined: Mapping[str, datetime]
    """When each active account joined the organization."""
    instances: Mapping[str, str]
    """Account to status of its stack instance: CURRENT when it was deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResults:
    """All that one run saw."""

    rule: str
    deployed_as: DeployedAs
    account: str
    severity: str
    """To which an automation rule should have changed the finding's severity."""
    evaluated: bool
    """AWS Config has an evaluation of the temporary repository."""
    non_compliant: bool
    function_policy: Mapping[str, Any] | Unknown
    search: FindingSearch | Unknown
    accepts_config: bool | Unknown
    """Security Hub accepts findings of AWS Config."""
    automation_rules: tuple[AutomationRule, ...] | Unknown
    """Those whose name contains the rule's."""
    member_roles: MemberRoles | Unknown
    refused_responses: int | Unknown
    """Log events in which the function refused a response to PutEvaluations because it did not come from AWS."""


class Outcome(Enum):
    """The answer to a question."""

    YES = "Yes"
    NO = "No"
    OPEN = "Not answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question, and what this run says about it."""

    question: str
    outcome: Outcome
    reason: str


_Reasoned = tuple[Outcome, str]
_BEYOND_THE_CHECK: Final = (
    (
        "Does an aws:PrincipalOrgID condition have an effect for config.amazonaws.com?",
        "this check does not deploy such a permission",
    ),
    (
        "What is ${AWS::AccountId} in the body of a conformance pack?",
        "the deployed conformance pack does not use it",
    ),
    (
        "Does AWS Config evaluate AWS::ECR::Repository proactively?",
        "the rule is detective only, so no proactive evaluation was requested",
    ),
)


def answers(results: RunResults) -> tuple[Answer, ...]:
    """Return an answer to every open question."""
    kind = _KINDS[results.deployed_as]
    reasoned = (
        ("Does AWS Config send aws:SourceOrgID when it invokes the function?", _source_org(results)),
        (f"Do findings of {kind} reach Security Hub?", _reach_security_hub(results)),
        ("Does the criterion ComplianceStatus FAILED of an automation rule match them?", _criterion(results)),
        (
            "Does automatic deployment of the role StackSet respect the DIFFERENCE filter and reach later accounts?",
            _later_accounts(results),
        ),
        ("Does the response to PutEvaluations have a request id, so that the function accepts it?", _id(results)),
    )
    return (
        *(Answer(question=question, outcome=outcome, reason=reason) for question, (outcome, reason) in reasoned),
        *(Answer(question=question, outcome=Outcome.OPEN, reason=reason) for question, reason in _BEYOND_THE_CHECK),
    )


def _source_org(results: RunResults) -> _Reasoned:
    policy = results.function_policy
    if isinstance(policy, Unknown):
        return Outcome.OPEN, policy.reason
    requiring = [_requires_source_org(statement) for statement in _allow_statements(policy)]
    if not any(requiring):
        return Outcome.OPEN, "the function's policy does not require it"
    if not all(requiring):
        return Outcome.OPEN, "a statement of the function's policy allows AWS Config without it"
    if not results.evaluated:
        return Outcome.OPEN, "the function's policy requires it, but there was no evaluation, for whatever reason"
    return Outcome.YES, "no statement allows AWS Config without it, and there was an evaluation"


def _reach_security_hub(results: RunResults) -> _Reasoned:  # noqa: PLR0911 - one return a case reads as a table
    search = results.search
    if isinstance(search, Unknown):
        return Outcome.OPEN, search.reason
    waited = f"{search.waited:.0f} s"
    if search.finding is not None:
        return Outcome.YES, f"the finding arrived {waited} after NON_COMPLIANT"
    if not results.non_compliant:
        return Outcome.OPEN, "the repository never became NON_COMPLIANT"
    if isinstance(results.accepts_config, Unknown):
        return Outcome.OPEN, f"no finding arrived in {waited}, but {results.accepts_config.reason}"
    if not results.accepts_config:
        return Outcome.OPEN, "Security Hub does not accept findings of AWS Config here (the integration is disabled)"
    if search.waited < FINDING_SECONDS:
        return Outcome.OPEN, (
            f"no finding arrived in {waited}; {FINDING_SECONDS:.0f} s would be an answer: use more --minutes"
        )
    return Outcome.NO, f"no finding arrived in {waited}; AWS says that it usually takes five minutes"


def _criterion(results: RunResults) -> _Reasoned:  # noqa: PLR0911 - one return a case reads as a table
    search, wanted = results.search, results.severity
    if isinstance(search, Unknown):
        return Outcome.OPEN, search.reason
    if search.finding is None:
        return Outcome.OPEN, "there was no finding"
    finding = search.finding
    if not finding.failed:
        return Outcome.OPEN, "the finding never became FAILED"
    if wanted == CONFIG_SEVERITY:
        return Outcome.OPEN, f"{CONFIG_SEVERITY} is also the severity that AWS Config sends"
    if finding.severity == wanted:
        return Outcome.YES, f"the finding became {wanted}, and AWS Config sends {CONFIG_SEVERITY}"
    if finding.severity != CONFIG_SEVERITY:
        return (
            Outcome.OPEN,
            f"the finding became {finding.severity}; if your rule sets it, use --expect-finding",
        )
    rules = results.automation_rules
    if isinstance(rules, Unknown):
        return Outcome.OPEN, f"the finding stayed {CONFIG_SEVERITY}, and {rules.reason}"
    if not any(rule.enabled for rule in rules):
        return Outcome.OPEN, f"the finding stayed {CONFIG_SEVERITY}, and no automation rule for it is enabled here"
    return Outcome.NO, f"the finding stayed {CONFIG_SEVERITY} although an automation rule for it is enabled"


def _later_accounts(results: RunResults) -> _Reasoned:
    roles = results.member_roles
    if isinstance(roles, Unknown):
        return Outcome.OPEN, roles.reason
    if results.account in roles.instances:
        return Outcome.NO, f"{results.account} has a stack instance although the filter excludes it"
    later = sorted(
        account
        for account, joined in roles.joined.items()
        # Within an hour on either side, the stack itself may have deployed it, or it may still be deployed.
        if account != results.account and roles.changed_at + _SETTLING < joined < roles.now - _SETTLING
    )
    if not later:
        return Outcome.OPEN, "no account joined after the last change of the stack (an hour or more ago)"
    without = [account for account in later if account not in roles.instances]
    if without:
        return Outcome.NO, f"{', '.join(without)} joined later and has no stack instance"
    unfinished = [account for account in later if roles.instances[account] != "CURRENT"]
    if unfinished:
        status = roles.instances[unfinished[0]]
        return Outcome.OPEN, f"{unfinished[0]} joined later, and its stack instance is {status}"
    return Outcome.YES, (
        f"{', '.join(later)} joined later and has a stack instance; {results.account}, which is excluded, has none"
    )


def _id(results: RunResults) -> _Reasoned:
    if not results.evaluated:
        return Outcome.OPEN, "there was no evaluation"
    # Without an id the evaluation is recorded as well; but then the function fails and logs why.
    if isinstance(results.refused_responses, Unknown):
        return Outcome.OPEN, f"there was an evaluation, but {results.refused_responses.reason}"
    if results.refused_responses:
        return Outcome.NO, "there was an evaluation, but the function's log says that it refused the response"
    return Outcome.YES, "there was an evaluation, and the function's log does not say that it refused the response"


def _allow_statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        if statement.get("Effect") == "Allow":
            yield statement


def _requires_source_org(statement: Mapping[str, Any]) -> bool:
    # Only these operators do not match a request without the key; …IfExists and ForAllValues match it.
    condition = statement.get("Condition") or {}
    return any(
        operator.lower() in {"stringequals", "stringlike"} and key.lower() == "aws:sourceorgid"
        for operator, keys in condition.items()
        for key in keys
    )
