"""The corpus through `judge`, and the rules that make it worth something."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from ecr_exposure import Verdict, is_allowed, judge
from tests.corpus.loader import TESTS, Case, all_cases, all_rows

CASES = all_cases()
BY_NAME = {case.name: case for case in CASES}
ABOUT_POLICIES = [case for case in CASES if not case.is_about_the_item]


def ids_of(parameters: Mapping[str, Any], name: str) -> list[str]:
    """Return the ids of a comma-separated parameter."""
    return [text for text in str(parameters.get(name, "")).split(",") if text]


def judged(case: Case, test: str) -> Verdict:
    """Judge a case under a test, with its own owner, zone and time."""
    now = datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z")))
    return judge(
        case.policy,
        test=test,
        owner=case.repository["account"],
        region=case.repository["region"],
        members=[str(member) for member in case.parameters.get("members", ())],
        trusted_accounts=ids_of(case.parameters, "trustedAccounts"),
        trusted_organizations=ids_of(case.parameters, "trustedOrganizations"),
        now=now,
    )


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("case", ABOUT_POLICIES, ids=lambda case: case.name)
def test_judge_answers_as_labelled(case: Case, test: str) -> None:
    verdict = judged(case, test)
    assert verdict.compliance == case.expect[test], verdict
    problem = case.expect.get("problem")
    assert (verdict.problem is None) == (problem is None) or case.name in TOO_COMPLEX
    assert (verdict.problem or "").startswith(problem or "")


# Only a test that searches can find a policy too complex.
TOO_COMPLEX = {"deny-statements/a-puzzle-that-is-too-complex"}


@pytest.mark.parametrize("case", ABOUT_POLICIES, ids=lambda case: case.name)
def test_unconditional_grants_are_as_labelled(case: Case) -> None:
    grants = [(g.statement, [c.value for c in g.capabilities]) for g in judged(case, "unconditional").grants]
    assert grants == [(g["statement"], g["capabilities"]) for g in case.expect.get("grants", ())]


@pytest.mark.parametrize("case", ABOUT_POLICIES, ids=lambda case: case.name)
def test_advisories_are_as_labelled(case: Case) -> None:
    kinds = {advisory.kind.value for advisory in judged(case, "reachable").advisories}
    assert kinds == set(case.expect.get("advisories", ()))


@pytest.mark.parametrize("test", ["reachable", "external"])
@pytest.mark.parametrize("case", ABOUT_POLICIES, ids=lambda case: case.name)
def test_every_witness_is_allowed(case: Case, test: str) -> None:
    """The request that proves a grant is allowed by the plain evaluator, which derives nothing."""
    for grant in judged(case, test).grants:
        assert grant.witness is not None
        assert grant.witness.action in grant.actions
        assert is_allowed(case.policy, grant.witness)


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
