"""AWS at its worst: throttles, refusals, server errors, broken connections, as botocore meets them.

A fault is answered (or raised) where botocore sends, so botocore parses it, retries it and turns it into
the very exception that the caller would see. Nothing of the caller is patched.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from threading import Lock
from typing import Final
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from moto.core.botocore_stubber import MockRawResponse

from tests.local_aws.calls import Call, speaks_json

_SERVER_ERROR: Final = 500
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"


class Connection(Enum):
    """How a connection fails; each value is one exception that botocore's own HTTP session raises."""

    RESET = "reset"
    READ_TIMEOUT = "read time-out"
    CONNECT_TIMEOUT = "connect time-out"
    UNREACHABLE = "unreachable"

    def error(self, url: str) -> Exception:
        """Return the exception, as botocore's HTTP session would have raised it."""
        return _ERRORS[self](endpoint_url=url)


_ERRORS: Final[Mapping[Connection, Callable[..., Exception]]] = {
    Connection.RESET: ConnectionClosedError,
    Connection.READ_TIMEOUT: ReadTimeoutError,
    Connection.CONNECT_TIMEOUT: ConnectTimeoutError,
    Connection.UNREACHABLE: EndpointConnectionError,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, for which calls, how often.

    ``Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="team/app")``
    """

    service: str
    operation: str
    _: KW_ONLY
    status: int = 400
    code: str = "ThrottlingException"
    message: str = "Injected fault"
    connection: Connection | None = None
    """No answer at all: the connection fails in this way, and status and code do not matter."""
    body: str | None = None
    """Sent as it is instead of the protocol's error document: a proxy's page, half a document."""
    request_id: bool = False
    """The body is AWS's own, which never comes without an id."""
    processed: bool = False
    """AWS does the work and only its answer is lost or replaced."""
    times: int | None = 1
    """How many requests it spoils; None for every one. Retries count."""
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    when: Callable[[Call], bool] | None = None

    @property
    def label(self) -> str:
        """How the log of calls names it."""
        return self.connection.value if self.connection else self.code

    def matches(self, call: Call) -> bool:
        """Tell whether this call is one of those that go wrong."""
        return (
            (self.service, self.operation) == (call.service, call.operation)
            and self.account in {None, call.account}
            and self.region in {None, call.region}
            and self.repository in {None, call.repository}
            and (self.when is None or self.when(call))
        )

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        """Return the HTTP response in the protocol of the request, or let the connection fail."""
        if self.connection is not None:
            raise self.connection.error(request.url)
        if self.body is not None:
            headers = {"x-amzn-RequestId": _REQUEST_ID} if self.request_id else {}
            return _response(request, self.status, {"Content-Type": "text/plain"} | headers, self.body)
        return error_response(request, self.status, self.code, self.message)


@dataclass(slots=True, eq=False)
class Injected:
    """A fault at work: ``calls`` are those that it spoiled so far."""

    fault: Fault
    calls: list[Call] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether it has spoiled all that it was meant to."""
        return self.fault.times is not None and len(self.calls) >= self.fault.times


class Faults:
    """The faults of one organization; the one that was injected last goes first."""

    def __init__(self) -> None:
        """Start with nothing going wrong."""
        self._injected: list[Injected] = []
        self._lock = Lock()

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[Injected]:
        """Let a fault happen inside the with block."""
        injected = Injected(fault)
        self._injected.append(injected)
        try:
            yield injected
        finally:
            self._injected.remove(injected)

    def take(self, call: Call) -> Fault | None:
        """Return the fault that this call meets, counted as happened."""
        with self._lock:
            for injected in reversed(self._injected):
                if not injected.spent and injected.fault.matches(call):
                    injected.calls.append(call)
                    return injected.fault
        return None


def error_response(request: AWSPreparedRequest, status: int, code: str, message: str) -> AWSResponse:
    """Return an error as AWS words it in the protocol that the request speaks.

    JSON: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    query: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization
    """
    if speaks_json(request):
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": _REQUEST_ID}
        return _response(request, status, headers, json.dumps({"__type": code, "message": message}))
    culprit = "Receiver" if status >= _SERVER_ERROR else "Sender"
    document = (
        f"<ErrorResponse><Error><Type>{culprit}</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error><RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
    )
    return _response(request, status, {"Content-Type": "text/xml", "x-amzn-RequestId": _REQUEST_ID}, document)


def _response(request: AWSPreparedRequest, status: int, headers: Mapping[str, str], body: str) -> AWSResponse:
    sent = HTTPHeaders()
    for name, value in headers.items():
        sent[name] = value
    return AWSResponse(request.url, status, sent, MockRawResponse(body))
