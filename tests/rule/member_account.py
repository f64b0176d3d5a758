"""A member account of a local organization in which the handler evaluates repositories."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from ecr_exposure.aws import ACCOUNTS_VARIABLE
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.config_store import Evaluation
from tests.local_aws.organization import LocalOrganization

RULE: Final = "ecr-repository-no-public-access"
ROLE: Final = "EcrExposureEvaluation"
REGION: Final = "eu-west-1"
OTHER_REGION: Final = "us-east-1"
MEMBER: Final = "444455556666"
OTHER_MEMBER: Final = "777788889999"
ORGANIZATION_ID: Final = "o-abcde12345"

OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
PULL: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
CLOSED: Final = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "ecr:BatchGetImage"}]}
)
# ForAllValues also matches if the key is absent.
FOR_ALL_VALUES: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "Org",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "ecr:BatchGetImage",
            "Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}},
        },
    }
)
# An Allow for everyone, and an explicit deny for principals of other organizations.
EXPLICIT_DENY: Final = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "*",
                "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}},
            },
        ]
    }
)
EXTERNAL_ACCOUNT: Final = CLOSED.replace("111122223333", "999988887777")
ORGANIZATION_ACCOUNT: Final = CLOSED.replace("111122223333", OTHER_MEMBER)


class MemberAccount:
    """One member account and region with the rule."""

    def __init__(self, organization: LocalOrganization, config: ConfigService, parameters: dict[str, str]) -> None:
        """Create the organization rule."""
        self.organization = organization
        self.config = config
        rules = config.put_organization_rule(RULE, parameters)
        self.rule = next(rule for rule in rules if (rule.account, rule.region) == (MEMBER, REGION))

    def create(self, name: str, policy: str | None, **tags: str) -> None:
        """Create a repository in the member account, with these tags."""
        self.organization.create_repository(MEMBER, REGION, name, policy, tags=tags)

    def change_event(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return the change event of a repository, with some fields of its item replaced."""
        message = self.config.change_message(self.config.record(MEMBER, REGION, name))
        message["configurationItem"] |= changes
        return self.config.event(self.rule, message)

    def response_to(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the handler's response to an event."""
        returned = self.config.invoke(event, region=REGION).returned
        assert isinstance(returned, list)
        return returned

    def evaluate_all(self, remaining_milliseconds: Callable[[], float] = lambda: 900_000) -> object:
        """Invoke the function with a scheduled event, and with as much time as it is told; return its response."""
        event = self.config.event(self.rule, self.config.scheduled_message(MEMBER))
        context = SimpleNamespace(get_remaining_time_in_millis=remaining_milliseconds)
        environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true", "AWS_REGION": REGION}
        with patch.dict(os.environ, environment):
            return lambda_handler(event, context)

    def evaluations(self) -> tuple[Evaluation, ...]:
        """Return the evaluations of the rule in the member account."""
        return self.config.evaluations(MEMBER, REGION, self.rule.name)

    def dashboard(self) -> dict[str, tuple[str, str | None]]:
        """Return what AWS Config shows: repository to compliance and annotation."""
        return {row.resource_id: (row.compliance, row.annotation) for row in self.evaluations()}

    def compliances(self) -> dict[str, str]:
        """Return what AWS Config shows: repository to compliance."""
        return {row.resource_id: row.compliance for row in self.evaluations()}

    def read(self) -> list[str]:
        """Return the repositories that GetRepositoryPolicy was called for, in the order of the calls."""
        return [str(call.repository) for call in self.organization.calls if call.operation == "GetRepositoryPolicy"]

    def operations(self) -> list[tuple[str, str]]:
        """Return service and operation of all AWS calls so far."""
        return [(call.service, call.operation) for call in self.organization.calls]


@contextmanager
def deployed(
    parameters: dict[str, str] | None = None,
    *,
    asynchronous: bool = False,
    repositories_per_page: int = 1000,
    list_organization_accounts: str = "",
) -> Iterator[MemberAccount]:
    """Deploy the function to an organization, with the environment variables that the template sets."""
    environment = {
        "EXECUTION_ROLE_NAME": ROLE,
        "ASSUME_ROLE_MODE": "true",
        ACCOUNTS_VARIABLE: list_organization_accounts,
    }
    with LocalOrganization(execution_role=ROLE, repositories_per_page=repositories_per_page) as organization:
        config = ConfigService(organization, lambda_handler, environment=environment, asynchronous=asynchronous)
        member = MemberAccount(organization, config, parameters or {})
        organization.calls.clear()
        yield member
