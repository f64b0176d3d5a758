"""``verify`` closes its repository first and then deletes it; a door that stays open is never overlooked."""

import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.verification import observations
from ecr_exposure.cli.verification.temporary_repository import PUBLIC_POLICY
from tests.commands.deployed_rule import HOME, DeployedRule, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import FUNCTION_ROLE, HUB

NOT_AWS: Final = ("<html>proxy</html>", "{", "{}", "[]", "null")
WHERE: Final = "--repository-name NAME --registry-id 111122223333 --region eu-west-1"
CLOSE: Final = f"Close it first: aws ecr delete-repository-policy {WHERE}"
THEN_DELETE: Final = f"Then delete it: aws ecr delete-repository {WHERE} --force"
DELETE: Final = f"Delete it: aws ecr delete-repository {WHERE} --force"
FAILED: Final = "CLEAN-UP FAILED: the repository NAME in account 111122223333, eu-west-1 is"
OPEN: Final = (f"{FAILED} OPEN TO EVERYONE", CLOSE, THEN_DELETE)
CLOSED: Final = (f"{FAILED} closed and still there", DELETE)
POLICY, REPOSITORY = "DeleteRepositoryPolicy", "DeleteRepository"
EXPIRES: Final = (
    ("ecr", POLICY),
    ("ecr", REPOSITORY),
    ("config", "GetComplianceDetailsByResource"),
    ("securityhub", "GetFindings"),
)


def refused(operation: str) -> Fault:
    return Fault("ecr", operation, code="AccessDeniedException", message="no", times=None)


def throttled(operation: str) -> Fault:
    return Fault("ecr", operation, message="Rate exceeded", times=None)


def expired() -> tuple[Fault, ...]:
    """Return the faults of the credentials with which the run started."""
    return tuple(
        Fault(*where, code="ExpiredTokenException", message="expired", times=None, when=_by_the_first_credentials)
        for where in EXPIRES
    )


def _by_the_first_credentials(call: Call) -> bool:
    return call.role == FUNCTION_ROLE


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def nothing() -> None:
    """Do nothing."""


@contextmanager
def faulty_when_open(rule: DeployedRule, *faults: Fault, then: Callable[[], object] = nothing) -> Iterator[None]:
    """Inject faults that begin when ``verify`` has made its repository public, and do something else then."""
    with ExitStack() as stack:

        def start() -> None:
            for fault in faults:
                stack.enter_context(rule.organization.faults.inject(fault))
            then()

        rule.clock.during_sleeps.append(start)
        yield


def left(rule: DeployedRule) -> list[str]:
    """Return ``open`` or ``closed`` for each repository that is left."""
    return ["open" if policy_of(rule.organization, name) else "closed" for name in rule.repositories()]


class TestFaultsWhenOpen:
    """What happens after everyone got access: message, exit code, and what is left."""

    @pytest.mark.parametrize(
        ("faults", "interrupted", "status", "remains", "last_lines"),
        [
            pytest.param((refused(POLICY),), False, 2, [], ["Not verified: AccessDeniedException: no (" + POLICY],
                         id="policy deletion refused"),
            pytest.param((refused(REPOSITORY),), False, 2, ["closed"],
                         [*CLOSED, "Reason: it could not be deleted (AccessDenied"],
                         id="deletion refused"),
            pytest.param((refused(POLICY), refused(REPOSITORY)), False, 2, ["open"],
                         [*OPEN, "Reason: its policy could not be deleted (AccessDeniedException: no ("],
                         id="both refused"),
            pytest.param(expired(), False, 2, ["open"],
                         ["Not verified: your credentials expired after 0 min; renew them and run again (Expired",
                          *OPEN, "Reason: its policy could not be deleted (ExpiredTokenException: exp"],
                         id="credentials expired"),
            pytest.param((throttled(POLICY), throttled(REPOSITORY)), False, 2, ["open"],
                         [*OPEN, "Reason: its policy could not be deleted (ThrottlingException: Rate"],
                         id="both throttled"),
            pytest.param((throttled(POLICY),), False, 2, [], ["Not verified: ThrottlingException: Rate exceeded ("],
                         id="policy deletion throttled"),
            pytest.param((throttled(REPOSITORY),), False, 2, ["closed"],
                         [*CLOSED, "Reason: it could not be deleted (Throttling"],
                         id="deletion throttled"),
            pytest.param((), True, 130, [], ["Deleted the repository NAME", "Interrupted; this run leaves no"],
                         id="interrupted"),
            pytest.param((refused(POLICY),), True, 130, [],
                         ["Deleted the repository NAME", "Interrupted; this run leaves no repository."],
                         id="interrupted, policy deletion refused"),
            pytest.param((refused(REPOSITORY),), True, 2, ["closed"],
                         ["Not verified: interrupted", *CLOSED, "Reason: it could"],
                         id="interrupted, deletion refused"),
            pytest.param((refused(POLICY), refused(REPOSITORY)), True, 2, ["open"],
                         ["Not verified: interrupted", *OPEN, "Reason: "],
                         id="interrupted, both refused"),
            pytest.param(expired(), True, 2, ["open"],
                         ["Not verified: interrupted", *OPEN, "Reason: "],
                         id="interrupted, credentials expired"),
            pytest.param((throttled(POLICY), throttled(REPOSITORY)), True, 2, ["open"],
                         ["Not verified: interrupted", *OPEN, "Reason: "],
                         id="interrupted, both throttled"),
        ],
    )  # fmt: skip
    def test_end_says_what_is_left(
        self, faults: tuple[Fault, ...], status: int, remains: list[str], last_lines: list[str], *, interrupted: bool
    ) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with faulty_when_open(rule, *faults, then=interrupt if interrupted else nothing):
                got, output = rule.verify()
            assert (got, left(rule)) == (status, remains)
        last_lines = [*last_lines, *(["Not cleaned up: the repository NAME"] if remains else [])]
        lines = output.splitlines()[-len(last_lines) :]
        assert all(expected in line for expected, line in zip(last_lines, lines, strict=True)), output
        assert ("OPEN TO EVERYONE" in "".join(lines)) == (remains == ["open"])

    @pytest.mark.parametrize("connection", Connection)
    def test_unreachable_service_leaves_it_open_and_says_so(self, connection: Connection) -> None:
        """The clean-up begins after 10 s and tries for two minutes."""
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            broken = [Fault("ecr", each, connection=connection, times=None) for each in (POLICY, REPOSITORY)]
            with faulty_when_open(rule, *broken):
                status, output = rule.verify()
            assert (status, left(rule)) == (2, ["open"])
        assert output.splitlines()[-5] == f"[  130 s] {FAILED} OPEN TO EVERYONE since TIME UTC"

    @pytest.mark.parametrize("body", NOT_AWS)
    def test_success_that_is_not_from_aws_is_no_closed_door(self, body: str) -> None:
        with deployed() as rule:
            wrong = [Fault("ecr", each, status=200, body=body, times=None) for each in (POLICY, REPOSITORY)]
            with faulty_when_open(rule, *wrong):
                status, output = rule.verify()
            assert (status, left(rule)) == (2, ["open"])
        assert "OPEN TO EVERYONE" in output.splitlines()[-5]

    def test_policy_that_takes_effect_late_is_deleted_by_the_next_attempt(self) -> None:
        """Its response was lost, DeleteRepositoryPolicy came first and found none, and the deletion is refused."""
        late = iter((PUBLIC_POLICY,))
        with deployed() as rule:

            def when(_call: Call) -> bool:
                is_last = "SetRepositoryPolicy" in rule.changes()
                for policy in late if is_last else ():
                    rule.organization.set_policy(HUB, HOME, rule.repositories()[0], policy)
                return is_last

            lost = Fault("ecr", "SetRepositoryPolicy", connection=Connection.READ_TIMEOUT, times=None)
            refusal = Fault("ecr", REPOSITORY, code="AccessDeniedException", message="no", times=None, when=when)
            with rule.organization.faults.inject(lost), rule.organization.faults.inject(refusal):
                status, output = rule.verify()
            assert (status, left(rule)) == (2, ["closed"])
        assert "is OPEN TO EVERYONE since TIME UTC: it could not be deleted (AccessDenied" in output
        assert output.splitlines()[-1].endswith(" is closed and still there")

    @pytest.mark.parametrize(
        "lost",
        [
            Fault("ecr", "SetRepositoryPolicy", connection=Connection.RESET, times=None, processed=True),
            Fault("ecr", "SetRepositoryPolicy", status=500, code="ServerException", times=None, processed=True),
            Fault("ecr", "SetRepositoryPolicy", status=403, body="<html>no</html>", processed=True),
        ],
        ids=lambda fault: fault.body or fault.label,
    )
    def test_policy_whose_response_was_lost_is_deleted(self, lost: Fault) -> None:
        """No response says that everyone has access."""
        with deployed() as rule, rule.organization.faults.inject(lost):
            status, output = rule.verify()
            assert (status, left(rule)) == (2, [])
        assert "Closed the repository NAME: it has no policy" in output
        assert "nothing was opened" not in output

    def test_repository_that_somebody_else_deleted_is_closed_and_deleted(self) -> None:
        def delete() -> None:
            rule.organization.delete_repository(HUB, HOME, rule.repositories()[0])
            interrupt()

        with deployed() as rule, faulty_when_open(rule, then=delete):
            status, output = rule.verify()
        assert status == 130
        assert "Closed the repository NAME: it has no policy\n[   10 s] Nothing to delete\n" in output


class TestPermissionToCleanUp:
    """A refusal is met before anything is open."""

    @pytest.mark.parametrize(
        ("operation", "remains", "last_lines"),
        [
            (POLICY, [], ["Not verified: nothing was opened: AccessDeniedException: no (" + POLICY]),
            (REPOSITORY, ["closed"],
             ["Not verified: nothing was opened: AccessDeniedException: no (" + REPOSITORY,
              *CLOSED, "Reason: it could not be deleted (AccessDeniedException: no (", "Not cleaned up: "]),
        ],
    )  # fmt: skip
    def test_refusal_opens_nothing(self, operation: str, remains: list[str], last_lines: list[str]) -> None:
        with deployed() as rule, rule.organization.faults.inject(refused(operation)):
            status, output = rule.verify()
            assert (status, left(rule)) == (2, remains)
            assert "SetRepositoryPolicy" not in rule.changes()
        lines = output.splitlines()[-len(last_lines) :]
        assert all(expected in line for expected, line in zip(last_lines, lines, strict=True)), output
        assert "OPEN TO EVERYONE" not in output

    def test_policy_that_aws_refused_is_not_said_to_be_open(self) -> None:
        faults = refused("SetRepositoryPolicy")
        with deployed() as rule, rule.organization.faults.inject(faults):
            second = Fault("ecr", REPOSITORY, code="AccessDeniedException", times=None, when=_not_the_first())
            with rule.organization.faults.inject(second):
                status, output = rule.verify()
            assert (status, left(rule)) == (2, ["closed"])
        assert "OPEN TO EVERYONE" not in output
        assert f"{FAILED} closed and still there" in output


def _not_the_first() -> Callable[[Call], bool]:
    """Return a condition that is false for the first repository's calls."""
    first: list[str | None] = []

    def later(call: Call) -> bool:
        first.append(call.repository)
        return call.repository != first[0]

    return later


class TestNewCredentials:
    """The second attempt, in a new session."""

    def test_renewed_credentials_of_the_environment_clean_up(self) -> None:
        with deployed() as rule:
            renew = partial(rule.organization.use_function_role, "renewed")
            with faulty_when_open(rule, *expired(), then=renew):
                status, output = rule.verify()
            assert (status, left(rule)) == (2, [])
        assert output.splitlines()[-1].endswith("(GetComplianceDetailsByResource))")
        assert "Trying once more with a new session" in output
        assert "Closed the repository NAME: it has no policy\n" in output
        assert "Deleted the repository NAME\n" in output

    @pytest.mark.parametrize("renewed", [True, False])
    def test_profile_is_read_again_and_named_in_the_commands(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, renewed: bool
    ) -> None:
        file = tmp_path / "credentials"
        with deployed() as rule:
            write_profile(file, os.environ)
            monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

            def renew() -> None:
                rule.organization.use_function_role("renewed")
                write_profile(file, os.environ)

            with faulty_when_open(rule, *expired(), then=renew if renewed else nothing):
                status, output = rule.verify("--profile", "on call", "--region", HOME)
            assert (status, left(rule)) == (2, [] if renewed else ["open"])
        if not renewed:
            assert [line.partition("] ")[2] for line in output.splitlines()[-4:-2]] == [
                f"{CLOSE} --profile 'on call'",
                f"{THEN_DELETE.removesuffix(' --force')} --profile 'on call' --force",
            ]

    def test_profile_that_is_gone_leaves_the_first_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "credentials"
        with deployed() as rule:
            write_profile(file, os.environ)
            monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
            with faulty_when_open(rule, *expired(), then=file.unlink):
                status, output = rule.verify("--profile", "on call", "--region", HOME)
            assert (status, left(rule)) == (2, ["open"])
        assert "There is no new session: The config profile (on call) could not be found\n" in output
        assert output.splitlines()[-4].endswith(f"{CLOSE} --profile 'on call'")


def write_profile(file: Path, environment: Mapping[str, str]) -> None:
    """Write the credentials of the environment to a profile."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    lines = [f"{name} = {environment[name.upper()]}\n" for name in names]
    file.write_text("[on call]\n" + "".join(lines), encoding="utf-8")


class TestPatience:
    """Throttles and broken connections during the clean-up."""

    @pytest.mark.parametrize("connection", [None, Connection.RESET])
    def test_fault_that_passes_leaves_nothing(self, connection: Connection | None) -> None:
        with deployed() as rule:
            until = 70.0

            def early(_call: Call) -> bool:
                return rule.clock.seconds < until

            faults = [
                Fault("ecr", each, connection=connection, times=None, when=early) for each in (POLICY, REPOSITORY)
            ]
            with faulty_when_open(rule, *faults, then=interrupt):
                status, output = rule.verify()
            assert (status, left(rule)) == (130, [])
        assert (
            "[   10 s] Not cleaned up yet: the repository NAME in account 111122223333, eu-west-1 is OPEN TO" in output
        )
        assert "[   70 s] Closed the repository NAME: it has no policy\n[   70 s] Deleted the repository NAME" in output

    def test_closed_repository_is_not_closed_again(self) -> None:
        with deployed() as rule, faulty_when_open(rule, throttled(REPOSITORY), then=interrupt):
            rule.verify()
            assert rule.changes().count(POLICY) == 2  # one of them proved the permission


class TestOutput:
    """The operator learns what is left, wherever the output goes."""

    @pytest.mark.parametrize("faults", [(refused(REPOSITORY),), (refused(POLICY), refused(REPOSITORY))])
    def test_what_is_left_is_printed_on_standard_error_and_at_the_end(self, faults: tuple[Fault, ...]) -> None:
        with deployed() as rule, faulty_when_open(rule, *faults):
            with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
                assert main(("verify", "verify"), Environment(clock=rule.clock)) == 2
            number = len(errors.getvalue().splitlines())
            last = [line.partition("] ")[2] for line in output.getvalue().splitlines()[-number - 1 : -1]]
        assert number == 2 + len(faults)
        assert errors.getvalue().splitlines() == last
        assert last[0].startswith("CLEAN-UP FAILED: ")

    def test_what_is_left_is_printed_after_an_unexpected_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observations, "find_finding", lambda *_: 1 // 0)
        with deployed() as rule, faulty_when_open(rule, refused(POLICY), refused(REPOSITORY)):
            status, output = rule.verify()
            assert (status, left(rule)) == (2, ["open"])
        assert output.index("ZeroDivisionError: ") < output.index("] CLEAN-UP FAILED: ")
        assert output.splitlines()[-4].endswith(CLOSE)

    def test_deletion_whose_response_is_lost_is_retried(self) -> None:
        lost = Fault("ecr", "DeleteRepository", connection=Connection.RESET, processed=True)
        with deployed() as rule, rule.organization.faults.inject(lost):
            assert (rule.verify()[0], rule.repositories()) == (0, ())

    def test_terminal_that_is_gone_does_not_stop_the_deletion(self) -> None:
        class Gone(StringIO):
            def write(self, text: str) -> int:
                if "NON_COMPLIANT:" in text or "Closed" in text or "Deleted" in text:
                    raise OSError(errno.EIO, "the terminal is gone")
                return super().write(text)

        with deployed() as rule:
            with redirect_stdout(Gone()), redirect_stderr(StringIO()) as errors:
                assert main(("verify", "verify"), Environment(clock=rule.clock)) == 2
            assert rule.repositories() == ()
        assert errors.getvalue() == "Failed: [Errno 5] the terminal is gone\n"

    @pytest.mark.parametrize("deletable", [True, False])
    def test_pipe_that_closes_does_not_stop_the_deletion(self, *, deletable: bool) -> None:
        """What is left is then printed on standard error; otherwise the command ends silently."""
        reading, writing = os.pipe()
        with deployed() as rule, open(writing, "w", encoding="utf-8") as pipe:  # noqa: PTH123 - no path
            faults = () if deletable else (refused(POLICY), refused(REPOSITORY))
            with (
                faulty_when_open(rule, *faults, then=lambda: os.close(reading)),
                redirect_stdout(pipe),
                redirect_stderr(StringIO()) as errors,
            ):
                assert main(("verify", "verify"), Environment(clock=rule.clock)) == 2
            assert left(rule) == ([] if deletable else ["open"])
        assert [line[:15] for line in errors.getvalue().splitlines()] == (
            [] if deletable else ["CLEAN-UP FAILED", "Close it first:", "Then delete it:", "Reason: its pol"]
        )
