"""``fix`` for a policy file."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.main import main
from ecr_exposure.cli.remediation.policy_file import PolicyFile, write_policy_file
from tests.commands.repository_to_fix import ONLY_PUBLIC_TEXT, PUBLIC_TEXT, REMOVE, RepositoryToFix, repository_to_fix
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, ORGANIZATION_ID

POLICY: Final = """{
    "Version" : "2012-10-17",
    "Statement" : [
        {"Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
        {"Sid": "Partner",
         "Effect": "Allow", "Principal": {"AWS": "222233334444"}, "Action": "ecr:*"}
    ]
}
"""
CLOSED: Final = """{
    "Version" : "2012-10-17",
    "Statement" : [
        {"Sid": "Partner",
         "Effect": "Allow", "Principal": {"AWS": "222233334444"}, "Action": "ecr:*"}
    ]
}
"""


@pytest.fixture
def file(working_folder: Path) -> Path:
    """Return a file with a public policy."""
    path = working_folder / "policy.json"
    path.write_text(POLICY)
    return path


@pytest.fixture
def organization() -> Iterator[RepositoryToFix]:
    """Return the operator's organization; its repository does not matter."""
    with repository_to_fix() as repository:
        yield repository


class TestInPlace:
    """--in-place writes the file."""

    def test_other_statements_keep_their_exact_text(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 0
        assert file.read_text() == CLOSED
        assert capsys.readouterr().out.endswith("\nClosed: policy.json grants no public access\n")

    def test_second_run_has_nothing_to_close(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(("fix", "policy.json", *REMOVE, "--in-place"))
        capsys.readouterr()
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 0
        assert capsys.readouterr().out == "Nothing to close: policy.json grants no public access\n"
        assert file.read_text() == CLOSED

    def test_printed_diff_is_what_is_written(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--diff", "--json")) == 1
        diff = json.loads(capsys.readouterr().out)["diff"]
        subprocess.run(["git", "apply"], input=diff, text=True, check=True)  # noqa: S607 - git is needed anyway
        assert file.read_text() == CLOSED

    def test_policy_without_a_statement_is_not_written(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text(ONLY_PUBLIC_TEXT)
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 1
        assert file.read_text() == ONLY_PUBLIC_TEXT
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == "Not changed: no statement is left: delete the policy and this file"

    def test_kept_service_is_bound_to_the_owner(self, file: Path) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--keep-service", "lambda", "--owner", HUB, "--in-place")) == 0
        kept = json.loads(file.read_text())["Statement"][1]
        assert kept["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert HUB in json.dumps(kept["Condition"])

    def test_read_only_file_is_unchanged(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.chmod(0o400)
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 2
        assert file.read_text() == POLICY
        assert capsys.readouterr().err.startswith("Not run: policy.json cannot be written, and is unchanged: ")


class TestNothingWritten:
    """Without --in-place the file stays."""

    @pytest.mark.parametrize("arguments", [(), ("--diff",)])
    def test_change_is_shown(self, file: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, *arguments)) == 1
        assert file.read_text() == POLICY
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith('Finding: Everyone can pull: statement "Everyone"')
        assert "--- a/policy.json" in lines
        assert lines[-1] == "Not changed: add --in-place to write the file"

    def test_steps_have_a_place_for_the_name(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--show", "cli", "--region", "eu-west-1")) == 1
        assert file.read_text() == POLICY
        output = capsys.readouterr().out
        assert "aws ecr set-repository-policy --repository-name REPOSITORY --region eu-west-1 " in output

    def test_standard_input_is_read(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, working_folder: Path
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(POLICY.encode())))
        assert main(("fix", "-", *REMOVE, "--json")) == 1
        document = json.loads(capsys.readouterr().out)
        assert (document["file"], document["policy"]) == ("-", json.loads(CLOSED))
        assert list(working_folder.iterdir()) == []

    def test_mistyped_region_is_refused(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--region", "eu-wset-1", "--in-place")) == 2
        assert file.read_text() == POLICY
        assert "did you mean eu-west-1?" in capsys.readouterr().err

    def test_missing_file_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "no.json", *REMOVE)) == 2
        assert capsys.readouterr().err == "Not run: no.json cannot be read: No such file or directory\n"

    def test_policy_that_cannot_be_evaluated_is_refused(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text('{"Statement": 1}')
        assert main(("fix", "policy.json", "--in-place")) == 1
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("Not changed: Cannot be evaluated: Statement[0]: 1 is not an object")

    def test_result_that_is_not_closed_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever writes the text, the text is evaluated."""
        module = "ecr_exposure.cli.remediation.proposal.with_statements_replaced"
        monkeypatch.setattr(module, lambda text, _corrected: text)
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 1
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("Not changed: the result is not closed: Everyone can pull: ")
        assert file.read_text() == POLICY


class TestOrganization:
    """Where no option says how, the organization of the operator keeps access."""

    def test_organization_of_the_credentials(self, organization: RepositoryToFix, file: Path) -> None:
        status, output = organization.run("policy.json", "--in-place")
        assert status == 0
        condition = json.loads(file.read_text())["Statement"][0]["Condition"]
        assert condition == {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}
        assert f"Organization: {ORGANIZATION_ID}, that of your credentials' account {HUB}\n" in output

    def test_named_mode_needs_no_credentials(self, organization: RepositoryToFix, file: Path) -> None:
        assert organization.run("policy.json", "--organization", ORGANIZATION_ID)[0] == 1
        assert organization.calls() == []
        assert file.read_text() == POLICY

    def test_missing_credentials_are_the_reason_that_the_organization_is_not_known(
        self, organization: RepositoryToFix, file: Path
    ) -> None:
        missing = Fault("sts", "GetCallerIdentity", status=403, code="InvalidClientTokenId", message="no", times=None)
        with organization.organization.faults.inject(missing):
            status, output = organization.run("policy.json", "--in-place")
        assert (status, file.read_text()) == (2, POLICY)
        reason = "no usable AWS credentials: InvalidClientTokenId: no (GetCallerIdentity)"
        assert output.startswith(f"Not run: the organization is not known ({reason}")

    def test_answer_chooses_the_mode(self, organization: RepositoryToFix, file: Path) -> None:
        none = Fault("organizations", "DescribeOrganization", code="AWSOrganizationsNotInUseException", times=None)
        with organization.organization.faults.inject(none):
            status, _ = organization.run("policy.json", "--in-place", answers=["remove-statements"])
        assert (status, file.read_text()) == (0, CLOSED)

    def test_expired_credentials_are_not_asked_about(self, organization: RepositoryToFix, file: Path) -> None:
        expired = Fault("organizations", "DescribeOrganization", code="ExpiredTokenException", times=None)
        with organization.organization.faults.inject(expired):
            status, output = organization.run("policy.json", "--in-place")
        assert (status, file.read_text()) == (2, POLICY)
        assert output.startswith("Not run: your credentials expired; renew them and run again (")


class TestInterrupts:
    """A signal before, while and after the file is written."""

    def test_before_the_file_is_written(self, organization: RepositoryToFix, file: Path) -> None:
        interrupt = Fault("organizations", "DescribeOrganization", when=_interrupt)
        with organization.organization.faults.inject(interrupt):
            status, output = organization.run("policy.json", "--in-place")
        assert (status, file.read_text()) == (130, POLICY)
        assert output.splitlines()[-1] == "Interrupted: the file is unchanged"

    def test_while_the_file_is_written(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(file: PolicyFile, text: str) -> None:
            _interrupt()
            write_policy_file(file, text)

        monkeypatch.setattr("ecr_exposure.cli.remediation.file_fix.write_policy_file", interrupted)
        assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 130
        assert file.read_text() == CLOSED
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == "Interrupted: policy.json is written and grants no public access"


def _interrupt(*_: object) -> bool:
    signal.raise_signal(signal.SIGINT)
    return False


def test_control_characters_of_a_policy_are_not_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal would obey them: the text of the diff is that of the file."""
    file.write_text(POLICY.replace("Partner", "Part\x9bner"))
    assert main(("fix", "policy.json", *REMOVE)) == 1
    assert "\x9b" not in capsys.readouterr().out


def test_policy_of_a_repository_in_a_file_is_closed_as_it_is(working_folder: Path) -> None:
    (working_folder / "policy.json").write_text(PUBLIC_TEXT)
    assert main(("fix", "policy.json", *REMOVE, "--in-place")) == 0
    assert '\n {\n   "Sid": "Partner"' not in PUBLIC_TEXT
    assert PUBLIC_TEXT[PUBLIC_TEXT.index('"Sid": "Partner"') :] in (working_folder / "policy.json").read_text()
