"""A local organization, and AWS Config in it with the example rule in every account."""

from collections.abc import Iterator

import pytest

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import HOME, ROLE, ROLE_PARAMETER, RULE, example_handler
from tests.local_aws.organization import LocalOrganization


@pytest.fixture
def organization() -> Iterator[LocalOrganization]:
    """Return an organization whose accounts have the rule's execution role."""
    with LocalOrganization(execution_role=ROLE) as entered:
        yield entered


@pytest.fixture
def config(organization: LocalOrganization) -> ConfigService:
    """Return AWS Config with the example rule in the home region of every account."""
    service = ConfigService(organization, example_handler)
    for account in organization.accounts:
        service.put_rule(account, HOME, RULE, ROLE_PARAMETER)
    return service
