"""Laws of exposure: they hold for every policy, whatever it says."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import Verdict, is_allowed, judge
from tests.oracle.generator.policies import policies

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OWNER = "111122223333"
WEIGHED = st.sampled_from(["reachable", "external"])


def judged(policy: Any, test: str) -> Verdict:
    """Judge with a fixed owner, region and time."""
    return judge(policy, test=test, owner=OWNER, region="us-east-1", now=NOW)


def is_open(verdict: Verdict) -> bool | None:
    """Tell whether somebody gets in; None where the search could not tell."""
    return None if verdict.problem else bool(verdict.grants)


def statements(policy: dict[str, Any]) -> list[Any]:
    """Return the statements of a policy as a list."""
    held = policy["Statement"]
    return list(held) if isinstance(held, list) else [held]


@given(policies(), policies(), WEIGHED)
def test_a_deny_never_opens(policy: dict[str, Any], other: dict[str, Any], test: str) -> None:
    before = judged(policy, test)
    denies = [{**statement, "Effect": "Deny"} for statement in statements(other)]
    after = judged({**policy, "Statement": statements(policy) + denies}, test)
    if is_open(before) is False:
        assert is_open(after) in (False, None)


@given(policies(), policies(), WEIGHED)
def test_an_allow_never_closes(policy: dict[str, Any], other: dict[str, Any], test: str) -> None:
    """But for names: an Allow for accounts makes them known to `reachable`, so only `external` is strict."""
    before = judged(policy, test)
    allows = [{**statement, "Effect": "Allow"} for statement in statements(other)]
    added = [statement for statement in allows if test == "external" or not names_somebody(statement)]
    after = judged({**policy, "Statement": statements(policy) + added}, test)
    if is_open(before):
        assert is_open(after) in (True, None)


def names_somebody(statement: dict[str, Any]) -> bool:
    """Tell whether a statement has a principal or a condition that may name an id."""
    return statement.get("Principal") not in ("*", {"AWS": "*"}) or bool(statement.get("Condition"))


@given(policies(), WEIGHED, st.integers())
def test_order_and_duplicates_do_not_matter(policy: dict[str, Any], test: str, seed: int) -> None:
    held = statements(policy)
    shuffled = held + held[:2]
    Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    first, second = is_open(judged(policy, test)), is_open(judged({**policy, "Statement": shuffled}, test))
    assert first == second or None in (first, second)


@given(policies(), WEIGHED, st.integers())
def test_the_case_of_keys_operators_and_actions_does_not_matter(policy: dict[str, Any], test: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret

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


@given(policies(), WEIGHED)
def test_text_and_content_mean_the_same(policy: dict[str, Any], test: str) -> None:
    assert judged(json.dumps(policy), test) == judged(policy, test)


@given(policies())
def test_without_trust_external_is_open_wherever_reachable_is(policy: dict[str, Any]) -> None:
    if is_open(judged(policy, "reachable")):
        assert is_open(judged(policy, "external")) in (True, None)


@given(policies(), WEIGHED)
def test_every_grant_is_proven(policy: dict[str, Any], test: str) -> None:
    """Its witness is allowed, is for one of its actions, and comes from another account."""
    for grant in judged(policy, test).grants:
        assert grant.witness is not None
        assert is_allowed(policy, grant.witness)
        assert is_allowed(json.dumps(policy), grant.witness)
        assert grant.witness.action in grant.actions
        assert grant.witness.principal.split(":")[4] != OWNER


@given(policies(), WEIGHED)
def test_what_is_closed_denies_an_ordinary_stranger(policy: dict[str, Any], test: str) -> None:
    """Where nobody gets in, the witness of the widest policy does not either."""
    everything = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}
    (grant,) = judged(everything, test).grants
    assert grant.witness is not None
    if is_open(judged(policy, "external")) is False:
        assert not is_allowed(policy, grant.witness)
