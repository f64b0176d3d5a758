"""docs/fix.md: every example prints what the page shows, and every command has the options that it shows."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure import judge, remedy
from ecr_exposure.cli.fix import fix
from ecr_exposure.cli.main import main
from ecr_exposure.cli.remediation.proposal import MEANS
from ecr_exposure.pulling_services import PULLING_SERVICES
from ecr_exposure.remedy import MODES
from tests.documentation.pages import ROOT, blocks, text_of

FIX: Final = ROOT / "docs" / "fix.md"
POLICY: Final = blocks(FIX, "json")[0]
COMMAND: Final = re.compile(r"^ {4,}ecr-exposure (fix [^\n]*)\n", re.MULTILINE)
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Return the arguments of each command, with language and content of the blocks between it and the next one."""
    _, *parts = COMMAND.split(text_of(FIX))
    return [
        (shlex.split(command)[1:], BLOCK.findall(rest)) for command, rest in zip(parts[::2], parts[1::2], strict=True)
    ]


OF_THE_FILE: Final = [(arguments, shown) for arguments, shown in examples() if arguments[0] == "policy.json"]


@pytest.mark.parametrize(("arguments", "shown"), OF_THE_FILE, ids=lambda value: " ".join(map(str, value))[:60])
def test_command_prints_what_the_page_shows(
    arguments: list[str],
    shown: list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Sentences are wrapped on the page; everything else is the same to the last blank."""
    monkeypatch.chdir(tmp_path)
    Path("policy.json").write_text(POLICY)
    assert main(["fix", *arguments]) == 1
    printed = "".join(capsys.readouterr())
    assert shown
    for language, content in shown:
        if language == "text":
            assert " ".join(content.split()) in " ".join(printed.split())
        else:
            assert content in printed


def test_page_shows_each_mode_and_each_means() -> None:
    commands = [" ".join(arguments) for arguments, _ in OF_THE_FILE]
    options = ("--organization", "--accounts", "--mode remove-statements", "--keep-service", "--show all")
    assert all(any(option in command for command in commands) for option in options)
    assert len(MODES) == 3
    assert all(f"`{means}`" in text_of(FIX) for means in MEANS)


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in examples()], ids=" ".join)
def test_command_has_the_options_of_the_page(arguments: list[str]) -> None:
    fix.make_context("fix", list(arguments))  # raises an error for an option that does not exist


def test_policy_of_the_page_is_public_and_its_service_is_known() -> None:
    assert judge(POLICY).compliance == "NON_COMPLIANT"
    assert "lambda" in PULLING_SERVICES


def test_policy_without_statements_is_to_be_deleted() -> None:
    assert remedy(POLICY.replace('"arn:aws:iam::444455556666:root", ', ""), mode="remove-statements").policy is None


def test_page_has_at_most_250_lines() -> None:
    assert len(text_of(FIX).splitlines()) <= 250
