"""``replay`` and SQS: messages that come twice, stay, are in flight, or cannot be deleted."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.sqs.models import SQSBackend, sqs_backends

from ecr_exposure.cli.terminal import Clock
from tests.commands.stack_with_queue import HOME, QUEUE, StackWithQueue, again, event, record
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB


def from_the_second_on(operation: str, stack: StackWithQueue, fault: dict[str, Any]) -> Fault:
    """Return a fault of all calls of an operation but the first."""
    return Fault("sqs", operation, when=lambda _call: operation in stack.operations(), times=None, **fault)


REFUSED: dict[str, Any] = {"status": 403, "code": "AccessDenied", "message": "no"}


class TestDelivery:
    """A standard queue delivers at least once, and new messages arrive at any time."""

    def test_event_that_fails_again_during_the_run_stays(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Otherwise a function that fails each time would keep the run going forever."""
        stack.send(record(event("old")))
        stack.send_later(record(event("new")))
        assert stack.replay() == 1
        assert stack.events == [again(event("old"))]
        assert stack.visible() == [record(event("new"))]
        assert "\n1 stay: it arrived during this run\n" in capsys.readouterr().out

    @pytest.mark.parametrize("hours", [-12, 12])
    def test_time_is_that_of_aws(self, stack: StackWithQueue, hours: int) -> None:
        """The clock of the operator's computer is wrong by hours."""
        stack.send(record(event("old")))
        stack.send_later(record(event("new")))
        real = Clock().today
        stack.clock.today = lambda: real() + timedelta(hours=hours)  # type: ignore[method-assign]
        assert stack.replay() == 1
        assert stack.events == [again(event("old"))]

    def test_run_ends_although_messages_arrive_all_the_time(self, stack: StackWithQueue) -> None:
        stack.send(*(record(event(f"app-{number}")) for number in range(8)))

        def arrive(_call: Call) -> bool:
            stack.send_later(record(event("new")))
            return False

        with stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", when=arrive)):
            assert stack.replay() == 1
        assert len(stack.events) == 8
        assert set(stack.visible()) == {record(event("new"))}

    def test_run_ends_where_more_arrives_than_is_received(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The count at the start was too high, so that as many old messages never come."""
        stack.send(record(event("old")))

        def arrive(_call: Call) -> bool:
            stack.send_later(*[record(event("new"))] * 10)
            return False

        attributes = {"ApproximateNumberOfMessages": "20", "ApproximateNumberOfMessagesNotVisible": "0"}
        body = json.dumps({"Attributes": attributes})
        counts = Fault("sqs", "GetQueueAttributes", status=200, body=body, request_id=True, date=True)
        with (
            stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", when=arrive)),
            stack.organization.faults.inject(counts),
        ):
            assert stack.replay() == 2
        assert stack.events == []
        assert stack.in_flight() == []
        assert "ended early: messages arrive faster than they can be received\n" in capsys.readouterr().out

    def test_call_that_brings_few_messages_does_not_end_the_run(
        self, stack: StackWithQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQS may return fewer messages than there are."""
        receive = SQSBackend.receive_message
        monkeypatch.setattr(
            SQSBackend, "receive_message", lambda self, name, _count, *more: receive(self, name, 3, *more)
        )
        stack.send(*(record(event(f"app-{number:02}")) for number in range(25)))
        assert stack.replay() == 0
        assert len(stack.events) == 25

    def test_message_that_is_twice_in_a_batch_is_replayed_once(
        self, stack: StackWithQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.send(record(event("a1")), record(event("b1")))
        receive = SQSBackend.receive_message
        monkeypatch.setattr(SQSBackend, "receive_message", lambda *given, **named: receive(*given, **named) * 2)
        assert stack.replay() == 0
        assert stack.events == [again(event("a1")), again(event("b1"))]
        assert stack.visible() == []

    def test_event_that_has_two_messages_is_replayed_once(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")), record(event("a1")))
        assert stack.replay() == 0
        assert stack.events == [again(event("a1"))]
        assert stack.visible() == []


class TestReceiving:
    """ReceiveMessage fails."""

    def test_response_that_is_not_from_aws_exits_with_an_error(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event()))
        with stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", status=200, body="<html>", times=None)):
            assert stack.replay() == 2
        assert capsys.readouterr().err == "Not run: the response to ReceiveMessage did not come from AWS\n"

    def test_queue_that_fails_in_the_middle_replays_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What was not received may be newer."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(11)))
        with stack.organization.faults.inject(from_the_second_on("ReceiveMessage", stack, REFUSED)):
            assert stack.replay() == 2
        assert capsys.readouterr().out.endswith(
            "\n0 of 10 replayed, 0 superseded, 0 stay, 10 not done; ended early: AccessDenied: no (ReceiveMessage)\n"
        )
        assert stack.events == []
        assert len(stack.visible()) == 11

    @pytest.mark.parametrize("code", ["KMS.AccessDeniedException", "KmsAccessDenied"])
    def test_encrypted_queue_without_the_right_to_decrypt_says_so(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], code: str
    ) -> None:
        stack.send(record(event()))
        fault = Fault("sqs", "ReceiveMessage", code=code, message="The ciphertext refers to a key", times=None)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert capsys.readouterr().err == (
            f"Not run: {code}: The ciphertext refers to a key (ReceiveMessage); "
            "the queue is encrypted with a KMS key: allow kms:Decrypt on it\n"
        )

    @pytest.mark.parametrize("operation", ["ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"])
    def test_throttled_call_is_repeated(self, stack: StackWithQueue, operation: str) -> None:
        stack.send("{", *(record(event(f"app-{number:02}")) for number in range(11)))
        fault = Fault("sqs", operation, code="RequestThrottled", times=3)
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 1
        assert injected.spent
        assert stack.visible() == ["{"]

    def test_response_without_a_date_is_not_from_aws(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        attributes = {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "0"}
        body = json.dumps({"Attributes": attributes})
        with stack.organization.faults.inject(
            Fault("sqs", "GetQueueAttributes", status=200, body=body, request_id=True)
        ):
            assert stack.replay() == 2
        assert "Not run: the response to GetQueueAttributes has no date, so it did" in capsys.readouterr().err


class TestDeleting:
    """DeleteMessageBatch fails after Lambda has accepted the events."""

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("sqs", "DeleteMessageBatch", times=None, **REFUSED),
            Fault("sqs", "DeleteMessageBatch", status=200, body="{}", times=None),
        ],
        ids=["refused", "not from AWS"],
    )
    def test_nothing_more_is_replayed_if_nothing_can_be_deleted(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], fault: Fault
    ) -> None:
        """The next run would replay each event again."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(12)))
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert stack.events == [again(event("app-00"))]
        assert len(stack.visible()) == 12
        assert stack.operations().count("DeleteMessageBatch") == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[3].startswith("1 stay: replayed, but it could not be deleted: ")
        assert lines[-1] == (
            "1 of 12 replayed, 0 superseded, 1 stay, 11 not done; ended early: "
            "the next run replays again what could not be deleted, and so it would every further event"
        )

    def test_deletion_that_fails_later_ends_the_run(self, stack: StackWithQueue) -> None:
        stack.send(*(record(event(f"app-{number:03}")) for number in range(80)))
        with stack.organization.faults.inject(from_the_second_on("DeleteMessageBatch", stack, REFUSED)):
            assert stack.replay() == 2
        assert len(stack.events) < 60
        assert len(stack.visible()) == 79

    def test_partly_refused_deletion_is_reported_by_message(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The call succeeds, and says for which messages it failed."""
        stack.send(*(record(event(f"app-{number}")) for number in range(4)))

        def later(call: Call) -> bool:
            return "DeleteMessageBatch" in stack.operations() and call.operation == "DeleteMessageBatch"

        failed = {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        body = json.dumps({"Successful": [{"Id": "0"}, {"Id": "2"}], "Failed": [failed]})
        fault = Fault("sqs", "DeleteMessageBatch", status=200, body=body, request_id=True, when=later)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 1
        output = capsys.readouterr().out
        assert "\n1 stay: replayed, but it could not be deleted: ReceiptHandleIsInvalid\n" in output
        assert output.endswith("\n4 of 4 replayed, 0 superseded, 1 stay\n")

    def test_failure_of_sqs_itself_is_repeated_for_these_messages(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")))
        failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
        body = json.dumps({"Successful": [], "Failed": [failed]})
        fault = Fault("sqs", "DeleteMessageBatch", status=200, body=body, request_id=True, times=2)
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 0
        assert injected.spent
        assert stack.visible() == []

    def test_message_without_a_result_counts_as_not_deleted(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")))
        with stack.organization.faults.inject(
            Fault("sqs", "DeleteMessageBatch", status=200, body="{}", request_id=True)
        ):
            assert stack.replay() == 1
        assert "it could not be deleted: no result in the response\n" in capsys.readouterr().out


class TestInFlight:
    """Messages that others have received, and messages that become visible again."""

    def test_messages_of_another_run_end_the_command(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They may be the newest ones."""
        stack.send(record(event("a1")), record(event("b1")))
        stack.take(2)
        stack.send(record(event("c1")))
        assert stack.replay() == 2
        assert stack.events == []
        assert stack.clock.seconds == 65
        assert capsys.readouterr().err == (
            "Not run: about 2 messages are in flight: another run has received them, or one that was killed. "
            "Without them nobody knows which events are the newest. Run again in 15 minutes\n"
        )

    def test_outdated_count_is_waited_for(self, stack: StackWithQueue) -> None:
        """As after a dry run, whose messages are visible again."""
        stack.send(record(event("a1")))
        (receipt,) = stack.take(1)

        def release() -> None:
            stack.sqs.change_message_visibility(QueueUrl=stack.url, ReceiptHandle=receipt, VisibilityTimeout=0)

        stack.clock.during_sleeps = [lambda: None, release]
        assert stack.replay() == 0
        assert stack.events == [again(event("a1"))]
        assert stack.clock.seconds == 10

    def test_two_operators_at_once_change_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The other one receives a message after this run has counted."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(12)))

        def other(_call: Call) -> bool:
            if "ReceiveMessage" not in stack.operations():
                stack.take(1)
            return False

        with stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", when=other)):
            assert stack.replay() == 2
        assert stack.events == []
        assert (len(stack.visible()), len(stack.in_flight())) == (11, 1)
        assert "Not run: about 1 messages are in flight: another run" in capsys.readouterr().err

    def test_messages_that_another_operator_gives_back_are_replayed_too(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Both wait for each other; the other one gives up first."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(30)))
        receipts: list[str] = []

        def other(_call: Call) -> bool:
            if "ReceiveMessage" not in stack.operations():
                receipts.extend(stack.take(10))
            return False

        def give_back() -> None:
            for receipt in receipts:
                sqs_backends[HUB][HOME].change_message_visibility(QUEUE, receipt, 0)

        stack.clock.during_sleeps = [lambda: None, give_back]
        with stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", when=other)):
            assert stack.replay() == 0
        assert len(stack.events) == 30
        assert stack.visible() == []
        assert capsys.readouterr().out.endswith("\n30 of 30 replayed, 0 superseded, 0 stay\n")

    def test_other_operator_whom_the_first_count_misses_is_seen(self, stack: StackWithQueue) -> None:
        """The run has received less than there was, so it counts again."""
        stack.send(*(record(event(f"app-{number:02}")) for number in range(12)))
        outdated = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "11"}

        def other(call: Call) -> bool:
            is_second = call.operation == "GetQueueAttributes" and "ReceiveMessage" in stack.operations()
            if call.operation == "ReceiveMessage" and "ReceiveMessage" not in stack.operations():
                stack.take(1)
            return is_second

        body = json.dumps({"Attributes": outdated})
        count = Fault("sqs", "GetQueueAttributes", status=200, body=body, request_id=True, date=True, when=other)
        with (
            stack.organization.faults.inject(count) as injected,
            stack.organization.faults.inject(Fault("sqs", "ReceiveMessage", when=other)),
        ):
            assert stack.replay() == 2
        assert injected.spent
        assert stack.events == []

    def test_count_that_stays_too_high_does_not_end_the_run(self, stack: StackWithQueue) -> None:
        """Nobody holds messages, so the count was wrong: it is approximate."""
        stack.send(record(event("a1")))
        attributes = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "0"}
        body = json.dumps({"Attributes": attributes})
        fault = Fault("sqs", "GetQueueAttributes", status=200, body=body, request_id=True, date=True)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 0
        assert stack.events == [again(event("a1"))]

    def test_queue_that_gives_none_of_its_messages_is_not_empty(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")))
        nothing = Fault("sqs", "ReceiveMessage", status=200, body="{}", request_id=True, times=None)
        with stack.organization.faults.inject(nothing):
            assert stack.replay() == 2
        problem = "Not run: Amazon SQS counts about 1 messages, and none could be received: run again\n"
        assert capsys.readouterr().err == problem

    def test_messages_of_this_run_do_not_count(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{", record(event("a1")))
        assert stack.replay() == 1
        assert capsys.readouterr().out.endswith("1 of 2 replayed, 0 superseded, 1 stay\n")

    def test_refused_visibility_is_reported(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{")
        with stack.organization.faults.inject(Fault("sqs", "ChangeMessageVisibilityBatch", **REFUSED)):
            assert stack.replay() == 1
        output = capsys.readouterr().out
        assert "1 messages are in flight for up to 15 minutes: AccessDenied: no (ChangeMessageVisib" in output

    def test_partly_refused_visibility_is_reported(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send("{", "[")
        failed = {"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        body = json.dumps({"Successful": [{"Id": "1"}], "Failed": [failed]})
        fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=200, body=body, request_id=True)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 1
        assert "1 messages are in flight for up to 15 minutes: ReceiptHandleIsInvalid\n" in capsys.readouterr().out


class TestVisibility:
    """What this run has received stays invisible as long as it runs."""

    def test_visibility_is_extended_while_events_are_invoked(self, stack: StackWithQueue) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(20)))

        def slow(_call: Call) -> bool:
            stack.clock.seconds += 60
            return False

        with stack.organization.faults.inject(Fault("lambda", "Invoke", when=slow)):
            assert stack.replay() == 0
        assert len(stack.events) == 20
        assert stack.visibility_timeouts().count(900) >= 20
        assert stack.visible() == stack.in_flight() == []

    def test_refused_extension_ends_the_run(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(50)))

        def slow(_call: Call) -> bool:
            stack.clock.seconds += 60
            return False

        with (
            stack.organization.faults.inject(Fault("lambda", "Invoke", when=slow)),
            stack.organization.faults.inject(Fault("sqs", "ChangeMessageVisibilityBatch", **REFUSED)),
        ):
            assert stack.replay() == 2
        assert len(stack.events) < 30
        assert len(stack.visible()) == 50 - len(stack.events)
        assert "ended early: AccessDenied: no (ChangeMessageVisibilityBatch)" in capsys.readouterr().out

    def test_message_whose_extension_fails_is_not_invoked(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is visible again, so another run may have received it."""
        stack.send(record(event("a1")), record(event("b1")))
        failed = {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        body = json.dumps({"Successful": [{"Id": "0"}], "Failed": [failed]})

        def wait() -> str:
            stack.clock.seconds += 600
            return "y"

        fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=200, body=body, request_id=True)
        with stack.organization.faults.inject(fault):
            assert stack.replay(answers=[wait]) == 1
        assert stack.events == [again(event("a1"))]
        assert "1 stay: it became visible during the run, so another run may have" in capsys.readouterr().out

    def test_question_that_is_answered_too_late_changes_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")))

        def wait() -> str:
            stack.clock.seconds += 901
            return "y"

        assert stack.replay(answers=[wait]) == 2
        assert stack.events == []
        assert stack.visibility_timeouts() == []
        assert "ended early: 15 min passed, so the messages are visible again: run again\n" in capsys.readouterr().out


def test_age_is_told_by_the_clock_of_aws(stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
    stack.send(record(event("a1")))
    stack.clock.today = lambda: datetime(2000, 1, 1, tzinfo=UTC)  # type: ignore[method-assign]
    assert stack.replay("--dry-run", "--verbose") == 0
    assert re.search(r"\nTo replay a1 in account .*, failed 1 min ago: ", capsys.readouterr().out)
