"""What the page shows of one policy: its text with the statements that matter, why, an example, and what to do.

Repositories share such a content where it is the same. So it has marks in place of the repository's name, account and
Region, which the page's script fills in; each is a character that JSON in ASCII never has.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy
from ecr_exposure.cli.found_policies.unknown_values import (
    Alternatives,
    Joined,
    Unknown,
    Unreadable,
    Value,
    references_in,
)
from ecr_exposure.cli.policy_report.advice import advice_on, closing, command_for, example_for
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.located_finding import Finding, findings_of, repository_name
from ecr_exposure.cli.remediation.how_to_apply import how_to_apply
from ecr_exposure.errors import ParameterError, PolicyError
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.json_values import printable, read_json
from ecr_exposure.remedy import Remedy

NAME, ACCOUNT, REGION, TERRAFORM_NAME, CLOUDFORMATION_NAME = "\x01\x02\x03\x04\x05"
"""The marks."""
_Step = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
_MEANS: Final = ("cli", "terraform", "cloudformation")
_CONTEXT_LINES: Final = 3
_STANDS_FOR_NAME: Final = "name-of-the-repository"


class PolicyText(NamedTuple):
    """The lines of a policy, and of each statement by index the first one and the one behind the last, from 0."""

    lines: tuple[str, ...] = ()
    statements: Mapping[int, tuple[int, int]] = {}


class PagePolicy(NamedTuple):
    """A policy as the page shows it; content: JSON in ASCII with marks, without what is only of one repository.

    capabilities: what the grants allow, most dangerous first. message: one or two printable sentences.
    """

    capabilities: tuple[Capability, ...]
    message: str
    content: str


def page_policy(checked: CheckedPolicy, report: Report) -> PagePolicy:
    """Return what the page shows of a policy, whatever the name of its repository is."""
    findings = findings_of(checked, report.question)
    advice = advice_on(checked, report.question)
    text = policy_text(checked.found.policy)
    example = example_for(checked, report)
    granted = {each for finding in findings if finding.grant for each in finding.grant.capabilities}
    content = {
        "policy": text.lines,
        "marked": marked_lines(findings, text),
        "findings": list(map(_finding, findings)),
        "example": str(example) if example else None,
        "advisories": [printable(each.text) for each in checked.outcome.verdict.advisories],
        "changes": advice.changes,
        "loses": advice.loses_access,
        "command": None if checked.found.kind.is_file or not advice.command else _command(checked.found, report),
        **_remedy_members(checked, report, text),
    }
    return PagePolicy(
        capabilities=tuple(each for each in Capability if each in granted),
        message=printable(findings[0].text if checked.result is Result.UNKNOWN else checked.outcome.verdict.annotation),
        content=_with_marks(json.dumps(content, separators=(",", ":")), checked.found),
    )


def _with_marks(content: str, found: FoundPolicy) -> str:
    for value, mark in ((found.account, ACCOUNT), (found.region, REGION)):
        if value and json.dumps(value) == f'"{value}"':
            content = content.replace(value, mark)
    return content


def _finding(finding: Finding) -> dict[str, Any]:
    grant = finding.grant
    return {
        "statement": finding.statement,
        "sid": finding.sid,
        "text": finding.text,
        "reason": grant.reason if grant else None,
        "capabilities": [each.value for each in grant.capabilities] if grant else [],
        "actions": list(grant.actions) if grant else [],
    }


# The text of the policy.


def policy_text(policy: Value) -> PolicyText:
    """Return the lines of a policy as the page shows it, none if there is none; JSON is indented by two blanks.

    A text that is no JSON, or in which a key is duplicate, is shown as it is. What a file does not say stands in
    ``${…}``.
    """
    if policy is None or isinstance(policy, Unreadable):
        return PolicyText()
    if isinstance(policy, str):
        try:
            content = read_json(policy)
            return PolicyText(_lines(content, default=None), _statements(content))
        except (PolicyError, TypeError, RecursionError):
            return PolicyText(tuple(printable(line) for line in policy.expandtabs(4).split("\n")))
    return PolicyText(_lines(policy, default=_written), _statements(policy))


def _lines(content: Value, default: Any) -> tuple[str, ...]:  # noqa: ANN401 - a function or None, as json takes it
    return tuple(json.dumps(content, indent=2, default=default).split("\n"))


def _written(value: object) -> object:
    """Return a JSON value for what is none."""
    if isinstance(value, (Unknown, Joined)):
        return repository_name(value)
    if isinstance(value, Alternatives):
        return list(value.policies)
    return dict(value) if isinstance(value, Mapping) else str(value)


def _statements(content: Value) -> dict[int, tuple[int, int]]:
    """Return where the statements are in the indented text, in which every value has as many lines as alone."""
    if not isinstance(content, Mapping):
        return {}
    at = 1
    for key, value in content.items():
        if key == "Statement":
            return _places(value, at)
        at += _height(value)
    return {}


def _places(statements: Value, at: int) -> dict[int, tuple[int, int]]:
    if not isinstance(statements, (list, tuple)):
        return {0: (at, at + _height(statements))}
    found = {}
    at += 1
    for index, each in enumerate(statements):
        end = at + _height(each)
        found[index] = (at, end)
        at = end
    return found


def _height(value: Value) -> int:
    """Return how many lines `_lines` returns for a value."""
    match value:
        case Unknown() | Joined() | str():
            return 1
        case Alternatives():
            parts: Iterable[Value] = value.policies
        case Mapping():
            parts = value.values()
        case list() | tuple():
            parts = value
        case _:
            return 1
    heights = [_height(each) for each in parts]
    return sum(heights, start=2) if heights else 1


def marked_lines(findings: Sequence[Finding], text: PolicyText) -> list[tuple[int, int]]:
    """Return the lines of the statements that the findings are about, in their order."""
    indices = {each.statement for each in findings}
    return sorted(place for index, place in text.statements.items() if index in indices)


# The remedy.


def _remedy_members(checked: CheckedPolicy, report: Report, text: PolicyText) -> dict[str, Any]:
    """Return the difference and how to apply it; nothing for a policy that nothing closes, or with unknown values."""
    found = checked.found
    is_public = checked.result is Result.PUBLIC and checked.outcome.verdict.grants and text.statements
    if not is_public or next(references_in(found.policy), None):
        return {}
    try:
        remedy = closing(checked, report.question)
    except ParameterError:
        return {}
    if not remedy.changes:
        return {}
    return {"difference": _difference(text.lines, remedy), **_texts_to_apply(checked, report, remedy)}


def _command(found: FoundPolicy, report: Report) -> str | None:
    """Return the command that closes a repository, with the mark of its name."""
    command = command_for(replace(found, repository=_STANDS_FOR_NAME), report.question)
    return command and command.replace(_STANDS_FOR_NAME, NAME)


def _difference(before: Sequence[str], remedy: Remedy) -> list[list[list[Any]]]:
    """Return groups of lines: "=" and "-" with the first line before and the one behind the last, "+" with lines."""
    after = () if remedy.policy is None else _lines(remedy.policy, _written)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    _move_to_whole_blocks(matcher.get_opcodes(), before)
    groups = []
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        shown: list[list[Any]] = []
        for tag, first, end, first_after, end_after in group:
            if tag == "equal":
                shown.append(["=", first, end])
                continue
            if end > first:
                shown.append(["-", first, end])
            if end_after > first_after:
                shown.append(["+", after[first_after:end_after]])
        groups.append(shown)
    return groups


def _move_to_whole_blocks(steps: list[_Step], before: Sequence[str]) -> None:
    """Change the steps of difflib so that removed lines begin with that of an element, not with the end of another.

    The lines of policies are often equal, such as brackets: then the same lines are left if others are removed.
    """
    for at in range(1, len(steps) - 1):
        start, removed, rest = steps[at - 1 : at + 2]
        if (start[0], removed[0], rest[0]) != ("equal", "delete", "equal"):
            continue
        _, first, end, after, _ = removed
        most_up, most_down = first - start[1], rest[2] - end
        up = next((by for by in range(most_up) if before[first - 1 - by] != before[end - 1 - by]), most_up)
        down = next((by for by in range(most_down) if before[first + by] != before[end + by]), most_down)
        by = min(range(-up, down + 1), key=lambda by: (*_rank(before[first + by]), abs(by)))
        steps[at - 1] = ("equal", start[1], first + by, start[3], after + by)
        steps[at] = ("delete", first + by, end + by, after + by, after + by)
        steps[at + 1] = ("equal", end + by, rest[2], after + by, rest[4])


def _rank(line: str) -> tuple[bool, int]:
    """Return how well a line begins a block, the best first: no end of an element, and little indented."""
    text = line.lstrip()
    return text.startswith(("]", "}")), len(line) - len(text)


def _texts_to_apply(checked: CheckedPolicy, report: Report, remedy: Remedy) -> dict[str, Any]:
    """Return the texts for the AWS CLI, Terraform and CloudFormation, with marks for the name."""
    name = _STANDS_FOR_NAME
    plain = json.dumps(remedy.policy).lower().replace("_", "-")
    while name in plain or name.replace("-", "") in plain:
        name += "-x"
    steps = how_to_apply(
        remedy.policy, repository=name, region=checked.found.region or report.question.region, statements=()
    )
    names = {
        name: NAME,
        name.replace("-", "_"): TERRAFORM_NAME,
        name.title().replace("-", ""): CLOUDFORMATION_NAME,
    }
    texts = {means: steps[means] for means in _MEANS}
    for means, text in texts.items():
        for written, mark in names.items():
            text = text.replace(written, mark)  # noqa: PLW2901 - one after the other
        texts[means] = text
    return texts
