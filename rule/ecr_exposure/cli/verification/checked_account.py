"""The account whose rule ``verify`` checks: the stack's own, or a member account by a role there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_text, has_expired, required
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.stack import DeployedAs, Deployment
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification.temporary_repository import SESSION_NAME, Place

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

_METHOD: Final = "assume-role"
# So long before the end of a role's session it has to be renewed; the clean-up takes less.
_LAST_MINUTES: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAccount:
    """Where the rule is checked, and the clients for it."""

    place: Place
    clients: Clients
    role: str | None
    """The name of the assumed role; None in the stack's account."""

    def __str__(self) -> str:
        """Return account and Region, and the role if there is one."""
        return f"{self.place} (role {self.role})" if self.role else str(self.place)


def open_account(  # noqa: PLR0913 - each argument is one fact about the account
    session: boto3.Session,
    deployment: Deployment,
    account: str,
    roles: Sequence[str],
    *,
    profile: str | None,
    clock: Clock,
) -> CheckedAccount:
    """Return the clients of an account in the stack's Region, by the first role that can be assumed there.

    Raises CannotRunError if there is none, or if the stack's rule exists in its own account only; one of AWS_ERRORS
    if the credentials have expired.
    """
    region = deployment.region
    if account == deployment.account:
        place = Place(account=account, region=region, profile=profile)
        return CheckedAccount(place=place, clients=Clients(session, region), role=None)
    if deployment.deployed_as is DeployedAs.ACCOUNT_RULE:
        reason = f"the stack is an {DeployedAs.ACCOUNT_RULE}, so its rule exists in {deployment.account} only"
        raise CannotRunError(f"--account {account}: {reason}")
    refusals: list[str] = []
    for role in roles:
        arn = f"arn:{deployment.partition}:iam::{account}:role/{role}"
        try:
            clients = role_clients(session, region, arn, profile, clock)
        except AWS_ERRORS as error:
            if has_expired(error):
                raise
            refusals.append(f"{role} ({error_text(error)})")
            continue
        place = Place(account=account, region=region, profile=profile, role_arn=arn)
        return CheckedAccount(place=place, clients=clients, role=role)
    raise CannotRunError(f"--account {account}: no role there can be assumed: {'; '.join(refusals)}; name it by --role")


def role_clients(session: boto3.Session, region: str, role_arn: str, profile: str | None, clock: Clock) -> Clients:
    """Return clients with the credentials of a role, which are renewed before they expire.

    The role is assumed at once; raises one of AWS_ERRORS. A session of a role that another role assumed lasts an hour
    at most, a run may last longer:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html (role chaining)
    """
    role = _RoleSession(Clients(session, region).sts, role_arn, clock)
    # The profile has other settings than credentials, for example a bundle of certificates.
    core = botocore.session.Session(profile=profile)
    core.register_component("credential_provider", CredentialResolver(providers=[_Assumed(role.credentials())]))
    return Clients(boto3.Session(botocore_session=core, region_name=region), region)


class _RoleSession:
    """The sessions of one role, one after the other."""

    def __init__(self, sts: "STSClient", role_arn: str, clock: Clock) -> None:
        """Assume the role; raises one of AWS_ERRORS."""
        self._sts, self._role_arn, self._clock = sts, role_arn, clock
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
        response = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName=SESSION_NAME)
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
