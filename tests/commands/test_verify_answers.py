"""What ``verify`` says at its end about undocumented AWS behavior, from what it reads over the API."""

import json
from datetime import UTC, datetime
from typing import Final

from ecr_exposure.aws import FOREIGN_RESPONSE
from tests.commands.deployed_rule import HOME, LOG, ORGANIZATION_RULE, REQUIRES_ORGANIZATION, ROLE, deployed
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
    lines = output.splitlines()
    answers = lines[
        lines.index("What this run shows about AWS behavior that is undocumented:") + 1 : -2
    ]  # without the status and the last line
    assert answers == [
        "Yes: Does AWS Config send aws:SourceOrgID when it invokes the function? "
        "No statement allows AWS Config without it, and there was an evaluation",
        "Yes: Do findings of an organization rule (OrgConfigRule-…) reach Security Hub? "
        "The finding arrived 0 s after NON_COMPLIANT",
        "Yes: Does the criterion ComplianceStatus FAILED of an automation rule match them? "
        "The finding became CRITICAL, and AWS Config sends MEDIUM",
        f"Not answered: {MEMBER_QUESTION} This stack has no role StackSet",
        "Yes: Does the response to PutEvaluations have a request id, so that the function accepts it? "
        "There was an evaluation, and the function's log does not say that it refused the response",
        "Not answered: Does an aws:PrincipalOrgID condition have an effect for config.amazonaws.com? "
        "This check does not deploy such a permission",
        "Not answered: What is ${AWS::AccountId} in the body of a conformance pack? "
        "The deployed conformance pack does not use it",
        "Not answered: Does AWS Config evaluate AWS::ECR::Repository proactively? "
        "The rule is detective only, so no proactive evaluation was requested",
    ]


def test_refused_response_in_the_functions_log_is_an_answer() -> None:
    with deployed() as rule:
        logs = rule.organization.session(HUB, HOME).client("logs")
        logs.create_log_stream(logGroupName=LOG, logStreamName="one")
        line = json.dumps({"errorType": "EvaluationError", "errorMessage": FOREIGN_RESPONSE})
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.put_log_events(logGroupName=LOG, logStreamName="one", logEvents=[{"timestamp": now, "message": line}])
        status, output = rule.verify()
        assert status == 0
    assert "No: Does the response to PutEvaluations have a request id" in output


def test_stack_set_of_the_management_account_leaves_its_question_open() -> None:
    with deployed(outputs=DELEGATED | {"DeployedFrom": "management-account"}) as rule:
        status, output = rule.verify()
        assert status == 0
        assert "ListStackInstances" not in {call.operation for call in rule.organization.calls}
    reason = "The stack is in the management account, where the StackSet has no filter"
    assert f"Not answered: {MEMBER_QUESTION} {reason}\n" in output
