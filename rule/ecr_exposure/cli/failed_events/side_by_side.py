"""Several calls of AWS at the same time, as long as nobody interrupts."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Final, TypeVar

WORKERS: Final = 8
"""How many calls are made side by side."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    stopped: Callable[[], bool] = lambda: False,
    workers: int = WORKERS,
) -> Iterator[tuple[_Item, _Result]]:
    """Yield each item with its result, in the order in which the results arrive.

    Once `stopped` no further item is begun; the results of those that were begun are still yielded. The caller's
    thread runs `stopped` and whatever it does with a result; the workers' threads only run `work`.
    """
    waiting = iter(items)
    running: dict[Future[_Result], _Item] = {}
    with ThreadPoolExecutor(workers) as pool:
        while True:
            if not stopped():
                for item in islice(waiting, workers - len(running)):
                    running[pool.submit(work, item)] = item
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield the items in lists of this size; the last one may be shorter."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
