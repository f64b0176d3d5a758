"""What to do about a policy: the smallest change that closes it, or how to say the value that is not known."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, assert_never

from ecr_exposure.annotation import fix_command
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind
from ecr_exposure.cli.found_policies.readings import read_as
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.errors import ParameterError
from ecr_exposure.policy.evaluator import Request
from ecr_exposure.policy.json_values import printable
from ecr_exposure.remedy import Remedy, remedy
from ecr_exposure.verdict import judge

_MOST_KEPT: Final = 10_000
_STANDARD_INPUT: Final = "-"
_NAME_THEM: Final = "Remove the named principals that are outside, or name their accounts with --trusted-account."
_CORRECT_IT: Final = "Correct the policy; until then it counts as public."
_EVALUATE_IT: Final = "See why with ecr-exposure status STACK; until it is evaluated, it counts as public."
_DEPLOYMENT: Final = "Give the account and the Region of the deployment with --owner and --region."
_LATER: Final = (
    "No option gives this value: check the packaged template, or the repository policy after the deployment."
)
_VALUES: Final = {
    Kind.CLOUDFORMATION: "Give the value with --parameter NAME=VALUE or --parameters FILE.",
    Kind.TERRAFORM_SOURCE: "Check the plan, which has the values: terraform show -json FILE.",
    Kind.TERRAFORM_PLAN: "The value is known after the plan is applied: write it into the configuration, or check "
    "the policy of the repository then.",
    Kind.POLICY: "Replace the placeholder by its value.",
    Kind.CONFIG_ITEM: "Replace the placeholder by its value.",
}
"""A policy in AWS has no unknown value."""
_LOOK: Final = "Look at the repository's policy; the rule's annotation names the statement."
_NAMED: Final = "Correct the statement that the rule's annotation names; report --policies shows the change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do, in printable sentences.

    changes: those of `remedy`, or what else to do. loses_access: who loses access by them. command: writes them into
    the file; None for a file that is not the policy alone.
    """

    changes: tuple[str, ...] = ()
    loses_access: tuple[str, ...] = ()
    command: str | None = None


# A run may write several formats, and `remedy` takes milliseconds.
@lru_cache(maxsize=_MOST_KEPT)
def advice_on(checked: CheckedPolicy, question: Question) -> Advice:
    """Return what to do about a policy; nothing for one that is not public, or on purpose."""
    match checked.result:
        case Result.CLOSED | Result.PUBLIC_ON_PURPOSE:
            return Advice()
        case Result.UNKNOWN:
            return Advice(changes=(_how_to_know(checked),))
        case Result.CANNOT_BE_EVALUATED:
            return Advice(changes=(_CORRECT_IT if _has_evaluation(checked) else _EVALUATE_IT,))
        case Result.PUBLIC:
            return _closing(checked, question)
        case _:
            assert_never(checked.result)


@lru_cache(maxsize=_MOST_KEPT)
def closing(checked: CheckedPolicy, question: Question) -> Remedy:
    """Return the smallest change that closes a public policy; raises ParameterError where there is none."""
    return _remedy(checked, question, next(iter(question.trusted_organizations), None))


def _how_to_know(checked: CheckedPolicy) -> str:
    """Return what to do about the values that decide."""
    references = checked.outcome.unknown
    if checked.found.kind is Kind.CLOUDFORMATION and not all(each.startswith("!Ref ") for each in references):
        return _LATER
    if checked.found.kind is Kind.CLOUDFORMATION and all(each.startswith("!Ref AWS::") for each in references):
        return _DEPLOYMENT
    return _VALUES[checked.found.kind]


def _closing(checked: CheckedPolicy, question: Question) -> Advice:
    if checked.found.kind is Kind.EVALUATION or not checked.outcome.verdict.grants:
        change = _NAMED if checked.found.kind is Kind.EVALUATION else _LOOK
        return Advice(changes=(change,), command=command_for(checked.found, question))
    try:
        found = closing(checked, question)
    except ParameterError as error:  # RemedyError is one
        return Advice(changes=(printable(str(error)),))
    if not found.changes:  # only `external` flags it
        return Advice(changes=(_NAME_THEM,))
    return Advice(
        changes=tuple(map(printable, found.changes)),
        loses_access=tuple(map(printable, found.loses_access)),
        command=command_for(checked.found, question),
    )


def _as_known(policy: Value) -> Any:  # noqa: ANN401 - as `judge` and `remedy` take it
    """Return a policy in which unknown values are read against access: it is public whatever they are."""
    if isinstance(policy, Mapping) and isinstance(policy.get("Version"), (Unknown, Joined)):
        policy = {**policy, "Version": "2012-10-17"}
    return read_as(policy, lambda _: False)


def _remedy(checked: CheckedPolicy, question: Question, organization: str | None) -> Remedy:
    return remedy(
        _as_known(checked.found.policy),
        mode="scope-to-organization" if organization else "remove-statements",
        organization=organization,
        owner=checked.found.account or question.owner,
        region=checked.found.region or question.region,
        resource_tags=checked.found.tags,
    )


def _has_evaluation(checked: CheckedPolicy) -> bool:
    """Return whether there is an evaluation of what AWS Config recorded; True for everything else."""
    return checked.found.kind is not Kind.EVALUATION or checked.recorded is not None


def command_for(found: FoundPolicy, question: Question) -> str | None:
    """Return the command that closes a public policy; None for a file that is not the policy alone."""
    organization = next(iter(question.trusted_organizations), None)
    if not found.kind.is_file:
        return _command_for_repository(found)
    is_policy = found.kind is Kind.POLICY and not found.address and found.file != _STANDARD_INPUT
    if not is_policy or printable(found.file) != found.file:
        return None
    file = f"./{found.file}" if found.file.startswith("-") else found.file
    mode = f"--organization {organization}" if organization else "--mode remove-statements"
    return f"ecr-exposure fix {shlex.quote(file)} {mode}"


def _command_for_repository(found: FoundPolicy) -> str | None:
    """Return the command for the credentials of the repository's account."""
    command = fix_command(str(found.repository))
    return None if command is None else f"{command} --region {found.region}"


def example_for(checked: CheckedPolicy, report: Report) -> Request | None:
    """Return a request that the most dangerous grant allows; None if a Deny denies each, or nothing is public.

    The test ``unconditional`` searches for none, so this is that of ``reachable``, at the time of the report.
    """
    return _example(checked, report.question, report.started)


@lru_cache(maxsize=_MOST_KEPT)
def _example(checked: CheckedPolicy, question: Question, now: datetime) -> Request | None:
    grants = checked.outcome.verdict.grants
    if not grants or checked.result not in (Result.PUBLIC, Result.PUBLIC_ON_PURPOSE):
        return None
    if grants[0].witness:
        return grants[0].witness
    verdict = judge(
        _as_known(checked.found.policy),
        test="reachable",
        owner=checked.found.account or question.owner,
        region=checked.found.region or question.region,
        resource_tags=checked.found.tags,
        now=now,
    )
    return next((each.witness for each in verdict.grants if each.statement == grants[0].statement), None)
