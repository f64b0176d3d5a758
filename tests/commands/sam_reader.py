"""What SAM CLI itself reads from parameters.yaml and samconfig.toml, in one process of the tools' environment."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.deployment.sam import TOOLS, tool_environment

# Reads, for each line of input, a list of arguments of `sam deploy --parameter-overrides`, or the folder of a
# samconfig.toml, whose settings of `sam deploy` it returns with the values that they lead to.
_READ: Final = """
import json, os, sys
from click import Command, Context
from samcli.cli.cli_config_file import ConfigProvider
from samcli.cli.types import CfnParameterOverridesType

for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    settings = {}
    try:
        if arguments is None:
            with Context(Command("deploy")):
                file = os.path.join(folder, "samconfig.toml")
                settings = ConfigProvider(section="parameters")(file, "default", ["deploy"])
            arguments = settings["parameter_overrides"]
        answer = [CfnParameterOverridesType().convert(arguments, None, None), settings]
    except Exception as error:
        answer = [None, repr(error)]
    print(json.dumps(answer), flush=True)
"""


class SamReader:
    """SAM CLI, as far as it reads values."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take the process."""
        self._process = process

    def overrides(self, folder: Path, *arguments: str) -> dict[str, str]:
        """Return the values of `sam deploy --parameter-overrides` with these arguments, run in the folder."""
        values: dict[str, str] = self._ask(folder, arguments)[0]
        return values

    def configuration(self, folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the values and the settings of `sam deploy` without arguments, run in the folder."""
        values, settings = self._ask(folder, None)
        return values, settings

    def _ask(self, folder: Path, arguments: Sequence[str] | None) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([str(folder), arguments])}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer[0] is None:
            raise ValueError(answer[1])
        return answer


@contextmanager
def sam_reader() -> Iterator[SamReader]:
    """Start SAM CLI's process, and end it."""
    command = (TOOLS / "bin" / "python", "-c", _READ)
    with subprocess.Popen(  # noqa: S603 - our own code
        command, env=tool_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield SamReader(process)
