"""Failed events get another try, each once, and nothing leaves the queue that Lambda did not accept."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from typing import Any, Final
from zipfile import ZipFile

import pytest
from moto.iam.models import iam_backends
from moto.sqs.models import SQSBackend, sqs_backends

from tests.live.failed_event import NotARecordError, read_record
from tests.live.replay import main
from tests.local_aws.calls import Call
from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.moto_invocations import accepted_invocations
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization

ONE = MEMBERS[0]
HOME = "eu-west-1"
FUNCTION: Final = "ecr-repository-no-public-access"
FUNCTION_ARN: Final = f"arn:aws:lambda:{HOME}:{HUB}:function:{FUNCTION}"
OUTPUTS: Final = {
    "FunctionName": {"Value": FUNCTION},
    "FailedEventsQueueUrl": {"Value": {"Ref": "FailedEvents"}},
}


def event(resource: str | None = "team/app", *, token: str = "secret-token") -> dict[str, Any]:  # noqa: S107 - made up
    """Return an event of AWS Config; without a resource that of a scheduled run."""
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


class Deployed:
    """The stack, with what the function was invoked with since."""

    def __init__(self, organization: LocalOrganization, events: list[dict[str, Any]]) -> None:
        """Deploy the function and a stack with its queue."""
        self.organization = organization
        self.events = events
        self.session = organization.session(HUB, HOME)
        self._make_function()
        template = {"Resources": {"FailedEvents": {"Type": "AWS::SQS::Queue"}}, "Outputs": OUTPUTS}
        self.make_stack("ecr-exposure", template)
        (self.queue,) = sqs_backends[HUB][HOME].queues.values()
        self.sqs = self.session.client("sqs")

    def _make_function(self) -> None:
        role = iam_backends[HUB]["aws"].create_role("function", '{"Statement": []}', "/", None, "", [], "3600")
        package = BytesIO()
        with ZipFile(package, "w") as archive:
            archive.writestr("handler.py", "")
        code = {"ZipFile": package.getvalue()}
        where = {"FunctionName": FUNCTION, "Handler": "handler.run", "Runtime": "python3.13", "Role": role.arn}
        self.session.client("lambda").create_function(**where, Code=code)

    def make_stack(self, name: str, template: Mapping[str, Any]) -> None:
        """Make another stack."""
        self.session.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))

    def send(self, *bodies: str) -> None:
        """Put messages into the queue, each a minute older than the next."""
        for at, body in enumerate(bodies):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
            self.queue._messages[-1].sent_timestamp -= 60_000 * (len(bodies) - at)  # noqa: SLF001 - moto has no setter

    @property
    def url(self) -> str:
        """The queue's URL."""
        return str(self.sqs.get_queue_url(QueueName=self.queue.name)["QueueUrl"])

    def waiting(self) -> list[str]:
        """Return the bodies of the messages that anybody could receive now, oldest first."""
        return [message.body for message in self.queue.messages]

    def operations(self, service: str = "sqs") -> list[str]:
        """Return the operations that were called."""
        return [call.operation for call in self.organization.calls if call.service == service]

    def run(self, *arguments: str, stack: str = "ecr-exposure") -> int:
        """Run the command."""
        self.organization.calls.clear()
        return main(["--stack", stack, *arguments], self.session)


@pytest.fixture
def deployed() -> Iterator[Deployed]:
    with accepted_invocations() as events, LocalOrganization() as organization:
        yield Deployed(organization, events)


def lambda_fault(code: str, status: int, **where: Any) -> Fault:
    body = json.dumps({"__type": code, "message": "not now"})
    return Fault("lambda", "Invoke", status=status, code=code, body=body, **where)


def test_events_are_replayed_oldest_first(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(record(event("a")), record(event("b")), record(event(None)))
    deployed.queue._messages.reverse()  # noqa: SLF001 - SQS promises no order
    assert deployed.run() == 0
    assert deployed.events == [event("a"), event("b"), event(None)]
    assert deployed.waiting() == []
    assert capsys.readouterr().out.splitlines() == [
        f"Replayed a of {ONE} (ConfigurationItemChangeNotification, rule OrgConfigRule-ecr-abcd1234), "
        "failed 3 min ago: AccessDenied: sts:AssumeRole",
        f"Replayed b of {ONE} (ConfigurationItemChangeNotification, rule OrgConfigRule-ecr-abcd1234), "
        "failed 2 min ago: AccessDenied: sts:AssumeRole",
        f"Replayed {ONE} (ScheduledNotification, rule OrgConfigRule-ecr-abcd1234), "
        "failed 1 min ago: AccessDenied: sts:AssumeRole",
        "3 replayed, 0 left",
    ]


def test_it_is_invoked_asynchronously_before_the_message_goes(deployed: Deployed) -> None:
    deployed.send(record(event()))
    assert deployed.run() == 0
    called = [(call.service, call.operation) for call in deployed.organization.calls]
    assert called == [
        ("cloudformation", "DescribeStacks"),
        ("sqs", "ReceiveMessage"),
        ("lambda", "Invoke"),
        ("sqs", "DeleteMessage"),
        ("sqs", "ReceiveMessage"),
        ("sqs", "GetQueueAttributes"),
    ]


def test_the_very_event_comes_to_the_handler_again(deployed: Deployed) -> None:
    """Through JSON in the record and JSON in the invocation."""
    events: list[Any] = []
    config = ConfigService(deployed.organization, lambda received, _context: events.append(received))
    rule = config.put_rule(ONE, HOME, "OrgConfigRule-ecr-abcd1234")
    deployed.organization.create_repository(ONE, HOME, "team/app")
    message = config.oversized_message(config.record(ONE, HOME, "team/app"))
    failed = config.event(rule, message)
    deployed.send(record(failed))
    assert deployed.run() == 0
    (replayed,) = deployed.events
    config.invoke(replayed, region=HOME)
    assert events == [failed]


def test_an_empty_queue(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert deployed.run() == 0
    assert capsys.readouterr().out == "0 replayed, 0 left\n"


def test_more_than_one_batch(deployed: Deployed) -> None:
    deployed.send(*(record(event(f"app-{number:02}")) for number in range(23)))
    assert deployed.run() == 0
    assert deployed.events == [event(f"app-{number:02}") for number in range(23)]
    assert deployed.waiting() == []
    assert deployed.operations().count("ReceiveMessage") == 4


def test_at_most_as_many_as_asked_for(deployed: Deployed) -> None:
    deployed.send(*(record(event(f"app-{number:02}")) for number in range(15)))
    assert deployed.run("--most", "12") == 0
    assert deployed.events == [event(f"app-{number:02}") for number in range(12)]
    assert len(deployed.waiting()) == 3


def test_an_event_that_is_not_accepted_stays(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(record(event("a")), record(event("b")))
    refusal = lambda_fault("ResourceConflictException", 409)
    with deployed.organization.faults.inject(refusal):
        assert deployed.run() == 1
    assert deployed.events == [event("b")]
    assert deployed.waiting() == [record(event("a"))]
    output = capsys.readouterr().out
    assert "not accepted: ResourceConflictException: not now (Invoke)\n" in output
    assert output.endswith("1 replayed, 1 left\n")
    assert deployed.run() == 0
    assert deployed.events == [event("b"), event("a")]


def test_an_answer_other_than_accepted_leaves_the_message(deployed: Deployed) -> None:
    deployed.send(record(event()))
    with deployed.organization.faults.inject(Fault("lambda", "Invoke", status=200, body="{}", request_id=True)):
        assert deployed.run() == 1
    assert len(deployed.waiting()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        lambda_fault("ExpiredTokenException", 403, times=None),
        lambda_fault("AccessDeniedException", 400, times=None),
        lambda_fault("ResourceNotFoundException", 404, times=None),
        Fault("lambda", "Invoke", connection=Connection.UNREACHABLE, times=None),
        Fault("lambda", "Invoke", status=200, body="<html>", times=None),
    ],
    ids=lambda fault: fault.label,
)
def test_an_error_that_all_events_would_meet_ends_the_run(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    deployed.send(*(record(event(f"app-{number:02}")) for number in range(12)))
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert deployed.events == []
    assert len(deployed.waiting()) == 12
    stays, count, stopped = capsys.readouterr().out.splitlines()
    assert stays.startswith(f"Stays app-00 of {ONE} ")
    assert count == "0 replayed, 1 left"
    assert stopped == "Stopped before the queue was empty: every further event would meet the same"


def test_a_throttle_is_waited_out(deployed: Deployed) -> None:
    deployed.send(record(event()))
    with deployed.organization.faults.inject(lambda_fault("TooManyRequestsException", 429, times=2)):
        assert deployed.run() == 0
    assert deployed.waiting() == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{", "the message is not JSON"),
        ("[" * 100_000, "the message is not JSON"),
        ("[]", "the message is no JSON object"),
        ("{}", "requestContext is no JSON object"),
        (json.dumps(event()), "requestContext is no JSON object"),
        (
            record(event(), requestContext={"functionArn": f"{FUNCTION_ARN}-other:$LATEST"}),
            "it is no record of this function (requestContext.functionArn)",
        ),
        (
            record(event(), requestContext={}),
            "it is no record of this function (requestContext.functionArn)",
        ),
        (record("text"), "requestPayload is no JSON object"),
        (record({"resultToken": "t"}), "requestPayload is no event of AWS Config"),
        (record(event() | {"resultToken": ""}), "requestPayload is no event of AWS Config"),
        (record(event() | {"invokingEvent": "secret"}), "invokingEvent is not JSON"),
        (record(event() | {"invokingEvent": "7"}), "invokingEvent is no JSON object"),
    ],
)
def test_what_is_no_record_stays(deployed: Deployed, capsys: pytest.CaptureFixture[str], body: str, told: str) -> None:
    deployed.send(body, record(event("after")))
    assert deployed.run() == 1
    assert deployed.waiting() == [body]
    assert deployed.events == [event("after")]
    output = capsys.readouterr().out
    assert output.splitlines()[0].endswith(told)
    assert "secret" not in output


def test_a_dry_run_leaves_everything(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = [record(event(f"app-{number:02}")) for number in range(12)]
    deployed.send(*bodies)
    assert deployed.run("--dry-run") == 0
    assert deployed.events == []
    assert sorted(deployed.waiting()) == bodies
    assert set(deployed.operations()) == {"ReceiveMessage", "GetQueueAttributes", "ChangeMessageVisibilityBatch"}
    output = capsys.readouterr().out
    assert output.startswith(f"Would replay app-00 of {ONE} ")
    assert output.endswith("12 to replay, 0 left\n")
    deployed.send("{")
    assert deployed.run("--dry-run") == 1


def test_secrets_and_control_characters_are_not_shown(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    error = f"InvalidResultToken: secret-token is old \x1b[2J\n{'x' * 300}"
    deployed.send(record(event("na\x1b[31mme"), error))
    assert deployed.run() == 0
    (line, _) = capsys.readouterr().out.splitlines()
    assert "secret" not in line
    assert "\x1b" not in line
    assert "InvalidResultToken: … is old [2J xxx" in line
    assert line.endswith("x…")
    assert len(line) < 350


def test_an_event_that_was_never_run_has_only_a_condition() -> None:
    context = {"functionArn": FUNCTION_ARN, "condition": "EventAgeExceeded"}
    read = read_record(record(event(), requestContext=context, responsePayload=None), FUNCTION)
    assert read.error == "EventAgeExceeded"
    assert "secret" not in repr(read)


def test_an_event_is_sent_as_short_as_it_came() -> None:
    """The bytes of an event that was just within Lambda's limit must not become more."""
    message = json.dumps({"configurationItem": {"resourceId": "größe"}}, ensure_ascii=False)
    sent = event() | {"invokingEvent": message}
    read = read_record(record(sent), FUNCTION)
    assert read.payload == json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
    lone = event() | {"accountId": "\ud800"}
    assert json.loads(read_record(record(lone), FUNCTION).payload) == lone


def test_an_oversized_event_names_its_resource() -> None:
    summary = {"messageType": "OversizedConfigurationItemChangeNotification"}
    message = json.dumps(summary | {"configurationItemSummary": {"resourceId": "team/app"}})
    read = read_record(record(event() | {"invokingEvent": message}), FUNCTION)
    assert (read.resource, read.message_type) == ("team/app", "OversizedConfigurationItemChangeNotification")


def test_a_record_without_its_fields_is_shown_as_far_as_it_goes() -> None:
    read = read_record(record({"resultToken": "t", "invokingEvent": "{}"}, responsePayload="text"), FUNCTION)
    assert (read.account, read.rule, read.message_type, read.resource) == ("-", "-", "-", "")
    with pytest.raises(NotARecordError):
        read_record(record({}), FUNCTION)


def test_what_fails_again_during_the_run_waits_for_the_next(deployed: Deployed) -> None:
    """Else a function that fails each time would keep the run going for ever."""
    deployed.send(record(event("old")))
    deployed.sqs.send_message(QueueUrl=deployed.url, MessageBody=record(event("new")))
    deployed.queue._messages[-1].sent_timestamp += 60_000  # noqa: SLF001 - moto has no setter
    assert deployed.run() == 1
    assert deployed.events == [event("old")]
    assert deployed.waiting() == [record(event("new"))]


@pytest.mark.parametrize("deletable", [True, False])
def test_a_message_that_comes_twice_is_replayed_once(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], *, deletable: bool
) -> None:
    """A standard queue may deliver a message again, even one that was deleted."""
    deployed.send(record(event("a")))
    message = deployed.queue._messages[0]  # noqa: SLF001 - moto has no accessor

    def is_second(_call: Call) -> bool:
        return not deletable and "DeleteMessage" in deployed.operations()

    fault = Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", when=is_second)
    deliver, times = deployed.queue.delete_message, iter(range(2))

    def forget_once(handle: str) -> None:
        if next(times) == 0:
            message.visible_at = 0
            return
        deliver(handle)

    deployed.queue.delete_message = forget_once
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == (0 if deletable else 1)
    assert deployed.events == [event("a")]
    assert deployed.waiting() == ([] if deletable else [record(event("a"))])
    assert ("1 replayed, 0 left\n" if deletable else "1 replayed, 1 left\n") in capsys.readouterr().out


def test_a_message_that_cannot_be_deleted_is_reported(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(record(event()))
    fault = Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", message="no")
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert "was replayed and could not be deleted: AccessDenied: no (DeleteMessage)\n" in capsys.readouterr().out
    assert deployed.events == [event()]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", message="no", times=None),
        Fault("sqs", "DeleteMessage", status=200, body="{}", times=None),
    ],
    ids=["refused", "answered by a stranger"],
)
def test_nothing_more_is_replayed_where_nothing_can_be_deleted(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    """Each event would only come again next time."""
    deployed.send(*(record(event(f"app-{number:02}")) for number in range(12)))
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert deployed.events == [event("app-00")]
    assert len(deployed.waiting()) == 12
    assert deployed.operations().count("DeleteMessage") == 1
    replayed, stays, count, stopped = capsys.readouterr().out.splitlines()
    assert replayed.startswith("Replayed app-00 ")
    assert "was replayed and could not be deleted: " in stays
    assert count == "1 replayed, 1 left"
    assert stopped == (
        "Stopped before the queue was empty: "
        "what cannot be deleted is replayed again the next time, and so would be every further event"
    )


def test_a_message_is_gone_before_anything_is_said(deployed: Deployed) -> None:
    """A reader that is gone, as head is, does not bring back what was accepted."""

    class Closed(StringIO):
        def write(self, _text: str) -> int:
            raise OSError("the reader is gone")

    deployed.send(record(event("a")), record(event("b")))
    with redirect_stdout(Closed()), pytest.raises(OSError, match="gone"):
        deployed.run()
    assert deployed.events == [event("a")]
    assert deployed.waiting() == [record(event("b"))]


def test_a_message_twice_in_one_batch_is_replayed_once(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.send(record(event("a")), record(event("b")))
    receive = SQSBackend.receive_message
    monkeypatch.setattr(SQSBackend, "receive_message", lambda *given, **named: receive(*given, **named) * 2)
    assert deployed.run() == 0
    assert deployed.events == [event("a"), event("b")]
    assert deployed.waiting() == []


# What others hold


def test_messages_that_another_run_holds(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(record(event("a")), record(event("b")))
    deployed.sqs.receive_message(QueueUrl=deployed.url, MaxNumberOfMessages=2, VisibilityTimeout=900)
    deployed.send(record(event("c")))
    assert deployed.run() == 1
    assert deployed.events == [event("c")]
    assert capsys.readouterr().out.splitlines()[1:] == [
        "1 replayed, 0 left",
        "Look again in 15 minutes: about 2 messages are hidden, by another run or by one that was killed",
    ]


def test_what_the_run_itself_hides_is_none_of_others(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send("{", record(event("a")))
    assert deployed.run() == 1
    assert capsys.readouterr().out.endswith("1 replayed, 1 left\n")


@pytest.mark.parametrize("status", [200, 403])
def test_whether_others_hold_messages_may_not_be_looked_at(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    body = json.dumps({"__type": "AccessDenied", "message": "no"})
    with deployed.organization.faults.inject(Fault("sqs", "GetQueueAttributes", status=status, body=body)):
        assert deployed.run() == 1
    assert "\nLook again in 15 minutes: whether messages are hidden could not be checked: " in capsys.readouterr().out


def test_an_answer_to_receiving_that_is_none(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(record(event()))
    with deployed.organization.faults.inject(Fault("sqs", "ReceiveMessage", status=200, body="<html>", times=None)):
        assert deployed.run() == 2
    assert capsys.readouterr().err == "Not run: ReceiveMessage was answered by something that is not AWS\n"


def test_a_signal_ends_the_run_between_two_messages(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(*(record(event(f"app-{number}")) for number in range(3)))

    def interrupt(call: Call) -> bool:
        if call.operation == "Invoke":
            os.kill(os.getpid(), signal.SIGINT)
        return False

    with deployed.organization.faults.inject(Fault("lambda", "Invoke", when=interrupt)):
        assert deployed.run() == 1
    assert deployed.events == [event("app-0")]
    assert sorted(deployed.waiting()) == [record(event("app-1")), record(event("app-2"))]
    assert capsys.readouterr().out.endswith("1 replayed, 0 left\nStopped before the queue was empty: interrupted\n")


def test_a_queue_that_fails_in_the_middle(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send(*(record(event(f"app-{number:02}")) for number in range(11)))

    def from_the_second_on(_call: Call) -> bool:
        return "ReceiveMessage" in deployed.operations()

    fault = Fault(
        "sqs", "ReceiveMessage", status=403, code="AccessDenied", message="no", when=from_the_second_on, times=None
    )
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert capsys.readouterr().out.endswith(
        "\n10 replayed, 0 left\nStopped before the queue was empty: AccessDenied: no (ReceiveMessage)\n"
    )
    assert len(deployed.events) == 10
    assert len(deployed.waiting()) == 1


def test_visibility_that_cannot_be_given_back(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.send("{")
    fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=403, code="AccessDenied", message="no")
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert "What stays is hidden for up to 15 minutes: AccessDenied: no" in capsys.readouterr().out


def test_visibility_that_some_messages_do_not_get_back(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """The call succeeds, and says which messages it failed for."""
    deployed.send("{", "[")
    failed = {"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
    body = json.dumps({"Successful": [{"Id": "1"}], "Failed": [failed]})
    fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=200, body=body, request_id=True)
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 1
    assert "1 that stays is hidden for up to 15 minutes: ReceiptHandleIsInvalid\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: --stack"),
        (["--stack", ""], "argument --stack: the name is empty"),
        (["--stack", "s", "--region", "Ireland"], "argument --region: 'Ireland' is not a region such as eu-west-1"),
        (["--stack", "s", "--most", "0"], "argument --most: '0' is no number from 1 on"),
        (["--stack", "s", "--most", "x"], "argument --most: 'x' is no number from 1 on"),
        (["--stack", "s", "--all"], "unrecognized arguments: --all"),
        (["--stack", "nowhere"], "there is no stack 'nowhere' in eu-west-1 of this account\n"),
        (
            ["--stack", "ecr-exposure", "--region", "us-east-1"],
            "there is no stack 'ecr-exposure' in us-east-1 of this account\n",
        ),
        (
            ["--stack", "bare"],
            "stack 'bare' (CREATE_COMPLETE) has no output FunctionName, FailedEventsQueueUrl: "
            "is it of template.yaml?\n",
        ),
    ],
)
def test_it_cannot_run(deployed: Deployed, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    deployed.make_stack("bare", {"Resources": {"Other": {"Type": "AWS::SQS::Queue"}}})
    assert main(arguments, deployed.session) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"Not run: {told}")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(("service", "operation"), [("cloudformation", "DescribeStacks"), ("sqs", "ReceiveMessage")])
def test_it_is_not_allowed_to(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], service: str, operation: str
) -> None:
    fault = Fault(service, operation, status=403, code="AccessDenied", message="no", times=None)
    with deployed.organization.faults.inject(fault):
        assert deployed.run() == 2
    assert capsys.readouterr().err == f"Not run: AccessDenied: no ({operation})\n"


def test_no_region(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalOrganization():
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert main(["--stack", "s"]) == 2
        assert main(["--stack", "s", "--region", ""]) == 2
    none = "Not run: no region: there is none; name one by --region or AWS_DEFAULT_REGION\n"
    assert capsys.readouterr().err == none * 2


def test_no_credentials(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalOrganization():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        assert main(["--stack", "s"]) == 2
    assert capsys.readouterr().err == "Not run: Unable to locate credentials\n"
