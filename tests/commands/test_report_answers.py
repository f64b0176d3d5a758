"""What ``report`` makes of each answer of AWS Config: nothing that is not known is ever "not public"."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, RecordedEvaluation, Result
from ecr_exposure.cli.recorded_repositories import WHOLE
from ecr_exposure.cli.recorded_results.evaluations import EvaluatedRepository
from ecr_exposure.cli.recorded_results.recorded_policy import row_of
from ecr_exposure.verdict import Compliance
from tests.commands.checked_policies import CLOSED, DEPENDS, INVALID, PULL, checked, policy_of
from tests.commands.deployed_organization import ABROAD, HOME, ONE, RULE, TWO, DeployedOrganization, Run
from tests.commands.evaluated_organization import EXPECTED, evaluated_organization, results, run_on
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault

NAME: Final = f"{ONE}/{HOME}/team/app"
NOW: Final = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
TODAY: Final = date(2026, 11, 27)
DETAILS: Final = "GetAggregateComplianceDetailsByConfigRule"
RULES: Final = "DescribeAggregateComplianceByConfigRules"
SELECT: Final = "SelectAggregateResourceConfig"
NOT_PUBLIC: Final = "No statement grants access to everyone without a Condition."
ON_PURPOSE: Final = 'Public on purpose (tag "public"). Everyone can pull: statement "AllowPull".'
OPEN: Final = 'Everyone can pull: statement "AllowPull".'
UNREADABLE: Final = "Cannot be evaluated: Statement.Effect: missing"
P, U, C, E, N = Result.PUBLIC, Result.UNKNOWN, Result.CANNOT_BE_EVALUATED, Result.PUBLIC_ON_PURPOSE, Result.CLOSED


def evaluated(compliance: Compliance, annotation: str, rule: str = RULE) -> EvaluatedRepository:
    """Return an evaluation of the repository."""
    recorded = RecordedEvaluation(rule=rule, compliance=compliance, annotation=annotation, evaluated=NOW)
    return EvaluatedRepository(ONE, HOME, "team/app", recorded)


RECORDED: Final = {
    P: evaluated("NON_COMPLIANT", OPEN),
    C: evaluated("NON_COMPLIANT", UNREADABLE),
    E: evaluated("COMPLIANT", ON_PURPOSE),
    N: evaluated("COMPLIANT", NOT_PUBLIC),
}
POLICIES: Final = {P: PULL, U: DEPENDS, C: INVALID, E: PULL, N: CLOSED}


def anew(result: Result) -> CheckedPolicy:
    """Return the recorded policy, evaluated anew."""
    excuse = "--public-repository" if result is E else None
    where: dict[str, Any] = {"file": NAME, "kind": Kind.RECORDED_REPOSITORY, "span": WHOLE}
    return checked(policy_of(POLICIES[result]), result, excuse=excuse, notes=("a note",), **where)


class TestAnnotation:
    """The result of an evaluation, by the sentence that the rule wrote."""

    @pytest.mark.parametrize(
        ("compliance", "annotation", "expected"),
        [
            ("COMPLIANT", "The repository has no policy.", N),
            ("COMPLIANT", NOT_PUBLIC, N),
            ("COMPLIANT", f"{NOT_PUBLIC} publicAccessTest=reachable finds public access: {OPEN}", N),
            ("COMPLIANT", "The repository policy grants no public access.", N),
            ("COMPLIANT", "The repository policy grants no access outside the zone of trust. Note: x.", N),
            ("COMPLIANT", ON_PURPOSE, E),
            ("COMPLIANT", f"Public on purpose (excludedPublicRepositories: {ONE}:{'a' * 200}…", E),
            ("COMPLIANT", 'Public on purpose (tag "public", last day 2026-11-27). Everyone can pull: x.', E),
            ("COMPLIANT", 'Public on purpose (tag "public", last day 2026-11-26). Everyone can pull: x.', P),
            ("COMPLIANT", UNREADABLE, C),
            ("COMPLIANT", OPEN, C),
            ("COMPLIANT", "Image scanning is enabled.", C),
            ("COMPLIANT", "", C),
            ("NON_COMPLIANT", "", P),
            ("NON_COMPLIANT", "Image scanning is not enabled.", P),
            ("NON_COMPLIANT", ON_PURPOSE, P),
            ("NON_COMPLIANT", NOT_PUBLIC, P),
            ("NON_COMPLIANT", UNREADABLE, C),
        ],
    )
    def test_only_a_sentence_of_the_rule_is_not_public(
        self, compliance: Compliance, annotation: str, expected: Result
    ) -> None:
        row = row_of([evaluated(compliance, annotation)], None, TODAY)
        assert row.result is expected
        assert (row.excuse is not None) == (expected is E)
        assert row.outcome.verdict.annotation

    def test_evaluations_by_two_rules_of_the_name_are_the_worse_one_and_a_note(self) -> None:
        other = evaluated("COMPLIANT", NOT_PUBLIC, "other")
        row = row_of([other, RECORDED[P], other, RECORDED[P]], None, TODAY)
        assert row.result is P
        assert row.notes == (
            "the rule other evaluated the repository as COMPLIANT (not public) at 2026-11-27T08:30:00Z: " + NOT_PUBLIC,
        )


class TestDifference:
    """The worse of the recorded answer and of the new one, in each combination."""

    @pytest.mark.parametrize(
        ("recorded", "now", "expected"),
        [
            *[(P, P, P), (P, U, P), (P, C, P), (P, E, P), (P, N, P)],
            *[(C, P, P), (C, U, C), (C, C, C), (C, E, C), (C, N, C)],
            *[(E, P, P), (E, U, U), (E, C, C), (E, E, E), (E, N, E)],
            *[(N, P, P), (N, U, U), (N, C, C), (N, E, E), (N, N, N)],
        ],
    )
    def test_worse_answer_counts_and_the_note_has_both(self, recorded: Result, now: Result, expected: Result) -> None:
        row = row_of([RECORDED[recorded]], anew(now), TODAY)
        assert row.result is expected
        assert row.recorded == RECORDED[recorded].evaluation
        assert row.found.policy == policy_of(POLICIES[now])
        assert (row.excuse is not None) == (expected is E)
        compliance = RECORDED[recorded].evaluation.compliance
        difference = (
            f"the answers differ: the rule {RULE} evaluated the repository as {compliance} ({recorded.value}) "
            f"at 2026-11-27T08:30:00Z; the recorded policy, evaluated now, is: {now.value}"
        )
        assert row.notes == (("a note",) if recorded is now else ("a note", difference))


@pytest.fixture(scope="module")
def organization() -> Iterator[DeployedOrganization]:
    """Return an organization with four evaluated repositories; the tests only inject answers."""
    with evaluated_organization() as deployed:
        yield deployed


def answer(member: str, *rows: Any, following: str | None = None) -> dict[str, Any]:
    """Return how a call is answered."""
    body = {member: rows} | ({"NextToken": following} if following else {})
    return {"status": 200, "body": json.dumps(body), "request_id": True, "times": None}


def report(deployed: DeployedOrganization, operation: str, *arguments: str, **how: Any) -> Run:
    """Run the command while a call of AWS Config is answered so."""
    with deployed.organization.faults.inject(Fault("config", operation, **how)):
        return run_on(deployed, "report", "--json", *arguments)


def result_of(name: str, **members: Any) -> dict[str, Any]:
    """Return a result as AWS Config returns it."""
    qualifier = {"ConfigRuleName": RULE, "ResourceType": "AWS::ECR::Repository", "ResourceId": name}
    known = {"ComplianceType": "COMPLIANT", "Annotation": NOT_PUBLIC, "ResultRecordedTime": 1_795_000_000}
    return {"EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier}, **known, **members}


class TestResults:
    """GetAggregateComplianceDetailsByConfigRule answers as it should not."""

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            (result_of("bad", ComplianceType="NOT_APPLICABLE"), "is 'NOT_APPLICABLE', not COMPLIANT or NON_COMPLIANT"),
            (result_of("bad", ComplianceType=None), "is None, not COMPLIANT or NON_COMPLIANT"),
            (result_of("bad", ResultRecordedTime=None), "the result of bad has no time"),
            ({"ComplianceType": "COMPLIANT"}, "the response has no 'EvaluationResultIdentifier'"),
            (
                {"EvaluationResultIdentifier": {"EvaluationResultQualifier": {"ResourceId": "bad"}}},
                "the response has no 'ResourceType'",
            ),
        ],
    )
    def test_result_of_another_form_is_an_error_and_those_before_it_count(
        self, organization: DeployedOrganization, row: dict[str, Any], problem: str
    ) -> None:
        public = result_of("a/b/c", ComplianceType="NON_COMPLIANT", Annotation=OPEN)
        only_here = {"when": lambda call: call.parameters["AccountId"] == ONE}
        rows = answer("AggregateEvaluationResults", public, row, result_of("after"))
        run = report(organization, DETAILS, **rows, **only_here)
        assert run.status == 2
        abroad = {name: each for name, each in EXPECTED.items() if f"{TWO}/{ABROAD}/" in name}
        assert results(run) == {f"{ONE}/{HOME}/a/b/c": "public", **abroad}
        (error,) = (each["message"] for each in run.document["errors"])
        assert error.startswith(f"{ONE}/{HOME}: the evaluations by {RULE}-conformance-pack-")
        assert problem in error
        assert run.document["scope"]["not_seen"] == 1

    def test_result_of_another_resource_type_is_none_of_a_repository(self, organization: DeployedOrganization) -> None:
        row = result_of("team/public")
        row["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceType"] = "AWS::S3::Bucket"
        run = report(organization, DETAILS, **answer("AggregateEvaluationResults", row))
        assert set(results(run).values()) == {"cannot be evaluated"}
        assert set(results(run)) == set(EXPECTED)

    def test_repository_that_is_not_recorded_has_a_note(self, organization: DeployedOrganization) -> None:
        run = report(organization, DETAILS, **answer("AggregateEvaluationResults", result_of("gone")))
        (gone, *_) = [each for each in run.document["policies"] if each["file"].endswith("/gone")]
        assert gone["result"] == "not public"
        assert gone["notes"][0].startswith("AWS Config has no record of this repository any more: it was deleted, or")

    def test_rule_that_was_deleted_meanwhile_leaves_repositories_without_evaluation(
        self, organization: DeployedOrganization
    ) -> None:
        run = report(organization, DETAILS, **answer("AggregateEvaluationResults"))
        assert results(run) == dict.fromkeys(EXPECTED, "cannot be evaluated")
        assert run.status == 1

    def test_empty_first_page_changes_nothing(
        self, organization: DeployedOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(organization.data, "page", 1)
        monkeypatch.setattr(organization.data, "empty_first_page", True)
        run = run_on(organization, "report", "--json")
        assert (run.status, results(run)) == (1, EXPECTED)

    @pytest.mark.parametrize("name", [f"{RULE}-other", f"OrgConfigRule-{RULE}-other-abc", f"my-{RULE}", "unrelated"])
    def test_rule_whose_name_only_begins_the_same_is_another_one(
        self, organization: DeployedOrganization, name: str
    ) -> None:
        rule = {"AccountId": ONE, "AwsRegion": HOME, "ConfigRuleName": name}
        run = report(organization, RULES, **answer("AggregateComplianceByConfigRules", rule))
        assert (run.status, results(run)) == (2, dict.fromkeys(EXPECTED, "cannot be evaluated"))
        assert f"it has no results of a rule {RULE}; name another" in run.document["errors"][0]["message"]


def recorded(name: str, policy: object = "", **members: Any) -> str:
    """Return a result of the query as AWS Config returns it."""
    configuration = {"RepositoryName": name, "RepositoryPolicyText": policy}
    place = {"accountId": ONE, "awsRegion": HOME, "resourceId": name}
    return json.dumps({**place, "configuration": configuration, "tags": [], **members})


TAGGED: Final = policy_of({**PULL, "Condition": {"StringEquals": {"aws:ResourceTag/public": "yes"}}})


class TestSources:
    """DescribeConfigurationAggregatorSourcesStatus reports sources without current data."""

    @pytest.mark.parametrize("command", ["scan", "report"])
    def test_failed_source_in_a_region_without_repositories_is_named(
        self, organization: DeployedOrganization, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        source = {"SourceId": TWO, "SourceType": "ACCOUNT", "AwsRegion": "sa-east-1", "LastUpdateStatus": "OUTDATED"}
        monkeypatch.setattr(organization.data, "sources", [source | {"LastErrorCode": "ACCESS_DENIED"}])
        run = run_on(organization, command, "--json")
        assert (run.status, list(results(run).values()).count("public")) == (2, 1)
        (error,) = (each["message"] for each in run.document["errors"])
        assert error == f"{TWO}/sa-east-1: aggregator source OUTDATED: ACCESS_DENIED"
        assert run.document["scope"]["not_seen"] == 1


class TestRecordedPolicies:
    """SelectAggregateResourceConfig answers as it should not."""

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            (recorded("x", policy_of(PULL)), "public"),
            (recorded("x", json.dumps(policy_of(PULL))), "public"),
            (recorded("x", configuration=json.dumps({"RepositoryName": "x", "RepositoryPolicyText": "["})), "cannot"),
            (recorded("x", configuration=None), "cannot be evaluated"),
            (recorded("x", configuration={}), "cannot be evaluated"),
            (recorded("x", configuration={"repositoryPolicyText": policy_of(PULL)}), "cannot be evaluated"),
            (recorded("x", 7), "cannot be evaluated"),
            (recorded("x"), "not public"),
        ],
    )
    def test_configuration_in_each_form(self, organization: DeployedOrganization, row: str, expected: str) -> None:
        with organization.organization.faults.inject(Fault("config", SELECT, **answer("Results", row))):
            run = run_on(organization, "scan", "--json")
        assert results(run)[f"{ONE}/{HOME}/x"].startswith(expected)

    @pytest.mark.parametrize(
        "tags",
        [
            None,
            {},
            "public=yes",
            ["public=yes"],
            [{"tag": "public=yes"}],
            [{"Key": "public", "Value": "yes"}],
            [{"key": "public", "value": None}],
            [{"key": "public", "value": "no"}, {"key": "public", "value": "yes"}],
        ],
    )
    def test_tags_in_another_form_are_not_known_and_close_nothing(
        self, organization: DeployedOrganization, tags: object
    ) -> None:
        row = recorded("x", TAGGED, tags=tags)
        with organization.organization.faults.inject(Fault("config", SELECT, **answer("Results", row))):
            run = run_on(organization, "scan", "--json", "--test", "reachable")
        assert results(run) == {f"{ONE}/{HOME}/x": "public"}

    @pytest.mark.parametrize(
        "row",
        [
            json.dumps({"accountId": ONE, "awsRegion": HOME}),
            recorded("x", accountId=None),
            recorded("x", accountId=int(ONE)),
            recorded("x", awsRegion=""),
            recorded("x", resourceId=None),
            "[]",
            "{",
            json.dumps("text"),
        ],
    )
    def test_result_without_account_region_or_name_is_an_error(
        self, organization: DeployedOrganization, row: str
    ) -> None:
        rows = answer("Results", recorded("before", policy_of(PULL)), row)
        for command, arguments in (("scan", ()), ("report", ()), ("report", ("--policies",))):
            with organization.organization.faults.inject(Fault("config", SELECT, **rows)):
                run = run_on(organization, command, "--json", *arguments)
            assert run.status == 2
            assert "before" in {each["repository"] for each in run.document["policies"]}
            (error,) = (each["message"] for each in run.document["errors"])
            assert "a result of SelectAggregateResourceConfig is not as asked for" in error

    def test_repository_that_changed_between_two_pages_is_not_evaluated(
        self, organization: DeployedOrganization
    ) -> None:
        same = recorded("same", policy_of(CLOSED))
        rows = [recorded("x", policy_of(PULL)), same, recorded("x", policy_of(CLOSED)), same]
        with organization.organization.faults.inject(Fault("config", SELECT, **answer("Results", *rows))):
            run = run_on(organization, "scan", "--json")
        assert results(run) == {f"{ONE}/{HOME}/same": "not public", f"{ONE}/{HOME}/x": "cannot be evaluated"}

    def test_token_that_repeats_is_an_error(self, organization: DeployedOrganization) -> None:
        def is_second(call: Call) -> bool:
            return "NextToken" in call.parameters

        first = answer("Results", recorded("x", policy_of(PULL)), following="t")
        again = {**answer("Results", recorded("y"), following="t"), "when": is_second}
        with (
            organization.organization.faults.inject(Fault("config", SELECT, **first)),
            organization.organization.faults.inject(Fault("config", SELECT, **again)),
        ):
            run = run_on(organization, "scan", "--json")
        assert run.status == 2
        assert results(run)[f"{ONE}/{HOME}/x"] == "public"
        assert "next token" in run.document["errors"][0]["message"]
