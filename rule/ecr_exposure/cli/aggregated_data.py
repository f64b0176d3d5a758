"""What an aggregator has of the organization: the names of rules with results, recorded resources, failed sources.

An aggregator has only COMPLIANT and NON_COMPLIANT results:
https://docs.aws.amazon.com/config/latest/APIReference/API_AggregateEvaluationResult.html
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import NotAwsError, Unknown, entries, message_text, required

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.literals import AggregatedSourceStatusTypeType
    from mypy_boto3_config.type_defs import ConfigRuleComplianceFiltersTypeDef

PAGE: Final = 100
_PAGE_OF_RULES: Final = 1000
# An expression has at most 4,096 characters:
# https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
_MOST_NAMED: Final = 100
_IDENTITY: Final = ("accountId", "awsRegion", "resourceId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """What AWS reports about each account, for example about its stack instance."""

    found: Mapping[str, str]
    """Account to its problem in AWS's words; an empty text means no problem."""
    otherwise: str
    """The problem of each account that AWS does not list; an empty text means no problem."""

    def of(self, account: str) -> str:
        """Return the problem of an account; an empty text means no problem."""
        return self.found.get(account, self.otherwise)


RuleNames = Mapping[str, frozenset[str]]
"""Account to the names of the rule there, with which it has results."""


def rules_with_results(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, filters: "ConfigRuleComplianceFiltersTypeDef"
) -> Iterator[tuple[str, str, str]]:
    """Yield account, Region and name of each rule that has results.

    AWS Config has results also where no recorder runs, which would record them as AWS::Config::ResourceCompliance:
    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeAggregateComplianceByConfigRules.html
    """
    pages = client.get_paginator("describe_aggregate_compliance_by_config_rules").paginate(
        ConfigurationAggregatorName=aggregator.name, Filters=filters, PaginationConfig={"PageSize": _PAGE_OF_RULES}
    )
    for each in entries(pages, lambda page: page["AggregateComplianceByConfigRules"]):
        yield required(each, lambda rule: (rule["AccountId"], rule["AwsRegion"], rule["ConfigRuleName"]))


def read_rule_names(
    client: "ConfigServiceClient",
    aggregator: AggregatorPlace,
    region: str,
    is_its_rule: Callable[[str], bool],
    accounts: Collection[str],
) -> RuleNames:
    """Return the accounts in which the rule has results, with its names there; all accounts if none are given."""
    names: dict[str, set[str]] = {}
    for account in sorted(accounts) or [""]:
        filters: ConfigRuleComplianceFiltersTypeDef = {"AwsRegion": region}
        if account:
            filters["AccountId"] = account
        for found, _, name in rules_with_results(client, aggregator, filters):
            if is_its_rule(name):
                names.setdefault(found, set()).add(name)
    return {account: frozenset(each) for account, each in names.items()}


def select(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, query: str, accounts: Collection[str] = ()
) -> Iterator[Mapping[str, Any]]:
    """Yield each result of a SELECT with a WHERE; of all accounts if none are given.

    Raises NotAwsError for a result that does not say which resource it is about, as far as the query asks for it.
    https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
    """
    if 0 < len(accounts) <= _MOST_NAMED:
        listed = ", ".join(f"'{account}'" for account in sorted(accounts))
        query += f" AND accountId IN ({listed})"
    pages = client.get_paginator("select_aggregate_resource_config").paginate(
        ConfigurationAggregatorName=aggregator.name, Expression=query, PaginationConfig={"PageSize": PAGE}
    )
    asked = [each for each in _IDENTITY if each in query.partition(" WHERE ")[0]]
    for text in entries(pages, lambda page: page["Results"]):
        try:
            row = json.loads(text)
        except (ValueError, TypeError):
            row = None
        if not isinstance(row, Mapping) or not all(row.get(each) and isinstance(row[each], str) for each in asked):
            problem = "a result of SelectAggregateResourceConfig is not as asked for"
            raise NotAwsError(f"{problem}: {str(text)[:80]}")
        yield row


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources from which an aggregator has no current data, as AWS describes them."""

    failed: tuple[Mapping[str, Any], ...]

    @property
    def regions(self) -> frozenset[str]:
        """The Regions that they name."""
        return frozenset(str(each["AwsRegion"]) for each in self.failed if each.get("AwsRegion"))

    def in_region(self, region: str) -> Problems:
        """Return the accounts in a Region from which the aggregator has no current data."""
        here = [each for each in self.failed if each.get("AwsRegion") in {None, region}]
        whole = [_text(each) for each in here if each.get("SourceType") == "ORGANIZATION"]
        found = {str(each.get("SourceId")): _text(each) for each in here if each.get("SourceType") != "ORGANIZATION"}
        return Problems(found=found, otherwise="; ".join(whole))


def read_sources(client: "ConfigServiceClient", aggregator: AggregatorPlace) -> Sources | Unknown:
    """Return the sources from which the aggregator has no current data; Unknown if it has read no source yet.

    https://docs.aws.amazon.com/config/latest/APIReference/API_AggregatedSourceStatus.html
    """
    paginator = client.get_paginator("describe_configuration_aggregator_sources_status")

    def read(*wanted: "AggregatedSourceStatusTypeType") -> Iterator[Mapping[str, Any]]:
        pages = paginator.paginate(ConfigurationAggregatorName=aggregator.name, UpdateStatus=wanted)
        return entries(pages, lambda page: page["AggregatedSourceStatusList"])

    sources = [each for each in read("FAILED", "OUTDATED") if each.get("LastUpdateStatus") != "SUCCEEDED"]
    if not sources and next(read("SUCCEEDED"), None) is None:
        return Unknown(f"the aggregator {aggregator.name} has read no source yet")

    return Sources(tuple(sources))


def _text(source: Mapping[str, Any]) -> str:
    error = ": ".join(message_text(source[key]) for key in ("LastErrorCode", "LastErrorMessage") if source.get(key))
    return f"aggregator source {source.get('LastUpdateStatus')}: {error or 'AWS Config gives no reason'}"
