"""``report`` where AWS refuses, throttles or breaks off, and where its file or the run ends early.

`run_on` checks of each run that one with exit code 2 or 130 never says that there is no public access.
"""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_organization import HOME, ONE, DeployedOrganization, Run
from tests.commands.evaluated_organization import EXPECTED, evaluated_organization, results, run_on
from tests.commands.scanned_organization import interrupted_at
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB

AGGREGATORS: Final = "DescribeConfigurationAggregators"
RULES: Final = "DescribeAggregateComplianceByConfigRules"
DETAILS: Final = "GetAggregateComplianceDetailsByConfigRule"
SELECT: Final = "SelectAggregateResourceConfig"
SOURCES: Final = "DescribeConfigurationAggregatorSourcesStatus"
CALLS: Final = (RULES, DETAILS, SELECT, SOURCES)
DENIED: Final[dict[str, Any]] = {"status": 403, "code": "AccessDeniedException", "message": "no"}
EXPIRED: Final[dict[str, Any]] = {"status": 403, "code": "ExpiredTokenException", "message": "old"}
PROXY: Final[dict[str, Any]] = {"status": 200, "body": "<html>log in first</html>"}
CUT: Final[dict[str, Any]] = {"status": 200, "body": '{"Results": [', "request_id": True}
EMPTY: Final[dict[str, Any]] = {"status": 200, "body": "{}", "request_id": True}
BROKEN: Final[dict[str, Any]] = {"connection": Connection.RESET}
THROTTLED: Final[dict[str, Any]] = {"code": "ThrottlingException", "message": "slow"}


@pytest.fixture(scope="module")
def organization() -> Iterator[DeployedOrganization]:
    """Return an organization with four evaluated repositories; the tests change nothing in it."""
    with evaluated_organization() as deployed:
        yield deployed


def report(deployed: DeployedOrganization, operation: str, how: dict[str, Any], *arguments: str) -> Run:
    """Run the command while calls of one operation fail."""
    service = "organizations" if operation == "ListAccounts" else "config"
    with deployed.organization.faults.inject(Fault(service, operation, **{"times": None, **how})):
        return run_on(deployed, "report", "--json", *arguments)


class TestCalls:
    """One operation fails, all the time."""

    @pytest.mark.parametrize("how", [DENIED, PROXY, CUT, EMPTY, BROKEN, THROTTLED], ids=lambda how: str(how)[:30])
    @pytest.mark.parametrize("operation", CALLS)
    def test_failed_call_is_named_and_nothing_is_not_public_without_its_evaluation(
        self, organization: DeployedOrganization, operation: str, how: dict[str, Any]
    ) -> None:
        run = report(organization, operation, how)
        found = results(run)
        assert run.status == 2
        assert run.document["errors"]
        assert {name: each for name, each in found.items() if each == "not public"}.items() <= EXPECTED.items()
        assert found == ({} if operation in (RULES, DETAILS) else EXPECTED)

    @pytest.mark.parametrize("operation", [RULES, DETAILS])
    def test_policies_are_evaluated_where_the_evaluations_cannot_be_read(
        self, organization: DeployedOrganization, operation: str
    ) -> None:
        run = report(organization, operation, DENIED, "--policies")
        assert (run.status, results(run)) == (2, EXPECTED)
        assert {each["recorded"] for each in run.document["policies"]} == {None}

    @pytest.mark.parametrize("operation", CALLS)
    def test_throttling_that_passes_is_waited_out(self, organization: DeployedOrganization, operation: str) -> None:
        run = report(organization, operation, {**THROTTLED, "times": 4})
        assert (run.status, results(run), run.document["errors"]) == (1, EXPECTED, [])

    @pytest.mark.parametrize("operation", CALLS)
    def test_credentials_that_expire_midway_are_said_once(
        self, organization: DeployedOrganization, operation: str
    ) -> None:
        run = report(organization, operation, EXPIRED)
        messages = [each["message"] for each in run.document["errors"]]
        assert run.status == 2
        assert [each for each in messages if "expired" in each] == [
            f"{HUB}: your credentials expired after 0 min; renew them and run again"
        ]
        assert not [each for each in messages if "not public" in each]

    @pytest.mark.parametrize("operation", [AGGREGATORS, "ListAccounts"])
    @pytest.mark.parametrize("how", [DENIED, EXPIRED, PROXY])
    def test_call_that_everything_needs_ends_the_run(
        self, organization: DeployedOrganization, operation: str, how: dict[str, Any]
    ) -> None:
        run = report(organization, operation, how, "--policies", "--test", "external")
        assert run.status == 2
        assert run.document["result"] == "not run"
        if operation == "ListAccounts" and how is not EXPIRED:
            assert run.document["error"].endswith("name them by --members FILE")

    @pytest.mark.parametrize("command", ["report", "scan"])
    def test_organization_is_the_zone_of_trust_of_external(
        self, organization: DeployedOrganization, command: str
    ) -> None:
        arguments = ("--json", *(("--policies",) if command == "report" else ()), "--test", "external")
        run = run_on(organization, command, *arguments)
        assert (results(run), run.document["errors"]) == (EXPECTED, [])
        alone = Fault("organizations", "ListAccounts", code="AWSOrganizationsNotInUseException", times=None)
        with organization.organization.faults.inject(alone):
            run = run_on(organization, command, *arguments)
        # The policy grants access to an account that is outside of the zone of trust of an account alone.
        assert results(run) == {**EXPECTED, f"{ONE}/{HOME}/team/closed": "public"}
        assert run.document["errors"] == []


class TestAggregator:
    """The aggregator is not the right one."""

    def test_one_that_does_not_exist_is_refused_with_those_that_do(self, organization: DeployedOrganization) -> None:
        run = run_on(organization, "report", "--aggregator", "other")
        assert (run.status, run.text) == (2, "")
        assert f"no aggregator 'other' with ECR repositories in {HOME}" in run.errors
        assert f"(there: organization in {HOME}); --region names the aggregator's Region" in run.errors

    def test_one_in_another_region_is_found_by_region(self, organization: DeployedOrganization) -> None:
        run = run_on(organization, "report", "--region", "us-east-1")
        assert (run.status, run.text) == (2, "")
        assert "no aggregator 'organization' with ECR repositories in us-east-1" in run.errors

    def test_one_of_other_resource_types_is_refused(
        self, organization: DeployedOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        types = {"ResourceType": {"Type": "INCLUDE", "Value": ["AWS::S3::Bucket"]}}
        monkeypatch.setattr(organization.data, "filters", types)
        run = run_on(organization, "report")
        assert (run.status, run.text) == (2, "")
        assert "no aggregator 'organization' with ECR repositories" in run.errors

    def test_one_of_some_regions_says_so(self, organization: DeployedOrganization) -> None:
        organization.aggregate(name="home", AwsRegions=[HOME])
        run = run_on(organization, "report", "--json", "--aggregator", "home")
        assert results(run) == {name: each for name, each in EXPECTED.items() if f"/{HOME}/" in name}
        assert run.document["notes"] == [f"the aggregator covers {HOME} only"]


class TestEarlyEnd:
    """The run is interrupted, or its output cannot be written."""

    @pytest.mark.parametrize(
        ("command", "operation"), [*(("report", each) for each in CALLS), ("scan", SELECT), ("scan", SOURCES)]
    )
    def test_interrupt_reports_what_was_read(
        self, organization: DeployedOrganization, command: str, operation: str
    ) -> None:
        page = Path("report.html")
        with interrupted_at(organization.organization, "config", operation):
            run = run_on(organization, command, "--json", "--format", "html", "--output", str(page))
        assert run.status == 130
        assert run.document["result"] == "interrupted"
        assert results(run).items() <= EXPECTED.items()
        assert "no evaluation of this repository" not in run.text
        assert page.read_text("utf-8").endswith("</html>\n")

    @pytest.mark.parametrize("command", ["report", "scan"])
    def test_closed_pipe_ends_silently(
        self, organization: DeployedOrganization, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        read, write = os.pipe()
        os.close(read)
        session = organization.organization.session(HUB, HOME)
        environment = Environment(clock=organization.clock, session=session)
        with TextIOWrapper(os.fdopen(write, "wb"), write_through=True) as output, redirect_stdout(output):
            assert main((command, "--aggregator", "organization", "--quiet", "--format", "json"), environment) == 2
        assert "Traceback" not in capsys.readouterr().err

    @pytest.mark.parametrize(("service", "operation"), [("sts", "GetCallerIdentity"), ("config", AGGREGATORS)])
    def test_interrupt_before_the_first_result_writes_nothing(
        self, organization: DeployedOrganization, service: str, operation: str
    ) -> None:
        with interrupted_at(organization.organization, service, operation):
            run = run_on(organization, "report", "--format", "csv", "--output", "report.csv")
        assert (run.status, run.text) == (130, "")
        assert not list(Path().iterdir())

    def test_full_disk_is_said_and_the_other_format_is_written(self, organization: DeployedOrganization) -> None:
        arguments = ("--format", "csv", "--output", "/dev/full", "--format", "json", "--output", "report.json")
        run = run_on(organization, "report", *arguments)
        assert run.status == 2
        assert "Not written: /dev/full cannot be written: No space left on device" in run.errors
        assert Path("report.json").stat().st_size
        assert [each.name for each in Path().iterdir()] == ["report.json"]


class TestPermissions:
    """Every call is among those that ``--permissions`` names."""

    @pytest.mark.parametrize("command", ["report", "scan"])
    def test_every_call_is_named(self, organization: DeployedOrganization, command: str) -> None:
        arguments = ("--policies",) if command == "report" else ()
        run_on(organization, command, *arguments, "--test", "external")
        called = {f"{call.service}:{call.operation}" for call in organization.organization.calls}
        permissions = run_on(organization, command, "--permissions").text
        assert f"config:{SELECT}" in called
        assert {each for each in called if f'"{each}"' not in permissions} == set()
