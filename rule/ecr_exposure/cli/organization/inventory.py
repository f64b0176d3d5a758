"""The state of an organization as far as the rule needs it. Values only; ``reader`` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The customer managed configuration recorder of an account and region."""

    settings: Mapping[str, Any]
    """As DescribeConfigurationRecorders returns it."""
    recording: bool

    @property
    def name(self) -> str:
        """The recorder's name."""
        return str(self.settings["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityHub:
    """Security Hub in an account and region."""

    enabled: bool
    administrator: str
    """The account that administers it; empty without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRegion:
    """One account in one region."""

    account: str
    region: str
    enabled: bool | Unknown
    """Whether the account has enabled the Region; if False, the fields below are None, because they were not read."""
    recorder: Recorder | Unknown | None
    bucket: str | Unknown | None
    """The delivery channel's bucket; None without a delivery channel."""
    security_hub: SecurityHub | Unknown | None


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
