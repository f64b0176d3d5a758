"""API operations of AWS Config about recorded repositories and about results that aggregators have.

moto 5.2.5 has aggregators but nothing in them, and counts no resources. Here an aggregator has what its Regions and
accounts have: repositories that ``Recorder`` recorded, and results of the rules in ``ConfigStore``. AWS copies them
with a delay, which this does not do.
https://docs.aws.amazon.com/config/latest/developerguide/aggregate-data.html
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from moto.config.models import config_backends
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError

from tests.local_aws.config_store import Evaluation, Rule
from tests.local_aws.organization import LocalOrganization
from tests.local_aws.recorder import RESOURCE_TYPE

_ALL_COUNTED: Final = (None, RESOURCE_TYPE)
_AGGREGATED: Final = ("COMPLIANT", "NON_COMPLIANT")
# AWS Config runs every SELECT; this stand-in only that for repositories, with or without Regions and accounts.
_REPOSITORIES: Final = re.compile(
    r"SELECT (?P<fields>[A-Za-z, ]+) WHERE resourceType = 'AWS::ECR::Repository'"
    r"(?: AND awsRegion (?:= |IN \()(?P<regions>[a-z0-9', -]+)\)?)?"
    r"(?: AND accountId IN \((?P<accounts>[0-9', ]+)\))?"
)


@dataclass(slots=True, kw_only=True)
class AggregatedData:
    """What the operations return besides; a test may change it at any time."""

    organization: LocalOrganization
    page: int = 100
    """The largest page of all lists."""
    empty_first_page: bool = False
    """Whether GetAggregateComplianceDetailsByConfigRule begins with an empty page, as AWS documents."""
    sources: list[dict[str, Any]] = field(default_factory=list)
    """AggregatedSourceStatus, besides the organization's, which succeeded."""
    is_new: bool = False
    """Whether no source was read yet, so that the organization has no status either."""
    filters: dict[str, Any] = field(default_factory=dict)
    """AggregatorFilters of every aggregator."""
    unlisted: set[str] = field(default_factory=set)
    """Repositories that are counted, but that queries do not return."""

    def has(self, covers: Callable[[str, str], bool], account: str, region: str) -> bool:
        """Return whether an aggregator that covers this has data of an account and Region."""
        return account in self.organization.accounts and covers(account, region)


@contextmanager
def aggregated_data(organization: LocalOrganization, *, page: int = 100) -> Iterator[AggregatedData]:
    """Add the operations to moto inside the with block."""
    data = AggregatedData(organization=organization, page=page)
    with ExitStack() as stack:
        for name, replacement in (
            ("describe_configuration_aggregators", _aggregators(data)),
            ("describe_configuration_aggregator_sources_status", _sources(data)),
            ("get_aggregate_discovered_resource_counts", _aggregate_counts(data)),
            ("describe_aggregate_compliance_by_config_rules", _rules(data)),
            ("get_aggregate_compliance_details_by_config_rule", _details(data)),
            ("select_aggregate_resource_config", _select(data)),
            ("list_discovered_resources", _own_repositories(data)),
        ):
            stack.enter_context(patch.object(ConfigResponse, name, replacement, create=True))
        yield data


def _aggregators(data: AggregatedData) -> Callable[..., str]:
    """DescribeConfigurationAggregators, with filters."""

    def describe_configuration_aggregators(self: ConfigResponse) -> str:
        aggregators = config_backends[self.current_account][self.region].config_aggregators
        filters = {"AggregatorFilters": data.filters} if data.filters else {}
        return _page(
            self, data.page, "ConfigurationAggregators", [each.to_dict() | filters for each in aggregators.values()]
        )

    return describe_configuration_aggregators


def _sources(data: AggregatedData) -> Callable[..., str]:
    """DescribeConfigurationAggregatorSourcesStatus, by UpdateStatus."""

    def describe_configuration_aggregator_sources_status(self: ConfigResponse) -> str:
        _coverage(self)
        wanted = self._get_param("UpdateStatus")
        organization = {"SourceId": "o-exampleorg1", "SourceType": "ORGANIZATION", "LastUpdateStatus": "SUCCEEDED"}
        sources = [*([] if data.is_new else [organization]), *data.sources]
        rows = [each for each in sources if not wanted or each["LastUpdateStatus"] in wanted]
        return _page(self, data.page, "AggregatedSourceStatusList", rows)

    return describe_configuration_aggregator_sources_status


def _aggregate_counts(data: AggregatedData) -> Callable[..., str]:
    """GetAggregateDiscoveredResourceCounts, with filters, by account."""

    def get_aggregate_discovered_resource_counts(self: ConfigResponse) -> str:
        covers = _coverage(self)
        filters: Mapping[str, str] = self._get_param("Filters") or {}
        if filters.get("ResourceType") not in _ALL_COUNTED or self._get_param("GroupByKey") != "ACCOUNT_ID":
            raise AssertionError("only repositories by account are counted here")
        counts: dict[str, int] = {}
        for account, region, _ in data.organization.recorder.recorded():
            wanted = filters.get("Region", region) == region and filters.get("AccountId", account) == account
            if wanted and data.has(covers, account, region):
                counts[account] = counts.get(account, 0) + 1
        rows = [{"GroupName": account, "ResourceCount": count} for account, count in counts.items()]
        total = {"TotalDiscoveredResources": sum(counts.values()), "GroupByKey": "ACCOUNT_ID"}
        return json.dumps(json.loads(_page(self, data.page, "GroupedResourceCounts", rows)) | total)

    return get_aggregate_discovered_resource_counts


def _own_repositories(data: AggregatedData) -> Callable[..., str]:
    """ListDiscoveredResources of repositories."""

    def list_discovered_resources(self: ConfigResponse) -> str:
        if self._get_param("resourceType") != RESOURCE_TYPE:
            raise AssertionError("only repositories are listed here")
        own = (self.current_account, self.region)
        names = [name for *place, name in data.organization.recorder.recorded() if tuple(place) == own]
        rows = [{"resourceType": RESOURCE_TYPE, "resourceId": name, "resourceName": name} for name in names]
        size, start = data.page, int(self._get_param("nextToken") or 0)
        following = {"nextToken": str(start + size)} if start + size < len(rows) else {}
        return json.dumps({"resourceIdentifiers": rows[start : start + size]} | following)

    return list_discovered_resources


def _details(data: AggregatedData) -> Callable[..., str]:
    """GetAggregateComplianceDetailsByConfigRule."""

    def get_aggregate_compliance_details_by_config_rule(self: ConfigResponse) -> str:
        covers = _coverage(self)
        account, region = self._get_param("AccountId"), self._get_param("AwsRegion")
        name = self._get_param("ConfigRuleName")
        if data.empty_first_page and not self._get_param("NextToken"):
            return json.dumps({"AggregateEvaluationResults": [], "NextToken": "0"})
        store = data.organization.config_store
        found = [rule for rule in store.rules if (rule.account, rule.region, rule.name) == (account, region, name)]
        rows = [_result(rule, row) for rule in found for row in store.evaluations(rule)]
        aggregated = [row for row in rows if row["ComplianceType"] in _AGGREGATED and data.has(covers, account, region)]
        return _page(self, data.page, "AggregateEvaluationResults", aggregated)

    return get_aggregate_compliance_details_by_config_rule


def _result(rule: Rule, row: Evaluation) -> dict[str, Any]:
    qualifier = {"ConfigRuleName": rule.name, "ResourceType": row.resource_type, "ResourceId": row.resource_id}
    return {
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": qualifier,
            "OrderingTimestamp": row.ordering_timestamp.timestamp(),
        },
        "ComplianceType": row.compliance,
        "ResultRecordedTime": row.recorded_at.timestamp(),
        "ConfigRuleInvokedTime": row.recorded_at.timestamp(),
        "AccountId": rule.account,
        "AwsRegion": rule.region,
    } | ({"Annotation": row.annotation} if row.annotation else {})


def _select(data: AggregatedData) -> Callable[..., str]:
    """SelectAggregateResourceConfig: the repositories of a Region."""

    def select_aggregate_resource_config(self: ConfigResponse) -> str:
        covers = _coverage(self)
        query = _REPOSITORIES.fullmatch(self._get_param("Expression"))
        if query is None:
            raise AssertionError(f"this expression is not known here: {self._get_param('Expression')}")
        fields = query["fields"].split(", ")
        wanted = re.findall(r"[0-9]{12}", query["accounts"] or "")
        regions = re.findall(r"[a-z0-9-]+", query["regions"] or "")
        rows = [
            json.dumps(_row(data, fields, account, region, name))
            for account, region, name in data.organization.recorder.recorded()
            if region in (regions or [region])
            and account in (wanted or [account])
            and data.has(covers, account, region)
            and name not in data.unlisted
        ]
        return _page(self, data.page, "Results", rows)

    return select_aggregate_resource_config


def _row(data: AggregatedData, fields: Sequence[str], account: str, region: str, name: str) -> dict[str, Any]:
    """Return the fields of a result; a query lists tags in another form than a configuration item.

    https://docs.aws.amazon.com/config/latest/developerguide/example-query.html
    """
    values: dict[str, Any] = {"accountId": account, "awsRegion": region, "resourceId": name}
    if "configuration" in fields:
        item = data.organization.recorder.history(account, region, name)[0].as_event()
        values["configuration"] = item["configuration"]
        values["tags"] = [{"tag": f"{key}={value}", "key": key, "value": value} for key, value in item["tags"].items()]
    return {field: values[field] for field in fields}


def _rules(data: AggregatedData) -> Callable[..., str]:
    """DescribeAggregateComplianceByConfigRules of a Region, with or without an account: the rules with results."""

    def describe_aggregate_compliance_by_config_rules(self: ConfigResponse) -> str:
        covers = _coverage(self)
        filters: Mapping[str, str] = self._get_param("Filters") or {}
        store = data.organization.config_store
        rows = [
            {"AccountId": rule.account, "AwsRegion": rule.region, "ConfigRuleName": rule.name}
            for rule in store.rules
            if rule.region == filters.get("AwsRegion", rule.region)
            and rule.account == filters.get("AccountId", rule.account)
            and data.has(covers, rule.account, rule.region)
            and any(row.compliance in _AGGREGATED for row in store.evaluations(rule))
        ]
        return _page(self, data.page, "AggregateComplianceByConfigRules", rows)

    return describe_aggregate_compliance_by_config_rules


def _coverage(response: ConfigResponse) -> Callable[[str, str], bool]:
    """Return whether the requested aggregator covers an account and Region."""
    aggregators = config_backends[response.current_account][response.region].config_aggregators
    name = response._get_param("ConfigurationAggregatorName")  # noqa: SLF001 - moto's own methods use it
    if name not in aggregators:
        raise JsonRESTError("NoSuchConfigurationAggregatorException", f"The aggregator {name} does not exist")
    described: Mapping[str, Any] = aggregators[name].to_dict()
    organization = described.get("OrganizationAggregationSource")
    source: Mapping[str, Any] = organization or described["AccountAggregationSources"][0]
    accounts = None if organization else source["AccountIds"]

    def covers(account: str, region: str) -> bool:
        has_region = bool(source.get("AllAwsRegions")) or region in (source.get("AwsRegions") or ())
        return has_region and (accounts is None or account in accounts)

    return covers


def _page(response: ConfigResponse, size: int, key: str, rows: Sequence[Any]) -> str:
    """Return a page of a list; a Limit above the size has no effect."""
    size = min(size, int(response._get_param("Limit") or size))  # noqa: SLF001 - moto's own methods use it
    start = int(response._get_param("NextToken") or 0)  # noqa: SLF001
    following = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return json.dumps({key: rows[start : start + size]} | following)
