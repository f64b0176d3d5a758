"""What accounts lack: a configuration recorder that records the rule's resource types. Pure.

One account without a recorder fails the whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import (
    AccountRegion,
    ControlTower,
    DeliveryChannel,
    Inventory,
    Recorder,
    Unread,
)
from ecr_exposure.cli.prerequisites.excluded_accounts import not_active
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, counted, first_of, named, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import (
    COMPLIANCE,
    REPOSITORY,
    Settings,
    complete_command,
    create_commands,
    delivery_channel_command,
    is_daily,
    missing_types,
    start_command,
)

Excluded = Mapping[str, Collection[str]]
_QUICK_SETUP: Final = (
    "Quick Setup creates recorders in all accounts of an organization "
    "(https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-config.html)."
)
UNKNOWN_BUCKET: Final = "NAME-OF-YOUR-BUCKET"
_EFFECTS: Final = {
    REPOSITORY: "changes of repositories are not evaluated",
    COMPLIANCE: "a resource's history does not show its evaluations",
}


def account_problems(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    """Return what the accounts lack that could be checked; ``excluded`` are those without the rule, by Region."""
    enabled = [each for each in inventory.account_regions if each.enabled is not False]
    without = _without_recorder(inventory, [each for each in enabled if each.recorder is None], excluded)
    return chain(
        _inactive(inventory, excluded),
        without,
        _without_need(inventory, excluded),
        chain.from_iterable(_recorder(inventory, each) for each in enabled),
    )


def _inactive(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    by_state: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for account in not_active(inventory):
        is_excluded = all(account.identifier in excluded.get(region, ()) for region in inventory.regions)
        by_state[account.state, is_excluded].append(account.identifier)
    for (state, is_excluded), accounts in by_state.items():
        verb, them = ("is", "it") if len(accounts) == 1 else ("are", "them")
        effect = f"so {verb} excluded" if is_excluded else f"and ExcludedAccounts lacks {them}"
        yield Finding(
            level=Level.HINT,
            problem=f"{counted(len(accounts))} {verb} {state}, {effect}: {first_of(inventory, accounts)}",
            where="organization",
        )


def _without_need(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    """Return the accounts that are excluded although a recorder runs in all Regions: preflight changes no value."""
    inactive = {account.identifier for account in not_active(inventory)}
    listed = frozenset(chain.from_iterable(excluded.get(region, ()) for region in inventory.regions)) - inactive
    stopped = {each.account for each in inventory.account_regions if not _records(each)}
    running = {each.account for each in inventory.account_regions} - stopped
    accounts = tuple(sorted(listed & running))
    if accounts:
        verb = "is" if len(accounts) == 1 else "are"
        yield Finding(
            level=Level.EXCLUDED,
            problem=f"{counted(len(accounts))} {verb} excluded, although a configuration recorder runs there: "
            f"{first_of(inventory, accounts)}",
            where="ExcludedAccounts",
            note="preflight changes no value that is there. To include them, set the value that it would choose: see "
            "below.",
            accounts=accounts,
        )


def _records(each: AccountRegion) -> bool:
    return isinstance(each.recorder, Recorder) and each.recorder.recording


def _without_recorder(inventory: Inventory, without: Iterable[AccountRegion], excluded: Excluded) -> Iterator[Finding]:
    """Return one finding for the accounts of a Region that need the same notes and commands; the hub is alone."""
    grouped: dict[tuple[str, bool, bool, bool, bool | Unknown], list[AccountRegion]] = defaultdict(list)
    for each in without:
        is_hub = each.account == inventory.hub
        is_excluded = not is_hub and each.account in excluded.get(each.region, ())
        has_bucket = each.channel if isinstance(each.channel, Unknown) else each.channel is not None
        is_management = each.account == inventory.management_account
        grouped[each.region, is_excluded, is_hub, is_management, has_bucket].append(each)
    for (_, is_excluded, _, _, _), group in grouped.items():
        yield _no_recorder(inventory, group, is_excluded=is_excluded)


def _recorder(inventory: Inventory, each: AccountRegion) -> Iterator[Finding]:
    where = f"{named(inventory, each.account)}, {each.region}"
    recorder = each.recorder
    if recorder is None:
        return
    if isinstance(recorder, Unknown):
        yield unchecked("the configuration recorder", recorder, where)
        return
    if isinstance(recorder.settings, Unknown):
        yield unchecked("what the configuration recorder records", recorder.settings, where)
    elif recorder.settings is not Unread.UNREAD:
        yield from _incomplete(recorder.settings, each.region, where)
    if not recorder.recording:
        yield Finding(
            level=Level.MISSING,
            problem="the configuration recorder is stopped",
            where=where,
            commands=(*_delivery_channel(inventory, each), start_command(recorder.name, each.region)),
            note=f"{_bucket_note(inventory, each)} {RUN_AGAIN} A stopped recorder excludes no account.".strip(),
        )


def _incomplete(settings: Settings, region: str, where: str) -> Iterator[Finding]:
    missing, daily = missing_types(settings), is_daily(settings)
    if missing:
        effects = "; ".join(_EFFECTS[name] for name in missing)
        yield Finding(
            level=Level.MISSING,
            problem=f"the configuration recorder does not record {' and '.join(missing)}: {effects}",
            where=where,
            commands=(complete_command(settings, region),),
            note="The command also ends the DAILY recording of repositories." if daily else "",
        )
    elif daily:
        yield Finding(
            level=Level.HINT,
            problem="repositories are recorded DAILY: a change is evaluated up to 24 hours later",
            where=where,
            commands=(complete_command(settings, region),),
        )


def _no_recorder(inventory: Inventory, group: Sequence[AccountRegion], *, is_excluded: bool) -> Finding:
    """Return the finding of accounts of one Region."""
    first, accounts = group[0], tuple(each.account for each in group)
    several = len(group) > 1
    problem = f"{counted(len(group))} have no configuration recorder: {first_of(inventory, accounts)}"
    return Finding(
        level=Level.EXCLUDED if is_excluded else Level.MISSING,
        problem=problem if several else "there is no configuration recorder",
        where=f"{'each of these accounts' if several else named(inventory, first.account)}, {first.region}",
        commands=(
            *create_commands(inventory.caller.partition, "ACCOUNT" if several else first.account, first.region),
            *_delivery_channel(inventory, first),
            start_command("default", first.region),
        ),
        note=" ".join(filter(None, _notes(inventory, first, is_excluded=is_excluded, several=several))),
        accounts=accounts if is_excluded else (),
    )


def _notes(inventory: Inventory, each: AccountRegion, *, is_excluded: bool, several: bool) -> Iterator[str]:
    """Return what to know before the commands, and after."""
    if isinstance(inventory.control_tower, ControlTower) and each.account != inventory.management_account:
        yield (
            "AWS Control Tower sets up AWS Config in the accounts that it governs, and denies these commands there: "
            "enroll or update the account in AWS Control Tower instead."
        )
    elif several:
        yield _QUICK_SETUP
    if several:
        yield "In the commands, replace ACCOUNT by the ID of the account."
    yield "The first command fails if the role exists; ignore that."
    yield _bucket_note(inventory, each)
    if each.account == inventory.hub:
        yield f"{RUN_AGAIN} {_of_hub(inventory)}"
    elif is_excluded:
        yield f"{RUN_AGAIN} It then prints how to include the account, which the rule does not evaluate until then."
    else:
        yield f"{RUN_AGAIN} One account without a recorder fails the whole deployment, and ExcludedAccounts lacks it."


def _of_hub(inventory: Inventory) -> str:
    if inventory.probable_hub:
        return (
            "The account from which the rule is deployed is never excluded. If that is not the management account, run "
            "preflight with --hub instead of the commands."
        )
    return "The rule is deployed from this account, so it is never excluded."


def _delivery_channel(inventory: Inventory, each: AccountRegion) -> tuple[str, ...]:
    """Return the command that creates the delivery channel, if there is none."""
    return () if each.channel is not None else (delivery_channel_command(_bucket(inventory), each.region),)


def _bucket(inventory: Inventory) -> str:
    """Return the bucket that most delivery channels of the organization use."""
    channels = (each.channel for each in inventory.account_regions)
    used = Counter(channel.bucket for channel in channels if isinstance(channel, DeliveryChannel))
    return used.most_common(1)[0][0] if used else UNKNOWN_BUCKET


def _bucket_note(inventory: Inventory, each: AccountRegion) -> str:
    if isinstance(each.channel, Unknown):
        return f"Whether there is a delivery channel could not be checked: {each.channel.reason}"
    if each.channel is not None:
        return ""
    bucket = _bucket(inventory)
    if bucket == UNKNOWN_BUCKET:
        return (
            f"Replace {UNKNOWN_BUCKET} by the name of a bucket that AWS Config of the account may write to "
            "(https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html)."
        )
    return f"The policy of the bucket {bucket}, which other accounts use, must allow AWS Config of the account."
