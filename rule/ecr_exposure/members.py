"""The accounts of the organization, which the test ``external`` counts as inside.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
Only the management account and delegated administrators may ask, so the function asks with its own role.
"""

import os
import time
from typing import Final

from ecr_exposure.clients import ClientFactory
from ecr_exposure.errors import EvaluationError
from ecr_exposure.identifiers import AccountId, account_ids

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
