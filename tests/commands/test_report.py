"""``ecr-exposure report``: what the aggregator has of the rule's evaluations, and of the recorded policies."""

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.commands.deployed_organization import HOME, ONE, RULE
from tests.commands.evaluated_organization import CLOSED, EXPECTED, PUBLIC, evaluated_organization, results, run_on

OLD: Final = (
    "4 evaluations are older than 48 hours, twice the longest period of the rule; see: ecr-exposure status STACK"
)


class TestEvaluations:
    """The rule's own evaluations, of all accounts and Regions."""

    def test_each_evaluation_is_reported_with_annotation_time_and_rule(self) -> None:
        with evaluated_organization() as deployed:
            run = run_on(deployed, "report", "--json")
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
        assert public["changes"] == [
            "Correct the statement that the rule's annotation names; report --policies shows the change."
        ]
        assert public["fix"] == f"ecr-exposure fix --repository team/public --region {HOME}"

    def test_table_has_the_age_and_nothing_of_requests_that_only_the_policy_shows(self) -> None:
        with evaluated_organization() as deployed:
            recorded, with_policies = run_on(deployed, "report").text, run_on(deployed, "report", "--policies").text
        assert "PUBLIC: Everyone can pull" in recorded
        assert "Z, less than a minute ago, by the rule ecr-repository-no-public-access" in recorded
        assert "Example request" not in recorded
        assert "Example request: arn:aws:iam::" in with_policies

    def test_no_call_of_ecr_and_no_role_in_the_members(self) -> None:
        with evaluated_organization() as deployed:
            run_on(deployed, "report", "--policies")
            called = {(call.service, call.operation) for call in deployed.organization.calls}
        assert not {each for each in called if each[0] == "ecr" or each[1] == "AssumeRole"}

    @pytest.mark.parametrize(("hours", "notes"), [(47, []), (49, [OLD])])
    def test_evaluations_older_than_two_periods_are_said(self, hours: int, notes: list[str]) -> None:
        with evaluated_organization() as deployed:
            deployed.clock.later = timedelta(hours=hours)
            run = run_on(deployed, "report", "--json")
        assert (run.status, run.document["notes"]) == (1, notes)

    def test_repository_without_evaluation_is_a_finding(self) -> None:
        with evaluated_organization() as deployed:
            deployed.organization.create_repository(ONE, HOME, "team/new", CLOSED)
            deployed.organization.recorder.record(ONE, HOME, "team/new")
            run, with_policies = (
                run_on(deployed, "report", "--json"),
                run_on(deployed, "report", "--json", "--policies"),
            )
        for each in (run, with_policies):
            assert results(each) == {**EXPECTED, f"{ONE}/{HOME}/team/new": "cannot be evaluated"}
        new = next(each for each in run.document["policies"] if each["repository"] == "team/new")
        assert new["message"].endswith(f"AWS Config has no evaluation of this repository by the rule {RULE}")


class TestScanOfAnAggregator:
    """``scan --aggregator``."""

    def test_recorded_policies_are_evaluated_now(self) -> None:
        with evaluated_organization() as deployed:
            run = run_on(deployed, "scan", "--json")
            called = {call.service for call in deployed.organization.calls}
        assert (run.status, results(run)) == (1, EXPECTED)
        assert "ecr" not in called

    def test_region_limits_the_repositories(self) -> None:
        with evaluated_organization() as deployed:
            run = run_on(deployed, "scan", "--json", "--region", HOME)
        assert set(results(run)) == {name for name in EXPECTED if f"/{HOME}/" in name}


class TestPolicies:
    """The recorded policies, evaluated anew."""

    def test_same_answers_have_the_grants_of_the_policy(self) -> None:
        with evaluated_organization() as deployed:
            run = run_on(deployed, "report", "--json", "--policies")
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
            run = run_on(deployed, "report", "--json", "--policies")
        row: dict[str, Any] = next(each for each in run.document["policies"] if each["repository"] == name)
        assert row["result"] == "public"
        (note,) = row["notes"]
        assert note.startswith("the answers differ: the rule ")
        assert note.endswith(f"the recorded policy, evaluated now, is: {anew}")


def test_empty_name_of_a_rule_is_refused() -> None:
    with evaluated_organization() as deployed:
        run = run_on(deployed, "report", "--rule", "")
    assert (run.status, run.text) == (2, "")
    assert "the name is empty" in run.errors
