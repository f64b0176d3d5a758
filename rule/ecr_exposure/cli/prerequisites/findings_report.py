"""What ``ecr-exposure preflight`` prints and returns of its findings: a bounded report, and the whole list as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.finding import Finding, Level, account_names, counted
from ecr_exposure.cli.prerequisites.groups import condensed
from ecr_exposure.cli.prerequisites.place_texts import PlaceTexts
from ecr_exposure.cli.prerequisites.unreached_accounts import rest_to_check
from ecr_exposure.cli.terminal import print_line

_STYLES: Final = {Level.MISSING: "bold red", Level.UNCHECKED: "bold yellow"} | {
    Level.EXCLUDED: "bold magenta",
    Level.HINT: "bold cyan",
}
# With the rest of the report, at most 200 lines, whatever is wrong.
_MOST_LINES: Final = {Level.MISSING: 45, Level.UNCHECKED: 20, Level.EXCLUDED: 15, Level.HINT: 20}
_COMMAND: Final = "green"

Line = tuple[int, str, str]
"""Indentation, text and style."""


def print_findings(
    console: Console, inventory: Inventory, findings: Sequence[Finding], values: Mapping[str, str]
) -> None:
    """Print the findings by level, each with the accounts that it concerns, its note and its commands.

    Where they have too many lines together, those that concern the fewest accounts and Regions are only counted;
    ``findings_as_json`` has them all. ``values`` are the template's parameters.
    """
    texts = PlaceTexts(account_names(inventory), inventory.regions)
    shown = condensed(findings)
    blocks = {level: [(each, _lines(texts, each)) for each in shown if each.level is level] for level in Level}
    room = _room({level: sum(len(lines) for _, lines in found) for level, found in blocks.items()})
    for level, found in blocks.items():
        if found:
            _print_level(console, level, found, room[level])
        if level is Level.UNCHECKED:
            for text, command in rest_to_check(inventory, values, findings):
                print_line(console, text, indent=2)
                print_line(console, (command, _COMMAND), indent=4)


def findings_as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the findings as JSON values, with all accounts and Regions that each concerns.

    Members: ``level`` (missing, unchecked, excluded, hint), ``problem``, ``where`` (empty with places), ``note``,
    ``commands``, and ``places``, each with ``account`` and, unless it is the whole account, ``region``. If there are
    several places, ACCOUNT and REGION in the commands stand for those of each place.
    """
    return [
        {
            "level": finding.level.name.lower(),
            "problem": finding.problem,
            "where": finding.where,
            "note": _note(finding),
            "commands": list(finding.commands),
            "places": [
                {"account": place.account} | ({"region": place.region} if place.region else {})
                for place in finding.places
            ],
        }
        for finding in findings
    ]


def _lines(texts: PlaceTexts, finding: Finding) -> list[Line]:
    where = finding.where or texts.heading(finding.places)
    first = texts.first(finding.places, heading=not finding.where)
    return [
        (0, f"- {where}: {finding.problem}", ""),
        *([(2, first, "")] if first else []),
        *((2, line, "") for line in _note(finding).splitlines()),
        *((4, command, _COMMAND) for command in finding.commands),
    ]


def _note(finding: Finding) -> str:
    several = finding.note_of_several if len(finding.accounts) > 1 else ""
    return " ".join(filter(None, (several, finding.note)))


def _room(needed: Mapping[Level, int]) -> dict[Level, int]:
    """Return how many lines each level may have: its share, and of what other levels leave, the first ones most."""
    room = {level: min(lines, _MOST_LINES[level]) for level, lines in needed.items()}
    left = sum(_MOST_LINES.values()) - sum(room.values())
    for level, lines in needed.items():
        more = min(lines - room[level], left)
        room[level] += more
        left -= more
    return room


def _print_level(
    console: Console, level: Level, found: Sequence[tuple[Finding, Sequence[Line]]], most_lines: int
) -> None:
    console.print()
    print_line(console, (f"{level.value} ({len(found)})", _STYLES[level]))
    printed = _chosen(found, most_lines)
    for line in _about_commands([finding for at, (finding, _) in enumerate(found) if at in printed]):
        print_line(console, line, indent=2)
    for at in sorted(printed):
        for indent, text, style in found[at][1]:
            print_line(console, (text, style), indent=indent)
    left_out = [finding for at, (finding, _) in enumerate(found) if at not in printed]
    if left_out:
        accounts = {account for finding in left_out for account in finding.accounts}
        what = f"{counted(len(left_out), 'more finding')} about {counted(len(accounts))}"
        print_line(console, f"- {what}: --json lists all")


def _chosen(found: Sequence[tuple[Finding, Sequence[Line]]], most_lines: int) -> set[int]:
    """Return which findings are printed: those of no account first, then those of the most places, while they fit."""
    by_weight = sorted(range(len(found)), key=lambda at: (bool(found[at][0].places), -len(found[at][0].places)))
    chosen: set[int] = set()
    room = most_lines
    for at in by_weight:
        lines = len(found[at][1])
        if lines <= room:
            chosen.add(at)
            room -= lines
    return chosen


def _about_commands(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what to know before the commands of a level."""
    if any(finding.commands for finding in findings):
        yield "Run each command with credentials of the account that the line above it names"
    several = [finding for finding in findings if finding.where or len(finding.places) > 1]
    words = [word for word in ("ACCOUNT", "REGION") if any(word in text for each in several for text in each.commands)]
    if words:
        verb = "stand" if len(words) > 1 else "stands"
        yield f"{' and '.join(words)} {verb} for each of them; --json lists all"
