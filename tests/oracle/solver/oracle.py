"""Decides with a solver whether anybody who should not can get into an ECR repository through its policy.

`open` means that one request exists that some Allow statement matches and no Deny statement does.

`undecided` is the answer where the solver gave up in time, and for four constructs whose encoding is not exact when the
verdict hangs on nothing else: a String operator with a wildcard on the text of an IPv6 address; one on a time or number
with a wildcard that is not at the very end; a variable under a case-insensitive operator that only capitals would tell
apart, or a variable in a pattern with `?` between two `*`; an unknown key that set operators read as several types.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.oracle.solver.caller import Rules
from tests.oracle.solver.naming import named_by
from tests.oracle.solver.pieces import Identity
from tests.oracle.solver.policy import PolicyProblemError, Statement, read_policy
from tests.oracle.solver.readings import OUTSIDER_MAY_BE_IN_THE_OWNERS_ORGANIZATION
from tests.oracle.solver.search import search


def decide(
    policy: str | dict[str, Any] | None,
    *,
    test: str,
    owner: str | None,
    region: str | None = None,
    members: tuple[str, ...] = (),
    trusted_accounts: tuple[str, ...] = (),
    trusted_organizations: tuple[str, ...] = (),
    now: datetime,
    timeout_ms: int = 10000,
) -> str:
    """`open`, `closed`, `problem`, or `undecided` when the solver gave up or the encoding is not exact here."""
    try:
        statements = read_policy(policy)
    except PolicyProblemError:
        return "problem"
    zone = _Zone(owner, members, trusted_accounts, trusted_organizations)
    rules = _rules(statements or (), test, zone, region, now)
    return search(statements or (), rules, timeout_ms)[0]


def witness(
    policy: str | dict[str, Any] | None,
    *,
    test: str,
    owner: str | None,
    region: str | None = None,
    members: tuple[str, ...] = (),
    trusted_accounts: tuple[str, ...] = (),
    trusted_organizations: tuple[str, ...] = (),
    now: datetime,
    timeout_ms: int = 10000,
) -> dict[str, Any] | None:
    """The request that gets in: caller, action, context and the Allow statement; None unless it is open."""
    statements = read_policy(policy) or ()
    zone = _Zone(owner, members, trusted_accounts, trusted_organizations)
    rules = _rules(statements, test, zone, region, now)
    shown = search(statements, rules, timeout_ms)[1]
    return None if shown is None else shown()


@dataclass(frozen=True, slots=True)
class _Zone:
    """Whom the owner of the repository trusts."""

    owner: str | None
    members: tuple[str, ...]
    accounts: tuple[str, ...]
    organizations: tuple[str, ...]


def _rules(statements: tuple[Statement, ...], test: str, zone: _Zone, region: str | None, now: datetime) -> Rules:
    """A stranger is nobody that the policy names; an outsider nobody in the zone, and a trusted network no excuse."""
    moment = math.ceil(now.timestamp())
    if test == "reachable":
        named = named_by(statements, region)
        owner = frozenset({zone.owner} if zone.owner is not None else ())
        named[Identity.ACCOUNT] = named.get(Identity.ACCOUNT, frozenset()) | owner
        return Rules(zone.owner, region, moment, trusts_networks=True, forbidden=named)
    if test != "external":
        raise ValueError(f"{test!r} is neither reachable nor external")
    if zone.owner is None:
        raise ValueError("external needs the owner")
    forbidden = {
        Identity.ACCOUNT: frozenset({zone.owner, *zone.members, *zone.accounts}),
        Identity.ORGANIZATION: frozenset(zone.organizations),
    }
    shares = OUTSIDER_MAY_BE_IN_THE_OWNERS_ORGANIZATION
    return Rules(zone.owner, region, moment, trusts_networks=False, shares_organizations=shares, forbidden=forbidden)
