"""`remedy` and principals that are neither a star nor named: patterns, exclusions, values that are no principals."""

from typing import Any, Final

import pytest

from ecr_exposure import is_allowed, remedy
from tests.rule.closed_policies import (
    IN_ORGANIZATION,
    ORGANIZATION,
    OTHER_PARTNER,
    OUTSIDE,
    OWNER,
    PARTNER,
    REMOVE,
    TO_ACCOUNTS,
    TO_ORGANIZATION,
    allow,
    assert_nothing_new,
    closed,
    deny,
    names_statement,
    policy,
    refused,
    request,
    unchanged,
)

ROOT: Final = f"arn:aws:iam::{PARTNER}:root"
ROLE: Final = f"arn:aws:iam::{PARTNER}:role/app"
USER: Final = f"arn:aws:iam::{PARTNER}:user/ana"
SESSION: Final = f"arn:aws:sts::{PARTNER}:assumed-role/app/session"
FEDERATED_USER: Final = f"arn:aws:sts::{PARTNER}:federated-user/bob"
SAML: Final = f"arn:aws:iam::{PARTNER}:saml-provider/corp"
LAMBDA: Final = "lambda.amazonaws.com"
USER_ID: Final = "AIDAAAAABBBBCCCCDDDD2"
ROLE_ID: Final = "AROAAAAABBBBCCCCDDDD1"
BOTH: Final = {"AWS": [PARTNER, OTHER_PARTNER]}
SCOPES: Final = (TO_ORGANIZATION, TO_ACCOUNTS)
ANY_ROLE: Final = "arn:aws:iam::*:role/ci"
NEGATED_ACCOUNT: Final = {"StringNotEquals": {"aws:PrincipalAccount": PARTNER}}


def but(excluded: Any, **elements: Any) -> dict[str, Any]:
    """Return an Allow for everyone but the excluded."""
    return allow(Principal=None, NotPrincipal=excluded, **elements)


class TestPatterns:
    """A wildcard inside an ARN becomes everyone with the same pattern as a condition on aws:PrincipalArn."""

    @pytest.mark.parametrize(
        "pattern",
        [
            ANY_ROLE,
            "arn:aws:iam::*:root",
            "arn:*:iam::*:user/team/*",
            f"arn:aws:iam::{PARTNER}:role/*",
            "arn:aws:iam::44445555666?:role/ci",
        ],
    )
    def test_is_restricted_to_the_pattern_and_the_organization(self, pattern: str) -> None:
        found = closed(
            policy(allow(Sid="Ci", Principal={"AWS": pattern})),
            policy(allow(Sid="Ci", Condition={"ArnLike": {"aws:PrincipalArn": pattern}, **IN_ORGANIZATION})),
            **TO_ORGANIZATION,
        )
        assert names_statement(found.changes, 0, '"Ci"')

    def test_is_restricted_to_the_pattern_and_the_accounts(self) -> None:
        given = policy(allow(Principal={"AWS": [ANY_ROLE]}))
        expected = allow(Principal=BOTH, Condition={"ArnLike": {"aws:PrincipalArn": ANY_ROLE}})
        closed(given, policy(expected), **TO_ACCOUNTS)

    def test_conditions_stay_beside_the_pattern(self) -> None:
        tag = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
        condition = {
            "StringEquals": {"aws:PrincipalTag/team": "red", "aws:PrincipalOrgID": ORGANIZATION},
            "ArnLike": {"aws:PrincipalArn": ANY_ROLE},
        }
        given = policy(allow(Principal={"AWS": ANY_ROLE}, Condition=tag))
        closed(given, policy(allow(Condition=condition)), **TO_ORGANIZATION)

    def test_the_operator_takes_the_key_in_the_spelling_that_is_there(self) -> None:
        other = {"arnlike": {"codebuild:ProjectArn": "arn:aws:codebuild:*:*:project/app"}}
        condition = {"arnlike": {**other["arnlike"], "aws:PrincipalArn": ANY_ROLE}, **IN_ORGANIZATION}
        given = policy(allow(Principal={"AWS": ANY_ROLE}, Condition=other))
        closed(given, policy(allow(Condition=condition)), **TO_ORGANIZATION)

    def test_named_principals_keep_the_statement(self) -> None:
        given = policy(allow(Sid="Ci", Principal={"AWS": [ROLE, ANY_ROLE]}))
        moved = {"ArnLike": {"aws:PrincipalArn": ANY_ROLE}, **IN_ORGANIZATION}
        kept = allow(Sid="Ci", Principal={"AWS": ROLE})
        closed(given, policy(kept, allow(Sid="CiOrganization", Condition=moved)), **TO_ORGANIZATION)

    def test_named_principals_are_not_restricted_to_the_pattern(self) -> None:
        named = f"arn:aws:iam::{OUTSIDE}:role/app"
        given = policy(allow(Sid="Ci", Principal={"AWS": [named, ANY_ROLE]}))
        found = remedy(given, **TO_ACCOUNTS).policy
        closed(given, found, **TO_ACCOUNTS)
        assert is_allowed(found, request(OUTSIDE, None, "role/app"))
        assert is_allowed(found, request(PARTNER, None, "role/ci"))
        assert not is_allowed(found, request(PARTNER, None, "role/app"))

    def test_without_an_operator_that_lacks_the_key_the_pattern_is_refused(self) -> None:
        carrying = {
            "ArnLike": {"AWS:PrincipalArn": "arn:aws:iam::*:role/*"},
            "ArnEquals": {"aws:PrincipalArn": ANY_ROLE},
        }
        refused(policy(allow(Principal={"AWS": ANY_ROLE}, Condition=carrying)), "aws:PrincipalArn", **TO_ORGANIZATION)

    def test_a_pattern_is_not_added_to_a_positive_list_that_is_there(self) -> None:
        """One more value in the list would allow more: the callers are those that match both patterns."""
        both = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}}
        given = policy(allow(Principal={"AWS": f"arn:aws:iam::{PARTNER}:*"}, Condition=both))
        found = remedy(given, **TO_ORGANIZATION)
        assert_nothing_new(given, found.policy)
        assert not is_allowed(found.policy, request(PARTNER, ORGANIZATION, "role/ci"))
        assert is_allowed(found.policy, request(PARTNER, ORGANIZATION, "role/app"))

    def test_pattern_of_sessions_matches_no_caller(self) -> None:
        """A session has the ARN of its role in aws:PrincipalArn, never its own."""
        given = policy(allow(Principal={"AWS": "arn:aws:sts::*:assumed-role/ci/*"}))
        refused(given, "Statement[0]", "remove-statements", **TO_ORGANIZATION)

    def test_pattern_of_another_account_leaves_none_of_the_accounts(self) -> None:
        pattern = f"arn:aws:iam::{OUTSIDE}:role/*"
        condition = {"ArnLike": {"aws:PrincipalArn": pattern}}
        given = policy(allow(Principal={"AWS": pattern}))
        found = closed(given, policy(allow(Principal=BOTH, Condition=condition)), **TO_ACCOUNTS)
        assert any("Statement[0], because none" in each for each in found.loses_access)

    @pytest.mark.parametrize("arguments", [TO_ORGANIZATION, TO_ACCOUNTS])
    def test_caller_that_the_pattern_does_not_match_loses_access(self, arguments: dict[str, Any]) -> None:
        """Such a value may stand for everyone, but aws:PrincipalArn of a role never ends in :root."""
        found = remedy(policy(allow(Principal={"AWS": ["arn:aws:iam::*:root", ROLE]})), **arguments)
        assert 'every principal whose aws:PrincipalArn does not match AWS "arn:aws:iam::*:root"' in found.loses_access

    def test_a_pattern_beside_everyone_takes_no_access(self) -> None:
        found = remedy(policy(allow(Principal={"AWS": ["*", ANY_ROLE]})), **TO_ORGANIZATION)
        assert [each for each in found.loses_access if "aws:PrincipalArn" in each] == []

    @pytest.mark.parametrize("arguments", SCOPES)
    def test_placeholder_is_to_be_corrected(self, arguments: dict[str, Any]) -> None:
        message = refused(policy(allow(Principal={"AWS": ["*", "${ci_role}"]})), "Statement[0]", **arguments)
        assert message.endswith("; correct it, or mode remove-statements removes the value")

    def test_a_pattern_is_removed(self) -> None:
        given = policy(allow(Principal={"AWS": [ANY_ROLE, ROLE]}), allow(Principal={"AWS": "arn:aws:iam::*:root"}))
        closed(given, policy(allow(Principal={"AWS": ROLE})), **REMOVE)


class TestExclusions:
    """NotPrincipal in an Allow becomes everyone, with a negated condition on the excluded."""

    @pytest.mark.parametrize("excluded", [{"AWS": PARTNER}, {"AWS": [ROOT]}])
    def test_account_under_the_organization(self, excluded: dict[str, Any]) -> None:
        found = closed(
            policy(but(excluded, Sid="All")),
            policy(allow(Sid="All", Condition={**NEGATED_ACCOUNT, **IN_ORGANIZATION})),
            **TO_ORGANIZATION,
        )
        assert names_statement(found.changes, 0, '"All"')

    @pytest.mark.parametrize("excluded", [USER, ROLE, FEDERATED_USER])
    def test_arn_under_the_organization(self, excluded: str) -> None:
        condition = {"ArnNotEquals": {"aws:PrincipalArn": excluded}, **IN_ORGANIZATION}
        closed(policy(but({"AWS": excluded})), policy(allow(Condition=condition)), **TO_ORGANIZATION)

    def test_account_under_the_accounts(self) -> None:
        expected = allow(Principal=BOTH, Condition=NEGATED_ACCOUNT)
        closed(policy(but({"AWS": PARTNER})), policy(expected), **TO_ACCOUNTS)

    def test_several_of_both_kinds(self) -> None:
        condition = {
            "StringNotEquals": {"aws:PrincipalAccount": [OUTSIDE, OWNER]},
            "ArnNotEquals": {"aws:PrincipalArn": [ROLE, USER]},
            **IN_ORGANIZATION,
        }
        given = policy(but({"AWS": [OUTSIDE, ROLE, f"arn:aws:iam::{OWNER}:root", USER]}))
        closed(given, policy(allow(Condition=condition)), **TO_ORGANIZATION)

    def test_service_needs_no_condition(self) -> None:
        """The condition on the organization admits no service that calls as itself."""
        given = policy(but({"Service": LAMBDA, "AWS": PARTNER}))
        closed(given, policy(allow(Condition={**NEGATED_ACCOUNT, **IN_ORGANIZATION})), **TO_ORGANIZATION)
        closed(policy(but({"Service": LAMBDA})), policy(allow(Condition=IN_ORGANIZATION)), **TO_ORGANIZATION)

    def test_values_join_a_negated_list_that_is_there(self) -> None:
        before = {"stringNOTequals": {"AWS:principalaccount": OUTSIDE, "aws:PrincipalTag/team": "blue"}}
        after = {"stringNOTequals": {"AWS:principalaccount": [OUTSIDE, PARTNER], "aws:PrincipalTag/team": "blue"}}
        given = policy(but({"AWS": PARTNER}, Condition=before))
        closed(given, policy(allow(Condition={**after, **IN_ORGANIZATION})), **TO_ORGANIZATION)

    def test_arns_join_a_negated_list_that_is_there(self) -> None:
        before, after = {"ArnNotEquals": {"aws:PrincipalArn": [USER]}}, {"aws:PrincipalArn": [USER, ROLE]}
        given = policy(but({"AWS": ROLE}, Condition=before))
        closed(given, policy(allow(Condition={"ArnNotEquals": after, **IN_ORGANIZATION})), **TO_ORGANIZATION)

    def test_values_join_the_spelling_of_the_operator_that_has_the_key(self) -> None:
        before = {
            "StringNotEquals": {"aws:PrincipalTag/team": "blue"},
            "stringnotequals": {"aws:PrincipalAccount": OWNER},
        }
        after = {**before, "stringnotequals": {"aws:PrincipalAccount": [OWNER, PARTNER]}}
        given = policy(but({"AWS": PARTNER}, Condition=before))
        closed(given, policy(allow(Condition={**after, **IN_ORGANIZATION})), **TO_ORGANIZATION)

    @pytest.mark.parametrize("nobody", [{}, {"AWS": []}, {"AWS": [], "Service": []}])
    def test_nobody_is_excluded(self, nobody: dict[str, Any]) -> None:
        closed(policy(but(nobody)), policy(allow(Condition=IN_ORGANIZATION)), **TO_ORGANIZATION)

    @pytest.mark.parametrize(("excluded", "name"), [(USER_ID, "user/ana"), (ROLE_ID, "role/ci")])
    def test_unique_id_is_excluded_by_aws_userid(self, excluded: str, name: str) -> None:
        given = policy(but({"AWS": excluded}))
        found = remedy(given, **TO_ORGANIZATION)
        assert found.policy is not None
        values = found.policy["Statement"][0]["Condition"]["StringNotLike"]["aws:userid"]
        assert excluded in str(values)
        assert not is_allowed(found.policy, request(PARTNER, ORGANIZATION, name))
        other = "user/ana" if name == "role/ci" else "role/ci"
        assert is_allowed(found.policy, request(PARTNER, ORGANIZATION, other))
        closed(given, found.policy, **TO_ORGANIZATION)

    @pytest.mark.parametrize("arguments", SCOPES)
    @pytest.mark.parametrize(
        ("excluded", "place"),
        [
            ({"AWS": SESSION}, "Statement[0].NotPrincipal.AWS"),
            ({"AWS": [PARTNER, SESSION]}, "Statement[0].NotPrincipal.AWS"),
            ({"AWS": f"arn:aws:iam::{PARTNER}:role/${{aws:username}}"}, "Statement[0].NotPrincipal.AWS"),
            ({"Federated": SAML}, "Statement[0].NotPrincipal.Federated"),
            ({"Federated": "accounts.google.com"}, "Statement[0].NotPrincipal.Federated"),
            ({"AWS": [PARTNER, "arn:aws:iam::*:root"]}, "Statement[0].NotPrincipal.AWS"),
            ({"AWS": "44445555666"}, "Statement[0].NotPrincipal.AWS"),
            ({"Service": "*"}, "Statement[0].NotPrincipal.Service"),
            (PARTNER, "Statement[0].NotPrincipal"),
        ],
    )
    def test_what_no_condition_can_say_is_refused(self, excluded: Any, place: str, arguments: dict[str, Any]) -> None:
        refused(policy(but(excluded)), place, **arguments)

    @pytest.mark.parametrize("excluded", [{"AWS": PARTNER}, {"AWS": SESSION}, {"Federated": SAML}, {"AWS": ["4444"]}])
    def test_the_statement_is_removed(self, excluded: dict[str, Any]) -> None:
        """Nobody in it is named, so no principal is left."""
        named = allow(Principal={"AWS": ROLE})
        closed(policy(but(excluded), named), policy(named), **REMOVE)

    def test_exclusion_of_every_account_is_said(self) -> None:
        given = policy(but({"AWS": [PARTNER, OTHER_PARTNER]}))
        condition = {"StringNotEquals": {"aws:PrincipalAccount": [PARTNER, OTHER_PARTNER]}}
        found = closed(given, policy(allow(Principal=BOTH, Condition=condition)), **TO_ACCOUNTS)
        assert any("Statement[0], because none" in each for each in found.loses_access)

    @pytest.mark.parametrize("arguments", [*SCOPES, REMOVE])
    def test_notprincipal_of_everyone_grants_nothing(self, arguments: dict[str, Any]) -> None:
        given = policy(but("*"), but({"AWS": "*"}))
        unchanged(given, given, **arguments)

    def test_notprincipal_of_a_deny_stays(self) -> None:
        guard = deny(Principal=None, NotPrincipal={"AWS": [ROLE, ROOT]})
        closed(policy(allow(), guard), policy(allow(Principal=BOTH), guard), **TO_ACCOUNTS)


class TestNoPrincipals:
    """A value that is no principal is refused with its place, and removed where statements are removed."""

    VALUES: Final = (
        ({"Service": "*"}, "Statement[1].Principal.Service"),
        ({"Service": "*.amazonaws.com"}, "Statement[1].Principal.Service"),
        ({"Federated": "cognito-identity.amazonaws.com"}, "Statement[1].Principal.Federated"),
        ({"Federated": "www.amazon.com"}, "Statement[1].Principal.Federated"),
        ({"Federated": "arn:aws:iam::*:saml-provider/corp"}, "Statement[1].Principal.Federated"),
        ({"AWS": "arn:aws:iam::*"}, "Statement[1].Principal.AWS"),
        ({"AWS": "4444*"}, "Statement[1].Principal.AWS"),
        ({"AWS": "AROA*"}, "Statement[1].Principal.AWS"),
        ({"AWS": "arn:aws:iam::*:role/${aws:PrincipalTag/team}"}, "Statement[1].Principal.AWS"),
        ("arn:aws:iam::*:root", "Statement[1].Principal"),
        (["*", ROOT], "Statement[1].Principal"),
        ("*.amazonaws.com", "Statement[1].Principal"),
    )

    @pytest.mark.parametrize("arguments", SCOPES)
    @pytest.mark.parametrize(("principal", "place"), VALUES)
    def test_refused_with_the_place(self, principal: Any, place: str, arguments: dict[str, Any]) -> None:
        refused(policy(allow(), allow(Principal=principal)), place, **arguments)

    @pytest.mark.parametrize("principal", [principal for principal, _ in VALUES])
    def test_removed(self, principal: Any) -> None:
        named = allow(Sid="Named", Principal={"AWS": ROLE})
        found = closed(policy(named, allow(Principal=principal)), policy(named), **REMOVE)
        assert names_statement(found.changes, 1)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"Service": ["*", LAMBDA]}, {"Service": LAMBDA}),
            ({"Federated": ["accounts.google.com", SAML], "AWS": PARTNER}, {"Federated": SAML, "AWS": PARTNER}),
            ({"AWS": ["4444*", ROLE]}, {"AWS": ROLE}),
            ({"AWS": ["*", "44445555666", ROLE]}, {"AWS": ROLE}),
            ({"AWS": ["*", "arn:aws:iam::444455556666:group/dev"], "Service": LAMBDA}, {"Service": LAMBDA}),
        ],
    )
    def test_removed_beside_named_principals(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        given = policy(allow(Sid="Pull", Principal=before))
        closed(given, policy(allow(Sid="Pull", Principal=after)), **REMOVE)

    @pytest.mark.parametrize("arguments", SCOPES)
    @pytest.mark.parametrize("value", ["44445555666", "<account>", "arn:aws:iam::444455556666:group/dev", "aws:ecr"])
    def test_malformed_value_beside_everyone_is_refused(self, value: str, arguments: dict[str, Any]) -> None:
        refused(policy(allow(Principal={"AWS": ["*", value]})), "Statement[0].Principal.AWS", **arguments)

    @pytest.mark.parametrize("arguments", SCOPES)
    def test_malformed_value_in_another_statement_is_refused(self, arguments: dict[str, Any]) -> None:
        given = policy(allow(), allow(Principal={"AWS": "44445555666"}))
        refused(given, "Statement[1].Principal.AWS", **arguments)

    def test_malformed_value_in_another_statement_is_removed(self) -> None:
        named = allow(Principal={"AWS": ROLE})
        given = policy(allow(), allow(Principal={"AWS": ["44445555666", ROLE]}), allow(Principal={"AWS": "4444"}))
        closed(given, policy(named), **REMOVE)
