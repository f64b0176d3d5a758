"""``fix`` at each call of its other runs: where it deletes the policy, and where --undo restores one."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands.repository_to_fix import (
    NAME,
    ONLY_PUBLIC_TEXT,
    PARTNER,
    REMOVE,
    RepositoryToFix,
    happening,
    repository_to_fix,
    saved_files,
)
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault

CURRENT: Final = json.dumps({"Statement": [{"Effect": "Deny", "Principal": {"AWS": PARTNER}, "Action": "ecr:*"}]})
READ: Final = ("ecr", "GetRepositoryPolicy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run with its calls; the policy before and after it, as text."""

    calls: tuple[tuple[str, str], ...]
    before: str | None
    after: str | None
    before_it: str
    """How the output says that nothing was changed."""
    arguments: Callable[[Path], tuple[str, ...]]

    @property
    def write(self) -> int:
        """The place of the call that changes the policy: the one before the last."""
        return len(self.calls) - 2


def undo(folder: Path) -> tuple[str, ...]:
    return ("--undo", str(saved_files(folder)[0]), "--yes")


def calls(*operations: str) -> tuple[tuple[str, str], ...]:
    return (("sts", "GetCallerIdentity"), *(("ecr", operation) for operation in operations))


UNDO: Final = Run(
    calls=calls(
        "DescribeRepositories",
        "GetRepositoryPolicy",
        "GetRepositoryPolicy",
        "SetRepositoryPolicy",
        "GetRepositoryPolicy",
    ),
    before=CURRENT,
    after=ONLY_PUBLIC_TEXT,
    before_it="the policy from before this undo is in place",
    arguments=undo,
)
UNDO_DELETION: Final = Run(
    calls=UNDO.calls, before=None, after=ONLY_PUBLIC_TEXT, before_it="there is no policy, as before", arguments=undo
)
DELETION: Final = Run(
    calls=calls(
        "DescribeRepositories",
        "GetRepositoryPolicy",
        "GetRepositoryPolicy",
        "DeleteRepositoryPolicy",
        "GetRepositoryPolicy",
    ),
    before=ONLY_PUBLIC_TEXT,
    after=None,
    before_it="the previous policy is in place",
    arguments=lambda _: ("--repository", NAME, *REMOVE, "--even-if-excluded", "--yes"),
)
EACH: Final = [
    pytest.param(run, number, id=f"{name} {number} {call[1]}")
    for name, run in (("undo", UNDO), ("undo a deletion", UNDO_DELETION), ("deletion", DELETION))
    for number, call in enumerate(run.calls)
]


@contextmanager
def prepared(run: Run, folder: Path) -> Iterator[RepositoryToFix]:
    """Return the repository before the run; for an undo with a file of an earlier run, which is the only one."""
    with repository_to_fix(ONLY_PUBLIC_TEXT) as repository:
        if run is not DELETION:
            assert repository.fix(*REMOVE, "--yes")[0] == 0
            assert len(saved_files(folder)) == 1
        repository.text = run.before
        yield repository


def failing(run: Run, number: int, **fault: Any) -> Fault:
    """Return a fault of the call of this number and every further one of its operation."""
    before = run.calls[:number].count(run.calls[number])
    succeeded: list[Call] = []

    def fails(call: Call) -> bool:
        if len(succeeded) >= before:
            return True
        succeeded.append(call)
        return False

    return Fault(*run.calls[number], times=None, when=fails, **fault)


def check_that_nothing_is_lost(run: Run, repository: RepositoryToFix, folder: Path, *, changed: bool) -> None:
    assert (
        repository.text == run.after
        or json.loads(repository.text or "0") == json.loads(run.after or "0")
        or not changed
    )
    if not changed:
        assert repository.text == run.before
    elif run.before is not None:
        kept = [json.loads(path.read_text())["policy_text"] for path in saved_files(folder)]
        assert run.before in kept


@pytest.mark.parametrize(("run", "number"), EACH)
class TestEachCall:
    """What happens at one call of a run."""

    def test_nothing_happens(self, run: Run, number: int, working_folder: Path) -> None:
        with prepared(run, working_folder) as repository:
            status, _ = repository.run(*run.arguments(working_folder))
            made = [(call.service, call.operation) for call in repository.organization.calls]
            assert (status, repository.text) == (0, run.after)
        assert made[number] == run.calls[number]
        assert len(made) == len(run.calls)

    @pytest.mark.parametrize(
        "fault",
        [
            {"code": "AccessDeniedException"},
            {"code": "ThrottlingException"},
            {"status": 403, "code": "ExpiredTokenException"},
            {"status": 500, "code": "ServerException"},
            {"connection": Connection.READ_TIMEOUT},
        ],
        ids=["refused", "throttled", "expired", "500", "time-out"],
    )
    def test_call_fails(self, run: Run, number: int, fault: dict[str, Any], working_folder: Path) -> None:
        changed = number > run.write
        with prepared(run, working_folder) as repository:
            with repository.organization.faults.inject(failing(run, number, **fault)):
                status, output = repository.run(*run.arguments(working_folder))
            check_that_nothing_is_lost(run, repository, working_folder, changed=changed)
        assert status == 2
        assert "Traceback" not in output
        last = output.splitlines()[-1]
        if number < run.write:
            assert last.startswith("Not run: ")
        elif number == run.write:
            assert last.startswith("Not changed: ")
            assert f"; {run.before_it}" in last
            assert ("The change may still arrive" in last) == (
                "code" not in fault or fault["code"] == "ServerException"
            )
        else:
            assert "IT IS NOT KNOWN WHICH POLICY IS IN PLACE" in last

    def test_operator_interrupts(self, run: Run, number: int, working_folder: Path) -> None:
        changed = number >= run.write
        nth = run.calls[: number + 1].count(run.calls[number])
        interrupt = happening(*run.calls[number], lambda: signal.raise_signal(signal.SIGINT), nth)
        with prepared(run, working_folder) as repository:
            earlier = saved_files(working_folder)
            with repository.organization.faults.inject(interrupt):
                status, output = repository.run(*run.arguments(working_folder))
            check_that_nothing_is_lost(run, repository, working_folder, changed=changed)
        assert status == 130
        kept = [each.name for each in saved_files(working_folder) if each not in earlier]
        line = "Interrupted: nothing was changed"
        if changed:
            line = f"Interrupted: the {'new' if run is DELETION else 'restored'} policy is in place"
            line += f". To undo it: ecr-exposure fix --undo {kept[0]}" if kept else ""
        elif kept:
            line += f". {run.before_it.removesuffix(' is in place').capitalize()} is in {kept[0]}"
        assert output.splitlines()[-1] == line


@pytest.mark.parametrize("run", [UNDO, UNDO_DELETION, DELETION], ids=["undo", "undo a deletion", "deletion"])
def test_another_policy_is_kept_and_replaced_by_the_one_before(run: Run, working_folder: Path) -> None:
    other = json.dumps({"Statement": [*json.loads(CURRENT)["Statement"], *json.loads(ONLY_PUBLIC_TEXT)["Statement"]]})
    with prepared(run, working_folder) as repository:
        appears = happening(*READ, lambda: setattr(repository, "text", other), 3)
        with repository.organization.faults.inject(appears):
            status, output = repository.run(*run.arguments(working_folder))
        assert (status, repository.text) == (2, run.before)
    kept = saved_files(working_folder)[-1]
    assert json.loads(kept.read_text())["policy_text"] == other
    again = " again" if run.before else ""
    assert output.endswith(f" another policy (saved in {kept.name}); {run.before_it}{again}; run the command again\n")
