"""What an aggregator knows about the repositories of a Region and about the results of the rule.

An aggregator has only COMPLIANT and NON_COMPLIANT results:
https://docs.aws.amazon.com/config/latest/APIReference/API_AggregateEvaluationResult.html
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.cli.aggregators import REPOSITORY, AggregatorPlace
from ecr_exposure.cli.aws_calls import NotAwsError, Unknown, entries, message_text, printable, required
from ecr_exposure.cli.rule_status.evidence import Problems, Recorded, Times

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.literals import AggregatedSourceStatusTypeType
    from mypy_boto3_config.type_defs import ConfigRuleComplianceFiltersTypeDef

_PAGE: Final = 100
_PAGE_OF_RULES: Final = 1000
# An expression has at most 4,096 characters:
# https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
_MOST_NAMED: Final = 100

RuleNames = Mapping[str, frozenset[str]]
"""Account to the names of the rule there, with which it has results."""


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
    for account, name in _select(client, aggregator, query, accounts):
        names.setdefault(account, set()).add(name)
    return {account: Recorded(names=frozenset(found), count=counts.get(account, 0)) for account, found in names.items()}


def _count_repositories(client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    token: dict[str, str] = {}
    while True:  # botocore has no paginator for it
        page = client.get_aggregate_discovered_resource_counts(
            ConfigurationAggregatorName=aggregator.name,
            Filters={"ResourceType": REPOSITORY, "Region": region},
            GroupByKey="ACCOUNT_ID",
            Limit=_PAGE,
            **token,
        )
        required(page, lambda response: response["TotalDiscoveredResources"])
        counts |= {each["GroupName"]: each["ResourceCount"] for each in page.get("GroupedResourceCounts", ())}
        if not page.get("NextToken"):
            return counts
        token = {"NextToken": page["NextToken"]}


def read_rule_names(
    client: "ConfigServiceClient",
    aggregator: AggregatorPlace,
    region: str,
    is_its_rule: Callable[[str], bool],
    accounts: Collection[str],
) -> RuleNames:
    """Return the accounts in which the rule has results, with its names there; all accounts if none are given.

    AWS Config has results also where no recorder runs, which would record them as AWS::Config::ResourceCompliance:
    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeAggregateComplianceByConfigRules.html
    """
    paginator = client.get_paginator("describe_aggregate_compliance_by_config_rules")
    names: dict[str, set[str]] = {}
    for account in sorted(accounts) or [""]:
        filters: ConfigRuleComplianceFiltersTypeDef = {"AwsRegion": region}
        if account:
            filters["AccountId"] = account
        pages = paginator.paginate(
            ConfigurationAggregatorName=aggregator.name, Filters=filters, PaginationConfig={"PageSize": _PAGE_OF_RULES}
        )
        for each in entries(pages, lambda page: page["AggregateComplianceByConfigRules"]):
            found, name = required(each, lambda rule: (rule["AccountId"], rule["ConfigRuleName"]))
            if is_its_rule(name):
                names.setdefault(found, set()).add(name)
    return {account: frozenset(each) for account, each in names.items()}


def _select(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, query: str, accounts: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield account and resource ID of each result; NotAwsError for one that is not as asked for."""
    if 0 < len(accounts) <= _MOST_NAMED:
        listed = ", ".join(f"'{account}'" for account in sorted(accounts))
        query += f" AND accountId IN ({listed})"
    pages = client.get_paginator("select_aggregate_resource_config").paginate(
        ConfigurationAggregatorName=aggregator.name, Expression=query, PaginationConfig={"PageSize": _PAGE}
    )
    for text in entries(pages, lambda page: page["Results"]):
        try:
            row = json.loads(text)
            found = str(row["accountId"]), str(row["resourceId"])
        except (ValueError, KeyError, TypeError):
            problem = "a result of SelectAggregateResourceConfig is not as asked for"
            raise NotAwsError(f"{problem}: {text[:80]}") from None
        yield found


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
            PaginationConfig={"PageSize": _PAGE},
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


def read_sources(client: "ConfigServiceClient", aggregator: AggregatorPlace) -> Callable[[str], Problems] | Unknown:
    """Return a function that returns, for a Region, the accounts from which the aggregator has no current data.

    Unknown for an aggregator that has read no source yet.

    https://docs.aws.amazon.com/config/latest/APIReference/API_AggregatedSourceStatus.html
    """
    paginator = client.get_paginator("describe_configuration_aggregator_sources_status")

    def read(*wanted: "AggregatedSourceStatusTypeType") -> Iterator[Mapping[str, Any]]:
        pages = paginator.paginate(ConfigurationAggregatorName=aggregator.name, UpdateStatus=wanted)
        return entries(pages, lambda page: page["AggregatedSourceStatusList"])

    sources = [each for each in read("FAILED", "OUTDATED") if each.get("LastUpdateStatus") != "SUCCEEDED"]
    if not sources and next(read("SUCCEEDED"), None) is None:
        return Unknown(f"the aggregator {aggregator.name} has read no source yet")

    def problems(region: str) -> Problems:
        here = [each for each in sources if each.get("AwsRegion") in {None, region}]
        whole = [_text(each) for each in here if each.get("SourceType") == "ORGANIZATION"]
        found = {each["SourceId"]: _text(each) for each in here if each.get("SourceType") != "ORGANIZATION"}
        return Problems(found=found, otherwise="; ".join(whole))

    return problems


def _text(source: Mapping[str, Any]) -> str:
    error = ": ".join(message_text(source[key]) for key in ("LastErrorCode", "LastErrorMessage") if source.get(key))
    return f"aggregator source {source.get('LastUpdateStatus')}: {error or 'AWS Config gives no reason'}"
