"""Change-triggered evaluation: oversized configuration item change notifications, and the history that they need."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from ecr_exposure import ItemError
from tests.local_aws.faults import Fault
from tests.rule.member_account import MEMBER, OPEN, OTHER_MEMBER, OTHER_REGION, REGION, MemberAccount, deployed

NO_POLICY: Final = json.dumps({"RepositoryName": "big", "RepositoryPolicyText": {}})


def deliver_oversized(member: MemberAccount, *, seconds: float = 0.0, **changes: Any) -> None:
    """Deliver an oversized notification whose history says that the repository has no policy.

    seconds: by how much the item of the history is later than the notification. changes: other elements of the item.
    """
    noted = member.config.record(MEMBER, REGION, "big")
    captured = (noted.captured_at + timedelta(seconds=seconds)).timestamp()
    item = noted.as_history() | {"configurationItemCaptureTime": captured, "configuration": NO_POLICY} | changes
    body = json.dumps({"configurationItems": [item]})
    with member.organization.faults.inject(Fault("config", "GetResourceConfigHistory", status=200, body=body)):
        member.config.deliver_item(noted, oversized=True)


class TestOversizedNotifications:
    """OversizedConfigurationItemChangeNotification."""

    def test_item_is_read_from_the_history(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            (invocation,) = member.config.deliver_oversized(MEMBER, REGION, "big")
            assert member.compliances() == {"big": "NON_COMPLIANT"}
            assert ("config", "GetResourceConfigHistory") in member.operations()
            json.dumps(invocation.returned)

    def test_deleted_repository_needs_no_history(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            member.config.deliver_oversized(MEMBER, REGION, "big")
            member.organization.delete_repository(MEMBER, REGION, "big")
            member.organization.calls.clear()
            member.config.deliver_item(member.config.record(MEMBER, REGION, "big"), oversized=True)
            assert member.dashboard() == {}
            assert ("config", "GetResourceConfigHistory") not in member.operations()

    def test_empty_history_fails(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            empty = Fault("config", "GetResourceConfigHistory", status=200, body='{"configurationItems": []}')
            with member.organization.faults.inject(empty), pytest.raises(ItemError, match="no configuration item"):
                member.config.deliver_oversized(MEMBER, REGION, "big")
            assert member.config.put_evaluations == []

    def test_history_item_without_configuration_is_non_compliant(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            deliver_oversized(member, configuration=None)
            assert member.dashboard() == {
                "big": ("NON_COMPLIANT", "Cannot be evaluated: configuration: null is not an object")
            }

    @pytest.mark.parametrize(
        "configuration",
        ['{"RepositoryName": "big", "RepositoryPolicyText": "TEXT", "RepositoryPolicyText": {}}', "{", "", "[" * 5_000],
        ids=["duplicate key", "truncated", "empty text", "deep nesting"],
    )
    def test_history_item_with_invalid_configuration_is_non_compliant(self, configuration: str) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            deliver_oversized(member, configuration=configuration)
            ((compliance, annotation),) = member.dashboard().values()
            assert compliance == "NON_COMPLIANT"
            assert (annotation or "").startswith("Cannot be evaluated: configuration: ")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"resourceId": "other"}, "'other' is not 'big'"),
            ({"resourceType": "AWS::ECR::PublicRepository"}, "AWS::ECR::PublicRepository 'big' is not 'big'"),
            ({"accountId": OTHER_MEMBER}, f"awsAccountId: '{OTHER_MEMBER}' is not that of the notification"),
            ({"awsRegion": OTHER_REGION}, f"awsRegion: '{OTHER_REGION}' is not that of the notification"),
            ({"seconds": -1}, "is before that of the notification"),
        ],
        ids=["name", "type", "account", "region", "a second older"],
    )
    def test_history_item_of_something_else_fails(self, changes: dict[str, Any], message: str) -> None:
        """A COMPLIANT item of the past must not replace the evaluation of today's policy."""
        with deployed() as member:
            member.create("big", OPEN)
            member.config.deliver_change(MEMBER, REGION, "big")
            with pytest.raises(ItemError, match=message):
                deliver_oversized(member, **changes)
            assert member.compliances() == {"big": "NON_COMPLIANT"}

    @pytest.mark.parametrize("seconds", [-0.9, 5], ids=["rounded", "later"])
    def test_history_item_of_about_the_same_time_or_later_is_evaluated(self, seconds: float) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            deliver_oversized(member, seconds=seconds)
            assert member.compliances() == {"big": "COMPLIANT"}

    def test_deletion_after_the_notification_is_not_applicable(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            member.config.deliver_change(MEMBER, REGION, "big")
            deliver_oversized(member, configurationItemStatus="ResourceDeleted")
            assert member.compliances() == {}

    def test_other_resource_type_needs_no_history(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            summary = member.config.record(MEMBER, REGION, "big").as_summary()
            message = member.config.oversized_message(member.config.record(MEMBER, REGION, "big"))
            message["configurationItemSummary"] = summary | {"resourceType": "AWS::ECR::PublicRepository"}
            (returned,) = member.response_to(member.config.event(member.rule, message))
            assert returned["ComplianceType"] == "NOT_APPLICABLE"
            assert ("config", "GetResourceConfigHistory") not in member.operations()

    def test_summary_with_an_invalid_time_fails(self) -> None:
        with deployed() as member:
            member.create("big", OPEN)
            message = member.config.oversized_message(member.config.record(MEMBER, REGION, "big"))
            message["configurationItemSummary"]["configurationItemCaptureTime"] = "yesterday"
            with pytest.raises(ItemError, match="'yesterday' is not a time"):
                member.config.invoke(member.config.event(member.rule, message), region=REGION)
