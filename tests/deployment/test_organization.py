"""template.yaml end to end: deployed to a local organization, with the events of AWS Config.

moto creates the stack from the transformed template; rule, triggers, parameters, roles and the function's
environment variables are those of the templates.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import boto3
import pytest
from moto.iam.models import iam_backends

from ecr_exposure import ParameterError
from ecr_exposure.event import CHANGE, OVERSIZED
from ecr_exposure.handler import lambda_handler
from tests.deployment.deployment_shapes import ACCOUNT, ORGANIZATION_SHAPES, OTHER_REGION, PACK, RULE, SHAPES
from tests.deployment.sam import REGION, Transform
from tests.local_aws.deployed_stack import DeployedStack, deploy
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization
from tests.local_aws.roles import granted

ONE, TWO = MEMBERS
NEW_ACCOUNT: Final = "222233334444"
FOREIGN: Final = "666677778888"
ROLE: Final = "EcrExposureEvaluation"
NAME: Final = "ecr-repository-no-public-access"
OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
PULL: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
NAMED: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": TWO}, "Action": "ecr:PutImage"}]})
COMPLIANCES: Final = {"named": "COMPLIANT", "open": "NON_COMPLIANT", "plain": "COMPLIANT"}
# The Lambda service uses these actions of the function's role, not the function.
OF_LAMBDA: Final = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
EVALUATION: Final = {
    "config:PutEvaluations",
    "config:GetResourceConfigHistory",
    "config:GetComplianceDetailsByConfigRule",
    "ecr:DescribeRepositories",
    "ecr:GetRepositoryPolicy",
    "ecr:ListTagsForResource",
}

Deployed = Callable[..., AbstractContextManager[tuple[LocalOrganization, DeployedStack]]]


@pytest.fixture
def deployed(transform: Transform) -> Deployed:
    """Return a function that deploys a shape; it returns the organization and the stack of the home region."""

    @contextmanager
    def deployed(
        shape: Mapping[str, str], *, roles: bool = True, **changes: str
    ) -> Iterator[tuple[LocalOrganization, DeployedStack]]:
        with LocalOrganization(iam=True) as organization:
            parameters = {**shape, **changes}
            stack = deployed_in(organization, REGION, parameters, transform)
            if roles:
                management = parameters.get("ManagementAccountId", HUB)
                stack.create_stack_instances(organization.accounts, management=management)
            stack.create_rules(organization.accounts)
            organization.calls.clear()
            yield organization, stack

    return deployed


def deployed_in(
    organization: LocalOrganization, region: str, parameters: Mapping[str, str], transform: Transform
) -> DeployedStack:
    """Deploy the stack to a region of the hub account."""
    template = transform.apply_to_template_yaml(parameters)
    return deploy(organization, region, template, parameters, lambda_handler)


def compliances(stack: DeployedStack, account: str) -> dict[str, str]:
    """Return what the account's dashboard shows: repository to compliance."""
    rows = stack.config.evaluations(account, stack.region, stack.rules[account])
    return {row.resource_id: row.compliance for row in rows}


def create_repositories(organization: LocalOrganization, account: str, region: str = REGION) -> None:
    """Create a public repository, one whose policy names an account, and one without a policy."""
    for name, policy in (("open", OPEN), ("named", NAMED), ("plain", None)):
        organization.create_repository(account, region, name, policy)


class TestStack:
    """What the stack creates."""

    @SHAPES
    def test_moto_skips_the_known_resource_types_only(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (_, stack):
            everywhere = {
                "AWS::CloudWatch::Alarm",
                "AWS::Lambda::EventInvokeConfig",
                "AWS::SQS::QueuePolicy",
            }
            organization = {
                "AWS::CloudFormation::StackSet",
                "AWS::Config::StoredQuery",
                "AWS::Lambda::ResourcePolicy",
                "AWS::Config::OrganizationConfigRule" if shape == RULE else "AWS::Config::OrganizationConformancePack",
            }
            of_shape = {"AWS::Config::ConfigRule"} if shape == ACCOUNT else organization
            assert set(stack.skipped) == everywhere | of_shape

    @SHAPES
    def test_roles_allow_exactly_the_calls_that_are_made(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape, publicAccessTest="external", excludedPublicTag="public") as (organization, stack):
            account = HUB if shape == ACCOUNT else ONE
            create_repositories(organization, account)
            organization.create_repository(account, REGION, "pull", PULL)
            for deliver in (stack.config.deliver_change, stack.config.deliver_oversized):
                for invocation in deliver(account, REGION, "open"):
                    assert invocation.error is None
            stack.config.deliver_scheduled(account, REGION)
            used: dict[tuple[str, str], set[str]] = {}
            for call in organization.calls:
                used.setdefault((call.account, call.role), set()).add(f"{call.service}:{call.operation}")
            (own,) = {role for of, role in used if of == HUB and role != ROLE}
            if shape == ACCOUNT:
                expected = {(HUB, own): EVALUATION}
            else:
                expected = {(HUB, own): {"sts:AssumeRole", "organizations:ListAccounts"}, (ONE, ROLE): EVALUATION}
            assert used == expected
            for (of, role), actions in used.items():
                assert granted(of, role) == actions | (OF_LAMBDA if role == own else set())

    def test_only_external_lists_the_organizations_accounts(self, deployed: Deployed) -> None:
        with deployed(PACK) as (organization, stack):
            create_repositories(organization, ONE)
            stack.config.deliver_change(ONE, REGION, "open")
            assert "organizations:ListAccounts" not in granted(HUB, f"{ROLE}-Function")
        with deployed(PACK, publicAccessTest="external") as (organization, stack):
            create_repositories(organization, ONE)
            stack.config.deliver_change(ONE, REGION, "named")
            # The policy names a member account, which no parameter lists.
            assert compliances(stack, ONE) == {"named": "COMPLIANT"}

    @ORGANIZATION_SHAPES
    def test_two_regions_share_the_roles_and_nothing_else(
        self, deployed: Deployed, transform: Transform, shape: dict[str, str]
    ) -> None:
        with deployed(shape, HomeRegion=REGION) as (organization, home):
            further = deployed_in(organization, OTHER_REGION, {**shape, "HomeRegion": REGION}, transform)
            further.create_rules(organization.accounts)
            for stack in (home, further):
                create_repositories(organization, ONE, stack.region)
                for invocation in stack.config.deliver_scheduled(ONE, stack.region):
                    assert invocation.error is None
                assert compliances(stack, ONE) == COMPLIANCES
            roles = {role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]}
            assert {name for name in roles if name.startswith(ROLE)} == {ROLE, f"{ROLE}-Function"}
            assert {(call.role, call.region) for call in organization.calls if call.service == "config"} == {
                (ROLE, REGION),
                (ROLE, OTHER_REGION),
            }


class TestPathAndBoundary:
    """RolePath and PermissionsBoundaryName, and KmsKeyArn beside them."""

    PATH: Final = "/platform/security/"
    KEY: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
    CHOSEN: Final = {
        "HomeRegion": REGION,
        "KmsKeyArn": f"arn:aws:kms:eu-central-1:{HUB}:key/{KEY}",
        "PermissionsBoundaryName": "boundaries/Team",
        "RolePath": PATH,
    }

    @SHAPES
    def test_roles_with_path_and_boundary_evaluate_every_account(
        self, deployed: Deployed, transform: Transform, shape: dict[str, str]
    ) -> None:
        with deployed(shape, **self.CHOSEN) as (organization, home):
            stacks = [home]
            if shape != ACCOUNT:
                stacks.append(deployed_in(organization, OTHER_REGION, {**shape, **self.CHOSEN}, transform))
                stacks[1].create_rules(organization.accounts)
            for stack in stacks:
                for account in stack.rules:
                    create_repositories(organization, account, stack.region)
                    for invocation in stack.config.deliver_scheduled(account, stack.region):
                        assert invocation.error is None
                    assert compliances(stack, account) == COMPLIANCES
            assert home.rules.keys() == ({HUB} if shape == ACCOUNT else {HUB, ONE, TWO})
            assumed = {call.parameters["RoleArn"] for call in organization.calls if call.operation == "AssumeRole"}
            expected = {f"arn:aws:iam::{account}:role{self.PATH}{ROLE}" for account in home.rules}
            assert assumed == (set() if shape == ACCOUNT else expected)

    @SHAPES
    def test_every_role_has_the_boundary_and_no_inline_policy(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape, **self.CHOSEN) as (organization, _):
            created = 0
            for account in organization.accounts:
                iam = organization.session(account, REGION).client("iam")
                for name in {each["RoleName"] for each in iam.list_roles()["Roles"]} - {
                    "OrganizationAccountAccessRole"
                }:
                    created += 1
                    role = iam.get_role(RoleName=name)["Role"]
                    assert role["Path"] == self.PATH
                    boundary = f"arn:aws:iam::{account}:policy/boundaries/Team"
                    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
                    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []
                    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
                    assert attached
                    own = f"arn:aws:iam::{account}:policy{self.PATH}"
                    assert all(policy["PolicyArn"].startswith(own) for policy in attached)
            # The function's role, and one in every account.
            assert created == (1 if shape == ACCOUNT else 1 + 3)

    @SHAPES
    def test_queue_has_the_key_of_the_region_and_the_role_can_use_it(
        self, deployed: Deployed, shape: dict[str, str]
    ) -> None:
        with deployed(shape, **self.CHOSEN) as (organization, _):
            session = organization.session(HUB, REGION)
            (url,) = session.client("sqs").list_queues()["QueueUrls"]
            queue = session.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert queue["KmsMasterKeyId"] == f"arn:aws:kms:{REGION}:{HUB}:key/{self.KEY}"
            (function,) = session.client("lambda").list_functions()["Functions"]
            role = function["Role"].rpartition("/")[2]
            assert granted(HUB, role) >= {"kms:Decrypt", "kms:GenerateDataKey"}

    def test_role_of_the_same_name_with_another_path_is_not_assumed(self, deployed: Deployed) -> None:
        with deployed(PACK, **self.CHOSEN) as (organization, stack):
            iam_backends[ONE]["aws"].get_role(ROLE).path = "/elsewhere/"
            for account in (ONE, TWO):
                create_repositories(organization, account)
                stack.config.deliver_scheduled(account, REGION)
            assert [compliances(stack, account) for account in (ONE, TWO)] == [{}, COMPLIANCES]
            (failed,) = stack.config.on_failure
            assert "AccessDenied" in str(failed.error)

    def test_trust_in_a_function_without_the_path_denies_the_role(self, deployed: Deployed) -> None:
        with deployed(PACK, **self.CHOSEN) as (organization, stack):
            trust = iam_backends[ONE]["aws"].get_role(ROLE)
            trust.assume_role_policy_document = trust.assume_role_policy_document.replace(self.PATH, "/")
            create_repositories(organization, ONE)
            stack.config.deliver_scheduled(ONE, REGION)
            assert compliances(stack, ONE) == {}


class TestEvaluations:
    """Which accounts are evaluated, by which events."""

    @ORGANIZATION_SHAPES
    def test_every_account_of_the_organization_is_evaluated(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, stack):
            for account in organization.accounts:
                create_repositories(organization, account)
                for name in COMPLIANCES:
                    (invocation,) = stack.config.deliver_change(account, REGION, name)
                    assert invocation.error is None
                    assert "/aws-service-role/" in invocation.event["executionRoleArn"]
                assert compliances(stack, account) == COMPLIANCES
            suffixes = {name.replace(NAME, "") for name in stack.rules.values()}
            assert len(suffixes) == 3
            start = "-conformance-pack-" if shape == PACK else "OrgConfigRule--"
            assert all(name.startswith(start) for name in suffixes)

    def test_account_shape_evaluates_its_own_account_without_assuming_a_role(self, deployed: Deployed) -> None:
        with deployed(ACCOUNT) as (organization, stack):
            assert stack.rules == {HUB: NAME}
            create_repositories(organization, HUB)
            create_repositories(organization, ONE)
            stack.config.deliver_change(HUB, REGION, "open")
            stack.config.deliver_scheduled(HUB, REGION)
            assert compliances(stack, HUB) == COMPLIANCES
            assert {call.account for call in organization.calls} == {HUB}
            assert "sts" not in {call.service for call in organization.calls}

    @ORGANIZATION_SHAPES
    def test_excluded_account_has_no_rule(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape, ExcludedAccounts=TWO) as (organization, stack):
            assert stack.rules.keys() == {HUB, ONE}
            create_repositories(organization, TWO)
            with pytest.raises(LookupError, match="no rule"):
                stack.config.deliver_change(TWO, REGION, "open")

    @SHAPES
    def test_frequency_off_leaves_change_triggered_evaluations_only(
        self, deployed: Deployed, shape: dict[str, str]
    ) -> None:
        with deployed(shape, MaximumExecutionFrequency="Off") as (organization, stack):
            assert stack.rule.triggers == {CHANGE, OVERSIZED}
            create_repositories(organization, HUB)
            assert stack.config.deliver_scheduled(HUB, REGION) == ()
            stack.config.deliver_oversized(HUB, REGION, "open")
            assert compliances(stack, HUB) == {"open": "NON_COMPLIANT"}

    @SHAPES
    def test_rule_parameters_of_the_template_reach_the_function(
        self, deployed: Deployed, shape: dict[str, str]
    ) -> None:
        account = HUB if shape == ACCOUNT else ONE
        parameters = {"excludedPublicRepositories": f"{account}:public/*", "excludedPublicTag": "dp:exclude:identity"}
        with deployed(shape, **parameters) as (organization, stack):
            for name in ("public/base", "private/base"):
                organization.create_repository(account, REGION, name, PULL)
            organization.create_repository(account, REGION, "tagged", PULL, tags={"dp:exclude:identity": "true"})
            stack.config.deliver_scheduled(account, REGION)
            assert compliances(stack, account) == {
                "public/base": "COMPLIANT",
                "private/base": "NON_COMPLIANT",
                "tagged": "COMPLIANT",
            }


class TestMissingRole:
    """Accounts that do not have the execution role, or not yet."""

    @ORGANIZATION_SHAPES
    def test_management_account_is_left_out_or_fails_until_it_has_the_role(
        self, deployed: Deployed, shape: dict[str, str]
    ) -> None:
        """The StackSet of a delegated administrator creates no role in the management account."""
        with deployed(shape, ManagementAccountId=TWO) as (_, stack):
            assert stack.rules.keys() == {HUB, ONE}
        with deployed(shape, ManagementAccountId=TWO, IncludeManagementAccount="true") as (organization, stack):
            assert stack.rules.keys() == {HUB, ONE, TWO}
            for account in organization.accounts:
                create_repositories(organization, account)
                stack.config.deliver_scheduled(account, REGION)
            assert [compliances(stack, account) for account in (HUB, ONE, TWO)] == [COMPLIANCES, COMPLIANCES, {}]

    @ORGANIZATION_SHAPES
    def test_account_that_joins_fails_until_it_has_the_role(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, stack):
            organization.join(NEW_ACCOUNT)
            create_repositories(organization, NEW_ACCOUNT)
            create_repositories(organization, ONE)
            # AWS Config creates the rule before the StackSet creates the role.
            stack.create_rules([NEW_ACCOUNT])
            (failed,) = stack.config.deliver_change(NEW_ACCOUNT, REGION, "open")
            assert "AccessDenied" in str(failed.error)
            assert stack.config.on_failure == [failed]
            assert compliances(stack, NEW_ACCOUNT) == {}
            stack.config.deliver_scheduled(ONE, REGION)
            assert compliances(stack, ONE) == COMPLIANCES
            stack.create_stack_instances([NEW_ACCOUNT], management=HUB)
            stack.config.deliver_scheduled(NEW_ACCOUNT, REGION)
            assert compliances(stack, NEW_ACCOUNT) == COMPLIANCES

    @ORGANIZATION_SHAPES
    def test_account_without_the_role_does_not_affect_others(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape, roles=False) as (organization, stack):
            stack.create_stack_instances([ONE], management=HUB)
            for account in (ONE, TWO):
                create_repositories(organization, account)
            for account in (TWO, ONE, TWO):
                stack.config.deliver_scheduled(account, REGION)
            assert compliances(stack, ONE) == COMPLIANCES
            assert compliances(stack, TWO) == {}
            assert [failed.event["accountId"] for failed in stack.config.on_failure] == [TWO, TWO]
            assert {failed.attempts for failed in stack.config.on_failure} == {3}


class TestForeignAccount:
    """A rule in an account outside the organization that names the function of this stack."""

    def event(self, stack: DeployedStack, **parameters: str) -> dict[str, Any]:
        """Return the scheduled event that AWS Config would send for a rule in the foreign account."""
        rule = stack.config.put_rule(HUB, REGION, "foreign", parameters)
        event = stack.config.event(rule, stack.config.scheduled_message(FOREIGN))
        role = f"arn:aws:iam::{FOREIGN}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
        return event | {"accountId": FOREIGN, "executionRoleArn": role}

    @ORGANIZATION_SHAPES
    def test_role_parameter_of_its_rule_is_refused_before_any_call(
        self, deployed: Deployed, shape: dict[str, str]
    ) -> None:
        with deployed(shape) as (organization, stack):
            for parameters in (
                {"AssumeRoleMode": "false"},
                {"AssumeRoleMode": "False"},
                {"ExecutionRoleName": "Administrator"},
            ):
                failed = stack.config.invoke(self.event(stack, **parameters), region=REGION)
                assert isinstance(failed.error, ParameterError), parameters
                assert organization.calls == []

    @ORGANIZATION_SHAPES
    def test_assuming_a_role_in_it_is_denied_by_iam(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, stack):
            failed = stack.config.invoke(self.event(stack), region=REGION)
            assert "AccessDenied" in str(failed.error)
            assert {call.operation for call in organization.calls} == {"AssumeRole"}
            assert {call.fault for call in organization.calls} == {"AccessDenied"}

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({}, f"'{FOREIGN}' is not the account of the function"),
            ({"AssumeRoleMode": "false"}, f"'{FOREIGN}' is not the account of the function"),
            ({"AssumeRoleMode": "true"}, "AssumeRoleMode: 'true' is refused"),
        ],
        ids=str,
    )
    def test_function_of_the_account_shape_evaluates_no_other_account(
        self, deployed: Deployed, parameters: dict[str, str], message: str
    ) -> None:
        with deployed(ACCOUNT) as (organization, stack):
            failed = stack.config.invoke(self.event(stack, **parameters), region=REGION)
            assert message in str(failed.error)
            assert organization.calls == []

    @SHAPES
    def test_account_that_is_not_the_roles_makes_no_call(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, stack):
            for account in (None, "", 0, [FOREIGN], int(FOREIGN), ONE):
                failed = stack.config.invoke(self.event(stack) | {"accountId": account}, region=REGION)
                assert "is not a role of the account" in str(failed.error), account
                assert organization.calls == []

    @ORGANIZATION_SHAPES
    def test_invalid_role_arn_makes_no_call(self, deployed: Deployed, shape: dict[str, str]) -> None:
        iam = f"arn:aws:iam::{FOREIGN}"
        with deployed(shape) as (organization, stack):
            for role in (f"a/b:c:d:e:{FOREIGN}:x", f"{iam}:user/x", f"{iam}:role/", [iam], {"a": 1}):
                failed = stack.config.invoke(self.event(stack) | {"executionRoleArn": role}, region=REGION)
                assert "is not the ARN of a role" in str(failed.error), role
                assert organization.calls == []

    @SHAPES
    def test_other_execution_role_region_is_refused(self, deployed: Deployed, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, stack):
            rule = stack.config.put_rule(HUB, REGION, "own", {"ExecutionRoleRegion": OTHER_REGION})
            event = stack.config.event(rule, stack.config.scheduled_message(HUB))
            failed = stack.config.invoke(event, region=REGION)
            assert str(failed.error).startswith(f"ExecutionRoleRegion: '{OTHER_REGION}' is refused")
            assert organization.calls == []
