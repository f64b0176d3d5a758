"""Signals that end the run: the first one raises, none disturbs the clean-up."""

import signal
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Final, Self

# A terminal that closes must not leave a repository behind either; Windows has no SIGHUP.
_NUMBERS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupts(AbstractContextManager["Interrupts"]):
    """While entered, the first signal raises KeyboardInterrupt, and every later one is only noted.

    Behind a shield none raises. Since only one ever raises, ``try: … finally: shield()`` inside
    ``try: … finally: clean_up()`` reaches the clean-up whole, whenever the signals come.
    """

    def __init__(self) -> None:
        """Nothing came yet."""
        self.caught = False
        self._shielded = False
        self._before: list[tuple[int, Any]] = []

    def shield(self) -> None:
        """From now on, only note."""
        self._shielded = True

    def release(self) -> None:
        """From now on, raise again."""
        self._shielded = False

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._before = [(number, signal.signal(number, self._handle)) for number in _NUMBERS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        for number, handler in self._before:
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        raises = not (self.caught or self._shielded)
        self.caught = True
        if raises:
            raise KeyboardInterrupt
