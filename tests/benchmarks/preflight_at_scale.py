"""``preflight`` in an organization of 1,000 accounts and 17 Regions, where each call to AWS takes 80 ms.

Each run is in a process of its own: python -m tests.benchmarks.preflight_at_scale 1000 17 --thorough
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from threading import Thread
from typing import Final, NamedTuple

from ecr_exposure.cli.main import main
from tests.benchmarks.large_aws import FIRST_ACCOUNT, LargeAws, in_place_of_aws
from tests.benchmarks.measurements import Measurement, at_most

_SECONDS_A_CALL: Final = 0.08
REGIONS: Final = tuple(
    """eu-west-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
    eu-central-1 eu-north-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2""".split()
)
_ACCOUNTS: Final = 1000
_MOST_CALLS: Final = 25_000
_MOST_SECONDS: Final = 300.0
_MOST_LINES: Final = 200
_MOST_SECONDS_AFTER_INTERRUPT: Final = 2.0
_INTERRUPT: Final = "--interrupt"
_THOROUGH: Final = "--thorough"


class Run(NamedTuple):
    """What one run took, and how it ended."""

    calls: int
    seconds: float
    lines: int
    exit_code: int
    interrupted_at: float
    """When it was interrupted, in seconds since 1970; 0.0 if it was not."""


def measure(accounts: int = _ACCOUNTS, regions: int = len(REGIONS)) -> Iterator[Measurement]:
    """Measure a run to its end and one that is interrupted, as it is by default and with ``--thorough``."""
    size = f"{accounts:,} accounts, {regions} Regions"
    for options in ((), (_THOROUGH,)):
        what = " ".join(("preflight", *options))
        run, _ = _in_a_process(accounts, regions, options)
        yield _calls(what, size, run, limited=not options)
        details = f"{_SECONDS_A_CALL * 1e3:.0f} ms a call; exit code {run.exit_code}"
        yield at_most(f"{what}: time", details, run.seconds, _MOST_SECONDS, " s")
        yield at_most(f"{what}: lines of the report", size, run.lines, _MOST_LINES)
        run, ended = _in_a_process(accounts, regions, (*options, _INTERRUPT))
        details = f"after {run.calls:,} calls; {run.lines} lines; exit code {run.exit_code}"
        seconds = ended - run.interrupted_at
        yield at_most(f"{what}: time from Ctrl-C to the end", details, seconds, _MOST_SECONDS_AFTER_INTERRUPT, " s")


def _calls(what: str, size: str, run: Run, *, limited: bool) -> Measurement:
    if limited:
        return at_most(f"{what}: calls", size, run.calls, _MOST_CALLS)
    return Measurement(what=f"{what}: calls", details=size, result=f"{run.calls:,}")


def _in_a_process(accounts: int, regions: int, options: Sequence[str]) -> tuple[Run, float]:
    """Return the run, and when its process ended."""
    command = (sys.executable, "-m", __name__, str(accounts), str(regions), *options)
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code
    return Run(*json.loads(ended.stdout)), time.time()


def run_once(accounts: int, regions: int, options: Sequence[str], *, seconds_a_call: float = _SECONDS_A_CALL) -> Run:
    """Run the command in this process; ``--interrupt`` sends it a signal after half of the calls."""
    names = REGIONS[:regions]
    aws = LargeAws(accounts, names, seconds_a_call=seconds_a_call)
    interrupted: list[float] = []
    if _INTERRUPT in options:
        Thread(target=_interrupt, args=(aws, accounts * regions // 2, interrupted), daemon=True).start()
    given = [option for option in options if option != _INTERRUPT]
    report = StringIO()
    with (
        in_place_of_aws(aws),
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        redirect_stdout(report),
        redirect_stderr(StringIO()),
    ):
        start = time.perf_counter()
        arguments = ("--regions", ",".join(names), "--hub", str(FIRST_ACCOUNT), *given)
        exit_code = main(("preflight", *arguments))
        seconds = time.perf_counter() - start
    lines = report.getvalue().splitlines()
    ends = "Interrupted" if interrupted else "Not ready"
    if not lines[-1].startswith(ends):
        raise AssertionError(f"the report ends with {lines[-1]}")
    return Run(sum(aws.calls.values()), seconds, len(lines), exit_code, interrupted[0] if interrupted else 0.0)


def _interrupt(aws: LargeAws, calls: int, interrupted: list[float]) -> None:
    """Send the signal of Ctrl-C to this process after so many calls."""
    while sum(list(aws.calls.values())) < calls:
        time.sleep(0.01)
    interrupted.append(time.time())
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
    sys.stdout.write(json.dumps(run_once(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
