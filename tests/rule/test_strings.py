"""The search for strings: automata against the plain matcher, results against trying every string; the budget."""

import json
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.policy.evaluator import Request
from ecr_exposure.policy.operators import matches_arn
from ecr_exposure.policy.patterns import LITERAL, matches
from ecr_exposure.search.strings import (
    Budget,
    CharClass,
    ExclusionAutomaton,
    Literal,
    PatternAutomaton,
    Repeat,
    TooComplexError,
    shortest_match,
)
from tests.benchmarks.worst_policies import POLICIES

LETTERS = CharClass("abc".__contains__, "abc")
FORM = (Literal({"value": "x"}), Repeat(LETTERS, 1, 3, ("value", "part")), Literal({"value": "-", "part": ""}))
TEXTS = ["".join(letters) for length in (1, 2, 3) for letters in product("abc", repeat=length)]
patterns = st.lists(st.text("abx-*?", max_size=5), min_size=1, max_size=3)


def accepts(automaton: PatternAutomaton | ExclusionAutomaton, text: str) -> bool:
    """Run an automaton over a text."""
    state = automaton.start
    for character in text:
        state = automaton.step(state, character)  # type: ignore[arg-type]  # each automaton has states of its own
        if state is None:
            return False
    return automaton.accepts(state)  # type: ignore[arg-type]  # the same


@given(patterns, st.text("abx-", max_size=6), st.booleans())
def test_automaton_accepts_what_the_matcher_matches(texts: list[str], text: str, negated: bool) -> None:  # noqa: FBT001
    expected = any(matches(pattern, text) for pattern in texts) != negated
    assert accepts(PatternAutomaton("value", texts, negated=negated), text) == expected


@given(st.text("aA*?ß", max_size=5), st.text("aAß", max_size=5))
def test_automaton_that_ignores_case_accepts_either_case(pattern: str, text: str) -> None:
    expected = matches(pattern.lower(), text.lower())
    assert accepts(PatternAutomaton("value", [pattern], ignore_case=True), text) == expected


@given(st.lists(st.text("a*?", max_size=2), min_size=6, max_size=6), st.lists(st.text("a", max_size=2), min_size=6))
def test_arn_automaton_keeps_wildcards_inside_their_field(wanted: list[str], fields: list[str]) -> None:
    pattern, text = ":".join(wanted), ":".join(fields)
    assert accepts(PatternAutomaton("value", [pattern], arn=True), text) == bool(matches_arn(pattern, text))


def test_literal_star_matches_only_a_star() -> None:
    automaton = PatternAutomaton("value", ["a*".translate(LITERAL)])
    assert accepts(automaton, "a*")
    assert not accepts(automaton, "ab")


@given(patterns, patterns, st.sets(st.sampled_from(TEXTS), max_size=20))
def test_shortest_match_is_found_if_there_is_one(wanted: list[str], avoided: list[str], taken: set[str]) -> None:
    """Compared with trying every string."""
    automata: list[PatternAutomaton | ExclusionAutomaton] = [
        PatternAutomaton("value", wanted),
        PatternAutomaton("value", avoided, negated=True),
        ExclusionAutomaton("part", frozenset(taken)),
    ]
    fits = [
        text
        for text in TEXTS
        if any(matches(pattern, f"x{text}-") for pattern in wanted)
        and not any(matches(pattern, f"x{text}-") for pattern in avoided)
        and text not in taken
    ]
    found = shortest_match(FORM, automata, Budget())
    if not fits:
        assert found is None
    else:
        assert found is not None
        assert found["part"] in fits
        assert found["value"] == f"x{found['part']}-"
        assert len(found["part"]) == len(fits[0])


def test_used_up_budget_ends_the_search() -> None:
    with pytest.raises(TooComplexError, match="more than 200,000 steps"):
        shortest_match(FORM, [PatternAutomaton("value", ["*a*b*c*"])], Budget(10))


@pytest.mark.parametrize("test", ["reachable", "external"])
@pytest.mark.parametrize("name", POLICIES)
def test_slow_policies_get_the_same_verdict_twice(name: str, test: str) -> None:
    policy = POLICIES[name]
    assert len(json.dumps(policy, separators=(",", ":"))) <= 10_240
    now = datetime(2026, 11, 24, tzinfo=UTC)
    first, second = (judge(policy, test=test, owner="111122223333", region="us-east-1", now=now) for _ in range(2))
    assert first == second


def test_policies_with_many_alternatives_are_decided() -> None:
    closed = (
        "every pair of digits",
        "all but six hundred accounts",
        "a formula without a solution",
        "four pigeons in three holes",
    )
    opened = ("a formula with few solutions", "role names in any account", "question marks behind stars")
    for name in (*closed, *opened):
        verdict = judge(POLICIES[name], test="reachable", owner="111122223333")
        assert verdict.problem is None
        assert bool(verdict.grants) == (name in opened), name


def test_policy_beyond_the_budget_cannot_be_evaluated() -> None:
    verdict = judge(POLICIES["account ids inside patterns"], test="reachable")
    assert verdict.compliance == "NON_COMPLIANT"
    assert verdict.annotation == "Cannot be evaluated: too complex: more than 200,000 steps"


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"aws:sourceip": "198.51.100.7"}, "arn:aws:iam::999999999999:user/x from 198.51.100.7 may ecr:PutImage"),
        ({"aws:sourcevpce": "vpce-1"}, "arn:aws:iam::999999999999:user/x through vpce-1 may ecr:PutImage"),
        ({"aws:principalarn": "arn:aws:iam::1:role/y"}, "arn:aws:iam::1:role/y may ecr:PutImage"),
    ],
)
def test_request_reads_as_caller_origin_and_action(context: dict[str, str], line: str) -> None:
    request = Request(principal="arn:aws:iam::999999999999:user/x", action="ecr:PutImage", context=context)
    assert str(request) == line
