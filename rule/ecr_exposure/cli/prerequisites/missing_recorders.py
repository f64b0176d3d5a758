"""Accounts without a configuration recorder, which fail the deployment unless they are excluded. Pure.

https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ecr_exposure.cli.organization.inventory import AccountRegion, Inventory
from ecr_exposure.cli.prerequisites.delivery_channels import ChannelCommands
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, Place
from ecr_exposure.cli.prerequisites.recorder_problems import governed_note
from ecr_exposure.cli.prerequisites.recorder_settings import create_commands, start_command

Excluded = Mapping[str, Collection[str]]
_QUICK_SETUP: Final = (
    "Quick Setup creates recorders in all accounts of an organization "
    "(https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-config.html)."
)


def missing_recorder_problems(inventory: Inventory, channels: ChannelCommands, excluded: Excluded) -> Iterator[Finding]:
    """Return a finding for each account and Region without a recorder; ``excluded`` are those without the rule."""
    for each in inventory.account_regions:
        if each.recorder is None and each.enabled is not False:
            is_hub = each.account == inventory.hub
            is_excluded = not is_hub and each.account in excluded.get(each.region, ())
            yield _no_recorder(inventory, channels, each, is_excluded=is_excluded)


def _no_recorder(inventory: Inventory, channels: ChannelCommands, each: AccountRegion, *, is_excluded: bool) -> Finding:
    return Finding(
        level=Level.EXCLUDED if is_excluded else Level.MISSING,
        problem="there is no configuration recorder"
        if each.account != inventory.hub
        else "there is no configuration recorder in this account, from which the rule is deployed",
        places=(Place(each.account, each.region),),
        commands=(
            *create_commands(inventory.caller.partition, each.account, each.region),
            *channels.commands(each),
            start_command("default", each.region),
        ),
        note="\n".join(filter(None, _notes(inventory, channels, each, is_excluded=is_excluded))),
        note_of_several="" if governed_note(inventory, each.account) else _QUICK_SETUP,
    )


def _notes(inventory: Inventory, channels: ChannelCommands, each: AccountRegion, *, is_excluded: bool) -> Iterator[str]:
    """Return what to know before the commands, and after."""
    yield governed_note(inventory, each.account)
    yield f"The first command fails if the role exists; ignore that. {channels.note(each)}".strip()
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
    return "The account from which the rule is deployed is never excluded."
