"""The arguments of `remedy`: every form of a policy, its size, and what is refused with a clear message."""

import json
from collections import UserDict
from typing import Any, Final
from urllib.parse import quote

import pytest

from ecr_exposure import ParameterError, Remedy, RemedyError, remedy
from tests.rule.closed_policies import (
    IN_ORGANIZATION,
    LONGEST_POLICY,
    ORGANIZATION,
    OWNER,
    PARTNER,
    REMOVE,
    TO_ACCOUNTS,
    TO_ORGANIZATION,
    allow,
    closed,
    compact,
    policy,
    refused,
    unchanged,
)

ALL_MODES: Final = (TO_ORGANIZATION, TO_ACCOUNTS, REMOVE)
PUBLIC: Final = policy(allow(Sid="Pull"), Id="images")
SCOPED: Final = policy(allow(Sid="Pull", Condition=IN_ORGANIZATION), Id="images")
CLOSED: Final = policy(allow(Sid="Pull", Principal={"AWS": [PARTNER]}, Resource="*"), Id="images")


@pytest.mark.parametrize("arguments", ALL_MODES)
class TestNoPolicy:
    """Without a policy there is nothing to change."""

    @pytest.mark.parametrize("nothing", [None, "", " \n", "{}", "null", {}])
    def test_there_is_no_change(self, nothing: Any, arguments: dict[str, Any]) -> None:
        unchanged(nothing, None, **arguments)


class TestForm:
    """A policy is a text, as AWS gives it, or its content."""

    @pytest.mark.parametrize(
        "text",
        [compact(PUBLIC), json.dumps(PUBLIC, indent=2), f"\n{json.dumps(PUBLIC)}\n", quote(compact(PUBLIC), safe="")],
        ids=["compact", "indented", "with blank lines", "percent-encoded"],
    )
    def test_text_of_a_public_policy(self, text: str) -> None:
        closed(text, SCOPED, **TO_ORGANIZATION)

    @pytest.mark.parametrize("text", [compact(CLOSED), json.dumps(CLOSED, indent=4), quote(compact(CLOSED))])
    def test_text_of_a_policy_that_is_not_public(self, text: str) -> None:
        unchanged(text, CLOSED, **TO_ORGANIZATION)

    def test_any_mapping(self) -> None:
        found = closed(UserDict(PUBLIC), SCOPED, **TO_ORGANIZATION)
        assert type(found.policy) is dict

    def test_any_mapping_that_is_not_public(self) -> None:
        found = remedy(UserDict(CLOSED), **TO_ORGANIZATION)
        assert found == Remedy(policy=CLOSED)
        assert type(found.policy) is dict

    def test_key_that_is_no_string_is_read_as_one(self) -> None:
        """As YAML reads an account without quotes, and as the evaluation reads it."""
        tagged = {"aws:UserAgent": "x", "111122223333": "y"}
        given = policy(allow(Condition={"StringEquals": {"aws:UserAgent": "x", 111122223333: "y"}}))
        expected = allow(Condition={"StringEquals": {**tagged, **IN_ORGANIZATION["StringEquals"]}})
        closed(given, policy(expected), **TO_ORGANIZATION)

    @pytest.mark.parametrize("accounts", [[PARTNER], (PARTNER,), {PARTNER}, iter([PARTNER])])
    def test_accounts_in_any_iterable(self, accounts: Any) -> None:
        found = remedy(PUBLIC, mode="scope-to-accounts", accounts=accounts)
        assert found.policy is not None
        assert PARTNER in compact(found.policy)

    def test_a_changed_result_does_not_change_the_policy_that_was_given(self) -> None:
        named = allow(Principal={"AWS": [PARTNER]})
        given = policy(allow(), named)
        found = remedy(given, **TO_ORGANIZATION)
        assert found.policy is not None
        found.policy["Statement"][1]["Principal"]["AWS"].append(OWNER)
        assert given == policy(allow(), allow(Principal={"AWS": [PARTNER]}))


class TestSize:
    """Amazon ECR takes 10,240 characters: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html."""

    @staticmethod
    def public_and_scoped(length: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a public policy, and its remedy, which has this length."""
        missing = length - len(compact(policy(allow(Sid="", Condition=IN_ORGANIZATION))))
        sid = "x" * missing
        return policy(allow(Sid=sid)), policy(allow(Sid=sid, Condition=IN_ORGANIZATION))

    def test_a_remedy_of_10240_characters(self) -> None:
        given, expected = self.public_and_scoped(LONGEST_POLICY)
        closed(given, expected, **TO_ORGANIZATION)

    def test_a_remedy_of_one_character_more_is_refused(self) -> None:
        given, _ = self.public_and_scoped(LONGEST_POLICY + 1)
        assert "10240" in refused(given, **TO_ORGANIZATION).replace(",", "")

    def test_characters_are_counted_and_not_their_escapes(self) -> None:
        closed(
            policy(allow(Sid="é" * 6_000)), policy(allow(Sid="é" * 6_000, Condition=IN_ORGANIZATION)), **TO_ORGANIZATION
        )

    def test_an_indented_text_may_be_longer(self) -> None:
        given, expected = self.public_and_scoped(LONGEST_POLICY)
        closed(json.dumps(given, indent=8), expected, **TO_ORGANIZATION)

    def test_a_policy_that_is_too_long_can_become_short_enough(self) -> None:
        given, _ = self.public_and_scoped(LONGEST_POLICY + 500)
        closed(given, None, **REMOVE)

    def test_a_long_policy_that_is_not_public_is_unchanged(self) -> None:
        given = policy(allow(Sid="x" * LONGEST_POLICY, Principal={"AWS": PARTNER}))
        unchanged(given, given, **REMOVE)


@pytest.mark.parametrize("arguments", ALL_MODES)
class TestNotEvaluated:
    """A policy that cannot be evaluated is refused with the place of the problem."""

    @pytest.mark.parametrize(
        ("given", "place"),
        [
            ("{", ""),
            ("[]", ""),
            ("public", ""),
            ({"Version": "2012-10-17"}, "Statement"),
            (policy(allow(), Version="2020-01-01"), "Version"),
            (policy(allow(), allow(Condition={"StringEqual": {"aws:username": "a"}})), "Statement[1].Condition"),
            (policy(allow(), allow(Effect="allow")), "Statement[1].Effect"),
            (policy(allow(Principal={"Everyone": "*"})), "Statement[0].Principal"),
            (policy(allow(Principal=None)), "Statement[0]"),
            (policy(allow(Action="BatchGetImage")), "Statement[0].Action"),
            ('{"Statement": [{"Effect": "Allow", "Effect": "Allow", "Principal": "*", "Action": "*"}]}', "Statement"),
        ],
    )
    def test_refused_with_the_place(self, given: Any, place: str, arguments: dict[str, Any]) -> None:
        refused(given, "Cannot be evaluated", place, **arguments)


class TestMissingArguments:
    """What a mode needs."""

    def test_the_organization(self) -> None:
        refused(PUBLIC, "organization", mode="scope-to-organization")

    @pytest.mark.parametrize("accounts", [(), [], set()])
    def test_the_accounts(self, accounts: Any) -> None:
        refused(PUBLIC, "accounts", mode="scope-to-accounts", accounts=accounts)


class TestWrongArguments:
    """A wrong argument is a ParameterError that names it, its value and what is accepted."""

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"mode": "delete"}, ("mode", "delete", "scope-to-organization", "scope-to-accounts", "remove-statements")),
            ({"mode": "Remove-Statements"}, ("mode", "Remove-Statements")),
            ({**TO_ORGANIZATION, "organization": "o-1"}, ("organization", "o-1")),
            ({**TO_ORGANIZATION, "organization": "O-A1B2C3D4E5"}, ("organization", "O-A1B2C3D4E5")),
            ({**TO_ORGANIZATION, "organization": "o-*"}, ("organization", "o-*")),
            ({**TO_ORGANIZATION, "organization": 5}, ("organization", "5")),
            ({**TO_ACCOUNTS, "accounts": [PARTNER, "4444"]}, ("accounts", "4444")),
            ({**TO_ACCOUNTS, "accounts": ["*"]}, ("accounts", "*")),
            ({**TO_ACCOUNTS, "accounts": [f"arn:aws:iam::{PARTNER}:root"]}, ("accounts", "arn:aws:iam")),
            ({**TO_ACCOUNTS, "accounts": PARTNER}, ("accounts", PARTNER)),
            ({**TO_ACCOUNTS, "accounts": 444455556666}, ("accounts", "444455556666")),
            ({**REMOVE, "owner": "1234"}, ("owner", "1234")),
            ({**REMOVE, "region": "Frankfurt"}, ("region", "Frankfurt")),
            ({**REMOVE, "resource_tags": ["team"]}, ("resource_tags", "team")),
            ({**REMOVE, "owner": OWNER, "keep_services": "lambda"}, ("keep_services",)),
        ],
    )
    def test_names_the_argument_and_the_value(self, arguments: dict[str, Any], named: tuple[str, ...]) -> None:
        with pytest.raises(ParameterError) as caught:
            remedy(PUBLIC, **arguments)
        assert [name for name in named if name not in str(caught.value)] == []

    def test_a_remedy_error_is_a_parameter_error(self) -> None:
        assert issubclass(RemedyError, ParameterError)

    def test_the_mode_is_required(self) -> None:
        with pytest.raises(TypeError, match="mode"):
            remedy(PUBLIC, organization=ORGANIZATION)  # type: ignore[call-arg]  # the mistake that is tested
