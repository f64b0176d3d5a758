"""What ``verify`` says at its end about undocumented AWS behavior, from what it reads over the API."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from moto.organizations.models import organizations_backends

from ecr_exposure.cli.observations import REFUSED_RESPONSE
from tests.commands.deployed_rule import HOME, LOG, ORGANIZATION_RULE, REQUIRES_ORGANIZATION, ROLE, deployed
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

EARLIER, LATER = MEMBERS
DELEGATED: Final = {"MemberRolesStackSet": f"{ROLE}-{HUB}", "DeployedFrom": "delegated-administrator"}
MEMBER_QUESTION: Final = (
    "Does automatic deployment of the role StackSet respect the DIFFERENCE filter and reach later accounts?"
)


def test_every_question_is_answered() -> None:
    with deployed(ORGANIZATION_RULE) as rule:
        rule.services.severity = "CRITICAL"
        rule.services.function_policy = {"Statement": [REQUIRES_ORGANIZATION]}
        _, output = rule.verify()
    answers = [line.removeprefix("[   20 s] ") for line in output.splitlines()[11:-1]]
    assert answers == [
        "Yes: Does AWS Config send aws:SourceOrgID when it invokes the function? "
        "No statement allows AWS Config without it, and there was an evaluation",
        "Yes: Do findings of an organization rule (OrgConfigRule-…) reach Security Hub? "
        "The finding arrived 0 s after NON_COMPLIANT",
        "Yes: Does the criterion ComplianceStatus FAILED of an automation rule match them? "
        "The finding became CRITICAL, and AWS Config sends MEDIUM",
        f"Open: {MEMBER_QUESTION} This stack has no role StackSet",
        "Yes: Does the response to PutEvaluations have a request id, so that the function accepts it? "
        "There was an evaluation, and the function's log does not say that it refused the response",
        "Open: Does an aws:PrincipalOrgID condition have an effect for config.amazonaws.com? "
        "This check does not deploy such a permission",
        "Open: What is ${AWS::AccountId} in the body of a conformance pack? "
        "The deployed conformance pack does not use it",
        "Open: Does AWS Config evaluate AWS::ECR::Repository proactively? "
        "The rule is detective only, so no proactive evaluation was requested",
    ]


def test_refused_response_in_the_functions_log_is_an_answer() -> None:
    with deployed() as rule:
        logs = rule.organization.session(HUB, HOME).client("logs")
        logs.create_log_stream(logGroupName=LOG, logStreamName="one")
        line = json.dumps({"errorType": "EvaluationError", "errorMessage": REFUSED_RESPONSE})
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.put_log_events(logGroupName=LOG, logStreamName="one", logEvents=[{"timestamp": now, "message": line}])
        status, output = rule.verify()
        assert status == 0
    assert "No: Does the response to PutEvaluations have a request id" in output


def test_searched_log_text_is_the_functions_own() -> None:
    function = Path("rule/ecr_exposure").glob("*.py")
    assert [file.name for file in function if REFUSED_RESPONSE in file.read_text(encoding="utf-8")]


class TestMemberRoles:
    """The stack instances of the role StackSet."""

    @pytest.mark.parametrize(
        ("instances", "answer"),
        [
            ({EARLIER: "CURRENT", LATER: "CURRENT"}, f"Yes: {MEMBER_QUESTION} 777788889999 joined later and has a "
             "stack instance; 111122223333, which is excluded, has none"),
            ({EARLIER: "CURRENT"}, f"No: {MEMBER_QUESTION} 777788889999 joined later and has no stack instance"),
        ],
    )  # fmt: skip
    def test_account_that_joined_later_is_an_answer(self, instances: dict[str, str], answer: str) -> None:
        with deployed(outputs=DELEGATED) as rule:
            for account in organizations_backends[HUB]["aws"].accounts:
                hours = 2 if account.id == LATER else -2
                account.create_time = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
            rule.services.stack_instances = instances
            in_four_hours = datetime.now(UTC) + timedelta(hours=4)
            rule.clock.today = lambda: in_four_hours  # type: ignore[method-assign]  # time passes
            _, output = rule.verify()
        assert answer in output

    def test_management_account_leaves_the_question_open(self) -> None:
        with deployed(outputs=DELEGATED | {"DeployedFrom": "management-account"}) as rule:
            _, output = rule.verify()
        reason = "The stack is in the management account, where the StackSet has no filter"
        assert f"Open: {MEMBER_QUESTION} {reason}\n" in output

    def test_refused_list_of_accounts_leaves_the_question_open(self) -> None:
        refused = Fault("organizations", "ListAccounts", code="AccessDeniedException", times=None)
        with deployed(outputs=DELEGATED) as rule, rule.organization.faults.inject(refused):
            status, output = rule.verify()
            assert status == 0
        reason = "Accounts or stack instances could not be read: AccessDeniedException: "
        assert f"Open: {MEMBER_QUESTION} {reason}" in output
