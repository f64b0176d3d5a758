"""API operations of other services about an organization, which `preflight` calls and moto does not emulate.

AWS Account Management: ListRegions. AWS Control Tower, of which moto 5.2.5 has nothing: ListLandingZones,
GetLandingZone; what AWS answers in another Region than the landing zone's is not known here: nothing is listed.
AWS Config: GetAggregateDiscoveredResourceCounts and DescribeConfigurationAggregatorSourcesStatus. IAM: moto's
CreateServiceLinkedRole gives AWS Config's role for organization rules a name that AWS does not.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

import boto3
import moto.account.urls
from moto import backend_index
from moto.account.responses import AccountResponse
from moto.config.models import config_backends
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from tests.local_aws.moto_recording import RecordingServices

_CONTROL_TOWER: Final = r"https?://controltower\.(.+)\.amazonaws\.com"
_MULTI_ACCOUNT: Final = "config-multiaccountsetup.amazonaws.com"


@dataclass(slots=True, kw_only=True)
class LandingZone:
    """A landing zone of AWS Control Tower."""

    account: str
    """The management account."""
    region: str
    """The home Region."""
    manifest: dict[str, Any]

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:controltower:{self.region}:{self.account}:landingzone/1A2B3C4D5E6F7G8H"


@dataclass(slots=True, kw_only=True)
class OrganizationServices:
    """What the services return; a test may change it at any time."""

    page: int
    """The page size of all lists."""
    recording: RecordingServices
    enabled: dict[str, set[str]] = field(default_factory=dict)
    """Opt-in Regions with the accounts that have enabled them; all others are enabled by default."""
    landing_zone: LandingZone | None = None
    resources: dict[str, int] = field(default_factory=dict)
    """How many resources the aggregators count in each account."""
    sources: list[dict[str, str]] = field(default_factory=list)
    """AggregatedSourceStatus of the aggregators."""


def create_multi_account_role(account: str) -> None:
    """Create AWS Config's service-linked role for organization rules, as CreateServiceLinkedRole of AWS does."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": _MULTI_ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
    iam_backends[account]["aws"].create_role(
        role_name="AWSServiceRoleForConfigMultiAccountSetup",
        assume_role_policy_document=json.dumps(trust),
        path=f"/aws-service-role/{_MULTI_ACCOUNT}/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
        linked_service=_MULTI_ACCOUNT,
    )


@contextmanager
def organization_services(page: int, recording: RecordingServices) -> Iterator[OrganizationServices]:
    """Add the operations to moto inside the with block."""
    services = OrganizationServices(page=page, recording=recording)
    control_tower = _control_tower(services)
    with ExitStack() as stack:
        # moto finds a service by its host; Control Tower gets a place among the paths of a service that moto has.
        stack.enter_context(
            patch.object(
                backend_index,
                "backend_url_patterns",
                [("account", re.compile(_CONTROL_TOWER)), *backend_index.backend_url_patterns],
            )
        )
        for path, dispatch in (
            ("{0}/listRegions$", AccountResponse.dispatch),
            (_CONTROL_TOWER + "/list-landingzones$", control_tower.dispatch),
            (_CONTROL_TOWER + "/get-landingzone$", control_tower.dispatch),
        ):
            stack.enter_context(patch.dict(moto.account.urls.url_paths, {path: dispatch}))
        for target, name, replacement in (
            (AccountResponse, "list_regions", _regions(services)),
            (ConfigResponse, "get_aggregate_discovered_resource_counts", _counts(services)),
            (ConfigResponse, "describe_configuration_aggregator_sources_status", _sources(services)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield services


def _regions(services: OrganizationServices) -> Callable[..., str]:
    """ListRegions of the caller's own account."""

    def list_regions(self: AccountResponse) -> str:
        regions = boto3.Session().get_available_regions("ec2", partition_name=get_partition(self.region))
        rows = [{"RegionName": region, "RegionOptStatus": _status(self, region)} for region in regions]
        return _page(self, services.page, "Regions", rows)

    def _status(self: AccountResponse, region: str) -> str:
        enabled = services.enabled.get(region)
        if enabled is None:
            return "ENABLED_BY_DEFAULT"
        return "ENABLED" if self.current_account in enabled else "DISABLED"

    return list_regions


def _control_tower(services: OrganizationServices) -> type[BaseResponse]:
    """AWS Control Tower, which answers the management account."""

    class ControlTowerResponse(BaseResponse):  # type: ignore[misc] # moto has no types here
        def __init__(self) -> None:
            super().__init__(service_name="controltower")

        def list_landing_zones(self) -> str:
            zone = self._zone()
            return json.dumps({"landingZones": [{"arn": zone.arn}] if zone else []})

        def get_landing_zone(self) -> str:
            zone = self._zone()
            if zone is None or self._get_param("landingZoneIdentifier") != zone.arn:
                raise JsonRESTError("ResourceNotFoundException", "there is no such landing zone")
            described = {"arn": zone.arn, "version": "3.3", "status": "ACTIVE", "manifest": zone.manifest}
            return json.dumps({"landingZone": described})

        def _zone(self) -> LandingZone | None:
            zone = services.landing_zone
            return zone if zone and (zone.account, zone.region) == (self.current_account, self.region) else None

    return ControlTowerResponse


def _counts(services: OrganizationServices) -> Callable[..., str]:
    """GetAggregateDiscoveredResourceCounts, by account."""

    def get_aggregate_discovered_resource_counts(self: ConfigResponse) -> str:
        _require_aggregator(self)
        if self._get_param("GroupByKey") != "ACCOUNT_ID":
            raise AssertionError("only counted by account here")
        rows = [{"GroupName": name, "ResourceCount": count} for name, count in services.resources.items()]
        total = {"TotalDiscoveredResources": sum(services.resources.values()), "GroupByKey": "ACCOUNT_ID"}
        return json.dumps(json.loads(_page(self, services.page, "GroupedResourceCounts", rows)) | total)

    return get_aggregate_discovered_resource_counts


def _sources(services: OrganizationServices) -> Callable[..., str]:
    """DescribeConfigurationAggregatorSourcesStatus."""

    def describe_configuration_aggregator_sources_status(self: ConfigResponse) -> str:
        _require_aggregator(self)
        return _page(self, services.page, "AggregatedSourceStatusList", services.sources)

    return describe_configuration_aggregator_sources_status


def _require_aggregator(response: ConfigResponse) -> None:
    aggregators = config_backends[response.current_account][response.region].config_aggregators
    if response._get_param("ConfigurationAggregatorName") not in aggregators:  # noqa: SLF001 - moto's own methods use it
        raise JsonRESTError("NoSuchConfigurationAggregatorException", "There is no such aggregator")


def _page(response: BaseResponse, size: int, key: str, rows: Sequence[Any]) -> str:
    """Return a page of a list, whatever MaxResults says."""
    start = int(response._get_param("NextToken") or 0)  # noqa: SLF001 - moto's own methods use it
    following = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return json.dumps({key: rows[start : start + size]} | following)
