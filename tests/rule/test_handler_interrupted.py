"""Periodic evaluation with faults: the run reports what it has, deletes nothing that it did not look at, and fails."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import pytest
from botocore.errorfactory import ClientExceptionsFactory
from botocore.model import ServiceModel

from ecr_exposure import EvaluationError, config_rule, periodic
from ecr_exposure.invocation import Invocation
from ecr_exposure.repository import RESOURCE_TYPE, Repository
from ecr_exposure.verdict import Verdict, evaluate_repository
from tests.local_aws.faults import Connection, Fault
from tests.rule.member_account import CLOSED, MEMBER, OPEN, REGION, MemberAccount, deployed

MINUTES: Final = 60_000


def throttled(service: str, operation: str) -> Fault:
    """Return a fault of every call of the operation."""
    return Fault(service, operation, times=None)


class TestOneRepository:
    """A fault of one repository does not affect the others."""

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("ecr", "GetRepositoryPolicy", status=500, code="ServerException", repository="bb", times=None),
            Fault("ecr", "GetRepositoryPolicy", connection=Connection.RESET, repository="bb", times=None),
            Fault("ecr", "GetRepositoryPolicy", status=200, body="[]", request_id=True, repository="bb"),
            Fault(
                "ecr", "GetRepositoryPolicy", status=200, body='{"policyText": ""}', request_id=True, repository="bb"
            ),
        ],
        ids=["server error", "connection reset", "no object", "empty policy"],
    )
    def test_unreadable_repository_keeps_its_evaluation(self, fault: Fault) -> None:
        with deployed() as member:
            for name in ("aa", "bb", "cc"):
                member.create(name, OPEN)
            member.evaluate_all()
            for name in ("aa", "bb", "cc"):
                member.organization.set_policy(MEMBER, REGION, name, CLOSED)
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match=r"\(1\): bb: "):
                member.evaluate_all()
            assert member.compliances() == {"aa": "COMPLIANT", "bb": "NON_COMPLIANT", "cc": "COMPLIANT"}

    def test_errors_of_a_client_have_one_class_in_all_threads(self) -> None:
        """Botocore makes the classes at their first use, in whichever thread that is."""
        makers: list[threading.Thread] = []
        make = ClientExceptionsFactory.create_client_exceptions

        def noted(factory: ClientExceptionsFactory, model: ServiceModel) -> object:
            makers.append(threading.current_thread())
            return make(factory, model)

        with deployed() as member, patch.object(ClientExceptionsFactory, "create_client_exceptions", noted):
            member.create("aa", None)
            member.evaluate_all()
            with member.organization.faults.inject(Fault("config", "GetResourceConfigHistory", code="X")):
                member.evaluate_all()
        assert makers
        assert {*makers} == {threading.main_thread()}

    @pytest.mark.parametrize("error", [RecursionError, OverflowError, MemoryError, KeyError, AttributeError])
    def test_unexpected_error_while_evaluating_is_its_evaluation(
        self, error: type[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever is wrong in the engine; the log has the place."""
        with deployed() as member, evaluating("bb", error):
            for name in ("aa", "bb", "cc"):
                member.create(name, CLOSED)
            member.evaluate_all()
            (place,) = [
                vars(line)["unexpectedErrorAt"] for line in caplog.records if hasattr(line, "unexpectedErrorAt")
            ]
            assert "raise error" in place[-1]
            expected = ("NON_COMPLIANT", f"Cannot be evaluated: unexpected error: {error.__name__}")
            assert member.dashboard()["bb"] == expected
            assert (member.compliances()["aa"], member.compliances()["cc"]) == ("COMPLIANT", "COMPLIANT")
            member.config.deliver_change(MEMBER, REGION, "bb")
            assert member.dashboard()["bb"] == expected

    def test_unexpected_error_while_logging_is_its_evaluation(self) -> None:
        with deployed() as member, logging_fails(lambda line: line.startswith("bb is COMPLIANT")):
            for name in ("aa", "bb", "cc"):
                member.create(name, CLOSED)
            member.evaluate_all()
            assert member.dashboard()["bb"][1] == "Cannot be evaluated: unexpected error: OSError"
            assert (member.compliances()["aa"], member.compliances()["cc"]) == ("COMPLIANT", "COMPLIANT")

    def test_repository_that_cannot_be_logged_at_all_fails_the_run(self) -> None:
        with deployed() as member:
            for name in ("aa", "bb", "cc"):
                member.create(name, CLOSED)
            with (
                logging_fails(lambda line: line.startswith("bb is ")),
                pytest.raises(EvaluationError, match=r"\(1\): bb: OSError"),
            ):
                member.evaluate_all()
            assert member.compliances() == {"aa": "COMPLIANT", "cc": "COMPLIANT"}


class TestLists:
    """The repositories and their earlier evaluations."""

    def test_incomplete_list_of_repositories_deletes_no_evaluation(self) -> None:
        """Those that have an evaluation are read by name."""
        with deployed(repositories_per_page=1) as member:
            for name in ("aa", "bb"):
                member.create(name, OPEN)
            member.evaluate_all()
            member.organization.set_policy(MEMBER, REGION, "bb", CLOSED)
            fault = Fault(
                "ecr",
                "DescribeRepositories",
                code="AccessDeniedException",
                when=lambda call: "nextToken" in call.parameters,
            )
            with (
                member.organization.faults.inject(fault),
                pytest.raises(EvaluationError, match=r"\(1\): the list of repositories: .*AccessDenied"),
            ):
                member.evaluate_all()
            assert member.compliances() == {"aa": "NON_COMPLIANT", "bb": "COMPLIANT"}

    def test_unreadable_evaluations_do_not_stop_new_ones(self) -> None:
        with deployed() as member:
            for name in ("aa", "deleted"):
                member.create(name, OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            member.organization.set_policy(MEMBER, REGION, "aa", CLOSED)
            fault = Fault("config", "GetComplianceDetailsByConfigRule", code="AccessDeniedException")
            with (
                member.organization.faults.inject(fault),
                pytest.raises(EvaluationError, match=r"\(1\): the earlier evaluations: .*AccessDenied"),
            ):
                member.evaluate_all()
            assert member.compliances() == {"aa": "COMPLIANT", "deleted": "NON_COMPLIANT"}

    def test_incomplete_evaluations_count_as_unreadable(self) -> None:
        """The first page has an outdated evaluation, and the second is missing."""
        with deployed() as member:
            member.create("deleted", OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            denied = Fault(
                "config",
                "GetComplianceDetailsByConfigRule",
                code="AccessDeniedException",
                when=lambda call: "NextToken" in call.parameters,
            )
            qualifier = {"ResourceType": RESOURCE_TYPE, "ResourceId": "deleted"}
            result = {
                "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier},
                "ResultRecordedTime": 1.7e9,
            }
            first = Fault(
                "config",
                "GetComplianceDetailsByConfigRule",
                status=200,
                body=json.dumps({"EvaluationResults": [result], "NextToken": "two"}),
                request_id=True,
            )
            with (
                injected(member, denied, first),
                pytest.raises(EvaluationError, match=r"\(1\): the earlier evaluations: "),
            ):
                member.evaluate_all()
            assert member.compliances() == {"deleted": "NON_COMPLIANT"}

    @pytest.mark.parametrize(
        ("service", "operation", "token", "content"),
        [
            ("ecr", "DescribeRepositories", "nextToken", {"repositories": []}),
            ("config", "GetComplianceDetailsByConfigRule", "NextToken", {"EvaluationResults": []}),
        ],
    )
    def test_alternating_page_tokens_end_with_a_failure(
        self, service: str, operation: str, token: str, content: dict[str, object]
    ) -> None:
        def page(answer: str, *, after: str | None) -> Fault:
            return Fault(
                service,
                operation,
                status=200,
                body=json.dumps(content | {token: answer}),
                request_id=True,
                times=None,
                when=lambda call: after is None or call.parameters.get(token) == after,
            )

        with deployed() as member:
            member.create("aa", OPEN)
            member.config.deliver_change(MEMBER, REGION, "aa")
            faults = member.organization.faults
            with (
                faults.inject(page("one", after=None)),
                faults.inject(page("two", after="one")) as injected,
                pytest.raises(EvaluationError, match=r"\(1\): the .*: a page token came twice"),
            ):
                member.evaluate_all()
            assert len(injected.calls) <= 2
            assert member.compliances() == {"aa": "NON_COMPLIANT"}


class TestFaultsInARow:
    """Twenty reads without a success between."""

    def test_reading_stops_and_nothing_is_deleted(self) -> None:
        with deployed() as member:
            member.create("deleted", OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            for number in range(100):
                member.create(f"r{number:02d}", OPEN)
            fault = Fault("ecr", "GetRepositoryPolicy", code="X", times=None)
            with (
                member.organization.faults.inject(fault) as injected,
                pytest.raises(
                    EvaluationError, match=r"\(\d\d\): all further repositories: 20 in a row could not be read"
                ),
            ):
                member.evaluate_all()
            # The threads may have begun with others by then.
            assert 20 <= len(injected.calls) < 40
            assert member.compliances() == {"deleted": "NON_COMPLIANT"}

    def test_reads_that_wait_for_a_thread_do_not_begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The only thread is kept busy after the 20th read until the run stops."""
        monkeypatch.setattr(periodic, "WORKERS", 1)
        stopped, stop = threading.Event(), Invocation.stop

        def noted(invocation: Invocation, reason: str) -> None:
            stop(invocation, reason)
            stopped.set()

        monkeypatch.setattr(Invocation, "stop", noted)
        with deployed() as member:
            for number in range(100):
                member.create(f"r{number:02d}", OPEN)
            fault = Fault(
                "ecr",
                "GetRepositoryPolicy",
                code="X",
                times=None,
                when=lambda _: len(member.read()) < 20 or stopped.wait(60),
            )
            with (
                member.organization.faults.inject(fault) as injected,
                pytest.raises(EvaluationError, match="20 in a row"),
            ):
                member.evaluate_all()
            # Not 36, which is what the run has given to the thread.
            assert 20 <= len(injected.calls) < 30

    def test_success_between_them_starts_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(periodic, "WORKERS", 1)
        with deployed() as member:
            for number in range(100):
                member.create(f"r{number:02d}", OPEN)
            fault = Fault(
                "ecr",
                "GetRepositoryPolicy",
                code="X",
                times=None,
                when=lambda call: not str(call.repository).endswith("5"),
            )
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match=r"\(90\): r\d\d: "):
                member.evaluate_all()
            assert len(member.compliances()) == 10


class TestTime:
    """The run ends before the function times out."""

    def test_run_that_is_out_of_time_reports_deletes_nothing_and_fails(self) -> None:
        with deployed() as member:
            member.create("deleted", OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            for number in range(300):
                member.create(f"r{number:03d}", OPEN)
            member.organization.calls.clear()
            with pytest.raises(EvaluationError, match="all further repositories: the invocation is about to time out"):
                member.evaluate_all(lambda: 15 * MINUTES if len(member.read()) < 150 else MINUTES)
            reported = set(member.compliances())
            assert 150 <= len(reported - {"deleted"}) < 200
            assert "deleted" in reported

    def test_short_invocation_keeps_half_of_its_time(self) -> None:
        with deployed() as member:
            for number in range(50):
                member.create(f"r{number:03d}", OPEN)
            member.organization.calls.clear()
            with pytest.raises(EvaluationError, match="about to time out"):
                member.evaluate_all(lambda: MINUTES - 2_000 * len(member.read()))
            assert 16 <= len(member.compliances()) < 40

    def test_list_of_repositories_ends_in_time(self) -> None:
        with deployed(repositories_per_page=1) as member:
            for number in range(30):
                member.create(f"r{number:02d}", OPEN)

            def remaining() -> float:
                pages = sum(operation == "DescribeRepositories" for _, operation in member.operations())
                return 15 * MINUTES - pages * MINUTES

            with pytest.raises(EvaluationError, match=r"the list of repositories: .*about to time out"):
                member.evaluate_all(remaining)
            assert sum(operation == "DescribeRepositories" for _, operation in member.operations()) < 20

    def test_time_of_one_invocation_does_not_limit_the_next(self) -> None:
        """Both use the same clients."""
        left = [15 * MINUTES]
        with deployed() as member:
            member.create("aa", OPEN)
            member.evaluate_all(lambda: left[0])
            left[0] = 0
            member.organization.set_policy(MEMBER, REGION, "aa", CLOSED)
            member.config.deliver_change(MEMBER, REGION, "aa")
            assert member.compliances() == {"aa": "COMPLIANT"}

    def test_no_thread_runs_after_the_handler_returned(self) -> None:
        with deployed() as member:
            for number in range(50):
                member.create(f"r{number:02d}", OPEN)
            member.evaluate_all()
            fault = Fault("ecr", "GetRepositoryPolicy", code="X", times=None)
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError):
                member.evaluate_all()
            assert [thread.name for thread in threading.enumerate() if "ThreadPool" in thread.name] == []

    @pytest.mark.parametrize("minutes", [1, 15])
    @pytest.mark.parametrize(
        "operations",
        [
            [("ecr", "GetRepositoryPolicy")],
            [("ecr", "GetRepositoryPolicy"), ("config", "PutEvaluations")],
            [("config", "PutEvaluations")],
            [
                ("ecr", "DescribeRepositories"),
                ("ecr", "GetRepositoryPolicy"),
                ("config", "GetComplianceDetailsByConfigRule"),
                ("config", "PutEvaluations"),
            ],
        ],
    )
    def test_throttled_calls_end_in_time(self, minutes: int, operations: list[tuple[str, str]]) -> None:
        """The clock moves by all waits of botocore: those of its rate limiter, and those before retries."""
        with deployed() as member:
            for number in range(300):
                member.create(f"r{number:03d}", OPEN)
            waits = member.organization.waits

            def remaining() -> float:
                return minutes * MINUTES - 1000 * sum(waits) - 50 * len(member.organization.calls)

            member.organization.calls.clear()
            with injected(member, *(throttled(*each) for each in operations)), pytest.raises(EvaluationError):
                member.evaluate_all(remaining)
            assert waits
            assert remaining() > 0

    def test_calls_without_an_answer_end_in_time(self) -> None:
        """Each attempt takes the 5 seconds until its time-out, and eight threads wait at the same time."""
        with deployed() as member:
            for number in range(300):
                member.create(f"r{number:03d}", OPEN)
            faults = [
                Fault(service, operation, connection=Connection.READ_TIMEOUT, times=None)
                for service, operation in (("ecr", "GetRepositoryPolicy"), ("config", "PutEvaluations"))
            ]

            def remaining() -> float:
                lost = 5_000 * sum(call.fault != "" for call in member.organization.calls) / 8
                return MINUTES - 1000 * sum(member.organization.waits) - lost

            with injected(member, *faults), pytest.raises(EvaluationError):
                member.evaluate_all(remaining)
            assert remaining() > 0


@contextmanager
def injected(member: MemberAccount, *faults: Fault) -> Iterator[None]:
    """Inject several faults inside the with block."""
    if not faults:
        yield
        return
    with member.organization.faults.inject(faults[0]), injected(member, *faults[1:]):
        yield


@contextmanager
def evaluating(name: str, error: type[Exception]) -> Iterator[None]:
    """Raise an error inside the with block when the repository of this name is evaluated."""

    def broken(repository: Repository, *others: object) -> Verdict:
        if repository.name == name:
            raise error
        return evaluate_repository(repository, *others)  # type: ignore[arg-type]

    with patch.object(config_rule, "evaluate_repository", broken):
        yield


@contextmanager
def logging_fails(when: Callable[[str], bool]) -> Iterator[None]:
    """Raise OSError inside the with block when a line is logged, as Lambda's handler does for a broken output."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if when(record.getMessage()):
                raise OSError

    handler, logger = Handler(), logging.getLogger("ecr_exposure")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
