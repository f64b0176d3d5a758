"""The rule names the command that closes a repository exactly for the policies of the corpus that it closes."""

import pytest

from ecr_exposure import RemedyError, remedy
from ecr_exposure.findings.access_tests import TESTS
from tests.corpus.loader import Case, all_cases
from tests.nightly import every
from tests.rule.member_account import MEMBER, REGION
from tests.rule.test_fix_hint import evaluated


@pytest.mark.parametrize("test", TESTS)
def test_flagged_case_has_the_command_exactly_if_a_remedy_closes_it(test: str) -> None:
    for case in every(3, [case for case in all_cases() if not case.is_about_the_item]):
        verdict = evaluated(case.policy, {"publicAccessTest": test}, tags=case.resource_tags)
        if verdict.compliance == "COMPLIANT" or verdict.problem is not None:
            assert verdict.fix is None, case.name
        else:
            assert (verdict.fix is not None) == is_closed(case), case.name


def is_closed(case: Case) -> bool:
    """Return whether a remedy removes public access from the policy of a case."""
    try:
        closed = remedy(
            case.policy, mode="remove-statements", owner=MEMBER, region=REGION, resource_tags=case.resource_tags
        )
    except RemedyError:
        return False
    return closed.changes != ()
