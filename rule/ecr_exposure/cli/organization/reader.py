"""Reads the state of an organization as far as the rule needs it, by Describe, List and Get calls and AssumeRole."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import boto3

from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError, Unknown, attempt
from ecr_exposure.cli.caller import Caller, caller_in
from ecr_exposure.cli.organization.account_reader import AccountReader, Plan
from ecr_exposure.cli.organization.accounts_to_read import Selection, accounts_to_read, chosen_hub
from ecr_exposure.cli.organization.aggregator_reader import (
    covered_regions,
    organization_aggregators,
    read_aggregator,
)
from ecr_exposure.cli.organization.control_tower import read_control_tower
from ecr_exposure.cli.organization.encryption_key import read_keys
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.organization.organization_reader import (
    OrganizationFacts,
    delegated_services,
    read_organization,
)
from ecr_exposure.cli.organization.role_credentials import MayPassError, RoleCredentials
from ecr_exposure.cli.organization.saved_reading import NOTHING_SAVED, SavedReading
from ecr_exposure.cli.organization.security_hub_reader import read_security_hub
from ecr_exposure.cli.organization.shared_clients import SharedClients
from ecr_exposure.cli.region_options import ENABLED_BY_DEFAULT, region_statuses
from ecr_exposure.cli.stack import DeployedAs

# AWS Organizations creates the first in each account that it creates, AWS Control Tower the second.
DEFAULT_ROLES: Final = ("OrganizationAccountAccessRole", "AWSControlTowerExecution")
INTERRUPTED: Final = "interrupted"
EXPIRED: Final = "credentials expired"
_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})
_Value = TypeVar("_Value")
_Credentials = Mapping[str, str] | Unknown


class Progress(Protocol):
    """Counts what was read."""

    def advance(self, number: int = 1) -> None:
        """Count some more."""


class _Silent:
    def advance(self, number: int = 1) -> None:
        """Count nothing."""


def _today() -> datetime:
    return datetime.now(UTC)


def _silent(_total: int, _what: str) -> AbstractContextManager[Progress]:
    return nullcontext(_Silent())


def _nothing_saved(_facts: OrganizationFacts, _account: str, _regions: frozenset[str]) -> SavedReading:
    return NOTHING_SAVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an organization is read, beside what is deployed where."""

    caller: Caller | None = None
    """Whose credentials these are, if that was read."""
    hub: str | None = None
    """The account from which the rule will be deployed; by default that of the session."""
    selection: Selection = field(default_factory=Selection)
    saved: Callable[[OrganizationFacts, str, frozenset[str]], SavedReading] = _nothing_saved
    """Returns what files know of this organization, given the caller's account and the partition's Regions."""
    counting: Callable[[int, str], AbstractContextManager[Progress]] = _silent
    """Shows the progress of so many of something."""
    today: Callable[[], datetime] = _today


def read_inventory(
    session: boto3.Session,
    regions: Sequence[str],
    roles: Sequence[str],
    values: Mapping[str, str] = _NO_VALUES,
    way: Way | None = None,
) -> Inventory:
    """Read the organization of the session's account; ``values`` are those that the template's parameters have so far.

    Raises CannotRunError without usable credentials, or without an organization unless the rule is for one account.
    Whatever else AWS refuses is Unknown. After an interrupt, and when the credentials expire, what was read so far is
    returned, with the reason in ``cut_short``; before the first account, KeyboardInterrupt or CredentialsExpiredError.
    """
    return _InventoryReader(session, tuple(regions), tuple(roles), values, way or Way()).read()


class _InventoryReader:
    """Reads one inventory."""

    def __init__(
        self,
        session: boto3.Session,
        regions: tuple[str, ...],
        roles: tuple[str, ...],
        values: Mapping[str, str],
        way: Way,
    ) -> None:
        self._session, self._regions, self._roles, self._values, self._way = session, regions, roles, values, way
        self._clients = Clients(session, regions[0])
        self._caller = way.caller or caller_in(session, regions)
        self._partition_regions = frozenset(session.get_available_regions("config", self._caller.partition))
        self._shared = SharedClients(session, regions)
        self._role_credentials = RoleCredentials(self._shared, self._caller, roles, way.today)

    def read(self) -> Inventory:
        """Read the organization, what the hub has of other services, and the accounts."""
        alone = self._values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
        facts = read_organization(self._clients, self._caller, alone=alone)
        hub = chosen_hub(self._way.hub, self._caller, facts)
        saved = self._way.saved(facts, self._caller.account, self._partition_regions)
        to_read = accounts_to_read(self._clients, self._way.selection, hub, facts, self._values)
        inventory = self._without_accounts(hub, facts, to_read)
        credentials = self._credentials_of(hub)
        aggregators = organization_aggregators(self._session, self._regions, credentials)
        asked = frozenset[str]() if alone else facts.trusted
        inventory = replace(
            inventory,
            hub_is_named=self._way.hub is not None,
            control_tower=read_control_tower(
                self._session, self._regions, asked, in_management_account=inventory.in_management_account
            ),
            aggregated=covered_regions(aggregators, self._regions),
            keys=read_keys(self._session, self._regions, self._values.get("KmsKeyArn", ""), credentials),
            security_hub=read_security_hub(
                self._session,
                self._regions,
                credentials,
                saved.administrators if not inventory.in_management_account else None,
            ),
        )
        return self._with_accounts(inventory, saved, aggregators)

    def _without_accounts(self, hub: str, facts: OrganizationFacts, to_read: tuple[str, ...]) -> Inventory:
        home = self._values.get("HomeRegion") or self._regions[0]
        return Inventory(
            caller=self._caller,
            hub=hub,
            hub_is_named=False,
            regions=self._regions,
            opt_in_regions=self._opt_in((*self._regions, home)),
            partition_regions=self._partition_regions,
            roles=self._roles,
            role_used={},
            organization=facts.organization,
            root=facts.root,
            trusted=facts.trusted,
            delegated=frozenset() if facts.management_account == hub else delegated_services(self._clients, hub),
            administrators=facts.administrators,
            accounts=facts.accounts,
            account_regions=(),
            unreached={},
            aggregated=frozenset(),
            aggregator=None,
            control_tower=None,
            keys={},
            boundaries={},
            service_linked_role=None,
            security_hub={},
            stack_sets_access=facts.stack_sets_access,
            to_read=to_read,
            limited=self._way.selection.is_limited,
        )

    def _with_accounts(
        self,
        inventory: Inventory,
        saved: SavedReading,
        aggregators: tuple[AggregatorPlace, ...] | Unknown,
    ) -> Inventory:
        """Read the accounts, and return what was read, also if that is cut short."""
        plan = self._plan(inventory, saved)
        cut_short, aggregator = "", None
        with self._way.counting(inventory.pairs, "accounts × Regions") as progress:  # noqa: RUF001 - a product
            reader = AccountReader(self._shared, self._role_credentials, plan, progress.advance)
            try:
                reader.read()
                if reader.found.unreached:
                    # The credentials of before may have ended meanwhile.
                    credentials = self._credentials_of(inventory.hub)
                    aggregator = read_aggregator(self._session, aggregators, self._regions, credentials)
            except (KeyboardInterrupt, CredentialsExpiredError) as error:
                cut_short = INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXPIRED
        found = reader.found
        return replace(
            inventory,
            account_regions=found.in_order(plan),
            role_used=_in_order(found.role_used, plan.accounts),
            unreached=_in_order(found.unreached, plan.accounts),
            boundaries=_in_order(found.boundaries, plan.accounts),
            service_linked_role=found.service_linked_role,
            aggregator=aggregator,
            thorough=plan.reads_everything,
            cut_short=cut_short,
            seen_at=saved.seen_at,
            not_reached_elsewhere=frozenset(saved.not_reached),
        )

    def _plan(self, inventory: Inventory, saved: SavedReading) -> Plan:
        home = self._values.get("HomeRegion", "")
        management = inventory.management_account
        return Plan(
            accounts=inventory.to_read,
            regions=self._regions,
            hub=inventory.hub,
            home=home if home in self._regions else self._regions[0],
            management=management if management != inventory.hub else None,
            caller=self._caller,
            opt_in=inventory.opt_in_regions,
            boundary=self._values.get("PermissionsBoundaryName", ""),
            thorough=self._way.selection.thorough,
            saved=saved,
        )

    def _credentials_of(self, hub: str) -> _Credentials:
        """Return the credentials of a role in the hub; none in the caller's account, whose session has its own."""
        try:
            opened = self._role_credentials.open(hub)
        except MayPassError as error:
            return Unknown(str(error))
        return opened if isinstance(opened, Unknown) else opened.as_arguments

    def _opt_in(self, regions: Sequence[str]) -> frozenset[str] | Unknown:
        """Return the Regions that each account must enable; AWS lists such Regions in the partition aws only.

        https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
        """
        if self._caller.partition != "aws":
            return frozenset()
        statuses = attempt(lambda: region_statuses(self._clients.account))
        if isinstance(statuses, Unknown):
            return statuses
        return frozenset(region for region in regions if statuses.get(region) != ENABLED_BY_DEFAULT)


def _in_order(found: Mapping[str, _Value], accounts: Sequence[str]) -> dict[str, _Value]:
    """Return what was read of the accounts in their order: threads read them in any."""
    return {account: found[account] for account in accounts if account in found}
