"""The evaluations of the rule that an aggregator has.

https://docs.aws.amazon.com/config/latest/APIReference/API_GetAggregateComplianceDetailsByConfigRule.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from ecr_exposure.cli.aggregated_data import PAGE, rules_with_results
from ecr_exposure.cli.aggregators import REPOSITORY, AggregatorPlace
from ecr_exposure.cli.aws_calls import NotAwsError, entries, printable, required
from ecr_exposure.cli.policy_report.checked_policy import RecordedEvaluation
from ecr_exposure.verdict import Compliance

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_config import ConfigServiceClient


class RulePlace(NamedTuple):
    """A rule with results in one account and Region."""

    account: str
    region: str
    rule: str


class EvaluatedRepository(NamedTuple):
    """An evaluation, and the repository that it is about."""

    account: str
    region: str
    name: str
    evaluation: RecordedEvaluation


def read_rule_places(client: "ConfigServiceClient", aggregator: AggregatorPlace, rule: str) -> list[RulePlace]:
    """Return where a rule has results, by its own name or the longer one that AWS Config makes of it in each account.

    AWS Config appends characters without a hyphen to the name of an organization rule and of a rule in a conformance
    pack.
    """
    name = re.escape(rule)
    names = re.compile(rf"{name}|OrgConfigRule-{name}-[^-]+|{name}-conformance-pack-[^-]+")
    found = rules_with_results(client, aggregator, {})
    return sorted({RulePlace(*each) for each in found if names.fullmatch(each[2])})


def read_evaluations(
    client: "ConfigServiceClient", aggregator: AggregatorPlace, place: RulePlace
) -> Iterator[EvaluatedRepository]:
    """Yield the evaluations of a rule in one account and Region; raises NotAwsError for a result of another form."""
    pages = client.get_paginator("get_aggregate_compliance_details_by_config_rule").paginate(
        ConfigurationAggregatorName=aggregator.name,
        ConfigRuleName=place.rule,
        AccountId=place.account,
        AwsRegion=place.region,
        PaginationConfig={"PageSize": PAGE},
    )
    for each in entries(pages, lambda page: page["AggregateEvaluationResults"]):
        qualifier = required(each, lambda found: found["EvaluationResultIdentifier"]["EvaluationResultQualifier"])
        if required(qualifier, lambda found: found["ResourceType"]) == REPOSITORY:
            name = required(qualifier, lambda found: found["ResourceId"])
            yield EvaluatedRepository(place.account, place.region, name, _evaluation(each, place.rule, name))


def _evaluation(result: Mapping[str, Any], rule: str, name: str) -> RecordedEvaluation:
    compliance = result.get("ComplianceType")
    if compliance not in get_args(Compliance):
        raise NotAwsError(f"the result of {printable(name)} is {compliance!r:.40}, not COMPLIANT or NON_COMPLIANT")
    times = (result.get("ConfigRuleInvokedTime"), result.get("ResultRecordedTime"))
    evaluated: datetime | None = max((time for time in times if time), default=None)
    if evaluated is None:
        raise NotAwsError(f"the result of {printable(name)} has no time")
    return RecordedEvaluation(
        rule=rule,
        compliance=compliance,  # type: ignore[arg-type]  # one of them
        annotation=printable(result.get("Annotation") or ""),
        evaluated=evaluated,
    )
