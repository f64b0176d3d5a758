"""Events of the local AWS Config, and what the dashboard shows after the function evaluated them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import (
    ABROAD,
    HOME,
    NOON,
    ONE,
    PRIVATE,
    PUBLIC,
    ROLE,
    ROLE_PARAMETER,
    RULE,
    TWO,
    compliances,
    example_handler,
    unchecked_handler,
)
from tests.local_aws.lambda_function import MarshalError
from tests.local_aws.organization import HUB, LocalOrganization


class TestChangeNotifications:
    """Change-triggered evaluation."""

    def test_event_has_the_fields_that_aws_config_documents(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "team/app", PUBLIC)
        (invocation,) = config.deliver_change(ONE, HOME, "team/app")
        event = invocation.event
        assert event["executionRoleArn"] == (
            f"arn:aws:iam::{ONE}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
        )
        assert json.loads(event["ruleParameters"]) == ROLE_PARAMETER
        assert event["configRuleArn"] == f"arn:aws:config:{HOME}:{ONE}:config-rule/{event['configRuleId']}"
        assert (event["version"], event["configRuleName"], event["accountId"]) == ("1.0", RULE, ONE)
        assert event["eventLeftScope"] is False
        message = json.loads(event["invokingEvent"])
        assert message["messageType"] == "ConfigurationItemChangeNotification"
        assert message.keys() >= {"configurationItemDiff", "notificationCreationTime", "recordVersion"}
        assert message["configurationItem"]["resourceId"] == "team/app"

    def test_change_is_evaluated_in_its_own_account(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "team/app", PUBLIC)
        config.deliver_change(ONE, HOME, "team/app")
        assert compliances(config) == {"team/app": "NON_COMPLIANT"}
        assert compliances(config, TWO) == compliances(config, HUB) == {}
        assume, put = organization.calls
        assert (assume.service, assume.account, assume.role) == ("sts", HUB, "function-role")
        assert assume.parameters["RoleArn"] == f"arn:aws:iam::{ONE}:role/{ROLE}"
        assert assume.host == f"sts.{HOME}.amazonaws.com"
        assert (put.service, put.operation) == ("config", "PutEvaluations")
        assert (put.account, put.role, put.region) == (ONE, ROLE, HOME)
        assert config.put_evaluations[0].account == ONE

    def test_deleted_repository_disappears_from_the_dashboard(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        config.deliver_change(ONE, HOME, "app")
        with pytest.raises(ValueError, match="still exists"):
            config.deliver_deletion(ONE, HOME, "app")
        organization.delete_repository(ONE, HOME, "app")
        (invocation,) = config.deliver_deletion(ONE, HOME, "app")
        item = json.loads(invocation.event["invokingEvent"])["configurationItem"]
        assert (item["configurationItemStatus"], item["configuration"]) == ("ResourceDeleted", None)
        assert compliances(config) == {}
        with pytest.raises(LookupError, match="never existed"):
            config.deliver_deletion(ONE, HOME, "never-there")

    def test_older_ordering_timestamp_does_not_replace_a_newer_one(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        older = config.record(ONE, HOME, "app", captured_at=NOON)
        organization.delete_repository(ONE, HOME, "app")
        newer = config.record(ONE, HOME, "app", captured_at=NOON + timedelta(seconds=2))
        config.deliver_item(newer)
        config.deliver_item(older)
        assert compliances(config) == {}

    @pytest.mark.parametrize(("status", "left_scope"), [("ResourceNotRecorded", False), ("OK", True)])
    def test_item_out_of_scope_disappears_from_the_dashboard(
        self, organization: LocalOrganization, config: ConfigService, status: str, *, left_scope: bool
    ) -> None:
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        config.deliver_change(ONE, HOME, "app")
        item = config.record(ONE, HOME, "app", status=status, captured_at=datetime.now(UTC) + timedelta(seconds=5))
        config.deliver_item(item, left_scope=left_scope)
        assert compliances(config) == {}

    def test_invalid_or_changed_event_reaches_the_handler_unchanged(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        with pytest.raises(json.JSONDecodeError):
            config.deliver(ONE, HOME, "{")
        rule, *_ = config.rules(ONE, HOME)
        event = config.event(rule, config.scheduled_message(ONE))
        event["ruleParameters"] = json.dumps({"ExecutionRoleName": "another"})
        with pytest.raises(ValueError, match="AccessDenied"):
            config.invoke(event, region=HOME)
        assert organization.calls[-1].fault == "AccessDenied"
        with pytest.raises(LookupError, match="no rule"):
            config.deliver_scheduled(ONE, ABROAD)

    @pytest.mark.parametrize("parameters", [{"publicAccessTest": ""}, {"trustedAccounts": "1" * 1024}])
    def test_invalid_input_parameters_are_rejected(self, config: ConfigService, parameters: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="rejects"):
            config.put_rule(ONE, HOME, "rule", parameters)


class TestOversizedNotifications:
    """Notifications with a summary instead of the configuration item."""

    def test_oversized_event_has_a_summary_only(self, organization: LocalOrganization, config: ConfigService) -> None:
        organization.create_repository(ONE, HOME, "team/app", PUBLIC)
        (invocation,) = config.deliver_oversized(ONE, HOME, "team/app")
        message = json.loads(invocation.event["invokingEvent"])
        assert message["messageType"] == "OversizedConfigurationItemChangeNotification"
        assert "configurationItem" not in message
        assert message["configurationItemSummary"]["changeType"] == "CREATE"
        assert "configuration" not in message["configurationItemSummary"]
        assert compliances(config) == {"team/app": "NON_COMPLIANT"}
        assert "GetResourceConfigHistory" in [call.operation for call in organization.calls]

    def test_response_that_is_not_json_fails_the_invocation(self, organization: LocalOrganization) -> None:
        """Plain rdklib returns a datetime for an oversized event."""
        config = ConfigService(organization, unchecked_handler)
        config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        with pytest.raises(MarshalError, match="datetime"):
            config.deliver_oversized(ONE, HOME, "app")
        assert compliances(config) == {"app": "NON_COMPLIANT"}


class TestScheduledNotifications:
    """Periodic evaluation."""

    def test_every_page_is_evaluated_and_deleted_repositories_disappear(self) -> None:
        with LocalOrganization(repositories_per_page=2) as organization:
            config = ConfigService(organization, example_handler)
            config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
            for number in range(5):
                policy = PUBLIC if number % 2 else None
                organization.create_repository(ONE, HOME, f"team/app-{number}", policy)
            config.deliver_scheduled(ONE, HOME)
            assert compliances(config) == {
                f"team/app-{number}": "NON_COMPLIANT" if number % 2 else "COMPLIANT" for number in range(5)
            }
            pages = [call for call in organization.calls if call.operation == "DescribeRepositories"]
            assert len(pages) == 3
            organization.delete_repository(ONE, HOME, "team/app-1")
            (invocation,) = config.deliver_scheduled(ONE, HOME)
            assert "team/app-1" not in compliances(config)
            assert len(compliances(config)) == 4
        assert json.loads(invocation.event["invokingEvent"]).keys() == {
            "awsAccountId",
            "notificationCreationTime",
            "messageType",
            "recordVersion",
        }

    def test_evaluations_are_reported_in_batches_of_100(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        for number in range(250):
            organization.create_repository(ONE, HOME, f"app-{number:03}", PRIVATE)
        config.deliver_scheduled(ONE, HOME)
        assert [len(call.evaluations) for call in config.put_evaluations] == [100, 100, 50]
        assert len({call.result_token for call in config.put_evaluations}) == 1
        assert len(compliances(config)) == 250
