"""Grants in order, and the test `unconditional`, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    NOW,
    ORG,
    OWNER,
    PROBLEM,
    REGION,
    ROLE,
    allow,
    deny,
    labelled,
    policy,
    when,
)
from tests.oracle.solver_oracle import decide, grants
from tests.oracle.solver_search import Answer
from tests.oracle.solver_statements import CAPABILITIES, REPOSITORY_ACTIONS

ADMINISTER, DELETE, PUSH = "ecr:SetRepositoryPolicy", "ecr:BatchDeleteImage", "ecr:PutImage"
PULL, CONFIGURE, DISCOVER = "ecr:BatchGetImage", "ecr:TagResource", "ecr:ListImages"
UNKNOWN = "ecr:FutureAction"
ANY_ROOT = {"AWS": "arn:aws:iam::*:root"}
BUT_ROLE: dict[str, Any] = {"principal": ..., "NotPrincipal": {"AWS": ROLE}}


def found(*statements: dict[str, Any], test: str = "reachable", **zone: Any) -> list[tuple[int, list[str]]]:
    """The statement and the actions of each grant."""
    answer = grants(policy(*statements), test=test, owner=OWNER, region=REGION, now=NOW, **zone)
    assert answer is not None
    return [(grant.statement, list(grant.actions)) for grant in answer]


def order(*statements: dict[str, Any], test: str = "reachable", **zone: Any) -> list[int]:
    """The statements of the grants."""
    return [index for index, _ in found(*statements, test=test, **zone)]


class TestOrder:
    """By danger, kind and index."""

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    def test_most_dangerous_capability_comes_first(self, test: str) -> None:
        actions = [UNKNOWN, DISCOVER, CONFIGURE, PULL, PUSH, DELETE, ADMINISTER]
        assert order(*(allow(action=action) for action in actions), test=test) == [6, 5, 4, 3, 2, 1, 0]

    def test_more_capabilities_come_before_fewer(self) -> None:
        """{administer} < {delete, push, pull} < {delete, push} < {delete, discover} < {delete} < {push, pull}."""
        sets = [[PUSH, PULL], [DELETE], [DELETE, DISCOVER], [DELETE, PUSH], [DELETE, PUSH, PULL], [ADMINISTER]]
        assert order(*(allow(action=actions) for actions in sets)) == [5, 4, 3, 2, 1, 0]

    def test_number_of_actions_does_not_matter(self) -> None:
        assert order(allow(action=PULL), allow(action=list(CAPABILITIES[3]))) == [0, 1]

    def test_star_comes_before_not_principal_and_unreliable_principals(self) -> None:
        """A statement with both a star and an unreliable principal holds a star."""
        statements = [allow(principal=ANY_ROOT), allow(**BUT_ROLE), allow(principal={"AWS": ["1*", "*"]}), allow()]
        assert order(*statements) == [2, 3, 1, 0]

    def test_danger_comes_before_kind(self) -> None:
        assert order(allow(action=PULL), allow(principal=ANY_ROOT, action=DELETE)) == [1, 0]

    def test_unreliable_principal_counts_for_external_callers_where_no_named_one_is_outside(self) -> None:
        mixed = {"AWS": [ROLE, "arn:aws:iam::*:root"]}
        statements = [allow(principal=mixed), allow(principal={"AWS": "555566667777"})]
        assert order(*statements, test="external") == [0, 1]
        assert order(*statements, test="external", members=(ACCOUNT,)) == [1, 0]

    def test_action_that_is_granted_twice_is_in_both_grants(self) -> None:
        assert found(allow(action=PULL), allow(action=PULL)) == [(0, [PULL.lower()]), (1, [PULL.lower()])]


class TestActions:
    """The actions of a grant."""

    def test_denied_actions_are_left_out(self) -> None:
        pull, discover = CAPABILITIES[3], CAPABILITIES[5]
        statements = [
            allow(action=[*discover, *pull]),
            deny(action="ecr:Batch*"),
            deny(when("Null", "aws:PrincipalOrgID", "true"), action="ecr:Get*"),
        ]
        granted = [action for action in (*pull, *discover) if not action.startswith("ecr:batch")]
        assert found(*statements) == [(0, granted)]

    def test_condition_on_a_request_tag_grants_the_actions_that_pass_tags(self) -> None:
        statement = allow(when("StringEquals", "aws:RequestTag/a", "b"), action="ecr:*")
        assert found(statement) == [(0, ["ecr:createrepository", "ecr:tagresource", "ecr:listtagsforresource"])]

    def test_unknown_action_comes_last_and_belongs_to_its_statement(self) -> None:
        statements = [allow(action=[UNKNOWN, "ecr:Another*", PULL]), allow(action="ecr:*")]
        assert dict(found(*statements))[0] == [PULL.lower(), "ecr:another*", UNKNOWN.lower()]
        assert dict(found(*statements))[1] == list(REPOSITORY_ACTIONS)

    def test_danger_is_that_of_the_actions_left_after_every_deny(self) -> None:
        assert order(allow(action=[ADMINISTER, PULL]), allow(action=PUSH), deny(action=ADMINISTER)) == [1, 0]


UNCONDITIONAL: list[tuple[str, list[dict[str, Any]], Answer]] = [
    ("star", [allow()], GRANTED),
    ("star in a list", [allow(principal={"AWS": [ACCOUNT, "*"]})], GRANTED),
    ("unreliable principal", [allow(principal=ANY_ROOT)], GRANTED),
    ("star in a list in place of an object", [allow(principal=["*"])], GRANTED),
    ("web identity provider", [allow(principal={"Federated": "www.amazon.com"})], GRANTED),
    ("any service", [allow(principal={"Service": "*"})], GRANTED),
    ("empty condition", [allow({})], GRANTED),
    ("empty operators", [allow({"StringEquals": {}, "Bool": {}})], GRANTED),
    ("condition that everyone meets", [allow(when("Bool", "aws:SecureTransport", "true"))], NOT_GRANTED),
    ("denied", [allow(), deny()], GRANTED),
    ("action of another service", [allow(action="s3:*")], GRANTED),
    ("star in a Deny", [deny()], NOT_GRANTED),
    ("account", [allow(principal={"AWS": ACCOUNT})], NOT_GRANTED),
    ("NotPrincipal", [allow(**BUT_ROLE)], NOT_GRANTED),
    ("NotPrincipal with an unreliable principal", [allow(principal=..., NotPrincipal={"AWS": "1*"})], NOT_GRANTED),
    ("star with a condition, and none", [allow(when("StringEquals", "aws:PrincipalOrgID", ORG)), allow()], GRANTED),
    ("invalid principal", [allow(principal={"AWS": "1"})], PROBLEM),
    ("invalid principal in a Deny", [deny(principal={"AWS": "1"})], PROBLEM),
    ("invalid principal and a star", [allow(), deny(principal={"AWS": "1"})], GRANTED),
    ("invalid principal beside an unreliable one", [allow(principal={"AWS": ["1", "1*"]})], GRANTED),
    ("invalid operator", [allow(), allow({"StringEqual": {}})], PROBLEM),
    ("no statement", [], NOT_GRANTED),
]


class TestUnconditional:
    """Everyone and no Condition."""

    @pytest.mark.parametrize(("statements", "expected"), labelled(UNCONDITIONAL))
    def test_oracle_answers_as_labelled(self, statements: list[dict[str, Any]], expected: Answer) -> None:
        assert decide(policy(*statements), test="unconditional", owner=OWNER, now=NOW) is expected

    def test_actions_are_those_that_the_statement_covers(self) -> None:
        statements = [allow(action=[PULL, "s3:*"]), deny(), allow(action="s3:*")]
        assert found(*statements, test="unconditional") == [(0, [PULL.lower()]), (2, [])]
