"""The data of the page: its rows in columns, and after them the content of each policy once, compressed.

Lines of text: the first one is a JSON object with the rows, each other one the content of a policy, which the script
reads when it is asked for.
"""

import base64
import gzip
import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy
from ecr_exposure.cli.policy_report.advice import advice_on
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.csv_format import COLUMNS
from ecr_exposure.cli.policy_report.located_finding import age, findings_of, moment, repository_name
from ecr_exposure.cli.policy_report.page_policies import PagePolicy, page_policy
from ecr_exposure.findings.access_tests import access_test
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.json_values import printable

MOST_ROWS: Final = 50_000
ORDER: Final = (
    Result.PUBLIC,
    Result.CANNOT_BE_EVALUATED,
    Result.UNKNOWN,
    Result.PUBLIC_ON_PURPOSE,
    Result.CLOSED,
)
"""The results as the page lists them."""
_ALWAYS_SHOWN: Final = ORDER[:3]
_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A policy that the page shows; policy: the number of its content."""

    checked: CheckedPolicy
    policy: int

    @property
    def name(self) -> str:
        """What the row is called: the repository, or the policy of a file."""
        found = self.checked.found
        if found.kind.is_file:
            return printable(found.address or repository_name(found.repository) or found.file)
        return printable(repository_name(found.repository) or found.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRows:
    """The rows of the page in the order of their danger, their policies, and how many policies have no row."""

    rows: tuple[Row, ...]
    policies: tuple[PagePolicy, ...]
    left_out: int = 0

    def policy_of(self, row: Row) -> PagePolicy:
        """Return what the page shows of the policy of a row."""
        return self.policies[row.policy]


def page_rows(report: Report) -> PageRows:
    """Return the rows; of a report with too many policies, only those that are public or may be."""
    shown = list(report.policies)
    if len(shown) > MOST_ROWS:
        shown = [each for each in shown if each.result in _ALWAYS_SHOWN]
    numbers: dict[PagePolicy, int] = {}
    known: dict[Hashable, int] = {}
    rows = []
    for checked in shown:
        key = _key(checked, report)
        if key not in known:
            known[key] = _number(numbers, page_policy(checked, report))
        rows.append(Row(checked=checked, policy=known[key]))
    policies = tuple(numbers)
    rows.sort(key=lambda row: _danger(row, policies[row.policy]))
    return PageRows(rows=tuple(rows), policies=policies, left_out=len(report.policies) - len(rows))


def account_of(found: FoundPolicy, report: Report) -> str:
    """Return the account of a repository in printable characters, "" if it is not known."""
    return printable(found.account or report.question.owner or "")


def region_of(found: FoundPolicy, report: Report) -> str:
    """Return the Region of a repository in printable characters, "" if it is not known."""
    return printable(found.region or report.question.region or "")


def _number(numbers: dict[_T, int], value: _T) -> int:
    """Return the number of a value, a new one if it has none."""
    return numbers.setdefault(value, len(numbers))


def _key(checked: CheckedPolicy, report: Report) -> Hashable:
    """Return what is the same for policies with the same content: all that the content is made from."""
    found = checked.found
    if found.kind.is_file or not (found.policy is None or isinstance(found.policy, str)):
        return id(checked)
    tags = None if found.tags is None else tuple(sorted(found.tags.items()))
    place = (found.account or report.question.owner, found.region or report.question.region)
    verdict = checked.outcome.verdict
    said = (verdict.annotation, verdict.problem, len(verdict.grants), checked.recorded is None)
    return (found.kind, found.policy, place, tags, checked.result, said)


def _danger(row: Row, policy: PagePolicy) -> tuple[Any, ...]:
    found = row.checked.found
    marks = tuple(each not in policy.capabilities for each in Capability)
    return ORDER.index(row.checked.result), marks, row.name, found.account or "", found.region or "", found.file


# The compressed text.


def encoded(report: Report, page: PageRows) -> str:
    """Return the data of the page: a gzip file in base64."""
    lines = (json.dumps(_head(report, page), separators=(",", ":")), *(each.content for each in page.policies))
    compressed = gzip.compress("\n".join(lines).encode("ascii"), compresslevel=9, mtime=0)
    return base64.b64encode(compressed).decode("ascii")


def _head(report: Report, page: PageRows) -> dict[str, Any]:
    columns, tables = _columns(report, page)
    return {
        "command": report.command,
        "started": moment(report.started),
        "subject": access_test("test", report.question.test).subject,
        "columns": COLUMNS,
        "results": [each.value for each in ORDER],
        "capabilities": [each.value for each in Capability],
        "granted": [_mask(each.capabilities) for each in page.policies],
        "messages": [each.message for each in page.policies],
        "rows": columns,
        **tables,
        "more": {at: more for at, row in enumerate(page.rows) if (more := _more(row.checked, report))},
    }


def _columns(report: Report, page: PageRows) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
    """Return the columns, and the texts of those that have numbers in place of them."""
    founds = [row.checked.found for row in page.rows]
    columns: dict[str, list[Any]] = {
        "result": [ORDER.index(row.checked.result) for row in page.rows],
        "policy": [row.policy for row in page.rows],
        "repository": [printable(repository_name(each.repository) or "") for each in founds],
    }
    texts: dict[str, list[str]] = {
        "account": [account_of(each, report) for each in founds],
        "region": [region_of(each, report) for each in founds],
        "file": [printable(each.file) if each.kind.is_file else "" for each in founds],
        "kind": [each.kind.value for each in founds],
    }
    tables = {}
    for name, column in texts.items():
        numbers: dict[str, int] = {}
        columns[name] = [_number(numbers, text) for text in column]
        tables[f"{name}s"] = list(numbers)
    return columns, tables


def _mask(capabilities: Iterable[Capability]) -> int:
    """Return a bit for each capability, the lowest one for the most dangerous."""
    order = list(Capability)
    return sum(1 << order.index(each) for each in capabilities)


def _more(checked: CheckedPolicy, report: Report) -> dict[str, Any]:
    """Return what only this repository or policy has."""
    found, recorded = checked.found, checked.recorded
    of_file: dict[str, Any] = {}
    if found.kind.is_file:
        spans = [each.span for each in findings_of(checked, report.question)] or [found.span]
        of_file = {
            "address": printable(found.address),
            "cdk": found.cdk_path and printable(found.cdk_path),
            "places": [[each.line, each.column] for each in spans],
            "command": _command(checked, report),
        }
    elif found.file != f"{found.account}/{found.region}/{found.repository}":
        of_file = {"file": printable(found.file)}
    members = {
        **of_file,
        "excuse": None if checked.excuse is None else printable(checked.excuse),
        "notes": list(map(printable, checked.notes)),
        "warning": checked.is_warning,
        "recorded": recorded
        and {
            "rule": printable(recorded.rule),
            "compliance": recorded.compliance,
            "annotation": printable(recorded.annotation),
            "evaluated": moment(recorded.evaluated),
            "age": age(report.started - recorded.evaluated),
        },
    }
    return {name: value for name, value in members.items() if value}


def _command(checked: CheckedPolicy, report: Report) -> str | None:
    return advice_on(checked, report.question).command if checked.result is Result.PUBLIC else None
