"""The AWS clients of the commands, and what their errors are called."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

PATIENT: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="ecr-exposure",
)
"""Throttles of a large organization are waited out; a dead endpoint is not waited for."""


class CannotRunError(Exception):
    """There is nothing to work on: no credentials, no stack, no rule; or an argument is wrong."""


class StrangeAnswerError(Exception):
    """Something that is not AWS answered, such as a proxy; botocore takes its page for an empty answer."""


# All that a call can raise: what AWS answers, what keeps it from answering, and what is no answer.
AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError, StrangeAnswerError)


class Clients:
    """One client a service, made when it is first asked for."""

    def __init__(self, region: str | None) -> None:
        """Take the region; None is the configured one."""
        self._region = region
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """Return the client; raises BotoCoreError where there is no region."""
        if service not in self._made:
            self._made[service] = boto3.client(service, region_name=self._region, config=PATIENT)
        return self._made[service]


def code_of(error: BaseException) -> str:
    """Return the code that AWS gave an error, or an empty text."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def entries(pages: Iterable[Mapping[str, Any]], name: str) -> Iterator[Any]:
    """Return a list's entries over all pages; raises StrangeAnswerError where a page has no such list."""
    for page in pages:
        if name not in page:
            raise StrangeAnswerError(f"the answer holds no {name}: something between here and AWS sent it")
        yield from page[name]
