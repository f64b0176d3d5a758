"""The rule as rdklib runs it: parameters, one changed repository, all repositories of an account.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_lambda-functions.html
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rdklib import ComplianceType, ConfigRule, Evaluation

from ecr_exposure.aws import ClientFactory, organization_members
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.repository import RESOURCE_TYPE, Repository, read_repository
from ecr_exposure.verdict import assess

_logger: Final = logging.getLogger(__name__)

_GONE: Final = {"compliance": "NOT_APPLICABLE", "reasons": ["the repository is gone"]}
# What a call can end with: an error of AWS, no answer, or an answer without what AWS documents.
_FAULTS: Final = (BotoCoreError, ClientError, ResponseParserError, KeyError, TypeError, ValueError)
# So many repositories after each other that cannot be read are not their own fault.
_MOST_IN_A_ROW: Final = 10
# What is left of an invocation to put the evaluations, where it is not a short one.
_RESERVE_MILLISECONDS: Final = 60_000


class EcrRepositoryNoPublicAccess(ConfigRule):  # type: ignore[misc]  # rdklib has no types
    """Marks every repository whose policy lets everyone in; made anew for each invocation.

    asked: whether rdklib asked for evaluations, or answered NOT_APPLICABLE by itself.
    unfinished: what a periodic run could not look at, each with its reason. The invocation must fail
    after what was evaluated has been put.
    """

    # rdklib would clear what a broken run did not get to, and in quadratic time.
    delete_old_evaluations_on_scheduled_notification = False

    def __init__(self, remaining_milliseconds: Callable[[], float] = lambda: inf) -> None:
        """Start with nothing left undone; remaining_milliseconds: how long the invocation may still take."""
        super().__init__()
        self._remaining_milliseconds = remaining_milliseconds
        self._reserve = min(_RESERVE_MILLISECONDS, remaining_milliseconds() / 5)
        self.asked = False
        self.unfinished: list[str] = []
        self._place: dict[str, object] = {}

    def evaluate_parameters(self, rule_parameters: Mapping[str, object]) -> RuleParameters:
        """Return the rule parameters; raises ParameterError."""
        return read_parameters(rule_parameters)

    def evaluate_change(
        self,
        _event: Mapping[str, Any],
        client_factory: ClientFactory,
        configuration_item: Mapping[str, Any],
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Return the evaluation of the repository that changed."""
        self.asked = True
        parameters = _with_members(valid_rule_parameters, client_factory)
        return [_evaluate(read_repository(configuration_item), parameters, datetime.now(UTC))]

    def evaluate_periodic(
        self,
        event: Mapping[str, Any],
        client_factory: ClientFactory,
        valid_rule_parameters: RuleParameters,
    ) -> list[Evaluation]:
        """Return an evaluation of every repository of the account and region.

        Repositories that are gone lose the evaluation that they had, but only where the whole list
        was looked at.
        """
        self.asked = True
        self._place = {"account": event.get("accountId"), "region": os.environ.get("AWS_REGION")}
        now = datetime.now(UTC)
        parameters = _with_members(valid_rule_parameters, client_factory)
        names: set[str] = set()
        evaluations: list[Evaluation] = []
        for repository in self._repositories(client_factory.build_client("ecr")):
            names.add(repository.name)
            evaluations.append(_evaluate(repository, parameters, now))
        if not self.unfinished:
            config = client_factory.build_client("config")
            evaluations.extend(self._gone(config, event["configRuleName"], names))
        return evaluations

    def _repositories(self, ecr: Any) -> Iterator[Repository]:  # noqa: ANN401 - a boto3 client
        pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        in_a_row = 0
        try:
            for listed in (repository for page in pages for repository in page["repositories"]):
                if self._remaining_milliseconds() < self._reserve:
                    self.unfinished.append("the repositories from here on: the time is nearly up")
                    return
                try:
                    yield _repository(ecr, listed)
                    in_a_row = 0
                except ecr.exceptions.RepositoryNotFoundException:
                    continue
                except _FAULTS as error:
                    # Its own policy may forbid the look at it; the others can still be looked at.
                    self.unfinished.append(f"{listed.get('repositoryName')}: {error!r:.300}")
                    in_a_row += 1
                    if in_a_row == _MOST_IN_A_ROW:
                        self.unfinished.insert(0, "the repositories from here on")
                        return
        except _FAULTS as error:
            # What was looked at is put all the same, and the invocation fails.
            self.unfinished.append(f"the repositories from here on: {error!r:.300}")

    def _gone(self, config: Any, rule_name: str, names: set[str]) -> Iterator[Evaluation]:  # noqa: ANN401 - a boto3 client
        pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=rule_name,
            ComplianceTypes=[ComplianceType.COMPLIANT, ComplianceType.NON_COMPLIANT],
            PaginationConfig={"PageSize": 100},
        )
        try:
            for result in (result for page in pages for result in page["EvaluationResults"]):
                resource = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
                if resource["ResourceType"] == RESOURCE_TYPE and resource["ResourceId"] not in names:
                    _logger.info("%s is gone", resource["ResourceId"], extra=self._place | _GONE)
                    yield Evaluation(ComplianceType.NOT_APPLICABLE, resource["ResourceId"], RESOURCE_TYPE)
        except _FAULTS as error:
            # What is evaluated is put all the same; what is stale stays, and the invocation fails.
            self.unfinished.append(f"evaluations of repositories that are gone: {error!r:.300}")


def _with_members(parameters: RuleParameters, client_factory: ClientFactory) -> RuleParameters:
    if parameters.test != "external":
        return parameters
    return replace(parameters, members=organization_members(client_factory))


def _repository(ecr: Any, listed: Mapping[str, Any]) -> Repository:  # noqa: ANN401 - a boto3 client
    name, arn = listed["repositoryName"], listed["repositoryArn"]
    _, _, _, region, account, _ = arn.split(":", 5)
    policy = None
    with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        answer = ecr.get_repository_policy(registryId=listed["registryId"], repositoryName=name)
        policy = answer["policyText"]
    return Repository(account=account, region=region, name=name, arn=arn, policy=policy)


def _evaluate(repository: Repository, parameters: RuleParameters, now: datetime) -> Evaluation:
    verdict = assess(repository, parameters, now)
    _logger.info(
        "%s is %s",
        repository.name,
        verdict.compliance,
        extra={
            "arn": repository.arn,
            "account": repository.account,
            "region": repository.region,
            "publicAccessTest": parameters.test,
            "compliance": verdict.compliance,
            "annotation": verdict.annotation,
            "reasons": [grant.reason for grant in verdict.grants] or [verdict.problem or "no grant"],
            "witnesses": [str(grant.witness) for grant in verdict.grants if grant.witness],
            "advisories": [advisory.text for advisory in verdict.advisories],
        },
    )
    return Evaluation(verdict.compliance, repository.name, RESOURCE_TYPE, verdict.annotation)
