"""Runs ``ecr-exposure scan`` in a local organization."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.workers import THREAD_NAME
from tests.commands.check_command import PUBLIC
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organization_services import OrganizationServices
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, LocalOrganization

if TYPE_CHECKING:
    import boto3

HOME, ABROAD = "eu-west-1", "us-east-1"
ROLE: Final = "Audit"
BY_ROLE: Final = ("--member-role", ROLE)


class MovedClock(Clock):
    """The real clock, moved by a test."""

    ahead = timedelta()
    seconds_a_look = 0.0
    """How much each look at `now` moves it."""
    _looks = 0

    def now(self) -> float:
        """Return seconds that increase with each look, if it is to be so."""
        self._looks += 1
        return self._looks * self.seconds_a_look

    def today(self) -> datetime:
        """Return the moved time."""
        return datetime.now(UTC) + self.ahead


class Scan(NamedTuple):
    """What one run returned and printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The report, of a run with --json."""
        return json.loads(self.out)

    @property
    def results(self) -> dict[str, str]:
        """The result of each repository, of a run with --json."""
        return {each["file"]: each["result"] for each in self.document["policies"]}

    @property
    def errors(self) -> list[str]:
        """What could not be read, of a run with --json."""
        return [each["message"] for each in self.document["errors"]]

    @property
    def last_line(self) -> str:
        """The last line on standard error."""
        return self.err.splitlines()[-1]


class ScannedOrganization:
    """An organization, and one run of ``scan`` after the other by an administrator of the hub."""

    def __init__(self, organization: LocalOrganization, services: OrganizationServices) -> None:
        """Take a new organization."""
        self.organization, self.services = organization, services
        self.clock = MovedClock()
        self.session: boto3.Session | None = organization.session(HUB, HOME)

    def create(self, *names: str, account: str = HUB, region: str = HOME, policy: str | None = PUBLIC) -> None:
        """Create repositories, by default public ones."""
        for name in names:
            self.organization.create_repository(account, region, name, policy)

    def scan(self, *arguments: str) -> Scan:
        """Run the command with --json."""
        return self.run("--json", *arguments)

    def run(self, *arguments: str) -> Scan:
        """Run the command; a run that is not complete never says that there is no public access."""
        self.organization.calls.clear()
        # With a buffer below, as a process has them: JSON is written as bytes.
        out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err):
            code = main(("scan", *arguments), Environment(clock=self.clock, session=self.session))
        found = Scan(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
        end_of_threads()
        assert "Traceback" not in found.err, found.err
        assert code in (0, 1) or "No public access" not in found.err + found.out
        return found

    @property
    def operations(self) -> Counter[str]:
        """How often the last run called each operation."""
        return Counter(call.operation for call in self.organization.calls)

    @contextmanager
    def fault(self, service: str, operation: str, **how: Any) -> Iterator[list[Call]]:
        """Let calls fail, by default all of them; yields those that failed."""
        with self.organization.faults.inject(Fault(service, operation, **{"times": None, **how})) as injected:
            yield injected.calls

    def interrupted_at(
        self, service: str, operation: str, number: int = 1, sent: int = signal.SIGINT
    ) -> AbstractContextManager[None]:
        """Send a signal at this call, by default that of Ctrl-C."""
        return interrupted_at(self.organization, service, operation, number, sent)


@contextmanager
def interrupted_at(
    organization: LocalOrganization, service: str, operation: str, number: int = 1, sent: int = signal.SIGINT
) -> Iterator[None]:
    """Send this process a signal at a call, by default that of Ctrl-C."""
    made: list[Call] = []

    def interrupt(call: Call) -> bool:
        made.append(call)
        if len(made) == number:
            os.kill(os.getpid(), sent)
            time.sleep(0.5)  # the main thread handles the signal before the call gets an answer
        return False

    with organization.faults.inject(Fault(service, operation, times=None, when=interrupt)):
        yield


def end_of_threads() -> None:
    """Wait until the threads of an interrupted run end: a call that has begun may end."""
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join()


@contextmanager
def scanned_organization(**arguments: Any) -> Iterator[ScannedOrganization]:
    """Create an organization without repositories."""
    with organizations_api(page=100) as services, LocalOrganization(**arguments) as organization:
        yield ScannedOrganization(organization, services)
