"""The account whose rule ``verify`` checks: the stack's own, or a member account by a role there."""

from collections.abc import Sequence
from dataclasses import dataclass

import boto3

from ecr_exposure.cli.assumed_role import role_clients
from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_text, has_expired
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.stack import DeployedAs, Deployment
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification.temporary_repository import SESSION_NAME, Place


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
            clients = role_clients(session, region, arn, session_name=SESSION_NAME, profile=profile, clock=clock)
        except AWS_ERRORS as error:
            if has_expired(error):
                raise
            refusals.append(f"{role} ({error_text(error)})")
            continue
        place = Place(account=account, region=region, profile=profile, role_arn=arn)
        return CheckedAccount(place=place, clients=clients, role=role)
    raise CannotRunError(f"--account {account}: no role there can be assumed: {'; '.join(refusals)}; name it by --role")
