"""The evaluation of one policy of a file: as `judge`, and unknown where a value that is not known decides."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ecr_exposure.cli.found_policies.code_facts import NAMED_ACCOUNT
from ecr_exposure.cli.found_policies.readings import read_as
from ecr_exposure.cli.found_policies.unknown_values import (
    Alternatives,
    Joined,
    Unknown,
    Unreadable,
    Value,
    references_in,
    with_examples,
)
from ecr_exposure.identifiers import ACCOUNT_ID
from ecr_exposure.policy.json_values import elements
from ecr_exposure.policy.patterns import ascii_lower
from ecr_exposure.public_on_purpose import excuses
from ecr_exposure.verdict import Verdict, cannot_be_evaluated, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict on a policy; unknown: the references of the values that decide, none if the verdict is certain.

    widest: the verdict with every unknown value in favor of access, where it is another one.
    """

    verdict: Verdict
    unknown: tuple[str, ...] = ()
    widest: Verdict | None = None

    @property
    def is_excusable(self) -> bool:
        """Whether an exception excuses the policy, whatever its unknown values are."""
        verdicts = (self.verdict, self.widest or self.verdict)
        return all(each.problem is None and excuses(each.grants) for each in verdicts)


_MOST_TRIED: Final = 50
"""Each of them is two further evaluations of the whole policy."""
_FLAGGED: Final = "NON_COMPLIANT"
_VERSION: Final = "Version"
_KEY_OF_OWNER: Final = "aws:resourceaccount"
# Only the external test asks which account or organization a policy names.
_NAMES_DECIDE: Final = "external"


def evaluate(policy: Value, **question: Any) -> Outcome:  # noqa: ANN401 - the keywords of `judge`
    """Evaluate a policy with unknown values; question: the keywords of `judge`. Raises ParameterError.

    The verdict is the one against access if that flags the policy, because then every value does; otherwise the one in
    favor of access, whose grants show what an unknown value may open.
    An owner that is not known can be each account with which a condition compares it, and the worst of them counts:
    `judge` takes an owner that it does not know for none of the accounts that the policy names.
    """
    owner = question.get("owner")
    if owner in (None, NAMED_ACCOUNT):
        owners = dict.fromkeys((owner, *_compared_owners(policy)))
        if len(owners) > 1:
            return max((_of_owner(policy, {**question, "owner": each}) for each in owners), key=_danger)
    return _of_owner(policy, question)


def _compared_owners(value: Value) -> Iterator[str]:
    """Yield the accounts with which conditions compare that of the repository."""
    if isinstance(value, Alternatives):
        value = list(value.policies)
    if isinstance(value, Mapping):
        for key, each in value.items():
            if ascii_lower(str(key)) == _KEY_OF_OWNER:
                yield from (one for one in elements(each) if isinstance(one, str) and ACCOUNT_ID.fullmatch(one))
            else:
                yield from _compared_owners(each)
    elif isinstance(value, list):
        for each in value:
            yield from _compared_owners(each)


def _of_owner(policy: Value, question: dict[str, Any]) -> Outcome:
    if isinstance(policy, Alternatives):
        return _of_alternatives(policy, question)
    if isinstance(policy, Unreadable):
        return Outcome(verdict=cannot_be_evaluated(policy.problem))
    if not isinstance(policy, Mapping) or not isinstance(policy.get(_VERSION), (Unknown, Joined)):
        return _evaluate(policy, question)
    # Which version opens more depends on the policy variables, so that both are evaluated.
    outcomes = [_evaluate({**policy, _VERSION: version}, question) for version in ("2012-10-17", "2008-10-17")]
    most = max(outcomes, key=_danger)
    if all((each.verdict.compliance, each.unknown) == (most.verdict.compliance, ()) for each in outcomes):
        return most
    names = [name for each in outcomes for name in each.unknown]
    if len({each.verdict.compliance for each in outcomes}) > 1:
        names = [*references_in(policy[_VERSION]), *names]
    return replace(most, unknown=tuple(dict.fromkeys(names)))


def _evaluate(policy: Value, question: dict[str, Any]) -> Outcome:
    names_decide = question.get("test") == _NAMES_DECIDE
    policy = policy if names_decide else with_examples(policy)

    def verdict(is_open: Callable[[str], bool]) -> Verdict:
        return judge(read_as(policy, is_open, names_decide=names_decide), **question)

    def is_flagged(is_open: Callable[[str], bool]) -> bool:
        return verdict(is_open).compliance == _FLAGGED

    references = tuple(dict.fromkeys(references_in(policy)))
    least = verdict(lambda _: False)
    if not references:
        return Outcome(verdict=least)
    most = verdict(lambda _: True)
    if least.compliance == _FLAGGED:
        return Outcome(verdict=least, widest=most)
    if most.compliance != _FLAGGED:
        return Outcome(verdict=most)
    if len(references) > _MOST_TRIED:
        return Outcome(verdict=most, unknown=references)
    # Those that decide alone, or without which the others do not.
    alone = tuple(each for each in references if is_flagged(each.__eq__))
    needed = tuple(each for each in references if not is_flagged(each.__ne__))
    return Outcome(verdict=most, unknown=alone or needed or references)


def _of_alternatives(policy: Alternatives, question: dict[str, Any]) -> Outcome:
    """Return the outcome of the alternative that grants most; unknown if not all alternatives are flagged."""
    outcomes = [_of_owner(each, question) for each in policy.policies]
    flagged = [each for each in outcomes if each.verdict.compliance == _FLAGGED]
    if not flagged:
        return outcomes[0]
    worst = max(flagged, key=_danger)
    if len(flagged) == len(outcomes) and not any(each.unknown for each in flagged):
        return worst
    unknown = [*policy.references, *(each for outcome in flagged for each in outcome.unknown)]
    return replace(worst, unknown=tuple(dict.fromkeys(unknown)))


def _danger(outcome: Outcome) -> tuple[bool, bool, int]:
    """Return the sort key of outcomes: last comes what no exception excuses, however few actions it grants."""
    verdict = outcome.verdict
    is_flagged = verdict.compliance == _FLAGGED
    return is_flagged, is_flagged and not outcome.is_excusable, sum(len(grant.actions) for grant in verdict.grants)
