"""The file of ``--resume``: what a scan reads, as it reads it, so that another run can go on.

JSON Lines. The first line has the version and the options, each further one a repository with its policy, or a place
(an account in a Region) of which every repository is in the file. A complete scan ends with the last one:

    {"type": "scan", "schema": 1, "version": "1.2.3", "started": "2026-01-31T12:00:00+00:00", "options": {…}}
    {"type": "repository", "account": "111122223333", "region": "eu-west-1", "name": "team/app", "arn": "arn:…",
     "policy": "{…}", "tags": null}
    {"type": "place", "account": "111122223333", "region": "eu-west-1"}
    {"type": "end"}

The file of a complete scan is replaced by that of the next one, as soon as that has read something.
"""

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.live_repositories.scanned import Place, Record
from ecr_exposure.repository import Repository

if sys.platform != "win32":
    import fcntl

SCHEMA: Final = 1
OLDEST: Final = timedelta(hours=24)
"""A scan says what is public now."""
# A clock that was wrong, then or now, leaves open how old the scan is.
_NEWEST: Final = timedelta(minutes=-5)
_START: Final = b'{"type": "scan", '
_END: Final = re.compile(rb'\n\{"type": "end"\}\r?\n?\Z')
_LENGTH_OF_END: Final = 32


class ScanFile:
    """The file, open to add records.

    complete, repositories: what it had before. started: when the scan began that the file had, aware. is_new_scan: that
    scan was complete, and this one replaces it.
    """

    def __init__(self, path: Path, options: Mapping[str, Any], version: str, now: datetime) -> None:
        """Open or create it; raises CannotRunError for another file, another version or other options."""
        self.path = path
        self.started = now
        self.complete: set[Place] = set()
        self.repositories: dict[Place, dict[str, Repository]] = {}
        self.is_new_scan = False
        self.failure: str | None = None
        """Why records are missing in the file."""
        self._options, self._version, self._now = options, version, now
        self._number = 0  # of added lines
        self._temporary: Path | None = None  # of a new scan that has read nothing yet
        try:
            is_new = not path.exists()
            if not is_new and not path.is_file():
                raise CannotRunError(f"--resume: {path} is no file")
            self._stream: IO[bytes] = path.open("x+b" if is_new else "r+b")
        except OSError as error:
            raise CannotRunError(f"--resume: {path} cannot be opened: {error.strerror}") from None
        if not _is_locked(self._stream, path):
            self._stream.close()
            raise CannotRunError(f"--resume: {path} is in use by another run; wait for its end, or name another file")
        try:
            self._begin()
        except CannotRunError:
            self.close()
            if is_new:
                path.unlink(missing_ok=True)
            raise

    def _begin(self) -> None:
        """Read the file up to its last whole line, behind which records are added; raises CannotRunError."""
        try:
            if self._is_complete():
                self._begin_anew()
            else:
                self._end = self._read()
                self._stream.seek(self._end)
                self._stream.truncate()
        except OSError as error:
            raise CannotRunError(f"--resume: {self.path} cannot be read or written: {error.strerror}") from None
        if not self._end:
            started = self._now.isoformat(timespec="seconds")
            head = {"type": "scan", "schema": SCHEMA, "version": self._version, "started": started}
            self._write({**head, "options": self._options})
        if self.failure is not None:
            raise CannotRunError(f"--resume: {self.path} {self.failure}")

    def _is_complete(self) -> bool:
        size = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(max(0, size - _LENGTH_OF_END))
        is_complete = _END.search(self._stream.read()) is not None
        self._stream.seek(0)
        return is_complete

    def _begin_anew(self) -> None:
        """Begin the file that replaces that of a complete scan, which stays locked until then."""
        self._check_head(self._stream.readline(), is_complete=True)
        self.is_new_scan = True
        target = self.path.resolve()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        self._temporary, self._before = Path(temporary), self._stream
        self._stream = os.fdopen(handle, "w+b")
        self._temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        _is_locked(self._stream, self._temporary)
        self._end = 0

    def _replace(self, temporary: Path) -> None:
        """Replace the file of a complete scan."""
        temporary.replace(self.path.resolve())
        self._temporary = None
        self._before.close()

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run read something."""
        return bool(self.repositories or self.complete)

    @property
    def has_records(self) -> bool:
        """Whether the next run can go on with something that this one, or one before, read."""
        return self.is_resumed or self._number > 0

    def keep(self, record: Record) -> None:
        """Add a record; after one that could not be written, none: see `failure`."""
        self._add(_members(record))

    def end(self) -> None:
        """Say that the scan is complete, and close the file."""
        self._add({"type": "end"})
        self.close()

    def close(self) -> None:
        """Close the file; that of a complete scan stays if nothing was read anew."""
        with suppress(OSError):  # it was flushed after each record
            self._stream.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            self._before.close()

    def _add(self, members: Mapping[str, Any]) -> None:
        if self.failure is not None:
            return
        try:
            if self._temporary is not None:
                self._replace(self._temporary)
        except OSError as error:
            self.failure = f"cannot be replaced: {error.strerror}"
        else:
            self._write(members)
            self._number += self.failure is None

    def _write(self, members: Mapping[str, Any]) -> None:
        line = f"{json.dumps(members)}\n".encode()
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            self.failure = f"cannot be written: {error.strerror}"
            with suppress(OSError):  # it would try to write what is left of the line
                self._stream.close()
            with suppress(OSError), (self._temporary or self.path).open("r+b") as stream:
                stream.truncate(self._end)
        else:
            self._end += len(line)

    def _read(self) -> int:
        """Read the lines; return where the last whole one ends, 0 for no line."""
        end = 0
        for number, line in enumerate(self._stream, start=1):
            if not line.endswith(b"\n"):  # cut off while it was written
                if number == 1 and not line.startswith(_START):
                    raise self._foreign()
                return end
            if number == 1:
                self._check_head(line, is_complete=False)
            else:
                self._read_record(line, number)
            end += len(line)
        return end

    def _foreign(self) -> CannotRunError:
        return CannotRunError(f"--resume: {self.path} is no file of ecr-exposure scan; it is not changed")

    def _check_head(self, line: bytes, *, is_complete: bool) -> None:
        """Raise CannotRunError for another file or other options; version and age of a complete scan do not matter."""
        head = _object(line)
        if head is None or head.get("type") != "scan" or not isinstance(head.get("options"), dict):
            raise self._foreign()
        if not is_complete and (head.get("schema") != SCHEMA or head.get("version") != self._version):
            raise self._other(f"is of version {head.get('version')} of ecr-exposure, and this is {self._version}")
        written = head["options"]
        for name, value in json.loads(json.dumps(self._options)).items():
            if written.get(name) != value:
                raise self._other(f"is of a scan with {name} {_shown(written.get(name))}, not {_shown(value)}")
        try:
            self.started = datetime.fromisoformat(str(head.get("started")))
            age = self._now - self.started
        except (TypeError, ValueError):  # TypeError: it has no time zone
            raise self._foreign() from None
        if is_complete:
            return
        if age > OLDEST:
            raise self._other(f"is of a scan that began {head['started']}, more than 24 hours ago")
        if age < _NEWEST:
            raise self._other(f"is of a scan that began {head['started']}, which is in the future")

    def _other(self, what: str) -> CannotRunError:
        return CannotRunError(f"--resume: {self.path} {what}; name another file, or remove it for a new scan")

    def _read_record(self, line: bytes, number: int) -> None:
        try:
            record = json.loads(line)
            place = Place(_text(record["account"]), _text(record["region"]))
            if record["type"] == "place":
                self.complete.add(place)
                return
            if record["type"] == "repository":
                found = _repository(record, place)
                self.repositories.setdefault(place, {})[found.name] = found
                return
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            pass
        raise self._other(f"cannot be read: line {number} is neither a repository nor a place")


def _is_locked(stream: IO[bytes], path: Path) -> bool:
    """Lock the file for this process; return False if another one has it, or has just replaced it."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True


def _members(record: Record) -> dict[str, Any]:
    account, region = record.place
    found = record.repository
    if found is None:
        return {"type": "place", "account": account, "region": region}
    tags = None if found.tags is None else dict(found.tags)
    about = {"name": found.name, "arn": found.arn, "policy": found.policy, "tags": tags}
    return {"type": "repository", "account": account, "region": region, **about}


def _repository(record: Mapping[str, Any], place: Place) -> Repository:
    """Return the repository of a record; raises AttributeError, KeyError, TypeError, ValueError."""
    name, arn, policy, tags = _text(record["name"]), _text(record["arn"]), record["policy"], record["tags"]
    if arn.split(":", 3)[3:] != [f"{place.region}:{place.account}:repository/{name}"] or not arn.isprintable():
        raise ValueError
    if policy is not None and not _text(policy).strip():  # a scan never takes it for a policy, nor for none
        raise ValueError
    return Repository(
        account=place.account,
        region=place.region,
        name=name,
        arn=arn,
        policy=policy,
        tags=None if tags is None else {_text(key): _text(value) for key, value in tags.items()},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _shown(value: object) -> str:
    """Return the value of an option as an operator writes it."""
    if isinstance(value, list):
        return f"{', '.join(map(str, value))[:80]}" if value else "none"
    return "none" if value is None else str(value)
