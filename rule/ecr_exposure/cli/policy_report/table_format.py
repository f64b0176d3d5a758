"""The report for people: each finding with its place, what is public, who, why, and what to do."""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

import click

from ecr_exposure.cli.policy_report.advice import advice_on, example_for
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.located_finding import age, findings_of, moment, place_of
from ecr_exposure.cli.policy_report.not_read import not_read_lines
from ecr_exposure.policy.json_values import printable

_FINDINGS: Final = (Result.PUBLIC, Result.CANNOT_BE_EVALUATED, Result.UNKNOWN)
_TITLES: Final = {
    Result.PUBLIC: "PUBLIC",
    Result.CANNOT_BE_EVALUATED: "CANNOT BE EVALUATED",
    Result.UNKNOWN: "UNKNOWN",
    Result.PUBLIC_ON_PURPOSE: "PUBLIC ON PURPOSE",
}
_COLORS: Final = {
    Result.PUBLIC: "red",
    Result.CANNOT_BE_EVALUATED: "red",
    Result.UNKNOWN: "yellow",
    Result.PUBLIC_ON_PURPOSE: "cyan",
}
_SAID_BY_TITLE: Final = "Cannot be evaluated: "
_INDENT: Final = " " * 2
_ALL_DENIED: Final = "none: a Deny statement denies each request of everyone, and --test reachable finds no access"


class _Line(NamedTuple):
    """A line; title: what is highlighted in front of the text, with its color."""

    text: str
    title: str = ""
    color: str | None = None
    indent: str = _INDENT


def write_table(report: Report, stream: TextIO) -> None:
    """Write the findings; colors on a terminal only, and without them where NO_COLOR is set."""
    color = False if report.no_color or os.environ.get("NO_COLOR") else None  # None: if the stream is a terminal
    for line in _lines(report):
        title = click.style(line.title, fg=line.color, bold=True) if line.title else ""
        click.echo(f"{line.indent}{title}{line.text}".rstrip(), file=stream, color=color)


def _lines(report: Report) -> Iterator[_Line]:
    shown = (*_FINDINGS, Result.PUBLIC_ON_PURPOSE) if report.show_excused else _FINDINGS
    for checked in report.with_result(*shown):
        yield from _about(checked, report)
        yield _Line("")
    for checked in report.with_result(Result.CLOSED):
        for note in checked.notes:
            where = place_of(checked.found, checked.found.span)
            yield _Line(f"{where}{_name(checked)}: {printable(note)}", "Note: ", "yellow", indent="")
    for line in not_read_lines(report):
        yield _Line(line, "Not read: ", "red", indent="")
    for note in report.notes:
        yield _Line(printable(note), "Note: ", "yellow", indent="")


def _about(checked: CheckedPolicy, report: Report) -> Iterator[_Line]:
    question = report.question
    findings = findings_of(checked, question)
    yield _Line(_name(checked), findings[0].where, indent="")
    title = f"{_TITLES[checked.result]}{' (warning)' if checked.is_warning else ''}"
    excuse = f"{printable(checked.excuse)}. " if checked.excuse is not None else ""
    for at, finding in enumerate(findings):
        line = f"line {finding.span.line}: " if checked.found.kind.is_file else ""
        start = line if at else excuse
        text = finding.text.removeprefix(_SAID_BY_TITLE)
        yield _Line(f"{start}{text}", f"{title}: ", _COLORS[checked.result])
    yield from _example(checked, report)
    yield from (_Line(each.text, "Note: ") for each in checked.outcome.verdict.advisories)
    yield from (_Line(printable(each), "Note: ", "yellow") for each in checked.notes)
    if recorded := checked.recorded:
        when = f"{moment(recorded.evaluated)}, {age(report.started - recorded.evaluated)},"
        yield _Line(f"{when} by the rule {recorded.rule} as {recorded.compliance}", "Evaluated: ")
    advice = advice_on(checked, question)
    yield from _listed("What to do: ", advice.changes)
    yield from _listed("Who loses access: ", advice.loses_access)
    if advice.command:
        yield _Line(advice.command, "Command: ")


def _name(checked: CheckedPolicy) -> str:
    names = (checked.found.address, checked.found.cdk_path and f"({checked.found.cdk_path})")
    return printable("".join(f" {each}" for each in names if each))


def _example(checked: CheckedPolicy, report: Report) -> Iterator[_Line]:
    if checked.result not in (Result.PUBLIC, Result.PUBLIC_ON_PURPOSE) or not checked.outcome.verdict.grants:
        return  # an evaluation in AWS Config is known without the policy
    request = example_for(checked, report)
    yield _Line(str(request) if request else _ALL_DENIED, "Example request: ")


def _listed(title: str, texts: tuple[str, ...]) -> Iterator[_Line]:
    for at, text in enumerate(texts):
        yield _Line(text, title) if not at else _Line(f"{' ' * len(title)}{text}")
