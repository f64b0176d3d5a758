"""A repository whose policy grants public access, in a local organization, and runs of ``fix`` on it."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from unittest.mock import patch

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, LocalOrganization

HOME: Final = "eu-west-1"
NAME: Final = "team/app"
ARN: Final = f"arn:aws:ecr:{HOME}:{HUB}:repository/{NAME}"
WHERE: Final = f"{NAME} in account {HUB}, {HOME}"
PARTNER: Final = "222233334444"
PULL: Final = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUBLIC: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": PULL},
            {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": PARTNER}, "Action": PULL},
        ],
    }
)
PUBLIC_TEXT: Final = json.dumps(dict(PUBLIC), indent=1)
"""In a format that no code of the project writes."""
CLOSED: Final[Mapping[str, Any]] = MappingProxyType({"Version": "2012-10-17", "Statement": [PUBLIC["Statement"][1]]})
"""By remove-statements."""
ONLY_PUBLIC_TEXT: Final = json.dumps({"Version": "2012-10-17", "Statement": [PUBLIC["Statement"][0]]})
"""By remove-statements no statement is left of it."""
REMOVE: Final = ("--mode", "remove-statements")
_READS: Final = ("Describe", "Get", "List", "Assume")


class StandingClock(Clock):
    """Time passes only in ``sleep``."""

    def __init__(self) -> None:
        """Start at noon."""
        self.seconds = 0.0
        self.during_sleeps: list[Callable[[], object]] = []
        """What happens in each sleep, one after the other."""

    def now(self) -> float:
        return self.seconds

    def today(self) -> datetime:
        return datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10
        self.seconds += seconds
        if self.during_sleeps:
            self.during_sleeps.pop(0)()


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class RepositoryToFix:
    """The repository, and one run of the command after the other."""

    def __init__(
        self, organization: LocalOrganization, account: str, text: str | None, tags: Mapping[str, str]
    ) -> None:
        """Create the repository with this policy."""
        self.organization, self.account = organization, account
        self.clock = StandingClock()
        self.session = organization.session(HUB, HOME)
        organization.create_repository(account, HOME, NAME, text, tags=tags)

    def run(self, *arguments: str, answers: Sequence[str] | None = None) -> tuple[int, str]:
        """Run ``fix`` with these arguments; return the exit code and all that it printed.

        answers: what an operator at a terminal enters, one after the other; None for no terminal.
        """
        self.organization.calls.clear()
        environment = Environment(clock=self.clock, session=self.session)
        entered = iter(answers or ())
        output, errors = StringIO(), Terminal()
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(output))
            stack.enter_context(redirect_stderr(output if answers is None else errors))
            if answers is not None:
                stack.enter_context(patch.object(sys, "stdin", Terminal()))
                stack.enter_context(patch("click.termui.visible_prompt_func", lambda _: next(entered)))
            status = main(("fix", "--no-color", *arguments), environment)
        return status, output.getvalue() + errors.getvalue()

    def fix(self, *arguments: str, answers: Sequence[str] | None = None) -> tuple[int, str]:
        """Run ``fix`` for the repository."""
        return self.run("--repository", NAME, *arguments, answers=answers)

    def document(self, *arguments: str) -> tuple[int, Any]:
        """Run ``fix --json`` for the repository; return the exit code and the document."""
        return self._document("--repository", NAME, *arguments)

    def undo_document(self, file: str, *arguments: str) -> tuple[int, Any]:
        """Run ``fix --json --undo``; return the exit code and the document."""
        return self._document("--undo", file, *arguments)

    def _document(self, *arguments: str) -> tuple[int, Any]:
        environment = Environment(clock=self.clock, session=self.session)
        with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()):
            status = main(("fix", "--json", *arguments), environment)
        return status, json.loads(output.getvalue())

    @property
    def text(self) -> str | None:
        """The policy that the repository has."""
        policy: str | None = self.organization._ecr(self.account, HOME).repositories[NAME].policy  # noqa: SLF001 - moto's state
        return policy

    @text.setter
    def text(self, text: str | None) -> None:
        self.organization.set_policy(self.account, HOME, NAME, text)

    @property
    def policy(self) -> Any:
        """The content of its policy; None for none."""
        return None if self.text is None else json.loads(self.text)

    def calls(self) -> list[str]:
        """Return the operations of the last run, in order."""
        return [call.operation for call in self.organization.calls]

    def changes(self) -> list[str]:
        """Return the operations that were not reads, in order."""
        return [name for name in self.calls() if not name.startswith(_READS)]


@contextmanager
def repository_to_fix(
    text: str | None = PUBLIC_TEXT, *, account: str = HUB, tags: Mapping[str, str] = MappingProxyType({})
) -> Iterator[RepositoryToFix]:
    """Create an organization with the repository."""
    with LocalOrganization(regions=(HOME,)) as organization:
        yield RepositoryToFix(organization, account, text, tags)


def saved_files(folder: Path) -> list[Path]:
    """Return the files with previous policies."""
    return sorted(folder.glob("ecr-policy-*.json"))


def saved_text(folder: Path) -> str:
    """Return the policy that the only such file has."""
    (path,) = saved_files(folder)
    text: str = json.loads(path.read_text())["policy_text"]
    return text


def readable(output: str) -> str:
    """Return what was printed without the seconds of a step."""
    return re.sub(r"^\[ *\d+ s\] ", "", output, flags=re.MULTILINE)


def happening(service: str, operation: str, happens: Callable[[], object], number: int = 1) -> Fault:
    """Return a fault that changes nothing: something happens right before the call of this number."""
    made: list[Call] = []

    def happen(call: Call) -> bool:
        made.append(call)
        if len(made) == number:
            happens()
        return False

    return Fault(service, operation, when=happen)
