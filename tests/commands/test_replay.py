"""``replay``: each failed event is invoked again once, and only what Lambda accepted leaves the queue."""

import json
import os
import signal
from contextlib import redirect_stdout
from typing import Any

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.stack_with_queue import FUNCTION_ARN, HOME, ONE, StackWithQueue, event, record
from tests.local_aws.calls import Call
from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import LocalOrganization


def refused(code: str, status: int, **where: Any) -> Fault:
    body = json.dumps({"__type": code, "message": "not now"})
    return Fault("lambda", "Invoke", status=status, code=code, body=body, **where)


class TestEvents:
    """Failed events in the queue."""

    def test_events_are_replayed_oldest_first(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a")), record(event("b")), record(event(None)))
        stack.queue._messages.reverse()  # noqa: SLF001 - SQS promises no order
        assert stack.replay() == 0
        assert stack.events == [event("a"), event("b"), event(None)]
        assert stack.visible() == []
        assert capsys.readouterr().out.splitlines() == [
            f"Replayed a in account {ONE} (ConfigurationItemChangeNotification, rule OrgConfigRule-ecr-abcd1234), "
            "failed 3 min ago: AccessDenied: sts:AssumeRole",
            f"Replayed b in account {ONE} (ConfigurationItemChangeNotification, rule OrgConfigRule-ecr-abcd1234), "
            "failed 2 min ago: AccessDenied: sts:AssumeRole",
            f"Replayed account {ONE} (ScheduledNotification, rule OrgConfigRule-ecr-abcd1234), "
            "failed 1 min ago: AccessDenied: sts:AssumeRole",
            "3 replayed, 0 kept in the queue",
        ]

    def test_function_is_invoked_before_the_message_is_deleted(self, stack: StackWithQueue) -> None:
        stack.send(record(event()))
        assert stack.replay() == 0
        called = [(call.service, call.operation) for call in stack.organization.calls]
        assert called == [
            ("cloudformation", "DescribeStacks"),
            ("sqs", "ReceiveMessage"),
            ("lambda", "Invoke"),
            ("sqs", "DeleteMessage"),
            ("sqs", "ReceiveMessage"),
            ("sqs", "GetQueueAttributes"),
        ]

    def test_handler_receives_the_same_event_again(self, stack: StackWithQueue) -> None:
        """Through JSON in the record and JSON in the invocation."""
        events: list[Any] = []
        config = ConfigService(stack.organization, lambda received, _context: events.append(received))
        rule = config.put_rule(ONE, HOME, "OrgConfigRule-ecr-abcd1234")
        stack.organization.create_repository(ONE, HOME, "team/app")
        message = config.oversized_message(config.record(ONE, HOME, "team/app"))
        failed = config.event(rule, message)
        stack.send(record(failed))
        assert stack.replay() == 0
        (replayed,) = stack.events
        config.invoke(replayed, region=HOME)
        assert events == [failed]

    def test_empty_queue_exits_with_0(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        assert stack.replay() == 0
        assert capsys.readouterr().out == "0 replayed, 0 kept in the queue\n"

    def test_several_batches_are_replayed(self, stack: StackWithQueue) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(23)))
        assert stack.replay() == 0
        assert stack.events == [event(f"app-{number:02}") for number in range(23)]
        assert stack.visible() == []
        assert stack.operations().count("ReceiveMessage") == 4

    def test_most_limits_the_number_of_events(self, stack: StackWithQueue) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(15)))
        assert stack.replay("--most", "12") == 0
        assert stack.events == [event(f"app-{number:02}") for number in range(12)]
        assert len(stack.visible()) == 3

    def test_dry_run_leaves_everything_in_the_queue(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bodies = [record(event(f"app-{number:02}")) for number in range(12)]
        stack.send(*bodies)
        assert stack.replay("--dry-run") == 0
        assert stack.events == []
        assert sorted(stack.visible()) == bodies
        assert set(stack.operations()) == {"ReceiveMessage", "GetQueueAttributes", "ChangeMessageVisibilityBatch"}
        output = capsys.readouterr().out
        assert output.startswith(f"Would replay app-00 in account {ONE} ")
        assert output.endswith("12 to replay, 0 kept in the queue\n")
        stack.send("{")
        assert stack.replay("--dry-run") == 1

    def test_secrets_and_control_characters_are_not_printed(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        error = f"InvalidResultToken: secret-token is old \x1b[2J\n{'x' * 300}"
        stack.send(record(event("na\x1b[31mme"), error))
        assert stack.replay() == 0
        (line, _) = capsys.readouterr().out.splitlines()
        assert "secret" not in line
        assert "\x1b" not in line
        assert "InvalidResultToken: … is old [2J xxx" in line
        assert line.endswith("x…")
        assert len(line) < 350

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("{", "the message is not JSON"),
            ("[" * 100_000, "the message is not JSON"),
            ("[]", "the message is not a JSON object"),
            ("{}", "requestContext is not a JSON object"),
            (json.dumps(event()), "requestContext is not a JSON object"),
            (
                record(event(), requestContext={"functionArn": f"{FUNCTION_ARN}-other:$LATEST"}),
                "requestContext.functionArn is not this function",
            ),
            (record(event(), requestContext={}), "requestContext.functionArn is not this function"),
            (record("text"), "requestPayload is not a JSON object"),
            (record({"resultToken": "t"}), "requestPayload is not an event of AWS Config"),
            (record(event() | {"resultToken": ""}), "requestPayload is not an event of AWS Config"),
            (record(event() | {"invokingEvent": "secret"}), "invokingEvent is not JSON"),
            (record(event() | {"invokingEvent": "7"}), "invokingEvent is not a JSON object"),
        ],
    )
    def test_message_that_is_not_a_record_stays(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], body: str, problem: str
    ) -> None:
        stack.send(body, record(event("after")))
        assert stack.replay() == 1
        assert stack.visible() == [body]
        assert stack.events == [event("after")]
        output = capsys.readouterr().out
        assert output.startswith("Kept message ")
        assert output.splitlines()[0].endswith(problem)
        assert "secret" not in output


class TestRefusals:
    """Lambda does not accept an event."""

    def test_event_that_is_not_accepted_stays(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a")), record(event("b")))
        with stack.organization.faults.inject(refused("ResourceConflictException", 409)):
            assert stack.replay() == 1
        assert stack.events == [event("b")]
        assert stack.visible() == [record(event("a"))]
        output = capsys.readouterr().out
        assert "not accepted: ResourceConflictException: not now (Invoke)\n" in output
        assert output.endswith("1 replayed, 1 kept in the queue\n")
        assert stack.replay() == 0
        assert stack.events == [event("b"), event("a")]

    def test_status_other_than_accepted_keeps_the_message(self, stack: StackWithQueue) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(Fault("lambda", "Invoke", status=200, body="{}", request_id=True)):
            assert stack.replay() == 1
        assert len(stack.visible()) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            refused("ExpiredTokenException", 403, times=None),
            refused("AccessDeniedException", 400, times=None),
            refused("ResourceNotFoundException", 404, times=None),
            Fault("lambda", "Invoke", connection=Connection.UNREACHABLE, times=None),
            Fault("lambda", "Invoke", status=200, body="<html>", times=None),
        ],
        ids=lambda fault: fault.label,
    )
    def test_error_that_concerns_every_event_ends_the_run(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], fault: Fault
    ) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(12)))
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert stack.events == []
        assert len(stack.visible()) == 12
        kept, count, stopped = capsys.readouterr().out.splitlines()
        assert kept.startswith(f"Kept app-00 in account {ONE} ")
        assert count == "0 replayed, 1 kept in the queue"
        assert stopped == "Stopped before the queue was empty: every further event would fail in the same way"

    def test_throttled_invocation_is_retried(self, stack: StackWithQueue) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(refused("TooManyRequestsException", 429, times=2)):
            assert stack.replay() == 0
        assert stack.visible() == []


class TestEnds:
    """The operator ends the command."""

    def test_signal_ends_the_run_between_two_messages(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(*(record(event(f"app-{number}")) for number in range(3)))

        def interrupt(call: Call) -> bool:
            if call.operation == "Invoke":
                os.kill(os.getpid(), signal.SIGINT)
            return False

        with stack.organization.faults.inject(Fault("lambda", "Invoke", when=interrupt)):
            assert stack.replay() == 130
        assert stack.events == [event("app-0")]
        assert sorted(stack.visible()) == [record(event("app-1")), record(event("app-2"))]
        assert capsys.readouterr().out.endswith(
            "1 replayed, 0 kept in the queue\nStopped before the queue was empty: interrupted\n"
        )

    def test_closed_pipe_ends_silently_and_loses_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What was accepted is deleted before it is printed, and the rest becomes visible again."""
        stack.send(record(event("a")), record(event("b")))
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - no path
            assert stack.replay() == 2
        assert stack.events == [event("a")]
        assert stack.visible() == [record(event("b"))]
        assert capsys.readouterr().err == ""


class TestCannotRun:
    """Wrong arguments, no region, no credentials, no stack."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((), "Missing argument 'STACK'. See: ecr-exposure replay --help"),
            (("",), "Invalid value for 'STACK': the name is empty."),
            (("s", "--region", "Ireland"), "Invalid value for '--region': 'Ireland' is not a Region such as eu-west-1"),
            (("s", "--most", "0"), "Invalid value for '--most': 0 is not in the range x>=1."),
            (("s", "--most", "x"), "Invalid value for '--most': 'x' is not a valid integer"),
            (("s", "--all"), "No such option"),
            (("nowhere",), "stack 'nowhere' does not exist in eu-west-1 of this account\n"),
            (
                ("ecr-exposure", "--region", "us-east-1"),
                "stack 'ecr-exposure' does not exist in us-east-1 of this account\n",
            ),
            (
                ("bare",),
                "stack 'bare' (CREATE_COMPLETE) has no output FunctionName, FailedEventsQueueUrl: "
                "was it deployed from template.yaml?\n",
            ),
        ],
    )
    def test_wrong_argument_exits_with_one_line(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str
    ) -> None:
        stack.create_stack("bare", {"Resources": {"Other": {"Type": "AWS::SQS::Queue"}}})
        assert main(("replay", *arguments), Environment(session=stack.session)) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith(f"Not run: {problem}")
        assert output.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("service", "operation"), [("cloudformation", "DescribeStacks"), ("sqs", "ReceiveMessage")]
    )
    def test_refused_first_call_exits_with_an_error(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], service: str, operation: str
    ) -> None:
        fault = Fault(service, operation, status=403, code="AccessDenied", message="no", times=None)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert capsys.readouterr().err == f"Not run: AccessDenied: no ({operation})\n"

    def test_missing_region_exits_with_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            monkeypatch.delenv("AWS_DEFAULT_REGION")
            assert main(("replay", "s")) == 2
            assert main(("replay", "s", "--region", "")) == 2
        line = "Not run: no Region: none is configured; set --region, AWS_REGION or AWS_DEFAULT_REGION\n"
        assert capsys.readouterr().err == line * 2

    def test_missing_credentials_exit_with_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                monkeypatch.delenv(name)
            assert main(("replay", "s")) == 2
        assert capsys.readouterr().err == "Not run: Unable to locate credentials\n"
