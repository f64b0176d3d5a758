"""The account whose rule ``verify`` checks: the stack's own, or a member account by a role there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_text, has_expired, required
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.stack import DeployedAs, Deployment
from ecr_exposure.cli.verification.temporary_repository import SESSION_NAME, Place

_METHOD: Final = "assume-role"


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


def open_account(
    session: boto3.Session, deployment: Deployment, account: str, roles: Sequence[str], profile: str | None
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
            clients = role_clients(session, region, arn, profile)
        except AWS_ERRORS as error:
            if has_expired(error):
                raise
            refusals.append(f"{role} ({error_text(error)})")
            continue
        place = Place(account=account, region=region, profile=profile, role_arn=arn)
        return CheckedAccount(place=place, clients=clients, role=role)
    raise CannotRunError(f"--account {account}: no role there can be assumed: {'; '.join(refusals)}; name it by --role")


def role_clients(session: boto3.Session, region: str, role_arn: str, profile: str | None) -> Clients:
    """Return clients with the credentials of a role, which botocore renews before they expire.

    The role is assumed at once; raises one of AWS_ERRORS. A session of a role that another role assumed lasts an hour
    at most, a run may last longer:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html (role chaining)
    """
    sts = Clients(session, region).sts

    def assume() -> dict[str, str]:
        response = sts.assume_role(RoleArn=role_arn, RoleSessionName=SESSION_NAME)
        credentials = required(response, lambda found: found["Credentials"])
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(metadata=assume(), refresh_using=assume, method=_METHOD)
    # The profile has other settings than credentials, for example a bundle of certificates.
    core = botocore.session.Session(profile=profile)
    core.register_component("credential_provider", CredentialResolver(providers=[_Assumed(credentials)]))
    return Clients(boto3.Session(botocore_session=core, region_name=region), region)


class _Assumed(CredentialProvider):
    """Provides the credentials of the role, and no others."""

    METHOD = _METHOD

    def __init__(self, credentials: RefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RefreshableCredentials:
        """Return the credentials."""
        return self._credentials
