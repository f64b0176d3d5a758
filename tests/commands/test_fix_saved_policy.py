"""The file with the previous policy, and ``fix --undo``."""

import errno
import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands.repository_to_fix import (
    ARN,
    CLOSED,
    HOME,
    NAME,
    ONLY_PUBLIC_TEXT,
    PUBLIC_TEXT,
    REMOVE,
    WHERE,
    RepositoryToFix,
    happening,
    repository_to_fix,
    saved_files,
    saved_text,
)
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

FILE: Final = f"ecr-policy-{HUB}-{HOME}-team_app-20260131T120000Z.json"
SAVED: Final = {
    "schema": 1,
    "repository": ARN,
    "region": HOME,
    "saved_at": "2026-01-31T12:00:00Z",
    "policy_text": PUBLIC_TEXT,
}
CLOSED_TEXT: Final = json.dumps(dict(CLOSED))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let every larger file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestFile:
    """What is kept before a change."""

    def test_it_has_the_exact_text_and_only_its_owner_reads_it(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            repository.fix("--yes")
        (path,) = saved_files(working_folder)
        assert (path.name, json.loads(path.read_text())) == (FILE, SAVED)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_it_is_named_before_the_change(self, working_folder: Path) -> None:
        found: list[str] = []

        with repository_to_fix() as repository:

            def read() -> None:
                found.append(saved_text(working_folder))

            with repository.organization.faults.inject(happening("ecr", "SetRepositoryPolicy", read)):
                _, output = repository.fix("--yes")
        assert found == [PUBLIC_TEXT]
        assert f"Saved the previous policy in {FILE}\n" in output

    def test_folder_can_be_chosen(self, tmp_path: Path) -> None:
        folder = tmp_path / "kept here"
        folder.mkdir()
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes", "--save-to", str(folder))
        assert (status, [path.name for path in saved_files(folder)]) == (0, [FILE])
        assert output.endswith(f"To undo it: ecr-exposure fix --undo '{folder / FILE}'\n")

    def test_existing_file_is_never_overwritten(self, working_folder: Path) -> None:
        (working_folder / FILE).write_text("mine")
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes")
        second = FILE.replace(".json", "-2.json")
        assert (status, (working_folder / FILE).read_text()) == (0, "mine")
        assert json.loads((working_folder / second).read_text()) == SAVED
        assert output.endswith(f"--undo {second}\n")

    def test_link_of_that_name_is_not_followed(self, working_folder: Path) -> None:
        target = working_folder / "target"
        (working_folder / FILE).symlink_to(target)
        with repository_to_fix() as repository:
            status, _ = repository.fix("--yes")
        assert (status, target.exists()) == (0, False)

    def test_longest_name_of_a_repository_is_cut(self, working_folder: Path) -> None:
        name = "a" * 128 + "/" + "b" * 127
        with repository_to_fix() as repository:
            repository.organization.create_repository(HUB, HOME, name, PUBLIC_TEXT)
            status, _ = repository.run("--repository", name, "--yes")
        (path,) = saved_files(working_folder)
        assert (status, json.loads(path.read_text())["repository"].endswith(name)) == (0, True)


class TestUnwritableFile:
    """Nothing is changed if the previous policy cannot be kept."""

    @pytest.mark.parametrize(
        ("folder", "reason"),
        [("missing", "No such file or directory"), ("file", "Not a directory"), ("/proc", "No such file or directory")],
    )
    def test_folder_that_cannot_have_a_file(self, folder: str, reason: str, working_folder: Path) -> None:
        (working_folder / "file").write_text("")
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes", "--save-to", folder)
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        line = f"Not run: nothing was changed: the policy cannot be saved (see --save-to): {reason} ({folder})"
        assert output.splitlines()[-1] == line

    @pytest.mark.skipif(os.geteuid() == 0, reason="an administrator writes into every folder")
    def test_read_only_folder(self, working_folder: Path) -> None:
        folder = working_folder / "read-only"
        folder.mkdir(mode=0o500)
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes", "--save-to", str(folder))
            assert (status, repository.text) == (2, PUBLIC_TEXT)
        assert "cannot be saved (see --save-to): Permission denied" in output

    def test_file_system_that_refuses_every_new_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.open

        def refusing(path: Any, flags: int, *more: Any) -> int:
            if flags & os.O_CREAT:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return real(path, flags, *more)

        monkeypatch.setattr(os, "open", refusing)
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert "cannot be saved (see --save-to): Read-only file system (.)" in output

    def test_file_that_ends_too_early_is_deleted(self, working_folder: Path) -> None:
        with repository_to_fix() as repository, largest_file(100):
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert "cannot be saved (see --save-to): File too large (.)" in output
        assert saved_files(working_folder) == []

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_full_disk(self, working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.open

        def full(path: Any, flags: int, *more: Any) -> int:
            if flags & os.O_CREAT:
                os.close(real(path, flags, *more))
                return real("/dev/full", os.O_WRONLY)
            return real(path, flags, *more)

        monkeypatch.setattr(os, "open", full)
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert "cannot be saved (see --save-to): No space left on device (.)" in output
        assert saved_files(working_folder) == []

    def test_disk_that_does_not_keep_the_file(self, working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(_descriptor: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", failing)
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert "cannot be saved (see --save-to): Input/output error (.)" in output
        assert saved_files(working_folder) == []


@pytest.fixture
def closed() -> Iterator[RepositoryToFix]:
    """Return a repository that the command closed, with the previous policy in the working folder."""
    with repository_to_fix() as repository:
        assert repository.fix(*REMOVE, "--yes")[0] == 0
        yield repository


class TestUndo:
    """The previous policy is restored."""

    def test_exact_text_is_restored_and_the_current_one_is_kept(
        self, closed: RepositoryToFix, working_folder: Path
    ) -> None:
        current = closed.text
        status, output = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text) == (0, PUBLIC_TEXT)
        undo = FILE.replace(".json", "-2.json")
        assert json.loads((working_folder / undo).read_text())["policy_text"] == current
        restored = f"Restored: {WHERE} has the policy of 2026-01-31T12:00:00Z again"
        assert output.splitlines()[-1] == f"{restored}. To undo it: ecr-exposure fix --undo {undo}"

    def test_what_it_opens_is_shown_before_the_question(self, closed: RepositoryToFix) -> None:
        text = closed.text
        status, output = closed.run("--undo", FILE, answers=["n"])
        assert (status, closed.text, closed.changes()) == (1, text, [])
        assert "\nThis grants public access again: Everyone can pull: " in output
        assert '\n+      "Sid": "Everyone",\n' in output
        assert "\nNot changed: you did not agree\n" in output

    def test_deleted_policy_is_restored(self, working_folder: Path) -> None:
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository:
            repository.fix(*REMOVE, "--yes")
            status, output = repository.run("--undo", FILE, "--yes")
            assert (status, repository.text) == (0, ONLY_PUBLIC_TEXT)
        assert output.endswith("has the policy of 2026-01-31T12:00:00Z again\n")
        assert len(saved_files(working_folder)) == 1

    @pytest.mark.parametrize("text", ["no JSON", CLOSED_TEXT.replace('"Sid"', '"Sid": "a", "Sid"', 1)])
    def test_policy_that_cannot_be_evaluated_is_replaced(self, closed: RepositoryToFix, text: str) -> None:
        closed.text = text
        status, _ = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text) == (0, PUBLIC_TEXT)

    def test_policy_that_cannot_be_evaluated_is_not_called_public(self, closed: RepositoryToFix) -> None:
        closed.text = CLOSED_TEXT.replace('"Action"', '"Condition": {"StringEqual": {}}, "Action"')
        closed.run("--undo", FILE, "--yes")
        status, output = closed.run("--undo", FILE.replace(".json", "-2.json"), "--yes")
        assert (status, "grants public access again" in output) == (0, False)
        assert "\nFinding: Cannot be evaluated: Statement[0].Condition: " in output

    def test_diff_changes_nothing(self, closed: RepositoryToFix) -> None:
        status, output = closed.run("--undo", FILE, "--diff")
        assert (status, closed.changes()) == (1, [])
        assert output.endswith("Not changed: run it without --diff to restore the policy\n")

    def test_without_a_terminal_yes_is_needed(self, closed: RepositoryToFix) -> None:
        assert closed.run("--undo", FILE)[0] == 2
        assert closed.changes() == []

    def test_restored_policy_has_nothing_to_undo(self, closed: RepositoryToFix) -> None:
        closed.run("--undo", FILE, "--yes")
        status, output = closed.run("--undo", FILE, "--yes")
        assert (status, closed.changes()) == (0, [])
        assert output.endswith(f"Nothing to undo: {WHERE} has the policy of 2026-01-31T12:00:00Z\n")

    @pytest.mark.parametrize("text", [None, ONLY_PUBLIC_TEXT])
    def test_policy_that_changes_meanwhile_is_not_overwritten(self, closed: RepositoryToFix, text: str | None) -> None:
        change = happening("ecr", "GetRepositoryPolicy", lambda: setattr(closed, "text", text), 2)
        with closed.organization.faults.inject(change):
            status, output = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text, closed.changes()) == (2, text, [])
        assert output.endswith("Not changed: somebody changed the policy meanwhile; run the command again\n")

    def test_policy_that_amazon_ecr_does_not_restore_leaves_the_current_one(self, closed: RepositoryToFix) -> None:
        current = closed.text
        change = happening("ecr", "GetRepositoryPolicy", lambda: setattr(closed, "text", ONLY_PUBLIC_TEXT), 3)
        with closed.organization.faults.inject(change):
            status, output = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text) == (2, current)
        assert "returned another policy (saved in ecr-policy-" in output
        assert "); the policy from before this undo is in place again; run the command again\n" in output

    def test_refused_policy_is_not_restored(self, closed: RepositoryToFix) -> None:
        refused = Fault("ecr", "SetRepositoryPolicy", code="InvalidParameterException", message="locked out")
        current = closed.text
        with closed.organization.faults.inject(refused):
            status, output = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text) == (2, current)
        assert "Not changed: InvalidParameterException: locked out (SetRepositoryPolicy); the policy from" in output

    def test_document(self, closed: RepositoryToFix) -> None:
        status, document = closed.undo_document(FILE, "--yes")
        assert (status, document["result"], document["in_place"]) == (0, "undone", "new policy")
        assert (document["repository"], document["file"]) == (ARN, None)
        assert document["saved_policy"] == FILE.replace(".json", "-2.json")
        assert document["findings"][0].startswith("Everyone can pull: ")


class TestOtherRepository:
    """The file is about another repository than the one that is named or can be reached."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--repository", "team/other"), "not of team/other"),
            (("--region", "us-east-1"), "not in us-east-1"),
            (
                ("--role", f"arn:aws:iam::{MEMBERS[0]}:role/Admin"),
                f"and these credentials are of account {MEMBERS[0]}: use others, or add --role",
            ),
        ],
    )
    def test_it_is_refused(self, closed: RepositoryToFix, arguments: tuple[str, ...], problem: str) -> None:
        status, output = closed.run("--undo", FILE, *arguments, "--yes")
        assert (status, closed.changes(), closed.policy) == (2, [], CLOSED)
        file = f"the file has the policy of {NAME} in account {HUB}, {HOME}"
        assert output.splitlines()[-1] == f"Not run: {file}, {problem}"

    def test_same_repository_may_be_named(self, closed: RepositoryToFix) -> None:
        status, _ = closed.run("--undo", FILE, "--repository", NAME, "--region", HOME, "--yes")
        assert (status, closed.text) == (0, PUBLIC_TEXT)

    def test_region_of_the_file_has_precedence_over_the_configured_one(
        self, closed: RepositoryToFix, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        status, _ = closed.run("--undo", FILE, "--yes")
        assert (status, closed.text) == (0, PUBLIC_TEXT)

    def test_repository_that_is_gone(self, closed: RepositoryToFix) -> None:
        closed.organization.delete_repository(HUB, HOME, NAME)
        status, output = closed.run("--undo", FILE, "--yes")
        assert (status, output.splitlines()[-1]) == (2, f"Not run: account {HUB} has no repository '{NAME}' in {HOME}")


def _with(**values: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda saved: saved | values


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda saved: {key: value for key, value in saved.items() if key != name}


class TestWrongFile:
    """Only a file that the command wrote is accepted; the message names the place."""

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (_without("schema"), "schema: missing"),
            (_without("policy_text"), "policy_text: missing"),
            (_with(schema=2), "schema: 2 is not 1: another version wrote it"),
            (_with(schema=True), "schema: True is not a number"),
            (_with(schema="1"), "schema: '1' is not a number"),
            (_with(more=1), "more: unknown"),
            (_with(repository=NAME), "repository: 'team/app' is not the ARN of a repository"),
            (_with(repository=f"arn:aws:ecr:{HOME}:{HUB}:repository/"), "is not the ARN of a repository"),
            (_with(repository=f"arn:aws:s3:{HOME}:{HUB}:repository/a"), "is not the ARN of a repository"),
            (_with(repository=f"arn:aws-cn:ecr:{HOME}:{HUB}:repository/a"), "is not the ARN of a repository"),
            (_with(repository=f"arn:aws:ecr:{HOME}:1:repository/a"), "repository: '1' is not an account id of 12 dig"),
            (_with(region="us-east-1"), "region: us-east-1 is not that of repository, 'eu-west-1'"),
            (_with(region="europe"), "region: 'europe' is not a region such as eu-central-1"),
            (_with(region=1), "region: 1 is not a string"),
            (_with(saved_at="yesterday"), "saved_at: 'yesterday' is not a time such as 2026-01-31T12:00:00Z"),
            (_with(policy_text=None), "policy_text: None is not a string"),
            (_with(policy_text="{"), "policy_text: '{' is not the JSON of a policy"),
            (_with(policy_text="[]"), "policy_text: '[]' is not the JSON of a policy"),
            (_with(policy_text="{}" * 60), "is not the JSON of a policy"),
        ],
    )
    def test_wrong_content_is_refused_without_a_call(
        self, change: Callable[[dict[str, Any]], dict[str, Any]], problem: str, working_folder: Path
    ) -> None:
        (working_folder / "saved.json").write_text(json.dumps(change(SAVED)))
        with repository_to_fix(CLOSED_TEXT) as repository:
            status, output = repository.run("--undo", "saved.json", "--yes")
            assert (status, repository.calls(), repository.text) == (2, [], CLOSED_TEXT)
        assert output.startswith("Not run: saved.json: ")
        assert problem in output
        assert output.endswith(". --undo takes a file that ecr-exposure fix wrote, unchanged\n")
        assert output.count("\n") == 1

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "not a JSON document"),
            (b"\xff", "not a JSON document"),
            (b"[" * 100_000, "not a JSON document"),
            (b"[]", "not a JSON object"),
            (PUBLIC_TEXT.encode(), "schema: missing"),
        ],
    )
    def test_other_content_is_refused(self, content: bytes, problem: str, working_folder: Path) -> None:
        (working_folder / "saved.json").write_bytes(content)
        with repository_to_fix(CLOSED_TEXT) as repository:
            status, output = repository.run("--undo", "saved.json", "--yes")
        assert (status, output.startswith(f"Not run: saved.json: {problem}. ")) == (2, True)

    @pytest.mark.parametrize(("name", "reason"), [("no", "No such file or directory"), (".", "Is a directory")])
    def test_missing_file_is_named(self, name: str, reason: str) -> None:
        with repository_to_fix() as repository:
            status, output = repository.run("--undo", name)
        assert (status, output) == (2, f"Not run: {name}: {reason}\n")
