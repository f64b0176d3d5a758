"""What a scan has read so far, and what it could not read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from ecr_exposure.repository import Repository


class Place(NamedTuple):
    """One account in one Region."""

    account: str
    region: str

    def __str__(self) -> str:
        """Return ACCOUNT/REGION."""
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """What could not be read; where: ACCOUNT, ACCOUNT/REGION or ACCOUNT/REGION/NAME. reason: in AWS's words."""

    where: str
    reason: str


class Record(NamedTuple):
    """What is kept for ``--resume``: a repository, or a place of which every repository was read."""

    repository: Repository | None
    place: Place


class Scanned:
    """The repositories and errors of one scan; threads add to it until it is closed."""

    def __init__(self, keep: Callable[[Record], None]) -> None:
        """keep: takes each record as soon as there is one, one after the other."""
        self._keep = keep
        self._lock = Lock()
        self._is_closed = False
        self._repositories: dict[tuple[Place, str], Repository] = {}
        self.not_read: list[NotRead] = []
        self.listed: set[Place] = set()
        """The places of which at least a part was read."""
        self.complete: set[Place] = set()
        self.deleted = 0
        """How many repositories did not exist any more when they were to be read."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing is added any more."""
        return self._is_closed

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """What was read, by account, Region and name."""
        with self._lock:
            return tuple(self._repositories[key] for key in sorted(self._repositories))

    def close(self, earlier: Mapping[Place, Mapping[str, Repository]]) -> None:
        """Keep what there is: threads that still run add nothing.

        earlier: what another run read, which is added of places that this one could not list, not even in part.
        """
        with self._lock:
            self._is_closed = True
            for place in earlier.keys() - self.listed:
                self._repositories |= {(place, name): each for name, each in earlier[place].items()}
                self.listed.add(place)

    def add(self, repository: Repository, *, is_kept: bool) -> None:
        """Add a repository; is_kept: it was read now, with all that matters, so that nobody has to read it again."""
        with self._lock:
            if not self._is_closed:
                place = Place(repository.account, repository.region)
                self._repositories[place, repository.name] = repository
                if is_kept:
                    self._keep(Record(repository, place))

    def add_not_read(self, where: str, reason: str) -> None:
        """Add what could not be read."""
        with self._lock:
            if not self._is_closed:
                self.not_read.append(NotRead(where=where, reason=reason))

    def add_deleted(self) -> None:
        """Count a repository that does not exist any more."""
        with self._lock:
            self.deleted += not self._is_closed

    def add_listed(self, place: Place) -> None:
        """Add a place of which something is read."""
        with self._lock:
            if not self._is_closed:
                self.listed.add(place)

    def add_complete(self, place: Place, *, is_kept: bool) -> None:
        """Add a place of which everything is read."""
        with self._lock:
            if not self._is_closed:
                self.complete.add(place)
                if is_kept:
                    self._keep(Record(None, place))
