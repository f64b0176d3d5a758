"""API operations about recording and dashboards that `preflight` calls and moto 5.2.5 does not emulate.

AWS Config: DescribeDeliveryChannelStatus. AWS Security Hub: ListOrganizationAdminAccounts. AWS CloudFormation:
DescribeOrganizationsAccess, which answers the management account and, with CallAs DELEGATED_ADMIN, a delegated
administrator of StackSets.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

import moto.securityhub.urls
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.config.models import config_backends
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.organizations.models import organizations_backends
from moto.securityhub.responses import SecurityHubResponse

_STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"


@dataclass(slots=True, kw_only=True)
class RecordingServices:
    """What the services return; a test may change it at any time."""

    deliveries: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """Members of DeliveryChannelStatus by account and Region, in place of those of a channel without failures."""
    stack_sets: str = "ENABLED"
    """Status of the trusted access of StackSets."""


@contextmanager
def recording_services() -> Iterator[RecordingServices]:
    """Add the operations to moto inside the with block."""
    services = RecordingServices()
    path = {"{0}/organization/admin$": SecurityHubResponse.dispatch}
    with ExitStack() as stack:
        stack.enter_context(patch.dict(moto.securityhub.urls.url_paths, path))
        for target, name, replacement in (
            (ConfigResponse, "describe_delivery_channel_status", _channel_status(services)),
            (SecurityHubResponse, "list_organization_admin_accounts", _security_hub_administrators),
            (CloudFormationResponse, "describe_organizations_access", _organizations_access(services)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield services


def _channel_status(services: RecordingServices) -> Callable[..., str]:
    def describe_delivery_channel_status(self: ConfigResponse) -> str:
        place = (self.current_account, self.region)
        delivered = services.deliveries.get(place, {"configHistoryDeliveryInfo": {"lastStatus": "SUCCESS"}})
        names = config_backends[place[0]][place[1]].delivery_channels
        return json.dumps({"DeliveryChannelsStatus": [{"name": name, **delivered} for name in names]})

    return describe_delivery_channel_status


def _security_hub_administrators(self: SecurityHubResponse) -> str:
    above = organizations_backends.master_accounts.get(self.current_account)
    if above and above[0] != self.current_account:
        raise JsonRESTError("InvalidAccessException", "Account is not the management account of an organization")
    administrator = self.securityhub_backend._get_org_config()["admin_account_id"]  # noqa: SLF001 - moto has no other way
    accounts = [{"AccountId": administrator, "Status": "ENABLED"}] if administrator else []
    return json.dumps({"AdminAccounts": accounts})


def _organizations_access(services: RecordingServices) -> Callable[..., ActionResult]:
    def describe_organizations_access(self: CloudFormationResponse) -> ActionResult:
        above = organizations_backends.master_accounts.get(self.current_account)
        is_member = bool(above and above[0] != self.current_account)
        if is_member != (self._get_param("CallAs") == "DELEGATED_ADMIN") or (is_member and not _is_delegated(self)):
            raise ValidationError(
                message="You must be the organization's management account or delegated admin account"
            )
        return ActionResult({"Status": services.stack_sets})

    return describe_organizations_access


def _is_delegated(response: CloudFormationResponse) -> bool:
    owner, partition = organizations_backends.master_accounts[response.current_account]
    administrators = organizations_backends[owner][partition].admins
    return any(each.account.id == response.current_account and _STACK_SETS in each.services for each in administrators)
