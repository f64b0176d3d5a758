"""Accounts in which no role could be assumed, and what the organization aggregator shows of them instead. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Aggregator, Inventory
from ecr_exposure.cli.prerequisites.finding import Finding, Level, counted, first_of, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command


def unreached_problems(inventory: Inventory) -> Iterator[Finding]:
    """Return the accounts by the reason, then hints of the aggregator: what it does not count may still exist."""
    accounts = unreached_accounts(inventory)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        by_reason[inventory.unreached[account].reason.replace(account, "ACCOUNT")].append(account)
    for reason, unreached in by_reason.items():
        yield _unreached(inventory, reason, unreached)
    if accounts and isinstance(inventory.aggregator, Aggregator):
        yield from _counted(inventory, inventory.aggregator, accounts)
        yield from _failures(inventory, inventory.aggregator)


def unreached_accounts(inventory: Inventory) -> list[str]:
    """Return the accounts but for the management account, of which ``management_account_problems`` reports."""
    included = None if inventory.hub_is_management_account else inventory.management_account
    return [account for account in inventory.unreached if account != included]


def _unreached(inventory: Inventory, reason: str, accounts: Sequence[str]) -> Finding:
    roles = " or ".join(inventory.roles)
    elsewhere = (
        ""
        if inventory.in_management_account
        else f", or run preflight in the management account with --hub {inventory.hub}: it can usually assume one"
    )
    return Finding(
        level=Level.UNCHECKED,
        problem=f"{counted(len(accounts))} could not be checked: {first_of(inventory, accounts)}. The reason: {reason}",
        where=f"account {inventory.caller.account}",
        accounts=tuple(accounts),
        note="One account without a configuration recorder fails the whole deployment. "
        f"preflight tried the role {roles} in each of them. Name another role that this account can assume "
        f"there (--role){elsewhere}.",
    )


def _counted(inventory: Inventory, aggregator: Aggregator, accounts: Sequence[str]) -> Iterator[Finding]:
    where = f"account {inventory.hub}"
    if isinstance(aggregator.resources, Unknown):
        yield unchecked("what the organization aggregator counts", aggregator.resources, where, level=Level.HINT)
        return
    resources = aggregator.resources
    with_some = [account for account in accounts if resources.get(account)]
    without = [account for account in accounts if not resources.get(account)]
    if with_some:
        yield Finding(
            level=Level.HINT,
            problem=f"the organization aggregator has resources of {len(with_some)} of the accounts that could not be "
            f"checked, so there is or was a recorder: {first_of(inventory, with_some)}",
            where=where,
        )
    if without:
        yield Finding(
            level=Level.HINT,
            problem=f"the organization aggregator has no resources of {len(without)} of the accounts that could not be "
            f"checked: {first_of(inventory, without)}",
            where="each of these accounts",
            commands=tuple(
                aws_command("configservice", "describe-configuration-recorders", "--region", region)
                for region in inventory.regions
            ),
            note="They may have no recorder, or one that recorded nothing yet: an aggregator does not show recorders. "
            "The commands list the recorder of an account.",
        )


def _failures(inventory: Inventory, aggregator: Aggregator) -> Iterator[Finding]:
    where = f"account {inventory.hub}"
    failures = aggregator.failures
    if isinstance(failures, Unknown):
        yield unchecked("the sources of the organization aggregator", failures, where, level=Level.HINT)
        return
    by_error: dict[str, list[str]] = defaultdict(list)
    for source, error in failures.items():
        by_error[error].append(source)
    for error, sources in by_error.items():
        more = f"; and {len(sources) - 5} more" if len(sources) > 5 else ""  # noqa: PLR2004 - the first five are named
        yield Finding(
            level=Level.HINT,
            problem=f"the organization aggregator could not read {counted(len(sources), 'source')} "
            f"({'; '.join(sources[:5])}{more}): {error}",
            where=where,
        )
