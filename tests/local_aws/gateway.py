"""Where every request of botocore ends while an organization stands.

botocore emits ``before-send.<service>.<operation>`` and takes the first answer as the HTTP response; what
comes before (validation, signing) and after (retries, parsing, exceptions) is its own. moto hangs its
stubber on that event for every client that is built. botocore calls all handlers of an event whatever the
first one answers, so a handler beside the stubber could not keep a spoiled request from moto: the gateway
takes the stubber's place and calls it itself.
"""

import ipaddress
import socket
from collections.abc import Iterator
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
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from tests.local_aws.calls import Call, read_call, speaks_json
from tests.local_aws.faults import Faults, error_response

_EVENT: Final = "before-send"
# moto is not made for several threads: it builds its routes with ast.parse, which fails now and then where
# two threads call it at once (https://github.com/python/cpython/issues/106905).
_ONE_AT_A_TIME: Final = RLock()


class Gateway:
    """Logs a call, spoils it if a fault says so, refuses strangers, and lets moto answer the rest."""

    def __init__(self, faults: Faults) -> None:
        """Take the faults to look at for every call."""
        self.calls: list[Call] = []
        self.waits: list[float] = []
        """Seconds that botocore meant to sleep before a retry; they are noted, not slept."""
        self._faults = faults
        self._open = False

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_kwargs: object) -> AWSResponse:
        """Answer one request; the signature is that of botocore's event handlers."""
        if not self._open:
            raise RuntimeError("this client's local organization is gone: drop cached clients between two")
        call = read_call(request, event_name)
        fault = self._faults.take(call)
        self.calls.append(replace(call, fault=fault.label) if fault else call)
        if fault is None:
            return self._respond(request, event_name, call)
        if fault.processed:
            self._respond(request, event_name, call)
        return fault.answer(request)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let every client that is built in the with block go through here; nothing leaves the process."""
        waiting = SimpleNamespace(sleep=self.waits.append)
        with patch.object(botocore.endpoint, "time", waiting), _only_loopback():
            _replace_handler(botocore_stubber, self)
            self._open = True
            try:
                yield
            finally:
                self._open = False
                _replace_handler(self, botocore_stubber)

    @staticmethod
    def _respond(request: AWSPreparedRequest, event_name: str, call: Call) -> AWSResponse:
        """Return what moto makes of it; AWS refuses credentials that no account issued.

        https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
        """
        if not call.account:
            message = "The security token included in the request is invalid."
            if speaks_json(request):
                return error_response(request, 400, "UnrecognizedClientException", message)
            return error_response(request, 403, "InvalidClientTokenId", message)
        with _ONE_AT_A_TIME:
            response: AWSResponse | None = botocore_stubber(event_name, request)
        if response is None:
            raise EndpointConnectionError(endpoint_url=request.url)
        return response


def _replace_handler(old: BotocoreStubber | Gateway, new: BotocoreStubber | Gateway) -> None:
    BUILTIN_HANDLERS[BUILTIN_HANDLERS.index((_EVENT, old))] = (_EVENT, new)


@contextmanager
def _only_loopback() -> Iterator[None]:
    """Let no name but this machine's be resolved: this stops a client older than the organization."""
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
