"""The policy of the arguments of Terraform's data source aws_iam_policy_document.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

from typing import Any

import pytest

from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.policies_in_plans.policy_document_arguments import policy_of_arguments


def statement_of(version: str | None = None, **arguments: Any) -> Any:
    """Return the only statement."""
    (found,) = policy_of_arguments({"version": version, "statement": [arguments]})["Statement"]
    return found


class TestStatements:
    """Elements of a statement."""

    def test_defaults_are_those_of_the_data_source(self) -> None:
        assert policy_of_arguments({"statement": [{}]}) == {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}

    def test_each_argument_is_an_element(self) -> None:
        assert statement_of(
            sid="One", effect="Deny", actions=["ecr:*"], not_actions=["a", "b"], resources=["*"], not_resources=["c"]
        ) == {
            "Sid": "One",
            "Effect": "Deny",
            "Action": "ecr:*",
            "NotAction": ["a", "b"],
            "Resource": "*",
            "NotResource": "c",
        }

    def test_conditions_of_one_operator_and_key_are_one(self) -> None:
        one = {"test": "StringLike", "variable": "aws:PrincipalArn", "values": ["a"]}
        other = {"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}
        assert statement_of(condition=[one, other, {**one, "values": ["b"]}])["Condition"] == {
            "StringLike": {"aws:PrincipalArn": ["a", "b"]},
            "Bool": {"aws:SecureTransport": "true"},
        }

    @pytest.mark.parametrize(("version", "expected"), [(None, "${aws:username}"), ("2008-10-17", "&{aws:username}")])
    def test_policy_variables_are_written_with_an_ampersand(self, version: str | None, expected: str) -> None:
        condition = {"test": "StringLike", "variable": "aws:userid", "values": ["&{aws:username}"]}
        found = statement_of(version, condition=[condition], resources=["&{aws:username}"])
        assert found["Condition"] == {"StringLike": {"aws:userid": expected}}
        assert found["Resource"] == expected


class TestVersion:
    """The newest of the documents."""

    @pytest.mark.parametrize(
        ("own", "other", "expected"),
        [
            (None, "2008-10-17", "2012-10-17"),
            ("2008-10-17", "2012-10-17", "2012-10-17"),
            ("2008-10-17", "2008-10-17", "2008-10-17"),
        ],
    )
    def test_another_document_can_only_raise_it(self, own: str | None, other: str, expected: str) -> None:
        for argument in ("source_policy_documents", "override_policy_documents"):
            document = f'{{"Version": "{other}", "Statement": []}}'
            assert policy_of_arguments({"version": own, argument: [document]})["Version"] == expected


class TestPrincipals:
    """Blocks of principals and not_principals."""

    def test_type_star_is_everyone(self) -> None:
        assert statement_of(principals=[{"type": "*", "identifiers": ["*"]}])["Principal"] == "*"
        assert statement_of(not_principals=[{"type": "*", "identifiers": ["*"]}])["NotPrincipal"] == "*"

    def test_other_types_are_keys(self) -> None:
        blocks = [
            {"type": "AWS", "identifiers": ["*"]},
            {"type": "Service", "identifiers": ["a.amazonaws.com", "b.amazonaws.com"]},
            {"type": "AWS", "identifiers": ["111122223333"]},
        ]
        assert statement_of(principals=blocks)["Principal"] == {
            "AWS": ["*", "111122223333"],
            "Service": ["a.amazonaws.com", "b.amazonaws.com"],
        }


class TestUnknownParts:
    """An Unknown stays where it decides."""

    def test_in_place_of_a_block_or_its_name_the_element_is_unknown(self) -> None:
        assert statement_of(principals=Unknown("a"))["Principal"] == Unknown("a")
        assert statement_of(principals=[{"type": Unknown("b"), "identifiers": ["*"]}])["Principal"] == Unknown("b")
        assert statement_of(condition=[Unknown("c")])["Condition"] == Unknown("c")
        condition = {"test": "StringLike", "variable": Unknown("d"), "values": ["*"]}
        assert statement_of(condition=[condition])["Condition"] == Unknown("d")

    def test_in_place_of_values_it_is_the_value(self) -> None:
        found = statement_of(sid=Unknown("a"), effect=Unknown("b"), actions=Unknown("c"))
        assert found == {"Sid": Unknown("a"), "Effect": Unknown("b"), "Action": Unknown("c")}
        assert statement_of(actions=["ecr:*", Unknown("d")])["Action"] == ["ecr:*", Unknown("d")]

    def test_in_place_of_a_statement_it_is_one(self) -> None:
        assert policy_of_arguments({"statement": [Unknown("a")]})["Statement"] == [Unknown("a")]

    def test_an_empty_document_adds_nothing(self) -> None:
        assert policy_of_arguments({"source_json": " ", "override_policy_documents": [None, ""]})["Statement"] == []

    @pytest.mark.parametrize("junk", ["text", {"type": None}])
    def test_a_block_of_another_form_is_left_to_the_evaluation(self, junk: Any) -> None:
        assert statement_of(principals=[junk])["Principal"] == (junk if junk == "text" else None)

    @pytest.mark.parametrize("text", ["{oops", "[]"])
    def test_a_document_that_is_no_policy_makes_the_policy_unknown(self, text: str) -> None:
        assert isinstance(policy_of_arguments({"source_policy_documents": [text]}), Unknown)
