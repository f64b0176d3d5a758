"""Which prerequisites of a deployment are missing, and the AWS CLI commands that fix them. Pure.

Prerequisites of organization rules and conformance packs; one account without a configuration recorder fails the
whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
Prerequisites of the StackSet that deploys the role to every account:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.excluded_accounts import not_active
from ecr_exposure.cli.finding import Finding, Level, management, named, unchecked
from ecr_exposure.cli.inventory import AccountRegion, Inventory, SecurityHub
from ecr_exposure.cli.recorder_settings import (
    COMPLIANCE,
    REPOSITORY,
    aws_command,
    compact_json,
    complete_command,
    create_commands,
    delivery_channel_command,
    is_daily,
    missing_types,
    start_command,
)

CONFIG_RULES: Final = "config-multiaccountsetup.amazonaws.com"
CONFIG_AGGREGATOR: Final = "config.amazonaws.com"
STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"
_PURPOSES: Final = {CONFIG_RULES: "AWS Config rules and conformance packs", STACK_SETS: "StackSets"}
UNKNOWN_BUCKET: Final = "NAME-OF-YOUR-BUCKET"
_EFFECTS: Final = {
    REPOSITORY: "changes of repositories are not evaluated",
    COMPLIANCE: "a resource's history does not show its evaluations",
}


_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


def find_problems(inventory: Inventory, values: Mapping[str, str] = _NO_VALUES) -> tuple[Finding, ...]:
    """Return what is missing, could not be checked or is worth knowing: the organization first, then its accounts."""
    _ = values
    return tuple(
        chain(
            _organization(inventory),
            _trusted_access(inventory),
            () if inventory.in_management_account else _delegations(inventory),
            _aggregator(inventory),
            _unreached(inventory),
            _inactive(inventory),
            chain.from_iterable(_recorder(inventory, each) for each in inventory.account_regions),
            chain.from_iterable(_security_hub(inventory, region) for region in inventory.regions),
        )
    )


def security_hub_administrators(inventory: Inventory, region: str) -> tuple[str, ...]:
    """Return the Security Hub administrators of the accounts in a region."""
    hubs = (each.security_hub for each in inventory.account_regions if each.region == region)
    administrators = {hub.administrator for hub in hubs if isinstance(hub, SecurityHub)}
    return tuple(sorted(administrators - {""}))


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
    if isinstance(inventory.trusted, Unknown):
        yield unchecked("trusted access", inventory.trusted, f"account {inventory.caller.account}")
        return
    enable = ("organizations", "enable-aws-service-access", "--service-principal", CONFIG_RULES)
    # The Organizations API can enable it, too, but then CloudFormation does not create its roles.
    activate = ("cloudformation", "activate-organizations-access", "--region", inventory.regions[0])
    for principal, command in ((CONFIG_RULES, enable), (STACK_SETS, activate)):
        if principal not in inventory.trusted:
            yield Finding(
                level=Level.MISSING,
                problem=f"trusted access for {_PURPOSES[principal]} ({principal}) is disabled",
                where=management(inventory),
                commands=(aws_command(*command),),
            )


def _delegations(inventory: Inventory) -> Iterator[Finding]:
    account = inventory.caller.account
    delegated = inventory.delegated
    if isinstance(delegated, Unknown):
        what = "for which services this account is a delegated administrator"
        note = "Organizations also refuses this to an account that is not a delegated administrator of any service."
        yield unchecked(what, delegated, f"account {account}", note=note)
    known = inventory.management_account is not None and isinstance(delegated, frozenset)
    for principal, purpose in _PURPOSES.items():
        if isinstance(delegated, Unknown) or principal not in delegated:
            yield Finding(
                level=Level.MISSING if known else Level.UNCHECKED,
                problem=f"account {account} {'is' if known else 'may'} not "
                f"{'' if known else 'be '}a delegated administrator for {purpose}",
                where=management(inventory),
                commands=(_register(account, principal),),
                note="" if inventory.management_account else "The management account itself needs no registration.",
            )


def _aggregator(inventory: Inventory) -> Iterator[Finding]:
    account, partition = inventory.caller.account, inventory.caller.partition
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
    register = f"Before that, in {management(inventory)}: {_register(account, CONFIG_AGGREGATOR)}"
    yield Finding(
        level=Level.HINT,
        problem=f"no organization aggregator in these regions covers {', '.join(uncovered)}: "
        "no dashboard shows the evaluations of all accounts",
        where=f"account {account}",
        commands=(
            aws_command("iam", "create-role", *role, "--assume-role-policy-document", compact_json(trust)),
            aws_command("iam", "attach-role-policy", *role, "--policy-arn", policy),
            aws_command(*put, *aggregator, compact_json(source)),
        ),
        note="" if inventory.in_management_account or registered else register,
    )


def _register(account: str, principal: str) -> str:
    register = ("organizations", "register-delegated-administrator", "--account-id", account)
    return aws_command(*register, "--service-principal", principal)


def _unreached(inventory: Inventory) -> Iterator[Finding]:
    for account, unknown in inventory.unreached.items():
        yield unchecked(
            "the account",
            unknown,
            named(inventory, account),
            note=f"Name another role than {' or '.join(inventory.roles)} that account {inventory.caller.account} can "
            "assume there (--role), or add the account to ExcludedAccounts.",
        )


def _inactive(inventory: Inventory) -> Iterator[Finding]:
    for account in not_active(inventory):
        problem = f"the account is {account.state}: add it to ExcludedAccounts"
        yield Finding(level=Level.HINT, problem=problem, where=named(inventory, account.identifier))


def _recorder(inventory: Inventory, each: AccountRegion) -> Iterator[Finding]:
    where = f"{named(inventory, each.account)}, {each.region}"
    recorder = each.recorder
    if isinstance(recorder, Unknown):
        yield unchecked("the configuration recorder", recorder, where)
        return
    if recorder is None:
        yield _no_recorder(inventory, each, where)
        return
    missing, daily = missing_types(recorder.settings), is_daily(recorder.settings)
    if missing:
        effects = "; ".join(_EFFECTS[name] for name in missing)
        yield Finding(
            level=Level.MISSING,
            problem=f"the configuration recorder does not record {' and '.join(missing)}: {effects}",
            where=where,
            commands=(complete_command(recorder.settings, each.region),),
            note="The command also ends the DAILY recording of repositories." if daily else "",
        )
    elif daily:
        yield Finding(
            level=Level.HINT,
            problem="repositories are recorded DAILY: a change is evaluated up to 24 hours later",
            where=where,
            commands=(complete_command(recorder.settings, each.region),),
        )
    if not recorder.recording:
        yield Finding(
            level=Level.MISSING,
            problem="the configuration recorder is stopped",
            where=where,
            commands=(*_delivery_channel(inventory, each), start_command(recorder.name, each.region)),
            note=_bucket_note(inventory, each),
        )


def _no_recorder(inventory: Inventory, each: AccountRegion, where: str) -> Finding:
    return Finding(
        level=Level.MISSING,
        problem="there is no configuration recorder",
        where=where,
        commands=(
            *create_commands(inventory.caller.partition, each.account, each.region),
            *_delivery_channel(inventory, each),
            start_command("default", each.region),
        ),
        note=f"The first command fails if the role exists. {_bucket_note(inventory, each)}".strip(),
    )


def _delivery_channel(inventory: Inventory, each: AccountRegion) -> tuple[str, ...]:
    """Return the command that creates the delivery channel, if there is none."""
    return () if each.bucket is not None else (delivery_channel_command(_bucket(inventory), each.region),)


def _bucket(inventory: Inventory) -> str:
    """Return the bucket that most delivery channels of the organization use."""
    used = Counter(each.bucket for each in inventory.account_regions if isinstance(each.bucket, str))
    return used.most_common(1)[0][0] if used else UNKNOWN_BUCKET


def _bucket_note(inventory: Inventory, each: AccountRegion) -> str:
    if isinstance(each.bucket, Unknown):
        return f"Whether there is a delivery channel could not be checked: {each.bucket.reason}"
    if each.bucket is not None:
        return ""
    bucket = _bucket(inventory)
    if bucket == UNKNOWN_BUCKET:
        return f"Replace {UNKNOWN_BUCKET} by a bucket that AWS Config of this account may write to."
    return f"The policy of the bucket {bucket}, which other accounts use, must allow AWS Config of this account."


def _security_hub(inventory: Inventory, region: str) -> Iterator[Finding]:
    hubs = {each.account: each.security_hub for each in inventory.account_regions if each.region == region}
    for account, hub in hubs.items():
        if isinstance(hub, Unknown):
            yield unchecked("Security Hub", hub, f"{named(inventory, account)}, {region}", level=Level.HINT)
    known = {account: hub for account, hub in hubs.items() if isinstance(hub, SecurityHub)}
    disabled = [account for account, hub in known.items() if not hub.enabled]
    if disabled:
        enable = ("securityhub", "enable-security-hub", "--region", region, "--no-enable-default-standards")
        count = f"{len(disabled)} of {len(known)} accounts"
        yield Finding(
            level=Level.HINT,
            problem=f"Security Hub is not enabled in {count}: it has no findings of {', '.join(disabled)}",
            where=f"each of these accounts, {region}",
            commands=(aws_command(*enable),),
        )
    if len(disabled) < len(known) and not security_hub_administrators(inventory, region):
        who, unless = "none of the checked accounts", "unless another account has one, "
        if _holds_all(inventory, known):
            who, unless = "no account", ""
        problem = f"{who} has a Security Hub administrator: {unless}deploy deploy/security-hub.yaml to every account"
        yield Finding(level=Level.HINT, problem=problem, where=region)


def _holds_all(inventory: Inventory, known: Collection[str]) -> bool:
    """Return whether these are all accounts that could have Security Hub."""
    accounts = inventory.accounts
    if isinstance(accounts, Unknown):
        return False
    return all(account.identifier in known for account in accounts if account.state == "ACTIVE")
