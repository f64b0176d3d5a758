"""The report as SARIF 2.1.0, in the form that GitHub code scanning demands.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import quote

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.policy_report.advice import advice_on
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.located_finding import Finding, findings_in, moment
from ecr_exposure.policy.json_values import printable

MOST_SHOWN: Final = 5_000
_MOST_ACCEPTED: Final = 25_000
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ECR_PAGE: Final = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html"
_GRAMMAR_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"


def _rule(name: str, level: str, page: str, short: str, full: str, **properties: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": full},
        "helpUri": page,
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["security", "aws", "ecr"], "precision": "very-high", **properties},
    }


# GitHub calls a score over 9.0 critical.
_RULES: Final = (
    _rule(
        "public",
        "error",
        _ECR_PAGE,
        "A repository policy grants public access.",
        "The policy of an Amazon ECR private repository grants access to every principal of every AWS account, or by "
        "the test external to principals outside the zone of trust. Limit the statement to the accounts or the "
        "organization that need it.",
        **{"security-severity": "9.5"},
    ),
    _rule(
        "cannot-be-evaluated",
        "warning",
        _GRAMMAR_PAGE,
        "A repository policy cannot be evaluated.",
        "The policy of an Amazon ECR private repository is invalid, or it depends on a value that the file does not "
        "say. It may grant public access.",
    ),
    _rule(
        "public-on-purpose",
        "note",
        _ECR_PAGE,
        "A repository is public on purpose.",
        "The policy of an Amazon ECR private repository grants access to everyone, and an exception with a reason "
        "excuses that callers can pull and discover.",
    ),
)
_RULE_OF: Final = {
    Result.PUBLIC: 0,
    Result.CANNOT_BE_EVALUATED: 1,
    Result.UNKNOWN: 1,
    Result.PUBLIC_ON_PURPOSE: 2,
}


def write_sarif(report: Report, stream: TextIO) -> None:
    """Write one run. Columns count characters, as Span does."""
    run = {
        "tool": {"driver": {"name": "ecr-exposure", "semanticVersion": report.version, "rules": _RULES}},
        # GitHub's category is everything up to the last slash.
        "automationDetails": {"id": _category(report)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": _results(report),
    }
    stream.write(f"{json.dumps({'$schema': _SCHEMA, 'version': '2.1.0', 'runs': [run]}, indent=2)}\n")


def _category(report: Report) -> str:
    """Return what keeps the results of several commands and tests apart."""
    if report.category:
        return f"{report.category.rstrip('/')}/"
    names = ("ecr-exposure", *(() if report.command == "check" else (report.command,)), report.question.test)
    return f"{'/'.join(names)}/"


def too_many(report: Report) -> str | None:
    """Return what is to be said of a run with more results than GitHub shows; None if there are not so many."""
    number = sum(1 for _ in _shown(report))
    if number <= MOST_SHOWN:
        return None
    limits = f"GitHub code scanning shows {MOST_SHOWN:,} and rejects a run with more than {_MOST_ACCEPTED:,}"
    return f"{number:,} results: {limits}"


def _shown(report: Report) -> Iterator[Finding]:
    """Yield the findings that are results."""
    excused = (Result.PUBLIC_ON_PURPOSE,) if report.show_excused else ()
    return findings_in(report, Result.PUBLIC, Result.CANNOT_BE_EVALUATED, Result.UNKNOWN, *excused)


def _invocation(report: Report) -> dict[str, Any]:
    notifications = [_notification("error", each.message, each, report.root) for each in report.errors]
    notifications += [_notification("note", each) for each in report.notes]
    if (limit := too_many(report)) is not None:
        notifications.append(_notification("warning", limit))
    return {
        "executionSuccessful": not report.is_incomplete,
        "exitCode": report.exit_code,
        "startTimeUtc": moment(report.started),
        "toolExecutionNotifications": notifications,
    }


def _notification(level: str, text: str, error: NotReadError | None = None, root: Path | None = None) -> dict[str, Any]:
    notification: dict[str, Any] = {"level": level, "message": {"text": _plain(text)}}
    if error is not None:
        line = Span(error.line, 1, error.line, 1) if error.line else None
        notification["locations"] = [_location(error.place, line, root)]
    return notification


def _results(report: Report) -> list[dict[str, Any]]:
    seen: Counter[tuple[str, str]] = Counter()
    return [_result(finding, report, seen) for finding in _shown(report)]


def _result(finding: Finding, report: Report, seen: Counter[tuple[str, str]]) -> dict[str, Any]:
    found, rule = finding.checked.found, _RULE_OF[finding.checked.result]
    primary = _location(found.file, finding.span, report.root)
    if found.address:
        primary["logicalLocations"] = [{"fullyQualifiedName": found.address, "kind": "resource"}]
    result: dict[str, Any] = {
        "ruleId": _RULES[rule]["id"],
        "ruleIndex": rule,
        "level": _RULES[rule]["defaultConfiguration"]["level"],
        "message": {"text": _message(finding, report)},
        "locations": [primary],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, seen)},
    }
    if finding.whole is not None:
        whole = _location(found.file, finding.whole, report.root)
        result["relatedLocations"] = [{"id": 1, **whole, "message": {"text": "The whole statement"}}]
    if finding.checked.excuse is not None:
        result["suppressions"] = [_suppression(finding.checked, finding.checked.excuse)]
    return result


def _message(finding: Finding, report: Report) -> str:
    changes = advice_on(finding.checked, report.question).changes
    sentences = (finding.message, f"What to do: {'; '.join(changes)}" if changes else "")
    text = " ".join(each if each.endswith(".") else f"{each}." for each in sentences if each)
    return f"{_plain(text)} [The whole statement](1)." if finding.whole else _plain(text)


def _plain(text: str) -> str:
    """Return printable text in which no viewer finds a link of the file's author."""
    # An embedded link is [text](target): section 3.11.6 of the specification.
    return printable(text).replace("](", "] (")


def _suppression(checked: CheckedPolicy, excuse: str) -> dict[str, str]:
    suppression = checked.found.suppression
    is_inside = suppression is not None and suppression.file == checked.found.file
    return {"kind": "inSource" if is_inside else "external", "justification": printable(excuse)}


def _fingerprint(finding: Finding, seen: Counter[tuple[str, str]]) -> str:
    """Return what stays the same when lines move: GitHub's own hash has only the line, which findings can share."""
    found, grant = finding.checked.found, finding.grant
    statement = finding.sid or str(finding.statement)
    parts = (found.address or found.file, statement, grant.reason if grant else finding.text)
    digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    seen[found.file, digest] += 1
    return f"{digest}:{seen[found.file, digest]}"


def _location(file: str, span: Span | None, root: Path | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file, root)}}
    if span is not None:
        physical["region"] = {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }
    return {"physicalLocation": physical}


def _uri(file: str, root: Path | None) -> str:
    """Return the path of the real file from the root, as a relative reference: a colon is no scheme's.

    Without a root, it is the name of a repository in AWS: ACCOUNT/REGION/NAME.
    """
    if root is None:
        return quote(file, safe="/")
    path = os.path.relpath(os.path.realpath(file), os.path.realpath(root))
    return quote(os.fsencode(Path(path).as_posix()), safe="/")
