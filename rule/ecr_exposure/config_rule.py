"""The AWS Config rule ecr-repository-no-public-access, as rdklib runs it.

Rule name: ecr-repository-no-public-access
Description: checks that the repository policy of an Amazon ECR private repository grants no public access.
Trigger: configuration changes and, in addition, periodic
Reports on: AWS::ECR::Repository

Rule parameters (all optional):
  publicAccessTest: unconditional (default), reachable or external
  excludedPublicRepositories: comma-separated [account:]pattern of repositories that are public on purpose
  trustedAccounts, trustedOrganizations: comma-separated ids inside the zone of trust, for external
  ExecutionRoleName, ExecutionRoleRegion, AssumeRoleMode: rdklib's own

Scenarios:
  1. Given a rule parameter or an event that is invalid: the invocation fails, and no evaluation is reported.
  2. Given a deleted repository, or a resource of another type: NOT_APPLICABLE.
  3. Given a repository without a repository policy: COMPLIANT.
  4. Given a policy that cannot be evaluated: NON_COMPLIANT, the annotation names the place.
  5. Given a policy that grants access by the chosen test: NON_COMPLIANT, the annotation names the grant.
  6. Given such a policy that grants pull and discover only, and excludedPublicRepositories names the
     repository: COMPLIANT, the annotation names the grant.
  7. Given any other policy: COMPLIANT.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_lambda-functions.html
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rdklib import ComplianceType, ConfigRule, Evaluation

from ecr_exposure.aws import ClientFactory, organization_accounts
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.repository import RESOURCE_TYPE, Repository, repository_of_api, repository_of_item
from ecr_exposure.verdict import evaluate_repository

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import RepositoryTypeDef

_logger: Final = logging.getLogger(__name__)

_DELETED: Final = {"compliance": "NOT_APPLICABLE", "reasons": ["the repository does not exist any more"]}
# What a call can end with: an error of AWS, no response, or a response without what AWS documents.
_FAULTS: Final = (BotoCoreError, ClientError, ResponseParserError, KeyError, TypeError, ValueError)
# If so many repositories in a row cannot be read, the cause is not one repository.
_MOST_IN_A_ROW: Final = 10
# The time that is left to report evaluations, unless the invocation is a short one.
_RESERVE_MILLISECONDS: Final = 60_000


class EcrRepositoryNoPublicAccess(ConfigRule):  # type: ignore[misc]  # rdklib has no types
    """Evaluates the repositories that one event is about; rdklib needs a new one for each invocation.

    was_asked: whether rdklib asked for evaluations; if not, it reported NOT_APPLICABLE by itself.
    not_evaluated: what a periodic evaluation could not evaluate, each with its reason. The invocation must fail after
    the other evaluations are reported.
    """

    # rdklib would delete the evaluations that an unfinished run did not get to, and in quadratic time.
    delete_old_evaluations_on_scheduled_notification = False

    def __init__(
        self, parameters: RuleParameters | None = None, remaining_milliseconds: Callable[[], float] | None = None
    ) -> None:
        """Store what the invocation knows.

        parameters: None if rdklib is to read them. remaining_milliseconds: how long the invocation may still
        take; None for no limit.
        """
        super().__init__()
        self._parameters = parameters
        self._remaining_milliseconds = remaining_milliseconds or (lambda: inf)
        self._reserve = min(_RESERVE_MILLISECONDS, self._remaining_milliseconds() / 5)
        self.was_asked = False
        self.not_evaluated: list[str] = []
        self._place: dict[str, object] = {}

    def evaluate_parameters(self, rule_parameters: Mapping[str, object]) -> RuleParameters:
        """Return the rule parameters; raise ParameterError if one is invalid."""
        return self._parameters or read_parameters(rule_parameters)

    def evaluate_change(
        self,
        _event: Mapping[str, Any],
        client_factory: ClientFactory,
        configuration_item: Mapping[str, Any],
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Return the evaluation of the repository that changed."""
        self.was_asked = True
        parameters = _with_members(valid_rule_parameters, client_factory)
        return [_evaluate(repository_of_item(configuration_item), parameters, datetime.now(UTC))]

    def evaluate_periodic(
        self,
        event: Mapping[str, Any],
        client_factory: ClientFactory,
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Return an evaluation of every repository of the account and region.

        The evaluations of deleted repositories become NOT_APPLICABLE, but only if all repositories were listed.
        """
        self.was_asked = True
        self._place = {"account": event.get("accountId"), "region": os.environ.get("AWS_REGION")}
        now = datetime.now(UTC)
        parameters = _with_members(valid_rule_parameters, client_factory)
        names: set[str] = set()
        evaluations: list[Evaluation] = []
        for repository in self._repositories(client_factory.build_client("ecr")):
            names.add(repository.name)
            evaluations.append(_evaluate(repository, parameters, now))
        if not self.not_evaluated:
            config = client_factory.build_client("config")
            evaluations.extend(self._deleted(config, event["configRuleName"], names))
        return evaluations

    def _repositories(self, ecr: "ECRClient") -> Iterator[Repository]:
        pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        in_a_row = 0
        try:
            for listed in (repository for page in pages for repository in page["repositories"]):
                if self._remaining_milliseconds() < self._reserve:
                    self.not_evaluated.append("all further repositories: the invocation is about to time out")
                    return
                try:
                    yield _repository(ecr, listed)
                    in_a_row = 0
                except ecr.exceptions.RepositoryNotFoundException:
                    continue
                except _FAULTS as error:
                    # Its own policy may deny ecr:GetRepositoryPolicy; the others can still be read.
                    self.not_evaluated.append(f"{listed.get('repositoryName')}: {error!r:.300}")
                    in_a_row += 1
                    if in_a_row == _MOST_IN_A_ROW:
                        self.not_evaluated.insert(0, "all further repositories")
                        return
        except _FAULTS as error:
            # The evaluations so far are reported all the same, and the invocation fails.
            self.not_evaluated.append(f"all further repositories: {error!r:.300}")

    def _deleted(self, config: "ConfigServiceClient", rule_name: str, names: set[str]) -> Iterator[Evaluation]:
        """Yield NOT_APPLICABLE for each evaluation of a repository that is not among the names."""
        pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=rule_name,
            ComplianceTypes=["COMPLIANT", "NON_COMPLIANT"],
            PaginationConfig={"PageSize": 100},
        )
        try:
            for result in (result for page in pages for result in page["EvaluationResults"]):
                resource = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
                if resource["ResourceType"] == RESOURCE_TYPE and resource["ResourceId"] not in names:
                    _logger.info("%s is deleted", resource["ResourceId"], extra=self._place | _DELETED)
                    yield Evaluation(ComplianceType.NOT_APPLICABLE, resource["ResourceId"], RESOURCE_TYPE)
        except _FAULTS as error:
            # The evaluations are reported all the same; outdated ones stay, and the invocation fails.
            self.not_evaluated.append(f"evaluations of deleted repositories: {error!r:.300}")


def _with_members(parameters: RuleParameters, client_factory: ClientFactory) -> RuleParameters:
    if not parameters.test.needs_zone_of_trust:
        return parameters
    return replace(parameters, members=organization_accounts(client_factory))


def _repository(ecr: "ECRClient", listed: "RepositoryTypeDef") -> Repository:
    name = listed["repositoryName"]
    policy = None
    with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        policy = ecr.get_repository_policy(registryId=listed["registryId"], repositoryName=name)["policyText"]
    return repository_of_api(name, listed["repositoryArn"], policy)


def _evaluate(repository: Repository, parameters: RuleParameters, now: datetime) -> Evaluation:
    verdict = evaluate_repository(repository, parameters, now)
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
            "reasons": [grant.reason for grant in verdict.grants] or [verdict.problem or "no grant"],
            "witnesses": [str(grant.witness) for grant in verdict.grants if grant.witness],
            "advisories": [advisory.text for advisory in verdict.advisories],
        },
    )
    return Evaluation(verdict.compliance, repository.name, RESOURCE_TYPE, verdict.annotation)
