"""The deployed stack in each Region, as DescribeStacks returns it in the account from which the rule is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, NotAwsError, Unknown, attempt, error_code, error_text, required
from ecr_exposure.cli.organization.inventory import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A stack that exists."""

    status: str
    """UPDATE_COMPLETE, or another status of CloudFormation."""
    values: Mapping[str, str]
    """The values of the parameters of its own template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStacks:
    """The stacks of one name."""

    name: str
    account: str
    of_regions: Mapping[str, DeployedStack | Unknown | None]
    """By Region, None where the stack does not exist; only Regions in which it was read."""


def read_stacks(session: boto3.Session, inventory: Inventory, name: str) -> DeployedStacks:
    """Read the stack of this name in each named Region that its account has enabled.

    If the caller's account is not the one from which the rule is deployed, nothing is read.
    """
    account = inventory.hub
    off = {each.region for each in inventory.account_regions if each.account == account and each.enabled is False}
    regions = inventory.regions if account == inventory.caller.account else ()
    found = {region: _read(session, region, name) for region in regions if region not in off}
    return DeployedStacks(name=name, account=account, of_regions=found)


def _read(session: boto3.Session, region: str, name: str) -> DeployedStack | Unknown | None:
    return attempt(lambda: _described(Clients(session, region), name))


def _described(clients: Clients, name: str) -> DeployedStack | None:
    """Return the stack; AWS reports a missing one as a validation error.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """
    try:
        stacks = required(clients.cloudformation.describe_stacks(StackName=name), lambda response: response["Stacks"])
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in error_text(error):
            return None
        raise
    if not stacks:
        raise NotAwsError("the response to DescribeStacks has no stack, so it did not come from AWS")
    pairs = ((each.get("ParameterKey", ""), each.get("ParameterValue", "")) for each in stacks[0].get("Parameters", ()))
    return DeployedStack(status=required(stacks[0], lambda stack: stack["StackStatus"]), values=dict(pairs))
