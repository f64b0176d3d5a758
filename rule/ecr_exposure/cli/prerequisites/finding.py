"""One thing to know before the deployment, and how findings name accounts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory, Organization

_NAMED: Final = 5
RUN_AGAIN: Final = "Run preflight again afterwards."


class Level(Enum):
    """What a finding means for the deployment."""

    MISSING = "Missing"
    UNCHECKED = "Not checked"
    EXCLUDED = "Excluded"
    """The rule can be deployed, but does not evaluate this account."""
    HINT = "Hint"


class Place(NamedTuple):
    """What a finding concerns: an account, in one Region or, where that is empty, as a whole."""

    account: str
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know before the deployment."""

    level: Level
    problem: str
    where: str = ""
    """The account whose credentials the commands need, or the file; empty if it is each of the places."""
    commands: tuple[str, ...] = ()
    note: str = ""
    """What to know before the commands, one sentence or more on each line."""
    note_of_several: str = ""
    """The same, only printed if there are several accounts."""
    places: tuple[Place, ...] = ()
    """All accounts that it concerns, each in one Region or as a whole; empty if it concerns none of them."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts of the places, each once."""
        return tuple(dict.fromkeys(place.account for place in self.places))


def unchecked(
    what: str, unknown: Unknown, where: str | Place, *, level: Level = Level.UNCHECKED, note: str = ""
) -> Finding:
    """Return the finding that something could not be checked, with the reason."""
    return Finding(
        level=level,
        problem=f"{what} could not be checked: {unknown.reason}",
        where=where if isinstance(where, str) else "",
        places=() if isinstance(where, str) else (where,),
        note=note,
    )


def account_names(inventory: Inventory) -> Mapping[str, str]:
    """Return the names of all accounts that are known, by id."""
    accounts = () if isinstance(inventory.accounts, Unknown) else inventory.accounts
    return {account.identifier: account.name for account in accounts}


def named(inventory: Inventory, identifier: str) -> str:
    """Return an account's id, with its name if that is known."""
    return f"account {with_name(account_names(inventory), identifier)}"


def with_name(names: Mapping[str, str], identifier: str) -> str:
    """Return an account's id, with its name if that is known, without a word in front."""
    name = names.get(identifier)
    return f"{identifier} ({name})" if name else identifier


def management(inventory: Inventory) -> str:
    """Return the management account, with its id if that is known."""
    known = isinstance(inventory.organization, Organization)
    return f"management account {inventory.management_account}" if known else "the management account"


def counted(number: int, noun: str = "account") -> str:
    """Return a number and its noun."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def one_or_each(regions: Sequence[str]) -> str:
    """Return the Region for a command that every Region needs, or the word REGION for several."""
    return regions[0] if len(regions) == 1 else "REGION"


def first_of(inventory: Inventory, identifiers: Sequence[str]) -> str:
    """Return the first five accounts, with their names, and how many more there are."""
    names = account_names(inventory)
    return and_more([with_name(names, identifier) for identifier in identifiers[:_NAMED]], len(identifiers))


def and_more(first: Sequence[str], total: int, separator: str = ", ") -> str:
    """Return the first of a list, at most five, and how many more there are in ``total``."""
    shown = first[:_NAMED]
    more = total - len(shown)
    return separator.join(shown) + (f"{separator}and {more:,} more" if more > 0 else "")
