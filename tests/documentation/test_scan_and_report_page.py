"""docs/scan-and-report.md: its examples are accepted and print what it shows, and its policies are what is needed."""

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime

import click
import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind
from ecr_exposure.cli.main import command
from ecr_exposure.cli.policy_report.checked_policy import RecordedEvaluation
from ecr_exposure.cli.policy_report.json_format import write_json
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from tests.commands.checked_policies import CLOSED, checked, policy_of, report_of, written
from tests.commands.scanned_organization import BY_ROLE, HOME, ROLE, scanned_organization
from tests.documentation.pages import ROOT, blocks, section, table, text_of, ticked
from tests.local_aws.organization import HUB, MEMBERS

PAGE = ROOT / "docs" / "scan-and-report.md"
EXAMPLES = re.findall(r"^ {4}ecr-exposure (.*)$", text_of(PAGE), re.MULTILINE)
(FINDING,) = blocks(PAGE, "text")
PERMISSIONS_OF_ROLE, TRUST, PERMISSIONS_OF_CALLER = map(json.loads, blocks(PAGE, "json"))


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_is_a_valid_command_line(line: str) -> None:
    name, *arguments = shlex.split(line)
    assert isinstance(command.commands[name].make_context(name, arguments), click.Context)


def test_finding_is_printed_as_the_page_shows_it() -> None:
    statement = {"Sid": "AllowPull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    with scanned_organization() as scanned:
        scanned.create("team/app", account=MEMBERS[0], policy=json.dumps({"Statement": [statement]}))
        assert scanned.run(*BY_ROLE).out.strip() == FINDING.strip()


def test_role_of_the_page_may_do_what_is_called_with_it_and_nothing_else() -> None:
    with scanned_organization() as scanned:
        scanned.create("team/app", account=MEMBERS[0])
        scanned.scan("--all-regions", *BY_ROLE, "--accounts", MEMBERS[0], "--public-tag", "public")
        called = {f"{call.service}:{call.operation}" for call in scanned.organization.calls if call.role == ROLE}
    allowed = [each["Action"] for each in PERMISSIONS_OF_ROLE["Statement"]]
    assert called == {name for each in allowed for name in ([each] if isinstance(each, str) else each)}


def test_role_can_be_assumed_as_the_policies_say() -> None:
    """The stand-in evaluates the trust policy, and what the caller may assume."""
    (trusted,) = TRUST["Statement"]
    caller = trusted["Condition"]["ArnEquals"]["aws:PrincipalArn"].rpartition("/")[2]
    with scanned_organization(iam=True) as scanned:
        hub, member = (scanned.organization.session(each, HOME).client("iam") for each in (HUB, MEMBERS[0]))
        for client, name in ((hub, caller), (member, ROLE)):
            client.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        hub.put_role_policy(RoleName=caller, PolicyName="scan", PolicyDocument=json.dumps(PERMISSIONS_OF_CALLER))
        scanned.create("team/app", account=MEMBERS[0])
        scanned.session = scanned.organization.session(HUB, HOME, caller)
        found = scanned.scan(*BY_ROLE, "--accounts", MEMBERS[0])
    assert found.results == {f"{MEMBERS[0]}/{HOME}/team/app": "public"}


def test_members_of_the_document_are_those_of_the_table() -> None:
    named = {name for row in table(section(PAGE, "In other tools")) for name in ticked(row[0])}
    now = datetime(2026, 11, 27, tzinfo=UTC)
    recorded = RecordedEvaluation(rule="r", compliance="COMPLIANT", annotation="a", evaluated=now)
    policy = replace(checked(policy_of(CLOSED)), recorded=recorded)
    document = json.loads(written(write_json, report_of(policy, scope=PlacesRead(source="Amazon ECR"))))
    members = {"scope", *document["scope"], "kind", "recorded", *document["policies"][0]["recorded"], "file"}
    assert named == members


def test_kinds_of_repositories_are_named() -> None:
    kinds = next(row[1] for row in table(section(PAGE, "In other tools")) if "kind" in ticked(row[0]))
    assert set(ticked(kinds)) == {each.value for each in Kind if not each.is_file}
