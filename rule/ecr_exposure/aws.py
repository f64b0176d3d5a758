"""The AWS clients as rdklib asks for them, and all state that is kept between invocations.

rdklib builds its clients and assumes its role anew for each event; both together cost ten times as much as the
evaluation. The interface is that of ``rdklib.clientfactory.ClientFactory``.
"""

import json
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, overload

import boto3
from botocore.config import Config
from botocore.parsers import ResponseParserError

from ecr_exposure.errors import EvaluationError, ItemError
from ecr_exposure.identifiers import AccountId, account_ids
from ecr_exposure.repository import check_item

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_organizations import OrganizationsClient

Service = Literal["config", "ecr", "organizations"]

_CONFIG: Final = Config(
    # The rate limiter of this mode slows all threads of a client together, at the lowest to one call in two seconds.
    retries={"mode": "adaptive", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=5,
    max_pool_connections=16,
)
# An hour is what every role allows, and the maximum for role chaining:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html
_SESSION_SECONDS: Final = 3600
# A client is only returned if its credentials outlive the longest invocation that Lambda allows.
_RESERVE: Final = timedelta(seconds=900)
# A function that serves many accounts must not keep clients for all of them.
_MOST_CLIENTS: Final = 64
_ACCOUNTS_SECONDS: Final = 3600.0


class _Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime


class _Client(NamedTuple):
    client: "ConfigServiceClient | ECRClient | OrganizationsClient"
    until: datetime | None


class _Accounts(NamedTuple):
    listed_at: float
    ids: frozenset[AccountId]


@dataclass(slots=True)
class Kept:
    """What the function keeps between invocations.

    clients: by role, region and service. accounts: of the organization.
    """

    clients: OrderedDict[tuple[str | None, str | None, Service], _Client] = field(default_factory=OrderedDict)
    accounts: _Accounts | None = None

    def clear(self) -> None:
        """Forget everything."""
        self.clients.clear()
        self.accounts = None


kept: Final = Kept()


class ClientFactory:
    """Builds clients for one role and region, or for the function's own role."""

    def __init__(
        self,
        role_arn: str | None,
        region: str | None = None,
        assume_role_mode: bool = True,  # noqa: FBT001, FBT002 - rdklib's signature
    ) -> None:
        """Store what rdklib read from the event."""
        self._role_arn = role_arn if assume_role_mode else None
        self._region = region or os.environ.get("AWS_REGION")

    @overload
    def build_client(self, service: Literal["config"], *, assume_role_mode: bool = True) -> "ConfigServiceClient": ...

    @overload
    def build_client(self, service: Literal["ecr"], *, assume_role_mode: bool = True) -> "ECRClient": ...

    @overload
    def build_client(
        self, service: Literal["organizations"], *, assume_role_mode: bool = True
    ) -> "OrganizationsClient": ...

    def build_client(
        self,
        service: Service,
        region: str | None = None,
        assume_role_mode: bool = True,  # noqa: FBT001, FBT002 - rdklib's signature
    ) -> object:
        """Return a client of the service; raise ClientError if STS refuses the role."""
        role = self._role_arn if assume_role_mode else None
        key = (role, region or self._region, service)
        found = kept.clients.get(key)
        if found is None or (found.until is not None and datetime.now(UTC) >= found.until):
            found = kept.clients[key] = _build(*key)
        kept.clients.move_to_end(key)
        if len(kept.clients) > _MOST_CLIENTS:
            kept.clients.popitem(last=False)
        return found.client


def _build(role: str | None, region: str | None, service: Service) -> _Client:
    credentials = _assume(role, region) if role else None
    client = boto3.client(
        service,
        region_name=region,
        config=_CONFIG,
        aws_access_key_id=credentials and credentials.access_key_id,
        aws_secret_access_key=credentials and credentials.secret_access_key,
        aws_session_token=credentials and credentials.session_token,
    )
    if service == "config":
        client.meta.events.register("provide-client-params.config-service.PutEvaluations", _with_moments)
        client.meta.events.register("after-call.config-service.PutEvaluations", _check_refused)
        client.meta.events.register("after-call.config-service.GetResourceConfigHistory", _complete_history_item)
    return _Client(client, credentials.expiration - _RESERVE if credentials else None)


def _assume(role: str, region: str | None) -> _Credentials:
    # The default endpoint is that of the region, in every partition.
    try:
        answer = boto3.client("sts", region_name=region, config=_CONFIG).assume_role(
            RoleArn=role, RoleSessionName="ecr-repository-no-public-access", DurationSeconds=_SESSION_SECONDS
        )
        found = answer["Credentials"]
        return _Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])
    except (ResponseParserError, KeyError, TypeError):
        # The message quotes nothing of the answer, which may hold half a secret. And there is no client
        # without credentials: boto3 would use the function's own.
        raise EvaluationError(f"STS returned no credentials for {role}") from None


def _with_moments(params: Mapping[str, Any], **_: object) -> Mapping[str, Any]:
    # botocore parses a text twice, and slowly.
    evaluations = [each | {"OrderingTimestamp": _moment(each["OrderingTimestamp"])} for each in params["Evaluations"]]
    return {**params, "Evaluations": evaluations}


def _moment(value: object) -> object:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


FOREIGN_RESPONSE: Final = "the answer to PutEvaluations did not come from AWS Config"
"""The error of an answer without a request id, such as a proxy's page."""


class RefusedError(EvaluationError):
    """AWS Config received a call of PutEvaluations, and refused some of its evaluations."""


def _check_refused(parsed: Mapping[str, Any], **_: object) -> None:
    # PutEvaluations succeeds and lists what it refused:
    # https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
    if "Error" not in parsed and not parsed.get("ResponseMetadata", {}).get("RequestId"):
        raise EvaluationError(FOREIGN_RESPONSE)
    if refused := parsed.get("FailedEvaluations"):
        first = refused[0].get("ComplianceResourceId")
        raise RefusedError(f"AWS Config refused {len(refused)} evaluations, first {first}")


def _complete_history_item(parsed: dict[str, Any], **_: object) -> None:
    # rdklib reads these fields of the newest item without checking that they exist.
    if "Error" in parsed:
        return
    items = parsed.get("configurationItems")
    if not items:
        raise ItemError("AWS Config has no configuration item for the resource of the oversized notification")
    item = items[0]
    # In the history the time is a datetime.
    check_item(
        "configurationItem", item | {"configurationItemCaptureTime": _text(item, "configurationItemCaptureTime")}
    )
    item["supplementaryConfiguration"] = {}
    item["relationships"] = []
    # rdklib decodes the text once; encoded here, it stays as it is, and is read strictly later.
    item["configuration"] = json.dumps(item.get("configuration"))


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]) if item.get(name) else ""


ACCOUNTS_VARIABLE: Final = "LIST_ORGANIZATION_ACCOUNTS"
"""The environment variable that tells the function to list the accounts of its organization ("true"), or not."""


def organization_accounts(client_factory: ClientFactory) -> frozenset[AccountId]:
    """Return the account ids of the organization, at most an hour old; none if the function is not told to list them.

    Only the management account and delegated administrators may list them, so the function uses its own role:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    Raises an error of botocore, ParameterError or EvaluationError if the call fails, so that no account is taken for
    an external one by mistake.
    """
    switch = os.environ.get(ACCOUNTS_VARIABLE) or "false"
    if switch not in ("true", "false"):
        raise EvaluationError(f"{ACCOUNTS_VARIABLE}: {switch!r:.40} is neither true nor false")
    if switch == "false":
        return frozenset()
    if kept.accounts is None or time.monotonic() - kept.accounts.listed_at >= _ACCOUNTS_SECONDS:
        pages = client_factory.build_client("organizations", assume_role_mode=False).get_paginator("list_accounts")
        listed = [account.get("Id") for page in pages.paginate() for account in page.get("Accounts", ())]
        ids = account_ids("organizations:ListAccounts", listed)
        if not ids:
            raise EvaluationError("organizations:ListAccounts returned no account")
        kept.accounts = _Accounts(time.monotonic(), ids)
    return kept.accounts.ids
