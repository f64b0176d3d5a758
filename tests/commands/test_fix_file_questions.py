"""``fix POLICY_FILE`` and what it asks: the organization of the credentials, the operator, the region, the owner."""

import json
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.main import main
from tests.commands.repository_to_fix import REMOVE, RepositoryToFix, repository_to_fix
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
    """What is written, or not."""

    def test_kept_service_is_bound_to_the_owner(self, file: Path) -> None:
        assert (
            main(("fix", "policy.json", *REMOVE, "--keep-service", "lambda", "--owner", HUB, "--in-place", "--yes"))
            == 0
        )
        kept = json.loads(file.read_text())["Statement"][1]
        assert kept["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert HUB in json.dumps(kept["Condition"])

    def test_read_only_file_is_unchanged(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.chmod(0o400)
        assert main(("fix", "policy.json", *REMOVE, "--in-place", "--yes")) == 2
        assert file.read_text() == POLICY
        assert capsys.readouterr().err.startswith("Not run: policy.json cannot be written, and is unchanged: ")

    def test_mistyped_region_is_refused(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("fix", "policy.json", *REMOVE, "--region", "eu-wset-1", "--in-place", "--yes")) == 2
        assert file.read_text() == POLICY
        assert "did you mean eu-west-1?" in capsys.readouterr().err

    def test_result_that_is_not_closed_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever writes the text, the text is evaluated."""
        module = "ecr_exposure.cli.remediation.proposal.with_statements_replaced"
        monkeypatch.setattr(module, lambda text, _corrected: text)
        assert main(("fix", "policy.json", *REMOVE, "--in-place", "--yes")) == 1
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("Not changed: the result is not closed: Everyone can pull: ")
        assert file.read_text() == POLICY


class TestNextStep:
    """What the last line of a run that writes nothing says."""

    def test_name_that_looks_like_an_option_is_none(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.rename("-x.json")
        assert main(("fix", *REMOVE, "--", "-x.json")) == 1
        last = capsys.readouterr().out.splitlines()[-1]
        command = last.removeprefix("Not changed: this writes the file: ecr-exposure ")
        assert main((*shlex.split(command), "--yes")) == 0
        assert Path("-x.json").read_text() == CLOSED

    def test_quiet_steps_are_refused(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The last line would speak of steps that nobody sees."""
        assert main(("fix", str(file), *REMOVE, "--show", "cli", "-q")) == 2
        assert "--show and --quiet exclude each other" in capsys.readouterr().err

    def test_pipe_cannot_be_written(self, working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """As a shell's <(…) gives one."""
        os.mkfifo(working_folder / "pipe")
        writer = threading.Thread(target=Path("pipe").write_text, args=(POLICY,))
        writer.start()
        assert main(("fix", "pipe", *REMOVE)) == 1
        writer.join()
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == "Not changed: pipe cannot be written; --show cli prints how to set the policy"


class TestOrganization:
    """Where no option says how, the organization of the operator keeps access."""

    def test_organization_of_the_credentials(self, organization: RepositoryToFix, file: Path) -> None:
        status, output = organization.run("policy.json", "--in-place", "--yes")
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
            status, output = organization.run("policy.json", "--in-place", "--yes")
        assert (status, file.read_text()) == (2, POLICY)
        reason = "no usable AWS credentials: InvalidClientTokenId: no (GetCallerIdentity)"
        assert f"\nNot run: the organization is not known ({reason}" in output

    def test_answer_chooses_the_mode(self, organization: RepositoryToFix, file: Path) -> None:
        none = Fault("organizations", "DescribeOrganization", code="AWSOrganizationsNotInUseException", times=None)
        with organization.organization.faults.inject(none):
            status, _ = organization.run("policy.json", "--in-place", answers=["remove-statements", "y"])
        assert (status, file.read_text()) == (0, CLOSED)

    def test_expired_credentials_are_not_asked_about(self, organization: RepositoryToFix, file: Path) -> None:
        expired = Fault("organizations", "DescribeOrganization", code="ExpiredTokenException", times=None)
        with organization.organization.faults.inject(expired):
            status, output = organization.run("policy.json", "--in-place", "--yes")
        assert (status, file.read_text()) == (2, POLICY)
        assert "\nNot run: your credentials expired; renew them and run again (" in output


class TestInterrupts:
    """A signal before, while and after the file is written."""

    def test_before_the_file_is_written(self, organization: RepositoryToFix, file: Path) -> None:
        interrupt = Fault("organizations", "DescribeOrganization", when=_interrupt)
        with organization.organization.faults.inject(interrupt):
            status, output = organization.run("policy.json", "--in-place", "--yes")
        assert (status, file.read_text()) == (130, POLICY)
        assert output.splitlines()[-1] == "Interrupted: the file is unchanged"


def _interrupt(*_: object) -> bool:
    signal.raise_signal(signal.SIGINT)
    return False
