"""From a policy to its verdict: what the tests find, put into the words of AWS Config."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from ecr_exposure.annotation import cut, joined, told
from ecr_exposure.errors import ParameterError, PolicyError
from ecr_exposure.findings.access_tests import TESTS, check_test
from ecr_exposure.findings.advisories import Advisory, advisories_of
from ecr_exposure.findings.grants import Grant
from ecr_exposure.identifiers import account_id, account_ids, organization_ids, region_name
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.policy.actions import CAPABILITY_OF, Capability
from ecr_exposure.policy.document import Document, read_policy
from ecr_exposure.policy.json_values import printable
from ecr_exposure.repository import Repository
from ecr_exposure.search.callers import Zone
from ecr_exposure.search.strings import TooComplexError

Compliance = Literal["COMPLIANT", "NON_COMPLIANT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer about one policy.

    annotation: 1 to 256 printable characters. grants: the most dangerous first. problem: why the
    policy cannot be judged; then there are no grants and the policy is NON_COMPLIANT.
    """

    compliance: Compliance
    annotation: str
    grants: tuple[Grant, ...] = ()
    problem: str | None = None
    advisories: tuple[Advisory, ...] = ()


def judge(  # noqa: PLR0913 - the keywords are the public interface
    policy: str | Mapping[str, object] | None,
    *,
    test: str = "unconditional",
    owner: str | None = None,
    region: str | None = None,
    members: Iterable[str] = (),
    trusted_accounts: Iterable[str] = (),
    trusted_organizations: Iterable[str] = (),
    now: datetime | None = None,
) -> Verdict:
    """Judge the policy of one ECR private repository.

    policy: its text, its content, or None for no policy; whatever it is, a Verdict comes back.
    test: one of TESTS. owner, region: the repository's account id and region. members,
    trusted_accounts, trusted_organizations: the ids inside the trust zone. now: an aware datetime;
    None is the clock.
    Raises ParameterError for every other argument that is wrong.
    """
    check_test("test", test)
    zone = Zone(
        owner=None if owner is None else account_id("owner", owner),
        region=None if region is None else region_name("region", region),
        accounts=account_ids("members", members) | account_ids("trusted_accounts", trusted_accounts),
        organizations=organization_ids("trusted_organizations", trusted_organizations),
        now=_moment(now),
    )
    if test == "external" and zone.owner is None:
        raise ParameterError("owner: None is not an account id of 12 digits, which test 'external' needs")
    try:
        document = read_policy(policy)
    except PolicyError as error:
        return cannot_be_judged(str(error))
    if document is None:
        return Verdict(compliance="COMPLIANT", annotation=_NO_POLICY)
    return _weigh(document, test, zone)


def _weigh(document: Document, test: str, zone: Zone) -> Verdict:
    try:
        grants = TESTS[test](document, zone)
    except TooComplexError as error:
        return cannot_be_judged(f"too complex: {error}")
    # The test that weighs nothing has nothing to advise on either.
    advisories = () if test == "unconditional" else advisories_of(document, zone)
    if not grants:
        return Verdict(compliance="COMPLIANT", annotation=_CLOSED[test], advisories=advisories)
    annotation = told(grants, who=WHO[test])
    return Verdict(compliance="NON_COMPLIANT", annotation=annotation, grants=grants, advisories=advisories)


_NO_POLICY: Final = "The repository has no policy, so none lets anybody outside its account in."
_CLOSED: Final = {
    "unconditional": "No statement of the repository policy allows everyone without a Condition.",
    "reachable": "The repository policy lets no stranger in.",
    "external": "The repository policy lets nobody outside the trust zone in.",
}
WHO: Final = {"unconditional": "Everyone", "reachable": "Everyone", "external": "Callers outside the trust zone"}
"""Whom a grant lets in, by test."""


def cannot_be_judged(problem: str) -> Verdict:
    """Return the verdict on what cannot be judged: never COMPLIANT, with the problem's place."""
    problem = printable(problem)
    annotation = joined("Cannot be judged: ", problem, "")
    return Verdict(compliance="NON_COMPLIANT", annotation=annotation, problem=problem)


def _moment(now: datetime | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    if isinstance(now, datetime) and now.utcoffset() is not None:  # type: ignore[redundant-expr]  # a caller may err
        return now
    raise ParameterError(f"now: {now!r:.80} is not a datetime with a time zone")


_EXCUSABLE: Final = frozenset((Capability.PULL, Capability.DISCOVER))


def assess(repository: Repository, parameters: RuleParameters, now: datetime) -> Verdict:
    """Judge the repository; one that is public on purpose is COMPLIANT and says so."""
    if repository.problem is not None:
        return cannot_be_judged(repository.problem)
    verdict = _excused(_judge_repository(repository, parameters, parameters.test, now), repository, parameters)
    if parameters.test == "unconditional" and verdict.problem is None:
        other = _excused(_judge_repository(repository, parameters, "reachable", now), repository, parameters)
        verdict = _hinted(verdict, other)
    return verdict


def _judge_repository(repository: Repository, parameters: RuleParameters, test: str, now: datetime) -> Verdict:
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
