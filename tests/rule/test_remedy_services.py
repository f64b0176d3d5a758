"""`remedy` keeps the services that the owner names: the documented statement, bound to the owner's account."""

from typing import Any, Final

import pytest

from tests.rule.closed_policies import (
    IN_ORGANIZATION,
    OUTSIDE,
    OWNER,
    PARTNER,
    REMOVE,
    TO_ACCOUNTS,
    TO_ORGANIZATION,
    allow,
    closed,
    deny,
    policy,
    refused,
    unchanged,
)

LAMBDA: Final = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {"ArnLike": {"aws:sourceARN": "arn:aws:lambda:eu-central-1:111122223333:function:*"}},
}
CODEBUILD: Final = {
    "Sid": "CodeBuildAccessPrincipal",
    "Effect": "Allow",
    "Principal": {"Service": "codebuild.amazonaws.com"},
    "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
    "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
}
FACTS: Final = {"owner": OWNER, "region": "eu-central-1"}
KEEP: Final[dict[str, Any]] = {**FACTS, "keep_services": ("lambda",)}


class TestKeptService:
    """The statement of a kept service is the last one."""

    def test_beside_the_organization(self) -> None:
        named = allow(Sid="Partner", Principal={"AWS": PARTNER})
        given = policy(allow(Action="ecr:*"), named)
        expected = policy(allow(Action="ecr:*", Condition=IN_ORGANIZATION), named, LAMBDA)
        found = closed(given, expected, **TO_ORGANIZATION, **KEEP)
        assert any("lambda" in each for each in found.changes)

    def test_beside_the_accounts(self) -> None:
        expected = policy(allow(Action="*", Principal={"AWS": [PARTNER]}), LAMBDA)
        closed(policy(allow(Action="*")), expected, **{**TO_ACCOUNTS, **KEEP, "accounts": [PARTNER]})

    def test_in_place_of_the_only_statement(self) -> None:
        closed(policy(allow(Action="ecr:*"), Id="x"), policy(LAMBDA, Id="x"), **REMOVE, **KEEP)

    @pytest.mark.parametrize("version", [None, "2008-10-17"])
    def test_the_version_stays_as_it_is(self, version: str | None) -> None:
        closed(policy(allow(Action="*"), Version=version), policy(LAMBDA, Version=version), **REMOVE, **KEEP)

    def test_several_services(self) -> None:
        keep = {**FACTS, "keep_services": ["lambda", "codebuild", "lambda"]}
        closed(policy(allow(Action="ecr:*")), policy(LAMBDA, CODEBUILD), **REMOVE, **keep)

    @pytest.mark.parametrize(
        ("region", "arn"),
        [
            (None, "arn:*:lambda:*:111122223333:function:*"),
            ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:111122223333:function:*"),
        ],
    )
    def test_the_region_of_the_repository_decides(self, region: str | None, arn: str) -> None:
        expected = {**LAMBDA, "Condition": {"ArnLike": {"aws:sourceARN": arn}}}
        closed(policy(allow(Action="*")), policy(expected), **REMOVE, **{**KEEP, "region": region})

    def test_one_statement_outside_a_list(self) -> None:
        expected = policy(allow(Action="*", Condition=IN_ORGANIZATION), LAMBDA)
        closed(policy(Statement=allow(Action="*")), expected, **TO_ORGANIZATION, **KEEP)

    def test_a_new_statement_for_the_organization_is_before_it(self) -> None:
        given = policy(allow(Sid="All", Action="*", Principal={"AWS": ["*", PARTNER]}))
        kept = allow(Sid="All", Action="*", Principal={"AWS": PARTNER})
        moved = allow(Sid="AllOrganization", Action="*", Condition=IN_ORGANIZATION)
        closed(given, policy(kept, moved, LAMBDA), **TO_ORGANIZATION, **KEEP)


class TestActions:
    """A kept service keeps the documented actions that a treated statement covered."""

    @pytest.mark.parametrize(
        ("elements", "actions"),
        [
            ({"Action": "ecr:BatchGetImage"}, ["ecr:BatchGetImage"]),
            ({"Action": ["ECR:getdownloadurlforlayer", "ecr:PutImage"]}, ["ecr:GetDownloadUrlForLayer"]),
            ({"Action": "ecr:Batch*"}, ["ecr:BatchGetImage"]),
            ({"Action": None, "NotAction": "ecr:BatchGetImage"}, ["ecr:GetDownloadUrlForLayer"]),
            ({"Action": None, "NotAction": "ecr:Put*"}, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
        ],
    )
    def test_only_what_the_star_covered(self, elements: dict[str, Any], actions: list[str]) -> None:
        closed(policy(allow(**elements)), policy({**LAMBDA, "Action": actions}), **REMOVE, **KEEP)

    def test_two_treated_statements_count_together(self) -> None:
        given = policy(allow(Action="ecr:BatchGetImage"), allow(Action="ecr:GetDownloadUrlForLayer"))
        closed(given, policy(LAMBDA), **REMOVE, **KEEP)

    def test_statements_that_are_not_treated_do_not_count(self) -> None:
        named = allow(Action="ecr:*", Principal={"AWS": PARTNER})
        expected = policy(named, {**LAMBDA, "Action": ["ecr:BatchGetImage"]})
        closed(policy(named, allow(Action="ecr:BatchGetImage")), expected, **REMOVE, **KEEP)

    def test_without_an_action_there_is_no_statement(self) -> None:
        found = closed(policy(allow(Action=["ecr:ListImages", "ecr:PutImage"])), None, **REMOVE, **KEEP)
        assert "no statement added for lambda: it could not pull" in found.changes


class TestNamedService:
    """A service that another Allow names has the access of that statement."""

    def test_no_second_statement(self) -> None:
        named = allow(Principal={"Service": ["codebuild.amazonaws.com", "lambda.amazonaws.com"]}, Action="ecr:*")
        found = closed(policy(named, allow(Action="ecr:*")), policy(named), **REMOVE, **KEEP)
        assert f"no statement added for lambda: another one names it, maybe not for account {OWNER}" in found.changes

    def test_actions_that_no_statement_allows_it_are_added(self) -> None:
        named = allow(Principal={"Service": "lambda.amazonaws.com"}, Action=["ecr:BatchGetImage", "ecr:ListImages"])
        expected = policy(named, {**LAMBDA, "Action": ["ecr:GetDownloadUrlForLayer"]})
        closed(policy(named, allow(Action="ecr:*")), expected, **REMOVE, **KEEP)

    def test_named_beside_the_star(self) -> None:
        service = {"Service": "lambda.amazonaws.com"}
        given = policy(allow(Principal={"AWS": "*", **service}))
        closed(given, policy(allow(Principal=service)), **REMOVE, **KEEP)

    def test_another_service_does_not_count(self) -> None:
        named = allow(Principal={"Service": "codebuild.amazonaws.com"})
        closed(policy(named, allow(Action="ecr:*")), policy(named, LAMBDA), **REMOVE, **KEEP)

    def test_a_deny_does_not_count(self) -> None:
        """A Deny for other accounts' functions, as the owner can have it beside the star."""
        guard = deny(
            Principal={"Service": "lambda.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": OUTSIDE}}
        )
        closed(policy(allow(Action="ecr:*"), guard), policy(guard, LAMBDA), **REMOVE, **KEEP)


class TestRefused:
    """What is not known about a service or the owner."""

    @pytest.mark.parametrize("arguments", [TO_ORGANIZATION, TO_ACCOUNTS, REMOVE])
    def test_unknown_service_lists_the_known_ones(self, arguments: dict[str, Any]) -> None:
        keep = {**FACTS, "keep_services": ["lambda", "ecs"]}
        refused(policy(allow()), "ecs", "lambda", "codebuild", **arguments, **keep)

    @pytest.mark.parametrize("name", [["lambda"], {}, None])
    def test_name_that_is_no_string(self, name: Any) -> None:
        refused(policy(allow()), "is not a service", **REMOVE, **FACTS, keep_services=[name])

    @pytest.mark.parametrize("arguments", [TO_ORGANIZATION, TO_ACCOUNTS, REMOVE])
    def test_the_account_of_the_repository_is_needed(self, arguments: dict[str, Any]) -> None:
        refused(policy(allow()), "owner", keep_services=["lambda"], region="eu-central-1", **arguments)


class TestNotPublic:
    """A policy that grants no public access gains no statement."""

    def test_it_is_unchanged(self) -> None:
        given = policy(allow(Action="ecr:*", Principal={"AWS": PARTNER}))
        unchanged(given, given, **REMOVE, **KEEP)

    def test_no_policy_is_unchanged(self) -> None:
        unchanged(None, None, **REMOVE, **KEEP)
