"""Periodic runs over many repositories, where each call to AWS takes 50 ms.

Each runs in a process of its own: python -m tests.benchmarks.periodic_runs 1000
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ecr_exposure.handler import lambda_handler
from tests.benchmarks.artifact import ROOT
from tests.benchmarks.measurements import Measurement, at_most
from tests.benchmarks.random_policies import mixed_policies
from tests.benchmarks.stubbed_aws import Context, StubbedAws, in_place_of_aws, scheduled_event

_SECONDS_A_CALL: Final = 0.05
_SIZES: Final = (100, 1_000, 10_000)
# Of the largest run.
_MOST_SECONDS: Final = 100.0
_MOST_MEGABYTES: Final = 256.0
# What a repository may cost more in the largest run than in the one before: nothing, but for the jitter.
_MOST_GROWTH: Final = 1.2
# Lambda gives a whole vCPU for so many MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_MEGABYTES_OF_A_CPU: Final = 1769


class Run(NamedTuple):
    """What one run took: seconds, seconds of CPU, and the memory of its process at most."""

    wall: float
    cpu: float
    megabytes: float


def measure(sizes: Sequence[int] = _SIZES) -> Iterator[Measurement]:
    """Measure a run of each size, in ascending order."""
    runs: list[Run] = []
    for size in sizes:
        command = (sys.executable, "-m", __name__, str(size))
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code
        runs.append(run := Run(*json.loads(answer.stdout)))
        details = f"{run.wall:.1f} s; CPU {run.cpu:.1f} s; {run.megabytes:.0f} MB"
        each = f"{run.wall / size * 1e3:.2f} ms each"
        yield Measurement(what=f"periodic run of {size:,}", details=details, result=each)
    yield from _of_the_largest(sizes, runs)


def _of_the_largest(sizes: Sequence[int], runs: Sequence[Run]) -> Iterator[Measurement]:
    what, run = f"periodic run of {sizes[-1]:,}", runs[-1]
    yield at_most(f"{what}: time", "50 ms a call", run.wall, _MOST_SECONDS, " s")
    memory = int(re.findall(r"MemorySize: (\d+)", (ROOT / "template.yaml").read_text(encoding="utf-8"))[0])
    share = min(1.0, memory / _MEGABYTES_OF_A_CPU)
    details = f"{run.cpu:.1f} s of CPU; {memory} MB have {share:.2f} of a CPU"
    yield at_most(f"{what}: time that its CPU needs", details, run.cpu / share, _MOST_SECONDS, " s")
    yield at_most(f"{what}: memory", "the whole process", run.megabytes, _MOST_MEGABYTES, " MB")
    before, last = (runs[at].cpu / sizes[at] for at in (-2, -1))
    details = f"{last * 1e3:.2f} ms; in the run of {sizes[-2]:,} {before * 1e3:.2f} ms"
    yield at_most(f"{what}: CPU of a repository", details, last / before, _MOST_GROWTH)


def run_once(size: int, seconds_a_call: float = _SECONDS_A_CALL) -> Run:
    """Evaluate so many repositories in this process; every tenth has no policy."""
    policies = (json.dumps(policy) for policy in mixed_policies(size, statements=3))
    aws = StubbedAws(
        {f"team/app-{number}": policy if number % 10 else None for number, policy in enumerate(policies)},
        seconds_a_call=seconds_a_call,
    )
    with in_place_of_aws(aws):
        start, cpu = time.perf_counter(), time.process_time()
        lambda_handler(scheduled_event(), Context())
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    if (reported := len(aws.evaluations())) != size:
        raise AssertionError(f"{reported} of {size} were reported")
    return Run(wall, cpu, _peak_kilobytes() / 1024)


def _peak_kilobytes() -> int:
    # Not getrusage, which counts what the parent process had before this one began.
    # https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(found[1]) if found else 0


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_once(int(sys.argv[1]))))
