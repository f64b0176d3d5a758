"""What ``check`` does with files that it cannot read, streams that close, and interrupts."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli import check_run
from ecr_exposure.cli.files_to_check import files as files_module
from ecr_exposure.cli.files_to_check.files import FoundFile
from ecr_exposure.cli.files_to_check.recognition import recognize
from ecr_exposure.cli.main import main
from ecr_exposure.cli.policies_in_json import json_documents
from ecr_exposure.cli.policy_report import judgement
from tests.commands.check_command import CLOSED, PUBLIC, Check, policy, write

RULE: Final = Path(__file__).parents[2] / "rule"
TEMPLATE: Final = json.dumps(
    {"Resources": {"App": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryPolicyText": policy()}}}}
)


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


class TestManyFiles:
    """A folder with much that has nothing to do with Amazon ECR."""

    def test_ten_thousand_unrelated_files_are_read_and_none_is_parsed(
        self, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contents = ("Resources:\n  Queue: {Type: AWS::SQS::Queue}\n\t- broken", '{"broken": ', "plain text", "\xff\0")
        for folder in range(100):
            Path(str(folder)).mkdir()
            for number in range(100):
                suffix = ("yaml", "json", "txt", "bin")[number % 4]
                Path(f"{folder}/{number}.{suffix}").write_text(contents[number % 4], encoding="latin-1")

        def parse(*_: object, **__: object) -> None:
            raise AssertionError("a file was parsed")

        monkeypatch.setattr("json.loads", parse)
        checked = check(".")
        assert checked.code == 0
        assert checked.last_line.endswith("10,000 files read, 0 policies evaluated, 10,000 not recognized, 0 ignored")


class TestBrokenFiles:
    """Files with a syntax error, and content of another form."""

    @pytest.mark.parametrize(
        ("name", "content", "line"),
        [
            ("broken.json", '{\n "Version": "2012-10-17",\n "Statement": [}\n', 3),
            ("broken.yaml", "Resources:\n  App:\n    Type: AWS::ECR::Repository\n   Properties: {\n", 4),
            ("broken.template", '{"Resources": {\n"App": {"Type": "AWS::ECR::Repository",,}}}', 2),
            ("broken.tf", 'resource "aws_ecr_repository_policy" "app" {\n  policy = "\n', 2),
            ("broken.tf.json", '{"resource": {"aws_ecr_repository_policy": {\n', 2),
            ("plan.json", '{"format_version": "1.2", "planned_values": {}, "x": "aws_ecr_repository_policy"\n', None),
        ],
    )
    def test_place_is_told_and_the_rest_is_checked(
        self, name: str, content: str, line: int | None, check: Check
    ) -> None:
        write(f"a/{name}", content)
        write("b/policy.json", PUBLIC)
        checked = check.json(".")
        assert (checked.code, checked.results) == (2, {"b/policy.json": "public"})
        (error,) = checked.document["errors"]
        assert error["file"] == f"a/{name}"
        if line is not None:
            assert error["line"] == line

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.json", '{"Resources": {"App": {"Type": "AWS::ECR::Repository", "Properties": null}}}'),
            ("a.json", '{"Resources": {"App": {"Type": "AWS::ECR::Repository"}}}'),
            ("a.yaml", "Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Properties:\n"),
            ("a.yaml", "Resources: {App: {Type: AWS::ECR::Repository, Properties: {RepositoryPolicyText: null}}}"),
        ],
    )
    def test_resource_without_properties_has_no_policy(self, name: str, content: str, check: Check) -> None:
        write(name, content)
        assert check.json(name).results == {f"{name} Resources.App": "not public"}

    @pytest.mark.parametrize("statement", ["null", '"text"', "[null]", "[[]]", "3", "{}"])
    def test_statement_of_another_form_cannot_be_evaluated(self, statement: str, check: Check) -> None:
        write("a.json", TEMPLATE.replace(json.dumps(policy()["Statement"]), statement))
        write("policy.json", f'{{"Version": "2012-10-17", "Statement": {statement}}}')
        results = check.json("a.json", "policy.json").results
        assert results == dict.fromkeys(("a.json Resources.App", "policy.json"), "cannot be evaluated")

    @pytest.mark.parametrize("content", ["[" * 100_000 + '"Statement"', '{"Statement":' * 50_000])
    def test_nested_without_end_is_one_line(self, content: str, check: Check) -> None:
        write("a.json", content)
        assert check.json("a.json").code == 2
        assert len(check.json("a.json").errors) == 1

    def test_aliases_of_yaml_that_expand_without_end_are_one_line(self, check: Check) -> None:
        levels = [f"  l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 10)}]\n" for at in range(1, 12)]
        bomb = "Mappings:\n  l0: &l0 [x, x]\n" + "".join(levels)
        uses = "    Properties: {RepositoryPolicyText: {Version: 2012-10-17, Statement: *l11}}\n"
        write("a.yaml", f"{bomb}Resources:\n  App:\n    Type: AWS::ECR::Repository\n{uses}")
        write("b.json", PUBLIC)
        checked = check.json(".")
        assert checked.code == 2
        assert checked.results["b.json"] == "public"

    def test_half_of_a_surrogate_pair_is_written_by_every_format(self, check: Check) -> None:
        write("a.json", PUBLIC.replace('"Pull"', '"\\ud800"'))
        for name in ("table", "json", "sarif", "junit", "csv"):
            assert check("a.json", "--format", name, "--output", "report").code == 1
            Path("report").read_bytes().decode()

    def test_unexpected_error_of_a_reader_is_one_line(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("ecr_exposure.cli.policies_in_templates.cloudformation.read_cloudformation", broken)
        write("a.json", TEMPLATE)
        write("b.json", PUBLIC)
        checked = check.json(".")
        assert (checked.code, checked.results) == (2, {"b.json": "public"})
        assert checked.errors == ["a.json: cannot be read: unexpected error: ZeroDivisionError"]


class TestUnreadableFiles:
    """What the system does not give us."""

    @pytest.fixture
    def denied(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Return a function that denies the access to a path, as to a file of another user."""

        def deny(path: str) -> None:
            for owner, name in ((Path, "open"), (os, "scandir")):
                monkeypatch.setattr(owner, name, _denying(getattr(owner, name), path))

        return deny

    def test_file_without_permission_is_told_and_the_rest_is_checked(
        self, check: Check, denied: Callable[[str], None]
    ) -> None:
        write("a.json", PUBLIC)
        write("b.json", PUBLIC)
        denied("a.json")
        checked = check.json(".")
        assert (checked.code, checked.results) == (2, {"b.json": "public"})
        assert checked.errors == ["a.json: cannot be read: Permission denied"]

    def test_folder_without_permission_is_told_and_the_rest_is_checked(
        self, check: Check, denied: Callable[[str], None]
    ) -> None:
        write("a/policy.json", PUBLIC)
        write("b/policy.json", PUBLIC)
        denied("a")
        checked = check.json(".")
        assert (checked.code, checked.results) == (2, {"b/policy.json": "public"})
        assert checked.errors == ["a: cannot be read: Permission denied"]

    @pytest.mark.parametrize(("size", "change"), [(20, "grew"), (2000, "shrank")])
    def test_file_that_changes_while_it_is_read_is_told(
        self, size: int, change: str, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is missing at the end of a template can be a policy."""
        file = write("a.json", PUBLIC)
        before = os.stat_result((*file.stat()[:6], size, 0, 0, 0))
        monkeypatch.setattr("os.fstat", lambda _: before)
        checked = check.json("a.json")
        assert checked.errors == [f"a.json: {change} while it was read: run again when it is complete"]

    def test_endless_pipe_is_cut(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files_module, "LONGEST_PIPE", 1000)
        checked = check.json("/dev/zero")
        assert checked.errors == ["/dev/zero: has more than 1,000 bytes: write it to a file first"]

    def test_expanding_archive_is_cut(self, check: Check) -> None:
        begin = b'{"fileVersion": "1.0", "configSnapshotId": "1", "configurationItems": ['
        write("snapshot.json.gz", gzip.compress(begin + b" " * 100_000_000))
        assert check.json("snapshot.json.gz").code == 2


def _denying(function: Callable[..., Any], denied: str) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path) == denied:
            raise PermissionError(13, "Permission denied")
        return function(path, *arguments, **options)

    return call


class TestLargeFiles:
    """Files above the limit for texts, which are streams."""

    @pytest.fixture(autouse=True)
    def _small_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files_module, "LONGEST_TEXT", 100)

    def test_plan_is_read(self, check: Check) -> None:
        values = {"repository": "team/app", "policy": PUBLIC}
        kind = "aws_ecr_repository_policy"
        resource: dict[str, Any] = {"address": f"{kind}.app", "mode": "managed", "type": kind}
        resource |= {"name": "app", "values": values, "change": {"actions": ["create"], "after": values}}
        plan = {"format_version": "1.2", "planned_values": {"root_module": {"resources": [resource]}}}
        write("plan.json", json.dumps(plan | {"resource_changes": [resource]}))
        assert check.json(".").results == {"plan.json aws_ecr_repository_policy.app": "public"}

    def test_snapshot_is_read(self, check: Check) -> None:
        item = {
            "resourceType": "AWS::ECR::Repository",
            "resourceId": "team/app",
            "awsAccountId": "111122223333",
            "awsRegion": "eu-west-1",
            "ARN": "arn:aws:ecr:eu-west-1:111122223333:repository/team/app",
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": "2026-11-01T00:00:00.000Z",
            "configuration": {"RepositoryName": "team/app", "RepositoryPolicyText": PUBLIC},
        }
        snapshot = {"fileVersion": "1.0", "configSnapshotId": "1", "configurationItems": [item]}
        write("snapshot.json", json.dumps(snapshot))
        assert list(check.json(".").results.values()) == ["public"]

    def test_json_lines_are_read_with_their_lines(self, check: Check) -> None:
        """A line that cannot be read is told, and the others are checked."""
        lines = [PUBLIC, CLOSED, "", f"{PUBLIC[:-1]},}}", '{"log": 1}', PUBLIC.replace("Pull", "\xff"), f" {PUBLIC}"]
        write("lines", "\r\n".join(lines).encode("latin-1"))
        write("lines.json", b"\xef\xbb\xbf" + "\n".join(lines).encode("latin-1"))
        checked = check.json(".")
        results = {"1": "public", "2": "not public", "7": "public"}
        assert checked.results == {
            f"{name} line {at}": results[at] for name in ("lines", "lines.json") for at in results
        }
        assert [each["line"] for each in checked.document["policies"]] == [1, 2, 7] * 2
        broken, encoded = checked.errors
        assert broken.startswith("lines.json:4: not JSON: ")
        assert encoded == "lines.json:6: byte 50 of the line is not encoded in UTF-8"
        assert checked.document["notes"] == [
            f"{name}: line 5 holds no repository policy in a form that is known" for name in ("lines", "lines.json")
        ]

    def test_file_that_is_removed_meanwhile_is_told(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        file = write("a.jsonl", f"\n{PUBLIC}\n{PUBLIC}\n")
        assert check.json(".").results == {"a.jsonl line 2": "public", "a.jsonl line 3": "public"}
        content = FoundFile.content

        def removed(found: FoundFile) -> Any:
            read = content(found)
            file.unlink()
            return read

        monkeypatch.setattr(FoundFile, "content", removed)
        assert check.json(".").errors == ["a.jsonl: cannot be read: No such file or directory"]

    def test_newest_item_of_json_lines_counts(self, check: Check) -> None:
        item = {"resourceType": "AWS::ECR::Repository", "resourceId": "app", "configurationItemStatus": "OK"}
        item |= {
            "awsAccountId": "111122223333",
            "awsRegion": "eu-west-1",
            "ARN": "arn:aws:ecr:eu-west-1:1:repository/app",
        }
        texts = {"02": CLOSED, "01": PUBLIC}
        lines = [
            json.dumps(
                {
                    **item,
                    "configurationItemCaptureTime": f"2026-11-{day}T00:00:00Z",
                    "configuration": {"RepositoryName": "app", "RepositoryPolicyText": text},
                }
            )
            for day, text in texts.items()
        ]
        write("items.jsonl", "\n".join(lines))
        assert list(check.json(".").results.values()) == ["not public"]

    def test_line_without_end_is_told(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_documents, "LONGEST_LINE", 1000)
        write("a.jsonl", f"{PUBLIC}\n{PUBLIC}{' ' * 2000}\n{PUBLIC}\n")
        checked = check.json(".")
        assert checked.results == {"a.jsonl line 1": "public"}
        assert checked.errors == ["a.jsonl:2: a line of more than 1,000 bytes: it and what follows is not read"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.json", json.dumps([policy()] * 2, indent=1)),
            ("a.json", json.dumps([policy()] * 2).encode("utf-16")),
            ("a.json", json.dumps({"fill": " " * (2**20 - 20), "policyText": ""}, indent=1)),
            ("a.yaml", f"# {'x' * 100}\nResources:\n  App:\n    Type: AWS::ECR::Repository\n"),
            ("main.tf", f'# {"x" * 100}\nresource "aws_ecr_repository_policy" "app" {{}}\n'),
        ],
    )
    def test_other_file_that_may_have_a_policy_is_told(self, name: str, content: str | bytes, check: Check) -> None:
        write(name, content)
        checked = check.json(".")
        assert (checked.code, len(checked.errors)) == (2, 1)
        assert checked.errors[0].startswith(f"{name}: has more than 16,000,000 bytes, and may have a policy: split it")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("words.txt", "AWS::ECR::Repository " * 100),
            ("report", json.dumps([policy()] * 2, indent=1)),
            ("data.json", json.dumps(["x"] * 100)),
            ("log.jsonl", '{"message": "no policy"}\n' * 100),
            ("bank.jsonl", '{"Statement": "of an account"}\n' * 10),
        ],
    )
    def test_other_file_is_none_of_those_that_are_checked(self, name: str, content: str, check: Check) -> None:
        write(name, content)
        checked = check.json(".")
        assert (checked.code, checked.document["files"]["not_recognized"]) == (0, 1)


class TestOutput:
    """Where the report cannot go."""

    def test_file_that_cannot_be_written_is_told_and_the_others_are_written(self, check: Check) -> None:
        write("a.json", PUBLIC)
        checked = check("a.json", "--format", "csv", "--output", "no/a.csv", "--format", "json", "--output", "b.json")
        assert checked.code == 2
        assert checked.err.splitlines()[0].startswith("Not written: no/a.csv cannot be written, and is unchanged: ")
        assert json.loads(Path("b.json").read_text())["exit_code"] == 1
        assert not Path("no").exists()

    def test_earlier_report_stays_where_a_new_one_cannot_be_written(
        self, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("a.json", PUBLIC)
        earlier = write("a.csv", "earlier")

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        checked = check("a.json", "--format", "csv", "--output", "a.csv")
        assert (checked.code, earlier.read_text()) == (2, "earlier")
        assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "a.json"]
        assert "Not written: a.csv cannot be written, and is unchanged: No space left on device" in checked.err

    def test_pipe_is_written_and_not_replaced(self, check: Check) -> None:
        write("a.json", PUBLIC)
        os.mkfifo("pipe")
        with subprocess.Popen(("/bin/cat", "pipe"), stdout=subprocess.PIPE) as reader:
            assert check("a.json", "--format", "json", "--output", "pipe").code == 1
            assert json.loads(reader.communicate()[0])["command"] == "check"

    def test_stream_has_the_policies_of_a_file_before_the_next_one_is_read(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("a.json", PUBLIC)
        write("b.json", CLOSED)
        written = []

        def recognized(found: Any) -> Any:
            written.append(capsys.readouterr().out)
            return recognize(found)

        monkeypatch.setattr(check_run, "recognize", recognized)
        assert main(["check", "--stream", "a.json", "b.json"]) == 1
        written.append(capsys.readouterr().out)
        documents = [[json.loads(line) for line in each.splitlines()] for each in written]
        shown = [[each.get("file") or each["type"] for each in part] for part in documents]
        assert shown == [["run"], ["a.json"], ["b.json", "end"]]

    def test_closed_pipe_ends_silently(self) -> None:
        write("a.json", PUBLIC)
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = subprocess.run(
                (sys.executable, "-m", "ecr_exposure.cli.main", "check", "a.json"),
                env=os.environ | {"PYTHONPATH": str(RULE)},
                stdout=writing,
                stderr=subprocess.PIPE,
                check=False,
            )
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (2, b"")


class TestInterrupt:
    """Ctrl-C."""

    def test_prints_what_was_checked_so_far(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a.json", PUBLIC)
        write("b.json", CLOSED)
        write(".ecr-exposure.yaml", "- file: b.json\n  reason: x\n")

        def interrupted(found: Any) -> Any:
            if found.shown == "b.json":
                signal.raise_signal(signal.SIGINT)
            return recognize(found)

        monkeypatch.setattr(check_run, "recognize", interrupted)
        checked = check.json("a.json", "b.json")
        assert (checked.code, checked.document["exit_code"], checked.results) == (130, 130, {"a.json": "public"})
        assert checked.document["notes"] == []  # b.json may well have what the suppression is about
        assert checked.last_line.startswith("Interrupted: 1 public; 1 file read")

    def test_file_that_is_interrupted_is_not_counted(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a.json", PUBLIC)

        def interrupted(*_: object, **__: object) -> None:
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(judgement, "evaluate", interrupted)
        assert check("a.json").last_line.endswith("0 files read, 0 policies evaluated, 0 not recognized, 0 ignored")


class TestProgress:
    """The progress bar."""

    @pytest.mark.parametrize(
        ("seconds", "is_terminal", "is_shown"), [(3, True, True), (0.5, True, False), (3, False, False)]
    )
    def test_is_shown_after_two_seconds_on_a_terminal(
        self,
        seconds: float,
        is_terminal: bool,  # noqa: FBT001 - a parameter of the test
        is_shown: bool,  # noqa: FBT001 - a parameter of the test
        check: Check,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for number in range(3):
            write(f"{number}.json", CLOSED)
        times = iter(number * seconds for number in range(100))
        monkeypatch.setattr("tests.commands.check_command.FixedClock.now", lambda _: next(times))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
        monkeypatch.setattr("click._termui_impl.isatty", lambda _: is_terminal)
        monkeypatch.setenv("COLUMNS", "40")
        shown = re.sub(r"\x1b\[\?25[lh]", "", check(".").err)  # hide and show the cursor
        assert ("3/3" in shown) == is_shown
        assert all(len(line) <= 40 for line in re.split(r"[\r\n]", shown) if "files  [" in line)
        assert not any("3/3" in check(".", option).err for option in ("-q", "--stream"))
