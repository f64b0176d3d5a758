"""The report as one JSON document, or as JSON Lines. docs/check.md describes the members.

The document has the keys of ``schema`` 1. Keys are only added as long as the schema stays 1.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TextIO

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.policy_report.advice import advice_on, example_for
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, RecordedEvaluation, Report, Result
from ecr_exposure.cli.policy_report.located_finding import Finding, findings_of, message_of, moment, repository_name
from ecr_exposure.policy.evaluator import Request

SCHEMA: Final = 1
_FINDINGS: Final = (Result.PUBLIC, Result.CANNOT_BE_EVALUATED, Result.UNKNOWN)
_INTERRUPTED: Final = 130


def write_json(report: Report, stream: TextIO) -> None:
    """Write one document, indented."""
    document = {
        **_head(report),
        **_end(report),
        "policies": [_policy(each, report) for each in report.policies],
        "errors": list(map(_error, report.errors)),
    }
    stream.write(f"{json.dumps(document, indent=2)}\n")


def write_json_lines(report: Report, stream: TextIO) -> None:
    """Write a document on each line: the run, each policy, each error, and the end; ``type`` says which."""
    for lines in (first_lines(report), policy_lines(report, report.policies), last_lines(report)):
        stream.writelines(lines)


def first_lines(report: Report) -> Iterator[str]:
    """Yield the line of the run, which needs no more of the report than what was asked."""
    yield _line("run", _head(report))


def policy_lines(report: Report, policies: Iterable[CheckedPolicy]) -> Iterator[str]:
    """Yield the lines of policies; report: says what was asked."""
    return (_line("policy", _policy(each, report)) for each in policies)


def last_lines(report: Report) -> Iterator[str]:
    """Yield the lines of the errors and of the end."""
    yield from (_line("error", _error(each)) for each in report.errors)
    yield _line("end", _end(report))


def _line(kind: str, members: Mapping[str, Any]) -> str:
    return f"{json.dumps({'type': kind, **members})}\n"


def _head(report: Report) -> dict[str, Any]:
    question = report.question
    return {
        "schema": SCHEMA,
        "command": report.command,
        "version": report.version,
        "started": moment(report.started),
        "question": {
            "test": question.test,
            "owner": question.owner,
            "region": question.region,
            "trusted_accounts": list(question.trusted_accounts),
            "trusted_organizations": list(question.trusted_organizations),
            "members": question.members,
        },
    }


def _end(report: Report) -> dict[str, Any]:
    numbers = Counter(each.result for each in report.policies)
    return {
        "result": _result(report),
        "exit_code": report.exit_code,
        **report.scope.members,
        "results": {each.value: numbers[each] for each in Result},
        "notes": list(report.notes),
    }


def _result(report: Report) -> str:
    """Return what the exit code says, also where --exit-zero changed it."""
    if report.exit_code == _INTERRUPTED:
        return "interrupted"
    if report.is_incomplete:
        return "incomplete"
    return "findings" if any(not each.is_warning for each in report.with_result(*_FINDINGS)) else "no findings"


def _error(error: NotReadError) -> dict[str, Any]:
    return {"file": error.place, "line": error.line, "message": error.message}


def _policy(checked: CheckedPolicy, report: Report) -> dict[str, Any]:
    found, verdict, question = checked.found, checked.outcome.verdict, report.question
    advice = advice_on(checked, question)
    return {
        "file": found.file,
        **_place(found.span),
        "kind": found.kind.value,
        "address": found.address,
        "cdk_path": found.cdk_path,
        "repository": repository_name(found.repository),
        "account": found.account or question.owner,
        "region": found.region or question.region,
        "result": checked.result.value,
        "is_warning": checked.is_warning,
        "message": message_of(checked, question),
        "findings": [_finding(each) for each in findings_of(checked, question)],
        "example_request": _request(example_for(checked, report)),
        "problem": verdict.problem,
        "unknown": list(checked.outcome.unknown),
        "advisories": [
            {"kind": each.kind.value, "statement": each.statement, "text": each.text} for each in verdict.advisories
        ],
        "excuse": checked.excuse,
        "notes": list(checked.notes),
        "recorded": _recorded(checked.recorded, report),
        "changes": list(advice.changes),
        "loses_access": list(advice.loses_access),
        "fix": advice.command,
    }


def _recorded(recorded: RecordedEvaluation | None, report: Report) -> dict[str, Any] | None:
    if recorded is None:
        return None
    return {
        "rule": recorded.rule,
        "compliance": recorded.compliance,
        "annotation": recorded.annotation,
        "evaluated": moment(recorded.evaluated),
        "age_seconds": max(0, int((report.started - recorded.evaluated).total_seconds())),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    grant = finding.grant
    return {
        "statement": finding.statement,
        "sid": finding.sid,
        **_place(finding.span),
        "message": finding.message,
        "capabilities": [each.value for each in grant.capabilities] if grant else [],
        "actions": list(grant.actions) if grant else [],
        "reason": grant.reason if grant else None,
    }


def _place(span: Span) -> dict[str, int]:
    return dict(span._asdict())


def _request(request: Request | None) -> dict[str, Any] | None:
    if request is None:
        return None
    return {
        "text": str(request),
        "principal": request.principal,
        "action": request.action,
        "context": dict(request.context),
    }
