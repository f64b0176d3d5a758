"""``replay`` ends early: signals at each phase, a closed pipe, credentials that expire."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest

from tests.commands.stack_with_queue import StackWithQueue, event, record
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault

ALL_BODIES = [record(event(f"app-{number:02}")) for number in range(60)]
CHANGES = {"Invoke", "DeleteMessageBatch"}


def interrupting(operation: str, after: int = 0) -> Callable[[Call], bool]:
    """Return what a fault asks about each call: it sends the signal during one of them, and no call fails."""
    calls: list[Call] = []

    def send(call: Call) -> bool:
        if call.operation == operation:
            calls.append(call)
            if len(calls) == after + 1:
                os.kill(os.getpid(), signal.SIGINT)
        return False

    return send


class TestSignals:
    """Ctrl-C: no further call begins, what was accepted is deleted, and the rest is visible again."""

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("sts", "GetCallerIdentity"),
            ("cloudformation", "DescribeStacks"),
            ("lambda", "GetFunctionConcurrency"),
            ("sqs", "GetQueueAttributes"),
            ("sqs", "ReceiveMessage"),
        ],
    )
    @pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--discard", "events", "--rule", "*", "--yes")])
    def test_signal_before_the_first_change_changes_nothing(
        self,
        stack: StackWithQueue,
        capsys: pytest.CaptureFixture[str],
        service: str,
        operation: str,
        arguments: tuple[str, ...],
    ) -> None:
        stack.send(*ALL_BODIES[:15])
        happens = arguments == () or operation != "GetFunctionConcurrency"
        with stack.organization.faults.inject(Fault(service, operation, when=interrupting(operation))):
            assert stack.replay(*arguments) == (130 if happens else 0)
        if happens:
            assert set(stack.operations("sqs", "lambda")) & CHANGES == set()
            assert sorted(stack.visible()) == ALL_BODIES[:15]
            output = capsys.readouterr()
            assert (output.out + output.err).splitlines()[-1] == "Interrupted"

    def test_signal_while_events_are_invoked_deletes_what_was_accepted(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(*ALL_BODIES)
        with stack.organization.faults.inject(Fault("lambda", "Invoke", when=interrupting("Invoke", 20))):
            assert stack.replay() == 130
        number = len(stack.events)
        assert 21 <= number <= 21 + 8
        assert len(stack.visible()) == 60 - number
        assert stack.in_flight() == []
        assert capsys.readouterr().out.splitlines()[-2:] == [
            f"{number} of 60 replayed, 0 superseded, 0 stay, {60 - number} not done",
            "Interrupted",
        ]

    def test_signal_while_messages_are_deleted_ends_the_run(self, stack: StackWithQueue) -> None:
        stack.send(*ALL_BODIES)
        fault = Fault("sqs", "DeleteMessageBatch", when=interrupting("DeleteMessageBatch"))
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 130
        assert len(stack.events) == 1
        assert sorted(stack.visible()) == ALL_BODIES[1:]

    def test_signal_while_messages_are_discarded_ends_the_run(self, stack: StackWithQueue) -> None:
        stack.send(*["{"] * 200)
        fault = Fault("sqs", "DeleteMessageBatch", when=interrupting("DeleteMessageBatch"))
        with stack.organization.faults.inject(fault):
            assert stack.replay("--discard", "foreign", "--yes") == 130
        assert len(stack.visible()) >= 100
        assert stack.in_flight() == []

    def test_signal_at_the_end_loses_nothing(self, stack: StackWithQueue) -> None:
        stack.send("{", ALL_BODIES[0])
        fault = Fault("sqs", "ChangeMessageVisibilityBatch", when=interrupting("ChangeMessageVisibilityBatch"))
        with stack.organization.faults.inject(fault):
            assert stack.replay() == 130
        assert len(stack.events) == 1
        assert stack.visible() == ["{"]

    @pytest.mark.parametrize("arguments", [(), ("--discard", "events", "--rule", "*")])
    def test_signal_at_the_question_changes_nothing(self, stack: StackWithQueue, arguments: tuple[str, ...]) -> None:
        def interrupt() -> str:
            os.kill(os.getpid(), signal.SIGINT)
            return "y"

        stack.send(*ALL_BODIES[:3])
        assert stack.replay(*arguments, answers=[interrupt]) == 130
        assert set(stack.operations("sqs", "lambda")) & CHANGES == set()
        assert sorted(stack.visible()) == ALL_BODIES[:3]

    def test_signal_while_others_are_waited_for_ends_the_run(self, stack: StackWithQueue) -> None:
        stack.send(*ALL_BODIES[:3])
        stack.take(1)
        stack.clock.during_sleeps = [lambda: os.kill(os.getpid(), signal.SIGINT)]
        assert stack.replay() == 130
        assert stack.clock.seconds == 5
        assert "ReceiveMessage" not in stack.operations()

    def test_signal_while_an_invocation_is_throttled_ends_the_run(self, stack: StackWithQueue) -> None:
        def interrupt() -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)  # the main thread handles the signal, while this one would go on

        stack.send(*ALL_BODIES[:3])
        stack.clock.during_sleeps = [interrupt]
        fault = Fault("lambda", "Invoke", status=429, body="{}", times=None)
        with stack.organization.faults.inject(fault) as injected:
            assert stack.replay() == 130
        assert len(injected.calls) < 6
        assert sorted(stack.visible()) == ALL_BODIES[:3]

    def test_second_signal_does_not_stop_the_end(self, stack: StackWithQueue) -> None:
        stack.send(*ALL_BODIES[:20])
        first = Fault("lambda", "Invoke", when=interrupting("Invoke"))
        second = Fault("sqs", "ChangeMessageVisibilityBatch", when=interrupting("ChangeMessageVisibilityBatch"))
        with stack.organization.faults.inject(first), stack.organization.faults.inject(second):
            assert stack.replay() == 130
        assert len(stack.events) == 1
        assert len(stack.visible()) == 19


class TestClosedPipe:
    """Nobody reads the output any more, as after ``| head -1``."""

    @pytest.mark.parametrize("arguments", [(), ("--verbose",), ("--dry-run",), ("-q",), ("--json",)])
    def test_it_ends_silently_and_loses_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
    ) -> None:
        """What was accepted is deleted, and the rest becomes visible again."""
        stack.send(*ALL_BODIES[:3], "{")
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - no path
            assert stack.replay(*arguments) == 2
        assert len(stack.visible()) == 4 - len(stack.events)
        assert stack.in_flight() == []
        assert "Traceback" not in capsys.readouterr().err


class TestExpiredCredentials:
    """The operator's credentials expire in the middle: one line, and no thousand errors."""

    @staticmethod
    def expired(service: str, operation: str, after: int) -> Fault:
        """Return the fault of all calls of an operation after so many."""
        calls: list[Call] = []

        def is_later(call: Call) -> bool:
            calls.append(call)
            return len(calls) > after

        body = '{"__type": "ExpiredTokenException", "message": "The security token included is expired"}'
        return Fault(service, operation, status=403, body=body, when=is_later, times=None, request_id=True)

    def test_expiry_while_events_are_invoked_is_one_line(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(*ALL_BODIES)

        def slow(_call: Call) -> bool:
            stack.clock.seconds += 60
            return False

        with (
            stack.organization.faults.inject(self.expired("lambda", "Invoke", 20)),
            stack.organization.faults.inject(Fault("lambda", "Invoke", when=slow)),
        ):
            assert stack.replay() == 2
        assert len(stack.events) == 20
        assert stack.operations("lambda").count("Invoke") <= 20 + 8
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1].startswith("your credentials expired after ")
        assert " min; 20 of 60 replayed, 0 superseded, " in lines[-1]
        assert lines[-1].endswith("; renew them and run again")
        assert len(lines) < 12

    @pytest.mark.parametrize("after", [0, 2])
    def test_expiry_while_messages_are_received_replays_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], after: int
    ) -> None:
        stack.send(*ALL_BODIES)
        with stack.organization.faults.inject(self.expired("sqs", "ReceiveMessage", after)):
            assert stack.replay() == 2
        assert stack.events == []
        assert sorted(stack.visible()) == ALL_BODIES
        output = capsys.readouterr()
        assert "your credentials expired" in (output.out + output.err).splitlines()[-1]

    def test_expiry_before_the_deletion_is_told(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing can be deleted or made visible any more; an event that is replayed twice does no harm."""
        stack.send(*ALL_BODIES[:12])
        with (
            stack.organization.faults.inject(self.expired("sqs", "DeleteMessageBatch", 0)),
            stack.organization.faults.inject(self.expired("sqs", "ChangeMessageVisibilityBatch", 0)),
        ):
            assert stack.replay() == 2
        assert len(stack.events) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == (
            "your credentials expired after 0 min; 1 of 12 replayed, 0 superseded, 1 stay, 11 not done; "
            "renew them and run again"
        )
        assert lines[-3].startswith(
            "12 messages are in flight for up to 15 minutes: ExpiredTokenException: The security"
        )
