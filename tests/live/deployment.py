"""What the stack says of itself, and the rule as this account has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from botocore.exceptions import ClientError

from tests.live.clients import Clients, entries
from tests.live.errors import CannotRunError, code_of

_OUTPUTS: Final = ("RuleName", "DeployedAs", "FunctionName", "LogGroupName")
_MOST_NAMED: Final = 5


class DeployedAs(StrEnum):
    """The three shapes of template.yaml."""

    PACK = "organization-conformance-pack"
    ORGANIZATION_RULE = "organization-rule"
    ACCOUNT_RULE = "account-rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One stack of template.yaml."""

    stack: str
    partition: str
    region: str
    account: str
    changed_at: datetime
    """When somebody last made or updated the stack."""
    rule_name: str
    deployed_as: DeployedAs
    function_name: str
    log_group: str
    member_roles: str | None
    """The StackSet; None but in the home region of an organization."""
    deployed_from: str | None

    @property
    def function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.function_name}"

    @property
    def expected_rule(self) -> str:
        """The rule's name here; in the organization shapes AWS Config adds some characters."""
        match self.deployed_as:
            case DeployedAs.PACK:
                return f"{self.rule_name}-conformance-pack-"
            case DeployedAs.ORGANIZATION_RULE:
                return f"OrgConfigRule-{self.rule_name}-"
            case DeployedAs.ACCOUNT_RULE:
                return self.rule_name
            case never:
                assert_never(never)


def read_stack(client: Any, stack: str, needed: Sequence[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return what DescribeStacks tells, and the outputs; raises CannotRunError where it is no stack of ours."""
    try:
        (found,) = client.describe_stacks(StackName=stack).get("Stacks") or [{}]
    except ClientError as error:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
        if code_of(error) != "ValidationError":
            raise
        raise CannotRunError(f"there is no stack {stack!r} in {client.meta.region_name} of this account") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    missing = [name for name in needed if not outputs.get(name)]
    if missing:
        status = found.get("StackStatus")
        raise CannotRunError(f"stack {stack!r} ({status}) has no output {', '.join(missing)}: is it of template.yaml?")
    return found, outputs


def read_deployment(clients: Clients, stack: str) -> Deployment:
    """Return what the stack says of itself; raises CannotRunError where it is none of ours."""
    return _deployment(*read_stack(clients("cloudformation"), stack, _OUTPUTS))


def find_rule(clients: Clients, deployment: Deployment) -> str:
    """Return the name of the one rule of this deployment; raises CannotRunError for none and for several."""
    pages = clients("config").get_paginator("describe_config_rules").paginate()
    # A pack that was just replaced leaves a rule that is on its way out.
    names = sorted(
        rule["ConfigRuleName"]
        for rule in entries(pages, "ConfigRules")
        if not rule.get("ConfigRuleState", "").startswith("DELETING")
    )
    expected = deployment.expected_rule
    if deployment.deployed_as is DeployedAs.ACCOUNT_RULE:
        found = [name for name in names if name == expected]
    else:
        found = [name for name in names if name.startswith(expected)]
        # What AWS Config adds has no hyphen; a longer name of another deployment has one.
        found = [name for name in found if "-" not in name.removeprefix(expected)] or found
    if len(found) == 1:
        name: str = found[0]
        return name
    wanted = f"{expected!r}" if deployment.deployed_as is DeployedAs.ACCOUNT_RULE else f"{expected + '…'!r}"
    place = f"{deployment.account}, {deployment.region}"
    if found:
        raise CannotRunError(f"{len(found)} rules in {place} are called {wanted}: {_listed(found)}")
    close = [name for name in names if deployment.rule_name in name]
    seen = f"similar: {_listed(close)}" if close else f"{len(names)} rules are there, none with this name in its own"
    raise CannotRunError(f"no rule in {place} is called {wanted}; {seen}")


def _deployment(found: Mapping[str, Any], outputs: Mapping[str, str]) -> Deployment:
    _, partition, _, region, account, _ = found["StackId"].split(":", 5)
    try:
        deployed_as = DeployedAs(outputs["DeployedAs"])
    except ValueError:
        accepted = ", ".join(DeployedAs)
        raise CannotRunError(
            f"output DeployedAs: {outputs['DeployedAs']!r} is unknown (accepted: {accepted})"
        ) from None
    return Deployment(
        stack=found["StackName"],
        partition=partition,
        region=region,
        account=account,
        changed_at=found.get("LastUpdatedTime", found["CreationTime"]),
        rule_name=outputs["RuleName"],
        deployed_as=deployed_as,
        function_name=outputs["FunctionName"],
        log_group=outputs["LogGroupName"],
        member_roles=outputs.get("MemberRolesStackSet"),
        deployed_from=outputs.get("DeployedFrom"),
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
