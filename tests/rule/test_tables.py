"""The tables of the engine are complete where mypy cannot see it, and the corpus shows each of their rows."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from ecr_exposure.findings.access_tests import TESTS
from ecr_exposure.policy.condition_keys import PREFIXES, TABLE, ConditionKey, Presence, ValueDomain, condition_key
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, read_policy
from ecr_exposure.policy.operators import OPERATORS, Operator, Relation, SetOperator, ValueType
from ecr_exposure.policy.operators import TABLE as OPERATOR_TABLE
from ecr_exposure.search.value_domains import DOMAINS, Selection
from tests.corpus import loader


def documents() -> Iterator[Document]:
    """Yield every policy of the corpus that can be evaluated."""
    for case in loader.all_cases():
        if not case.is_about_the_item and "problem" not in case.expect:
            document = read_policy(case.policy)
            if document is not None:
                yield document


CONDITIONS: Final[list[Condition]] = [
    condition for document in documents() for statement in document.statements for condition in statement.conditions
]
KEYS_SHOWN: Final = {condition.key.name for condition in CONDITIONS}


class TestConditionKeys:
    """One row for each condition key."""

    @pytest.mark.parametrize("row", TABLE, ids=lambda row: row.spelling)
    def test_corpus_has_a_case_of_the_key(self, row: ConditionKey) -> None:
        assert row.name in KEYS_SHOWN, f"no case in tests/corpus has a condition on {row.spelling}"

    @pytest.mark.parametrize("row", PREFIXES, ids=lambda row: row.spelling)
    def test_corpus_has_a_case_of_the_prefix(self, row: ConditionKey) -> None:
        assert any(name.startswith(row.name) for name in KEYS_SHOWN), f"no case has a condition on {row.spelling}*"

    def test_no_key_has_two_rows(self) -> None:
        names = [row.name for row in (*TABLE, *PREFIXES)]
        assert len(set(names)) == len(names)

    @pytest.mark.parametrize("text", ["AWS:principalORGid", "aws:principaltag/Team", "SAML:aud", "acme:tenant"])
    def test_key_resolves_whatever_its_case(self, text: str) -> None:
        rows = {condition_key(each)._replace(spelling="") for each in (text, text.upper(), text.lower())}
        assert len(rows) == 1

    @pytest.mark.parametrize(
        ("text", "spelling"),
        [
            ("AWS:principalORGid", "aws:PrincipalOrgID"),
            ("AWS:principaltag/Team", "aws:PrincipalTag/Team"),
            ("Acme:Tenant", "Acme:Tenant"),
        ],
    )
    def test_key_is_spelled_as_aws_does_or_as_the_policy_does(self, text: str, spelling: str) -> None:
        assert condition_key(text).spelling == spelling
        assert condition_key(text).name == text.lower()

    @pytest.mark.parametrize("presence", Presence)
    def test_every_presence_has_a_key(self, presence: Presence) -> None:
        assert any(row.presence is presence for row in (*TABLE, *PREFIXES))

    def test_presence_that_depends_on_other_keys_is_only_of_keys_that_the_search_groups(self) -> None:
        """A new key with such a presence needs a place in search.request_context, too."""
        depending = {Presence.USER, Presence.ORGANIZATION, Presence.OWNER_ORGANIZATION, Presence.ENDPOINT_ORGANIZATION}
        assert {row.spelling for row in (*TABLE, *PREFIXES) if row.presence in depending} == {
            "aws:username",
            "aws:PrincipalOrgID",
            "aws:PrincipalOrgPaths",
            "aws:VpceOrgID",
            "aws:VpceOrgPaths",
            "aws:ResourceOrgID",
            "aws:ResourceOrgPaths",
        }


class TestOperators:
    """One row for each condition operator."""

    @pytest.mark.parametrize("row", OPERATOR_TABLE, ids=lambda row: row.name)
    def test_corpus_has_a_case_of_the_operator(self, row: Operator) -> None:
        shown = {condition.operator.name for condition in CONDITIONS}
        assert row.name in shown, f"no case in tests/corpus uses {row.name}"

    @pytest.mark.parametrize("set_operator", SetOperator)
    @pytest.mark.parametrize("if_exists", [False, True])
    def test_corpus_has_a_case_of_prefix_and_suffix(self, set_operator: SetOperator, *, if_exists: bool) -> None:
        shown = {(condition.operator.set_operator, condition.operator.if_exists) for condition in CONDITIONS}
        assert (set_operator, if_exists) in shown

    def test_every_spelling_resolves_to_itself(self) -> None:
        assert all(name == operator.spelling.lower() for name, operator in OPERATORS.items())

    def test_numeric_and_date_rows_have_a_relation_and_no_others(self) -> None:
        ordered = (ValueType.NUMERIC, ValueType.DATE)
        assert all((row.relation is not None) == (row.value_type in ordered) for row in OPERATOR_TABLE)
        assert {row.relation for row in OPERATOR_TABLE} == {None, *Relation}


class TestValueDomains:
    """One record for each value domain."""

    def test_every_domain_has_a_record(self) -> None:
        assert DOMAINS.keys() == set(ValueDomain)

    @pytest.mark.parametrize("domain", ValueDomain)
    def test_record_has_what_its_selection_needs(self, domain: ValueDomain) -> None:
        row = DOMAINS[domain]
        if row.selection is Selection.LISTED:
            assert row.values
        if row.selection in (Selection.PATTERN, Selection.UNKNOWN):
            assert row.forms_in(("aws",))

    @pytest.mark.parametrize("domain", [domain for domain in ValueDomain if domain is not ValueDomain.UNKNOWN])
    def test_a_key_has_the_domain(self, domain: ValueDomain) -> None:
        assert any(row.domain is domain for row in (*TABLE, *PREFIXES))

    def test_corpus_has_a_case_of_an_unknown_key(self) -> None:
        assert any(condition.key.domain is ValueDomain.UNKNOWN for condition in CONDITIONS)


class TestAccessTests:
    """One record for each access test."""

    def test_names_are_the_values_of_the_rule_parameter(self) -> None:
        assert list(TESTS) == [test.name for test in TESTS.values()] == list(loader.TESTS)

    def test_template_allows_every_test(self) -> None:
        template = (loader.CORPUS.parent.parent / "template.yaml").read_text(encoding="utf-8")
        assert f"[{', '.join(TESTS)}]" in template

    @pytest.mark.parametrize("name", TESTS)
    def test_corpus_has_a_case_that_is_flagged_and_one_that_is_not(self, name: str) -> None:
        labels: set[Any] = {case.expect[name] for case in loader.all_cases()}
        assert labels == {"COMPLIANT", "NON_COMPLIANT"}, json.dumps(sorted(labels))
