"""template.yaml deployed to a local organization.

moto creates the function, its role, its permissions, the queue and the nested stacks. It skips rules, conformance
packs and StackSets: ``DeployedStack`` creates rules and roles in the accounts that the template names.
https://docs.aws.amazon.com/config/latest/developerguide/config-rule-multi-account-deployment.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs.html
"""

import hashlib
import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import boto3

from tests.local_aws.automation import Automation, Execution
from tests.local_aws.config_service import ConfigService
from tests.local_aws.lambda_function import Handler
from tests.local_aws.organization import LocalOrganization
from tests.local_aws.templates import ResolvedTemplate, read_template

_ROOT: Final = Path(__file__).parent.parent.parent
_STACK: Final = "ecr-repository-no-public-access"
_BUCKET: Final = "bucket"
_UNSUPPORTED: Final = "but it's not supported by moto's CloudFormation implementation"


@dataclass(frozen=True, kw_only=True)
class RuleOfStack:
    """The rule of a stack, and how AWS Config names it in the accounts: a prefix and a random suffix."""

    name_prefix: str
    suffix_length: int
    parameters: Mapping[str, str]
    triggers: frozenset[str]
    excluded_accounts: frozenset[str]
    in_organization: bool
    """True: in every account of the organization. False: in the hub account only."""


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    """The stack of one region, and AWS Config with rules that invoke its function."""

    organization: LocalOrganization
    region: str
    template: ResolvedTemplate
    config: ConfigService
    rule: RuleOfStack
    skipped: tuple[str, ...]
    """The resource types that moto did not create."""
    rules: dict[str, str] = field(default_factory=dict)
    """Account id to the rule's name in it."""

    def create_rules(self, accounts: Iterable[str]) -> None:
        """Create the rule in these accounts, as AWS Config does for an organization or one account."""
        for account in accounts:
            included = self.rule.in_organization or account == self.organization.hub
            if included and account not in self.rule.excluded_accounts:
                suffix = hashlib.sha256(f"{account}:{self.region}".encode()).hexdigest()
                name = self.rule.name_prefix + suffix[: self.rule.suffix_length]
                self.config.put_rule(account, self.region, name, self.rule.parameters, triggers=self.rule.triggers)
                self.rules[account] = name

    def create_stack_instances(self, accounts: Iterable[str], management: str) -> None:
        """Create the stacks of this region's StackSets in these accounts, but not where a StackSet deploys nothing."""
        resources = self.template.resources
        for stack_set in (resources[name] for name in ("MemberRoles", "Runbooks") if name in resources):
            (group,) = stack_set["StackInstancesGroup"]
            (region,) = group["Regions"]
            excluded = {management, *group["DeploymentTargets"].get("Accounts", ())}
            for account in set(accounts) - excluded:
                self.organization.session(account, region).client("cloudformation").create_stack(
                    StackName=f"StackSet-{stack_set['StackSetName']}",
                    TemplateBody=_json_template(stack_set["TemplateURL"]),
                    Parameters=stack_set["Parameters"],
                    Capabilities=stack_set.get("Capabilities", []),
                )

    def runbook_role(self, account: str) -> str:
        """Return the ARN of the role with which AWS Config starts the runbook in an account.

        AWS Config replaces the ID of the management account in the body of a pack:
        https://docs.aws.amazon.com/config/latest/developerguide/cpack-prerequisites.html
        """
        resources = self.template.resources
        if "OrganizationPack" in resources:
            remediation = resources_of_pack(resources["OrganizationPack"])["Remediation"]
            (arn,) = remediation["Parameters"]["AutomationAssumeRole"]["StaticValue"]["Values"]
            return str(arn).replace(f"::{self.organization.hub}:", f"::{account}:")
        roles = self.organization.session(account, self.region).client("iam").list_roles()["Roles"]
        (arn,) = (role["Arn"] for role in roles if role["RoleName"].startswith(f"{_STACK}-RunbookRole-"))
        return arn

    def start_runbook(self, account: str, repository: str, **parameters: str) -> Execution:
        """Start the runbook for a repository as AWS Config does; it is the document in that account and Region."""
        ssm = self.organization.session(account, self.region).client("ssm")
        name = f"ecr-exposure-{self.template.outputs['RuleName']}"
        content = json.loads(ssm.get_document(Name=name)["Content"])
        role = self.runbook_role(account)
        session = self.organization.session(account, self.region, role.partition(":role/")[2])
        own = {"RepositoryName": repository, "AutomationAssumeRole": role}
        return Automation(content).execute(session, account, own | parameters)


def deploy(
    organization: LocalOrganization,
    region: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    handler: Handler,
) -> DeployedStack:
    """Create the stack in the hub account; ``template`` is template.yaml after its transform."""
    session = organization.session(organization.hub, region)
    packaged = _packaged(session, template)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.client("cloudformation").create_stack(
            StackName=_STACK,
            TemplateBody=json.dumps(packaged),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    (function,) = session.client("lambda").list_functions()["Functions"]
    attributes = {("RuleFunction", "Arn"): function["FunctionArn"], ("FunctionRole", "Arn"): function["Role"]}

    def attribute(logical_id: str, name: str) -> str:
        return attributes.get((logical_id, name), f"{logical_id}.{name}")

    organization.use_function_role(function["Role"].partition(":role/")[2])
    resolved = ResolvedTemplate(
        template, parameters, account=organization.hub, region=region, stack_name=_STACK, attribute=attribute
    )
    return DeployedStack(
        organization=organization,
        region=region,
        template=resolved,
        config=ConfigService(
            organization, handler, environment=function["Environment"]["Variables"], asynchronous=True
        ),
        rule=rule_of_stack(resolved),
        skipped=tuple(sorted({str(each.message).split()[3] for each in caught if _UNSUPPORTED in str(each.message)})),
    )


def rule_of_stack(stack: ResolvedTemplate) -> RuleOfStack:
    """Return the rule of a resolved template, whatever DeployAs says."""
    resources = stack.resources
    if organization_rule := resources.get("OrganizationRule"):
        metadata = organization_rule["OrganizationCustomRuleMetadata"]
        return RuleOfStack(
            name_prefix=f"OrgConfigRule-{organization_rule['OrganizationConfigRuleName']}-",
            suffix_length=8,
            parameters=json.loads(metadata["InputParameters"]),
            triggers=frozenset(metadata["OrganizationConfigRuleTriggerTypes"]),
            excluded_accounts=frozenset(organization_rule.get("ExcludedAccounts", ())),
            in_organization=True,
        )
    pack = resources.get("OrganizationPack", {})
    rule = rule_of_pack(pack) if pack else resources["AccountRule"]
    return RuleOfStack(
        name_prefix=f"{rule['ConfigRuleName']}-conformance-pack-" if pack else rule["ConfigRuleName"],
        suffix_length=9 if pack else 0,
        parameters=rule["InputParameters"],
        triggers=frozenset(detail["MessageType"] for detail in rule["Source"]["SourceDetails"]),
        excluded_accounts=frozenset(pack.get("ExcludedAccounts", ())),
        in_organization=bool(pack),
    )


def rule_of_pack(pack: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of the one rule in a conformance pack, with the pack's parameters resolved."""
    return resources_of_pack(pack)["Rule"]


def resources_of_pack(pack: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the resources of a conformance pack by logical id, with the pack's parameters resolved."""
    given = {each["ParameterName"]: each["ParameterValue"] for each in pack["ConformancePackInputParameters"]}
    return ResolvedTemplate(read_template(pack["TemplateBody"]), given).resources


@cache
def _json_template(path: str) -> str:
    """Return a nested template as JSON, which moto parses fast."""
    return json.dumps(read_template(_ROOT / path))


def _packaged(session: boto3.Session, template: Mapping[str, Any]) -> dict[str, Any]:
    """Upload code and nested templates as `sam package` does; return the template with their S3 URLs."""
    s3 = session.client("s3")
    bucket = f"{_BUCKET}-{session.region_name}"
    # CreateBucket rejects us-east-1 as a LocationConstraint.
    location = {} if session.region_name == "us-east-1" else {"LocationConstraint": session.region_name}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": location} if location else {}))
    code = BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("function.py", "")
    s3.put_object(Bucket=bucket, Key="function.zip", Body=code.getvalue())
    packaged: dict[str, Any] = json.loads(json.dumps(template))
    packaged["Resources"]["RuleFunction"]["Properties"]["Code"] = {"S3Bucket": bucket, "S3Key": "function.zip"}
    for each in packaged["Resources"].values():
        if "TemplateURL" in each.get("Properties", {}):
            path = each["Properties"]["TemplateURL"]
            s3.put_object(Bucket=bucket, Key=path, Body=_json_template(path).encode())
            each["Properties"]["TemplateURL"] = f"https://{bucket}.s3.{session.region_name}.amazonaws.com/{path}"
    return packaged
