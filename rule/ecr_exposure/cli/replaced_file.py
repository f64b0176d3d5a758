"""A file of the operator, replaced at once or not at all."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from ecr_exposure.cli.command_line import CannotRunError

_NEW_FILE_MODE: Final = 0o644
_WRITABLE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def replace_file(file: Path, content: bytes) -> None:
    """Write the content: whoever reads the file meanwhile, or after an interruption, finds the old or the new content.

    The file's mode stays; where it is a symbolic link, the file that it links to is replaced.
    Raises CannotRunError if it or its folder is read-only, or cannot be written.
    """
    try:
        target = file.resolve()
        mode = _mode_of(target)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise CannotRunError(f"{file} cannot be written, and is unchanged: {error.strerror}") from None


def _mode_of(target: Path) -> int:
    """Return the mode for the file; PermissionError if it or its folder is read-only, also for an administrator."""
    for path in (target, target.parent):
        if path.exists() and not (path.stat().st_mode & _WRITABLE and os.access(path, os.W_OK)):
            raise PermissionError(0, f"{path} is read-only")
    return stat.S_IMODE(target.stat().st_mode) if target.exists() else _NEW_FILE_MODE
