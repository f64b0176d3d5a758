"""Accounts in which no role could be assumed, what the aggregator shows of them, and who can check them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Aggregator, Inventory
from ecr_exposure.cli.prerequisites.finding import Finding, Level, Place, and_more, counted, first_of, management
from ecr_exposure.cli.stack import DeployedAs

_FILE: Final = "preflight.json"
# Parameters of the template that say what is read in the accounts.
_READ_BY: Final = ("IncludeManagementAccount", "KmsKeyArn", "PermissionsBoundaryName")


def unreached_problems(inventory: Inventory) -> Iterator[Finding]:
    """Return the accounts by the reason, the first finding with what the aggregator shows of all of them."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    accounts = unreached_accounts(inventory)
    for account in accounts:
        by_reason[inventory.unreached[account].reason.replace(account, "ACCOUNT")].append(account)
    shown = list(_aggregator(inventory, accounts)) if accounts else []
    largest_first = sorted(by_reason.items(), key=lambda each: -len(each[1]))
    for at, (reason, unreached) in enumerate(largest_first):
        if len(unreached) == 1:
            reason = inventory.unreached[unreached[0]].reason  # noqa: PLW2901 - with the id of the account
        lines = [f"The reason: {reason}", _roles(inventory), *([] if at else shown)]
        yield Finding(
            level=Level.UNCHECKED,
            problem=f"cannot be seen from here: {counted(len(unreached))}, in which it can assume no role",
            where=f"account {inventory.caller.account}",
            places=tuple(Place(account) for account in unreached),
            note="\n".join(lines),
        )


def rest_to_check(
    inventory: Inventory, values: Mapping[str, str], findings: Sequence[Finding]
) -> Iterator[tuple[str, str]]:
    """Yield the commands, each behind its text; none where no other account can see more, or has seen it."""
    unchecked = any(finding.level is Level.UNCHECKED for finding in findings)
    if inventory.unreached and inventory.unreached.keys() <= inventory.not_reached_elsewhere:
        return
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    if not unchecked or inventory.in_management_account or inventory.cut_short or alone:
        return
    regions = ",".join(inventory.regions)
    same = " with the same parameters.yaml" if any(values.get(name) for name in _READ_BY) else ""
    where = management(inventory).removeprefix("the ")
    yield (
        f"The {where} can usually check this. There, for example in AWS CloudShell, in a clone of this project{same}:",
        f"ecr-exposure preflight --regions {regions} --hub {inventory.hub} --json > {_FILE}",
    )
    yield (
        f"Then copy {_FILE} to this folder, and here, with the other options of this run:",
        f"ecr-exposure preflight --regions {regions} --from {_FILE}",
    )


def unreached_accounts(inventory: Inventory) -> list[str]:
    """Return the accounts but for the management account, of which ``management_account_problems`` reports."""
    included = None if inventory.hub_is_management_account else inventory.management_account
    return sorted(account for account in inventory.unreached if account != included)


def _roles(inventory: Inventory) -> str:
    tried = f"preflight tried the role {' or '.join(inventory.roles)}; --role names another one."
    return f"One account without a configuration recorder fails the whole deployment. {tried}"


def _aggregator(inventory: Inventory, accounts: Sequence[str]) -> Iterator[str]:
    """Return what the organization aggregator shows: what it does not count may still exist."""
    aggregator = inventory.aggregator
    if isinstance(aggregator, Unknown):
        yield f"What the organization aggregator shows could not be read: {aggregator.reason}"
    if isinstance(aggregator, Aggregator):
        yield from _counted(inventory, aggregator, accounts)
        yield from _failures(aggregator)


def _counted(inventory: Inventory, aggregator: Aggregator, accounts: Sequence[str]) -> Iterator[str]:
    resources = aggregator.resources
    if isinstance(resources, Unknown):
        yield f"What the organization aggregator counts could not be read: {resources.reason}"
        return
    with_some = [account for account in accounts if resources.get(account)]
    without = [account for account in accounts if not resources.get(account)]
    if with_some:
        what = f"{len(with_some):,} of these accounts" if without else "all of them"
        yield f"The organization aggregator counts resources of {what}, so there is or was a recorder."
    if without:
        it = "It" if with_some else "The organization aggregator"
        why = "which may have no recorder, or one that recorded nothing yet"
        yield f"{it} counts no resources of {counted(len(without))}, {why}: {first_of(inventory, without)}"


def _failures(aggregator: Aggregator) -> Iterator[str]:
    """Return the most frequent error of the aggregator's sources, and how many others there are."""
    failures = aggregator.failures
    if isinstance(failures, Unknown):
        yield f"Whether the sources of the organization aggregator fail could not be read: {failures.reason}"
        return
    # A source is an account and a Region.
    general = {source: error.replace(source.partition(",")[0], "ACCOUNT") for source, error in failures.items()}
    errors = Counter(general.values()).most_common()
    if errors:
        error, number = errors[0]
        sources = [source for source, found in general.items() if found == error]
        first = and_more(sources, number, "; ")
        yield f"The organization aggregator could not read {counted(number, 'source')} ({first}): {error}"
    if len(errors) > 1:
        number = sum(each for _, each in errors[1:])
        yield f"It could not read {counted(number, 'more source')}, for {counted(len(errors) - 1, 'other reason')}."
