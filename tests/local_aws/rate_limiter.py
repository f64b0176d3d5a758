"""botocore's rate limiter without its waits.

The retry mode ``adaptive`` slows a client down after a throttling error; its limiter waits for tokens of a bucket.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from botocore.exceptions import CapacityNotAvailableError
from botocore.retries.bucket import Clock, TokenBucket


@contextmanager
def noted_waits(waits: list[float]) -> Iterator[None]:
    """Add the seconds that the limiter would wait to the list, inside the with block.

    The limiter's clock is ahead by all waits of the list, as if somebody had waited.
    """
    take = TokenBucket.acquire

    def acquire(bucket: TokenBucket, amount: int = 1, block: bool = True) -> bool:  # noqa: ARG001, FBT001, FBT002 - botocore's signature
        while True:
            try:
                return bool(take(bucket, amount, block=False))
            except CapacityNotAvailableError:
                waits.append((amount - bucket.available_capacity) / bucket.max_rate)

    with (
        patch.object(Clock, "current_time", lambda _: time.time() + sum(waits)),
        patch.object(TokenBucket, "acquire", acquire),
    ):
        yield
