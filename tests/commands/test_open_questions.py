"""What a run settles of what AWS does not document: each question's answers, from what was seen."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.live.deployment import DeployedAs
from tests.live.errors import Unknown
from tests.live.observed import AutomationRule, HubFinding, MemberRoles, Observed, Search
from tests.live.open_questions import Settled, answers

HUB, EARLIER, LATER_ONE = "111122223333", "444455556666", "777788889999"
RULE: Final = "ecr-repository-no-public-access"
ASKS: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "config.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
}

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLES: Final = MemberRoles(
    changed_at=NOON,
    now=NOON + timedelta(days=9),
    joined={HUB: NOON - timedelta(days=9), EARLIER: NOON - timedelta(days=9), LATER_ONE: NOON + timedelta(days=1)},
    instances={EARLIER: "CURRENT", LATER_ONE: "CURRENT"},
)
CRITICAL: Final = Search(finding=HubFinding(severity="CRITICAL", failed=True), waited=30)
MEDIUM: Final = Search(finding=HubFinding(severity="MEDIUM", failed=True), waited=30)
ALL_GOOD: Final = Observed(
    rule=f"{RULE}-conformance-pack-abc12xyz9",
    deployed_as=DeployedAs.PACK,
    account=HUB,
    severity="CRITICAL",
    evaluated=True,
    non_compliant=True,
    function_policy={"Statement": [ASKS]},
    search=CRITICAL,
    accepts_config=True,
    automation_rules=(AutomationRule(name=RULE, enabled=True),),
    member_roles=ROLES,
    refusals=0,
)
SOURCE_ORG, REACHES, CRITERION, LATER, REQUEST_ID = range(5)
YES, NO, OPEN = Settled.YES, Settled.NO, Settled.OPEN
DISABLED: Final = AutomationRule(name=RULE, enabled=False)
DARK: Final = Unknown("it is dark")


def statement(condition: object = None, effect: str = "Allow") -> dict[str, object]:
    return {"Effect": effect, "Principal": "*"} | ({} if condition is None else {"Condition": condition})


def policy(*statements: object) -> dict[str, object]:
    return {"function_policy": {"Version": "2012-10-17", "Statement": list(statements)}}


def nothing(waited: float = 600) -> Search:
    return Search(finding=None, waited=waited)


def found(severity: str, *, failed: bool = True) -> Search:
    return Search(finding=HubFinding(severity=severity, failed=failed), waited=30)


def test_all_that_can_be_settled_is_settled() -> None:
    assert [answer.settled for answer in answers(ALL_GOOD)] == [YES] * 5 + [OPEN] * 3


@pytest.mark.parametrize(
    ("question", "seen", "settled", "why"),
    [
        (SOURCE_ORG, {"function_policy": DARK}, OPEN, "it is dark"),
        (SOURCE_ORG, {"function_policy": {}}, OPEN, "does not ask for it"),
        (SOURCE_ORG, policy(statement()), OPEN, "does not ask for it"),
        (SOURCE_ORG, policy(ASKS, statement()), OPEN, "without it"),
        (SOURCE_ORG, policy(ASKS, statement(effect="Deny")), YES, "no st"),
        (SOURCE_ORG, {"function_policy": {"Statement": ASKS}}, YES, "an evaluation arrived"),
        (SOURCE_ORG, policy(statement({"StringEqualsIfExists": {"aws:SourceOrgID": "o"}})),
         OPEN, "does not ask for it"),
        (SOURCE_ORG, policy(statement({"StringEquals": {"AWS:sourceorgid": "o"}})), YES, ""),
        (SOURCE_ORG, policy(statement({"StringEquals": {"aws:SourceAccount": "1"}})), OPEN,
         "does not ask for it"),
        (SOURCE_ORG, {"evaluated": False}, OPEN, "no evaluation arrived"),
        (REACHES, {"search": DARK}, OPEN, "it is dark"),
        (REACHES, {"search": CRITICAL}, YES, "the finding was there 30 s after NON_COMPLIANT"),
        (REACHES, {"search": found("MEDIUM", failed=False)}, YES, "the finding was there"),
        (REACHES, {"search": nothing()}, NO, "none came in 600 s; AWS says that it usually takes five minutes"),
        (REACHES, {"search": nothing(599)}, OPEN, "none came in 599 s, and 600 s would be an answer: give it more"),
        (REACHES, {"search": nothing(), "accepts_config": False}, OPEN, "(its integration is off)"),
        (REACHES, {"search": nothing(), "accepts_config": DARK}, OPEN, "none came in 600 s, but it is dark"),
        (REACHES, {"search": nothing(), "non_compliant": False}, OPEN, "never became NON_COMPLIANT"),
        (CRITERION, {"search": DARK}, OPEN, "it is dark"),
        (CRITERION, {"search": nothing()}, OPEN, "there was no finding"),
        (CRITERION, {"search": found("MEDIUM", failed=False)}, OPEN, "never became FAILED"),
        (CRITERION, {"search": MEDIUM, "severity": "MEDIUM"}, OPEN, "MEDIUM is what AWS Config itself sends"),
        (CRITERION, {"search": found("HIGH"), "severity": "HIGH"}, YES, "the finding became HIGH, and AWS Config"),
        (CRITERION, {"search": found("HIGH")}, OPEN, "the finding became HIGH; is that what your rule sets, say so"),
        (CRITERION, {"search": MEDIUM}, NO, "stayed MEDIUM although an automation rule for it is enabled"),
        (CRITERION, {"search": MEDIUM, "automation_rules": DARK}, OPEN, "stayed MEDIUM, and it is dark"),
        (CRITERION, {"search": MEDIUM, "automation_rules": ()}, OPEN, "no enabled automation rule for it is here"),
        (CRITERION, {"search": MEDIUM, "automation_rules": (DISABLED,)}, OPEN, "no enabled automation rule for it"),
        (LATER, {"member_roles": DARK}, OPEN, "it is dark"),
        (LATER, {}, YES, "777788889999 joined later and has one; 111122223333, which is left out, has none"),
        (LATER, {"member_roles": replace(ROLES, instances={})}, NO, "777788889999 joined later and has no instance"),
        (LATER, {"member_roles": replace(ROLES, instances={HUB: "CURRENT"})}, NO, "111122223333 has an instance"),
        (LATER, {"member_roles": replace(ROLES, instances={LATER_ONE: "OUTDATED"})}, OPEN, "its instance is OUTDATED"),
        (LATER, {"member_roles": replace(ROLES, changed_at=NOON + timedelta(days=1))}, OPEN, "no account joined after"),
        (LATER, {"member_roles": replace(ROLES, now=NOON + timedelta(days=1, minutes=59))}, OPEN, "no account joined"),
        (LATER, {"account": LATER_ONE, "member_roles": replace(ROLES, instances={})}, OPEN, "no account joined after"),
        (REQUEST_ID, {"evaluated": False}, OPEN, "no evaluation arrived"),
        (REQUEST_ID, {"refusals": DARK}, OPEN, "an evaluation arrived, but it is dark"),
        (REQUEST_ID, {"refusals": 2}, NO, "the function's log says that it refused the answer"),
        (REQUEST_ID, {}, YES, "did not complain about the answer"),
    ],
)  # fmt: skip
def test_a_question(question: int, seen: Mapping[str, Any], settled: Settled, why: str) -> None:
    answer = answers(replace(ALL_GOOD, **seen))[question]
    assert answer.settled is settled
    assert why in answer.why


@pytest.mark.parametrize(
    ("deployed_as", "kind"),
    [
        (DeployedAs.PACK, "Do findings of a rule of an organization conformance pack reach Security Hub?"),
        (DeployedAs.ORGANIZATION_RULE, "Do findings of an organization rule (OrgConfigRule-…) reach Security Hub?"),
        (DeployedAs.ACCOUNT_RULE, "Do findings of a plain rule reach Security Hub?"),
    ],
)
def test_the_question_names_the_shape(deployed_as: DeployedAs, kind: str) -> None:
    assert answers(replace(ALL_GOOD, deployed_as=deployed_as))[REACHES].question == kind
