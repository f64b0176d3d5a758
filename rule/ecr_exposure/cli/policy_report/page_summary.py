"""The head of the page: what was asked and read, the totals, and the charts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.found_policy import Kind
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.cli.policy_report.located_finding import findings_of
from ecr_exposure.cli.policy_report.page_data import ORDER
from ecr_exposure.cli.policy_report.report_scope import FilesRead
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.json_values import printable

FULL_BAR: Final = 100
_MOST_BARS: Final = 10
TITLES: Final = {
    Result.PUBLIC: "Public",
    Result.CANNOT_BE_EVALUATED: "Cannot be evaluated",
    Result.UNKNOWN: "Unknown",
    Result.PUBLIC_ON_PURPOSE: "Public on purpose",
    Result.CLOSED: "Not public",
}
MEANINGS: Final = {
    Result.PUBLIC: "The policy grants public access.",
    Result.CANNOT_BE_EVALUATED: "Invalid, too complex, or without an evaluation: it may be public.",
    Result.UNKNOWN: "It depends on a value that the file does not say.",
    Result.PUBLIC_ON_PURPOSE: "An exception excuses pull and discover.",
    Result.CLOSED: "The policy grants no public access.",
}
_TESTS: Final = {
    "unconditional": "a policy is public if a statement allows everyone access without a Condition.",
    "reachable": "a policy is public if anyone in any AWS account can get access, Conditions and Deny statements "
    "considered.",
    "external": "a policy is public if anyone outside the zone of trust can get access, Conditions and Deny statements "
    "considered.",
}
_CAPABILITIES: Final = {
    Capability.ADMINISTER: "change the repository policy",
    Capability.DELETE: "delete images or the repository",
    Capability.PUSH: "push images",
    Capability.PULL: "pull images",
    Capability.CONFIGURE: "change settings, such as tags and scans",
    Capability.DISCOVER: "list and describe images",
}


class Total(NamedTuple):
    """How many policies have a result."""

    result: Result
    title: str
    meaning: str
    number: int

    @property
    def name(self) -> str:
        """The name of its class."""
        return self.result.value.replace(" ", "-")


class Segment(NamedTuple):
    """A part of a bar, from its left end; all in hundredths of the full width."""

    name: str
    left: float
    width: float


class Bar(NamedTuple):
    """A bar of a chart, with its numbers in words."""

    label: str
    numbers: tuple[int, ...]
    total: int
    segments: tuple[Segment, ...]
    note: str = ""


class Chart(NamedTuple):
    """Bars, the longest first; left_out: how many have none for want of room."""

    what: str
    bars: tuple[Bar, ...]
    left_out: int = 0


def totals(report: Report) -> tuple[Total, ...]:
    """Return the numbers by result; unknown values only exist in files."""
    counts = Counter(each.result for each in report.policies)
    return tuple(
        Total(each, TITLES[each], MEANINGS[each], counts[each])
        for each in ORDER
        if counts[each] or each is not Result.UNKNOWN or isinstance(report.scope, FilesRead)
    )


def question_lines(report: Report) -> tuple[str, ...]:
    """Return how the policies were evaluated, in sentences."""
    question = report.question
    lines = []
    has_evaluations = any(_is_recorded(each) for each in report.policies)
    if has_evaluations:
        lines.append("The rule's own evaluations in AWS Config, by the rule's parameters.")
    if not has_evaluations or any(each.found.kind is not Kind.EVALUATION for each in report.policies):
        lines.append(f"Test {question.test}: {_TESTS[question.test]}")
        lines.extend(_zone_of_trust(question))
    return tuple(lines)


def _is_recorded(checked: CheckedPolicy) -> bool:
    return checked.recorded is not None or checked.found.kind is Kind.EVALUATION


def _zone_of_trust(question: Question) -> Iterator[str]:
    trusted = []
    if question.trusted_accounts:
        trusted.append(f"accounts {', '.join(question.trusted_accounts)}")
    if question.trusted_organizations:
        trusted.append(f"organizations {', '.join(question.trusted_organizations)}")
    if question.members:
        trusted.append(f"{question.members:,} member accounts")
    if trusted:
        yield f"Zone of trust: {'; '.join(trusted)}."


def findings_of_scope(report: Report) -> tuple[Result, ...]:
    """Return the results that a chart shows, the most dangerous first: all but not public."""
    return tuple(each.result for each in totals(report) if each.result is not Result.CLOSED)


def by_place(report: Report) -> Chart:
    """Return the accounts, or the files, with most findings, stacked by result."""
    is_files, stacked = isinstance(report.scope, FilesRead), findings_of_scope(report)

    def place(checked: CheckedPolicy) -> str:
        found = checked.found
        return printable(found.file) if is_files else found.account or report.question.owner or "not known"

    all_of = Counter(map(place, report.policies))
    counts = Counter((place(each), each.result) for each in report.policies)
    found = {name for name, result in counts if result in stacked}
    order = sorted(found, key=lambda name: (*(-counts[name, each] for each in stacked), name))
    longest = max((sum(counts[name, each] for each in stacked) for name in order[:_MOST_BARS]), default=0)
    bars = [
        _bar(name, {each: counts[name, each] for each in stacked}, all_of[name], longest) for name in order[:_MOST_BARS]
    ]
    return Chart("File" if is_files else "Account", tuple(bars), max(len(order) - _MOST_BARS, 0))


def _bar(label: str, numbers: dict[Result, int], total: int, longest: int) -> Bar:
    segments, left = [], 0.0
    for result, number in numbers.items():
        width = round(FULL_BAR * number / longest, 2)
        if number:
            segments.append(Segment(result.value.replace(" ", "-"), round(left, 2), width))
        left += width
    return Bar(label, tuple(numbers.values()), total, tuple(segments))


def by_capability(report: Report) -> Chart | None:
    """Return how many policies give each capability; None if no policy that was read is public."""
    public, excused = Counter[Capability](), Counter[Capability]()
    for checked in report.with_result(Result.PUBLIC, Result.PUBLIC_ON_PURPOSE):
        counter = public if checked.result is Result.PUBLIC else excused
        counter.update(_capabilities(checked, report.question))
    longest = max((public[each] + excused[each] for each in Capability), default=0)
    if not longest:
        return None
    bars = []
    for each in Capability:
        numbers = {Result.PUBLIC: public[each], Result.PUBLIC_ON_PURPOSE: excused[each]}
        bars.append(_bar(each.value, numbers, sum(numbers.values()), longest)._replace(note=_CAPABILITIES[each]))
    return Chart("Capability", tuple(bars))


def _capabilities(checked: CheckedPolicy, question: Question) -> Iterable[Capability]:
    return {each for found in findings_of(checked, question) if found.grant for each in found.grant.capabilities}
