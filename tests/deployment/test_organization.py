"""template.yaml end to end: what it deploys on a local organization, and what the events of AWS then do.

The stack is made by moto from the transformed template; rule, triggers, parameters, roles and the function's
environment are what the templates say.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import boto3
import pytest

from ecr_exposure import ParameterError
from ecr_exposure.event import CHANGE, OVERSIZED
from ecr_exposure.handler import lambda_handler
from tests.deployment.sam import REGION, transformed_template
from tests.local_aws.deployment import Deployment, deploy
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization
from tests.local_aws.roles import granted

ONE, TWO = MEMBERS
LATER: Final = "222233334444"
FOREIGN: Final = "666677778888"
ABROAD: Final = "us-east-1"
ROLE: Final = "EcrExposureEvaluation"
NAME: Final = "ecr-repository-no-public-access"
ORGANIZATION: Final = {"OrganizationId": "o-exampleorg1", "OrganizationRootId": "r-abcd", "ManagementAccountId": HUB}
PACK: Final = {"DeployAs": "organization-conformance-pack", **ORGANIZATION}
RULE: Final = {"DeployAs": "organization-rule", **ORGANIZATION}
ACCOUNT: Final = {"DeployAs": "account-rule"}
SHAPES: Final = pytest.mark.parametrize("shape", [PACK, RULE, ACCOUNT], ids=lambda shape: shape["DeployAs"])
SERVING: Final = pytest.mark.parametrize("shape", [PACK, RULE], ids=lambda shape: shape["DeployAs"])
OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
NAMED: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": TWO}, "Action": "ecr:PutImage"}]})
# What AWS Lambda does with the function's role, and no code of ours.
OF_LAMBDA: Final = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
EVALUATION: Final = {
    "config:PutEvaluations",
    "config:GetResourceConfigHistory",
    "config:GetComplianceDetailsByConfigRule",
    "ecr:DescribeRepositories",
    "ecr:GetRepositoryPolicy",
}


@contextmanager
def deployed(
    shape: Mapping[str, str], *, regions: tuple[str, ...] = (REGION,), roles: bool = True, **changes: str
) -> Iterator[tuple[LocalOrganization, Deployment]]:
    """Deploy a shape to every region, the first of which is home; return the home region's deployment."""
    with LocalOrganization(iam=True) as organization:
        parameters = {**shape, **changes}
        home, *_ = [deployment_in(organization, region, parameters) for region in regions]
        if roles:
            home.give_roles(organization.accounts, management=parameters.get("ManagementAccountId", HUB))
        home.make_rules(organization.accounts)
        organization.calls.clear()
        yield organization, home


def deployment_in(organization: LocalOrganization, region: str, parameters: Mapping[str, str]) -> Deployment:
    """Deploy the stack to a region of the hub."""
    return deploy(organization, region, transformed_template(parameters), parameters, lambda_handler)


def shown(deployment: Deployment, account: str) -> dict[str, str]:
    """Return what the account's dashboard says: repository to compliance."""
    rows = deployment.config.evaluations(account, deployment.region, deployment.rules[account])
    return {row.resource_id: row.compliance for row in rows}


def fill(organization: LocalOrganization, account: str, region: str = REGION) -> None:
    """Make an open repository, one that names an account, and one without a policy."""
    for name, policy in (("open", OPEN), ("named", NAMED), ("plain", None)):
        organization.create_repository(account, region, name, policy)


VERDICTS: Final = {"named": "COMPLIANT", "open": "NON_COMPLIANT", "plain": "COMPLIANT"}


@SHAPES
def test_what_moto_does_not_make_is_known(tools: object, shape: dict[str, str]) -> None:
    assert tools
    with deployed(shape) as (_, deployment):
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
        assert set(deployment.skipped) == everywhere | of_shape


@SERVING
def test_every_account_of_the_organization_gets_its_verdicts(shape: dict[str, str]) -> None:
    with deployed(shape) as (organization, deployment):
        for account in organization.accounts:
            fill(organization, account)
            for name in VERDICTS:
                (invocation,) = deployment.config.deliver_change(account, REGION, name)
                assert invocation.error is None
                assert "/aws-service-role/" in invocation.event["executionRoleArn"]
            assert shown(deployment, account) == VERDICTS
        suffixed = {name.replace(NAME, "") for name in deployment.rules.values()}
        assert len(suffixed) == 3
        assert all(name.startswith("-conformance-pack-" if shape == PACK else "OrgConfigRule--") for name in suffixed)


def test_one_account_alone_takes_no_role() -> None:
    with deployed(ACCOUNT) as (organization, deployment):
        assert deployment.rules == {HUB: NAME}
        fill(organization, HUB)
        fill(organization, ONE)
        deployment.config.deliver_change(HUB, REGION, "open")
        deployment.config.deliver_scheduled(HUB, REGION)
        assert shown(deployment, HUB) == VERDICTS
        assert {call.account for call in organization.calls} == {HUB}
        assert "sts" not in {call.service for call in organization.calls}


@SHAPES
def test_every_permission_is_used_and_every_call_permitted(shape: dict[str, str]) -> None:
    with deployed(shape, publicAccessTest="external") as (organization, deployment):
        account = HUB if shape == ACCOUNT else ONE
        fill(organization, account)
        for deliver in (deployment.config.deliver_change, deployment.config.deliver_oversized):
            for invocation in deliver(account, REGION, "open"):
                assert invocation.error is None
        deployment.config.deliver_scheduled(account, REGION)
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


def test_the_accounts_of_the_organization_are_asked_for_only_where_they_matter() -> None:
    with deployed(PACK) as (organization, deployment):
        fill(organization, ONE)
        deployment.config.deliver_change(ONE, REGION, "open")
        assert "organizations:ListAccounts" not in granted(HUB, f"{ROLE}-Function")
    with deployed(PACK, publicAccessTest="external") as (organization, deployment):
        fill(organization, ONE)
        deployment.config.deliver_change(ONE, REGION, "named")
        # The account that the policy names is a member, which nobody had to list.
        assert shown(deployment, ONE) == {"named": "COMPLIANT"}


@SERVING
def test_an_excluded_account_has_no_rule(shape: dict[str, str]) -> None:
    with deployed(shape, ExcludedAccounts=TWO) as (organization, deployment):
        assert deployment.rules.keys() == {HUB, ONE}
        fill(organization, TWO)
        with pytest.raises(LookupError, match="no rule"):
            deployment.config.deliver_change(TWO, REGION, "open")


@SERVING
def test_from_a_delegated_administrator_the_management_account_waits_for_its_role(shape: dict[str, str]) -> None:
    with deployed(shape, ManagementAccountId=TWO) as (_, deployment):
        assert deployment.rules.keys() == {HUB, ONE}
    with deployed(shape, ManagementAccountId=TWO, IncludeManagementAccount="true") as (organization, deployment):
        assert deployment.rules.keys() == {HUB, ONE, TWO}
        for account in organization.accounts:
            fill(organization, account)
            deployment.config.deliver_scheduled(account, REGION)
        assert [shown(deployment, account) for account in (HUB, ONE, TWO)] == [VERDICTS, VERDICTS, {}]


@SERVING
def test_two_regions_share_the_roles_and_nothing_else(shape: dict[str, str]) -> None:
    with deployed(shape, HomeRegion=REGION) as (organization, home):
        abroad = deployment_in(organization, ABROAD, {**shape, "HomeRegion": REGION})
        abroad.make_rules(organization.accounts)
        for deployment in (home, abroad):
            fill(organization, ONE, deployment.region)
            for invocation in deployment.config.deliver_scheduled(ONE, deployment.region):
                assert invocation.error is None
            assert shown(deployment, ONE) == VERDICTS
        roles = {role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]}
        assert {name for name in roles if name.startswith(ROLE)} == {ROLE, f"{ROLE}-Function"}
        assert {(call.role, call.region) for call in organization.calls if call.service == "config"} == {
            (ROLE, REGION),
            (ROLE, ABROAD),
        }


@SERVING
def test_an_account_that_joins_later_is_seen_to_fail_and_heals(shape: dict[str, str]) -> None:
    with deployed(shape) as (organization, deployment):
        organization.join(LATER)
        fill(organization, LATER)
        fill(organization, ONE)
        # The rule comes before the role.
        deployment.make_rules([LATER])
        (failed,) = deployment.config.deliver_change(LATER, REGION, "open")
        assert "AccessDenied" in str(failed.error)
        assert deployment.config.on_failure == [failed]
        assert shown(deployment, LATER) == {}
        deployment.config.deliver_scheduled(ONE, REGION)
        assert shown(deployment, ONE) == VERDICTS
        deployment.give_roles([LATER], management=HUB)
        deployment.config.deliver_scheduled(LATER, REGION)
        assert shown(deployment, LATER) == VERDICTS


@SERVING
def test_an_account_without_the_role_holds_up_no_other(shape: dict[str, str]) -> None:
    with deployed(shape, roles=False) as (organization, deployment):
        deployment.give_roles([ONE], management=HUB)
        for account in (ONE, TWO):
            fill(organization, account)
        for account in (TWO, ONE, TWO):
            deployment.config.deliver_scheduled(account, REGION)
        assert shown(deployment, ONE) == VERDICTS
        assert shown(deployment, TWO) == {}
        assert [failed.event["accountId"] for failed in deployment.config.on_failure] == [TWO, TWO]
        assert {failed.attempts for failed in deployment.config.on_failure} == {3}


@SHAPES
def test_without_the_periodic_run_only_changes_arrive(shape: dict[str, str]) -> None:
    with deployed(shape, MaximumExecutionFrequency="Off") as (organization, deployment):
        assert deployment.rule.triggers == {CHANGE, OVERSIZED}
        fill(organization, HUB)
        assert deployment.config.deliver_scheduled(HUB, REGION) == ()
        deployment.config.deliver_oversized(HUB, REGION, "open")
        assert shown(deployment, HUB) == {"open": "NON_COMPLIANT"}


@SHAPES
def test_the_rules_parameters_arrive(shape: dict[str, str]) -> None:
    account = HUB if shape == ACCOUNT else ONE
    with deployed(shape, excludedPublicRepositories=f"{account}:public/*") as (organization, deployment):
        pull = OPEN.replace("ecr:*", "ecr:BatchGetImage")
        for name in ("public/base", "private/base"):
            organization.create_repository(account, REGION, name, pull)
        deployment.config.deliver_scheduled(account, REGION)
        assert shown(deployment, account) == {"public/base": "COMPLIANT", "private/base": "NON_COMPLIANT"}


class TestForeignAccount:
    """What an account outside can try with a rule of its own that names our function."""

    def event(self, deployment: Deployment, **parameters: str) -> dict[str, Any]:
        """Return the scheduled event that AWS Config would send for a rule in the foreign account."""
        rule = deployment.config.put_rule(HUB, REGION, "foreign", parameters)
        event = deployment.config.event(rule, deployment.config.scheduled_message(FOREIGN))
        role = f"arn:aws:iam::{FOREIGN}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
        return event | {"accountId": FOREIGN, "executionRoleArn": role}

    @SERVING
    def test_its_own_role_or_mode_is_refused_before_any_call(self, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, deployment):
            for parameters in (
                {"AssumeRoleMode": "false"},
                {"AssumeRoleMode": "False"},
                {"ExecutionRoleName": "Administrator"},
            ):
                failed = deployment.config.invoke(self.event(deployment, **parameters), region=REGION)
                assert isinstance(failed.error, ParameterError), parameters
                assert organization.calls == []

    @SERVING
    def test_our_role_in_its_account_is_refused_by_iam(self, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, deployment):
            failed = deployment.config.invoke(self.event(deployment), region=REGION)
            assert "AccessDenied" in str(failed.error)
            assert {call.operation for call in organization.calls} == {"AssumeRole"}
            assert {call.fault for call in organization.calls} == {"AccessDenied"}

    @pytest.mark.parametrize(
        ("parameters", "told"),
        [
            ({}, f"'{FOREIGN}' is not the account of the function"),
            ({"AssumeRoleMode": "false"}, f"'{FOREIGN}' is not the account of the function"),
            ({"AssumeRoleMode": "true"}, "AssumeRoleMode: 'true' is refused"),
        ],
        ids=str,
    )
    def test_a_function_of_one_account_serves_no_other(self, parameters: dict[str, str], told: str) -> None:
        with deployed(ACCOUNT) as (organization, deployment):
            failed = deployment.config.invoke(self.event(deployment, **parameters), region=REGION)
            assert told in str(failed.error)
            assert organization.calls == []

    @SHAPES
    def test_an_account_that_is_not_the_roles_makes_no_call(self, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, deployment):
            for account in (None, "", 0, [FOREIGN], int(FOREIGN), ONE):
                failed = deployment.config.invoke(self.event(deployment) | {"accountId": account}, region=REGION)
                assert "is not a role of the account" in str(failed.error), account
                assert organization.calls == []

    @SERVING
    def test_what_is_no_role_makes_no_call(self, shape: dict[str, str]) -> None:
        iam = f"arn:aws:iam::{FOREIGN}"
        with deployed(shape) as (organization, deployment):
            for role in (f"a/b:c:d:e:{FOREIGN}:x", f"{iam}:user/x", f"{iam}:role/", [iam], {"a": 1}):
                failed = deployment.config.invoke(self.event(deployment) | {"executionRoleArn": role}, region=REGION)
                assert "is not the ARN of a role" in str(failed.error), role
                assert organization.calls == []

    @SHAPES
    def test_another_region_is_refused(self, shape: dict[str, str]) -> None:
        with deployed(shape) as (organization, deployment):
            rule = deployment.config.put_rule(HUB, REGION, "own", {"ExecutionRoleRegion": ABROAD})
            event = deployment.config.event(rule, deployment.config.scheduled_message(HUB))
            failed = deployment.config.invoke(event, region=REGION)
            assert str(failed.error).startswith(f"ExecutionRoleRegion: '{ABROAD}' is refused")
            assert organization.calls == []
