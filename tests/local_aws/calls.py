"""An API call, read from the signed HTTP request that botocore sends.

The service has the name of its boto3 client (``config``, not botocore's ``config-service``). Account and role
are those of the credentials that signed the request: moto creates an access key for each assumed role.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from botocore.awsrequest import AWSPreparedRequest
from moto.iam.models import AccessKey, iam_backends

_CREDENTIAL: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/")
_CLIENT_NAMES: Final = {"config-service": "config"}
_ENVELOPE: Final = frozenset({"Action", "Version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request to AWS: when botocore retries a call, each attempt is a Call."""

    service: str
    operation: str
    account: str
    """The account of the credentials; empty if they are unknown or the request is unsigned."""
    role: str
    """The name of the assumed role that signed the request; empty if no role did."""
    region: str
    host: str
    parameters: Mapping[str, Any]
    """The request parameters: JSON values, or strings in the AWS query protocol (STS)."""
    fault: str = ""
    """The error code or connection failure that was injected, if any."""

    @property
    def repository(self) -> str | None:
        """The repository's name: repositoryName of Amazon ECR, resourceId of AWS Config."""
        name = self.parameters.get("repositoryName", self.parameters.get("resourceId"))
        return name if isinstance(name, str) else None


def read_call(request: AWSPreparedRequest, event_name: str) -> Call:
    """Return the call of a request that botocore is about to send.

    ``event_name`` is ``before-send.<service id>.<operation>``.
    """
    _, service, operation = event_name.split(".", 2)
    scope = _CREDENTIAL.search(_text(request.headers.get("Authorization")))
    account, role = _account_and_role(scope["key"]) if scope else ("", "")
    return Call(
        service=_CLIENT_NAMES.get(service, service),
        operation=operation,
        account=account,
        role=role,
        region=scope["region"] if scope else "",
        host=urlsplit(request.url).netloc,
        parameters=_parameters(request),
    )


def is_json_protocol(request: AWSPreparedRequest) -> bool:
    """Return whether the request uses the AWS JSON protocol (ECR, Config, Organizations), not the query protocol."""
    return "X-Amz-Target" in request.headers


def _parameters(request: AWSPreparedRequest) -> Mapping[str, Any]:
    body = _text(request.body)
    if is_json_protocol(request):
        content = json.loads(body or "{}")
        return content if isinstance(content, dict) else {}
    return {name: value for name, value in parse_qsl(body, keep_blank_values=True) if name not in _ENVELOPE}


def _account_and_role(access_key_id: str) -> tuple[str, str]:
    """Return the account and role name of an access key; two empty strings if the key does not exist."""
    for account, partitions in list(iam_backends.items()):
        for backend in list(partitions.values()):
            key: AccessKey | None = backend.access_keys.get(access_key_id)
            if key is not None:
                return account, (key.role_arn or "").rpartition("/")[2]
    return "", ""


def _text(value: object) -> str:
    """Return a header or body as str: botocore uses str, bytes or None."""
    return value.decode() if isinstance(value, bytes | bytearray) else str(value or "")
