"""What ``preflight`` writes and prints about the values of the stack, and the commands that deploy them."""

import shlex
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.excluded_accounts import unchecked_accounts
from ecr_exposure.cli.prerequisites.finding import counted, first_of, named
from ecr_exposure.cli.terminal import print_line
from ecr_exposure.cli.values.project_folder import ProjectFolder
from ecr_exposure.cli.values.proposed_values import ProposedValues
from ecr_exposure.cli.values.sam_deploy import deploy_commands
from ecr_exposure.cli.values.template_parameters import TEMPLATE

_LONGEST_SHOWN: Final = 160


class ValuesReport:
    """Adds values to the file of a project folder, if there is one, and prints what it did."""

    def __init__(self, console: Console, project: ProjectFolder | None, file: Path, profile: str | None) -> None:
        """Take the project folder, or None where the file is in no such folder."""
        self._console, self._project, self._file, self._profile = console, project, file, profile

    def add_and_print(self, inventory: Inventory, proposed: ProposedValues, current: Mapping[str, str]) -> bool:
        """Add the values that the file lacks; return whether this was possible."""
        missing, error = proposed.missing(current), ""
        added = missing
        if self._project:
            try:
                added = self._project.add_values(missing)
            except CannotRunError as problem:
                error = problem.message
        self._console.print()
        self._print_added(added, error, {each.name: each.reason for each in proposed.proposals})
        self._print_refused({name: value for name, value in missing.items() if name not in added})
        for each in proposed.unknown(current):
            print_line(self._console, f"{each.name}: {each.reason or 'unknown, see above'}", indent=2)
        self._print_differences(proposed, current)
        self._print_unchecked(inventory, current)
        if self._project and not error:
            self._print_commands(proposed, {**current, **added}, inventory)
        return not error

    def _print_added(self, added: Mapping[str, str], error: str, reasons: Mapping[str, str]) -> None:
        if not self._project:
            print_line(self._console, ("Parameter values", "bold"))
            self._print_values(added, reasons)
            folder = f"{self._file.parent} has no {TEMPLATE}"
            print_line(self._console, f"Not written: {folder}; name the file beside it with --parameters FILE")
            return
        if error:
            print_line(self._console, ("Parameter values that could not be added", "bold red"), f": {error}")
        elif added:
            print_line(self._console, ("Parameter values added", "bold"), f" to {self._file}")
        else:
            print_line(self._console, ("Parameter values", "bold"), f": nothing to add to {self._file}")
        self._print_values(added, reasons)

    def _print_values(self, values: Mapping[str, str], reasons: Mapping[str, str]) -> None:
        for name, value in values.items():
            reason = f" ({reasons[name]})" if reasons.get(name) else ""
            print_line(self._console, f"{name}={value}{reason}", indent=2)

    def _print_refused(self, values: Mapping[str, str]) -> None:
        """Print which values another version of the template does not accept."""
        if self._project:
            for name, value in values.items():
                print_line(self._console, f"Not added: {self._project.parameters.problem(name, value)}", indent=2)

    def _print_differences(self, proposed: ProposedValues, current: Mapping[str, str]) -> None:
        for each in proposed.different(current):
            choice = _choice(current[each.name], each.value or "")
            reason = f" ({each.reason})" if each.reason else ""
            option = shlex.join(("--set", f"{each.name}={each.value}"))
            print_line(self._console, f"{self._file} says {each.name}={choice}{reason}: {option}")
        if proposed.different(current):
            print_line(self._console, 'With make, write SET="NAME=VALUE" instead of --set NAME=VALUE', indent=2)

    def _print_unchecked(self, inventory: Inventory, current: Mapping[str, str]) -> None:
        unchecked = sorted(unchecked_accounts(inventory).difference(current.get("ExcludedAccounts", "").split(",")))
        if unchecked:
            number = f"{counted(len(unchecked))} not checked, so not in ExcludedAccounts"
            each = "it" if len(unchecked) == 1 else "any of them"
            text = f"{number}; {each} may fail the deployment: {first_of(inventory, unchecked)}"
            print_line(self._console, text)

    def _print_commands(self, proposed: ProposedValues, values: Mapping[str, str], inventory: Inventory) -> None:
        """Print how to deploy, the home Region first, because its stack creates the roles."""
        self._console.print()
        ordered = sorted(inventory.regions, key=lambda region: region != values.get("HomeRegion"))
        possible = [region for region in ordered if region not in proposed.refused_regions]
        needed = {region: proposed.of_regions.get(region, {}) for region in possible}
        account = named(inventory, inventory.hub)
        print_line(self._console, ("Deploy", "bold"), f" with credentials of {account} when nothing is missing:")
        for command in deploy_commands(self._file, needed, self._profile, Path()):
            print_line(self._console, (command, "green"), indent=4)
        self._print_own_values(proposed, inventory)

    def _print_own_values(self, proposed: ProposedValues, inventory: Inventory) -> None:
        """Print which Regions have values of their own, or would need some that no parameter can hold."""
        regions: dict[str, list[str]] = defaultdict(list)
        for region, own in proposed.of_regions.items():
            regions[" and ".join(own)].append(region)
        for names, where in regions.items():
            needs, this = ("needs", "its own") if len(where) == 1 else ("need", "their own")
            every = len(where) == len(inventory.regions) > 1
            named_regions = "All Regions" if every else ", ".join(where)
            text = f"{named_regions} {needs} {names} of {this}: deploy every update there with the command above."
            print_line(self._console, text, indent=2)
        if regions:
            text = f"Where preflight prints the plain command again, use that: it sends the value of {self._file}."
            print_line(self._console, text, indent=2)
        if proposed.refused_regions:
            text = f"No command for {', '.join(sorted(proposed.refused_regions))}: ExcludedAccounts would be too long"
            print_line(self._console, f"{text}, see Missing.", indent=2)


def _choice(current: str, value: str) -> str:
    """Return what the file says and what preflight would choose; of long lists, only what differs."""
    if len(current) + len(value) <= _LONGEST_SHOWN:
        return f"{current}; preflight would choose {value or 'none'}"
    now, then = current.split(","), value.split(",")
    added, removed = sorted(set(then).difference(now, ("",))), sorted(set(now).difference(then, ("",)))
    changes = (f"{what} {','.join(ids)}" for what, ids in (("add", added), ("remove", removed)) if ids)
    return f"{now[0]},… ({len(now)} entries); preflight would {' and '.join(changes)}"
