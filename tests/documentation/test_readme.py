"""The README is true: its examples run, its names exist."""

import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from ecr_exposure import judge
from ecr_exposure.parameters import PARAMETERS
from tests.corpus.loader import all_cases
from tests.deployment.sam import MEMBER_ACCOUNT, TEMPLATE
from tests.local_aws.demo import main
from tests.local_aws.templates import read_template

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [text for name, text in BLOCKS if name == language]


def test_the_demo_shows_what_the_readme_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "180")
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
    tables = README[README.index("### Parameters") : README.index("### Permissions")]
    of_the_rule, _, of_the_template = tables.partition("The template's own parameters:")
    assert re.findall(r"^\| `(\w+)` \|", of_the_rule, re.MULTILINE) == list(PARAMETERS)
    own = [name for name in read_template(TEMPLATE)["Parameters"] if name not in PARAMETERS]
    assert sorted(re.findall(r"^\| `(\w+)` \|", of_the_template, re.MULTILINE)) == sorted(own)


def test_the_template_tables_defaults_are_the_templates() -> None:
    table = README[README.index("The template's own parameters:") : README.index("### Permissions")]
    parameters = read_template(TEMPLATE)["Parameters"]
    written = {"empty": "", "–": ""}
    for name, cell in re.findall(r"^\| `(\w+)` \| (\S+) \|", table, re.MULTILINE):
        assert str(parameters[name]["Default"]) == written.get(cell, cell.strip("`")), name


def test_the_permissions_are_those_of_the_templates() -> None:
    table = README[README.index("### Permissions") : README.index("## Use it from Python")]
    named = set(re.findall(r"`((?:config|ecr|sts|organizations|logs|sqs):\w+)`", table))
    text = TEMPLATE.read_text(encoding="utf-8") + MEMBER_ACCOUNT.read_text(encoding="utf-8")
    assert named == set(re.findall(r"\b((?:config|ecr|sts|organizations|logs|sqs):[A-Z]\w+)", text))


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: str(page.name))
def test_every_page_is_reached_and_its_make_commands_exist(page: Path) -> None:
    assert f"docs/{page.name}" in README
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^ +make (\w+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= set(targets)


# `aws cloudformation deploy` is the CLI's own, and has no operation behind it.
OF_THE_CLI = {("cloudformation", "deploy")}


def commands_of_the_cli() -> list[tuple[str, str, list[str]]]:
    """Return service, operation and options of every `aws` command in the pages and templates."""
    found = []
    for file in (ROOT / "README.md", TEMPLATE, *(ROOT / "docs").iterdir(), *(ROOT / "deploy").iterdir()):
        text = re.sub(r"\s*\n +--", " --", file.read_text(encoding="utf-8"))
        for service, operation, rest in re.findall(r"\baws ([a-z]+) ([a-z-]+)((?:(?! aws )[^\n`])*)", text):
            found.append((service, operation, re.findall(r"--([a-z-]+)", rest)))
    return found


def test_every_command_of_the_cli_exists() -> None:
    commands = [each for each in commands_of_the_cli() if each[:2] not in OF_THE_CLI]
    assert len(commands) >= 8
    session = botocore.session.get_session()
    for service, operation, options in commands:
        model = session.get_service_model({"configservice": "config"}.get(service, service))
        shapes = {xform_name(name, "-"): name for name in model.operation_names}
        members = model.operation_model(shapes[operation]).input_shape
        known = {xform_name(name, "-") for name in (members.members if members else ())}
        assert set(options) - {"query", "region"} <= known, (service, operation)


def test_every_limit_names_a_case() -> None:
    limits = README[README.index("## Known limits") : README.index("## Change it")]
    named = re.findall(r"`([a-z-]+/[a-zA-Z0-9/-]+)`", limits)
    assert len(named) >= 4
    assert set(named) <= {case.name for case in all_cases()}


def test_every_make_command_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", README)) - {"is"} <= set(targets)


def test_its_length_is_readable() -> None:
    assert 150 <= len(README.splitlines()) <= 250
