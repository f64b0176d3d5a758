"""The function that `sam build` creates, and what `sam package` uploads.

`sam build` installs rdklib from the package index; `sam package` uploads to Amazon S3 on loopback.
"""

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.deployment.sam import MEMBER_ACCOUNT, ORGANIZATION_MAY_INVOKE, ROOT, run
from tests.local_aws.bucket import local_bucket
from tests.local_aws.templates import read_template

PACKAGE: Final = ROOT / "rule" / "ecr_exposure"
# The operator's command, which is not part of the function.
COMMAND: Final = PACKAGE / "cli"
# Bytes of the zipped function. With its own boto3 it would have 17 MB and start slower.
LARGEST: Final = 110 * 1024

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


@pytest.fixture
def artifact(built: Path) -> Path:
    """Return the folder that becomes the function."""
    return built / "RuleFunction"


class TestFunction:
    """The folder that becomes the function."""

    def test_function_contains_only_the_package_and_rdklib(self, artifact: Path) -> None:
        rdklib = distribution("rdklib")
        metadata = f"rdklib-{rdklib.version}.dist-info"
        assert {path.name for path in artifact.iterdir()} == {"ecr_exposure", "rdklib", metadata}
        source = {
            path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py") if not path.is_relative_to(COMMAND)
        }
        library = {Path(file) for file in rdklib.files or () if file.suffix == ".py"}
        library = {file for file in library if file.parts[0] == "rdklib"}
        files = {path.relative_to(artifact) for path in artifact.rglob("*") if path.is_file()}
        assert {path for path in files if path.parts[0] != metadata} == source | library

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


class TestUpload:
    """What `sam package` uploads."""

    def test_uploaded_function_is_the_built_one_and_small(self, package: Package, artifact: Path) -> None:
        code = package.object(package.template["Resources"]["RuleFunction"]["Properties"]["CodeUri"])
        assert len(code) <= LARGEST
        with zipfile.ZipFile(BytesIO(code)) as archive:
            uploaded = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
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
            "OrganizationMayInvoke": ORGANIZATION_MAY_INVOKE,
        }
        assert nested.keys() == files.keys()
        for name, file in files.items():
            uploaded = read_template(package.object(nested[name]).decode())
            for resource in uploaded["Resources"].values():
                resource.get("Metadata", {}).pop("SamResourceId", None)
                if not resource.get("Metadata", True):
                    del resource["Metadata"]
            assert uploaded == read_template(file), name


def digests(folder: Path) -> dict[str, str]:
    """Return the modules of a folder with the digests of their text."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")
    }
