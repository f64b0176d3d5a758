"""What is optional for the rule: an organization aggregator and Security Hub, which show the evaluations. Pure."""

from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory, SecurityHub
from ecr_exposure.cli.prerequisites.finding import Finding, Level, Place, management, unchecked
from ecr_exposure.cli.prerequisites.organization_settings import register_command
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command, compact_json

CONFIG_AGGREGATOR: Final = "config.amazonaws.com"


def security_hub_hints(inventory: Inventory) -> Iterator[Finding]:
    """Return what is missing of Security Hub in the hub, or could not be checked."""
    for region in inventory.regions:
        hub = inventory.security_hub.get(region)
        places = (Place(inventory.hub, region),)
        if isinstance(hub, Unknown):
            yield unchecked("Security Hub", hub, places[0], level=Level.HINT)
        elif hub and not hub.enabled:
            yield _not_enabled(places, region)
        if isinstance(hub, SecurityHub):
            yield from _administration(inventory, hub, region)


def security_hub_administrator(inventory: Inventory, region: str) -> str:
    """Return the delegated administrator of Security Hub in a Region; empty without one, or if it is not known."""
    hub = inventory.security_hub.get(region)
    return hub.administrator if isinstance(hub, SecurityHub) and isinstance(hub.administrator, str) else ""


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
    register = f"Before that, in {management(inventory)}:\n{register_command(account, CONFIG_AGGREGATOR)}"
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


def _not_enabled(places: tuple[Place, ...], region: str) -> Finding:
    enable = ("securityhub", "enable-security-hub", "--region", region, "--no-enable-default-standards")
    return Finding(
        level=Level.HINT,
        problem="Security Hub is not enabled in the account from which the rule is deployed, so it shows no findings "
        "of that account",
        places=places,
        commands=(aws_command(*enable),),
        note="In the other accounts it is not checked: each needs it for findings of its own.",
    )


def _administration(inventory: Inventory, hub: SecurityHub, region: str) -> Iterator[Finding]:
    """Return whether the organization lacks a delegated administrator of Security Hub."""
    if isinstance(hub.administrator, Unknown) and inventory.in_management_account:
        what = "which account is the administrator of Security Hub"
        where = Place(inventory.caller.account, region)
        yield unchecked(what, hub.administrator, where, level=Level.HINT)
    elif not hub.administrator:
        yield Finding(
            level=Level.HINT,
            problem="the organization has no administrator of Security Hub: deploy deploy/security-hub.yaml to every "
            "account that uses it",
            places=(Place(inventory.management_account or inventory.caller.account, region),),
        )
