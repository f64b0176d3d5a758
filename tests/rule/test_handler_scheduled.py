"""Periodic evaluation: scheduled notifications."""

import os
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from ecr_exposure import EvaluationError
from ecr_exposure.handler import lambda_handler
from tests.local_aws.faults import Connection, Fault
from tests.rule.member_account import CLOSED, MEMBER, OPEN, REGION, ROLE, deployed


class TestCompleteRuns:
    """Every repository is evaluated."""

    def test_repositories_of_every_page_are_evaluated(self) -> None:
        with deployed(repositories_per_page=3) as member:
            for number in range(10):
                member.create(f"r{number}", OPEN if number % 2 else CLOSED)
            member.config.deliver_scheduled(MEMBER, REGION)
            expected = {f"r{number}": "NON_COMPLIANT" if number % 2 else "COMPLIANT" for number in range(10)}
            assert member.compliances() == expected

    def test_account_without_repositories_reports_nothing(self) -> None:
        with deployed() as member:
            (invocation,) = member.config.deliver_scheduled(MEMBER, REGION)
            assert invocation.returned == []

    def test_evaluations_are_reported_in_batches_of_100(self) -> None:
        with deployed() as member:
            for number in range(250):
                member.create(f"r{number}", None)
            member.config.deliver_scheduled(MEMBER, REGION)
            assert [len(call.evaluations) for call in member.config.put_evaluations] == [100, 100, 50]
            assert len(member.evaluations()) == 250

    def test_evaluation_of_a_deleted_repository_is_deleted(self) -> None:
        with deployed() as member:
            member.create("deleted", OPEN)
            member.create("stays", OPEN)
            member.config.deliver_scheduled(MEMBER, REGION)
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"stays": "NON_COMPLIANT"}

    def test_repository_deleted_during_the_run_disappears(self) -> None:
        with deployed() as member:
            member.create("stays", OPEN)
            member.create("deleted", OPEN)
            member.config.deliver_scheduled(MEMBER, REGION)
            fault = Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="deleted")
            with member.organization.faults.inject(fault) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.calls
            assert member.compliances() == {"stays": "NON_COMPLIANT"}

    def test_throttled_call_is_retried(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            throttle = Fault("ecr", "DescribeRepositories", code="ThrottlingException", times=1)
            with member.organization.faults.inject(throttle) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.spent
            assert member.compliances() == {"aa": "NON_COMPLIANT"}


class TestIncompleteRuns:
    """The run reports the evaluations that it has, deletes no old ones, and fails."""

    def test_denied_repository_keeps_its_evaluation_and_fails_the_run(self) -> None:
        """Its old evaluation stays, the others are reported, no evaluation is deleted, the invocation fails."""
        with deployed() as member:
            for name in ("aa", "forbidden", "deleted", "zz"):
                member.create(name, OPEN)
            member.config.deliver_scheduled(MEMBER, REGION)
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            for name in ("aa", "forbidden", "zz"):
                member.organization.set_policy(MEMBER, REGION, name, CLOSED)
            fault = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", repository="forbidden")
            with (
                member.organization.faults.inject(fault),
                pytest.raises(EvaluationError, match=r"not everything was evaluated \(1\): forbidden: .*AccessDenied"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {
                "aa": "COMPLIANT",
                "forbidden": "NON_COMPLIANT",
                "deleted": "NON_COMPLIANT",
                "zz": "COMPLIANT",
            }

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("ecr", "GetRepositoryPolicy", status=500, code="ServerException", repository="bb", times=None),
            Fault("ecr", "GetRepositoryPolicy", connection=Connection.RESET, repository="bb", times=None),
        ],
        ids=["server error", "connection reset"],
    )
    def test_unreadable_repository_does_not_affect_others(self, fault: Fault) -> None:
        with deployed() as member:
            for name in ("aa", "bb", "cc", "deleted"):
                member.create(name, OPEN)
            member.config.deliver_scheduled(MEMBER, REGION)
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            for name in ("aa", "bb", "cc"):
                member.organization.set_policy(MEMBER, REGION, name, CLOSED)
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match=r"\(1\): bb: "):
                member.config.deliver_scheduled(MEMBER, REGION)
            unchanged = {"bb": "NON_COMPLIANT", "deleted": "NON_COMPLIANT"}
            assert member.compliances() == {"aa": "COMPLIANT", "cc": "COMPLIANT"} | unchanged

    def test_run_stops_after_ten_failures_in_a_row(self) -> None:
        with deployed() as member:
            for number in range(30):
                member.create(f"r{number:02d}", OPEN)
            denied = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", times=None)
            with (
                member.organization.faults.inject(denied) as injected,
                pytest.raises(EvaluationError, match="all further repositories"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert len(injected.calls) == 10

    def test_run_stops_before_the_function_times_out(self) -> None:
        """It reports the evaluations that it has, and the invocation fails."""
        remaining = iter([300_000, 300_000, 200_000, 50_000])
        with deployed() as member:
            for name in ("aa", "bb", "cc"):
                member.create(name, OPEN)
            event = member.config.event(member.rule, member.config.scheduled_message(MEMBER))
            context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(remaining))
            environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true", "AWS_REGION": REGION}
            with (
                patch.dict(os.environ, environment),
                pytest.raises(EvaluationError, match="about to time out"),
            ):
                lambda_handler(event, context)
            assert member.compliances() == {"aa": "NON_COMPLIANT", "bb": "NON_COMPLIANT"}

    def test_incomplete_list_of_repositories_deletes_no_evaluation(self) -> None:
        with deployed(repositories_per_page=1) as member:
            for name in ("aa", "bb"):
                member.create(name, OPEN)
            member.config.deliver_scheduled(MEMBER, REGION)
            fault = Fault(
                "ecr",
                "DescribeRepositories",
                code="AccessDeniedException",
                when=lambda call: "nextToken" in call.parameters,
            )
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT", "bb": "NON_COMPLIANT"}

    def test_unreadable_old_evaluations_do_not_stop_new_ones(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            fault = Fault("config", "GetComplianceDetailsByConfigRule", code="AccessDeniedException")
            with (
                member.organization.faults.inject(fault),
                pytest.raises(EvaluationError, match="of deleted repositories"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT"}
