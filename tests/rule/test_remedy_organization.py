"""`remedy` scopes everyone to the members of an organization: a condition is added, none is exchanged."""

from typing import Any, Final

import pytest

from tests.rule.closed_policies import (
    IN_ORGANIZATION,
    ORGANIZATION,
    OTHER_ORGANIZATION,
    OUTSIDE,
    OWNER,
    PARTNER,
    TO_ORGANIZATION,
    allow,
    closed,
    deny,
    names_statement,
    policy,
    refused,
    unchanged,
)

ROOT: Final = f"arn:aws:iam::{PARTNER}:root"
ROLE: Final = f"arn:aws:iam::{PARTNER}:role/app"
LAMBDA: Final = "lambda.amazonaws.com"
SAML: Final = f"arn:aws:iam::{PARTNER}:saml-provider/corp"
# Equal to itself, in every organization: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
ITSELF: Final = "${aws:PrincipalOrgID}"
KEY: Final = "aws:PrincipalOrgID"


def scoped(given: dict[str, Any], expected: dict[str, Any]) -> Any:
    """Return the checked remedy that scopes a policy to the organization."""
    return closed(given, expected, **TO_ORGANIZATION)


class TestNoCondition:
    """Everyone without a Condition becomes everyone of the organization."""

    @pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}, ["*"]])
    def test_everyone_is_restricted_to_the_organization(self, principal: Any) -> None:
        scoped(policy(allow(Principal=principal)), policy(allow(Condition=IN_ORGANIZATION)))

    @pytest.mark.parametrize("empty", [{}, {"StringEquals": {}}, {"StringLike": {}}, {"stringequals": {}}])
    def test_an_empty_condition_is_no_condition(self, empty: dict[str, Any]) -> None:
        operator = next((each for each in empty if each.lower() == "stringequals"), "StringEquals")
        expected = allow(Condition={operator: {KEY: ORGANIZATION}})
        scoped(policy(allow(Condition=empty)), policy(expected))

    def test_one_statement_outside_a_list_is_treated(self) -> None:
        given = policy(Statement=allow(Sid="Pull", Action="ecr:*"))
        found = scoped(given, policy(allow(Sid="Pull", Action="ecr:*", Condition=IN_ORGANIZATION)))
        assert isinstance(found.policy["Statement"], dict)

    @pytest.mark.parametrize("version", [None, "2008-10-17", "2012-10-17"])
    def test_version_and_id_stay_as_they_are(self, version: str | None) -> None:
        given = policy(allow(), Version=version, Id="images")
        scoped(given, policy(allow(Condition=IN_ORGANIZATION), Version=version, Id="images"))

    def test_registry_action_alone_is_treated(self) -> None:
        """The default test flags it, although a repository policy cannot grant ecr:GetAuthorizationToken."""
        action = "ecr:GetAuthorizationToken"
        scoped(policy(allow(Action=action)), policy(allow(Action=action, Condition=IN_ORGANIZATION)))

    def test_actions_of_another_service_are_treated(self) -> None:
        scoped(policy(allow(Action="s3:*")), policy(allow(Action="s3:*", Condition=IN_ORGANIZATION)))

    def test_notaction_is_kept(self) -> None:
        given = allow(Action=None, NotAction=["ecr:DeleteRepository"])
        scoped(policy(given), policy({**given, "Condition": IN_ORGANIZATION}))

    def test_every_public_statement_is_treated_and_the_order_stays(self) -> None:
        named = allow(Sid="Partner", Principal={"AWS": [ROLE]})
        given = policy(allow(Sid="A"), named, deny(Sid="No", Principal={"AWS": ROOT}), allow(Sid="B", Action="ecr:*"))
        found = scoped(
            given,
            policy(
                allow(Sid="A", Condition=IN_ORGANIZATION),
                named,
                deny(Sid="No", Principal={"AWS": ROOT}),
                allow(Sid="B", Action="ecr:*", Condition=IN_ORGANIZATION),
            ),
        )
        assert found.policy["Statement"][1] == named
        assert names_statement(found.changes, 0, '"A"')
        assert names_statement(found.changes, 3, '"B"')
        assert not names_statement(found.changes, 1, '"Partner"')


class TestOperator:
    """The first of StringEquals, StringLike and StringEqualsIgnoreCase that does not carry the key yet takes it."""

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (
                {"StringEquals": {"aws:PrincipalTag/team": "red"}},
                {"StringEquals": {"aws:PrincipalTag/team": "red", KEY: ORGANIZATION}},
            ),
            (
                {"stringEQUALS": {"aws:PrincipalTag/team": ["red"]}},
                {"stringEQUALS": {"aws:PrincipalTag/team": ["red"], KEY: ORGANIZATION}},
            ),
            (
                {"StringLike": {"aws:PrincipalTag/team": "r*"}},
                {"StringLike": {"aws:PrincipalTag/team": "r*"}, "StringEquals": {KEY: ORGANIZATION}},
            ),
            (
                {"StringLike": {KEY: "o-*"}},
                {"StringLike": {KEY: "o-*"}, "StringEquals": {KEY: ORGANIZATION}},
            ),
            (
                {"StringEquals": {KEY: ITSELF}},
                {"StringEquals": {KEY: ITSELF}, "StringLike": {KEY: ORGANIZATION}},
            ),
            (
                {"StringEquals": {"AWS:principalORGid": ITSELF}, "stringlike": {"aws:PrincipalTag/team": "r*"}},
                {
                    "StringEquals": {"AWS:principalORGid": ITSELF},
                    "stringlike": {"aws:PrincipalTag/team": "r*", KEY: ORGANIZATION},
                },
            ),
            (
                {"STRINGEQUALS": {"aws:principalorgid": ITSELF}, "StringLike": {"AWS:PRINCIPALORGID": "o-*"}},
                {
                    "STRINGEQUALS": {"aws:principalorgid": ITSELF},
                    "StringLike": {"AWS:PRINCIPALORGID": "o-*"},
                    "StringEqualsIgnoreCase": {KEY: ORGANIZATION},
                },
            ),
            (
                {
                    "StringEquals": {KEY: ITSELF},
                    "StringLike": {KEY: "o-*"},
                    "stringequalsignorecase": {"aws:PrincipalTag/team": "red"},
                },
                {
                    "StringEquals": {KEY: ITSELF},
                    "StringLike": {KEY: "o-*"},
                    "stringequalsignorecase": {"aws:PrincipalTag/team": "red", KEY: ORGANIZATION},
                },
            ),
        ],
    )
    def test_takes_the_key_in_the_spelling_that_is_there(
        self, condition: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        scoped(policy(allow(Condition=condition)), policy(allow(Condition=expected)))

    def test_without_a_free_operator_the_policy_is_refused(self) -> None:
        carrying = {"StringEquals": {KEY: ITSELF}, "StringLike": {KEY: "o-*"}, "StringEqualsIgnoreCase": {KEY: ITSELF}}
        refused(policy(allow(), allow(Condition=carrying)), "Statement[1]", KEY, **TO_ORGANIZATION)

    def test_key_under_one_of_two_spellings_of_an_operator_is_carried(self) -> None:
        """Which of the two AWS would read is undocumented, so the key is added to neither."""
        twice = {"StringEquals": {"aws:PrincipalTag/team": "red"}, "stringequals": {KEY: ITSELF}}
        scoped(policy(allow(Condition=twice)), policy(allow(Condition={**twice, "StringLike": {KEY: ORGANIZATION}})))

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEqualsIfExists": {KEY: ORGANIZATION}},
            {"ForAllValues:StringEquals": {KEY: ORGANIZATION}},
            {"ForAnyValue:StringLike": {KEY: ["o-*"]}},
            {"StringNotEquals": {KEY: OTHER_ORGANIZATION}},
            {"StringLike": {"aws:PrincipalAccount": "4444*"}},
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}},
            {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
            {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            {"StringLike": {"aws:userid": "*:session"}},
            {"Bool": {"aws:SecureTransport": "true"}},
            {"Null": {KEY: "false"}},
        ],
    )
    def test_other_operators_and_keys_stay(self, condition: dict[str, Any]) -> None:
        """Only `reachable` flags these; the condition itself never changes."""
        scoped(policy(allow(Condition=condition)), policy(allow(Condition={**IN_ORGANIZATION, **condition})))

    def test_operators_of_other_statements_do_not_matter(self) -> None:
        other = allow(Principal={"AWS": ROOT}, Condition={"StringEquals": {KEY: OTHER_ORGANIZATION}})
        scoped(policy(other, allow()), policy(other, allow(Condition=IN_ORGANIZATION)))


class TestNobodyLeft:
    """A statement that grants the organization nothing is refused: it is to be removed."""

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringNotEquals": {KEY: ORGANIZATION}},
            {"stringnotequals": {"AWS:PrincipalOrgId": [OTHER_ORGANIZATION, ORGANIZATION]}},
            {"StringNotEqualsIfExists": {KEY: ORGANIZATION}},
            {"StringNotEquals": {KEY: [ORGANIZATION, "${aws:ResourceOrgID}"]}},
            {"StringNotLike": {KEY: "o-*"}},
            {"Null": {KEY: "true"}},
            {"StringLike": {KEY: "o-b*"}},
        ],
    )
    def test_statement_that_excludes_the_organization(self, condition: dict[str, Any]) -> None:
        """A StringEquals in place of the StringNotEquals would admit everybody of the organization: something new."""
        refused(policy(allow(Sid="NotUs", Condition=condition)), "remove-statements", **TO_ORGANIZATION)

    def test_the_message_names_the_statement(self) -> None:
        excluded = allow(Condition={"StringNotEquals": {KEY: ORGANIZATION}})
        refused(policy(allow(), excluded), "Statement[1]", ORGANIZATION, **TO_ORGANIZATION)

    def test_deny_for_all_other_organizations_does_not_matter(self) -> None:
        """Only the default test flags it: the organization has no access before, and none afterwards."""
        guard = deny(Action="*", Condition={"StringNotEquals": {KEY: OTHER_ORGANIZATION}})
        scoped(policy(allow(), guard), policy(allow(Condition=IN_ORGANIZATION), guard))

    def test_deny_for_all_but_this_organization_leaves_it(self) -> None:
        guard = deny(Action="*", Condition={"StringNotEquals": {KEY: ORGANIZATION}})
        scoped(policy(allow(), guard), policy(allow(Condition=IN_ORGANIZATION), guard))

    def test_deny_of_the_only_action_does_not_matter(self) -> None:
        scoped(policy(allow(), deny()), policy(allow(Condition=IN_ORGANIZATION), deny()))

    def test_deny_of_one_of_two_actions_leaves_the_other(self) -> None:
        both = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        scoped(policy(allow(Action=both), deny()), policy(allow(Action=both, Condition=IN_ORGANIZATION), deny()))

    @pytest.mark.parametrize(
        "guard",
        [
            deny(Action="ecr:*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
            deny(Principal={"AWS": f"arn:aws:iam::{OUTSIDE}:root"}),
            deny(Condition={"StringEquals": {"aws:PrincipalAccount": OUTSIDE}}),
        ],
    )
    def test_deny_that_does_not_help_stays(self, guard: dict[str, Any]) -> None:
        scoped(policy(guard, allow()), policy(guard, allow(Condition=IN_ORGANIZATION)))


class TestMixedPrincipals:
    """The named principals keep the statement, and everyone moves into a new one directly behind it."""

    def test_everyone_and_an_account(self) -> None:
        found = scoped(
            policy(allow(Sid="Pull", Principal={"AWS": ["*", ROOT]}), allow(Sid="Next", Principal={"AWS": ROLE})),
            policy(
                allow(Sid="Pull", Principal={"AWS": ROOT}),
                allow(Sid="PullOrganization", Condition=IN_ORGANIZATION),
                allow(Sid="Next", Principal={"AWS": ROLE}),
            ),
        )
        assert names_statement(found.changes, 0, '"Pull"')
        assert any(ORGANIZATION in each for each in found.changes)

    def test_everyone_a_service_and_an_identity_provider(self) -> None:
        named = {"Service": [LAMBDA], "Federated": SAML}
        scoped(
            policy(allow(Sid="All", Principal={"AWS": "*", **named})),
            policy(allow(Sid="All", Principal=named), allow(Sid="AllOrganization", Condition=IN_ORGANIZATION)),
        )

    def test_the_named_keep_their_order(self) -> None:
        given = policy(allow(Principal={"AWS": [ROLE, "*", OWNER]}))
        scoped(given, policy(allow(Principal={"AWS": [ROLE, OWNER]}), allow(Condition=IN_ORGANIZATION)))

    def test_without_a_sid_the_new_statement_has_none(self) -> None:
        found = scoped(
            policy(allow(Principal={"AWS": ["*", ROOT]})),
            policy(allow(Principal={"AWS": ROOT}), allow(Condition=IN_ORGANIZATION)),
        )
        assert all("Sid" not in each for each in found.policy["Statement"])

    def test_both_statements_have_the_conditions(self) -> None:
        tag = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
        scoped(
            policy(allow(Sid="Red", Principal={"AWS": ["*", ROOT]}, Action=["ecr:*"], Condition=tag)),
            policy(
                allow(Sid="Red", Principal={"AWS": ROOT}, Action=["ecr:*"], Condition=tag),
                allow(
                    Sid="RedOrganization",
                    Action=["ecr:*"],
                    Condition={"StringEquals": {"aws:PrincipalTag/team": "red", KEY: ORGANIZATION}},
                ),
            ),
        )

    @pytest.mark.parametrize(
        ("taken", "new"),
        [
            (["PullOrganization"], "PullOrganization2"),
            (["PullOrganization", "PullOrganization2"], "PullOrganization3"),
            (["PullOrganization2"], "PullOrganization"),
        ],
    )
    def test_a_sid_that_exists_gets_a_number(self, taken: list[str], new: str) -> None:
        others = [allow(Sid=sid, Principal={"AWS": OWNER}) for sid in taken]
        scoped(
            policy(*others, allow(Sid="Pull", Principal={"AWS": ["*", ROOT]})),
            policy(*others, allow(Sid="Pull", Principal={"AWS": ROOT}), allow(Sid=new, Condition=IN_ORGANIZATION)),
        )

    def test_two_statements_with_one_sid_get_two_new_sids(self) -> None:
        mixed = allow(Sid="Pull", Principal={"AWS": ["*", ROOT]})
        named = allow(Sid="Pull", Principal={"AWS": ROOT})
        scoped(
            policy(mixed, mixed),
            policy(
                named,
                allow(Sid="PullOrganization", Condition=IN_ORGANIZATION),
                named,
                allow(Sid="PullOrganization2", Condition=IN_ORGANIZATION),
            ),
        )

    def test_one_statement_outside_a_list_becomes_two(self) -> None:
        given = policy(Statement=allow(Sid="Pull", Principal={"AWS": ["*", ROOT]}))
        expected = [
            allow(Sid="Pull", Principal={"AWS": ROOT}),
            allow(Sid="PullOrganization", Condition=IN_ORGANIZATION),
        ]
        scoped(given, policy(*expected))


class TestSentences:
    """Changes and losses name what matters to the owner of the repository."""

    def test_changes_name_statement_and_organization(self) -> None:
        found = scoped(policy(allow(Sid="Pull")), policy(allow(Sid="Pull", Condition=IN_ORGANIZATION)))
        assert names_statement(found.changes, 0, '"Pull"')
        assert any(ORGANIZATION in each for each in found.changes)

    def test_losses_name_the_organization_and_aws_services(self) -> None:
        found = scoped(policy(allow()), policy(allow(Condition=IN_ORGANIZATION)))
        assert any(ORGANIZATION in each for each in found.loses_access)
        assert any("service" in each.lower() for each in found.loses_access)


class TestNotPublic:
    """A policy that grants no public access comes back as it is."""

    @pytest.mark.parametrize(
        "statement",
        [
            allow(Principal={"AWS": ROOT}),
            allow(Principal={"AWS": [PARTNER]}, Resource="*"),
            allow(Condition=IN_ORGANIZATION),
            allow(Condition={"StringLike": {KEY: OTHER_ORGANIZATION}}),
            allow(Principal={"Service": LAMBDA}),
            allow(Principal=None, NotPrincipal="*"),
            deny(),
        ],
    )
    def test_it_is_unchanged(self, statement: dict[str, Any]) -> None:
        given = policy(statement, Id="x")
        unchanged(given, given, **TO_ORGANIZATION)
