"""One thing to know before the deployment, and how findings name accounts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know before the deployment."""

    level: Level
    problem: str
    where: str
    """The account, and the region if it concerns one, whose credentials the commands need."""
    commands: tuple[str, ...] = ()
    note: str = ""
    accounts: tuple[str, ...] = ()
    """The accounts that are excluded or were not checked."""


def unchecked(what: str, unknown: Unknown, where: str, *, level: Level = Level.UNCHECKED, note: str = "") -> Finding:
    """Return the finding that something could not be checked, with the reason."""
    return Finding(level=level, problem=f"{what} could not be checked: {unknown.reason}", where=where, note=note)


def named(inventory: Inventory, identifier: str) -> str:
    """Return an account's id, with its name if that is known."""
    accounts = () if isinstance(inventory.accounts, Unknown) else inventory.accounts
    name = next((account.name for account in accounts if account.identifier == identifier), "")
    return f"account {identifier} ({name})" if name else f"account {identifier}"


def management(inventory: Inventory) -> str:
    """Return the management account, with its id if that is known."""
    known = isinstance(inventory.organization, Organization)
    return f"management account {inventory.management_account}" if known else "the management account"


def counted(number: int, noun: str = "account") -> str:
    """Return a number and its noun."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def first_of(inventory: Inventory, identifiers: Sequence[str]) -> str:
    """Return the first five accounts, with their names, and how many more there are."""
    texts = [named(inventory, identifier).removeprefix("account ") for identifier in identifiers[:_NAMED]]
    more = len(identifiers) - _NAMED
    return ", ".join(texts) + (f", and {more:,} more" if more > 0 else "")
