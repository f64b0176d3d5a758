"""The house holds: imports run one way, and only the edge knows AWS."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

RULE = Path(__file__).parent.parent.parent / "rule"
PACKAGE = RULE / "ecr_exposure"

# From the core to the edge: a module imports only what stands before its own line.
LAYERS = (
    ("errors",),
    ("identifiers", "policy.patterns", "policy.json_values", "policy.operators"),
    ("policy.actions", "policy.principals", "policy.conditions", "policy.variables"),
    ("policy.document",),
    ("exposure.grant", "exposure.keys", "exposure.budget", "exposure.addresses", "exposure.automata"),
    ("exposure.evaluator", "exposure.words"),
    ("exposure.shapes", "exposure.reasons"),
    ("exposure.outsider",),
    ("exposure.demands",),
    ("exposure.points",),
    ("exposure.values",),
    ("exposure.group",),
    ("exposure.caller",),
    ("exposure.linked",),
    ("exposure.search",),
    ("annotation", "exposure.unconditional", "exposure.weighed", "exposure.advisories"),
    ("verdict",),
    ("parameters", "configuration_item"),
    ("assessment", "event", "clients"),
    ("members",),
    ("config_rule",),
    ("handler",),
)
LAYER_OF = {f"ecr_exposure.{name}": at for at, names in enumerate(LAYERS) for name in names}
EDGE = {"ecr_exposure.clients", "ecr_exposure.members", "ecr_exposure.config_rule", "ecr_exposure.handler"}
MODULES = sorted(file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py")


def name_of(file: Path) -> str:
    """Return the module's dotted name."""
    return ".".join(file.relative_to(RULE).with_suffix("").parts)


def imports_of(file: Path) -> set[str]:
    """Return the modules that a module imports, at whatever place."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_imports_run_one_way(file: Path) -> None:
    own = {name for name in imports_of(file) if name.split(".")[0] == "ecr_exposure"}
    assert {name for name in own if LAYER_OF[name] >= LAYER_OF[name_of(file)]} == set()


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_only_the_edge_knows_aws_the_log_and_the_clock(file: Path) -> None:
    outside = {name.split(".")[0] for name in imports_of(file)} & {
        "boto3",
        "botocore",
        "rdklib",
        "logging",
        "os",
    }
    assert not outside or name_of(file) in EDGE


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_modules_and_functions_are_short(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or (body[-1].end_lineno or 0) - body[0].lineno < 40, node.name


def test_the_interface_needs_no_aws() -> None:
    """`import ecr_exposure` imports neither rdklib nor boto3."""
    code = "import sys, ecr_exposure; print({'rdklib', 'boto3', 'botocore'} & set(sys.modules))"
    answer = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=RULE, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
