"""Change events that ``ecr-exposure replay`` sends again: the repository is evaluated as it is now.

A failed event waits in the queue for up to fourteen days. Meanwhile AWS Config may have received newer evaluations.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import EvaluationError, ItemError
from tests.local_aws.faults import Fault
from tests.rule.member_account import CLOSED, MEMBER, OPEN, PULL, REGION, MemberAccount, deployed

# AWS does not document that AWS Config keeps the evaluation with the latest time, as the local AWS Config does. So the
# events of these tests have a time after that of every evaluation, and whatever they report is shown.
CAPTURED: Final = "2999-03-01T12:30:15.250Z"
EVERYONE: Final = (
    "Everyone can administer, delete, push and pull: Statement[0] allows ecr:* to * with no Condition. "
    "Fix: ecr-exposure fix --repository team/app"
)


def replayed(member: MemberAccount, name: str, **changes: Any) -> dict[str, Any]:
    """Return the change event of a repository as ``replay`` sends it, with some fields of its item replaced."""
    return member.change_event(name, configurationItemCaptureTime=CAPTURED, **changes) | {"replayed": True}


def oversized(member: MemberAccount, name: str) -> dict[str, Any]:
    """Return the oversized event of a repository as ``replay`` sends it."""
    message = member.config.oversized_message(member.config.record(MEMBER, REGION, name))
    return member.config.event(member.rule, message) | {"replayed": True}


class TestRepositoryThatChangedSince:
    """The event's item is older than the repository."""

    @pytest.mark.parametrize(
        ("recorded", "now", "expected"),
        [
            (CLOSED, OPEN, ("NON_COMPLIANT", EVERYONE)),
            (OPEN, CLOSED, ("COMPLIANT", "No statement grants access to everyone without a Condition.")),
            (OPEN, None, ("COMPLIANT", "The repository has no policy.")),
        ],
    )
    @pytest.mark.parametrize("make", [replayed, oversized])
    def test_policy_of_today_is_evaluated(
        self, make: Any, recorded: str, now: str | None, expected: tuple[str, str]
    ) -> None:
        with deployed() as member:
            member.create("team/app", recorded)
            event = make(member, "team/app")
            member.organization.set_policy(MEMBER, REGION, "team/app", now)
            member.config.invoke(event, region=REGION)
            assert member.dashboard() == {"team/app": expected}

    def test_newer_evaluation_is_not_replaced_by_the_verdict_of_the_event(self) -> None:
        """The event says that the repository is closed; since then it was opened, and AWS Config knows that."""
        with deployed() as member:
            member.create("app", CLOSED)
            event = replayed(member, "app")
            member.organization.set_policy(MEMBER, REGION, "app", OPEN)
            member.config.deliver_change(MEMBER, REGION, "app")
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"app": "NON_COMPLIANT"}

    def test_evaluation_has_the_time_of_the_event(self) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            member.config.invoke(replayed(member, "app"), region=REGION)
            (evaluation,) = member.evaluations()
            assert evaluation.ordering_timestamp == datetime(2999, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)

    def test_tags_of_today_are_read_where_they_matter(self) -> None:
        with deployed({"excludedPublicTag": "public-on-purpose"}) as member:
            member.create("app", PULL, **{"public-on-purpose": "2999-12-31"})
            member.config.invoke(replayed(member, "app", configuration={"Tags": []}, tags={}), region=REGION)
            assert member.compliances() == {"app": "COMPLIANT"}
            assert ("ecr", "ListTagsForResource") in member.operations()

    def test_evaluation_needs_two_calls(self) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            for make in (replayed, oversized):
                event = make(member, "app")
                member.organization.calls.clear()
                member.config.invoke(event, region=REGION)
                called = [call for call in member.operations() if call != ("sts", "AssumeRole")]
                assert called == [("ecr", "GetRepositoryPolicy"), ("config", "PutEvaluations")]


class TestRepositoryThatWasDeleted:
    """It does not exist now, or it did not exist when the event was created."""

    def test_repository_that_is_gone_disappears_from_the_dashboard(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            event = replayed(member, "app")
            member.config.deliver_change(MEMBER, REGION, "app")
            member.organization.delete_repository(MEMBER, REGION, "app")
            caplog.clear()
            (returned,) = member.response_to(event)
            assert returned["ComplianceType"] == "NOT_APPLICABLE"
            assert member.dashboard() == {}
            assert [record.getMessage() for record in caplog.records if hasattr(record, "compliance")] == [
                "app is deleted"
            ]

    @pytest.mark.parametrize("status", ["ResourceDeleted", "ResourceDeletedNotRecorded", "ResourceNotRecorded"])
    @pytest.mark.parametrize("left_scope", [False, True])
    def test_repository_that_was_created_again_keeps_its_evaluation(self, status: str, *, left_scope: bool) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            event = replayed(member, "app", configurationItemStatus=status) | {"eventLeftScope": left_scope}
            member.config.deliver_change(MEMBER, REGION, "app")
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"app": "NON_COMPLIANT"}


class TestRepositoryThatCannotBeRead:
    """The invocation fails, and the earlier evaluation stays."""

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault("ecr", "GetRepositoryPolicy", status=403, code="AccessDeniedException"), "AccessDenied"),
            (Fault("ecr", "GetRepositoryPolicy", status=500, code="ServerException", times=None), "ServerException"),
            (Fault("ecr", "GetRepositoryPolicy", status=200, body="{}", request_id=True), "GetRepositoryPolicy"),
        ],
        ids=lambda value: str(getattr(value, "label", value)),
    )
    def test_failed_call_fails_the_invocation(self, fault: Fault, error: str) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            member.config.deliver_change(MEMBER, REGION, "app")
            event = replayed(member, "app")
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match=error):
                member.config.invoke(event, region=REGION)
            assert member.compliances() == {"app": "NON_COMPLIANT"}

    def test_latest_item_counts_where_the_repository_policy_denies_access(self) -> None:
        with deployed() as member:
            member.create("app", CLOSED)
            event = replayed(member, "app")
            member.organization.set_policy(MEMBER, REGION, "app", OPEN)
            member.config.record(MEMBER, REGION, "app")
            message = (
                "not authorized to perform: ecr:GetRepositoryPolicy with an explicit deny in a resource-based policy"
            )
            fault = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", message=message)
            with member.organization.faults.inject(fault):
                member.config.invoke(event, region=REGION)
            assert member.compliances() == {"app": "NON_COMPLIANT"}


class TestOtherEvents:
    """What is no replayed change event of a repository is handled as before."""

    @pytest.mark.parametrize("value", [False, None, "true", 1, [], {}])
    def test_any_other_value_of_the_element_has_no_effect(self, value: Any) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            event = member.change_event("app") | {"replayed": value}
            member.organization.set_policy(MEMBER, REGION, "app", CLOSED)
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"app": "NON_COMPLIANT"}
            assert member.read() == []

    def test_replayed_event_of_another_type_is_not_applicable(self) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            (returned,) = member.response_to(replayed(member, "app", resourceType="AWS::ECR::PublicRepository"))
            assert returned["ComplianceType"] == "NOT_APPLICABLE"
            assert member.read() == []

    def test_replayed_scheduled_event_evaluates_every_repository(self) -> None:
        with deployed() as member:
            for name in ("a1", "b1"):
                member.create(name, OPEN)
            event = member.config.event(member.rule, member.config.scheduled_message(MEMBER)) | {"replayed": True}
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"a1": "NON_COMPLIANT", "b1": "NON_COMPLIANT"}

    @pytest.mark.parametrize(("changes", "error"), [({"resourceId": ""}, "resourceId"), ({"resourceId": 7}, "7")])
    def test_replayed_event_without_identity_fails(self, changes: dict[str, Any], error: str) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            with pytest.raises(ItemError, match=error):
                member.config.invoke(replayed(member, "app", **changes), region=REGION)

    def test_item_without_a_status_fails(self) -> None:
        with deployed() as member:
            member.create("app", OPEN)
            event = replayed(member, "app")
            item = json.loads(event["invokingEvent"])
            del item["configurationItem"]["configurationItemStatus"]
            with pytest.raises(ItemError, match="configurationItemStatus"):
                member.config.invoke(event | {"invokingEvent": json.dumps(item)}, region=REGION)
