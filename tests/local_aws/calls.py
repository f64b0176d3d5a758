"""A call to AWS as it leaves botocore, read back from the signed request.

The service is named as boto3 names its client (``config``, not botocore's ``config-service``). Account
and role are those of the credentials that signed the request; moto draws an access key for each assumed
role and knows whose it is.
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
    """One HTTP request to AWS: a call that botocore retries is logged once an attempt."""

    service: str
    operation: str
    account: str
    """Of the credentials; empty when they are unknown or the request is unsigned."""
    role: str
    """Name of the assumed role that signed; empty when none did."""
    region: str
    host: str
    parameters: Mapping[str, Any]
    """As the service receives them: JSON, or flat text values for a query protocol such as that of STS."""
    fault: str = ""
    """The code or the connection failure that was injected, if any."""

    @property
    def repository(self) -> str | None:
        """The repository that a call is about: ECR's repositoryName, Config's resourceId."""
        name = self.parameters.get("repositoryName", self.parameters.get("resourceId"))
        return name if isinstance(name, str) else None


def read_call(request: AWSPreparedRequest, event_name: str) -> Call:
    """Return the call behind a request that botocore is about to send.

    ``event_name`` is ``before-send.<service id>.<operation>``.
    """
    _, service, operation = event_name.split(".", 2)
    scope = _CREDENTIAL.search(_text(request.headers.get("Authorization")))
    account, role = _owner(scope["key"]) if scope else ("", "")
    return Call(
        service=_CLIENT_NAMES.get(service, service),
        operation=operation,
        account=account,
        role=role,
        region=scope["region"] if scope else "",
        host=urlsplit(request.url).netloc,
        parameters=_parameters(request),
    )


def speaks_json(request: AWSPreparedRequest) -> bool:
    """Tell an AWS JSON protocol (ECR, Config, Organizations) from the query protocol (STS)."""
    return "X-Amz-Target" in request.headers


def _parameters(request: AWSPreparedRequest) -> Mapping[str, Any]:
    body = _text(request.body)
    if speaks_json(request):
        content = json.loads(body or "{}")
        return content if isinstance(content, dict) else {}
    return {name: value for name, value in parse_qsl(body, keep_blank_values=True) if name not in _ENVELOPE}


def _owner(access_key_id: str) -> tuple[str, str]:
    """Return account and role name behind an access key; two empty strings if nobody issued it."""
    for account, partitions in list(iam_backends.items()):
        for backend in list(partitions.values()):
            key: AccessKey | None = backend.access_keys.get(access_key_id)
            if key is not None:
                return account, (key.role_arn or "").rpartition("/")[2]
    return "", ""


def _text(value: object) -> str:
    """Return a header or a body as text; botocore has both in either type, or None."""
    return value.decode() if isinstance(value, bytes | bytearray) else str(value or "")
