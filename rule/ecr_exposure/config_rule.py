"""The AWS Config rule ecr-repository-no-public-access, as rdklib runs it.

Rule name: ecr-repository-no-public-access
Description: checks that the repository policy of an Amazon ECR private repository grants no public access.
Trigger: configuration changes and, in addition, periodic
Reports on: AWS::ECR::Repository

Rule parameters (all optional):
  publicAccessTest: unconditional (default), reachable or external
  excludedPublicRepositories: comma-separated [account:]pattern of repositories that are public on purpose
  excludedPublicTag: the key of a tag of such repositories; its value is true or the last day of the exception
  trustedAccounts, trustedOrganizations: comma-separated ids inside the zone of trust, for external
  ExecutionRoleName, ExecutionRoleRegion, AssumeRoleMode: rdklib's own

Scenarios:
  1. Given a rule parameter or an event that is invalid: the invocation fails, and no evaluation is reported.
  2. Given a deleted repository, or a resource of another type: NOT_APPLICABLE.
  3. Given a repository without a repository policy: COMPLIANT.
  4. Given a policy that cannot be evaluated: NON_COMPLIANT, the annotation names the place.
  5. Given a policy that grants access by the chosen test: NON_COMPLIANT, the annotation names the grant and, if there
     is room, the command that closes it.
  6. Given such a policy that grants pull and discover only, and a repository that excludedPublicRepositories
     names or that has the tag of excludedPublicTag: COMPLIANT, the annotation names the grant.
  7. Given any other policy: COMPLIANT.
  8. Given a change event that ecr-exposure replay sends again: the same, for the repository as Amazon ECR has it now.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_lambda-functions.html
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from traceback import format_tb
from typing import Any, Final

from rdklib import ConfigRule, Evaluation

from ecr_exposure.aws import ClientFactory, organization_accounts
from ecr_exposure.event import is_replayed
from ecr_exposure.invocation import Invocation
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.periodic import PeriodicRun
from ecr_exposure.policy.json_values import printable
from ecr_exposure.repository import RESOURCE_TYPE, Repository, repository_of_item
from ecr_exposure.verdict import Verdict, cannot_be_evaluated, evaluate_repository, needs_tags

_logger: Final = logging.getLogger(__name__)


class EcrRepositoryNoPublicAccess(ConfigRule):  # type: ignore[misc]  # rdklib has no types
    """Evaluates the repositories that one event is about; rdklib needs a new one for each invocation.

    was_asked: whether rdklib asked for evaluations; if not, it reported NOT_APPLICABLE by itself.
    """

    # rdklib would delete the evaluations that an unfinished run did not get to, and in quadratic time.
    delete_old_evaluations_on_scheduled_notification = False

    def __init__(self, parameters: RuleParameters | None = None, invocation: Invocation | None = None) -> None:
        """Store what the invocation knows.

        parameters: None if rdklib is to read them. invocation: notes what a periodic evaluation could not do.
        """
        super().__init__()
        self._parameters = parameters
        self._invocation = invocation or Invocation()
        self.was_asked = False

    def evaluate_parameters(self, rule_parameters: Mapping[str, object]) -> RuleParameters:
        """Return the rule parameters; raise ParameterError if one is invalid."""
        return self._parameters or read_parameters(rule_parameters)

    def evaluate_change(
        self,
        event: Mapping[str, Any],
        client_factory: ClientFactory,
        configuration_item: Mapping[str, Any],
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Return the evaluation of the repository that changed."""
        self.was_asked = True
        parameters = _with_members(valid_rule_parameters, client_factory)
        if is_replayed(event):
            return [self._run(event, client_factory, parameters).evaluation_of(configuration_item["resourceId"])]
        return [_evaluate(repository_of_item(configuration_item), parameters, datetime.now(UTC))]

    def evaluate_periodic(
        self,
        event: Mapping[str, Any],
        client_factory: ClientFactory,
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Evaluate every repository of the account and region, and return the evaluation that is not yet reported."""
        self.was_asked = True
        parameters = _with_members(valid_rule_parameters, client_factory)
        return self._run(event, client_factory, parameters).evaluations()

    def _run(self, event: Mapping[str, Any], client_factory: ClientFactory, parameters: RuleParameters) -> PeriodicRun:
        now = datetime.now(UTC)
        evaluate = partial(_evaluate, parameters=parameters, now=now)
        asks_for_tags = partial(needs_tags, parameters=parameters, now=now)
        return PeriodicRun(event, client_factory, self._invocation, evaluate, asks_for_tags)


def _with_members(parameters: RuleParameters, client_factory: ClientFactory) -> RuleParameters:
    if not parameters.test.needs_zone_of_trust:
        return parameters
    return replace(parameters, trusted_accounts=parameters.trusted_accounts | organization_accounts(client_factory))


def _evaluate(repository: Repository, parameters: RuleParameters, now: datetime) -> Evaluation:
    """Return the evaluation of one repository, whatever its policy is, and log it; raise if it cannot be logged."""
    try:
        verdict = evaluate_repository(repository, parameters, now)
        _log(repository, parameters, verdict)
    except Exception as error:  # noqa: BLE001 - one repository must not stop another
        verdict = cannot_be_evaluated(f"unexpected error: {type(error).__name__}")
        _log(repository, parameters, verdict, at=format_tb(error.__traceback__, limit=-3))
    return Evaluation(verdict.compliance, repository.name, RESOURCE_TYPE, verdict.annotation)


def _log(repository: Repository, parameters: RuleParameters, verdict: Verdict, at: Iterable[str] = ()) -> None:
    _logger.info(
        "%s is %s",
        repository.name,
        verdict.compliance,
        extra={
            "arn": repository.arn,
            "account": repository.account,
            "region": repository.region,
            "publicAccessTest": parameters.test.name,
            "compliance": verdict.compliance,
            "annotation": verdict.annotation,
            # Lambda writes no line that has half a surrogate pair, which a policy can hold.
            "reasons": [printable(grant.reason) for grant in verdict.grants] or [verdict.problem or "no grant"],
            "witnesses": [printable(str(grant.witness)) for grant in verdict.grants if grant.witness],
            "advisories": [printable(advisory.text) for advisory in verdict.advisories],
            **({"fix": verdict.fix} if verdict.fix else {}),
            **({"unexpectedErrorAt": list(at)} if at else {}),
        },
    )
