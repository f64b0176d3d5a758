"""``ecr-exposure fix POLICY_FILE`` through the command: what it prints, what it writes, and its exit codes."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure import judge
from ecr_exposure.cli.main import main
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation import file_fix
from ecr_exposure.cli.remediation.policy_file import write_policy_file

ORGANIZATION: Final = ("--organization", "o-exampleorg1")
ACCOUNTS: Final = ("--accounts", "111122223333,444455556666")
REMOVE: Final = ("--mode", "remove-statements")
OPEN: Final = """\
{
    "Version":   "2012-10-17",
    "Statement": [
        { "Sid": "Deny\\u0041", "Effect": "Deny", "Principal": {"AWS": "444455556666"}, "Action": "ecr:PutImage" },
        {
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": "*",
            "Action": [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
        }
    ]
}
"""
CONDITION: Final = """,
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}
            }
        }
    ]
"""
CLOSED: Final = OPEN.replace("\n        }\n    ]\n", CONDITION)
FOR_TWO: Final = """\
"Principal": {
                "AWS": ["111122223333", "444455556666"]
            }"""
ONLY_EVERYONE: Final = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}'
FOR_THE_ACCOUNT: Final = '{"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "ecr:*"}}'


@pytest.fixture
def file(working_folder: Path) -> Path:
    """Return a file with a policy that grants public access."""
    path = working_folder / "policy.json"
    path.write_text(OPEN)
    return path


class Run:
    """The command, and what it printed last."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        """Nothing was printed."""
        self._capture = capture
        self.out = self.errors = ""

    def __call__(self, *arguments: str) -> int:
        """Run `ecr-exposure fix`, and return its exit code."""
        code = main(["fix", *arguments])
        self.out, self.errors = self._capture.readouterr()
        return code

    @property
    def last(self) -> str:
        """The last line on standard output."""
        return self.out.splitlines()[-1]


@pytest.fixture
def fix(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command, which finds no Region, so that it cannot ask AWS Organizations."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return Run(capsys)


Answer = Callable[[bool], list[str]]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Return a function that lets somebody at a terminal answer; it returns the questions."""

    def give(agrees: bool) -> list[str]:  # noqa: FBT001 - the answer is yes or no
        questions: list[str] = []

        def agrees_to(_output: Output, question: str) -> bool:
            questions.append(question)
            return agrees

        monkeypatch.setattr("ecr_exposure.cli.output.can_ask", lambda: True)
        monkeypatch.setattr(Output, "agrees", agrees_to)
        return questions

    return give


class TestReport:
    """Without an option that says what to do, the change is printed and nothing is written."""

    def test_report_names_finding_change_diff_losers_and_the_command_that_writes(self, fix: Run, file: Path) -> None:
        assert fix("policy.json", *ORGANIZATION) == 1
        parts = [
            'Finding: Everyone can pull: statement "AllowPull" allows',
            'statement "AllowPull"',
            "--- a/policy.json\n+++ b/policy.json\n@@ ",
            '+                "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}\n',
            "Who loses access:\n",
            "Not changed: this writes the file: ecr-exposure fix policy.json --mode scope-to-organization "
            "--organization o-exampleorg1 --in-place",
        ]
        places = [fix.out.find(part) for part in parts]
        assert places == sorted(places)
        assert min(places) == 0
        assert file.read_text() == OPEN

    def test_printed_command_writes_the_file(self, fix: Run, working_folder: Path) -> None:
        file = working_folder / "my policy.json"
        file.write_text(OPEN)
        fix("my policy.json", *ACCOUNTS, "--owner", "777788889999", "--region", "us-east-1")
        command = fix.last.partition("ecr-exposure fix 'my policy.json' ")[2]
        assert "--owner 777788889999 --region us-east-1" in command
        assert fix("my policy.json", *command.split(), "--yes") == 0
        assert judge(file.read_text(), test="reachable").compliance == "COMPLIANT"

    @pytest.mark.parametrize("option", [(), ("--diff",), ("--in-place",), ("--show", "cli")])
    def test_closed_policy_has_nothing_to_close(self, option: tuple[str, ...], fix: Run, file: Path) -> None:
        file.write_text(FOR_THE_ACCOUNT)
        assert fix("policy.json", *ORGANIZATION, *option) == 0
        assert (fix.out + fix.errors).endswith("Nothing to close: policy.json grants no public access\n")
        assert file.read_text() == FOR_THE_ACCOUNT

    def test_quiet_run_prints_one_line(self, fix: Run, file: Path) -> None:
        assert fix(str(file), *ORGANIZATION, "-q") == 1
        assert fix.out.startswith("Not changed: this writes the file: ")
        assert fix.out.count("\n") == 1

    def test_json_has_the_change(self, fix: Run, file: Path) -> None:
        assert fix(str(file), *ORGANIZATION, "--json") == 1
        document = json.loads(fix.out)
        assert document["result"] == "not changed"
        assert document["policy"] == json.loads(CLOSED)
        assert document["file"] == str(file)
        assert document["diff"].startswith("--- a/")

    @pytest.mark.usefixtures("file")
    def test_steps_are_printed_for_one_means(self, fix: Run) -> None:
        assert fix("policy.json", *ACCOUNTS, "--region", "us-east-1", "--show", "cli") == 1
        command = "aws ecr set-repository-policy --repository-name REPOSITORY --region us-east-1 --policy-text file://"
        assert command in fix.out
        assert "aws_ecr_repository_policy" not in fix.out

    @pytest.mark.usefixtures("file")
    def test_steps_are_printed_for_all_means(self, fix: Run) -> None:
        assert fix("policy.json", *ACCOUNTS, "--show", "all") == 1
        headings = ("Amazon ECR console\n", "AWS CLI\n", "Terraform\n", "AWS CloudFormation\n")
        places = [fix.out.find(heading) for heading in headings]
        assert places == sorted(places)
        assert min(places) > 0

    def test_steps_are_printed_as_they_are(self, fix: Run, file: Path) -> None:
        """They are to be copied: no blank is lost, and no line is wrapped."""
        file.write_text(OPEN.replace("AllowPull", "[bold] ${aws:username} :smile: \\t " + "x" * 200))
        fix("policy.json", *ACCOUNTS, "--show", "all", "--json")
        steps = json.loads(fix.out)["steps"]
        fix("policy.json", *ACCOUNTS, "--show", "all")
        assert all(text in fix.out for text in steps.values())

    def test_characters_that_control_a_terminal_are_not_printed(self, fix: Run, file: Path) -> None:
        file.write_text(OPEN.replace("ecr:PutImage", "ecr:Put\x9b\u202eImage"))
        assert fix("policy.json", *ORGANIZATION) == 1
        assert not {"\x9b", "\u202e"} & set(fix.out)


class TestDiff:
    """--diff prints the difference alone on standard output."""

    @pytest.mark.parametrize("tool", [("patch", "-p1", "--fuzz=0", "--binary"), ("git", "apply")])
    @pytest.mark.parametrize("change", [str, lambda text: text.rstrip().replace("\n", "\r\n")])
    def test_difference_is_applied_by_other_programs(
        self, change: Callable[[str], str], tool: tuple[str, ...], fix: Run, file: Path
    ) -> None:
        path = shutil.which(tool[0])
        if path is None:
            pytest.skip(f"{tool[0]} is not installed")
        file.write_bytes(change(OPEN).encode())
        assert fix("policy.json", *ORGANIZATION, "--diff") == 1
        assert file.read_bytes() == change(OPEN).encode()
        diff = fix.out.encode()
        subprocess.run([path, *tool[1:]], input=diff, check=True, capture_output=True)  # noqa: S603 - found above
        assert file.read_bytes() == change(CLOSED).encode()

    @pytest.mark.parametrize("path", ["./policy.json", "folder/../policy.json", "{folder}/policy.json", "a b/./p.json"])
    def test_path_is_that_from_the_working_folder(self, path: str, fix: Run, file: Path) -> None:
        """Other paths are refused by git apply, and some by patch."""
        for folder in ("folder", "a b"):
            Path(folder).mkdir()
        shutil.copy(file, "a b/p.json")
        assert fix(path.format(folder=file.parent), *ORGANIZATION, "--diff") == 1
        assert fix.out.startswith("--- a/a b/p.json\t\n" if path.startswith("a") else "--- a/policy.json\n")

    @pytest.mark.usefixtures("file")
    def test_report_is_on_standard_error_without_the_difference(self, fix: Run) -> None:
        fix("policy.json", *ORGANIZATION, "--diff")
        assert fix.errors.startswith("Finding: ")
        assert fix.errors.endswith("Not changed: patch -p1 and git apply read this difference\n")
        assert "@@" not in fix.errors

    @pytest.mark.usefixtures("file")
    def test_json_is_alone_on_standard_output(self, fix: Run) -> None:
        assert fix("policy.json", *ORGANIZATION, "--diff", "--json") == 1
        assert json.loads(fix.out)["diff"].startswith("--- a/policy.json\n")

    @pytest.mark.parametrize(("text", "code"), [(ONLY_EVERYONE, 1), (FOR_THE_ACCOUNT, 0)])
    def test_no_difference_for_a_policy_without_statements_or_a_closed_one(
        self, text: str, code: int, fix: Run, file: Path
    ) -> None:
        file.write_text(text)
        assert fix("policy.json", *REMOVE, "--diff") == code
        assert fix.out == ""


class TestInPlace:
    """--in-place asks and writes."""

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (ORGANIZATION, CLOSED),
            (ACCOUNTS, OPEN.replace('"Principal": "*"', FOR_TWO)),
            (REMOVE, OPEN[: OPEN.index(",\n        {\n")] + "\n    ]\n}\n"),
        ],
        ids=["organization", "accounts", "remove"],
    )
    def test_file_is_written_after_the_question(
        self, options: tuple[str, ...], expected: str, fix: Run, file: Path, answer: Answer
    ) -> None:
        questions = answer(True)  # noqa: FBT003 - the answer
        assert fix("policy.json", *options, "--in-place") == 0
        assert questions == ["Write policy.json?"]
        assert fix.last == "Closed: policy.json grants no public access; deploy it to close the repository"
        assert file.read_text() == expected

    def test_declined_question_leaves_the_file(self, fix: Run, file: Path, answer: Answer) -> None:
        answer(False)  # noqa: FBT003 - the answer
        assert fix("policy.json", *ORGANIZATION, "--in-place") == 1
        assert fix.last == "Not changed: you did not agree"
        assert file.read_text() == OPEN

    def test_yes_answers(self, fix: Run, file: Path) -> None:
        assert fix("policy.json", *ORGANIZATION, "--in-place", "--yes", "--json") == 0
        assert json.loads(fix.out)["result"] == "closed"
        assert file.read_text() == CLOSED

    def test_without_a_terminal_and_yes_nothing_is_written(self, fix: Run, file: Path) -> None:
        assert fix("policy.json", *ORGANIZATION, "--in-place") == 2
        assert fix.errors == (
            "Not run: nothing was changed: nobody can be asked, because this is no terminal; add --yes\n"
        )
        assert file.read_text() == OPEN

    def test_second_run_has_nothing_to_close(self, fix: Run, file: Path) -> None:
        fix("policy.json", *ORGANIZATION, "--in-place", "--yes")
        assert fix("policy.json", *ORGANIZATION, "--in-place", "--yes") == 0
        assert fix.last == "Nothing to close: policy.json grants no public access"
        assert file.read_text() == CLOSED

    def test_policy_without_statements_is_not_written(self, fix: Run, file: Path) -> None:
        file.write_text(ONLY_EVERYONE)
        assert fix("policy.json", *REMOVE, "--in-place", "--yes") == 1
        assert fix.last == (
            "Not changed: no statement is left; delete the file, and the policy of the repository: "
            "aws ecr delete-repository-policy --repository-name REPOSITORY"
        )
        assert file.read_text() == ONLY_EVERYONE

    def test_file_that_was_changed_meanwhile_is_left(self, fix: Run, file: Path, answer: Answer) -> None:
        answer(True)  # noqa: FBT003 - the answer
        original = Output.agrees

        def change_meanwhile(output: Output, question: str) -> bool:
            file.write_text(FOR_THE_ACCOUNT)
            return original(output, question)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Output, "agrees", change_meanwhile)
            assert fix("policy.json", *ORGANIZATION, "--in-place") == 2
        assert "policy.json was changed meanwhile: nothing was written" in fix.errors
        assert file.read_text() == FOR_THE_ACCOUNT

    def test_interrupt_at_the_question_leaves_the_file(
        self, fix: Run, file: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer(True)  # noqa: FBT003 - the answer

        def interrupt(*_: Any) -> bool:
            raise KeyboardInterrupt

        monkeypatch.setattr(Output, "agrees", interrupt)
        assert fix("policy.json", *ORGANIZATION, "--in-place") == 130
        assert fix.last == "Interrupted: the file is unchanged"
        assert file.read_text() == OPEN

    def test_interrupt_while_it_is_written_says_that_it_is(
        self, fix: Run, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:

        def interrupt_and_write(*arguments: Any) -> None:
            os.kill(os.getpid(), 2)
            write_policy_file(*arguments)

        monkeypatch.setattr(f"{file_fix.__name__}.write_policy_file", interrupt_and_write)
        assert fix("policy.json", *ORGANIZATION, "--in-place", "--yes") == 130
        assert fix.last == "Interrupted: policy.json is written and grants no public access"
        assert file.read_text() == CLOSED


class TestStandardInput:
    """- reads the policy from standard input."""

    @pytest.fixture(autouse=True)
    def _piped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OPEN.encode())))

    def test_policy_is_read_and_not_written(self, fix: Run) -> None:
        assert fix("-", *ORGANIZATION) == 1
        assert fix.last == "Not changed: standard input cannot be written; --show cli prints how to set the policy"

    def test_difference_is_printed(self, fix: Run) -> None:
        assert fix("-", *ORGANIZATION, "--diff") == 1
        assert '+                "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}\n' in fix.out

    def test_in_place_is_refused(self, fix: Run) -> None:
        assert fix("-", *ORGANIZATION, "--in-place") == 2
        assert "--in-place needs a file: standard input cannot be written." in fix.errors


class TestBadInput:
    """A clear message, and nothing is written."""

    def test_missing_file_exits_with_an_error(self, fix: Run) -> None:
        assert fix("none.json", *ORGANIZATION) == 2
        assert fix.errors == "Not run: none.json cannot be read: No such file or directory\n"

    def test_policy_that_cannot_be_evaluated_is_refused(self, fix: Run, file: Path) -> None:
        file.write_text('{"Statement": [{"Effect": "allow"}]}')
        assert fix("policy.json", *ORGANIZATION, "--in-place", "--yes") == 1
        assert fix.last.startswith("Not changed: Cannot be evaluated: Statement[0].Effect: ")

    def test_change_that_the_remedy_refuses_gives_its_reason(self, fix: Run, file: Path) -> None:
        """No condition that is documented expresses the callers of a wildcard in a service principal."""
        text = ONLY_EVERYONE.replace('"*"', '{"Service": "*"}', 1)
        file.write_text(text)
        assert fix("policy.json", *ORGANIZATION, "--in-place", "--yes") == 1
        assert "Statement[0].Principal" in fix.last
        assert file.read_text() == text

    @pytest.mark.usefixtures("file")
    def test_unknown_organization_needs_an_option_where_nobody_can_be_asked(self, fix: Run) -> None:
        assert fix("policy.json", "--in-place", "--yes") == 2
        assert "--organization ID, --accounts ID,... or --mode remove-statements" in fix.errors

    @pytest.mark.parametrize("options", [("--in-place", "--diff"), ("--diff", "--show", "cli"), ("--role", "x")])
    @pytest.mark.usefixtures("file")
    def test_options_that_exclude_each_other_are_refused(self, options: tuple[str, ...], fix: Run) -> None:
        assert fix("policy.json", *ORGANIZATION, *options) == 2

    def test_service_that_is_kept_needs_the_owner(self, fix: Run, file: Path) -> None:
        assert fix("policy.json", *ORGANIZATION, "--keep-service", "lambda") == 2
        assert "--keep-service needs --owner" in fix.errors
        assert fix("policy.json", *ORGANIZATION, "--keep-service", "lambda", "--owner", "111122223333") == 1
        assert '+            "Principal": {"Service": "lambda.amazonaws.com"}' in fix.out
        assert file.read_text() == OPEN
