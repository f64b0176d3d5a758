"""What is deployed: the template, the function that SAM builds from it, and the folder that RDK takes.

The slow steps (`sam validate`, `sam build`, `make rdk`) run once each; `sam build` and `make rdk` install
rdklib from the package index, everything else is offline.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint marks its types as not for others
from cfnlint.decode import decode  # type: ignore[import-untyped]
from cfnlint.helpers import REGIONS  # type: ignore[import-untyped]

from ecr_exposure import ParameterError
from ecr_exposure.configuration_item import RESOURCE_TYPE
from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from ecr_exposure.handler import lambda_handler
from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS, RuleParameters, read_parameters
from ecr_exposure.verdict import TESTS
from tests.local_aws.config_service import ConfigService
from tests.local_aws.organization import LocalOrganization

ROOT: Final = Path(__file__).parent.parent
TEMPLATE: Final = ROOT / "template.yaml"
PACKAGE: Final = ROOT / "rule" / "ecr_exposure"
TOOLS: Final = ROOT / ".venv-tools"
REGION: Final = "eu-west-1"
# Of the zipped function, in bytes: with a boto3 of its own it would be 17 MB, and start slower.
LARGEST: Final = 100 * 1024
RDK_NAME: Final = "ECR_REPOSITORY_NO_PUBLIC_ACCESS"
# rdk 1.0.0 nests quotes in an f-string, which Python reads from this version on.
RDK_NEEDS: Final = (3, 12)
OWN_PARAMETERS: Final = tuple(name for name in PARAMETERS if name not in RDKLIB_PARAMETERS)
# Variables that would lead a tool to a real AWS, or tie it to the make or coverage that runs these tests.
FOREIGN: Final = ("AWS_", "SAM_", "MAKE", "MFLAGS", "COVERAGE_")

# As `sam package` would, it puts an object of S3 in the place of the local folder.
TRANSFORM: Final = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

template = json.load(sys.stdin)
template["Resources"]["RuleFunction"]["Properties"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(transform(template, {}, NoManagedPolicies())))
"""

# Prints the place of what is imported, then the packages that came with it from elsewhere.
IMPORT: Final = """
import sys
before = set(sys.modules)
import ecr_exposure.handler, rdklib
print(ecr_exposure.handler.__file__)
print(rdklib.__file__)
new = {name: module for name, module in sys.modules.items() if name not in before}
print(*sorted({name.split(".")[0] for name, module in new.items() if "site-packages" in str(module)}))
"""
# boto3 with all that it can bring along; it is part of the Lambda runtime.
BOTO3: Final = frozenset("boto3 botocore s3transfer jmespath dateutil six urllib3 certifi".split())

Run = Callable[..., subprocess.CompletedProcess[str]]


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; when it fails, what it wrote is part of the error."""
    try:
        return subprocess.run(  # noqa: S603 - our own commands
            command, cwd=cwd, env=env, input=text, capture_output=True, text=True, check=True, timeout=600
        )
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}\n{error.stderr}")
        raise


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder of SAM CLI's and RDK's commands."""
    if not (TOOLS / "ready").exists():
        pytest.fail("the environment of SAM CLI and RDK is missing: run `make .venv-tools/ready`")
    return TOOLS / "bin"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables without credentials, and with a home of its own."""
    home = tmp_path_factory.mktemp("home")
    sam = home / "sam"
    sam.mkdir()
    # SAM asks the package index for a newer SAM once a week: this week it has.
    (sam / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(sam),
    }


@pytest.fixture(scope="session")
def installing(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables for what calls pip, whose index may be set in the user's own home."""
    return environment | {"HOME": str(Path.home())}


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """Return the template with its short intrinsic functions written out."""
    content, problems = decode(str(TEMPLATE))
    assert not problems
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def transformed(template: Mapping[str, Any], tools: Path, environment: Mapping[str, str]) -> str:
    """Return what CloudFormation makes of the template's transform."""
    command = (tools / "python", "-c", TRANSFORM)
    return run(command, cwd=ROOT, env=environment, text=json.dumps(template)).stdout


@pytest.fixture(scope="session")
def artifact(tools: Path, installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that becomes the function."""
    folder = tmp_path_factory.mktemp("sam-build")
    build = folder / "build"
    run((tools / "sam", "build", "--template-file", TEMPLATE, "--build-dir", build), cwd=folder, env=installing)
    return build / "RuleFunction"


@pytest.fixture(scope="session")
def staged(installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds the rule as RDK wants it."""
    folder = tmp_path_factory.mktemp("rdk")
    # A relative path, for make puts the repository's in front. The environment must not be made anew
    # under the feet of the tests that run in it, even where its lock file is newer.
    target = os.path.relpath(folder / RDK_NAME, ROOT)
    run(("make", "--assume-old=.venv/ready", "rdk", f"RDK={target}"), cwd=ROOT, env=installing)
    return folder


@pytest.fixture(scope="session")
def rdk(tools: Path, environment: dict[str, str], staged: Path) -> Run:
    """Return a function that runs RDK on the staged rule."""
    command = (tools / "python", "-c", "import sys; print(*sys.version_info[:2])")
    major, minor = map(int, run(command, cwd=staged, env=environment).stdout.split())
    if (major, minor) < RDK_NEEDS:
        pytest.skip(f"rdk 1.0.0 is a syntax error for Python {major}.{minor}: make .venv-tools with 3.12 or newer")

    def run_rdk(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run((tools / "rdk", *arguments), cwd=staged, env=environment)

    return run_rdk


class TestLint:
    """What SAM CLI and cfn-lint say, and that they would say more."""

    def test_sam_finds_the_template_valid(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        command = (tools / "sam", "validate", "--lint", "--template-file", TEMPLATE)
        assert "is a valid SAM Template" in run(command, cwd=tmp_path, env=environment).stdout

    def test_sam_refuses_a_wrong_property(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        wrong = replaced("ConfigRuleName:", "ConfigRuleTitle:")
        (tmp_path / "template.yaml").write_text(wrong)
        command = (tools / "sam", "validate", "--lint", "--template-file", tmp_path / "template.yaml")
        with pytest.raises(subprocess.CalledProcessError) as raised:
            run(command, cwd=tmp_path, env=environment)
        assert "ConfigRuleTitle" in raised.value.stdout + raised.value.stderr

    def test_the_template_is_clean_in_every_region(self) -> None:
        assert lint(TEMPLATE.read_text(), regions=REGIONS) == []

    def test_a_wrong_property_is_not_clean(self) -> None:
        wrong = replaced("ComplianceResourceTypes:", "ComplianceResourceType:")
        assert "E3002" in {match.rule.id for match in lint(wrong)}

    def test_the_transformed_template_is_clean_in_every_region(
        self, template: dict[str, Any], tools: Path, environment: dict[str, str]
    ) -> None:
        text = transformed(template, tools, environment)
        assert {"AWS::Lambda::Function", "AWS::IAM::Role"} <= {
            r["Type"] for r in json.loads(text)["Resources"].values()
        }
        assert lint(text, regions=REGIONS) == []

    def test_a_mistake_that_only_the_transform_shows_is_found(
        self, tools: Path, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "template.yaml").write_text(replaced("rule ${RuleName}", "rule ${aws:RuleName}"))
        wrong, _ = decode(str(tmp_path / "template.yaml"))
        assert "E1019" in {match.rule.id for match in lint(transformed(wrong, tools, environment))}


class TestFunction:
    """What `sam build` puts into the function."""

    def test_it_holds_the_package_and_rdklib_and_nothing_else(self, artifact: Path) -> None:
        rdklib = distribution("rdklib")
        metadata = f"rdklib-{rdklib.version}.dist-info"
        assert {path.name for path in artifact.iterdir()} == {"ecr_exposure", "rdklib", metadata}
        source = {path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")}
        library = {Path(file) for file in rdklib.files or () if file.suffix == ".py"}
        library = {file for file in library if file.parts[0] == "rdklib"}
        built = {path.relative_to(artifact) for path in artifact.rglob("*") if path.is_file()}
        assert {path for path in built if path.parts[0] != metadata} == source | library

    def test_its_modules_are_those_of_the_repository(self, artifact: Path) -> None:
        assert digests(artifact / "ecr_exposure") == digests(PACKAGE)

    def test_it_is_small(self, artifact: Path, tmp_path: Path) -> None:
        archive = tmp_path / "function.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in artifact.rglob("*"):
                file.write(path, path.relative_to(artifact))
        assert archive.stat().st_size <= LARGEST

    def test_it_needs_nothing_but_boto3(self, artifact: Path, environment: dict[str, str], tmp_path: Path) -> None:
        variables = environment | {"PYTHONPATH": str(artifact)}
        answer = run((sys.executable, "-c", IMPORT), cwd=tmp_path, env=variables).stdout
        handler, library, elsewhere = answer.splitlines()
        assert Path(handler) == artifact / "ecr_exposure" / "handler.py"
        assert Path(library) == artifact / "rdklib" / "__init__.py"
        assert set(elsewhere.split()) <= BOTO3


class TestTemplate:
    """What a linter cannot know."""

    def test_the_function_is_the_handler(self, template: dict[str, Any]) -> None:
        function = properties(template, "RuleFunction")
        assert function["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert (ROOT / function["CodeUri"]).samefile(PACKAGE.parent)

    def test_the_rule_hears_of_every_change_and_once_a_day(self, template: dict[str, Any]) -> None:
        rule = deployed_rule(template, {})
        assert rule["Scope"] == {"ComplianceResourceTypes": [RESOURCE_TYPE]}
        assert rule["Source"]["Owner"] == "CUSTOM_LAMBDA"
        assert rule["Source"]["SourceDetails"] == [
            {"EventSource": "aws.config", "MessageType": CHANGE},
            {"EventSource": "aws.config", "MessageType": OVERSIZED},
            {
                "EventSource": "aws.config",
                "MessageType": SCHEDULED,
                "MaximumExecutionFrequency": "TwentyFour_Hours",
            },
        ]

    def test_the_periodic_run_can_be_turned_off(self, template: dict[str, Any]) -> None:
        details = deployed_rule(template, {"MaximumExecutionFrequency": "Off"})["Source"]["SourceDetails"]
        assert [detail["MessageType"] for detail in details] == [CHANGE, OVERSIZED]

    def test_the_rules_parameters_are_those_of_the_code(self, template: dict[str, Any]) -> None:
        # Operational parameters start with a capital letter.
        own = {name for name in template["Parameters"] if name[0].islower()}
        assert own == set(properties(template, "Rule")["InputParameters"]) == set(OWN_PARAMETERS)
        assert template["Parameters"]["publicAccessTest"]["AllowedValues"] == list(TESTS)

    def test_each_parameter_arrives_under_its_own_name(self, template: dict[str, Any]) -> None:
        chosen = {name: f"value of {name}" for name in OWN_PARAMETERS}
        assert deployed_rule(template, chosen)["InputParameters"] == chosen

    def test_an_empty_parameter_is_left_out(self, template: dict[str, Any]) -> None:
        assert deployed_rule(template, {})["InputParameters"] == {"publicAccessTest": "unconditional"}

    def test_the_defaults_are_those_of_rdk_and_of_the_code(self, template: dict[str, Any]) -> None:
        rdk = rdk_parameters()
        defaults = {name: template["Parameters"][name]["Default"] for name in OWN_PARAMETERS}
        assert defaults == {name: rdk[name] for name in OWN_PARAMETERS}
        assert read_parameters(defaults) == RuleParameters()

    def test_rdk_deploys_the_same_function(self, template: dict[str, Any]) -> None:
        function = properties(template, "RuleFunction")
        rdk = json.loads((ROOT / "parameters.json").read_text())["Parameters"]
        assert (rdk["SourceHandler"], rdk["SourceRuntime"]) == (function["Handler"], function["Runtime"])
        assert (rdk["RuleName"], rdk["SourceEvents"]) == (RDK_NAME, RESOURCE_TYPE)

    def test_the_function_may_do_what_it_does_and_nothing_more(self, template: dict[str, Any]) -> None:
        variables = properties(template, "RuleFunction")["Environment"]["Variables"]
        allowed: list[str] = []
        for policy in properties(template, "RuleFunction")["Policies"]:
            for statement in policy["Statement"]:
                assert statement["Effect"] == "Allow"
                action = statement["Action"]
                allowed.extend([action] if isinstance(action, str) else action)
        assert sorted(allowed) == sorted(actions_called(variables))

    @pytest.mark.parametrize(
        ("name", "text", "accepted"),
        [
            ("excludedPublicRepositories", "", True),
            ("excludedPublicRepositories", "app", True),
            ("excludedPublicRepositories", "public/*", True),
            ("excludedPublicRepositories", "a.b_c-d/e?", True),
            ("excludedPublicRepositories", "111122223333", True),
            ("excludedPublicRepositories", "111122223333:public/*,mirror-?,444455556666:*", True),
            ("excludedPublicRepositories", "Team/App", False),
            ("excludedPublicRepositories", "team app", False),
            ("excludedPublicRepositories", "a,,b", False),
            ("excludedPublicRepositories", ",a", False),
            ("excludedPublicRepositories", "a,", False),
            ("excludedPublicRepositories", "a:b", False),
            ("excludedPublicRepositories", ":app", False),
            ("excludedPublicRepositories", "123:app", False),
            ("excludedPublicRepositories", "1111222233334:app", False),
            ("excludedPublicRepositories", "111122223333:", False),
            ("excludedPublicRepositories", "111122223333:a:b", False),
            ("trustedAccounts", "", True),
            ("trustedAccounts", "111122223333", True),
            ("trustedAccounts", "111122223333,444455556666,777788889999", True),
            ("trustedAccounts", "12345", False),
            ("trustedAccounts", "1111222233334", False),
            ("trustedAccounts", "111122223333,", False),
            ("trustedAccounts", "111122223333;444455556666", False),
            ("trustedAccounts", "111122223333,o-abcde12345", False),
            ("trustedAccounts", "١١١١٢٢٢٢٣٣٣٣", False),
            ("trustedAccounts", "*", False),
            ("trustedOrganizations", "", True),
            ("trustedOrganizations", "o-abcde12345", True),
            ("trustedOrganizations", f"o-{32 * 'a'},o-exampleorg1", True),
            ("trustedOrganizations", f"o-{33 * 'a'}", False),
            ("trustedOrganizations", f"o-{9 * 'a'}", False),
            ("trustedOrganizations", "o-ABCDE12345", False),
            ("trustedOrganizations", "o-abcde12345,", False),
            ("trustedOrganizations", "r-abcde12345", False),
            ("trustedOrganizations", "111122223333", False),
        ],
    )
    def test_the_template_refuses_what_the_code_refuses(
        self, template: dict[str, Any], name: str, text: str, *, accepted: bool
    ) -> None:
        # CloudFormation wants the whole value to match.
        assert bool(re.fullmatch(template["Parameters"][name]["AllowedPattern"], text)) is accepted
        assert is_read({name: text}) is accepted


class TestRdk:
    """The second way to deploy: https://github.com/awslabs/aws-config-rdk."""

    def test_the_staged_rule_passes_its_own_test(self, rdk: Run) -> None:
        told = rdk("test-local", RDK_NAME)
        assert re.search(r"^Ran [1-9][0-9]* tests? in .*\n\nOK$", told.stderr, re.MULTILINE)
        assert "errors=0 failures=0" in told.stdout

    def test_the_rules_template_has_trigger_scope_and_every_parameter(self, rdk: Run, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        rdk("create-rule-template", "--rules-only", "--output-file", str(file), RDK_NAME)
        content = json.loads(file.read_text())
        (rule,) = content["Resources"].values()
        assert rule["Type"] == "AWS::Config::ConfigRule"
        assert rule["Properties"]["ConfigRuleName"] == RDK_NAME
        assert rule["Properties"]["Scope"] == {"ComplianceResourceTypes": [RESOURCE_TYPE]}
        assert {"EventSource": "aws.config", "MessageType": CHANGE} in rule["Properties"]["Source"]["SourceDetails"]
        assert set(rule["Properties"]["InputParameters"]) == set(rdk_parameters()) == set(PARAMETERS)
        assert [str(match) for match in lint(file.read_text(), regions=REGIONS) if match.rule.severity == "error"] == []


def replaced(old: str, new: str) -> str:
    """Return the template's text with one thing replaced."""
    text = TEMPLATE.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def digests(folder: Path) -> dict[str, str]:
    """Return the modules of a folder, each with a digest of its text."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")
    }


def properties(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the properties of a resource as they are written."""
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def deployed_rule(template: Mapping[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return the rule's properties after CloudFormation has put the parameters in."""
    names = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    names |= {"AWS::NoValue": None, **chosen}
    rule: dict[str, Any] = resolved(properties(template, "Rule"), names, template["Conditions"])
    return rule


def resolved(value: Any, names: Mapping[str, Any], conditions: Mapping[str, Any]) -> Any:
    """Return a value with its references, choices and comparisons worked out; None is no value."""

    def inner(part: Any) -> Any:
        return resolved(part, names, conditions)

    match value:
        case {"Ref": name}:
            return names[name]
        case {"Fn::If": [name, yes, no]}:
            return inner(yes if inner(conditions[name]) else no)
        case {"Fn::Not": [{"Fn::Equals": [left, right]}]}:
            return inner(left) != inner(right)
        case dict():
            return {name: found for name, part in value.items() if (found := inner(part)) is not None}
        case list():
            return [found for part in value if (found := inner(part)) is not None]
    return value


def rdk_parameters() -> dict[str, str]:
    """Return the rule parameters of parameters.json with their defaults."""
    rdk = json.loads((ROOT / "parameters.json").read_text())["Parameters"]
    found: dict[str, str] = json.loads(rdk["InputParameters"]) | json.loads(rdk["OptionalParameters"])
    return found


def is_read(raw: Mapping[str, str]) -> bool:
    """Tell whether the code accepts these rule parameters."""
    try:
        read_parameters(raw)
    except ParameterError:
        return False
    return True


def actions_called(variables: Mapping[str, str]) -> set[str]:
    """Return the IAM actions of all calls that the function makes for a rule of its own account."""
    with LocalOrganization() as organization:
        account = organization.hub
        config = ConfigService(organization, lambda_handler, environment=variables)
        config.put_rule(account, REGION, "rule")
        organization.create_repository(account, REGION, "team/app", '{"Statement": []}')
        organization.calls.clear()
        config.deliver_change(account, REGION, "team/app")
        config.deliver_oversized(account, REGION, "team/app")
        config.deliver_scheduled(account, REGION)
        return {f"{call.service}:{call.operation}" for call in organization.calls}
