"""Laws about access: they hold for every policy, whatever its statements say."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import Grant, Verdict, is_allowed, judge
from tests.oracle.generator.policies import policies
from tests.oracle.request_consistency import check_consistency
from tests.oracle.solver_statements import REPOSITORY_ACTIONS

QUESTION: Final[dict[str, Any]] = {
    "owner": "111122223333",
    "region": "us-east-1",
    "members": (),
    "trusted_accounts": (),
    "trusted_organizations": (),
    "now": datetime(2026, 11, 24, tzinfo=UTC),
}
SEARCHED: Final = st.sampled_from(["reachable", "external"])
CAPABILITIES: Final = ("administer", "delete", "push", "pull", "configure", "discover")


def judged(policy: Any, test: str) -> Verdict:
    """Judge with a fixed owner, region and time."""
    return judge(policy, test=test, **QUESTION)


def grants_access(verdict: Verdict) -> bool | None:
    """Return whether the policy grants access; None where the verdict is a problem."""
    return None if verdict.problem else bool(verdict.grants)


def statements(policy: dict[str, Any]) -> list[Any]:
    """Return the statements of a policy as a list."""
    held = policy["Statement"]
    return list(held) if isinstance(held, list) else [held]


class TestStatements:
    """What another statement, or another order of them, changes."""

    @given(policies(), policies(), SEARCHED)
    def test_deny_never_adds_access(self, policy: dict[str, Any], other: dict[str, Any], test: str) -> None:
        before = judged(policy, test)
        denies = [{**statement, "Effect": "Deny"} for statement in statements(other)]
        after = judged({**policy, "Statement": statements(policy) + denies}, test)
        if grants_access(before) is False:
            assert grants_access(after) in (False, None)

    @given(policies(), policies(), SEARCHED)
    def test_allow_never_removes_access(self, policy: dict[str, Any], other: dict[str, Any], test: str) -> None:
        """Under `reachable`, an Allow that names ids can: whom a policy names is no public caller."""
        before = judged(policy, test)
        allows = [{**statement, "Effect": "Allow"} for statement in statements(other)]
        added = [statement for statement in allows if test == "external" or not may_name_ids(statement)]
        after = judged({**policy, "Statement": statements(policy) + added}, test)
        if grants_access(before):
            assert grants_access(after) in (True, None)

    @given(policies(), SEARCHED, st.integers())
    def test_order_and_duplicates_change_nothing(self, policy: dict[str, Any], test: str, seed: int) -> None:
        held = statements(policy)
        shuffled = held + held[:2]
        Random(seed).shuffle(shuffled)
        first = grants_access(judged(policy, test))
        second = grants_access(judged({**policy, "Statement": shuffled}, test))
        assert first == second or None in (first, second)


def may_name_ids(statement: dict[str, Any]) -> bool:
    """Return whether a statement has a principal or a condition that may name an id."""
    return statement.get("Principal") not in ("*", {"AWS": "*"}) or bool(statement.get("Condition"))


class TestSpelling:
    """Policies that mean the same."""

    @given(policies(), SEARCHED, st.integers())
    def test_letter_case_of_keys_and_operators_changes_nothing(
        self, policy: dict[str, Any], test: str, seed: int
    ) -> None:
        random = Random(seed)

        def respelled(text: str) -> str:
            return "".join(random.choice((c.lower(), c.upper())) if c.isascii() else c for c in text)

        def other(statement: dict[str, Any]) -> dict[str, Any]:
            conditions = {
                respelled(operator): {respelled(key): value for key, value in block.items()}
                for operator, block in statement.get("Condition", {}).items()
            }
            return {**statement, "Condition": conditions} if conditions else statement

        policy = {**policy, "Statement": statements(policy)}
        again = {**policy, "Statement": [other(statement) for statement in policy["Statement"]]}
        assert judged(again, test).compliance == judged(policy, test).compliance

    @given(policies(), SEARCHED)
    def test_json_text_means_the_same_as_its_object(self, policy: dict[str, Any], test: str) -> None:
        assert judged(json.dumps(policy), test) == judged(policy, test)


class TestGrants:
    """What every grant is."""

    @given(policies(), SEARCHED)
    def test_witness_is_allowed_and_possible(self, policy: dict[str, Any], test: str) -> None:
        """It is a request for the first action, by a caller from another account, whose keys agree."""
        for grant in judged(policy, test).grants:
            assert grant.witness is not None
            assert is_allowed(policy, grant.witness)
            assert is_allowed(json.dumps(policy), grant.witness)
            assert grant.witness.action == grant.actions[0]
            check_consistency(grant.witness, QUESTION)

    @given(policies(), st.sampled_from(["unconditional", "reachable", "external"]))
    def test_most_dangerous_grant_and_action_come_first(self, policy: dict[str, Any], test: str) -> None:
        """One order for all tests: by capabilities, then statements that name everyone, then the statement's place."""
        grants = judged(policy, test).grants
        keys = [danger(grant, statements(policy)[grant.statement]) for grant in grants]
        assert all(first < second for first, second in pairwise(keys))
        for grant in grants:
            places = [REPOSITORY_ACTIONS.index(action.lower()) for action in grant.actions if is_known(action)]
            assert places == sorted(places)
            assert not any(is_known(action) for action in grant.actions[len(places) :])


def is_known(action: str) -> bool:
    """Return whether an action is a repository action of the service authorization reference."""
    return action.lower() in REPOSITORY_ACTIONS


def danger(grant: Grant, statement: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a more dangerous grant has less of."""
    held = {capability.value for capability in grant.capabilities}
    values = statement.get("Principal", ())
    listed = values.get("AWS", ()) if isinstance(values, dict) else values
    everyone = "*" in ((listed,) if isinstance(listed, str) else listed) and not isinstance(values, list)
    return [name not in held for name in CAPABILITIES], not everyone, grant.statement


class TestAccessTests:
    """How the tests relate to each other."""

    @given(policies())
    def test_public_access_is_external_access_without_a_zone_of_trust(self, policy: dict[str, Any]) -> None:
        if grants_access(judged(policy, "reachable")):
            assert grants_access(judged(policy, "external")) in (True, None)

    @given(policies())
    def test_ordinary_caller_is_denied_where_no_external_caller_has_access(self, policy: dict[str, Any]) -> None:
        """The caller is the one whom a policy without conditions grants access."""
        everything = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}
        (grant,) = judged(everything, "external").grants
        assert grant.witness is not None
        if grants_access(judged(policy, "external")) is False:
            assert not is_allowed(policy, grant.witness)
