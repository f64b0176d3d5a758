"""Every test starts without cached AWS clients; fixtures for the deployment tools."""

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ecr_exposure.aws import kept
from tests.deployment.sam import TEMPLATE, TOOLS, run, tool_environment

settings.register_profile("default", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# The local AWS makes very many objects, hardly any of them in cycles: to search them took a third of the time.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """Leave the modules and the tests out of every search for garbage."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured with `record_property`."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(autouse=True)
def _no_kept_state() -> Iterator[None]:
    kept.clear()
    yield
    kept.clear()


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder with the commands of SAM CLI and RDK."""
    if not (TOOLS / "ready").exists():
        pytest.fail("the environment of SAM CLI and RDK is missing: run `make .venv-tools/ready`")
    return TOOLS / "bin"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return environment variables for a tool, without credentials and with an empty home directory."""
    home = tmp_path_factory.mktemp("home")
    sam = home / "sam"
    sam.mkdir()
    # SAM CLI checks PyPI for a newer version once a week; this says that it has just done so.
    (sam / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    return tool_environment() | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "__SAM_CLI_APP_DIR": str(sam),
    }


@pytest.fixture(scope="session")
def installing(environment: dict[str, str]) -> dict[str, str]:
    """Return environment variables for commands that run pip, which reads the user's configuration."""
    return environment | {"HOME": str(Path.home())}


@pytest.fixture(scope="session")
def built(tools: Path, installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of `sam build`: the templates and the function."""
    folder = tmp_path_factory.mktemp("sam-build")
    build = folder / "build"
    run((tools / "sam", "build", "--template-file", TEMPLATE, "--build-dir", build), cwd=folder, env=installing)
    return build
