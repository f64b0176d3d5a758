"""Deployment with RDK: https://github.com/awslabs/aws-config-rdk."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cfnlint.api import lint
from cfnlint.helpers import REGIONS

from ecr_exposure.event import CHANGE
from ecr_exposure.parameters import PARAMETERS
from ecr_exposure.repository import RESOURCE_TYPE
from tests.deployment.sam import ROOT, TEMPLATE, run
from tests.local_aws.templates import ResolvedTemplate, read_template

NAME: Final = "ECR_REPOSITORY_NO_PUBLIC_ACCESS"
# rdk 1.0.0 nests quotes in an f-string, which needs this version of Python.
NEEDS: Final = (3, 12)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def staged(installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the rule in the form that RDK needs."""
    folder = tmp_path_factory.mktemp("rdk")
    # A relative path, because the Makefile adds the repository's path. The tests run in .venv, so make must not
    # install it again, even if the lock file is newer.
    target = os.path.relpath(folder / NAME, ROOT)
    run(("make", "--assume-old=.venv/ready", "rdk", f"RDK={target}"), cwd=ROOT, env=installing)
    return folder


@pytest.fixture(scope="session")
def rdk(tools: Path, environment: dict[str, str], staged: Path) -> Run:
    """Return a function that runs RDK on the staged rule."""
    command = (tools / "python", "-c", "import sys; print(*sys.version_info[:2])")
    major, minor = map(int, run(command, cwd=staged, env=environment).stdout.split())
    if (major, minor) < NEEDS:
        pytest.skip(f"rdk 1.0.0 is a syntax error for Python {major}.{minor}: make .venv-tools with 3.12 or newer")

    def run_rdk(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run((tools / "rdk", *arguments), cwd=staged, env=environment)

    return run_rdk


class TestRdk:
    """The staged rule, and how RDK deploys it."""

    def test_staged_rule_passes_its_own_test(self, rdk: Run) -> None:
        result = rdk("test-local", NAME)
        assert re.search(r"^Ran [1-9][0-9]* tests? in .*\n\nOK$", result.stderr, re.MULTILINE)
        assert "errors=0 failures=0" in result.stdout

    def test_rule_template_has_trigger_scope_and_every_parameter(self, rdk: Run, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        rdk("create-rule-template", "--rules-only", "--output-file", str(file), NAME)
        content = json.loads(file.read_text())
        (rule,) = content["Resources"].values()
        assert rule["Type"] == "AWS::Config::ConfigRule"
        assert rule["Properties"]["ConfigRuleName"] == NAME
        assert rule["Properties"]["Scope"] == {"ComplianceResourceTypes": [RESOURCE_TYPE]}
        assert {"EventSource": "aws.config", "MessageType": CHANGE} in rule["Properties"]["Source"]["SourceDetails"]
        assert set(rule["Properties"]["InputParameters"]) == set(PARAMETERS)
        assert [str(match) for match in lint(file.read_text(), regions=REGIONS) if match.rule.severity == "error"] == []

    def test_rdk_deploys_the_same_function_as_the_template(self) -> None:
        function = ResolvedTemplate(read_template(TEMPLATE), {"DeployAs": "account-rule"}).resources["RuleFunction"]
        rdk = json.loads((ROOT / "parameters.json").read_text())["Parameters"]
        assert (rdk["SourceHandler"], rdk["SourceRuntime"]) == (function["Handler"], function["Runtime"])
        assert (rdk["RuleName"], rdk["SourceEvents"]) == (NAME, RESOURCE_TYPE)
