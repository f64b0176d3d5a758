"""``report`` reads of each annotation of the rule what the rule meant, by the labels of the corpus."""

import json
from datetime import UTC, date, datetime
from typing import Final

import pytest

from ecr_exposure.cli.policy_report.checked_policy import RecordedEvaluation, Result
from ecr_exposure.cli.recorded_results.evaluations import EvaluatedRepository
from ecr_exposure.cli.recorded_results.recorded_policy import row_of
from ecr_exposure.findings.access_tests import access_test
from ecr_exposure.identifiers import account_ids, organization_ids
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import evaluate_repository
from tests.commands.checked_policies import PULL, policy_of
from tests.corpus.each_case import each_case
from tests.corpus.loader import TESTS, Case, all_cases
from tests.nightly import every
from tests.rule.test_corpus import ids_of

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
ABOUT_POLICIES: Final = [case for case in all_cases() if not case.is_about_the_item]


def read(repository: Repository, parameters: RuleParameters, now: datetime = NOON, today: date | None = None) -> Result:
    """Return what the report makes of the rule's evaluation of a repository."""
    verdict = evaluate_repository(repository, parameters, now)
    recorded = RecordedEvaluation(
        rule="rule", compliance=verdict.compliance, annotation=verdict.annotation, evaluated=now
    )
    evaluated = EvaluatedRepository(repository.account, repository.region, repository.name, recorded)
    return row_of([evaluated], None, today or now.date()).result


@pytest.mark.parametrize("test", TESTS)
@each_case(every(4, ABOUT_POLICIES))
def test_each_evaluation_is_read_as_labelled(case: Case, test: str) -> None:
    members = [str(member) for member in case.parameters.get("members", ())]
    trusted = ids_of(case.parameters, "trustedAccounts")
    parameters = RuleParameters(
        test=access_test("test", test),
        trusted_accounts=account_ids("trustedAccounts", (*members, *trusted)),
        trusted_organizations=organization_ids("x", ids_of(case.parameters, "trustedOrganizations")),
    )
    account, region = case.repository["account"], case.repository["region"]
    repository = Repository(
        account=account, region=region, name="app", arn="", policy=case.policy, tags=case.resource_tags
    )
    now = datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z")))
    expected = {"COMPLIANT": Result.CLOSED, "NON_COMPLIANT": Result.PUBLIC}[case.expect[test]]
    assert read(repository, parameters, now) is (Result.CANNOT_BE_EVALUATED if test in case.problems else expected)


@pytest.mark.parametrize("test", TESTS[:2])
@pytest.mark.parametrize("length", [1, 60, 100, 128])
@pytest.mark.parametrize(
    ("value", "today", "expected"),
    [
        ("true", date(2027, 1, 1), Result.PUBLIC_ON_PURPOSE),
        ("2026-12-31", date(2026, 12, 31), Result.PUBLIC_ON_PURPOSE),
        ("2026-12-31", date(2027, 1, 1), Result.PUBLIC),
    ],
)
def test_exception_is_read_whatever_has_room(test: str, length: int, value: str, today: date, expected: Result) -> None:
    key = "k" * length
    parameters = read_parameters({"excludedPublicTag": key, "publicAccessTest": test})
    assert read(repository("app", {key: value}), parameters, today=today) is expected


@pytest.mark.parametrize("length", [2, 100, 150, 180, 190, 195, 200, 256])
def test_entry_of_a_parameter_is_read_even_where_it_is_cut(length: int) -> None:
    name = "a" * length
    parameters = read_parameters({"excludedPublicRepositories": f"444455556666:{name}"})
    assert read(repository(name, None), parameters) is Result.PUBLIC_ON_PURPOSE


def repository(name: str, tags: dict[str, str] | None) -> Repository:
    """Return a repository whose policy has a long Sid."""
    policy = json.dumps(policy_of({**PULL, "Sid": "S" * 200}))
    return Repository(account="444455556666", region="eu-west-1", name=name, arn="", policy=policy, tags=tags)
