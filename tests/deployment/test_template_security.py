"""What security teams require of the templates: KMS key, permissions boundary, path, policies and log."""

from typing import Any, Final

import pytest

from tests.deployment.deployment_shapes import (
    ACCOUNT,
    MANAGEMENT,
    MEMBER,
    ORGANIZATION_SHAPES,
    OTHER_REGION,
    PACK,
    SHAPES,
    resolved,
)
from tests.deployment.sam import DEPLOY, MEMBER_ACCOUNT, REGION, TEMPLATE
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate, read_template

KEY: Final = "mrk-1234abcd12ab34cd56ef1234567890ab"
KEY_ACCOUNT: Final = "999900001111"
KEY_ARN: Final = f"arn:aws:kms:eu-central-1:{KEY_ACCOUNT}:key/{KEY}"
PATH: Final = "/platform/security/"
BOUNDARY: Final = "boundaries/Team"
ELSEWHERE: Final = "444455556666"
NAMED: Final = f"arn:aws:iam::{HUB}:role{PATH}EcrExposureEvaluation-Function"


class TestKey:
    """KmsKeyArn."""

    @SHAPES
    @pytest.mark.parametrize("region", [REGION, OTHER_REGION])
    def test_log_queue_and_environment_use_the_key_of_the_stacks_region(
        self, shape: dict[str, str], region: str
    ) -> None:
        stack = resolved(shape, KmsKeyArn=KEY_ARN, region=region)
        assert stack.violations == []
        regional = f"arn:aws:kms:{region}:{KEY_ACCOUNT}:key/{KEY}"
        assert stack.resources["RuleLogGroup"]["KmsKeyId"] == regional
        assert stack.resources["RuleFunction"]["KmsKeyArn"] == regional
        queue = stack.resources["FailedEvents"]
        assert (queue["KmsMasterKeyId"], queue["SqsManagedSseEnabled"]) == (regional, False)

    @SHAPES
    def test_functions_role_can_use_the_key_in_every_region(self, shape: dict[str, str]) -> None:
        statements = resolved(shape, KmsKeyArn=KEY_ARN).resources["OperateFunction"]["PolicyDocument"]["Statement"]
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        assert statements[-1] == {
            "Sid": "UseKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": f"arn:aws:kms:*:{KEY_ACCOUNT}:key/{KEY}",
        }

    @SHAPES
    def test_without_a_key_nothing_names_one(self, shape: dict[str, str]) -> None:
        resources = resolved(shape).resources
        assert "KmsKeyId" not in resources["RuleLogGroup"]
        assert "KmsKeyArn" not in resources["RuleFunction"]
        assert "KmsMasterKeyId" not in resources["FailedEvents"]
        assert "kms:" not in str(resources)

    @pytest.mark.parametrize(
        ("arn", "accepted"),
        [
            (KEY_ARN, True),
            ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", True),
            ("arn:aws:kms:eu-west-1:111122223333:alias/logs", False),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", False),
            ("arn:aws:kms:eu-west-1:111122223333:key/mrk-12", False),
            ("arn:aws:kms:*:111122223333:key/*", False),
        ],
    )
    def test_only_the_arn_of_a_key_is_accepted(self, arn: str, *, accepted: bool) -> None:
        assert (not resolved(PACK, KmsKeyArn=arn).violations) is accepted


class TestRoles:
    """PermissionsBoundaryName, RolePath, and the policies of the roles."""

    @SHAPES
    def test_every_role_has_boundary_and_path_of_its_own_account(self, shape: dict[str, str]) -> None:
        roles = roles_of(shape, PermissionsBoundaryName=BOUNDARY, RolePath=PATH)
        assert len(roles) == (1 if shape == ACCOUNT else 2)
        for account, role in roles:
            assert role["PermissionsBoundary"] == f"arn:aws:iam::{account}:policy/{BOUNDARY}"
            assert role["Path"] == PATH

    @SHAPES
    def test_without_them_a_role_has_no_boundary_and_no_path(self, shape: dict[str, str]) -> None:
        for _, role in roles_of(shape):
            assert "PermissionsBoundary" not in role
            assert role["Path"] == "/"

    def test_no_template_has_an_inline_policy(self) -> None:
        for file in (TEMPLATE, *DEPLOY.iterdir()):
            resources = read_template(file)["Resources"].values()
            assert not [each for each in resources if each["Type"] in {"AWS::IAM::Policy", "AWS::IAM::RolePolicy"}]
            assert not [each for each in resources if "Policies" in each["Properties"]]

    @SHAPES
    def test_policies_have_the_path_and_no_name(self, shape: dict[str, str]) -> None:
        """A policy with a name could not be replaced, and not be created twice in an account."""
        own = resolved(shape, RolePath=PATH).resources
        expected = {"OperateFunction", "EvaluateRepositories" if shape == ACCOUNT else "ServeOrganization"}
        attached = own["FunctionRole"]["ManagedPolicyArns"]
        assert {each.removesuffix(".Ref") for each in attached} == expected
        member = member_stack(RolePath=PATH)
        assert member["EvaluationRole"]["ManagedPolicyArns"] == ["EvaluateRepositories.Ref"]
        for policy in (*(own[name] for name in expected), member["EvaluateRepositories"]):
            assert policy["Path"] == PATH
            assert "ManagedPolicyName" not in policy
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
            assert len(str(policy["PolicyDocument"])) < 6144

    @ORGANIZATION_SHAPES
    def test_functions_role_has_its_path_wherever_it_is_named(self, shape: dict[str, str]) -> None:
        chosen = {"HomeRegion": REGION, "RolePath": PATH}
        home = resolved(shape, **chosen)
        further = resolved(shape, **chosen, region=OTHER_REGION)
        assert f"arn:aws:iam::{HUB}:role{PATH}{home.resources['FunctionRole']['RoleName']}" == NAMED
        assert further.resources["RuleFunction"]["Role"] == further.outputs["FunctionRoleArn"] == NAMED
        statements = further.resources["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
        assert statements[0]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": NAMED}}
        assert statements[1]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": NAMED}}
        for stack in (home, further):
            variables = stack.resources["RuleFunction"]["Environment"]["Variables"]
            assert variables["EXECUTION_ROLE_NAME"] == "platform/security/EcrExposureEvaluation"
        (assume,) = home.resources["ServeOrganization"]["PolicyDocument"]["Statement"]
        assert assume["Resource"] == f"arn:aws:iam::*:role{PATH}EcrExposureEvaluation"

    @ORGANIZATION_SHAPES
    def test_role_in_every_account_gets_path_and_boundary(self, shape: dict[str, str]) -> None:
        resources = resolved(shape, PermissionsBoundaryName=BOUNDARY, RolePath=PATH).resources
        expected = {
            "ExecutionRoleName": "EcrExposureEvaluation",
            "FunctionRoleArn": "FunctionRole.Arn",
            "CreateRunbookRole": "false",
            "PermissionsBoundaryName": BOUNDARY,
            "RolePath": PATH,
        }
        assert resources["HubRole"]["Parameters"] == expected
        in_members = resources["MemberRoles"]["Parameters"]
        assert {each["ParameterKey"]: each["ParameterValue"] for each in in_members} == expected
        assert expected.keys() == MEMBER["Parameters"].keys()

    def test_trust_policy_compares_the_arn_with_its_path(self) -> None:
        (statement,) = member_stack(FunctionRoleArn=NAMED)["EvaluationRole"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": NAMED}}
        assert statement["Principal"] == {"AWS": f"arn:aws:iam::{HUB}:root"}

    @pytest.mark.parametrize(
        ("name", "text", "accepted"),
        [
            ("PermissionsBoundaryName", "Boundary", True),
            ("PermissionsBoundaryName", "platform/security/Team_boundary+=,.@-1", True),
            ("PermissionsBoundaryName", "/platform/Boundary", False),
            ("PermissionsBoundaryName", "platform/", False),
            ("PermissionsBoundaryName", f"arn:aws:iam::{HUB}:policy/Boundary", False),
            ("PermissionsBoundaryName", 129 * "a", False),
            ("RolePath", "/", True),
            ("RolePath", PATH, True),
            ("RolePath", f"/{510 * 'a'}/", True),
            ("RolePath", f"/{511 * 'a'}/", False),
            ("RolePath", "platform/", False),
            ("RolePath", "/platform", False),
            ("RolePath", "//", False),
            ("RolePath", "/*/", False),
            ("RolePath", "/${aws:username}/", False),
            ("RolePath", "/aws-service-role/", False),
            ("RolePath", "", False),
        ],
    )
    def test_both_templates_reject_the_same_values(self, name: str, text: str, *, accepted: bool) -> None:
        assert (not resolved(PACK, **{name: text}).violations) is accepted
        stack = ResolvedTemplate(MEMBER, {"FunctionRoleArn": NAMED, name: text})
        assert (not stack.violations) is accepted
        own, member = (read_template(file)["Parameters"][name] for file in (TEMPLATE, MEMBER_ACCOUNT))
        assert all(own[each] == member[each] for each in ("AllowedPattern", "ConstraintDescription", "Default"))

    @pytest.mark.parametrize("arn", [NAMED, NAMED.replace(PATH, "/"), f"arn:aws-eusc:iam::{HUB}:role/a/b/c"])
    def test_member_template_accepts_a_role_with_or_without_a_path(self, arn: str) -> None:
        assert ResolvedTemplate(MEMBER, {"FunctionRoleArn": arn}).violations == []

    @pytest.mark.parametrize("wrong", [f"{NAMED}/", NAMED.replace("role/", "role//"), NAMED.replace("role", "user")])
    def test_member_template_rejects_other_arns(self, wrong: str) -> None:
        assert ResolvedTemplate(MEMBER, {"FunctionRoleArn": wrong}).violations

    def test_command_for_the_management_account_has_path_and_boundary(self) -> None:
        chosen = {"ManagementAccountId": MANAGEMENT, "RolePath": PATH}
        for boundary, expected in (
            ("", f" RolePath={PATH} FunctionRoleArn={NAMED}"),
            (BOUNDARY, f" RolePath={PATH} PermissionsBoundaryName={BOUNDARY} FunctionRoleArn={NAMED}"),
        ):
            outputs = resolved(PACK, **chosen, PermissionsBoundaryName=boundary).outputs
            (command,) = (each for name, each in outputs.items() if name.startswith("ManagementAccountCommand"))
            assert expected in command


class TestLog:
    """The log group."""

    @SHAPES
    def test_log_is_kept_for_a_year_and_remains_without_the_stack(self, shape: dict[str, str]) -> None:
        assert resolved(shape).resources["RuleLogGroup"]["RetentionInDays"] == 365
        group = read_template(TEMPLATE)["Resources"]["RuleLogGroup"]
        # A stack whose creation fails leaves nothing.
        assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")

    def test_two_stacks_of_one_name_have_different_logs(self) -> None:
        template = read_template(TEMPLATE)
        names = [
            ResolvedTemplate(template, ACCOUNT, stack_name="exposure", stack_uuid=uuid).resources["RuleLogGroup"][
                "LogGroupName"
            ]
            for uuid in ("51af3dc0-da77-11e4-872e-1234567db123", "9c2b1e70-da77-11e4-872e-1234567db123")
        ]
        assert names == ["/ecr-exposure/exposure-51af3dc0", "/ecr-exposure/exposure-9c2b1e70"]


def member_stack(**parameters: str) -> dict[str, dict[str, Any]]:
    """Return the resources of deploy/member-account.yaml in another account than the hub."""
    return ResolvedTemplate(MEMBER, {"FunctionRoleArn": NAMED, **parameters}, account=ELSEWHERE).resources


def roles_of(shape: dict[str, str], **parameters: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each role that a shape creates, after its account: the function's, and the one in every account."""
    own = resolved(shape, **parameters).resources
    in_members = {} if shape == ACCOUNT else member_stack(**parameters)
    return [
        (account, each)
        for account, resources in ((HUB, own), (ELSEWHERE, in_members))
        for each in resources.values()
        if "AssumeRolePolicyDocument" in each
    ]
