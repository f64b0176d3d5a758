"""The AWS clients as rdklib asks for them, and all state that is kept between invocations.

rdklib builds its clients and assumes its role anew for each event; both together cost ten times as much as the
evaluation. The interface is that of ``rdklib.clientfactory.ClientFactory``.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, overload

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ecr_exposure.answers import check_answers_of, pages
from ecr_exposure.errors import EvaluationError
from ecr_exposure.identifiers import AccountId, account_ids, account_of

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_organizations import OrganizationsClient

    _Client = ConfigServiceClient | ECRClient | OrganizationsClient

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
# Credentials are only used if they outlive the longest invocation that Lambda allows.
_RESERVE: Final = timedelta(seconds=900)
# Clients take a hundred times the memory of credentials: a function that serves more accounts builds them again.
_MOST_ACCOUNTS_WITH_CLIENTS: Final = 64
_ACCOUNTS_SECONDS: Final = 3600.0


class _Place(NamedTuple):
    role: str | None
    region: str | None


class _Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime

    def usable(self) -> bool:
        return datetime.now(UTC) < self.expiration - _RESERVE


class _Accounts(NamedTuple):
    listed_at: float
    ids: frozenset[AccountId]


@dataclass(slots=True)
class Kept:
    """What the function keeps between invocations.

    credentials: of each role and region, until they expire. clients: of the 64 roles and regions that were used last.
    accounts: of the organization. lock: for the threads of one invocation.
    """

    credentials: dict[_Place, _Credentials] = field(default_factory=dict)
    clients: "OrderedDict[_Place, dict[Service, _Client]]" = field(default_factory=OrderedDict)
    accounts: _Accounts | None = None
    lock: RLock = field(default_factory=RLock)

    def clear(self) -> None:
        """Forget everything."""
        self.credentials.clear()
        self.clients.clear()
        self.accounts = None

    def forget(self, account: object) -> None:
        """Forget the credentials and clients for an account, and the clients with the function's own credentials.

        AWS may refuse these credentials, as it does after the role was deleted and created again.
        """
        for place in [place for place in self.clients if place.role is None or account_of(place.role) == account]:
            del self.clients[place]
        for place in [place for place in self.credentials if account_of(place.role or "") == account]:
            del self.credentials[place]


kept: Final = Kept()


class ClientFactory:
    """Builds clients for one role and region, or for the function's own role; threads may share one."""

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
        """Return a client of the service; raise an error of botocore or EvaluationError if STS gives no credentials."""
        place = _Place(self._role_arn if assume_role_mode else None, region or self._region)
        # Building clients is not thread-safe:
        # https://docs.aws.amazon.com/boto3/latest/guide/clients.html#caveats
        with kept.lock:
            credentials = _credentials(place)
            clients = kept.clients.setdefault(place, {})
            kept.clients.move_to_end(place)
            if service not in clients:
                clients[service] = _build(place, service, credentials)
            if len(kept.clients) > _MOST_ACCOUNTS_WITH_CLIENTS:
                kept.clients.popitem(last=False)
            return clients[service]


def _credentials(place: _Place) -> _Credentials | None:
    if place.role is None:
        return None
    found = kept.credentials.get(place)
    if found is None or not found.usable():
        kept.clients.pop(place, None)
        expired = [each for each, credentials in kept.credentials.items() if not credentials.usable()]
        for each in expired:
            del kept.credentials[each]
        found = kept.credentials[place] = _assume(place.role, place.region)
    return found


def _build(place: _Place, service: Service, credentials: _Credentials | None) -> "_Client":
    client: _Client = boto3.client(
        service,
        region_name=place.region,
        config=_CONFIG,
        aws_access_key_id=credentials and credentials.access_key_id,
        aws_secret_access_key=credentials and credentials.secret_access_key,
        aws_session_token=credentials and credentials.session_token,
    )
    check_answers_of(client)
    if service == "config":
        client.meta.events.register(
            "provide-client-params.config-service.PutEvaluations",
            _with_moments,  # type: ignore[arg-type]  # botocore's types do not know that a handler may return parameters
        )
        client.meta.events.register("after-call.config-service.PutEvaluations", _check_refused)
    return client


def _assume(role: str, region: str | None) -> _Credentials:
    # The default endpoint is that of the region, in every partition.
    client = boto3.client("sts", region_name=region, config=_CONFIG)
    check_answers_of(client)
    try:
        answer = client.assume_role(
            RoleArn=role, RoleSessionName="ecr-repository-no-public-access", DurationSeconds=_SESSION_SECONDS
        )
    except (BotoCoreError, ClientError):
        raise
    except Exception:  # noqa: BLE001 - botocore's XML parser raises many errors for what is no answer
        # The message quotes nothing of the answer, which may hold half a secret. And there is no client
        # without credentials: boto3 would use the function's own.
        raise EvaluationError(f"sts:AssumeRole: the answer has no credentials for {role}") from None
    found = answer["Credentials"]
    return _Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])


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
        client = client_factory.build_client("organizations", assume_role_mode=False)
        listed = [each["Id"] for page in pages(client, "list_accounts", "NextToken") for each in page["Accounts"]]
        ids = account_ids("organizations:ListAccounts", listed)
        if not ids:
            raise EvaluationError("organizations:ListAccounts returned no account")
        kept.accounts = _Accounts(time.monotonic(), ids)
    return kept.accounts.ids
