"""A deployed stack with its rule in a local organization, and a clock that moves only where ``verify`` sleeps."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import MappingProxyType
from typing import Any, Final

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.moto_stack_services import StackServices, stack_services
from tests.local_aws.organization import HUB, LocalOrganization

HOME: Final = "eu-west-1"
RULE: Final = "ecr-repository-no-public-access"
ROLE: Final = "EcrExposureEvaluation"
FUNCTION: Final = "verify-RuleFunction-1A2B3C"
LOG: Final = "verify-RuleLogGroup-1A2B3C"
PACK, ORGANIZATION_RULE, ACCOUNT_RULE = "organization-conformance-pack", "organization-rule", "account-rule"
NAMES: Final = {
    PACK: f"{RULE}-conformance-pack-abc12xyz9",
    ORGANIZATION_RULE: f"OrgConfigRule-{RULE}-abcd1234",
    ACCOUNT_RULE: RULE,
}
MEMBER_NAMES: Final = {
    PACK: f"{RULE}-conformance-pack-mem12xyz9",
    ORGANIZATION_RULE: f"OrgConfigRule-{RULE}-mem12345",
    ACCOUNT_RULE: RULE,
}
"""A rule has another name in each account."""
REQUIRES_ORGANIZATION: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "config.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
}
_READS: Final = ("Describe", "Get", "List", "Filter")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class LocalClock(Clock):
    """Time passes only in ``sleep``; during it AWS Config evaluates what changed in one account."""

    def __init__(self, organization: LocalOrganization, config: ConfigService, account: str, region: str) -> None:
        """Start at 0."""
        self.organization, self.config, self.account, self.region = organization, config, account, region
        self.seconds = 0.0
        self.started = datetime.now(UTC)
        self.during_sleeps: list[Callable[[], None]] = []
        """What happens in each sleep, one after the other."""
        self.evaluates = True
        self._known: dict[str, str | None] = {}

    def now(self) -> float:
        return self.seconds

    def today(self) -> datetime:
        return self.started + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10
        self.seconds += seconds
        if self.during_sleeps:
            self.during_sleeps.pop(0)()
        if self.evaluates:
            self.evaluate_changes()

    def evaluate_changes(self) -> None:
        for name in self.organization.repositories(self.account, self.region):
            policy = policy_of(self.organization, name, self.region, self.account)
            if name not in self._known or self._known[name] != policy:
                self._known[name] = policy
                with redirect_stdout(StringIO()):  # rdklib prints
                    self.config.deliver_change(self.account, self.region, name)


class DeployedRule:
    """A stack that is deployed in the hub, and one run of ``verify`` after the other."""

    def __init__(
        self,
        organization: LocalOrganization,
        config: ConfigService,
        services: StackServices,
        account: str,
        region: str,
    ) -> None:
        """Take what is deployed; the rule is checked in this account."""
        self.organization, self.config, self.account, self.region = organization, config, account, region
        self.services = services
        self.clock = LocalClock(organization, config, account, region)

    def verify(self, *arguments: str, stack: str = "verify") -> tuple[int, str]:
        """Run the command; return the exit code and all that it printed.

        NAME stands for the repository, TIME UTC for a time of today.
        """
        self.organization.calls.clear()
        with redirect_stdout(StringIO()) as output, redirect_stderr(output):
            status = main(("verify", stack, *arguments), Environment(clock=self.clock))
        return status, readable(output.getvalue())

    def document(self, *arguments: str) -> tuple[int, Any]:
        """Run the command with --json; return the exit code and the document."""
        with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()):
            status = main(("verify", "verify", "--json", *arguments), Environment(clock=self.clock))
        return status, json.loads(output.getvalue())

    def repositories(self) -> tuple[str, ...]:
        """Return the repositories that exist."""
        return self.organization.repositories(self.account, self.region)

    def changes(self) -> list[str]:
        """Return the operations that were not reads, in order."""
        return [call.operation for call in self.organization.calls if not call.operation.startswith(_READS)]


def readable(output: str) -> str:
    """Return what was printed without what differs from run to run."""
    named = re.sub(r"ecr-exposure-verify-[0-9a-f]{12}", "NAME", output)
    return re.sub(r"\d\d:\d\d:\d\d UTC", "TIME UTC", named)


@contextmanager
def deployed(  # noqa: PLR0913 - each argument is one fact about the deployment
    deployed_as: str = PACK,
    *,
    rules: tuple[str, ...] | None = None,
    outputs: Mapping[str, str] = _NONE,
    parameters: Mapping[str, str] = _NONE,
    region: str = HOME,
    member: str | None = None,
    stack_parameters: Mapping[str, str] = _NONE,
) -> Iterator[DeployedRule]:
    """Deploy function, rule and stack; an empty output is omitted. With a member, its rule is the one to check."""
    environment = {"ASSUME_ROLE_MODE": "false"}
    if deployed_as != ACCOUNT_RULE:
        environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true"}
    with ExitStack() as stack:
        role = None if member else ROLE  # an operator assumes another role in a member
        organization = stack.enter_context(LocalOrganization(execution_role=role, regions=(region,)))
        services = stack.enter_context(stack_services(organization.config_store))
        config = ConfigService(organization, lambda_handler, environment=environment)
        for name in (NAMES[deployed_as],) if rules is None else rules:
            config.put_rule(HUB, region, name, parameters)
        if member:
            config.put_rule(member, region, MEMBER_NAMES[deployed_as], parameters)
        all_outputs = {"RuleName": RULE, "DeployedAs": deployed_as, "FunctionName": FUNCTION, "LogGroupName": LOG}
        all_outputs |= outputs
        given = {name: value for name, value in all_outputs.items() if value}
        _create_stack(organization, region, given, stack_parameters)
        organization.session(HUB, region).client("logs").create_log_group(logGroupName=LOG)
        yield DeployedRule(organization, config, services, member or HUB, region)


def policy_of(organization: LocalOrganization, name: str, region: str = HOME, account: str = HUB) -> str | None:
    """Return the policy of a repository."""
    policy: str | None = organization._ecr(account, region).repositories[name].policy  # noqa: SLF001 - moto's state
    return policy


def _create_stack(
    organization: LocalOrganization, region: str, outputs: Mapping[str, str], parameters: Mapping[str, str]
) -> None:
    template = {
        "Parameters": {name: {"Type": "String", "Default": value} for name, value in parameters.items()},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client = organization.session(HUB, region).client("cloudformation")
    client.create_stack(StackName="verify", TemplateBody=json.dumps(template))
