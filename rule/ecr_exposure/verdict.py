"""From a policy to its verdict: what the tests find, put into the words of AWS Config."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from ecr_exposure.annotation import joined, told
from ecr_exposure.errors import ParameterError, PolicyError
from ecr_exposure.exposure.advisories import advisories_of
from ecr_exposure.exposure.budget import TooComplexError
from ecr_exposure.exposure.grant import Advisory, Grant
from ecr_exposure.exposure.outsider import Zone
from ecr_exposure.exposure.unconditional import unconditional_grants
from ecr_exposure.exposure.weighed import external_grants, reachable_grants
from ecr_exposure.identifiers import account_id, account_ids, organization_ids, region_name
from ecr_exposure.policy.document import Document, read_policy
from ecr_exposure.policy.json_values import printable

Compliance = Literal["COMPLIANT", "NON_COMPLIANT"]

TESTS: Final = {
    "unconditional": unconditional_grants,
    "reachable": reachable_grants,
    "external": external_grants,
}
"""The tests, by the name that the rule parameter publicAccessTest gives."""


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


def check_test(parameter: str, test: object) -> None:
    """Raise ParameterError, which names the parameter, unless there is such a test."""
    if test not in list(TESTS):  # a list, for a caller may err and give what has no hash
        raise ParameterError(f"{parameter}: {test!r:.80} is not a test (accepted: {', '.join(TESTS)})")


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
