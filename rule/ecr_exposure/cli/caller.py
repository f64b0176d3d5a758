"""Whose credentials a command uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_code, error_text, required
from ecr_exposure.cli.command_line import CannotRunError

# The error of STS for unknown credentials, and in a Region that their account has not enabled.
_INVALID_TOKEN: Final = "InvalidClientTokenId"  # noqa: S105 - no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The account, the principal and the partition of the credentials."""

    account: str
    arn: str
    """Of a user, or of the session of a role."""
    partition: str


def read_caller(clients: Clients) -> Caller:
    """Return whose credentials these are; CannotRunError without usable ones.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    sts = clients.sts
    try:
        identity = sts.get_caller_identity()
        account, arn = required(identity, lambda found: (found["Account"], found["Arn"]))
    except AWS_ERRORS as error:
        region = sts.meta.region_name
        disabled = f", or {region} is not enabled in their account" if error_code(error) == _INVALID_TOKEN else ""
        raise CannotRunError(f"no usable AWS credentials: {error_text(error)}{disabled}") from None
    return Caller(account=account, arn=arn, partition=arn.split(":")[1])


def caller_in(session: boto3.Session, regions: Sequence[str]) -> Caller:
    """Return whose credentials these are; CannotRunError if they cannot act in the Regions."""
    caller = read_caller(Clients(session, regions[0]))
    for region in regions:
        try:
            partition = session.get_partition_for_region(region)
        except BotoCoreError as error:
            raise CannotRunError(error_text(error)) from None
        if partition != caller.partition:
            raise CannotRunError(
                f"{region} is in the partition {partition}, the credentials are in the partition {caller.partition}"
            )
    return caller
