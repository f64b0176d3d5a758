"""Runs ``ecr-exposure check`` on files that a test writes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock

TODAY: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)


def policy(principal: Any = "*", *actions: str, **elements: Any) -> dict[str, Any]:
    """Return a policy with one statement; by default everyone can pull."""
    listed = list(actions) or ["ecr:BatchGetImage"]
    statement = {"Sid": "Pull", "Effect": "Allow", "Principal": principal, "Action": listed, **elements}
    return {"Version": "2012-10-17", "Statement": [statement]}


PUBLIC: Final = json.dumps(policy())
CLOSED: Final = json.dumps(policy({"AWS": "111122223333"}))


class FixedClock(Clock):
    """A clock that stands at a time."""

    def __init__(self, now: datetime) -> None:
        """Stand there."""
        self._now = now

    def today(self) -> datetime:
        """Return that time."""
        return self._now


class Checked(NamedTuple):
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
        """The result of each policy by file and address, of a run with --json."""
        policies = self.document["policies"]
        return {" ".join(filter(None, (each["file"], each["address"]))): each["result"] for each in policies}

    @property
    def errors(self) -> list[str]:
        """What could not be read, of a run with --json."""
        return [each["message"] for each in self.document["errors"]]

    @property
    def last_line(self) -> str:
        """The last line on standard error."""
        return self.err.splitlines()[-1]


class Check:
    """Runs the command."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Take what is printed from there."""
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, now: datetime = TODAY) -> Checked:
        """Run the command with these arguments."""
        self._capsys.readouterr()
        code = main(["check", *map(str, arguments)], Environment(clock=FixedClock(now)))
        return Checked(code, *self._capsys.readouterr())

    def json(self, *arguments: str | Path, now: datetime = TODAY) -> Checked:
        """Run the command with --json."""
        return self(*arguments, "--json", now=now)


def write(path: str, content: str | bytes) -> Path:
    """Write a file in the working folder, with the folders above it."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file
