"""AWS clients as rdklib asks for them, kept while their credentials live.

rdklib builds its clients and assumes its role anew for each event; both together cost ten times as
much as the evaluation. The interface is that of ``rdklib.clientfactory.ClientFactory``.
"""

import json
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.parsers import ResponseParserError

from ecr_exposure.errors import EvaluationError, ItemError
from ecr_exposure.identifiers import AccountId, account_ids
from ecr_exposure.repository import STATUSES

_CONFIG: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 6}, connect_timeout=5, read_timeout=30)
# An hour is what every role allows, and the most that a chained role can have:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html
_SESSION_SECONDS: Final = 3600
# A client is handed out only while it outlives the longest invocation that Lambda allows.
_RESERVE: Final = timedelta(seconds=900)
# A function that serves many accounts must not keep clients for all of them.
_MOST_CLIENTS: Final = 64


class _Kept(NamedTuple):
    client: Any
    until: datetime | None


kept_clients: OrderedDict[tuple[str | None, str | None, str], _Kept] = OrderedDict()


refused_evaluations: list[str] = []
"""The repositories whose evaluation AWS Config did not take; the handler looks after each invocation."""


class ClientFactory:
    """Builds clients for one role and region, or for the function's own role."""

    def __init__(
        self,
        role_arn: str | None,
        region: str | None = None,
        assume_role_mode: bool = True,  # noqa: FBT001, FBT002 - rdklib's signature
    ) -> None:
        """Keep what rdklib read from the event."""
        self._role_arn = role_arn if assume_role_mode else None
        self._region = region or os.environ.get("AWS_REGION")

    def build_client(
        self,
        service: str,
        region: str | None = None,
        assume_role_mode: bool = True,  # noqa: FBT001, FBT002 - rdklib's signature
    ) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Return a client of the service; raises ClientError where STS refuses the role."""
        role = self._role_arn if assume_role_mode else None
        key = (role, region or self._region, service)
        kept = kept_clients.get(key)
        if kept is None or (kept.until is not None and datetime.now(UTC) >= kept.until):
            kept = kept_clients[key] = _build(*key)
        kept_clients.move_to_end(key)
        if len(kept_clients) > _MOST_CLIENTS:
            kept_clients.popitem(last=False)
        return kept.client


_SECRETS: Final = {
    "AccessKeyId": "aws_access_key_id",
    "SecretAccessKey": "aws_secret_access_key",
    "SessionToken": "aws_session_token",
}


def _build(role: str | None, region: str | None, service: str) -> _Kept:
    credentials = _assume(role, region) if role else {}
    client = boto3.client(
        service,
        region_name=region,
        config=_CONFIG,
        **{argument: credentials[name] for name, argument in _SECRETS.items() if role},
    )
    if service == "config":
        client.meta.events.register("after-call.config-service.PutEvaluations", _remember_refused)
        client.meta.events.register("after-call.config-service.GetResourceConfigHistory", _complete)
    return _Kept(client, credentials["Expiration"] - _RESERVE if role else None)


def _assume(role: str, region: str | None) -> Mapping[str, Any]:
    # The default endpoint is the region's own, in every partition.
    try:
        answer = boto3.client("sts", region_name=region, config=_CONFIG).assume_role(
            RoleArn=role, RoleSessionName="ecr-repository-no-public-access", DurationSeconds=_SESSION_SECONDS
        )
        credentials = answer["Credentials"]
        return {name: credentials[name] for name in (*_SECRETS, "Expiration")}
    except (ResponseParserError, KeyError, TypeError):
        # Without a word of the answer: it may hold half a secret. And never without credentials: boto3
        # would take the function's own.
        raise EvaluationError(f"STS gave no credentials for {role}") from None


def _remember_refused(parsed: Mapping[str, Any], **_: object) -> None:
    # PutEvaluations succeeds and tells what it did not take:
    # https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
    if "Error" not in parsed and not parsed.get("ResponseMetadata", {}).get("RequestId"):
        raise EvaluationError("PutEvaluations was answered by something that is not AWS Config")
    refused_evaluations.extend(str(each.get("ComplianceResourceId")) for each in parsed.get("FailedEvaluations") or ())


def _complete(parsed: dict[str, Any], **_: object) -> None:
    # rdklib reads these fields of the newest item without looking whether they are there.
    if "Error" in parsed:
        return
    items = parsed.get("configurationItems")
    if not items:
        raise ItemError("AWS Config has no configuration item of the oversized notification's resource")
    item = items[0]
    if item.get("configurationItemStatus") not in STATUSES:
        raise ItemError(
            f"configurationItem.configurationItemStatus: {item.get('configurationItemStatus')!r} is unknown"
        )
    item["supplementaryConfiguration"] = {}
    item["relationships"] = []
    # rdklib decodes the text once; so it comes out as it is, and is read strictly later.
    item["configuration"] = json.dumps(item.get("configuration"))


SWITCH: Final = "LIST_ORGANIZATION_ACCOUNTS"
"""The environment variable that tells a function of the organization to ask ("true"), or not to ("false")."""

_LIFE_SECONDS: Final = 3600.0
kept_members: dict[str, tuple[float, frozenset[AccountId]]] = {}


def organization_members(client_factory: ClientFactory) -> frozenset[AccountId]:
    """Return the account ids, at most an hour old; none where the function is not told to ask.

    Raises an error of botocore where the look-up fails: nobody is taken for an outsider by mistake.
    """
    switch = os.environ.get(SWITCH) or "false"
    if switch not in ("true", "false"):
        raise EvaluationError(f"{SWITCH}: {switch!r:.40} is neither true nor false")
    if switch == "false":
        return frozenset()
    found, members = kept_members.get(SWITCH, (-_LIFE_SECONDS, frozenset()))
    if time.monotonic() - found >= _LIFE_SECONDS:
        pages = client_factory.build_client("organizations", assume_role_mode=False).get_paginator("list_accounts")
        listed = [account.get("Id") for page in pages.paginate() for account in page.get("Accounts", ())]
        members = account_ids("organizations:ListAccounts", listed)
        if not members:
            raise EvaluationError("organizations:ListAccounts named no account")
        kept_members[SWITCH] = (time.monotonic(), members)
    return members
