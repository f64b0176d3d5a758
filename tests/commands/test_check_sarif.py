"""The SARIF of `ecr-exposure check`: valid by the schema of the standard, and by what GitHub code scanning demands.

https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from ecr_exposure.cli.found_policies.found_policy import Kind, NotReadError, Span, StatementSpan, Suppression
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.cli.policy_report.sarif_format import MOST_SHOWN, too_many, write_sarif
from tests.commands.checked_policies import (
    ALL,
    CLOSED,
    DEPENDS,
    EACH_RESULT,
    IN_SOURCE,
    IN_TEMPLATE,
    INVALID,
    PULL,
    checked,
    policy_of,
    report_of,
    written,
)

SCHEMA: Final = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR: Final = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
STATEMENT: Final = StatementSpan(Span(4, 5, 9, 6), Span(7, 7, 7, 23))


def run_of(report: Report) -> Any:
    """Return the only run of a document that is valid by the schema."""
    document = json.loads(written(write_sarif, report))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    return document["runs"][0]


def results_of(*policies: CheckedPolicy, **members: Any) -> list[Any]:
    """Return the results of a report."""
    results: list[Any] = run_of(report_of(*policies, **members))["results"]
    return results


def region_of(location: Any) -> Span:
    """Return the region of a location, which needs all four numbers."""
    region = location["physicalLocation"]["region"]
    return Span(region["startLine"], region["startColumn"], region["endLine"], region["endColumn"])


def fingerprints_of(*policies: CheckedPolicy) -> list[str]:
    """Return what GitHub tells the results apart by."""
    return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results_of(*policies)]


class TestRun:
    """What is said of the tool and of the run."""

    def test_each_result_has_all_that_github_requires(self) -> None:
        run = run_of(report_of(*EACH_RESULT.policies, show_excused=True))
        assert [each["ruleId"] for each in run["results"]] == [
            "public",
            "public",
            "cannot-be-evaluated",
            "cannot-be-evaluated",
            "public-on-purpose",
            "cannot-be-evaluated",
        ]
        for result in run["results"]:
            assert result["message"]["text"]
            assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            assert all(number >= 1 for number in region_of(result["locations"][0]))

    def test_rules_have_levels_pages_and_a_critical_severity_for_public_access(self) -> None:
        driver = run_of(report_of())["tool"]["driver"]
        assert (driver["name"], driver["semanticVersion"]) == ("ecr-exposure", "1.2.3")
        levels = {each["id"]: each["defaultConfiguration"]["level"] for each in driver["rules"]}
        assert levels == {"public": "error", "cannot-be-evaluated": "warning", "public-on-purpose": "note"}
        assert driver["rules"][0]["properties"]["security-severity"] == "9.5"
        for rule in driver["rules"]:
            assert rule["helpUri"].startswith("https://docs.aws.amazon.com/")
            assert all(rule[each]["text"] for each in ("shortDescription", "fullDescription", "help"))

    def test_nothing_found_is_an_empty_list(self) -> None:
        assert results_of(checked(policy_of(CLOSED), Result.CLOSED)) == []

    @pytest.mark.parametrize("category", ["infra/live", "infra/live/"])
    def test_category_is_the_one_that_was_asked_for(self, category: str) -> None:
        assert run_of(report_of(category=category))["automationDetails"] == {"id": "infra/live/"}

    def test_category_is_that_of_the_test(self) -> None:
        run = run_of(report_of(question=Question(test="reachable")))
        assert run["automationDetails"]["id"] == "ecr-exposure/reachable/"

    @pytest.mark.parametrize(("exit_code", "is_successful"), [(0, True), (1, True), (2, False), (130, False)])
    def test_run_is_successful_if_it_did_all(self, exit_code: int, *, is_successful: bool) -> None:
        (invocation,) = run_of(report_of(exit_code=exit_code))["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (is_successful, exit_code)
        assert invocation["startTimeUtc"] == "2026-11-27T08:30:00Z"

    def test_what_was_not_read_and_notes_are_notifications(self) -> None:
        (invocation,) = run_of(EACH_RESULT)["invocations"]
        error, note = invocation["toolExecutionNotifications"]
        assert (error["level"], error["message"]["text"]) == ("error", "broken.yaml:3: a tab cannot begin a value")
        assert region_of(error["locations"][0]) == Span(3, 1, 3, 1)
        assert note == {
            "level": "note",
            "message": {"text": "module.x (registry) is not followed: check the plan"},
        }

    def test_file_that_was_not_read_is_named_without_a_region_if_no_line_is_known(self) -> None:
        (invocation,) = run_of(report_of(errors=(NotReadError("x.yaml", None, "permission denied"),)))["invocations"]
        (location,) = invocation["toolExecutionNotifications"][0]["locations"]
        assert location == {"physicalLocation": {"artifactLocation": {"uri": "x.yaml"}}}

    def test_excused_policy_is_a_note_on_demand_only(self) -> None:
        excused = checked(policy_of(PULL), Result.PUBLIC_ON_PURPOSE, excuse='"base images"')
        assert results_of(excused) == []
        (result,) = results_of(excused, show_excused=True)
        assert (result["level"], result["suppressions"]) == (
            "note",
            [{"kind": "external", "justification": '"base images"'}],
        )

    def test_excuse_of_the_file_itself_is_in_the_source(self) -> None:
        comment = Suppression(reason="base images", file="infra/main.tf", span=Span(2, 1, 2, 9))
        excused = checked(
            policy_of(PULL), Result.PUBLIC_ON_PURPOSE, excuse="x", suppression=comment, **IN_SOURCE, address="a"
        )
        (result,) = results_of(excused, show_excused=True)
        assert result["suppressions"][0]["kind"] == "inSource"

    def test_more_results_than_github_shows_are_said(self) -> None:
        many = report_of(*(checked(policy_of(INVALID), Result.CANNOT_BE_EVALUATED),) * MOST_SHOWN)
        assert MOST_SHOWN == 5_000
        assert too_many(many) is None
        more = report_of(*many.policies, many.policies[0])
        assert str(too_many(more)).startswith("5,001 results: GitHub code scanning shows 5,000 and rejects")
        (invocation,) = json.loads(written(write_sarif, more))["runs"][0]["invocations"]
        assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["warning"]


class TestPlace:
    """A pull request shows a finding only if all its lines are in the diff."""

    def test_principal_alone_is_the_place_and_the_statement_is_related(self) -> None:
        (result,) = results_of(checked(policy_of(PULL), statements={0: STATEMENT}))
        assert region_of(result["locations"][0]) == Span(7, 7, 7, 23)
        (related,) = result["relatedLocations"]
        assert (related["id"], region_of(related)) == (1, Span(4, 5, 9, 6))
        assert result["message"]["text"].endswith(" [The whole statement](1).")

    def test_statement_is_the_place_where_the_principal_is_not_known(self) -> None:
        (result,) = results_of(checked(policy_of(PULL), statements={0: StatementSpan(Span(4, 5, 9, 6))}))
        assert region_of(result["locations"][0]) == Span(4, 5, 9, 6)
        assert "relatedLocations" not in result
        assert "[" not in result["message"]["text"]

    def test_property_is_the_place_where_nothing_else_is_known(self) -> None:
        (result,) = results_of(checked(policy_of(PULL), **IN_TEMPLATE, address="Resources.App"))
        (location,) = result["locations"]
        assert region_of(location) == Span(9, 7, 9, 27)
        assert location["logicalLocations"] == [{"fullyQualifiedName": "Resources.App", "kind": "resource"}]

    def test_statement_that_cannot_be_evaluated_is_the_place(self) -> None:
        spans = {1: StatementSpan(Span(10, 5, 12, 6))}
        (result,) = results_of(checked(policy_of(PULL, INVALID), Result.CANNOT_BE_EVALUATED, statements=spans))
        assert region_of(result["locations"][0]) == Span(10, 5, 12, 6)

    def test_statement_of_the_unknown_value_is_the_place(self) -> None:
        spans = {0: StatementSpan(Span(2, 1, 3, 2)), 1: STATEMENT}
        (result,) = results_of(checked(policy_of(CLOSED, DEPENDS), Result.UNKNOWN, statements=spans))
        assert region_of(result["locations"][0]) == Span(7, 7, 7, 23)

    def test_columns_count_characters(self) -> None:
        assert run_of(report_of())["columnKind"] == "unicodeCodePoints"


class TestUri:
    """Relative to the root, as a reference that no reader takes for something else."""

    @pytest.mark.parametrize(
        ("file", "uri"),
        [
            ("infra/app.yaml", "infra/app.yaml"),
            ("./infra//app.yaml", "infra/app.yaml"),
            ("a b#c?.yaml", "a%20b%23c%3F.yaml"),
            ("c:x.yaml", "c%3Ax.yaml"),
            ("100%.yaml", "100%25.yaml"),
            ("überall.yaml", "%C3%BCberall.yaml"),
            ("\udcff.yaml", "%FF.yaml"),
            ("-", "-"),
        ],
    )
    def test_path_is_percent_encoded_without_a_scheme(self, file: str, uri: str) -> None:
        (result,) = results_of(checked(policy_of(PULL), file=file))
        assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}

    def test_path_is_relative_to_the_root_and_symbolic_links_are_resolved(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "real" / "infra").mkdir(parents=True)
        (tmp_path / "real" / "infra" / "app.yaml").touch()
        (tmp_path / "link").symlink_to("real", target_is_directory=True)
        monkeypatch.chdir(tmp_path / "real" / "infra")
        absolute = str(tmp_path / "link" / "infra" / "app.yaml")
        for file in ("app.yaml", absolute, "../infra/app.yaml"):
            (result,) = results_of(checked(policy_of(PULL), file=file), root=tmp_path / "link")
            assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "infra/app.yaml"}


class TestFingerprint:
    """The same finding has the same one in every run, and no other finding has it."""

    def test_lines_that_move_do_not_change_it(self) -> None:
        moved = {0: StatementSpan(Span(40, 5, 90, 6), Span(70, 7, 70, 23))}
        assert fingerprints_of(checked(policy_of(PULL), statements={0: STATEMENT})) == fingerprints_of(
            checked(policy_of(PULL), statements=moved, span=Span(39, 1, 99, 2))
        )

    def test_findings_on_one_line_have_their_own(self) -> None:
        in_plan: dict[str, Any] = {"kind": Kind.TERRAFORM_PLAN, "file": "plan.json", "span": Span(1, 1, 1, 9999)}
        found = fingerprints_of(
            checked(policy_of(PULL, ALL), **in_plan, address='aws_ecr_repository_policy.this["a"]'),
            checked(policy_of(PULL, ALL), **in_plan, address='aws_ecr_repository_policy.this["b"]'),
        )
        assert len({each.partition(":")[0] for each in found}) == 4  # whatever their order is

    def test_equal_findings_of_one_policy_are_counted(self) -> None:
        first, second = fingerprints_of(checked(policy_of(PULL, PULL)))
        assert (first.partition(":")[0], first[-2:], second[-2:]) == (second.partition(":")[0], ":1", ":2")

    def test_equal_policy_files_have_their_own(self) -> None:
        found = fingerprints_of(checked(policy_of(PULL), file="a.json"), checked(policy_of(PULL), file="b.json"))
        assert len(set(found)) == 2

    def test_form_is_a_hash_and_a_number(self) -> None:
        assert re.fullmatch(r"[0-9a-f]{16}:1", fingerprints_of(checked(policy_of(PULL)))[0])


class TestHostileText:
    """A file cannot put links or control characters into the alert about it."""

    def test_link_in_a_sid_is_none(self) -> None:
        evil = "[click](https://example.com)\x1b[2K\u202e"
        (result,) = results_of(checked(policy_of({**PULL, "Sid": evil}), file=evil, address=evil))
        text = result["message"]["text"]
        assert "click" in text
        assert "](" not in text
        assert text.isprintable()
