"""The report as one self-contained page, for a browser with or without scripts.

The page makes no network request: https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP says what its policy allows.
"""

import base64
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple, TextIO

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ecr_exposure.cli.policy_report.advice import advice_on
from ecr_exposure.cli.policy_report.checked_policy import Report, Result
from ecr_exposure.cli.policy_report.located_finding import findings_of, moment
from ecr_exposure.cli.policy_report.page_data import (
    MOST_ROWS,
    ORDER,
    PageRows,
    Row,
    account_of,
    encoded,
    page_rows,
    region_of,
)
from ecr_exposure.cli.policy_report.page_policies import ACCOUNT, REGION, marked_lines, policy_text
from ecr_exposure.cli.policy_report.page_summary import (
    TITLES,
    by_capability,
    by_place,
    findings_of_scope,
    question_lines,
    totals,
)
from ecr_exposure.cli.policy_report.report_scope import FilesRead
from ecr_exposure.policy.json_values import printable

LARGEST: Final = 8_000_000
"""How many characters the page has at most with policies of 10,000 repositories."""
_MOST_STATIC: Final = 4_000_000
_LEAST_STATIC: Final = 400_000
_OF_HEAD: Final = 100_000
_OF_ROW: Final = 250
"""About how many characters a row has beside its message."""
_INTERRUPTED: Final = 130


def write_html(report: Report, stream: TextIO) -> None:
    """Write the page, in UTF-8."""
    folder = files("ecr_exposure.cli.policy_report") / "html_page"
    style, script, template = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "page.html.jinja")
    )
    page = page_rows(report)
    data = encoded(report, page)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    room = min(max(LARGEST - len(data) - _OF_HEAD, _LEAST_STATIC), _MOST_STATIC)
    members = {
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "data": data,
        **_head(report, page),
        **_static(report, page, room),
    }
    stream.write(f"{environment.from_string(template).render(members)}\n")


def _hash(text: str) -> str:
    """Return the source expression by which a content security policy allows an inline element."""
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


def _head(report: Report, page: PageRows) -> dict[str, Any]:
    is_files = isinstance(report.scope, FilesRead)
    return {
        "report": report,
        "headline": _headline(report),
        "started": moment(report.started),
        "started_text": moment(report.started).replace("T", " ").replace("Z", " UTC"),
        "scope": printable(report.scope.sentence(len(report.policies))),
        "source": None if isinstance(report.scope, FilesRead) else report.scope,
        "question": question_lines(report),
        "is_interrupted": report.exit_code == _INTERRUPTED,
        "errors": [printable(each.message) for each in report.errors],
        "notes": list(map(printable, report.notes)),
        "totals": totals(report),
        "by_place": by_place(report),
        "by_capability": by_capability(report),
        "titles": [TITLES[each] for each in findings_of_scope(report)],
        "is_files": is_files,
        "things": "policies" if is_files else "repositories",
        "left_out": page.left_out,
        "most_rows": MOST_ROWS,
    }


def _headline(report: Report) -> str:
    """Return the answer in one line; what is not known is never said to be not public."""
    one, many = ("policy", "policies") if isinstance(report.scope, FilesRead) else ("repository", "repositories")
    all_of = f"{len(report.policies):,} {one if len(report.policies) == 1 else many}"
    public = sum(1 for _ in report.with_result(Result.PUBLIC))
    perhaps = sum(1 for _ in report.with_result(Result.CANNOT_BE_EVALUATED, Result.UNKNOWN))
    if public:
        more = f", {perhaps:,} more may be" if perhaps else ""
        return f"{public:,} of {all_of} {'is' if public == 1 else 'are'} public{more}"
    if perhaps:
        return f"{perhaps:,} of {all_of} may be public"
    if not report.policies:
        return f"No {one} was {'read' if report.is_incomplete else 'found'}"
    return f"None of {all_of}{' that could be read' if report.is_incomplete else ''} is public"


# What is there without scripts.


class _StaticPolicy(NamedTuple):
    """A policy that the page shows without scripts; lines: each with whether a statement that matters has it."""

    number: int
    name: str
    message: str
    lines: tuple[tuple[str, bool], ...]
    changes: tuple[str, ...]

    @property
    def size(self) -> int:
        """About how many characters it has in the page."""
        # A line can have a mark around it, and escapes in it.
        return 300 + len(self.message) + sum(map(len, self.changes)) + sum(len(line) + 20 for line, _ in self.lines)


class _StaticRow(NamedTuple):
    """A row without scripts; policy: its number, None if the page leaves it out."""

    row: Row
    place: str
    account: str
    region: str
    message: str
    policy: int | None


def _static(report: Report, page: PageRows, room: int) -> dict[str, Any]:
    """Return rows that are public or may be, and their policies, within so many characters."""
    found = [row for row in page.rows if row.checked.result in ORDER[:3]]
    rows, used = [], 0
    for row in found:
        used += _OF_ROW + len(page.policy_of(row).message) + len(row.name)
        if used > room:
            break
        rows.append(row)
    firsts: dict[tuple[int | str | None, ...], Row] = {}
    for row in rows:
        if row.checked.found.policy is not None:
            firsts.setdefault(_key(row, page), row)
    policies: dict[tuple[int | str | None, ...], _StaticPolicy] = {}
    for key, row in firsts.items():
        policy = _static_policy(row, report, len(policies) + 1)
        used += policy.size
        if used > room:
            break
        policies[key] = policy
    numbers = {key: policy.number for key, policy in policies.items()}
    return {
        "static_rows": [_static_row(row, page, report, numbers.get(_key(row, page))) for row in rows],
        "static_policies": list(policies.values()),
        "rows_not_shown": len(found) - len(rows),
        "policies_not_shown": len(firsts) - len(policies),
    }


def _key(row: Row, page: PageRows) -> tuple[int | str | None, ...]:
    """Return what is the same for rows that have the same text of a policy, without marks."""
    content, found = page.policy_of(row).content, row.checked.found
    return row.policy, found.account if ACCOUNT in content else None, found.region if REGION in content else None


def _static_row(row: Row, page: PageRows, report: Report, policy: int | None) -> _StaticRow:
    found = row.checked.found
    return _StaticRow(
        row,
        printable(f"{found.file}:{found.span.line}" if found.kind.is_file else ""),
        account_of(found, report),
        region_of(found, report),
        page.policy_of(row).message,
        policy,
    )


def _static_policy(row: Row, report: Report, number: int) -> _StaticPolicy:
    checked = row.checked
    findings = findings_of(checked, report.question)
    text = policy_text(checked.found.policy)
    marked = {at for first, end in marked_lines(findings, text) for at in range(first, end)}
    return _StaticPolicy(
        number=number,
        name=row.name,
        message=" ".join(each.text for each in findings),
        lines=tuple((line, at in marked) for at, line in enumerate(text.lines)),
        changes=advice_on(checked, report.question).changes,
    )
