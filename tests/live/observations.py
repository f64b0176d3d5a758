"""What the live check reads beside AWS Config; what cannot be read becomes an Unknown, never an error."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from tests.live.clients import Clients, entries
from tests.live.clock import Clock
from tests.live.deployment import Deployment
from tests.live.errors import StrangeAnswerError, Unknown, attempt, code_of, told
from tests.live.observed import AutomationRule, HubFinding, MemberRoles

# What the function raises, and Lambda logs, where PutEvaluations' answer has no request id.
REFUSAL: Final = "PutEvaluations was answered by did not come from AWS Config"
_HOUR: Final = timedelta(hours=1)


def finding_of(clients: Clients, rule: str, repository: str) -> HubFinding | None:
    """Return the active finding of a rule about a repository, a FAILED one first; raises AWS_ERRORS.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
    """
    filters = {
        "ProductName": [{"Value": "Config", "Comparison": "EQUALS"}],
        "Title": [{"Value": rule, "Comparison": "EQUALS"}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
        # The repository is minutes old: the findings of all others need not be read.
        "CreatedAt": [{"DateRange": {"Value": 1, "Unit": "DAYS"}}],
    }
    pages = clients("securityhub").get_paginator("get_findings").paginate(Filters=filters, MaxResults=100)
    found = [
        HubFinding(
            severity=each.get("Severity", {}).get("Label", "none"),
            failed=each.get("Compliance", {}).get("Status") == "FAILED",
        )
        for each in entries(pages, "Findings")
        if _is_about(each, rule, repository)
    ]
    return max(found, key=lambda finding: finding.failed, default=None)


def why_no_finding(error: BaseException) -> Unknown:
    """Return what a failed GetFindings means."""
    if code_of(error) == "InvalidAccessException":
        return Unknown("Security Hub is not enabled here")
    return Unknown(f"the findings could not be read: {told(error)}")


def accepts_config(clients: Clients) -> bool | Unknown:
    """Tell whether Security Hub takes findings of AWS Config; its subscription ends in aws/config."""

    def read() -> bool:
        pages = clients("securityhub").get_paginator("list_enabled_products_for_import").paginate()
        return any(arn.endswith("/aws/config") for arn in entries(pages, "ProductSubscriptions"))

    return attempt(read, "Security Hub's integrations could not be read")


def automation_rules(clients: Clients, rule_name: str) -> tuple[AutomationRule, ...] | Unknown:
    """Return the automation rules named after the rule; only Security Hub's administrator sees them."""

    def read() -> tuple[AutomationRule, ...]:
        return tuple(
            AutomationRule(name=rule["RuleName"], enabled=rule["RuleStatus"] == "ENABLED")
            for rule in _automation_rules(clients)
            if rule_name in rule["RuleName"]
        )

    return attempt(read, "the automation rules could not be read")


def function_policy(clients: Clients, deployment: Deployment) -> Mapping[str, Any] | Unknown:
    """Return the resource policy of the function."""

    def read() -> Mapping[str, Any]:
        answer = clients("lambda").get_resource_policy(ResourceArn=deployment.function_arn)
        try:
            policy: Mapping[str, Any] = json.loads(answer["Policy"])
        except (KeyError, ValueError):
            raise StrangeAnswerError("the answer holds no policy") from None
        return policy

    return attempt(read, "the function's policy could not be read")


def member_roles(clients: Clients, deployment: Deployment, clock: Clock) -> MemberRoles | Unknown:
    """Return who has an instance of the role StackSet; Unknown but for a delegated administrator at home."""
    if deployment.member_roles is None:
        return Unknown("this stack holds no role StackSet")
    if deployment.deployed_from != "delegated-administrator":
        return Unknown("the stack is in the management account, where the StackSet has no filter")

    def read() -> MemberRoles:
        accounts = clients("organizations").get_paginator("list_accounts").paginate()
        instances = clients("cloudformation").get_paginator("list_stack_instances")
        pages = instances.paginate(StackSetName=deployment.member_roles, CallAs="DELEGATED_ADMIN")
        return MemberRoles(
            changed_at=deployment.changed_at,
            now=clock.today(),
            joined={
                account["Id"]: account["JoinedTimestamp"]
                for account in entries(accounts, "Accounts")
                if account.get("State", account.get("Status")) == "ACTIVE"
            },
            instances={each["Account"]: each["Status"] for page in pages for each in page.get("Summaries", [])},
        )

    return attempt(read, "accounts or stack instances could not be read")


def refusals(clients: Clients, deployment: Deployment, clock: Clock) -> int | Unknown:
    """Count the failures of the last hour where the function took an answer for a stranger's."""

    def read() -> int:
        pages = clients("logs").get_paginator("filter_log_events")
        since = int((clock.today() - _HOUR).timestamp() * 1000)
        found = pages.paginate(logGroupName=deployment.log_group, startTime=since, filterPattern=f'"{REFUSAL}"')
        return sum(1 for _ in entries(found, "events"))

    return attempt(read, "the function's log could not be read")


def _is_about(finding: Mapping[str, Any], rule: str, repository: str) -> bool:
    """Filter once more: the name of a repository is no filter, and a stand-in may ignore all of them."""
    return (
        finding.get("ProductName") == "Config"
        and finding.get("Title") == rule
        and finding.get("RecordState") == "ACTIVE"
        and any(repository in resource.get("Id", "") for resource in finding.get("Resources", []))
    )


def _automation_rules(clients: Clients) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = clients("securityhub").list_automation_rules(**token)
        yield from entries([page], "AutomationRulesMetadata")
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
