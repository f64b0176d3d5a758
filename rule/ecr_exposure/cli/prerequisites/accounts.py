"""What accounts lack: a configuration recorder that records the rule's resource types. Pure.

One account without a recorder fails the whole deployment (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, ControlTower, Inventory
from ecr_exposure.cli.prerequisites.excluded_accounts import not_active
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, counted, first_of, named, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import (
    COMPLIANCE,
    REPOSITORY,
    complete_command,
    create_commands,
    delivery_channel_command,
    is_daily,
    missing_types,
    start_command,
)

Excluded = Mapping[str, Collection[str]]
UNKNOWN_BUCKET: Final = "NAME-OF-YOUR-BUCKET"
_EFFECTS: Final = {
    REPOSITORY: "changes of repositories are not evaluated",
    COMPLIANCE: "a resource's history does not show its evaluations",
}


def account_problems(inventory: Inventory, excluded: Excluded) -> Iterator[Finding]:
    """Return what the accounts lack that could be checked; ``excluded`` are those without the rule, by Region."""
    enabled = (each for each in inventory.account_regions if each.enabled is not False)
    return chain(_inactive(inventory), chain.from_iterable(_recorder(inventory, each, excluded) for each in enabled))


def _inactive(inventory: Inventory) -> Iterator[Finding]:
    by_state: dict[str, list[str]] = defaultdict(list)
    for account in not_active(inventory):
        by_state[account.state].append(account.identifier)
    for state, accounts in by_state.items():
        number = counted(len(accounts))
        verb = "is" if len(accounts) == 1 else "are"
        yield Finding(
            level=Level.HINT,
            problem=f"{number} {verb} {state}, so {verb} excluded: {first_of(inventory, accounts)}",
            where="organization",
        )


def _recorder(inventory: Inventory, each: AccountRegion, excluded: Excluded) -> Iterator[Finding]:
    where = f"{named(inventory, each.account)}, {each.region}"
    recorder = each.recorder
    if isinstance(recorder, Unknown):
        yield unchecked("the configuration recorder", recorder, where)
        return
    if recorder is None:
        yield _no_recorder(inventory, each, where, is_excluded=each.account in excluded.get(each.region, ()))
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
            note=f"{_bucket_note(inventory, each)} {RUN_AGAIN} A stopped recorder excludes no account.".strip(),
        )


def _no_recorder(inventory: Inventory, each: AccountRegion, where: str, *, is_excluded: bool) -> Finding:
    return Finding(
        level=Level.EXCLUDED if is_excluded else Level.MISSING,
        problem="there is no configuration recorder",
        where=where,
        commands=(
            *create_commands(inventory.caller.partition, each.account, each.region),
            *_delivery_channel(inventory, each),
            start_command("default", each.region),
        ),
        note=" ".join(filter(None, _notes(inventory, each, is_excluded=is_excluded))),
    )


def _notes(inventory: Inventory, each: AccountRegion, *, is_excluded: bool) -> Iterator[str]:
    """Return what to know before the commands, and after."""
    if isinstance(inventory.control_tower, ControlTower) and each.account != inventory.management_account:
        yield (
            "AWS Control Tower sets up AWS Config in the accounts that it governs, and denies these commands there: "
            "enroll or update the account in AWS Control Tower instead."
        )
    yield "The first command fails if the role exists; ignore that."
    yield _bucket_note(inventory, each)
    if each.account == inventory.caller.account:
        yield f"{RUN_AGAIN} The rule is deployed from this account, so it is never excluded."
    elif is_excluded:
        yield f"{RUN_AGAIN} Until then, the account is excluded in this Region."
    else:
        yield f"{RUN_AGAIN} One account without a recorder fails the whole deployment, and ExcludedAccounts lacks it."


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
        return (
            f"Replace {UNKNOWN_BUCKET} by the name of a bucket that AWS Config of this account may write to "
            "(https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html)."
        )
    return f"The policy of the bucket {bucket}, which other accounts use, must allow AWS Config of this account."
