"""The report as JUnit XML: a test case for each policy, also for one that is not public, as CI systems count them.

https://github.com/testmoapp/junitxml describes the elements that they read.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC
from html import escape
from itertools import count
from typing import Final, NamedTuple, TextIO, assert_never

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.policy_report.advice import advice_on
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.located_finding import findings_of, message_of

# https://www.w3.org/TR/xml/#charsets
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# https://www.w3.org/TR/xml/#AVNormalize
_BLANK: Final = re.compile("[\t\n\r]")
_WHOLE_FILE: Final = "the policy"
_NOT_READ: Final = "cannot be read"


class _Case(NamedTuple):
    """A test case; outcome: the element inside it, "" if it passed, with its message and its text."""

    file: str
    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def write_junit(report: Report, stream: TextIO) -> None:
    """Write one document with one test suite."""
    cases = list(_unique(_cases(report)))
    numbers = Counter(each.outcome for each in cases)
    counts = {
        "tests": len(cases),
        "failures": numbers["failure"],
        "errors": numbers["error"],
        "skipped": numbers["skipped"],
    }
    started = report.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    suite = f"ecr-exposure {report.command}"
    stream.write(f"{_start('testsuites', {'name': suite, **counts})}\n")
    stream.write(f"  {_start('testsuite', {'name': suite, 'timestamp': started, **counts})}\n")
    stream.writelines(_written(case) for case in cases)
    stream.write("  </testsuite>\n</testsuites>\n")


def _cases(report: Report) -> Iterator[_Case]:
    for checked in report.policies:
        yield _of_policy(checked, report)
    yield from map(_of_error, report.errors)


def _of_policy(checked: CheckedPolicy, report: Report) -> _Case:
    found = checked.found
    case = _Case(found.file, found.address or _WHOLE_FILE)
    outcome = _outcome(checked)
    if not outcome:
        return case
    findings = findings_of(checked, report.question)
    lines = [f"{each.where}: {each.text}" for each in findings]
    lines += [*checked.notes, *advice_on(checked, report.question).changes]
    message = message_of(checked, report.question)
    return case._replace(outcome=outcome, kind=checked.result.value, message=message, text="\n".join(lines))


def _outcome(checked: CheckedPolicy) -> str:
    match checked.result:
        case Result.CLOSED:
            return ""
        case Result.PUBLIC | Result.CANNOT_BE_EVALUATED:
            return "failure"
        case Result.UNKNOWN:
            # A CI system fails for an error, and the command does not for a warning.
            return "skipped" if checked.is_warning else "error"
        case Result.PUBLIC_ON_PURPOSE:
            return "skipped"
        case _:
            assert_never(checked.result)


def _of_error(error: NotReadError) -> _Case:
    return _Case(error.place, _NOT_READ, "error", _NOT_READ, error.message, error.message)


def _unique(cases: Iterator[_Case]) -> Iterator[_Case]:
    """Add a number to cases that are written with the same file and name: CI systems keep only one of them."""
    seen: set[tuple[str, str]] = set()
    numbers: defaultdict[tuple[str, str], Iterator[int]] = defaultdict(lambda: count(2))
    for case in cases:
        file, name = _escaped(case.file), case.name
        while (file, _escaped(name)) in seen:
            name = f"{case.name} ({next(numbers[file, case.name])})"
        seen.add((file, _escaped(name)))
        yield case._replace(name=name)


def _written(case: _Case) -> str:
    attributes = {"classname": case.file, "name": case.name, "file": case.file, "time": "0"}
    if not case.outcome:
        return f"    {_start('testcase', attributes, end='/')}\n"
    # <skipped> has a message only: https://github.com/testmoapp/junitxml
    kind = {} if case.outcome == "skipped" else {"type": case.kind}
    inside = f"{_start(case.outcome, {'message': case.message, **kind})}{_escaped(case.text)}</{case.outcome}>"
    return f"    {_start('testcase', attributes)}\n      {inside}\n    </testcase>\n"


def _start(element: str, attributes: Mapping[str, object], *, end: str = "") -> str:
    written = "".join(f' {name}="{_attribute(str(value))}"' for name, value in attributes.items())
    return f"<{element}{written}{end}>"


def _escaped(text: str) -> str:
    """Return the text for an element, without the characters that XML forbids, even as references."""
    # The standard library's module for XML imports urllib.request, which takes longer than the whole report.
    return escape(_FORBIDDEN.sub("", text))


def _attribute(text: str) -> str:
    """Return the text for an attribute, in which a parser reads any other blank as a space."""
    return _BLANK.sub(lambda found: f"&#{ord(found[0])};", _escaped(text))
