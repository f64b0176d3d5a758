"""`remedy` removes what grants public access: values leave, then statements, then the policy; nothing is added."""

from typing import Any, Final

import pytest

from ecr_exposure import remedy
from tests.rule.closed_policies import (
    IN_ORGANIZATION,
    ORGANIZATION,
    OUTSIDE,
    OWNER,
    PARTNER,
    REMOVE,
    TO_ACCOUNTS,
    TO_ORGANIZATION,
    allow,
    closed,
    deny,
    names_statement,
    policy,
    unchanged,
)

ROOT: Final = f"arn:aws:iam::{PARTNER}:root"
LAMBDA: Final = "lambda.amazonaws.com"
TAGGED: Final = {"StringEquals": {"aws:ResourceTag/public": "yes"}}


def removed(given: dict[str, Any], expected: dict[str, Any] | None, **facts: Any) -> Any:
    """Return the checked remedy that removes what is public."""
    return closed(given, expected, **REMOVE, **facts)


class TestPolicy:
    """A policy without a statement is to be deleted."""

    @pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}, ["*"], {"AWS": ["*", "*"]}])
    def test_the_only_statement_leaves_no_policy(self, principal: Any) -> None:
        found = removed(policy(allow(Principal=principal)), None)
        assert names_statement(found.changes, 0)

    def test_all_statements_are_public(self) -> None:
        found = removed(policy(allow(Sid="A"), allow(Sid="B", Action="ecr:*"), Id="x"), None)
        assert names_statement(found.changes, 0, '"A"')
        assert names_statement(found.changes, 1, '"B"')

    def test_one_statement_outside_a_list(self) -> None:
        removed(policy(Statement=allow()), None)

    def test_a_deny_that_is_left_keeps_the_policy(self) -> None:
        removed(policy(allow(), deny(Sid="No")), policy(deny(Sid="No")))


class TestStatement:
    """A statement goes only when no principal is left."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"AWS": ["*", ROOT]}, {"AWS": ROOT}),
            ({"AWS": [PARTNER, "*", OWNER]}, {"AWS": [PARTNER, OWNER]}),
            ({"AWS": "*", "Service": LAMBDA}, {"Service": LAMBDA}),
            (
                {"AWS": ["*"], "Federated": f"arn:aws:iam::{PARTNER}:saml-provider/corp"},
                {"Federated": f"arn:aws:iam::{PARTNER}:saml-provider/corp"},
            ),
        ],
    )
    def test_named_principals_keep_their_statement(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        found = removed(policy(allow(Sid="Pull", Principal=before)), policy(allow(Sid="Pull", Principal=after)))
        assert names_statement(found.changes, 0, '"Pull"')

    def test_value_that_is_no_principal_goes_with_the_statement_and_is_named(self) -> None:
        """A template's placeholder may stand for a principal that the owner wants to keep."""
        found = removed(policy(allow(Principal={"AWS": ["*", "${ci_role}"]})), None)
        assert found.changes == ('Statement[0]: removed, with AWS "${ci_role}", which ECR does not accept',)

    def test_other_statements_stay_in_their_order(self) -> None:
        first, last = allow(Sid="First", Principal={"AWS": [ROOT]}), deny(Sid="Last", Principal={"AWS": OUTSIDE})
        middle = allow(Principal={"Service": [LAMBDA]})
        given = policy(first, allow(Sid="A"), middle, allow(Sid="B", Action="*"), last, Version="2008-10-17", Id="x")
        found = removed(given, policy(first, middle, last, Version="2008-10-17", Id="x"))
        assert found.policy == policy(first, middle, last, Version="2008-10-17", Id="x")

    @pytest.mark.parametrize("version", [None, "2008-10-17", "2012-10-17"])
    def test_the_version_stays_as_it_is(self, version: str | None) -> None:
        named = allow(Principal={"AWS": ROOT})
        removed(policy(allow(), named, Version=version), policy(named, Version=version))

    def test_conditions_of_a_mixed_statement_stay(self) -> None:
        tag = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
        given = policy(allow(Principal={"AWS": ["*", ROOT]}, Condition=tag))
        removed(given, policy(allow(Principal={"AWS": ROOT}, Condition=tag)))

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"ForAllValues:StringLike": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"StringLike": {"aws:PrincipalArn": f"arn:*:iam::{PARTNER}:role/*"}},
            {"IpAddress": {"aws:SourceIp": "64.0.0.0/3"}},
            {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        ],
    )
    def test_a_condition_that_does_not_limit_the_callers(self, condition: dict[str, Any]) -> None:
        limited = allow(Condition=IN_ORGANIZATION)
        removed(policy(limited, allow(Condition=condition)), policy(limited))

    def test_registry_action_alone_is_removed(self) -> None:
        named = allow(Principal={"AWS": ROOT})
        removed(policy(named, allow(Action="ecr:GetAuthorizationToken")), policy(named))

    def test_statement_that_a_deny_closes_is_removed_for_the_default_test(self) -> None:
        guard = deny(Action="*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
        removed(policy(allow(), guard), policy(guard))

    def test_account_that_a_removed_value_named_is_public_then(self) -> None:
        """Ten patterns name the ten accounts that the condition matches: without them it admits a public caller."""
        ten = [f"arn:aws:iam::44445555666{digit}:role/*" for digit in range(10)]
        condition = {"StringLike": {"aws:PrincipalAccount": "44445555666?"}}
        removed(policy(allow(Principal={"AWS": ten}), allow(Condition=condition)), None)


class TestResourceElements:
    """Amazon ECR refuses Resource and NotResource: in a policy that changes, they go."""

    @pytest.mark.parametrize("element", ["Resource", "NotResource"])
    def test_the_public_statement_loses_it(self, element: str) -> None:
        given = policy(allow(Sid="Pull", **{element: "*"}))
        found = closed(given, policy(allow(Sid="Pull", Condition=IN_ORGANIZATION)), **TO_ORGANIZATION)
        assert any(element in each for each in found.changes)

    def test_every_other_statement_loses_it_too(self) -> None:
        named, guard = allow(Sid="Named", Principal={"AWS": ROOT}), deny(Sid="No", Principal={"AWS": OUTSIDE})
        given = policy({**named, "Resource": ["*"]}, allow(), {**guard, "Resource": "*"})
        found = removed(given, policy(named, guard))
        about = tuple(each for each in found.changes if "Resource" in each)
        assert names_statement(about, 0, '"Named"')
        assert names_statement(about, 2, '"No"')

    def test_split_statement_has_none(self) -> None:
        given = policy(allow(Sid="Pull", Principal={"AWS": ["*", ROOT]}, Resource="*"))
        named, everyone = allow(Sid="Pull", Principal={"AWS": ROOT}), allow(Condition=IN_ORGANIZATION)
        closed(given, policy(named, {**everyone, "Sid": "PullOrganization"}), **TO_ORGANIZATION)

    @pytest.mark.parametrize("arguments", [TO_ORGANIZATION, TO_ACCOUNTS, REMOVE])
    def test_policy_that_does_not_change_keeps_it(self, arguments: dict[str, Any]) -> None:
        given = policy(allow(Principal={"AWS": ROOT}, Resource="*"))
        unchanged(given, given, **arguments)


class TestFacts:
    """What is known of the repository decides whether a statement is public."""

    def test_a_tag_that_the_repository_has_is_public(self) -> None:
        removed(policy(allow(Condition=TAGGED)), None, resource_tags={"public": "yes"})

    def test_a_tag_that_is_not_known_may_be_there(self) -> None:
        removed(policy(allow(Condition=TAGGED)), None)

    @pytest.mark.parametrize("tags", [{}, {"public": "no"}])
    def test_a_tag_that_the_repository_lacks_is_not_public(self, tags: dict[str, str]) -> None:
        given = policy(allow(Condition=TAGGED))
        unchanged(given, given, **REMOVE, resource_tags=tags)

    def test_the_account_of_the_repository_says_nothing_about_the_caller(self) -> None:
        removed(policy(allow(Condition={"StringEquals": {"aws:ResourceAccount": OWNER}})), None, owner=OWNER)

    def test_the_account_of_another_repository_is_never_met(self) -> None:
        given = policy(allow(Condition={"StringEquals": {"aws:ResourceAccount": PARTNER}}))
        unchanged(given, given, **REMOVE, owner=OWNER)

    def test_another_region_is_never_met(self) -> None:
        given = policy(allow(Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}))
        unchanged(given, given, **REMOVE, owner=OWNER, region="eu-central-1")


def about(sentences: tuple[str, ...], word: str) -> list[str]:
    """Return the sentences that hold a word."""
    return [each for each in sentences if word in each.lower()]


class TestLosses:
    """Everyone loses access, and with everyone the AWS services and the owner's own principals that used the star."""

    @pytest.mark.parametrize("principal", ["*", {"Service": "*"}, {"AWS": ["*", ROOT]}])
    def test_services_that_pull_lose_access(self, principal: Any) -> None:
        found = remedy(policy(allow(Principal=principal)), **REMOVE)
        assert about(found.loses_access, "aws services")

    @pytest.mark.parametrize(
        "elements", [{"Action": "ecr:PutImage"}, {"Principal": {"AWS": "arn:aws:iam::*:role/ci"}}, {"Action": "s3:*"}]
    )
    def test_services_lose_nothing_that_they_did_not_have(self, elements: dict[str, Any]) -> None:
        found = remedy(policy(allow(**elements)), **REMOVE)
        assert about(found.loses_access, "aws services") == []

    def test_a_kept_service_loses_nothing(self) -> None:
        found = remedy(policy(allow(Action="ecr:*")), **REMOVE, owner=OWNER, keep_services=["lambda"])
        (sentence,) = about(found.loses_access, "aws services")
        assert "lambda" not in sentence
        assert "codebuild" in sentence

    def test_a_service_that_keeps_a_statement_loses_nothing(self) -> None:
        given = policy(allow(Principal={"AWS": "*", "Service": "lambda.amazonaws.com"}))
        (sentence,) = about(remedy(given, **REMOVE).loses_access, "aws services")
        assert "lambda" not in sentence
        assert "codebuild" in sentence

    @pytest.mark.parametrize("arguments", [TO_ORGANIZATION, TO_ACCOUNTS, REMOVE])
    def test_nobody_loses_what_a_repository_policy_cannot_grant(self, arguments: dict[str, Any]) -> None:
        assert remedy(policy(allow(Action="ecr:GetAuthorizationToken")), **arguments).loses_access == ()

    @pytest.mark.parametrize(
        ("arguments", "lose"),
        [
            (REMOVE, True),
            ({**TO_ACCOUNTS, "owner": OWNER}, True),
            ({**TO_ACCOUNTS, "owner": OWNER, "accounts": [PARTNER, OWNER]}, False),
        ],
    )
    def test_principals_of_the_owner_need_a_policy_then(self, arguments: dict[str, Any], lose: bool) -> None:  # noqa: FBT001 - a column of the table
        """In one account, a repository policy alone is enough.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
        """
        found = remedy(policy(allow()), **arguments)
        assert bool(about(found.loses_access, "own account")) is lose
