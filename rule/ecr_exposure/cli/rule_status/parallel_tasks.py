"""Tasks side by side in threads that nobody waits for after an interrupt or an error."""

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final

THREADS: Final = 16
Task = Callable[[], None]


def run_tasks(tasks: Iterable[Task], advance: Callable[[], object] = lambda: None) -> None:
    """Run all tasks, each of which stores its own result; call ``advance`` in this thread after each.

    The first error of a task is raised here, as is KeyboardInterrupt: no further task starts then, and the calls that
    AWS has not answered yet are not waited for.
    """
    waiting: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    count = waiting.qsize()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    stop = Event()
    for _ in range(min(THREADS, count)):
        Thread(target=_work, args=(waiting, ended, stop), daemon=True).start()
    try:
        for _ in range(count):
            error = ended.get()
            if error is not None:
                raise error
            advance()
    finally:
        stop.set()


def _work(waiting: SimpleQueue[Task], ended: SimpleQueue[BaseException | None], stop: Event) -> None:
    while not stop.is_set():
        try:
            task = waiting.get_nowait()
        except Empty:
            return
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            ended.put(error)
        else:
            ended.put(None)
