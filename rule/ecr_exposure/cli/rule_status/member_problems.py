"""What AWS reports about the rule and its role in each account: pack, organization rule, stack instances.

A status of AWS is repeated in its own words, with its error code and message.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from ecr_exposure.cli.aggregated_data import Problems
from ecr_exposure.cli.aws_calls import Clients, entries, error_code, message_text
from ecr_exposure.cli.rule_status.evidence import ACTIVE, Member
from ecr_exposure.cli.rule_status.stack_facts import StackFacts
from ecr_exposure.cli.stack import DeployedAs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_organizations import OrganizationsClient

_SUCCESSFUL: Final = ("CREATE_SUCCESSFUL", "UPDATE_SUCCESSFUL")
_MISSING: Final = ("NoSuchOrganizationConformancePackException", "NoSuchOrganizationConfigRuleException")


def read_members(client: "OrganizationsClient") -> tuple[Member, ...]:
    """Return the accounts of the organization, in the order of their IDs; one without a state counts as active."""
    pages = client.get_paginator("list_accounts").paginate()
    # Status is the older name of State: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    members = (
        Member(account=each["Id"], state=each.get("State") or each.get("Status", ACTIVE))
        for each in entries(pages, lambda page: page["Accounts"])
    )
    return tuple(sorted(members, key=lambda each: each.account))


def read_instances(client: "CloudFormationClient", stack: StackFacts) -> Problems:
    """Return the accounts whose stack instance in the home Region is not current.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html
    """
    call_as: Literal["DELEGATED_ADMIN", "SELF"] = "DELEGATED_ADMIN" if stack.in_delegated_administrator else "SELF"
    paginator = client.get_paginator("list_stack_instances")
    pages = paginator.paginate(StackSetName=stack.stack_set, CallAs=call_as)
    try:
        found = {
            each["Account"]: _instance_problem(each)
            for page in pages
            for each in page.get("Summaries", ())
            if each["Region"] == stack.home_region
        }
    except ClientError as error:
        if error_code(error) != "StackSetNotFoundException":
            raise
        absent = f"the StackSet {stack.stack_set}, which creates the role, does not exist in {stack.home_region}"
        return Problems(found={}, otherwise=f"{absent} (CallAs={call_as})")
    return Problems(found=found, otherwise=f"no stack instance of the StackSet {stack.stack_set}, so no role")


def _instance_problem(instance: Mapping[str, Any]) -> str:
    status = instance.get("Status", "UNKNOWN")
    if status == "CURRENT":
        return ""
    detailed = instance.get("StackInstanceStatus", {}).get("DetailedStatus", "")
    shown = f"{status} ({detailed})" if detailed else status
    reason = instance.get("StatusReason", "")
    return f"stack instance {shown}: {message_text(reason) or 'AWS CloudFormation gives no reason'}"


def read_deployments(clients: Clients, stack: StackFacts) -> Problems:
    """Return the accounts in which AWS Config did not deploy the conformance pack or the organization rule."""
    is_pack = stack.deployed_as is DeployedAs.PACK
    return _packs(clients.config, stack.rule_name) if is_pack else _organization_rules(clients.config, stack.rule_name)


def _packs(client: "ConfigServiceClient", name: str) -> Problems:
    """https://docs.aws.amazon.com/config/latest/APIReference/API_OrganizationConformancePackDetailedStatus.html."""
    pages = client.get_paginator("get_organization_conformance_pack_detailed_status").paginate(
        OrganizationConformancePackName=name
    )
    members = entries(pages, lambda page: page["OrganizationConformancePackDetailedStatuses"])
    return _problems("conformance pack", name, ((each["AccountId"], each["Status"], each) for each in members))


def _organization_rules(client: "ConfigServiceClient", name: str) -> Problems:
    """https://docs.aws.amazon.com/config/latest/APIReference/API_MemberAccountStatus.html."""
    pages = client.get_paginator("get_organization_config_rule_detailed_status").paginate(
        OrganizationConfigRuleName=name
    )
    members = entries(pages, lambda page: page["OrganizationConfigRuleDetailedStatus"])
    states = ((each["AccountId"], each["MemberAccountRuleStatus"], each) for each in members)
    return _problems("organization rule", name, states)


def _problems(what: str, name: str, members: Iterable[tuple[str, str, Mapping[str, Any]]]) -> Problems:
    """Return the problem of each member; ``members`` are account, status and what AWS Config returns about it."""
    try:
        found = {account: _deployment_problem(what, status, described) for account, status, described in members}
    except ClientError as error:
        if error_code(error) not in _MISSING:
            raise
        return Problems(found={}, otherwise=f"the organization has no {what.removeprefix('organization ')} {name}")
    return Problems(found=found, otherwise=f"AWS Config lists no {what} for this account")


def _deployment_problem(what: str, status: str, described: Mapping[str, Any]) -> str:
    if status in _SUCCESSFUL:
        return ""
    error = ": ".join(message_text(described[key]) for key in ("ErrorCode", "ErrorMessage") if described.get(key))
    return f"{what} {status}: {error or 'AWS Config gives no reason'}"
