"""A stack that is deployed to an organization, with its rules, roles, alarms and aggregator, and runs of ``status``."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import MappingProxyType
from typing import Any, Final, Literal

from moto.cloudformation.models import cloudformation_backends
from moto.config.models import config_backends
from moto.organizations.models import organizations_backends

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.config_store import PutEvaluations
from tests.local_aws.moto_aggregator import AggregatedData, aggregated_data
from tests.local_aws.moto_organization_rules import (
    Instance,
    MemberDeployment,
    MemberDeployments,
    member_deployments,
)
from tests.local_aws.moto_organization_services import OrganizationServices
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import FUNCTION_ROLE, HUB, MEMBERS, LocalOrganization

ONE, TWO = MEMBERS
HOME, ABROAD = "eu-west-1", "us-east-1"
STACK: Final = "ecr-exposure"
RULE: Final = "ecr-repository-no-public-access"
ROLE: Final = "EcrExposureEvaluation"
PACK, ORGANIZATION_RULE, ACCOUNT_RULE = "organization-conformance-pack", "organization-rule", "account-rule"
LOG: Final = "/ecr-exposure/ecr-exposure-0b1c2d3e"
ALARMS: Final = ("FailedEventsAlarm", "ErrorsAlarm", "ThrottlesAlarm", "LostEventsAlarm")
_SUFFIXES: Final = {PACK: "-conformance-pack-abc12xyz9", ORGANIZATION_RULE: "-abcd1234", ACCOUNT_RULE: ""}
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class LaterClock(Clock):
    """The real clock, moved on by what a test says."""

    def __init__(self) -> None:
        """Start now."""
        self.later = timedelta()

    def today(self) -> datetime:
        return datetime.now(UTC) + self.later


class Run:
    """What one run printed, and its exit code."""

    def __init__(self, status: int, text: str, errors: str) -> None:
        """Take them."""
        self.status, self.text, self.errors = status, text, errors
        self.lines = text.splitlines()

    @property
    def last(self) -> str:
        """The last line."""
        return self.lines[-1]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document of ``--json``."""
        content: dict[str, Any] = json.loads(self.text)
        return content

    @property
    def rows(self) -> dict[tuple[str, str], str]:
        """State, repositories and reason of each account and Region in the table, with one blank between them."""
        found = (re.fullmatch(r"(\d{12})  (\S+) +(.*)", line) for line in self.lines)
        return {(each[1], each[2]): re.sub(r" {2,}", " | ", each[3]) for each in found if each}


class DeployedOrganization:
    """The organization with the stack; ``evaluate`` lets AWS Config and the function work."""

    def __init__(
        self,
        organization: LocalOrganization,
        data: AggregatedData,
        deployments: MemberDeployments,
        services: OrganizationServices,
    ) -> None:
        """Take what is there."""
        self.services = services
        self.organization, self.data, self.deployments = organization, data, deployments
        self.hub = organization.hub
        self.clock = LaterClock()
        self.config = ConfigService(
            organization, lambda_handler, environment={"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true"}
        )

    def deploy(self, deployed_as: str, regions: Sequence[str], **parameters: str) -> None:
        """Deploy the stack in these Regions, and what AWS creates for it in each account."""
        for region in regions:
            self.create_stack(region, deployed_as, **parameters)
            if deployed_as == ACCOUNT_RULE:
                self.config.put_rule(self.hub, region, RULE)
                self.put_recorder(region)
                continue
            for account in self.organization.accounts:
                if account not in parameters.get("ExcludedAccounts", "").split(","):
                    self.config.put_rule(account, region, _rule_name(deployed_as))
                    found = self.deployments.packs if deployed_as == PACK else self.deployments.rules
                    found[region, account] = MemberDeployment()
        if deployed_as == ACCOUNT_RULE:
            environment = {"ASSUME_ROLE_MODE": "false"}
            self.config = ConfigService(self.organization, lambda_handler, environment=environment)
        else:
            members = (account for account in self.organization.members if account != self.hub)
            self.deployments.instances |= {account: Instance() for account in members}

    def create_stack(self, region: str, deployed_as: str, **parameters: str) -> None:
        """Create the stack, as far as ``status`` reads it, and its alarms."""
        defaults = {"MaximumExecutionFrequency": "TwentyFour_Hours", "ManagementAccountId": HUB, "HomeRegion": HOME}
        values = defaults | {"ExecutionRoleName": ROLE, "ExcludedAccounts": ""} | parameters
        kind = "management-account" if self.hub == HUB else "delegated-administrator"
        outputs: dict[str, Any] = {"RuleName": RULE, "DeployedAs": deployed_as, "DeployedFrom": kind}
        outputs |= {"FailedEventsQueueUrl": {"Ref": "FailedEvents"}, "LogGroupName": LOG}
        template = {
            "Parameters": {name: {"Type": "String"} for name in values},
            "Resources": {"FailedEvents": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": STACK}}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        session = self.organization.session(self.hub, region)
        session.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        )
        for name in ALARMS:
            self.put_alarm(f"{STACK}-{name}-1A2B3C", "OK", region=region)

    def put_alarm(
        self, name: str, state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"], reason: str = "", region: str = HOME
    ) -> None:
        """Create or change an alarm."""
        client = self.organization.session(self.hub, region).client("cloudwatch")
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Statistic="Maximum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

    def fail_events(self, count: int, *, oldest: timedelta | None = None, region: str = HOME) -> None:
        """Let failed events wait in the queue."""
        session = self.organization.session(self.hub, region)
        client = session.client("sqs")
        url = client.get_queue_url(QueueName=STACK)["QueueUrl"]
        for _ in range(count):
            client.send_message(QueueUrl=url, MessageBody="{}")
        if oldest is not None:
            session.client("cloudwatch").put_metric_data(
                Namespace="AWS/SQS",
                MetricData=[
                    {
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{"Name": "QueueName", "Value": STACK}],
                        "Value": oldest.total_seconds(),
                        "Unit": "Seconds",
                    }
                ],
            )

    def create_repositories(self, *names: str, account: str, region: str = HOME) -> None:
        """Create repositories, which the recorder records."""
        for name in names:
            self.organization.create_repository(account, region, name)
            self.config.record(account, region, name)

    def report(self, *names: str, account: str, region: str = HOME) -> None:
        """Let the rule report COMPLIANT for repositories, without the function: for many accounts."""
        store = self.organization.config_store
        (rule,) = store.rules_in(account, region)
        evaluations = tuple(
            {
                "ComplianceResourceType": "AWS::ECR::Repository",
                "ComplianceResourceId": name,
                "ComplianceType": "COMPLIANT",
                "OrderingTimestamp": datetime.now(UTC).timestamp(),
            }
            for name in names
        )
        store.put_evaluations(
            PutEvaluations(
                account=account,
                region=region,
                result_token=store.issue_token(rule),
                test_mode=False,
                evaluations=evaluations,
            )
        )

    def aggregate(self, region: str = HOME, name: str = "organization", **source: Any) -> None:
        """Create an aggregator of the organization in the hub, of all Regions unless the source says otherwise."""
        role = f"arn:aws:iam::{self.hub}:role/aggregator"
        config_backends[self.hub][region].put_configuration_aggregator(
            {
                "ConfigurationAggregatorName": name,
                "OrganizationAggregationSource": {"RoleArn": role} | (source or {"AllAwsRegions": True}),
            }
        )

    def remove_aggregators(self) -> None:
        """Remove the aggregators of the hub in the home Region."""
        config_backends[self.hub][HOME].config_aggregators.clear()

    def put_recorder(self, region: str = HOME, *, on: bool = True) -> None:
        """Create the hub's recorder, and start or stop it."""
        config = config_backends[self.hub][region]
        role = f"arn:aws:iam::{self.hub}:role/config"
        config.put_configuration_recorder(
            {"name": "default", "roleARN": role, "recordingGroup": {"allSupported": True}}
        )
        config.put_delivery_channel({"name": "default", "s3BucketName": "org-config-log"})
        (config.start_configuration_recorder if on else config.stop_configuration_recorder)("default")

    def suspend(self, account: str) -> None:
        """Suspend an account of the organization."""
        organizations_backends[HUB]["aws"].close_account(AccountId=account)

    def evaluate(self) -> None:
        """Let AWS Config invoke the function for all repositories in all accounts and Regions; some may fail."""
        for account in self.organization.accounts:
            for region in self.organization.regions:
                if self.config.rules(account, region):
                    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(Exception):  # rdklib prints
                        self.config.deliver_scheduled(account, region)

    def receive_events(self, count: int) -> None:
        """Receive failed events, as a replay that still runs."""
        client = self.organization.session(self.hub, HOME).client("sqs")
        url = client.get_queue_url(QueueName=STACK)["QueueUrl"]
        client.receive_message(QueueUrl=url, MaxNumberOfMessages=count, VisibilityTimeout=900)

    def set_stack_status(self, status: str) -> None:
        """Set the StackStatus in the home Region."""
        (stack,) = cloudformation_backends[self.hub][HOME].stacks.values()
        stack.status = status

    def status(self, *arguments: str, stack: str = STACK, regions: str = f"{HOME},{ABROAD}") -> Run:
        """Run the command."""
        self.organization.calls.clear()
        session = self.organization.session(self.hub, HOME)
        with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
            exit_code = main(
                ("status", stack, "--regions", regions, *arguments), Environment(clock=self.clock, session=session)
            )
        return Run(exit_code, output.getvalue(), errors.getvalue())


@contextmanager
def deployed_organization(  # noqa: PLR0913 - each argument is one fact about the deployment
    deployed_as: str = PACK,
    *,
    regions: Sequence[str] = (HOME, ABROAD),
    page: int = 100,
    members: Sequence[str] = MEMBERS,
    hub: str = HUB,
    parameters: Mapping[str, str] = _NONE,
) -> Iterator[DeployedOrganization]:
    """Deploy the stack in the hub, the management account or a delegated administrator; there are no repositories."""
    with ExitStack() as stack:
        services = stack.enter_context(organizations_api(page=page))
        organization = stack.enter_context(LocalOrganization(execution_role=ROLE, members=members))
        if hub != HUB:
            _delegate(organization, hub)
        data = stack.enter_context(aggregated_data(organization, page=page))
        call_as = "SELF" if hub == HUB else "DELEGATED_ADMIN"
        deployments = stack.enter_context(
            member_deployments(
                MemberDeployments(name=RULE, stack_set=f"{ROLE}-{hub}", call_as=call_as, home_region=HOME, page=page)
            )
        )
        deployed = DeployedOrganization(organization, data, deployments, services)
        deployed.deploy(deployed_as, regions, **parameters)
        deployed.aggregate()
        yield deployed


def _delegate(organization: LocalOrganization, account: str) -> None:
    """Register a member as delegated administrator, which is the hub from now on."""
    for principal in ("config-multiaccountsetup.amazonaws.com", "member.org.stacksets.cloudformation.amazonaws.com"):
        organizations_backends[HUB]["aws"].register_delegated_administrator(
            AccountId=account, ServicePrincipal=principal
        )
    organization.hub = account
    organization.use_function_role(FUNCTION_ROLE)


def _rule_name(deployed_as: str) -> str:
    prefix = "OrgConfigRule-" if deployed_as == ORGANIZATION_RULE else ""
    return f"{prefix}{RULE}{_SUFFIXES[deployed_as]}"
