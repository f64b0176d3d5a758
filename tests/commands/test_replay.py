"""``replay``: each failed event is invoked again once, and only what Lambda accepted leaves the queue."""

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest

from ecr_exposure.aws import kept
from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.handler import lambda_handler
from tests.commands.stack_with_queue import (
    FUNCTION,
    FUNCTION_ARN,
    HOME,
    ONE,
    QUEUE,
    RULE,
    StackWithQueue,
    again,
    event,
    record,
)
from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB, LocalOrganization
from tests.rule.member_account import OPEN

CHANGED: Final = f"account {ONE} (ConfigurationItemChangeNotification, rule {RULE})"
DENIED: Final = "AccessDenied: sts:AssumeRole"


def refused(code: str, status: int, **where: Any) -> Fault:
    body = json.dumps({"__type": code, "message": "not now"})
    return Fault("lambda", "Invoke", status=status, code=code, body=body, **where)


def resources(events: Sequence[dict[str, Any]]) -> list[str]:
    """Return the repositories of change events, sorted: eight invocations run side by side."""
    invoking = [json.loads(each["invokingEvent"]) for each in events]
    return sorted(each["configurationItem"]["resourceId"] for each in invoking)


class TestEvents:
    """Failed events in the queue."""

    def test_first_line_says_where_and_last_line_what(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")), record(event("b1")))
        assert stack.replay() == 0
        assert stack.events == [again(event("a1")), again(event("b1"))]
        assert stack.visible() == stack.in_flight() == []
        output = capsys.readouterr()
        caller = f"arn:aws:sts::{HUB}:assumed-role/OrganizationAccountAccessRole/local-aws"
        assert output.out.splitlines() == [
            f"Account {HUB} as {caller}, {HOME}",
            f"[    0 s] Receive about 2 messages from {QUEUE}",
            f"Invoke {FUNCTION} with 2 of 2 messages; 0 superseded, 0 stay",
            "2 of 2 replayed, 0 superseded, 0 stay",
        ]
        assert output.err == ""

    def test_first_event_is_invoked_and_deleted_before_the_others(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")), record(event("b1")), record(event("c1")))
        stack.queue._messages.reverse()  # noqa: SLF001 - SQS promises no order
        assert stack.replay() == 0
        called = [call.operation for call in stack.organization.calls]
        assert called[: called.index("DeleteMessageBatch") + 2] == [
            "GetCallerIdentity",
            "DescribeStacks",
            "GetFunctionConcurrency",
            "GetQueueAttributes",
            "ReceiveMessage",
            "ReceiveMessage",
            "GetQueueAttributes",
            "Invoke",
            "DeleteMessageBatch",
            "Invoke",
        ]
        assert stack.events[0] == again(event("a1"))

    def test_function_receives_the_same_event_and_the_mark(self, stack: StackWithQueue) -> None:
        """Through JSON in the record and JSON in the invocation; the mark makes the function read the repository."""
        events: list[Any] = []
        config = ConfigService(stack.organization, lambda received, _context: events.append(received))
        rule = config.put_rule(ONE, HOME, RULE)
        stack.organization.create_repository(ONE, HOME, "team/app")
        message = config.oversized_message(config.record(ONE, HOME, "team/app"))
        failed = config.event(rule, message)
        stack.send(record(failed))
        assert stack.replay() == 0
        (replayed,) = stack.events
        config.invoke(replayed, region=HOME)
        assert events == [again(failed)]

    def test_old_event_does_not_replace_a_newer_evaluation(self, stack: StackWithQueue) -> None:
        """From the queue through the function: the event says closed, and since then the repository was opened.

        The event's time is later than that of the evaluation, so that the local AWS Config shows what it reports.
        """
        kept.clear()
        environment = {"EXECUTION_ROLE_NAME": "EcrExposureEvaluation", "ASSUME_ROLE_MODE": "true"}
        config = ConfigService(stack.organization, lambda_handler, environment=environment)
        rule = config.put_rule(ONE, HOME, RULE)
        stack.organization.create_repository(ONE, HOME, "app", None)
        message = config.change_message(config.record(ONE, HOME, "app"))
        message["configurationItem"]["configurationItemCaptureTime"] = "2999-01-01T00:00:00.000Z"
        stack.send(record(config.event(rule, message)))
        stack.organization.set_policy(ONE, HOME, "app", OPEN)
        config.deliver_change(ONE, HOME, "app")
        assert stack.replay() == 0
        (replayed,) = stack.events
        config.invoke(replayed, region=HOME)
        assert [each.compliance for each in config.evaluations(ONE, HOME, RULE)] == ["NON_COMPLIANT"]

    def test_scheduled_event_is_replayed_as_it_is(self, stack: StackWithQueue) -> None:
        stack.send(record(event(None)))
        assert stack.replay() == 0
        assert stack.events == [event(None)]

    def test_empty_queue_exits_with_0(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        assert stack.replay() == 0
        assert capsys.readouterr().out.endswith("\n0 of 0 replayed, 0 superseded, 0 stay\n")

    def test_hundreds_of_events_are_counted_and_not_listed(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        names = [f"app-{number:03}" for number in range(203)]
        stack.send(*(record(event(name)) for name in names))
        assert stack.replay() == 0
        assert resources(stack.events) == names
        assert stack.visible() == stack.in_flight() == []
        assert stack.operations().count("DeleteMessageBatch") <= 1 + 203 // 10 + 1
        assert len(capsys.readouterr().out.splitlines()) == 4

    def test_verbose_prints_a_line_for_each_event(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")), record(event("b1")), record(event(None, at="2026-11-01T00:00:00Z")))
        stack.send(record(event("left", account=HUB)))
        assert stack.replay("--verbose", "--account", ONE) == 0
        assert capsys.readouterr().out.splitlines()[3:-1] == [
            f"Replayed a1 in {CHANGED}, failed 3 min ago: {DENIED}",
            f"Replayed b1 in {CHANGED}, failed 2 min ago: {DENIED}",
            f"Replayed account {ONE} (ScheduledNotification, rule {RULE}), failed 1 min ago: {DENIED}",
        ]

    def test_secrets_and_control_characters_are_not_printed(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        error = f"Failure: secret-token is old \x1b[2J\n{'x' * 300}"
        stack.send(record(event("na\x1b[31mme"), error))
        assert stack.replay("--verbose") == 0
        line = capsys.readouterr().out.splitlines()[-2]
        assert "secret" not in line
        assert "\x1b" not in line
        assert "Failure: … is old [2J xxx" in line
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
                "requestContext.functionArn is not this function (another function)",
            ),
            (
                record(event(), requestContext={"functionArn": FUNCTION_ARN.replace(HUB, ONE)}),
                "requestContext.functionArn is not this function (another account)",
            ),
            (
                record(event(), requestContext={"functionArn": FUNCTION_ARN.replace(HOME, "us-east-1")}),
                "requestContext.functionArn is not this function (another Region)",
            ),
            (record(event(), requestContext={}), "requestContext.functionArn is not this function"),
            (record(event(), requestContext={"functionArn": 7}), "requestContext.functionArn is not this function"),
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
        assert stack.events == [again(event("after"))]
        lines = capsys.readouterr().out.splitlines()
        assert lines[3] == f"1 stay: {problem}"
        assert lines[-1] == "1 of 2 replayed, 0 superseded, 1 stay"
        assert not any("secret" in line for line in lines)


class TestRefusals:
    """Lambda does not accept an event."""

    def test_event_that_is_not_accepted_stays(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a1")), record(event("b1")))
        with stack.organization.faults.inject(refused("ResourceConflictException", 409)):
            assert stack.replay() == 1
        assert stack.events == [again(event("b1"))]
        assert stack.visible() == [record(event("a1"))]
        output = capsys.readouterr().out
        assert "1 stay: not accepted: ResourceConflictException: not now (Invoke)\n" in output
        assert output.endswith("1 of 2 replayed, 0 superseded, 1 stay\n")
        assert stack.replay() == 0
        assert stack.events == [again(event("b1")), again(event("a1"))]

    def test_status_other_than_accepted_keeps_the_message(self, stack: StackWithQueue) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(Fault("lambda", "Invoke", status=200, body="{}", request_id=True)):
            assert stack.replay() == 1
        assert len(stack.visible()) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            refused("AccessDeniedException", 400, times=None),
            refused("ResourceNotFoundException", 404, times=None),
            Fault("lambda", "Invoke", connection=Connection.UNREACHABLE, times=None),
            Fault("lambda", "Invoke", connection=Connection.CONNECT_TIMEOUT, times=None),
            Fault("lambda", "Invoke", status=200, body="<html>", times=None),
        ],
        ids=lambda fault: fault.label,
    )
    def test_error_that_concerns_every_event_ends_the_run(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], fault: Fault
    ) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(12)))
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 2
        assert len(injected.calls) == 1
        assert stack.events == []
        assert len(stack.visible()) == 12
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("0 of 12 replayed, 0 superseded, 1 stay")
        assert last.endswith("11 not done; ended early: every further event would fail in the same way")

    @pytest.mark.parametrize(("code", "status"), [("TooManyRequestsException", 429), ("ServiceException", 500)])
    def test_throttled_or_failed_invocation_is_repeated(self, stack: StackWithQueue, code: str, status: int) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(refused(code, status, times=5)) as injected:
            assert stack.replay() == 0
        assert len(injected.calls) == 5
        assert stack.clock.seconds == 1 + 2 + 4 + 8 + 8
        assert stack.visible() == []

    def test_invocation_that_stays_throttled_keeps_the_message(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(refused("TooManyRequestsException", 429, times=None)) as injected:
            assert stack.replay() == 1
        assert len(injected.calls) == 6
        assert "1 stay: not accepted: TooManyRequestsException: not now (Invoke)\n" in capsys.readouterr().out

    def test_reserved_concurrency_of_0_is_refused(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Lambda would send each event back to the queue without an attempt."""
        stack.send(record(event()))
        stack.set_concurrency(0)
        assert stack.replay() == 2
        assert stack.events == []
        assert stack.operations() == []
        assert "Not run: the function's reserved concurrency is 0: " in capsys.readouterr().err
        assert stack.replay("--dry-run") == 0
        stack.set_concurrency(1)
        assert stack.replay() == 0


class TestUnsureInvocations:
    """No answer arrives: Lambda may have accepted the event or not."""

    @pytest.mark.parametrize("connection", [Connection.READ_TIMEOUT, Connection.RESET])
    @pytest.mark.parametrize("processed", [True, False])
    def test_event_without_an_answer_is_not_repeated_and_stays(
        self,
        stack: StackWithQueue,
        capsys: pytest.CaptureFixture[str],
        connection: Connection,
        *,
        processed: bool,
    ) -> None:
        stack.send(record(event("a1")), record(event("b1")))
        fault = Fault("lambda", "Invoke", connection=connection, processed=processed)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert resources(stack.events) == (["a1", "b1"] if processed else ["b1"])
        assert stack.operations("lambda").count("Invoke") == 2
        assert stack.visible() == [record(event("a1"))]
        output = capsys.readouterr().out
        assert "\n1 stay: unsure: " in output
        assert output.endswith("1 of 2 replayed, 0 superseded, 1 stay (1 of them unsure)\n")

    @pytest.mark.parametrize("status", [429, 503])
    def test_many_that_are_throttled_or_fail_in_lambda_end_the_run(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], status: int
    ) -> None:
        """Each is tried for 23 seconds: 5,000 would take four hours."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(40)))
        fault = Fault("lambda", "Invoke", status=status, code="Busy", message="no", times=None)
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 2
        assert 6 * 16 <= len(injected.calls) <= 6 * 24
        assert len(stack.visible()) == 40
        assert "ended early: every further event would fail in the same way\n" in capsys.readouterr().out

    def test_many_without_an_answer_end_the_run(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each takes ten seconds: 5,000 would take two hours."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(90)))
        fault = Fault("lambda", "Invoke", connection=Connection.READ_TIMEOUT, times=None)
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 2
        assert 16 <= len(injected.calls) <= 24
        assert len(stack.visible()) == 90
        assert "ended early: every further event would fail in the same way\n" in capsys.readouterr().out

    def test_invocation_has_one_attempt_and_ten_seconds(self, stack: StackWithQueue) -> None:
        settings = vars(stack.clients().invocations.meta.config)["_user_provided_options"]
        assert settings["read_timeout"] == 10
        assert settings["retries"] == {"mode": "standard", "total_max_attempts": 1}


class TestOlderTemplate:
    """The stack is older than the command, so its function may not know what a replayed event is."""

    def test_replay_says_so_before_it_invokes_the_function(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        outputs = {"FunctionName": {"Value": FUNCTION}, "FailedEventsQueueUrl": {"Value": stack.url}}
        stack.create_stack("older", {"Resources": {"Other": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs})
        stack.send(record(event("a1")))
        assert stack.replay(stack="older") == 0
        assert "The stack has no output ReplayedEvents, so an older template made it" in capsys.readouterr().out
        stack.send(record(event("a1")))
        assert stack.replay() == 0
        assert "older template" not in capsys.readouterr().out


class TestCannotRun:
    """Wrong arguments, no Region, no credentials, no stack."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((), "Missing argument 'STACK'. See: ecr-exposure replay --help"),
            (("",), "Invalid value for 'STACK': the name is empty."),
            (("s", "--region", "Ireland"), "Invalid value for '--region': 'Ireland' is not a Region such as eu-west-1"),
            (("s", "--most", "0"), "Invalid value for '--most': 0 is not in the range x>=1."),
            (("s", "--most", "x"), "Invalid value for '--most': 'x' is not a valid integer"),
            (("s", "--all"), "No such option"),
            (("s", "--account", "12"), "Invalid value for '--account': '12' is not an account ID"),
            (("s", "--older-than", "6"), "Invalid value for '--older-than': '6' is not a number of minutes, hours"),
            (("s", "--older-than", "0d"), "Invalid value for '--older-than': '0d' is not a number of minutes, hours"),
            (("s", "--discard", "all"), "Invalid value for '--discard': 'all' is not one of 'foreign', 'hopeless'"),
            (("s", "--discard", "events"), "--discard events needs --account, --rule or --older-than."),
            (("s", "--discard", "foreign", "--rule", "x"), "--discard foreign: a foreign message has neither an"),
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
        assert output.err.startswith(f"Not run: {problem}")
        assert output.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("service", "operation", "status"),
        [
            ("cloudformation", "DescribeStacks", 403),
            ("lambda", "GetFunctionConcurrency", 400),
            ("sqs", "GetQueueAttributes", 403),
            ("sqs", "ReceiveMessage", 403),
        ],
    )
    def test_refused_first_call_exits_with_an_error(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], service: str, operation: str, status: int
    ) -> None:
        stack.send(record(event()))
        body = json.dumps({"__type": "AccessDenied", "message": "no"}) if service == "lambda" else None
        fault = Fault(service, operation, status=status, code="AccessDenied", message="no", body=body, times=None)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert capsys.readouterr().err == f"Not run: AccessDenied: no ({operation})\n"
        assert stack.visible() == [record(event())]

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
        assert capsys.readouterr().err == "Not run: no usable AWS credentials: Unable to locate credentials\n"
