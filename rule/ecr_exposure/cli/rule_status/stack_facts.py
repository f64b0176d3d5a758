"""What DescribeStacks says about a stack of template.yaml as far as its status is concerned: outputs and parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.stack import DeployedAs, read_stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_OUTPUTS: Final = ("RuleName", "DeployedAs", "FailedEventsQueueUrl", "LogGroupName")
_DELEGATED: Final = "delegated-administrator"
_PERIODS: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "One_Hour": timedelta(hours=1),
        "Three_Hours": timedelta(hours=3),
        "Six_Hours": timedelta(hours=6),
        "Twelve_Hours": timedelta(hours=12),
        "TwentyFour_Hours": timedelta(hours=24),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFacts:
    """A stack of template.yaml in one Region."""

    name: str
    status: str
    """StackStatus of AWS CloudFormation."""
    account: str
    region: str
    changed_at: datetime
    """When it was last created or updated."""
    deployed_as: DeployedAs
    rule_name: str
    period: timedelta | None
    """MaximumExecutionFrequency; None without periodic evaluations."""
    queue_url: str
    """The queue of failed events."""
    log_group: str
    """The function's log."""
    excluded: Mapping[str, str]
    """The accounts without the rule, with the reason."""
    home_region: str
    """The Region of the StackSet; the stack's own if the parameter is empty."""
    stack_set: str
    """The StackSet that creates the role in the accounts; its name is the same in every Region."""
    in_delegated_administrator: bool
    management_account: str
    """Empty if it is not known."""

    def is_its_rule(self, name: str) -> bool:
        """Return whether a rule of an account of the organization, by its name there, is the one of this stack.

        AWS Config appends characters without a hyphen; the longer name of another stack's rule has one.
        """
        is_pack = self.deployed_as is DeployedAs.PACK
        start = f"{self.rule_name}-conformance-pack-" if is_pack else f"OrgConfigRule-{self.rule_name}-"
        return name.startswith(start) and "-" not in name.removeprefix(start)

    def gets_role_from_stack_set(self, account: str) -> bool:
        """Return whether the StackSet creates the role there.

        The hub's role is in a nested stack. A StackSet never deploys to the management account:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs.html
        """
        return account not in {self.account, self.management_account}


def read_stack_facts(client: "CloudFormationClient", name: str) -> StackFacts:
    """Return the stack of this name or ARN; CannotRunError for no stack, or not of template.yaml."""
    stack, outputs = read_stack(client, name, _OUTPUTS)
    _, _, _, region, account, _ = stack["StackId"].split(":", 5)
    try:
        deployed_as = DeployedAs(outputs["DeployedAs"])
    except ValueError:
        problem = f"output DeployedAs: {outputs['DeployedAs']!r} is unknown"
        raise CannotRunError(f"{problem} (accepted: {', '.join(DeployedAs)})") from None
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", ())}
    delegated = outputs.get("DeployedFrom") == _DELEGATED
    return StackFacts(
        name=stack["StackName"],
        status=stack["StackStatus"],
        account=account,
        region=region,
        changed_at=stack.get("LastUpdatedTime", stack["CreationTime"]),
        deployed_as=deployed_as,
        rule_name=outputs["RuleName"],
        period=_period(values.get("MaximumExecutionFrequency", "TwentyFour_Hours")),
        queue_url=outputs["FailedEventsQueueUrl"],
        log_group=outputs["LogGroupName"],
        excluded=_excluded(values, delegated=delegated),
        home_region=values.get("HomeRegion") or region,
        stack_set=f"{values.get('ExecutionRoleName') or 'EcrExposureEvaluation'}-{account}",
        in_delegated_administrator=delegated,
        management_account=values.get("ManagementAccountId", ""),
    )


def _period(value: str) -> timedelta | None:
    if value == "Off":
        return None
    if value not in _PERIODS:
        accepted = ", ".join((*_PERIODS, "Off"))
        raise CannotRunError(f"parameter MaximumExecutionFrequency: {value!r} is unknown (accepted: {accepted})")
    return _PERIODS[value]


def _excluded(values: Mapping[str, str], *, delegated: bool) -> dict[str, str]:
    found = dict.fromkeys(values.get("ExcludedAccounts", "").split(","), "ExcludedAccounts of the stack")
    if delegated and values.get("IncludeManagementAccount", "false") != "true":
        found |= {values.get("ManagementAccountId", ""): "the management account (IncludeManagementAccount is false)"}
    return {account: reason for account, reason in found.items() if account}
