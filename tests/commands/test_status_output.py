"""What ``status`` prints: events and alarms, JSON, quiet, groups, permissions; and at the end of ``verify``."""

import json
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from io import StringIO

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.rule_status import Question, print_status
from tests.commands.deployed_organization import (
    ABROAD,
    ACCOUNT_RULE,
    HOME,
    LOG,
    ONE,
    ORGANIZATION_RULE,
    PACK,
    STACK,
    TWO,
    DeployedOrganization,
    deployed_organization,
)
from tests.commands.prepared_organization import refused
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organization_rules import Instance, MemberDeployment
from tests.local_aws.organization import HUB

BELOW = " " * 40
REPLAY = f"ecr-exposure replay {STACK} --region {HOME}"


class TestOperations:
    """Failed events and alarms."""

    def test_failed_events_show_the_age_of_the_oldest_and_the_command(self) -> None:
        with deployed_organization() as deployed:
            deployed.fail_events(3, oldest=timedelta(days=2, hours=3))
            run = deployed.status()
            operations = {call.operation for call in deployed.organization.calls}
        age = "the oldest for 2 d (SQS deletes it after 14 d)"
        at = run.lines.index(f"{HOME}: about 3 failed events wait, {age}")
        assert run.lines[at + 1] == f"    {REPLAY}"
        assert f"No failed events in {ABROAD}" in run.lines
        assert "ReceiveMessage" not in operations
        assert run.status == 1
        assert run.last == "Not all evaluated: 6 without repositories (3 accounts, 2 Regions); 3 failed events"

    def test_events_that_a_replay_received_are_told(self) -> None:
        with deployed_organization() as deployed:
            deployed.fail_events(3)
            deployed.receive_events(2)
            run = deployed.status(regions=HOME)
        assert f"{HOME}: about 1 failed event waits, and 2 more are being received" in run.lines

    def test_alarm_in_alarm_shows_since_when_and_why(self) -> None:
        with deployed_organization() as deployed:
            deployed.put_alarm(f"{STACK}-ErrorsAlarm-1A2B3C", "ALARM", "Threshold Crossed: 1 datapoint")
            run = deployed.status()
        (line,) = (line for line in run.lines if "is in ALARM" in line)
        assert line.startswith(f"{HOME}: alarm ErrorsAlarm is in ALARM since 2")
        assert line.endswith(" UTC: Threshold Crossed: 1 datapoint")
        assert f"No alarm in {ABROAD}" in run.lines
        assert run.last == "Not all evaluated: 6 without repositories (3 accounts, 2 Regions); 1 alarm"

    @pytest.mark.parametrize("name", [f"{STACK}-of-tests-ErrorsAlarm-1A2B3C", f"{STACK}-Other-1A2B3C", "ErrorsAlarm"])
    def test_alarm_of_another_stack_does_not_matter(self, name: str) -> None:
        with deployed_organization() as deployed:
            deployed.put_alarm(name, "ALARM")
            assert deployed.status().status == 0

    def test_alarm_without_sufficient_data_is_not_in_alarm(self) -> None:
        with deployed_organization() as deployed:
            deployed.put_alarm(f"{STACK}-ErrorsAlarm-1A2B3C", "INSUFFICIENT_DATA")
            assert deployed.status().status == 0

    def test_deleted_alarm_is_not_as_wanted(self) -> None:
        with deployed_organization() as deployed:
            client = deployed.organization.session(HUB, HOME).client("cloudwatch")
            client.delete_alarms(AlarmNames=[f"{STACK}-LostEventsAlarm-1A2B3C"])
            run = deployed.status()
        assert f"{HOME}: alarm LostEventsAlarm does not exist" in run.lines
        assert run.status == 1


class TestFormats:
    """For people, for programs, for scripts."""

    def test_report_line_by_line(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.create_repositories("base", account=HUB)
            deployed.evaluate()
            deployed.create_repositories("team/api", account=ONE)
            deployed.deployments.instances[TWO] = Instance("INOPERABLE", "INOPERABLE", "")
            run = deployed.status()
        caller = f"arn:aws:sts::{HUB}:assumed-role/OrganizationAccountAccessRole/local-aws"
        no_reason = "stack instance INOPERABLE (INOPERABLE): AWS CloudFormation gives no reason"
        assert run.lines == [
            f"Account {HUB} as {caller}, eu-west-1, us-east-1",
            f"Stack {STACK}: rule ecr-repository-no-public-access as organization-conformance-pack, "
            "evaluates every 24 hours (eu-west-1, us-east-1)",
            "Account       Region     State               Repositories  Reason",
            f"777788889999  eu-west-1  missing                           {no_reason}",
            f"777788889999  us-east-1  missing                           {no_reason}",
            "444455556666  eu-west-1  partly evaluated    1 of 2        some repositories have no compliance result",
            "111122223333  eu-west-1  evaluated           1 of 1",
            "111122223333  us-east-1  no repositories",
            "444455556666  us-east-1  no repositories",
            "No failed events in eu-west-1, us-east-1",
            "No alarm in eu-west-1, us-east-1",
            '"no repositories": AWS Config has recorded none and the rule has reported none. preflight shows where a '
            "recorder does not run, or does not record repositories.",
            "Why a result is missing, if AWS reports no reason, is in the function's log:",
            f"    aws logs tail {LOG} --region {HOME} --since 1d",
            "The stack changed within the last hour, so first results may be on their way: eu-west-1, us-east-1",
            "Not all evaluated: 2 missing, 1 partly evaluated, 1 evaluated, 2 without repositories "
            "(3 accounts, 2 Regions)",
        ]

    def test_document_has_every_account_and_region(self) -> None:
        with deployed_organization(parameters={"ExcludedAccounts": TWO}) as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            deployed.fail_events(1, oldest=timedelta(minutes=5))
            run = deployed.status("--json", regions=HOME)
        document = run.document
        oldest = document["accounts"][1].pop("oldest_result")
        assert oldest.startswith("2")
        assert oldest.endswith("+00:00")
        assert document["accounts"] == [
            _row(HUB, "no repositories", evaluated=0, repositories=0) | {"oldest_result": None},
            _row(ONE, "evaluated", evaluated=1, repositories=1),
            _row(TWO, "excluded", "ExcludedAccounts of the stack") | {"oldest_result": None},
        ]
        assert document["counts"] == {"evaluated": 1, "no repositories": 1, "excluded": 1}
        assert document["failed_events"] == [{"region": HOME, "waiting": 1, "in_flight": 0, "oldest_seconds": 300}]
        assert [alarm["state"] for alarm in document["alarms"]] == ["OK"] * 4
        assert document["not_seen"] == []
        (stack,) = document["stacks"]
        assert stack["period_hours"] == 24
        assert stack["aggregator"] == f"organization in {HOME}"
        assert (document["result"], document["exit_code"], run.status) == ("not evaluated", 1, 1)
        assert (document["schema"], document["command"], document["account"]) == (1, "status", HUB)

    def test_document_names_what_was_not_seen(self) -> None:
        with deployed_organization() as deployed:
            deployed.remove_aggregators()
            with deployed.organization.faults.inject(refused("cloudwatch", "DescribeAlarms")):
                document = deployed.status("--json", regions=HOME).document
        refusal = "the alarms: AccessDeniedException: no DescribeAlarms for you (DescribeAlarms)"
        assert document["not_seen"] == [
            {"reason": f"this account has no aggregator in {HOME}", "regions": [HOME]},
            {"reason": refusal, "regions": [HOME]},
        ]
        assert document["alarms"] == [{"region": HOME, "name": None, "state": None, "error": refusal}]
        assert (document["result"], document["exit_code"]) == ("not seen", 2)

    def test_quiet_prints_the_result_alone(self) -> None:
        with deployed_organization() as deployed:
            run = deployed.status("-q")
        assert run.lines == ["All evaluated: 6 without repositories (3 accounts, 2 Regions)"]
        assert run.errors == ""

    @pytest.mark.parametrize(("arguments", "green"), [((), 3), (("--no-color",), 0)])
    def test_colors_are_for_terminals_that_want_them(
        self, arguments: tuple[str, ...], green: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        with deployed_organization() as deployed:
            run = deployed.status(*arguments, regions=HOME)
        assert run.text.count("\x1b[32m") == green

    def test_closed_pipe_ends_silently(self, capsys: pytest.CaptureFixture[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with deployed_organization() as deployed:
            environment = Environment(session=deployed.organization.session(HUB, HOME))
            with open(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - no path
                assert main(["status", STACK, "--regions", HOME], environment) == 2
        assert capsys.readouterr().err == ""

    def test_stack_that_is_not_stable_shows_its_status(self) -> None:
        with deployed_organization() as deployed:
            deployed.set_stack_status("UPDATE_ROLLBACK_COMPLETE")
            run = deployed.status(regions=HOME)
        assert run.lines[1].startswith(f"Stack {STACK}, status UPDATE_ROLLBACK_COMPLETE: rule ")


class TestPermissions:
    """``--permissions`` names each call that the command makes, and no other one."""

    def test_policy_allows_the_calls_of_all_shapes(self) -> None:
        called: set[str] = set()
        for deployed_as in (PACK, ORGANIZATION_RULE, ACCOUNT_RULE):
            with deployed_organization(deployed_as) as deployed:
                deployed.create_repositories("team/app", account=HUB)
                deployed.evaluate()
                deployed.fail_events(1)
                deployed.status(regions="all-enabled" if deployed_as == PACK else HOME)
                called |= {f"{call.service}:{call.operation}" for call in deployed.organization.calls}
        with redirect_stdout(StringIO()) as output:
            assert main(["status", "--permissions"]) == 0
        statements = json.loads(output.getvalue())["Statement"]
        assert called == {action for statement in statements for action in statement["Action"]}


class TestScale:
    """A thousand accounts."""

    def test_equal_findings_are_one_group_with_the_first_five_places(self) -> None:
        members = tuple(f"{number:012}" for number in range(222200000000, 222200000999))
        with deployed_organization(members=members) as deployed:
            _fill(deployed, members)
            run = deployed.status()
        role = "stack instance OUTDATED (FAILED): Role arn:aws:iam::ACCOUNT:role/X exists (Request ID: ID)"
        recorder = "conformance pack CREATE_FAILED: NoAvailableConfigurationRecorder: no recorder in ACCOUNT"
        assert run.errors == ""
        assert run.lines[2:-5] == [
            "Accounts × Regions  State               Reason",
            "               500  missing             no compliance result",
            f"{BELOW}in {_places(members[:5], HOME)} and 495 more",
            f"                10  missing             {recorder}",
            f"{BELOW}in {_places(members[:250:50], ABROAD)} and 5 more",
            f"                10  missing             {role}; {recorder}",
            f"{BELOW}in {_places(members[500:750:50], ABROAD)} and 5 more",
            "               489  partly evaluated    some repositories have no compliance result",
            f"{BELOW}in {_places(members[501:506], HOME, ' (1 of 2)')} and 484 more",
            f"                10  partly evaluated    {role}",
            f"{BELOW}in {_places(members[500:750:50], HOME, ' (1 of 2)')} and 5 more",
            "                 1  evaluated",
            "               980  no repositories",
            f"No failed events in {HOME}, {ABROAD}",
            f"No alarm in {HOME}, {ABROAD}",
        ]
        assert run.last == (
            "Not all evaluated: 520 missing, 499 partly evaluated, 1 evaluated, 980 without repositories "
            "(1,000 accounts, 2 Regions)"
        )

    def test_account_of_several_regions_is_one_place(self) -> None:
        members = tuple(f"{number:012}" for number in range(222200000000, 222200000020))
        with deployed_organization(members=members) as deployed:
            for member in members[::3]:
                deployed.deployments.instances[member] = Instance("OUTDATED", "FAILED", "no role")
            run = deployed.status()
        first = ", ".join(f"{member} (2 Regions)" for member in members[:15:3])
        assert run.lines[3:5] == [
            "                14  missing             stack instance OUTDATED (FAILED): no role",
            f"{BELOW}in {first} and 2 more",
        ]

    def test_many_different_reasons_stay_a_short_report(self) -> None:
        members = tuple(f"{number:012}" for number in range(222200000000, 222200000100))
        with deployed_organization(members=members) as deployed:
            for number, member in enumerate(members):
                deployed.deployments.instances[member] = Instance("OUTDATED", "FAILED", f"reason {number}")
            run = deployed.status(regions=HOME)
        assert f"{61:>18}  for 61 other reasons: see --json" in run.lines
        assert len(run.lines) < 100


class TestAtTheEndOfVerify:
    """``print_status`` prints the same and never fails."""

    def test_printed_commands_have_the_profile(self) -> None:
        with deployed_organization() as deployed:
            deployed.fail_events(1)
            text, _ = _printed(deployed, STACK, "on call")
        assert f"    {REPLAY} --profile 'on call'" in text.splitlines()

    def test_status_is_printed_and_returned(self) -> None:
        with deployed_organization() as deployed:
            text, members = _printed(deployed, STACK)
        assert "Status: 3 without repositories (3 accounts, 1 Region)" in text.splitlines()
        assert members["counts"] == {"no repositories": 3}

    def test_expired_credentials_are_one_line(self) -> None:
        fault = Fault("organizations", "ListAccounts", code="ExpiredTokenException", message="expired", times=None)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            text, members = _printed(deployed, STACK)
        assert text == "Status not seen: ExpiredTokenException: expired (ListAccounts)\n"
        assert members == {"error": "ExpiredTokenException: expired (ListAccounts)"}

    def test_stack_that_cannot_be_read_is_one_line(self) -> None:
        with deployed_organization() as deployed:
            text, members = _printed(deployed, "typo")
        reason = f"stack 'typo' does not exist in {HOME} of this account"
        assert text == f"Status not seen: {reason}\n"
        assert members == {"error": reason}


def _printed(deployed: DeployedOrganization, stack: str, profile: str | None = None) -> tuple[str, dict[str, object]]:
    session = deployed.organization.session(HUB, HOME)
    with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
        question = Question(hub=HUB, stack=stack, regions=(HOME,))
        members = print_status(Output("verify", deployed.clock), session, question, deployed.clock.today(), profile)
    assert errors.getvalue() == ""
    return output.getvalue(), dict(members)


def _fill(deployed: DeployedOrganization, members: tuple[str, ...]) -> None:
    """Half of the members without results in the home Region, half with one of two; some with what AWS reports."""
    deployed.create_repositories("base", account=HUB)
    deployed.report("base", account=HUB)
    for number, member in enumerate(members):
        deployed.create_repositories("team/app", "team/api", account=member)
        if number >= 500:
            deployed.report("team/app", account=member)
        if number % 50 == 0:
            code = "NoAvailableConfigurationRecorder"
            deployed.deployments.packs[ABROAD, member] = MemberDeployment(
                "CREATE_FAILED", code, f"no recorder in {member}"
            )
    for number in range(500, 999, 50):
        request = f"(Request ID: 0b1c2d3e-1111-2222-3333-{number:012})"
        reason = f"Role arn:aws:iam::{members[number]}:role/X exists {request}"
        deployed.deployments.instances[members[number]] = Instance("OUTDATED", "FAILED", reason)


def _places(accounts: Sequence[str], region: str, share: str = "") -> str:
    return ", ".join(f"{account} {region}{share}" for account in accounts)


def _row(account: str, state: str, reason: str = "", **counts: int) -> dict[str, object]:
    row: dict[str, object] = {"account": account, "region": HOME, "state": state, "reason": reason}
    return row | {"evaluated": None, "repositories": None} | counts
