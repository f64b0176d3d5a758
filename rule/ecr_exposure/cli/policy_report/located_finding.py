"""The findings of a policy: what each says, and where it is. All formats show these."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from ecr_exposure import annotation
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Span, StatementSpan
from ecr_exposure.cli.found_policies.unknown_values import parts_of
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.findings.access_tests import AccessTest, access_test
from ecr_exposure.findings.grants import Grant
from ecr_exposure.findings.sentences import enumerated
from ecr_exposure.policy.json_values import printable

_MOST_REFERENCES: Final = 5
_PLACE: Final = re.compile(r"Statement(?:\[([0-9]+)\])?")


class Finding(NamedTuple):
    """One finding: a grant of a policy, or that the policy cannot be evaluated.

    statement: the index of the statement, None if it is not about one. sid: printable. grant: None if there is no
    grant. span: what to change: the Principal of the statement, where it is known. whole: the statement, if it is known
    and not the span. text: one printable sentence or two, without what excuses it.
    """

    checked: CheckedPolicy
    statement: int | None
    sid: str | None
    grant: Grant | None
    span: Span
    whole: Span | None
    text: str

    @property
    def message(self) -> str:
        """The sentence, and first what excuses it."""
        return f"{_start(self.checked)}{self.text}"

    @property
    def where(self) -> str:
        """The place as editors and terminals link it, in printable characters."""
        return place_of(self.checked.found, self.span)


def place_of(found: FoundPolicy, span: Span) -> str:
    """Return a place of a policy as editors and terminals link it, in printable characters."""
    place = f":{span.line}:{span.column}" if found.kind.is_file else ""
    return printable(f"{found.file}{place}")


def findings_in(report: Report, *results: Result) -> Iterator[Finding]:
    """Yield the findings of the policies with one of these results."""
    return (finding for each in report.with_result(*results) for finding in findings_of(each, report.question))


def findings_of(checked: CheckedPolicy, question: Question) -> tuple[Finding, ...]:
    """Return the findings of a policy, most dangerous first; one for each grant, none if it is not public."""
    test = access_test("test", question.test)
    grants = checked.outcome.verdict.grants
    match checked.result:
        case Result.CLOSED:
            return ()
        case Result.PUBLIC | Result.PUBLIC_ON_PURPOSE if grants:
            return tuple(_about_grant(checked, grant, test) for grant in grants)
        case _:
            return (_about_policy(checked, _text_of(checked, test)),)


def message_of(checked: CheckedPolicy, question: Question) -> str:
    """Return what is said of the whole policy, in printable characters."""
    return f"{_start(checked)}{_text_of(checked, access_test('test', question.test))}"


def _text_of(checked: CheckedPolicy, test: AccessTest) -> str:
    if checked.result is not Result.UNKNOWN:
        return checked.outcome.verdict.annotation
    references = enumerated(list(map(printable, checked.outcome.unknown)), _MOST_REFERENCES)
    has = "has" if test.to_be == "is" else "have"
    subject = f"{test.subject[0].lower()}{test.subject[1:]}"
    return f"Whether {subject} {has} access depends on {references}, whose value the file does not say."


def _start(checked: CheckedPolicy) -> str:
    return "" if checked.excuse is None else annotation.public_on_purpose(printable(checked.excuse))


def _about_grant(checked: CheckedPolicy, grant: Grant, test: AccessTest) -> Finding:
    span, whole = _place(checked, grant.statement)
    return Finding(checked, grant.statement, grant.sid, grant, span, whole, annotation.about_grants((grant,), test))


def _about_policy(checked: CheckedPolicy, text: str) -> Finding:
    """Return what is said of a policy without a certain grant; its place is the statement that matters most."""
    verdict = checked.outcome.verdict
    grant = verdict.grants[0] if verdict.grants else None
    place = _PLACE.search(verdict.problem or "")
    index = grant.statement if grant else int(place[1] or 0) if place else None
    span, whole = _place(checked, index)
    return Finding(checked, index, grant.sid if grant else None, None, span, whole, text)


def _place(checked: CheckedPolicy, statement: int | None) -> tuple[Span, Span | None]:
    found = checked.found
    known: StatementSpan | None = None if statement is None else found.statements.get(statement)
    if known is None:
        return found.span, None
    return (known.principal, known.statement) if known.principal else (known.statement, None)


def repository_name(repository: Any) -> str | None:  # noqa: ANN401 - a text with unknown parts, as FoundPolicy has it
    """Return the name of the repository, with the reference in place of each part that is not known."""
    if repository is None:
        return None
    return "".join(part if isinstance(part, str) else f"${{{part.reference}}}" for part in parts_of(repository))


def moment(time: datetime) -> str:
    """Return a moment as ISO 8601 writes it, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(passed: timedelta) -> str:
    """Return how long ago something was, in the largest unit of which there is at least one."""
    seconds = max(int(passed.total_seconds()), 0)
    units: Sequence[tuple[str, int]] = (("day", 86_400), ("hour", 3_600), ("minute", 60))
    for unit, length in units:
        if number := seconds // length:
            return f"{number:,} {unit}{'' if number == 1 else 's'} ago"
    return "less than a minute ago"
