"""What ``verify`` prints for programs and on poor terminals, and two operators who run it at the same time."""

import json
import signal
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_rule import HOME, NAMES, PACK, DeployedRule, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

OTHER: Final = "ecr-exposure-verify-0123456789ab"
KEYS: Final = {
    "schema", "command", "version", "account", "caller", "regions", "result", "exit_code",
    "stack", "deployed_as", "checked_account", "role", "rule", "repository", "non_compliant", "compliant_again",
    "evaluation", "expected_finding", "finding", "undocumented", "status", "earlier_runs", "left", "problem",
}  # fmt: skip


class Terminal(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def run(rule: DeployedRule, *arguments: str, output: StringIO, errors: StringIO) -> int:
    with redirect_stdout(output), redirect_stderr(errors):
        return main(("verify", "verify", *arguments), Environment(clock=rule.clock))


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class TestJson:
    """``--json``: one document on standard output, whatever happens."""

    def test_verified_rule(self) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            status, document = rule.document("--expect-finding", "CRITICAL")
        assert (status, document["result"], document["exit_code"]) == (0, "verified", 0)
        assert document.keys() == KEYS
        expected: dict[str, Any] = {
            "account": HUB,
            "regions": [HOME],
            "stack": "verify",
            "deployed_as": PACK,
            "checked_account": HUB,
            "role": None,
            "rule": NAMES[PACK],
            "non_compliant": True,
            "compliant_again": True,
            "evaluation": "COMPLIANT: The repository has no policy.",
            "expected_finding": "CRITICAL",
            "finding": {"found": True, "severity": "CRITICAL", "failed": True, "waited_seconds": 0, "reason": None},
            "earlier_runs": [],
            "left": None,
            "problem": None,
        }
        assert {name: document[name] for name in expected} == expected
        assert {each["answer"] for each in document["undocumented"]} == {"yes", "open"}

    @pytest.mark.parametrize(
        ("services", "arguments", "result", "found"),
        [
            ({"sends_findings": False}, ("--expect-finding", "LOW"), "not verified", False),
            ({"security_hub": False}, (), "verified", False),
            ({}, ("--dry-run",), "dry run", None),
        ],
    )
    def test_other_ends(
        self,
        services: dict[str, bool],
        arguments: tuple[str, ...],
        result: str,
        found: bool | None,  # noqa: FBT001
    ) -> None:
        with deployed() as rule:
            for name, value in services.items():
                setattr(rule.services, name, value)
            status, document = rule.document(*arguments)
        assert document.keys() == KEYS
        assert (document["result"], document["exit_code"], document["finding"]["found"]) == (result, status, found)
        assert (document["problem"] is None) == (status == 0)

    def test_unread_config_is_not_seen(self) -> None:
        with (
            deployed() as rule,
            rule.organization.faults.inject(Fault("config", "GetComplianceDetailsByResource", times=None)),
        ):
            status, document = rule.document("--minutes", "1")
        assert (status, document["result"]) == (2, "not seen")
        assert document["problem"].startswith("AWS Config could not be read at the end of 1 minutes (Throttling")

    def test_repository_of_an_earlier_run(self) -> None:
        with deployed() as rule:
            tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
            rule.organization.create_repository(HUB, HOME, OTHER, "{}", tags=tags)
            status, document = rule.document("--dry-run")
        where = f"--repository-name {OTHER} --registry-id {HUB} --region {HOME}"
        assert (status, document["result"], document.keys()) == (1, "leftovers", KEYS)
        assert document["earlier_runs"] == [
            {
                "repository": OTHER,
                "open_to_everyone": True,
                "started": "2026-01-31T12:00:00+00:00",
                "run_may_go_on": False,
                "commands": [
                    f"aws ecr delete-repository-policy {where}",
                    f"aws ecr delete-repository {where} --force",
                ],
            }
        ]

    def test_interrupted_run(self) -> None:
        def interrupt(_call: Call) -> bool:
            signal.raise_signal(signal.SIGINT)
            return False

        with (
            deployed() as rule,
            rule.organization.faults.inject(Fault("config", "GetComplianceDetailsByResource", when=interrupt)),
        ):
            status, document = rule.document()
        assert (status, document["result"], document["exit_code"]) == (130, "interrupted", 130)
        assert document.keys() == KEYS

    def test_progress_goes_to_standard_error(self) -> None:
        output, errors = StringIO(), StringIO()
        with deployed() as rule:
            assert run(rule, "--json", output=output, errors=errors) == 0
        assert json.loads(output.getvalue())["command"] == "verify"
        assert "is open to everyone since" in errors.getvalue()


class TestTerminals:
    """A terminal with and without colors, and quiet runs."""

    @pytest.mark.parametrize(
        ("variables", "arguments", "colored"),
        [
            ({"TERM": "xterm"}, (), True),
            ({"TERM": "xterm"}, ("--no-color",), False),
            ({"TERM": "xterm", "NO_COLOR": "1"}, (), False),
            ({"TERM": "dumb"}, (), False),
        ],
    )
    def test_colors_depend_on_the_terminal_and_the_option(
        self, variables: dict[str, str], arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, *, colored: bool
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        output = Terminal()
        with deployed() as rule:
            assert run(rule, "--yes", *arguments, output=output, errors=Terminal()) == 0
        colors = ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1;32m", "\x1b[1;31m")
        assert any(color in output.getvalue() for color in colors) == colored
        assert "Verified: NON_COMPLIANT, then COMPLIANT" in output.getvalue()

    @pytest.mark.parametrize("width", ["20", "80"])
    def test_command_is_never_wrapped(self, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", width)
        monkeypatch.setenv("TERM", "dumb")
        output, errors = Terminal(), Terminal()
        with deployed(member=MEMBERS[0]) as rule:
            refused = Fault("ecr", "DeleteRepository", code="AccessDeniedException", times=None)
            with rule.organization.faults.inject(refused):
                assert run(rule, "--yes", "--account", MEMBERS[0], output=output, errors=errors) == 2
        for stream in (output, errors):
            (line,) = [line for line in stream.getvalue().splitlines() if "Delete it: (export " in line]
            assert line.endswith("--region eu-west-1 --force)")

    def test_quiet_run_prints_its_result_only(self) -> None:
        output, errors = StringIO(), StringIO()
        with deployed() as rule:
            assert run(rule, "-q", output=output, errors=errors) == 0
        assert output.getvalue() == "Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted.\n"
        assert errors.getvalue() == ""

    def test_quiet_run_prints_what_stays_open(self) -> None:
        output, errors = StringIO(), StringIO()
        with deployed() as rule:
            opened = Fault(
                "ecr", "DeleteRepositoryPolicy", code="AccessDeniedException", times=None,
                when=lambda _: "SetRepositoryPolicy" in rule.changes(),
            )  # fmt: skip
            kept = Fault("ecr", "DeleteRepository", code="AccessDeniedException", times=None, when=opened.when)
            with rule.organization.faults.inject(opened), rule.organization.faults.inject(kept):
                assert run(rule, "-q", output=output, errors=errors) == 2
        assert output.getvalue().startswith("Not cleaned up: the repository ecr-exposure-verify-")
        assert "OPEN TO EVERYONE since " in output.getvalue()
        assert errors.getvalue().splitlines()[1].startswith("Close it first: aws ecr delete-repository-policy ")


class TestTwoOperators:
    """Two runs in one account at the same time."""

    def test_neither_changes_the_repository_of_the_other(self) -> None:
        with deployed() as rule:
            second: list[tuple[int, str]] = []
            rule.clock.during_sleeps.append(lambda: second.append(rule.verify("--clean")))
            status, output = rule.verify("--clean")
            assert rule.repositories() == ()
        assert (status, output.splitlines()[-1][:9]) == (0, "Verified:")
        ((second_status, second_output),) = second
        assert second_status == 1
        assert "Verified: NON_COMPLIANT, then COMPLIANT" in second_output
        assert "Its run may still go on: --clean deletes it from 20" in second_output
        assert second_output.splitlines()[-1] == (
            "Still there, of another run, which may still go on: NAME (OPEN TO EVERYONE)"
        )

    def test_repository_of_a_run_that_ended_meanwhile_is_not_left(self) -> None:
        with deployed() as rule:
            tags = {"ecr-exposure-verify-started": now()}
            rule.organization.create_repository(HUB, HOME, OTHER, "{}", tags=tags)
            rule.clock.during_sleeps.append(lambda: rule.organization.delete_repository(HUB, HOME, OTHER))
            status, output = rule.verify()
        assert status == 0
        assert "Of a run that may still go on: NAME is OPEN TO EVERYONE" in output
        assert output.splitlines()[-1].startswith("Verified: ")

    def test_other_run_that_cannot_be_read_at_the_end_counts_as_going_on(self) -> None:
        with deployed() as rule:
            rule.organization.create_repository(HUB, HOME, OTHER, "{}", tags={"ecr-exposure-verify-started": now()})
            refused = Fault(
                "ecr", "DescribeRepositories", code="AccessDeniedException", times=None,
                when=lambda call: "repositoryNames" in call.parameters,
            )  # fmt: skip
            with rule.organization.faults.inject(refused):
                status, _ = rule.verify()
            assert (status, rule.repositories()) == (1, (OTHER,))
            assert policy_of(rule.organization, OTHER) == "{}"

    def test_leftover_that_both_delete_is_deleted_once(self) -> None:
        """The other operator's command deletes it between the report and the deletion."""

        def vanish(_call: Call) -> bool:
            rule.organization.delete_repository(HUB, HOME, OTHER)
            return False

        with deployed() as rule:
            tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
            rule.organization.create_repository(HUB, HOME, OTHER, "{}", tags=tags)
            first = Fault("ecr", "DeleteRepositoryPolicy", when=vanish, repository=OTHER)
            with rule.organization.faults.inject(first):
                status, output = rule.verify("--clean")
            assert (status, rule.repositories()) == (0, ())
        assert "Nothing to delete\n" in output
