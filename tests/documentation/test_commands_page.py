"""docs/commands.md has every option of every command, and every key of its JSON document."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import command, main
from tests.commands.deployed_organization import deployed_organization
from tests.commands.deployed_rule import deployed
from tests.commands.evaluated_organization import evaluated_organization, run_on
from tests.commands.prepared_organization import prepared_organization
from tests.commands.repository_to_fix import repository_to_fix
from tests.commands.stack_with_queue import StackWithQueue
from tests.documentation.pages import ROOT, section, ticked
from tests.local_aws.moto_invocations import accepted_invocations
from tests.local_aws.organization import HUB, LocalOrganization

PAGE: Final = ROOT / "docs" / "commands.md"
COMMON: Final = section(PAGE, "What all commands have in common")
NAMES: Final = sorted(command.commands)
CHECK: Final = ROOT / "docs" / "check.md"
"""Has the options of check: tests/documentation/test_check_page.py."""
OF_CHECK: Final = ("check", "scan", "report")
"""The commands with the options of how policies are evaluated and of the report."""


def rows(text: str) -> Iterator[str]:
    """Yield the rows of the tables."""
    yield from (line for line in text.splitlines() if line.startswith("|"))


def options_in(text: str) -> set[str]:
    """Return the options that the tables name, also several in a cell."""
    first_cells = [row.split("|")[1] for row in rows(text)]
    return {option for cell in first_cells for option in re.findall(r"`(--?[a-z-]+)", cell)}


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_in_the_common_table_or_in_that_of_its_command(name: str) -> None:
    options = [each for each in command.commands[name].params if isinstance(each, click.Option)]
    own = set() if name == "check" else options_in(section(PAGE, name))
    documented = options_in(COMMON) | own | (options_in(section(CHECK, "Options")) if name in OF_CHECK else set())
    assert [each.opts for each in options if not set(each.opts) & documented] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_option_in_the_table_of_a_command_exists(name: str) -> None:
    existing = {option for each in command.commands[name].params for option in each.opts}
    assert options_in(section(PAGE, name)) <= existing


def test_common_options_are_those_of_every_command() -> None:
    assert options_in(COMMON) >= {"--profile", "--json", "-q", "--quiet", "--no-color", "--permissions", "--help"}


def preflight(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of preflight."""
    with prepared_organization() as prepared:
        return _document(capsys, prepared.organization, "preflight", "--regions", "eu-west-1")


def verify(_capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of verify."""
    with deployed() as rule:
        return rule.document()[1]


def status(_capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of status."""
    with deployed_organization() as organization:
        return organization.status("--json").document


def replay(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of replay."""
    with accepted_invocations() as events, LocalOrganization() as organization:
        StackWithQueue(organization, events)
        return _document(capsys, organization, "replay", "ecr-exposure")


def fix(_capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of fix."""
    with repository_to_fix() as repository:
        return repository.document("--yes")[1]


def check(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of check."""
    Path("policy.json").write_text('{"Version": "2012-10-17", "Statement": []}', encoding="utf-8")
    main(("check", "policy.json", "--json"))
    return json.loads(capsys.readouterr().out)


def scan(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of scan."""
    with LocalOrganization() as organization:
        return _document(capsys, organization, "scan")


def report(_capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document of report."""
    with evaluated_organization() as deployed:
        return run_on(deployed, "report", "--json").document


def _document(capsys: pytest.CaptureFixture[str], organization: LocalOrganization, *arguments: str) -> Any:
    capsys.readouterr()
    main((*arguments, "--json"), Environment(session=organization.session(HUB, "eu-west-1")))
    return json.loads(capsys.readouterr().out)


class TestJson:
    """The keys of the documents."""

    @pytest.fixture(autouse=True)
    def _working_folder(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize(
        "run", [preflight, verify, status, replay, fix, check, scan, report], ids=lambda run: run.__name__
    )
    def test_keys_of_the_document_are_on_the_page(
        self, run: Callable[[pytest.CaptureFixture[str]], Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        document = run(capsys)
        assert document["command"] == run.__name__
        documented = self.documented("common") | self.documented(run.__name__)
        if run.__name__ in OF_CHECK:
            documented |= self.documented("check")
        assert sorted(document.keys() - documented) == []

    def documented(self, name: str) -> set[str]:
        """Return the keys in the rows of a command, and of those without a command that follow."""
        common, own = section(PAGE, "JSON").split("| command | further keys |")
        if name == "common":
            return set(ticked("\n".join(rows(common))))
        found = re.search(rf"^\| [^|]*`{name}`[^|]* \|.*?(?=^\| `|\Z)", own, re.MULTILINE | re.DOTALL)
        assert found is not None
        return set(ticked(found[0]))
