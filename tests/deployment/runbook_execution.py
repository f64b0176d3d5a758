"""The runbook of deploy/runbook.yaml, executed for one repository of a local organization."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from moto.ecr.models import ecr_backends

from tests.deployment.sam import REGION, RUNBOOK
from tests.local_aws.automation import Automation, Execution
from tests.local_aws.organization import HUB, ORGANIZATION_ID, LocalOrganization
from tests.local_aws.templates import ResolvedTemplate, read_template

ROLE: Final = "EcrExposureEvaluation-Runbook"
REPOSITORY: Final = "team/app"
NOTHING: Final = f"Nothing to do: {REPOSITORY} allows no access for everyone."
FIX: Final = f"use ecr-exposure fix --repository {REPOSITORY}"


@cache
def content(**parameters: str) -> Mapping[str, Any]:
    """Return the content of the document, with these parameters of its template."""
    properties = ResolvedTemplate(read_template(RUNBOOK), parameters).resources["Runbook"]
    document: Mapping[str, Any] = properties["Content"]
    return document


@cache
def script() -> Mapping[str, Any]:
    """Return the names that the script defines."""
    names: dict[str, Any] = {}
    exec(compile(Automation(content()).script, "runbook", "exec"), names)  # noqa: S102 - our own script
    return names


class OneRepository:
    """A repository of the hub account, and its policy as Amazon ECR has it."""

    def __init__(self, organization: LocalOrganization) -> None:
        """Create it without a policy."""
        self.organization = organization
        organization.create_repository(HUB, REGION, REPOSITORY)

    @property
    def policy(self) -> str | None:
        """The text of the policy; None if there is none."""
        policy: str | None = ecr_backends[HUB][REGION].repositories[REPOSITORY].policy
        return policy

    def set_policy(self, text: str | None) -> None:
        """Replace or delete (None) the policy, also by text that Amazon ECR would reject."""
        self.organization.set_policy(HUB, REGION, REPOSITORY, text)

    def close(
        self, text: str | None, *, organization: str = ORGANIZATION_ID, name: str = REPOSITORY, **template: str
    ) -> Execution:
        """Execute the runbook where this is the policy; template: further parameters of deploy/runbook.yaml."""
        self.set_policy(text)
        return self.execute(organization=organization, name=name, **template)

    def execute(self, *, organization: str = ORGANIZATION_ID, name: str = REPOSITORY, **template: str) -> Execution:
        """Execute the runbook as AWS Config does."""
        document = content(OrganizationId=organization, **template)
        session = self.organization.session(HUB, REGION, ROLE)
        role = f"arn:aws:iam::{HUB}:role/{ROLE}"
        return Automation(document).execute(session, HUB, {"RepositoryName": name, "AutomationAssumeRole": role})

    def operations(self) -> list[str]:
        """Return the calls that the runbook has made."""
        return [call.operation for call in self.organization.calls if call.role == ROLE]


@contextmanager
def one_repository() -> Iterator[OneRepository]:
    """Return the repository inside the with block."""
    with LocalOrganization() as organization:
        yield OneRepository(organization)
