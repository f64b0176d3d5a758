"""The organization aggregators of the hub, and what one of them knows about other accounts.

AWS::Config::ConfigurationRecorder is no resource type of an aggregator, so it cannot list recorders; it counts what
recorders recorded:
https://docs.aws.amazon.com/config/latest/APIReference/API_GetAggregateDiscoveredResourceCounts.html
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationAggregatorSourcesStatus.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from ecr_exposure.cli.aws_calls import Clients, Unknown, attempt, entries, printable, required
from ecr_exposure.cli.organization.inventory import Aggregator
from ecr_exposure.cli.workers import in_regions

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorPlace:
    """An organization aggregator, and which Regions it covers."""

    name: str
    region: str
    covered: frozenset[str]


def organization_aggregators(
    session: boto3.Session, regions: Sequence[str], credentials: Mapping[str, str] | Unknown
) -> tuple[AggregatorPlace, ...] | Unknown:
    """Return the organization aggregators that are in these Regions, with those of the Regions that they cover."""
    return credentials if isinstance(credentials, Unknown) else attempt(lambda: _places(session, regions, credentials))


def _places(
    session: boto3.Session, regions: Sequence[str], credentials: Mapping[str, str]
) -> tuple[AggregatorPlace, ...]:
    def read(region: str) -> list[AggregatorPlace]:
        paginator = Clients(session, region, credentials).config.get_paginator("describe_configuration_aggregators")
        found = []
        for each in entries(paginator.paginate(), lambda page: page["ConfigurationAggregators"]):
            source = each.get("OrganizationAggregationSource")
            if source:
                covered = regions if source.get("AllAwsRegions") else source.get("AwsRegions", ())
                name = each["ConfigurationAggregatorName"]
                found.append(AggregatorPlace(name=name, region=region, covered=frozenset(covered) & frozenset(regions)))
        return found

    return tuple(place for places in in_regions(regions, read).values() for place in places)


def covered_regions(places: Sequence[AggregatorPlace] | Unknown) -> frozenset[str] | Unknown:
    """Return the Regions that any of the aggregators covers."""
    return places if isinstance(places, Unknown) else frozenset[str]().union(*(each.covered for each in places))


def read_aggregator(
    session: boto3.Session, places: Sequence[AggregatorPlace] | Unknown, credentials: Mapping[str, str] | Unknown
) -> Aggregator | Unknown | None:
    """Read the aggregator that covers most of the Regions."""
    if isinstance(places, Unknown):
        return places
    if isinstance(credentials, Unknown):
        return credentials
    if not places:
        return None
    place = max(places, key=lambda each: len(each.covered))
    client = Clients(session, place.region, credentials).config
    return Aggregator(
        resources=attempt(lambda: _resources(client, place.name)),
        failures=attempt(lambda: _failures(client, place.name)),
    )


def _resources(client: "ConfigServiceClient", name: str) -> dict[str, int]:
    """Return how many resources are counted in each account; botocore has no paginator for it."""
    counts: dict[str, int] = {}
    token: dict[str, Any] = {}
    while True:
        page = client.get_aggregate_discovered_resource_counts(
            ConfigurationAggregatorName=name, GroupByKey="ACCOUNT_ID", **token
        )
        required(page, lambda response: response["TotalDiscoveredResources"])
        counts |= {each["GroupName"]: each["ResourceCount"] for each in page.get("GroupedResourceCounts", ())}
        if not page.get("NextToken"):
            return counts
        token = {"NextToken": page["NextToken"]}


def _failures(client: "ConfigServiceClient", name: str) -> dict[str, str]:
    paginator = client.get_paginator("describe_configuration_aggregator_sources_status")
    pages = paginator.paginate(ConfigurationAggregatorName=name)
    sources = entries(pages, lambda page: page["AggregatedSourceStatusList"])
    return {
        f"{source['SourceId']}, {source.get('AwsRegion', 'all Regions')}": printable(
            f"{source['LastErrorCode']}: {source.get('LastErrorMessage', '')}"
        )
        for source in sources
        if source.get("LastErrorCode")
    }
