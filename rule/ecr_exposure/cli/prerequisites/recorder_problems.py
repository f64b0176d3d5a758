"""What configuration recorders that exist do not record: stopped, failing, or without the rule's resource types. Pure.

https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorderStatus.html
"""

from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, ControlTower, Inventory, Recorder, Unread
from ecr_exposure.cli.prerequisites.delivery_channels import ChannelCommands, delivery_problems
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, Place, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import (
    COMPLIANCE,
    REPOSITORY,
    Settings,
    aws_command,
    complete_command,
    is_daily,
    lost_settings,
    missing_types,
    start_command,
)

_EFFECTS: Final = {
    REPOSITORY: "changes of repositories are not evaluated",
    COMPLIANCE: "a resource's history does not show its evaluations",
}
_FAILURE: Final = "FAILURE"
_ROLE: Final = "https://docs.aws.amazon.com/config/latest/developerguide/iamrole-permissions.html"
_DENIED_BY_CONTROL_TOWER: Final = (
    "AWS Control Tower sets up AWS Config in the accounts that it governs, and denies these commands there: "
    "enroll or update the account in AWS Control Tower instead."
)


def recorder_problems(inventory: Inventory, channels: ChannelCommands) -> Iterator[Finding]:
    """Return one finding for each problem of each recorder."""
    for each in inventory.account_regions:
        recorder, places = each.recorder, (Place(each.account, each.region),)
        if isinstance(recorder, Unknown):
            yield unchecked("the configuration recorder", recorder, places[0])
        elif recorder is not None:
            yield from _recording(inventory, channels, each, recorder)
            if isinstance(recorder.settings, Unknown):
                yield unchecked("what the configuration recorder records", recorder.settings, places[0])
            elif not isinstance(recorder.settings, Unread):
                yield from _settings(inventory, each, recorder.settings)
            if recorder.recording:
                yield from delivery_problems(each)


def governed_note(inventory: Inventory, account: str) -> str:
    """Return why commands that change AWS Config may be denied in an account; empty if no reason is known."""
    governs = isinstance(inventory.control_tower, ControlTower) and account != inventory.management_account
    return _DENIED_BY_CONTROL_TOWER if governs else ""


def _recording(
    inventory: Inventory, channels: ChannelCommands, each: AccountRegion, recorder: Recorder
) -> Iterator[Finding]:
    """Return whether it is stopped, or AWS reports that it fails."""
    places = (Place(each.account, each.region),)
    if not recorder.recording:
        before = _joined(governed_note(inventory, each.account), channels.note(each))
        yield Finding(
            level=Level.MISSING,
            problem="the configuration recorder is stopped",
            places=places,
            commands=(*channels.commands(each), start_command(recorder.name, each.region)),
            note=_joined(before, f"{RUN_AGAIN} A stopped recorder excludes no account."),
        )
    elif recorder.last_status == _FAILURE:
        describe = ("configservice", "describe-configuration-recorder-status", "--region", each.region)
        yield Finding(
            level=Level.MISSING,
            problem="the configuration recorder is on, but fails: its last recording event ended with "
            f"{recorder.last_error or 'no error code'}",
            places=places,
            commands=(aws_command(*describe),),
            note="What it does not record is not evaluated. Check the permissions of its role, and the service control "
            f"policies of the account ({_ROLE}). The command shows whether it still fails.",
        )


def _settings(inventory: Inventory, each: AccountRegion, settings: Settings) -> Iterator[Finding]:
    """Return what the recorder does not record, or only once a day."""
    missing, daily = missing_types(settings), is_daily(settings)
    if not missing and not daily:
        return
    lost = lost_settings(settings)
    if lost:
        note = (
            f"preflight prints no command, because it could not keep {', '.join(lost)} of the recorder. "
            "Change what it records where the recorder was set up."
        )
    else:
        also = "The command also ends the DAILY recording of repositories." if missing and daily else ""
        note = _joined(governed_note(inventory, each.account), also)
    effects = "; ".join(_EFFECTS[name] for name in missing)
    yield Finding(
        level=Level.MISSING if missing else Level.HINT,
        problem=f"the configuration recorder does not record {' and '.join(missing)}: {effects}"
        if missing
        else "repositories are recorded DAILY: a change is evaluated up to 24 hours later",
        places=(Place(each.account, each.region),),
        commands=() if lost else (complete_command(settings, each.region),),
        note=note,
    )


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
