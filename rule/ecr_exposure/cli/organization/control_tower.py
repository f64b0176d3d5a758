"""AWS Control Tower: its home Region and its audit account, which usually is the hub.

ListLandingZones is an action of access level List, and for a landing zone from before there were ARNs AWS documents
that it also creates the ARN:
https://docs.aws.amazon.com/controltower/latest/APIReference/API_ListLandingZones.html
The manifest names the audit account:
https://docs.aws.amazon.com/controltower/latest/userguide/lz-api-launch.html
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import boto3

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, attempt, entries, error_text, required
from ecr_exposure.cli.organization.inventory import ControlTower

SERVICE: Final = "controltower.amazonaws.com"


def read_control_tower(
    session: boto3.Session, regions: Sequence[str], trusted: frozenset[str] | Unknown, *, in_management_account: bool
) -> ControlTower | Unknown | None:
    """Read the landing zone; only the management account can, in the home Region."""
    if isinstance(trusted, Unknown):
        return trusted
    if SERVICE not in trusted:
        return None
    if not in_management_account:
        return ControlTower(home_region=None, audit_account=None, reason="only the management account can read them")
    reasons = []
    for region in regions:
        arn = attempt(partial(_landing_zone, session, region))
        if isinstance(arn, Unknown):
            reasons.append(f"{region}: {arn.reason}")
        elif arn:
            return _described(session, arn)
        else:
            reasons.append(f"{region}: no landing zone")
    return ControlTower(home_region=None, audit_account=None, reason="; ".join(reasons))


def _landing_zone(session: boto3.Session, region: str) -> str | None:
    pages = Clients(session, region).control_tower.get_paginator("list_landing_zones").paginate()
    return next((zone["arn"] for zone in entries(pages, lambda page: page["landingZones"]) if "arn" in zone), None)


def _described(session: boto3.Session, arn: str) -> ControlTower:
    """Return the Region of arn:aws:controltower:<home Region>:<account>:landingzone/<id>, and the audit account."""
    home = arn.split(":")[3]
    try:
        response = Clients(session, home).control_tower.get_landing_zone(landingZoneIdentifier=arn)
        manifest = required(response, lambda found: found["landingZone"]["manifest"])
    except AWS_ERRORS as error:
        return ControlTower(home_region=home, audit_account=None, reason=error_text(error))
    roles = manifest.get("securityRoles") or {}
    audit = roles.get("accountId")
    return ControlTower(
        home_region=home, audit_account=audit, reason="" if audit else "the landing zone's manifest names none"
    )
