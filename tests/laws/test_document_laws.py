"""Laws about documents: any value in place of a policy gets a verdict, and only a valid one is COMPLIANT."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import PolicyError, Request, Verdict, is_allowed, judge
from tests.corpus.loader import all_cases

POLICIES: Final = [case.policy for case in all_cases() if not case.is_about_the_item]


def valid_policies() -> Iterator[dict[str, Any]]:
    """Return the policies of the corpus that are JSON text, have statements and are no problem."""
    for case in all_cases():
        if case.is_about_the_item or "problem" in case.expect or not isinstance(case.policy, str):
            continue
        try:
            policy = json.loads(case.policy)
        except ValueError:
            continue
        if isinstance(policy, dict) and "Statement" in policy:
            yield policy


VALID: Final = list(valid_policies())

REQUEST: Final = Request("arn:aws:iam::444455556666:user/x", "ecr:BatchGetImage", {})
NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)

any_text = st.text(st.characters(), max_size=12)
numbers = st.integers() | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
elements = st.sampled_from(
    "Version 2012-10-17 Id Sid Effect Allow Deny Principal NotPrincipal AWS Service Federated * Action "
    "NotAction ecr:* ecr:PutImage Resource Condition StringEquals Bool Null IpAddress DateLessThan true "
    "aws:PrincipalOrgID o-abcde12345 arn:aws:iam::111122223333:root 10.0.0.0/8 2026-01-01".split()
)
policy_like = st.recursive(
    elements | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(elements, inner, max_size=5),
    max_leaves=20,
)


def check_verdict(verdict: Verdict) -> None:
    """Check what holds for every verdict."""
    assert 1 <= len(verdict.annotation) <= 256
    for text in texts_of(verdict):
        assert text.isprintable()
        text.encode("utf-8")
    if verdict.problem is not None:
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.grants == ()
        assert verdict.annotation.startswith("Cannot be evaluated: ")
    else:
        assert (verdict.compliance == "NON_COMPLIANT") == bool(verdict.grants)


def texts_of(verdict: Verdict) -> Iterator[str]:
    """Yield every text of a verdict."""
    yield verdict.annotation
    yield verdict.problem or ""
    yield from (advisory.text for advisory in verdict.advisories)
    for grant in verdict.grants:
        yield from (grant.reason, str(grant.witness), grant.sid or "", *grant.actions)


def check_every_test(policy: Any) -> None:
    """Check the verdicts of all tests, and that `is_allowed` refuses exactly the documents that are a problem."""
    try:
        is_allowed(policy, REQUEST)
        refused = None
    except PolicyError as error:
        refused = str(error)
    for test in ("unconditional", "reachable", "external"):
        verdict = judge(policy, test=test, owner="111122223333", now=NOW)
        check_verdict(verdict)
        if refused is not None:
            assert verdict.problem == refused
        elif verdict.problem is not None:
            assert re.match(r"Statement\[[0-9]+\]\.(Not)?Principal|too complex", verdict.problem)


class TestAnyValue:
    """`judge` raises for no policy."""

    @given(values | policy_like | st.binary() | st.dates())
    def test_value_gets_a_verdict(self, value: Any) -> None:
        check_every_test(value)

    @given(st.text() | policy_like.map(lambda value: json.dumps(value, default=str)))
    def test_text_gets_a_verdict(self, text: str) -> None:
        check_every_test(text)

    @given(st.dictionaries(elements, policy_like, min_size=1))
    def test_statement_gets_a_verdict(self, statement: dict[str, Any]) -> None:
        check_every_test({"Version": "2012-10-17", "Statement": [statement]})

    @given(st.dictionaries(any_text, any_text | st.lists(any_text, max_size=3), max_size=4), st.data())
    def test_statement_of_any_characters_gets_a_verdict(self, keys: dict[str, Any], data: st.DataObject) -> None:
        """Lone surrogates, control characters and changes of direction, in every place."""
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "*", "Sid": data.draw(any_text)}
        operator = data.draw(st.sampled_from(["StringEquals", "StringNotLike", "ForAnyValue:ArnLike"]) | any_text)
        statement |= {"Condition": {operator: keys}}
        deny = statement | {"Effect": "Deny", "Principal": {"AWS": data.draw(any_text)}}
        check_every_test({"Version": "2012-10-17", "Statement": [statement, deny]})

    @given(st.sampled_from([text for text in POLICIES if isinstance(text, str) and text]), st.data())
    def test_damaged_text_gets_a_verdict(self, text: str, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 8))
        check_verdict(judge(text[:at] + data.draw(st.text(max_size=4)) + text[at + length :]))

    @given(st.sampled_from(VALID), st.data())
    def test_policy_with_one_changed_value_gets_a_verdict(self, policy: dict[str, Any], data: st.DataObject) -> None:
        """One value anywhere is replaced by any other or removed."""
        changed = copy.deepcopy(policy)
        *path, last = data.draw(st.sampled_from(places(changed)))
        holder = changed
        for key in path:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[last] = data.draw(values | policy_like)
        else:
            del holder[last]
        verdict = judge(changed)
        check_verdict(verdict)
        assert verdict == judge(json.dumps(changed)) or has_odd_numbers(changed)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value below the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, each in inner for path in [(*at, key), *places(each, (*at, key))]]


def has_odd_numbers(value: Any) -> bool:
    """Return whether JSON text cannot hold a number of the value as it is."""
    text = json.dumps(value)
    return "NaN" in text or "Infinity" in text


class TestForms:
    """Documents that mean the same, and statements that do not count."""

    @given(st.sampled_from(VALID), st.randoms(use_true_random=False))
    def test_single_value_means_the_same_as_a_list_of_it(self, policy: dict[str, Any], random: Any) -> None:
        def wrapped(value: Any, key: str = "") -> Any:
            if isinstance(value, dict):
                return {name: wrapped(each, name) for name, each in value.items()}
            if isinstance(value, list):
                inner = [wrapped(each) for each in value]
                return inner[0] if len(inner) == 1 and key != "Principal" and random.random() < 0.5 else inner
            listable = key not in ("Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal", "")
            return [value] if listable and random.random() < 0.5 else value

        other, verdict = judge(wrapped(policy)), judge(policy)
        assert other.compliance == verdict.compliance
        assert [grant.capabilities for grant in other.grants] == [grant.capabilities for grant in verdict.grants]

    @given(st.sampled_from(VALID))
    def test_deny_changes_nothing_for_unconditional(self, policy: dict[str, Any]) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
        assert judge({**policy, "Statement": [*statements(policy), deny]}) == judge(policy)

    @given(st.sampled_from(VALID), st.sampled_from(VALID))
    def test_statements_of_two_policies_grant_what_each_grants(
        self, policy: dict[str, Any], other: dict[str, Any]
    ) -> None:
        both = judge({**policy, "Statement": statements(policy) + statements(other)})
        assert len(both.grants) == len(judge(policy).grants) + len(judge(other).grants)


def statements(policy: dict[str, Any]) -> list[Any]:
    """Return the statements of a policy as a list."""
    held = policy["Statement"]
    return list(held) if isinstance(held, list) else [held]
