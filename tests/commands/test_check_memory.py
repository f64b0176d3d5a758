"""What ``check`` keeps of a file: its policies and errors, but neither its text nor the nodes of a template."""

import gc
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecr_exposure.cli.check_run import CheckRun, Facts
from ecr_exposure.cli.files_to_check.files import FoundFile
from ecr_exposure.cli.policy_report.checked_policy import Question
from ecr_exposure.cli.policy_report.judgement import Judgement

RESOURCES = {
    "App": {
        "Type": "AWS::ECR::Repository",
        "Properties": {"RepositoryPolicyText": {"Statement": [{"Effect": "Allow", "Principal": "*"}]}},
    }
}
YAML = f"Resources: {json.dumps(RESOURCES)}\n"
TEMPLATES = {"JSON": json.dumps({"Resources": RESOURCES}), "YAML": YAML, "two documents": f"A: 1\n---\n{YAML}"}


@pytest.fixture
def run() -> CheckRun:
    judgement = Judgement(question=Question(), now=datetime(2026, 11, 27, tzinfo=UTC))
    facts = Facts(owner=None, region=None, parameters={})
    return CheckRun(judgement, None, facts, is_ignored=lambda _: False, accepts_any_file=False)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Collect no garbage but where a test says so."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def check(run: CheckRun, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    run.check(FoundFile(shown=path.name, path=path, is_named=True))


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("text", TEMPLATES.values(), ids=TEMPLATES)
def test_template_is_freed_without_a_search_for_cycles(run: CheckRun, tmp_path: Path, text: str) -> None:
    check(run, tmp_path / "first.yaml", text)  # imports what is kept
    gc.collect()
    check(run, tmp_path / "second.yaml", text)
    assert len(run.policies) == 2
    assert gc.collect() == 0


def test_error_keeps_nothing_of_its_file(run: CheckRun, tmp_path: Path) -> None:
    check(run, tmp_path / "app.yaml", "Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Properties: [\n")
    (error,) = run.errors
    assert error.message.startswith("app.yaml:5: not YAML")
    # A traceback has the frames, and they have the text.
    assert (error.__traceback__, error.__context__) == (None, None)
