"""The report as CSV (RFC 4180), with a line for each finding, each policy without one, and each file that is not read.

https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
from collections.abc import Iterator
from typing import Final, TextIO

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.policy_report.advice import advice_on
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.located_finding import (
    Finding,
    findings_of,
    message_of,
    moment,
    repository_name,
)
from ecr_exposure.policy.json_values import printable

NOT_READ: Final = "not read"
COLUMNS: Final = (
    "result",
    "file",
    "line",
    "column",
    "address",
    "kind",
    "statement",
    "sid",
    "capabilities",
    "actions",
    "message",
    "excuse",
    "notes",
    "what_to_do",
    "account",
    "region",
    "repository",
    "rule",
    "evaluated",
)
# Spreadsheets evaluate a cell that begins so: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""Also in full width, which some spreadsheets read alike; blanks in front are no protection."""
_LIST: Final = "; "


def write_csv(report: Report, stream: TextIO) -> None:
    """Write the lines, below one with the names of the columns."""
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: _cell(value) for name, value in row.items()})


def _rows(report: Report) -> Iterator[dict[str, object]]:
    for checked in report.policies:
        common = _of_policy(checked, report)
        for finding in findings_of(checked, report.question):
            yield {**common, **_of_finding(finding)}
        if not findings_of(checked, report.question):
            span = checked.found.span
            message = message_of(checked, report.question)
            yield {**common, "line": span.line, "column": span.column, "message": message}
    yield from map(_of_error, report.errors)


def _of_policy(checked: CheckedPolicy, report: Report) -> dict[str, object]:
    return {
        "result": checked.result.value,
        "file": checked.found.file,
        "address": checked.found.address,
        "kind": checked.found.kind.value,
        "excuse": checked.excuse or "",
        "notes": _LIST.join(checked.notes),
        "what_to_do": _LIST.join(advice_on(checked, report.question).changes),
        "account": checked.found.account or report.question.owner or "",
        "region": checked.found.region or report.question.region or "",
        "repository": repository_name(checked.found.repository) or "",
        "rule": checked.recorded.rule if checked.recorded else "",
        "evaluated": moment(checked.recorded.evaluated) if checked.recorded else "",
    }


def _of_finding(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.span.line,
        "column": finding.span.column,
        "statement": "" if finding.statement is None else finding.statement,
        "sid": finding.sid or "",
        "capabilities": _LIST.join(each.value for each in finding.grant.capabilities) if finding.grant else "",
        "actions": _LIST.join(finding.grant.actions) if finding.grant else "",
        "message": finding.text,
    }


def _of_error(error: NotReadError) -> dict[str, object]:
    return {"result": NOT_READ, "file": error.place, "line": error.line or "", "message": error.message}


def _cell(value: object) -> str:
    """Return a value on one line; an apostrophe in front makes a spreadsheet read a formula as text."""
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
