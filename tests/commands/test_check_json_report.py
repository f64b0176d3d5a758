"""The JSON of `ecr-exposure check`: its members, which stay as they are while the schema is 1."""

import json
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown
from ecr_exposure.cli.policy_report.checked_policy import Question, Report, Result
from ecr_exposure.cli.policy_report.json_format import write_json, write_json_lines
from tests.commands.checked_policies import (
    CLOSED,
    DEPENDS,
    EACH_RESULT,
    IN_TEMPLATE,
    PULL,
    checked,
    policy_of,
    report_of,
    written,
)


def document(report: Report) -> Any:
    """Return the document of a report."""
    return json.loads(written(write_json, report))


def lines(report: Report) -> list[Any]:
    """Return the documents of the lines."""
    return list(map(json.loads, written(write_json_lines, report).splitlines()))


class TestDocument:
    """Its members and values."""

    def test_head_says_what_was_asked_and_counts_what_was_found(self) -> None:
        report = document(EACH_RESULT)
        del report["policies"]
        assert report == {
            "schema": 1,
            "command": "check",
            "version": "1.2.3",
            "started": "2026-11-27T08:30:00Z",
            "question": {
                "test": "unconditional",
                "owner": None,
                "region": None,
                "trusted_accounts": [],
                "trusted_organizations": [],
                "members": 0,
            },
            "result": "incomplete",
            "exit_code": 2,
            "files": {"read": 5, "recognized": 4, "not_recognized": 1, "ignored": 1},
            "results": {
                "public": 1,
                "unknown": 2,
                "cannot be evaluated": 1,
                "public on purpose": 1,
                "not public": 1,
            },
            "notes": ["module.x (registry) is not followed: check the plan"],
            "errors": [{"file": "broken.yaml", "line": 3, "message": "broken.yaml:3: a tab cannot begin a value"}],
        }

    def test_public_policy_has_place_findings_example_and_remedy(self) -> None:
        question = Question(test="reachable", owner="111122223333", region="eu-west-1")
        policy = checked(
            policy_of(PULL),
            question=question,
            **IN_TEMPLATE,
            address="Resources.App",
            cdk_path="Stack/App",
            repository="team/app",
        )
        (only,) = document(report_of(policy, question=question))["policies"]
        request, loses = only.pop("example_request"), only.pop("loses_access")
        assert only == {
            "file": "infra/app.yaml",
            "line": 9,
            "column": 7,
            "end_line": 9,
            "end_column": 27,
            "kind": "CloudFormation template",
            "address": "Resources.App",
            "cdk_path": "Stack/App",
            "repository": "team/app",
            "account": "111122223333",
            "region": "eu-west-1",
            "result": "public",
            "is_warning": False,
            "message": 'Everyone can pull: statement "AllowPull" allows ecr:BatchGetImage and '
            "ecr:GetDownloadUrlForLayer to * with no Condition.",
            "findings": [
                {
                    "statement": 0,
                    "sid": "AllowPull",
                    "line": 9,
                    "column": 7,
                    "end_line": 9,
                    "end_column": 27,
                    "message": 'Everyone can pull: statement "AllowPull" allows ecr:BatchGetImage and '
                    "ecr:GetDownloadUrlForLayer to * with no Condition.",
                    "capabilities": ["pull"],
                    "actions": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    "reason": 'statement "AllowPull" allows ecr:BatchGetImage and ecr:GetDownloadUrlForLayer to * '
                    "with no Condition",
                }
            ],
            "problem": None,
            "unknown": [],
            "advisories": [],
            "excuse": None,
            "notes": [],
            "recorded": None,
            "changes": ['statement "AllowPull": removed'],
            "fix": None,
        }
        assert request["text"] == "arn:aws:iam::999999999999:role/x from 198.51.100.7 may ecr:BatchGetImage"
        assert (request["action"], request["context"]["aws:requestedregion"]) == ("ecr:BatchGetImage", "eu-west-1")
        assert loses[0] == 'every principal to which statement "AllowPull" grants access'

    def test_example_is_of_the_time_of_the_report(self) -> None:
        example = document(report_of(checked(policy_of(PULL))))["policies"][0]["example_request"]
        assert example["context"]["aws:currenttime"] == "2026-11-27T08:30:00Z"

    def test_policies_of_all_results_have_the_same_members(self) -> None:
        first, *others = document(EACH_RESULT)["policies"]
        assert all(list(each) == list(first) for each in others)
        assert [(each["result"], len(each["findings"])) for each in (first, *others)] == [
            ("public", 2),
            ("unknown", 1),
            ("not public", 0),
            ("cannot be evaluated", 1),
            ("public on purpose", 1),
            ("unknown", 1),
        ]

    def test_unknown_policy_has_its_references_and_no_actions(self) -> None:
        policy = document(EACH_RESULT)["policies"][1]
        assert policy["unknown"] == ["!Ref Principals"]
        assert policy["findings"][0]["actions"] == []
        assert policy["example_request"] is None

    @pytest.mark.parametrize(
        ("repository", "expected"),
        [
            (None, None),
            (Unknown("var.name"), "${var.name}"),
            (Joined(("team/", Unknown("var.name"))), "team/${var.name}"),
        ],
    )
    def test_name_of_the_repository_shows_what_is_not_known(self, repository: Any, expected: str | None) -> None:
        policy = checked(policy_of(CLOSED), Result.CLOSED, repository=repository)
        assert document(report_of(policy))["policies"][0]["repository"] == expected

    def test_own_account_and_region_of_a_repository_win(self) -> None:
        policy = checked(policy_of(CLOSED), Result.CLOSED, account="444455556666", region="us-east-1")
        report = report_of(policy, question=Question(owner="111122223333", region="eu-west-1"))
        (only,) = document(report)["policies"]
        assert (only["account"], only["region"]) == ("444455556666", "us-east-1")

    def test_text_of_the_file_is_written_in_ascii(self) -> None:
        text = written(write_json, report_of(checked(policy_of(PULL), file="\x1b\udcff\u202e.json")))
        assert text.isascii()
        assert json.loads(text)["policies"][0]["file"] == "\x1b\udcff\u202e.json"


class TestResult:
    """The member `result` says in a word what the exit code says."""

    @pytest.mark.parametrize(
        ("result", "is_warning", "exit_code", "expected"),
        [
            (Result.CLOSED, False, 0, "no findings"),
            (Result.PUBLIC_ON_PURPOSE, False, 0, "no findings"),
            (Result.UNKNOWN, True, 0, "no findings"),
            (Result.PUBLIC, False, 1, "findings"),
            (Result.UNKNOWN, False, 1, "findings"),
            (Result.CANNOT_BE_EVALUATED, False, 1, "findings"),
            (Result.PUBLIC, False, 0, "findings"),  # with --exit-zero
            (Result.PUBLIC, False, 2, "incomplete"),
            (Result.PUBLIC, False, 130, "interrupted"),
        ],
    )
    def test_follows_from_results_and_exit_code(
        self, result: Result, *, is_warning: bool, exit_code: int, expected: str
    ) -> None:
        policy = checked(policy_of(DEPENDS), result, is_warning=is_warning)
        assert document(report_of(policy, exit_code=exit_code))["result"] == expected

    def test_file_that_was_not_read_makes_it_incomplete_with_exit_zero(self) -> None:
        assert document(report_of(errors=(NotReadError("x", None, "is empty"),)))["result"] == "incomplete"


class TestLines:
    """--stream: one document a line."""

    def test_each_line_says_what_it_is(self) -> None:
        kinds = [each["type"] for each in lines(EACH_RESULT)]
        assert kinds == ["run", *["policy"] * 6, "error", "end"]

    def test_lines_together_have_the_members_of_the_document(self) -> None:
        first, *policies, error, last = [
            {key: value for key, value in each.items() if key != "type"} for each in lines(EACH_RESULT)
        ]
        assert {**first, **last, "policies": policies, "errors": [error]} == document(EACH_RESULT)

    def test_nothing_found_is_a_beginning_and_an_end(self) -> None:
        assert [each["type"] for each in lines(report_of())] == ["run", "end"]

    def test_span_of_a_policy_is_its_own(self) -> None:
        line = lines(report_of(checked(policy_of(CLOSED), Result.CLOSED, span=Span(3, 2, 4, 1))))[1]
        assert [line[each] for each in ("line", "column", "end_line", "end_column")] == [3, 2, 4, 1]
