"""What a local organization changes in the process: environment variables, and how botocore reads its data files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import boto3
import botocore.session
from botocore.loaders import Loader


class _SharedLoader(Loader):
    """A loader for all sessions of the process.

    Each boto3 session appends its own folder to the search paths, and each path costs time: here to a copy.
    """

    @property
    def search_paths(self) -> list[str]:
        return [*super().search_paths]


_LOADER: Final = _SharedLoader([os.path.join(os.path.dirname(boto3.__file__), "data")])  # noqa: PTH118, PTH120 - botocore joins strings


@contextmanager
def shared_service_models() -> Iterator[None]:
    """Let all botocore sessions inside the with block share one loader, which reads each data file once a process."""
    with patch.object(botocore.session, "create_loader", lambda _path=None: _LOADER):
        yield


@contextmanager
def isolated_environment() -> Iterator[None]:
    """Remove all variables that lead to real AWS inside the with block."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
            del os.environ[name]
        os.environ |= {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield
