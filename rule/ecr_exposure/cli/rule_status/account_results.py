"""What AWS Config knows in the stack's own account, for a rule of one account: no aggregator is needed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aggregated_data import Problems
from ecr_exposure.cli.aggregators import REPOSITORY
from ecr_exposure.cli.aws_calls import entries, error_code, message_text, required
from ecr_exposure.cli.rule_status.aggregated_results import newest_times
from ecr_exposure.cli.rule_status.evidence import Recorded, Times

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

_NO_RULE: Final = "NoSuchConfigRuleException"


def read_own_repositories(client: "ConfigServiceClient", account: str) -> dict[str, Recorded]:
    """Return the repositories that AWS Config has recorded in the client's Region, without deleted ones."""
    pages = client.get_paginator("list_discovered_resources").paginate(
        resourceType=REPOSITORY, PaginationConfig={"PageSize": 100}
    )
    found = entries(pages, lambda page: page["resourceIdentifiers"])
    names = frozenset(required(each, lambda identifier: identifier["resourceId"]) for each in found)
    return {account: Recorded(names=names, count=len(names))}


def read_own_times(client: "ConfigServiceClient", account: str, rule: str) -> dict[str, Times]:
    """Return the repositories with a result of the rule, each with the time of the last one; none without the rule."""
    paginator = client.get_paginator("get_compliance_details_by_config_rule")
    pages = paginator.paginate(
        ConfigRuleName=rule, ComplianceTypes=["COMPLIANT", "NON_COMPLIANT"], PaginationConfig={"PageSize": 100}
    )
    try:
        return {account: newest_times(entries(pages, lambda page: page["EvaluationResults"]))}
    except ClientError as error:
        if error_code(error) != _NO_RULE:
            raise
        return {}


def read_own_deployment(client: "ConfigServiceClient", account: str, rule: str) -> Problems:
    """Return what keeps AWS Config from evaluating here: no rule, no recorder, a recorder that is stopped or fails.

    https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorderStatus.html
    """
    found = [problem for problem in (_rule_problem(client, rule), _recorder_problem(client)) if problem]
    return Problems(found={account: "; ".join(found)}, otherwise="")


def _rule_problem(client: "ConfigServiceClient", rule: str) -> str:
    try:
        required(client.get_compliance_details_by_config_rule(ConfigRuleName=rule, Limit=1), _results)
    except ClientError as error:
        if error_code(error) != _NO_RULE:
            raise
        return f"the rule {rule} does not exist"
    return ""


def _results(response: Mapping[str, Any]) -> object:
    return response["EvaluationResults"]


def _recorder_problem(client: "ConfigServiceClient") -> str:
    response = client.describe_configuration_recorder_status()
    recorders = required(response, lambda each: each["ConfigurationRecordersStatus"])
    # A service-linked recorder records for the service that it is linked to alone.
    own = [each for each in recorders if not each.get("servicePrincipal")]
    if not own:
        return "no configuration recorder"
    for recorder in own:
        if not recorder.get("recording"):
            return f"the configuration recorder {recorder['name']} is stopped"
        if recorder.get("lastStatus", "").upper() == "FAILURE":
            error = ": ".join(message_text(str(recorder.get(key))) for key in ("lastErrorCode", "lastErrorMessage"))
            return f"the configuration recorder {recorder['name']} fails: {error}"
    return ""
