"""API operations of AWS Organizations and AWS Config that `preflight` calls and moto does not emulate.

moto 5.2.5 lets only the management account call Organizations, knows no delegated administrators of
StackSets or of AWS Config aggregators, returns every list in one page (ListAccounts: only the first 100
accounts), and does not keep a recorder's recordingMode.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from moto.config.models import ConfigBackend
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.organizations.models import FakeDelegatedAdministrator, OrganizationsBackend, organizations_backends
from moto.organizations.responses import OrganizationsResponse

from tests.local_aws.moto_organization_services import OrganizationServices, organization_services
from tests.local_aws.moto_recording import recording_services

_DELEGATED: Final = ("config.amazonaws.com", "member.org.stacksets.cloudformation.amazonaws.com")
_LISTS: Final = (
    (OrganizationsResponse, "list_accounts", "Accounts"),
    (OrganizationsResponse, "list_accounts_for_parent", "Accounts"),
    (OrganizationsResponse, "list_organizational_units_for_parent", "OrganizationalUnits"),
    (OrganizationsResponse, "list_aws_service_access_for_organization", "EnabledServicePrincipals"),
    (OrganizationsResponse, "list_delegated_services_for_account", "DelegatedServices"),
    (OrganizationsResponse, "list_delegated_administrators", "DelegatedAdministrators"),
    (ConfigResponse, "describe_configuration_aggregators", "ConfigurationAggregators"),
)


@contextmanager
def organizations_api(*, page: int = 100) -> Iterator[OrganizationServices]:
    """Add the operations to moto inside the with block; ``page`` is the page size of all lists."""
    services = [*FakeDelegatedAdministrator.SUPPORTED_SERVICES, *_DELEGATED]
    with ExitStack() as stack:
        for target, name, replacement in (
            (FakeDelegatedAdministrator, "SUPPORTED_SERVICES", services),
            (OrganizationsResponse, "organizations_backend", property(_backend)),
            (OrganizationsBackend, "list_accounts", _all_accounts),
            (ConfigBackend, "put_configuration_recorder", _put_configuration_recorder()),
            *((response, name, _paged(getattr(response, name), key, page)) for response, name, key in _LISTS),
        ):
            stack.enter_context(patch.object(target, name, replacement))
        recording = stack.enter_context(recording_services())
        yield stack.enter_context(organization_services(page, recording))


def _backend(self: OrganizationsResponse) -> OrganizationsBackend:
    """Give a delegated administrator the management account's view, and other members DescribeOrganization only.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html
    """
    own = organizations_backends[self.current_account][self.partition]
    above = organizations_backends.master_accounts.get(self.current_account)
    if own.org or not above or self._get_action() == "DescribeOrganization":
        return own
    management = organizations_backends[above[0]][above[1]]
    if not any(each.account.id == self.current_account and each.services for each in management.admins):
        raise JsonRESTError("AccessDeniedException", "You don't have permissions to access this resource.")
    return management


def _all_accounts(self: OrganizationsBackend, **_page: object) -> tuple[list[dict[str, Any]], None]:
    """Return all accounts and no token; ``_paged`` makes the pages."""
    return [account.describe() for account in self.accounts], None


def _put_configuration_recorder() -> Callable[..., None]:
    """PutConfigurationRecorder that keeps recordingMode, as DescribeConfigurationRecorders returns it."""
    moto_put = ConfigBackend.put_configuration_recorder

    def put_configuration_recorder(self: ConfigBackend, config_recorder: Mapping[str, Any]) -> None:
        moto_put(self, config_recorder)
        self.recorders[config_recorder["name"]].recording_mode = config_recorder.get("recordingMode")

    return put_configuration_recorder


def _paged(operation: Callable[[Any], str], key: str, size: int) -> Callable[[Any], str]:
    """Return a moto response method that returns its list in pages of ``size``, whatever MaxResults says."""

    def page(self: Any) -> str:
        start = int(self._get_param("NextToken") or 0)
        with patch.object(self, "_get_param", _without_token(self._get_param)):
            content = json.loads(operation(self))
        items = content[key]
        following = {"NextToken": str(start + size)} if start + size < len(items) else {}
        return json.dumps({key: items[start : start + size]} | following)

    return page


def _without_token(get: Callable[..., Any]) -> Callable[..., Any]:
    def get_param(name: str, if_none: Any = None) -> Any:
        return None if name == "NextToken" else get(name, if_none)

    return get_param
