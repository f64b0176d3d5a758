"""How a policy is evaluated, and which result it has: the same in a file, in a repository and as recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecr_exposure.cli.found_policies.code_facts import NAMED_ACCOUNT
from ecr_exposure.cli.found_policies.found_policy import Excuse, FoundPolicy, Kind
from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Result
from ecr_exposure.findings.access_tests import EXTERNAL
from ecr_exposure.parameters import PublicRepository, RuleParameters
from ecr_exposure.policy.json_values import describe
from ecr_exposure.public_on_purpose import exemption_of
from ecr_exposure.repository import Repository

FAIL, WARN = "fail", "warn"
_CODE: Final = (Kind.CLOUDFORMATION, Kind.TERRAFORM_PLAN, Kind.TERRAFORM_SOURCE)


def _no_excuse(_found: FoundPolicy) -> Excuse:
    return Excuse(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How policies are evaluated.

    members: the accounts of the organization. public_repositories, public_tag: as the rule's excludedPublicRepositories
    and excludedPublicTag. unknown: fail or warn; None for warn in Terraform source, and fail elsewhere.
    excuse_of: what files say about being public on purpose. now: aware.
    """

    question: Question
    members: tuple[str, ...] = ()
    public_repositories: tuple[PublicRepository, ...] = ()
    public_tag: str | None = None
    unknown: str | None = None
    excuse_of: Callable[[FoundPolicy], Excuse] = _no_excuse
    now: datetime

    def judged(self, found: FoundPolicy) -> CheckedPolicy:
        """Return a policy with its result; raises ParameterError, for example without an owner that is needed."""
        question = self.question
        owner = found.account or question.owner
        if owner is None and question.test == EXTERNAL.name and found.kind in _CODE:
            owner = NAMED_ACCOUNT  # as which the code names its own account
        asked = {
            "test": question.test,
            "owner": owner,
            "region": found.region or question.region,
            "members": self.members,
            "trusted_accounts": question.trusted_accounts,
            "trusted_organizations": question.trusted_organizations,
            "resource_tags": found.tags,
            "now": self.now,
        }
        outcome = evaluate(found.policy, **asked)
        is_flagged = outcome.verdict.compliance == "NON_COMPLIANT"
        excuse = self._excuse_of(found, outcome) if is_flagged else self.excuse_of(found)
        result = _result_of(outcome, excuse)
        notes = excuse.notes
        if excuse.text is not None and result in (Result.PUBLIC, Result.UNKNOWN):
            notes = (*notes, f"not excused, because more than pull and discover is allowed: {excuse.text}")
        if not is_flagged:
            notes += _notes_of_other_values([evaluate(each, **asked) for each in found.with_other_values])
        return CheckedPolicy(
            found=found,
            outcome=outcome,
            result=result,
            excuse=excuse.text if result is Result.PUBLIC_ON_PURPOSE else None,
            notes=notes,
            is_warning=result is Result.UNKNOWN and self._warns(found.kind),
        )

    def _excuse_of(self, found: FoundPolicy, outcome: Outcome) -> Excuse:
        """Return what files say, or else the options."""
        excuse = self.excuse_of(found)
        if excuse.text is not None:
            return excuse
        if isinstance(found.repository, str):
            for entry in self.public_repositories:
                if entry.covers(found.account or self.question.owner or "", found.repository):
                    return Excuse(f"--public-repository {describe(str(entry))}", excuse.notes)
        return self._excuse_by_tag(found, excuse.notes, outcome)

    def _excuse_by_tag(self, found: FoundPolicy, notes: tuple[str, ...], outcome: Outcome) -> Excuse:
        # A tag needs no name, which AWS CloudFormation makes where a template has none.
        repository = Repository(
            account=found.account or "", region=found.region or "", name="", arn="", tags=found.tags
        )
        exemption = exemption_of(repository, RuleParameters(public_tag=self.public_tag), self.now)
        if exemption is None:
            return Excuse(None, notes)
        if exemption.refusal is None:
            return Excuse(str(exemption), notes)
        # Where no tag could excuse the access, the tags are not read, and the rule says nothing of them either.
        return Excuse(None, (*notes, str(exemption)) if outcome.is_excusable else notes)

    def _warns(self, kind: Kind) -> bool:
        return self.unknown == WARN or (self.unknown is None and kind is Kind.TERRAFORM_SOURCE)


def _notes_of_other_values(outcomes: list[Outcome]) -> tuple[str, ...]:
    flagged = [each for each in outcomes if each.verdict.compliance == "NON_COMPLIANT"]
    if not flagged:
        return ()
    references = ", ".join(dict.fromkeys(name for each in flagged for name in each.unknown))
    return (f"other allowed values of {references} can make it public: check each one with --parameter",)


def _result_of(outcome: Outcome, excuse: Excuse) -> Result:
    verdict = outcome.verdict
    if verdict.compliance == "COMPLIANT":
        return Result.CLOSED
    if verdict.problem is not None:
        return Result.UNKNOWN if outcome.unknown else Result.CANNOT_BE_EVALUATED
    if excuse.text is not None and outcome.is_excusable:
        return Result.PUBLIC_ON_PURPOSE
    return Result.UNKNOWN if outcome.unknown else Result.PUBLIC
