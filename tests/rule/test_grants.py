"""The order of grants: one for all tests, most dangerous first."""

from typing import Any, Final

import pytest

from ecr_exposure import judge
from ecr_exposure.findings.access_tests import TESTS

OWNER: Final = "111122223333"
# Each line is more dangerous than the next.
MOST_DANGEROUS_FIRST: Final = (
    ["ecr:SetRepositoryPolicy"],
    ["ecr:DeleteRepository", "ecr:PutImage", "ecr:BatchGetImage"],
    ["ecr:DeleteRepository", "ecr:PutImage"],
    ["ecr:DeleteRepository", "ecr:ListImages"],
    ["ecr:DeleteRepository"],
    ["ecr:PutImage", "ecr:BatchGetImage", "ecr:TagResource", "ecr:ListImages"],
    ["ecr:BatchGetImage"],
    ["ecr:TagResource"],
    ["ecr:ListImages"],
    ["ecr:ActionOfTheFuture"],
)
EACH_TEST: Final = pytest.mark.parametrize("test", TESTS)


def allow(actions: list[str], principal: Any = "*", element: str = "Principal") -> dict[str, Any]:
    """Return an Allow statement."""
    return {"Effect": "Allow", element: principal, "Action": actions}


def statements_of(*statements: dict[str, Any], test: str) -> list[int]:
    """Return the positions of the statements that have a grant, in the order of the grants."""
    grants = judge({"Statement": list(statements)}, test=test, owner=OWNER).grants
    return [grant.statement for grant in grants]


@EACH_TEST
def test_grants_are_ordered_by_their_capabilities(test: str) -> None:
    backwards = [allow(actions) for actions in reversed(MOST_DANGEROUS_FIRST)]
    assert statements_of(*backwards, test=test) == list(reversed(range(len(backwards))))


@EACH_TEST
def test_equal_grants_keep_the_order_of_their_statements(test: str) -> None:
    assert statements_of(allow(["ecr:PutImage"]), allow(["ecr:UploadLayerPart"]), test=test) == [0, 1]


@EACH_TEST
def test_annotation_names_the_statement_with_more_capabilities(test: str) -> None:
    policy = {
        "Statement": [
            allow(["ecr:DeleteRepository"]) | {"Sid": "A"},
            allow(["ecr:DeleteRepository", "ecr:PutImage", "ecr:BatchGetImage"]) | {"Sid": "B"},
        ]
    }
    annotation = judge(policy, test=test, owner=OWNER).annotation
    assert 'can delete, push and pull: statement "B" allows' in annotation
    assert annotation.endswith("+1 more")


class TestKinds:
    """Of equally dangerous grants, what brings the callers in decides before the order of the statements."""

    @EACH_TEST
    def test_star_comes_before_a_principal_with_a_wildcard(self, test: str) -> None:
        wildcard = allow(["ecr:PutImage"], {"AWS": "arn:aws:iam::*:root"})
        assert statements_of(wildcard, allow(["ecr:PutImage"]), test=test) == [1, 0]

    @EACH_TEST
    def test_star_beside_a_principal_with_a_wildcard_comes_first(self, test: str) -> None:
        wildcard = allow(["ecr:PutImage"], {"Service": "*"})
        both = allow(["ecr:PutImage"], {"AWS": "*", "Service": "*"})
        assert statements_of(wildcard, both, test=test) == [1, 0]

    @pytest.mark.parametrize("test", ["reachable", "external"])
    def test_star_comes_before_not_principal_and_that_before_a_wildcard(self, test: str) -> None:
        not_principal = allow(["ecr:PutImage"], {"AWS": f"arn:aws:iam::{OWNER}:root"}, "NotPrincipal")
        wildcard = allow(["ecr:PutImage"], {"AWS": "arn:aws:iam::*:root"})
        assert statements_of(wildcard, not_principal, allow(["ecr:PutImage"]), test=test) == [2, 1, 0]

    def test_star_comes_before_a_named_external_principal_and_that_before_a_wildcard(self) -> None:
        named = allow(["ecr:PutImage"], {"AWS": "arn:aws:iam::444455556666:root"})
        wildcard = allow(["ecr:PutImage"], {"AWS": "arn:aws:iam::*:root"})
        assert statements_of(wildcard, named, allow(["ecr:PutImage"]), test="external") == [2, 1, 0]

    @pytest.mark.parametrize(("test", "expected"), [("reachable", [0, 1]), ("external", [1, 0])])
    def test_named_principal_counts_only_where_it_brings_callers_in(self, test: str, expected: list[int]) -> None:
        wildcard = allow(["ecr:PutImage"], {"AWS": "arn:aws:iam::*:root"})
        both = allow(["ecr:PutImage"], {"AWS": ["arn:aws:iam::*:root", "444455556666"]})
        assert statements_of(wildcard, both, test=test) == expected


@EACH_TEST
def test_actions_after_an_explicit_deny_count(test: str) -> None:
    """`unconditional` does not evaluate Deny statements."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"}
    first = allow(["ecr:SetRepositoryPolicy", "ecr:ListImages"])
    expected = [0, 1] if test == "unconditional" else [1, 0]
    assert statements_of(first, allow(["ecr:PutImage"]), deny, test=test) == expected


@EACH_TEST
def test_actions_of_a_grant_are_most_dangerous_first_and_unknown_ones_last(test: str) -> None:
    actions = ["ecr:ListImages", "ecr:ActionOfTheFuture", "ecr:BatchGetImage", "ecr:PutImage", "ecr:DeleteRepository"]
    (grant,) = judge({"Statement": allow(actions)}, test=test, owner=OWNER).grants
    assert grant.actions == (
        "ecr:DeleteRepository",
        "ecr:PutImage",
        "ecr:BatchGetImage",
        "ecr:ListImages",
        "ecr:ActionOfTheFuture",
    )
    assert grant.witness is None or grant.witness.action == "ecr:DeleteRepository"
