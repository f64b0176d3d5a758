"""Reads the repositories of accounts and Regions, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Final

from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.live_repositories.account_access import AccountAccess
from ecr_exposure.cli.live_repositories.place_reader import READERS, PlaceReader, Progress, Reading, fault_text
from ecr_exposure.cli.live_repositories.scanned import Place
from ecr_exposure.cli.region_options import enabled_regions
from ecr_exposure.cli.workers import Workers
from ecr_exposure.repository import Repository

THREADS: Final = 32
"""How many calls run at the same time, at most `place_reader.READERS` of them in one account and Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is read.

    regions: of every account; with asks_regions those that the operator's account has enabled, and each other account
    is asked for its own.
    """

    accounts: Sequence[AccountAccess]
    regions: tuple[str, ...]
    asks_regions: bool
    own_account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierScan:
    """What an earlier run read: places of which it read everything, and repositories of all places."""

    complete: frozenset[Place] = frozenset()
    repositories: Mapping[Place, Mapping[str, Repository]] = field(default_factory=dict)


class LiveScan:
    """One scan; its tasks run in threads, which a main thread that is interrupted does not wait for."""

    def __init__(self, target: Target, reading: Reading, earlier: EarlierScan) -> None:
        """Take what is to be read, and what is already."""
        self._target, self._reading, self._earlier = target, reading, earlier
        self._workers = Workers(THREADS)
        self._places: dict[str, tuple[Place, ...]] = {
            access.account: tuple(Place(access.account, region) for region in target.regions)
            for access in target.accounts
        }

    @property
    def places(self) -> frozenset[Place]:
        """All places; of an account that could not be asked for its Regions, those of the operator's account."""
        return frozenset(place for places in self._places.values() for place in places)

    def run(self, progress: Progress) -> None:
        """Read everything; raises KeyboardInterrupt, or CredentialsExpiredError for the operator's credentials.

        Either way what was read until then is in `Reading.scanned`, which is closed.
        """
        self._progress = progress
        self._expected = _Expected(progress, places=len(self.places))
        try:
            for access in self._target.accounts:
                self._workers.add_last(partial(self._open, access))
            self._workers.run()
        finally:
            places = self.places
            known = {place: found for place, found in self._earlier.repositories.items() if place in places}
            self._reading.scanned.close(known)

    def _open(self, access: AccountAccess) -> None:
        """Find the places of an account, and add a task for each that is to be read."""
        expected = self._places[access.account]
        if not self._asks(access) and all(place in self._earlier.complete for place in expected):
            self._add_known(expected)
            self._expected.add(places=-len(expected))
            return
        try:
            places = self._places[access.account] = self._places_of(access)
        except CredentialsExpiredError:
            raise
        except Exception as error:  # noqa: BLE001 - the other accounts are read all the same
            self._reading.scanned.add_not_read(access.account, fault_text(error))
            self._expected.add(places=-len(expected))
            return
        known = [place for place in places if place in self._earlier.complete]
        self._add_known(known)
        self._expected.add(places=len(places) - len(expected) - len(known))
        self._workers.add_next(partial(self._list, place, access) for place in places if place not in known)

    def _asks(self, access: AccountAccess) -> bool:
        return self._target.asks_regions and access.account != self._target.own_account

    def _places_of(self, access: AccountAccess) -> tuple[Place, ...]:
        """Return the places of an account; raises one of AWS_ERRORS, CredentialsExpiredError."""
        credentials = access.credentials()
        if not self._asks(access):
            return self._places[access.account]
        regions = enabled_regions(Clients(self._reading.session, self._target.regions[0], credentials).account)
        return tuple(Place(access.account, region) for region in regions)

    def _add_known(self, places: Sequence[Place]) -> None:
        scanned = self._reading.scanned
        for place in places:
            for repository in self._earlier.repositories.get(place, {}).values():
                scanned.add(repository, is_kept=False)
            scanned.add_listed(place)
            scanned.add_complete(place, is_kept=False)

    def _list(self, place: Place, access: AccountAccess) -> None:
        known = self._earlier.repositories.get(place, {})
        reader = PlaceReader(place, access, self._reading, self._progress, known)
        number = reader.list_repositories()
        self._expected.add(listed=1, repositories=number)
        self._workers.add_next([reader.read] * min(READERS, number))


class _Expected:
    """How many repositories are to be read: a place that is not listed yet counts as the mean of the others."""

    def __init__(self, progress: Progress, *, places: int) -> None:
        self._progress, self._places = progress, places
        self._listed = self._repositories = 0
        self._lock = Lock()

    def add(self, *, places: int = 0, listed: int = 0, repositories: int = 0) -> None:
        """Add places that are to be listed, places that are, and repositories in these."""
        with self._lock:
            self._places += places
            self._listed += listed
            self._repositories += repositories
            mean = self._repositories / self._listed if self._listed else 0.0
            left = self._places - self._listed
            self._progress.estimate(self._repositories + round(mean * left), is_exact=not left)
