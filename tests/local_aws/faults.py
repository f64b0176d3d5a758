"""Fault injection: throttling, access denied, server errors, broken connections.

A fault replaces the response (or the connection) of botocore's HTTP session, so botocore parses it, retries the call
and raises the same exception as for real AWS. The code under test is not patched.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from threading import Lock
from typing import Final
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from tests.local_aws.calls import Call, is_json_protocol

_SERVER_ERROR: Final = 500
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"


class Connection(Enum):
    """How a connection fails; each value stands for one exception of botocore's HTTP session."""

    RESET = "reset"
    READ_TIMEOUT = "read time-out"
    CONNECT_TIMEOUT = "connect time-out"
    UNREACHABLE = "unreachable"

    def error(self, url: str) -> Exception:
        """Return the exception that botocore's HTTP session raises."""
        return _ERRORS[self](endpoint_url=url)


_ERRORS: Final[Mapping[Connection, Callable[..., Exception]]] = {
    Connection.RESET: ConnectionClosedError,
    Connection.READ_TIMEOUT: ReadTimeoutError,
    Connection.CONNECT_TIMEOUT: ConnectTimeoutError,
    Connection.UNREACHABLE: EndpointConnectionError,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Which calls fail, how, and how often.

    ``Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="team/app")``
    """

    service: str
    operation: str
    _: KW_ONLY
    status: int = 400
    code: str = "ThrottlingException"
    message: str = "Injected fault"
    connection: Connection | None = None
    """The connection fails and there is no response; status and code have no effect."""
    body: str | None = None
    """The response body instead of an AWS error: a proxy's HTML page, a truncated document."""
    request_id: bool = False
    """Whether the response with ``body`` has a request id, as every AWS response has."""
    date: bool = False
    """Whether the response with ``body`` has the header Date, with the present time."""
    processed: bool = False
    """Whether AWS processes the call, so that only its response is lost or replaced."""
    times: int | None = 1
    """How many requests fail, retries included; None: all."""
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    when: Callable[[Call], bool] | None = None

    @property
    def label(self) -> str:
        """The fault's name in the log of calls."""
        return self.connection.value if self.connection else self.code

    def matches(self, call: Call) -> bool:
        """Return whether this call is one of those that fail."""
        return (
            (self.service, self.operation) == (call.service, call.operation)
            and self.account in {None, call.account}
            and self.region in {None, call.region}
            and self.repository in {None, call.repository}
            and (self.when is None or self.when(call))
        )

    def respond(self, request: AWSPreparedRequest) -> AWSResponse:
        """Return the HTTP response in the protocol of the request, or raise the connection failure."""
        if self.connection is not None:
            raise self.connection.error(request.url)
        if self.body is not None:
            headers = {"x-amzn-RequestId": _REQUEST_ID} if self.request_id else {}
            headers |= {"Date": format_datetime(datetime.now(UTC), usegmt=True)} if self.date else {}
            return _response(request, self.status, {"Content-Type": "text/plain"} | headers, self.body)
        return error_response(request, self.status, self.code, self.message)


@dataclass(slots=True, eq=False)
class Injected:
    """An active fault; ``calls`` are the calls that failed so far."""

    fault: Fault
    calls: list[Call] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether it made all its ``times`` calls fail."""
        return self.fault.times is not None and len(self.calls) >= self.fault.times


class Faults:
    """The active faults of one organization; the latest has precedence."""

    def __init__(self) -> None:
        """Start without faults."""
        self._injected: list[Injected] = []
        self._lock = Lock()

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[Injected]:
        """Inject a fault inside the with block."""
        injected = Injected(fault)
        self._injected.append(injected)
        try:
            yield injected
        finally:
            self._injected.remove(injected)

    def next_for(self, call: Call) -> Fault | None:
        """Return the fault for this call, if any, and count it."""
        with self._lock:
            for injected in reversed(self._injected):
                if not injected.spent and injected.fault.matches(call):
                    injected.calls.append(call)
                    return injected.fault
        return None


def error_response(request: AWSPreparedRequest, status: int, code: str, message: str) -> AWSResponse:
    """Return an AWS error response in the protocol of the request.

    JSON: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    query: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization
    """
    if is_json_protocol(request):
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": _REQUEST_ID}
        return _response(request, status, headers, json.dumps({"__type": code, "message": message}))
    error_type = "Receiver" if status >= _SERVER_ERROR else "Sender"
    document = (
        f"<ErrorResponse><Error><Type>{error_type}</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error><RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
    )
    return _response(request, status, {"Content-Type": "text/xml", "x-amzn-RequestId": _REQUEST_ID}, document)


def _response(request: AWSPreparedRequest, status: int, headers: Mapping[str, str], body: str) -> AWSResponse:
    sent = HTTPHeaders()
    for name, value in headers.items():
        sent[name] = value
    return AWSResponse(request.url, status, sent, MockRawResponse(body))
