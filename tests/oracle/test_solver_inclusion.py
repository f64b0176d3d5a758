"""Which policy allows a request that another one denies, labelled by hand: over all callers, named ones too."""

import copy
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_exposure import is_allowed
from tests.nightly import NIGHTLY
from tests.oracle.generator.mutants import mutants
from tests.oracle.generator.policies import policies, questions
from tests.oracle.inclusion_answers import NETWORK, OF_ORG, QUESTION, accounts, check_inclusion, document
from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    OWNER,
    PROBLEM,
    ROLE,
    UNDECIDED,
    Json,
    all_of,
    allow,
    deny,
    labelled,
    policy,
    reachable,
    when,
)
from tests.oracle.requests_of_anyone import requests_of_anyone
from tests.oracle.solver_inclusion import more_allowed
from tests.oracle.solver_search import Answer

NAMED = {"AWS": ACCOUNT}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
NOT_OF_ORG = when("StringNotEquals", "aws:PrincipalOrgID", ORG)
OTHER_ORG = "o-zyxwvutsrq"
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def orgs(operator: str, value: Any) -> Json:
    """A condition on the caller's organization."""
    return when(operator, "aws:PrincipalOrgID", value)


# The situation, what the new and the old policy hold, and whether the new one allows more.
CONDITIONS = (
    ("nothing changed", allow(), allow(), NOT_GRANTED),
    ("condition added", allow(OF_ORG), allow(), NOT_GRANTED),
    ("condition removed", allow(), allow(OF_ORG), GRANTED),
    ("StringNotEquals exchanged for StringEquals", allow(OF_ORG), allow(NOT_OF_ORG), GRANTED),
    ("StringEquals added to StringNotEquals", allow(all_of(OF_ORG, NOT_OF_ORG)), allow(NOT_OF_ORG), NOT_GRANTED),
    ("condition exchanged for another key", allow(OF_ORG), allow(NETWORK), GRANTED),
    ("condition added to another key", allow(all_of(OF_ORG, NETWORK)), allow(NETWORK), NOT_GRANTED),
    ("value added to a positive list", allow(orgs("StringEquals", [ORG, OTHER_ORG])), allow(OF_ORG), GRANTED),
    ("value removed from a positive list", allow(OF_ORG), allow(orgs("StringEquals", [ORG, OTHER_ORG])), NOT_GRANTED),
    ("value added to a negated list", allow(orgs("StringNotEquals", [ORG, OTHER_ORG])), allow(NOT_OF_ORG), NOT_GRANTED),
    ("value removed from a negated list", allow(NOT_OF_ORG), allow(orgs("StringNotEquals", [ORG, OTHER_ORG])), GRANTED),
    ("IfExists added", allow(orgs("StringEqualsIfExists", ORG)), allow(OF_ORG), GRANTED),
    ("IfExists removed", allow(OF_ORG), allow(orgs("StringEqualsIfExists", ORG)), NOT_GRANTED),
    (
        "IfExists added to a negated operator",
        allow(orgs("StringNotEqualsIfExists", ORG)),
        allow(NOT_OF_ORG),
        NOT_GRANTED,
    ),
    ("StringEquals becomes StringLike", allow(orgs("StringLike", ORG)), allow(OF_ORG), NOT_GRANTED),
    (
        "StringEquals becomes StringEqualsIgnoreCase",
        allow(orgs("StringEqualsIgnoreCase", ORG)),
        allow(OF_ORG),
        NOT_GRANTED,
    ),
    (
        "letter case of a tag ignored",
        allow(when("StringEqualsIgnoreCase", "aws:PrincipalTag/t", "x")),
        allow(when("StringEquals", "aws:PrincipalTag/t", "x")),
        GRANTED,
    ),
    (
        "longer prefix of an organization",
        allow(orgs("StringLike", "o-abc*")),
        allow(orgs("StringLike", "o-a*")),
        NOT_GRANTED,
    ),
    (
        "shorter prefix of an organization",
        allow(orgs("StringLike", "o-a*")),
        allow(orgs("StringLike", "o-abc*")),
        GRANTED,
    ),
    ("wider network", allow(when("IpAddress", "aws:SourceIp", "203.0.112.0/23")), allow(NETWORK), GRANTED),
    (
        "narrower trusted network",
        allow(when("IpAddress", "aws:SourceIp", "203.0.113.0/25")),
        allow(NETWORK),
        NOT_GRANTED,
    ),
    (
        "network exchanged for a VPC",
        allow(when("StringEquals", "aws:SourceVpc", "vpc-0a1b2c3d")),
        allow(NETWORK),
        GRANTED,
    ),
    (
        "organization of the repository in a variable",
        allow(orgs("StringEquals", "${aws:ResourceOrgID}")),
        allow(OF_ORG),
        GRANTED,
    ),
    (
        "owner in place of the organization of the repository",
        allow(accounts("StringEquals", OWNER)),
        allow(orgs("StringEquals", "${aws:ResourceOrgID}")),
        GRANTED,
    ),
    (
        "owner, where it is in an organization",
        allow(all_of(accounts("StringEquals", OWNER), when("Null", "aws:ResourceOrgID", "false"))),
        allow(orgs("StringEquals", "${aws:ResourceOrgID}")),
        NOT_GRANTED,
    ),
    ("every value met added", allow(orgs("ForAllValues:StringEquals", ORG)), allow(OF_ORG), GRANTED),
    (
        "some value met in place of every value",
        allow(when("ForAnyValue:StringEquals", "aws:TagKeys", "a"), action="ecr:TagResource"),
        allow(when("ForAllValues:StringEquals", "aws:TagKeys", "a"), action="ecr:TagResource"),
        GRANTED,
    ),
    (
        "later window",
        allow(when("DateLessThan", "aws:CurrentTime", "2028-01-01T00:00:00Z")),
        allow(when("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z")),
        GRANTED,
    ),
    (
        "earlier window",
        allow(when("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z")),
        allow(when("DateLessThan", "aws:CurrentTime", "2028-01-01T00:00:00Z")),
        NOT_GRANTED,
    ),
    (
        "impossible condition exchanged for one that an organization meets",
        allow(OF_ORG),
        allow(when("StringEquals", "aws:SourceAccount", ACCOUNT)),
        GRANTED,
    ),
    ("unknown key removed", allow(), allow(when("StringEquals", "example:Unheard", "x")), GRANTED),
)
"""Conditions of an Allow."""

STATEMENTS = (
    ("no policy", None, allow(), NOT_GRANTED),
    ("first policy", allow(principal=NAMED), None, GRANTED),
    ("Allow removed", allow(principal=NAMED), [allow(principal=NAMED), allow()], NOT_GRANTED),
    ("Allow added that another Allow covers", [allow(), allow(OF_ORG)], allow(), NOT_GRANTED),
    ("Deny removed", allow(), [allow(), deny(NOT_OF_ORG)], GRANTED),
    ("Deny added", [allow(), deny(NOT_OF_ORG)], allow(), NOT_GRANTED),
    ("Deny written as a condition", allow(OF_ORG), [allow(), deny(NOT_OF_ORG)], NOT_GRANTED),
    ("Deny of another action removed", allow(), [allow(), deny(action="ecr:PutImage")], NOT_GRANTED),
    ("Deny of a named account removed", allow(principal=NAMED), [allow(), deny(principal=NAMED)], GRANTED),
    (
        "Deny of one role narrowed to a session",
        [allow(), deny(principal={"AWS": SESSION})],
        [allow(), deny(principal={"AWS": ROLE})],
        GRANTED,
    ),
    (
        "Resource of a Deny dropped",
        [allow(), deny(OF_ORG)],
        [allow(), deny(OF_ORG, Resource="arn:aws:ecr:*")],
        NOT_GRANTED,
    ),
    ("Resource added to a Deny", [allow(), deny(OF_ORG, Resource="arn:aws:ecr:*")], [allow(), deny(OF_ORG)], GRANTED),
    ("Resource of an Allow dropped", allow(), allow(Resource="arn:aws:ecr:*"), NOT_GRANTED),
    (
        "excluded principal of a Deny added",
        [allow(), deny(principal=..., NotPrincipal={"AWS": [ROLE, USER]})],
        [allow(), deny(principal=..., NotPrincipal={"AWS": ROLE})],
        GRANTED,
    ),
    (
        "statements in another order",
        [deny(NOT_OF_ORG), allow(principal=NAMED), allow()],
        [allow(), allow(principal=NAMED), deny(NOT_OF_ORG)],
        NOT_GRANTED,
    ),
    (
        "condition moved to another statement",
        [allow(OF_ORG, action="ecr:PutImage"), allow()],
        [allow(action="ecr:PutImage"), allow(OF_ORG)],
        GRANTED,
    ),
    ("two Allow statements for what one allowed", [allow(OF_ORG), allow(NOT_OF_ORG)], allow(), NOT_GRANTED),
    ("one Allow for what two allowed", allow(), [allow(OF_ORG), allow(NOT_OF_ORG)], NOT_GRANTED),
    (
        "one Allow for what two do not quite allow",
        allow(),
        [allow(OF_ORG), allow(all_of(NOT_OF_ORG, NETWORK))],
        GRANTED,
    ),
)
"""Statements that are added, removed or moved."""

ACTIONS = (
    ("action added", allow(action=PULL), allow(), GRANTED),
    ("action removed", allow(), allow(action=PULL), NOT_GRANTED),
    (
        "pattern in place of its actions",
        allow(action="ecr:Batch*Image"),
        allow(action=["ecr:BatchGetImage", "ecr:BatchDeleteImage", "ecr:BatchImportUpstreamImage"]),
        NOT_GRANTED,
    ),
    ("pattern in place of one of its actions", allow(action="ecr:Batch*Image"), allow(), GRANTED),
    (
        "action that administers added",
        allow(action="ecr:*"),
        allow(action=..., NotAction="ecr:SetRepositoryPolicy"),
        GRANTED,
    ),
    (
        "NotAction in place of Action",
        allow(action=..., NotAction="ecr:BatchGetImage"),
        allow(action="ecr:*"),
        NOT_GRANTED,
    ),
    ("action in another letter case", allow(action="ECR:batchgetimage"), allow(), NOT_GRANTED),
    ("registry action added", allow(action=["ecr:BatchGetImage", "ecr:GetAuthorizationToken"]), allow(), NOT_GRANTED),
    ("unknown action added", allow(action=["ecr:BatchGetImage", "ecr:FutureThing"]), allow(), GRANTED),
    (
        "Deny of one action fewer",
        [allow(action="ecr:*"), deny(action="ecr:PutImage")],
        [allow(action="ecr:*"), deny(action=["ecr:PutImage", "ecr:TagResource"])],
        GRANTED,
    ),
    (
        "request tag that only some actions have",
        allow(when("StringEquals", "aws:RequestTag/a", "b"), action="ecr:*"),
        allow(
            when("StringEquals", "aws:RequestTag/a", "b"),
            action=["ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource"],
        ),
        NOT_GRANTED,
    ),
)
"""Actions."""


class TestPairs:
    """What the new policy allows and the old one denies."""

    @pytest.mark.parametrize(("new", "old", "expected"), labelled([*CONDITIONS, *STATEMENTS, *ACTIONS]))
    def test_pair_is_answered_as_labelled(self, new: Any, old: Any, expected: Answer) -> None:
        assert check_inclusion(document(new), document(old)) is expected

    def test_exchanged_condition_is_not_public_and_grants_something_new(self) -> None:
        """Not public is not enough: the organization that the old policy excluded has access now."""
        new, old = policy(allow(OF_ORG)), policy(allow(NOT_OF_ORG))
        assert (reachable(old), reachable(new)) == (GRANTED, NOT_GRANTED)
        _, found = more_allowed(new, old, **QUESTION)
        assert found is not None
        assert found()["context"]["aws:principalorgid"] == ORG

    def test_owner_has_the_new_access(self) -> None:
        _, found = more_allowed(policy(allow(principal={"AWS": OWNER})), policy(allow(principal=NAMED)), **QUESTION)
        assert found is not None
        assert found()["account"] == OWNER

    def test_unknown_owner_can_be_the_caller(self) -> None:
        question = {**QUESTION, "owner": None, "region": None}
        same = policy(allow(accounts("StringEquals", "${aws:ResourceAccount}")))
        assert check_inclusion(same, policy(allow(OF_ORG)), question) is GRANTED
        assert (
            check_inclusion(
                policy(allow()), policy(allow(accounts("StringNotEquals", "${aws:ResourceAccount}"))), question
            )
            is GRANTED
        )

    def test_known_tags_of_the_repository_are_constants(self) -> None:
        new = policy(allow(when("StringEquals", "aws:ResourceTag/env", "dev")))
        old = policy(allow(principal=NAMED))
        assert check_inclusion(new, old) is GRANTED
        assert check_inclusion(new, old, {**QUESTION, "resource_tags": {"env": "dev"}}) is GRANTED
        assert check_inclusion(new, old, {**QUESTION, "resource_tags": {"env": "prod"}}) is NOT_GRANTED


class TestUndocumented:
    """What AWS does not document is read alike in both policies."""

    def test_undocumented_condition_is_met_in_both(self) -> None:
        doubtful = when("IpAddress", "aws:PrincipalArn", "203.0.113.0/24")
        assert check_inclusion(policy(allow(doubtful)), policy(allow())) is NOT_GRANTED
        assert check_inclusion(policy(allow()), policy(allow(doubtful))) is NOT_GRANTED
        assert check_inclusion(policy(allow(all_of(doubtful, OF_ORG))), policy(allow(doubtful))) is NOT_GRANTED

    def test_undocumented_condition_of_a_deny_is_not_met_in_both(self) -> None:
        doubtful = when("IpAddress", "aws:PrincipalArn", "203.0.113.0/24")
        assert check_inclusion(policy(allow()), policy(allow(), deny(doubtful))) is NOT_GRANTED

    def test_principal_that_ecr_refuses_is_everyone_in_both(self) -> None:
        wildcard = {"AWS": "arn:aws:iam::*:root"}
        assert check_inclusion(policy(allow(principal=wildcard)), policy(allow())) is NOT_GRANTED
        assert check_inclusion(policy(allow()), policy(allow(principal=wildcard))) is NOT_GRANTED


class TestLimits:
    """Where there is no answer."""

    def test_invalid_policy_is_a_problem(self) -> None:
        valid = policy(allow())
        assert more_allowed("{", valid, **QUESTION)[0] is PROBLEM
        assert more_allowed(valid, "[]", **QUESTION)[0] is PROBLEM

    def test_too_few_steps_leave_the_question_undecided(self) -> None:
        assert more_allowed(policy(allow(OF_ORG)), policy(allow(NETWORK)), steps=1, **QUESTION) == (UNDECIDED, None)


class TestRandomPolicies:
    """The oracle and `is_allowed` on policies that nobody labelled."""

    @settings(max_examples=1_000 if NIGHTLY else 100, suppress_health_check=list(HealthCheck))
    @given(policies(), questions(), st.integers(0, 1_000_000))
    def test_random_requests_agree_with_the_oracle(self, old: Json, question: Json, seed: int) -> None:
        """The pair is a policy and a small change of it, in both directions."""
        random = Random(seed)
        known = {name: question[name] for name in QUESTION}
        changed: list[Any] = [each.policy for each in mutants(copy.deepcopy(old))] or [policy(allow(OF_ORG))]
        pair: list[Any] = [old, random.choice(changed)]
        random.shuffle(pair)
        answer = more_allowed(*pair, **known)[0]
        if answer is NOT_GRANTED:
            for request in requests_of_anyone(pair, known, random, 40):
                assert is_allowed(pair[1], request) or not is_allowed(pair[0], request), request
        elif answer is GRANTED and question["resource_tags"] is None:
            check_inclusion(pair[0], pair[1], known)
