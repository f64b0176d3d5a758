"""What every command prints and accepts: the first and the last line, JSON, permissions, colors, Regions, expiry."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ecr_exposure.cli.aws_calls import CredentialsExpiredError, Unknown, attempt
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.command_line import CannotRunError, Environment, ExitCode
from ecr_exposure.cli.main import command, main
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.terminal import Clock
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, LocalOrganization

COMMANDS = sorted(command.commands)
CALLING = [name for name in COMMANDS if name != "check"]
"""Those that call AWS; check reads files only."""
CALLER = Caller(account=HUB, arn=f"arn:aws:iam::{HUB}:user/admin", partition="aws")


class Stopwatch(Clock):
    """A clock that a test moves."""

    seconds = 0.0

    def now(self) -> float:
        return self.seconds


@pytest.fixture
def organization() -> Iterator[LocalOrganization]:
    with LocalOrganization() as organization:
        yield organization


class TestEveryCommand:
    """Options that every command has."""

    @pytest.mark.parametrize("name", CALLING)
    def test_permissions_are_an_iam_policy_and_need_no_argument(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([name, "--permissions"]) == 0
        policy = json.loads(capsys.readouterr().out)
        assert policy["Version"] == "2012-10-17"
        assert all(each["Effect"] == "Allow" and each["Action"] and each["Resource"] for each in policy["Statement"])
        assert len({each["Sid"] for each in policy["Statement"]}) == len(policy["Statement"])

    @pytest.mark.parametrize("name", COMMANDS)
    def test_help_has_two_examples_and_the_exit_codes(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([name, "--help"]) == 0
        text = capsys.readouterr().out
        assert text.count(f"  ecr-exposure {name} ") >= 2
        assert all(f"  {code} " in text for code in ("0", "1", "2", "130"))

    @pytest.mark.parametrize("name", CALLING)
    def test_mistyped_region_is_refused_with_the_similar_one(
        self, name: str, capsys: pytest.CaptureFixture[str], organization: LocalOrganization
    ) -> None:
        needed = {"preflight": [], "scan": [], "report": ["--aggregator", "organization"]}.get(name, ["stack"])
        assert main([name, *needed, "--region", "eu-wset-1"]) == 2
        assert "'eu-wset-1' is not a Region that boto3 knows; did you mean eu-west-1?" in capsys.readouterr().err
        assert organization.calls == []

    @pytest.mark.parametrize("name", COMMANDS)
    def test_json_says_why_nothing_was_done(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([name, "--json", "--unknown-option"]) == 2
        output = capsys.readouterr()
        document = json.loads(output.out)
        assert (document["schema"], document["command"], document["result"]) == (1, name, "not run")
        assert document["exit_code"] == 2
        assert "--unknown-option" in document["error"]
        assert "--unknown-option" in output.err
        assert (document["account"], document["caller"], document["regions"]) == (None, None, [])


class TestOutput:
    """What Output prints, and where."""

    def test_first_line_names_account_caller_and_regions(self, capsys: pytest.CaptureFixture[str]) -> None:
        Output("status", Clock()).begin(CALLER, ("eu-west-1", "us-east-1"))
        assert capsys.readouterr().out == f"Account {HUB} as {CALLER.arn}, eu-west-1, us-east-1\n"

    def test_json_is_the_only_thing_on_standard_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        output = Output("status", Clock(), as_json=True)
        output.begin(CALLER, ("eu-west-1",))
        output.line("a line of the report")
        output.step("a step")
        output.end(ExitCode.NOT_AS_WANTED, "not evaluated", "Not evaluated", missing=3)
        printed = capsys.readouterr()
        document: dict[str, Any] = json.loads(printed.out)
        assert document | {"version": ""} == {
            "schema": 1,
            "command": "status",
            "version": "",
            "account": HUB,
            "caller": CALLER.arn,
            "regions": ["eu-west-1"],
            "result": "not evaluated",
            "exit_code": 1,
            "missing": 3,
        }
        assert "a step" in printed.err

    def test_quiet_prints_the_last_line_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        output = Output("status", Clock(), quiet=True)
        output.begin(CALLER, ("eu-west-1",))
        output.line("a line of the report")
        output.step("a step")
        output.end(ExitCode.AS_WANTED, "evaluated", ("All evaluated", "bold green"))
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("All evaluated\n", "")

    def test_no_color_prints_no_escape_sequences_of_colors(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        Output("status", Clock()).line(("red", "red"))
        assert "\x1b[31m" in capsys.readouterr().out
        Output("status", Clock(), no_color=True).line(("red", "red"))
        assert capsys.readouterr().out == "red\n"

    def test_progress_without_a_terminal_is_a_line_every_30_seconds(self, capsys: pytest.CaptureFixture[str]) -> None:
        clock = Stopwatch()
        with Output("preflight", clock).counting(1000, "accounts") as counter:
            counter.advance(100)
            clock.seconds = 30.0
            counter.advance(150)
            counter.advance(50)
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("", "250 of 1,000 accounts, 1 min left\n")

    def test_total_that_is_known_bit_by_bit_is_said_to_be_an_estimate(self, capsys: pytest.CaptureFixture[str]) -> None:
        clock = Stopwatch()
        with Output("scan", clock).counting(None, "repositories") as counter:
            clock.seconds = 30.0
            counter.advance(50)
            for seconds, total, is_exact in ((60.0, 1000, False), (90.0, 400, True)):
                counter.estimate(total, is_exact=is_exact)
                clock.seconds = seconds
                counter.advance(50)
        assert capsys.readouterr().err.splitlines() == [
            "50 repositories",
            "100 of about 1,000 repositories, 9 min left",
            "150 of 400 repositories, 2 min left",
        ]

    def test_progress_is_said_while_nothing_is_found_yet(self, capsys: pytest.CaptureFixture[str]) -> None:
        clock = Stopwatch()
        with Output("scan", clock).counting(None, "repositories") as counter:
            for total, is_exact in ((0, False), (400, False), (0, True)):
                clock.seconds += 30.0
                counter.estimate(total, is_exact=is_exact)
        assert capsys.readouterr().err.splitlines() == [
            "0 repositories",
            "0 of about 400 repositories",
            "0 of 0 repositories",
        ]


class TestQuestion:
    """Asking before the first change."""

    @staticmethod
    def _terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        for stream in (sys.stdin, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _text: answer)

    def test_no_on_a_terminal_ends_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal(monkeypatch, "n")
        with pytest.raises(CannotRunError, match="nothing was changed"):
            Output("replay", Clock()).confirm("Go on?", yes=False)

    def test_interrupt_at_the_question_is_an_interrupt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal(monkeypatch, "")

        def interrupted(_text: str) -> str:
            raise KeyboardInterrupt

        monkeypatch.setattr("click.termui.visible_prompt_func", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Output("replay", Clock()).confirm("Go on?", yes=False)

    def test_yes_on_a_terminal_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal(monkeypatch, "y")
        Output("replay", Clock()).confirm("Go on?", yes=False)

    def test_option_yes_asks_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal(monkeypatch, "n")
        Output("replay", Clock()).confirm("Go on?", yes=True)

    def test_without_a_terminal_it_goes_on_unless_the_answer_is_required(self) -> None:
        output = Output("replay", Clock())
        output.confirm("Go on?", yes=False)
        with pytest.raises(CannotRunError, match="--yes"):
            output.confirm("Discard?", yes=False, required=True)

    def test_closed_input_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Python has no standard input then: as of a job that starts the command with ``<&-``."""
        monkeypatch.setattr(sys, "stdin", None)
        Output("replay", Clock()).confirm("Go on?", yes=False)


class TestRegions:
    """In which Region a command acts without an option."""

    def test_aws_region_has_precedence_over_aws_default_region(
        self, organization: LocalOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        main(["replay", "no-such-stack"])
        assert {call.region for call in organization.calls if call.service == "cloudformation"} == {"us-east-1"}

    def test_all_enabled_beside_another_region_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preflight", "--regions", "all-enabled,eu-west-1"]) == 2
        assert "all-enabled already names every Region" in capsys.readouterr().err


class TestErrors:
    """What is printed of an error of AWS."""

    def test_message_of_aws_is_cut_at_200_characters(
        self, organization: LocalOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment = Environment(session=organization.session(HUB, "eu-west-1"))
        fault = Fault("cloudformation", "DescribeStacks", status=403, code="AccessDenied", message="x" * 300)
        with organization.faults.inject(fault):
            assert main(["replay", "stack"], environment) == 2
        assert capsys.readouterr().err == f"Not run: AccessDenied: {'x' * 199}… (DescribeStacks)\n"


class TestExpiry:
    """Credentials that expire while a command runs."""

    def test_expired_token_is_no_unknown_fact(self, organization: LocalOrganization) -> None:
        session = organization.session(HUB, "eu-west-1")
        expired = Fault("ecr", "DescribeRepositories", code="ExpiredTokenException")
        with organization.faults.inject(expired), pytest.raises(CredentialsExpiredError):
            attempt(lambda: session.client("ecr").describe_repositories())
        with organization.faults.inject(Fault("ecr", "DescribeRepositories", code="AccessDenied")):
            assert isinstance(attempt(lambda: session.client("ecr").describe_repositories()), Unknown)

    def test_uncaught_expiry_is_one_line(
        self, organization: LocalOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment = Environment(session=organization.session(HUB, "eu-west-1"))
        fault = Fault("cloudformation", "DescribeStacks", status=403, code="ExpiredToken", times=None)
        with organization.faults.inject(fault):
            assert main(["replay", "stack"], environment) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("Not run: your credentials expired; renew them and run again (ExpiredToken: ")
