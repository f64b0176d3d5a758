"""The process of a local organization: boto3 sessions without their start-up cost, and an environment of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import boto3
import botocore.session
from botocore.loaders import create_loader

_DATA: Final = create_loader()


def boto3_session(**arguments: str) -> boto3.Session:
    """Make a session as boto3 does, with botocore's data files read once a process."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _DATA)
    return boto3.Session(botocore_session=core, **arguments)


@contextmanager
def own_environment() -> Iterator[None]:
    """Take everything that points at a real AWS out of the environment, and restore it afterwards."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
            del os.environ[name]
        os.environ |= {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield
