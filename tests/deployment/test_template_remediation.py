"""The parameter Remediation: what each shape creates for the runbook, and where it is refused."""

import json
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError

from ecr_exposure.handler import lambda_handler
from tests.deployment.deployment_shapes import (
    ACCOUNT,
    MANAGEMENT,
    MEMBER,
    ORGANIZATION_SHAPES,
    OTHER_REGION,
    PACK,
    RULE,
    SHAPES,
    resolved,
    template,
)
from tests.deployment.runbook_execution import ROLE
from tests.deployment.sam import REGION, REMEDIATION, RUNBOOK, TEMPLATE, Transform
from tests.deployment.test_template_lint import COMBINATIONS, functions, lint_body
from tests.local_aws.automation import Automation
from tests.local_aws.deployed_stack import DeployedStack, deploy, resources_of_pack
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization
from tests.local_aws.roles import granted
from tests.local_aws.templates import ResolvedTemplate, read_template

CHOICES: Final = ("manual", "automatic")
DOCUMENT: Final = "ecr-exposure-ecr-repository-no-public-access"
PATH: Final = "/platform/security/"
BOUNDARY: Final = "boundaries/Team"
FUNCTION_ROLE: Final = f"arn:aws:iam::{HUB}:role/EcrExposureEvaluation-Function"
ACCOUNT_OF_ORGANIZATION: Final = ACCOUNT | {"OrganizationId": "o-exampleorg1", "InvokePermission": "any-account"}
WITH_REMEDIATION: Final = pytest.mark.parametrize(
    "shape", [PACK, ACCOUNT_OF_ORGANIZATION], ids=lambda shape: shape["DeployAs"]
)
PERMISSIONS: Final = {
    "ecr:GetRepositoryPolicy",
    "ecr:SetRepositoryPolicy",
    "ecr:DeleteRepositoryPolicy",
    "ecr:ListTagsForResource",
}
OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})


def remediation_of(shape: dict[str, str], **parameters: str) -> dict[str, Any]:
    """Return the properties of the remediation, in a pack or in its nested template."""
    resources = resolved(shape, **parameters).resources
    if "OrganizationPack" in resources:
        return resources_of_pack(resources["OrganizationPack"])["Remediation"]
    nested = ResolvedTemplate(read_template(REMEDIATION), resources["AccountRemediation"]["Parameters"])
    assert nested.violations == []
    return nested.resources["RemediationOfTheRule"]


class TestRefused:
    """Values that the template refuses before anything is deployed."""

    @pytest.mark.parametrize("choice", CHOICES)
    def test_organization_rule_has_no_remediation(self, choice: str) -> None:
        (message,) = resolved(RULE, Remediation=choice).violations
        assert message.startswith("AWS Config has no remediation for organization-rule.")

    def test_automatic_needs_the_organization(self) -> None:
        (message,) = resolved(ACCOUNT, Remediation="automatic").violations
        assert message.startswith("Remediation automatic needs OrganizationId")
        assert resolved(ACCOUNT, Remediation="manual").violations == []

    def test_home_region_without_it_leaves_the_other_regions_without_the_role(self) -> None:
        """Only the home Region's stack creates the role, and there Remediation is none."""
        (message,) = resolved(PACK, Remediation="manual", HomeRegion="mx-central-1").violations
        assert message.startswith("The home Region has no AWS::Config::RemediationConfiguration")
        assert resolved(PACK, HomeRegion="mx-central-1").violations == []
        # account-rule does not use HomeRegion.
        assert resolved(ACCOUNT, Remediation="manual", HomeRegion="mx-central-1").violations == []

    @WITH_REMEDIATION
    @pytest.mark.parametrize("choice", CHOICES)
    def test_other_shapes_accept_it(self, shape: dict[str, str], choice: str) -> None:
        assert resolved(shape, Remediation=choice).violations == []

    @SHAPES
    def test_other_values_are_refused(self, shape: dict[str, str]) -> None:
        assert resolved(shape, Remediation="Automatic").violations


class TestNone:
    """The default."""

    @SHAPES
    def test_nothing_of_the_runbook_exists(self, shape: dict[str, str]) -> None:
        stack = resolved(shape)
        assert stack.violations == []
        assert not {name for name in stack.resources if "Runbook" in name or "Remed" in name or "Close" in name}
        if shape == PACK:
            assert resources_of_pack(stack.resources["OrganizationPack"]).keys() == {"Rule"}

    def test_role_in_every_account_is_not_created(self) -> None:
        stack = ResolvedTemplate(MEMBER, {"FunctionRoleArn": FUNCTION_ROLE})
        assert stack.resources.keys() == {"EvaluationRole", "EvaluateRepositories"}


class TestRemediation:
    """How AWS Config starts the runbook."""

    @WITH_REMEDIATION
    @pytest.mark.parametrize("choice", CHOICES)
    def test_it_starts_the_runbook_for_the_repository_with_the_role(self, shape: dict[str, str], choice: str) -> None:
        remediation = remediation_of(shape, Remediation=choice)
        assert remediation["ConfigRuleName"] == "ecr-repository-no-public-access"
        assert remediation["ResourceType"] == "AWS::ECR::Repository"
        name = DOCUMENT if shape == PACK else "Runbook.Outputs.DocumentName"
        assert (remediation["TargetType"], remediation["TargetId"]) == ("SSM_DOCUMENT", name)
        role = f"arn:aws:iam::{HUB}:role/{ROLE}" if shape == PACK else "RunbookRole.Arn"
        # AWS Config sends the name of the repository as RESOURCE_ID.
        assert remediation["Parameters"] == {
            "RepositoryName": {"ResourceValue": {"Value": "RESOURCE_ID"}},
            "AutomationAssumeRole": {"StaticValue": {"Values": [role]}},
        }

    @WITH_REMEDIATION
    def test_automatic_has_limits_and_manual_has_none(self, shape: dict[str, str]) -> None:
        manual, automatic = (remediation_of(shape, Remediation=choice) for choice in CHOICES)
        limits = {"MaximumAutomaticAttempts": 3, "RetryAttemptSeconds": 3600}
        assert automatic == manual | limits | {"Automatic": True}
        assert manual["Automatic"] is False
        assert not limits.keys() & manual.keys()
        # The quotas of the API: 1 to 25 attempts, 1 to 100 percent.
        # https://docs.aws.amazon.com/config/latest/APIReference/API_RemediationConfiguration.html
        controls = {"ConcurrentExecutionRatePercentage": 10, "ErrorPercentage": 100}
        assert manual["ExecutionControls"] == {"SsmControls": controls}

    def test_it_is_created_after_rule_runbook_and_role(self) -> None:
        nested = template()["Resources"]["AccountRemediation"]
        assert nested["Metadata"] == {"After": {"Ref": "AccountRule"}}
        parameters = nested["Properties"]["Parameters"]
        assert parameters["RunbookName"] == {"Fn::GetAtt": ["Runbook", "Outputs.DocumentName"]}
        assert parameters["RunbookRoleArn"] == {"Fn::GetAtt": ["RunbookRole", "Arn"]}

    def test_pack_is_created_after_roles_and_runbooks(self) -> None:
        after = json.dumps(template()["Resources"]["OrganizationPack"]["Metadata"]["After"])
        for name in ("HubRole", "MemberRoles", "Runbook", "Runbooks"):
            assert f'{{"Ref": "{name}"}}' in after

    def test_every_parameter_that_it_sends_is_one_of_the_runbook(self) -> None:
        document = ResolvedTemplate(read_template(RUNBOOK)).resources["Runbook"]["Content"]
        required = {name for name, each in document["parameters"].items() if "default" not in each}
        assert remediation_of(PACK, Remediation="manual")["Parameters"].keys() == required

    @pytest.mark.parametrize("choice", CHOICES)
    def test_body_of_the_pack_has_no_findings_and_its_remediation_no_functions(self, choice: str) -> None:
        for given in COMBINATIONS:
            pack = resolved(PACK, Remediation=choice, RolePath=PATH, **given).resources["OrganizationPack"]
            assert lint_body(pack["TemplateBody"], [REGION]) == [], pack["TemplateBody"]
            content = read_template(pack["TemplateBody"])
            assert content["Resources"].keys() == {"Rule", "Remediation"}
            assert content["Resources"]["Remediation"]["DependsOn"] == "Rule"
            assert functions(content["Resources"]["Remediation"]) == {}

    @pytest.mark.parametrize("name", ["null", "Yes", "a-1", "e" + 35 * "1"])
    def test_every_name_of_a_rule_stays_text(self, name: str) -> None:
        remediation = remediation_of(PACK, Remediation="manual", RuleName=name)
        assert (remediation["ConfigRuleName"], remediation["TargetId"]) == (name, f"ecr-exposure-{name}")

    def test_role_in_the_pack_is_that_of_the_management_account_which_aws_config_replaces(self) -> None:
        # https://docs.aws.amazon.com/config/latest/developerguide/cpack-prerequisites.html
        remediation = remediation_of(PACK, Remediation="manual", ManagementAccountId=MANAGEMENT, RolePath=PATH)
        (arn,) = remediation["Parameters"]["AutomationAssumeRole"]["StaticValue"]["Values"]
        assert arn == f"arn:aws:iam::{MANAGEMENT}:role{PATH}{ROLE}"


class TestDocument:
    """deploy/runbook.yaml."""

    def test_it_has_the_name_that_the_remediation_names(self) -> None:
        properties = ResolvedTemplate(read_template(RUNBOOK)).resources["Runbook"]
        assert properties["Name"] == DOCUMENT
        # With Replace, the default, an update would create a second document of the same name.
        assert (properties["DocumentType"], properties["UpdateMethod"]) == ("Automation", "NewVersion")

    def test_its_parameters_are_those_of_the_rules_stack(self) -> None:
        own, stack = (read_template(file)["Parameters"] for file in (RUNBOOK, TEMPLATE))
        for name, parameter in own.items():
            for field in ("Default", "AllowedPattern", "MaxLength"):
                assert parameter.get(field) == stack[name].get(field), name

    def test_automation_uses_the_role_that_aws_config_requires(self) -> None:
        # https://docs.aws.amazon.com/config/latest/APIReference/API_PutRemediationConfigurations.html
        content = ResolvedTemplate(read_template(RUNBOOK)).resources["Runbook"]["Content"]
        assert (content["schemaVersion"], content["assumeRole"]) == ("0.3", "{{ AutomationAssumeRole }}")
        session = boto3.Session(region_name=REGION)
        for missing in ({}, {"AutomationAssumeRole": "role"}):
            with pytest.raises(ValueError, match="AutomationAssumeRole"):
                Automation(content).execute(session, HUB, {"RepositoryName": "app", **missing})

    def test_stacks_get_what_the_rule_has(self) -> None:
        chosen = {"excludedPublicRepositories": f"{HUB}:public/*", "excludedPublicTag": "dp:exclude:identity"}
        expected = {"RuleName": "ecr-repository-no-public-access", "OrganizationId": "o-exampleorg1", **chosen}
        resources = resolved(PACK, Remediation="manual", **chosen).resources
        assert resources["Runbook"]["Parameters"] == expected
        in_members = resources["Runbooks"]["Parameters"]
        assert {each["ParameterKey"]: each["ParameterValue"] for each in in_members} == expected
        assert expected.keys() == read_template(RUNBOOK)["Parameters"].keys()


class TestStackSet:
    """The runbook in the accounts of an organization."""

    def test_it_is_in_each_region_and_the_role_in_the_home_region(self) -> None:
        for region in (REGION, OTHER_REGION):
            resources = resolved(PACK, Remediation="manual", HomeRegion=REGION, region=region).resources
            assert {"Runbook", "Runbooks"} <= resources.keys()
            assert not {"RunbookRole", "CloseRepositories", "AccountRemediation"} & resources.keys()
            (group,) = resources["Runbooks"]["StackInstancesGroup"]
            assert group["Regions"] == [region]
            assert ("MemberRoles" in resources) is (region == REGION)
        assert resolved(ACCOUNT, Remediation="manual").resources.keys() >= {"Runbook", "RunbookRole"}
        assert "Runbooks" not in resolved(ACCOUNT, Remediation="manual").resources

    @pytest.mark.parametrize("management", [HUB, MANAGEMENT])
    def test_it_is_deployed_as_the_roles(self, management: str) -> None:
        resources = resolved(PACK, Remediation="manual", ManagementAccountId=management).resources
        differ = {"StackSetName", "Description", "TemplateURL", "Parameters", "Capabilities"}
        runbooks, roles = (
            {name: each for name, each in resources[kind].items() if name not in differ}
            for kind in ("Runbooks", "MemberRoles")
        )
        assert runbooks == roles
        assert resources["Runbooks"]["StackSetName"] != resources["MemberRoles"]["StackSetName"]

    def test_delegated_administrator_gets_commands_for_the_management_account(self) -> None:
        """Without the runbook in the management account, AWS Config could not create the pack there."""
        assert "ManagementAccountRunbook" not in resolved(PACK, Remediation="manual").outputs
        assert "ManagementAccountRunbook" not in resolved(RULE, ManagementAccountId=MANAGEMENT).outputs
        before, after = (
            resolved(
                PACK,
                region=OTHER_REGION,
                HomeRegion=REGION,
                Remediation=choice,
                ManagementAccountId=MANAGEMENT,
                excludedPublicRepositories="public/*",
            ).outputs["ManagementAccountRunbook"]
            for choice in ("none", "manual")
        )
        assert before == after
        assert before == (
            # An update keeps the other parameters of the stack.
            f"aws cloudformation deploy --region {REGION} --stack-name EcrExposureEvaluation"
            " --template-file deploy/member-account.yaml --capabilities CAPABILITY_NAMED_IAM"
            " --parameter-overrides CreateRunbookRole=true;"
            f" aws cloudformation deploy --region {OTHER_REGION} --stack-name ecr-repository-no-public-access-runbook"
            " --template-file deploy/runbook.yaml --parameter-overrides RuleName=ecr-repository-no-public-access"
            " OrganizationId=o-exampleorg1 'excludedPublicRepositories=public/*' 'excludedPublicTag='"
        )


class TestRole:
    """The role of the runbook."""

    def roles(self, **parameters: str) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
        """Return account and resources of both templates that create the role."""
        member = {"FunctionRoleArn": FUNCTION_ROLE, "CreateRunbookRole": "true", **parameters}
        yield MEMBERS[0], ResolvedTemplate(MEMBER, member, account=MEMBERS[0]).resources
        yield HUB, resolved(ACCOUNT, Remediation="manual", **parameters).resources

    def test_only_automations_of_its_account_can_assume_it(self) -> None:
        for account, resources in self.roles():
            (statement,) = resources["RunbookRole"]["AssumeRolePolicyDocument"]["Statement"]
            assert statement == {
                "Sid": "OnlyAutomationsOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "ssm.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }

    def test_it_allows_four_actions_on_the_repositories_of_its_account(self) -> None:
        for account, resources in self.roles():
            (statement,) = resources["CloseRepositories"]["PolicyDocument"]["Statement"]
            assert (statement["Effect"], set(statement["Action"])) == ("Allow", PERMISSIONS)
            # IAM is global: the home Region's stack creates the role of all Regions.
            region = REGION if account == HUB else "*"
            assert statement["Resource"] == f"arn:aws:ecr:{region}:{account}:repository/*"
            assert resources["RunbookRole"]["ManagedPolicyArns"] == ["CloseRepositories.Ref"]

    def test_it_has_boundary_and_path_as_the_other_roles(self) -> None:
        for account, resources in self.roles(PermissionsBoundaryName=BOUNDARY, RolePath=PATH):
            role = resources["RunbookRole"]
            assert role["PermissionsBoundary"] == f"arn:aws:iam::{account}:policy/{BOUNDARY}"
            assert (role["Path"], resources["CloseRepositories"]["Path"]) == (PATH, PATH)
        for _, resources in self.roles():
            assert "PermissionsBoundary" not in resources["RunbookRole"]

    def test_it_has_a_name_only_where_a_text_names_it(self) -> None:
        member, account = (resources for _, resources in self.roles())
        assert member["RunbookRole"]["RoleName"] == ROLE
        # Stacks with account-rule in two Regions of an account must not create roles of one name.
        assert "RoleName" not in account["RunbookRole"]

    @ORGANIZATION_SHAPES
    def test_hub_and_members_get_it_with_remediation_only(self, shape: dict[str, str]) -> None:
        for choice, expected in (("none", "false"), ("manual", "true"), ("automatic", "true")):
            resources = resolved(shape, Remediation=choice).resources
            assert resources["HubRole"]["Parameters"]["CreateRunbookRole"] == expected
            in_members = {
                each["ParameterKey"]: each["ParameterValue"] for each in resources["MemberRoles"]["Parameters"]
            }
            assert in_members["CreateRunbookRole"] == expected


class TestDeployed:
    """The runbook of a deployed stack, started for repositories of each account."""

    def deployed(self, shape: dict[str, str], transform: Transform, organization: LocalOrganization) -> DeployedStack:
        """Deploy the stack, the StackSets and the rules."""
        parameters = {
            **shape,
            "Remediation": "manual",
            "RolePath": PATH,
            "excludedPublicRepositories": f"{HUB}:public/*,{MEMBERS[0]}:public/*",
            "excludedPublicTag": "dp:exclude:identity",
        }
        transformed = transform.apply_to_template_yaml(parameters)
        stack = deploy(organization, REGION, transformed, parameters, lambda_handler)
        stack.create_stack_instances(organization.accounts, management=HUB)
        stack.create_rules(organization.accounts)
        return stack

    @WITH_REMEDIATION
    def test_flagged_repositories_are_closed_and_excluded_ones_are_not(
        self, transform: Transform, shape: dict[str, str]
    ) -> None:
        with LocalOrganization(iam=True) as organization:
            stack = self.deployed(shape, transform, organization)
            assert stack.rules.keys() == ({HUB} if shape != PACK else {HUB, *MEMBERS})
            for account in stack.rules:
                organization.create_repository(account, REGION, "team/open", OPEN)
                organization.create_repository(account, REGION, "public/base", OPEN)
                organization.create_repository(account, REGION, "tagged", OPEN, tags={"dp:exclude:identity": "true"})
                failures = [
                    stack.start_runbook(account, name).failure for name in ("team/open", "public/base", "tagged")
                ]
                excluded = account in {HUB, MEMBERS[0]}
                assert [bool(failure) for failure in failures] == [False, excluded, True]
                stack.config.deliver_scheduled(account, REGION)
                rows = stack.config.evaluations(account, REGION, stack.rules[account])
                assert {row.compliance for row in rows} == {"COMPLIANT"}

    @WITH_REMEDIATION
    def test_permissions_of_the_role_are_the_calls_that_are_made(
        self, transform: Transform, shape: dict[str, str]
    ) -> None:
        with LocalOrganization(iam=True) as organization:
            stack = self.deployed(shape, transform, organization)
            account = HUB if shape != PACK else MEMBERS[0]
            organization.create_repository(account, REGION, "team/open", OPEN)
            organization.calls.clear()
            stack.start_runbook(account, "team/open")
            organization.set_policy(account, REGION, "team/open", OPEN)
            stack.start_runbook(account, "team/open", OrganizationId="")
            role = stack.runbook_role(account).rpartition("/")[2]
            made = {f"{call.service}:{call.operation}" for call in organization.calls if call.role == role}
            assert made == granted(account, role) == PERMISSIONS

    def test_account_without_the_runbook_is_not_changed(self, transform: Transform) -> None:
        with LocalOrganization(iam=True) as organization:
            stack = self.deployed(PACK, transform, organization)
            organization.join("222233334444")
            organization.create_repository("222233334444", REGION, "team/open", OPEN)
            with pytest.raises(ClientError, match="Document"):
                stack.start_runbook("222233334444", "team/open")
