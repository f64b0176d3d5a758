"""The engine against the oracle, which shares no code with it: a solver decides the same question."""

import ast
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.policy import condition_keys as engine_keys
from ecr_exposure.policy import operators as engine_operators
from tests.corpus.each_case import each_case
from tests.corpus.loader import Case
from tests.nightly import NIGHTLY
from tests.oracle import solver_condition_keys, solver_operators
from tests.oracle.agreement import (
    CASES,
    SEARCHING_TESTS,
    TESTS,
    answer_of,
    check_agreement,
    generated_policies,
    question_of,
)
from tests.oracle.generator.invalid_policies import InvalidPolicy
from tests.oracle.generator.mutants import Mutant, mutants
from tests.oracle.generator.policies import invalid_policies, policies, policy_texts, questions
from tests.oracle.generator.real_policies import FAMILIES
from tests.oracle.policy_builder import NOT_GRANTED, PROBLEM, UNDECIDED
from tests.oracle.solver_oracle import decide

GENERATED: Final = list(HealthCheck)
MUTANTS: Final = 80


# Every case is asked with each test in the nightly profile, and with one test, in turn, by default.
ASKED: Final = {case.name: TESTS if NIGHTLY else (TESTS[at % len(TESTS)],) for at, case in enumerate(CASES)}


class TestCorpus:
    """The oracle on hand-labelled cases."""

    @each_case(CASES)
    def test_oracle_answers_as_labelled(self, case: Case) -> None:
        for test in ASKED[case.name]:
            answer = decide(case.policy, **question_of(case, test))
            assert answer is not UNDECIDED, test
            assert ("COMPLIANT" if answer is NOT_GRANTED else "NON_COMPLIANT") == case.expect[test], test
            assert (answer is PROBLEM) == (test in case.problems), test


def all_mutants() -> Iterator[tuple[Case, Mutant]]:
    """Return every valid policy of the corpus, changed in every small way."""
    for case in CASES:
        if "problem" in case.expect or not isinstance(case.policy, str):
            continue
        try:
            document = json.loads(case.policy)
        except ValueError:
            continue
        if isinstance(document, dict) and document.get("Statement"):
            yield from ((case, mutant) for mutant in mutants(document))


def chosen_mutants() -> list[Any]:
    """Return all mutants in the nightly profile, and always the same few of them by default."""
    found = list(all_mutants())
    chosen = found if NIGHTLY else random.Random(1).sample(found, MUTANTS)
    return [pytest.param(case, mutant.policy, id=f"{case.name}: {mutant.change}") for case, mutant in chosen]


class TestEngine:
    """The engine on policies that nobody labelled."""

    @settings(max_examples=settings().max_examples * 3 // 2, suppress_health_check=GENERATED)
    @given(policies() | policy_texts(), questions())
    def test_random_policy_has_the_answer_of_the_oracle(self, policy: Any, question: dict[str, Any]) -> None:
        check_agreement(policy, question)

    @pytest.mark.parametrize(("case", "policy"), chosen_mutants())
    def test_mutant_of_a_case_has_the_answer_of_the_oracle(self, case: Case, policy: dict[str, Any]) -> None:
        for test in TESTS:
            check_agreement(policy, question_of(case, test))

    @settings(suppress_health_check=GENERATED)
    @given(invalid_policies(), questions())
    def test_invalid_policy_is_a_problem_at_its_fault(self, invalid: InvalidPolicy, question: dict[str, Any]) -> None:
        problem = judge(invalid.policy, **question).problem
        assert problem is not None
        assert invalid.place in problem
        assert decide(invalid.policy, **question) is PROBLEM

    @settings(max_examples=settings().max_examples // 5, suppress_health_check=GENERATED)
    @pytest.mark.parametrize("family", FAMILIES)
    @given(data=st.data(), question=questions())
    def test_policy_of_a_real_family_is_decided_as_the_oracle_does(
        self, family: str, data: st.DataObject, question: dict[str, Any]
    ) -> None:
        document = data.draw(FAMILIES[family])
        assert UNDECIDED not in check_agreement(document, question)

    def test_few_random_policies_are_too_complex(self, record_property: Callable[[str, object], None]) -> None:
        """Of those that are judged by a search, at most one in two hundred."""
        chosen = generated_policies(10_000 if NIGHTLY else 500, chosen_seed=4)
        searched = [(document, question) for document, question in chosen if question["test"] in SEARCHING_TESTS]
        complex_ones = [each for each in searched if answer_of(judge(each[0], **each[1])) is UNDECIDED]
        share = len(complex_ones) / len(searched)
        record_property("too complex", f"{len(complex_ones)} of {len(searched)} random policies ({share:.2%})")
        assert share <= 0.005, complex_ones[0]


# The only place that reads the engine's tables: names of condition keys, of their prefixes and of operators.
TABLES: Final = [
    ({row.name for row in engine_keys.TABLE}, "solver_condition_keys.KEYS", set(solver_condition_keys.KEYS)),
    ({row.name for row in engine_keys.PREFIXES}, "solver_condition_keys.PREFIXES", set(solver_condition_keys.PREFIXES)),
    ({row.name for row in engine_operators.TABLE}, "solver_operators.OPERATORS", set(solver_operators.OPERATORS)),
]


class TestIndependence:
    """The oracle shares neither code nor tables with the engine, so that no mistake is in both."""

    def test_oracle_imports_nothing_of_the_engine(self) -> None:
        files = sorted(Path(__file__).parent.glob("solver_*.py"))
        imported = {module for file in files for module in modules_imported_by(file)}
        assert "tests.oracle.solver_policy" in imported
        assert not [module for module in imported if "ecr_exposure" in module.split(".")]
        others = {module for module in imported if module.startswith("tests.")} - {"tests.oracle"}
        assert not [module for module in others if not module.startswith("tests.oracle.solver_")]

    @pytest.mark.parametrize(("engine", "table", "oracle"), TABLES, ids=("keys", "prefixes", "operators"))
    def test_both_tables_have_the_same_names(self, engine: set[str], table: str, oracle: set[str]) -> None:
        """A key or an operator that only one of them knows would be compared with nothing."""
        ours = {name.lower() for name in engine}
        assert not sorted(ours - oracle), f"rows that {table} lacks"
        assert not sorted(oracle - ours), f"rows that only {table} has"


def modules_imported_by(file: Path) -> Iterator[str]:
    """Return what a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module or ""
