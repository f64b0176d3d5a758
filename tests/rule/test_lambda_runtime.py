"""The handler inside AWS's own Lambda runtime client, over HTTP: what no test in one process can show.

The runtime client (awslambdaric) runs in a process of its own and asks a Runtime API on loopback for
events; AWS is a second server, which answers with what it was told.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar
from unittest.mock import patch
from urllib.parse import parse_qs

import pytest

from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from tests.local_aws.recorder import RESOURCE_TYPE, RecordedItem, timestamp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Lambda runtime client is for Linux")

RUNTIME: Final = "/2018-06-01/runtime"
ANSWERED: Final = "invocation/{id}/response"
FAILED: Final = "invocation/{id}/error"
NOT_STARTED: Final = "init/error"
HANDLER: Final = "ecr_exposure.handler.lambda_handler"
RULE: Final = Path(__file__).parent.parent.parent / "rule"
ACCOUNT: Final = "444455556666"
REGION: Final = "eu-west-1"
ROLE: Final = "EcrExposureEvaluation"
TOKEN: Final = "result-token-of-the-test"  # noqa: S105 - nobody else knows it
KEY: Final = "ASIAEXAMPLEOFTHEROLE"
NOON: Final = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
ITEM: Final = RecordedItem(
    account=ACCOUNT,
    region=REGION,
    name="team/app",
    status="OK",
    captured_at=NOON,
    configuration={"RepositoryName": "team/app", "RepositoryPolicyText": OPEN},
    tags={},
)
TOLD: Final = "Everyone can administer, delete, push and pull: Statement[0] allows ecr:* to * with no Condition."
# Variables that would lead the process to a real AWS, past loopback, or tie it to the coverage of the tests.
FOREIGN: Final = ("AWS_", "COVERAGE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PATIENCE: Final = 60
"""Seconds until a process that neither answers nor ends is given up."""

REPOSITORIES: Final = {
    "repositories": [
        {"repositoryName": ITEM.name, "repositoryArn": ITEM.arn, "registryId": ACCOUNT},
    ]
}
STALE: Final = {
    "EvaluationResults": [
        {
            "EvaluationResultIdentifier": {
                "EvaluationResultQualifier": {"ResourceType": RESOURCE_TYPE, "ResourceId": "gone"}
            },
            "ComplianceType": "NON_COMPLIANT",
        }
    ]
}
ASSUMED: Final = f"""
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>%s</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>
"""

_Server = TypeVar("_Server", bound=ThreadingHTTPServer)


class Conversation(BaseHTTPRequestHandler):
    """One connection, which is kept open and not logged."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Write nothing."""

    def body(self) -> bytes:
        """Return what was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.send_header("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000")
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the runtime client says of one invocation, or of its start."""

    route: str
    """The path after ``/2018-06-01/runtime/``; ``{id}`` stands for the right request id."""
    request_id: str
    document: Any


class RuntimeApi(ThreadingHTTPServer):
    """The four routes of the Lambda Runtime API; one event at a time."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on any free port of loopback."""
        super().__init__(("127.0.0.1", 0), RuntimeConversation)
        self.events: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        """Request id and event; None ends the conversation."""
        self.outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.request_id = ""


class RuntimeConversation(Conversation):
    """The side of Lambda in a conversation with the runtime client."""

    server: RuntimeApi

    def do_GET(self) -> None:
        """Hand out the next event, once there is one."""
        if self.path != f"{RUNTIME}/invocation/next":
            self.answer(HTTPStatus.NOT_FOUND, b"", {})
        elif (event := self.server.events.get()) is None:
            self.close_connection = True
        else:
            self.server.request_id, content = event
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": self.server.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((datetime.now(UTC).timestamp() + PATIENCE) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rule",
            }
            self.answer(HTTPStatus.OK, content, headers)

    def do_POST(self) -> None:
        """Take down how an invocation or the start ended."""
        document = json.loads(self.body())
        request_id = self.server.request_id
        route = self.path.removeprefix(f"{RUNTIME}/").replace(f"/{request_id}/", "/{id}/")
        status = HTTPStatus.ACCEPTED if route in {ANSWERED, FAILED, NOT_STARTED} else HTTPStatus.NOT_FOUND
        self.answer(status, b"{}", {"Content-Type": "application/json"})
        self.server.outcomes.put(Outcome(route=route, request_id=request_id, document=document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of AWS as it came over HTTP."""

    operation: str
    parameters: Mapping[str, Any]
    by_role: bool
    """Whether the credentials of the assumed role signed it."""


class Aws(ThreadingHTTPServer):
    """As much of STS, Config and ECR as the function calls, with one repository that everyone may use."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on any free port of loopback."""
        super().__init__(("127.0.0.1", 0), AwsConversation)
        self.requests: list[Request] = []
        self.answers: dict[str, tuple[int, object]] = {
            "PutEvaluations": (200, {"FailedEvaluations": []}),
            "GetResourceConfigHistory": (200, {"configurationItems": [ITEM.as_history()]}),
            "GetComplianceDetailsByConfigRule": (200, STALE),
            "DescribeRepositories": (200, REPOSITORIES),
            "GetRepositoryPolicy": (200, {"policyText": OPEN}),
        }

    def operations(self) -> list[str]:
        """Return the calls so far."""
        return [request.operation for request in self.requests]

    def put(self) -> dict[str, Any]:
        """Return what the only call of PutEvaluations carried."""
        (request,) = [each for each in self.requests if each.operation == "PutEvaluations"]
        assert request.by_role
        return dict(request.parameters)


class AwsConversation(Conversation):
    """The side of AWS in a conversation with botocore."""

    server: Aws

    def do_POST(self) -> None:
        """Answer in the protocol of the request: AWS JSON, or the query protocol of STS."""
        body = self.body().decode()
        target = self.headers.get("X-Amz-Target")
        by_role = f"Credential={KEY}/" in self.headers.get("Authorization", "")
        if target is None:
            parameters = {name: value for name, (value,) in parse_qs(body).items()}
            self.server.requests.append(Request(operation=parameters["Action"], parameters=parameters, by_role=by_role))
            document = ASSUMED % timestamp(datetime.now(UTC) + timedelta(hours=1))
            self.answer(HTTPStatus.OK, document.encode(), {"Content-Type": "text/xml"})
            return
        operation = target.rpartition(".")[2]
        self.server.requests.append(Request(operation=operation, parameters=json.loads(body), by_role=by_role))
        status, content = self.server.answers[operation]
        document = json.dumps(content, default=datetime.timestamp)
        self.answer(status, document.encode(), {"Content-Type": "application/x-amz-json-1.1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """The process that runs the handler, with what stands around it."""

    process: subprocess.Popen[bytes]
    api: RuntimeApi
    aws: Aws
    stdout: Path
    stderr: Path

    def invoke(self, event: object) -> Outcome:
        """Let it handle an event."""
        self.api.events.put((str(uuid.uuid4()), json.dumps(event).encode()))
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what the runtime client says next."""
        for _ in range(PATIENCE):
            try:
                return self.api.outcomes.get(timeout=1)
            except Empty:
                if self.process.poll() is not None:
                    break
        raise AssertionError(f"no outcome\n{self.stdout.read_text()}\n{self.stderr.read_text()}")

    def log(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the lines of an invocation's log."""
        lines = [json.loads(line) for line in self.stdout.read_text().splitlines() if line.startswith('{"')]
        return [line for line in lines if line["requestId"] == outcome.request_id]


@contextmanager
def serving(build: Callable[[], _Server]) -> Iterator[_Server]:
    """Run a server in a thread of its own inside the with block."""
    with build() as server:
        thread = Thread(target=partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def started(folder: Path, *, handler: str = HANDLER, **variables: str) -> Iterator[Function]:
    """Start the runtime client with a handler; its process ends with the with block, however that ends."""
    stdout, stderr = folder / "stdout", folder / "stderr"
    with serving(RuntimeApi) as api, serving(Aws) as aws, stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=folder,
            env=environment(api, aws) | variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            yield Function(process=process, api=api, aws=aws, stdout=stdout, stderr=stderr)
        finally:
            process.kill()
            process.wait()
            api.events.put(None)


def environment(api: RuntimeApi, aws: Aws) -> dict[str, str]:
    """Return the variables that Lambda and the template set, with AWS on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    return kept | {
        "ASSUME_ROLE_MODE": "true",
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLEOFFUNCTION",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.server_port}",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_REGION": REGION,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "EXECUTION_ROLE_NAME": ROLE,
        "PYTHONPATH": str(RULE),
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    with started(tmp_path_factory.mktemp("function")) as function:
        yield function


@pytest.fixture
def function(running: Function) -> Function:
    """Return the running function, with no calls of AWS so far."""
    running.aws.requests.clear()
    return running


class TestAnswers:
    """What the function returns, and what AWS Config got."""

    def test_a_change_is_answered_in_json_and_put_over_http(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert (outcome.route, outcome.document) == (ANSWERED, [evaluation(timestamp(NOON))])
        assert function.aws.put() == {
            "Evaluations": [evaluation(NOON.timestamp())],
            "ResultToken": TOKEN,
            "TestMode": False,
        }

    def test_an_oversized_item_is_answered_in_json_too(self, function: Function) -> None:
        """What rdklib itself answers holds a datetime here, and would end as Runtime.MarshalError."""
        outcome = function.invoke(event(OVERSIZED, configurationItemSummary=ITEM.as_summary()))
        assert outcome.route == ANSWERED
        (answered,) = outcome.document
        assert datetime.fromisoformat(answered["OrderingTimestamp"]) == NOON
        assert answered == evaluation(answered["OrderingTimestamp"])
        assert function.aws.put()["Evaluations"] == [evaluation(NOON.timestamp())]
        assert "GetResourceConfigHistory" in function.aws.operations()

    def test_a_periodic_run_looks_at_the_repositories_themselves(self, function: Function) -> None:
        outcome = function.invoke(event(SCHEDULED))
        assert outcome.route == ANSWERED
        compliances = {"team/app": "NON_COMPLIANT", "gone": "NOT_APPLICABLE"}
        for evaluations in (outcome.document, function.aws.put()["Evaluations"]):
            assert {each["ComplianceResourceId"]: each["ComplianceType"] for each in evaluations} == compliances

    def test_the_role_is_taken_once_for_many_events(self, function: Function) -> None:
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        function.aws.requests.clear()
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert function.aws.operations() == ["PutEvaluations"]


class TestFailures:
    """What Lambda gets to know, and therefore tries again."""

    def test_a_wrong_parameter_fails_before_any_call(self, function: Function) -> None:
        wrong = event(CHANGE, configurationItem=ITEM.as_event()) | {"ruleParameters": '{"publicAccessTest": "x"}'}
        outcome = function.invoke(wrong)
        assert (outcome.route, outcome.document["errorType"]) == (FAILED, "ParameterError")
        assert outcome.document["errorMessage"].startswith("publicAccessTest: 'x' is not a test")
        assert function.aws.operations() == []

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ((400, {"__type": "InvalidResultTokenException", "message": "no"}), "InvalidResultTokenException"),
            ((200, {"FailedEvaluations": [{"ComplianceResourceId": ITEM.name}]}), "AWS Config refused 1 evaluations"),
        ],
        ids=["refused as a whole", "refused one by one"],
    )
    def test_evaluations_that_were_not_taken_fail(
        self, function: Function, answer: tuple[int, object], message: str
    ) -> None:
        with patch.dict(function.aws.answers, {"PutEvaluations": answer}):
            outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert (outcome.route, outcome.document["errorType"]) == (FAILED, "EvaluationError")
        assert message in outcome.document["errorMessage"]
        assert function.aws.put()["ResultToken"] == TOKEN

    def test_the_function_works_on_after_a_failure(self, function: Function) -> None:
        assert function.invoke(None).route == FAILED
        assert function.invoke(event(CHANGE, configurationItem=ITEM.as_event())).route == ANSWERED

    def test_a_handler_that_is_not_there_fails_the_start(self, tmp_path: Path) -> None:
        with started(tmp_path, handler=f"{HANDLER}s") as function:
            outcome = function.outcome()
        assert (outcome.route, outcome.document["errorType"]) == (NOT_STARTED, "Runtime.HandlerNotFound")


class TestLog:
    """What stands in the function's log group."""

    def test_a_decision_is_one_json_line_with_its_fields(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        assert decision(function, outcome) == {
            "level": "INFO",
            "message": "team/app is NON_COMPLIANT",
            "logger": "ecr_exposure.config_rule",
            "requestId": outcome.request_id,
            "arn": ITEM.arn,
            "account": ACCOUNT,
            "region": REGION,
            "publicAccessTest": "unconditional",
            "compliance": "NON_COMPLIANT",
            "annotation": TOLD,
            "reasons": ["Statement[0] allows ecr:* to * with no Condition"],
            "witnesses": [],
            "advisories": [],
        }

    def test_a_decision_is_logged_without_a_level_too(self, tmp_path: Path) -> None:
        """Where nobody sets a level, that of Python is WARNING; the decisions are INFO."""
        with started(tmp_path, AWS_LAMBDA_LOG_LEVEL="") as function:
            outcome = function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
            assert decision(function, outcome)["compliance"] == "NON_COMPLIANT"

    def test_a_failure_is_one_json_line_with_its_type(self, function: Function) -> None:
        outcome = function.invoke(event(CHANGE))
        (line,) = [line for line in function.log(outcome) if line["level"] == "ERROR"]
        assert (line["errorType"], line["errorMessage"]) == ("ItemError", outcome.document["errorMessage"])

    def test_no_secret_is_logged(self, function: Function) -> None:
        function.invoke(event(CHANGE, configurationItem=ITEM.as_event()))
        told = function.stdout.read_text() + function.stderr.read_text()
        assert "team/app is NON_COMPLIANT" in told
        for secret in (TOKEN, "ASIA", "AWS4-HMAC"):
            assert secret not in told


def event(kind: str, **content: object) -> dict[str, object]:
    """Return the event of a rule in the account, with what the message of this type carries."""
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
    """Return the evaluation of the open repository."""
    return {
        "ComplianceResourceType": RESOURCE_TYPE,
        "ComplianceResourceId": ITEM.name,
        "ComplianceType": "NON_COMPLIANT",
        "Annotation": TOLD,
        "OrderingTimestamp": ordering_timestamp,
    }


def decision(function: Function, outcome: Outcome) -> dict[str, Any]:
    """Return the only line of an invocation's log that says a compliance, without its time."""
    (line,) = [line for line in function.log(outcome) if "compliance" in line]
    return {name: value for name, value in line.items() if name != "timestamp"}
