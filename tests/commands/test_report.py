"""``ecr-exposure report``: what the aggregator has of the rule's evaluations, and of the recorded policies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_organization import (
    ABROAD,
    HOME,
    ONE,
    RULE,
    TWO,
    DeployedOrganization,
    Run,
    deployed_organization,
)
from tests.local_aws.organization import HUB

_TO_ALL: Final = {"Sid": "AllowPull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
PUBLIC: Final = json.dumps({"Version": "2012-10-17", "Statement": [_TO_ALL]})
CLOSED: Final = json.dumps({"Version": "2012-10-17", "Statement": [{**_TO_ALL, "Principal": {"AWS": TWO}}]})
INVALID: Final = json.dumps({"Version": "2012-10-17", "Statement": [{**_TO_ALL, "Effect": "allow"}]})


@contextmanager
def evaluated_organization() -> Iterator[DeployedOrganization]:
    """Deploy the rule, and let it evaluate four repositories of two accounts and Regions."""
    with deployed_organization() as deployed:
        organization = deployed.organization
        organization.create_repository(ONE, HOME, "team/public", PUBLIC)
        organization.create_repository(ONE, HOME, "team/closed", CLOSED)
        organization.create_repository(TWO, ABROAD, "team/invalid", INVALID)
        organization.create_repository(TWO, ABROAD, "team/none")
        for place in ((ONE, HOME), (TWO, ABROAD)):
            for name in organization.repositories(*place):
                organization.recorder.record(*place, name)
        deployed.evaluate()
        yield deployed


def report(deployed: DeployedOrganization, *arguments: str, command: str = "report") -> Run:
    """Run the command in the hub."""
    deployed.organization.calls.clear()
    session = deployed.organization.session(HUB, HOME)
    output, errors = TextIOWrapper(BytesIO(), "utf-8", write_through=True), StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        status = main(
            (command, "--aggregator", "organization", *arguments), Environment(clock=deployed.clock, session=session)
        )
    output.seek(0)
    return Run(status, output.read(), errors.getvalue())


def results(run: Run) -> dict[str, str]:
    """Return the result of each repository in the document."""
    return {each["file"]: each["result"] for each in run.document["policies"]}


EXPECTED: Final = {
    f"{ONE}/{HOME}/team/closed": "not public",
    f"{ONE}/{HOME}/team/public": "public",
    f"{TWO}/{ABROAD}/team/invalid": "cannot be evaluated",
    f"{TWO}/{ABROAD}/team/none": "not public",
}


class TestEvaluations:
    """The rule's own evaluations, of all accounts and Regions."""

    def test_each_evaluation_is_reported_with_annotation_time_and_rule(self) -> None:
        with evaluated_organization() as deployed:
            run = report(deployed, "--json")
            (stored,) = (
                each for each in deployed.organization.config_store.rules if each.account == ONE and each.region == HOME
            )
        assert run.status == 1
        assert results(run) == EXPECTED
        public = next(each for each in run.document["policies"] if each["repository"] == "team/public")
        assert public["recorded"]["rule"] == stored.name
        assert public["recorded"]["compliance"] == "NON_COMPLIANT"
        assert public["recorded"]["annotation"].startswith('Everyone can pull: statement "AllowPull"')
        assert 0 <= public["recorded"]["age_seconds"] < 60
        assert public["message"] == public["recorded"]["annotation"]
        assert public["fix"] == f"ecr-exposure fix --repository team/public --region {HOME}"

    def test_no_call_of_ecr_and_no_role_in_the_members(self) -> None:
        with evaluated_organization() as deployed:
            report(deployed, "--policies")
            called = {(call.service, call.operation) for call in deployed.organization.calls}
        assert not {each for each in called if each[0] == "ecr" or each[1] == "AssumeRole"}

    def test_repository_without_evaluation_is_a_finding(self) -> None:
        with evaluated_organization() as deployed:
            deployed.organization.create_repository(ONE, HOME, "team/new", CLOSED)
            deployed.organization.recorder.record(ONE, HOME, "team/new")
            run, with_policies = report(deployed, "--json"), report(deployed, "--json", "--policies")
        for each in (run, with_policies):
            assert results(each) == {**EXPECTED, f"{ONE}/{HOME}/team/new": "cannot be evaluated"}
        new = next(each for each in run.document["policies"] if each["repository"] == "team/new")
        assert new["message"].endswith(f"AWS Config has no evaluation of this repository by the rule {RULE}")


class TestScanOfAnAggregator:
    """``scan --aggregator``."""

    def test_recorded_policies_are_evaluated_now(self) -> None:
        with evaluated_organization() as deployed:
            run = report(deployed, "--json", command="scan")
            called = {call.service for call in deployed.organization.calls}
        assert (run.status, results(run)) == (1, EXPECTED)
        assert "ecr" not in called

    def test_region_limits_the_repositories(self) -> None:
        with evaluated_organization() as deployed:
            run = report(deployed, "--json", "--region", HOME, command="scan")
        assert set(results(run)) == {name for name in EXPECTED if f"/{HOME}/" in name}


class TestPolicies:
    """The recorded policies, evaluated anew."""

    def test_same_answers_have_the_grants_of_the_policy(self) -> None:
        with evaluated_organization() as deployed:
            run = report(deployed, "--json", "--policies")
        assert results(run) == EXPECTED
        public = next(each for each in run.document["policies"] if each["repository"] == "team/public")
        assert [each["actions"] for each in public["findings"]] == [["ecr:BatchGetImage"]]
        assert public["recorded"] is not None
        assert public["notes"] == []
        assert public["changes"] == ['statement "AllowPull": removed']

    @pytest.mark.parametrize(("policy", "anew"), [(PUBLIC, "public"), (CLOSED, "not public")])
    def test_other_answer_than_recorded_is_public_and_said(self, policy: str, anew: str) -> None:
        name = "team/closed" if policy == PUBLIC else "team/public"
        with evaluated_organization() as deployed:
            deployed.organization.set_policy(ONE, HOME, name, policy)
            deployed.organization.recorder.record(ONE, HOME, name)
            run = report(deployed, "--json", "--policies")
        row: dict[str, Any] = next(each for each in run.document["policies"] if each["repository"] == name)
        assert row["result"] == "public"
        (note,) = row["notes"]
        assert note.startswith("the answers differ: the rule ")
        assert note.endswith(f"the recorded policy, evaluated now, is: {anew}")
