"""An inventory of 1,000 accounts in 17 Regions as values, without AWS, and what ``preflight`` prints of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.organization.inventory import (
    Account,
    AccountRegion,
    DeliveryChannel,
    Inventory,
    Organization,
    Recorder,
    SecurityHub,
)
from ecr_exposure.cli.prerequisites.finding import Finding
from ecr_exposure.cli.prerequisites.findings_report import print_findings
from ecr_exposure.cli.prerequisites.problems import find_problems
from ecr_exposure.cli.prerequisites.scope import print_scope
from ecr_exposure.cli.values.proposed_values import ProposedValues, proposed_values
from ecr_exposure.cli.values.values_report import ValuesReport
from tests.commands.prepared_organization import TRUSTED

REGIONS: Final = tuple(
    """eu-west-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
    eu-central-1 eu-north-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2""".split()
)
ACCOUNTS: Final = tuple(str(500_000_000_000 + number) for number in range(1000))
HUB, MANAGEMENT = ACCOUNTS[0], "111122223333"
CHANNEL: Final = DeliveryChannel(bucket="org-config-log", last_error="")

Change = Callable[[int, AccountRegion], AccountRegion]


def recorder(account: str, **changes: Any) -> Recorder:
    """Return a recorder that records everything, and reports success."""
    settings = {
        "name": "default",
        "roleARN": f"arn:aws:iam::{account}:role/config",
        "recordingGroup": {"allSupported": True},
    }
    found = Recorder(name="default", recording=True, last_status="SUCCESS", last_error="", settings=settings)
    return replace(found, **changes)


def large_organization(
    change: Change = lambda _number, each: each,
    *,
    accounts: Sequence[str] = ACCOUNTS,
    regions: Sequence[str] = REGIONS,
    **changes: Any,
) -> Inventory:
    """Return an organization that lacks nothing, except what ``change`` makes of account number, account and Region."""
    numbers = {account: number for number, account in enumerate(accounts)}
    account_regions = (change(numbers[each.account], each) for each in _complete(tuple(accounts), tuple(regions)))
    found = Inventory(
        caller=Caller(account=MANAGEMENT, arn=f"arn:aws:iam::{MANAGEMENT}:user/operator", partition="aws"),
        hub=HUB,
        hub_is_named=True,
        regions=tuple(regions),
        opt_in_regions=frozenset(),
        partition_regions=frozenset(regions),
        roles=("OrganizationAccountAccessRole", "AWSControlTowerExecution"),
        role_used=dict.fromkeys(accounts, "OrganizationAccountAccessRole"),
        organization=Organization(identifier="o-0123456789", management_account=MANAGEMENT, feature_set="ALL"),
        root="r-ab12",
        trusted=frozenset(TRUSTED),
        delegated=frozenset(TRUSTED),
        administrators=frozenset({HUB}),
        accounts=(
            *(Account(identifier=each, name=f"team-{each[-3:]}", state="ACTIVE") for each in accounts),
            Account(identifier=MANAGEMENT, name="management", state="ACTIVE"),
        ),
        account_regions=tuple(account_regions),
        unreached={},
        aggregated=frozenset(regions),
        aggregator=None,
        control_tower=None,
        keys={},
        boundaries={},
        service_linked_role=None,
        security_hub={region: SecurityHub(enabled=True, administrator=HUB) for region in regions},
        stack_sets_access=True,
        to_read=tuple(accounts),
    )
    return replace(found, **changes)


@cache
def _complete(accounts: Sequence[str], regions: Sequence[str]) -> tuple[AccountRegion, ...]:
    """Return accounts and Regions that lack nothing."""
    return tuple(
        AccountRegion(account=account, region=region, enabled=True, recorder=recorder(account), channel=CHANNEL)
        for account in accounts
        for region in regions
    )


def findings_of(inventory: Inventory, values: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """Return what preflight finds where the file has these values."""
    current = values or {}
    proposed = proposed_values(inventory, current)
    chosen = {**current, **proposed.missing(current)}
    return (*find_problems(inventory, chosen, proposed.excluded(chosen, inventory.regions)), *proposed.refusals)


def report_of(inventory: Inventory, values: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of the report, in the order of the command, without its last line."""
    current = values or {}
    proposed = proposed_values(inventory, current)
    chosen = {**current, **proposed.missing(current)}
    console = Console(file=StringIO(), highlight=False, width=200)
    print_scope(console, inventory, chosen)
    print_findings(console, inventory, findings_of(inventory, current), chosen)
    ValuesReport(console, None, Path("parameters.yaml"), None).add_and_print(inventory, proposed, current)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def proposed_of(inventory: Inventory, values: Mapping[str, str] | None = None) -> ProposedValues:
    """Return the values that preflight would choose."""
    return proposed_values(inventory, values or {})
