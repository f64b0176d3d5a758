"""A policy that grants public access, and the change that closes it, as a report and as JSON shows them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Final, Self

from ecr_exposure.cli.command_line import ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation.chosen_mode import Choice
from ecr_exposure.cli.remediation.how_to_apply import how_to_apply
from ecr_exposure.cli.remediation.policy_file import PolicyFile
from ecr_exposure.cli.remediation.policy_text import pretty, unified_diff, with_statements_replaced, within_limit
from ecr_exposure.errors import RemedyError
from ecr_exposure.findings.grants import Grant
from ecr_exposure.remedy import CLOSED_TESTS, Remedy, remedy
from ecr_exposure.verdict import Verdict, judge

ALL_MEANS: Final = "all"
_TITLES: Final = {
    "console": "Amazon ECR console",
    "cli": "AWS CLI",
    "terraform": "Terraform",
    "cloudformation": "AWS CloudFormation",
}
MEANS: Final = (*_TITLES, ALL_MEANS)
"""How a policy can be changed without this command."""
# The keys of the JSON document, with the values that say nothing.
_NO_MEMBERS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "repository": None,
        "file": None,
        "mode": None,
        "organization": None,
        "accounts": [],
        "findings": [],
        "changes": [],
        "loses_access": [],
        "diff": "",
        "policy": None,
        "steps": None,
        "saved_policy": None,
        "undo": None,
        "in_place": None,
        "problem": None,
    }
)
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A policy, and what is known of its repository."""

    text: str
    owner: str | None = None
    region: str | None = None
    tags: Mapping[str, str] | None = None

    def with_text(self, text: str) -> Self:
        """Return the question of another policy of the repository."""
        return replace(self, text=text)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts of the two tests that `remedy` closes, without those that grant no public access."""
        verdicts = (
            judge(self.text, test=test, owner=self.owner, region=self.region, resource_tags=self.tags)
            for test in CLOSED_TESTS
        )
        return tuple(verdict for verdict in verdicts if verdict.compliance == "NON_COMPLIANT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The change that closes a policy."""

    question: Question
    findings: tuple[Verdict, ...]
    choice: Choice
    remedy: Remedy
    after: str | None
    """The text of the closed policy; None if the policy is to be deleted."""
    diff: str
    """The unified diff."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants of public access, in the order of the statements."""
        return tuple(sorted(grants_of(self.findings), key=lambda grant: grant.statement))

    def print(self, output: Output, *, with_diff: bool = True) -> None:
        """Print what changes, the diff, and who loses access."""
        output.line(("Changes:", "bold"), f" {self.choice}")
        for change in self.remedy.changes:
            output.line(f"- {change}", indent=2)
        if self.after is None:
            output.line("- no statement is left, so the policy is to be deleted", indent=2)
        print_diff(self.diff if with_diff else "", output)
        output.line(("Who loses access:", "bold"))
        for loss in self.remedy.loses_access or ("nobody",):
            output.line(f"- {loss}", indent=2)

    def show_steps(self, show: str, repository: str, region: str | None, output: Output) -> Mapping[str, str]:
        """Print how to close it by these means, or by all, and return it."""
        steps = how_to_apply(self.remedy.policy, repository=repository, region=region, statements=self.grants)
        shown = {name: text for name, text in steps.items() if show in (name, ALL_MEANS)}
        for name, text in shown.items():
            output.line((_TITLES[name], "bold"))
            for line in text.splitlines():
                output.line(line)
        return shown

    def members(self) -> Mapping[str, object]:
        """Return what it adds to the JSON document."""
        return {
            "mode": self.choice.mode,
            "organization": self.choice.organization,
            "accounts": list(self.choice.accounts),
            "findings": sentences(self.findings),
            "changes": list(self.remedy.changes),
            "loses_access": list(self.remedy.loses_access),
            "diff": self.diff,
            "policy": self.remedy.policy,
        }


def propose_for_file(question: Question, findings: tuple[Verdict, ...], choice: Choice, file: PolicyFile) -> Proposal:
    """Return the change of a file: statements that do not change keep their text; raises ParameterError."""
    found = _remedy(question, choice)
    after = None if found.policy is None else with_statements_replaced(file.text, found.policy)
    return Proposal(
        question=question,
        findings=findings,
        choice=choice,
        remedy=found,
        after=_checked(question, after),
        diff=unified_diff(file.text, after or "", file.name_in_diff),
    )


def propose_for_repository(question: Question, findings: tuple[Verdict, ...], choice: Choice, name: str) -> Proposal:
    """Return the change of a repository: Amazon ECR formats the text as it likes; raises ParameterError."""
    found = _remedy(question, choice)
    after = None if found.policy is None else within_limit(found.policy)
    return Proposal(
        question=question,
        findings=findings,
        choice=choice,
        remedy=found,
        after=_checked(question, after),
        diff=unified_diff(readable(question.text), readable(after), name),
    )


def _remedy(question: Question, choice: Choice) -> Remedy:
    return remedy(
        question.text,
        mode=choice.mode,
        organization=choice.organization,
        accounts=choice.accounts,
        keep_services=choice.keep_services,
        owner=question.owner,
        region=question.region,
        resource_tags=question.tags,
    )


def _checked(question: Question, after: str | None) -> str | None:
    """Return the text that is written; raises RemedyError if it is public, whatever the reason."""
    still = () if after is None else question.with_text(after.removeprefix("\ufeff")).verdicts()
    if still:
        raise RemedyError(f"the result is not closed: {still[0].annotation}")
    return after


def readable(text: str | None) -> str:
    """Return a policy in lines, as a diff compares them; a text that is no JSON as it is, empty for None."""
    if text is None:
        return ""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text


def grants_of(findings: tuple[Verdict, ...]) -> tuple[Grant, ...]:
    """Return the grants that these findings name."""
    return tuple(chain.from_iterable(finding.grants for finding in findings))


def sentences(findings: tuple[Verdict, ...]) -> list[str]:
    """Return what the rule says of a policy, each sentence once."""
    return list(dict.fromkeys(finding.annotation for finding in findings))


def print_findings(findings: tuple[Verdict, ...], output: Output, title: str = "Finding: ") -> None:
    """Print what the rule says of a policy."""
    for sentence in sentences(findings):
        output.line((title, "bold"), sentence)


def print_diff(diff: str, output: Output) -> None:
    """Print a diff; a character that could move a terminal's cursor is replaced."""
    for line in diff.splitlines():
        shown = "".join(each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in line)
        output.line((shown, _STYLES.get(line[:1], "")))


def end(output: Output, code: ExitCode, result: str, line: str | tuple[str, str], **members: object) -> ExitCode:
    """Print the last line, or the document with all keys of the command."""
    return output.end(code, result, line, **{**_NO_MEMBERS, **members})
