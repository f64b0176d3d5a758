"""API operations about what AWS deploys to each account: packs and rules of AWS Config, stack instances.

moto 5.2.5 has neither organization rules nor organization conformance packs, and no service-managed StackSets. Each
test chooses what AWS reports.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from moto.cloudformation.exceptions import StackSetNotFoundException
from moto.cloudformation.responses import CloudFormationResponse
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

_NOW: Final = 1_795_000_000


@dataclass(slots=True)
class MemberDeployment:
    """The pack or the rule in one account, as AWS Config reports it."""

    status: str = "CREATE_SUCCESSFUL"
    code: str = ""
    message: str = ""


@dataclass(slots=True)
class Instance:
    """A stack instance, as AWS CloudFormation reports it."""

    status: str = "CURRENT"
    detailed: str = "SUCCEEDED"
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class MemberDeployments:
    """What AWS reports; a test may change it at any time."""

    name: str
    """Of the organization's rule or conformance pack."""
    stack_set: str
    call_as: str
    home_region: str
    page: int = 100
    packs: dict[tuple[str, str], MemberDeployment] = field(default_factory=dict)
    """By Region and account; without any in a Region, the pack does not exist there."""
    rules: dict[tuple[str, str], MemberDeployment] = field(default_factory=dict)
    """By Region and account."""
    instances: dict[str, Instance] = field(default_factory=dict)
    """By account, in the home Region."""


@contextmanager
def member_deployments(deployments: MemberDeployments) -> Iterator[MemberDeployments]:
    """Add the operations to moto inside the with block."""
    with ExitStack() as stack:
        for target, name, replacement in (
            (ConfigResponse, "get_organization_conformance_pack_detailed_status", _packs(deployments)),
            (ConfigResponse, "get_organization_config_rule_detailed_status", _rules(deployments)),
            (CloudFormationResponse, "list_stack_instances", _stack_instances(deployments)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield deployments


def _packs(deployments: MemberDeployments) -> Callable[..., str]:
    """GetOrganizationConformancePackDetailedStatus."""

    def get_organization_conformance_pack_detailed_status(self: ConfigResponse) -> str:
        rows = [
            {"AccountId": account, "ConformancePackName": f"OrgConformsPack-{deployments.name}", "Status": each.status}
            | _common(each)
            for account, each in _in_region(deployments.packs, self.region)
        ]
        if not rows or self._get_param("OrganizationConformancePackName") != deployments.name:
            raise JsonRESTError("NoSuchOrganizationConformancePackException", "The pack does not exist")
        return _page(self, deployments.page, "OrganizationConformancePackDetailedStatuses", rows)

    return get_organization_conformance_pack_detailed_status


def _rules(deployments: MemberDeployments) -> Callable[..., str]:
    """GetOrganizationConfigRuleDetailedStatus."""

    def get_organization_config_rule_detailed_status(self: ConfigResponse) -> str:
        rows = [
            {"AccountId": account, "ConfigRuleName": f"OrgConfigRule-{deployments.name}"}
            | {"MemberAccountRuleStatus": each.status}
            | _common(each)
            for account, each in _in_region(deployments.rules, self.region)
        ]
        if not rows or self._get_param("OrganizationConfigRuleName") != deployments.name:
            raise JsonRESTError("NoSuchOrganizationConfigRuleException", "The rule does not exist")
        return _page(self, deployments.page, "OrganizationConfigRuleDetailedStatus", rows)

    return get_organization_config_rule_detailed_status


def _in_region(found: dict[tuple[str, str], MemberDeployment], region: str) -> Iterator[tuple[str, MemberDeployment]]:
    return ((account, each) for (where, account), each in found.items() if where == region)


def _common(deployment: MemberDeployment) -> dict[str, Any]:
    error = {"ErrorCode": deployment.code, "ErrorMessage": deployment.message} if deployment.code else {}
    return {"LastUpdateTime": _NOW} | error


def _stack_instances(deployments: MemberDeployments) -> Callable[..., ActionResult]:
    """ListStackInstances of a service-managed StackSet."""

    def list_stack_instances(self: CloudFormationResponse) -> ActionResult:
        name = self._get_param("StackSetName")
        if self._get_param("CallAs") != deployments.call_as:
            raise AssertionError(f"the StackSet is managed with CallAs={deployments.call_as}")
        if name != deployments.stack_set or self.region != deployments.home_region:
            raise StackSetNotFoundException(name)
        summaries = [
            {
                "StackSetId": f"{name}:1",
                "Region": self.region,
                "Account": account,
                "Status": each.status,
                "StackInstanceStatus": {"DetailedStatus": each.detailed},
            }
            | ({"StatusReason": each.reason} if each.reason else {})
            for account, each in deployments.instances.items()
        ]
        start = int(self._get_param("NextToken") or 0)
        last = start + deployments.page
        following = {"NextToken": str(last)} if last < len(summaries) else {}
        return ActionResult({"Summaries": summaries[start:last]} | following)

    return list_stack_instances


def _page(response: ConfigResponse, size: int, key: str, rows: Sequence[Any]) -> str:
    start = int(response._get_param("NextToken") or 0)  # noqa: SLF001 - moto's own methods use it
    following = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return json.dumps({key: rows[start : start + size]} | following)
