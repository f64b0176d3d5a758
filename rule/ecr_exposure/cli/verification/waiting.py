"""Waiting between two looks at AWS: what is open meanwhile, since when, and how much time is left."""

from datetime import UTC, datetime
from typing import Final

from ecr_exposure.cli.output import Output, duration
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification.temporary_repository import TemporaryRepository

_POLL_SECONDS: Final = 10.0
_BETWEEN_LINES: Final = 60.0


class Waiting:
    """Sleeps between two looks, and says once a minute what it waits for."""

    def __init__(self, clock: Clock, output: Output, repository: TemporaryRepository, deadline: float) -> None:
        """``deadline`` is the time limit of the whole check, by the clock."""
        self._clock, self._output, self._repository, self._deadline = clock, output, repository, deadline
        self._told = clock.now()

    @property
    def time_left(self) -> str:
        """The time until the deadline."""
        return f"{duration(self._deadline - self._clock.now())} left"

    def wait(self, wanted: str, until: float) -> None:
        """Sleep until the next look, or until then if that is earlier; ``until`` lies in the future."""
        now = self._clock.now()
        if now - self._told >= _BETWEEN_LINES:
            self._told = now
            self._output.step(f"Waiting for {wanted}: {state(self._repository)}, {self.time_left}")
            now = self._clock.now()
        if until > now:
            self._clock.sleep(min(_POLL_SECONDS, until - now))


def state(repository: TemporaryRepository) -> str:
    """Return whether the repository is open, and since when."""
    if repository.may_be_open and repository.opened_at:
        return f"{repository.name} is open to everyone since {time_text(repository.opened_at)}"
    return f"{repository.name} is closed"


def time_text(time: datetime) -> str:
    """Return a time of today."""
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"
