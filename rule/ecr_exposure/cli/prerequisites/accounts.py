"""What accounts lack: a configuration recorder that records the rule's resource types. Pure.

One account without a recorder fails the whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from ecr_exposure.cli.organization.inventory import AccountRegion, Inventory, Recorder, Unread
from ecr_exposure.cli.prerequisites.delivery_channels import ChannelCommands
from ecr_exposure.cli.prerequisites.excluded_accounts import not_active, saw_a_part, unseen_places
from ecr_exposure.cli.prerequisites.finding import Finding, Level, Place
from ecr_exposure.cli.prerequisites.missing_recorders import Excluded, missing_recorder_problems
from ecr_exposure.cli.prerequisites.recorder_problems import recorder_problems


def account_problems(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    """Return what the accounts lack that could be checked; ``excluded`` are those without the rule, by Region."""
    channels = ChannelCommands(inventory)
    return chain(
        _unseen(inventory),
        _inactive(inventory, excluded),
        missing_recorder_problems(inventory, channels, excluded),
        _without_need(inventory, excluded),
        recorder_problems(inventory, channels),
        _unread(inventory),
    )


def _unseen(inventory: Inventory) -> Iterator[Finding]:
    """Return the accounts and Regions that the run did not reach before it ended."""
    places = unseen_places(inventory)
    if places:
        why = inventory.cut_short or "the reading ended"
        yield Finding(
            level=Level.UNCHECKED,
            problem=f"not seen, because this run ended before: {why}",
            places=places,
            note="What was not seen counts neither as missing nor as present. To see the rest, repeat the command with "
            "--resume.",
        )


def _inactive(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    by_state: dict[tuple[str, bool], list[Place]] = defaultdict(list)
    for account in not_active(inventory):
        is_excluded = all(account.identifier in excluded.get(region, ()) for region in inventory.regions)
        by_state[account.state, is_excluded].append(Place(account.identifier))
    for (state, is_excluded), places in by_state.items():
        several = len(places) > 1
        effect = "and ExcludedAccounts lacks" if not is_excluded else "so the rule excludes"
        problem = f"not ACTIVE but {state}, {effect} {'them' if several else 'it'}"
        yield Finding(level=Level.HINT, problem=problem, places=tuple(places))


def _without_need(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    """Return the accounts that are excluded although a recorder runs in all Regions: preflight changes no value."""
    listed = frozenset(chain.from_iterable(excluded.get(region, ()) for region in inventory.regions))
    inactive = {account.identifier for account in not_active(inventory)}
    not_running = {place.account for place in unseen_places(inventory)}
    not_running |= {each.account for each in inventory.account_regions if not _records(each)}
    running = {each.account for each in inventory.account_regions} - not_running
    accounts = sorted((listed - inactive) & running)
    if accounts:
        see = "it prints after a run that sees all accounts" if saw_a_part(inventory) else "it would choose: see below"
        yield Finding(
            level=Level.EXCLUDED,
            problem="in ExcludedAccounts, although a configuration recorder runs there",
            places=tuple(Place(account) for account in accounts),
            note=f"preflight changes no value that is there. To include them, set the value that {see}.",
        )


def _records(each: AccountRegion) -> bool:
    return isinstance(each.recorder, Recorder) and each.recorder.recording


def _unread(inventory: Inventory) -> Iterator[Finding]:
    """Return, in one hint, where it was not read what recorders record and whether delivery channels fail."""
    unread = sum(_is_unread(each) for each in inventory.account_regions)
    if unread:
        regions = ",".join(inventory.regions)
        yield Finding(
            level=Level.HINT,
            problem="what recorders record, and whether delivery channels fail, was not read in "
            f"{unread:,} of {inventory.pairs:,} accounts × Regions, to save calls",  # noqa: RUF001 - a product
            where=f"account {inventory.caller.account}",
            commands=(f"ecr-exposure preflight --regions {regions} --hub {inventory.hub} --thorough",),
            note="It was read in one Region of each account, and for the first 1,000 recorders that do not report "
            "success. The command, with the other options of this run, reads it everywhere.",
        )


def _is_unread(each: AccountRegion) -> bool:
    return isinstance(each.channel, Unread) or (
        isinstance(each.recorder, Recorder) and isinstance(each.recorder.settings, Unread)
    )
