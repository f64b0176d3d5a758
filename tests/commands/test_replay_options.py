"""``replay``: dry run, discarding, the question, JSON, and the permissions."""

import json
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.stack_with_queue import FUNCTION, HOME, ONE, QUEUE, RULE, StackWithQueue, again, event, record
from tests.commands.test_replay_selection import NEW, OLD, TWO
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB

OLD_TOKEN: Final = "InvalidResultTokenException"  # noqa: S105 - the name of an error
CHANGES: Final = {"Invoke", "DeleteMessageBatch"}


def denied(account: str, resource: str) -> str:
    """Return the error of AWS for a role that cannot be assumed, with a request id."""
    identifier = f"e4b46cbf-b738-4abc-8880-a18cdf6120{len(resource):02}"
    return f"AccessDenied: sts:AssumeRole on arn:aws:iam::{account}:role/X for {resource} (RequestID: {identifier})"


class TestDryRun:
    """What a run would do; nothing is invoked or deleted."""

    def test_events_are_grouped_by_error_and_account(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Equal errors are one group, though they name accounts, repositories and requests."""
        bodies = [record(event(name), denied(ONE, name)) for name in ("team/app", "app", "b1")]
        bodies.append(record(event("app", account=TWO), denied(TWO, "app")))
        bodies.append(record(event("other"), "Task timed out"))
        stack.send(*bodies, "{")
        assert stack.replay("--dry-run") == 1
        assert set(stack.operations("sqs", "lambda")) & CHANGES == set()
        assert sorted(stack.visible()) == sorted([*bodies, "{"])
        assert stack.visibility_timeouts() == [0] * 6
        assert capsys.readouterr().out.splitlines()[2:] == [
            "4 failed: AccessDenied: sts:AssumeRole on arn:aws:iam::ACCOUNT:role/X for REPOSITORY (RequestID: …)",
            f"  in 2 accounts: {ONE} (3), {TWO} (1)",
            "1 failed: Task timed out",
            f"  in 1 account: {ONE} (1)",
            "1 stay: the message is not JSON",
            f"  {stack.queue.messages[-1].id}",
            "--discard foreign deletes 1 of those that stay",
            "5 of 6 to replay, 0 superseded, 1 stay",
        ]

    def test_superseded_events_are_counted(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("app", at=OLD)), record(event("app", at=NEW)))
        assert stack.replay("--dry-run") == 0
        assert len(stack.visible()) == 2
        assert capsys.readouterr().out.endswith("\n1 of 2 to replay, 1 superseded, 0 stay\n")

    def test_many_accounts_and_errors_are_cut(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        accounts = [f"{number:012}" for number in range(1, 8)]
        errors = "abcdefghijklmnopqrstuvwxy"
        stack.send(*(record(event("app", account=account), "z1") for account in accounts))
        stack.send(*(record(event(f"app-{name}"), name) for name in errors))
        assert stack.replay("--dry-run") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[3] == "  in 7 accounts: " + ", ".join(f"{each} (1)" for each in accounts[:5]) + " and 2 more"
        assert lines[-2] == "and 6 more errors (--json has all)"
        assert len(lines) == 2 + 2 * 20 + 2


class TestDiscard:
    """Messages are deleted without an invocation: after a count and a question, and never by accident."""

    def test_foreign_messages_are_deleted(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{", record(event("app")), "[]")
        assert stack.replay("--discard", "foreign", "--yes") == 0
        assert stack.events == []
        assert stack.visible() == [record(event("app"))]
        assert capsys.readouterr().out.splitlines()[2:] == [
            "2 of 3 messages to delete without a replay: foreign",
            "2 of 3 discarded, 0 stay, 1 not asked for",
        ]

    def test_hopeless_events_are_deleted(self, stack: StackWithQueue) -> None:
        stack.send(
            "{", record(event("a1"), OLD_TOKEN), record(event("b1")), record(event("c1", account=TWO), OLD_TOKEN)
        )
        assert stack.replay("--discard", "hopeless", "--account", ONE, "--yes") == 0
        assert len(stack.visible()) == 3
        assert stack.replay("--discard", "hopeless", "--discard", "foreign", "--yes") == 0
        assert stack.visible() == [record(event("b1"))]

    def test_events_of_a_filter_are_deleted(self, stack: StackWithQueue) -> None:
        stack.send("{", record(event("a1")), record(event("a1", at=OLD)), record(event("b1", account=TWO)))
        assert stack.replay("--discard", "events", "--account", ONE, "--yes") == 0
        assert stack.events == []
        assert sorted(stack.visible()) == sorted(["{", record(event("b1", account=TWO))])

    @pytest.mark.parametrize("arguments", [("hopeless",), ("foreign",), ("events", "--rule", "*")])
    def test_most_does_not_limit_it_and_is_refused(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
    ) -> None:
        stack.send("{", "[", record(event("a1"), "InvalidResultTokenException"))
        assert stack.replay("--most", "1", "--yes", "--discard", *arguments) == 2
        assert len(stack.visible()) == 3
        assert "--most limits a replay, and --discard deletes all that it names" in capsys.readouterr().err

    def test_without_a_terminal_yes_is_required(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send("{")
        assert stack.replay("--discard", "foreign") == 2
        assert stack.visible() == ["{"]
        assert capsys.readouterr().err == "Not run: nobody can be asked, because this is no terminal: add --yes\n"

    @pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, []), ("n", 2, ["{"]), ("", 2, ["{"])])
    def test_question_names_number_and_queue(
        self, stack: StackWithQueue, answer: str, code: int, left: list[str]
    ) -> None:
        stack.send("{")
        assert stack.replay("--discard", "foreign", answers=[answer]) == code
        assert stack.asked.startswith(f"Delete 1 messages from {QUEUE} for good? [y/N]: ")
        assert stack.visible() == left

    def test_nothing_to_discard_asks_nothing(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")))
        assert stack.replay("--discard", "foreign") == 0
        assert stack.visible() == [record(event("a1"))]

    def test_dry_run_only_counts(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send("{", record(event("a1")))
        assert stack.replay("--discard", "foreign", "--dry-run") == 0
        assert len(stack.visible()) == 2
        assert capsys.readouterr().out.endswith("\n1 of 2 to discard, 0 stay, 1 not asked for\n")

    def test_message_that_cannot_be_deleted_stays(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send("{", "[]")
        failed = {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        body = json.dumps({"Successful": [{"Id": "0"}], "Failed": [failed]})
        fault = Fault("sqs", "DeleteMessageBatch", status=200, body=body, request_id=True)
        with stack.organization.faults.inject(fault):
            assert stack.replay("--discard", "foreign", "--yes") == 1
        output = capsys.readouterr().out
        assert "1 stay: it could not be deleted: ReceiptHandleIsInvalid\n" in output
        assert output.endswith("\n1 of 2 discarded, 1 stay\n")

    def test_concurrency_of_0_does_not_matter(self, stack: StackWithQueue) -> None:
        stack.set_concurrency(0)
        stack.send("{")
        assert stack.replay("--discard", "foreign", "--yes") == 0


class TestQuestion:
    """Before the first change the operator is asked, on a terminal."""

    def test_question_names_function_queue_and_numbers(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1", at=OLD)), record(event("a1", at=NEW)), "{")
        assert stack.replay(answers=["y"]) == 1
        assert stack.asked.startswith(f"Invoke {FUNCTION} with 1 events and delete 2 messages from {QUEUE}? [y/N]: ")
        assert len(stack.events) == 1

    @pytest.mark.parametrize("answer", ["n", ""])
    def test_no_changes_nothing(self, stack: StackWithQueue, answer: str) -> None:
        stack.send(record(event("a1")))
        assert stack.replay(answers=[answer]) == 2
        assert stack.asked.endswith("you did not agree, so nothing was changed\n")
        assert stack.events == []
        assert stack.visible() == [record(event("a1"))]

    def test_messages_that_stay_in_flight_after_a_no_are_told(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")))
        fault = Fault("sqs", "ChangeMessageVisibilityBatch", status=403, code="AccessDenied", message="no", times=None)
        with stack.organization.faults.inject(fault):
            assert stack.replay(answers=["n"]) == 2
        assert "1 messages are in flight for up to 15 minutes: AccessDenied: no (" in stack.asked

    def test_end_of_input_changes_nothing(self, stack: StackWithQueue) -> None:
        def close() -> str:
            raise EOFError

        stack.send(record(event("a1")))
        assert stack.replay(answers=[close]) == 2
        assert "you did not agree" in stack.asked
        assert stack.visible() == [record(event("a1"))]

    def test_yes_and_nothing_to_do_ask_nothing(self, stack: StackWithQueue) -> None:
        assert stack.replay(answers=["n"]) == 0
        stack.send(record(event("a1")))
        assert stack.replay("--yes", answers=["n"]) == 0
        assert "[y/N]" not in stack.asked


class TestOutput:
    """--json and -q."""

    def document(self, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        """Return the JSON document on standard output."""
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    def test_document_has_every_event(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a1", at=OLD)), record(event("a1", at=NEW)), record(event(None, account=TWO)), "{")
        assert stack.replay("--json") == 1
        document = self.document(capsys)
        events = document.pop("events")
        stay = document.pop("stay")
        del document["version"], document["caller"]
        assert document == {
            "schema": 1,
            "command": "replay",
            "account": HUB,
            "regions": [HOME],
            "result": "some stay",
            "exit_code": 1,
            "messages": 4,
            "replayed": 2,
            "superseded": 1,
            "discarded": 0,
            "unsure": 0,
            "left": 0,
            "waits": 0,
            "stays": 1,
            "errors": [{"error": "AccessDenied: sts:AssumeRole", "count": 3, "accounts": {ONE: 2, TWO: 1}}],
            "ended": "",
            "in_flight": "",
        }
        assert [(each["reason"], each["count"], len(each["messages"])) for each in stay] == [
            ("the message is not JSON", 1, 1)
        ]
        assert [(each["repository"], each["outcome"]) for each in events] == [
            ("a1", "superseded"),
            ("a1", "replayed"),
            (None, "replayed"),
        ]
        assert events[0].keys() == {
            *("message", "account", "rule", "type", "repository", "failed_at", "error", "outcome", "reason")
        }
        assert (events[0]["account"], events[0]["rule"]) == (ONE, RULE)

    def test_document_holds_no_secret(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a1"), "secret-token is old"))
        assert stack.replay("--json", "--dry-run") == 0
        assert "secret" not in capsys.readouterr().out

    def test_unsure_invocation_is_its_own_result(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1")))
        with stack.organization.faults.inject(Fault("lambda", "Invoke", connection=Connection.READ_TIMEOUT)):
            assert stack.replay("--json") == 2
        document = self.document(capsys)
        assert (document["result"], document["unsure"], document["replayed"]) == ("unsure", 1, 0)

    def test_quiet_prints_the_result_only(self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]) -> None:
        stack.send(record(event("a1")), "{")
        assert stack.replay("-q") == 1
        output = capsys.readouterr()
        assert (output.out, output.err) == ("1 of 2 replayed, 0 superseded, 1 stay\n", "")

    def test_progress_has_counts_and_the_time_left(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("a1", at=OLD)), *(record(event(f"a{number}")) for number in range(1, 6)), "{")

        def slow(_call: object) -> bool:
            stack.clock.seconds += 40
            return False

        with stack.organization.faults.inject(Fault("lambda", "Invoke", when=slow)):
            assert stack.replay("--json") == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[1] == "1 of 5 events, 1 superseded, 1 stay, 2 min left"


class TestPermissions:
    """``--permissions`` and the calls that a run makes."""

    def test_policy_allows_every_call_of_a_run_and_no_other(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(("replay", "--permissions")) == 0
        statements = json.loads(capsys.readouterr().out)["Statement"]
        allowed = {action for statement in statements for action in statement["Action"]}
        stack.send(record(event("a1")), "{")
        assert stack.replay() == 1
        # The batch operations need the permission of the single one:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
        names = {"Invoke": "InvokeFunction"}
        called = {
            f"{call.service}:{names.get(call.operation, call.operation.removesuffix('Batch'))}"
            for call in stack.organization.calls
        }
        assert allowed == called | {"kms:Decrypt"}

    def test_stack_by_its_arn_is_the_same(self, stack: StackWithQueue) -> None:
        stack.send(record(event("a1")))
        (found,) = stack.session.client("cloudformation").describe_stacks(StackName="ecr-exposure")["Stacks"]
        assert main(("replay", found["StackId"]), Environment(session=stack.session, clock=stack.clock)) == 0
        assert stack.events == [again(event("a1"))]
