"""The files that are checked: found in folders, each real file once, and read as bytes or as a stream."""

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from typing import BinaryIO, Final

from ecr_exposure.cli.found_policies.file_texts import cannot_be_read
from ecr_exposure.cli.found_policies.found_policy import NotReadError

STANDARD_INPUT: Final = "-"
LONGEST_TEXT: Final = 16_000_000
"""Bytes. A longer file is a snapshot or a plan, and is handed on as a stream."""
LONGEST_PIPE: Final = 256_000_000
"""Bytes. A pipe is held in memory, and a device may have no end."""
_GZIP: Final = b"\x1f\x8b"
_IGNORED_FOLDERS: Final = frozenset({".git", ".terraform", ".terragrunt-cache", "node_modules"})
# Every virtual environment has it: https://docs.python.org/3/library/venv.html
_VIRTUAL_ENVIRONMENT: Final = "pyvenv.cfg"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to check.

    shown: its path as the report has it. path: None for standard input. is_named: on the command line, so somebody
    expects something in it.
    """

    shown: str
    path: Path | None
    is_named: bool

    def content(self) -> "bytes | Stream":
        """Return its bytes, or a stream if it is compressed or longer than LONGEST_TEXT; raises NotReadError."""
        try:
            with self.open() as stream:
                if stream.peek(len(_GZIP))[: len(_GZIP)] == _GZIP:  # type: ignore[attr-defined]  # a buffered reader
                    return Stream(self, b"", is_compressed=True)
                return self._read(stream)
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            raise cannot_be_read(self.shown, error) from None

    def open(self) -> "nullcontext[BinaryIO] | BinaryIO":
        """Open it; raises OSError, or ValueError for a path with a null character."""
        if self.path is not None:
            return self.path.open("rb")
        if sys.stdin is None:
            raise OSError(errno.EBADF, "standard input is closed")
        return nullcontext(sys.stdin.buffer)

    def _read(self, stream: BinaryIO) -> "bytes | Stream":
        status = None if self.path is None else os.fstat(stream.fileno())
        if status is None or not stat.S_ISREG(status.st_mode):
            content = stream.read(LONGEST_PIPE + 1)
            if len(content) > LONGEST_PIPE:
                raise NotReadError(self.shown, None, f"has more than {LONGEST_PIPE:,} bytes: write it to a file first")
            return content
        if status.st_size > LONGEST_TEXT:
            return Stream(self, stream.read(_HEAD), is_compressed=False)
        content = stream.read(status.st_size + 1)
        if len(content) != status.st_size:
            change = "grew" if len(content) > status.st_size else "shrank"
            raise NotReadError(self.shown, None, f"{change} while it was read: run again when it is complete")
        return content


_HEAD: Final = 65_536


@dataclass(frozen=True, slots=True)
class Stream:
    """A file that is not held in memory: compressed, or long. head: its first bytes, if it is not compressed."""

    found: FoundFile
    head: bytes
    is_compressed: bool = field(kw_only=True)


class Walk:
    """Finds the files under the paths of the command line; ignored: how many files and folders it left out."""

    def __init__(self, ignore: Sequence[str], stdin_name: str, problem: Callable[[NotReadError], None]) -> None:
        """ignore: patterns of paths. problem: takes what cannot be read; the others are found."""
        self.is_ignored = ignored_by(ignore)
        self._stdin_name, self._problem = stdin_name, problem
        self._seen: set[str] = set()
        self.ignored = 0

    def files(self, paths: Sequence[str]) -> Iterator[FoundFile]:
        """Yield the files of each path, in the order of their names; one that is there twice once."""
        for path in paths:
            if path == STANDARD_INPUT:
                if path not in self._seen:
                    self._seen.add(path)
                    yield FoundFile(shown=self._stdin_name, path=None, is_named=True)
                continue
            shown = str(Path(path)) if path else path
            try:
                is_folder = stat.S_ISDIR(os.stat(shown).st_mode)  # noqa: PTH116 - a Path cannot hold an empty path
            except (OSError, ValueError) as error:  # ValueError: a path with a null character
                self._problem(cannot_be_read(path or "''", error))
                continue
            if self.is_ignored(shown):
                self.ignored += 1
            elif is_folder:
                yield from self._below(shown)
            else:
                yield from self._file(shown, os.path.realpath(shown), is_named=True)

    def _below(self, top: str) -> Iterator[FoundFile]:
        """Yield the files of a folder and those below; folders may be nested deeper than calls."""
        waiting = [(top, os.path.realpath(top))]
        while waiting:
            shown, real = waiting.pop()
            folders = []
            for entry in self._entries(shown, real):
                path = entry.name if shown == os.curdir else os.path.join(shown, entry.name)  # noqa: PTH118 - for speed
                target = os.path.join(real, entry.name)  # noqa: PTH118 - for speed
                if self._leaves_out(entry, path):
                    self.ignored += 1
                elif entry.is_dir():
                    folders.append((path, target))
                else:
                    yield from self._file(path, os.path.realpath(path) if entry.is_symlink() else target)
            waiting += reversed(folders)

    def _entries(self, shown: str, real: str) -> "list[os.DirEntry[str]]":
        if real in self._seen:
            return []
        self._seen.add(real)
        try:
            with os.scandir(shown) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(cannot_be_read(shown, error))
            return []

    def _leaves_out(self, entry: "os.DirEntry[str]", path: str) -> bool:
        try:
            return self.is_ignored(path) or (_is_left_out(entry, path) if entry.is_dir() else not entry.is_file())
        except OSError:  # a link to itself
            return True

    def _file(self, shown: str, real: str, *, is_named: bool = False) -> Iterator[FoundFile]:
        if real not in self._seen:
            self._seen.add(real)
            yield FoundFile(shown=shown, path=Path(shown), is_named=is_named)


def _is_left_out(folder: "os.DirEntry[str]", path: str) -> bool:
    if folder.is_symlink() or folder.name in _IGNORED_FOLDERS:
        return True
    # The CDK copies the files of assets as they are: https://docs.aws.amazon.com/cdk/v2/guide/assets.html
    if folder.name.startswith("asset.") and Path(path).resolve().parent.name == "cdk.out":
        return True
    return Path(path, _VIRTUAL_ENVIRONMENT).exists()


def ignored_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a path matches a pattern of --ignore, or is below one that does.

    In a pattern * is any text, also with slashes, and ? any one character. A pattern without a slash is compared with
    the name of each folder and of the file, any other one with the path from the working folder.
    """
    normal = [each.replace(os.sep, "/").removeprefix("./").rstrip("/") for each in patterns]
    paths = [each for each in normal if "/" in each]
    name = _any_of([each for each in normal if "/" not in each])
    path = _any_of([part for each in paths for start in _starts(each) for part in (start, f"{start}/*")])

    def is_ignored(found: str) -> bool:
        parts = Path(os.path.relpath(found) if os.path.isabs(found) else found).as_posix()  # noqa: PTH117 - a text
        return bool(path.fullmatch(parts)) or any(map(name.fullmatch, parts.split("/")))

    return is_ignored if normal else lambda _found: False


def _starts(pattern: str) -> Sequence[str]:
    """Return the patterns for ``**/x``, which is x in the working folder and in any folder below."""
    return (pattern, pattern.removeprefix("**/")) if pattern.startswith("**/") else (pattern,)


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{translate(each)})" for each in patterns) or r"(?!)")
