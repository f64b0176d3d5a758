"""A policy file: what is refused and why, and that it is replaced at once or not at all."""

import errno
import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.remediation.policy_file import PolicyFile, read_policy_file, write_policy_file

POLICY: Final = '{"Statement": [{"Sid": "é"}]}\r\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a policy file."""
    path = tmp_path / "policy.json"
    path.write_bytes(POLICY.encode())
    return path


def read_error(path: Path | str) -> str:
    """Return why a file is refused."""
    with pytest.raises(CannotRunError) as error:
        read_policy_file(str(path))
    return str(error.value)


class TestReading:
    """The text is kept as it is."""

    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_text_is_that_of_the_file_and_the_policy_has_no_mark(self, mark: str, file: Path) -> None:
        file.write_bytes((mark + POLICY).encode())
        found = read_policy_file(str(file))
        assert (found.name, found.text, found.policy) == (str(file), mark + POLICY, POLICY)

    def test_standard_input_is_read_for_a_hyphen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(POLICY.encode())))
        found = read_policy_file("-")
        assert (found.name, found.text) == ("standard input", POLICY)

    @pytest.mark.parametrize(
        "text", ["%7B%22Statement%22%3A%20%5B%5D%7D", "{}", '{"Version": 1}', '{"Statement": 1, "Statement": 2}']
    )
    def test_policy_that_cannot_be_evaluated_is_read(self, text: str, file: Path) -> None:
        file.write_text(text)
        assert read_policy_file(str(file)).policy == text


class TestRefusedFiles:
    """Each message names the file and what to do."""

    def test_missing_file(self, tmp_path: Path) -> None:
        path = tmp_path / "none.json"
        assert read_error(path) == f"{path} cannot be read: No such file or directory"

    def test_folder(self, tmp_path: Path) -> None:
        assert read_error(tmp_path) == f"{tmp_path} cannot be read: Is a directory"

    def test_name_with_a_null_character(self) -> None:
        assert "cannot be read: embedded null" in read_error("a\0b")

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (POLICY.encode("utf-16"), "UTF-16"),
            (POLICY.encode("latin-1"), "another encoding (byte 25)"),
        ],
    )
    def test_other_encoding(self, content: bytes, kind: str, file: Path) -> None:
        file.write_bytes(content)
        assert read_error(file) == f"{file} is not encoded in UTF-8 but in {kind}: save it in UTF-8"

    @pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
    def test_empty_file(self, text: str, file: Path) -> None:
        file.write_bytes(text.encode())
        assert read_error(file) == f"{file} is empty: accepted is a repository policy in JSON"

    def test_text_that_is_not_json(self, file: Path) -> None:
        file.write_text('{\n  "Statement": [,]\n}')
        assert read_error(file) == f"{file} is not JSON: Expecting value at line 2 column 17"

    @pytest.mark.parametrize(("text", "value"), [("[]", "a list"), ("1", "1"), ("null", "null")])
    def test_json_that_is_no_object(self, text: str, value: str, file: Path) -> None:
        file.write_text(text)
        assert read_error(file) == f"{file} holds {value}: accepted is a repository policy, a JSON object"

    @pytest.mark.parametrize(
        "content", [{"registryId": "111122223333", "repositoryName": "app", "policyText": POLICY}, POLICY]
    )
    def test_output_of_get_repository_policy(self, content: Any, file: Path) -> None:
        """https://docs.aws.amazon.com/cli/latest/reference/ecr/get-repository-policy.html."""
        file.write_text(json.dumps(content))
        assert read_error(file).endswith(
            "aws ecr get-repository-policy --repository-name NAME --query policyText --output text"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n",
            "Resources:\n  Repository:\n    Type: AWS::ECR::Repository\n",
            '{"Resources": {}}',
            '{"format_version": "1.2", "terraform_version": "1.11.4"}',
            'locals {}\nresource "aws_ecr_repository_policy" "app" {\n}\n',
        ],
    )
    def test_template(self, text: str, file: Path) -> None:
        file.write_text(text)
        assert read_error(file).startswith(f"{file} is a template and no policy")

    def test_large_file(self, file: Path) -> None:
        file.write_text(" " * 1_000_001)
        assert read_error(file) == f"{file} has more than 1,000,000 bytes, so it is no repository policy"


def write_error(file: PolicyFile) -> str:
    """Return why a file is not replaced."""
    with pytest.raises(CannotRunError) as error:
        write_policy_file(file, "{}")
    return str(error.value)


class TestWriting:
    """The file is replaced at once."""

    def test_text_is_written_as_it_is(self, file: Path) -> None:
        write_policy_file(read_policy_file(str(file)), "\ufeff{\r\n}é")
        assert file.read_bytes() == "\ufeff{\r\n}é".encode()

    def test_mode_stays_and_no_other_file_is_left(self, file: Path) -> None:
        file.chmod(0o640)
        write_policy_file(read_policy_file(str(file)), "{}")
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert list(file.parent.iterdir()) == [file]

    def test_link_stays_and_its_file_is_replaced(self, file: Path) -> None:
        link = file.parent / "link.json"
        link.symlink_to(file.name)
        write_policy_file(read_policy_file(str(link)), "{}")
        assert link.is_symlink()
        assert file.read_text() == "{}"

    def test_file_that_was_changed_meanwhile_is_left_as_it_is(self, file: Path) -> None:
        found = read_policy_file(str(file))
        file.write_text("changed")
        assert write_error(found) == f"{file} was changed meanwhile: nothing was written; run the command again"
        assert file.read_text() == "changed"

    def test_file_that_was_deleted_meanwhile_is_not_written(self, file: Path) -> None:
        found = read_policy_file(str(file))
        file.unlink()
        assert write_error(found) == f"{file} is no file that can be replaced: nothing was written"
        assert not file.exists()

    def test_standard_input_is_not_written(self) -> None:
        error = write_error(PolicyFile(path="-", text="{}"))
        assert error == "standard input is no file that can be replaced: nothing was written"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
    def test_pipe_is_not_replaced(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert "is no file that can be replaced" in write_error(PolicyFile(path=str(pipe), text="{}"))

    @pytest.mark.parametrize("call", ["write", "fsync", "replace"])
    @pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    def test_failure_leaves_the_file_as_it_was(
        self, failure: BaseException, call: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The disk is full, or the process is interrupted: while the new file is written, and before it replaces."""
        found = read_policy_file(str(file))

        def fail(*_: Any) -> None:
            raise failure

        if call == "write":
            monkeypatch.setattr(os, "fdopen", lambda handle, _: FullDisk(handle, failure))
        else:
            monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
        with pytest.raises((CannotRunError, KeyboardInterrupt)):
            write_policy_file(found, "{}")
        assert file.read_bytes() == POLICY.encode()
        assert list(file.parent.iterdir()) == [file]


class FullDisk(io.FileIO):
    """A file that takes one byte."""

    def __init__(self, handle: int, failure: BaseException) -> None:
        """Open the file for writing."""
        super().__init__(handle, "wb")
        self._failure = failure

    def write(self, content: Any) -> int:
        """Write one byte and fail."""
        super().write(content[:1])
        raise self._failure
