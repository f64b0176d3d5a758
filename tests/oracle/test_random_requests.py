"""Random requests: they are possible, and denied where the engine reports no access."""

from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_exposure import is_allowed, judge
from tests.corpus.each_case import each_case
from tests.corpus.loader import Case
from tests.oracle.agreement import CASES, SEARCHING_TESTS, answer_of, check_random_requests, question_of
from tests.oracle.generator.policies import policies, questions
from tests.oracle.inclusion_answers import QUESTION as KNOWN
from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    ORG,
    OTHER_ACCOUNT,
    OWNER,
    ROLE,
    allow,
    policy,
    when,
)
from tests.oracle.random_requests import random_requests
from tests.oracle.request_consistency import check_consistency
from tests.oracle.requests_of_anyone import requests_of_anyone
from tests.oracle.solver_condition_keys import KEYS
from tests.oracle.solver_oracle import decide

GENERATED: Final = list(HealthCheck)
NIGHTLY: Final = settings().max_examples > 100
SEEDS: Final = st.integers(0, 1_000_000)


class TestRequests:
    """What the requests are."""

    @settings(suppress_health_check=GENERATED)
    @given(policies(), questions(), SEEDS)
    def test_keys_agree_with_each_other(self, document: Any, question: dict[str, Any], seed: int) -> None:
        for request in random_requests(document, question, Random(seed), 5):
            check_consistency(request, question)

    def test_every_key_that_a_caller_can_have_occurs(self) -> None:
        """The oracle says which these are."""
        question = question_of(CASES[0], "reachable")
        possible = {
            key
            for key in KEYS
            if decide(policy(allow(when("Null", key, "false"), action="ecr:*")), **question) is GRANTED
        }
        document = policy(*(allow(when("Null", key, "false"), action="ecr:*") for key in sorted(possible)))
        found = {key for request in random_requests(document, question, Random(1), 400) for key in request.context}
        assert possible == found

    def test_they_find_most_grants(self) -> None:
        """Without that, it would prove nothing that they find no access elsewhere."""
        questions = [(case.policy, question_of(case, test)) for case in CASES for test in SEARCHING_TESTS]
        granted = [each for each in questions if answer_of(judge(each[0], **each[1])) is GRANTED]
        chosen = Random(1).sample(granted, 150)
        found = sum(
            any(is_allowed(document, request) for request in random_requests(document, question, Random(1), 50))
            for document, question in chosen
        )
        assert found >= 0.85 * len(chosen)


class TestRequestsOfAnyone:
    """Requests of every kind of caller."""

    def test_named_principals_and_the_owner_are_among_the_callers(self) -> None:
        user, federated = f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build"
        document = policy(
            allow(principal={"AWS": [ROLE, user, federated, session, OTHER_ACCOUNT]}),
            allow(when("StringEquals", "aws:PrincipalOrgID", ORG)),
            allow(when("IpAddress", "aws:SourceIp", "203.0.113.0/24")),
        )
        requests = list(requests_of_anyone([document], KNOWN, Random(1), 600))
        contexts = [request.context for request in requests]
        assert {ROLE, user, federated, session} <= {request.principal for request in requests} | {
            context["aws:principalarn"] for context in contexts
        }
        assert {OWNER, OTHER_ACCOUNT} <= {context["aws:principalaccount"] for context in contexts}
        assert ORG in {context.get("aws:principalorgid") for context in contexts}
        assert "203.0.113.255" in {context.get("aws:sourceip") for context in contexts}
        assert {is_allowed(document, request) for request in requests} == {True, False}

    @settings(suppress_health_check=GENERATED)
    @given(policies(), policies(), questions(), SEEDS)
    def test_keys_agree_with_each_other(self, one: Any, other: Any, question: dict[str, Any], seed: int) -> None:
        nobody = {"members": (), "trusted_accounts": (), "trusted_organizations": ()}
        for request in requests_of_anyone([one, other], question, Random(seed), 5):
            context = request.context
            own, of_resource = context.get("aws:principalorgid"), context.get("aws:resourceorgid")
            if context["aws:principalaccount"] == context["aws:resourceaccount"]:
                assert own == of_resource
                assert context.get("aws:principalorgpaths") == context.get("aws:resourceorgpaths")
            elif own is None or own != of_resource:
                check_consistency(request, {**question, **nobody})


class TestEngine:
    """Without a grant, no caller that the test is about is allowed anything."""

    @settings(suppress_health_check=GENERATED)
    @given(policies(), questions(), SEEDS)
    def test_random_policy_without_grant_allows_no_request(
        self, document: Any, question: dict[str, Any], seed: int
    ) -> None:
        searched = question["test"] in SEARCHING_TESTS
        if searched and answer_of(judge(document, **question)) is NOT_GRANTED:
            check_random_requests(document, question, 25, seed)

    @pytest.mark.parametrize("test", SEARCHING_TESTS)
    @each_case(CASES)
    def test_compliant_case_allows_no_request(self, case: Case, test: str) -> None:
        if case.expect[test] == "COMPLIANT":
            check_random_requests(case.policy, question_of(case, test), 300 if NIGHTLY else 5)
