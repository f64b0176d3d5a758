"""A file that holds a repository policy: read with a clear error for any other file, and replaced at once."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.replaced_file import replace_file
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import DuplicateKey, describe, read_json

STANDARD_INPUT: Final = "-"
_BYTE_ORDER_MARK: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_LONGEST: Final = 1_000_000
_AS_TEXT: Final = "aws ecr get-repository-policy --repository-name NAME --query policyText --output text"
_TEMPLATE_ELEMENTS: Final = frozenset({"AWSTemplateFormatVersion", "Resources", "planned_values", "terraform_version"})
_TEMPLATE_LINE: Final = re.compile(
    r"^(?:AWSTemplateFormatVersion|Resources)\s*:|^\s*(?:resource|data)\s+\"aws_", re.MULTILINE
)
_TEMPLATE: Final = (
    "a template and no policy: write the policy that is in it into a file of its own, change that, and copy"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A policy file as it is."""

    path: str
    """As it was given: - for standard input."""
    text: str
    """All of it, as it is written: with its byte order mark and its line ends."""

    @property
    def policy(self) -> str:
        """The text of the policy."""
        return self.text.removeprefix(_BYTE_ORDER_MARK)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "standard input" if self.path == STANDARD_INPUT else self.path

    @property
    def name_in_diff(self) -> str:
        """The path from the working folder, without dots, where there is one: git apply takes no other."""
        if self.path == STANDARD_INPUT:
            return self.name
        path = os.path.relpath(self.path)
        return self.path if path.startswith(os.pardir) else path

    @property
    def is_replaceable(self) -> bool:
        """Whether it is a file: no standard input, and no pipe."""
        return self.path != STANDARD_INPUT and Path(self.path).is_file()


def read_policy_file(path: str) -> PolicyFile:
    """Read a file, or standard input for ``-``; CannotRunError for one that holds no policy.

    Whether the policy can be evaluated is not asked.
    """
    place, content = PolicyFile(path=path, text="").name, _bytes_of(path)
    if len(content) > _LONGEST:
        raise CannotRunError(f"{place} has more than {_LONGEST:,} bytes, so it is no repository policy")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        kind = "UTF-16" if content.startswith(_UTF_16) else f"another encoding (byte {error.start + 1})"
        raise CannotRunError(f"{place} is not encoded in UTF-8 but in {kind}: save it in UTF-8") from None
    file = PolicyFile(path=path, text=text)
    _check(file.policy, place)
    return file


def write_policy_file(file: PolicyFile, text: str) -> None:
    """Replace the file at once, or not at all; CannotRunError if it is no longer as it was read.

    Its mode stays; where it is a symbolic link, the file that it links to is replaced.
    """
    if not file.is_replaceable:
        raise CannotRunError(f"{file.name} is no file that can be replaced: nothing was written")
    if _bytes_of(file.path) != file.text.encode():
        raise CannotRunError(f"{file.name} was changed meanwhile: nothing was written; run the command again")
    replace_file(Path(file.path), text.encode())


def _bytes_of(path: str) -> bytes:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(_LONGEST + 1)
        with Path(path).open("rb") as stream:
            return stream.read(_LONGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotRunError(f"{path} cannot be read: {reason}") from None


def _check(text: str, place: str) -> None:
    """Raise CannotRunError for a text that is no JSON object, or one that is something else than a policy."""

    def refuse(problem: str) -> NoReturn:
        raise CannotRunError(f"{place} {problem}")

    if not text.strip():
        refuse("is empty: accepted is a repository policy in JSON")
    try:
        content = read_json(text)
    except PolicyError as error:
        refuse(f"is {_TEMPLATE} the result back" if _TEMPLATE_LINE.search(text) else f"is {error}")
    if isinstance(content, str):
        refuse(f"holds the policy as a JSON string: write it by {_AS_TEXT}")
    if isinstance(content, DuplicateKey):
        return  # the evaluation says so, as for one inside
    if not isinstance(content, Mapping):
        refuse(f"holds {describe(content)}: accepted is a repository policy, a JSON object")
    if "policyText" in content:
        refuse(f"is the output of aws ecr get-repository-policy: write the policy alone by {_AS_TEXT}")
    if _TEMPLATE_ELEMENTS & content.keys():
        refuse(f"is {_TEMPLATE} the result back")
