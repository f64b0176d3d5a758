"""template.yaml on a local organization: moto makes what it knows, the rest is read and done by hand.

moto makes function, function role, permissions, queue and nested stacks. It skips rules, packs and
StackSets: which accounts they reach is said here, by what the template says. Neither is interpreted further.
https://docs.aws.amazon.com/config/latest/developerguide/config-rule-multi-account-deployment.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs.html
"""

import hashlib
import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import boto3

from tests.local_aws.config_service import ConfigService
from tests.local_aws.function import Handler
from tests.local_aws.organization import LocalOrganization
from tests.local_aws.templates import ResolvedTemplate, read_template

_ROOT: Final = Path(__file__).parent.parent.parent
_STACK: Final = "ecr-repository-no-public-access"
_BUCKET: Final = "bucket"
_UNSUPPORTED: Final = "but it's not supported by moto's CloudFormation implementation"


@dataclass(frozen=True, kw_only=True)
class DeployedRule:
    """The rule as AWS Config would hold it in the accounts: what its name begins with, and what is added."""

    begins: str
    added: int
    parameters: Mapping[str, str]
    triggers: frozenset[str]
    excluded: frozenset[str]
    everywhere: bool
    """In every account of the organization, or in the hub alone."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The stack of one region: what moto made, what the template says, and Config wired to the function."""

    organization: LocalOrganization
    region: str
    template: ResolvedTemplate
    config: ConfigService
    rule: DeployedRule
    skipped: tuple[str, ...]
    """Types of resources that moto did not make."""
    rules: dict[str, str] = field(default_factory=dict)
    """The rule's name in each account that has it."""

    def make_rules(self, accounts: Iterable[str]) -> None:
        """Do what AWS Config does with the rule of an organization, or of one account."""
        for account in accounts:
            reached = self.rule.everywhere or account == self.organization.hub
            if reached and account not in self.rule.excluded:
                suffix = hashlib.sha256(f"{account}:{self.region}".encode()).hexdigest()
                name = self.rule.begins + suffix[: self.rule.added]
                self.config.put_rule(account, self.region, name, self.rule.parameters, triggers=self.rule.triggers)
                self.rules[account] = name

    def give_roles(self, accounts: Iterable[str], management: str) -> None:
        """Do what the StackSet does, if this region's stack has one: the member template in each account."""
        stack_set = self.template.resources.get("MemberRoles")
        if stack_set is None:
            return
        (group,) = stack_set["StackInstancesGroup"]
        left_out = {management, *group["DeploymentTargets"].get("Accounts", ())}
        for account in accounts:
            if account not in left_out:
                (region,) = group["Regions"]
                self.organization.session(account, region).client("cloudformation").create_stack(
                    StackName=f"StackSet-{stack_set['StackSetName']}",
                    TemplateBody=(_ROOT / stack_set["TemplateURL"]).read_text(),
                    Parameters=stack_set["Parameters"],
                    Capabilities=stack_set["Capabilities"],
                )


def deploy(
    organization: LocalOrganization,
    region: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    handler: Handler,
) -> Deployment:
    """Create the stack in the hub; ``template`` is template.yaml after its transform."""
    session = organization.session(organization.hub, region)
    uploaded = _uploaded(session, template)
    stacks = session.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    capabilities = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stacks.create_stack(
            StackName=_STACK, TemplateBody=json.dumps(uploaded), Parameters=given, Capabilities=capabilities
        )
    (function,) = session.client("lambda").list_functions()["Functions"]

    known = {("RuleFunction", "Arn"): function["FunctionArn"], ("FunctionRole", "Arn"): function["Role"]}

    def attribute(logical_id: str, name: str) -> str:
        return str(known.get((logical_id, name), f"{logical_id}.{name}"))

    organization.become(function["Role"].rpartition("/")[2])
    resolved = ResolvedTemplate(
        template, parameters, account=organization.hub, region=region, stack_name=_STACK, attribute=attribute
    )
    return Deployment(
        organization=organization,
        region=region,
        template=resolved,
        config=ConfigService(
            organization, handler, environment=function["Environment"]["Variables"], asynchronous=True
        ),
        rule=deployed_rule(resolved),
        skipped=tuple(sorted({str(each.message).split()[3] for each in caught if _UNSUPPORTED in str(each.message)})),
    )


def deployed_rule(stack: ResolvedTemplate) -> DeployedRule:
    """Read the rule out of the template, whatever its shape."""
    resources = stack.resources
    if organization_rule := resources.get("OrganizationRule"):
        metadata = organization_rule["OrganizationCustomRuleMetadata"]
        return DeployedRule(
            begins=f"OrgConfigRule-{organization_rule['OrganizationConfigRuleName']}-",
            added=8,
            parameters=json.loads(metadata["InputParameters"]),
            triggers=frozenset(metadata["OrganizationConfigRuleTriggerTypes"]),
            excluded=frozenset(organization_rule.get("ExcludedAccounts", ())),
            everywhere=True,
        )
    pack = resources.get("OrganizationPack", {})
    rule = rule_of_pack(pack) if pack else resources["AccountRule"]
    return DeployedRule(
        begins=f"{rule['ConfigRuleName']}-conformance-pack-" if pack else rule["ConfigRuleName"],
        added=9 if pack else 0,
        parameters=rule["InputParameters"],
        triggers=frozenset(detail["MessageType"] for detail in rule["Source"]["SourceDetails"]),
        excluded=frozenset(pack.get("ExcludedAccounts", ())),
        everywhere=bool(pack),
    )


def rule_of_pack(pack: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of the one rule in a conformance pack, with the pack's parameters put in."""
    given = {each["ParameterName"]: each["ParameterValue"] for each in pack["ConformancePackInputParameters"]}
    (rule,) = ResolvedTemplate(read_template(pack["TemplateBody"]), given).resources.values()
    return rule


def _uploaded(session: boto3.Session, template: Mapping[str, Any]) -> dict[str, Any]:
    """Put into S3 what `sam package` puts there; return the template with the addresses."""
    s3 = session.client("s3")
    bucket = f"{_BUCKET}-{session.region_name}"
    # S3's first region is the one that it does not take as a constraint.
    where = {} if session.region_name == "us-east-1" else {"LocationConstraint": session.region_name}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    code = BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("function.py", "")
    s3.put_object(Bucket=bucket, Key="function.zip", Body=code.getvalue())
    uploaded: dict[str, Any] = json.loads(json.dumps(template))
    uploaded["Resources"]["RuleFunction"]["Properties"]["Code"] = {"S3Bucket": bucket, "S3Key": "function.zip"}
    for each in uploaded["Resources"].values():
        if "TemplateURL" in each.get("Properties", {}):
            path = each["Properties"]["TemplateURL"]
            s3.put_object(Bucket=bucket, Key=path, Body=(_ROOT / path).read_bytes())
            each["Properties"]["TemplateURL"] = f"https://{bucket}.s3.{session.region_name}.amazonaws.com/{path}"
    return uploaded
