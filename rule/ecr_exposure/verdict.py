"""From a policy to its verdict: `judge`, and the rule's own question about a repository."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from ecr_exposure import annotation
from ecr_exposure.errors import ParameterError, PolicyError
from ecr_exposure.findings.access_tests import REACHABLE, UNCONDITIONAL, AccessTest, access_test
from ecr_exposure.findings.advisories import Advisory, advisories_of
from ecr_exposure.findings.grants import Grant
from ecr_exposure.findings.sentences import Sentence
from ecr_exposure.identifiers import account_id, account_ids, organization_ids, region_name
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.policy.document import Document, compared_keys, read_policy
from ecr_exposure.policy.json_values import printable
from ecr_exposure.policy.malformed_principals import malformed_principal
from ecr_exposure.public_on_purpose import Exemption, excuses, exemption_of
from ecr_exposure.repository import Repository
from ecr_exposure.search import RepositoryFacts, TooComplexError

Compliance = Literal["COMPLIANT", "NON_COMPLIANT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result for one policy.

    annotation: 1 to 256 printable characters. grants: most dangerous first. problem: why the policy cannot be
    evaluated; then there are no grants and the policy is NON_COMPLIANT. fix: the command that closes the repository,
    whole, also if the annotation has no room for it; None from `judge`, which knows no repository.
    """

    compliance: Compliance
    annotation: str
    grants: tuple[Grant, ...] = ()
    problem: str | None = None
    advisories: tuple[Advisory, ...] = ()
    fix: str | None = None


def judge(  # noqa: PLR0913 - the keywords are the public interface
    policy: str | Mapping[str, object] | None,
    *,
    test: str = "unconditional",
    owner: str | None = None,
    region: str | None = None,
    members: Iterable[str] = (),
    trusted_accounts: Iterable[str] = (),
    trusted_organizations: Iterable[str] = (),
    resource_tags: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Verdict:
    """Judge the policy of one ECR private repository.

    policy: its text, its content, or None for no policy; `judge` returns a Verdict whatever it is, for an unexpected
    error one with a problem.
    test: unconditional, reachable or external. owner, region: the repository's account id and region; external
    needs the owner. members, trusted_accounts, trusted_organizations: the ids inside the zone of trust.
    resource_tags: the repository's tags, empty for none; None if they are not known. now: an aware datetime; None
    reads the clock.
    Raises ParameterError for any other argument that is wrong.
    """
    chosen = access_test("test", test)
    facts = repository_facts(
        owner=owner,
        region=region,
        members=members,
        trusted_accounts=trusted_accounts,
        trusted_organizations=trusted_organizations,
        resource_tags=resource_tags,
        now=now,
    )
    _check_zone_of_trust(chosen, facts)
    return _verdict_of(lambda: _judge(policy, chosen, facts))


def repository_facts(  # noqa: PLR0913 - the keywords of `judge`
    *,
    owner: str | None = None,
    region: str | None = None,
    members: Iterable[str] = (),
    trusted_accounts: Iterable[str] = (),
    trusted_organizations: Iterable[str] = (),
    resource_tags: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> RepositoryFacts:
    """Return the arguments of `judge` about the repository, checked; raises ParameterError."""
    return RepositoryFacts(
        owner=None if owner is None else account_id("owner", owner),
        region=None if region is None else region_name("region", region),
        trusted_accounts=account_ids("members", members) | account_ids("trusted_accounts", trusted_accounts),
        trusted_organizations=organization_ids("trusted_organizations", trusted_organizations),
        now=_aware(now),
        resource_tags=_resource_tags(resource_tags),
    )


def _check_zone_of_trust(test: AccessTest, facts: RepositoryFacts) -> None:
    if test.needs_zone_of_trust and facts.owner is None:
        raise ParameterError(f"owner: None is not an account id of 12 digits, which test {test.name!r} needs")


def _resource_tags(tags: object) -> Mapping[str, str] | None:
    if tags is None:
        return None
    if isinstance(tags, Mapping) and all(isinstance(text, str) for each in tags.items() for text in each):
        return dict(tags)
    raise ParameterError(f"resource_tags: {tags!r:.80} is not a mapping of tag keys to tag values")


def _aware(now: datetime | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    if isinstance(now, datetime) and now.utcoffset() is not None:  # type: ignore[redundant-expr]  # a caller may err
        return now
    raise ParameterError(f"now: {now!r:.80} is not a datetime with a time zone")


def _verdict_of(call: Callable[[], Verdict]) -> Verdict:
    """Return what the call returns. An error is a problem of the policy: it must not end a run for all others."""
    try:
        return call()
    except PolicyError as error:
        return cannot_be_evaluated(str(error))
    except TooComplexError as error:
        return cannot_be_evaluated(f"too complex: {error}")
    except Exception as error:  # noqa: BLE001 - whatever a policy causes
        return cannot_be_evaluated(f"unexpected error: {type(error).__name__}")


def _judge(policy: object, test: AccessTest, facts: RepositoryFacts) -> Verdict:
    document = read_policy(policy)
    if document is None:
        return _WITHOUT_POLICY
    return _result(document, test, test.find(document, facts), advisories_of(document, facts) if test.advises else ())


_WITHOUT_POLICY: Final = Verdict(compliance="COMPLIANT", annotation=annotation.NO_POLICY)


def _result(
    document: Document, test: AccessTest, grants: tuple[Grant, ...], advisories: tuple[Advisory, ...] = ()
) -> Verdict:
    if not grants and (problem := malformed_principal(document)) is not None:
        return cannot_be_evaluated(problem)
    return Verdict(
        compliance="NON_COMPLIANT" if grants else "COMPLIANT",
        annotation=annotation.about_grants(grants, test, advisories=advisories),
        grants=grants,
        advisories=advisories,
    )


def cannot_be_evaluated(problem: str) -> Verdict:
    """Return the verdict on what cannot be evaluated: never COMPLIANT, with the place of the problem."""
    problem = printable(problem)
    text = annotation.cannot_be_evaluated(problem)
    return Verdict(compliance="NON_COMPLIANT", annotation=text, problem=problem)


# The rule's own question.


def evaluate_repository(repository: Repository, parameters: RuleParameters, now: datetime) -> Verdict:
    """Return the verdict on a repository: public on purpose is COMPLIANT, and the annotation says so."""
    if repository.problem is not None:
        return cannot_be_evaluated(repository.problem)
    facts = _facts(repository, parameters, now)
    exemption = exemption_of(repository, parameters, now)
    return _verdict_of(lambda: _evaluate(repository, parameters.test, facts, exemption))


def needs_tags(repository: Repository, parameters: RuleParameters, now: datetime) -> bool:
    """Return whether the tags of a repository are not known and matter to its verdict.

    They matter to a policy that names a resource tag, and to a repository that a tag could excuse.
    """
    if repository.tags is not None or repository.problem is not None:
        return False
    if _names_resource_tag(repository.policy):
        return True
    exemption = exemption_of(repository, parameters, now)
    if exemption is None or exemption.refusal is None:
        return False
    facts = _facts(repository, parameters, now)
    return _is_excusable(_verdict_of(lambda: _judge(repository.policy, parameters.test, facts)))


def _facts(repository: Repository, parameters: RuleParameters, now: datetime) -> RepositoryFacts:
    # The ids of the parameters are valid: an organization has too many accounts to check them for each repository.
    facts = RepositoryFacts(
        owner=repository.account or None,
        region=repository.region or None,
        trusted_accounts=parameters.trusted_accounts,
        trusted_organizations=parameters.trusted_organizations,
        resource_tags=repository.tags,
        now=now,
    )
    _check_zone_of_trust(parameters.test, facts)
    return facts


_MAY_NAME_RESOURCE_TAG: Final = re.compile(r"resourcetag|\\u|%", re.IGNORECASE)


def _names_resource_tag(policy: object) -> bool:
    # Most policies say nothing that could be such a key, also not escaped, and need no second reading.
    if isinstance(policy, str) and not _MAY_NAME_RESOURCE_TAG.search(policy):
        return False
    try:
        document = read_policy(policy)
    except Exception:  # noqa: BLE001 - such a policy cannot be evaluated, with or without tags
        return False
    return document is not None and any(key.domain is ValueDomain.RESOURCE_TAG for key in compared_keys(document))


def _evaluate(repository: Repository, test: AccessTest, facts: RepositoryFacts, exemption: Exemption | None) -> Verdict:
    document = read_policy(repository.policy)
    if document is None:
        return _WITHOUT_POLICY
    advisories = advisories_of(document, facts)
    verdict = _excused(_result(document, test, test.find(document, facts), advisories), test, exemption)
    if verdict.problem is not None:
        return verdict
    other = test.compared_with
    more: Sentence = ()
    if other is not None:
        more = _hint(verdict, _verdict_of(lambda: _compared(verdict, document, other, facts, exemption)), other)
    if exemption is not None and exemption.refusal is not None and _is_excusable(verdict):
        more = (*more, *annotation.refused_exemption(str(exemption)))
    if more:
        verdict = replace(verdict, annotation=_annotation(verdict, test, exemption, more))
    fix = annotation.fix_command(repository.name)
    if verdict.compliance == "COMPLIANT" or fix is None or not _fix_closes(document, test, facts):
        return verdict
    return replace(verdict, annotation=annotation.with_fix(verdict.annotation, fix), fix=fix)


def _fix_closes(document: Document, test: AccessTest, facts: RepositoryFacts) -> bool:
    """Return whether `ecr-exposure fix` closes a grant of a flagged policy: one that is public, not only external."""
    if not test.needs_zone_of_trust or UNCONDITIONAL.finds_any(document, facts):
        return True
    try:
        return REACHABLE.finds_any(document, facts)
    except TooComplexError:
        return False


def _compared(
    verdict: Verdict, document: Document, other: AccessTest, facts: RepositoryFacts, exemption: Exemption | None
) -> Verdict:
    """Return the verdict by another test, or the given one if both flag the repository: nothing more is told then."""
    if verdict.compliance == "COMPLIANT" or exemption is not None:
        return _excused(_result(document, other, other.find(document, facts)), other, exemption)
    return verdict if other.finds_any(document, facts) else _result(document, other, ())


def _hint(verdict: Verdict, other: Verdict, test: AccessTest) -> Sentence:
    """Return the result of another test where it differs."""
    if verdict.compliance == other.compliance:
        return ()
    if other.problem:
        return annotation.hint_of_undecided(test)
    if other.compliance == "NON_COMPLIANT":
        return annotation.hint_of_access(test, other.grants[0])
    return annotation.hint_of_no_access(test)


def _excused(verdict: Verdict, test: AccessTest, exemption: Exemption | None) -> Verdict:
    if exemption is None or exemption.refusal is not None or not _is_excusable(verdict):
        return verdict
    verdict = replace(verdict, compliance="COMPLIANT")
    return replace(verdict, annotation=_annotation(verdict, test, exemption))


def _annotation(verdict: Verdict, test: AccessTest, exemption: Exemption | None, more: Sentence = ()) -> str:
    is_excused = verdict.compliance == "COMPLIANT" and bool(verdict.grants)
    start = annotation.public_on_purpose(str(exemption)) if is_excused else ""
    return annotation.about_grants(verdict.grants, test, start=start, more=more, advisories=verdict.advisories)


def _is_excusable(verdict: Verdict) -> bool:
    return verdict.compliance == "NON_COMPLIANT" and verdict.grants != () and excuses(verdict.grants)
