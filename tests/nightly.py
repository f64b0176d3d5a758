"""The nightly profile: what takes long runs whole there, and in part by default."""

from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import settings

_Item = TypeVar("_Item")

# tests/conftest.py loads the profile that HYPOTHESIS_PROFILE names; `make nightly` names nightly.
NIGHTLY: Final = settings().max_examples > 100


def every(step: int, items: Sequence[_Item]) -> Sequence[_Item]:
    """Return all items in the nightly profile, by default every second, third … of them, the first one included."""
    return items if NIGHTLY else items[::step]
