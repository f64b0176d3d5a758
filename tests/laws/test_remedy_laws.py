"""What `remedy` returns closes the policy and grants nothing new: on the corpus and on random policies."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ecr_exposure import RemedyError, judge, remedy
from tests.corpus.loader import Case
from tests.laws.remedy_laws import (
    ACCOUNT,
    ORGANIZATION,
    PUBLIC_TESTS,
    Closing,
    arguments_for,
    check_laws,
)
from tests.nightly import NIGHTLY, every
from tests.oracle.agreement import CASES
from tests.oracle.generator.policies import questions
from tests.oracle.generator.public_policies import public_policies
from tests.oracle.solver_policy import Statement, read_policy

Json = dict[str, Any]

# `remedy` reads the clock, as `judge` does without `now`.
NOW: Final = datetime.now(UTC)
PUBLIC: Final = [case for case in CASES if "NON_COMPLIANT" in {case.expect[test] for test in PUBLIC_TESTS}]
NOT_PUBLIC: Final = [case for case in CASES if case not in PUBLIC and "now" not in case.parameters]
MODES: Final = (
    {"mode": "scope-to-organization", "organization": ORGANIZATION},
    {"mode": "scope-to-accounts", "accounts": (ACCOUNT,)},
    {"mode": "remove-statements"},
)


def question_about(case: Case) -> Json:
    """Return what is known about the repository of a case."""
    repository = case.repository
    known = {"owner": repository["account"], "region": repository["region"], "resource_tags": case.resource_tags}
    return {**known, "now": NOW}


def asked_cases() -> list[Any]:
    """Return every public case with all arguments in the nightly profile, and a part with one, in turn, by default."""
    asked = []
    for at, case in enumerate(every(9, PUBLIC)):
        arguments = arguments_for(case.policy)
        for chosen in arguments if NIGHTLY else (arguments[at % len(arguments)],):
            words = "-".join(" ".join(each) if isinstance(each, tuple) else each for each in chosen.values())
            asked.append(pytest.param(case, chosen, id=f"{case.name}-{words}"))
    return asked


class TestCorpus:
    """The cases of the corpus."""

    @pytest.mark.parametrize(("case", "arguments"), asked_cases())
    def test_public_case_is_closed_and_grants_nothing_new(self, case: Case, arguments: Json) -> None:
        requests = 300 if NIGHTLY else 40
        question = question_about(case)
        check_laws(
            Closing(policy=case.policy, arguments=arguments, question=question, requests=requests), Random(case.name)
        )

    @pytest.mark.parametrize("arguments", MODES, ids=lambda arguments: arguments["mode"])
    def test_case_that_is_not_public_stays_as_it_is(self, arguments: Json) -> None:
        assert len(NOT_PUBLIC) > 300
        for case in NOT_PUBLIC:
            assert check_laws(
                Closing(policy=case.policy, arguments=arguments, question=question_about(case)), Random(1)
            ), case.name

    @pytest.mark.parametrize("arguments", MODES, ids=lambda arguments: arguments["mode"])
    def test_case_that_must_be_closed_is_closed(
        self, arguments: Json, record_property: Callable[[str, object], None]
    ) -> None:
        """Without that, a remedy that always refuses would keep every other law."""
        outcomes: Counter[str] = Counter()
        for case in PUBLIC:
            known = {name: value for name, value in question_about(case).items() if name != "now"}
            try:
                outcome = "closed" if remedy(case.policy, **arguments, **known).changes else "not public now"
            except RemedyError:
                outcome = "refused"
            outcomes[outcome] += 1
            if must_be_closed(case, arguments["mode"]):
                outcomes["must be closed"] += 1
                assert outcome != "refused", case.name
        record_property(arguments["mode"], dict(outcomes))
        assert outcomes["must be closed"] >= (500 if arguments["mode"] == "remove-statements" else 180)


def must_be_closed(case: Case, mode: str) -> bool:
    """Return whether a mode closes a case for certain.

    Each Allow has a Principal, and ECR accepts all of them. With a Deny, or a condition on the caller's account or
    organization, nobody of the organization or the account could be left: there, only removing statements is certain.
    """
    if set(PUBLIC_TESTS) & set(case.problems) or "now" in case.parameters:
        return False
    statements = read_policy(case.policy) or ()
    principals = [statement.principals for statement in statements]
    plain = not any(each.unreliable or each.invalid for each in principals)
    allows = [statement for statement in statements if statement.allow]
    everyone = not any(statement.principals.negated for statement in allows)
    free = allows == list(statements) and not any(map(_is_about_the_caller, statements))
    return plain and everyone and (free or mode == "remove-statements")


def _is_about_the_caller(statement: Statement) -> bool:
    """Return whether a condition may decide by the caller's account or organization."""
    keys = ("aws:principal", "aws:resourceorg", "aws:resourceaccount", "aws:userid", "aws:username")
    return any(
        (each.key.startswith(keys) and not each.key.startswith("aws:principaltag/")) or "${" in "".join(each.values)
        for each in statement.conditions
    )


class TestRandomPolicies:
    """Policies that nobody labelled."""

    # To shrink a policy takes longer than to find it.
    @settings(
        max_examples=1_000 if NIGHTLY else 25,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(public_policies(), questions(), st.data())
    def test_random_policy_is_closed_and_grants_nothing_new(
        self, policy: Json, question: Json, data: st.DataObject
    ) -> None:
        """Every mode, with one of its arguments."""
        known = {name: question[name] for name in ("owner", "region", "resource_tags")} | {"now": NOW}
        by_mode: dict[str, list[Json]] = {}
        for arguments in arguments_for(policy):
            by_mode.setdefault(arguments["mode"], []).append(arguments)
        for choices in by_mode.values():
            chosen = data.draw(st.sampled_from(choices))
            requests = 300 if NIGHTLY else 40
            check_laws(Closing(policy=policy, arguments=chosen, question=known, requests=requests), Random(1))

    def test_most_random_policies_are_public(self, record_property: Callable[[str, object], None]) -> None:
        """Without that, they would prove nothing."""
        found: list[bool] = []

        @settings(max_examples=60, database=None)
        @given(public_policies())
        def collect(policy: Json) -> None:
            verdicts = [judge(policy, test=test, now=NOW) for test in PUBLIC_TESTS]
            found.append(any(verdict.grants for verdict in verdicts))

        collect()
        record_property("public", f"{sum(found)} of {len(found)} random policies")
        assert sum(found) >= 0.7 * len(found)
