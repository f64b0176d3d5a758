"""`pip install .`: the wheel holds the package and the command, which need nothing but their dependencies."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

import ecr_exposure
from tests.deployment.sam import ROOT, run, tool_environment

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Prints which of these modules can be imported, then what `import ecr_exposure` and the command's import load.
IMPORT: Final = """
import sys
from importlib.util import find_spec
print(*(name for name in ("rdklib", "moto", "pytest", "tests") if find_spec(name)))
import ecr_exposure
print(ecr_exposure.judge(None).compliance, *sorted({"rdklib", "boto3", "botocore", "click"} & set(sys.modules)))
import ecr_exposure.cli.main
print(ecr_exposure.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built without a network by the build system of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    command = (sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, ROOT)
    run(command, cwd=folder, env=tool_environment())
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new environment with the wheel and, linked from this one, its dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for name in dependencies():
        for path in top_level_of(name):
            (packages / path.name).symlink_to(path)
    options = ("--no-index", "--disable-pip-version-check", "--quiet")
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install")
    run((*pip, *options, wheel), cwd=folder, env=tool_environment())
    return folder


def dependencies() -> set[str]:
    """Return the names of all that the package needs, directly and indirectly, on this machine."""
    found: set[str] = set()
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    while wanted:
        requirement = wanted.pop()
        if requirement.name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found.add(requirement.name)
            wanted += [Requirement(text) for text in distribution(requirement.name).requires or ()]
    return found


def top_level_of(name: str) -> Iterator[Path]:
    """Yield the folders and files of a distribution in site-packages."""
    files = distribution(name).files or ()
    for entry in {file.parts[0] for file in files if file.parts[0] not in {"..", "__pycache__"}}:
        yield Path(str(distribution(name).locate_file(entry)))


class TestWheel:
    """What is in it."""

    def test_holds_the_package_and_its_licence_and_nothing_else(self, wheel: Path) -> None:
        package = ROOT / "rule"
        modules = {
            str(path.relative_to(package))
            for pattern in ("*.py", "html_page/page.*")
            for path in (package / "ecr_exposure").rglob(pattern)
        }
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        metadata = f"ecr_repository_no_public_access-{ecr_exposure.__version__}.dist-info"
        assert names == modules | {
            f"{metadata}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
        }

    def test_names_ranges_of_its_dependencies(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
            metadata = HeaderParser().parsestr(archive.read(name).decode())
        required = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
        assert {requirement.name for requirement in required} == {"boto3", "click", "ijson", "jinja2", "pyyaml", "rich"}
        for requirement in required:
            operators = {specifier.operator for specifier in requirement.specifier}
            assert ">=" in operators
            assert operators <= {">=", "<"}
        assert metadata["Version"] == ecr_exposure.__version__


class TestInstalledCommand:
    """The wheel in an environment without rdklib, moto and pytest."""

    def test_package_and_command_need_only_the_dependencies(self, installed: Path, tmp_path: Path) -> None:
        python = installed / "bin" / "python"
        output = run((python, "-c", IMPORT), cwd=tmp_path, env=tool_environment()).stdout
        unwanted, loaded, file = output.split("\n")[:3]
        assert (unwanted, loaded) == ("", "COMPLIANT")
        assert Path(file).is_relative_to(installed)

    def test_command_prints_its_version_and_help(self, installed: Path, tmp_path: Path) -> None:
        command = installed / "bin" / "ecr-exposure"
        version = run((command, "--version"), cwd=tmp_path, env=tool_environment())
        assert version.stdout == f"ecr-exposure {ecr_exposure.__version__}\n"
        for arguments in (("--help",), ("preflight", "--help"), ("verify", "--help"), ("replay", "--help")):
            done = run((command, *arguments), cwd=tmp_path, env=tool_environment())
            assert done.stdout.startswith(f"Usage: ecr-exposure {' '.join(arguments[:-1])}")

    @pytest.mark.parametrize("arguments", [("preflight",), ("verify", "stack"), ("replay", "stack")])
    def test_command_without_credentials_exits_with_one_line(
        self, installed: Path, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        done = subprocess.run(  # noqa: S603 - our own command
            (installed / "bin" / "ecr-exposure", *arguments),
            cwd=tmp_path,
            env=tool_environment() | {"HOME": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Not run: ")
        assert done.stderr.endswith("Unable to locate credentials\n")
        assert done.stderr.count("\n") == 1
