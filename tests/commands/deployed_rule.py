"""A deployed stack with its rule in a local organization, and a clock that moves only where ``verify`` sleeps."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
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
REQUIRES_ORGANIZATION: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "config.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
}
_READS: Final = ("Describe", "Get", "List", "Filter")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class LocalClock(Clock):
    """Time passes only in ``sleep``; during it AWS Config evaluates what changed."""

    def __init__(self, organization: LocalOrganization, config: ConfigService, region: str) -> None:
        """Start at 0."""
        self.organization, self.config, self.region = organization, config, region
        self.seconds = 0.0
        self.during_sleeps: list[Callable[[], None]] = []
        """What happens in each sleep, one after the other."""
        self.evaluates = True
        self._known: dict[str, str | None] = {}

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10
        self.seconds += seconds
        if self.during_sleeps:
            self.during_sleeps.pop(0)()
        if self.evaluates:
            self.evaluate_changes()

    def evaluate_changes(self) -> None:
        for name in self.organization.repositories(HUB, self.region):
            policy = policy_of(self.organization, name, self.region)
            if name not in self._known or self._known[name] != policy:
                self._known[name] = policy
                with redirect_stdout(StringIO()):  # rdklib prints
                    self.config.deliver_change(HUB, self.region, name)


class DeployedRule:
    """A stack that is deployed in the hub, and one run of ``verify`` after the other."""

    def __init__(
        self, organization: LocalOrganization, config: ConfigService, services: StackServices, region: str
    ) -> None:
        """Take what is deployed."""
        self.organization, self.config, self.region = organization, config, region
        self.services = services
        self.clock = LocalClock(organization, config, region)

    def verify(self, *arguments: str, stack: str = "verify") -> tuple[int, str]:
        """Run the command; return the exit code and all that it printed, NAME for the repository."""
        self.organization.calls.clear()
        with redirect_stdout(StringIO()) as output, redirect_stderr(output):
            status = main(("verify", stack, *arguments), Environment(clock=self.clock))
        return status, re.sub(r"ecr-exposure-verify-[0-9a-f]{12}", "NAME", output.getvalue())

    def repositories(self) -> tuple[str, ...]:
        """Return the repositories that exist."""
        return self.organization.repositories(HUB, self.region)

    def changes(self) -> list[str]:
        """Return the operations that were not reads, in order."""
        return [call.operation for call in self.organization.calls if not call.operation.startswith(_READS)]


@contextmanager
def deployed(
    deployed_as: str = PACK,
    *,
    rules: tuple[str, ...] | None = None,
    outputs: Mapping[str, str] = _NONE,
    region: str = HOME,
) -> Iterator[DeployedRule]:
    """Deploy function, rule and stack; an empty output is omitted."""
    environment = {"ASSUME_ROLE_MODE": "false"}
    if deployed_as != ACCOUNT_RULE:
        environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true"}
    with ExitStack() as stack:
        organization = stack.enter_context(LocalOrganization(execution_role=ROLE, regions=(region,)))
        services = stack.enter_context(stack_services(organization.config_store))
        config = ConfigService(organization, lambda_handler, environment=environment)
        for name in (NAMES[deployed_as],) if rules is None else rules:
            config.put_rule(HUB, region, name)
        all_outputs = {"RuleName": RULE, "DeployedAs": deployed_as, "FunctionName": FUNCTION, "LogGroupName": LOG}
        all_outputs |= outputs
        _create_stack(organization, region, {name: value for name, value in all_outputs.items() if value})
        organization.session(HUB, region).client("logs").create_log_group(logGroupName=LOG)
        yield DeployedRule(organization, config, services, region)


def policy_of(organization: LocalOrganization, name: str, region: str = HOME) -> str | None:
    """Return the policy of a repository in the hub."""
    policy: str | None = organization._ecr(HUB, region).repositories[name].policy  # noqa: SLF001 - moto's state
    return policy


def _create_stack(organization: LocalOrganization, region: str, outputs: Mapping[str, str]) -> None:
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client = organization.session(HUB, region).client("cloudformation")
    client.create_stack(StackName="verify", TemplateBody=json.dumps(template))
