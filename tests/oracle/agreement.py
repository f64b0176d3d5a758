"""The engine and the oracle on one policy."""

from datetime import datetime
from random import Random
from typing import Any, Final

from ecr_exposure import Request, Verdict, is_allowed, judge
from tests.corpus.loader import Case, all_cases
from tests.oracle.random_requests import random_requests
from tests.oracle.solver_oracle import decide_with_request
from tests.oracle.solver_search import Answer

TESTS: Final = ("reachable", "external")

# The engine's budget of steps ends before it has an answer: its verdict says so, and there is nothing to compare.
TOO_COMPLEX: Final = "deny-statements/seventeen-tags-with-sixteen-values-are-too-complex"
CASES: Final = [case for case in all_cases() if not case.is_about_the_item and case.name != TOO_COMPLEX]
"""The corpus, as far as it is about policies."""

_REQUESTS: Final = 300


def question_of(case: Case, test: str) -> dict[str, Any]:
    """Return the arguments of `judge` for a case of the corpus: its owner, region, zone of trust and time."""

    def ids(name: str) -> tuple[str, ...]:
        return tuple(text for text in str(case.parameters.get(name, "")).split(",") if text)

    return {
        "test": test,
        "owner": case.repository["account"],
        "region": case.repository["region"],
        "members": tuple(str(member) for member in case.parameters.get("members", ())),
        "trusted_accounts": ids("trustedAccounts"),
        "trusted_organizations": ids("trustedOrganizations"),
        "now": datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))),
    }


def answer_of(verdict: Verdict) -> Answer:
    """Return the engine's verdict as an answer of the oracle."""
    if verdict.problem is not None:
        return Answer.UNDECIDED if verdict.problem.startswith("too complex") else Answer.PROBLEM
    return Answer.NOT_GRANTED if verdict.compliance == "COMPLIANT" else Answer.GRANTED


def check_agreement(policy: Any, question: dict[str, Any]) -> None:
    """Compare the engine with the oracle; `is_allowed` allows the engine's witnesses and the oracle's request.

    What the oracle leaves undecided is tried with random requests: none is allowed where the engine reports no access.
    """
    verdict = judge(policy, **question)
    for grant in verdict.grants:
        assert grant.witness is not None
        assert is_allowed(policy, grant.witness), grant.witness
    engine = answer_of(verdict)
    oracle, make_request = decide_with_request(policy, **question)
    if oracle is Answer.UNDECIDED and engine is Answer.NOT_GRANTED:
        check_random_requests(policy, question, _REQUESTS)
    elif Answer.UNDECIDED not in (engine, oracle):
        assert engine is oracle, verdict
    if make_request is not None:
        found = make_request()
        request = Request(principal=found["principal"], action=found["action"], context=found["context"])
        assert is_allowed(policy, request), request


def check_random_requests(policy: Any, question: dict[str, Any], count: int, seed: int = 0) -> None:
    """Try random requests on a policy for which the engine reports no access: `is_allowed` denies all of them."""
    for request in random_requests(policy, question, Random(seed), count):
        assert not is_allowed(policy, request), request
