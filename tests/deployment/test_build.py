"""The function that `sam build` creates, and what `sam package` uploads.

`sam build` installs rdklib from the package index; `sam package` uploads to Amazon S3 on loopback.
"""

import hashlib
import marshal
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from types import CodeType
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.deployment.sam import INVOKE_POLICY, MEMBER_ACCOUNT, REMEDIATION, ROOT, RUNBOOK, TEMPLATE, TOOLS, run
from tests.local_aws.bucket import local_bucket
from tests.local_aws.templates import read_template

PACKAGE: Final = ROOT / "rule" / "ecr_exposure"
# The operator's command, which is not part of the function.
COMMAND: Final = PACKAGE / "cli"
# Where Lambda has a function's folder.
TASK: Final = Path("/var/task")
RUNTIME: Final = read_template(TEMPLATE)["Resources"]["RuleFunction"]["Properties"]["Runtime"]
# The runtime that the Python of these tests would be.
OWN: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Bytes of the zipped function without bytecode. With its own boto3 it would have 17 MB and start slower; `make
# benchmark` prints the size beside its target.
LARGEST: Final = 155 * 1024

# Prints the files of two imported modules, then all other packages that the import loads.
IMPORT: Final = """
import sys
before = set(sys.modules)
import ecr_exposure.handler, rdklib
print(ecr_exposure.handler.__file__)
print(rdklib.__file__)
new = {name: module for name, module in sys.modules.items() if name not in before}
print(*sorted({name.split(".")[0] for name, module in new.items() if "site-packages" in str(module)}))
"""
# boto3 and its dependencies, which are part of the Lambda runtime.
BOTO3: Final = frozenset("boto3 botocore s3transfer jmespath dateutil six urllib3 certifi".split())


@dataclass(frozen=True)
class Package:
    """The output of `sam package`: the template, and the uploaded objects."""

    template: dict[str, Any]
    objects: dict[str, bytes]

    def object(self, address: str) -> bytes:
        """Return the object of an S3 URI or of its https URL."""
        url = urlsplit(address)
        return self.objects[url.netloc + url.path if url.scheme == "s3" else url.path.lstrip("/")]


@pytest.fixture(scope="module")
def package(
    built: Path, tools: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Package]:
    """Return the output of `sam package` for the built folder."""
    file = tmp_path_factory.mktemp("sam-package") / "packaged.yaml"
    with local_bucket() as (endpoint, objects):
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_ENDPOINT_URL_S3": endpoint}
        command = ("package", "--template-file", built / "template.yaml", "--s3-bucket", "artifacts")
        run((tools / "sam", *command, "--output-template-file", file), cwd=built, env=environment | keys)
        yield Package(read_template(file), dict(objects))


@pytest.fixture(scope="module")
def compiled(installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a function that is built for the Python of the tests."""
    folder = tmp_path_factory.mktemp("function")
    build(folder, installing, runtime=OWN)
    return folder


@pytest.fixture
def artifact(built: Path) -> Path:
    """Return the folder that becomes the function."""
    return built / "RuleFunction"


class TestFunction:
    """The folder that becomes the function."""

    def test_function_contains_only_the_package_and_rdklib(self, artifact: Path) -> None:
        rdklib = distribution("rdklib")
        licence = Path(f"rdklib-{rdklib.version}.dist-info", "licenses")
        assert {path.name for path in artifact.iterdir()} == {"ecr_exposure", "rdklib", licence.parts[0]}
        source = {
            path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py") if not path.is_relative_to(COMMAND)
        }
        library = {Path(file) for file in rdklib.files or () if file.suffix == ".py"}
        library = {file for file in library if file.parts[0] == "rdklib"}
        licences = {licence / "LICENSE", licence / "NOTICE"}
        files = {path.relative_to(artifact) for path in artifact.rglob("*") if path.is_file()}
        assert {path for path in files if path.suffix != ".pyc"} == source | library | licences

    def test_modules_are_those_of_the_repository_without_the_command(self, artifact: Path) -> None:
        modules = {name: digest for name, digest in digests(PACKAGE).items() if not name.startswith("cli/")}
        assert digests(artifact / "ecr_exposure") == modules
        assert not (artifact / "ecr_exposure" / "cli").exists()

    def test_function_imports_nothing_but_boto3(
        self, artifact: Path, environment: dict[str, str], tmp_path: Path
    ) -> None:
        variables = environment | {"PYTHONPATH": str(artifact)}
        answer = run((sys.executable, "-c", IMPORT), cwd=tmp_path, env=variables).stdout
        handler, library, elsewhere = answer.splitlines()
        assert Path(handler) == artifact / "ecr_exposure" / "handler.py"
        assert Path(library) == artifact / "rdklib" / "__init__.py"
        assert set(elsewhere.split()) <= BOTO3


class TestBytecode:
    """What `make` compiles, with the Python that `python3` is."""

    def test_bytecode_is_of_the_runtime_in_the_template(self) -> None:
        makefile = (ROOT / "rule" / "Makefile").read_text(encoding="utf-8")
        assert re.findall(r"^RUNTIME := (.*)$", makefile, re.MULTILINE) == [RUNTIME]

    def test_every_module_is_compiled_by_the_python_of_the_runtime(self, compiled: Path) -> None:
        modules = {path.relative_to(compiled) for path in compiled.rglob("*.py")}
        assert {Path(code.co_filename) for code in bytecode(compiled).values()} == {TASK / path for path in modules}
        assert not list(compiled.rglob("cli"))

    def test_bytecode_is_used_without_a_look_at_the_source(self, compiled: Path) -> None:
        # https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
        flags = {path.read_bytes()[4:8] for path in compiled.rglob("*.pyc")}
        assert flags == {(0b01).to_bytes(4, "little")}

    def test_two_builds_are_equal_byte_by_byte(
        self, compiled: Path, installing: dict[str, str], tmp_path: Path
    ) -> None:
        again = tmp_path / "of-another-length"
        build(again, installing, runtime=OWN)
        assert contents(again) == contents(compiled)

    @pytest.mark.parametrize("python", [Path(sys.executable).parent, TOOLS / "bin"], ids=["tests", "tools"])
    def test_only_the_python_of_the_runtime_compiles_and_another_one_says_so(
        self, tools: Path, installing: dict[str, str], tmp_path: Path, python: Path
    ) -> None:
        assert tools.exists()
        variables = installing | {"PATH": f"{python}{os.pathsep}{installing['PATH']}"}
        printed = build(tmp_path, variables).stdout
        version = run(("python3", "--version"), cwd=tmp_path, env=variables).stdout.strip()
        if version.startswith(f"Python {RUNTIME.removeprefix('python')}."):
            assert list(tmp_path.rglob("*.pyc"))
            assert "without bytecode" not in printed
        else:
            assert not list(tmp_path.rglob("*.pyc"))
            assert f"Built without bytecode: {version} is not the function's {RUNTIME}" in printed


class TestUpload:
    """What `sam package` uploads."""

    def test_uploaded_function_is_the_built_one_and_small(self, package: Package, artifact: Path) -> None:
        code = package.object(package.template["Resources"]["RuleFunction"]["Properties"]["CodeUri"])
        with zipfile.ZipFile(BytesIO(code)) as archive:
            compiled = sum(file.compress_size for file in archive.infolist() if file.filename.endswith(".pyc"))
            uploaded = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
        assert len(code) - compiled <= LARGEST
        assert uploaded == {
            str(path.relative_to(artifact)): path.read_bytes() for path in artifact.rglob("*") if path.is_file()
        }

    def test_nested_templates_are_uploaded_unchanged(self, package: Package) -> None:
        nested = {
            name: each["Properties"]["TemplateURL"]
            for name, each in package.template["Resources"].items()
            if "TemplateURL" in each.get("Properties", {})
        }
        files = {
            "HubRole": MEMBER_ACCOUNT,
            "MemberRoles": MEMBER_ACCOUNT,
            "OrganizationMayInvoke": INVOKE_POLICY,
            "Runbook": RUNBOOK,
            "Runbooks": RUNBOOK,
            "AccountRemediation": REMEDIATION,
        }
        assert nested.keys() == files.keys()
        for name, file in files.items():
            uploaded = read_template(package.object(nested[name]).decode())
            for resource in uploaded["Resources"].values():
                resource.get("Metadata", {}).pop("SamResourceId", None)
                if not resource.get("Metadata", True):
                    del resource["Metadata"]
            assert uploaded == read_template(file), name


def build(folder: Path, environment: dict[str, str], *, runtime: str = "") -> subprocess.CompletedProcess[str]:
    """Build the function in a folder, for another runtime if one is given, and return the output."""
    chosen = (f"RUNTIME={runtime}",) if runtime else ()
    command = ("make", "build-RuleFunction", f"ARTIFACTS_DIR={folder}", *chosen)
    return run(command, cwd=ROOT / "rule", env=environment)


def bytecode(folder: Path) -> dict[str, CodeType]:
    """Return the compiled modules of a folder, which this Python has compiled."""
    # 16 bytes come before the code: https://peps.python.org/pep-0552/
    return {str(path): marshal.loads(path.read_bytes()[16:]) for path in folder.rglob("*.pyc")}  # noqa: S302 - our own


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digests(folder: Path) -> dict[str, str]:
    """Return the modules of a folder with the digests of their text."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")
    }
