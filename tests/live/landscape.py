"""What a look at an organization found, before anything is said about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.live.errors import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose credentials the command runs with."""

    account: str
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organization; its ids may be known where its description is not."""

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
    """The account that administers it; empty where Security Hub names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account in one region."""

    account: str
    region: str
    recorder: Recorder | Unknown | None
    bucket: str | Unknown | None
    """Where Config delivers to; None without a delivery channel."""
    security_hub: SecurityHub | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """All that the command looked at."""

    caller: Caller
    regions: tuple[str, ...]
    role: str
    organization: Organization | Unknown
    root: str | Unknown
    trusted: frozenset[str] | Unknown
    """Service principals with trusted access."""
    delegated: frozenset[str] | Unknown
    """Service principals that the caller's account administers; empty in the management account."""
    accounts: tuple[Account, ...] | Unknown
    places: tuple[Place, ...]
    unreached: Mapping[str, Unknown]
    """Accounts in which the role could not be assumed."""
    aggregated: frozenset[str] | Unknown
    """The looked-at regions that an organization aggregator of the caller's account covers."""

    @property
    def management_account(self) -> str | None:
        """The management account's id, if it is known."""
        return self.organization.management_account if isinstance(self.organization, Organization) else None

    @property
    def in_management_account(self) -> bool:
        """Whether the caller is known to be the management account."""
        return self.management_account == self.caller.account
