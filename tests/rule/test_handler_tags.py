"""Tags in a periodic evaluation: when they are read, and what follows if they cannot be read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from ecr_exposure import EvaluationError
from tests.local_aws.faults import Connection, Fault
from tests.rule.member_account import CLOSED, MEMBER, OPEN, OTHER_MEMBER, PULL, REGION, MemberAccount, deployed

NAMES_A_TAG: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": OTHER_MEMBER},
            "Action": "ecr:BatchGetImage",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}},
        },
    }
)
DENIED: Final = "not authorized to perform: ecr:GetRepositoryPolicy with an explicit deny in a resource-based policy"
BY_TAG: Final = {"excludedPublicTag": "public-on-purpose"}
LIST_TAGS: Final = ("ecr", "ListTagsForResource")


def repositories_with_tags_read(member: MemberAccount) -> list[str]:
    """Return the repositories that ListTagsForResource was called for."""
    calls = [call for call in member.organization.calls if (call.service, call.operation) == LIST_TAGS]
    return [call.parameters["resourceArn"].partition(":repository/")[2] for call in calls]


class TestTags:
    """Tags are read only where they matter to the verdict; those that cannot be read are not known."""

    def test_tags_are_read_of_repositories_that_a_tag_could_excuse_or_whose_policy_names_one(self) -> None:
        with deployed(BY_TAG) as member:
            policies = {"pull": PULL, "open": OPEN, "closed": CLOSED, "none": None, "broken": "{", "names": NAMES_A_TAG}
            for name, policy in policies.items():
                member.create(name, policy)
            member.config.deliver_scheduled(MEMBER, REGION)
            assert sorted(repositories_with_tags_read(member)) == ["names", "pull"]

    def test_without_the_parameter_tags_are_read_for_policies_that_name_one_only(self) -> None:
        with deployed() as member:
            for name, policy in {"pull": PULL, "names": NAMES_A_TAG}.items():
                member.create(name, policy)
            member.config.deliver_scheduled(MEMBER, REGION)
            assert repositories_with_tags_read(member) == ["names"]

    def test_tag_excuses_pull_as_after_a_change(self) -> None:
        with deployed(BY_TAG) as member:
            for name, value in {"excused": "2999-12-31", "expired": "2020-01-31", "wrong": "yes"}.items():
                member.create(name, PULL, **{"public-on-purpose": value})
            member.create("untagged", PULL)
            member.create("pushed", OPEN, **{"public-on-purpose": "true"})
            for name in ("excused", "expired", "wrong", "untagged", "pushed"):
                member.config.deliver_change(MEMBER, REGION, name)
            after_changes = member.dashboard()
            member.config.deliver_scheduled(MEMBER, REGION)
            assert member.dashboard() == after_changes
            assert {name for name, row in after_changes.items() if row[0] == "COMPLIANT"} == {"excused"}

    def test_exception_ends_with_the_first_run_after_its_last_day(self) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL, **{"public-on-purpose": f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"})
            member.config.deliver_scheduled(MEMBER, REGION)
            ((compliance, annotation),) = member.dashboard().values()
            assert compliance == "NON_COMPLIANT"
            assert 'The tag "public-on-purpose" is no exception: its last day was ' in (annotation or "")

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("ecr", "ListTagsForResource", code="AccessDeniedException"),
            Fault("ecr", "ListTagsForResource", code="RepositoryNotFoundException"),
            Fault("ecr", "ListTagsForResource", code="ThrottlingException", times=None),
            Fault("ecr", "ListTagsForResource", status=500, code="ServerException", times=None),
            Fault("ecr", "ListTagsForResource", connection=Connection.RESET, times=None),
            *(
                Fault("ecr", "ListTagsForResource", status=200, body=body, request_id=True)
                for body in (
                    "",
                    "{}",
                    "[]",
                    '{"tags": null}',
                    '{"tags": [{"Key": "a"}]}',
                    "<html>",
                    "{",
                )
            ),
        ],
        ids=lambda fault: fault.label if fault.body is None else f"body {fault.body!r}",
    )
    def test_tags_that_cannot_be_read_are_no_exception_and_no_failed_run(self, fault: Fault) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL, **{"public-on-purpose": "true"})
            member.create("other", OPEN)
            with member.organization.faults.inject(fault) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.calls
            dashboard = member.dashboard()
            assert dashboard.keys() == {"app", "other"}
            compliance, annotation = dashboard["app"]
            assert compliance == "NON_COMPLIANT"
            assert "is no exception: the tags of the repository are not known." in (annotation or "")

    def test_log_names_the_tag_and_its_last_day(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL, **{"public-on-purpose": "2999-12-31"})
            member.config.deliver_scheduled(MEMBER, REGION)
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            assert vars(line)["annotation"].startswith(
                'Public on purpose (tag "public-on-purpose", last day 2999-12-31). Everyone can pull: '
            )

    def test_error_of_reading_tags_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL)
            fault = Fault("ecr", "ListTagsForResource", code="AccessDeniedException")
            with member.organization.faults.inject(fault):
                member.config.deliver_scheduled(MEMBER, REGION)
            (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
            assert warning.getMessage().startswith("the tags of app are not known: ClientError(")

    def test_tags_are_not_read_when_time_is_up_and_the_evaluation_stays(self) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL, **{"public-on-purpose": "true"})
            member.config.deliver_change(MEMBER, REGION, "app")
            with pytest.raises(EvaluationError, match="about to time out"):
                member.evaluate_all(lambda: 80_000 if member.read() else 900_000)
            assert repositories_with_tags_read(member) == []
            assert member.compliances() == {"app": "COMPLIANT"}

    def test_policy_that_cannot_be_read_is_evaluated_with_the_tags_of_its_item(self) -> None:
        with deployed(BY_TAG) as member:
            member.create("app", PULL, **{"public-on-purpose": "true"})
            member.config.deliver_change(MEMBER, REGION, "app")
            member.config.put_evaluations.clear()
            denied = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", message=DENIED)
            with member.organization.faults.inject(denied):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert len(member.config.put_evaluations) == 1
            assert repositories_with_tags_read(member) == []
            assert member.compliances() == {"app": "COMPLIANT"}
