"""Generated policies with some values made unknown: a certain outcome holds for every value that they may have."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, joined
from ecr_exposure.findings.advisories import AdvisoryKind
from ecr_exposure.policy.actions import CAPABILITY_OF
from ecr_exposure.public_on_purpose import excuses
from ecr_exposure.verdict import Verdict
from tests.nightly import NIGHTLY
from tests.oracle.generator.key_pool import KEYS
from tests.oracle.generator.policies import policies, questions
from tests.oracle.generator.pool import (
    ACCOUNTS,
    ACTIONS,
    ARNS,
    BUILT_IN_PROVIDERS,
    ORGANIZATIONS,
    OWNER,
    PROVIDERS,
    ROLE_ID,
    SERVICES,
    SESSIONS,
    USER_ID,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]
Place = tuple[str, ...]
"""The names on the way to a value: of the members of objects, and ``[]`` in a list."""

EVERYONE: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
NAMED: Final = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "ecr:BatchGetImage"}
DENY_ALL: Final = {"Effect": "Deny", "Principal": "*", "Action": "*"}
STATEMENTS: Final = (
    EVERYONE,
    NAMED,
    DENY_ALL,
    {**DENY_ALL, "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
)
ABSENT: Final = object()
CONDITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"Null": {"aws:PrincipalArn": "true"}},
    {},
)
IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS": ("*", *ACCOUNTS, *ARNS, *SESSIONS, USER_ID, ROLE_ID, f"{ROLE_ID}:session"),
    "Service": SERVICES,
    "Federated": (*PROVIDERS, *BUILT_IN_PROVIDERS),
}
PRINCIPALS: Final = (
    "*",
    {"AWS": []},
    *({kind: each} for kind, several in IDENTIFIERS.items() for each in several),
)
TYPED: Final = ("true", "false", "0", "300", "2020-01-01T00:00:00Z", "2030-01-01", "0.0.0.0/0", "203.0.113.0/24")
VALUES: Final = {pool.key.lower(): (*pool.exact, *pool.patterns) for pool in KEYS}
ELEMENTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "Version": ("2012-10-17", "2008-10-17"),
    "Id": ("", "a"),
    "Sid": ("", "a"),
    "Statement": (*STATEMENTS, list(STATEMENTS), []),
    "Effect": ("Allow", "Deny"),
    "Principal": PRINCIPALS,
    "NotPrincipal": PRINCIPALS,
    "Action": ACTIONS,
    "NotAction": ACTIONS,
    "Resource": ("*", "x"),
    "NotResource": ("*", "x"),
    "Condition": (*CONDITIONS, ABSENT),
}
PARTS: Final = ("", "x", "*", "111122223333", OWNER, "role/ci", "root", "a", "Image", *ORGANIZATIONS)


def in_principal(place: Place) -> bool:
    """Return whether a value is a part of a Principal or NotPrincipal."""
    return not {"Principal", "NotPrincipal"}.isdisjoint(place)


def values_at(place: Place) -> st.SearchStrategy[Any]:
    """Return what an unknown value may be; it is no policy variable, and no principal that Amazon ECR refuses."""
    if place == ("Statement", "[]"):
        return st.sampled_from(STATEMENTS)
    names = [name for name in place if name != "[]"]
    if in_principal(place) and names[-1] in IDENTIFIERS:
        pool: tuple[Any, ...] = IDENTIFIERS[names[-1]]
    elif names[-1] in ELEMENTS:
        pool = ELEMENTS[names[-1]]
    elif names[-2] == "Condition":
        return st.sampled_from(({}, *({key: "true"} for key in VALUES)))
    else:
        pool = (*VALUES.get(names[-1].lower(), ()), *TYPED, *ACCOUNTS, *ORGANIZATIONS, "*")
    one = st.sampled_from(pool)
    can_be_list = (
        place[-1] != "[]" and isinstance(pool[-1], str) and names[-1] not in ("Version", "Effect", "Sid", "Id")
    )
    return one | st.lists(one, min_size=1, max_size=3) if can_be_list else one


IDENTITIES: Final = {
    "aws:PrincipalAccount": (*ACCOUNTS, "${aws:PrincipalAccount}"),
    "aws:PrincipalArn": (*ARNS, "arn:aws:iam::*:role/ci*", "arn:aws:iam::444455556666:*"),
    "aws:PrincipalOrgID": (*ORGANIZATIONS, "${aws:PrincipalOrgID}"),
}
OPERATORS: Final = ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIfExists")


@st.composite
def policies_about_identities(draw: Draw) -> dict[str, Any]:
    """Return a policy whose principals and conditions are about the same few identities."""
    statements = []
    for effect in draw(st.sampled_from([("Allow",), ("Allow", "Deny"), ("Allow", "Allow")])):
        kind = draw(st.sampled_from(["AWS", "AWS", "AWS", "Federated"]))
        principal = draw(st.sampled_from(["*", *({kind: each} for each in IDENTIFIERS[kind] if each != "*")]))
        statement = {"Effect": effect, "Principal": principal, "Action": ["ecr:BatchGetImage"]}
        if draw(st.booleans()):
            key = draw(st.sampled_from(sorted(IDENTITIES)))
            value = draw(st.sampled_from(IDENTITIES[key]))
            statement["Condition"] = {draw(st.sampled_from(OPERATORS)): {key: [value]}}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


class Maker:
    """Makes values of a policy unknown, and puts values in their place."""

    def __init__(self, draw: Draw) -> None:
        """Choose how many are unknown."""
        self._draw = draw
        self._share = draw(st.sampled_from([5, 10, 20, 40]))
        self._written: dict[Unknown, Any] = {}

    def made(self, value: Any, place: Place = ()) -> Any:
        """Return a value with unknown ones in it."""
        if place and self._draw(st.integers(0, 99)) >= 100 - self._share:
            if isinstance(value, str) and self._draw(st.booleans()):
                return self._part(value, place)
            return value if is_out_of_question(value, place) else self._unknown(value)
        if isinstance(value, dict):
            return {name: self.made(each, (*place, name)) for name, each in value.items()}
        return [self.made(each, (*place, "[]")) for each in value] if isinstance(value, list) else value

    def _unknown(self, value: Any) -> Unknown:
        unknown = Unknown(f"value {len(self._written) + 1}")
        self._written[unknown] = value
        return unknown

    def _part(self, text: str, place: Place) -> Any:
        at = st.integers(0, len(text))
        start, end = sorted((self._draw(at), self._draw(at)))
        cut = text[start:end]
        if "$" in cut or place[-1] in ("Effect", "Version") or (in_principal(place) and re.search(r"[*?]", cut)):
            return text
        return joined((text[:start], self._unknown(cut), text[end:]))

    def real(self, value: Any, place: Place = ()) -> Any:
        """Return a policy with a value in the place of each unknown one, often the one that was there."""
        if isinstance(value, Unknown):
            return self._written[value] if self._draw(st.booleans()) else self._draw(values_at(place))
        if isinstance(value, Joined):
            return "".join(each if isinstance(each, str) else self._real_part(each, place) for each in value.parts)
        if isinstance(value, dict):
            found = {name: self.real(each, (*place, name)) for name, each in value.items()}
            return {name: each for name, each in found.items() if each is not ABSENT}
        return [self.real(each, (*place, "[]")) for each in value] if isinstance(value, list) else value

    def _real_part(self, unknown: Unknown, place: Place) -> str:
        parts = [each for each in PARTS if each != "*" or not in_principal(place)]
        return str(self._draw(st.sampled_from([self._written[unknown], *parts])))


def is_out_of_question(value: Any, place: Place) -> bool:
    """Return whether an unknown value is not taken for this one: a policy variable, or an empty list of a condition."""
    return "Condition" in place and ("${" in str(value) or value == [] or [] in getattr(value, "values", list)())


def has_refused_principal(verdict: Verdict) -> bool:
    """Return whether a part that was put into a principal made it one that Amazon ECR refuses."""
    return any(each.kind is AdvisoryKind.MALFORMED_PRINCIPAL for each in verdict.advisories)


def contradicts(outcome: Outcome, verdict: Verdict) -> bool:
    """Return whether a certain outcome, or what an exception may excuse, does not hold for a real policy."""
    if verdict.problem is not None or outcome.verdict.problem is not None:
        # A value that makes a policy invalid; no file is deployed with it. Or the outcome says that it knows no answer.
        return False
    is_known = all(action in CAPABILITY_OF for grant in verdict.grants for action in grant.actions)
    if outcome.verdict.compliance == "NON_COMPLIANT" and outcome.is_excusable and is_known:
        return not excuses(verdict.grants)
    return not outcome.unknown and verdict.compliance != outcome.verdict.compliance


@settings(max_examples=5_000 if NIGHTLY else 25)
@given(st.data(), policies() | policies_about_identities(), questions())
def test_outcome_holds_for_every_value(data: st.DataObject, policy: Any, question: dict[str, Any]) -> None:
    question["owner"] = question["owner"] or OWNER
    maker = Maker(data.draw)
    uncertain = maker.made(policy)
    outcome = evaluate(uncertain, **question)
    if outcome.unknown and not outcome.is_excusable:
        return
    assert not contradicts(outcome, judge(policy, **question)), policy
    for _ in range(3):
        deployed = maker.real(uncertain)
        verdict = judge(deployed, **question)
        assert has_refused_principal(verdict) or not contradicts(outcome, verdict), deployed
