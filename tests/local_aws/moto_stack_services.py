"""API operations that `verify` calls for a deployed stack and moto does not emulate.

AWS Config: DescribeConfigRules with the rules of the ``config_store``. Security Hub: findings of AWS Config,
automation rules, integrations. Lambda: GetResourcePolicy. CloudFormation: stack instances of a service-managed
StackSet. Whether real AWS sends these findings, and how automation rules change them, is not known here:
each test chooses.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import unquote

import moto.awslambda.urls
import moto.securityhub.urls
from moto.awslambda.responses import LambdaResponse
from moto.cloudformation.responses import CloudFormationResponse
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.securityhub.responses import SecurityHubResponse
from moto.utilities.utils import get_partition

from tests.local_aws.config_store import ConfigStore, Evaluation, Rule

_ASFF_STATUS: Final = {"NON_COMPLIANT": "FAILED", "COMPLIANT": "PASSED"}


@dataclass(slots=True, kw_only=True)
class StackServices:
    """What the services return; a test may change it at any time."""

    rules_per_page: int = 25
    security_hub: bool = True
    sends_findings: bool = True
    late: bool = False
    """Whether every finding still has the status PASSED, of the evaluation before."""
    accepts_config: bool = True
    severity: str = "MEDIUM"
    """AWS Config sends MEDIUM; another label was set by an automation rule."""
    automation_rules: list[dict[str, str]] = field(default_factory=list)
    """RuleName and RuleStatus; returned one per page."""
    function_policy: Mapping[str, Any] | None = None
    stack_instances: dict[str, str] = field(default_factory=dict)
    """Account id to status."""


@contextmanager
def stack_services(store: ConfigStore) -> Iterator[StackServices]:
    """Add the operations to moto inside the with block."""
    services = StackServices()
    with ExitStack() as stack:
        for paths, path, dispatch in (
            (moto.awslambda.urls.url_paths, "{0}/2026-07-09/resource-policy/.+$", LambdaResponse.dispatch),
            (moto.securityhub.urls.url_paths, "{0}/automationrules/list$", SecurityHubResponse.dispatch),
            (moto.securityhub.urls.url_paths, "{0}/productSubscriptions$", SecurityHubResponse.dispatch),
        ):
            stack.enter_context(patch.dict(paths, {path: dispatch}))
        for target, name, replacement in (
            (ConfigResponse, "describe_config_rules", _rules(store, services)),
            (SecurityHubResponse, "get_findings", _findings(store, services)),
            (SecurityHubResponse, "list_automation_rules", _automation_rules(services)),
            (SecurityHubResponse, "list_enabled_products_for_import", _integrations(services)),
            (LambdaResponse, "get_resource_policy", _function_policy(services)),
            (CloudFormationResponse, "list_stack_instances", _stack_instances(services)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield services


def _rules(store: ConfigStore, services: StackServices) -> Callable[..., object]:
    """DescribeConfigRules: all in pages, or those that are named."""

    def describe_config_rules(self: ConfigResponse) -> str:
        names = self._get_param("ConfigRuleNames")
        rules = [rule for rule in store.rules_in(self.current_account, self.region) if not names or rule.name in names]
        if names and len(rules) < len(names):
            raise JsonRESTError("NoSuchConfigRuleException", f"The ConfigRule {names} is invalid")
        first = int(self._get_param("NextToken") or 0)
        last = first + services.rules_per_page
        page = [
            {"ConfigRuleName": rule.name, "ConfigRuleArn": rule.arn, "ConfigRuleState": "ACTIVE"}
            | ({"InputParameters": json.dumps(dict(rule.parameters))} if rule.parameters else {})
            for rule in rules[first:last]
        ]
        return json.dumps({"ConfigRules": page} | ({"NextToken": str(last)} if last < len(rules) else {}))

    return describe_config_rules


def _findings(store: ConfigStore, services: StackServices) -> Callable[..., object]:
    """GetFindings: one finding for each evaluation; as in moto, filters have no effect."""

    def get_findings(self: SecurityHubResponse) -> str:
        _require_security_hub(services)
        findings = [
            finding(rule, replace(row, compliance="COMPLIANT") if services.late else row, services.severity)
            for rule in store.rules_in(self.current_account, self.region)
            for row in store.evaluations(rule)
            if services.sends_findings
        ]
        return json.dumps({"Findings": findings})

    return get_findings


def finding(rule: Rule, row: Evaluation, severity: str) -> dict[str, Any]:
    """Return a finding as AWS Config sends it.

    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html#integration-config
    """
    partition = get_partition(rule.region)
    failed = row.compliance == "NON_COMPLIANT"
    label = severity if failed else "MEDIUM"
    recorded = row.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    identifier = f"{rule.arn}/finding/{hashlib.sha256(row.resource_id.encode()).hexdigest()[:40]}"
    return {
        "SchemaVersion": "2018-10-08",
        "Id": identifier,
        "ProductArn": f"arn:{partition}:securityhub:{rule.region}::product/aws/config",
        "ProductName": "Config",
        "CompanyName": "AWS",
        "Region": rule.region,
        "GeneratorId": rule.arn,
        "AwsAccountId": rule.account,
        "Types": ["Software and Configuration Checks"],
        "CreatedAt": recorded,
        "UpdatedAt": recorded,
        "Severity": {"Label": label},
        "Title": rule.name,
        "Description": f"This finding is created for a resource compliance change for config rule: {rule.name}",
        "ProductFields": {
            "aws/config/ConfigRuleArn": rule.arn,
            "aws/config/ConfigRuleName": rule.name,
            "aws/config/ConfigComplianceType": row.compliance,
        },
        "Resources": [
            {
                "Type": "AwsEcrRepository",
                "Id": f"arn:{partition}:ecr:{rule.region}:{rule.account}:repository/{row.resource_id}",
                "Partition": partition,
                "Region": rule.region,
            }
        ],
        "Compliance": {"Status": _ASFF_STATUS[row.compliance]},
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
        "RecordState": "ACTIVE",
        "FindingProviderFields": {"Severity": {"Label": "MEDIUM"}, "Types": ["Software and Configuration Checks"]},
    }


def _automation_rules(services: StackServices) -> Callable[..., object]:
    """ListAutomationRules, one rule per page."""

    def list_automation_rules(self: SecurityHubResponse) -> str:
        _require_security_hub(services)
        first = int(self._get_param("NextToken") or 0)
        page = services.automation_rules[first : first + 1]
        more = {"NextToken": str(first + 1)} if first + 1 < len(services.automation_rules) else {}
        return json.dumps({"AutomationRulesMetadata": page} | more)

    return list_automation_rules


def _integrations(services: StackServices) -> Callable[..., object]:
    """ListEnabledProductsForImport: Amazon GuardDuty, and AWS Config if its integration is enabled."""

    def list_enabled_products_for_import(self: SecurityHubResponse) -> str:
        _require_security_hub(services)
        start = (
            f"arn:{get_partition(self.region)}:securityhub:{self.region}:{self.current_account}:product-subscription"
        )
        names = ["aws/guardduty", *(["aws/config"] if services.accepts_config else [])]
        return json.dumps({"ProductSubscriptions": [f"{start}/{name}" for name in names]})

    return list_enabled_products_for_import


def _function_policy(services: StackServices) -> Callable[..., object]:
    """GetResourcePolicy: the document of AWS::Lambda::ResourcePolicy, or ResourceNotFoundException."""

    def get_resource_policy(self: LambdaResponse) -> str:
        place = f"arn:{get_partition(self.region)}:lambda:{self.region}:{self.current_account}:function:"
        if not unquote(self.path).partition("/resource-policy/")[2].startswith(place):
            raise JsonRESTError("InvalidParameterValueException", f"ResourceArn does not start with {place}")
        if services.function_policy is None:
            raise JsonRESTError("ResourceNotFoundException", "No policy is associated with the given resource.")
        return json.dumps({"Policy": json.dumps(services.function_policy), "RevisionId": "1"})

    return get_resource_policy


def _stack_instances(services: StackServices) -> Callable[..., object]:
    """ListStackInstances for a delegated administrator."""

    def list_stack_instances(self: CloudFormationResponse) -> ActionResult:
        name = self._get_param("StackSetName")
        if self._get_param("CallAs") != "DELEGATED_ADMIN":
            raise AssertionError("a member account needs CallAs=DELEGATED_ADMIN for the organization's StackSets")
        summaries = [
            {"StackSetId": f"{name}:1", "Region": self.region, "Account": account, "Status": status}
            for account, status in services.stack_instances.items()
        ]
        return ActionResult({"Summaries": summaries})

    return list_stack_instances


def _require_security_hub(services: StackServices) -> None:
    if not services.security_hub:
        raise JsonRESTError("InvalidAccessException", "Account is not subscribed to AWS Security Hub")
