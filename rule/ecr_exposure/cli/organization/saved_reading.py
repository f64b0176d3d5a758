"""What earlier runs read of the accounts, for ``--from`` and ``--resume``: facts that replace calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, DeliveryChannel, Unread

Pair = tuple[str, str]
"""An account and a Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReading:
    """What files know of the accounts; only what could be read."""

    seen_at: datetime | None = None
    """When the oldest file was made; None without one."""
    pairs: Mapping[Pair, AccountRegion] = field(default_factory=dict)
    boundary: str = ""
    boundaries: Mapping[str, bool] = field(default_factory=dict)
    role_used: Mapping[str, str] = field(default_factory=dict)
    service_linked_role: bool | None = None
    administrators: Mapping[str, str] = field(default_factory=dict)
    """The administrator of Security Hub by Region, empty without one."""
    not_reached: Mapping[str, str] = field(default_factory=dict)
    """Accounts in which a run with credentials of another account could assume no role, with the reason."""

    def knows(self, account: str, region: str, *, everything: bool) -> bool:
        """Return whether all of a pair is known; ``everything``: also settings and delivery channel."""
        pair = self.pairs.get((account, region))
        if pair is None or isinstance(pair.enabled, Unknown) or isinstance(pair.recorder, Unknown):
            return False
        details: list[object] = [pair.channel]
        if isinstance(pair.channel, DeliveryChannel):
            details.append(pair.channel.last_error)
        if pair.recorder:
            details.append(pair.recorder.settings)
        unwanted = (Unknown, Unread) if everything else Unknown
        return pair.enabled is False or not any(isinstance(each, unwanted) for each in details)

    def with_newer(self, other: "SavedReading") -> "SavedReading":
        """Return what both files know; where they differ, what the other one does."""
        same = self.boundary == other.boundary
        dates = [each.seen_at for each in (self, other) if each.seen_at]
        return SavedReading(
            seen_at=min(dates, default=None),
            pairs={**self.pairs, **other.pairs},
            boundary=other.boundary,
            boundaries={**(self.boundaries if same else {}), **other.boundaries},
            role_used={**self.role_used, **other.role_used},
            service_linked_role=self.service_linked_role
            if other.service_linked_role is None
            else other.service_linked_role,
            administrators={**self.administrators, **other.administrators},
            not_reached={**self.not_reached, **other.not_reached},
        )


NOTHING_SAVED: Final = SavedReading()
