"""`remedy` scopes everyone to some accounts: they take the place of the star, and the conditions stay."""

from typing import Any, Final

import pytest

from tests.rule.closed_policies import (
    ORGANIZATION,
    OTHER_PARTNER,
    OUTSIDE,
    OWNER,
    PARTNER,
    TO_ACCOUNTS,
    allow,
    closed,
    deny,
    names_statement,
    policy,
    unchanged,
)

BOTH: Final = {"AWS": [PARTNER, OTHER_PARTNER]}
ROLE: Final = f"arn:aws:iam::{OUTSIDE}:role/app"
LAMBDA: Final = "lambda.amazonaws.com"


def scoped(given: dict[str, Any], expected: dict[str, Any], *accounts: str) -> Any:
    """Return the checked remedy that scopes a policy to accounts, without any given to the two partners."""
    return closed(given, expected, **{**TO_ACCOUNTS, "accounts": accounts or (PARTNER, OTHER_PARTNER)})


class TestPrincipal:
    """The accounts take the place of the star."""

    @pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}, ["*"]])
    def test_everyone_becomes_the_accounts(self, principal: Any) -> None:
        scoped(policy(allow(Sid="Pull", Principal=principal)), policy(allow(Sid="Pull", Principal=BOTH)))

    def test_everyone_becomes_one_account(self) -> None:
        scoped(policy(allow()), policy(allow(Principal={"AWS": PARTNER})), PARTNER)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (["*", ROLE], [PARTNER, OTHER_PARTNER, ROLE]),
            ([ROLE, "*"], [ROLE, PARTNER, OTHER_PARTNER]),
            ([ROLE, "*", OWNER], [ROLE, PARTNER, OTHER_PARTNER, OWNER]),
        ],
    )
    def test_named_principals_stay_in_the_same_list(self, before: list[str], after: list[str]) -> None:
        scoped(policy(allow(Principal={"AWS": before})), policy(allow(Principal={"AWS": after})))

    @pytest.mark.parametrize("named", [PARTNER, f"arn:aws:iam::{PARTNER}:root"])
    def test_account_that_the_list_names_already_is_not_repeated(self, named: str) -> None:
        given = policy(allow(Principal={"AWS": ["*", named]}))
        scoped(given, policy(allow(Principal={"AWS": [OTHER_PARTNER, named]})))

    def test_where_the_list_names_every_account_only_the_star_leaves(self) -> None:
        given = policy(allow(Principal={"AWS": [PARTNER, "*", OTHER_PARTNER]}))
        scoped(given, policy(allow(Principal={"AWS": [PARTNER, OTHER_PARTNER]})))

    def test_role_of_the_account_is_not_the_account(self) -> None:
        role = f"arn:aws:iam::{PARTNER}:role/app"
        scoped(
            policy(allow(Principal={"AWS": ["*", role]})), policy(allow(Principal={"AWS": [PARTNER, role]})), PARTNER
        )

    def test_services_and_identity_providers_stay(self) -> None:
        others = {"Service": LAMBDA, "Federated": f"arn:aws:iam::{OUTSIDE}:saml-provider/corp"}
        scoped(policy(allow(Principal={"AWS": "*", **others})), policy(allow(Principal={**BOTH, **others})))

    def test_an_account_given_twice_is_written_once(self) -> None:
        scoped(policy(allow()), policy(allow(Principal={"AWS": PARTNER})), PARTNER, PARTNER)


class TestConditions:
    """Conditions stay as they are."""

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEquals": {"aws:PrincipalTag/team": "red"}},
            {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION]}},
            {"stringlike": {"AWS:principalAccount": ["4*", "5*"]}},
            {"StringNotEquals": {"aws:PrincipalAccount": OUTSIDE}},
            {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
            {"Bool": {"aws:SecureTransport": True}},
        ],
    )
    def test_a_condition_stays(self, condition: dict[str, Any]) -> None:
        scoped(policy(allow(Condition=condition)), policy(allow(Principal=BOTH, Condition=condition)))

    @pytest.mark.parametrize("empty", [{}, {"StringEquals": {}}])
    def test_an_empty_condition_is_no_condition(self, empty: dict[str, Any]) -> None:
        scoped(policy(allow(Condition=empty)), policy(allow(Principal=BOTH)))

    def test_a_condition_that_leaves_one_of_the_accounts(self) -> None:
        condition = {"StringNotEquals": {"aws:PrincipalAccount": PARTNER}}
        scoped(policy(allow(Condition=condition)), policy(allow(Principal=BOTH, Condition=condition)))

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringNotEquals": {"aws:PrincipalAccount": [OTHER_PARTNER, PARTNER]}},
            {"StringLike": {"aws:PrincipalAccount": "99*"}},
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::9*:role/ci"}},
        ],
    )
    def test_a_condition_that_excludes_every_account_is_said(self, condition: dict[str, Any]) -> None:
        given = policy(allow(), allow(Condition=condition))
        found = scoped(given, policy(allow(Principal=BOTH), allow(Principal=BOTH, Condition=condition)))
        assert [each for each in found.loses_access if "Statement[1], because none" in each and PARTNER in each]
        assert [each for each in found.loses_access if "Statement[0], because none" in each] == []


class TestSeveralStatements:
    """Every public statement is treated, and all others stay."""

    def test_order_and_elements_stay(self) -> None:
        named = allow(Sid="Named", Principal={"AWS": [ROLE]})
        guard = deny(Sid="Tls", Action="ecr:*", Condition={"Bool": {"aws:SecureTransport": "false"}})
        found = scoped(
            policy(named, allow(Sid="A", Action=["ecr:*"]), guard, allow(Action=None, NotAction="ecr:Put*"), Id="x"),
            policy(
                named,
                allow(Sid="A", Action=["ecr:*"], Principal=BOTH),
                guard,
                allow(Action=None, NotAction="ecr:Put*", Principal=BOTH),
                Id="x",
            ),
        )
        assert (found.policy["Statement"][0], found.policy["Statement"][2]) == (named, guard)
        assert names_statement(found.changes, 1, '"A"')
        assert names_statement(found.changes, 3)
        assert not names_statement(found.changes, 0, '"Named"')

    @pytest.mark.parametrize("version", [None, "2008-10-17", "2012-10-17"])
    def test_the_version_stays_as_it_is(self, version: str | None) -> None:
        scoped(policy(allow(), Version=version), policy(allow(Principal=BOTH), Version=version))

    def test_registry_action_alone_is_treated(self) -> None:
        action = ["ecr:GetAuthorizationToken"]
        scoped(policy(allow(Action=action)), policy(allow(Action=action, Principal=BOTH)))

    def test_deny_for_one_of_the_accounts_stays(self) -> None:
        guard = deny(Principal={"AWS": PARTNER})
        scoped(policy(allow(), guard), policy(allow(Principal=BOTH), guard))

    def test_deny_for_all_of_the_accounts(self) -> None:
        guard = deny(Condition={"StringEquals": {"aws:PrincipalAccount": [PARTNER, OTHER_PARTNER]}})
        scoped(policy(allow(), guard), policy(allow(Principal=BOTH), guard))

    def test_one_statement_outside_a_list(self) -> None:
        scoped(policy(Statement=allow()), policy(allow(Principal=BOTH)))


class TestSentences:
    """Changes and losses name what matters to the owner of the repository."""

    def test_changes_name_statement_and_accounts(self) -> None:
        found = scoped(policy(allow(Sid="Pull")), policy(allow(Sid="Pull", Principal=BOTH)))
        assert names_statement(found.changes, 0, '"Pull"')
        assert any(PARTNER in each and OTHER_PARTNER in each for each in found.changes)

    def test_losses_name_aws_services(self) -> None:
        found = scoped(policy(allow()), policy(allow(Principal=BOTH)))
        assert any("service" in each.lower() for each in found.loses_access)


class TestNotPublic:
    """A policy that grants no public access comes back as it is, and gains no account."""

    @pytest.mark.parametrize(
        "statement",
        [
            allow(Principal={"AWS": OUTSIDE}),
            allow(Condition={"StringEquals": {"aws:PrincipalAccount": OUTSIDE}}),
            allow(Principal={"Service": LAMBDA}, Resource="*"),
            allow(Principal={"AWS": []}),
        ],
    )
    def test_it_is_unchanged(self, statement: dict[str, Any]) -> None:
        given = policy(statement)
        unchanged(given, given, **TO_ACCOUNTS)
