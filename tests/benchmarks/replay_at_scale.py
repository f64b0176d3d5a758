"""``ecr-exposure replay`` with thousands of failed events, where each call to AWS takes 80 ms.

The command is the real one, and everything above HTTP, too. Each run in a process of its own:
python -m tests.benchmarks.replay_at_scale 5000
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from email.utils import formatdate
from hashlib import md5
from io import StringIO
from threading import Lock
from typing import Any, Final, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qs

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from ecr_exposure.cli.main import main
from tests.benchmarks.measurements import Measurement, at_most
from tests.benchmarks.stubbed_aws import ACCOUNT, ENVIRONMENT, REGION, change_event

_SECONDS_A_CALL: Final = 0.08
_MESSAGES: Final = 5_000
_MOST_SECONDS: Final = 180.0
_MOST_LINES: Final = 20
_FUNCTION: Final = "ecr-repository-no-public-access"
_QUEUE: Final = "ecr-exposure-stack"
_STACK: Final = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/00000000-0000-4000-8000-000000000000"
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"
_IDENTITY: Final = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/admin</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
_STACKS: Final = f"""<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeStacksResult><Stacks><member><StackName>stack</StackName><StackId>{_STACK}</StackId>
<CreationTime>2026-03-01T12:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>
<member><OutputKey>FunctionName</OutputKey><OutputValue>{_FUNCTION}</OutputValue></member>
<member><OutputKey>ReplayedEvents</OutputKey><OutputValue>repository-as-it-is-now</OutputValue></member>
<member><OutputKey>FailedEventsQueueUrl</OutputKey>
<OutputValue>https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{_QUEUE}</OutputValue></member>
</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""


class Run(NamedTuple):
    """What one run took: seconds, seconds of CPU, calls of AWS, and the lines that it printed."""

    wall: float
    cpu: float
    calls: int
    lines: int


class StubbedQueue:
    """A stack, its function that accepts every event, and its queue with failed events."""

    def __init__(self, size: int, *, seconds_a_call: float) -> None:
        """Put the events into the queue, each of another repository, so that all are invoked."""
        sent = str(int((time.time() - 3600) * 1000))
        self._seconds = seconds_a_call
        self._lock = Lock()
        self._visible = [_message(number, sent) for number in range(size)]
        self._held: dict[str, Mapping[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.invoked: Counter[str] = Counter()

    @property
    def left(self) -> int:
        """How many messages are in the queue."""
        return len(self._visible) + len(self._held)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond as AWS does."""
        time.sleep(self._seconds)
        target: Any = request.headers.get("X-Amz-Target")
        body: Any = request.body or b""
        body = body if isinstance(body, bytes) else body.encode()
        if target is not None:
            operation = (target if isinstance(target, str) else target.decode()).rpartition(".")[2]
            with self._lock:
                self.calls[operation] += 1
                return _response(request, 200, json.dumps(self._sqs(operation, json.loads(body))))
        if "/functions/" in request.url:
            return self._function(request, body)
        action = parse_qs(body.decode())["Action"][0]
        self.calls[action] += 1
        return _response(request, 200, {"GetCallerIdentity": _IDENTITY, "DescribeStacks": _STACKS}[action])

    def _function(self, request: AWSPreparedRequest, body: bytes) -> AWSResponse:
        if request.url.endswith("/concurrency"):
            return _response(request, 200, "{}")
        name = json.loads(json.loads(body)["invokingEvent"])["configurationItem"]["resourceId"]
        with self._lock:
            self.calls["Invoke"] += 1
            self.invoked[name] += 1
        return _response(request, 202, "")

    def _sqs(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "GetQueueAttributes":
            numbers = {"": len(self._visible), "NotVisible": len(self._held)}
            return {"Attributes": {f"ApproximateNumberOfMessages{name}": str(of) for name, of in numbers.items()}}
        if operation == "ReceiveMessage":
            received, self._visible = self._visible[:10], self._visible[10:]
            self._held |= {each["ReceiptHandle"]: each for each in received}
            return {"Messages": received}
        messages = [self._held.pop(entry["ReceiptHandle"]) for entry in parameters["Entries"]]
        if operation == "ChangeMessageVisibilityBatch":
            self._visible += messages
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []}


def measure(size: int = _MESSAGES) -> Iterator[Measurement]:
    """Measure one run: its time, its CPU and the length of what it prints."""
    command = (sys.executable, "-m", __name__, str(size))
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code
    run = Run(*json.loads(answer.stdout))
    details = f"80 ms a call, {run.calls:,} calls; CPU {run.cpu:.1f} s"
    yield at_most(f"replay of {size:,} messages: time", details, run.wall, _MOST_SECONDS, " s")
    yield at_most(f"replay of {size:,} messages: lines", "the report", run.lines, _MOST_LINES)


def run_once(size: int, seconds_a_call: float = _SECONDS_A_CALL) -> Run:
    """Replay so many messages in this process."""
    queue, printed = StubbedQueue(size, seconds_a_call=seconds_a_call), StringIO()
    with _in_place_of_aws(queue), redirect_stdout(printed), redirect_stderr(StringIO()):
        start, cpu = time.perf_counter(), time.process_time()
        code = main(("replay", "stack", "--yes"))
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    if (code, queue.left, queue.invoked.total(), len(queue.invoked)) != (0, 0, size, size):
        raise AssertionError(f"exit code {code}, {queue.left} messages left\n{printed.getvalue()}")
    return Run(wall, cpu, queue.calls.total(), printed.getvalue().count("\n"))


@contextmanager
def _in_place_of_aws(queue: StubbedQueue) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, kept | ENVIRONMENT, clear=True), patch.object(URLLib3Session, "send", queue.send):
        yield


def _message(number: int, sent: str) -> Mapping[str, Any]:
    event = json.dumps(change_event("{}")).replace("team/app", f"team/app-{number}")
    record = {
        "requestContext": {"functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{_FUNCTION}:$LATEST"},
        "requestPayload": json.loads(event),
        "responsePayload": {"errorMessage": "AccessDenied: sts:AssumeRole"},
    }
    body = json.dumps(record)
    return {
        "MessageId": str(number),
        "ReceiptHandle": f"receipt-{number}",
        "Body": body,
        "MD5OfBody": md5(body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {"SentTimestamp": sent},
    }


class _Body:
    """What urllib3 would return, already read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _response(request: AWSPreparedRequest, status: int, content: str) -> AWSResponse:
    headers: Any = {"x-amzn-requestid": _REQUEST_ID, "date": formatdate(usegmt=True)}
    return AWSResponse(request.url, status, headers, _Body(content.encode()))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_once(int(sys.argv[1]))))
