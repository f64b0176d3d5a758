"""Periodic evaluation: scheduled notifications, and runs that evaluate every repository."""

import json
from typing import Final
from unittest.mock import patch

import pytest

from ecr_exposure import EvaluationError, identifiers, periodic
from ecr_exposure.aws import ClientFactory
from tests.local_aws.faults import Fault
from tests.rule.member_account import (
    CLOSED,
    EXTERNAL_ACCOUNT,
    MEMBER,
    OPEN,
    ORGANIZATION_ACCOUNT,
    REGION,
    MemberAccount,
    deployed,
)

NOTHING_LISTED: Final = Fault("ecr", "DescribeRepositories", status=200, body='{"repositories": []}', request_id=True)


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

    def test_client_has_a_connection_for_each_thread(self) -> None:
        with deployed():
            client = ClientFactory(None, REGION).build_client("ecr")
            assert vars(client.meta.config)["max_pool_connections"] >= periodic.WORKERS == 8

    def test_throttled_call_is_retried(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            throttle = Fault("ecr", "DescribeRepositories", code="ThrottlingException", times=1)
            with member.organization.faults.inject(throttle) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.spent
            assert member.compliances() == {"aa": "NON_COMPLIANT"}

    def test_accounts_of_the_organization_are_checked_once(self) -> None:
        """An organization has thousands of accounts, and an account has thousands of repositories."""
        checked: list[object] = []
        check = identifiers.account_id

        def noted(parameter: str, value: object) -> identifiers.AccountId:
            checked.append(value)
            return check(parameter, value)

        with deployed({"publicAccessTest": "external"}, list_organization_accounts="true") as member:
            for number in range(5):
                member.create(f"inside{number}", ORGANIZATION_ACCOUNT)
            member.create("outside", EXTERNAL_ACCOUNT)
            with patch.object(identifiers, "account_id", noted):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert checked.count(member.organization.hub) == 1
            outside = {name for name, compliance in member.compliances().items() if compliance == "NON_COMPLIANT"}
            assert outside == {"outside"}


class TestOrder:
    """The repositories that wait longest are read first. These runs read one at a time, to have one order."""

    @pytest.fixture(autouse=True)
    def _one_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(periodic, "WORKERS", 1)
        monkeypatch.setattr(periodic, "MOST_AT_A_TIME", 1)

    def test_missing_evaluation_comes_first_then_the_oldest(self) -> None:
        with deployed() as member:
            for name in ("aa", "bb", "cc", "new"):
                member.create(name, OPEN)
            for name in ("cc", "aa", "bb"):
                member.config.deliver_change(MEMBER, REGION, name)
            member.evaluate_all()
            assert member.read() == ["new", "cc", "aa", "bb"]

    def test_unknown_times_leave_the_order_of_the_list(self) -> None:
        with deployed() as member:
            for name in ("aa", "bb", "cc"):
                member.create(name, OPEN)
            for name in ("cc", "aa", "bb"):
                member.config.deliver_change(MEMBER, REGION, name)
            denied = Fault("config", "GetComplianceDetailsByConfigRule", code="AccessDeniedException")
            with (
                member.organization.faults.inject(denied),
                pytest.raises(EvaluationError, match=r"the earlier evaluations: .*AccessDenied"),
            ):
                member.evaluate_all()
            assert member.read() == ["aa", "bb", "cc"]

    def test_successive_runs_that_time_out_reach_every_repository(self) -> None:
        """Each run has time for four; Lambda's retries continue."""
        names = [f"r{number}" for number in range(10)]
        with deployed() as member:
            for name in names:
                member.create(name, OPEN)
            for expected in (names[:4], names[4:8]):
                member.organization.calls.clear()
                with pytest.raises(EvaluationError, match="about to time out"):
                    member.evaluate_all(lambda: 900_000 if len(member.read()) < 4 else 80_000)
                assert member.read() == expected
            member.organization.calls.clear()
            member.evaluate_all()
            assert member.read() == names[8:] + names[:8]
            assert set(member.compliances()) == set(names)


class TestBatches:
    """Evaluations are reported at most 100 in a call, while the others are read."""

    def test_batches_have_at_most_100_evaluations_and_rdklib_reports_the_last(self) -> None:
        with deployed() as member:
            for number in range(250):
                member.create(f"r{number}", None)
            member.config.deliver_scheduled(MEMBER, REGION)
            assert [len(call.evaluations) for call in member.config.put_evaluations] == [100, 100, 49, 1]
            assert len(member.evaluations()) == 250

    def test_first_batch_is_reported_before_the_last_repository_is_read(self) -> None:
        with deployed() as member:
            for number in range(250):
                member.create(f"r{number}", None)
            member.organization.calls.clear()
            member.config.deliver_scheduled(MEMBER, REGION)
            operations = [operation for _, operation in member.operations()]
            last_read = len(operations) - operations[::-1].index("GetRepositoryPolicy")
            assert operations.index("PutEvaluations") < last_read

    def test_refused_batch_is_reported_again_without_the_refused_evaluation(self) -> None:
        """AWS Config refuses every call that has the evaluation of r042."""
        with deployed() as member:
            for number in range(150):
                member.create(f"r{number:03d}", OPEN)
            refused = Fault(
                "config",
                "PutEvaluations",
                code="InvalidParameterValueException",
                times=None,
                when=lambda call: "r042" in [each["ComplianceResourceId"] for each in call.parameters["Evaluations"]],
            )
            with (
                member.organization.faults.inject(refused) as injected,
                pytest.raises(EvaluationError, match=r"\(1\): 1 evaluations, first r042: .*InvalidParameterValue"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert len(member.evaluations()) == 149
            # 100, 50, 25, ... 1
            assert len(injected.calls) <= 8

    def test_batch_that_is_refused_for_another_reason_is_reported_once(self) -> None:
        with deployed() as member:
            for number in range(150):
                member.create(f"r{number:03d}", OPEN)
            denied = Fault("config", "PutEvaluations", status=403, code="AccessDeniedException")
            with (
                member.organization.faults.inject(denied) as injected,
                pytest.raises(EvaluationError, match=r"\(100\): 100 evaluations, first r\d+: .*AccessDenied"),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert len(injected.calls) == 1
            assert len(member.evaluations()) == 50

    def test_page_that_comes_twice_is_reported_once(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            first, second = page("aa", token="1"), page("aa")  # noqa: S106 - not a password
            with member.organization.faults.inject(second), member.organization.faults.inject(first):
                member.config.deliver_scheduled(MEMBER, REGION)
            reported = [
                each["ComplianceResourceId"] for call in member.config.put_evaluations for each in call.evaluations
            ]
            assert reported == ["aa"]


class TestRepositoriesThatAreNotListed:
    """A repository policy can hide its repository from the list; ECR is asked by name."""

    def test_existing_repository_is_evaluated(self) -> None:
        with deployed() as member:
            create_and_evaluate(member, "hidden", OPEN)
            member.organization.set_policy(MEMBER, REGION, "hidden", CLOSED)
            with member.organization.faults.inject(NOTHING_LISTED) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.spent
            assert member.compliances() == {"hidden": "COMPLIANT"}

    def test_existing_repository_without_policy_is_evaluated(self) -> None:
        with deployed() as member:
            create_and_evaluate(member, "hidden", None)
            with member.organization.faults.inject(NOTHING_LISTED):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"hidden": "COMPLIANT"}

    def test_evaluation_is_logged_with_the_arn(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as member:
            create_and_evaluate(member, "team/hidden", OPEN)
            caplog.clear()
            with member.organization.faults.inject(NOTHING_LISTED):
                member.config.deliver_scheduled(MEMBER, REGION)
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            assert vars(line)["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/team/hidden"
            assert (vars(line)["account"], vars(line)["region"]) == (MEMBER, REGION)

    def test_evaluation_of_a_deleted_repository_is_deleted(self) -> None:
        with deployed() as member:
            create_and_evaluate(member, "deleted", OPEN)
            member.create("stays", OPEN)
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"stays": "NON_COMPLIANT"}

    def test_repository_deleted_during_the_run_disappears(self) -> None:
        with deployed() as member:
            member.create("stays", OPEN)
            create_and_evaluate(member, "deleted", OPEN)
            fault = Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="deleted")
            with member.organization.faults.inject(fault) as injected:
                member.config.deliver_scheduled(MEMBER, REGION)
            assert injected.calls
            assert member.compliances() == {"stays": "NON_COMPLIANT"}

    def test_repository_deleted_during_the_run_and_never_evaluated_is_not_reported(self) -> None:
        with deployed() as member:
            member.create("deleted", OPEN)
            fault = Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="deleted")
            with member.organization.faults.inject(fault):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert [call.evaluations for call in member.config.put_evaluations] == [()]


def create_and_evaluate(member: MemberAccount, name: str, policy: str | None) -> None:
    """Create a repository that has an evaluation."""
    member.create(name, policy)
    member.config.deliver_change(MEMBER, REGION, name)
    member.config.put_evaluations.clear()


def page(name: str, token: str | None = None) -> Fault:
    """Return an answer of DescribeRepositories with one repository."""
    listed = {
        "registryId": MEMBER,
        "repositoryName": name,
        "repositoryArn": f"arn:aws:ecr:{REGION}:{MEMBER}:repository/{name}",
    }
    body = json.dumps({"repositories": [listed]} | ({"nextToken": token} if token else {}))
    return Fault("ecr", "DescribeRepositories", status=200, body=body, request_id=True)
