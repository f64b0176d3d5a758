"""What a run of ``verify`` shows about undocumented AWS behavior: each answer to each question."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.verification.open_questions import (
    AutomationRule,
    FindingSearch,
    MemberRoles,
    Outcome,
    RunResults,
    SecurityHubFinding,
    answers,
)

HUB, EARLIER, LATER = "111122223333", "444455556666", "777788889999"
RULE: Final = "ecr-repository-no-public-access"
REQUIRES: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "config.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
}

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLES: Final = MemberRoles(
    changed_at=NOON,
    now=NOON + timedelta(days=9),
    joined={HUB: NOON - timedelta(days=9), EARLIER: NOON - timedelta(days=9), LATER: NOON + timedelta(days=1)},
    instances={EARLIER: "CURRENT", LATER: "CURRENT"},
)
CRITICAL: Final = FindingSearch(finding=SecurityHubFinding(severity="CRITICAL", failed=True), waited=30)
MEDIUM: Final = FindingSearch(finding=SecurityHubFinding(severity="MEDIUM", failed=True), waited=30)
ALL_ANSWERED: Final = RunResults(
    rule=f"{RULE}-conformance-pack-abc12xyz9",
    deployed_as=DeployedAs.PACK,
    account=HUB,
    severity="CRITICAL",
    evaluated=True,
    non_compliant=True,
    function_policy={"Statement": [REQUIRES]},
    search=CRITICAL,
    accepts_config=True,
    automation_rules=(AutomationRule(name=RULE, enabled=True),),
    member_roles=ROLES,
    refused_responses=0,
)
SOURCE_ORG, REACHES, CRITERION, MEMBERS, REQUEST_ID = range(5)
YES, NO, OPEN = Outcome.YES, Outcome.NO, Outcome.OPEN
DISABLED: Final = AutomationRule(name=RULE, enabled=False)
UNREAD: Final = Unknown("it is unreadable")


def statement(condition: object = None, effect: str = "Allow") -> dict[str, object]:
    return {"Effect": effect, "Principal": "*"} | ({} if condition is None else {"Condition": condition})


def policy(*statements: object) -> dict[str, object]:
    return {"function_policy": {"Version": "2012-10-17", "Statement": list(statements)}}


def no_finding(waited: float = 600) -> FindingSearch:
    return FindingSearch(finding=None, waited=waited)


def found(severity: str, *, failed: bool = True) -> FindingSearch:
    return FindingSearch(finding=SecurityHubFinding(severity=severity, failed=failed), waited=30)


def test_every_question_that_the_check_can_answer_is_answered() -> None:
    assert [answer.outcome for answer in answers(ALL_ANSWERED)] == [YES] * 5 + [OPEN] * 3


@pytest.mark.parametrize(
    ("question", "seen", "outcome", "reason"),
    [
        (SOURCE_ORG, {"function_policy": UNREAD}, OPEN, "it is unreadable"),
        (SOURCE_ORG, {"function_policy": {}}, OPEN, "does not require it"),
        (SOURCE_ORG, policy(statement()), OPEN, "does not require it"),
        (SOURCE_ORG, policy(REQUIRES, statement()), OPEN, "without it"),
        (SOURCE_ORG, policy(REQUIRES, statement(effect="Deny")), YES, "no st"),
        (SOURCE_ORG, {"function_policy": {"Statement": REQUIRES}}, YES, "there was an evaluation"),
        (SOURCE_ORG, policy(statement({"StringEqualsIfExists": {"aws:SourceOrgID": "o"}})),
         OPEN, "does not require it"),
        (SOURCE_ORG, policy(statement({"StringEquals": {"AWS:sourceorgid": "o"}})), YES, ""),
        (SOURCE_ORG, policy(statement({"StringEquals": {"aws:SourceAccount": "1"}})), OPEN,
         "does not require it"),
        (SOURCE_ORG, {"evaluated": False}, OPEN, "there was no evaluation"),
        (REACHES, {"search": UNREAD}, OPEN, "it is unreadable"),
        (REACHES, {"search": CRITICAL}, YES, "the finding arrived 30 s after NON_COMPLIANT"),
        (REACHES, {"search": found("MEDIUM", failed=False)}, YES, "the finding arrived"),
        (REACHES, {"search": no_finding()}, NO,
         "no finding arrived in 600 s; AWS says that it usually takes five minutes"),
        (REACHES, {"search": no_finding(599)}, OPEN,
         "no finding arrived in 599 s; 600 s would be an answer: use more --m"),
        (REACHES, {"search": no_finding(), "accepts_config": False}, OPEN, "(the integration is disabled)"),
        (REACHES, {"search": no_finding(), "accepts_config": UNREAD}, OPEN,
         "no finding arrived in 600 s, but it is unreadable"),
        (REACHES, {"search": no_finding(), "non_compliant": False}, OPEN, "never became NON_COMPLIANT"),
        (CRITERION, {"search": UNREAD}, OPEN, "it is unreadable"),
        (CRITERION, {"search": no_finding()}, OPEN, "there was no finding"),
        (CRITERION, {"search": found("MEDIUM", failed=False)}, OPEN, "never became FAILED"),
        (CRITERION, {"search": MEDIUM, "severity": "MEDIUM"}, OPEN,
         "MEDIUM is also the severity that AWS Config sends"),
        (CRITERION, {"search": found("HIGH"), "severity": "HIGH"}, YES, "the finding became HIGH, and AWS Config"),
        (CRITERION, {"search": found("HIGH")}, OPEN, "the finding became HIGH; if your rule sets it, use"),
        (CRITERION, {"search": MEDIUM}, NO, "stayed MEDIUM although an automation rule for it is enabled"),
        (CRITERION, {"search": MEDIUM, "automation_rules": UNREAD}, OPEN, "stayed MEDIUM, and it is unreadable"),
        (CRITERION, {"search": MEDIUM, "automation_rules": ()}, OPEN, "no automation rule for it is enabled here"),
        (CRITERION, {"search": MEDIUM, "automation_rules": (DISABLED,)}, OPEN, "no automation rule for it is enabled"),
        (MEMBERS, {"member_roles": UNREAD}, OPEN, "it is unreadable"),
        (MEMBERS, {}, YES,
         "777788889999 joined later and has a stack instance; 111122223333, which is excluded, has none"),
        (MEMBERS, {"member_roles": replace(ROLES, instances={})}, NO,
         "777788889999 joined later and has no stack instance"),
        (MEMBERS, {"member_roles": replace(ROLES, instances={HUB: "CURRENT"})}, NO,
         "111122223333 has a stack instance"),
        (MEMBERS, {"member_roles": replace(ROLES, instances={LATER: "OUTDATED"})}, OPEN,
         "its stack instance is OUTDATED"),
        (MEMBERS, {"member_roles": replace(ROLES, changed_at=NOON + timedelta(days=1))}, OPEN,
         "no account joined after"),
        (MEMBERS, {"member_roles": replace(ROLES, now=NOON + timedelta(days=1, minutes=59))}, OPEN,
         "no account joined"),
        (MEMBERS, {"account": LATER, "member_roles": replace(ROLES, instances={})}, OPEN, "no account joined after"),
        (REQUEST_ID, {"evaluated": False}, OPEN, "there was no evaluation"),
        (REQUEST_ID, {"refused_responses": UNREAD}, OPEN, "there was an evaluation, but it is unreadable"),
        (REQUEST_ID, {"refused_responses": 2}, NO, "the function's log says that it refused the response"),
        (REQUEST_ID, {}, YES, "does not say that it refused"),
    ],
)  # fmt: skip
def test_results_give_this_answer(question: int, seen: Mapping[str, Any], outcome: Outcome, reason: str) -> None:
    answer = answers(replace(ALL_ANSWERED, **seen))[question]
    assert answer.outcome is outcome
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("deployed_as", "kind"),
    [
        (DeployedAs.PACK, "Do findings of a rule of an organization conformance pack reach Security Hub?"),
        (DeployedAs.ORGANIZATION_RULE, "Do findings of an organization rule (OrgConfigRule-…) reach Security Hub?"),
        (DeployedAs.ACCOUNT_RULE, "Do findings of a rule of a single account reach Security Hub?"),
    ],
)
def test_question_names_the_shape_of_the_deployment(deployed_as: DeployedAs, kind: str) -> None:
    assert answers(replace(ALL_ANSWERED, deployed_as=deployed_as))[REACHES].question == kind
