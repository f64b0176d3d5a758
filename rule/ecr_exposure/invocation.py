"""One invocation of the function: how long it may still take, and what it could not do.

Lambda ends a function that times out, with all that it has not reported:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from typing import TYPE_CHECKING, Final

from ecr_exposure.errors import EvaluationError
from ecr_exposure.policy.json_values import printable

if TYPE_CHECKING:
    from botocore.client import BaseClient

# The reserve is long enough for what has begun before it. The calls of 8 threads: at most 16 seconds in the rate
# limiter of botocore, whose lowest rate is one call in two seconds, and 8 until a time-out. After that, reports.
_RESERVE_MILLISECONDS: Final = 90_000.0
_MOST_NAMED: Final = 5
_LONGEST_NAMED: Final = 300


class Invocation:
    """The time and the failures of one invocation.

    is_stopped: whether it ended early, so that it does not know all repositories.
    """

    def __init__(self, remaining_milliseconds: Callable[[], float] | None = None) -> None:
        """Start the invocation; `remaining_milliseconds` says how long it may still take, None for no limit."""
        self._remaining = remaining_milliseconds or (lambda: inf)
        # An invocation that is short keeps half of its time.
        self._reserve = min(_RESERVE_MILLISECONDS, self._remaining() / 2)
        self._named: list[str] = []
        self._failures = 0
        self.is_stopped = False

    def is_ending(self) -> bool:
        """Return whether the rest of the time is reserved for reports, so that nothing more may be read."""
        return self._remaining() < self._reserve

    @contextmanager
    def in_time(self, *clients: "BaseClient") -> Iterator[None]:
        """Let no attempt of a call of the clients start too late inside the with block, retries included.

        A call that would start too late raises EvaluationError.
        """
        with ExitStack() as stack:
            for events in (client.meta.events for client in clients):
                # Before botocore's rate limiter, which waits without a time-out.
                events.register_first("before-send", self._check_time)
                stack.callback(events.unregister, "before-send", self._check_time)
            yield

    def _check_time(self, event_name: str, **_: object) -> None:
        needed = self._reserve / 2 if event_name.endswith(".PutEvaluations") else self._reserve
        if self._remaining() < needed:
            raise EvaluationError("the invocation is about to time out")

    def fail(self, error: Exception, *, what: str = "", times: int = 1) -> None:
        """Note why something could not be done, and what; the invocation fails at its end."""
        self._failures += times
        if len(self._named) < _MOST_NAMED:
            why = str(error) if isinstance(error, EvaluationError) else repr(error)
            self._named.append(_shortened(f"{what}: {why}" if what else why))

    def stop(self, reason: str) -> None:
        """Note why the invocation ends early; it fails at its end."""
        self._failures += 1
        self._named.insert(0, _shortened(reason))
        self.is_stopped = True

    def raise_failures(self) -> None:
        """Raise EvaluationError if something could not be done; it names the most important failures."""
        if self._failures:
            named = "; ".join(self._named[:_MOST_NAMED])
            raise EvaluationError(f"not everything was evaluated ({self._failures}): {named}")


def _shortened(text: str) -> str:
    return printable(text[:_LONGEST_NAMED])
