"""A member account in which one call of AWS fails, and what the function does then.

Each repository has an earlier evaluation that is outdated, so that an evaluation that is missing shows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from types import MappingProxyType
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from ecr_exposure import EvaluationError, ItemError, ParameterError
from ecr_exposure.aws import ACCOUNTS_VARIABLE, kept
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.config_store import PutEvaluations
from tests.local_aws.faults import Fault
from tests.local_aws.organization import LocalOrganization
from tests.rule.member_account import CLOSED, MEMBER, OPEN, ORGANIZATION_ACCOUNT, PULL, REGION, ROLE, MemberAccount

# What the function raises on purpose. An AttributeError or a KeyError would be an answer that it did not check.
CLEAR_ERRORS: Final = (EvaluationError, ItemError, ParameterError, ClientError, BotoCoreError)
RESOURCE_TYPE: Final = "AWS::ECR::Repository"
# No situation needs more calls, retries included.
MOST_CALLS: Final = 50
Compliances = Mapping[str, str]


class Outcome(Enum):
    """What one invocation leaves, in the words of docs/reliability.md."""

    REPORTED = "reported"
    FAILS = "fails"
    FAILS_PARTLY = "fails partly"
    FAILS_LATE = "fails late"
    NO_EXCEPTION = "no exception"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """An event, the evaluations before it, and the right ones after it.

    without_tags: which of them differ if the tags of the repositories are not known. always: what AWS answers in every
    invocation, beside the fault.
    """

    deliver: Callable[[ConfigService], object]
    before: Compliances
    after: Compliances
    without_tags: Compliances = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    always: tuple[Fault, ...] = ()


POLICIES: Final = MappingProxyType(
    {"opened": OPEN, "closed": CLOSED, "new": OPEN, "deleted": OPEN, "shared": ORGANIZATION_ACCOUNT, "tagged": PULL}
)
TAGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({"tagged": {"public-on-purpose": "true"}})
PERIODIC: Final = Situation(
    deliver=lambda config: config.deliver_scheduled(MEMBER, REGION),
    before={"opened": "COMPLIANT", "closed": "NON_COMPLIANT", "deleted": "NON_COMPLIANT"},
    after={"opened": "NON_COMPLIANT", "closed": "COMPLIANT", "new": "NON_COMPLIANT"},
)
CHANGE: Final = Situation(
    deliver=lambda config: config.deliver_change(MEMBER, REGION, "opened"),
    before={"opened": "COMPLIANT"},
    after={"opened": "NON_COMPLIANT"},
)
OVERSIZED: Final = Situation(
    deliver=lambda config: config.deliver_oversized(MEMBER, REGION, "opened"),
    before={"opened": "COMPLIANT"},
    after={"opened": "NON_COMPLIANT"},
)
DENIED: Final = replace(
    PERIODIC,
    always=(Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", repository="opened", times=None),),
)
TAGGED: Final = Situation(
    deliver=lambda config: config.deliver_scheduled(MEMBER, REGION),
    before={"tagged": "NON_COMPLIANT", "opened": "COMPLIANT"},
    after={"tagged": "COMPLIANT", "opened": "NON_COMPLIANT"},
    without_tags={"tagged": "NON_COMPLIANT"},
    parameters={"excludedPublicTag": "public-on-purpose"},
)


def _replay(name: str) -> Callable[[ConfigService], object]:
    """Return how ``ecr-exposure replay`` sends the event of a repository again, with an item that is outdated."""

    def deliver(config: ConfigService) -> object:
        (rule,) = config.rules(MEMBER, REGION)
        message = config.change_message(config.record(MEMBER, REGION, name))
        message["configurationItem"]["configuration"] = {"RepositoryName": name, "RepositoryPolicyText": CLOSED}
        return config.invoke(config.event(rule, message) | {"replayed": True}, region=REGION)

    return deliver


REPLAYED: Final = replace(CHANGE, deliver=_replay("opened"))
REPLAYED_DENIED: Final = replace(
    REPLAYED,
    always=(
        Fault(
            "ecr",
            "GetRepositoryPolicy",
            code="AccessDeniedException",
            message="not authorized: ecr:GetRepositoryPolicy with an explicit deny in a resource-based policy",
            times=None,
        ),
    ),
)
REPLAYED_TAGGED: Final = Situation(
    deliver=_replay("tagged"),
    before={"tagged": "NON_COMPLIANT"},
    after={"tagged": "COMPLIANT"},
    without_tags={"tagged": "NON_COMPLIANT"},
    parameters={"excludedPublicTag": "public-on-purpose"},
)
# With half of the organization, the other half would be outside the zone of trust.
ORGANIZATION: Final = Situation(
    deliver=lambda config: config.deliver_change(MEMBER, REGION, "shared"),
    before={"shared": "NON_COMPLIANT"},
    after={"shared": "COMPLIANT"},
    parameters={"publicAccessTest": "external"},
)


class Rehearsal:
    """One situation that is invoked again and again, each time with other faults."""

    def __init__(self, situation: Situation, member: MemberAccount) -> None:
        """Create the repositories of the situation."""
        self._situation = situation
        self._member = member
        names = {*situation.before, *situation.after}
        for name in names:
            member.create(name, POLICIES[name], **TAGS.get(name, {}))
            member.config.record(MEMBER, REGION, name)
        for name in names - {*situation.after}:
            member.organization.delete_repository(MEMBER, REGION, name)

    def outcome(self, faults: Sequence[Fault], *, again: bool = True) -> tuple[Outcome, str]:
        """Return what the invocation with these faults leaves, and its error.

        Raises AssertionError for what must never be: a wrong evaluation, a missing one without an error, a deleted one
        of a repository that exists, an error that is not clear, or, with `again`, a failure without the faults.
        """
        self._restore()
        if any(fault.body is None for fault in faults):
            # A client repeats calls only so many times.
            kept.clients.clear()
        if any(fault.service == "sts" for fault in faults):
            kept.credentials.clear()
        error = self._invoke(faults)
        outcome, message = self._observe(error), str(error or "")
        if again:
            error = self._invoke(())
            assert error is None, f"the invocation after the fault fails: {error}"
            assert self._shown() == self._situation.after, "the invocation after the fault is not complete"
        return outcome, message

    def _restore(self) -> None:
        """Start with the earlier evaluations, and without the accounts of the organization."""
        kept.accounts = None
        store, rule = self._member.organization.config_store, self._member.rule
        store.delete_rule(rule)
        store.put_rule(rule)
        at = self._member.organization.recorder.now().timestamp()
        evaluations = tuple(
            {
                "ComplianceResourceType": RESOURCE_TYPE,
                "ComplianceResourceId": name,
                "ComplianceType": compliance,
                "OrderingTimestamp": at,
            }
            for name, compliance in self._situation.before.items()
        )
        token = store.issue_token(rule)
        store.put_evaluations(
            PutEvaluations(account=MEMBER, region=REGION, result_token=token, test_mode=False, evaluations=evaluations)
        )
        store.calls.clear()

    def _invoke(self, faults: Sequence[Fault]) -> Exception | None:
        calls = self._member.organization.calls
        calls.clear()
        try:
            return self._attempt(faults)
        finally:
            assert len(calls) <= MOST_CALLS, f"the invocation makes {len(calls)} calls"

    def _attempt(self, faults: Sequence[Fault]) -> Exception | None:
        with ExitStack() as stack:
            for fault in (*self._situation.always, *faults):
                stack.enter_context(self._member.organization.faults.inject(fault))
            try:
                self._situation.deliver(self._member.config)
            except Exception as error:  # noqa: BLE001 - the function may raise anything, and Lambda sees it
                return error
        return None

    def _observe(self, error: Exception | None) -> Outcome:
        before, after, shown = self._situation.before, self._situation.after, self._shown()
        without_tags = {**after, **self._situation.without_tags}
        reported = {
            one["ComplianceResourceId"]: one["ComplianceType"]
            for call in self._member.organization.config_store.calls
            for one in call.evaluations
        }
        for name, compliance in reported.items():
            right = {after.get(name, "NOT_APPLICABLE"), without_tags.get(name, "NOT_APPLICABLE")}
            assert compliance in right, f"{name} is reported as {compliance}"
        for name in {*before, *after, *shown}:
            known = {before.get(name), after.get(name), without_tags.get(name)}
            assert shown.get(name) in known, f"{name} is shown as {shown.get(name)}"
        if error is None and shown == without_tags != after:
            return Outcome.NO_EXCEPTION
        if error is None:
            assert shown == after, "the invocation succeeds, and an evaluation is missing"
            return Outcome.REPORTED
        assert isinstance(error, CLEAR_ERRORS), f"the error is not clear: {error!r}"
        if shown == after:
            return Outcome.FAILS_LATE
        return Outcome.FAILS if shown == before else Outcome.FAILS_PARTLY

    def _shown(self) -> Compliances:
        return self._member.compliances()


@contextmanager
def rehearsed(situation: Situation) -> Iterator[Rehearsal]:
    """Create the account of a situation; nothing waits in it, neither for a retry nor for botocore's rate limiter."""
    seconds = count()
    start = datetime.now(UTC)
    environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true", ACCOUNTS_VARIABLE: "true"}
    with LocalOrganization(execution_role=ROLE, clock=lambda: start + timedelta(seconds=next(seconds))) as organization:
        kept.clear()
        config = ConfigService(organization, lambda_handler, environment=environment)
        yield Rehearsal(situation, MemberAccount(organization, config, dict(situation.parameters)))
