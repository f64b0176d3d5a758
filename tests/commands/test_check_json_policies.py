"""Policies in JSON that ``check`` reads: alone, as the AWS CLI returns them, one on each line; and where they are."""

import json
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span, StatementSpan
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.policies_in_json.json_documents import (
    UnknownFormError,
    is_repository_policy,
    read_json_documents,
)

OPEN = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
POLICY = {"Version": "2012-10-17", "Statement": [OPEN]}


class Told:
    """What a reader said beside the policies."""

    def __init__(self) -> None:
        """Nothing so far."""
        self.problems: list[str] = []
        self.notes: list[str] = []

    @property
    def facts(self) -> CodeFacts:
        """The facts of a run without options."""
        return CodeFacts(
            owner=None,
            region=None,
            parameters={},
            problem=lambda error: self.problems.append(error.message),
            note=self.notes.append,
        )


def read(text: str) -> list[FoundPolicy]:
    """Read a text in which everything can be read."""
    told = Told()
    found = list(read_json_documents("policy.json", text, told.facts))
    assert (told.problems, told.notes) == ([], [])
    return found


class TestPolicyAlone:
    """A file that is a policy."""

    def test_is_the_policy_without_an_address(self) -> None:
        (found,) = read(json.dumps(POLICY))
        assert (found.kind, found.address, found.policy) == (Kind.POLICY, "", POLICY)
        assert (found.repository, found.account, found.region, found.tags) == (None, None, None, None)

    def test_statements_and_principals_have_their_lines_and_columns(self) -> None:
        text = (
            '{\n'
            '  "Version": "2012-10-17",\n'
            '  "Statement": [\n'
            '    {\n'
            '      "Effect": "Allow",\n'
            '      "Principal": {"AWS": "*"},\n'
            '      "Action": "ecr:*"\n'
            '    }, {"NotPrincipal": "*", "Effect": "Allow", "Action": []},\n'
            '    {"Effect": "Allow"}\n'
            '  ]\n'
            '}\n'
        )  # fmt: skip
        (found,) = read(text)
        assert found.span == Span(1, 1, 11, 2)
        assert found.statements == {
            0: StatementSpan(Span(4, 5, 8, 6), Span(6, 7, 6, 32)),
            1: StatementSpan(Span(8, 8, 8, 62), Span(8, 9, 8, 28)),
            2: StatementSpan(Span(9, 5, 9, 24), None),
        }

    def test_single_statement_without_a_list_is_the_first(self) -> None:
        (found,) = read('\r\n{"Statement":\r\n {"Principal": "*"}}')
        assert found.span == Span(2, 1, 3, 21)
        assert found.statements == {0: StatementSpan(Span(3, 2, 3, 20), Span(3, 3, 3, 19))}

    def test_principal_inside_a_string_is_no_element(self) -> None:
        (found,) = read('{"Id": "\\"Principal\\": {", "Statement": [{"Sid": "[{", "Principal": "*"}]}')
        assert found.statements == {0: StatementSpan(Span(1, 42, 1, 73), Span(1, 56, 1, 72))}

    def test_duplicate_statement_is_left_to_the_evaluation(self) -> None:
        (found,) = read('{"Statement": [{}], "Statement": []}')
        assert found.statements == {}
        assert evaluate(found.policy).verdict.problem == 'duplicate key "Statement"'

    def test_percent_encoded_policy_has_the_place_of_the_text(self) -> None:
        (found,) = read("%7B%22Statement%22%3A%20%5B%5D%7D\n")
        assert (found.policy, found.span, found.statements) == ({"Statement": []}, Span(1, 1, 1, 34), {})

    @pytest.mark.parametrize("statement", [None, 1, "text", [], [None]])
    def test_odd_statement_is_left_to_the_evaluation(self, statement: object) -> None:
        (found,) = read(json.dumps({"Statement": statement}))
        assert (evaluate(found.policy).verdict.problem is None) == (statement == [])

    def test_broken_text_is_an_error_with_its_line(self) -> None:
        with pytest.raises(NotReadError, match=r"^policy\.json:3: not JSON: Expecting value \(column 15\)$") as error:
            read('{\n "Version": "2012-10-17",\n "Statement": }\n')
        assert error.value.line == 3

    @pytest.mark.parametrize(
        ("text", "message"),
        [('{"Statement": [NaN]}', "NaN is not a JSON value"), (f'{{"Statement": {"[" * 100_000}', "nested deeper")],
    )
    def test_text_that_json_does_not_allow_is_an_error(self, text: str, message: str) -> None:
        with pytest.raises(NotReadError, match=message):
            read(text)

    @pytest.mark.parametrize("text", ["", " \n", "{}", "null", "[]", "1", '{"Version": "2012-10-17"}', '"Statement"'])
    def test_other_json_has_no_known_form(self, text: str) -> None:
        with pytest.raises(UnknownFormError, match="holds no repository policy in a form that is known"):
            read(text)

    def test_duplicate_key_of_another_object_is_an_error(self) -> None:
        with pytest.raises(NotReadError, match=r'policy\.json:1: duplicate key "policyText"'):
            read('{"policyText": "{}", "policyText": "{}"}')


class TestOutputOfGetRepositoryPolicy:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html."""

    def test_names_the_repository_and_the_line_of_the_text(self) -> None:
        output = {"registryId": "111122223333", "repositoryName": "team/app", "policyText": json.dumps(POLICY)}
        (found,) = read(json.dumps(output, indent=4))
        assert (found.kind, found.address, found.policy) == (Kind.POLICY, "111122223333/team/app", POLICY)
        assert (found.repository, found.account, found.region) == ("team/app", "111122223333", None)
        assert (found.span.line, found.span.column, found.span.end_line, found.statements) == (4, 5, 4, {})

    @pytest.mark.parametrize("text", ["", "{}", " "])
    def test_empty_text_is_no_policy(self, text: str) -> None:
        (found,) = read(json.dumps({"policyText": text}))
        assert evaluate(found.policy).verdict.annotation == "The repository has no policy."

    @pytest.mark.parametrize("text", ["{", "[]", 1, json.dumps(json.dumps(POLICY))])
    def test_text_that_is_no_policy_cannot_be_evaluated(self, text: object) -> None:
        (found,) = read(json.dumps({"policyText": text}))
        assert evaluate(found.policy).verdict.problem


class TestJsonLines:
    """One document on each line."""

    def test_each_line_is_a_policy_with_its_place(self) -> None:
        first, second = read(f'{json.dumps(POLICY)}\n\n  {{"Statement": [{{"Principal": "*"}}]}}\r\n')
        assert (first.address, first.policy, first.span.line) == ("line 1", POLICY, 1)
        assert (second.address, second.span) == ("line 3", Span(3, 3, 3, 38))
        assert second.statements == {0: StatementSpan(Span(3, 18, 3, 36), Span(3, 19, 3, 35))}

    def test_broken_line_is_told_and_the_others_are_read(self) -> None:
        told = Told()
        text = '{"Statement": []}\n{"Statement": \n{"Statement": []}'
        found = list(read_json_documents("all.jsonl", text, told.facts))
        assert [policy.address for policy in found] == ["line 1", "line 3"]
        assert told.problems == ["all.jsonl:2: not JSON: Expecting value (column 15)"]

    def test_line_of_another_form_is_told(self) -> None:
        told = Told()
        assert len(list(read_json_documents("all.jsonl", '{"Statement": []}\n{"a": 1}\n[]', told.facts))) == 1
        assert told.notes == ["all.jsonl: line 2 holds no repository policy in a form that is known, and 1 more"]


class TestList:
    """Several documents in one list, as jq --slurp writes them."""

    def test_each_element_is_a_document_with_its_place(self) -> None:
        output = {"repositoryName": "team/app", "policyText": "{}"}
        first, second = read(f"[{json.dumps(POLICY)},\n {json.dumps(output)}]")
        assert (first.address, first.policy, first.span.column) == ("[0]", POLICY, 2)
        assert (second.address, second.span) == ("team/app", Span(2, 33, 2, 51))

    def test_element_with_a_duplicate_key_is_told(self) -> None:
        told = Told()
        text = '[{"Statement": []},\n{"a": 1, "a": 2}, {"Id": "1", "Id": "2"}]'
        found = list(read_json_documents("all.json", text, told.facts))
        assert ([each.address for each in found], told.problems) == (
            ["[0]", "[2]"],
            ['all.json:2: [1]: duplicate key "a"'],
        )


class TestWhichServiceAPolicyIsFor:
    """A policy without a name in a folder of files can be one of another service."""

    @pytest.mark.parametrize("action", ["ecr:BatchGetImage", "ECR:*", "*", ["s3:GetObject", "ecr:PutImage"], "e*"])
    def test_policy_with_principal_and_action_of_ecr_is_one(self, action: object) -> None:
        assert is_repository_policy({"Statement": {"Effect": "Allow", "Principal": "*", "Action": action}})

    def test_not_principal_and_not_action_count_too(self) -> None:
        assert is_repository_policy({"Statement": [{"NotPrincipal": "*", "NotAction": "ecr:PutImage"}]})

    @pytest.mark.parametrize(
        ("text", "is_one"),
        [
            ('{"Statement": [{"Principal": "*", "Action": "ecr:*"}], "Statement": []}', True),
            ('{"Statement": [{"Principal": {"AWS": "111122223333"}, "Principal": "*", "Action": "ecr:*"}]}', True),
            ('{"Statement": {"Principal": "*", "Action": "ecr:*", "Action": "s3:*"}}', True),
            ('{"Version": "1", "Version": "2", "Statement": [{"Principal": "*", "Action": "s3:*"}]}', False),
            ('{"Statement": [{"Principal": "*", "Principal": "*", "Action": "ecr:*", "Resource": "*"}]}', False),
        ],
    )
    def test_object_with_a_duplicate_key_counts_with_all_its_members(self, text: str, *, is_one: bool) -> None:
        (found,) = read(text)
        assert is_repository_policy(found.policy) == is_one

    @pytest.mark.parametrize(
        "statement",
        [
            # An identity-based policy, a trust policy, the policies of a bucket and of a VPC endpoint.
            {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"},
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
            None,
        ],
    )
    def test_policy_of_another_service_is_none(self, statement: Any) -> None:
        assert not is_repository_policy({"Statement": [statement]})
