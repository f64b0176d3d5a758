"""From a repository and the rule's parameters to the verdict that AWS Config gets."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from ecr_exposure.annotation import cut, joined, told
from ecr_exposure.configuration_item import Repository
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.policy.actions import CAPABILITY_OF, Capability
from ecr_exposure.verdict import WHO, Verdict, cannot_be_judged, judge

_EXCUSABLE: Final = frozenset((Capability.PULL, Capability.DISCOVER))


def assess(repository: Repository, parameters: RuleParameters, now: datetime) -> Verdict:
    """Judge the repository; one that is public on purpose is COMPLIANT and says so."""
    if repository.problem is not None:
        return cannot_be_judged(repository.problem)
    verdict = _excused(_judge(repository, parameters, parameters.test, now), repository, parameters)
    if parameters.test == "unconditional" and verdict.problem is None:
        other = _excused(_judge(repository, parameters, "reachable", now), repository, parameters)
        verdict = _hinted(verdict, other)
    return verdict


def _judge(repository: Repository, parameters: RuleParameters, test: str, now: datetime) -> Verdict:
    return judge(
        repository.policy,  # type: ignore[arg-type]  # judge answers for whatever was recorded
        test=test,
        owner=repository.account or None,
        region=repository.region or None,
        members=parameters.members,
        trusted_accounts=parameters.trusted_accounts,
        trusted_organizations=parameters.trusted_organizations,
        now=now,
    )


def _hinted(verdict: Verdict, other: Verdict) -> Verdict:
    """Tell where the test ``reachable`` would have answered otherwise; the verdict stays."""
    verdict = replace(verdict, advisories=other.advisories)
    if verdict.compliance == other.compliance:
        return verdict
    if other.problem:
        hint = " But publicAccessTest=reachable could not judge it"
    elif other.compliance == "NON_COMPLIANT":
        hint = cut(f" But publicAccessTest=reachable says: {other.annotation}", _LONGEST_HINT)
    else:
        hint = " publicAccessTest=reachable, which weighs actions and Denies, lets nobody in"
    return replace(verdict, annotation=joined("", verdict.annotation, hint))


# The verdict keeps room for its own sentence.
_LONGEST_HINT: Final = 175


def _excused(verdict: Verdict, repository: Repository, parameters: RuleParameters) -> Verdict:
    entry = next(
        (e for e in parameters.public_repositories if e.covers(repository.account, repository.name)),
        None,
    )
    if entry is None or not verdict.grants or not _only_reading(verdict):
        return verdict
    opening = f'Public on purpose (excludedPublicRepositories: "{entry}"). '
    annotation = told(verdict.grants, who=WHO[parameters.test], opening=opening)
    return replace(verdict, compliance="COMPLIANT", annotation=annotation)


def _only_reading(verdict: Verdict) -> bool:
    # An action that the table does not know is in no capability: it is never excused.
    return all(CAPABILITY_OF.get(action) in _EXCUSABLE for g in verdict.grants for action in g.actions)
