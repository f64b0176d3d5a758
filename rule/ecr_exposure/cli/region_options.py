"""The Regions in which a command acts: the options, the environment, and which of them exist."""

import os
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import boto3
import click

from ecr_exposure import identifiers
from ecr_exposure.cli.aws_calls import Clients, NotAwsError, entries
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.errors import ParameterError

if TYPE_CHECKING:
    from mypy_boto3_account import AccountClient

ENABLED_BY_DEFAULT: Final = "ENABLED_BY_DEFAULT"
ENABLED: Final = frozenset({ENABLED_BY_DEFAULT, "ENABLED"})
ALL_ENABLED: Final = "all-enabled"


def region_name(text: str) -> str:
    """Return a Region's name; raises click.BadParameter for anything else."""
    try:
        return identifiers.region_name("region", text)
    except ParameterError:
        raise click.BadParameter(f"{text!r} is not a Region such as eu-west-1") from None


def session_region(session: boto3.Session, option: str) -> str:
    """Return the configured Region: of AWS_REGION, AWS_DEFAULT_REGION or the profile; CannotRunError without one.

    botocore itself does not read AWS_REGION, as the AWS CLI and the other SDKs do:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    """
    configured: str = os.environ.get("AWS_REGION") or session.region_name or ""
    try:
        region = region_name(configured)
        check_region_names(session, (region,))
    except click.BadParameter as error:
        problem = error.message if configured else "none is configured"
        raise CannotRunError(f"no Region: {problem}; set {option}, AWS_REGION or AWS_DEFAULT_REGION") from None
    return region


def one_region(session: boto3.Session, region: str | None) -> str:
    """Return the Region of ``--region``, or the configured one; raises click.BadParameter for a mistyped one."""
    if region is None:
        return session_region(session, "--region")
    check_region_names(session, (region,), "--region")
    return region


def resolve_regions(session: boto3.Session, regions: Sequence[str]) -> tuple[str, ...]:
    """Return the Regions of ``--regions``, by default the configured one; raises click.BadParameter for a mistyped one.

    ``all-enabled`` are those with AWS Config that the session's account has enabled: by one call of AWS, which
    raises one of AWS_ERRORS.
    """
    if not regions:
        return (session_region(session, "--regions"),)
    if ALL_ENABLED not in regions:
        check_region_names(session, regions)
        return tuple(regions)
    known = _known_regions(session)
    enabled = enabled_regions(Clients(session, session_region(session, "--regions")).account)
    return tuple(region for region in enabled if region in known)


def enabled_regions(client: "AccountClient") -> tuple[str, ...]:
    """Return the Regions that the client's account has enabled, one at least; raises one of AWS_ERRORS.

    One that is newer than boto3 is among them.
    """
    enabled = tuple(region for region, status in region_statuses(client).items() if status in ENABLED)
    if not enabled:
        raise NotAwsError("the response to ListRegions has no enabled Region, so it did not come from AWS")
    return enabled


def check_region_names(session: boto3.Session, regions: Sequence[str], option: str = "--regions") -> None:
    """Raise click.BadParameter for a name that is no Region with AWS Config in any partition, as if mistyped."""
    known = _known_regions(session)
    for region in regions:
        if region not in known:
            similar = get_close_matches(region, known, n=1)
            hint = f"did you mean {similar[0]}?" if similar else "a newer version of boto3 may know it"
            raise click.BadParameter(f"{region!r} is not a Region that boto3 knows; {hint}", param_hint=f"'{option}'")


def region_statuses(client: "AccountClient") -> dict[str, str]:
    """Return whether each Region is enabled in the client's account.

    https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    pages = client.get_paginator("list_regions").paginate()
    regions = entries(pages, lambda page: page["Regions"])
    return {region["RegionName"]: region["RegionOptStatus"] for region in regions}


def _known_regions(session: boto3.Session) -> list[str]:
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("config", partition_name=partition)
    ]


def _region(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Return the Region, or None for an empty text, which means the configured one."""
    return region_name(text) if text else None


def _regions(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the Regions without repetition; none for an empty text, which means the configured one."""
    named = [part.strip() for part in text.split(",")] if text and text.strip() else []
    if ALL_ENABLED in named:
        if len(named) > 1:
            raise click.BadParameter(f"{ALL_ENABLED} already names every Region, so name no other one")
        return (ALL_ENABLED,)
    return tuple(dict.fromkeys(map(region_name, named)))


def _each_region(_context: click.Context, _parameter: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the Regions of a repeatable option, also several in one, without repetition."""
    named = [part.strip() for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(region_name(each) for each in named if each))


def region_option_of(whose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--region`` of a command that acts in one Region; ``whose`` is such as "The stack's"."""
    return click.option(
        "--region", metavar="REGION", callback=_region, help=f"{whose} Region; by default the configured one."
    )


region_option: Final = region_option_of("The stack's")
regions_option: Final = click.option(
    "--regions",
    "--region",
    "regions",
    metavar="REGION,...",
    callback=_regions,
    help=f"The Regions, or {ALL_ENABLED}: those that the account has enabled; by default the configured one.",
)
repeatable_region_option: Final = click.option(
    "--region",
    "regions",
    metavar="REGION",
    multiple=True,
    callback=_each_region,
    help="A Region; repeat it for several. By default the configured one.",
)
all_regions_option: Final = click.option(
    "--all-regions", is_flag=True, help="All Regions that an account has enabled, in place of --region."
)
