"""Equal findings of several accounts and Regions in one, however many there are. Pure.

Two findings are equal if they differ in nothing but the id of their account and the name of their Region. In the
commands and texts of a group, the words ACCOUNT and REGION stand for those that differ.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ecr_exposure.cli.prerequisites.finding import Finding, Level, Place, counted

# A shell leaves these texts without quotes, and no text of AWS has them.
_ACCOUNT: Final = "@ACCOUNT@"
_REGION: Final = "@REGION@"

_MOST_VARIANTS: Final = 2
"""How many sets of commands for one problem are printed."""

_Texts = tuple[str, str, str, tuple[str, ...]]


@dataclass(slots=True)
class _Group:
    first: Finding
    places: list[Place] = field(default_factory=list)


def grouped(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with the equal ones of single places in one, in the order in which each first appears."""
    groups: dict[tuple[Level, _Texts] | int, _Group] = {}
    for at, finding in enumerate(findings):
        if len(finding.places) == 1:
            key: tuple[Level, _Texts] | int = (finding.level, _without_place(finding))
        else:
            key = at
        groups.setdefault(key, _Group(finding)).places.extend(finding.places)
    return tuple(
        group.first if len(group.places) <= 1 or isinstance(key, int) else _merged(group, key[1])
        for key, group in groups.items()
    )


def condensed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings for a report: of those of one subject, such as one problem for many reasons, three at most.

    The subject is what a problem says before the first colon. The last of the three stands for all that are left out.
    """
    by_subject: dict[tuple[Level, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_subject[finding.level, finding.where, _subject(finding)].append(finding)
    return tuple(each for found in by_subject.values() for each in _condensed(found))


def _subject(finding: Finding) -> str:
    return finding.problem.partition(": ")[0]


def _condensed(found: Sequence[Finding]) -> Sequence[Finding]:
    """Return findings of one subject, those of the most accounts and Regions first if there are too many."""
    if len(found) <= _MOST_VARIANTS + 1 or not all(finding.places for finding in found):
        return found
    ordered = sorted(found, key=lambda finding: -len(finding.places))
    rest = ordered[_MOST_VARIANTS:]
    problems = {finding.problem for finding in rest}
    commands = {finding.commands for finding in rest}
    differ = "other sets of commands" if len(problems) == 1 and len(commands) > 1 else "other reasons"
    places = tuple(place for finding in rest for place in finding.places)
    problem = rest[0].problem if len(problems) == 1 else _subject(rest[0])
    if rest[0].where:
        problem = f"{_subject(rest[0])}: {counted(len({place.account for place in places}))}"
    merged = replace(
        rest[0],
        problem=problem,
        note=f"These have {len(rest):,} {differ}: --json lists them.",
        note_of_several="",
        commands=rest[0].commands if len(commands) == 1 else (),
        places=places,
    )
    return (*ordered[:_MOST_VARIANTS], merged)


def _without_place(finding: Finding) -> _Texts:
    """Return the texts of a finding with placeholders for its account and Region."""
    ((account, region),) = finding.places

    def general(text: str) -> str:
        text = text.replace(account, _ACCOUNT)
        return text.replace(region, _REGION) if region else text

    commands = tuple(general(command) for command in finding.commands)
    return general(finding.problem), general(finding.note), general(finding.note_of_several), commands


def _merged(group: _Group, texts: _Texts) -> Finding:
    """Return one finding for all places, with words for what differs between them."""
    account = _only([place.account for place in group.places], "ACCOUNT")
    region = _only([place.region for place in group.places], "REGION")

    def filled(text: str) -> str:
        return text.replace(_ACCOUNT, account).replace(_REGION, region)

    problem, note, note_of_several, commands = texts
    return replace(
        group.first,
        problem=filled(problem),
        note=filled(note),
        note_of_several=filled(note_of_several),
        commands=tuple(filled(command) for command in commands),
        places=tuple(sorted(group.places, key=lambda place: place.account)),
    )


def _only(values: Sequence[str], otherwise: str) -> str:
    return values[0] if len(set(values)) == 1 else otherwise
