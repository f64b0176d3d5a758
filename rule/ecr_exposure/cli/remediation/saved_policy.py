"""The file in which the previous policy of a repository is kept before it is changed."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.errors import ParameterError, PolicyError
from ecr_exposure.identifiers import (
    ARN_FIELDS,
    account_id,
    account_of,
    arn_fields,
    partition_of,
    partitions_of_region,
    region_name,
    region_of,
    resource_of,
    service_of,
)
from ecr_exposure.policy.json_values import read_json

_SCHEMA: Final = 1
_KEYS: Final = {"schema": int, "repository": str, "region": str, "saved_at": str, "policy_text": str}
_RESOURCE: Final = "repository/"
_LONGEST_NAME: Final = 100
"""Of the repository in the name of the file: file systems accept 255 bytes."""
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPolicy:
    """The policy of a repository at one time."""

    repository: str
    """The ARN."""
    region: str
    saved_at: str
    """In UTC, such as 2026-01-31T12:00:00Z."""
    policy_text: str
    """Exactly as Amazon ECR returned it."""

    @property
    def account(self) -> str:
        """The account of the repository."""
        return account_of(self.repository)

    @property
    def name(self) -> str:
        """The name of the repository."""
        return resource_of(self.repository).removeprefix(_RESOURCE)


def save_policy(folder: Path, *, repository: str, policy_text: str, now: datetime) -> Path:
    """Write the policy to a new file that only its owner can read, and return its path.

    The file is on the disk when this returns. Raises CannotRunError if it cannot be written; then there is no file.
    """
    time = now.astimezone(UTC)
    content = {
        "schema": _SCHEMA,
        "repository": repository,
        "region": region_of(repository),
        "saved_at": time.strftime(_TIME),
        "policy_text": policy_text,
    }
    name = resource_of(repository).removeprefix(_RESOURCE).replace("/", "_")[:_LONGEST_NAME]
    stem = f"ecr-policy-{account_of(repository)}-{region_of(repository)}-{name}-{time:%Y%m%dT%H%M%SZ}"
    try:
        path, descriptor = _create(folder, stem)
        try:
            _write(descriptor, json.dumps(content, indent=2) + "\n")
            _sync(folder)
        except BaseException:  # also an interrupt: a part of a policy must not look like a saved one
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = f"{error.strerror or error} ({folder})"
        raise CannotRunError(f"the policy cannot be saved (see --save-to): {reason}") from None
    return path


def _create(folder: Path, stem: str) -> tuple[Path, int]:
    """Create a file that did not exist; raises OSError."""
    path, number = folder / f"{stem}.json", 1
    while True:
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            path = folder / f"{stem}-{number}.json"


def _write(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the entry of the folder as durable as the file, where the system can: some cannot open or sync a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_saved_policy(path: Path) -> SavedPolicy:
    """Return the policy of a file that `save_policy` wrote; raises CannotRunError, which names the place."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise CannotRunError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise _refused(path, "not a JSON document") from None
    saved = _saved(path, content)
    try:
        _check(saved)
    except (ParameterError, ValueError) as error:
        raise _refused(path, str(error)) from None
    return saved


def _saved(path: Path, content: object) -> SavedPolicy:
    if not isinstance(content, Mapping):
        raise _refused(path, "not a JSON object")
    for key, kind in _KEYS.items():
        if key not in content:
            raise _refused(path, f"{key}: missing")
        if type(content[key]) is not kind:
            raise _refused(path, f"{key}: {_shown(content[key])} is not {'a number' if kind is int else 'a string'}")
    unknown = sorted(str(key) for key in content.keys() - _KEYS.keys())
    if unknown:
        raise _refused(path, f"{unknown[0]}: unknown")
    if content["schema"] != _SCHEMA:
        raise _refused(path, f"schema: {content['schema']} is not {_SCHEMA}: another version wrote it")
    values: Any = {key: content[key] for key in _KEYS if key != "schema"}
    return SavedPolicy(**values)


def _check(saved: SavedPolicy) -> None:
    """Raise ValueError for a value that `save_policy` does not write."""
    region_name("region", saved.region)
    arn = saved.repository
    resource = resource_of(arn)
    if (
        len(arn_fields(arn)) != ARN_FIELDS
        or service_of(arn) != "ecr"
        or partition_of(arn) not in partitions_of_region(saved.region)
        or not resource.startswith(_RESOURCE)
        or not saved.name
    ):
        raise ValueError(f"repository: {_shown(arn)} is not the ARN of a repository")
    account_id("repository", saved.account)
    if region_of(arn) != saved.region:
        raise ValueError(f"region: {saved.region} is not that of repository, {_shown(region_of(arn))}")
    try:
        datetime.strptime(saved.saved_at, _TIME)  # noqa: DTZ007 - only its form matters
    except ValueError:
        raise ValueError(f"saved_at: {_shown(saved.saved_at)} is not a time such as 2026-01-31T12:00:00Z") from None
    try:
        policy = read_json(saved.policy_text)
    except PolicyError:
        policy = None
    if not isinstance(policy, Mapping):
        raise ValueError(f"policy_text: {_shown(saved.policy_text)} is not the JSON of a policy")  # noqa: TRY004 - a text


def _refused(path: Path, problem: str) -> CannotRunError:
    return CannotRunError(f"{path}: {problem}. --undo takes a file that ecr-exposure fix wrote, unchanged")


def _shown(value: object) -> str:
    return f"{value!r:.80}"
