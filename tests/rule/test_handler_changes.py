"""Change-triggered evaluation: configuration item change notifications, oversized ones included."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import ItemError
from ecr_exposure.aws import kept
from tests.rule.member_account import CLOSED, MEMBER, OPEN, OTHER_MEMBER, OTHER_REGION, PULL, REGION, deployed


class TestChangeNotifications:
    """ConfigurationItemChangeNotification."""

    def test_compliance_and_annotation_reach_the_dashboard(self) -> None:
        with deployed() as member:
            for name, policy in {"open": OPEN, "team/app": CLOSED, "none": None, "broken": "{"}.items():
                member.create(name, policy)
                member.config.deliver_change(MEMBER, REGION, name)
            everyone = (
                "Everyone can administer, delete, push and pull: Statement[0] allows ecr:* to * with no Condition."
                " Fix: ecr-exposure fix --repository open"
            )
            assert member.dashboard() == {
                "broken": (
                    "NON_COMPLIANT",
                    "Cannot be evaluated: not JSON: Expecting property name enclosed in double quotes at line 1 "
                    "column 2",
                ),
                "none": ("COMPLIANT", "The repository has no policy."),
                "open": ("NON_COMPLIANT", everyone),
                "team/app": (
                    "COMPLIANT",
                    "No statement grants access to everyone without a Condition.",
                ),
            }

    def test_deleted_repository_disappears_from_the_dashboard(self) -> None:
        with deployed() as member:
            member.create("open", OPEN)
            member.config.deliver_change(MEMBER, REGION, "open")
            member.organization.delete_repository(MEMBER, REGION, "open")
            member.config.deliver_deletion(MEMBER, REGION, "open")
            assert member.dashboard() == {}

    def test_item_out_of_scope_disappears_from_the_dashboard(self) -> None:
        with deployed() as member:
            member.create("open", OPEN)
            member.config.deliver_change(MEMBER, REGION, "open")
            member.config.deliver_item(member.config.record(MEMBER, REGION, "open"), left_scope=True)
            assert member.dashboard() == {}

    @pytest.mark.parametrize(
        "captured",
        [
            "2026-03-01T12:30:15.250Z",
            "2026-03-01T13:30:15.250+01:00",
            "2026-03-01T12:30:15.250",
            "1772368215.25",
            "12:30:15.250 GMT, 1 March 2026",
        ],
    )
    def test_time_of_the_item_reaches_aws_config_in_any_form(self, captured: str) -> None:
        with deployed() as member:
            member.create("open", OPEN)
            member.response_to(member.change_event("open", configurationItemCaptureTime=captured))
            (evaluation,) = member.evaluations()
            assert evaluation.ordering_timestamp == datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)

    def test_missing_event_left_scope_means_false(self) -> None:
        with deployed() as member:
            member.create("open", OPEN)
            event = member.change_event("open")
            del event["eventLeftScope"]
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"open": "NON_COMPLIANT"}

    def test_other_resource_type_is_not_applicable(self) -> None:
        with deployed() as member:
            member.create("open", OPEN)
            event = member.change_event("open", resourceType="AWS::ECR::PublicRepository")
            (returned,) = member.response_to(event)
            assert returned["ComplianceType"] == "NOT_APPLICABLE"
            assert member.dashboard() == {}

    @pytest.mark.parametrize("status", ["Unknown", "ok"])
    def test_unknown_item_status_fails_and_keeps_the_evaluation(self, status: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            member.config.deliver_change(MEMBER, REGION, "aa")
            with pytest.raises(ItemError, match="configurationItemStatus"):
                member.config.invoke(member.change_event("aa", configurationItemStatus=status), region=REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT"}

    def test_accounts_and_regions_are_evaluated_separately(self) -> None:
        with deployed() as member:
            organization, config = member.organization, member.config
            for account, region, policy in (
                (MEMBER, REGION, OPEN),
                (MEMBER, OTHER_REGION, CLOSED),
                (OTHER_MEMBER, REGION, None),
            ):
                organization.create_repository(account, region, "app", policy)
                config.deliver_change(account, region, "app")
            compliances = {
                (rule.account, rule.region): [row.compliance for row in config.evaluations(*rule.key)]
                for account in (MEMBER, OTHER_MEMBER)
                for region in (REGION, OTHER_REGION)
                for rule in config.rules(account, region)
            }
            assert compliances == {
                (MEMBER, REGION): ["NON_COMPLIANT"],
                (MEMBER, OTHER_REGION): ["COMPLIANT"],
                (OTHER_MEMBER, REGION): ["COMPLIANT"],
                (OTHER_MEMBER, OTHER_REGION): [],
            }

    def test_second_event_of_an_account_reuses_role_and_clients(self) -> None:
        """A second event of the same account needs one call: no AssumeRole and no new clients."""
        with deployed() as member:
            member.create("rr", CLOSED)
            member.config.deliver_change(MEMBER, REGION, "rr")
            assert member.operations()[-2:] == [("sts", "AssumeRole"), ("config", "PutEvaluations")]
            member.organization.calls.clear()
            member.config.deliver_change(MEMBER, REGION, "rr")
            assert member.operations() == [("config", "PutEvaluations")]
            assert len(kept.clients) == 1


class TestConfiguration:
    """The configuration of the item, in every form."""

    @pytest.mark.parametrize(
        ("configuration", "compliance", "message"),
        [
            (None, "NON_COMPLIANT", "Cannot be evaluated: configuration: null is not an object"),
            ([], "NON_COMPLIANT", "Cannot be evaluated: configuration: a list is not an object"),
            ("{", "NON_COMPLIANT", "Cannot be evaluated: configuration: not JSON: "),
            (
                {"RepositoryName": "rr", "RepositoryPolicyText": 7},
                "NON_COMPLIANT",
                "Cannot be evaluated: configuration.RepositoryPolicyText: 7 is neither a string nor an object",
            ),
            (
                {"RepositoryName": "rr", "repositoryPolicyText": "{}"},
                "NON_COMPLIANT",
                "Cannot be evaluated: configuration: RepositoryPolicyText is spelled in another case",
            ),
            (
                {"Tags": []},
                "NON_COMPLIANT",
                "Cannot be evaluated: configuration: RepositoryPolicyText, RepositoryName and",
            ),
            (json.dumps({"RepositoryName": "rr", "RepositoryPolicyText": OPEN}), "NON_COMPLIANT", "Everyone can"),
            ({"Arn": "aa", "RepositoryPolicyText": json.loads(OPEN)}, "NON_COMPLIANT", "Everyone can"),
            ({"Arn": "a"}, "COMPLIANT", "The repository has no policy"),
            ({"RepositoryName": "rr", "RepositoryPolicyText": None}, "COMPLIANT", "The repository has no policy"),
        ],
    )
    def test_configuration_has_its_compliance_and_annotation(
        self, configuration: Any, compliance: str, message: str
    ) -> None:
        with deployed() as member:
            member.create("rr", None)
            member.config.invoke(member.change_event("rr", configuration=configuration), region=REGION)
            ((actual, annotation),) = member.dashboard().values()
            assert actual == compliance
            assert (annotation or "").startswith(message)

    def test_item_without_configuration_is_non_compliant(self) -> None:
        with deployed() as member:
            member.create("rr", None)
            event = member.change_event("rr")
            invoking = json.loads(event["invokingEvent"])
            del invoking["configurationItem"]["configuration"]
            member.config.invoke({**event, "invokingEvent": json.dumps(invoking)}, region=REGION)
            assert member.compliances() == {"rr": "NON_COMPLIANT"}

    def test_duplicate_key_is_non_compliant(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            event = member.change_event("aa", configuration="HERE")
            duplicate = '{"RepositoryName": "aa", "RepositoryPolicyText": "", "RepositoryPolicyText": {}}'
            event["invokingEvent"] = event["invokingEvent"].replace('"HERE"', duplicate)
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT"}


class TestTags:
    """The tags of the item, which excludedPublicTag refers to."""

    EXCUSED: Final = (
        "COMPLIANT",
        'Public on purpose (tag "public-on-purpose", last day 2999-12-31). '
        "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * with no Condition.",
    )
    REFUSED: Final = (
        "NON_COMPLIANT",
        "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * with no Condition. "
        'The tag "public-on-purpose" is no exception: its last day was 2020-01-31. '
        "Fix: ecr-exposure fix --repository expired",
    )

    @pytest.mark.parametrize("kind", ["change", "oversized"])
    def test_tag_of_the_item_excuses_pull(self, kind: str) -> None:
        with deployed({"excludedPublicTag": "public-on-purpose"}) as member:
            deliver = getattr(member.config, f"deliver_{kind}")
            for name, policy, value in (
                ("excused", PULL, "2999-12-31"),
                ("expired", PULL, "2020-01-31"),
                ("pushed", OPEN, "2999-12-31"),
            ):
                member.create(name, policy, **{"public-on-purpose": value})
                deliver(MEMBER, REGION, name)
            dashboard = member.dashboard()
            assert (dashboard["excused"], dashboard["expired"]) == (self.EXCUSED, self.REFUSED)
            assert dashboard["pushed"][0] == "NON_COMPLIANT"
            assert ("ecr", "ListTagsForResource") not in member.operations()

    def test_item_without_tags_in_its_configuration_has_its_own(self) -> None:
        with deployed({"excludedPublicTag": "public-on-purpose"}) as member:
            member.create("app", PULL, **{"public-on-purpose": "2999-12-31"})
            configuration = {"RepositoryName": "app", "RepositoryPolicyText": PULL}
            member.config.invoke(member.change_event("app", configuration=configuration), region=REGION)
            assert member.dashboard() == {"app": self.EXCUSED}

    @pytest.mark.parametrize("tags", [None, [], {"public-on-purpose": True}])
    def test_malformed_tags_are_no_exception_and_no_failure(self, tags: Any) -> None:
        with deployed({"excludedPublicTag": "public-on-purpose"}) as member:
            member.create("app", PULL)
            configuration = {"RepositoryName": "app", "RepositoryPolicyText": PULL}
            event = member.change_event("app", configuration=configuration, tags=tags)
            member.config.invoke(event, region=REGION)
            ((compliance, annotation),) = member.dashboard().values()
            assert compliance == "NON_COMPLIANT"
            assert "is no exception: the tags of the repository are not known." in (annotation or "")
