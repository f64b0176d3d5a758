"""The README is true: its examples run, its names exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_exposure import judge
from ecr_exposure.parameters import PARAMETERS
from tests.cases import all_cases
from tests.local_aws.demo import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [text for name, text in BLOCKS if name == language]


def test_the_demo_shows_what_the_readme_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main([]) == 0
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown == blocks("text")[0].splitlines()


def test_each_policy_gets_its_annotation() -> None:
    policies, annotations = blocks("json"), blocks("text")[1:]
    assert len(policies) == len(annotations) == 2
    assert [judge(policy).annotation for policy in policies] == [text.strip() for text in annotations]
    assert [judge(policy).compliance for policy in policies] == ["NON_COMPLIANT", "COMPLIANT"]


def test_the_python_example_runs() -> None:
    (example,) = blocks("python")
    subprocess.run([sys.executable, "-c", example], cwd=ROOT / "rule", check=True)  # noqa: S603 - our own README


def test_the_parameter_table_is_complete() -> None:
    table = README[README.index("### Rule parameters") : README.index("### Permissions")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(PARAMETERS)


def test_every_limit_names_a_case() -> None:
    limits = README[README.index("## Known limits") : README.index("## Change it")]
    named = re.findall(r"`([a-z]+/[a-z0-9-]+)`", limits)
    assert len(named) >= 4
    assert set(named) <= {case.name for case in all_cases()}


def test_every_make_command_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", README)) - {"is"} <= set(targets)


def test_its_length_is_readable() -> None:
    assert 150 <= len(README.splitlines()) <= 250
