"""``ecr-exposure scan`` of an organization of 50 accounts with 200 repositories each, where each call takes 50 ms.

Each run is in a process of its own: python -m tests.benchmarks.scan_at_scale 50 200
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.main import main
from tests.benchmarks.large_aws import MANAGEMENT, LargeAws, RefusedError, in_place_of_aws
from tests.benchmarks.measurements import Measurement, at_most

_SECONDS_A_CALL: Final = 0.05
_ACCOUNTS, _REPOSITORIES = 50, 200
_REGION: Final = "eu-west-1"
_PAGE: Final = 100
_THROTTLED: Final = 997
"""Of so many calls of GetRepositoryPolicy, AWS throttles one."""
_MOST_SECONDS: Final = 60.0
_MOST_CPU: Final = 30.0
_MOST_MEGABYTES: Final = 250
_ALLOW: Final[Mapping[str, Any]] = {"Sid": "Pull", "Effect": "Allow", "Action": ["ecr:BatchGetImage"]}


class Run(NamedTuple):
    """What one run took, and what it found."""

    seconds: float
    cpu: float
    megabytes: float
    """The most memory that the process had."""
    calls: int
    repositories: int
    public: int


class LargeEcr(LargeAws):
    """The same organization with repositories: of a hundred in an account one is public, and one has no policy."""

    def __init__(self, accounts: int, repositories: int, *, seconds_a_call: float) -> None:
        """Say how many member accounts there are, and how many repositories each account has."""
        super().__init__(accounts, (_REGION,), seconds_a_call=seconds_a_call)
        self._names = [f"team/app-{number:04}" for number in range(repositories)]
        self._operations = {
            "DescribeRepositories": self._describe,
            "GetRepositoryPolicy": self._policy,
            "ListAccounts": self._operations["ListAccounts"],
        }

    def _describe(self, account: str, region: str, parameters: Mapping[str, Any]) -> object:
        start = int(parameters.get("nextToken") or 0)
        token = {"nextToken": str(start + _PAGE)} if start + _PAGE < len(self._names) else {}
        arn = f"arn:aws:ecr:{region}:{account}:repository/"
        names = self._names[start : start + _PAGE]
        return {
            "repositories": [{"repositoryName": name, "repositoryArn": f"{arn}{name}"} for name in names],
            **token,
        }

    def _policy(self, account: str, _region: str, parameters: Mapping[str, Any]) -> object:
        if self.calls["GetRepositoryPolicy"] % _THROTTLED == 0:
            raise RefusedError("ThrottlingException", "Rate exceeded")
        number = self._names.index(parameters["repositoryName"])
        if number % 100 == 1:
            raise RefusedError("RepositoryPolicyNotFoundException", "Repository policy does not exist")
        principal = "*" if number % 100 == 0 else {"AWS": f"arn:aws:iam::{account}:role/reader-{number}"}
        policy = {"Version": "2012-10-17", "Statement": [{**_ALLOW, "Principal": principal}]}
        return {"policyText": json.dumps(policy)}


def measure(accounts: int = _ACCOUNTS, repositories: int = _REPOSITORIES) -> Iterator[Measurement]:
    """Measure one run: its time, its CPU and its memory."""
    command = (sys.executable, "-m", __name__, str(accounts), str(repositories))
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code
    run = Run(*json.loads(answer.stdout))
    what = f"scan of {run.repositories:,} repositories"
    details = f"{_SECONDS_A_CALL * 1e3:.0f} ms a call, {run.calls:,} calls"
    yield at_most(f"{what}: time", details, run.seconds, _MOST_SECONDS, " s")
    yield at_most(f"{what}: CPU", "of the process", run.cpu, _MOST_CPU, " s")
    yield at_most(f"{what}: memory", "the most of the process", run.megabytes, _MOST_MEGABYTES, " MB")


def run_once(accounts: int, repositories: int, *, seconds_a_call: float = _SECONDS_A_CALL) -> Run:
    """Scan in this process; an account refuses the role, and one is suspended."""
    aws = LargeEcr(accounts, repositories, seconds_a_call=seconds_a_call)
    output = TextIOWrapper(BytesIO(), "utf-8", write_through=True)
    with in_place_of_aws(aws), redirect_stdout(output), redirect_stderr(StringIO()):
        start, cpu = time.perf_counter(), time.process_time()
        code = main(("scan", "--member-role", "Audit", "--region", _REGION, "--json"))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    output.seek(0)
    document = json.loads(output.read())
    refused = [each["file"] for each in document["errors"]]
    read = document["scope"]["accounts"]
    if (code, MANAGEMENT in read, len(document["policies"])) != (
        2 if refused else 1,
        True,
        len(read) * repositories,
    ):
        raise AssertionError(f"exit code {code}, {len(document['policies'])} repositories, not read: {refused}")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(seconds, cpu, most, aws.calls.total(), len(document["policies"]), document["results"]["public"])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_once(int(sys.argv[1]), int(sys.argv[2]))))
