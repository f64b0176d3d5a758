"""Who reads an account: the operator's own session, or a role that is assumed there.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from ecr_exposure.cli.aws_calls import AWS_ERRORS, CredentialsExpiredError, error_text, has_expired, required

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

SESSION_NAME: Final = "ecr-exposure-scan"
_SPARE: Final = timedelta(minutes=5)


class AccountAccess(Protocol):
    """The credentials for one account; threads may share it."""

    @property
    def account(self) -> str:
        """The account."""

    def credentials(self) -> Mapping[str, str]:
        """Return arguments of ``Session.client``: the same object until there are new ones.

        Raises one of AWS_ERRORS if there are none, CredentialsExpiredError if those of the operator expired.
        """

    def renew(self, expired: Mapping[str, str]) -> None:
        """Replace credentials that AWS takes for expired; raises as `credentials`."""


class OwnAccess:
    """The account of the operator's session, which has the credentials."""

    def __init__(self, account: str) -> None:
        """Take the account of the session."""
        self.account = account
        self._credentials: Mapping[str, str] = {}

    def credentials(self) -> Mapping[str, str]:
        """Return no arguments: the session's own credentials are used."""
        return self._credentials

    def renew(self, expired: Mapping[str, str]) -> None:
        """Raise CredentialsExpiredError: only the operator can renew them."""
        del expired
        raise CredentialsExpiredError


class RoleAccess:
    """Another account, by a role there whose sessions last an hour."""

    def __init__(self, account: str, role_arn: str, sts: "STSClient", today: Callable[[], datetime]) -> None:
        """Take the role; it is assumed when its credentials are needed."""
        self.account = account
        self._role_arn, self._sts, self._today = role_arn, sts, today
        self._lock = Lock()
        self._credentials: Mapping[str, str] = {}
        self._ends: datetime | None = None

    def credentials(self) -> Mapping[str, str]:
        """Return the credentials of the role, which is assumed again shortly before they end."""
        with self._lock:
            if self._ends is None or self._today() >= self._ends - _SPARE:
                self._assume()
            return self._credentials

    def renew(self, expired: Mapping[str, str]) -> None:
        """Assume the role again, unless another thread has."""
        with self._lock:
            if self._credentials is expired:
                self._assume()

    def _assume(self) -> None:
        try:
            response = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName=SESSION_NAME)
        except AWS_ERRORS as error:
            if has_expired(error):
                raise CredentialsExpiredError(error_text(error)) from None
            raise
        found = required(response, lambda each: each["Credentials"])
        key, secret, token, self._ends = required(
            found,
            lambda each: (each["AccessKeyId"], each["SecretAccessKey"], each["SessionToken"], each["Expiration"]),
        )
        self._credentials = {
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "aws_session_token": token,
        }
