"""The structure of rule/ecr_exposure: imports run one way, only the edge knows AWS, modules stay short."""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

RULE: Final = Path(__file__).parent.parent.parent / "rule"
PACKAGE: Final = RULE / "ecr_exposure"

# A module imports from its own layer and from those before it.
LAYERS: Final = (
    ("errors", "identifiers"),
    ("policy",),
    ("search",),
    ("findings",),
    ("annotation", "parameters", "repository"),
    ("public_on_purpose",),
    ("verdict",),
    ("pulling_services", "statement_changes", "remedy"),
    ("event", "answers", "aws", "history", "invocation", "reporting", "periodic", "config_rule", "handler"),
    ("cli",),
)
LAYER_OF: Final = {name: at for at, names in enumerate(LAYERS) for name in names}
# The packages of the command, and those of them that each may import; what they have in common is beside them, in cli.
COMMAND_PACKAGES: Final[dict[str, set[str]]] = {
    # preflight
    "organization": set(),
    "prerequisites": {"organization"},
    "values": {"organization", "prerequisites"},
    # policies: those of check, scan and report, and the readers of files, which do not know each other
    "found_policies": set(),
    "policies_in_json": {"found_policies"},
    "policies_in_templates": {"found_policies"},
    "hcl": {"found_policies"},
    "policies_in_terraform": {"found_policies", "hcl"},
    "policies_in_plans": {"found_policies", "policies_in_terraform"},
    "files_to_check": {
        "found_policies",
        "hcl",
        "policies_in_json",
        "policies_in_templates",
        "policies_in_terraform",
        "policies_in_plans",
    },
    "policy_report": {"found_policies", "remediation"},
    "recorded_results": {"found_policies", "policy_report"},
    "live_repositories": set(),
    # verify, status, replay and fix
    "verification": set(),
    "rule_status": set(),
    "failed_events": set(),
    "remediation": set(),
}
EDGE: Final = (*LAYERS[-2], "cli")
FILES: Final = sorted(file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py")
ENGINE: Final = [file for file in FILES if file.relative_to(PACKAGE).parts[0] != "cli"]


def module_of(file: Path) -> str:
    """Return the module's dotted name inside ecr_exposure."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


INSIDE: Final = [file for file in FILES if module_of(file).partition(".")[0] not in EDGE]


@cache
def tree_of(file: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def imported_by(file: Path) -> frozenset[str]:
    """Return the modules that a module imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return frozenset(found)


def lines_of(file: Path) -> list[str]:
    """Return the lines of a module."""
    return file.read_text(encoding="utf-8").splitlines()


def layer_of(module: str) -> int:
    """Return the place in LAYERS of a module, by its name inside ecr_exposure."""
    return LAYER_OF[module.partition(".")[0]]


def own_imports_of(file: Path) -> set[str]:
    """Return the modules of ecr_exposure that a module imports, without the package's name."""
    prefix = "ecr_exposure."
    return {name.removeprefix(prefix) for name in imported_by(file) if name.startswith(prefix)}


@cache
def clock_readings_of(file: Path) -> int:
    """Return how often a module asks for the time."""
    calls = [node.func for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    asked = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}
    return sum(isinstance(call, ast.Attribute) and call.attr in asked for call in calls)


# One test for each rule, not for each module: a test of its own would cost more than what it looks at.
class TestEachModule:
    """Rules that every module keeps; each test collects those that break its rule."""

    def test_imports_only_from_its_own_layer_and_those_before(self) -> None:
        later = {
            module_of(file): name
            for file in FILES
            for name in own_imports_of(file)
            if layer_of(name) > layer_of(module_of(file))
        }
        assert later == {}

    def test_knows_aws_the_log_and_the_environment_only_at_the_edge(self) -> None:
        refused = {"boto3", "botocore", "rdklib", "logging", "os", "time", "random"}
        known = {module_of(file): {name.partition(".")[0] for name in imported_by(file)} & refused for file in INSIDE}
        assert known == {module_of(file): set() for file in INSIDE}

    def test_reads_the_clock_only_at_the_edge_and_once_in_judge(self) -> None:
        readings = {module_of(file): clock_readings_of(file) for file in INSIDE}
        assert readings == {module_of(file): 0 for file in INSIDE} | {"verdict": 1}

    def test_has_at_most_400_lines_and_functions_of_40(self) -> None:
        long = [module_of(file) for file in FILES if len(lines_of(file)) > 400]
        for file in FILES:
            for node in ast.walk(tree_of(file)):
                if isinstance(node, ast.FunctionDef):
                    body = node.body[1:] if ast.get_docstring(node) else node.body
                    if body and (body[-1].end_lineno or 0) - body[0].lineno >= 40:
                        long.append(f"{module_of(file)}: {node.name}")
        assert long == []

    def test_is_no_slice_of_its_only_importer(self) -> None:
        """A module under 40 lines with a single importer belongs into that importer."""
        importers = Counter(name for file in FILES for name in own_imports_of(file))
        slices = [module_of(file) for file in FILES if len(lines_of(file)) < 40 and importers[module_of(file)] == 1]
        assert slices == []


def test_other_packages_use_only_the_door_of_the_search() -> None:
    others = [file for file in FILES if not module_of(file).startswith("search.")]
    inner = {module_of(file): name for file in others for name in own_imports_of(file) if name.startswith("search.")}
    assert inner == {}


def test_every_package_of_the_command_has_its_place_in_the_table() -> None:
    assert {file.parent.name for file in (PACKAGE / "cli").glob("*/__init__.py")} == COMMAND_PACKAGES.keys()


@pytest.mark.parametrize("package", COMMAND_PACKAGES)
def test_packages_of_the_command_import_only_those_of_the_table(package: str) -> None:
    files = (PACKAGE / "cli" / package).glob("*.py")
    names = {name.split(".")[1] for file in files for name in own_imports_of(file) if name.startswith("cli.")}
    assert names & COMMAND_PACKAGES.keys() <= {package} | COMMAND_PACKAGES[package]


def test_packages_of_the_command_import_each_other_one_way() -> None:
    TopologicalSorter(COMMAND_PACKAGES).prepare()  # raises CycleError, which names the circle


def test_no_module_imports_itself_through_others() -> None:
    order = TopologicalSorter({module_of(file): own_imports_of(file) for file in FILES})
    order.prepare()  # raises CycleError, which names the circle


def test_the_engine_has_at_most_46_modules() -> None:
    assert len(ENGINE) <= 46


def test_import_ecr_exposure_imports_neither_rdklib_nor_boto3() -> None:
    code = "import sys, ecr_exposure; print({'rdklib', 'boto3', 'botocore', 'click'} & set(sys.modules))"
    answer = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=RULE, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
