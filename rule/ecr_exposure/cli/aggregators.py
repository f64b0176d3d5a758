"""The AWS Config aggregators of an account that can have results of repositories.

One that is limited to other resource types, or to the recorders of AWS services, has none:
https://docs.aws.amazon.com/config/latest/APIReference/API_AggregatorFilters.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3

from ecr_exposure.cli.aws_calls import Clients, Unknown, entries
from ecr_exposure.cli.command_line import CannotRunError

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.type_defs import ConfigurationAggregatorTypeDef

REPOSITORY: Final = "AWS::ECR::Repository"
COMPLIANCE: Final = "AWS::Config::ResourceCompliance"


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorPlace:
    """An AWS Config aggregator of the hub account, and what it covers."""

    name: str
    region: str
    """The Region that it is in."""
    regions: frozenset[str] | None
    """The Regions that it covers; None for all."""
    accounts: frozenset[str] | None
    """The accounts that it covers; None for all of the organization."""

    def covers(self, region: str) -> bool:
        """Return whether the aggregator has the results of a Region."""
        return self.regions is None or region in self.regions


def read_aggregators(client: "ConfigServiceClient") -> tuple[AggregatorPlace, ...]:
    """Return the aggregators of one Region that can have results of repositories."""
    pages = client.get_paginator("describe_configuration_aggregators").paginate()
    found = entries(pages, lambda page: page["ConfigurationAggregators"])
    return tuple(place for each in found for place in _places(each, client.meta.region_name))


def find_aggregator(session: boto3.Session, regions: Sequence[str], name: str) -> AggregatorPlace:
    """Return an aggregator of the session's account, by its name, from the first of these Regions that has it.

    Raises CannotRunError if none has, or one of AWS_ERRORS.
    """
    existing: list[str] = []
    for region in regions:
        places = read_aggregators(Clients(session, region).config)
        if found := next((each for each in places if each.name == name), None):
            return found
        existing += [f"{each.name} in {region}" for each in places]
    known = ", ".join(sorted(set(existing))) or "none"
    raise CannotRunError(
        f"no aggregator {name!r} with ECR repositories in {', '.join(regions)} of this account (there: {known}); "
        "--region names the aggregator's Region"
    )


def _places(described: "ConfigurationAggregatorTypeDef", region: str) -> Iterator[AggregatorPlace]:
    filters = described.get("AggregatorFilters", {})
    types = filters.get("ResourceType", {}).get("Value", ())
    if (types and not {REPOSITORY, COMPLIANCE} <= set(types)) or filters.get("ServicePrincipal", {}).get("Value"):
        return
    name = described["ConfigurationAggregatorName"]
    organization = described.get("OrganizationAggregationSource")
    if organization is not None:
        covered = None if organization.get("AllAwsRegions") else frozenset(organization.get("AwsRegions", ()))
        yield AggregatorPlace(name=name, region=region, regions=covered, accounts=None)
    for source in described.get("AccountAggregationSources", ()):
        covered = None if source.get("AllAwsRegions") else frozenset(source.get("AwsRegions", ()))
        yield AggregatorPlace(name=name, region=region, regions=covered, accounts=frozenset(source["AccountIds"]))


def choose_aggregator(
    region: str, found: Mapping[str, Sequence[AggregatorPlace] | Unknown], name: str | None
) -> AggregatorPlace | Unknown:
    """Return the aggregator for the results of a Region, or why there is none.

    ``found`` has the aggregators by the Region that they are in. One of the organization comes before one of named
    accounts, and one in the Region itself before others. With ``name`` only that one is taken.
    """
    places = list(_known(found))
    named = [each for each in places if name in {None, each.name}]
    covering = [each for each in named if each.covers(region)]
    if covering:
        return min(covering, key=lambda each: (each.accounts is not None, each.region != region, each.region))
    unread = [f"{where}: {each.reason}" for where, each in sorted(found.items()) if isinstance(each, Unknown)]
    if unread:
        return Unknown(f"the aggregators could not be listed in {'; '.join(unread)}")
    where = ", ".join(sorted(found))
    if name is not None and not named:
        existing = ", ".join(sorted({each.name for each in places})) or "none"
        return Unknown(f"no aggregator {name!r} with ECR repositories in {where} (this account has: {existing})")
    if not places:
        return Unknown(f"this account has no aggregator in {where}")
    names = ", ".join(sorted({f"{each.name} in {each.region}" for each in named}))
    return Unknown(f"no aggregator covers this Region (found: {names})")


def _known(found: Mapping[str, Sequence[AggregatorPlace] | Unknown]) -> Iterable[AggregatorPlace]:
    for places in found.values():
        if not isinstance(places, Unknown):
            yield from places
