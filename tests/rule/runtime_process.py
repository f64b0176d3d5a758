"""The handler in AWS's Lambda runtime client, in its own process.

The runtime client (awslambdaric) gets events from a Runtime API on loopback. A second server is AWS, with fixed
responses.
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
from urllib.parse import parse_qs

from tests.local_aws.recorder import RESOURCE_TYPE, RecordedItem, timestamp

RUNTIME: Final = "/2018-06-01/runtime"
RESPONSE: Final = "invocation/{id}/response"
ERROR: Final = "invocation/{id}/error"
INIT_ERROR: Final = "init/error"
HANDLER: Final = "ecr_exposure.handler.lambda_handler"
RULE: Final = Path(__file__).parent.parent.parent / "rule"
ACCOUNT: Final = "444455556666"
REGION: Final = "eu-west-1"
ROLE: Final = "EcrExposureEvaluation"
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
# Variables that would lead the process to real AWS or a proxy, or connect it to the coverage of the tests.
EXCLUDED_VARIABLES: Final = ("AWS_", "COVERAGE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
TIMEOUT: Final = 60
"""Seconds to wait for the process to respond or to end."""

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
            "ResultRecordedTime": NOON,
        }
    ]
}
GONE: Final = (400, {"__type": "RepositoryNotFoundException", "message": "The repository does not exist"})
ASSUMED: Final = f"""
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>%s</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>
"""

_Server = TypeVar("_Server", bound=ThreadingHTTPServer)


class Connection(BaseHTTPRequestHandler):
    """One connection, which stays open and is not logged."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Write nothing."""

    def body(self) -> bytes:
        """Return the request body."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def respond(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Send a complete response."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.send_header("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000")
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the runtime client reports about one invocation, or about its start."""

    route: str
    """The path after ``/2018-06-01/runtime/``, with ``{id}`` instead of the correct request id."""
    request_id: str
    document: Any


class RuntimeApi(ThreadingHTTPServer):
    """The four routes of the Lambda Runtime API, for one event at a time."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on any free port of loopback."""
        super().__init__(("127.0.0.1", 0), RuntimeConnection)
        self.events: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        """Request id and event; None closes the connection."""
        self.outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.request_id = ""


class RuntimeConnection(Connection):
    """A connection of the runtime client to the Runtime API."""

    server: RuntimeApi

    def do_GET(self) -> None:
        """Return the next event as soon as there is one."""
        if self.path != f"{RUNTIME}/invocation/next":
            self.respond(HTTPStatus.NOT_FOUND, b"", {})
        elif (event := self.server.events.get()) is None:
            self.close_connection = True
        else:
            self.server.request_id, content = event
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": self.server.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((datetime.now(UTC).timestamp() + TIMEOUT) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rule",
            }
            self.respond(HTTPStatus.OK, content, headers)

    def do_POST(self) -> None:
        """Record the result of an invocation or of the start."""
        document = json.loads(self.body())
        request_id = self.server.request_id
        route = self.path.removeprefix(f"{RUNTIME}/").replace(f"/{request_id}/", "/{id}/")
        status = HTTPStatus.ACCEPTED if route in {RESPONSE, ERROR, INIT_ERROR} else HTTPStatus.NOT_FOUND
        self.respond(status, b"{}", {"Content-Type": "application/json"})
        self.server.outcomes.put(Outcome(route=route, request_id=request_id, document=document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to AWS, as it arrived over HTTP."""

    operation: str
    parameters: Mapping[str, Any]
    by_role: bool
    """Whether it was signed with the credentials of the assumed role."""


class Aws(ThreadingHTTPServer):
    """The operations of STS, AWS Config and ECR that the function calls, with one public repository."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on any free port of loopback."""
        super().__init__(("127.0.0.1", 0), AwsConnection)
        self.requests: list[Request] = []
        self.responses: dict[str, tuple[int, object]] = {
            "PutEvaluations": (200, {"FailedEvaluations": []}),
            "GetResourceConfigHistory": (200, {"configurationItems": [ITEM.as_history()]}),
            "GetComplianceDetailsByConfigRule": (200, STALE),
            "DescribeRepositories": (200, REPOSITORIES),
            "GetRepositoryPolicy": (200, {"policyText": OPEN}),
        }

    def operations(self) -> list[str]:
        """Return the calls so far."""
        return [request.operation for request in self.requests]

    def reported(self) -> dict[str, Any]:
        """Return the parameters of the only PutEvaluations call."""
        (request,) = [each for each in self.requests if each.operation == "PutEvaluations"]
        assert request.by_role
        return dict(request.parameters)

    def response_to(self, request: Request) -> tuple[int, object]:
        """Return status and content of the response to one call."""
        if request.parameters.get("repositoryName", ITEM.name) != ITEM.name:
            return GONE
        return self.responses[request.operation]


class AwsConnection(Connection):
    """A connection of botocore to AWS."""

    server: Aws

    def do_POST(self) -> None:
        """Respond in the protocol of the request: AWS JSON, or the query protocol of STS."""
        body = self.body().decode()
        target = self.headers.get("X-Amz-Target")
        by_role = f"Credential={KEY}/" in self.headers.get("Authorization", "")
        if target is None:
            parameters = {name: value for name, (value,) in parse_qs(body).items()}
            self.server.requests.append(Request(operation=parameters["Action"], parameters=parameters, by_role=by_role))
            document = ASSUMED % timestamp(datetime.now(UTC) + timedelta(hours=1))
            self.respond(HTTPStatus.OK, document.encode(), {"Content-Type": "text/xml"})
            return
        request = Request(operation=target.rpartition(".")[2], parameters=json.loads(body), by_role=by_role)
        self.server.requests.append(request)
        status, content = self.server.response_to(request)
        document = json.dumps(content, default=datetime.timestamp)
        self.respond(status, document.encode(), {"Content-Type": "application/x-amz-json-1.1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """The process that runs the handler, with the servers that it calls and its output files."""

    process: subprocess.Popen[bytes]
    api: RuntimeApi
    aws: Aws
    stdout: Path
    stderr: Path

    def invoke(self, event: object) -> Outcome:
        """Invoke the function with an event."""
        self.api.events.put((str(uuid.uuid4()), json.dumps(event).encode()))
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return the next outcome; fails if the process ends or does not respond."""
        for _ in range(TIMEOUT):
            try:
                return self.api.outcomes.get(timeout=1)
            except Empty:
                if self.process.poll() is not None:
                    break
        raise AssertionError(f"no outcome\n{self.stdout.read_text()}\n{self.stderr.read_text()}")

    def log(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the log lines of an invocation."""
        lines = [json.loads(line) for line in self.stdout.read_text().splitlines() if line.startswith('{"')]
        return [line for line in lines if line["requestId"] == outcome.request_id]


@contextmanager
def serving(build: Callable[[], _Server]) -> Iterator[_Server]:
    """Run a server in its own thread inside the with block."""
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
    """Start the runtime client with a handler; the process ends with the with block."""
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
    """Return the environment variables that Lambda and the template set, with AWS on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(EXCLUDED_VARIABLES)}
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
