"""The promise that every search ends: counted steps, the same on every machine."""

from typing import Final

LIMIT: Final = 200_000


class TooComplexError(Exception):
    """The search cannot answer; the text says why."""


class Budget:
    """Steps that are left; each costs about the same."""

    __slots__ = ("left",)

    def __init__(self, limit: int = LIMIT) -> None:
        """Start with all steps."""
        self.left = limit

    def spend(self, steps: int) -> None:
        """Take steps; raises TooComplexError when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise TooComplexError(f"more than {LIMIT:,} steps")
