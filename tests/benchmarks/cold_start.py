"""A cold start in AWS's Lambda runtime client: the handler beside one that only imports rdklib.

The time is the CPU's, from the start of the process to its first question to the Runtime API: the init phase.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import os
import py_compile
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.measurements import Measurement, at_most, cpu_seconds_of_ended_processes
from tests.benchmarks.stubbed_aws import ENVIRONMENT

_HANDLER: Final = "ecr_exposure.handler.lambda_handler"
_ONLY_RDKLIB: Final = "import rdklib\n\n\ndef lambda_handler(event, context):\n    return rdklib\n"
_NEXT: Final = b"GET /2018-06-01/runtime/invocation/next "
_MOST: Final = 1.10
_TIMEOUT: Final = 60.0


def measure(function: Path, folder: Path, *, starts: int = 25) -> Iterator[Measurement]:
    """Measure a built function; the folder is for the other handler."""
    other = folder / "only_rdklib.py"
    other.write_text(_ONLY_RDKLIB, encoding="utf-8")
    py_compile.compile(str(other))
    ours: list[float] = []
    rdklib: list[float] = []
    for _ in range(starts):
        ours.append(_start(_HANDLER, function, function))
        rdklib.append(_start("only_rdklib.lambda_handler", function, folder))
    details = f"{min(ours) * 1e3:.0f} ms; import rdklib {min(rdklib) * 1e3:.0f} ms (fastest of {starts})"
    yield at_most("cold start in the Lambda runtime client", details, min(ours) / min(rdklib), _MOST)


def _start(handler: str, function: Path, folder: Path) -> float:
    """Return the CPU seconds of the runtime client until it asks for the first event."""
    before = cpu_seconds_of_ended_processes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_TIMEOUT)
        process = subprocess.Popen(  # noqa: S603 - our own code
            (sys.executable, "-m", "awslambdaric", handler),
            cwd=folder,
            env=_environment(function, server.getsockname()[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            connection, _ = server.accept()
            with connection:
                request = connection.recv(1024)
                process.kill()
        finally:
            process.kill()
            process.wait()
    if not request.startswith(_NEXT):
        raise AssertionError(f"{handler} did not start: {request!r}")
    return cpu_seconds_of_ended_processes() - before


def _environment(function: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COVERAGE_"))}
    return (
        kept
        | ENVIRONMENT
        | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(function),
        }
    )
