"""A stack whose queue holds failed events, as Lambda sends them there."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from io import BytesIO, StringIO
from typing import Any, Final
from unittest.mock import patch
from zipfile import ZipFile

from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends

from ecr_exposure.cli.aws_calls import Clients
from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization

ONE = MEMBERS[0]
HOME: Final = "eu-west-1"
FUNCTION: Final = "ecr-repository-no-public-access"
FUNCTION_ARN: Final = f"arn:aws:lambda:{HOME}:{HUB}:function:{FUNCTION}"
QUEUE: Final = "ecr-exposure-ecr-exposure"
_OUTPUTS: Final = {
    "FunctionName": {"Value": FUNCTION},
    "FailedEventsQueueUrl": {"Value": {"Ref": "FailedEvents"}},
    "ReplayedEvents": {"Value": "repository-as-it-is-now"},
}


RULE: Final = "OrgConfigRule-ecr-abcd1234"


def event(
    resource: str | None = "team/app",
    *,
    token: str = "secret-token",  # noqa: S107 - made up
    at: str = "2026-11-24T12:00:00.000Z",
    account: str = ONE,
    rule: str = RULE,
) -> dict[str, Any]:
    """Return an event of AWS Config; without a resource that of a scheduled notification."""
    if resource is None:
        message: dict[str, Any] = {"messageType": "ScheduledNotification", "awsAccountId": account}
    else:
        item = {
            "resourceType": "AWS::ECR::Repository",
            "resourceId": resource,
            "awsAccountId": account,
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": at,
            "configuration": {"RepositoryPolicyText": "secret-policy"},
        }
        message = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": item}
    return {
        "invokingEvent": json.dumps(message | {"notificationCreationTime": at}),
        "resultToken": token,
        "accountId": account,
        "configRuleArn": f"arn:aws:config:{HOME}:{account}:config-rule/config-rule-abcdef",
        "configRuleName": rule,
    }


def again(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the change event with which ``replay`` invokes the function."""
    return sent | {"replayed": True}


class Stopwatch(Clock):
    """A clock that only ``sleep`` and a test move."""

    def __init__(self) -> None:
        """Start at 0."""
        self.seconds = 0.0
        self.during_sleeps: list[Callable[[], None]] = []
        """What happens in each sleep, one after the other."""

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10
        self.seconds += seconds
        if self.during_sleeps:
            self.during_sleeps.pop(0)()


class Terminal(StringIO):
    """A terminal at which somebody answers; a callable is called, and then its result is the answer."""

    def __init__(self, *answers: str | Callable[[], str]) -> None:
        """Store the answers, without line ends."""
        super().__init__()
        self._answers = list(answers)

    def isatty(self) -> bool:
        return True

    def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]  # as TextIOBase has it
        answer = self._answers.pop(0)
        return f"{answer if isinstance(answer, str) else answer()}\n"


def record(payload: object, error: str = "AccessDenied: sts:AssumeRole", **changes: object) -> str:
    """Return an invocation record, as Lambda writes it."""
    content: dict[str, object] = {
        "version": "1.0",
        "timestamp": "2026-11-24T12:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": f"{FUNCTION_ARN}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": error, "errorType": "EvaluationError"},
    }
    return json.dumps(content | changes)


class StackWithQueue:
    """The stack, with the events with which its function was invoked."""

    def __init__(self, organization: LocalOrganization, events: list[dict[str, Any]]) -> None:
        """Deploy the function and a stack with its queue."""
        self.organization = organization
        self.events = events
        self.session = organization.session(HUB, HOME)
        self._create_function()
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": QUEUE}}
        template = {"Resources": {"FailedEvents": queue}, "Outputs": _OUTPUTS}
        self.create_stack("ecr-exposure", template)
        (self.queue,) = sqs_backends[HUB][HOME].queues.values()
        self.sqs = self.session.client("sqs")
        self.clock = Stopwatch()
        self.asked = ""
        """What the last run printed on the terminal at which it asked."""

    def _create_function(self) -> None:
        role = iam_backends[HUB]["aws"].create_role("function", '{"Statement": []}', "/", None, "", [], "3600")
        package = BytesIO()
        with ZipFile(package, "w") as archive:
            archive.writestr("handler.py", "")
        self.session.client("lambda").create_function(
            FunctionName=FUNCTION,
            Handler="handler.run",
            Runtime="python3.13",
            Role=role.arn,
            Code={"ZipFile": package.getvalue()},
        )

    def create_stack(self, name: str, template: Mapping[str, Any]) -> None:
        """Create another stack."""
        self.session.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))

    def send(self, *bodies: str) -> None:
        """Send messages to the queue, each a minute older than the next, and the last one a minute old."""
        for at, body in enumerate(bodies):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
            self.queue._messages[-1].sent_timestamp -= 60_000 * (len(bodies) - at) + 5_000  # noqa: SLF001 - moto has no setter

    def send_later(self, *bodies: str) -> None:
        """Send messages, as if they arrived a minute from now; a fault may do that during a call."""
        for body in bodies:
            sqs_backends[HUB][HOME].send_message(QUEUE, body)
            self.queue._messages[-1].sent_timestamp += 60_000  # noqa: SLF001 - moto has no setter

    @property
    def url(self) -> str:
        """The queue's URL."""
        return str(self.sqs.get_queue_url(QueueName=self.queue.name)["QueueUrl"])

    def visible(self) -> list[str]:
        """Return the bodies of the messages that anybody could receive now, oldest first."""
        return [message.body for message in self.queue.messages]

    def in_flight(self) -> list[str]:
        """Return the bodies of the messages that are in flight."""
        return [message.body for message in self.queue._messages if not message.visible]  # noqa: SLF001 - moto has no accessor

    def set_concurrency(self, reserved: int) -> None:
        """Set the reserved concurrency of the function."""
        functions = self.session.client("lambda")
        functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=reserved)

    def clients(self) -> Clients:
        """Return the clients that the command uses."""
        return Clients(self.session, HOME)

    def take(self, number: int) -> list[str]:
        """Receive messages as another run does, maybe during a call; return their receipts."""
        return [each.receipt_handle for each in sqs_backends[HUB][HOME].receive_message(QUEUE, number, 0, 900)]

    def operations(self, *services: str) -> list[str]:
        """Return the operations of these services that were called, by default of SQS."""
        return [call.operation for call in self.organization.calls if call.service in (services or ("sqs",))]

    def visibility_timeouts(self) -> list[int]:
        """Return the visibility timeouts that were set after a message was received."""
        calls = [call for call in self.organization.calls if call.operation == "ChangeMessageVisibilityBatch"]
        return [int(entry["VisibilityTimeout"]) for call in calls for entry in call.parameters["Entries"]]

    def replay(
        self, *arguments: str, stack: str = "ecr-exposure", answers: Sequence[str | Callable[[], str]] = ()
    ) -> int:
        """Run the command; return its exit code. With answers it runs at a terminal, without them there is none."""
        self.organization.calls.clear()
        screen = Terminal()
        with ExitStack() as patches:
            if answers:
                patches.enter_context(patch.object(sys, "stdin", Terminal(*answers)))
                patches.enter_context(patch.object(sys, "stderr", screen))
            code = main(("replay", stack, *arguments), Environment(session=self.session, clock=self.clock))
        self.asked = screen.getvalue()
        return code
