"""Memory and time of reading a Config snapshot of 200 MiB, plain and compressed; each in a process of its own.

python -m tests.benchmarks.config_snapshots 200 plain
"""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.policies_in_json.config_snapshot import read_config_snapshot
from tests.benchmarks.measurements import Measurement, at_most

_MEBIBYTES: Final = 200
_MOST_MEMORY: Final = 64.0
_FORMS: Final = ("plain", "compressed")
# One of ten resources is a repository, which is more than usual.
_ONE_OF: Final = 10
_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}


class Run(NamedTuple):
    """What one run found and took."""

    policies: int
    problems: int
    seconds: float
    mebibytes: float
    """The most memory of the process."""


def measure(mebibytes: int = _MEBIBYTES) -> Iterator[Measurement]:
    """Measure both forms."""
    for form in _FORMS:
        command = (sys.executable, "-m", __name__, str(mebibytes), form)
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code
        run = Run(*json.loads(ended.stdout))
        details = f"{run.policies:,} policies in {run.seconds:.1f} s; {run.problems} problems"
        yield at_most(
            f"Config snapshot of {mebibytes} MiB, {form}: memory", details, run.mebibytes, _MOST_MEMORY, " MiB"
        )


def run_once(mebibytes: int, form: str) -> Run:
    """Write a snapshot and read it in this process."""
    problems: list[str] = []
    facts = CodeFacts(
        owner=None,
        region=None,
        parameters={},
        problem=lambda error: problems.append(error.message),
        note=problems.append,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "snapshot.json")
        with ExitStack() as stack:
            stream: Any = stack.enter_context(file.open("wb"))
            if form == "compressed":
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1))
            stream.writelines(_parts(mebibytes * 2**20))
        start = time.process_time()
        with file.open("rb") as snapshot:
            count = sum(1 for _ in read_config_snapshot(str(file), snapshot, facts))
    # On macOS ru_maxrss is in bytes, elsewhere in KiB.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Run(count, len(problems), time.process_time() - start, peak)


def _parts(size: int) -> Iterator[bytes]:
    yield b'{"fileVersion":"1.0","configSnapshotId":"example","configurationItems":['
    written = number = 0
    while written < size:
        part = json.dumps(_item(number), separators=(",", ":")).encode()
        yield b"," + part if number else part
        written += len(part) + 1
        number += 1
    yield b"]}"


def _item(number: int) -> dict[str, Any]:
    name = f"team/app-{number}"
    is_repository = number % _ONE_OF == 0
    kind = "AWS::ECR::Repository" if is_repository else "AWS::EC2::Instance"
    other = {"tags": [{"key": f"key {each}", "value": f"{number * each}"} for each in range(30)]}
    return {
        "resourceType": kind,
        "resourceId": name,
        "ARN": f"arn:aws:ecr:eu-central-1:111122223333:repository/{name}",
        "awsAccountId": "111122223333",
        "awsRegion": "eu-central-1",
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-11-26T10:00:00.000Z",
        "configuration": _configuration(name) if is_repository else other,
    }


def _configuration(name: str) -> dict[str, Any]:
    return {"RepositoryName": name, "RepositoryPolicyText": json.dumps(_POLICY, indent=2), "Tags": []}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_once(int(sys.argv[1]), sys.argv[2])))
