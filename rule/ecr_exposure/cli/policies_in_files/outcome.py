"""The evaluation of one policy of a file: as `judge`, and unknown where a value that is not known decides."""

from dataclasses import dataclass
from typing import Any, Final

from ecr_exposure.cli.policies_in_files.readings import read_as
from ecr_exposure.cli.policies_in_files.unknown_values import Alternatives, Unreadable, Value, references_in
from ecr_exposure.verdict import Verdict, cannot_be_evaluated, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict on a policy; unknown: the references of the values that decide, none if the verdict is certain."""

    verdict: Verdict
    unknown: tuple[str, ...] = ()


_FLAGGED: Final = "NON_COMPLIANT"


def evaluate(policy: Value, **question: Any) -> Outcome:  # noqa: ANN401 - the keywords of `judge`
    """Evaluate a policy with unknown values; question: the keywords of `judge`. Raises ParameterError.

    The verdict is the one against access if that flags the policy, because then every value does; otherwise the one in
    favor of access, whose grants show what an unknown value may open.
    """
    if isinstance(policy, Alternatives):
        return _of_alternatives(policy, question)
    if isinstance(policy, Unreadable):
        return Outcome(verdict=cannot_be_evaluated(policy.problem))
    references = tuple(dict.fromkeys(references_in(policy)))
    least = judge(read_as(policy, lambda _: False), **question)
    if not references or least.compliance == _FLAGGED:
        return Outcome(verdict=least)
    most = judge(read_as(policy, lambda _: True), **question)
    if most.compliance != _FLAGGED:
        return Outcome(verdict=most)
    deciding = tuple(each for each in references if _decides(policy, each, question))
    return Outcome(verdict=most, unknown=deciding or references)


def _decides(policy: Value, reference: str, question: dict[str, Any]) -> bool:
    return judge(read_as(policy, reference.__eq__), **question).compliance == _FLAGGED


def _of_alternatives(policy: Alternatives, question: dict[str, Any]) -> Outcome:
    """Return the outcome of the alternative that grants most; unknown if not all alternatives are flagged."""
    outcomes = [evaluate(each, **question) for each in policy.policies]
    flagged = [each for each in outcomes if each.verdict.compliance == _FLAGGED]
    if not flagged:
        return outcomes[0]
    worst = max(flagged, key=lambda each: sum(len(grant.actions) for grant in each.verdict.grants))
    if len(flagged) == len(outcomes) and not any(each.unknown for each in flagged):
        return worst
    unknown = [*policy.references, *(each for outcome in flagged for each in outcome.unknown)]
    return Outcome(verdict=worst.verdict, unknown=tuple(dict.fromkeys(unknown)))
