"""Threads that do many small tasks, and that nobody waits for once the operator interrupts the command."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from threading import Condition, Thread
from typing import Final, TypeVar

_Value = TypeVar("_Value")
Task = Callable[[], None]
THREAD_NAME: Final = "ecr-exposure-worker"
# How often the main thread looks whether a signal arrived; Python handles signals in the main thread only.
_SECONDS_BETWEEN_LOOKS: Final = 0.1


def in_regions(regions: Iterable[str], read: Callable[[str], _Value]) -> dict[str, _Value]:
    """Return what is read in each Region, side by side; raise the first error."""
    found: dict[str, _Value] = {}
    named = tuple(regions)
    workers = Workers(len(named))
    for region in named:
        workers.add_last(partial(_read_into, found, region, read))
    workers.run()
    return {region: found[region] for region in named}


def _read_into(found: dict[str, _Value], region: str, read: Callable[[str], _Value]) -> None:
    found[region] = read(region)


class Workers:
    """Runs tasks in threads; a task may add further ones."""

    def __init__(self, threads: int) -> None:
        """Say how many tasks may run at the same time."""
        self._threads = threads
        self._next: deque[Task] = deque()
        self._last: deque[Task] = deque()
        self._changed = Condition()
        self._open = 0
        self._failure: BaseException | None = None
        self._stopped = False

    def add_next(self, tasks: Iterable[Task]) -> None:
        """Add tasks that run before those of ``add_last``."""
        added = tuple(tasks)
        with self._changed:
            self._next.extend(added)
            self._open += len(added)
            self._changed.notify(len(added))

    def add_last(self, task: Task) -> None:
        """Add a task that runs after all others."""
        with self._changed:
            self._last.append(task)
            self._open += 1
            self._changed.notify()

    def run(self) -> None:
        """Run all tasks; raise the first error of one.

        After an error or an interrupt no further task starts, and those that run are not waited for: the threads are
        daemons, which do not keep the process alive.
        """
        try:
            for _ in range(self._threads):
                Thread(target=self._work, name=THREAD_NAME, daemon=True).start()
            with self._changed:
                while self._open and not self._failure:
                    self._changed.wait(_SECONDS_BETWEEN_LOOKS)
        finally:
            self._stopped = True
            with self._changed:
                self._changed.notify_all()
        if self._failure:
            raise self._failure

    def _work(self) -> None:
        while task := self._take():
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                self._end(error)
            else:
                self._end(None)

    def _take(self) -> Task | None:
        """Return the next task, as soon as there is one; None at the end."""
        with self._changed:
            while not (self._next or self._last) and self._open and not self._stopped:
                self._changed.wait()
            waiting = self._next or self._last
            return waiting.popleft() if waiting and not self._stopped else None

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            self._open -= 1
            if failure and not self._failure:
                self._failure, self._stopped = failure, True
            if not self._open or self._stopped:
                self._changed.notify_all()
