"""Every policy of the corpus, in each form in JSON that ``check`` reads, has the verdicts of its labels."""

import gzip
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.policies_in_json.json_documents import UnknownFormError
from tests.commands.test_check_json_config import ARN, event, history_item, item
from tests.commands.test_check_json_policies import read
from tests.commands.test_check_json_snapshot import read_whole, snapshot
from tests.corpus.each_case import each_case
from tests.corpus.loader import TESTS, Case, all_cases
from tests.rule.test_corpus import ids_of

CASES: Final = [case for case in all_cases() if not case.is_about_the_item]


def check_labels(case: Case, found: FoundPolicy, tests: Sequence[str] = TESTS) -> None:
    """Evaluate the policy by the tests, with the facts of a case."""
    for test in tests:
        verdict = evaluate(
            found.policy,
            test=test,
            owner=case.repository["account"],
            region=case.repository["region"],
            members=[str(member) for member in case.parameters.get("members", ())],
            trusted_accounts=ids_of(case.parameters, "trustedAccounts"),
            trusted_organizations=ids_of(case.parameters, "trustedOrganizations"),
            now=datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))),
            resource_tags=case.resource_tags,
        ).verdict
        assert verdict.compliance == case.expect[test], verdict
        assert (verdict.problem or "").startswith(case.problems.get(test, ""))
        assert (verdict.problem is None) == (test not in case.problems)


class TestPolicies:
    """A policy alone, and as the AWS CLI returns it."""

    @each_case(CASES)
    def test_as_a_file(self, case: Case) -> None:
        text = case.policy if isinstance(case.policy, str) else json.dumps(case.policy)
        try:
            (found,) = read(text)
        except UnknownFormError:
            # What has no Statement is nothing that a reader of files could take for a policy.
            assert "Statement" not in text
        except NotReadError:
            assert case.problems.keys() == set(TESTS)
        else:
            check_labels(case, found)

    @each_case(CASES)
    def test_as_output_of_get_repository_policy(self, case: Case) -> None:
        (found,) = read(json.dumps({"repositoryName": "team/app", "policyText": case.policy}))
        check_labels(case, found, ("unconditional",))


class TestItems:
    """What AWS Config recorded."""

    @each_case(all_cases())
    def test_as_an_item(self, case: Case) -> None:
        (found,) = read(json.dumps(item(configuration=case.configuration)))
        check_labels(case, found)

    @each_case(all_cases())
    def test_in_an_event_and_in_a_history(self, case: Case) -> None:
        recorded = history_item(configuration=case.configuration)
        for document in (event(configurationItem=recorded), {"configurationItems": [recorded]}):
            (found,) = read(json.dumps(document))
            check_labels(case, found, ("unconditional",))

    def test_in_a_snapshot(self) -> None:
        cases = all_cases()
        items = [item(ARN=f"{ARN}-{at}", configuration=case.configuration) for at, case in enumerate(cases)]
        for case, found in zip(cases, read_whole(gzip.compress(snapshot(*items))), strict=True):
            check_labels(case, found, ("unconditional",))
