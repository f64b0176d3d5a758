"""What the organization lacks: all features, trusted access, and the registrations of a delegated administrator. Pure.

Prerequisites of the StackSet that deploys the role to every account:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import CONFIG_RULES, Inventory
from ecr_exposure.cli.prerequisites.finding import Finding, Level, management, named, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"
_PURPOSES: Final = {CONFIG_RULES: "AWS Config rules and conformance packs", STACK_SETS: "StackSets"}


def organization_problems(inventory: Inventory) -> Iterator[Finding]:
    """Return what the organization lacks, and what of it could not be checked."""
    if inventory.hub_is_management_account:
        hub = _another_hub(inventory)
    else:
        hub = chain(_delegations(inventory), _administrators(inventory))
    return chain(_organization(inventory), _trusted_access(inventory), hub)


def _organization(inventory: Inventory) -> Iterator[Finding]:
    own = f"account {inventory.caller.account}"
    organization = inventory.organization
    if isinstance(organization, Unknown):
        yield unchecked("the organization", organization, own)
    elif isinstance(organization.feature_set, Unknown):
        yield unchecked("the organization's feature set", organization.feature_set, own)
    elif organization.feature_set != "ALL":
        features = organization.feature_set
        yield Finding(
            level=Level.MISSING,
            problem=f"the organization has the feature set {features}; service-managed StackSets need ALL",
            where=management(inventory),
            commands=(aws_command("organizations", "enable-all-features"),),
            note="Accounts that were invited to the organization have to agree.",
        )
    if isinstance(inventory.accounts, Unknown):
        yield unchecked("the organization's accounts", inventory.accounts, own)
    if isinstance(inventory.root, Unknown):
        yield unchecked("the organization's root", inventory.root, own)


def _trusted_access(inventory: Inventory) -> Iterator[Finding]:
    """Return which trusted access is missing, as Organizations and, for StackSets, as CloudFormation reports it."""
    if isinstance(inventory.trusted, Unknown):
        yield unchecked("trusted access", inventory.trusted, f"account {inventory.caller.account}")
    elif CONFIG_RULES not in inventory.trusted:
        enable = ("organizations", "enable-aws-service-access", "--service-principal", CONFIG_RULES)
        yield _disabled(inventory, CONFIG_RULES, aws_command(*enable))
    # The Organizations API can enable it, too, but then CloudFormation does not create its roles.
    activate = aws_command("cloudformation", "activate-organizations-access", "--region", inventory.regions[0])
    if isinstance(inventory.trusted, frozenset) and STACK_SETS not in inventory.trusted:
        yield _disabled(inventory, STACK_SETS, activate)
    elif inventory.stack_sets_access is False:
        yield Finding(
            level=Level.MISSING,
            problem="trusted access with Organizations is not activated in CloudFormation, whatever Organizations "
            f"lists for {STACK_SETS}",
            where=management(inventory),
            commands=(activate,),
            note="Without it, CloudFormation lacks the roles that a service-managed StackSet needs.",
        )
    elif isinstance(inventory.stack_sets_access, Unknown) and _may_ask_stack_sets(inventory):
        what = "whether trusted access with Organizations is active in CloudFormation"
        yield unchecked(what, inventory.stack_sets_access, f"account {inventory.caller.account}")


def _may_ask_stack_sets(inventory: Inventory) -> bool:
    """Return whether CloudFormation should have answered: not before the delegated administrator is registered."""
    is_known_not_to_be = isinstance(inventory.delegated, frozenset) and STACK_SETS not in inventory.delegated
    return inventory.in_management_account or not is_known_not_to_be


def _disabled(inventory: Inventory, principal: str, command: str) -> Finding:
    return Finding(
        level=Level.MISSING,
        problem=f"trusted access for {_PURPOSES[principal]} ({principal}) is disabled",
        where=management(inventory),
        commands=(command,),
    )


def _another_hub(inventory: Inventory) -> Iterator[Finding]:
    """Return the account that is prepared for the rule, if the rule would be deployed from the management account."""
    hub, registered = inventory.probable_hub, inventory.administrators
    if hub is None:
        return
    why = "the audit account of AWS Control Tower"
    if isinstance(registered, frozenset) and hub in registered:
        why = f"a delegated administrator for {_PURPOSES[CONFIG_RULES]}"
    yield Finding(
        level=Level.HINT,
        problem="this report assumes that the rule is deployed from the management account, but "
        f"{named(inventory, hub)} is {why}",
        where=management(inventory),
        note=f"If the rule is to be deployed from account {hub}, run preflight again with --hub {hub} (with make: "
        f"HUB={hub}), also with credentials of the management account.",
    )


def _delegations(inventory: Inventory) -> Iterator[Finding]:
    account = inventory.hub
    delegated = inventory.delegated
    if isinstance(delegated, Unknown):
        what = f"for which services account {account} is a delegated administrator"
        note = "Organizations also refuses this to an account that is not a delegated administrator of any service."
        yield unchecked(what, delegated, f"account {inventory.caller.account}", note=note)
    known = inventory.management_account is not None and isinstance(delegated, frozenset)
    for principal, purpose in _PURPOSES.items():
        if isinstance(delegated, Unknown) or principal not in delegated:
            yield Finding(
                level=Level.MISSING if known else Level.UNCHECKED,
                problem=f"account {account} is {'' if known else 'possibly '}not a delegated administrator for "
                f"{purpose}",
                where=management(inventory),
                commands=(register_command(account, principal),),
                note="" if inventory.management_account else "The management account itself needs no registration.",
            )


def _administrators(inventory: Inventory) -> Iterator[Finding]:
    in_hub = inventory.caller.account == inventory.hub
    if in_hub and isinstance(inventory.administrators, Unknown) and isinstance(inventory.delegated, frozenset):
        yield Finding(
            level=Level.HINT,
            problem=f"organizations:ListDelegatedAdministrators failed: {inventory.administrators.reason}",
            where=f"account {inventory.caller.account}",
            note="Whoever deploys from a delegated administrator needs this permission: CloudFormation requires it for "
            "service-managed StackSets.",
        )


def register_command(account: str, principal: str) -> str:
    """Return the command that registers an account as delegated administrator of a service."""
    register = ("organizations", "register-delegated-administrator", "--account-id", account)
    return aws_command(*register, "--service-principal", principal)
