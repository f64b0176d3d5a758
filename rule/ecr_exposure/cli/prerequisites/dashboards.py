"""What is optional for the rule: an organization aggregator and Security Hub, which show the evaluations. Pure."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory, SecurityHub
from ecr_exposure.cli.prerequisites.finding import Finding, Level, management, named, unchecked
from ecr_exposure.cli.prerequisites.organization_settings import register_command
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command, compact_json

CONFIG_AGGREGATOR: Final = "config.amazonaws.com"


def security_hub_hints(inventory: Inventory) -> Iterator[Finding]:
    """Return what is missing of Security Hub, or could not be checked."""
    return chain.from_iterable(_security_hub(inventory, region) for region in inventory.regions)


def security_hub_administrators(inventory: Inventory, region: str) -> tuple[str, ...]:
    """Return the Security Hub administrator of a region, if it is known."""
    hub = inventory.security_hub.get(region)
    known = isinstance(hub, SecurityHub) and isinstance(hub.administrator, str) and hub.administrator
    return (known,) if known else ()


def aggregator_hints(inventory: Inventory) -> Iterator[Finding]:
    """Return which of the Regions no organization aggregator covers."""
    account, partition = inventory.hub, inventory.caller.partition
    if isinstance(inventory.aggregated, Unknown):
        where = f"account {account}"
        yield unchecked("the organization aggregator", inventory.aggregated, where, level=Level.HINT)
        return
    uncovered = [region for region in inventory.regions if region not in inventory.aggregated]
    if not uncovered:
        return
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": CONFIG_AGGREGATOR}, "Action": "sts:AssumeRole"}],
    }
    role = ("--role-name", "EcrExposureAggregator")
    policy = f"arn:{partition}:iam::aws:policy/service-role/AWSConfigRoleForOrganizations"
    source = {"RoleArn": f"arn:{partition}:iam::{account}:role/{role[1]}", "AllAwsRegions": True}
    put = ("configservice", "put-configuration-aggregator", "--region", inventory.regions[0])
    aggregator = ("--configuration-aggregator-name", "organization", "--organization-aggregation-source")
    registered = isinstance(inventory.delegated, frozenset) and CONFIG_AGGREGATOR in inventory.delegated
    register = f"Before that, in {management(inventory)}: {register_command(account, CONFIG_AGGREGATOR)}"
    yield Finding(
        level=Level.HINT,
        problem=f"no organization aggregator in these Regions covers {', '.join(uncovered)}: "
        "without one, no dashboard shows the evaluations of all accounts",
        where=f"account {account}",
        commands=(
            aws_command("iam", "create-role", *role, "--assume-role-policy-document", compact_json(trust)),
            aws_command("iam", "attach-role-policy", *role, "--policy-arn", policy),
            aws_command(*put, *aggregator, compact_json(source)),
        ),
        note="" if inventory.hub_is_management_account or registered else register,
    )


def _security_hub(inventory: Inventory, region: str) -> Iterator[Finding]:
    hub = inventory.security_hub.get(region)
    where = f"{named(inventory, inventory.hub)}, {region}"
    if isinstance(hub, Unknown):
        yield unchecked("Security Hub", hub, where, level=Level.HINT)
    if not isinstance(hub, SecurityHub):
        return
    if not hub.enabled:
        enable = ("securityhub", "enable-security-hub", "--region", region, "--no-enable-default-standards")
        yield Finding(
            level=Level.HINT,
            problem="Security Hub is not enabled: it has no findings of this account",
            where=where,
            commands=(aws_command(*enable),),
        )
    if isinstance(hub.administrator, Unknown):
        if not inventory.in_management_account:
            return
        what = "which account is the administrator of Security Hub"
        yield unchecked(what, hub.administrator, f"account {inventory.caller.account}, {region}", level=Level.HINT)
    elif not hub.administrator:
        problem = "the organization has no Security Hub administrator: deploy deploy/security-hub.yaml to every account"
        yield Finding(level=Level.HINT, problem=problem, where=region)
