"""Invocations of the local Lambda function."""

import os
from typing import Any

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import (
    ABROAD,
    HOME,
    ONE,
    PUBLIC,
    ROLE,
    ROLE_PARAMETER,
    RULE,
    compliances,
    example_handler,
)
from tests.local_aws.faults import Fault
from tests.local_aws.lambda_function import LambdaContext
from tests.local_aws.organization import LocalOrganization


class TestAsynchronousInvocations:
    """Lambda retries an asynchronous invocation twice."""

    def test_failing_invocation_is_attempted_three_times(self, organization: LocalOrganization) -> None:
        requests: list[str] = []

        def broken(event: dict[str, Any], context: LambdaContext) -> None:
            requests.append(context.aws_request_id)
            event.clear()
            raise RuntimeError("broken")

        config = ConfigService(organization, broken, asynchronous=True)
        config.put_rule(ONE, HOME, RULE)
        (invocation,) = config.deliver_scheduled(ONE, HOME)
        assert config.on_failure == [invocation]
        assert (invocation.attempts, str(invocation.error)) == (3, "broken")
        assert invocation.event["accountId"] == ONE
        assert len(requests) == 3
        assert set(requests) == {invocation.request_id}

    def test_invocation_that_succeeds_on_retry_has_no_error(self, organization: LocalOrganization) -> None:
        config = ConfigService(organization, example_handler, asynchronous=True)
        config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        denied = Fault("config", "PutEvaluations", code="AccessDeniedException")
        with organization.faults.inject(denied):
            (invocation,) = config.deliver_change(ONE, HOME, "app")
        assert (invocation.attempts, invocation.error) == (2, None)
        assert config.on_failure == []
        assert compliances(config) == {"app": "NON_COMPLIANT"}


class TestEnvironment:
    """Environment variables and context object."""

    def test_handler_gets_the_functions_variables_and_context(self, organization: LocalOrganization) -> None:
        def describe(_event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
            return {
                "variables": [os.environ.get(name) for name in ("EXECUTION_ROLE_NAME", "AWS_REGION")],
                "function": context.invoked_function_arn.rpartition(":")[2],
                "log": context.log_group_name,
                "time remains": context.get_remaining_time_in_millis() > 0,
            }

        config = ConfigService(organization, describe, environment={"EXECUTION_ROLE_NAME": ROLE})
        config.put_rule(ONE, ABROAD, RULE)
        (invocation,) = config.deliver_scheduled(ONE, ABROAD)
        assert invocation.returned == {
            "variables": [ROLE, ABROAD],
            "function": "ecr-repository-no-public-access",
            "log": "/aws/lambda/ecr-repository-no-public-access",
            "time remains": True,
        }
        assert "EXECUTION_ROLE_NAME" not in os.environ
