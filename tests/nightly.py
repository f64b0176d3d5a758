"""The nightly profile: what takes long runs whole there, and in part by default."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

_Item = TypeVar("_Item")

# `make nightly` sets it, and tests/conftest.py loads the profile of that name.
NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def every(step: int, items: Sequence[_Item]) -> Sequence[_Item]:
    """Return all items in the nightly profile, by default every second, third … of them, the first one included."""
    return items if NIGHTLY else items[::step]
