"""Credentials of a role in each account, assumed once and renewed shortly before they end.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from botocore.credentials import Credentials

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    CredentialsExpiredError,
    Unknown,
    error_text,
    has_expired,
    may_pass,
    required,
)
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.organization.shared_clients import SharedClients

_SPARE: Final = timedelta(minutes=5)


class MayPassError(Exception):
    """The role could not be assumed now, but perhaps later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """Who reads an account."""

    role: str | None
    """The role that was assumed; None in the caller's account."""
    credentials: Credentials | None
    """None: those of the session."""
    ends: datetime | None

    @property
    def as_arguments(self) -> dict[str, str]:
        """The credentials as arguments of ``Session.client``; none for those of the session."""
        if self.credentials is None:
            return {}
        frozen = self.credentials.get_frozen_credentials()
        return {
            "aws_access_key_id": str(frozen.access_key),
            "aws_secret_access_key": str(frozen.secret_key),
            "aws_session_token": str(frozen.token),
        }


class RoleCredentials:
    """Assumes one of some roles in each account; threads may share it."""

    def __init__(
        self, clients: SharedClients, caller: Caller, roles: Sequence[str], today: Callable[[], datetime]
    ) -> None:
        """Take the roles to try, in this order; the one that was assumed last is tried first."""
        self._sts, self._caller, self._roles, self._today = clients.sts, caller, tuple(roles), today
        self._sessions: dict[str, RoleSession] = {}
        self._latest = self._roles[0]
        self._lock = Lock()

    def open(self, account: str, *, again: bool = False) -> RoleSession | Unknown:
        """Return who reads the account; the session of before as long as it is valid, unless ``again``.

        Raises CredentialsExpiredError for the operator's credentials, and MayPassError if a later attempt can succeed.
        """
        if account == self._caller.account:
            return RoleSession(role=None, credentials=None, ends=None)
        with self._lock:
            session = self._sessions.get(account)
        if session and session.ends and self._today() < session.ends - _SPARE and not again:
            return session
        return self._assume_any(account)

    def _assume_any(self, account: str) -> RoleSession | Unknown:
        reasons: dict[str, str] = {}
        passing = False
        for role in sorted(self._roles, key=lambda each: each != self._latest):
            try:
                session = self._assume(account, role)
            except AWS_ERRORS as error:
                if has_expired(error):
                    raise CredentialsExpiredError(error_text(error)) from None
                passing = passing or may_pass(error)
                reasons[role] = error_text(error)
                continue
            with self._lock:
                self._latest, self._sessions[account] = role, session
            return session
        reason = "; ".join(dict.fromkeys(reasons[role] for role in self._roles))
        if passing:
            raise MayPassError(reason)
        return Unknown(reason)

    def _assume(self, account: str, role: str) -> RoleSession:
        arn = f"arn:{self._caller.partition}:iam::{account}:role/{role}"
        response = self._sts.assume_role(RoleArn=arn, RoleSessionName="ecr-exposure-preflight")
        found = required(response, lambda each: each["Credentials"])
        key, secret, token, ends = required(
            found,
            lambda each: (each["AccessKeyId"], each["SecretAccessKey"], each["SessionToken"], each["Expiration"]),
        )
        return RoleSession(role=role, credentials=Credentials(key, secret, token), ends=ends)
