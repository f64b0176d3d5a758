"""A stack of template.yaml by its outputs, and its rule as this account has it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, NotAwsError, entries, error_code, required
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.errors import ParameterError
from ecr_exposure.parameters import RuleParameters, read_parameters

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_config.type_defs import ConfigRuleOutputTypeDef

_OUTPUTS: Final = ("RuleName", "DeployedAs", "FunctionName", "LogGroupName")
_MOST_NAMED: Final = 5


class DeployedAs(StrEnum):
    """The three shapes of template.yaml."""

    PACK = "organization-conformance-pack"
    ORGANIZATION_RULE = "organization-rule"
    ACCOUNT_RULE = "account-rule"


class NoStackError(CannotRunError):
    """The Region has no stack of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A stack of template.yaml."""

    stack: str
    partition: str
    region: str
    account: str
    changed_at: datetime
    """When the stack was last created or updated."""
    rule_name: str
    deployed_as: DeployedAs
    function_name: str
    log_group: str
    member_roles: str | None
    """The StackSet; None except in the home region of an organization."""
    deployed_from: str | None
    excluded_accounts: frozenset[str]
    """The accounts without the rule."""

    @property
    def function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.function_name}"

    @property
    def expected_rule(self) -> str:
        """The rule's name here; in the organization shapes AWS Config appends some characters."""
        match self.deployed_as:
            case DeployedAs.PACK:
                return f"{self.rule_name}-conformance-pack-"
            case DeployedAs.ORGANIZATION_RULE:
                return f"OrgConfigRule-{self.rule_name}-"
            case DeployedAs.ACCOUNT_RULE:
                return self.rule_name
            case never:
                assert_never(never)


def read_stack(
    client: "CloudFormationClient", name: str, needed: Sequence[str]
) -> tuple["StackTypeDef", Mapping[str, str]]:
    """Return what DescribeStacks returns, and the outputs; CannotRunError for no stack, or not of template.yaml."""
    try:
        stacks = required(client.describe_stacks(StackName=name), lambda response: response["Stacks"])
    except ClientError as error:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
        if error_code(error) != "ValidationError":
            raise
        where = f"{client.meta.region_name} of this account"
        raise NoStackError(f"stack {name!r} does not exist in {where}") from None
    if not stacks:
        raise NotAwsError("the response to DescribeStacks has no stack, so it did not come from AWS")
    stack = stacks[0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    missing = [output for output in needed if not outputs.get(output)]
    if missing:
        problem = f"stack {name!r} ({stack['StackStatus']}) has no output {', '.join(missing)}"
        raise CannotRunError(f"{problem}: was it deployed from template.yaml?")
    return stack, outputs


def read_deployment(clients: Clients, name: str) -> Deployment:
    """Return the stack of this name or ARN; CannotRunError for no stack, or not of template.yaml."""
    stack, outputs = read_stack(clients.cloudformation, name, _OUTPUTS)
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    try:
        deployed_as = DeployedAs(outputs["DeployedAs"])
    except ValueError:
        accepted = ", ".join(DeployedAs)
        raise CannotRunError(
            f"output DeployedAs: {outputs['DeployedAs']!r} is unknown (accepted: {accepted})"
        ) from None
    return Deployment(
        stack=stack["StackName"],
        partition=partition,
        region=region,
        account=account,
        changed_at=stack.get("LastUpdatedTime", stack["CreationTime"]),
        rule_name=outputs["RuleName"],
        deployed_as=deployed_as,
        function_name=outputs["FunctionName"],
        log_group=outputs["LogGroupName"],
        member_roles=outputs.get("MemberRolesStackSet"),
        deployed_from=outputs.get("DeployedFrom"),
        excluded_accounts=_excluded_accounts(stack),
    )


def _excluded_accounts(stack: "StackTypeDef") -> frozenset[str]:
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", ())}
    return frozenset(filter(None, values.get("ExcludedAccounts", "").split(",")))


def find_rule(clients: Clients, deployment: Deployment, account: str | None = None) -> str:
    """Return the name of the deployment's rule; CannotRunError for none and for several.

    account: that of the clients; by default the stack's.
    """
    pages = clients.config.get_paginator("describe_config_rules").paginate()
    # The rule of a conformance pack that was just replaced may still be there, being deleted. Another state, such as
    # DELETING_RESULTS, is that of a rule which stays:
    # https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
    states = {
        str(rule["ConfigRuleName"]): rule.get("ConfigRuleState", "")
        for rule in entries(pages, lambda page: page["ConfigRules"])
    }
    names = sorted(name for name, state in states.items() if state != "DELETING")
    found = _matching(names, deployment)
    if len(found) == 1:
        return found[0]
    exact = deployment.deployed_as is DeployedAs.ACCOUNT_RULE
    wanted = repr(deployment.expected_rule if exact else f"{deployment.expected_rule}…")
    where = f"{account or deployment.account}, {deployment.region}"
    if found:
        raise CannotRunError(f"{len(found)} rules in {where} are named {wanted}: {_listed(found)}")
    deleted = _matching(sorted(set(states) - set(names)), deployment)
    if deleted:
        raise CannotRunError(
            f"no rule in {where} is named {wanted} but {_listed(deleted)}, which AWS Config is deleting"
        )
    close = [name for name in names if deployment.rule_name in name]
    others = f"similar: {_listed(close)}" if close else f"none of the {len(names)} rules there contains this name"
    raise CannotRunError(f"no rule in {where} is named {wanted}; {others}")


def _matching(names: Sequence[str], deployment: Deployment) -> list[str]:
    expected = deployment.expected_rule
    if deployment.deployed_as is DeployedAs.ACCOUNT_RULE:
        return [name for name in names if name == expected]
    found = [name for name in names if name.startswith(expected)]
    # What AWS Config appends has no hyphen; the longer name of another deployment has one.
    return [name for name in found if "-" not in name.removeprefix(expected)] or found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def parameters_of(rule: "ConfigRuleOutputTypeDef") -> RuleParameters:
    """Return the parameters of a rule that AWS Config describes; raises ParameterError.

    The function reads the same parameters:
    https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html (InputParameters)
    """
    text = rule.get("InputParameters") or "{}"
    try:
        return read_parameters(json.loads(text))
    except ValueError as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"InputParameters: {text!r:.80} is not JSON") from None
