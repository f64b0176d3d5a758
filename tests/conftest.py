"""What every test starts from: no AWS client that an earlier test left behind; and the deployment tools."""

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


@pytest.fixture(autouse=True)
def _no_clients() -> Iterator[None]:
    kept.clear()
    yield
    kept.clear()


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder of SAM CLI's and RDK's commands."""
    if not (TOOLS / "ready").exists():
        pytest.fail("the environment of SAM CLI and RDK is missing: run `make .venv-tools/ready`")
    return TOOLS / "bin"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables for a tool, without credentials, and with a home of its own."""
    home = tmp_path_factory.mktemp("home")
    sam = home / "sam"
    sam.mkdir()
    # SAM asks the package index for a newer SAM once a week: this week it has.
    (sam / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    return tool_environment() | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "__SAM_CLI_APP_DIR": str(sam),
    }


@pytest.fixture(scope="session")
def installing(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables for what calls pip, whose index may be set in the user's own home."""
    return environment | {"HOME": str(Path.home())}


@pytest.fixture(scope="session")
def built(tools: Path, installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that `sam build` makes: the templates and the function."""
    folder = tmp_path_factory.mktemp("sam-build")
    build = folder / "build"
    run((tools / "sam", "build", "--template-file", TEMPLATE, "--build-dir", build), cwd=folder, env=installing)
    return build
