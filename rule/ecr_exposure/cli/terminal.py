"""How a command prints a line, the clock that it waits by, and the signals that end it."""

import signal
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# A terminal that closes must not leave a repository behind either; Windows has no SIGHUP.
_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

# Linux's monotonic clock stands still while the computer sleeps, and so does Python's of macOS; these two do not.
_CLOCKS: Final = ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC")

ALARM: Final = "bold white on red"


def print_line(console: "Console", *parts: "str | tuple[str, str] | Text", indent: int = 0) -> None:
    """Print a line as it is, never wrapped: a command must stay intact when it is copied."""
    from rich.text import Text  # noqa: PLC0415 - takes longer than --version, which prints no such line

    console.print(Text.assemble(" " * indent, *parts), soft_wrap=True)


class Clock:
    """The real clock; a test brings its own."""

    def now(self) -> float:
        """Return seconds that only increase, also while the computer sleeps: AWS's time goes on then."""
        clock = next((getattr(time, name) for name in _CLOCKS if hasattr(time, name)), None)
        try:
            return time.monotonic() if clock is None else time.clock_gettime(clock)
        except OSError:  # a kernel without this clock
            return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def today(self) -> datetime:
        """Return date and time, to compare with AWS's."""
        return datetime.now(UTC)


class Interrupts(AbstractContextManager["Interrupts"]):
    """While entered, the first signal raises KeyboardInterrupt, and every later one is only recorded.

    After ``shield`` none raises. Since only one ever raises, ``try: … finally: shield()`` inside
    ``try: … finally: clean_up()`` completes the clean-up, whenever the signals arrive.
    """

    def __init__(self) -> None:
        """No signal has arrived."""
        self.caught = False
        self._shielded = False
        self._previous: list[tuple[int, Any]] = []

    def shield(self) -> None:
        """From now on, only record signals."""
        self._shielded = True

    def release(self) -> None:
        """From now on, raise again."""
        self._shielded = False

    def __enter__(self) -> Self:
        """Handle the signals."""
        # nohup lets a process ignore SIGHUP, so that it goes on when its terminal closes.
        heard = (each for each in _SIGNALS if each.name != "SIGHUP" or signal.getsignal(each) is not signal.SIG_IGN)
        self._previous = [(number, signal.signal(number, self._handle)) for number in heard]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the previous handlers."""
        for number, handler in self._previous:
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        raises = not (self.caught or self._shielded)
        self.caught = True
        if raises:
            raise KeyboardInterrupt
