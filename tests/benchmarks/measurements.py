"""How the benchmark measures, and what a result is.

Times are CPU time, and of several rounds the fastest counts, so that other programs on the machine matter little.
"""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line of the result.

    what: was measured. details: the figures behind the result, with their units. result: the number that the target is
    about, as printed. target: as printed; empty if there is none, and then is_met is None.
    """

    what: str
    details: str
    result: str
    target: str = ""
    is_met: bool | None = None


def at_most(what: str, details: str, result: float, limit: float, unit: str = "") -> Measurement:
    """Return a measurement that must not be above the limit."""
    target = f"≤ {_number(limit)}{unit}"
    return Measurement(
        what=what, details=details, result=f"{_number(result)}{unit}", target=target, is_met=result <= limit
    )


def at_least(what: str, details: str, result: float, limit: float) -> Measurement:
    """Return a measurement that must not be below the limit."""
    target = f"≥ {_number(limit)}"
    return Measurement(what=what, details=details, result=_number(result), target=target, is_met=result >= limit)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.3g}"


def fastest(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the CPU seconds of each call, the fastest of some rounds; each round runs all calls."""
    found = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            start = time.process_time()
            call()
            found[number] = min(found[number], time.process_time() - start)
    return found


def cpu_seconds_of_ended_processes() -> float:
    """Return the CPU seconds of all processes that this one started, and theirs, as far as they have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
