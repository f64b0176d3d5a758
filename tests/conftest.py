"""What every test starts from: no AWS client that an earlier test left behind."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from ecr_exposure.clients import kept_clients
from ecr_exposure.members import kept_members

settings.register_profile("default", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _no_clients() -> Iterator[None]:
    kept_clients.clear()
    kept_members.clear()
    yield
    kept_clients.clear()
    kept_members.clear()
