"""The commands that deploy to many Regions, and what the report says of the values that single Regions need."""

import shlex
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from ecr_exposure.cli.organization.inventory import AccountRegion, Inventory
from ecr_exposure.cli.values.project_folder import open_project_folder
from ecr_exposure.cli.values.proposed_values import proposed_values
from ecr_exposure.cli.values.values_report import ValuesReport
from tests.commands.large_organization import ACCOUNTS, REGIONS, Change, large_organization

HOME, *OTHERS = REGIONS
OVERRIDES: Final = "--parameter-overrides file://parameters.yaml"


def without_recorder(numbers: range, *regions: str) -> Change:
    """Return a change after which these accounts have no recorder in these Regions."""

    def change(number: int, each: AccountRegion) -> AccountRegion:
        return replace(each, recorder=None) if number in numbers and each.region in regions else each

    return change


def printed(inventory: Inventory, file: Path) -> list[str]:
    """Return what is printed about the values, after they are written."""
    project = open_project_folder(file)
    assert project
    current = project.values
    console = Console(file=StringIO(), highlight=False, width=200)
    report = ValuesReport(console, project, Path("parameters.yaml"), None)
    report.add_and_print(inventory, proposed_values(inventory, current), current)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


class TestCommands:
    """One line for each Region, or for many Regions with the same values."""

    def test_regions_with_the_same_values_are_one_loop_after_the_home_region(self, project: Path) -> None:
        lines = printed(large_organization(), project)
        at = lines.index(f"Deploy with credentials of account {ACCOUNTS[0]} (team-000) when nothing is missing:")
        assert lines[at + 1 :] == [
            f"    sam build && sam deploy --region {HOME}",
            f'    for region in {" ".join(OTHERS)}; do sam deploy --region "$region" || break; done',
        ]

    def test_loop_ends_at_the_region_that_fails(self, project: Path, tmp_path: Path) -> None:
        """The shell runs it as it is printed."""
        (loop,) = [line for line in printed(large_organization(), project) if line.startswith("    for ")]
        log = tmp_path / "deployed"
        sam = f'sam() {{ echo "$3" >> {shlex.quote(str(log))}; test "$3" != {OTHERS[2]}; }}; {loop}'
        subprocess.run(["sh", "-c", sam], check=True)  # noqa: S603, S607 - a shell is what the line is for
        assert log.read_text().split() == OTHERS[:3]

    @pytest.mark.parametrize("number", [1, 3])
    def test_few_regions_have_a_line_each(self, project: Path, number: int) -> None:
        lines = printed(large_organization(regions=REGIONS[: number + 1]), project)
        assert lines[-number:] == [f"    sam deploy --region {region}" for region in OTHERS[:number]]

    def test_regions_with_the_same_accounts_to_exclude_are_one_loop(self, project: Path) -> None:
        lines = printed(large_organization(without_recorder(range(3, 5), *OTHERS[:5])), project)
        excluded = f"ExcludedAccounts={ACCOUNTS[3]},{ACCOUNTS[4]}"
        own, rest = " ".join(OTHERS[:5]), " ".join(OTHERS[5:])
        assert lines[-4:] == [
            f'    for region in {own}; do sam deploy --region "$region" {OVERRIDES} {excluded} || break; done',
            f'    for region in {rest}; do sam deploy --region "$region" || break; done',
            f"  {', '.join(OTHERS[:5])} need ExcludedAccounts of their own: deploy every update there with the command "
            "above.",
            "  Where preflight prints the plain command again, use that: it sends the value of parameters.yaml.",
        ]

    def test_values_of_all_regions_name_no_region(self, project: Path) -> None:
        missing = {(3, HOME), (4, OTHERS[0])}

        def one_each(number: int, each: AccountRegion) -> AccountRegion:
            return replace(each, recorder=None) if (number, each.region) in missing else each

        lines = printed(large_organization(one_each, regions=REGIONS[:2]), project)
        text = "  All Regions need ExcludedAccounts of their own: deploy every update there with the command above."
        assert text in lines


class TestTooManyAccounts:
    """A parameter of CloudFormation holds 4,096 characters."""

    def test_region_with_too_many_accounts_to_exclude_gets_no_command(self, project: Path) -> None:
        lines = printed(large_organization(without_recorder(range(3, 319), OTHERS[0], OTHERS[2])), project)
        assert not [line for line in lines if f"--region {OTHERS[0]}" in line or f" {OTHERS[0]} " in line]
        assert lines[-1] == (
            f"  No command for {OTHERS[0]}, {OTHERS[2]}: ExcludedAccounts would be too long, see Missing."
        )

    def test_regions_with_too_many_accounts_are_one_finding(self) -> None:
        def change(number: int, each: AccountRegion) -> AccountRegion:
            most = {OTHERS[0]: 400, OTHERS[1]: 1000}.get(each.region, 0)
            return replace(each, recorder=None) if 0 < number < most else each

        (refusal,) = proposed_values(large_organization(change), {}).refusals
        assert refusal.where == f"template.yaml, {OTHERS[0]}, {OTHERS[1]}"
        assert refusal.problem == (
            "ExcludedAccounts would have 399 to 999 account ids; a parameter of CloudFormation holds 315, in 4,096 "
            "characters"
        )
        assert refusal.note == (
            "Create the missing configuration recorders. AWS Config excludes at most 1,000 accounts."
        )

    def test_as_many_as_a_parameter_holds_are_excluded(self, project: Path) -> None:
        lines = printed(large_organization(without_recorder(range(3, 318), OTHERS[0])), project)
        (command,) = [line for line in lines if f"--region {OTHERS[0]}" in line]
        assert len(command.partition("ExcludedAccounts=")[2]) == 4094
