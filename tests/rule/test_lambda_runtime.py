"""The handler in AWS's Lambda runtime client, over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest

from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from tests.local_aws.recorder import RESOURCE_TYPE, timestamp
from tests.rule.runtime_process import (
    ACCOUNT,
    ERROR,
    HANDLER,
    INIT_ERROR,
    ITEM,
    NOON,
    REGION,
    RESPONSE,
    RULE,
    Function,
    Outcome,
    started,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Lambda runtime client is for Linux")

TOKEN: Final = "result-token-of-the-test"  # noqa: S105 - not a password
FIX: Final = "ecr-exposure fix --repository team/app"
ANNOTATION: Final = (
    f"Everyone can administer, delete, push and pull: Statement[0] allows ecr:* to * with no Condition. Fix: {FIX}"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    with started(tmp_path_factory.mktemp("function")) as function:
        yield function


@pytest.fixture
def function(running: Function) -> Function:
    """Return the running function without earlier calls to AWS."""
    running.aws.requests.clear()
    return running


class TestResponses:
    """What the function returns and reports to AWS Config."""

    def test_change_notification_returns_json_and_reports_over_http(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert (outcome.route, outcome.document) == (RESPONSE, [evaluation(timestamp(NOON))])
        assert function.aws.reported() == {
            "Evaluations": [evaluation(NOON.timestamp())],
            "ResultToken": TOKEN,
            "TestMode": False,
        }

    def test_oversized_notification_returns_json_too(self, function: Function) -> None:
        """Rdklib's own response contains a datetime, which the runtime rejects with Runtime.MarshalError."""
        outcome = function.invoke(event(OVERSIZED, configurationItemSummary=ITEM.as_summary()))
        assert outcome.route == RESPONSE
        (returned,) = outcome.document
        assert datetime.fromisoformat(returned["OrderingTimestamp"]) == NOON
        assert returned == evaluation(returned["OrderingTimestamp"])
        assert function.aws.reported()["Evaluations"] == [evaluation(NOON.timestamp())]
        assert "GetResourceConfigHistory" in function.aws.operations()

    def test_scheduled_notification_evaluates_the_repositories_of_ecr(self, function: Function) -> None:
        assert function.invoke(event(SCHEDULED)).route == RESPONSE
        calls = [each.parameters for each in function.aws.requests if each.operation == "PutEvaluations"]
        assert [call["ResultToken"] for call in calls] == [TOKEN, TOKEN]
        reported = [evaluation for call in calls for evaluation in call["Evaluations"]]
        assert [(each["ComplianceResourceId"], each["ComplianceType"]) for each in reported] == [
            ("team/app", "NON_COMPLIANT"),
            ("gone", "NOT_APPLICABLE"),
        ]
        assert {each["OrderingTimestamp"] for each in reported} == {NOON.timestamp()}

    def test_role_is_assumed_once_for_many_events(self, function: Function) -> None:
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        function.aws.requests.clear()
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert function.aws.operations() == ["PutEvaluations"]


class TestStart:
    """What the function does before its first event."""

    def test_garbage_is_collected_again_after_the_imports(self) -> None:
        code = "import gc, ecr_exposure.handler; print(gc.isenabled(), gc.get_freeze_count() > 0)"
        answer = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code], cwd=RULE, capture_output=True, text=True, check=True
        )
        assert answer.stdout.split() == ["True", "True"]


class TestFailures:
    """Failures that the runtime reports to Lambda, which retries the event."""

    def test_wrong_parameter_fails_before_any_call(self, function: Function) -> None:
        wrong = event(CHANGE, configurationItem=ITEM.as_event()) | {"ruleParameters": '{"publicAccessTest": "x"}'}
        outcome = function.invoke(wrong)
        assert (outcome.route, outcome.document["errorType"]) == (ERROR, "ParameterError")
        assert outcome.document["errorMessage"].startswith("publicAccessTest: 'x' is not a test")
        assert function.aws.operations() == []

    @pytest.mark.parametrize(
        ("response", "message"),
        [
            ((400, {"__type": "InvalidResultTokenException", "message": "no"}), "InvalidResultTokenException"),
            ((200, {"FailedEvaluations": [{"ComplianceResourceId": ITEM.name}]}), "AWS Config refused 1 evaluations"),
        ],
        ids=["error of the call", "failed evaluations"],
    )
    def test_evaluations_that_are_not_stored_fail_the_invocation(
        self, function: Function, response: tuple[int, object], message: str
    ) -> None:
        with patch.dict(function.aws.responses, {"PutEvaluations": response}):
            outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert (outcome.route, outcome.document["errorType"]) == (ERROR, "EvaluationError")
        assert message in outcome.document["errorMessage"]
        assert function.aws.reported()["ResultToken"] == TOKEN

    def test_function_handles_events_after_a_failure(self, function: Function) -> None:
        assert function.invoke(None).route == ERROR
        assert function.invoke(event(CHANGE, configurationItem=ITEM.as_event())).route == RESPONSE

    def test_missing_handler_fails_the_start(self, tmp_path: Path) -> None:
        with started(tmp_path, handler=f"{HANDLER}s") as function:
            outcome = function.outcome()
        assert (outcome.route, outcome.document["errorType"]) == (INIT_ERROR, "Runtime.HandlerNotFound")


class TestLog:
    """The lines in the function's log group."""

    def test_evaluation_is_one_json_line_with_its_fields(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert logged_evaluation(function, outcome) == {
            "level": "INFO",
            "message": "team/app is NON_COMPLIANT",
            "logger": "ecr_exposure.config_rule",
            "requestId": outcome.request_id,
            "arn": ITEM.arn,
            "account": ACCOUNT,
            "region": REGION,
            "publicAccessTest": "unconditional",
            "compliance": "NON_COMPLIANT",
            "annotation": ANNOTATION,
            "reasons": ["Statement[0] allows ecr:* to * with no Condition"],
            "witnesses": [],
            "advisories": [],
            "fix": FIX,
        }

    def test_evaluation_is_logged_without_a_log_level_too(self, tmp_path: Path) -> None:
        """Python's default level is WARNING; evaluations are logged with INFO."""
        with started(tmp_path, AWS_LAMBDA_LOG_LEVEL="") as function:
            outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
            assert logged_evaluation(function, outcome)["compliance"] == "NON_COMPLIANT"

    def test_failure_is_one_json_line_with_its_error_type(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE))
        (line,) = [line for line in function.log(outcome) if line["level"] == "ERROR"]
        assert (line["errorType"], line["errorMessage"]) == ("ItemError", outcome.document["errorMessage"])

    def test_no_secret_is_logged(self, function: Function) -> None:
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        logged = function.stdout.read_text() + function.stderr.read_text()
        assert "team/app is NON_COMPLIANT" in logged
        for secret in (TOKEN, "ASIA", "AWS4-HMAC"):
            assert secret not in logged


def event(kind: str, **content: object) -> dict[str, object]:
    """Return the event of a rule in the account, with the content of this message type."""
    invoking_event = {
        "messageType": kind,
        "notificationCreationTime": timestamp(NOON),
        "recordVersion": "1.3",
        **content,
    }
    return {
        "version": "1.0",
        "invokingEvent": json.dumps(invoking_event),
        "ruleParameters": '{"publicAccessTest": "unconditional"}',
        "resultToken": TOKEN,
        "eventLeftScope": False,
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/Recorder",
        "configRuleArn": f"arn:aws:config:{REGION}:{ACCOUNT}:config-rule/config-rule-abcdef",
        "configRuleName": "rule",
        "configRuleId": "config-rule-abcdef",
        "accountId": ACCOUNT,
    }


def evaluation(ordering_timestamp: object) -> dict[str, object]:
    """Return the evaluation of the public repository."""
    return {
        "ComplianceResourceType": RESOURCE_TYPE,
        "ComplianceResourceId": ITEM.name,
        "ComplianceType": "NON_COMPLIANT",
        "Annotation": ANNOTATION,
        "OrderingTimestamp": ordering_timestamp,
    }


def logged_evaluation(function: Function, outcome: Outcome) -> dict[str, Any]:
    """Return the only log line of an invocation with a compliance, without its timestamp."""
    (line,) = [line for line in function.log(outcome) if "compliance" in line]
    return {name: value for name, value in line.items() if name != "timestamp"}
