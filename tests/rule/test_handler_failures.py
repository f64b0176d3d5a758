"""Every error fails the invocation, and nothing wrong is reported."""

from typing import Any

import pytest

from ecr_exposure import EvaluationError, ItemError, ParameterError
from ecr_exposure.handler import lambda_handler
from tests.local_aws.faults import Fault
from tests.rule.member_account import MEMBER, OPEN, OTHER_MEMBER, REGION, deployed


class TestReporting:
    """Errors of PutEvaluations and AssumeRole."""

    def test_failed_evaluation_fails_the_invocation(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            with (
                member.organization.failing_evaluations(lambda _: True),
                pytest.raises(EvaluationError, match="AWS Config refused 1 evaluations, first aa"),
            ):
                member.config.deliver_change(MEMBER, REGION, "aa")
            member.config.deliver_change(MEMBER, REGION, "aa")
            assert member.compliances() == {"aa": "NON_COMPLIANT"}

    def test_failed_evaluation_does_not_affect_others(self) -> None:
        with deployed() as member:
            for number in range(150):
                member.create(f"r{number:03d}", OPEN)
            with (
                member.organization.failing_evaluations(lambda one: one["ComplianceResourceId"] == "r000"),
                pytest.raises(EvaluationError, match=r"\(1\): AWS Config refused 1 evaluations, first r000"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert len(member.evaluations()) == 149

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("config", "PutEvaluations", code="InvalidResultTokenException"),
            Fault("config", "PutEvaluations", status=403, code="AccessDeniedException"),
            Fault("config", "PutEvaluations", status=500, code="InternalFailure", times=None),
            Fault("sts", "AssumeRole", status=403, code="AccessDenied"),
        ],
        ids=lambda fault: fault.code,
    )
    def test_aws_error_fails_the_invocation(self, fault: Fault) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match=fault.code):
                member.config.deliver_change(MEMBER, REGION, "aa")
            assert member.dashboard() == {}

    def test_account_without_the_role_does_not_affect_others(self) -> None:
        with deployed(asynchronous=True) as member:
            member.organization.accounts_without_role.add(OTHER_MEMBER)
            for account in (MEMBER, OTHER_MEMBER):
                member.organization.create_repository(account, REGION, "aa", OPEN)
            member.config.deliver_change(OTHER_MEMBER, REGION, "aa")
            member.config.deliver_change(MEMBER, REGION, "aa")
            (failed,) = member.config.on_failure
            assert failed.attempts == 3
            assert failed.event["accountId"] == OTHER_MEMBER
            assert member.compliances() == {"aa": "NON_COMPLIANT"}


class TestInvalidEvents:
    """Events that AWS Config does not send."""

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"ruleParameters": "[]"}, ParameterError, "ruleParameters: a list is not an object"),
            ({"ruleParameters": "{"}, ParameterError, "ruleParameters: not JSON"),
            ({"resultToken": None}, EvaluationError, r"event\.resultToken: missing"),
            ({"invokingEvent": None}, EvaluationError, r"event\.invokingEvent: null is not JSON text"),
            ({"invokingEvent": "{"}, EvaluationError, r"event\.invokingEvent: not JSON"),
            ({"invokingEvent": "{}"}, EvaluationError, r"invokingEvent\.messageType: null is unknown \(accepted: "),
            ({"invokingEvent": '{"messageType": "X"}'}, EvaluationError, r"messageType: \"X\" is unknown"),
            (
                {"invokingEvent": '{"messageType": "ConfigurationItemChangeNotification"}'},
                ItemError,
                r"invokingEvent\.configurationItem: null is not an object",
            ),
            (
                {"invokingEvent": '{"messageType": "ScheduledNotification"}'},
                EvaluationError,
                r"invokingEvent\.notificationCreationTime: null",
            ),
            ({"executionRoleArn": "arn:aws:iam::999999999999:role/x"}, EvaluationError, "not a role of the account"),
            ({"executionRoleArn": ""}, EvaluationError, "missing, and AssumeRoleMode is not false"),
        ],
    )
    def test_invalid_event_fails_before_any_call(
        self, changes: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            event = member.change_event("aa") | changes
            member.organization.calls.clear()
            with pytest.raises(error, match=message):
                member.config.invoke(event, region=REGION)
            assert member.organization.calls == []

    @pytest.mark.parametrize(
        "name", ["resourceType", "resourceId", "configurationItemStatus", "configurationItemCaptureTime"]
    )
    def test_item_without_identity_fails(self, name: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            with pytest.raises(ItemError, match=name):
                member.config.invoke(member.change_event("aa", **{name: None}), region=REGION)

    @pytest.mark.parametrize(("field", "value"), [("awsAccountId", "12"), ("awsRegion", "global")])
    def test_item_with_invalid_account_or_region_fails(self, field: str, value: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            with pytest.raises(EvaluationError, match=rf"configurationItem\.{field}: '{value}'"):
                member.config.invoke(member.change_event("aa", **{field: value}), region=REGION)

    def test_null_event_fails(self) -> None:
        with pytest.raises(EvaluationError, match="event: null is not an object"):
            lambda_handler(None, None)
