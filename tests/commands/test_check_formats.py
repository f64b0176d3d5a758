"""All formats of `ecr-exposure check` show the same findings, whatever the policies are."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Span, StatementSpan
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.cli.policy_report.json_format import write_json_lines
from ecr_exposure.cli.policy_report.located_finding import findings_of
from ecr_exposure.cli.publication import Publication
from ecr_exposure.cli.report_options import Destination
from tests.commands.checked_policies import EACH_RESULT, PULL, checked, policy_of, report_of, written
from tests.commands.html_pages import Page
from tests.commands.test_check_sarif import VALIDATOR
from tests.corpus.loader import TESTS, all_cases

FOUND: Final = (Result.PUBLIC, Result.UNKNOWN, Result.CANNOT_BE_EVALUATED, Result.PUBLIC_ON_PURPOSE)
OWNER: Final = "111122223333"
Findings = set[tuple[str, int, str]]
"""File, line and address of each finding."""


def in_table(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the findings of a table: the further ones of a policy have a line that begins with theirs."""
    for block in text.split("\n\n"):
        if heading := re.match(r"(\S+?):(\d+):\d+ ?(\S*)", block):
            file, line, address = heading.groups()
            yield file, int(line), address
            yield from (
                (file, int(each), address) for each in re.findall(r"^  [A-Z ]+: line (\d+): ", block, re.MULTILINE)
            )


def in_json(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the findings of a document."""
    for policy in json.loads(text)["policies"]:
        for finding in policy["findings"]:
            yield policy["file"], finding["line"], policy["address"]


def in_sarif(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the results of a run."""
    for result in json.loads(text)["runs"][0]["results"]:
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        address = location.get("logicalLocations", [{"fullyQualifiedName": ""}])[0]["fullyQualifiedName"]
        yield physical["artifactLocation"]["uri"], physical["region"]["startLine"], address


def in_junit(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the findings of the cases that did not pass."""
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 - our own output
        if len(case) and case.get("name") != "cannot be read":
            name = str(case.get("name")).replace("the policy", "")
            file = str(case.get("file"))
            for line in re.findall(rf"^{re.escape(file)}:(\d+):\d+: ", str(case[0].text), re.MULTILINE):
                yield file, int(line), name


def in_csv(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the lines with a finding."""
    for row in csv.DictReader(io.StringIO(text, newline="")):
        if row["result"] not in ("not public", "not read"):
            yield row["file"], int(row["line"]), row["address"]


def in_html(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the findings in the data of a page."""
    yield from Page(text).data().findings()


READERS: Final = {
    "table": in_table,
    "json": in_json,
    "sarif": in_sarif,
    "junit": in_junit,
    "csv": in_csv,
    "html": in_html,
}


def findings_by_format(report: Report) -> dict[str, Findings]:
    """Return the findings that each format shows, and those of the JSON Lines."""
    found = {name: set(READERS[name](written(write, report))) for name, write in FORMATS.items()}
    lines = [json.loads(line) for line in written(write_json_lines, report).splitlines()]
    policies = [line for line in lines if line["type"] == "policy"]
    return {**found, "lines": set(in_json(json.dumps({"policies": policies})))}


def result_of(policy: CheckedPolicy) -> Result:
    """Return the result of a policy of the corpus, which has no unknown values and no exceptions."""
    verdict = policy.outcome.verdict
    if verdict.problem:
        return Result.CANNOT_BE_EVALUATED
    return Result.PUBLIC if verdict.compliance == "NON_COMPLIANT" else Result.CLOSED


def corpus(question: Question) -> Iterator[CheckedPolicy]:
    """Yield every third policy of the corpus; statements are on lines of their own, some without a known Principal."""
    cases = [case for case in all_cases() if not case.is_about_the_item]
    for at, case in enumerate(cases[::3]):
        spans = {
            index: StatementSpan(Span(10 * index + 2, 1, 10 * index + 9, 2), Span(10 * index + 4, 3, 10 * index + 4, 9))
            if at % 2
            else StatementSpan(Span(10 * index + 2, 1, 10 * index + 9, 2))
            for index in range(at % 4)
        }
        policy = checked(case.policy, question=question, file=f"{case.name}.json", statements=spans)
        yield CheckedPolicy(found=policy.found, outcome=policy.outcome, result=result_of(policy))


class TestSameFindings:
    """Every format is written from one list."""

    def test_each_result_with_the_excused_ones(self) -> None:
        report = report_of(*EACH_RESULT.policies, errors=EACH_RESULT.errors, show_excused=True)
        expected = {
            ("policy.json", 7, ""),
            ("policy.json", 10, ""),
            ("infra/app.yaml", 9, "Resources.Depends"),
            ("infra/app.yaml", 9, "Resources.Invalid"),
            ("infra/main.tf", 1, "aws_ecr_repository_policy.base"),
            ("infra/main.tf", 1, 'aws_ecr_repository_policy.each["a"]'),
        }
        assert findings_by_format(report) == dict.fromkeys((*FORMATS, "lines"), expected)

    @pytest.mark.parametrize("test", TESTS)
    def test_each_policy_of_the_corpus(self, test: str) -> None:
        question = Question(test=test, owner=OWNER, trusted_organizations=("o-exampleorg1",))
        report = report_of(*corpus(question), question=question)
        found = findings_by_format(report)
        expected = {
            (each.found.file, finding.span.line, "")
            for each in report.with_result(*FOUND)
            for finding in findings_of(each, question)
        }
        assert len({file for file, _, _ in expected}) > 100
        assert found == dict.fromkeys((*FORMATS, "lines"), expected)
        document = json.loads(written(FORMATS["sarif"], report))
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


class TestStatement:
    """A finding names the statement as the file counts it."""

    @pytest.mark.parametrize("test", TESTS[:2])
    def test_statement_behind_one_that_an_unknown_value_may_close_keeps_its_index(self, test: str) -> None:
        unknown: dict[str, Any] = {
            **PULL,
            "Sid": "First",
            "Condition": {"StringLike": {"aws:PrincipalArn": Unknown("!Ref Arn")}},
        }
        question = Question(test=test)
        policy = checked(policy_of(unknown, PULL), question=question)
        assert [(each.statement, each.sid) for each in findings_of(policy, question)] == [(1, "AllowPull")]


def test_results_that_github_does_not_show_are_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    many = report_of(*(checked(policy_of(PULL), file="a.json"),) * 5_001, exit_code=1)
    assert Publication(report=many, is_stream=False, quiet=True).publish([Destination("sarif", None)]) == 1
    assert "Note: 5,001 results: GitHub code scanning shows 5,000" in capsys.readouterr().err
