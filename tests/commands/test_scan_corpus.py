"""``scan`` gives every policy of the corpus the verdict that the rule gives, with each test and each exception."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Result
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.cli.recorded_repositories import found_in
from ecr_exposure.identifiers import account_ids
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.repository import Repository, repository_of_api, repository_of_item
from ecr_exposure.verdict import evaluate_repository
from tests.corpus.each_case import each_case
from tests.corpus.loader import TESTS, Case, all_cases
from tests.nightly import NIGHTLY

NAME: Final = "team/app"
EXCEPTIONS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"excludedPublicRepositories": "team/*"},
    {"excludedPublicTag": "public"},
)
RUNS: Final = tuple(product(TESTS, EXCEPTIONS) if NIGHTLY else zip(TESTS, EXCEPTIONS, strict=True))


@pytest.mark.parametrize(("test", "exception"), RUNS, ids=str)
@each_case(all_cases())
def test_verdict_is_that_of_the_rule(case: Case, test: str, exception: Mapping[str, str]) -> None:
    parameters, members = of_rule(case, test, exception)
    now = datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))).astimezone(UTC)
    judgement = of_scan(parameters, members, now)
    in_zone = replace(parameters, trusted_accounts=parameters.trusted_accounts | account_ids("members", members))
    for repository, kind in repositories(case, is_tagged="excludedPublicTag" in exception):
        verdict = evaluate_repository(repository, in_zone, now)
        checked = judgement.judged(found_in(repository, kind))
        assert (checked.outcome.verdict.grants, checked.outcome.verdict.problem) == (verdict.grants, verdict.problem)
        assert compliance(checked) == verdict.compliance
        assert (checked.result is Result.CANNOT_BE_EVALUATED) == (verdict.problem is not None)


def repositories(case: Case, *, is_tagged: bool) -> Iterator[tuple[Repository, Kind]]:
    """Yield the repository of a case as AWS Config records it, and as Amazon ECR returns its policy if that is text."""
    account, region, tags = case.repository["account"], case.repository["region"], case.resource_tags
    tags = {**(tags or {}), "public": "true"} if is_tagged else tags
    item = {"awsAccountId": account, "awsRegion": region, "resourceId": NAME, "configuration": case.configuration}
    is_text = not case.is_about_the_item and isinstance(case.policy, str)
    if NIGHTLY or not is_text:
        yield replace(repository_of_item(item), tags=tags), Kind.RECORDED_REPOSITORY
    if is_text:
        found = repository_of_api(NAME, f"arn:aws:ecr:{region}:{account}:repository/{NAME}", case.policy)
        yield replace(found, tags=tags), Kind.REPOSITORY


def of_rule(case: Case, test: str, exception: Mapping[str, str]) -> tuple[RuleParameters, tuple[str, ...]]:
    """Return the parameters of the rule, and the accounts of its organization."""
    lists = {name: ids if isinstance(ids, str) else ",".join(map(str, ids)) for name, ids in case.parameters.items()}
    trusted = {name: ids for name, ids in lists.items() if name.startswith("trusted")}
    members = tuple(str(each) for each in case.parameters.get("members", ()))
    return read_parameters({"publicAccessTest": test, **trusted, **exception}), members


def of_scan(parameters: RuleParameters, members: tuple[str, ...], now: datetime) -> Judgement:
    """Return how a scan with the same options evaluates."""
    question = Question(
        test=parameters.test.name,
        trusted_accounts=tuple(parameters.trusted_accounts),
        trusted_organizations=tuple(parameters.trusted_organizations),
    )
    return Judgement(
        question=question,
        members=members,
        public_repositories=parameters.public_repositories,
        public_tag=parameters.public_tag,
        now=now,
    )


def compliance(checked: CheckedPolicy) -> str:
    """Return what the rule reports for such a result."""
    return "COMPLIANT" if checked.result in (Result.CLOSED, Result.PUBLIC_ON_PURPOSE) else "NON_COMPLIANT"
