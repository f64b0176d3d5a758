"""What moto lacks around a deployed stack: the rules that AWS Config has, Security Hub's findings, and more.

As in ``moto_gaps``, all of it is put into moto's own classes and taken out again. moto 5.2.5 knows none of the
ledger's rules, no lambda:GetResourcePolicy, no automation rules, no integrations, and no stack instances of a
service-managed StackSet; its GetFindings only has what was imported. That findings come at all, and what an
automation rule makes of them, is not known of AWS here: a test chooses it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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

from tests.local_aws.ledger import Evaluation, Ledger, Rule

_ASFF_STATUS: Final = {"NON_COMPLIANT": "FAILED", "COMPLIANT": "PASSED"}


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What stands around the stack; change it as you like while it is served."""

    rules_per_page: int = 25
    security_hub: bool = True
    sends_findings: bool = True
    accepts_config: bool = True
    severity: str = "MEDIUM"
    """MEDIUM is what AWS Config sends; another label is what an automation rule made of it."""
    automation_rules: list[dict[str, str]] = field(default_factory=list)
    """RuleName and RuleStatus; one a page."""
    function_policy: Mapping[str, Any] | None = None
    stack_instances: dict[str, str] = field(default_factory=dict)
    """Account to status."""


@contextmanager
def surrounded(ledger: Ledger) -> Iterator[Surroundings]:
    """Serve the surroundings inside the with block."""
    here = Surroundings()
    with ExitStack() as stack:
        for paths, path, dispatch in (
            (moto.awslambda.urls.url_paths, "{0}/2026-07-09/resource-policy/.+$", LambdaResponse.dispatch),
            (moto.securityhub.urls.url_paths, "{0}/automationrules/list$", SecurityHubResponse.dispatch),
            (moto.securityhub.urls.url_paths, "{0}/productSubscriptions$", SecurityHubResponse.dispatch),
        ):
            stack.enter_context(patch.dict(paths, {path: dispatch}))
        for target, name, replacement in (
            (ConfigResponse, "describe_config_rules", _rules(ledger, here)),
            (SecurityHubResponse, "get_findings", _findings(ledger, here)),
            (SecurityHubResponse, "list_automation_rules", _automation_rules(here)),
            (SecurityHubResponse, "list_enabled_products_for_import", _integrations(here)),
            (LambdaResponse, "get_resource_policy", _function_policy(here)),
            (CloudFormationResponse, "list_stack_instances", _stack_instances(here)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield here


def _rules(ledger: Ledger, here: Surroundings) -> Callable[..., object]:
    """DescribeConfigRules from the ledger, in pages."""

    def describe_config_rules(self: ConfigResponse) -> str:
        rules = ledger.rules_in(self.current_account, self.region)
        first = int(self._get_param("NextToken") or 0)
        last = first + here.rules_per_page
        page = [
            {"ConfigRuleName": rule.name, "ConfigRuleArn": rule.arn, "ConfigRuleState": "ACTIVE"}
            for rule in rules[first:last]
        ]
        return json.dumps({"ConfigRules": page} | ({"NextToken": str(last)} if last < len(rules) else {}))

    return describe_config_rules


def _findings(ledger: Ledger, here: Surroundings) -> Callable[..., object]:
    """GetFindings of AWS Config's evaluations; as in moto, filters change nothing."""

    def get_findings(self: SecurityHubResponse) -> str:
        _refuse_where_it_is_off(here)
        findings = [
            _finding(rule, row, here.severity)
            for rule in ledger.rules_in(self.current_account, self.region)
            for row in ledger.evaluations(rule)
            if here.sends_findings
        ]
        return json.dumps({"Findings": findings})

    return get_findings


def _finding(rule: Rule, row: Evaluation, severity: str) -> dict[str, Any]:
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


def _automation_rules(here: Surroundings) -> Callable[..., object]:
    """ListAutomationRules, one a page."""

    def list_automation_rules(self: SecurityHubResponse) -> str:
        _refuse_where_it_is_off(here)
        first = int(self._get_param("NextToken") or 0)
        page = here.automation_rules[first : first + 1]
        more = {"NextToken": str(first + 1)} if first + 1 < len(here.automation_rules) else {}
        return json.dumps({"AutomationRulesMetadata": page} | more)

    return list_automation_rules


def _integrations(here: Surroundings) -> Callable[..., object]:
    """ListEnabledProductsForImport: GuardDuty, and AWS Config where it is accepted."""

    def list_enabled_products_for_import(self: SecurityHubResponse) -> str:
        _refuse_where_it_is_off(here)
        start = (
            f"arn:{get_partition(self.region)}:securityhub:{self.region}:{self.current_account}:product-subscription"
        )
        names = ["aws/guardduty", *(["aws/config"] if here.accepts_config else [])]
        return json.dumps({"ProductSubscriptions": [f"{start}/{name}" for name in names]})

    return list_enabled_products_for_import


def _function_policy(here: Surroundings) -> Callable[..., object]:
    """Return GetResourcePolicy: AWS::Lambda::ResourcePolicy's document, or that there is none."""

    def get_resource_policy(self: LambdaResponse) -> str:
        place = f"arn:{get_partition(self.region)}:lambda:{self.region}:{self.current_account}:function:"
        if not unquote(self.path).partition("/resource-policy/")[2].startswith(place):
            raise JsonRESTError("InvalidParameterValueException", f"ResourceArn does not start with {place}")
        if here.function_policy is None:
            raise JsonRESTError("ResourceNotFoundException", "No policy is associated with the given resource.")
        return json.dumps({"Policy": json.dumps(here.function_policy), "RevisionId": "1"})

    return get_resource_policy


def _stack_instances(here: Surroundings) -> Callable[..., object]:
    """ListStackInstances for the delegated administrator."""

    def list_stack_instances(self: CloudFormationResponse) -> ActionResult:
        name = self._get_param("StackSetName")
        if self._get_param("CallAs") != "DELEGATED_ADMIN":
            raise AssertionError("a member account sees the organization's StackSets as DELEGATED_ADMIN only")
        summaries = [
            {"StackSetId": f"{name}:1", "Region": self.region, "Account": account, "Status": status}
            for account, status in here.stack_instances.items()
        ]
        return ActionResult({"Summaries": summaries})

    return list_stack_instances


def _refuse_where_it_is_off(here: Surroundings) -> None:
    if not here.security_hub:
        raise JsonRESTError("InvalidAccessException", "Account is not subscribed to AWS Security Hub")
