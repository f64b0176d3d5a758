"""The tags of the repository, where they are known and where not, labelled by hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
"""

from typing import Any

import pytest

from tests.oracle.policy_builder import GRANTED, NOT_GRANTED, NOW, OWNER, allow, deny, labelled, policy, reachable, when
from tests.oracle.solver_oracle import decide_with_request
from tests.oracle.solver_search import Answer

EXCLUDED = "aws:ResourceTag/dp:exclude:identity"
TAG, ECR_TAG, OWN = "aws:ResourceTag/team", "ecr:ResourceTag/team", "aws:PrincipalTag/team"
RED = when("StringEquals", TAG, "red")
ABSENT, PRESENT = when("Null", TAG, "true"), when("Null", TAG, "false")

CASES: list[tuple[str, dict[str, str] | None, list[dict[str, Any]], Answer]] = [
    ("not known", None, [allow(RED)], GRANTED),
    ("not known, absent", None, [allow(ABSENT)], GRANTED),
    ("not known, excepted from a Deny", None, [allow(), deny(when("StringNotEquals", TAG, "red"))], GRANTED),
    ("no tags", {}, [allow(RED)], NOT_GRANTED),
    ("no tags, absent", {}, [allow(ABSENT)], GRANTED),
    ("no tags, negated", {}, [allow(when("StringNotEquals", TAG, "red"))], GRANTED),
    ("no tags, IfExists", {}, [allow(when("StringEqualsIfExists", TAG, "red"))], GRANTED),
    ("this tag", {"team": "red"}, [allow(RED)], GRANTED),
    ("this tag, other prefix", {"team": "red"}, [allow(when("StringEquals", ECR_TAG, "red"))], GRANTED),
    ("this tag, absent", {"team": "red"}, [allow(ABSENT)], NOT_GRANTED),
    ("this tag, excepted from a Deny", {"team": "red"}, [allow(), deny(when("StringNotEquals", TAG, "red"))], GRANTED),
    ("this tag, Deny", {"team": "red"}, [allow(), deny(RED)], NOT_GRANTED),
    ("another value", {"team": "blue"}, [allow(RED)], NOT_GRANTED),
    ("value in another letter case", {"team": "Red"}, [allow(RED)], NOT_GRANTED),
    ("value that a pattern matches", {"team": "red"}, [allow(when("StringLike", TAG, "r?d"))], GRANTED),
    ("empty value", {"team": ""}, [allow(when("StringEquals", TAG, ""))], GRANTED),
    ("another key", {"project": "red"}, [allow(RED)], NOT_GRANTED),
    ("key in another letter case", {"TEAM": "red"}, [allow(RED)], GRANTED),
    ("key with colons", {"dp:exclude:identity": "true"}, [allow(when("StringEquals", EXCLUDED, "true"))], GRANTED),
    # two keys that differ only in case: no one knows which value counts
    ("two keys, Allow", {"team": "a", "Team": "b"}, [allow(RED)], GRANTED),
    ("two keys, negated, Allow", {"team": "red", "Team": "red"}, [allow(when("StringNotEquals", TAG, "red"))], GRANTED),
    ("two keys, Deny", {"team": "red", "Team": "red"}, [allow(), deny(RED)], GRANTED),
    ("two keys, present", {"team": "a", "Team": "b"}, [allow(PRESENT)], GRANTED),
    ("two keys, absent", {"team": "a", "Team": "b"}, [allow(ABSENT)], NOT_GRANTED),
    # letters that only Unicode folds: no one knows whether the key is there
    ("Kelvin sign, Allow", {"\u212a": "a"}, [allow(when("StringEquals", "aws:ResourceTag/k", "b"))], GRANTED),
    ("Kelvin sign, Deny", {"\u212a": "a"}, [allow(), deny(when("StringEquals", "aws:ResourceTag/k", "a"))], GRANTED),
    ("Kelvin sign, present", {"\u212a": "a"}, [allow(when("Null", "aws:ResourceTag/k", "false"))], GRANTED),
    ("Kelvin sign, absent", {"\u212a": "a"}, [allow(when("Null", "aws:ResourceTag/k", "true"))], GRANTED),
    ("Kelvin sign twice", {"\u212a": "a"}, [allow(when("StringEquals", "aws:ResourceTag/\u212a", "b"))], NOT_GRANTED),
    ("e with an accent", {"\u00c9": "a"}, [allow(when("StringEquals", "aws:ResourceTag/\u00e9", "b"))], GRANTED),
    # variables
    ("variable", {"team": "red"}, [allow(when("StringEquals", OWN, "${aws:ResourceTag/team}"))], GRANTED),
    (
        "variable with another condition",
        {"team": "red"},
        [allow({"StringEquals": {OWN: "${aws:ResourceTag/team}"}, "StringLike": {OWN: "b*"}})],
        NOT_GRANTED,
    ),
    ("variable without a value", {}, [allow(when("StringEquals", OWN, "${aws:ResourceTag/team}"))], NOT_GRANTED),
    (
        "variable without a value, Deny",
        {},
        [allow(), deny(when("StringNotEquals", OWN, "${aws:ResourceTag/team}"))],
        NOT_GRANTED,
    ),
    (
        "default value of a variable",
        {},
        [allow({"StringEquals": {OWN: "${aws:ResourceTag/team, 'b'}"}, "StringLike": {OWN: "b*"}})],
        GRANTED,
    ),
    (
        "variable of two keys",
        {"team": "red", "Team": "red"},
        [allow({"StringEquals": {"aws:PrincipalType": "${aws:ResourceTag/team}"}})],
        GRANTED,
    ),
    (
        "variable of the tag, which is what the caller's account is",
        {"team": "444455556666"},
        [allow(when("StringEquals", "aws:PrincipalAccount", "${aws:ResourceTag/team}"))],
        GRANTED,
    ),
]


class TestResourceTags:
    """A tag says nothing about the caller."""

    @pytest.mark.parametrize(("tags", "statements", "expected"), labelled(CASES))
    def test_oracle_answers_as_labelled(
        self, tags: dict[str, str] | None, statements: list[dict[str, Any]], expected: Answer
    ) -> None:
        assert reachable(policy(*statements), resource_tags=tags) is expected

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            ({"Team": "red", "a": "b"}, {"aws:resourcetag/team": "red"}),
            ({"Team": "red", "team": "red"}, {"aws:resourcetag/Team": "red", "aws:resourcetag/team": "red"}),
        ],
    )
    def test_request_has_the_tags_that_the_policy_tests(self, tags: dict[str, str], expected: dict[str, str]) -> None:
        document = policy(allow(RED))
        _, make = decide_with_request(document, test="reachable", owner=OWNER, now=NOW, resource_tags=tags)
        assert make is not None
        context = make()["context"]
        assert {key: value for key, value in context.items() if "resourcetag" in key} == expected
