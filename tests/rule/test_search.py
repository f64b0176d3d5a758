"""The search: automata against the plain matcher, words against trying them all, and the budget."""

import json
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.policy.evaluator import Request, matches_arn
from ecr_exposure.policy.patterns import LITERAL, matches
from ecr_exposure.search.strings import Budget, CharClass, Literal, NotIn, OneOf, Repeat, TooComplexError, spell
from tests.benchmarks.worst_policies import POLICIES

LETTERS = CharClass("abc".__contains__, "abc")
SHAPE = (Literal({"value": "x"}), Repeat(LETTERS, 1, 3, ("value", "part")), Literal({"value": "-", "part": ""}))
TEXTS = ["".join(letters) for length in (1, 2, 3) for letters in product("abc", repeat=length)]
patterns = st.lists(st.text("abx-*?", max_size=5), min_size=1, max_size=3)


def accepts(automaton: OneOf | NotIn, text: str) -> bool:
    """Run an automaton over a text."""
    state = automaton.start
    for character in text:
        state = automaton.step(state, character)  # type: ignore[arg-type]  # each automaton has states of its own
        if state is None:
            return False
    return automaton.accepts(state)  # type: ignore[arg-type]  # the same


@given(patterns, st.text("abx-", max_size=6), st.booleans())
def test_an_automaton_matches_as_the_matcher_does(texts: list[str], text: str, member: bool) -> None:  # noqa: FBT001
    expected = any(matches(pattern, text) for pattern in texts) == member
    assert accepts(OneOf("value", texts, member=member), text) == expected


@given(st.text("aA*?ß", max_size=5), st.text("aAß", max_size=5))
def test_case_can_be_ignored(pattern: str, text: str) -> None:
    expected = matches(pattern.lower(), text.lower())
    assert accepts(OneOf("value", [pattern], member=True, ignore_case=True), text) == expected


@given(st.lists(st.text("a*?", max_size=2), min_size=6, max_size=6), st.lists(st.text("a", max_size=2), min_size=6))
def test_an_arn_is_matched_field_by_field(wanted: list[str], fields: list[str]) -> None:
    pattern, text = ":".join(wanted), ":".join(fields)
    assert accepts(OneOf("value", [pattern], member=True, arn=True), text) == bool(matches_arn(pattern, text))


def test_a_literal_star_is_only_a_star() -> None:
    automaton = OneOf("value", ["a*".translate(LITERAL)], member=True)
    assert accepts(automaton, "a*")
    assert not accepts(automaton, "ab")


@given(patterns, patterns, st.sets(st.sampled_from(TEXTS), max_size=20))
def test_a_word_is_found_exactly_if_there_is_one(wanted: list[str], avoided: list[str], taken: set[str]) -> None:
    """And it is a shortest one."""
    automata: list[OneOf | NotIn] = [
        OneOf("value", wanted, member=True),
        OneOf("value", avoided, member=False),
        NotIn("part", frozenset(taken)),
    ]
    fits = [
        text
        for text in TEXTS
        if any(matches(pattern, f"x{text}-") for pattern in wanted)
        and not any(matches(pattern, f"x{text}-") for pattern in avoided)
        and text not in taken
    ]
    found = spell(SHAPE, automata, Budget())
    if not fits:
        assert found is None
    else:
        assert found is not None
        assert found["part"] in fits
        assert found["value"] == f"x{found['part']}-"
        assert len(found["part"]) == len(fits[0])


def test_the_budget_ends_a_search() -> None:
    with pytest.raises(TooComplexError, match="more than 200,000 steps"):
        spell(SHAPE, [OneOf("value", ["*a*b*c*"], member=True)], Budget(10))


@pytest.mark.parametrize("test", ["reachable", "external"])
@pytest.mark.parametrize("name", POLICIES)
def test_every_search_ends_and_ends_alike(name: str, test: str) -> None:
    policy = POLICIES[name]
    assert len(json.dumps(policy, separators=(",", ":"))) <= 10_240
    now = datetime(2026, 11, 24, tzinfo=UTC)
    first, second = (judge(policy, test=test, owner="111122223333", region="us-east-1", now=now) for _ in range(2))
    assert first == second


def test_what_a_prototype_would_have_found_too_complex_is_decided() -> None:
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


def test_a_policy_that_is_too_complex_cannot_be_judged() -> None:
    verdict = judge(POLICIES["accounts at odd places"], test="reachable")
    assert verdict.compliance == "NON_COMPLIANT"
    assert verdict.annotation == "Cannot be judged: too complex: more than 200,000 steps"


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"aws:sourceip": "198.51.100.7"}, "arn:aws:iam::999999999999:user/x from 198.51.100.7 may ecr:PutImage"),
        ({"aws:sourcevpce": "vpce-1"}, "arn:aws:iam::999999999999:user/x through vpce-1 may ecr:PutImage"),
        ({"aws:principalarn": "arn:aws:iam::1:role/y"}, "arn:aws:iam::1:role/y may ecr:PutImage"),
    ],
)
def test_a_request_in_one_line(context: dict[str, str], line: str) -> None:
    request = Request(principal="arn:aws:iam::999999999999:user/x", action="ecr:PutImage", context=context)
    assert str(request) == line
