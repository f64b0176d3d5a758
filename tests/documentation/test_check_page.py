"""docs/check.md and docs/formats.md: examples print what is shown, and every option, member and file exists."""

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ecr_exposure.cli.check import check
from ecr_exposure.cli.main import main
from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.csv_format import COLUMNS
from tests.documentation.pages import ROOT, blocks, section, text_of, ticked

CHECK: Final = ROOT / "docs" / "check.md"
SHOWN_FORMATS: Final = ROOT / "docs" / "formats.md"
TEMPLATE, WORKFLOW, HOOKS, METADATA, ENTRIES = blocks(CHECK, "yaml")
COMMAND: Final = re.compile(r"^ {4}(?:terraform show [^|]*\| )?ecr-exposure check ([^\n]*)$", re.MULTILINE)
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMENTED: Final = blocks(CHECK, "hcl")[0]


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the template of the page."""
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(TEMPLATE, encoding="utf-8")


def examples() -> list[tuple[list[str], list[str]]]:
    """Return the arguments of each command that checks app.yaml, with the blocks between it and the next command."""
    _, *parts = COMMAND.split(text_of(CHECK) + text_of(SHOWN_FORMATS))
    found = [(shlex.split(arguments), rest) for arguments, rest in zip(parts[::2], parts[1::2], strict=True)]
    return [
        (arguments, [content for language, content in BLOCK.findall(rest) if language in ("text", "xml", "csv")])
        for arguments, rest in found
        if arguments[0] == "app.yaml"
    ]


def document(*arguments: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the JSON that the command prints."""
    main(["check", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("arguments", "shown"), examples(), ids=lambda value: " ".join(value)[:60])
def test_command_prints_what_the_page_shows(
    arguments: list[str], shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Sentences are wrapped on the page."""
    assert main(["check", *arguments]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(content.split()) in printed for content in shown)


def test_each_format_has_an_example() -> None:
    commands = " ".join(" ".join(arguments) for arguments, _ in examples())
    assert all(f"--format {name}" in commands for name in FORMATS if name != "json")
    assert all(f"## {name}\n" in text_of(SHOWN_FORMATS) for name in FORMATS)
    assert sum(bool(shown) for _, shown in examples()) >= 4


def test_options_are_those_of_the_command() -> None:
    page = section(CHECK, "Options").partition("| exit code")[0]
    documented = set(re.findall(r"(?<=`)(?:--?[a-z-]+)", page))
    options = {name for parameter in check.params for name in parameter.opts if name.startswith("-")}
    assert documented == options


def test_members_of_the_document_are_those_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    head, policy = section(SHOWN_FORMATS, "json").split("| member")[1:3]
    report = document("app.yaml", capsys=capsys)

    def documented(rows: str) -> set[str]:
        return {name for row in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE) for name in ticked(row)}

    assert documented(head) == set(report)
    assert documented(policy.partition("\n\n")[0]) == set(report["policies"][0])


def test_columns_of_the_csv_are_those_of_the_page() -> None:
    assert next(csv.reader(blocks(SHOWN_FORMATS, "csv"))) == list(COLUMNS)


class TestSuppressions:
    """Each of the three ways works as it is shown."""

    @pytest.mark.parametrize(("name", "content"), [("base.yaml", METADATA), ("base.tf", COMMENTED)])
    def test_policy_of_the_page_is_public_on_purpose(
        self, name: str, content: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path(name).write_text(content, encoding="utf-8")
        (policy,) = document(name, capsys=capsys)["policies"]
        assert policy["result"] == "public on purpose"
        assert "base images for customers" in policy["excuse"]
        assert document(name, "--no-suppressions", capsys=capsys)["result"] == "findings"

    def test_entries_of_the_page_excuse_what_they_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        content = yaml.safe_load(METADATA)
        del content["Resources"]["Base"]["Metadata"]
        Path("infra").mkdir()
        Path("infra/app.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        Path(".ecr-exposure.yaml").write_text(ENTRIES, encoding="utf-8")
        report = document("infra", capsys=capsys)
        assert [policy["result"] for policy in report["policies"]] == ["public on purpose"]
        assert len(report["notes"]) == 1  # of the entry for public/*
        assert report["errors"] == []


class TestOtherTools:
    """The snippets use what action.yml and .pre-commit-hooks.yaml have."""

    def test_inputs_of_the_workflow_exist(self) -> None:
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        step = yaml.safe_load(WORKFLOW)["jobs"]["ecr"]["steps"][1]
        assert set(step["with"]) < set(action["inputs"])
        assert "upload-sarif" in action["inputs"]

    def test_hooks_of_the_snippet_are_all_there_are(self) -> None:
        hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
        shown = yaml.safe_load(HOOKS)["repos"][0]["hooks"]
        assert [each["id"] for each in shown] == [each["id"] for each in hooks]
