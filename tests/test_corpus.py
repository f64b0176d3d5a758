"""The corpus through `judge`, and the rules that make it worth something."""

import pytest

from ecr_exposure import judge
from tests.cases import Case, all_cases, all_rows

CASES = all_cases()
BY_NAME = {case.name: case for case in CASES}
ABOUT_POLICIES = [case for case in CASES if not case.is_about_the_item]


@pytest.mark.parametrize("case", ABOUT_POLICIES, ids=lambda case: case.name)
def test_judge_answers_as_labelled(case: Case) -> None:
    verdict = judge(case.policy, owner=case.repository["account"], region=case.repository["region"])
    assert verdict.compliance == case.expect["unconditional"]
    problem = case.expect.get("problem")
    assert (verdict.problem is None) == (problem is None)
    assert (verdict.problem or "").startswith(problem or "")
    grants = [(g.statement, [c.value for c in g.capabilities]) for g in verdict.grants]
    assert grants == [(g["statement"], g["capabilities"]) for g in case.expect.get("grants", ())]


def test_every_row_has_a_case() -> None:
    """What no case shows may be wrong without anybody noticing."""
    shown = {row for case in CASES for row in case.rows}
    assert shown == all_rows().keys()


@pytest.mark.parametrize("case", [c for c in CASES if c.twin], ids=lambda case: case.name)
def test_a_twin_differs_where_it_matters(case: Case) -> None:
    """The case and its twin differ in a label or in an advisory."""
    assert case.expect != BY_NAME[case.twin or ""].expect


def test_what_is_open_has_a_closed_twin() -> None:
    """An alarm without its closed neighbour does not show what the alarm is about."""
    lonely = [
        case.name
        for case in CASES
        if case.twin is None and "NON_COMPLIANT" in case.expect.values() and "problem" not in case.expect
    ]
    assert lonely == []
