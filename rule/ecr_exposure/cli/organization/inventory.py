"""The state of an organization as far as the rule needs it. Values only; ``reader`` reads them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.caller import Caller

CONFIG_RULES: Final = "config-multiaccountsetup.amazonaws.com"
"""The service principal of AWS Config for organization rules and conformance packs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organization; its ids may be known although DescribeOrganization is refused."""

    identifier: str
    management_account: str
    feature_set: str | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the organization."""

    identifier: str
    name: str
    state: str
    """ACTIVE, or one of the states in which nothing can be deployed."""


class Unread(Enum):
    """What was left out to save calls, so that nothing is known about it."""

    UNREAD = "not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The customer managed configuration recorder of an account and region."""

    name: str
    recording: bool
    last_status: str
    """The status of the latest recording event in capital letters: SUCCESS, FAILURE, PENDING; empty without one."""
    last_error: str
    """AWS's code and message of the latest recording event, if it failed; else empty."""
    settings: Mapping[str, Any] | Unknown | Unread
    """As DescribeConfigurationRecorders returns it."""

    @property
    def is_fine(self) -> bool:
        """Whether the latest recording event succeeded."""
        return self.last_status == "SUCCESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryChannel:
    """The delivery channel of an account and region."""

    bucket: str
    last_error: str | Unknown
    """What the last delivery failed at, with AWS's code and message; empty if it did not fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRegion:
    """One account in one region."""

    account: str
    region: str
    enabled: bool | Unknown
    """Whether the account has enabled the Region; if False, the fields below are None, because they were not read."""
    recorder: Recorder | Unknown | None
    channel: DeliveryChannel | Unknown | Unread | None
    """None without a delivery channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityHub:
    """Security Hub in one region."""

    enabled: bool
    """Whether it is enabled in the hub."""
    administrator: str | Unknown
    """The delegated administrator of the organization's Security Hub; empty without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTower:
    """AWS Control Tower, which has trusted access in the organization."""

    home_region: str | None
    audit_account: str | None
    reason: str
    """Why either is not known; empty if both are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregator:
    """What an organization aggregator of the hub knows about all accounts."""

    resources: Mapping[str, int] | Unknown
    """How many recorded resources it counts in each account; an account without any may not be in it."""
    failures: Mapping[str, str] | Unknown
    """The last error of each source, by account or organization and Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The KMS key that encrypts in one Region."""

    state: str
    """Enabled, or one of the states in which it encrypts nothing."""
    encrypts: bool
    """Whether it is a symmetric encryption key."""
    multi_region: bool
    primary_region: str
    """The Region of the primary key; of a single-Region key, its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All that was read."""

    caller: Caller
    hub: str
    """The account from which the rule will be deployed; the caller's, unless the operator named another one."""
    hub_is_named: bool
    """Whether the operator named it."""
    regions: tuple[str, ...]
    opt_in_regions: frozenset[str] | Unknown
    """Those of the regions that are not enabled by default in an account."""
    partition_regions: frozenset[str]
    """All Regions of the caller's partition that boto3 knows."""
    roles: tuple[str, ...]
    """Tried, in this order, in each account but the caller's."""
    role_used: Mapping[str, str]
    """The role that could be assumed, by account."""
    organization: Organization | Unknown
    root: str | Unknown
    trusted: frozenset[str] | Unknown
    """Service principals with trusted access."""
    delegated: frozenset[str] | Unknown
    """Service principals that the hub administers; empty if it is the management account."""
    administrators: frozenset[str] | Unknown
    """Delegated administrators of AWS Config for organization rules."""
    accounts: tuple[Account, ...] | Unknown
    account_regions: tuple[AccountRegion, ...]
    unreached: Mapping[str, Unknown]
    """Accounts in which the role could not be assumed."""
    aggregated: frozenset[str] | Unknown
    """Those of the regions that an organization aggregator of the hub covers."""
    aggregator: Aggregator | Unknown | None
    """Only read if accounts could not be reached; None without an aggregator."""
    control_tower: ControlTower | Unknown | None
    """None if it has no trusted access, so that it is not used."""
    keys: Mapping[str, Key | Unknown | None]
    """The key of KmsKeyArn by Region, None where it does not exist; empty without a key."""
    boundaries: Mapping[str, bool | Unknown]
    """Whether the policy of PermissionsBoundaryName exists, by account; empty without a valid name."""
    service_linked_role: bool | Unknown | None
    """Whether the management account has the role of AWS Config for organization rules; None if it was not read."""
    security_hub: Mapping[str, SecurityHub | Unknown]
    """By region."""
    stack_sets_access: bool | Unknown
    """Whether CloudFormation has activated trusted access with Organizations for StackSets."""
    to_read: tuple[str, ...]
    """The accounts that were to be read: those that get the rule, or those of them that the operator named."""
    limited: bool = False
    """Whether the operator named accounts or organizational units, so that ``to_read`` may not be all."""
    thorough: bool = True
    """Whether the settings of recorders and the delivery channels were read everywhere."""
    cut_short: str = ""
    """Why not all was read: "interrupted" or "credentials expired"; else empty. What is missing was not read."""
    seen_at: datetime | None = None
    """When the file of --from or --resume was made, from which a part of this comes; None without one."""
    not_reached_elsewhere: frozenset[str] = frozenset()
    """Accounts in which the run of another account that made this file could assume no role either."""

    @property
    def pairs(self) -> int:
        """How many times an account is read in a region, if all are."""
        return len(self.to_read) * len(self.regions)

    @property
    def seen(self) -> int:
        """How many accounts were read in all regions."""
        read = Counter(each.account for each in self.account_regions)
        return sum(number == len(self.regions) for number in read.values())

    @property
    def management_account(self) -> str | None:
        """The management account's id, if it is known."""
        return self.organization.management_account if isinstance(self.organization, Organization) else None

    @property
    def aggregated_accounts(self) -> Mapping[str, int] | Unknown:
        """How many recorded resources the aggregator counts, by account; empty if it was not asked."""
        if isinstance(self.aggregator, Aggregator):
            return self.aggregator.resources
        return self.aggregator or {}

    @property
    def in_management_account(self) -> bool:
        """Whether the caller is known to be the management account."""
        return self.management_account == self.caller.account

    @property
    def hub_is_management_account(self) -> bool:
        """Whether the hub is known to be the management account."""
        return self.management_account == self.hub

    @property
    def probable_hub(self) -> str | None:
        """The account that is prepared as hub, if the management account is the hub only because none was named."""
        if self.hub_is_named or not self.hub_is_management_account:
            return None
        if isinstance(self.administrators, frozenset) and len(self.administrators) == 1:
            return next(iter(self.administrators))
        return self.control_tower.audit_account if isinstance(self.control_tower, ControlTower) else None
