"""Whatever stands in the place of a policy gets an answer, and only a sound policy is COMPLIANT."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import Verdict, judge
from tests.corpus.loader import all_cases

POLICIES = [case.policy for case in all_cases() if not case.is_about_the_item]
SOUND = [
    json.loads(text)
    for case, text in ((c, c.policy) for c in all_cases() if not c.is_about_the_item)
    if isinstance(text, str) and "problem" not in case.expect and text.lstrip()[:2] == "{\n"
]

numbers = st.integers() | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from(
    "Version 2012-10-17 Id Sid Effect Allow Deny Principal NotPrincipal AWS Service Federated * Action "
    "NotAction ecr:* ecr:PutImage Resource Condition StringEquals Bool Null IpAddress DateLessThan true "
    "aws:PrincipalOrgID o-abcde12345 arn:aws:iam::111122223333:root 10.0.0.0/8 2026-01-01".split()
)
policy_like = st.recursive(
    words | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=20,
)


def is_sound(verdict: Verdict) -> bool:
    """Check what holds for every verdict; tell whether it is no problem."""
    assert 1 <= len(verdict.annotation) <= 256
    assert verdict.annotation.isprintable()
    if verdict.problem is not None:
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.grants == ()
        assert verdict.annotation.startswith("Cannot be evaluated: ")
    else:
        assert (verdict.compliance == "NON_COMPLIANT") == bool(verdict.grants)
    return verdict.problem is None


@given(values | policy_like | st.binary() | st.dates())
def test_any_value_gets_an_answer(value: Any) -> None:
    is_sound(judge(value))


@given(st.text() | policy_like.map(lambda value: json.dumps(value, default=str)))
def test_any_text_gets_an_answer(text: str) -> None:
    is_sound(judge(text))


@given(st.dictionaries(words, policy_like, min_size=1))
def test_any_statement_gets_an_answer(statement: dict[str, Any]) -> None:
    is_sound(judge({"Version": "2012-10-17", "Statement": [statement]}))


@given(st.sampled_from([text for text in POLICIES if isinstance(text, str) and text]), st.data())
def test_a_damaged_text_gets_an_answer(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 8))
    is_sound(judge(text[:at] + data.draw(st.text(max_size=4)) + text[at + length :]))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value below the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, each in inner for path in [(*at, key), *places(each, (*at, key))]]


@given(st.sampled_from(SOUND), st.data())
def test_a_mutated_policy_gets_an_answer(policy: dict[str, Any], data: st.DataObject) -> None:
    """One value anywhere is replaced by any other or removed."""
    mutated = copy.deepcopy(policy)
    *path, last = data.draw(st.sampled_from(places(mutated)))
    holder = mutated
    for key in path:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(values | policy_like)
    else:
        del holder[last]
    verdict = judge(mutated)
    is_sound(verdict)
    assert verdict == judge(json.dumps(mutated)) or has_odd_numbers(mutated)


def has_odd_numbers(value: Any) -> bool:
    """Tell whether JSON text cannot carry a number of the value as it is."""
    text = json.dumps(value)
    return "NaN" in text or "Infinity" in text or any(len(w) > 40 for w in text.split() if w[0] in "-0123456789")


@given(st.sampled_from(SOUND), st.randoms(use_true_random=False))
def test_one_element_is_a_list_of_one(policy: dict[str, Any], random: Any) -> None:
    """A list of one and its only element mean the same, in Statement and in every value."""

    def wrapped(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: wrapped(each, name) for name, each in value.items()}
        if isinstance(value, list):
            inner = [wrapped(each) for each in value]
            return inner[0] if len(inner) == 1 and key != "Principal" and random.random() < 0.5 else inner
        listable = key not in ("Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal", "")
        return [value] if listable and random.random() < 0.5 else value

    other = wrapped(policy)
    assert judge(other).compliance == judge(policy).compliance
    assert [g.capabilities for g in judge(other).grants] == [g.capabilities for g in judge(policy).grants]


@given(st.sampled_from(SOUND))
def test_a_deny_changes_nothing_unconditionally(policy: dict[str, Any]) -> None:
    """The test `unconditional` does not weigh Deny statements."""
    held = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
    assert judge({**policy, "Statement": [*held, deny]}) == judge(policy)


@given(st.sampled_from(SOUND), st.sampled_from(SOUND))
def test_an_allow_never_closes(policy: dict[str, Any], other: dict[str, Any]) -> None:
    """The statements of two policies together let in everyone whom one of them lets in."""

    def statements(of: dict[str, Any]) -> list[Any]:
        return of["Statement"] if isinstance(of["Statement"], list) else [of["Statement"]]

    both = judge({**policy, "Statement": statements(policy) + statements(other)})
    assert len(both.grants) == len(judge(policy).grants) + len(judge(other).grants)
