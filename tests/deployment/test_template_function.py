"""The function of template.yaml, its queue and alarms, and the outputs of the stack."""

import pytest

from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.handler import lambda_handler
from tests.deployment.deployment_shapes import ACCOUNT, MANAGEMENT, OTHER_REGION, PACK, RULE, SHAPES, resolved
from tests.deployment.sam import REGION, ROOT
from tests.local_aws.demo import ENVIRONMENT as DEMO_ENVIRONMENT
from tests.local_aws.organization import HUB


class TestFunction:
    """Code, settings and environment variables."""

    @SHAPES
    def test_function_runs_the_handler_with_its_settings(self, shape: dict[str, str]) -> None:
        function = resolved(shape).resources["RuleFunction"]
        assert function["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert resolved(shape, Architecture="x86_64").resources["RuleFunction"]["Architectures"] == ["x86_64"]
        assert (function["Timeout"], function["MemorySize"]) == (900, 512)
        assert (ROOT / function["CodeUri"]).samefile(ROOT / "rule")
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "RuleLogGroup.Ref"}
        assert "ReservedConcurrentExecutions" not in function
        reserved = resolved(shape, ReservedConcurrency="20").resources["RuleFunction"]
        assert reserved["ReservedConcurrentExecutions"] == "20"

    def test_environment_sets_role_and_mode(self) -> None:
        def variables(shape: dict[str, str], **chosen: str) -> object:
            return resolved(shape, **chosen).resources["RuleFunction"]["Environment"]["Variables"]

        assert variables(ACCOUNT) == variables(ACCOUNT, publicAccessTest="external") == {"ASSUME_ROLE_MODE": "false"}
        organization = {"ASSUME_ROLE_MODE": "true", "EXECUTION_ROLE_NAME": "EcrExposureEvaluation"}
        assert organization == DEMO_ENVIRONMENT
        for shape in (PACK, RULE):
            assert variables(shape) == organization
            asking = variables(shape, publicAccessTest="external")
            assert asking == organization | {"LIST_ORGANIZATION_ACCOUNTS": "true"}


class TestFailedEvents:
    """The queue for failed events and the alarms."""

    @SHAPES
    def test_failed_events_are_kept_encrypted_for_two_weeks(self, shape: dict[str, str]) -> None:
        resources = resolved(shape).resources
        assert resources["RuleFunction"]["EventInvokeConfig"] == {
            "MaximumEventAgeInSeconds": 21600,
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "FailedEvents.Arn"}},
        }
        queue = resources["FailedEvents"]
        assert (queue["MessageRetentionPeriod"], queue["SqsManagedSseEnabled"]) == (14 * 86400, True)
        # `replay` has this time for each batch.
        assert queue["VisibilityTimeout"] == 300
        assert queue["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}
        assert resolved(shape).outputs["FailedEventsQueueUrl"] == "FailedEvents.Ref"

    @SHAPES
    def test_alarms_watch_queued_and_lost_events_errors_and_throttles(self, shape: dict[str, str]) -> None:
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
            (OTHER_REGION, "alarms", {"AlarmActions": [f"arn:aws:sns:us-east-1:{HUB}:alarms"]}),
        ):
            resources = resolved(shape, AlarmTopicName=topic, region=region).resources
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


class TestOutputs:
    """What the operator's commands and people read."""

    @SHAPES
    def test_commands_find_their_outputs(self, shape: dict[str, str]) -> None:
        outputs = resolved(shape).outputs
        assert {"RuleName", "DeployedAs", "FunctionName", "LogGroupName", "FailedEventsQueueUrl"} <= outputs.keys()
        assert outputs["ReplayedEvents"] == "repository-as-it-is-now"
        assert DeployedAs(outputs["DeployedAs"]) is DeployedAs(shape["DeployAs"])
        assert ("MemberRolesStackSet" in outputs) is (shape != ACCOUNT)
        origin = outputs["DeployedFrom"]
        assert origin == ("account" if shape == ACCOUNT else "management-account")
        if shape != ACCOUNT:
            delegated = resolved(shape, ManagementAccountId=MANAGEMENT).outputs
            assert delegated["DeployedFrom"] == "delegated-administrator"

    @pytest.mark.parametrize(
        ("region", "domain"),
        [
            ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ],
    )
    def test_console_links_use_the_partitions_domain(self, region: str, domain: str) -> None:
        for shape in (PACK, RULE, ACCOUNT):
            links = [
                value for name, value in resolved(shape, region=region).outputs.items() if name.endswith("Console")
            ]
            assert len(links) >= 3
            assert all(link.startswith(f"https://{domain}/") for link in links)
