"""The AWS clients of the commands: patient, and not to be told by a stranger that all is well."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config

from tests.live.errors import StrangeAnswerError

_PATIENT: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="ecr-exposure",
)
"""Throttles of a large organization are waited out; a dead endpoint is not waited for."""
_FIRST_FAILURE: Final = 300


def make_client(session: boto3.Session, service: str, region: str, **credentials: str) -> Any:
    """Return a client whose calls raise StrangeAnswerError where it is not AWS that says that they succeeded."""
    client = session.client(service, region_name=region, config=_PATIENT, **credentials)
    client.meta.events.register("before-parse", _refuse_strangers)
    return client


class Clients:
    """One client a service, made when it is first asked for."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        """Take whose clients, and of which region."""
        self._session, self._region = session, region
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """Return the client."""
        if service not in self._made:
            self._made[service] = make_client(self._session, service, self._region)
        return self._made[service]


def entries(pages: Iterable[Mapping[str, Any]], name: str) -> Iterator[Any]:
    """Return a list's entries over all pages; raises StrangeAnswerError where a page has no such list."""
    for page in pages:
        yield from member(page, name)


def member(answer: Mapping[str, Any], name: str) -> Any:
    """Return what AWS always sends; raises StrangeAnswerError where an answer lacks it."""
    if name not in answer:
        raise StrangeAnswerError(f"the answer holds no {name}: something between here and AWS sent it")
    return answer[name]


def _refuse_strangers(operation_model: Any, response_dict: Mapping[str, Any], **_: object) -> None:
    """Look for the request id, which every answer of AWS has, before botocore makes an empty answer of a page."""
    if response_dict["status_code"] < _FIRST_FAILURE and "x-amzn-requestid" not in response_dict["headers"]:
        raise StrangeAnswerError(f"{operation_model.name} was answered by something that is not AWS")
