"""What the live check says, line by line, with the time that has passed."""

from rich.console import Console

from tests.live.clock import Clock


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
