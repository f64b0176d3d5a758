"""A stack whose queue holds failed events, as Lambda sends them there."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from zipfile import ZipFile

from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization

ONE = MEMBERS[0]
HOME: Final = "eu-west-1"
FUNCTION: Final = "ecr-repository-no-public-access"
FUNCTION_ARN: Final = f"arn:aws:lambda:{HOME}:{HUB}:function:{FUNCTION}"
_OUTPUTS: Final = {
    "FunctionName": {"Value": FUNCTION},
    "FailedEventsQueueUrl": {"Value": {"Ref": "FailedEvents"}},
}


def event(resource: str | None = "team/app", *, token: str = "secret-token") -> dict[str, Any]:  # noqa: S107 - made up
    """Return an event of AWS Config; without a resource that of a scheduled notification."""
    if resource is None:
        message: dict[str, Any] = {"messageType": "ScheduledNotification", "awsAccountId": ONE}
    else:
        item = {"resourceId": resource, "configuration": {"RepositoryPolicyText": "secret-policy"}}
        message = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": item}
    return {
        "invokingEvent": json.dumps(message),
        "resultToken": token,
        "accountId": ONE,
        "configRuleName": "OrgConfigRule-ecr-abcd1234",
    }


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
        template = {"Resources": {"FailedEvents": {"Type": "AWS::SQS::Queue"}}, "Outputs": _OUTPUTS}
        self.create_stack("ecr-exposure", template)
        (self.queue,) = sqs_backends[HUB][HOME].queues.values()
        self.sqs = self.session.client("sqs")

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
        """Send messages to the queue, each a minute older than the next."""
        for at, body in enumerate(bodies):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
            self.queue._messages[-1].sent_timestamp -= 60_000 * (len(bodies) - at)  # noqa: SLF001 - moto has no setter

    @property
    def url(self) -> str:
        """The queue's URL."""
        return str(self.sqs.get_queue_url(QueueName=self.queue.name)["QueueUrl"])

    def visible(self) -> list[str]:
        """Return the bodies of the messages that anybody could receive now, oldest first."""
        return [message.body for message in self.queue.messages]

    def operations(self, service: str = "sqs") -> list[str]:
        """Return the operations that were called."""
        return [call.operation for call in self.organization.calls if call.service == service]

    def replay(self, *arguments: str, stack: str = "ecr-exposure") -> int:
        """Run the command; return its exit code."""
        self.organization.calls.clear()
        return main(("replay", stack, *arguments), Environment(session=self.session))
