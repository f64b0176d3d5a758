"""``verify`` prints the status table of the stack at its end; its exit code is about its own repository only."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from moto.config.models import config_backends

from tests.commands.deployed_rule import HOME, PACK, ROLE, RULE, DeployedRule, deployed
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.moto_aggregator import aggregated_data
from tests.local_aws.moto_organization_rules import Instance, MemberDeployment, MemberDeployments, member_deployments
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, MEMBERS

VERIFIED: Final = "Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted."


@contextmanager
def deployed_everywhere() -> Iterator[tuple[DeployedRule, MemberDeployments]]:
    """Deploy the stack, and its rule and role in every account; an aggregator of the hub has the results."""
    outputs = {
        "DeployedFrom": "management-account",
        "FailedEventsQueueUrl": f"https://sqs.{HOME}.amazonaws.com/{HUB}/q",
    }
    deployments = MemberDeployments(name=RULE, stack_set=f"{ROLE}-{HUB}", call_as="SELF", home_region=HOME)
    deployments.packs |= {(HOME, account): MemberDeployment() for account in (HUB, *MEMBERS)}
    deployments.instances |= {account: Instance() for account in MEMBERS}
    with organizations_api(), deployed(PACK, outputs=outputs) as rule:
        rule.services.severity = "CRITICAL"
        rule.organization.session(HUB, HOME).client("sqs").create_queue(QueueName="q")
        source = {"RoleArn": f"arn:aws:iam::{HUB}:role/aggregator", "AllAwsRegions": True}
        config_backends[HUB][HOME].put_configuration_aggregator(
            {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
        )
        with aggregated_data(rule.organization), member_deployments(deployments):
            yield rule, deployments


def table(output: str) -> list[str]:
    """Return the lines between the answers and the last line."""
    lines = output.splitlines()
    (proactive,) = [at for at, line in enumerate(lines) if "evaluate AWS::ECR::Repository proactively?" in line]
    return lines[proactive + 1 : -1]


def test_status_of_every_account_is_printed_before_the_last_line() -> None:
    with deployed_everywhere() as (rule, _):
        status, output = rule.verify()
    assert (status, output.splitlines()[-1]) == (0, VERIFIED)
    rows = table(output)
    assert {account for account in (HUB, *MEMBERS) if any(row.startswith(account) for row in rows)} == {HUB, *MEMBERS}
    assert rows[-1].startswith("Status: ")


def test_account_without_the_rule_does_not_change_the_exit_code() -> None:
    with deployed_everywhere() as (rule, deployments):
        reason = "The recorder is missing"
        failed = MemberDeployment("CREATE_FAILED", "NoAvailableConfigurationRecorder", reason)
        deployments.packs[HOME, MEMBERS[0]] = failed
        status, output = rule.verify()
    assert (status, output.splitlines()[-1]) == (0, VERIFIED)
    (row,) = [row for row in table(output) if row.startswith(MEMBERS[0])]
    assert reason in row


def test_document_has_the_status() -> None:
    with deployed_everywhere() as (rule, _):
        status, document = rule.document()
    assert (status, document["result"]) == (0, "verified")
    assert {each["account"] for each in document["status"]["accounts"]} == {HUB, *MEMBERS}


@pytest.mark.parametrize("arguments", [("-q",), ("--dry-run",)])
def test_status_that_nobody_reads_is_not_read(arguments: tuple[str, ...]) -> None:
    with deployed_everywhere() as (rule, _):
        assert rule.verify(*arguments)[0] == 0
        assert "GetAggregateDiscoveredResourceCounts" not in {call.operation for call in rule.organization.calls}


def test_refused_status_is_one_line() -> None:
    refused = Fault("organizations", "ListAccounts", code="AccessDeniedException", message="no", times=None)
    with deployed_everywhere() as (rule, _), rule.organization.faults.inject(refused):
        status, output = rule.verify()
    assert (status, output.splitlines()[-1]) == (0, VERIFIED)
    assert any("AccessDeniedException: no (ListAccounts)" in line for line in table(output))


def test_interrupt_while_the_status_is_read_leaves_nothing() -> None:
    def interrupt(_call: Call) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    with deployed_everywhere() as (rule, _):
        with rule.organization.faults.inject(Fault("organizations", "ListAccounts", when=interrupt)):
            status, output = rule.verify()
        assert (status, rule.repositories()) == (130, ())
    assert output.splitlines()[-1] == "Interrupted; this run leaves no repository."
