"""The roles and policies of the templates, evaluated with this project's own evaluator.

It knows ECR's actions only, so ``for_ecr`` replaces the actions of a policy; principals, effects and conditions
stay as they are in the template.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ecr_exposure import Request, is_allowed, judge
from ecr_exposure.findings.advisories import AdvisoryKind
from tests.deployment.deployment_shapes import (
    ACCOUNT,
    FUNCTION_ROLE,
    MANAGEMENT,
    MEMBER,
    OTHER_REGION,
    PACK,
    SHAPES,
    resolved,
)
from tests.deployment.sam import INVOKE_POLICY, REGION
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate, read_template


class TestStackSet:
    """The execution role in the member accounts."""

    def test_stack_set_creates_the_role_in_every_member_account(self) -> None:
        management = resolved(PACK).resources["MemberRoles"]
        assert management["CallAs"] == "SELF"
        assert management["StackInstancesGroup"] == [
            {"Regions": [REGION], "DeploymentTargets": {"OrganizationalUnitIds": ["r-abcd"]}}
        ]
        delegated = resolved(PACK, ManagementAccountId=MANAGEMENT).resources["MemberRoles"]
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
            # A failure in a few accounts does not stop the deployment to the others, a systematic failure does.
            assert stack["OperationPreferences"] == {
                "FailureTolerancePercentage": 20,
                "MaxConcurrentPercentage": 100,
                "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
            }
            assert stack["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
            assert stack["TemplateURL"] == "deploy/member-account.yaml"

    def test_delegated_administrator_gets_commands_for_the_management_account(self) -> None:
        assert "ManagementAccountCommands" not in resolved(PACK).outputs
        left_out = resolved(PACK, ManagementAccountId=MANAGEMENT).outputs["ManagementAccountCommands"]
        included = resolved(PACK, ManagementAccountId=MANAGEMENT, IncludeManagementAccount="true").outputs
        assert included["ManagementAccountCommands"] == left_out
        assert left_out == (
            "aws iam create-service-linked-role --aws-service-name config-multiaccountsetup.amazonaws.com; "
            "aws cloudformation deploy --region eu-west-1 --stack-name EcrExposureEvaluation"
            " --template-file deploy/member-account.yaml --capabilities CAPABILITY_NAMED_IAM --parameter-overrides"
            f" ExecutionRoleName=EcrExposureEvaluation RolePath=/ FunctionRoleArn={FUNCTION_ROLE}"
        )

    def test_further_region_creates_no_roles_and_uses_the_functions_role(self) -> None:
        home = resolved(PACK, HomeRegion=REGION).resources
        further = resolved(PACK, HomeRegion=REGION, region=OTHER_REGION).resources
        roles = {"FunctionRole", "OperateFunction", "ServeOrganization", "HubRole", "MemberRoles"}
        assert home.keys() - further.keys() == roles
        assert further.keys() <= home.keys()
        assert home["FunctionRole"]["RoleName"] == FUNCTION_ROLE.rpartition("/")[2]
        assert further["RuleFunction"]["Role"] == FUNCTION_ROLE
        statements = further["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
        assert statements[0]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": FUNCTION_ROLE}}
        assert "RoleName" not in resolved(ACCOUNT, HomeRegion=OTHER_REGION).resources["FunctionRole"]


class TestFunctionRole:
    """The role of the function."""

    @SHAPES
    def test_only_lambda_can_assume_it(self, shape: dict[str, str]) -> None:
        (statement,) = resolved(shape).resources["FunctionRole"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }

    @SHAPES
    def test_it_allows_its_own_log_group_and_queue_in_every_region(self, shape: dict[str, str]) -> None:
        home = resolved(shape, HomeRegion=REGION).resources
        operate = home["OperateFunction"]["PolicyDocument"]
        log, queue = (statement["Resource"] for statement in operate["Statement"])
        for region in (REGION, OTHER_REGION):
            resources = resolved(shape, HomeRegion=REGION, region=region).resources
            group, name = resources["RuleLogGroup"]["LogGroupName"], resources["FailedEvents"]["QueueName"]
            assert fits(log, f"arn:aws:logs:{region}:{HUB}:log-group:{group}:log-stream:x")
            assert fits(queue, f"arn:aws:sqs:{region}:{HUB}:{name}")
        assert not fits(log, f"arn:aws:logs:{REGION}:{HUB}:log-group:/aws/lambda/other:log-stream:x")
        assert not fits(queue, f"arn:aws:sqs:{REGION}:{HUB}:other")

    def test_it_allows_assuming_one_role_in_the_own_organization_only(self) -> None:
        (statement,) = resolved(PACK).resources["ServeOrganization"]["PolicyDocument"]["Statement"]
        assert statement == {
            "Sid": "AssumeRoleInTheOrganization",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": "arn:aws:iam::*:role/EcrExposureEvaluation",
            "Condition": {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
        }

    def test_longest_execution_role_name_fits_iams_limit(self) -> None:
        longest = resolved(PACK, ExecutionRoleName="a" * 55)
        assert longest.violations == []
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        assert len(longest.resources["FunctionRole"]["RoleName"]) == 64


class TestExecutionRole:
    """The role that the function assumes."""

    def test_it_allows_the_functions_calls_in_every_region(self) -> None:
        member = ResolvedTemplate(MEMBER, {"FunctionRoleArn": FUNCTION_ROLE}, account="444455556666")
        own = resolved(ACCOUNT).resources
        for account, regions, resources in (
            ("444455556666", (REGION, OTHER_REGION), member.resources),
            (HUB, (REGION,), own),
        ):
            document = resources["EvaluateRepositories"]["PolicyDocument"]
            answer, earlier, repositories = (each["Resource"] for each in document["Statement"])
            assert answer == "*"
            for region in regions:
                assert fits(earlier, f"arn:aws:config:{region}:{account}:config-rule/config-rule-abcdef")
                assert fits(repositories, f"arn:aws:ecr:{region}:{account}:repository/team/app")
            assert not fits(earlier, f"arn:aws:config:{REGION}:{MANAGEMENT}:config-rule/config-rule-abcdef")
            assert not fits(repositories, f"arn:aws:ecr:{REGION}:{MANAGEMENT}:repository/team/app")

    def trust(self) -> dict[str, Any]:
        stack = ResolvedTemplate(MEMBER, {"FunctionRoleArn": FUNCTION_ROLE}, account="444455556666")
        return for_ecr(stack.resources["EvaluationRole"]["AssumeRolePolicyDocument"])

    def test_only_the_function_can_assume_it(self) -> None:
        trust = self.trust()
        assert is_allowed(trust, session("EcrExposureEvaluation-Function"))
        assert not is_allowed(trust, session("Administrator"))
        assert not is_allowed(trust, session("EcrExposureEvaluation-Function", account="444455556666"))
        for test in ("unconditional", "reachable"):
            assert judge(trust, test=test, owner="444455556666").compliance == "COMPLIANT"
        outside = judge(trust, test="external", owner="444455556666", trusted_accounts=(HUB,))
        assert outside.compliance == "COMPLIANT"

    def test_without_its_condition_every_role_of_the_hub_could_assume_it(self) -> None:
        trust = self.trust()
        del trust["Statement"][0]["Condition"]
        assert is_allowed(trust, session("Administrator"))


class TestResourcePolicies:
    """The resource-based policies of the function and of its queue."""

    @pytest.mark.parametrize(
        ("given", "condition"),
        [
            ({"OrganizationId": "o-exampleorg1"}, {"aws:SourceOrgID": "o-exampleorg1"}),
            (
                {"InvokingAccounts": "444455556666,777788889999"},
                {"aws:SourceAccount": ["444455556666", "777788889999"]},
            ),
        ],
    )
    def test_functions_policy_limits_the_source_and_has_no_confused_deputy(
        self, given: dict[str, str], condition: dict[str, Any]
    ) -> None:
        function = f"arn:aws:lambda:{REGION}:{HUB}:function:rule"
        stack = invoke_policy(FunctionArn=function, **given)
        assert stack.violations == []
        assert stack.resources["InvokePolicy"]["ResourceArn"] == function
        document = stack.resources["InvokePolicy"]["PolicyDocument"]
        assert document["Statement"] == [
            {
                "Sid": "InvokedByConfig",
                "Effect": "Allow",
                "Principal": {"Service": "config.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": function,
                "Condition": {"StringEquals": condition},
            }
        ]
        policy = for_ecr(document)
        verdict = judge(policy, test="reachable", owner=HUB)
        assert (verdict.compliance, verdict.advisories) == ("COMPLIANT", ())
        del policy["Statement"][0]["Condition"]
        (advisory,) = judge(policy, test="reachable", owner=HUB).advisories
        assert advisory.kind is AdvisoryKind.CONFUSED_DEPUTY

    @pytest.mark.parametrize("given", [{}, {"OrganizationId": "o-exampleorg1", "InvokingAccounts": "444455556666"}])
    def test_functions_policy_needs_exactly_one_limit(self, given: dict[str, str]) -> None:
        (message,) = invoke_policy(FunctionArn="arn", **given).violations
        assert message.startswith("Exactly one of OrganizationId and InvokingAccounts")

    def test_longest_list_of_accounts_fits_the_function_policy(self) -> None:
        accounts = [f"{number:012}" for number in range(315)]
        stack = invoke_policy(
            FunctionArn=f"arn:aws:lambda:{REGION}:{HUB}:function:rule", InvokingAccounts=",".join(accounts)
        )
        # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        assert len(json.dumps(stack.resources["InvokePolicy"]["PolicyDocument"])) <= 20_480
        assert resolved(PACK, InvokePermission="accounts", InvokingAccounts=",".join(accounts)).violations == []
        assert resolved(PACK, InvokePermission="accounts", InvokingAccounts=",".join([*accounts, HUB])).violations

    def test_only_the_function_can_send_messages_to_the_queue(self) -> None:
        resources = resolved(PACK, HomeRegion=REGION, region=OTHER_REGION).resources
        statements = resources["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
        assert [each["Action"] for each in statements] == ["sqs:SendMessage", "sqs:SendMessage", "sqs:*"]
        policy = for_ecr({"Statement": statements})
        assert is_allowed(policy, session("EcrExposureEvaluation-Function"))
        assert not is_allowed(policy, session("EcrExposureEvaluation-Function", secure="false"))
        assert not is_allowed(policy, session("Administrator"))
        assert judge(policy, test="reachable", owner=HUB).compliance == "COMPLIANT"


def invoke_policy(**parameters: str) -> ResolvedTemplate:
    """Return deploy/invoke-policy.yaml with these parameters."""
    return ResolvedTemplate(read_template(INVOKE_POLICY), parameters)


def for_ecr(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy as a repository policy: with ECR's actions and without Resource."""
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


def fits(pattern: str, text: str) -> bool:
    """Return whether a Resource element with wildcards covers an ARN."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
