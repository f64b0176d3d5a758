"""Folders with Terraform source: the files of a folder are one module, and local modules count where they are called.

https://developer.hashicorp.com/terraform/language/files
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ecr_exposure.cli.found_policies.code_facts import SUFFIXES, CodeFacts
from ecr_exposure.cli.found_policies.file_texts import cannot_be_read, decoded
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError

RESOURCE_TYPES: Final = ("aws_ecr_repository", "awscc_ecr_repository")
_VALUES: Final = (".tfvars", ".tfvars.json")
_TEMPLATE: Final = ("${", "%{")
_LONGEST: Final = 4_000_000
"""Bytes. No file of code is so long; a file that code reads with file() may be."""


class _Folder(Mapping[str, str]):
    """The files of a folder by path, each read when it is asked for; what is no text is not there."""

    def __init__(self, folder: str, read: Callable[[str], str | None], known: Iterable[str]) -> None:
        """known: paths of files that are read already; standard input may stand for one that is not there."""
        try:
            with os.scandir(folder or os.curdir) as entries:
                names = sorted(entry.name for entry in entries if entry.is_file())
        except (OSError, ValueError):  # ValueError: a path with a null character
            names = []
        paths = [f"{folder.rstrip('/')}/{name}" if folder else name for name in names]
        self._paths = list(dict.fromkeys((*paths, *(path for path in known if _folder_of(path) == folder))))
        self._read = read

    def __getitem__(self, path: str) -> str:
        text = self._read(path) if path in self._paths else None
        if text is None:
            raise KeyError(path)
        return text

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class TerraformFolders:
    """The folders to evaluate, and what was read of them."""

    def __init__(self, on_code: Callable[[str, str], None]) -> None:
        """on_code: takes path and text of each file of code, before the policies of its folder are found."""
        self._on_code = on_code
        self._asked_for: dict[str, None] = {}
        self._added: list[str] = []
        self._texts: dict[str, str | None] = {}
        self._with_types: set[str] = set()
        self._code_read: set[str] = set()
        self._errors: list[NotReadError] = []

    def add(self, file: str, text: str) -> None:
        """Note that the folder of this file is to be evaluated; raises NotReadError for a file of another name."""
        if not file.endswith(SUFFIXES):
            raise NotReadError(file, None, "is Terraform source: its name must end with .tf; see --stdin-name")
        self._keep(file, text)
        self._added.append(file)
        self._asked_for[_folder_of(file)] = None

    def policies(self, facts: CodeFacts) -> Iterator[FoundPolicy]:
        """Yield the policies of all folders, and of the local modules that they call.

        A module is evaluated on its own only if no folder calls it. An error of a file counts only if its folder has
        to do with Amazon ECR.
        """
        from ecr_exposure.cli.policies_in_terraform.terraform_source import (  # noqa: PLC0415 - few runs have such files
            local_modules,
            read_terraform,
        )

        called = {each for folder in self._asked_for for each in local_modules(self._files_of(folder))}
        self._code_read.clear()
        roots = [folder for folder in self._asked_for if (folder or os.curdir) not in called]
        for folder in (*roots, *self._asked_for):
            if folder not in self._code_read:
                for found in read_terraform(self._files_of(folder), facts, self._files_of):
                    self._with_types.add(folder)
                    yield found
                self._code_read.add(folder)
        for error in self._errors:
            facts.problem(error)

    def matters(self, file: str) -> bool:
        """Return whether the folder of a file has to do with Amazon ECR, or calls a module that does."""
        return _folder_of(file) in self._with_types

    def is_template(self, file: str) -> bool:
        """Return whether code reads this file, and it has templates: what is in it, the code decides."""
        text = self._texts.get(os.path.normpath(file))
        return text is not None and not file.endswith((*SUFFIXES, *_VALUES)) and any(each in text for each in _TEMPLATE)

    def _files_of(self, folder: str) -> _Folder:
        return _Folder("" if folder == os.curdir else folder, self._text_of, self._added)

    def _text_of(self, path: str) -> str | None:
        if path.endswith(SUFFIXES):
            self._code_read.add(_folder_of(path))
        if path not in self._texts:
            try:
                self._keep(path, _read(path))
            except NotReadError as error:
                is_needed = path.endswith((*SUFFIXES, *_VALUES))  # any other one is data that code may not even read
                self._texts[path] = "" if is_needed else None
                if is_needed:
                    self._errors.append(error)
        return self._texts[path]

    def _keep(self, path: str, text: str) -> None:
        self._texts[path] = text
        if path.endswith(SUFFIXES):
            self._on_code(path, text)
            if any(each in text for each in RESOURCE_TYPES):
                self._with_types.add(_folder_of(path))


def _read(path: str) -> str:
    """Return the text of a file; raises NotReadError."""
    try:
        if Path(path).stat().st_size > _LONGEST:
            raise NotReadError(path, None, f"has more than {_LONGEST:,} bytes: too many for code")
        return decoded(path, Path(path).read_bytes())
    except OSError as error:
        raise cannot_be_read(path, error) from None


def _folder_of(file: str) -> str:
    return file.rpartition("/")[0]
