"""``preflight`` that ends early: Ctrl-C, credentials that expire, a closed pipe; and how ``--resume`` goes on."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.workers import THREAD_NAME
from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import HOME, ONE, TWO, PreparedOrganization, prepared_organization
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

MEMBERS: Final = (ONE, TWO, *(str(800_000_000_000 + number) for number in range(78)))
LAST: Final = MEMBERS[-1]
RESUME_FILE: Final = ".preflight-resume.json"
STATUS: Final = "DescribeConfigurationRecorderStatus"


@pytest.fixture
def large() -> Iterator[PreparedOrganization]:
    """Return an organization with more accounts than are read at the same time."""
    with prepared_organization(members=MEMBERS) as prepared:
        yield prepared


@contextmanager
def expired_at_the_end(prepared: PreparedOrganization) -> Iterator[None]:
    """Let the operator's credentials expire when the role of the last account is assumed."""
    fault = Fault(
        "sts", "AssumeRole", status=403, code="ExpiredToken", times=None, when=lambda call: LAST in str(call.parameters)
    )
    with prepared.organization.faults.inject(fault):
        yield


@contextmanager
def interrupted_at(  # noqa: PLR0913 - each argument is one fact about the call
    prepared: PreparedOrganization,
    service: str,
    operation: str,
    *,
    number: int = 1,
    sent: int = signal.SIGINT,
    throttled: bool = False,
) -> Iterator[None]:
    """Send a signal at this call, by default that of Ctrl-C; ``throttled``: AWS throttles the operation then on."""
    made: list[Call] = []

    def interrupt(call: Call) -> bool:
        made.append(call)
        if len(made) == number:
            os.kill(os.getpid(), sent)
            time.sleep(0.5)  # no other call gets an answer before the main thread handles the signal
        return throttled and len(made) >= number

    # A shell ignores the signal for what it runs in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with prepared.organization.faults.inject(Fault(service, operation, times=None, when=interrupt)):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def roles_assumed(prepared: PreparedOrganization) -> int:
    """Return how many accounts were read."""
    return sum(call.operation == "AssumeRole" for call in prepared.organization.calls)


class TestInterrupt:
    """Ctrl-C prints what was seen."""

    def test_interrupt_while_accounts_are_read_prints_what_was_seen(
        self, large: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        large.remove_recorder(HUB)
        with interrupted_at(large, "config", STATUS, number=60):
            report = preflight(large, regions=HOME)
        assert report.status == 130
        assert re.fullmatch(r"Interrupted: \d+ of 81 accounts were seen; run again with --resume", report.lines[-1])
        assert "there is no configuration recorder" in report.text
        assert f"What was seen is in {RESUME_FILE}: --resume goes on from there" in report.lines

    @pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
    def test_terminal_that_closes_loses_nothing_that_was_seen(
        self, large: PreparedOrganization, preflight: RunPreflight, sent: int
    ) -> None:
        with interrupted_at(large, "config", STATUS, number=60, sent=sent):
            assert preflight(large, regions=HOME).status == 130
        assert Path(RESUME_FILE).exists()

    def test_no_call_starts_after_an_interrupt(self, large: PreparedOrganization, preflight: RunPreflight) -> None:
        with interrupted_at(large, "config", STATUS, number=20, throttled=True):
            preflight(large, regions=HOME)
        for thread in threading.enumerate():
            if thread.name == THREAD_NAME:
                thread.join()
        names = [call.operation for call in large.organization.calls]
        before = [at for at, name in enumerate(names) if name == STATUS][18]
        # Those that had started may end: one in each thread.
        assert len(names) <= before + 1 + 32

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("organizations", "DescribeOrganization"),
            ("organizations", "ListAccounts"),
            ("account", "ListRegions"),
            ("config", "DescribeConfigurationAggregators"),
            ("securityhub", "DescribeHub"),
            ("sts", "AssumeRole"),
            ("config", STATUS),
            ("config", "DescribeDeliveryChannelStatus"),
            ("iam", "GetPolicy"),
            ("cloudformation", "DescribeStacks"),
        ],
    )
    def test_interrupt_at_any_call_exits_with_130(
        self,
        prepared: PreparedOrganization,
        write_values: WriteValues,
        capsys: pytest.CaptureFixture[str],
        service: str,
        operation: str,
    ) -> None:
        write_values(PermissionsBoundaryName="Boundary")
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        with interrupted_at(prepared, service, operation):
            assert main(["preflight", "--regions", HOME], environment) == 130
        output = capsys.readouterr()
        last = (output.err or output.out).splitlines()[-1]
        assert last.startswith("Interrupted")
        assert "Traceback" not in output.err

    def test_interrupted_run_writes_no_values(
        self, large: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        before = project.read_text(encoding="utf-8")
        with interrupted_at(large, "config", STATUS, number=60):
            preflight(large, regions=HOME)
        assert project.read_text(encoding="utf-8") == before

    def test_interrupt_with_json_is_a_document(self, large: PreparedOrganization, preflight: RunPreflight) -> None:
        with interrupted_at(large, "config", STATUS, number=60):
            report = preflight(large, "--json", regions=HOME)
        document = json.loads(report.text)
        assert (document["result"], document["exit_code"], document["complete"]) == ("interrupted", 130, False)


class TestExpiry:
    """The operator's credentials end before the run does."""

    def test_expired_credentials_are_one_line_after_a_partial_report(
        self, large: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        large.remove_recorder(HUB)
        with expired_at_the_end(large):
            report = preflight(large, regions=HOME)
        assert report.status == 2
        assert re.fullmatch(
            r"Not seen: your credentials expired after 0 min; \d+ of 81 accounts were seen; "
            "renew them and run again with --resume",
            report.lines[-1],
        )
        assert "there is no configuration recorder" in report.text
        assert report.text.count("ExpiredToken") == 0

    def test_expired_credentials_of_a_role_are_renewed(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        expired = Fault("config", STATUS, code="ExpiredTokenException", account=ONE, region=HOME)
        with prepared.organization.faults.inject(expired):
            report = preflight(prepared)
        assert report.status == 0
        assert roles_assumed(prepared) == 3

    def test_role_that_is_about_to_end_is_assumed_again(self, prepared: PreparedOrganization) -> None:
        class Late(Clock):
            """The clock of a run that lasts longer than a session of a role."""

            def today(self) -> datetime:
                return datetime.now(UTC) + timedelta(minutes=56)

        environment = Environment(session=prepared.organization.session(HUB, HOME), clock=Late())
        prepared.organization.calls.clear()
        assert main(["preflight", "--regions", HOME], environment) == 0
        # Once to open the account, and once for its Region.
        assert roles_assumed(prepared) == 4

    def test_expiry_in_the_callers_own_account_ends_the_run(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        expired = Fault("config", STATUS, code="ExpiredTokenException", account=HUB, times=None)
        with prepared.organization.faults.inject(expired):
            report = preflight(prepared)
        assert report.status == 2
        assert report.lines[-1].startswith("Not seen: your credentials expired after 0 min; ")

    def test_expiry_while_the_stack_is_read_leaves_the_report(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        assert project.exists()
        expired = Fault("cloudformation", "DescribeStacks", code="ExpiredToken", times=None)
        with prepared.organization.faults.inject(expired):
            report = preflight(prepared)
        assert report.status == 2
        assert report.lines[-1].startswith("Not seen: your credentials expired after 0 min; 3 of 3 accounts were seen")


class TestResume:
    """The next run reads what the one that ended early did not."""

    def test_resumed_run_reads_the_rest_and_removes_the_file(
        self, large: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        with expired_at_the_end(large):
            first = preflight(large, regions=HOME)
        seen = int(re.findall(r"(\d+) of 81", first.lines[-1])[0])
        report = preflight(large, "--resume", regions=HOME)
        assert (report.status, report.lines[-1]) == (0, "Ready to deploy")
        assert roles_assumed(large) == 81 - seen
        assert "80 with the role OrganizationAccountAccessRole" in report.text
        assert not (working_folder / RESUME_FILE).exists()

    def test_what_was_seen_before_is_in_the_report(self, large: PreparedOrganization, preflight: RunPreflight) -> None:
        large.remove_recorder(HUB)
        with expired_at_the_end(large):
            preflight(large, regions=HOME)
        large.record(HUB)
        assert preflight(large, "--resume", regions=HOME).status == 1
        assert preflight(large, regions=HOME).status == 0

    def test_file_lies_beside_the_values(
        self, large: PreparedOrganization, preflight: RunPreflight, working_folder: Path, project: Path
    ) -> None:
        folder = working_folder / "deploy"
        folder.mkdir()
        for name in ("template.yaml", "samconfig.toml", project.name):
            (working_folder / name).rename(folder / name)
        with expired_at_the_end(large):
            preflight(large, "--parameters", "deploy/parameters.yaml", regions=HOME)
        assert (folder / RESUME_FILE).exists()

    def test_without_a_file_there_is_nothing_to_resume(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        prepared.organization.calls.clear()
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        assert main(["preflight", "--regions", HOME, "--resume"], environment) == 2
        assert f"--resume: there is no {RESUME_FILE}" in capsys.readouterr().err
        assert prepared.organization.calls == []

    def test_complete_run_without_resume_removes_the_file(
        self, prepared: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        (working_folder / RESUME_FILE).write_text("{}", encoding="utf-8")
        preflight(prepared, "--accounts", ONE)
        assert (working_folder / RESUME_FILE).exists()
        preflight(prepared)
        assert not (working_folder / RESUME_FILE).exists()

    def test_folder_that_cannot_be_written_is_told(
        self, large: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        (working_folder / RESUME_FILE).mkdir()
        with expired_at_the_end(large):
            report = preflight(large, regions=HOME)
        assert f"What was seen could not be written to {RESUME_FILE}: Is a directory" in report.lines
        assert report.status == 2

    def test_second_resumed_run_is_as_old_as_the_first(
        self, large: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        file = working_folder / RESUME_FILE
        with expired_at_the_end(large):
            preflight(large, regions=HOME)
            made_at = json.loads(file.read_text(encoding="utf-8"))["made_at"]
            preflight(large, "--resume", regions=HOME)
        assert json.loads(file.read_text(encoding="utf-8"))["made_at"] == made_at


class TestClosedPipe:
    """Nobody reads the output any more, as after ``| head``."""

    @pytest.mark.parametrize("arguments", [(), ("--json",), ("-q",)])
    def test_closed_pipe_ends_silently(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
    ) -> None:
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - no path
            assert main(["preflight", "--regions", HOME, *arguments], environment) == 2
        assert capsys.readouterr().err == ""
