"""The files with what earlier runs of ``preflight`` read: those of ``--from`` and of ``--resume``.

A run that ends early leaves ``.preflight-resume.json`` beside the stack's values, and a complete one removes it.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.inventory import Inventory, Organization
from ecr_exposure.cli.organization.organization_reader import OrganizationFacts
from ecr_exposure.cli.organization.reading_document import COMMAND, Expected, read_saved, saved_members
from ecr_exposure.cli.organization.saved_reading import NOTHING_SAVED, SavedReading
from ecr_exposure.cli.output import document_head

RESUME_FILE: Final = ".preflight-resume.json"
_OLDEST_OF_FROM: Final = timedelta(days=7)
_OLDEST_TO_RESUME: Final = timedelta(hours=24)


class EarlierReadings:
    """What the named files know, and the file that this run leaves if it ends early."""

    def __init__(self, folder: Path, *, from_file: Path | None, resume: bool, today: Callable[[], datetime]) -> None:
        """Take the folder of the file to resume; CannotRunError if it is to be read and is not there."""
        self.path = folder / RESUME_FILE
        self._from_file, self._resume, self._today = from_file, resume, today
        self._of_from = self._of_resume = NOTHING_SAVED
        if resume and not self.path.exists():
            raise CannotRunError(f"--resume: there is no {self.path}, so no run ended early here; run without --resume")

    def read(self, facts: OrganizationFacts, account: str, regions: frozenset[str]) -> SavedReading:
        """Read the files; CannotRunError if one is wrong, too old, or of another organization.

        account: the caller's. regions: all that boto3 knows in the partition.
        """
        identifier = facts.organization.identifier if isinstance(facts.organization, Organization) else None
        expected = Expected(organization=identifier, account=account, regions=regions, now=self._today())
        if self._from_file:
            self._of_from = read_saved(self._from_file, "--from", expected, _OLDEST_OF_FROM)
        if self._resume:
            self._of_resume = read_saved(self.path, "--resume", expected, _OLDEST_TO_RESUME)
        return self._of_from.with_newer(self._of_resume) if self._resume else self._of_from

    def save(self, inventory: Inventory, boundary: str) -> str:
        """Write what this run read, so that another one can go on; return what to tell about it."""
        own = self._without_from(inventory)
        made_at = self._of_resume.seen_at or self._today()
        members = saved_members(own, boundary, made_at)
        document = {**document_head(COMMAND, inventory.caller, inventory.regions), **members}
        try:
            self.path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
        except OSError as error:
            return f"What was seen could not be written to {self.path}: {error.strerror}"
        return f"What was seen is in {self.path}: --resume goes on from there"

    def remove(self) -> None:
        """Remove the file of a run that ended early, after a complete one."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _without_from(self, inventory: Inventory) -> Inventory:
        """Return what the file of ``--from`` does not know: it may be older than a file to resume may be."""
        known = self._of_from
        if known is NOTHING_SAVED:
            return inventory
        return replace(
            inventory,
            account_regions=tuple(
                each for each in inventory.account_regions if known.pairs.get((each.account, each.region)) is not each
            ),
            boundaries={name: each for name, each in inventory.boundaries.items() if name not in known.boundaries},
            service_linked_role=inventory.service_linked_role if known.service_linked_role is None else None,
            security_hub={},
        )
