"""Advisories: what an owner should know about a policy although it changes no verdict."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import AdvisoryKind, judge

NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
ORGANIZATION: Final = "o-abcde12345"
FIX: Final = "fix aws:SourceAccount, aws:SourceArn or aws:SourceOrgID"


def allow(principal: Any = "*", condition: Any = None, **elements: Any) -> dict[str, Any]:
    """Return an Allow to pull."""
    found = {"Effect": "Allow", "Principal": principal, "Action": ["ecr:BatchGetImage"]} | elements
    return found if condition is None else found | {"Condition": condition}


def deny(condition: Any = None, **elements: Any) -> dict[str, Any]:
    """Return a Deny of every action for everyone."""
    found = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "ecr:*"} | elements
    return found if condition is None else found | {"Condition": condition}


def service(condition: Any = None, name: Any = "lambda.amazonaws.com", **elements: Any) -> dict[str, Any]:
    """Return an Allow for a service."""
    return allow({"Service": name}, condition, **elements)


def advisories(*statements: dict[str, Any]) -> list[tuple[AdvisoryKind, int, str]]:
    """Return the advisories of a policy of these statements: kind, statement and text."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    found = judge(policy, test="reachable", owner="111122223333", region="us-east-1", now=NOW).advisories
    return [(advisory.kind, advisory.statement, advisory.text) for advisory in found]


@pytest.mark.parametrize(
    ("statement", "kind", "text"),
    [
        (allow({"AWS": "AROAEXAMPLEEXAMPLE12:deploy"}), AdvisoryKind.DELETED_PRINCIPAL,
         "Statement[0] has an id in place of an ARN: AROAEXAMPLEEXAMPLE12:deploy is a deleted principal,"
         " or one that AWS will show by its ARN"),
        (service(), AdvisoryKind.CONFUSED_DEPUTY,
         f"Statement[0] allows lambda.amazonaws.com to act for any customer (confused deputy): {FIX}"),
        (allow(condition={"StringEquals": {"aws:PrincipalOrgID": "o-*"}}), AdvisoryKind.LITERAL_STAR,
         "in Statement[0], StringEquals compares the asterisk in aws:PrincipalOrgID literally;"
         " in StringLike it is a wildcard"),
        (allow(condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), AdvisoryKind.PRIVATE_SOURCE_IP,
         "in Statement[0], aws:SourceIp is never a private address: use aws:VpcSourceIp"),
        (allow(condition={"ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:*:*"}}), AdvisoryKind.CONFUSED_DEPUTY,
         f"Statement[0] allows AWS services to act for any customer (confused deputy): {FIX}"),
        (allow(condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}), AdvisoryKind.CONFUSED_DEPUTY,
         f"Statement[0] allows AWS services to act for any customer (confused deputy): {FIX}"),
        (allow(condition={"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}), AdvisoryKind.PASSED_WINDOW,
         "in Statement[0], the time window has passed: the statement no longer grants access"),
        (allow({"AWS": "444455556666"}, Sid="Share", Resource="*"), AdvisoryKind.RESOURCE_ELEMENT,
         'ECR refuses the Resource element of statement "Share"'),
        (allow({"AWS": ["*", "1234"]}), AdvisoryKind.MALFORMED_PRINCIPAL,
         'Statement[0].Principal.AWS: "1234" is not an account id of 12 digits'),
        (deny(Action="s3:*"), AdvisoryKind.IGNORED_DENY, 'statement "Guard" denies no action on repositories'),
    ],
)  # fmt: skip
def test_each_kind_names_its_statement_and_the_cause(statement: dict[str, Any], kind: AdvisoryKind, text: str) -> None:
    assert advisories(statement) == [(kind, 0, text)]


def test_long_sid_is_cut() -> None:
    ((_, _, text),) = advisories(service(Sid="x" * 100))
    assert text.startswith(f'statement "{"x" * 40}…" allows lambda')


class TestConfusedDeputy:
    """A service that acts for any customer."""

    @staticmethod
    def about(*statements: dict[str, Any]) -> list[int]:
        """Return the statements with an advisory about a confused deputy."""
        return [at for kind, at, _ in advisories(*statements) if kind is AdvisoryKind.CONFUSED_DEPUTY]

    @pytest.mark.parametrize(
        "condition",
        [
            {"BoolIfExists": {"aws:PrincipalIsAWSService": "true"}},
            {"StringEquals": {"aws:PrincipalIsAWSService": "true"}},
            {"StringEquals": {"aws:PrincipalServiceName": "lambda.amazonaws.com"}},
            {"StringLike": {"aws:SourceAccount": "1111*"}},
            {"StringLike": {"aws:SourceOrgID": "o-*"}},
        ],
    )
    def test_condition_that_only_services_meet_needs_a_source(self, condition: Any) -> None:
        assert self.about(allow(condition=condition)) == [0]

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEquals": {"aws:SourceAccount": "111122223333"}},
            {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:111122223333:function:*"}},
            {"StringEquals": {"aws:SourceOrgID": ORGANIZATION}},
            {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": f"{ORGANIZATION}/*"}},
        ],
    )
    def test_fixed_source_needs_no_advisory(self, condition: Any) -> None:
        assert self.about(service(condition)) == []

    def test_source_that_may_be_absent_is_not_fixed(self) -> None:
        assert self.about(service({"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}})) == [0]

    def test_misspelled_source_is_named(self) -> None:
        ((_, _, text),) = advisories(service({"StringEquals": {"aws:SourceAccountId": "111122223333"}}))
        assert text.endswith('"aws:SourceAccountId" (did you mean aws:SourceAccount?) is not a known condition key')

    def test_several_services_are_counted(self) -> None:
        ((_, _, text),) = advisories(service(name=["ecs.amazonaws.com", "lambda.amazonaws.com"]))
        assert text.startswith("Statement[0] allows ecs.amazonaws.com and 1 more to act for any customer")

    def test_service_without_a_repository_action_needs_no_advisory(self) -> None:
        assert self.about(service(Action="ecr:GetAuthorizationToken")) == []

    def test_deny_of_other_sources_ties_services_as_a_condition_does(self) -> None:
        """The statement of the page is written for a resource control policy; in a repository policy it means the same.

        https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html
        """
        guard = {
            "StringNotEqualsIfExists": {"aws:SourceOrgID": ORGANIZATION},
            "Null": {"aws:SourceAccount": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "true"},
        }
        assert self.about(service(), deny(guard)) == []
        assert self.about(service(), deny(guard, Action="ecr:PutImage")) == [0]
        assert self.about(service(), deny(guard | {"StringEquals": {"aws:PrincipalTag/team": "x"}})) == [0]

    EXEMPTION: Final = {
        "StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }

    def test_deny_that_exempts_services_needs_a_source_if_an_allow_is_for_everyone(self) -> None:
        assert self.about(allow(), deny(self.EXEMPTION)) == [1]

    @pytest.mark.parametrize(
        "statement",
        [
            allow({"AWS": "444455556666"}),
            service({"StringEquals": {"aws:SourceAccount": "111122223333"}}),
            allow(condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
            allow(condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
            allow(condition={"StringEquals": {"aws:SourceAccount": "111122223333"}}),
        ],
    )
    def test_deny_that_exempts_services_needs_none_if_no_allow_is_for_services(self, statement: Any) -> None:
        assert self.about(statement, deny(self.EXEMPTION)) == []


class TestIgnoredDeny:
    """A Deny that denies no request to a repository."""

    @staticmethod
    def about(*statements: dict[str, Any]) -> list[int]:
        """Return the statements with an advisory about an ignored Deny."""
        return [at for kind, at, _ in advisories(*statements) if kind is AdvisoryKind.IGNORED_DENY]

    @pytest.mark.parametrize(
        "elements",
        [
            {"Action": ["ecr:GetAuthorizationToken", "s3:*"]},
            {"Action": "ecr:PullImage"},
            {"Action": []},
            {"Principal": {"AWS": "arn:aws:iam::*:root"}},
            {"Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/x"}},
            {"Principal": {}},
        ],
    )
    def test_deny_of_no_action_or_nobody_is_named(self, elements: dict[str, Any]) -> None:
        assert self.about(allow(), deny(**elements)) == [1]

    @pytest.mark.parametrize(
        "elements",
        [
            {"Action": "ecr:PutImage"},
            {"Action": "ecr:batchGet*"},
            {"Principal": {"AWS": "111122223333"}},
            {"Principal": {"Service": "lambda.amazonaws.com"}},
            {"Principal": {"AWS": ["arn:aws:iam::*:root", "111122223333"]}},
        ],
    )
    def test_deny_with_an_effect_is_not_named(self, elements: dict[str, Any]) -> None:
        assert self.about(allow(), deny(**elements)) == []

    def test_deny_of_an_unknown_action_has_an_effect_if_an_allow_grants_it(self) -> None:
        assert self.about(allow(Action="ecr:PullImage"), deny(Action="ecr:Pull*")) == []
