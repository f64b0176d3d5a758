"""The function as `sam build` makes it, and its size."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

from tests.benchmarks.measurements import Measurement, at_most

ROOT: Final = Path(__file__).parent.parent.parent
_MOST_KILOBYTES: Final = 110.0


def build(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Build the function in a folder, with bytecode of this Python."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run(  # noqa: S603 - our own Makefile
        ("make", "--silent", "build-RuleFunction", f"ARTIFACTS_DIR={folder}", f"RUNTIME={own}"),  # noqa: S607 - the same
        cwd=ROOT / "rule",
        env={**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"},
        check=True,
    )


def measure(folder: Path) -> Iterator[Measurement]:
    """Measure the function that is built in a folder."""
    source, everything = _zipped(folder, bytecode=False), _zipped(folder, bytecode=True)
    details = f"zipped; with bytecode {everything:.0f} KB"
    yield at_most("the function's source", details, source, _MOST_KILOBYTES, " KB")


def _zipped(folder: Path, *, bytecode: bool) -> float:
    """Return the size in KB (1,024 bytes) as a zip file."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (bytecode or path.suffix != ".pyc"):
                archive.write(path, path.relative_to(folder))
    return len(content.getvalue()) / 1024
