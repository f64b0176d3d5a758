"""Clients with the credentials of a role that the operator assumes."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, required
from ecr_exposure.cli.terminal import Clock

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

_METHOD: Final = "assume-role"
# So long before the end of a role's session it has to be renewed; a clean-up takes less.
_LAST_MINUTES: Final = timedelta(minutes=10)


def role_clients(  # noqa: PLR0913 - each argument is one fact about the role's session
    session: boto3.Session, region: str, role_arn: str, *, session_name: str, profile: str | None, clock: Clock
) -> Clients:
    """Return clients with the credentials of a role; see `role_session`."""
    assumed = role_session(session, region, role_arn, session_name=session_name, profile=profile, clock=clock)
    return Clients(assumed, region)


def role_session(  # noqa: PLR0913 - each argument is one fact about the role's session
    session: boto3.Session, region: str, role_arn: str, *, session_name: str, profile: str | None, clock: Clock
) -> boto3.Session:
    """Return a session with the credentials of a role, which are renewed before they expire.

    ``session_name`` is the name of the role's session, which AWS CloudTrail records.

    The role is assumed at once; raises one of AWS_ERRORS. A session of a role that another role assumed lasts an hour
    at most, a run may last longer:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html (role chaining)
    """
    role = _RoleSession(Clients(session, region).sts, role_arn, session_name, clock)
    # The profile has other settings than credentials, for example a bundle of certificates.
    core = botocore.session.Session(profile=profile)
    core.register_component("credential_provider", CredentialResolver(providers=[_Assumed(role.credentials())]))
    return boto3.Session(botocore_session=core, region_name=region)


class _RoleSession:
    """The sessions of one role, one after the other."""

    def __init__(self, sts: "STSClient", role_arn: str, session_name: str, clock: Clock) -> None:
        """Assume the role; raises one of AWS_ERRORS."""
        self._sts, self._role_arn, self._session_name, self._clock = sts, role_arn, session_name, clock
        self._has_failed = False
        self._last = self._assume()

    def credentials(self) -> RefreshableCredentials:
        """Return the credentials, which botocore renews; in the last minutes of a session it fails if it cannot."""
        return RefreshableCredentials(
            access_key=self._last["AccessKeyId"],
            secret_key=self._last["SecretAccessKey"],
            token=self._last["SessionToken"],
            expiry_time=self._last["Expiration"],
            refresh_using=self._renew,
            method=_METHOD,
            time_fetcher=self._clock.today,
            mandatory_timeout=int(_LAST_MINUTES.total_seconds()),
        )

    def _assume(self) -> "CredentialsTypeDef":
        response = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName=self._session_name)
        return required(response, lambda found: found["Credentials"])

    def _renew(self) -> dict[str, str]:
        """Return new credentials; raises one of AWS_ERRORS once in the last minutes of a session.

        That ends the run, if the operator's credentials have expired. The clean-up, which comes then, still has the
        role's session until it ends.
        """
        left = self._last["Expiration"] - self._clock.today()
        try:
            self._last = self._assume()
        except AWS_ERRORS:
            if not self._has_failed or left <= timedelta():
                self._has_failed = left <= _LAST_MINUTES
                raise
        return {
            "access_key": self._last["AccessKeyId"],
            "secret_key": self._last["SecretAccessKey"],
            "token": self._last["SessionToken"],
            "expiry_time": self._last["Expiration"].isoformat(),
        }


class _Assumed(CredentialProvider):
    """Provides the credentials of the role, and no others."""

    METHOD = _METHOD

    def __init__(self, credentials: RefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RefreshableCredentials:
        """Return the credentials."""
        return self._credentials
