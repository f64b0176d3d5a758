"""Time as the live check needs it, in one place, so that a test can let it pass."""

import time
from datetime import UTC, datetime

from rich.console import Console


class Clock:
    """The real clock."""

    def now(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def today(self) -> datetime:
        """Return date and time, to compare with what AWS says."""
        return datetime.now(UTC)


class Teller:
    """Prints lines with the time since the start."""

    def __init__(self, clock: Clock) -> None:
        """Start counting."""
        self._clock = clock
        self._start = clock.now()
        self._console = Console(soft_wrap=True, markup=False, highlight=False, emoji=False)

    def __call__(self, text: str, style: str | None = None) -> None:
        """Print one line."""
        self._console.print(f"[{self._clock.now() - self._start:5.0f} s] {text}", style=style)
