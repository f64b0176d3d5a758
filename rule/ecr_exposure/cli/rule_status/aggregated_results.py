"""What an aggregator knows about the repositories of a Region and about the results of the rule.

An aggregator has only COMPLIANT and NON_COMPLIANT results:
https://docs.aws.amazon.com/config/latest/APIReference/API_AggregateEvaluationResult.html
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.cli.aws_calls import NotAwsError, Unknown, entries, message_text, printable, required
from ecr_exposure.cli.rule_status.aggregator_choice import COMPLIANCE, REPOSITORY
from ecr_exposure.cli.rule_status.evidence import AggregatorPlace, Problems, Times

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

_PAGE: Final = 100
# An expression has at most 4,096 characters:
# https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
_MOST_NAMED: Final = 100

RuleNames = Mapping[str, Mapping[str, frozenset[str]]]
"""Account to the names of the rule there, and each name to the repositories with a result of it."""


def count_repositories(client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str) -> dict[str, int]:
    """Return how many repositories AWS Config has recorded in a Region, by account."""
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
    accounts: Iterable[str],
) -> RuleNames:
    """Return the accounts in which the rule has results, with its names there; all accounts if none are given."""
    expression = (
        "SELECT accountId, configuration.targetResourceId, configuration.configRuleList.configRuleName "
        f"WHERE resourceType = '{COMPLIANCE}' AND configuration.targetResourceType = '{REPOSITORY}' "
        f"AND awsRegion = '{region}'"
    )
    named = sorted(accounts)
    if 0 < len(named) <= _MOST_NAMED:
        listed = ", ".join(f"'{account}'" for account in named)
        expression += f" AND accountId IN ({listed})"

    pages = client.get_paginator("select_aggregate_resource_config").paginate(
        ConfigurationAggregatorName=aggregator.name, Expression=expression, PaginationConfig={"PageSize": _PAGE}
    )
    names: dict[str, dict[str, set[str]]] = {}
    for text in entries(pages, lambda page: page["Results"]):
        account, repository, rules = _compliance(text)
        for rule in filter(is_its_rule, rules):
            names.setdefault(account, {}).setdefault(rule, set()).add(repository)
    return {account: {rule: frozenset(each) for rule, each in rules.items()} for account, rules in names.items()}


def _compliance(text: str) -> tuple[str, str, list[str]]:
    """Return account, repository and rules of one result; NotAwsError for anything else."""
    try:
        row = json.loads(text)
        configuration = row["configuration"]
        rules = [str(each["configRuleName"]) for each in configuration["configRuleList"]]
        return str(row["accountId"]), str(configuration["targetResourceId"]), rules
    except (ValueError, KeyError, TypeError):
        raise NotAwsError(f"a result of SelectAggregateResourceConfig is not as asked for: {text[:80]}") from None


def read_times(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, region: str, account: str, rules: Iterable[str]
) -> dict[str, datetime | None]:
    """Return the repositories with a result of these rules in an account, each with the time of the last one."""
    paginator = client.get_paginator("get_aggregate_compliance_details_by_config_rule")
    results: list[Mapping[str, Any]] = []
    for rule in rules:
        pages = paginator.paginate(
            ConfigurationAggregatorName=aggregator.name,
            ConfigRuleName=rule,
            AccountId=account,
            AwsRegion=region,
            PaginationConfig={"PageSize": _PAGE},
        )
        results += entries(pages, lambda page: page["AggregateEvaluationResults"])
    return newest_times(results)


def newest_times(results: Iterable[Mapping[str, Any]]) -> dict[str, datetime | None]:
    """Return the time of the last evaluation of each repository among AWS Config's evaluation results.

    ConfigRuleInvokedTime is the time when the rule evaluated the resource, ResultRecordedTime when AWS Config recorded
    the result:
    https://docs.aws.amazon.com/config/latest/APIReference/API_EvaluationResult.html
    """
    times: dict[str, datetime | None] = {}
    for result in results:
        repository = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]
        known = (result.get("ConfigRuleInvokedTime"), result.get("ResultRecordedTime"), times.get(repository))
        latest = max((time for time in known if time), default=None)
        if latest is None:
            raise NotAwsError(f"the result of {printable(repository)} has no time")
        times[repository] = latest
    return times


def read_sources(client: "ConfigServiceClient", aggregator: AggregatorPlace) -> Callable[[str], Problems]:
    """Return a function that returns, for a Region, the accounts from which the aggregator has no current data.

    https://docs.aws.amazon.com/config/latest/APIReference/API_AggregatedSourceStatus.html
    """
    paginator = client.get_paginator("describe_configuration_aggregator_sources_status")
    pages = paginator.paginate(ConfigurationAggregatorName=aggregator.name, UpdateStatus=["FAILED", "OUTDATED"])
    sources = [
        each
        for each in entries(pages, lambda page: page["AggregatedSourceStatusList"])
        if each.get("LastUpdateStatus") != "SUCCEEDED"
    ]

    def problems(region: str) -> Problems:
        here = [each for each in sources if each.get("AwsRegion") in {None, region}]
        whole = [_text(each) for each in here if each.get("SourceType") == "ORGANIZATION"]
        found = {each["SourceId"]: _text(each) for each in here if each.get("SourceType") != "ORGANIZATION"}
        return Problems(found=found, otherwise="; ".join(whole))

    return problems


def _text(source: Mapping[str, Any]) -> str:
    error = ": ".join(message_text(source[key]) for key in ("LastErrorCode", "LastErrorMessage") if source.get(key))
    return f"aggregator source {source.get('LastUpdateStatus')}: {error or 'AWS Config gives no reason'}"


def without_times(names: RuleNames) -> dict[str, Times | Unknown]:
    """Return the repositories with a result, by account, for a rule whose results do not become old."""
    return {
        account: dict.fromkeys(repository for each in rules.values() for repository in each)
        for account, rules in names.items()
    }
