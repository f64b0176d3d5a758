"""The engine and the oracle on one policy."""

import json
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from ecr_exposure import Request, Verdict, is_allowed, judge
from tests.corpus.loader import Case, all_cases
from tests.oracle.generator.policies import policies, policy_texts, questions
from tests.oracle.random_requests import random_requests
from tests.oracle.solver_oracle import decide_with_request, grants
from tests.oracle.solver_search import Answer
from tests.oracle.solver_statements import REPOSITORY_ACTIONS

TESTS: Final = ("unconditional", "reachable", "external")
SEARCHING_TESTS: Final = ("reachable", "external")

# The engine's budget of steps ends before it has an answer: its verdict says so, and there is nothing to compare.
TOO_COMPLEX: Final = "deny-statements/seventeen-tags-with-sixteen-values-are-too-complex"
CASES: Final = [case for case in all_cases() if not case.is_about_the_item and case.name != TOO_COMPLEX]
"""The corpus, as far as it is about policies."""

_REQUESTS: Final = 300


def question_of(case: Case, test: str) -> dict[str, Any]:
    """Return the arguments of `judge` for a case of the corpus: its owner, region, tags, zone of trust and time."""

    def ids(name: str) -> tuple[str, ...]:
        return tuple(text for text in str(case.parameters.get(name, "")).split(",") if text)

    return {
        "test": test,
        "owner": case.repository["account"],
        "region": case.repository["region"],
        "members": tuple(str(member) for member in case.parameters.get("members", ())),
        "trusted_accounts": ids("trustedAccounts"),
        "trusted_organizations": ids("trustedOrganizations"),
        "resource_tags": case.resource_tags,
        "now": datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))),
    }


def generated_policies(count: int, chosen_seed: int) -> list[tuple[Any, dict[str, Any]]]:
    """Return so many different random policies, each with a question; they depend on the seed alone."""
    found: dict[str, tuple[Any, dict[str, Any]]] = {}

    @hypothesis.seed(chosen_seed)
    @settings(
        max_examples=count * 2,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(policies() | policy_texts(), questions())
    def collect(policy: Any, question: dict[str, Any]) -> None:
        if len(found) < count:
            key = json.dumps([policy, question], default=str, sort_keys=True)
            found.setdefault(key, (policy, question))

    collect()
    return list(found.values())


def answer_of(verdict: Verdict) -> Answer:
    """Return the engine's verdict as an answer of the oracle."""
    if verdict.problem is not None:
        return Answer.UNDECIDED if verdict.problem.startswith("too complex") else Answer.PROBLEM
    return Answer.NOT_GRANTED if verdict.compliance == "COMPLIANT" else Answer.GRANTED


def check_agreement(policy: Any, question: dict[str, Any]) -> tuple[Answer, Answer]:
    """Compare the engine with the oracle; `is_allowed` allows the engine's witnesses and the oracle's request.

    What the oracle leaves undecided is tried with random requests: none is allowed where the engine reports no access.
    Return both answers, the engine's first.
    """
    verdict = judge(policy, **question)
    for grant in verdict.grants:
        assert (grant.witness is None) == (question["test"] == "unconditional")
        assert grant.witness is None or is_allowed(policy, grant.witness), grant.witness
    engine = answer_of(verdict)
    oracle, make_request = decide_with_request(policy, **question)
    if oracle is Answer.UNDECIDED and engine is Answer.NOT_GRANTED:
        check_random_requests(policy, question, _REQUESTS)
    elif Answer.UNDECIDED not in (engine, oracle):
        assert engine is oracle, verdict
    if engine is oracle is Answer.GRANTED:
        _check_grants(policy, question, verdict)
    if make_request is not None and not _has_doubtful_tags(policy, question["resource_tags"]):
        found = make_request()
        request = Request(principal=found["principal"], action=found["action"], context=found["context"])
        assert is_allowed(policy, request), request
    return engine, oracle


def _check_grants(policy: Any, question: dict[str, Any], verdict: Verdict) -> None:
    """Both find the same grants in the same order, with the same actions; unknown ones in any order and letter case."""
    expected = grants(policy, **question)
    if expected is None:
        return
    assert [grant.statement for grant in verdict.grants] == [grant.statement for grant in expected], verdict
    for ours, theirs in zip(verdict.grants, expected, strict=True):
        actions = [action.lower() for action in ours.actions]
        known = [action for action in actions if action in REPOSITORY_ACTIONS]
        assert known == [action for action in theirs.actions if action in REPOSITORY_ACTIONS], ours
        assert actions[: len(known)] == known, ours
        assert set(actions) == set(theirs.actions), ours


_KELVIN: Final = ("\u212a", "\\u212a", "\\u212A", "%E2%84%AA")
"""The sign of the unit kelvin, which is a k where the case of all letters is ignored, as a policy may write it."""


def _has_doubtful_tags(policy: Any, tags: Mapping[str, str] | None) -> bool:
    """Whether the value of a tag can be undocumented, so that no request shows it."""
    keys = list(tags or ())
    same = len({key.casefold() for key in keys}) < len(keys) or not all(map(str.isascii, keys))
    return same or (bool(keys) and any(sign in str(policy) for sign in _KELVIN))


def check_random_requests(policy: Any, question: dict[str, Any], count: int, seed: int = 0) -> None:
    """Try random requests on a policy for which the engine reports no access: `is_allowed` denies all of them."""
    for request in random_requests(policy, question, Random(seed), count):
        assert not is_allowed(policy, request), request
