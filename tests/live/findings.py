"""From what was found to what is missing, and the AWS CLI commands that mend it. Pure.

Prerequisites of organization rules and packs:
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
and of the StackSet that gives every account its role:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final

from tests.live.errors import Unknown
from tests.live.landscape import Landscape, Organization

CONFIG_RULES: Final = "config-multiaccountsetup.amazonaws.com"
CONFIG_AGGREGATOR: Final = "config.amazonaws.com"
STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"


class Level(Enum):
    """What a finding means for the deployment."""

    MISSING = "Missing"
    UNCHECKED = "Not looked at"
    HINT = "Hint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know before the deployment."""

    level: Level
    what: str
    where: str
    """The account, and region if it is about one, whose credentials the commands need."""
    commands: tuple[str, ...] = ()
    note: str = ""


def organization_findings(landscape: Landscape) -> tuple[Finding, ...]:
    """Return what is to say of the organization as a whole."""
    return tuple(
        chain(
            _organization(landscape),
            _trusted_access(landscape),
            () if landscape.in_management_account else _delegations(landscape),
            _aggregator(landscape),
        )
    )


def aws(*words: str) -> str:
    """Return a command line of the AWS CLI, quoted for a shell."""
    return shlex.join(("aws", *words))


def compact(value: object) -> str:
    """Return JSON as short as it gets."""
    return json.dumps(value, separators=(",", ":"))


def unchecked(what: str, unknown: Unknown, where: str, *, level: Level = Level.UNCHECKED, note: str = "") -> Finding:
    """Return the finding that something could not be looked at."""
    return Finding(level=level, what=f"{what} could not be checked: {unknown.why}", where=where, note=note)


def _organization(landscape: Landscape) -> Iterator[Finding]:
    own = f"account {landscape.caller.account}"
    organization = landscape.organization
    if isinstance(organization, Unknown):
        yield unchecked("the organization", organization, own)
    elif isinstance(organization.feature_set, Unknown):
        yield unchecked("the organization's feature set", organization.feature_set, own)
    elif organization.feature_set != "ALL":
        yield Finding(
            level=Level.MISSING,
            what=f"the organization has the feature set {organization.feature_set}; service-managed StackSets need ALL",
            where=_management(landscape),
            commands=(aws("organizations", "enable-all-features"),),
            note="Accounts that were invited have to agree.",
        )
    if isinstance(landscape.accounts, Unknown):
        yield unchecked("the organization's accounts", landscape.accounts, own)
    if isinstance(landscape.root, Unknown):
        yield unchecked("the organization's root", landscape.root, own)


def _trusted_access(landscape: Landscape) -> Iterator[Finding]:
    if isinstance(landscape.trusted, Unknown):
        yield unchecked("trusted access", landscape.trusted, f"account {landscape.caller.account}")
        return
    if CONFIG_RULES not in landscape.trusted:
        yield Finding(
            level=Level.MISSING,
            what=f"trusted access for AWS Config rules and packs ({CONFIG_RULES}) is off",
            where=_management(landscape),
            commands=(aws("organizations", "enable-aws-service-access", "--service-principal", CONFIG_RULES),),
        )
    if STACK_SETS not in landscape.trusted:
        yield Finding(
            level=Level.MISSING,
            what=f"trusted access for CloudFormation StackSets ({STACK_SETS}) is off",
            where=_management(landscape),
            # The Organizations API can switch it on, too, without telling CloudFormation to make its roles.
            commands=(aws("cloudformation", "activate-organizations-access", "--region", landscape.regions[0]),),
        )


def _delegations(landscape: Landscape) -> Iterator[Finding]:
    account = landscape.caller.account
    if isinstance(landscape.delegated, Unknown):
        note = "Organizations also refuses this to an account that is no delegated administrator of any service."
        yield unchecked("what this account administers", landscape.delegated, f"account {account}", note=note)
    missing = [
        (principal, purpose)
        for principal, purpose in ((CONFIG_RULES, "AWS Config rules and packs"), (STACK_SETS, "StackSets"))
        if isinstance(landscape.delegated, Unknown) or principal not in landscape.delegated
    ]
    for principal, purpose in missing:
        known = landscape.management_account and not isinstance(landscape.delegated, Unknown)
        yield Finding(
            level=Level.MISSING if known else Level.UNCHECKED,
            what=f"account {account} is {'no' if known else 'perhaps no'} delegated administrator of {purpose}",
            where=_management(landscape),
            commands=(_register(account, principal),),
            note="" if landscape.management_account else "The management account itself needs no registration.",
        )


def _aggregator(landscape: Landscape) -> Iterator[Finding]:
    account = landscape.caller.account
    if isinstance(landscape.aggregated, Unknown):
        where = f"account {account}"
        yield unchecked("the organization aggregator", landscape.aggregated, where, level=Level.HINT)
        return
    bare = [region for region in landscape.regions if region not in landscape.aggregated]
    if not bare:
        return
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": CONFIG_AGGREGATOR}, "Action": "sts:AssumeRole"}],
    }
    role, partition = "EcrExposureAggregator", landscape.caller.partition
    policy = f"arn:{partition}:iam::aws:policy/service-role/AWSConfigRoleForOrganizations"
    source = {"RoleArn": f"arn:{partition}:iam::{account}:role/{role}", "AllAwsRegions": True}
    attach = ("iam", "attach-role-policy", "--role-name", role, "--policy-arn", policy)
    put = ("configservice", "put-configuration-aggregator", "--region", landscape.regions[0])
    aggregator = ("--configuration-aggregator-name", "organization", "--organization-aggregation-source")
    registered = isinstance(landscape.delegated, frozenset) and CONFIG_AGGREGATOR in landscape.delegated
    register = _register(account, CONFIG_AGGREGATOR)
    yield Finding(
        level=Level.HINT,
        what=f"no organization aggregator in these regions covers {', '.join(bare)}: no page shows all accounts",
        where=f"account {account}",
        commands=(
            aws("iam", "create-role", "--role-name", role, "--assume-role-policy-document", compact(trust)),
            aws(*attach),
            aws(*put, *aggregator, compact(source)),
        ),
        note=""
        if landscape.in_management_account or registered
        else f"Before that, in {_management(landscape)}: {register}",
    )


def _register(account: str, principal: str) -> str:
    words = ("organizations", "register-delegated-administrator")
    return aws(*words, "--account-id", account, "--service-principal", principal)


def _management(landscape: Landscape) -> str:
    known = isinstance(landscape.organization, Organization)
    return f"management account {landscape.management_account}" if known else "the management account"
