"""The templates: lint clean before and after their transform, agree with the code, and stop bad combinations."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jmespath
import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint marks its types as not for others
from cfnlint.helpers import REGIONS  # type: ignore[import-untyped]

from ecr_exposure import ParameterError, Request, is_allowed, judge
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from ecr_exposure.findings.advisories import AdvisoryKind
from ecr_exposure.handler import lambda_handler
from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS, RuleParameters, read_parameters
from ecr_exposure.repository import RESOURCE_TYPE
from ecr_exposure.verdict import TESTS
from tests.deployment.sam import (
    DEPLOY,
    MEMBER_ACCOUNT,
    ORGANIZATION_MAY_INVOKE,
    REGION,
    ROOT,
    SECURITY_HUB,
    TEMPLATE,
    run,
    transformed,
    transformed_template,
)
from tests.local_aws.demo import ENVIRONMENT as DEMONSTRATED
from tests.local_aws.deployment import rule_of_pack
from tests.local_aws.templates import ResolvedTemplate, read_template

HUB: Final = "111122223333"
MANAGEMENT: Final = "999988887777"
OWN_PARAMETERS: Final = tuple(name for name in PARAMETERS if name not in RDKLIB_PARAMETERS)
ORGANIZATION: Final = {"OrganizationId": "o-exampleorg1", "OrganizationRootId": "r-abcd", "ManagementAccountId": HUB}
PACK: Final = {"DeployAs": "organization-conformance-pack", **ORGANIZATION}
RULE: Final = {"DeployAs": "organization-rule", **ORGANIZATION}
ACCOUNT: Final = {"DeployAs": "account-rule"}
SHAPES: Final = pytest.mark.parametrize("shape", [PACK, RULE, ACCOUNT], ids=lambda shape: shape["DeployAs"])
FREQUENCY: Final = "TwentyFour_Hours"
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html: a type without which these do.
WITHOUT_RESOURCE_POLICY: Final = {"cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1"}
MEMBER: Final = read_template(MEMBER_ACCOUNT)
FUNCTION_ROLE: Final = f"arn:aws:iam::{HUB}:role/EcrExposureEvaluation-Function"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


def deployed(parameters: Mapping[str, str], *, region: str = REGION, **changes: str) -> ResolvedTemplate:
    """Return template.yaml as the hub account would deploy it."""
    return ResolvedTemplate(read_template(TEMPLATE), {**parameters, **changes}, account=HUB, region=region)


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


class TestLint:
    """What SAM CLI and cfn-lint say, and that they would say more."""

    def test_sam_finds_the_template_valid(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        command = (tools / "sam", "validate", "--lint", "--template-file", TEMPLATE)
        assert "is a valid SAM Template" in run(command, cwd=tmp_path, env=environment).stdout

    def test_sam_refuses_a_wrong_property(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "template.yaml").write_text(replaced(TEMPLATE, "MemorySize:", "MemoryMass:"))
        command = (tools / "sam", "validate", "--lint", "--template-file", tmp_path / "template.yaml")
        with pytest.raises(subprocess.CalledProcessError) as raised:
            run(command, cwd=tmp_path, env=environment)
        assert "MemoryMass" in raised.value.stdout + raised.value.stderr

    def test_the_template_is_clean_in_every_region(self) -> None:
        assert lint(TEMPLATE.read_text(), regions=REGIONS) == []

    def test_a_wrong_property_is_not_clean(self) -> None:
        wrong = replaced(TEMPLATE, "OrganizationConfigRuleTriggerTypes:", "OrganizationConfigRuleTriggers:")
        assert "E3002" in {match.rule.id for match in lint(wrong)}

    @pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: str(file.name))
    def test_the_nested_templates_are_clean(self, file: Path) -> None:
        lacking = WITHOUT_RESOURCE_POLICY if file == ORGANIZATION_MAY_INVOKE else set()
        assert lint(file.read_text(), regions=[region for region in REGIONS if region not in lacking]) == []

    def test_the_regions_that_lack_a_type_are_those_that_the_template_refuses(self) -> None:
        text = ORGANIZATION_MAY_INVOKE.read_text()
        told = " ".join(str(match) for match in lint(text, regions=REGIONS))
        assert {region for region in REGIONS if f"'{region}'" in told} == WITHOUT_RESOURCE_POLICY
        refused = {region for region in REGIONS if deployed(PACK, region=region).refusals}
        assert refused == WITHOUT_RESOURCE_POLICY
        assert not any(deployed(PACK, InvokePermission="any-account", region=region).refusals for region in refused)

    def test_the_pack_is_clean_in_every_region(self, template: dict[str, Any]) -> None:
        body = template["Resources"]["OrganizationPack"]["Properties"]["TemplateBody"]
        assert len(body.encode()) <= 51_200
        assert lint(body, regions=REGIONS) == []
        assert "E3002" in {match.rule.id for match in lint(body.replace("Scope:", "Range:"))}

    @SHAPES
    def test_the_transformed_template_is_clean_in_every_region(self, shape: dict[str, str], tools: Path) -> None:
        assert tools.exists()
        content = transformed_template(shape)
        # cfn-lint warns of addresses that `sam package` puts in: here they are uploaded already.
        for each in content["Resources"].values():
            if "TemplateURL" in each.get("Properties", {}):
                each["Properties"]["TemplateURL"] = "https://bucket.s3.eu-west-1.amazonaws.com/nested.template"
        types = {each["Type"] for each in content["Resources"].values()}
        assert {"AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::IAM::Role"} <= types
        # The shapes have the same resources; one of them in every region is enough.
        assert lint(json.dumps(content), regions=REGIONS if shape == PACK else [REGION]) == []

    def test_a_mistake_that_only_the_transform_shows_is_found(self, tools: Path) -> None:
        assert tools.exists()
        wrong = read_template(replaced(TEMPLATE, "for the AWS Config rule ${RuleName} fail", "${aws:RuleName} fail"))
        assert "E1019" in {match.rule.id for match in lint(json.dumps(transformed(wrong, ACCOUNT)))}

    def test_no_arn_names_a_partition(self) -> None:
        for file in (TEMPLATE, *DEPLOY.iterdir()):
            assert "arn:aws:" not in file.read_text(), file


class TestShapes:
    """Exactly one rule, and what it needs."""

    KINDS: Final = ("AccountRule", "OrganizationPack", "OrganizationRule")

    @pytest.mark.parametrize(
        ("shape", "only"),
        [({}, "OrganizationPack"), (PACK, "OrganizationPack"), (RULE, "OrganizationRule"), (ACCOUNT, "AccountRule")],
    )
    def test_each_shape_makes_one_rule(self, shape: dict[str, str], only: str) -> None:
        assert [kind for kind in self.KINDS if kind in deployed(shape).resources] == [only]

    @SHAPES
    def test_the_rule_hears_of_every_change_and_once_a_day(self, shape: dict[str, str]) -> None:
        rule = rule_of(deployed(shape))
        assert rule["name"] == "ecr-repository-no-public-access"
        assert rule["types"] == [RESOURCE_TYPE]
        assert rule["triggers"] == [CHANGE, OVERSIZED, SCHEDULED]
        assert (rule["frequency"], rule["function"]) == (FREQUENCY, "RuleFunction.Arn")

    @SHAPES
    def test_the_periodic_run_can_be_turned_off(self, shape: dict[str, str]) -> None:
        rule = rule_of(deployed(shape, MaximumExecutionFrequency="Off"))
        assert (rule["triggers"], rule["frequency"]) == ([CHANGE, OVERSIZED], None)

    @SHAPES
    def test_each_parameter_arrives_under_its_own_name(self, shape: dict[str, str]) -> None:
        chosen = {name: f"value-of-{name}" for name in OWN_PARAMETERS}
        assert rule_of(deployed(shape, **chosen))["parameters"] == chosen

    @SHAPES
    def test_an_empty_parameter_is_left_out_and_no_blank_is_in(self, shape: dict[str, str]) -> None:
        stack = deployed(shape)
        assert rule_of(stack)["parameters"] == {"publicAccessTest": "unconditional"}
        if shape == RULE:
            metadata = stack.resources["OrganizationRule"]["OrganizationCustomRuleMetadata"]
            assert metadata["InputParameters"] == '{"publicAccessTest":"unconditional"}'

    @SHAPES
    def test_the_rule_waits_for_permission_and_roles(self, template: dict[str, Any], shape: dict[str, str]) -> None:
        kind = next(kind for kind in self.KINDS if kind in deployed(shape).resources)
        rule = template["Resources"][kind]
        if shape == ACCOUNT:
            assert rule["DependsOn"] == "ConfigMayInvoke"
        else:
            # What a resource's metadata refers to is made before it.
            after = ResolvedTemplate(template, shape).value(rule["Metadata"]["After"])
            assert after == ["OrganizationMayInvoke.Ref", "HubRole.Ref", "MemberRoles.Ref"]
            further = ResolvedTemplate(
                template, {**shape, "HomeRegion": "us-east-1", "InvokePermission": "any-account"}
            )
            made_at_home = "made in the home region"
            assert further.value(rule["Metadata"]["After"]) == ["ConfigMayInvoke.Ref", made_at_home, made_at_home]

    @SHAPES
    def test_one_permission_and_never_two(self, shape: dict[str, str]) -> None:
        for choice in ("organization", "any-account"):
            resources = deployed(shape, InvokePermission=choice).resources
            by_policy = "OrganizationMayInvoke" in resources
            assert by_policy is (shape != ACCOUNT and choice == "organization")
            assert ("ConfigMayInvoke" in resources) is not by_policy
            if by_policy:
                assert resources["OrganizationMayInvoke"]["Parameters"] == {
                    "FunctionArn": "RuleFunction.Arn",
                    "OrganizationId": "o-exampleorg1",
                }
            else:
                source = {"SourceAccount": HUB} if shape == ACCOUNT else {}
                assert resources["ConfigMayInvoke"] == source | {
                    "FunctionName": "RuleFunction.Arn",
                    "Action": "lambda:InvokeFunction",
                    "Principal": "config.amazonaws.com",
                }

    @pytest.mark.parametrize(
        ("chosen", "excluded"),
        [
            ({}, None),
            ({"ExcludedAccounts": "444455556666,777788889999"}, ["444455556666", "777788889999"]),
            ({"ManagementAccountId": MANAGEMENT}, [MANAGEMENT]),
            ({"ManagementAccountId": MANAGEMENT, "IncludeManagementAccount": "true"}, None),
            ({"ManagementAccountId": MANAGEMENT, "ExcludedAccounts": "444455556666"}, [MANAGEMENT, "444455556666"]),
            (
                {
                    "ManagementAccountId": MANAGEMENT,
                    "IncludeManagementAccount": "true",
                    "ExcludedAccounts": "444455556666",
                },
                ["444455556666"],
            ),
        ],
    )
    def test_accounts_left_out(self, chosen: dict[str, str], excluded: list[str] | None) -> None:
        for shape, kind in ((PACK, "OrganizationPack"), (RULE, "OrganizationRule")):
            assert deployed(shape, **chosen).resources[kind].get("ExcludedAccounts") == excluded

    def test_where_the_role_goes(self) -> None:
        management = deployed(PACK).resources["MemberRoles"]
        assert management["CallAs"] == "SELF"
        assert management["StackInstancesGroup"] == [
            {"Regions": [REGION], "DeploymentTargets": {"OrganizationalUnitIds": ["r-abcd"]}}
        ]
        delegated = deployed(PACK, ManagementAccountId=MANAGEMENT).resources["MemberRoles"]
        assert delegated["CallAs"] == "DELEGATED_ADMIN"
        (group,) = delegated["StackInstancesGroup"]
        assert group["DeploymentTargets"] == {
            "OrganizationalUnitIds": ["r-abcd"],
            "AccountFilterType": "DIFFERENCE",
            "Accounts": [HUB],
        }
        for stack in (management, delegated):
            assert stack["PermissionModel"] == "SERVICE_MANAGED"
            assert stack["StackSetName"] == f"EcrExposureEvaluation-{HUB}"
            # An account that refuses the role does not keep it from the others.
            assert stack["OperationPreferences"] == {"FailureTolerancePercentage": 100, "MaxConcurrentPercentage": 100}
            assert stack["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
            assert stack["TemplateURL"] == "deploy/member-account.yaml"

    def test_a_further_region_makes_no_roles_and_shares_the_functions(self) -> None:
        home = deployed(PACK, HomeRegion=REGION).resources
        further = deployed(PACK, HomeRegion=REGION, region="us-east-1").resources
        assert home.keys() - further.keys() == {"FunctionRole", "HubRole", "MemberRoles"}
        assert further.keys() <= home.keys()
        assert home["FunctionRole"]["RoleName"] == FUNCTION_ROLE.rpartition("/")[2]
        assert further["RuleFunction"]["Role"] == FUNCTION_ROLE
        statements = further["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
        assert statements[0]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": FUNCTION_ROLE}}
        assert "RoleName" not in deployed(ACCOUNT, HomeRegion="us-east-1").resources["FunctionRole"]

    def test_the_management_account_gets_its_command(self) -> None:
        assert "ManagementAccountCommand" not in deployed(PACK).outputs
        left_out = deployed(PACK, ManagementAccountId=MANAGEMENT).outputs["ManagementAccountCommand"]
        included = deployed(PACK, ManagementAccountId=MANAGEMENT, IncludeManagementAccount="true").outputs
        assert included["ManagementAccountCommand"] == left_out
        assert left_out == (
            "aws cloudformation deploy --region eu-west-1 --stack-name EcrExposureEvaluation"
            " --template-file deploy/member-account.yaml --capabilities CAPABILITY_NAMED_IAM --parameter-overrides"
            f" ExecutionRoleName=EcrExposureEvaluation FunctionRoleArn={FUNCTION_ROLE}"
        )

    @SHAPES
    def test_the_operators_commands_find_their_outputs(self, shape: dict[str, str]) -> None:
        outputs = deployed(shape).outputs
        assert {"RuleName", "DeployedAs", "FunctionName", "LogGroupName", "FailedEventsQueueUrl"} <= outputs.keys()
        assert DeployedAs(outputs["DeployedAs"]) is DeployedAs(shape["DeployAs"])
        assert ("MemberRolesStackSet" in outputs) is (shape != ACCOUNT)
        origin = outputs["DeployedFrom"]
        assert origin == ("account" if shape == ACCOUNT else "management-account")
        if shape != ACCOUNT:
            delegated = deployed(shape, ManagementAccountId=MANAGEMENT).outputs
            assert delegated["DeployedFrom"] == "delegated-administrator"

    @pytest.mark.parametrize(
        ("region", "domain"),
        [
            ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ],
    )
    def test_the_links_lead_to_the_partitions_console(self, region: str, domain: str) -> None:
        for shape in (PACK, RULE, ACCOUNT):
            links = [
                value for name, value in deployed(shape, region=region).outputs.items() if name.endswith("Console")
            ]
            assert len(links) >= 3
            assert all(link.startswith(f"https://{domain}/") for link in links)


class TestFunction:
    """The function and what surrounds it."""

    @SHAPES
    def test_it_is_the_handler(self, shape: dict[str, str]) -> None:
        function = deployed(shape).resources["RuleFunction"]
        assert function["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert (function["Timeout"], function["MemorySize"]) == (900, 512)
        assert (ROOT / function["CodeUri"]).samefile(ROOT / "rule")
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "RuleLogGroup.Ref"}
        assert "ReservedConcurrentExecutions" not in function
        reserved = deployed(shape, ReservedConcurrency="20").resources["RuleFunction"]
        assert reserved["ReservedConcurrentExecutions"] == "20"

    def test_its_environment_fixes_role_and_mode(self) -> None:
        def variables(shape: dict[str, str], **chosen: str) -> object:
            return deployed(shape, **chosen).resources["RuleFunction"]["Environment"]["Variables"]

        assert variables(ACCOUNT) == variables(ACCOUNT, publicAccessTest="external") == {"ASSUME_ROLE_MODE": "false"}
        organization = {"ASSUME_ROLE_MODE": "true", "EXECUTION_ROLE_NAME": "EcrExposureEvaluation"}
        assert organization == DEMONSTRATED
        for shape in (PACK, RULE):
            assert variables(shape) == organization
            asking = variables(shape, publicAccessTest="external")
            assert asking == organization | {"LIST_ORGANIZATION_ACCOUNTS": "true"}

    @SHAPES
    def test_failed_events_wait_encrypted_for_two_weeks(self, shape: dict[str, str]) -> None:
        resources = deployed(shape).resources
        assert resources["RuleFunction"]["EventInvokeConfig"] == {
            "MaximumEventAgeInSeconds": 21600,
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "FailedEvents.Arn"}},
        }
        queue = resources["FailedEvents"]
        assert (queue["MessageRetentionPeriod"], queue["SqsManagedSseEnabled"]) == (14 * 86400, True)
        # One that replays them has so long for each batch.
        assert queue["VisibilityTimeout"] == 300
        assert deployed(shape).outputs["FailedEventsQueueUrl"] == "FailedEvents.Ref"

    @SHAPES
    def test_lambda_takes_the_functions_role(self, shape: dict[str, str]) -> None:
        (statement,) = deployed(shape).resources["FunctionRole"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }

    @SHAPES
    def test_its_role_may_write_log_and_queue_of_every_region_that_it_serves(self, shape: dict[str, str]) -> None:
        home = deployed(shape, HomeRegion=REGION).resources
        (operate, *_) = home["FunctionRole"]["Policies"]
        log, queue = (statement["Resource"] for statement in operate["PolicyDocument"]["Statement"])
        for region in (REGION, "us-east-1"):
            resources = deployed(shape, HomeRegion=REGION, region=region).resources
            group, name = resources["RuleLogGroup"]["LogGroupName"], resources["FailedEvents"]["QueueName"]
            assert fits(log, f"arn:aws:logs:{region}:{HUB}:log-group:{group}:log-stream:x")
            assert fits(queue, f"arn:aws:sqs:{region}:{HUB}:{name}")
        assert not fits(log, f"arn:aws:logs:{REGION}:{HUB}:log-group:/aws/lambda/other:log-stream:x")
        assert not fits(queue, f"arn:aws:sqs:{REGION}:{HUB}:other")

    @SHAPES
    def test_alarms_on_waiting_and_lost_events_errors_and_throttles(self, shape: dict[str, str]) -> None:
        function = [{"Name": "FunctionName", "Value": "RuleFunction.Ref"}]
        watched = [
            (
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "Maximum",
                [{"Name": "QueueName", "Value": "FailedEvents.QueueName"}],
            ),
            ("AWS/Lambda", "Errors", "Sum", function),
            ("AWS/Lambda", "Throttles", "Sum", function),
            ("AWS/Lambda", "DestinationDeliveryFailures", "Sum", function),
        ]
        for region, topic, actions in (
            (REGION, "", {}),
            ("us-east-1", "alarms", {"AlarmActions": [f"arn:aws:sns:us-east-1:{HUB}:alarms"]}),
        ):
            resources = deployed(shape, AlarmTopicName=topic, region=region).resources
            alarms = [each for name, each in resources.items() if name.endswith("Alarm")]
            assert all(alarm.pop("AlarmDescription") for alarm in alarms)
            assert sorted(alarms, key=repr) == sorted(
                (
                    {
                        "Namespace": namespace,
                        "MetricName": metric,
                        "Dimensions": dimensions,
                        "Statistic": statistic,
                        "Period": 300,
                        "EvaluationPeriods": 1,
                        "Threshold": 0,
                        "ComparisonOperator": "GreaterThanThreshold",
                        "TreatMissingData": "notBreaching",
                    }
                    | actions
                    for namespace, metric, statistic, dimensions in watched
                ),
                key=repr,
            )

    def test_the_aggregator_gets_a_query(self) -> None:
        query = deployed(PACK).resources["OpenRepositories"]
        assert query["QueryName"] == "ecr-repository-no-public-access"
        assert query["QueryExpression"] == (
            "SELECT accountId, awsRegion, configuration.targetResourceId, configuration.configRuleList"
            " WHERE resourceType = 'AWS::Config::ResourceCompliance'"
            f" AND configuration.targetResourceType = '{RESOURCE_TYPE}'"
            " AND configuration.configRuleList.complianceType = 'NON_COMPLIANT'"
        )
        assert "OpenRepositories" not in deployed(ACCOUNT).resources


class TestAgreement:
    """Template, parameters.json and code have the same parameters."""

    def test_the_rules_parameters_are_those_of_the_code(self, template: dict[str, Any]) -> None:
        # Operational parameters start with a capital letter.
        assert {name for name in template["Parameters"] if name[0].islower()} == set(OWN_PARAMETERS)
        assert template["Parameters"]["publicAccessTest"]["AllowedValues"] == list(TESTS)

    def test_the_defaults_are_those_of_rdk_and_of_the_code(self, template: dict[str, Any]) -> None:
        rdk = json.loads((ROOT / "parameters.json").read_text())["Parameters"]
        raw = json.loads(rdk["InputParameters"]) | json.loads(rdk["OptionalParameters"])
        assert set(raw) == set(PARAMETERS)
        defaults = {name: template["Parameters"][name]["Default"] for name in OWN_PARAMETERS}
        assert defaults == {name: raw[name] for name in OWN_PARAMETERS}
        assert read_parameters(defaults) == RuleParameters()

    @pytest.mark.parametrize("file", [TEMPLATE, MEMBER_ACCOUNT, SECURITY_HUB], ids=lambda file: str(file.name))
    def test_every_parameter_has_a_group_a_label_and_a_description(self, file: Path) -> None:
        content = read_template(file)
        interface = content["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        assert sorted(grouped) == sorted(content["Parameters"]) == sorted(interface["ParameterLabels"])
        for name, parameter in content["Parameters"].items():
            assert parameter["Description"], name
            assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter), name

    def test_the_three_templates_give_the_same_names(self, template: dict[str, Any]) -> None:
        hub = read_template(SECURITY_HUB)["Parameters"]["RuleName"]
        rule = template["Parameters"]["RuleName"]
        assert (hub["Default"], hub["AllowedPattern"]) == (rule["Default"], rule["AllowedPattern"])
        member, role = MEMBER["Parameters"]["ExecutionRoleName"], template["Parameters"]["ExecutionRoleName"]
        assert (member["Default"], member["AllowedPattern"]) == (role["Default"], role["AllowedPattern"])

    @pytest.mark.parametrize(
        "read_only", ["OrganizationConfigRuleName", "OrganizationConformancePackName", "QueryName"]
    )
    def test_the_longest_name_fits_whatever_it_names(self, read_only: str) -> None:
        name = "a" * 36
        properties = [each for shape in (PACK, RULE) for each in deployed(shape, RuleName=name).resources.values()]
        assert name in [each.get(read_only) for each in properties]
        assert not deployed(PACK, RuleName=name).refusals
        assert deployed(PACK, RuleName=f"{name}a").refusals
        # GetComplianceDetailsByConfigRule takes at most 64 characters.
        assert len(f"{name}-conformance-pack-abcdefghi") <= 64
        assert len(f"OrgConfigRule-{name}-abcdefgh") <= 64

    @pytest.mark.parametrize(
        ("name", "text", "accepted"),
        [
            ("excludedPublicRepositories", "", True),
            ("excludedPublicRepositories", "app", True),
            ("excludedPublicRepositories", "public/*", True),
            ("excludedPublicRepositories", "a.b_c-d/e?", True),
            ("excludedPublicRepositories", "111122223333", True),
            ("excludedPublicRepositories", "111122223333:public/*,mirror-?,444455556666:*", True),
            ("excludedPublicRepositories", "Team/App", False),
            ("excludedPublicRepositories", "team app", False),
            ("excludedPublicRepositories", "a,,b", False),
            ("excludedPublicRepositories", ",a", False),
            ("excludedPublicRepositories", "a,", False),
            ("excludedPublicRepositories", "a:b", False),
            ("excludedPublicRepositories", ":app", False),
            ("excludedPublicRepositories", "123:app", False),
            ("excludedPublicRepositories", "1111222233334:app", False),
            ("excludedPublicRepositories", "111122223333:", False),
            ("excludedPublicRepositories", "111122223333:a:b", False),
            ("trustedAccounts", "", True),
            ("trustedAccounts", "111122223333", True),
            ("trustedAccounts", "111122223333,444455556666,777788889999", True),
            ("trustedAccounts", "12345", False),
            ("trustedAccounts", "1111222233334", False),
            ("trustedAccounts", "111122223333,", False),
            ("trustedAccounts", "111122223333;444455556666", False),
            ("trustedAccounts", "111122223333,o-abcde12345", False),
            ("trustedAccounts", "١١١١٢٢٢٢٣٣٣٣", False),
            ("trustedAccounts", "*", False),
            ("trustedOrganizations", "", True),
            ("trustedOrganizations", "o-abcde12345", True),
            ("trustedOrganizations", f"o-{32 * 'a'},o-exampleorg1", True),
            ("trustedOrganizations", f"o-{33 * 'a'}", False),
            ("trustedOrganizations", f"o-{9 * 'a'}", False),
            ("trustedOrganizations", "o-ABCDE12345", False),
            ("trustedOrganizations", "o-abcde12345,", False),
            ("trustedOrganizations", "r-abcde12345", False),
            ("trustedOrganizations", "111122223333", False),
            ("ExecutionRoleName", "EcrExposureEvaluation", True),
            ("ExecutionRoleName", "a role", False),
        ],
    )
    def test_the_template_refuses_what_the_code_refuses(self, name: str, text: str, *, accepted: bool) -> None:
        assert (not deployed(ACCOUNT, **{name: text}).refusals) is accepted
        assert is_read({name: text}) is accepted


class TestSamConfig:
    """The defaults of `sam deploy`."""

    def test_what_a_deployment_needs_is_said(self) -> None:
        # What `sam deploy --guided` saves beside these is the user's own.
        parameters = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
        assert parameters["capabilities"] == "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
        assert (parameters["resolve_s3"], parameters["confirm_changeset"]) == (True, True)


class TestRefusals:
    """What the template stops before anything is deployed."""

    @SHAPES
    def test_the_shapes_are_accepted(self, shape: dict[str, str]) -> None:
        assert deployed(shape).refusals == []

    @pytest.mark.parametrize("missing", sorted(ORGANIZATION))
    def test_an_organization_shape_names_its_organization(self, missing: str) -> None:
        for shape in (PACK, RULE):
            (told,) = deployed({name: value for name, value in shape.items() if name != missing}).refusals
            assert told.startswith(f"The organization shapes need {missing}")

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("DeployAs", "both"),
            ("OrganizationId", "exampleorg1"),
            ("OrganizationRootId", "ou-abcd-12345678"),
            ("ManagementAccountId", "1234"),
            ("IncludeManagementAccount", "yes"),
            ("ExcludedAccounts", "111122223333, 444455556666"),
            ("HomeRegion", "Ireland"),
            ("InvokePermission", "both"),
            ("RuleName", "1st-rule"),
            ("RuleName", "under_score"),
            ("MaximumExecutionFrequency", "Daily"),
            ("LogRetentionInDays", "2"),
            ("AlarmTopicName", "arn:aws:sns:eu-west-1:111122223333:alarms"),
            ("excludedPublicRepositories", ",".join(["a" * 100] * 8)),
            ("trustedAccounts", ",".join(["111122223333"] * 62)),
            ("trustedOrganizations", ",".join(["o-exampleorg1"] * 58)),
            ("ExecutionRoleName", "a" * 56),
            ("ReservedConcurrency", "0"),
        ],
    )
    def test_a_wrong_value(self, name: str, wrong: str) -> None:
        assert deployed(PACK, **{name: wrong}).refusals

    def test_an_excluded_account_has_no_meaning_for_one_account(self) -> None:
        (told,) = deployed(ACCOUNT, ExcludedAccounts="444455556666").refusals
        assert told.startswith("ExcludedAccounts has no meaning for account-rule")


class TestPolicies:
    """Who gets in by the policies that the templates write, judged by this project's own evaluator.

    It knows ECR's actions only, so theirs stand in for what the policies name; principals, effects and
    conditions are as they are written.
    """

    def test_the_longest_role_name_leaves_room_for_the_functions(self) -> None:
        longest = deployed(PACK, ExecutionRoleName="a" * 55)
        assert longest.refusals == []
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        assert len(longest.resources["FunctionRole"]["RoleName"]) == 64

    def test_the_roles_reach_what_the_code_reads_in_every_region(self) -> None:
        member = ResolvedTemplate(MEMBER, {"FunctionRoleArn": FUNCTION_ROLE}, account="444455556666")
        own = deployed(ACCOUNT).resources["FunctionRole"]["Policies"][-1]
        for account, regions, policy in (
            ("444455556666", (REGION, "us-east-1"), member.resources["EvaluationRole"]["Policies"][0]),
            (HUB, (REGION,), own),
        ):
            answer, earlier, repositories = (each["Resource"] for each in policy["PolicyDocument"]["Statement"])
            assert answer == "*"
            for region in regions:
                assert fits(earlier, f"arn:aws:config:{region}:{account}:config-rule/config-rule-abcdef")
                assert fits(repositories, f"arn:aws:ecr:{region}:{account}:repository/team/app")
            assert not fits(earlier, f"arn:aws:config:{REGION}:{MANAGEMENT}:config-rule/config-rule-abcdef")
            assert not fits(repositories, f"arn:aws:ecr:{REGION}:{MANAGEMENT}:repository/team/app")

    def trust(self) -> dict[str, Any]:
        stack = ResolvedTemplate(MEMBER, {"FunctionRoleArn": FUNCTION_ROLE}, account="444455556666")
        return for_ecr(stack.resources["EvaluationRole"]["AssumeRolePolicyDocument"])

    def test_the_member_role_trusts_the_function_and_nobody_else(self) -> None:
        trust = self.trust()
        assert is_allowed(trust, session("EcrExposureEvaluation-Function"))
        assert not is_allowed(trust, session("Administrator"))
        assert not is_allowed(trust, session("EcrExposureEvaluation-Function", account="444455556666"))
        for test in ("unconditional", "reachable"):
            assert judge(trust, test=test, owner="444455556666").compliance == "COMPLIANT"
        outside = judge(trust, test="external", owner="444455556666", trusted_accounts=(HUB,))
        assert outside.compliance == "COMPLIANT"

    def test_without_its_condition_the_whole_hub_would_get_in(self) -> None:
        trust = self.trust()
        del trust["Statement"][0]["Condition"]
        assert is_allowed(trust, session("Administrator"))

    def test_the_functions_policy_has_no_confused_deputy(self) -> None:
        function = f"arn:aws:lambda:{REGION}:{HUB}:function:rule"
        parameters = {"FunctionArn": function, "OrganizationId": "o-exampleorg1"}
        stack = ResolvedTemplate(read_template(ORGANIZATION_MAY_INVOKE), parameters)
        assert stack.resources["InvokePolicy"]["ResourceArn"] == function
        document = stack.resources["InvokePolicy"]["PolicyDocument"]
        assert document["Statement"] == [
            {
                "Sid": "ConfigOfTheOrganization",
                "Effect": "Allow",
                "Principal": {"Service": "config.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": function,
                "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
            }
        ]
        policy = for_ecr(document)
        verdict = judge(policy, test="reachable", owner=HUB)
        assert (verdict.compliance, verdict.advisories) == ("COMPLIANT", ())
        del policy["Statement"][0]["Condition"]
        (advisory,) = judge(policy, test="reachable", owner=HUB).advisories
        assert advisory.kind is AdvisoryKind.CONFUSED_DEPUTY

    def test_nobody_but_the_function_fills_the_queue(self) -> None:
        resources = deployed(PACK, HomeRegion=REGION, region="us-east-1").resources
        statements = resources["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
        assert [each["Action"] for each in statements] == ["sqs:SendMessage", "sqs:SendMessage", "sqs:*"]
        policy = for_ecr({"Statement": statements})
        assert is_allowed(policy, session("EcrExposureEvaluation-Function"))
        assert not is_allowed(policy, session("EcrExposureEvaluation-Function", secure="false"))
        assert not is_allowed(policy, session("Administrator"))
        assert judge(policy, test="reachable", owner=HUB).compliance == "COMPLIANT"

    def test_the_function_takes_one_role_and_only_in_its_organization(self) -> None:
        _, serve = deployed(PACK).resources["FunctionRole"]["Policies"]
        (statement,) = serve["PolicyDocument"]["Statement"]
        assert statement == {
            "Sid": "TakeTheRoleOfTheOrganizationsAccounts",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": "arn:aws:iam::*:role/EcrExposureEvaluation",
            "Condition": {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
        }


class TestSecurityHub:
    """The automation rule that raises the findings."""

    @pytest.mark.parametrize("rule", ["ecr-repository-no-public-access", "a" * 36])
    def test_it_meets_the_findings_of_every_shape_and_no_others(self, rule: str) -> None:
        resource = ResolvedTemplate(read_template(SECURITY_HUB), {"RuleName": rule}).resources["RaiseSeverity"]
        assert resource["RuleStatus"] == "ENABLED"
        criteria = resource["Criteria"]
        assert {name: each for name, each in criteria.items() if name != "Title"} == {
            "ProductName": [{"Comparison": "EQUALS", "Value": "Config"}],
            "RecordState": [{"Comparison": "EQUALS", "Value": "ACTIVE"}],
            "ComplianceStatus": [{"Comparison": "EQUALS", "Value": "FAILED"}],
        }
        titles = criteria["Title"]
        for title in (rule, f"{rule}-conformance-pack-ab1cd2ef3", f"OrgConfigRule-{rule}-ab1cd2ef"):
            assert any(meets(each, title) for each in titles)
        for title in (f"{rule}-2", f"OrgConfigRule-{rule}2-ab1cd2ef", f"my-{rule}", "OrgConfigRule-other-ab1cd2ef"):
            assert not any(meets(each, title) for each in titles)

    def test_the_note_fits_and_says_why_and_what_to_do(self) -> None:
        resources = ResolvedTemplate(read_template(SECURITY_HUB), {"RuleName": "a" * 36}).resources
        (action,) = resources["RaiseSeverity"]["Actions"]
        update = action["FindingFieldsUpdate"]
        assert update["Severity"] == {"Label": "CRITICAL"}
        # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_NoteUpdate.html
        assert len(update["Note"]["Text"]) <= 512
        command = re.search(r"aws configservice get-compliance-details-by-resource .* NAME", update["Note"]["Text"])
        assert command is not None
        words = shlex.split(command[0])
        answer = {"EvaluationResults": [{"Annotation": "Everyone can pull"}]}
        assert jmespath.search(words[words.index("--query") + 1], answer) == ["Everyone can pull"]
        assert "set-repository-policy" in update["Note"]["Text"]


def for_ecr(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy as it would stand on a repository: with ECR's actions and no Resource."""
    statements = [
        {name: each for name, each in statement.items() if name != "Resource"} | {"Action": "ecr:*"}
        for statement in document["Statement"]
    ]
    return {**document, "Statement": statements}


def session(role: str, *, account: str = HUB, secure: str = "true") -> Request:
    """Return a request by a session of a role."""
    return Request(
        principal=f"arn:aws:sts::{account}:assumed-role/{role}/session",
        action="ecr:BatchGetImage",
        context={"aws:principalarn": f"arn:aws:iam::{account}:role/{role}", "aws:securetransport": secure},
    )


def replaced(file: Path, old: str, new: str) -> str:
    """Return a template's text with one thing replaced."""
    text = file.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def fits(pattern: str, text: str) -> bool:
    """Tell whether a Resource pattern with stars covers an ARN."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def meets(criterion: Mapping[str, str], text: str) -> bool:
    """Tell whether a text meets a string filter of Security Hub."""
    value = criterion["Value"]
    return text.startswith(value) if criterion["Comparison"] == "PREFIX" else text == value


def is_read(raw: Mapping[str, str]) -> bool:
    """Tell whether the code accepts these rule parameters."""
    try:
        read_parameters(raw)
    except ParameterError:
        return False
    return True
