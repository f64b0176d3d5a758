"""A few AWS clients for many accounts: one a service and Region, which threads share.

A thread names the credentials that sign its calls. botocore takes them from the signing context of a request, and
before a request is sent, the access key in its signature is compared: no call is ever made in a wrong account.
https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, local
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.client import BaseClient
from botocore.credentials import Credentials

from ecr_exposure.cli.aws_calls import Clients

if TYPE_CHECKING:
    from mypy_boto3_account import AccountClient
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

_Client = TypeVar("_Client", bound=BaseClient)


class StoppedError(Exception):
    """No further call starts, because the operator interrupted the command."""


class SharedClients:
    """The clients, and the credentials that sign the calls of each thread: by default those of the session."""

    def __init__(self, session: boto3.Session, regions: Sequence[str]) -> None:
        """Create the clients of the Regions; those of services that are the same in every Region, in the first one."""
        self._stopped = Event()
        self._thread = local()
        home = Clients(session, regions[0])
        self.account: AccountClient = self._shared(home.account)
        self.iam: IAMClient = self._shared(home.iam)
        self.sts: STSClient = self._shared(home.sts)
        self._config = {region: self._shared(Clients(session, region).config) for region in regions}

    def config(self, region: str) -> "ConfigServiceClient":
        """Return the client of AWS Config in a Region."""
        return self._config[region]

    @contextmanager
    def signing_with(self, credentials: Credentials | None) -> Iterator[None]:
        """Sign the calls of this thread inside the with block with these credentials; None: with the session's."""
        self._thread.credentials = credentials
        try:
            yield
        finally:
            self._thread.credentials = None

    def stop(self) -> None:
        """Let every further call, and every repetition of one, raise StoppedError."""
        self._stopped.set()

    def _shared(self, client: _Client) -> _Client:
        # botocore calls the handlers of a service before those of all services, and signs in one of the former.
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{service}", self._prepare)
        client.meta.events.register_first(f"before-send.{service}", self._check)
        return client

    @property
    def _credentials(self) -> Credentials | None:
        credentials: Credentials | None = getattr(self._thread, "credentials", None)
        return credentials

    def _prepare(self, request: AWSRequest, **_: object) -> None:
        """Set who signs; botocore emits the event for each attempt, before it signs."""
        if self._stopped.is_set():
            raise StoppedError
        if self._credentials:
            context = request.context
            context["signing"] = {**context.get("signing", {}), "request_credentials": self._credentials}

    def _check(self, request: AWSPreparedRequest, **_: object) -> None:
        """Refuse to send what was signed with other credentials."""
        signature: Any = request.headers.get("Authorization", "")  # bytes, once it is signed
        text = signature.decode() if isinstance(signature, bytes) else str(signature)
        if self._credentials and f"Credential={self._credentials.access_key}/" not in text:
            raise RuntimeError("botocore signed a request with other credentials than those of the account")
