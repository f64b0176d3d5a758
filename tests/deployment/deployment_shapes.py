"""The three shapes of template.yaml: what the parameter DeployAs selects."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pytest

from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS
from tests.deployment.sam import MEMBER_ACCOUNT, REGION, TEMPLATE
from tests.local_aws.deployed_stack import rule_of_pack
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate, read_template

MANAGEMENT: Final = "999988887777"
OTHER_REGION: Final = "us-east-1"
FUNCTION_ROLE: Final = f"arn:aws:iam::{HUB}:role/EcrExposureEvaluation-Function"
ORGANIZATION: Final = {
    "OrganizationId": "o-exampleorg1",
    "OrganizationRootId": "r-abcd",
    "ManagementAccountId": HUB,
    "HomeRegion": REGION,
}
PACK: Final = {"DeployAs": "organization-conformance-pack", **ORGANIZATION}
RULE: Final = {"DeployAs": "organization-rule", **ORGANIZATION}
ACCOUNT: Final = {"DeployAs": "account-rule"}
SHAPES: Final = pytest.mark.parametrize("shape", [PACK, RULE, ACCOUNT], ids=lambda shape: shape["DeployAs"])
ORGANIZATION_SHAPES: Final = pytest.mark.parametrize("shape", [PACK, RULE], ids=lambda shape: shape["DeployAs"])
# The template's other parameters do not reach the rule.
RULE_PARAMETERS: Final = tuple(name for name in PARAMETERS if name not in RDKLIB_PARAMETERS)
MEMBER: Final = read_template(MEMBER_ACCOUNT)


@cache
def template() -> dict[str, Any]:
    """Return template.yaml with intrinsic functions in their full form."""
    return read_template(TEMPLATE)


def resolved(shape: Mapping[str, str], *, region: str = REGION, **changes: str) -> ResolvedTemplate:
    """Return template.yaml as the hub account would deploy it in this shape, with further parameters."""
    return ResolvedTemplate(template(), {**shape, **changes}, account=HUB, region=region)


def rule_of(stack: ResolvedTemplate) -> dict[str, Any]:
    """Return the rule of any shape in one form: name, function, parameters, triggers, frequency, types."""
    resources = stack.resources
    if "OrganizationRule" in resources:
        metadata = resources["OrganizationRule"]["OrganizationCustomRuleMetadata"]
        return {
            "name": resources["OrganizationRule"]["OrganizationConfigRuleName"],
            "function": metadata["LambdaFunctionArn"],
            "parameters": json.loads(metadata["InputParameters"]),
            "triggers": metadata["OrganizationConfigRuleTriggerTypes"],
            "frequency": metadata.get("MaximumExecutionFrequency"),
            "types": metadata["ResourceTypesScope"],
        }
    pack = resources.get("OrganizationPack")
    rule = rule_of_pack(pack) if pack else resources["AccountRule"]
    assert rule["Source"]["Owner"] == "CUSTOM_LAMBDA"
    details = rule["Source"]["SourceDetails"]
    assert {detail["EventSource"] for detail in details} == {"aws.config"}
    return {
        "name": rule["ConfigRuleName"],
        "function": rule["Source"]["SourceIdentifier"],
        "parameters": rule["InputParameters"],
        "triggers": [detail["MessageType"] for detail in details],
        "frequency": next((each["MaximumExecutionFrequency"] for each in details if len(each) > 2), None),
        "types": rule["Scope"]["ComplianceResourceTypes"],
    }
