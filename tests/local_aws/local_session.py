"""What a local organization changes in the process: environment variables, and how botocore reads its data files."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Final
from unittest.mock import patch

import boto3
import botocore.hooks
import botocore.session
from botocore.compat import accepts_kwargs
from botocore.hooks import EventAliaser
from botocore.loaders import Loader


class _SharedLoader(Loader):
    """A loader for all sessions of the process.

    Each boto3 session appends its own folder to the search paths, and each path costs time: here to a copy.
    """

    @property
    def search_paths(self) -> list[str]:
        return [*super().search_paths]


class _SharedAliaser(EventAliaser):
    """An aliaser for all sessions and clients: the names of events depend on nothing but a table of botocore."""

    _names: ClassVar[dict[str, str]] = {}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._alias_name_cache = self._names


_LOADER: Final = _SharedLoader([os.path.join(os.path.dirname(boto3.__file__), "data")])  # noqa: PTH118, PTH120 - botocore joins strings


def _accepts_kwargs(function: Callable[..., object]) -> bool:
    return _accepts_kwargs_of(getattr(function, "__func__", function))


@cache
def _accepts_kwargs_of(function: Callable[..., object]) -> bool:
    return bool(accepts_kwargs(function))


@contextmanager
def shared_service_models() -> Iterator[None]:
    """Let all botocore sessions inside the with block share what is the same for each of them.

    That is one loader, which reads each data file once a process, and what botocore finds out about its handlers and
    the names of its events: it does so again for each session and client, which is most of the time of a short test.
    """
    with (
        patch.object(botocore.session, "create_loader", lambda _path=None: _LOADER),
        patch.object(botocore.hooks, "accepts_kwargs", _accepts_kwargs),
        patch.object(botocore.session, "EventAliaser", _SharedAliaser),
    ):
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
