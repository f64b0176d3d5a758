"""``replay`` and SQS: messages that come twice, stay, are in flight, or cannot be deleted."""

import json

import pytest
from moto.sqs.models import SQSBackend

from tests.commands.stack_with_queue import StackWithQueue, event, record
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault


class TestDelivery:
    """A standard queue delivers at least once."""

    def test_event_that_fails_again_during_the_run_stays(self, stack: StackWithQueue) -> None:
        """Otherwise a function that fails each time would keep the run going forever."""
        stack.send(record(event("old")))
        stack.sqs.send_message(QueueUrl=stack.url, MessageBody=record(event("new")))
        stack.queue._messages[-1].sent_timestamp += 60_000  # noqa: SLF001 - moto has no setter
        assert stack.replay() == 1
        assert stack.events == [event("old")]
        assert stack.visible() == [record(event("new"))]

    @pytest.mark.parametrize("deletable", [True, False])
    def test_message_that_is_delivered_twice_is_replayed_once(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], *, deletable: bool
    ) -> None:
        """A standard queue may deliver a message again, even one that was deleted."""
        stack.send(record(event("a")))
        message = stack.queue._messages[0]  # noqa: SLF001 - moto has no accessor

        def is_second(_call: Call) -> bool:
            return not deletable and "DeleteMessage" in stack.operations()

        fault = Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", when=is_second)
        delete, times = stack.queue.delete_message, iter(range(2))

        def forget_once(handle: str) -> None:
            if next(times) == 0:
                message.visible_at = 0
                return
            delete(handle)

        stack.queue.delete_message = forget_once
        with stack.organization.faults.inject(fault):
            assert stack.replay() == (0 if deletable else 2)
        assert stack.events == [event("a")]
        assert stack.visible() == ([] if deletable else [record(event("a"))])
        kept = 0 if deletable else 1
        assert f"1 replayed, {kept} kept in the queue\n" in capsys.readouterr().out

    def test_message_that_is_twice_in_a_batch_is_replayed_once(
        self, stack: StackWithQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.send(record(event("a")), record(event("b")))
        receive = SQSBackend.receive_message
        monkeypatch.setattr(SQSBackend, "receive_message", lambda *given, **named: receive(*given, **named) * 2)
        assert stack.replay() == 0
        assert stack.events == [event("a"), event("b")]
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

    def test_queue_that_fails_in_the_middle_ends_the_run(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(11)))

        def from_the_second_on(_call: Call) -> bool:
            return "ReceiveMessage" in stack.operations()

        fault = Fault(
            "sqs", "ReceiveMessage", status=403, code="AccessDenied", message="no", when=from_the_second_on, times=None
        )
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert capsys.readouterr().out.endswith(
            "\n10 replayed, 0 kept in the queue\n"
            "Stopped before the queue was empty: AccessDenied: no (ReceiveMessage)\n"
        )
        assert len(stack.events) == 10
        assert len(stack.visible()) == 1


class TestDeleting:
    """DeleteMessage fails after Lambda has accepted the event."""

    def test_message_that_cannot_be_deleted_is_reported(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event()))
        fault = Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", message="no")
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 2
        assert "replayed, but it could not be deleted: AccessDenied: no (DeleteMessage)\n" in capsys.readouterr().out
        assert stack.events == [event()]

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("sqs", "DeleteMessage", status=403, code="AccessDenied", message="no", times=None),
            Fault("sqs", "DeleteMessage", status=200, body="{}", times=None),
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
        assert stack.events == [event("app-00")]
        assert len(stack.visible()) == 12
        assert stack.operations().count("DeleteMessage") == 1
        replayed, kept, count, stopped = capsys.readouterr().out.splitlines()
        assert replayed.startswith("Replayed app-00 ")
        assert "replayed, but it could not be deleted: " in kept
        assert count == "1 replayed, 1 kept in the queue"
        assert stopped == (
            "Stopped before the queue was empty: "
            "the next run replays again what could not be deleted, and so it would every further event"
        )


class TestInFlight:
    """Messages that others have received, and messages that become visible again."""

    def test_messages_of_another_run_are_reported(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a")), record(event("b")))
        stack.sqs.receive_message(QueueUrl=stack.url, MaxNumberOfMessages=2, VisibilityTimeout=900)
        stack.send(record(event("c")))
        assert stack.replay() == 2
        assert stack.events == [event("c")]
        assert capsys.readouterr().out.splitlines()[1:] == [
            "1 replayed, 0 kept in the queue",
            "Run again in 15 minutes: about 2 messages are in flight, "
            "received by another run or by one that was killed",
        ]

    def test_messages_of_this_run_do_not_count(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{", record(event("a")))
        assert stack.replay() == 1
        assert capsys.readouterr().out.endswith("1 replayed, 1 kept in the queue\n")

    @pytest.mark.parametrize("status", [200, 403])
    def test_unknown_number_is_reported(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], status: int
    ) -> None:
        body = json.dumps({"__type": "AccessDenied", "message": "no"})
        with stack.organization.faults.inject(Fault("sqs", "GetQueueAttributes", status=status, body=body)):
            assert stack.replay() == 2
        output = capsys.readouterr().out
        assert "\nRun again in 15 minutes: whether other messages are in flight could not be checked: " in output

    def test_refused_visibility_is_reported(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{")
        fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=403, code="AccessDenied", message="no")
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 1
        assert "Kept messages are in flight for up to 15 minutes: AccessDenied: no" in capsys.readouterr().out

    def test_partly_refused_visibility_is_reported(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The call succeeds, and says for which messages it failed."""
        stack.send("{", "[")
        failed = {"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        body = json.dumps({"Successful": [{"Id": "1"}], "Failed": [failed]})
        fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=200, body=body, request_id=True)
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 1
        expected = "Kept messages that are in flight for up to 15 minutes: 1 (ReceiptHandleIsInvalid)\n"
        assert expected in capsys.readouterr().out
