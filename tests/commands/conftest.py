"""Fixtures of the commands: an organization with all prerequisites, and a stack with its queue."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.prepared_organization import (
    ABROAD,
    HOME,
    PreparedOrganization,
    Report,
    prepared_organization,
)
from tests.commands.stack_with_queue import StackWithQueue
from tests.local_aws.moto_invocations import accepted_invocations
from tests.local_aws.organization import LocalOrganization

RunPreflight = Callable[..., Report]
WriteValues = Callable[..., None]
ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder of the test, an empty one: preflight writes into the folder of template.yaml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _heard_interrupts() -> Iterator[None]:
    """Hear SIGINT as a terminal's process does: a shell ignores it for what it runs in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def project(working_folder: Path) -> Path:
    """Return the file of values, in a working folder that has the files of the repository that preflight reads."""
    for name in ("parameters.yaml", "samconfig.toml", "template.yaml"):
        shutil.copy(ROOT / name, working_folder)
    return working_folder / "parameters.yaml"


@pytest.fixture
def write_values(working_folder: Path) -> WriteValues:
    """Return a function that writes the stack's values, beside a template that has these parameters."""

    def write(**values: str) -> None:
        template = {"Parameters": {name: {"Type": "String"} for name in ("HomeRegion", *values)}}
        (working_folder / "template.yaml").write_text(json.dumps(template), encoding="utf-8")
        lines = (f'{name}: "{value}"\n' for name, value in values.items())
        (working_folder / "parameters.yaml").write_text("".join(lines), encoding="utf-8")
        shutil.copy(ROOT / "samconfig.toml", working_folder)

    return write


@pytest.fixture
def prepared() -> Iterator[PreparedOrganization]:
    """Return an organization with all prerequisites."""
    with prepared_organization() as organization:
        yield organization


@pytest.fixture
def preflight(capsys: pytest.CaptureFixture[str]) -> RunPreflight:
    """Return a function that runs the command in the hub, by default for both regions; standard error stays empty."""

    def run(prepared: PreparedOrganization, *arguments: str, regions: str = f"{HOME},{ABROAD}") -> Report:
        organization = prepared.organization
        session = organization.session(organization.hub, organization.regions[0])
        capsys.readouterr()
        organization.calls.clear()
        status = main(("preflight", "--regions", regions, *arguments), Environment(session=session))
        output = capsys.readouterr()
        assert output.err == ""
        return Report(status, output.out)

    return run


@pytest.fixture
def stack() -> Iterator[StackWithQueue]:
    """Return a stack whose function accepts every event."""
    with accepted_invocations() as events, LocalOrganization() as organization:
        yield StackWithQueue(organization, events)
