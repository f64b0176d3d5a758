"""Time as the live check needs it, in one place, so that a test can let it pass."""

import time
from datetime import UTC, datetime


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
