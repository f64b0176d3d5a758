"""``ecr-exposure check``: 1,000 template files, beside checkov on the same files; and the start of the command.

checkov runs its check of repository policies alone, in an environment of its own. Each run is a process.
https://www.checkov.io/5.Policy%20Index/cloudformation.html (CKV_AWS_32)
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from tests.benchmarks.artifact import ROOT
from tests.benchmarks.generated_templates import write_templates
from tests.benchmarks.measurements import Measurement, at_least, at_most, cpu_seconds_of_ended_processes

_FILES: Final = 1000
_ONE_OF: Final = 20
"""One of so many templates is public."""
_LEAST: Final = 20.0
_MOST_SECONDS: Final = 0.3
_EXIT_CODES: Final = (0, 1)
"""Of both commands: 1 if something is found."""
_POLICY: Final = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}


class Run(NamedTuple):
    """What one run flagged, the names of files, and what it took, with all processes that it started."""

    flagged: set[str]
    cpu_seconds: float
    seconds: float


def ecr_exposure(folder: Path) -> Run:
    """Run ecr-exposure check on a folder."""
    report, cpu_seconds, seconds = _run((*_COMMAND, "check", "--format", "json", folder.name), folder.parent)
    public = (each["file"] for each in json.loads(report)["policies"] if each["result"] == "public")
    return Run({Path(file).name for file in public}, cpu_seconds, seconds)


def checkov(folder: Path) -> Run:
    """Run checkov on a folder; it downloads nothing, which takes it less time."""
    python = ROOT / ".venv-checkov" / "bin" / "python"
    only = ("--check", "CKV_AWS_32", "--framework", "cloudformation")
    form = ("--skip-download", "--quiet", "--compact", "--output", "json")
    command = (str(python), "-m", "checkov.main", "--directory", folder.name, *only, *form)
    report, cpu_seconds, seconds = _run(command, folder.parent)
    failed = json.loads(report)["results"]["failed_checks"]
    return Run({Path(each["file_path"]).name for each in failed}, cpu_seconds, seconds)


_COMMAND: Final = (sys.executable, "-m", "ecr_exposure.cli.main")


def _run(command: Sequence[str], folder: Path) -> tuple[str, float, float]:
    """Return what a command prints, its CPU seconds, and the seconds until it ends."""
    # No settings of the user, and no key of a service.
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "rule")}
    before, start = cpu_seconds_of_ended_processes(), time.perf_counter()
    ended = subprocess.run(  # noqa: S603 - our own command, and one of a lock file
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if ended.returncode not in _EXIT_CODES:
        raise AssertionError(f"{command} exits with {ended.returncode}: {ended.stderr}")
    return ended.stdout, cpu_seconds_of_ended_processes() - before, time.perf_counter() - start


def measure(
    *, files: int = _FILES, rounds: int = 3, starts: int = 5, peer: Callable[[Path], Run] = checkov
) -> Iterator[Measurement]:
    """Measure so many template files, first as usual and then all public ones, and the start of the command."""
    size = f"check of {files:,} templates beside checkov"
    details, ratio = _beside(peer, files, rounds, lambda number: number % _ONE_OF == 0)
    yield at_least(f"{size}: times as fast", details, ratio, _LEAST)
    # Of each public policy, check also shows an example request and what to do; checkov does not.
    details, ratio = _beside(peer, files, 1, lambda _: True)
    yield Measurement(what=f"{size}, each one public: times as fast", details=details, result=f"{ratio:.1f}")
    yield from _starts(starts)


def _beside(peer: Callable[[Path], Run], files: int, rounds: int, public: Callable[[int], bool]) -> tuple[str, float]:
    """Return the medians of the rounds in words, and how many times the CPU seconds of check the peer takes."""
    ours: list[Run] = []
    theirs: list[Run] = []
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "templates")
        folder.mkdir()
        flagged = write_templates(folder, files, public=public)
        for _ in range(rounds):
            ours.append(ecr_exposure(folder))
            theirs.append(peer(folder))
    if any(run.flagged != flagged for run in ours):
        raise AssertionError("check does not flag exactly the public templates")
    if any(not run.flagged >= flagged for run in theirs):
        raise AssertionError("the peer does not flag all public templates, so the two are not comparable")
    ratio = median(run.cpu_seconds for run in theirs) / median(run.cpu_seconds for run in ours)
    return f"{len(flagged):,} public; {_seconds(ours)}; checkov {_seconds(theirs)}", ratio


def _seconds(runs: Sequence[Run]) -> str:
    cpu, whole = median(run.cpu_seconds for run in runs), median(run.seconds for run in runs)
    return f"{cpu:.1f} s of the CPU, {whole:.1f} s until the end"


def _starts(starts: int) -> Iterator[Measurement]:
    """Measure the shortest commands."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        (folder / "policy.json").write_text(json.dumps(_POLICY), encoding="utf-8")
        for arguments in (("--version",), ("--help",), ("check", "policy.json")):
            runs = [_run((*_COMMAND, *arguments), folder) for _ in range(starts)]
            details = f"of the CPU; {min(run[2] for run in runs):.2f} s until the end (fastest of {starts})"
            what = f"ecr-exposure {' '.join(arguments)}"
            yield at_most(what, details, min(run[1] for run in runs), _MOST_SECONDS, " s")
