"""``fix`` at each of its calls: AWS refuses, throttles, is not there; credentials expire; the operator interrupts.

Whatever happens, the previous policy is in place or in the file that the output names, and the last line is true.
"""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.repository_to_fix import (
    NAME,
    REMOVE,
    RepositoryToFix,
    happening,
    repository_to_fix,
    saved_files,
)
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import MEMBERS

MEMBER: Final = MEMBERS[0]
ROLE: Final = ("--role", f"arn:aws:iam::{MEMBER}:role/OrganizationAccountAccessRole")
STATEMENTS: Final = (
    {
        "Sid": "Tagged",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"ecr:ResourceTag/public": "yes"}},
    },
    {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": MEMBER}, "Action": "ecr:BatchGetImage"},
)
TEXT: Final = json.dumps({"Version": "2012-10-17", "Statement": STATEMENTS}, indent=3)
CLOSED: Final = {"Version": "2012-10-17", "Statement": [STATEMENTS[1]]}
CALLS: Final = (
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("ecr", "DescribeRepositories"),
    ("ecr", "GetRepositoryPolicy"),
    ("ecr", "ListTagsForResource"),
    ("config", "DescribeConfigRules"),
    ("ecr", "GetRepositoryPolicy"),
    ("ecr", "SetRepositoryPolicy"),
    ("ecr", "GetRepositoryPolicy"),
)
"""The calls of a run by a role, on a policy that names a tag, with a mode, in their order."""
TAGS, RULES, AGAIN, WRITE, READ_BACK = 4, 5, 6, 7, 8
OPTIONAL: Final = (TAGS, RULES)
PLACES: Final = [pytest.param(number, id=f"{number} {call[1]}") for number, call in enumerate(CALLS)]
REFUSED: Final = {"status": 400, "code": "AccessDeniedException", "message": "no"}
THROTTLED: Final = {"status": 400, "code": "ThrottlingException", "message": "Rate exceeded"}
FAILED: Final = {"status": 500, "code": "ServerException", "message": "failed"}


@pytest.fixture
def repository() -> Iterator[RepositoryToFix]:
    """Return a member's repository, whose policy is public because of its tag."""
    with repository_to_fix(TEXT, account=MEMBER, tags={"public": "yes"}) as made:
        yield made


def fix(repository: RepositoryToFix, *arguments: str, answers: Sequence[str] | None = None) -> tuple[int, str]:
    yes = ("--yes",) if answers is None else ()
    return repository.fix(*ROLE, *REMOVE, *yes, *arguments, answers=answers)


@contextmanager
def failing(repository: RepositoryToFix, number: int, **fault: object) -> Iterator[None]:
    """Let the call of this number fail, and every further one of its operation."""
    service, operation = CALLS[number]
    before = CALLS[:number].count(CALLS[number])
    succeeded: list[Call] = []

    def fails(call: Call) -> bool:
        if len(succeeded) >= before:
            return True
        succeeded.append(call)
        return False

    injected = replace(Fault(service, operation, times=None, when=fails), **fault)  # type: ignore[arg-type]  # fields
    with repository.organization.faults.inject(injected):
        yield


def undo_command(file: str) -> str:
    return f"ecr-exposure fix --undo {file} {' '.join(ROLE)}"


def check_that_nothing_is_lost(repository: RepositoryToFix, folder: Path, output: str, *, changed: bool) -> None:
    """Check that the policy is as it was, or as it should be with the previous one in a file that is named."""
    assert "Traceback" not in output
    if not changed:
        assert repository.text == TEXT
        return
    assert repository.policy == CLOSED
    (path,) = saved_files(folder)
    assert json.loads(path.read_text())["policy_text"] == TEXT
    assert path.name in output


def test_run_makes_these_calls(repository: RepositoryToFix, working_folder: Path) -> None:
    status, output = fix(repository)
    assert status == 0
    assert tuple((call.service, call.operation) for call in repository.organization.calls) == CALLS
    check_that_nothing_is_lost(repository, working_folder, output, changed=True)


@pytest.mark.parametrize("number", PLACES)
class TestErrors:
    """A call that fails for good."""

    @pytest.mark.parametrize("fault", [REFUSED, THROTTLED], ids=["refused", "throttled"])
    def test_refused_call(
        self, repository: RepositoryToFix, working_folder: Path, number: int, fault: dict[str, object]
    ) -> None:
        with failing(repository, number, **fault):
            status, output = fix(repository)
        check_that_nothing_is_lost(
            repository, working_folder, output, changed=number in OPTIONAL or number == READ_BACK
        )
        last, code = output.splitlines()[-1], fault["code"]
        assert status == (0 if number in OPTIONAL else 2)
        if number in OPTIONAL:
            assert f"{code}: " in output
        elif number < WRITE:
            assert last.startswith(f"Not run: {'no usable AWS credentials: ' if number == 0 else ''}{code}: ")
        elif number == WRITE:
            assert last.startswith(f"Not changed: {code}: ")
            assert last.endswith("(SetRepositoryPolicy); the previous policy is in place")
        else:
            assert last.startswith(f"Amazon ECR accepted the change, and it could not be read back: {code}: ")
            assert repository.clock.seconds == (0 if fault is REFUSED else 4)
            assert "; IT IS NOT KNOWN WHICH POLICY IS IN PLACE; run the command again to see. To restore the" in last

    @pytest.mark.parametrize(
        "fault",
        [
            {"connection": Connection.READ_TIMEOUT},
            {"connection": Connection.RESET},
            {"connection": Connection.UNREACHABLE},
            FAILED,
            {"status": 403, "body": "<html>proxy</html>"},
            {"status": 200, "body": "<html>proxy</html>"},
        ],
        ids=["time-out", "reset", "unreachable", "500", "a proxy's refusal", "a proxy's success"],
    )
    def test_call_without_an_answer_of_aws(
        self, repository: RepositoryToFix, working_folder: Path, number: int, fault: dict[str, object]
    ) -> None:
        with failing(repository, number, **fault):
            status, output = fix(repository)
        check_that_nothing_is_lost(
            repository, working_folder, output, changed=number in OPTIONAL or number == READ_BACK
        )
        assert status == (0 if number in OPTIONAL else 2)
        last = output.splitlines()[-1]
        if number == WRITE:
            assert last.startswith("Not changed: ")
            assert "; the previous policy is in place. The change may still arrive, so run the command" in last
        if number == READ_BACK:
            assert "IT IS NOT KNOWN WHICH POLICY IS IN PLACE" in last

    def test_credentials_that_expire(self, repository: RepositoryToFix, working_folder: Path, number: int) -> None:
        made: list[Call] = []

        def expired(call: Call) -> bool:
            made.append(call)
            return len(made) > number

        with ExitStack() as stack:
            for service, operation in set(CALLS):
                fault = Fault(
                    service,
                    operation,
                    status=403,
                    code="ExpiredTokenException",
                    message="old",
                    times=None,
                    when=expired,
                )
                stack.enter_context(repository.organization.faults.inject(fault))
            status, output = fix(repository)
        check_that_nothing_is_lost(repository, working_folder, output, changed=number == READ_BACK)
        assert status == 2
        last = output.splitlines()[-1]
        assert "ExpiredTokenException: old" in last
        if 0 < number < WRITE:
            assert last.startswith("Not run: your credentials expired; renew them and run again (")
        if number >= WRITE:
            assert "your credentials expired, so renew them (ExpiredTokenException: old (" in last


@pytest.mark.parametrize("number", PLACES)
class TestInterrupts:
    """A signal during each call."""

    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    def test_last_line_says_what_is_in_place(
        self, repository: RepositoryToFix, working_folder: Path, number: int, sent: signal.Signals
    ) -> None:
        nth = CALLS[: number + 1].count(CALLS[number])
        fault = happening(*CALLS[number], lambda: signal.raise_signal(sent), nth)
        before = signal.getsignal(sent)
        with repository.organization.faults.inject(fault):
            status, output = fix(repository)
        assert (status, signal.getsignal(sent)) == (130, before)
        check_that_nothing_is_lost(repository, working_folder, output, changed=number >= WRITE)
        saved = [path.name for path in saved_files(working_folder)]
        assert len(saved) == (number >= AGAIN)
        last = "Interrupted: nothing was changed"
        if number >= WRITE:
            last = f"Interrupted: the new policy is in place. To undo it: {undo_command(saved[0])}"
        elif number == AGAIN:
            last += f". The previous policy is in {saved[0]}"
        assert output.splitlines()[-1] == last

    def test_document_says_what_is_in_place(self, repository: RepositoryToFix, number: int) -> None:
        nth = CALLS[: number + 1].count(CALLS[number])
        fault = happening(*CALLS[number], lambda: signal.raise_signal(signal.SIGINT), nth)
        with repository.organization.faults.inject(fault):
            status, document = repository.document(*ROLE, *REMOVE, "--yes")
        assert (status, document["exit_code"], document["result"]) == (130, 130, "interrupted")
        assert document["in_place"] == ("new policy" if number >= WRITE else None)
        assert bool(document["saved_policy"]) == (number >= AGAIN)

    def test_pipe_that_closes(self, repository: RepositoryToFix, working_folder: Path, number: int) -> None:
        """As after `| head`: the command ends silently; a change that has begun goes on."""
        reading, writing = os.pipe()
        nth = CALLS[: number + 1].count(CALLS[number])
        environment = Environment(clock=repository.clock, session=repository.session)
        with (
            repository.organization.faults.inject(happening(*CALLS[number], lambda: os.close(reading), nth)),
            open(writing, "w", encoding="utf-8") as pipe,  # noqa: PTH123 - no path
            redirect_stdout(pipe),
            redirect_stderr(StringIO()) as errors,
        ):
            status = main(("fix", "--repository", NAME, *ROLE, *REMOVE, "--yes"), environment)
        assert (status, errors.getvalue()) == (0 if number in (AGAIN, WRITE) else 2, "")
        assert (repository.policy == CLOSED) == (number >= AGAIN)
        assert len(saved_files(working_folder)) == (number >= AGAIN)


class TestOtherInterrupts:
    """A signal between two calls."""

    def test_at_the_question(self, repository: RepositoryToFix, working_folder: Path) -> None:
        def interrupted() -> Iterator[str]:
            signal.raise_signal(signal.SIGINT)
            yield "y"

        status, output = fix(repository, answers=interrupted())  # type: ignore[arg-type]  # an iterator is enough
        assert (status, repository.changes(), saved_files(working_folder)) == (130, [], [])
        assert "\nInterrupted: nothing was changed\n" in output

    @pytest.mark.parametrize("call", [1, 2])
    def test_while_the_file_is_written(
        self, repository: RepositoryToFix, working_folder: Path, monkeypatch: pytest.MonkeyPatch, call: int
    ) -> None:
        """The command synchronizes the file and then its folder."""
        real, calls = os.fsync, []

        def interrupting(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) == call:
                signal.raise_signal(signal.SIGINT)
            real(descriptor)

        monkeypatch.setattr(os, "fsync", interrupting)
        status, output = fix(repository)
        assert (status, repository.text, repository.changes()) == (130, TEXT, [])
        assert saved_files(working_folder) == []
        assert output.splitlines()[-1] == "Interrupted: nothing was changed"

    def test_at_a_change_that_may_still_arrive(self, repository: RepositoryToFix) -> None:
        def interrupted(_call: Call) -> bool:
            signal.raise_signal(signal.SIGINT)
            return True

        lost = Fault(*CALLS[WRITE], connection=Connection.READ_TIMEOUT, when=interrupted)
        with repository.organization.faults.inject(lost):
            status, output = fix(repository)
        assert (status, repository.text) == (130, TEXT)
        last = output.splitlines()[-1]
        assert last.startswith("Interrupted: ")
        assert last.endswith("; the previous policy is in place. The change may still arrive, so run the command again")

    def test_second_signal_changes_nothing(self, repository: RepositoryToFix, working_folder: Path) -> None:
        def twice() -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

        with repository.organization.faults.inject(happening(*CALLS[WRITE], twice)):
            status, output = fix(repository)
        assert status == 130
        check_that_nothing_is_lost(repository, working_folder, output, changed=True)

    @pytest.mark.parametrize("restores", [True, False])
    def test_while_the_previous_policy_is_restored(
        self, repository: RepositoryToFix, working_folder: Path, *, restores: bool
    ) -> None:
        """Another writer overwrites the new policy."""
        other = json.dumps({"Statement": [STATEMENTS[1]], "Id": "other"})
        writes: list[Call] = []

        def interrupted(call: Call) -> bool:
            writes.append(call)
            if len(writes) == 2:
                signal.raise_signal(signal.SIGINT)
            return len(writes) == 2 and not restores

        inject = repository.organization.faults.inject
        with (
            inject(happening(*CALLS[READ_BACK], lambda: setattr(repository, "text", other), 3)),
            inject(Fault(*CALLS[WRITE], code="AccessDeniedException", when=interrupted, times=None)),
        ):
            status, output = fix(repository)
        assert status == 130
        previous, replaced = saved_files(working_folder)
        assert json.loads(replaced.read_text())["policy_text"] == other
        state = (
            "the previous policy is in place again; run the command again" if restores else "ANOTHER POLICY IS IN PLACE"
        )
        state += "" if restores else f". To restore the previous policy: {undo_command(previous.name)}"
        assert repository.text == (TEXT if restores else other)
        last = output.splitlines()[-1]
        another = f"Amazon ECR accepted the change and returned another policy (saved in {replaced.name})"
        assert last.startswith(f"Interrupted: {another}; ")
        assert last.endswith(f"; {state}")


class TestOrganization:
    """DescribeOrganization, which is called where no option says how to close the policy."""

    CALL: Final = ("organizations", "DescribeOrganization")

    @pytest.mark.parametrize(
        "fault",
        [
            REFUSED,
            THROTTLED,
            FAILED,
            {"connection": Connection.READ_TIMEOUT},
            {"status": 200, "body": "{}", "request_id": True},
            {"status": 200, "body": '{"Organization": {"Id": "example"}}', "request_id": True},
        ],
        ids=["refused", "throttled", "500", "time-out", "empty", "no id"],
    )
    def test_failed_call_changes_nothing_and_names_the_options(
        self, repository: RepositoryToFix, working_folder: Path, fault: dict[str, Any]
    ) -> None:
        with repository.organization.faults.inject(Fault(*self.CALL, times=None, **fault)):
            status, output = repository.fix(*ROLE, "--yes")
        assert (status, repository.text, repository.changes()) == (2, TEXT, [])
        assert saved_files(working_folder) == []
        last = output.splitlines()[-1]
        assert last.startswith("Not run: the organization is not known (")
        assert last.endswith("so say how to close it: --organization ID, --accounts ID,... or --mode remove-statements")

    def test_expired_credentials_end_the_run(self, repository: RepositoryToFix) -> None:
        expired = Fault(*self.CALL, code="ExpiredTokenException", times=None)
        with repository.organization.faults.inject(expired):
            status, output = repository.fix(*ROLE, "--yes")
        assert (status, repository.text, repository.changes()) == (2, TEXT, [])
        assert output.splitlines()[-1].startswith("Not run: your credentials expired; renew them and run again (")

    def test_interrupt_changes_nothing(self, repository: RepositoryToFix) -> None:
        interrupt = happening(*self.CALL, lambda: signal.raise_signal(signal.SIGINT))
        with repository.organization.faults.inject(interrupt):
            status, output = repository.fix(*ROLE, "--yes")
        assert (status, repository.text, repository.changes()) == (130, TEXT, [])
        assert output.endswith("Interrupted: nothing was changed\n")
