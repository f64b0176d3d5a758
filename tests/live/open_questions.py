"""What AWS does not document, and what one run of the live check says about it; pure judgement.

"Settled" is only what was seen and cannot have come about otherwise; all else stays open, with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from tests.live.deployment import DeployedAs
from tests.live.errors import Unknown
from tests.live.observed import Observed

# What AWS Config gives every finding:
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
CONFIG_SEVERITY: Final = "MEDIUM"
# The same page: a finding usually shows within five minutes. Twice that is an answer.
FINDING_SECONDS: Final = 600.0
# StackSets may wait, and an account that is just being made is not open to them yet.
_SETTLING: Final = timedelta(hours=1)
_KINDS: Final = {
    DeployedAs.PACK: "a rule of an organization conformance pack",
    DeployedAs.ORGANIZATION_RULE: "an organization rule (OrgConfigRule-…)",
    DeployedAs.ACCOUNT_RULE: "a plain rule",
}


class Settled(Enum):
    """How far a question is answered."""

    YES = "settled yes"
    NO = "settled no"
    OPEN = "not settled here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question, and what this run says about it."""

    question: str
    settled: Settled
    why: str


def answers(observed: Observed) -> tuple[Answer, ...]:
    """Return an answer to every open question."""
    kind = _KINDS[observed.deployed_as]
    judged = (
        ("Does AWS Config send aws:SourceOrgID when it invokes the function?", _source_org(observed)),
        (f"Do findings of {kind} reach Security Hub?", _reaches(observed)),
        ("Does an automation rule's criterion ComplianceStatus FAILED match them?", _criterion(observed)),
        (
            "Does automatic deployment of the role StackSet honour the DIFFERENCE filter and reach accounts that "
            "joined later?",
            _later_accounts(observed),
        ),
        ("Does PutEvaluations' answer carry a request id, so that the function accepts it?", _request_id(observed)),
    )
    return (
        *(Answer(question=question, settled=settled, why=why) for question, (settled, why) in judged),
        *(Answer(question=question, settled=Settled.OPEN, why=why) for question, why in _BEYOND),
    )


_BEYOND: Final = (
    (
        "Is an aws:PrincipalOrgID condition effective for config.amazonaws.com?",
        "this check does not deploy such a permission",
    ),
    (
        "What does ${AWS::AccountId} mean inside a conformance pack's body?",
        "the pack that is deployed does not use it",
    ),
    (
        "Does AWS Config evaluate AWS::ECR::Repository proactively?",
        "the rule is detective only, so no proactive evaluation was asked for",
    ),
)

_Judged = tuple[Settled, str]


def _source_org(observed: Observed) -> _Judged:
    policy = observed.function_policy
    if isinstance(policy, Unknown):
        return Settled.OPEN, policy.why
    asking = [_asks_for_source_org(statement) for statement in _allows(policy)]
    if not any(asking):
        return Settled.OPEN, "the function's policy does not ask for it"
    if not all(asking):
        return Settled.OPEN, "a statement of the function's policy lets AWS Config in without it"
    if not observed.evaluated:
        return Settled.OPEN, "the function's policy asks for it, but no evaluation arrived, for whatever reason"
    return Settled.YES, "no statement lets AWS Config in without it, and an evaluation arrived"


def _reaches(observed: Observed) -> _Judged:  # noqa: PLR0911 - one return a case reads as the table that it is
    search = observed.search
    if isinstance(search, Unknown):
        return Settled.OPEN, search.why
    if search.finding is not None:
        return Settled.YES, f"the finding was there {search.waited:.0f} s after NON_COMPLIANT"
    if not observed.non_compliant:
        return Settled.OPEN, "the repository never became NON_COMPLIANT"
    if isinstance(observed.accepts_config, Unknown):
        return Settled.OPEN, f"none came in {search.waited:.0f} s, but {observed.accepts_config.why}"
    if not observed.accepts_config:
        return Settled.OPEN, "Security Hub does not accept findings of AWS Config here (its integration is off)"
    if search.waited < FINDING_SECONDS:
        return Settled.OPEN, (
            f"none came in {search.waited:.0f} s, and {FINDING_SECONDS:.0f} s would be an answer: give it more minutes"
        )
    return Settled.NO, f"none came in {search.waited:.0f} s; AWS says that it usually takes five minutes"


def _criterion(observed: Observed) -> _Judged:  # noqa: PLR0911 - one return a case reads as the table that it is
    search, wanted = observed.search, observed.severity
    if isinstance(search, Unknown):
        return Settled.OPEN, search.why
    if search.finding is None:
        return Settled.OPEN, "there was no finding"
    found = search.finding
    if not found.failed:
        return Settled.OPEN, "the finding never became FAILED"
    if wanted == CONFIG_SEVERITY:
        return Settled.OPEN, f"{CONFIG_SEVERITY} is what AWS Config itself sends"
    if found.severity == wanted:
        return Settled.YES, f"the finding became {wanted}, and AWS Config itself sends {CONFIG_SEVERITY}"
    if found.severity != CONFIG_SEVERITY:
        return Settled.OPEN, f"the finding became {found.severity}; is that what your rule sets, say so with --severity"
    rules = observed.automation_rules
    if isinstance(rules, Unknown):
        return Settled.OPEN, f"the finding stayed {CONFIG_SEVERITY}, and {rules.why}"
    if not any(rule.enabled for rule in rules):
        return Settled.OPEN, f"the finding stayed {CONFIG_SEVERITY}, and no enabled automation rule for it is here"
    return Settled.NO, f"the finding stayed {CONFIG_SEVERITY} although an automation rule for it is enabled"


def _later_accounts(observed: Observed) -> _Judged:
    roles = observed.member_roles
    if isinstance(roles, Unknown):
        return Settled.OPEN, roles.why
    if observed.account in roles.instances:
        return Settled.NO, f"{observed.account} has an instance although the filter leaves it out"
    later = sorted(
        account
        for account, joined in roles.joined.items()
        # An hour on either side: what the stack itself deployed, or what is still to come, shows nothing.
        if account != observed.account and roles.changed_at + _SETTLING < joined < roles.now - _SETTLING
    )
    if not later:
        return Settled.OPEN, "no account joined after the stack was last changed (an hour or more ago)"
    without = [account for account in later if account not in roles.instances]
    if without:
        return Settled.NO, f"{', '.join(without)} joined later and has no instance"
    unfinished = [account for account in later if roles.instances[account] != "CURRENT"]
    if unfinished:
        return Settled.OPEN, f"{unfinished[0]} joined later, and its instance is {roles.instances[unfinished[0]]}"
    return Settled.YES, f"{', '.join(later)} joined later and has one; {observed.account}, which is left out, has none"


def _request_id(observed: Observed) -> _Judged:
    if not observed.evaluated:
        return Settled.OPEN, "no evaluation arrived"
    # An answer without one reaches the dashboard as well; the function then fails, and says so in its log.
    if isinstance(observed.refusals, Unknown):
        return Settled.OPEN, f"an evaluation arrived, but {observed.refusals.why}"
    if observed.refusals:
        return Settled.NO, "an evaluation arrived, and the function's log says that it refused the answer"
    return Settled.YES, "an evaluation arrived, and the function did not complain about the answer"


def _allows(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        if statement.get("Effect") == "Allow":
            yield statement


def _asks_for_source_org(statement: Mapping[str, Any]) -> bool:
    # Only these operators refuse a request that lacks the key; …IfExists and ForAllValues let it pass.
    condition = statement.get("Condition") or {}
    return any(
        operator.lower() in {"stringequals", "stringlike"} and key.lower() == "aws:sourceorgid"
        for operator, keys in condition.items()
        for key in keys
    )
