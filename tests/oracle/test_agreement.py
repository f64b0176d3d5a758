"""The engine against two oracles that share no code with it: one tries requests, one asks a solver."""

import ast
import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from ecr_exposure import Verdict, is_allowed, judge
from tests.corpus.loader import Case, all_cases
from tests.oracle.enumeration import oracle as enumeration
from tests.oracle.generator.broken import Broken
from tests.oracle.generator.mutants import Mutant, mutants
from tests.oracle.generator.policies import broken_policies, policies, policy_texts, questions
from tests.oracle.solver import oracle as solver

Decide = Callable[..., str]

OPEN, CLOSED, PROBLEM, UNDECIDED = "open", "closed", "problem", "undecided"
ORACLES: Final[dict[str, Decide]] = {"enumeration": enumeration.decide, "solver": solver.decide}
TESTS: Final = ("reachable", "external")

# 100 by default; HYPOTHESIS_PROFILE=nightly asks for many more.
EXAMPLES: Final = settings().max_examples
NIGHTLY: Final = settings().max_examples > 100
GENERATED: Final = list(HealthCheck)
MUTANTS: Final = 300

TOO_COMPLEX: Final = "deny-statements/seventeen-tags-with-sixteen-values-are-too-complex"
CASES: Final = [case for case in all_cases() if not case.is_about_the_item and case.name != TOO_COMPLEX]

# The enumeration reads a text other than "*" directly under Principal as a problem: NON_COMPLIANT like the label.
STRICTER: Final = ("enumeration", "principals/arn-without-a-principal-type-is-invalid")


def question_of(case: Case, test: str) -> dict[str, Any]:
    """Return what is asked about a case of the corpus: its own owner, region, trust zone and time."""

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


def answer_of(verdict: Verdict) -> str:
    """Return the engine's verdict in the oracles' words."""
    if verdict.problem is not None:
        return UNDECIDED if verdict.problem.startswith("too complex") else PROBLEM
    return CLOSED if verdict.compliance == "COMPLIANT" else OPEN


def check(decide: Decide, policy: Any, question: dict[str, Any]) -> None:
    """Compare the engine with an oracle wherever both decide, and try every witness."""
    verdict = judge(policy, **question)
    for grant in verdict.grants:
        assert grant.witness is not None
        assert is_allowed(policy, grant.witness), grant.witness
    engine, oracle = answer_of(verdict), decide(policy, **question)
    if UNDECIDED not in (engine, oracle):
        assert engine == oracle, verdict


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("oracle", ORACLES)
def test_an_oracle_answers_as_labelled(oracle: str, case: Case, test: str) -> None:
    """Both decide every case but the one that is made to be too complex."""
    answer = ORACLES[oracle](case.policy, **question_of(case, test))
    assert answer != UNDECIDED
    assert ("COMPLIANT" if answer == CLOSED else "NON_COMPLIANT") == case.expect[test]
    if (oracle, case.name) != STRICTER:
        assert (answer == PROBLEM) == ("problem" in case.expect)


@settings(max_examples=EXAMPLES * 5 // 2, suppress_health_check=GENERATED)
@given(policies() | policy_texts(), questions())
def test_the_engine_agrees_with_the_enumeration(policy: Any, question: dict[str, Any]) -> None:
    check(enumeration.decide, policy, question)


@settings(max_examples=EXAMPLES, suppress_health_check=GENERATED)
@given(policies() | policy_texts(), questions())
def test_the_engine_agrees_with_the_solver(policy: Any, question: dict[str, Any]) -> None:
    check(solver.decide, policy, question)


@settings(suppress_health_check=GENERATED)
@given(broken_policies(), questions())
def test_a_broken_policy_is_a_problem(broken: Broken, question: dict[str, Any]) -> None:
    """One fault is enough, and the problem says where."""
    problem = judge(broken.policy, **question).problem
    assert problem is not None
    assert broken.place in problem


def all_mutants() -> Iterator[tuple[Case, Mutant]]:
    """Return every policy of the corpus that can be judged, changed in every small way."""
    for case in CASES:
        if "problem" in case.expect or not isinstance(case.policy, str):
            continue
        try:
            policy = json.loads(case.policy)
        except ValueError:
            continue
        if isinstance(policy, dict) and policy.get("Statement"):
            yield from ((case, mutant) for mutant in mutants(policy))


def some_mutants() -> list[Any]:
    """Return all mutants at night, and always the same few of them by day."""
    found = list(all_mutants())
    chosen = found if NIGHTLY else random.Random(1).sample(found, MUTANTS)  # noqa: S311 - no secret
    return [pytest.param(case, mutant.policy, id=f"{case.name}: {mutant.change}") for case, mutant in chosen]


@pytest.mark.parametrize(("case", "policy"), some_mutants())
def test_the_engine_agrees_on_a_mutant(case: Case, policy: dict[str, Any]) -> None:
    for test in TESTS:
        check(enumeration.decide, policy, question_of(case, test))


@pytest.mark.parametrize("name", ORACLES)
def test_an_oracle_shares_no_code_with_the_engine(name: str) -> None:
    """It imports neither the engine nor the other oracle, so that no mistake is in two of them."""
    [other] = ORACLES.keys() - {name}
    files = sorted((Path(__file__).parent / name).glob("*.py"))
    imported = {module for file in files for module in modules_imported_by(file)}
    assert f"tests.oracle.{name}.policy" in imported
    assert not [module for module in imported if {"ecr_exposure", other} & set(module.split("."))]


def modules_imported_by(file: Path) -> Iterator[str]:
    """Return what a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module or ""
