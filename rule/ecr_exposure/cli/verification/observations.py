"""What ``verify`` reads besides AWS Config; what cannot be read is Unknown, never an error."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ecr_exposure.aws import FOREIGN_RESPONSE
from ecr_exposure.cli.aws_calls import (
    Clients,
    CredentialsExpiredError,
    NotAwsError,
    Unknown,
    attempt,
    entries,
    error_code,
    error_text,
    required,
)
from ecr_exposure.cli.stack import Deployment
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification.open_questions import AutomationRule, MemberRoles, NotEnabled, SecurityHubFinding

if TYPE_CHECKING:
    from mypy_boto3_securityhub.type_defs import AutomationRulesMetadataTypeDef, AwsSecurityFindingFiltersTypeDef

_Value = TypeVar("_Value")
_HOUR: Final = timedelta(hours=1)


def find_finding(clients: Clients, rule: str, repository: str) -> SecurityHubFinding | None:
    """Return the active finding of a rule about a repository, a FAILED one first; raises AWS_ERRORS.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
    """
    filters: AwsSecurityFindingFiltersTypeDef = {
        "ProductName": [{"Value": "Config", "Comparison": "EQUALS"}],
        "Title": [{"Value": rule, "Comparison": "EQUALS"}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
        # The repository is minutes old, so older findings need not be read.
        "CreatedAt": [{"DateRange": {"Value": 1, "Unit": "DAYS"}}],
    }
    paginator = clients.security_hub.get_paginator("get_findings")
    # PageSize becomes MaxResults, of which GetFindings accepts 100 at most.
    pages = paginator.paginate(Filters=filters, PaginationConfig={"PageSize": 100})
    found = [
        SecurityHubFinding(
            severity=each.get("Severity", {}).get("Label", "none"),
            failed=each.get("Compliance", {}).get("Status") == "FAILED",
        )
        for each in entries(pages, lambda page: page["Findings"])
        if _is_about(each, rule, repository)
    ]
    return max(found, key=lambda finding: finding.failed, default=None)


def why_no_finding(error: BaseException) -> Unknown:
    """Return what a failed GetFindings means.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html#API_GetFindings_Errors
    """
    if error_code(error) == "InvalidAccessException":
        return NotEnabled("Security Hub is not enabled here, or this account has no access to it")
    return Unknown(f"the findings could not be read: {error_text(error)}")


def accepts_config(clients: Clients) -> bool | Unknown:
    """Return whether Security Hub accepts findings of AWS Config: then there is a subscription to aws/config."""

    def read() -> bool:
        pages = clients.security_hub.get_paginator("list_enabled_products_for_import").paginate()
        subscriptions = entries(pages, lambda page: page["ProductSubscriptions"])
        return any(arn.endswith("/aws/config") for arn in subscriptions)

    return _attempt(read, "Security Hub's integrations could not be read")


def automation_rules(clients: Clients, rule_name: str) -> tuple[AutomationRule, ...] | Unknown:
    """Return the automation rules named after the rule; only the Security Hub administrator can read them."""

    def read() -> tuple[AutomationRule, ...]:
        return tuple(
            AutomationRule(name=rule["RuleName"], enabled=rule["RuleStatus"] == "ENABLED")
            for rule in _automation_rules(clients)
            if rule_name in rule["RuleName"]
        )

    return _attempt(read, "the automation rules could not be read")


def function_policy(clients: Clients, deployment: Deployment) -> Mapping[str, Any] | Unknown:
    """Return the function's resource-based policy."""
    functions = clients.functions
    if not hasattr(functions, "get_resource_policy"):
        return Unknown("this version of boto3 has no lambda:GetResourcePolicy: update boto3")

    def read() -> Mapping[str, Any]:
        response = functions.get_resource_policy(ResourceArn=deployment.function_arn)
        try:
            policy: Mapping[str, Any] = json.loads(response["Policy"])
        except (KeyError, ValueError):
            raise NotAwsError("the response has no policy") from None
        return policy

    return _attempt(read, "the function's policy could not be read")


def member_roles(clients: Clients, deployment: Deployment, clock: Clock) -> MemberRoles | Unknown:
    """Return which accounts have an instance of the role StackSet; only for a delegated administrator's home region."""
    if deployment.member_roles is None:
        return Unknown("this stack has no role StackSet")
    if deployment.deployed_from != "delegated-administrator":
        return Unknown("the stack is in the management account, where the StackSet has no filter")
    stack_set = deployment.member_roles

    def read() -> MemberRoles:
        accounts = clients.organizations.get_paginator("list_accounts").paginate()
        instances = clients.cloudformation.get_paginator("list_stack_instances")
        pages = instances.paginate(StackSetName=stack_set, CallAs="DELEGATED_ADMIN")
        return MemberRoles(
            changed_at=deployment.changed_at,
            now=clock.today(),
            joined={
                account["Id"]: account["JoinedTimestamp"]
                for account in entries(accounts, lambda page: page["Accounts"])
                if account.get("State", account.get("Status")) == "ACTIVE"
            },
            instances={each["Account"]: each["Status"] for page in pages for each in page.get("Summaries", [])},
        )

    return _attempt(read, "accounts or stack instances could not be read")


def refused_responses(clients: Clients, deployment: Deployment, clock: Clock) -> int | Unknown:
    """Count the last hour's log events in which the function refused a response to PutEvaluations."""

    def read() -> int:
        pages = clients.logs.get_paginator("filter_log_events")
        since = int((clock.today() - _HOUR).timestamp() * 1000)
        pattern = f'"{FOREIGN_RESPONSE}"'
        found = pages.paginate(logGroupName=deployment.log_group, startTime=since, filterPattern=pattern)
        return sum(1 for _ in entries(found, lambda page: page["events"]))

    return _attempt(read, "the function's log could not be read")


def _attempt(read: Callable[[], _Value], failure: str) -> _Value | Unknown:
    """Return what is read, or why not: an answer that is missing, also for expired credentials, ends no run."""
    try:
        return attempt(read, failure)
    except CredentialsExpiredError as error:
        return Unknown(f"{failure}: {error}")


def _is_about(finding: Mapping[str, Any], rule: str, repository: str) -> bool:
    """Compare once more: a repository's name cannot be filtered by, and a stand-in may ignore all filters."""
    return (
        finding.get("ProductName") == "Config"
        and finding.get("Title") == rule
        and finding.get("RecordState") == "ACTIVE"
        and any(repository in resource.get("Id", "") for resource in finding.get("Resources", []))
    )


def _automation_rules(clients: Clients) -> Iterator["AutomationRulesMetadataTypeDef"]:
    page = clients.security_hub.list_automation_rules()
    while True:
        yield from required(page, lambda response: response["AutomationRulesMetadata"])
        token = page.get("NextToken")
        if not token:
            return
        page = clients.security_hub.list_automation_rules(NextToken=token)
