"""What an aggregator knows about the repositories of a Region and about the results of the rule.

An aggregator has only COMPLIANT and NON_COMPLIANT results:
https://docs.aws.amazon.com/config/latest/APIReference/API_AggregateEvaluationResult.html
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_exposure.cli.aggregated_data import PAGE, select
from ecr_exposure.cli.aggregators import REPOSITORY, AggregatorPlace
from ecr_exposure.cli.aws_calls import NotAwsError, entries, printable, required
from ecr_exposure.cli.rule_status.evidence import Recorded, Times

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results in one account and Region."""

    times: Times
    rules: tuple[str, ...]
    """The rules that have any: more than one if another rule is named like the stack's."""


def read_repositories(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str, accounts: Collection[str]
) -> dict[str, Recorded]:
    """Return the repositories that AWS Config has recorded in a Region, by account; of all accounts if none are given.

    Names and numbers come from two operations, so that a list that is cut does not hide a repository.
    """
    counts = _count_repositories(client, aggregator, region)
    query = f"SELECT accountId, resourceId WHERE resourceType = '{REPOSITORY}' AND awsRegion = '{region}'"
    names: dict[str, set[str]] = {account: set() for account in counts}
    for row in select(client, aggregator, query, accounts):
        names.setdefault(str(row["accountId"]), set()).add(str(row["resourceId"]))
    return {account: Recorded(names=frozenset(found), count=counts.get(account, 0)) for account, found in names.items()}


def _count_repositories(client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    token: dict[str, str] = {}
    while True:  # botocore has no paginator for it
        page = client.get_aggregate_discovered_resource_counts(
            ConfigurationAggregatorName=aggregator.name,
            Filters={"ResourceType": REPOSITORY, "Region": region},
            GroupByKey="ACCOUNT_ID",
            Limit=PAGE,
            **token,
        )
        required(page, lambda response: response["TotalDiscoveredResources"])
        counts |= {each["GroupName"]: each["ResourceCount"] for each in page.get("GroupedResourceCounts", ())}
        if not page.get("NextToken"):
            return counts
        token = {"NextToken": page["NextToken"]}


def read_results(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str, account: str, rules: Iterable[str]
) -> Results:
    """Return the results of these rules in an account."""
    paginator = client.get_paginator("get_aggregate_compliance_details_by_config_rule")
    results: dict[str, list[Mapping[str, Any]]] = {}
    for rule in sorted(rules):
        pages = paginator.paginate(
            ConfigurationAggregatorName=aggregator.name,
            ConfigRuleName=rule,
            AccountId=account,
            AwsRegion=region,
            PaginationConfig={"PageSize": PAGE},
        )
        results[rule] = list(entries(pages, lambda page: page["AggregateEvaluationResults"]))
    return Results(
        times=newest_times(each for found in results.values() for each in found),
        rules=tuple(rule for rule, found in results.items() if found),
    )


def newest_times(results: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """Return the time of the last evaluation of each repository among AWS Config's evaluation results.

    ConfigRuleInvokedTime is the time when the rule evaluated the resource, ResultRecordedTime when AWS Config recorded
    the result:
    https://docs.aws.amazon.com/config/latest/APIReference/API_EvaluationResult.html
    """
    times: dict[str, datetime] = {}
    for result in results:
        repository = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]
        known = (result.get("ConfigRuleInvokedTime"), result.get("ResultRecordedTime"), times.get(repository))
        latest = max((time for time in known if time), default=None)
        if latest is None:
            raise NotAwsError(f"the result of {printable(repository)} has no time")
        times[repository] = latest
    return times
