"""The service endpoint of every botocore client while a local organization exists.

botocore emits ``before-send.<service>.<operation>`` and uses the first result as the HTTP response; validation
and signing before it, retries and parsing after it are botocore's own. moto registers a stubber for that event.
botocore calls every handler of an event, so a second handler could not stop a failed request from reaching moto.
Therefore the endpoint replaces the stubber and calls it. A request that fails gets no result here, so botocore sends it
with its HTTP session, and a stand-in for the session's ``send`` makes it fail.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import botocore.endpoint
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.httpsession import URLLib3Session
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from tests.local_aws.calls import Call, is_json_protocol, read_call
from tests.local_aws.faults import Fault, Faults, error_response

_EVENT: Final = "before-send"
# moto is not thread-safe: it builds its routes with ast.parse, which sometimes fails when two threads call it at
# the same time (https://github.com/python/cpython/issues/106905).
_ONE_AT_A_TIME: Final = RLock()
Send = Callable[[URLLib3Session, AWSPreparedRequest], AWSResponse]


class LocalEndpoint:
    """Logs each call, injects faults, rejects unknown credentials, and passes all other calls to moto."""

    def __init__(self, faults: Faults) -> None:
        """Take the faults to inject."""
        self.calls: list[Call] = []
        self.waits: list[float] = []
        """The seconds that botocore would wait before each retry; it does not wait."""
        self._faults = faults
        self._failing: dict[int, Fault] = {}
        self._open = False

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_kwargs: object) -> AWSResponse | None:
        """Return the response to one request, or None if it is to fail; botocore calls it as an event handler."""
        if not self._open:
            raise RuntimeError("this client's local organization has ended: do not keep clients between organizations")
        call = read_call(request, event_name)
        fault = self._faults.next_for(call)
        self.calls.append(replace(call, fault=fault.label) if fault else call)
        if fault is None:
            return self._respond(request, event_name, call)
        if fault.processed:
            self._respond(request, event_name, call)
        self._failing[id(request)] = fault
        return None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Receive the requests of every client created inside the with block; block all other network access."""
        waiting = SimpleNamespace(sleep=self.waits.append)
        with (
            patch.object(botocore.endpoint, "time", waiting),
            patch.object(URLLib3Session, "send", self._send_to(URLLib3Session.send)),
            _only_loopback(),
        ):
            _replace_handler(botocore_stubber, self)
            self._open = True
            try:
                yield
            finally:
                self._open = False
                _replace_handler(self, botocore_stubber)

    def _send_to(self, send: Send) -> Send:
        """Return the stand-in for ``URLLib3Session.send``: requests that do not fail go to the loopback network."""

        def respond(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            fault = self._failing.pop(id(request), None)
            return fault.respond(request) if fault else send(session, request)

        return respond

    @staticmethod
    def _respond(request: AWSPreparedRequest, event_name: str, call: Call) -> AWSResponse:
        """Return moto's response, or AWS's error for credentials that no account issued.

        https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
        """
        if not call.account:
            message = "The security token included in the request is invalid."
            if is_json_protocol(request):
                return error_response(request, 400, "UnrecognizedClientException", message)
            return error_response(request, 403, "InvalidClientTokenId", message)
        with _ONE_AT_A_TIME:
            response: AWSResponse | None = botocore_stubber(event_name, request)
        if response is None:
            raise EndpointConnectionError(endpoint_url=request.url)
        return response


def _replace_handler(old: BotocoreStubber | LocalEndpoint, new: BotocoreStubber | LocalEndpoint) -> None:
    BUILTIN_HANDLERS[BUILTIN_HANDLERS.index((_EVENT, old))] = (_EVENT, new)


@contextmanager
def _only_loopback() -> Iterator[None]:
    """Resolve loopback names only: this stops clients created before the organization."""
    resolve = socket.getaddrinfo

    def guarded(host: str | bytes | None, *args: Any, **kwargs: Any) -> object:
        if not _is_loopback(host):
            raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is outside the local organization")
        return resolve(host, *args, **kwargs)

    with patch.object(socket, "getaddrinfo", guarded):
        yield


def _is_loopback(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False
