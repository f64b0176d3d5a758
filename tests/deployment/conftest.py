"""What the tests of the templates share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.sam import Transform


@pytest.fixture(scope="session")
def transform(tools: Path) -> Iterator[Transform]:
    """Return SAM's transform, whose process ends with the tests."""
    assert tools.exists()
    transform = Transform()
    yield transform
    transform.close()
