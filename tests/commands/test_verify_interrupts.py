"""``verify`` and signals: whenever they arrive, the repository is deleted and the operator learns what is left."""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC

import pytest

from ecr_exposure.cli.terminal import Clock, Interrupts
from ecr_exposure.cli.verification.temporary_repository import PUBLIC_POLICY, STARTED_TAG
from tests.commands.deployed_rule import HOME, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

DELETION_REFUSED = Fault("ecr", "DeleteRepository", code="AccessDeniedException", message="no", times=None)
INTERRUPTED = "Interrupted; this run leaves no repository.\n"


def sending(number: signal.Signals) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


def interrupting(service: str, operation: str, number: int = 1) -> Fault:
    """Return a fault that changes nothing, and interrupts during the call of this number."""
    calls: list[Call] = []

    def interrupt(call: Call) -> bool:
        calls.append(call)
        if len(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return False

    return Fault(service, operation, when=interrupt)


@pytest.fixture(autouse=True)
def _hangup_is_not_ignored() -> Iterator[None]:
    """Let SIGHUP do what it does by default, also if the tests were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


class TestInterrupts:
    """One or more signals during a run."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    @pytest.mark.parametrize("sleeps", [1, 2])
    def test_signal_while_waiting_deletes_the_repository(self, number: signal.Signals, sleeps: int) -> None:
        with deployed() as rule:
            rule.clock.during_sleeps = [*[lambda: None] * (sleeps - 1), sending(number)]
            before = signal.getsignal(number)
            status, output = rule.verify()
            assert (status, rule.repositories()) == (130, ())
            assert signal.getsignal(number) is before
            assert rule.changes()[-1] == "DeleteRepository"
        assert output.endswith("Deleted the repository NAME\n" + output.splitlines()[-1] + "\n")
        assert output.endswith(INTERRUPTED)

    @pytest.mark.parametrize(
        ("service", "operation", "number", "created"),
        [
            ("ecr", "CreateRepository", 1, False),
            ("ecr", "DeleteRepositoryPolicy", 1, True),
            ("ecr", "DeleteRepository", 1, True),
            ("ecr", "CreateRepository", 2, False),
            ("ecr", "SetRepositoryPolicy", 1, True),
            ("config", "GetComplianceDetailsByResource", 1, True),
            ("config", "GetComplianceDetailsByResource", 2, True),
            ("securityhub", "GetFindings", 1, True),
            ("ecr", "DeleteRepositoryPolicy", 2, True),
            ("config", "GetComplianceDetailsByResource", 3, True),
            ("ecr", "DeleteRepository", 2, True),
        ],
    )
    def test_signal_during_a_call_deletes_the_repository(
        self, service: str, operation: str, number: int, *, created: bool
    ) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with rule.organization.faults.inject(interrupting(service, operation, number)):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (130, ())
        assert ("Deleted the repository NAME" in output) == created
        assert output.endswith(INTERRUPTED)

    def test_signal_while_leftovers_are_deleted_interrupts(self) -> None:
        name = "ecr-exposure-verify-0123456789ab"
        with deployed() as rule:
            tags = {STARTED_TAG: "2026-01-31T12:00:00Z"}
            rule.organization.create_repository(HUB, HOME, name, PUBLIC_POLICY, tags=tags)
            with rule.organization.faults.inject(interrupting("ecr", "DeleteRepository")):
                status, output = rule.verify("--clean")
            assert (status, "CreateRepository" in rule.changes()) == (130, False)
            assert policy_of(rule.organization, name) is None
        assert "Closed the repository NAME: it has no policy\n" in output
        assert output.splitlines()[-1] == f"{INTERRUPTED.strip()} Still there, of earlier runs: NAME"

    def test_last_line_of_an_interrupted_clean_says_what_is_still_open(self) -> None:
        """The first leftover is deleted by then, the second and the third one are not."""
        tags = {STARTED_TAG: "2026-01-31T12:00:00Z"}
        with deployed() as rule:
            for number in range(3):
                name = f"ecr-exposure-verify-{number:012x}"
                rule.organization.create_repository(HUB, HOME, name, PUBLIC_POLICY, tags=tags)
            with rule.organization.faults.inject(interrupting("ecr", "DeleteRepositoryPolicy", 2)):
                status, output = rule.verify("--clean")
            assert (status, len(rule.repositories())) == (130, 2)
        open_ones = "NAME (OPEN TO EVERYONE), NAME (OPEN TO EVERYONE)"
        assert output.splitlines()[-1] == f"{INTERRUPTED.strip()} Still there, of earlier runs: {open_ones}"

    def test_signal_between_the_creation_and_its_response_deletes_the_repository(self) -> None:
        with deployed() as rule:

            def interrupt(call: Call) -> bool:
                rule.organization.create_repository(HUB, HOME, call.parameters["repositoryName"])
                signal.raise_signal(signal.SIGINT)
                return False

            with rule.organization.faults.inject(Fault("ecr", "CreateRepository", when=interrupt)):
                status, _ = rule.verify()
            assert (status, rule.repositories()) == (130, ())

    def test_second_signal_does_not_stop_the_deletion(self) -> None:
        with deployed() as rule, rule.organization.faults.inject(interrupting("ecr", "DeleteRepository", 2)):
            rule.clock.during_sleeps = [sending(signal.SIGINT)]
            status, output = rule.verify()
            assert (status, rule.repositories()) == (130, ())
        assert output.endswith(INTERRUPTED)

    def test_signal_during_the_last_deletion_skips_the_answers(self) -> None:
        with deployed() as rule, rule.organization.faults.inject(interrupting("ecr", "DeleteRepository", 2)):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (130, ())
        assert "What this run shows" not in output

    def test_signal_after_the_clean_up_interrupts(self) -> None:
        with deployed() as rule, rule.organization.faults.inject(interrupting("lambda", "GetResourcePolicy")):
            status, _ = rule.verify()
            assert (status, rule.repositories()) == (130, ())

    def test_failed_clean_up_is_the_last_thing_that_is_printed(self) -> None:
        """No further call is made, so no signal during one can hide what is left."""
        with deployed() as rule, rule.organization.faults.inject(DELETION_REFUSED):
            with rule.organization.faults.inject(interrupting("lambda", "GetResourcePolicy")) as answering:
                status, output = rule.verify()
            assert (status, len(rule.repositories()), answering.calls) == (2, 1, [])
        assert "this run leaves no repository" not in output
        assert "Delete it: aws ecr delete-repository --repository-name NAME" in output.splitlines()[-3]

    def test_signal_before_the_creation_changes_nothing(self) -> None:
        with deployed() as rule, rule.organization.faults.inject(interrupting("config", "DescribeConfigRules")):
            status, output = rule.verify()
            assert (status, rule.changes()) == (130, [])
        assert output.endswith(INTERRUPTED)

    def test_signal_before_the_proof_and_refused_deletion_is_not_done(self) -> None:
        with deployed() as rule, rule.organization.faults.inject(DELETION_REFUSED):
            with rule.organization.faults.inject(interrupting("ecr", "DeleteRepositoryPolicy")):
                status, output = rule.verify()
            assert (status, len(rule.repositories())) == (2, 1)
        assert "Not verified: interrupted\n" in output
        assert output.splitlines()[-4].endswith(" is closed and still there")
        assert "this run leaves no repository" not in output


class TestSignalHandling:
    """The real clock and the real handlers."""

    def test_real_clock_advances(self) -> None:
        clock = Clock()
        before = clock.now()
        clock.sleep(0.001)
        assert clock.now() > before
        assert clock.today().tzinfo is UTC

    def test_only_the_first_signal_ends_a_sleep(self) -> None:
        clock = Clock()
        before = clock.now()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with Interrupts() as interrupts:
            with pytest.raises(KeyboardInterrupt):
                clock.sleep(20)
            signal.raise_signal(signal.SIGINT)
            assert interrupts.caught
        assert clock.now() - before < 10

    def test_hangup_that_nohup_ignores_ends_nothing(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with Interrupts() as interrupts:
                signal.raise_signal(signal.SIGHUP)
                assert not interrupts.caught
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGHUP, before)

    @pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has this clock")
    def test_real_clock_counts_the_time_in_which_the_computer_sleeps(self) -> None:
        assert abs(Clock().now() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60

    @pytest.mark.parametrize("fails", [True, False])
    def test_real_clock_advances_where_the_system_lacks_that_clock(
        self, monkeypatch: pytest.MonkeyPatch, *, fails: bool
    ) -> None:
        def lacking(_clock: int) -> float:
            raise OSError(errno.EINVAL, "Invalid argument")

        if fails:
            monkeypatch.setattr(time, "clock_gettime", lacking)
        else:
            for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
                monkeypatch.delattr(time, name, raising=False)
        before = Clock().now()
        Clock().sleep(0.001)
        assert Clock().now() > before

    def test_signal_behind_a_shield_is_only_recorded(self) -> None:
        with Interrupts() as interrupts:
            interrupts.shield()
            signal.raise_signal(signal.SIGINT)
            assert interrupts.caught
            interrupts.release()
            signal.raise_signal(signal.SIGINT)
