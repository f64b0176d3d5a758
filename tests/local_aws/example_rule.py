"""A minimal rule built with rdklib alone, to test the local organization without the rule of this project."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch

import pytest
import rdklib.clientfactory
import rdklib.evaluator
from botocore.exceptions import ClientError
from rdklib import ConfigRule, Evaluation, Evaluator

from tests.local_aws.config_service import ConfigService
from tests.local_aws.lambda_function import LambdaContext
from tests.local_aws.organization import MEMBERS

ONE, TWO = MEMBERS
HOME, ABROAD = "eu-west-1", "us-east-1"
RULE: Final = "OrgConfigRule-ecr-repository-no-public-access-abcd1234"
ROLE: Final = "rule-role"
ROLE_PARAMETER: Final = {"ExecutionRoleName": ROLE}
PRIVATE: Final = '{"Version": "2012-10-17", "Statement": []}'
PUBLIC: Final = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}}'
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


class ExampleRule(ConfigRule):  # type: ignore[misc]  # rdklib has no types
    """A policy that contains ``"*"`` is NON_COMPLIANT."""

    def evaluate_change(
        self,
        _event: Mapping[str, Any],
        _client_factory: object,
        configuration_item: Mapping[str, Any],
        _parameters: Mapping[str, str],
    ) -> list[Evaluation]:
        """Evaluate a configuration item."""
        return [Evaluation(_compliance(configuration_item["configuration"]["RepositoryPolicyText"]))]

    def evaluate_periodic(
        self,
        _event: Mapping[str, Any],
        client_factory: Any,
        _parameters: Mapping[str, str],
    ) -> list[Evaluation]:
        """Evaluate every repository."""
        ecr = client_factory.build_client("ecr")
        evaluations = []
        for page in ecr.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                name, text = repository["repositoryName"], ""
                with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
                    text = ecr.get_repository_policy(repositoryName=name)["policyText"]
                evaluations.append(Evaluation(_compliance(text), name, "AWS::ECR::Repository"))
        return evaluations


def unchecked_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Return what rdklib returns: evaluations, or a description of an error."""
    # The handler of this project replaces rdklib's ClientFactory when it is imported.
    with patch.object(rdklib.evaluator, "ClientFactory", rdklib.clientfactory.ClientFactory):
        return Evaluator(ExampleRule(), ["AWS::ECR::Repository"]).handle(event, context)


def example_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Raise ValueError for an error that rdklib describes."""
    response = unchecked_handler(event, context)
    if not isinstance(response, list):
        raise ValueError(response["customerErrorCode"] or response["internalErrorMessage"])  # noqa: TRY004 - AWS's error


def compliances(config: ConfigService, account: str = ONE) -> dict[str, str]:
    """Return what the dashboard of an account shows for the rule: repository to compliance."""
    return {row.resource_id: row.compliance for row in config.evaluations(account, HOME, RULE)}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Return the AWS error code of a raised ClientError."""
    return str(error.value.response["Error"]["Code"])


def _compliance(policy_text: object) -> str:
    return "NON_COMPLIANT" if '"*"' in str(policy_text) else "COMPLIANT"
