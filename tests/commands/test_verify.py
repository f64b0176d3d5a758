"""The live check against a local organization with the real handler: what it sees, says, and leaves behind."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from moto.organizations.models import organizations_backends

from ecr_exposure.handler import lambda_handler
from tests.live import observations
from tests.live.clock import Clock
from tests.live.interrupts import Interrupts
from tests.live.throwaway import OPEN_POLICY, Repository
from tests.live.verify import main
from tests.local_aws.calls import Call
from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.moto_stack_services import StackServices, stack_services
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization

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
ASKS_FOR_ORGANIZATION: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "config.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}},
}
READS: Final = ("Describe", "Get", "List", "Filter")
NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class LocalClock(Clock):
    """Time that passes only where the tool sleeps; meanwhile the local Config notices what changed."""

    def __init__(self, organization: LocalOrganization, config: ConfigService, region: str) -> None:
        """Start at nought."""
        self.organization, self.config, self.region = organization, config, region
        self.seconds = 0.0
        self.wakes: list[Callable[[], None]] = []
        """What happens in each sleep, one after the other."""
        self.evaluates = True
        self._known: dict[str, str | None] = {}

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 10
        self.seconds += seconds
        if self.wakes:
            self.wakes.pop(0)()
        if self.evaluates:
            self.deliver()

    def deliver(self) -> None:
        for name in self.organization.repositories(HUB, self.region):
            policy = self.organization._ecr(HUB, self.region).repositories[name].policy  # noqa: SLF001 - moto's state
            if name not in self._known or self._known[name] != policy:
                self._known[name] = policy
                with redirect_stdout(StringIO()):  # rdklib prints what it thinks
                    self.config.deliver_change(HUB, self.region, name)


class Stand:
    """A deployed stack in the hub, and one run of the tool after the other."""

    def __init__(
        self, organization: LocalOrganization, config: ConfigService, here: StackServices, region: str
    ) -> None:
        """Take what is deployed."""
        self.organization, self.config, self.here, self.region = organization, config, here, region
        self.clock = LocalClock(organization, config, region)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run it; return the exit status and what it said, NAME for the repository."""
        self.organization.calls.clear()
        with redirect_stdout(StringIO()) as out, redirect_stderr(out):
            status = main(("--stack", "verify", *arguments), self.clock)
        return status, re.sub(r"ecr-exposure-verify-[0-9a-f]{12}", "NAME", out.getvalue())

    def left(self) -> tuple[str, ...]:
        """Return the repositories that exist."""
        return self.organization.repositories(HUB, self.region)

    def operations(self) -> list[str]:
        """Return the calls that were not reads, in order."""
        return [call.operation for call in self.organization.calls if not call.operation.startswith(READS)]


@contextmanager
def deployed(
    deployed_as: str = PACK,
    *,
    rules: tuple[str, ...] | None = None,
    outputs: Mapping[str, str] = NONE,
    region: str = HOME,
) -> Iterator[Stand]:
    """Deploy function, rule and stack; an empty output is left out."""
    environment = {"ASSUME_ROLE_MODE": "false"}
    if deployed_as != ACCOUNT_RULE:
        environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true"}
    with ExitStack() as stack:
        organization = stack.enter_context(LocalOrganization(execution_role=ROLE, regions=(region,)))
        here = stack.enter_context(stack_services(organization.config_store))
        config = ConfigService(organization, lambda_handler, environment=environment)
        for name in (NAMES[deployed_as],) if rules is None else rules:
            config.put_rule(HUB, region, name)
        told = {"RuleName": RULE, "DeployedAs": deployed_as, "FunctionName": FUNCTION, "LogGroupName": LOG, **outputs}
        make_stack(organization, region, {name: value for name, value in told.items() if value})
        organization.session(HUB, region).client("logs").create_log_group(logGroupName=LOG)
        yield Stand(organization, config, here, region)


def make_stack(organization: LocalOrganization, region: str, outputs: Mapping[str, str]) -> None:
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client = organization.session(HUB, region).client("cloudformation")
    client.create_stack(StackName="verify", TemplateBody=json.dumps(template))


def raising(number: signal.Signals) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


# The good way

GOOD: Final = """\
[    0 s] Stack verify: ecr-repository-no-public-access as {deployed_as} in account 111122223333, eu-west-1
[    0 s] Rule here: {rule}
[    0 s] Making the empty repository NAME
[    0 s] Everyone may ecr:DescribeRepositories it, and nothing else; waiting for NON_COMPLIANT
[   10 s] {verdict}
[   10 s] Looking for the finding in Security Hub
[   10 s] The finding came after 0 s: severity CRITICAL, FAILED
[   10 s] Deleted its policy; waiting for COMPLIANT
[   20 s] COMPLIANT: The repository has no policy.
[   20 s] Deleted the repository NAME
[   20 s] What AWS does not document, and what this run says about it:
"""
VERDICT: Final = (
    'NON_COMPLIANT: Everyone can discover: statement "Verify" allows ecr:DescribeRepositories to * with no Condition.'
)
VERIFIED: Final = "[   20 s] Verified: NON_COMPLIANT and then COMPLIANT were seen, and nothing was left behind.\n"


@pytest.mark.parametrize("deployed_as", [PACK, ORGANIZATION_RULE, ACCOUNT_RULE])
def test_the_good_way(deployed_as: str) -> None:
    with deployed(deployed_as) as stand:
        stand.here.severity = "CRITICAL"
        status, told = stand.run()
        assert told.startswith(GOOD.format(deployed_as=deployed_as, rule=NAMES[deployed_as], verdict=VERDICT))
        assert told.endswith(VERIFIED)
        assert status == 0
        assert stand.left() == ()
        made = [operation for operation in stand.operations() if operation not in {"AssumeRole", "PutEvaluations"}]
        assert made == ["CreateRepository", "SetRepositoryPolicy", "DeleteRepositoryPolicy", "DeleteRepository"]


def test_every_question_has_an_answer() -> None:
    with deployed(ORGANIZATION_RULE) as stand:
        stand.here.severity = "CRITICAL"
        stand.here.function_policy = {"Statement": [ASKS_FOR_ORGANIZATION]}
        _, told = stand.run()
    said = [line.removeprefix("[   20 s] ") for line in told.splitlines()[11:-1]]
    assert said == [
        "settled yes: Does AWS Config send aws:SourceOrgID when it invokes the function? "
        "no statement lets AWS Config in without it, and an evaluation arrived",
        "settled yes: Do findings of an organization rule (OrgConfigRule-…) reach Security Hub? "
        "the finding was there 0 s after NON_COMPLIANT",
        "settled yes: Does an automation rule's criterion ComplianceStatus FAILED match them? "
        "the finding became CRITICAL, and AWS Config itself sends MEDIUM",
        "not settled here: Does automatic deployment of the role StackSet honour the DIFFERENCE filter and reach "
        "accounts that joined later? this stack holds no role StackSet",
        "settled yes: Does PutEvaluations' answer carry a request id, so that the function accepts it? "
        "an evaluation arrived, and the function did not complain about the answer",
        "not settled here: Is an aws:PrincipalOrgID condition effective for config.amazonaws.com? "
        "this check does not deploy such a permission",
        "not settled here: What does ${AWS::AccountId} mean inside a conformance pack's body? "
        "the pack that is deployed does not use it",
        "not settled here: Does AWS Config evaluate AWS::ECR::Repository proactively? "
        "the rule is detective only, so no proactive evaluation was asked for",
    ]


def test_the_policy_lets_everyone_see_and_do_nothing_else() -> None:
    (statement,) = json.loads(OPEN_POLICY)["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Allow",
        "*",
        "ecr:DescribeRepositories",
    )


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_another_partition(region: str) -> None:
    with deployed(ACCOUNT_RULE, region=region) as stand:
        stand.here.function_policy = {"Statement": [ASKS_FOR_ORGANIZATION]}
        status, told = stand.run("--region", region)
        assert (status, stand.left()) == (0, ())
    assert "settled yes: Does AWS Config send aws:SourceOrgID" in told


def test_a_wrong_verdict_first() -> None:
    """AWS Config may have recorded the repository before its policy."""
    with deployed() as stand:

        def without_policy() -> None:
            (name,) = stand.left()
            stand.organization.set_policy(HUB, HOME, name, None)
            stand.clock.wakes.append(lambda: stand.organization.set_policy(HUB, HOME, name, OPEN_POLICY))

        stand.clock.wakes.append(without_policy)
        status, told = stand.run()
        assert status == 0
    assert "[   10 s] COMPLIANT: The repository has no policy" in told
    assert "[   20 s] NON_COMPLIANT: Everyone can discover" in told


def test_someone_else_closed_it_first() -> None:
    with deployed() as stand:
        stand.here.sends_findings = False
        stand.clock.wakes = [lambda: None, lambda: stand.organization.set_policy(HUB, HOME, stand.left()[0], None)]
        status, told = stand.run()
        assert (status, stand.left()) == (0, ())
    assert "Somebody had deleted its policy already; waiting for COMPLIANT" in told


def test_other_repositories_are_left_alone() -> None:
    with deployed() as stand:
        stand.organization.create_repository(HUB, HOME, "team/app", OPEN_POLICY)
        stand.clock.deliver()
        status, _ = stand.run()
        assert (status, stand.left()) == (0, ("team/app",))
        assert {call.repository for call in stand.organization.calls if call.service == "ecr"} & {"team/app"} == set()


def test_the_evaluation_is_on_a_later_page() -> None:
    with deployed() as stand:
        for number in range(120):
            stand.organization.create_repository(HUB, HOME, f"app-{number:03}")
        stand.clock.deliver()
        status, _ = stand.run()
    assert status == 0


# The end of time


def test_never_evaluated() -> None:
    with deployed() as stand:
        stand.clock.evaluates = False
        status, told = stand.run("--minutes", "2")
        assert (status, stand.left()) == (1, ())
    assert "[  120 s] Deleted the repository NAME" in told
    assert told.endswith(
        "[  120 s] Not verified: not NON_COMPLIANT within 2 minutes; there was no evaluation at all. Is "
        "AWS::ECR::Repository recorded, and continuously? The function's log: aws logs tail verify-RuleLogGroup-1A2B3C "
        "--since 1h --region eu-west-1\n"
    )
    assert (
        "not settled here: Does PutEvaluations' answer carry a request id, so that the function accepts it? no" in told
    )


def test_time_that_passes_while_the_clock_is_read() -> None:
    """The rest of the time is never below nothing."""
    with deployed() as stand:
        stand.clock.evaluates = False

        def now() -> float:
            stand.clock.seconds += 0.75
            return stand.clock.seconds

        stand.clock.now = now  # type: ignore[method-assign]  # time moves
        for minutes in ("1", "1.01", "1.02", "1.03", "1.04", "1.05"):
            assert stand.run("--minutes", minutes)[0] == 1
            assert stand.left() == ()


def test_never_compliant_again() -> None:
    with deployed() as stand:
        stand.here.severity = "CRITICAL"

        def stop() -> None:
            stand.clock.evaluates = False

        stand.clock.wakes = [lambda: None, stop]
        status, told = stand.run("--minutes", "3")
        assert (status, stand.left()) == (1, ())
    assert "[  180 s] Not verified: not COMPLIANT within 3 minutes; last seen was NON_COMPLIANT: Everyone can" in told


@pytest.mark.parametrize(
    ("minutes", "answer"),
    [
        ("30", "settled no: Do findings of a plain rule reach Security Hub? none came in 600 s; AWS says"),
        ("5", "not settled here: Do findings of a plain rule reach Security Hub? none came in 145 s, and 600 s would"),
    ],
)
def test_no_finding_is_an_answer_and_no_failure(minutes: str, answer: str) -> None:
    with deployed(ACCOUNT_RULE) as stand:
        stand.here.sends_findings = False
        status, told = stand.run("--minutes", minutes)
        assert (status, stand.left()) == (0, ())
    assert answer in told


def test_the_automation_rule_is_a_moment_behind() -> None:
    with deployed() as stand:
        stand.clock.wakes = [lambda: None] * 5 + [lambda: setattr(stand.here, "severity", "CRITICAL")]
        status, told = stand.run()
    assert status == 0
    assert "[   60 s] The finding came after 0 s: severity CRITICAL, FAILED" in told


def test_the_finding_stays_medium() -> None:
    with deployed() as stand:
        stand.here.automation_rules = [
            {"RuleName": "another", "RuleStatus": "ENABLED"},
            {"RuleName": RULE, "RuleStatus": "ENABLED"},
        ]
        status, told = stand.run()
    assert status == 0
    assert "[  130 s] The finding came after 0 s: severity MEDIUM, FAILED" in told
    assert "settled no: Does an automation rule's criterion ComplianceStatus FAILED match them? the finding" in told


def test_no_security_hub() -> None:
    with deployed() as stand:
        stand.here.security_hub = False
        status, told = stand.run()
        assert (status, stand.left()) == (0, ())
    assert "[   10 s] No answer about the finding: Security Hub is not enabled here\n" in told
    assert told.count("Security Hub is not enabled here") == 3


# Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("sleeps", [1, 2])
def test_an_interrupt_while_waiting(number: signal.Signals, sleeps: int) -> None:
    with deployed() as stand:
        stand.clock.wakes = [lambda: None] * (sleeps - 1) + [raising(number)]
        before = signal.getsignal(number)
        status, told = stand.run()
        assert (status, stand.left()) == (130, ())
        assert signal.getsignal(number) is before
        assert stand.operations()[-1] == "DeleteRepository"
    assert told.endswith("Deleted the repository NAME\n" + told.splitlines()[-1] + "\n")
    assert told.endswith("Interrupted; nothing was left behind.\n")


@pytest.mark.parametrize(
    ("operation", "made"),
    [("CreateRepository", False), ("SetRepositoryPolicy", True), ("DeleteRepositoryPolicy", True)],
)
def test_an_interrupt_inside_a_call(operation: str, *, made: bool) -> None:
    with deployed() as stand, stand.organization.faults.inject(interrupting("ecr", operation)):
        status, told = stand.run()
        assert (status, stand.left()) == (130, ())
    assert ("Deleted the repository NAME" in told) == made


def test_an_interrupt_where_the_creation_was_processed() -> None:
    """The signal comes between AWS's work and its answer."""
    with deployed() as stand:

        def interrupt(call: Call) -> bool:
            stand.organization.create_repository(HUB, HOME, call.parameters["repositoryName"])
            signal.raise_signal(signal.SIGINT)
            return False

        with stand.organization.faults.inject(Fault("ecr", "CreateRepository", when=interrupt)):
            status, _ = stand.run()
        assert (status, stand.left()) == (130, ())


def test_further_interrupts_do_not_stop_the_deletion() -> None:
    with deployed() as stand, stand.organization.faults.inject(interrupting("ecr", "DeleteRepository")):
        stand.clock.wakes = [raising(signal.SIGINT)]
        status, told = stand.run()
        assert (status, stand.left()) == (130, ())
    assert told.endswith("Interrupted; nothing was left behind.\n")


def test_an_interrupt_in_the_clean_up_at_the_end() -> None:
    with deployed() as stand, stand.organization.faults.inject(interrupting("ecr", "DeleteRepository")):
        status, told = stand.run()
        assert (status, stand.left()) == (130, ())
    assert "settled" not in told


def test_an_interrupt_after_the_clean_up() -> None:
    with deployed() as stand, stand.organization.faults.inject(interrupting("lambda", "GetResourcePolicy")):
        status, _ = stand.run()
        assert (status, stand.left()) == (130, ())


def test_an_interrupt_after_a_clean_up_that_failed() -> None:
    """Nothing more is asked of AWS, so nothing can hide what is left."""
    refused = Fault("ecr", "DeleteRepository", code="AccessDeniedException", message="no", times=None)
    with deployed() as stand, stand.organization.faults.inject(refused):
        with stand.organization.faults.inject(interrupting("lambda", "GetResourcePolicy")) as answering:
            status, told = stand.run()
        assert (status, len(stand.left()), answering.calls) == (1, 1, [])
    assert "nothing was left behind" not in told
    assert "Delete it: aws ecr delete-repository --repository-name NAME" in told.splitlines()[-1]


def test_an_interrupt_before_anything_was_made() -> None:
    with deployed() as stand, stand.organization.faults.inject(interrupting("config", "DescribeConfigRules")):
        status, told = stand.run()
        assert (status, stand.operations()) == (130, [])
    assert told.endswith("Interrupted; nothing was left behind.\n")


def test_an_interrupt_whose_clean_up_fails() -> None:
    refused = Fault("ecr", "DeleteRepository", code="AccessDeniedException", message="no", times=None)
    with deployed() as stand, stand.organization.faults.inject(refused):
        stand.clock.wakes = [raising(signal.SIGTERM)]
        status, told = stand.run()
        assert status == 1
        assert len(stand.left()) == 1
    assert "CLEAN-UP FAILED" in told
    assert "nothing was left behind" not in told


def interrupting(service: str, operation: str) -> Fault:
    """Return a fault that spoils nothing, and interrupts while the call is under way."""

    def interrupt(_call: Call) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    return Fault(service, operation, when=interrupt)


# Errors


@pytest.mark.parametrize(
    ("service", "operation", "status", "told"),
    [
        ("cloudformation", "DescribeStacks", 2, "Not run: AccessDeniedException: no (D"),
        ("config", "DescribeConfigRules", 2, "Not run: AccessDeniedException: no (D"),
        ("ecr", "CreateRepository", 1, "Not verified: AccessDeniedException: no (C"),
        ("ecr", "SetRepositoryPolicy", 1, "Not verified: AccessDeniedException: no (S"),
        ("config", "GetComplianceDetailsByConfigRule", 1, "Not verified: AccessDeniedException: no (G"),
        ("ecr", "DeleteRepositoryPolicy", 1, "Not verified: AccessDeniedException: no (D"),
    ],
)  # fmt: skip
def test_an_error_in_a_step(service: str, operation: str, status: int, told: str) -> None:
    refused = Fault(service, operation, code="AccessDeniedException", message="no", times=None)
    with deployed() as stand, stand.organization.faults.inject(refused):
        got, said = stand.run()
        assert (got, stand.left()) == (status, ())
    assert told in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize("connection", Connection)
def test_a_broken_connection_while_waiting(connection: Connection) -> None:
    broken = Fault("config", "GetComplianceDetailsByConfigRule", connection=connection, times=None)
    with deployed() as stand, stand.organization.faults.inject(broken):
        status, told = stand.run()
        assert (status, stand.left()) == (1, ())
    assert "Not verified: " in told.splitlines()[-1]


STRANGE: Final = ("<html>proxy</html>", "{", "{}", "[]", "null")


@pytest.mark.parametrize(("body", "request_id"), [*((body, False) for body in STRANGE), ("{}", True)])
def test_an_answer_that_is_none(body: str, *, request_id: bool) -> None:
    where = ("config", "GetComplianceDetailsByConfigRule")
    strange = Fault(*where, status=200, body=body, request_id=request_id, times=None)
    with deployed() as stand, stand.organization.faults.inject(strange):
        status, told = stand.run()
        assert (status, stand.left()) == (1, ())
    assert "Not verified: " in told.splitlines()[-1]


REFUSED: Final = json.dumps({"__type": "AccessDeniedException", "message": "no"})


@pytest.mark.parametrize(
    ("service", "operation", "told"),
    [
        (
            "securityhub",
            "GetFindings",
            "reach Security Hub? the findings could not be read: AccessDeniedException: no (G",
        ),
        ("lambda", "GetResourcePolicy", "invokes the function? the function's policy could not be read: Acce"),
        (
            "cloudwatch-logs",
            "FilterLogEvents",
            "accepts it? an evaluation arrived, but the function's log could not be read",
        ),
        ("securityhub", "ListAutomationRules", "the finding stayed MEDIUM, and the automation rules could not be read"),
    ],
)
def test_what_cannot_be_read_stays_open(service: str, operation: str, told: str) -> None:
    refused = Fault(service, operation, status=403, body=REFUSED, times=None)
    with deployed() as stand, stand.organization.faults.inject(refused):
        status, said = stand.run()
        assert (status, stand.left()) == (0, ())
    assert told in said


@pytest.mark.parametrize("body", ["{}", '{"Policy": "{"}'])
def test_a_policy_that_is_none_stays_open(body: str) -> None:
    strange = Fault("lambda", "GetResourcePolicy", status=200, body=body, request_id=True, times=None)
    with deployed() as stand, stand.organization.faults.inject(strange):
        status, said = stand.run()
        assert (status, stand.left()) == (0, ())
    assert "the function's policy could not be read: " in said


@pytest.mark.parametrize(
    ("service", "operation", "status"),
    [
        ("cloudformation", "DescribeStacks", 2),
        ("ecr", "CreateRepository", 1),
        ("ecr", "SetRepositoryPolicy", 1),
        ("ecr", "DeleteRepositoryPolicy", 1),
        ("securityhub", "GetFindings", 0),
        ("lambda", "GetResourcePolicy", 0),
    ],
)
def test_no_success_of_a_stranger_counts(service: str, operation: str, status: int) -> None:
    """Also where AWS sends nothing but that it is done, and where its answer would be XML."""
    strange = Fault(service, operation, status=200, body="<html></html>", times=None)
    with deployed() as stand, stand.organization.faults.inject(strange):
        got, said = stand.run()
        assert (got, stand.left()) == (status, ())
    assert f"{operation} was answered by something that is not AWS" in said


def test_integrations_that_cannot_be_read() -> None:
    refused = Fault("securityhub", "ListEnabledProductsForImport", status=403, body=REFUSED, times=None)
    with deployed() as stand, stand.organization.faults.inject(refused):
        stand.here.sends_findings = False
        _, said = stand.run()
    assert "none came in 600 s, but Security Hub's integrations could not be read: AccessDeniedException: no (" in said


# The creation's answer


def test_a_lost_answer_of_the_creation_is_no_hindrance() -> None:
    lost = Fault("ecr", "CreateRepository", connection=Connection.RESET, processed=True)
    with deployed() as stand, stand.organization.faults.inject(lost) as injected:
        status, _ = stand.run()
        assert (status, stand.left(), len(injected.calls)) == (0, (), 1)


def test_no_answer_of_the_creation_at_all() -> None:
    """Each attempt loses its answer, so nobody says that the repository was made."""
    lost = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None, processed=True)
    with deployed() as stand:
        made: list[Call] = []

        def first(call: Call) -> bool:
            made.append(call)
            return len(made) == 1

        unreachable = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None)
        with (
            stand.organization.faults.inject(unreachable),
            stand.organization.faults.inject(replace(lost, when=first)),
        ):
            status, told = stand.run()
        assert (status, stand.left()) == (1, ())
    assert "Deleted the repository NAME" in told


def test_a_creation_that_comes_about_late() -> None:
    """The first deletion finds nothing, and then the repository is there."""
    broken = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None)
    with deployed() as stand, stand.organization.faults.inject(broken) as injected:

        def late() -> None:
            stand.organization.create_repository(HUB, HOME, injected.calls[0].parameters["repositoryName"])

        stand.clock.wakes.append(late)
        status, told = stand.run()
        assert (status, stand.left()) == (1, ())
    assert "[    5 s] Deleted the repository NAME" in told


def test_a_creation_that_never_comes_about() -> None:
    broken = Fault("ecr", "CreateRepository", connection=Connection.UNREACHABLE, times=None)
    with deployed() as stand, stand.organization.faults.inject(broken):
        status, told = stand.run()
        assert (status, stand.operations().count("DeleteRepository")) == (1, 3)
    assert (
        "There was nothing to delete. Should NAME come about after all: aws ecr delete-repository "
        "--repository-name NAME --registry-id 111122223333 --region eu-west-1 --force\n"
    ) in told


def test_a_refused_creation_deletes_nothing() -> None:
    refused = Fault("ecr", "CreateRepository", code="AccessDeniedException")
    with deployed() as stand, stand.organization.faults.inject(refused):
        status, told = stand.run()
        assert (status, "DeleteRepository" in stand.operations()) == (1, False)
    assert "CLEAN-UP FAILED" not in told


def test_a_refusal_by_a_stranger_says_nothing_of_the_creation() -> None:
    """AWS made the repository, and a proxy spoiled the answer."""
    spoiled = Fault("ecr", "CreateRepository", status=403, body="<html>no</html>", processed=True)
    with deployed() as stand, stand.organization.faults.inject(spoiled):
        status, told = stand.run()
        assert (status, stand.left()) == (1, ())
    assert "Deleted the repository NAME" in told


def test_a_repository_of_that_name_is_someone_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "0123456789ab")
    with deployed() as stand:
        stand.organization.create_repository(HUB, HOME, "ecr-exposure-verify-0123456789ab")
        status, _ = stand.run()
        assert (status, stand.left()) == (1, ("ecr-exposure-verify-0123456789ab",))


def test_only_a_name_of_ours_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed() as stand:
        stand.organization.create_repository(HUB, HOME, "team/app")
        monkeypatch.setattr(Repository, "create", lambda self: setattr(self, "name", "team/app"))
        with pytest.raises(RuntimeError, match="'team/app' is no repository of this check"):
            stand.run()
        assert stand.left() == ("team/app",)


# The clean-up


@pytest.mark.parametrize(
    "fault",
    [
        Fault("ecr", "DeleteRepository", code="AccessDeniedException", message="no", times=None),
        Fault("ecr", "DeleteRepository", connection=Connection.RESET, times=None),
        Fault("ecr", "DeleteRepository", status=500, code="ServerException", times=None),
        *(Fault("ecr", "DeleteRepository", status=200, body=body, times=None) for body in STRANGE),
        Fault("ecr", "DeleteRepository", status=200, body="null", request_id=True, times=None),
        Fault("ecr", "DeleteRepository", status=403, body="[]", times=None),
    ],
    ids=lambda fault: str(fault.body or fault.label),
)
def test_a_clean_up_that_fails(fault: Fault) -> None:
    with deployed() as stand, stand.organization.faults.inject(fault):
        status, told = stand.run()
        assert status == 1
        (name,) = stand.left()
        assert stand.organization._ecr(HUB, HOME).repositories[name].policy is None  # noqa: SLF001 - moto's state
    loud = [line for line in told.splitlines() if "CLEAN-UP FAILED" in line]
    assert len(loud) == 2
    assert loud[-1] == told.splitlines()[-1]
    assert loud[-1].endswith(
        "Delete it: aws ecr delete-repository --repository-name NAME --registry-id 111122223333 --region eu-west-1 "
        "--force"
    )
    assert "Verified" not in told


def test_a_deletion_whose_answer_is_lost() -> None:
    lost = Fault("ecr", "DeleteRepository", connection=Connection.RESET, processed=True)
    with deployed() as stand, stand.organization.faults.inject(lost):
        assert (stand.run()[0], stand.left()) == (0, ())


def test_a_closed_terminal_does_not_stop_the_deletion() -> None:
    class Closed(StringIO):
        def write(self, text: str) -> int:
            if "NON_COMPLIANT:" in text or "Deleted" in text:
                raise OSError("the terminal is gone")
            return super().write(text)

    with deployed() as stand:
        with redirect_stdout(Closed()), pytest.raises(OSError, match="gone"):
            main(("--stack", "verify"), stand.clock)
        assert stand.left() == ()


def test_an_error_of_our_own_deletes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(observations, "finding_of", broken)
    with deployed() as stand:
        with pytest.raises(ZeroDivisionError):
            stand.run()
        assert stand.left() == ()


# What it runs on


def test_a_dry_run_makes_nothing() -> None:
    with deployed() as stand:
        status, told = stand.run("--dry-run", "--minutes", "7.5")
        assert status == 0
        assert {(call.service, call.operation) for call in stand.organization.calls} == {
            ("cloudformation", "DescribeStacks"),
            ("config", "DescribeConfigRules"),
        }
    assert told == (
        "[    0 s] Stack verify: ecr-repository-no-public-access as organization-conformance-pack in account "
        "111122223333, eu-west-1\n"
        "[    0 s] Rule here: ecr-repository-no-public-access-conformance-pack-abc12xyz9\n"
        "[    0 s] Would make an empty repository ecr-exposure-verify-<12 random characters>\n"
        "[    0 s] Would let everyone ecr:DescribeRepositories it, and nothing else\n"
        "[    0 s] Would wait for NON_COMPLIANT (in all, at most 7.5 minutes)\n"
        "[    0 s] Would look for its finding in Security Hub, with severity CRITICAL\n"
        "[    0 s] Would delete its policy and wait for COMPLIANT\n"
        "[    0 s] Would delete the repository, also after an error, at the time limit and on interrupt\n"
        "[    0 s] Would say what this settles of what AWS does not document\n"
        "[    0 s] Dry run: nothing was made.\n"
    )


@pytest.mark.parametrize(
    ("deployed_as", "rules", "told"),
    [
        pytest.param(
            PACK,
            (),
            "no rule in 111122223333, eu-west-1 is called 'ecr-repository-no-public-access-conformance-pack-…'; "
            "0 rules are there, none with this name in its own",
            id="no rule at all",
        ),
        pytest.param(
            PACK,
            (NAMES[ORGANIZATION_RULE],),
            "no rule in 111122223333, eu-west-1 is called 'ecr-repository-no-public-access-conformance-pack-…'; "
            "similar: OrgConfigRule-ecr-repository-no-public-access-abcd1234",
            id="another shape",
        ),
        pytest.param(
            ACCOUNT_RULE,
            (f"{RULE}-2",),
            "no rule in 111122223333, eu-west-1 is called 'ecr-repository-no-public-access'; "
            "similar: ecr-repository-no-public-access-2",
            id="a plain rule matches exactly",
        ),
        pytest.param(
            ORGANIZATION_RULE,
            (f"OrgConfigRule-{RULE}-1", f"OrgConfigRule-{RULE}-2"),
            "2 rules in 111122223333, eu-west-1 are called 'OrgConfigRule-ecr-repository-no-public-access-…': "
            "OrgConfigRule-ecr-repository-no-public-access-1, OrgConfigRule-ecr-repository-no-public-access-2",
            id="several",
        ),
        pytest.param(
            PACK,
            tuple(f"{RULE}-conformance-pack-{number}" for number in range(7)),
            "7 rules in 111122223333, eu-west-1 are called 'ecr-repository-no-public-access-conformance-pack-…': "
            "ecr-repository-no-public-access-conformance-pack-0, ecr-repository-no-public-access-conformance-pack-1, "
            "ecr-repository-no-public-access-conformance-pack-2, ecr-repository-no-public-access-conformance-pack-3, "
            "ecr-repository-no-public-access-conformance-pack-4 and 2 more",
            id="many",
        ),
    ],
)
def test_not_the_one_rule(deployed_as: str, rules: tuple[str, ...], told: str) -> None:
    with deployed(deployed_as, rules=rules) as stand:
        status, said = stand.run()
        assert (status, stand.operations()) == (2, [])
    assert said.splitlines()[-1] == f"Not run: {told}"


def test_the_rule_is_on_a_later_page() -> None:
    others = tuple(f"another-rule-{number}" for number in range(5))
    with deployed(rules=(*others, NAMES[PACK])) as stand:
        stand.here.rules_per_page = 2
        status, told = stand.run("--dry-run")
    assert status == 0
    assert f"Rule here: {NAMES[PACK]}\n" in told


def test_a_longer_name_of_another_deployment() -> None:
    other = "OrgConfigRule-ecr-repository-no-public-access-two-abcd1234"
    with deployed(ORGANIZATION_RULE, rules=(other, NAMES[ORGANIZATION_RULE])) as stand:
        status, told = stand.run("--dry-run")
    assert status == 0
    assert f"Rule here: {NAMES[ORGANIZATION_RULE]}\n" in told


def test_no_stack() -> None:
    with deployed() as stand:
        status, told = stand.run("--stack", "nowhere")
        assert (status, stand.operations()) == (2, [])
    assert told == "Not run: there is no stack 'nowhere' in eu-west-1 of this account\n"


def test_no_name_of_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", ""]) == 2
    assert capsys.readouterr().err == ("Not run: argument --stack: the name is empty (--help shows what is accepted)\n")


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ({"RuleName": ""}, "stack 'verify' (CREATE_COMPLETE) has no output RuleName: is it of template.yaml?"),
        ({"DeployedAs": "", "LogGroupName": ""}, "has no output DeployedAs, LogGroupName: is it of template.yaml?"),
        ({"DeployedAs": "moon"}, "output DeployedAs: 'moon' is unknown (accepted: organization-conformance-pack, "
         "organization-rule, account-rule)"),
    ],
)  # fmt: skip
def test_another_stack(outputs: Mapping[str, str], told: str) -> None:
    with deployed(outputs=outputs) as stand:
        status, said = stand.run()
        assert (status, stand.operations()) == (2, [])
    assert said.startswith("Not run: ")
    assert said.endswith(f"{told}\n")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed() as stand:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        status, told = stand.run()
    assert (status, told) == (2, "Not run: Unable to locate credentials\n")


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed() as stand:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        status, told = stand.run()
    assert status == 2
    assert told == "Not run: no region: there is none; name one by --region or AWS_DEFAULT_REGION\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--stack", "a", "--minutes", "0"], ["--stack", "a", "--minutes", "nan"], ["--stack", "a", "--minutes", "x"],
     ["--stack", "a", "--severity", "HUGE"]],
)  # fmt: skip
def test_a_bad_argument(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("Not run: ")


# Member roles, read over the API


def delegated(later: str = MEMBERS[1]) -> dict[str, str]:
    """Return the outputs of a delegated administrator's home region; let an account join in two hours."""
    backend = organizations_backends[HUB]["aws"]
    for account in backend.accounts:
        hours = 2 if account.id == later else -2
        account.create_time = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
    return {"MemberRolesStackSet": f"{ROLE}-{HUB}", "DeployedFrom": "delegated-administrator"}


@pytest.mark.parametrize(
    ("instances", "told"),
    [
        ({MEMBERS[0]: "CURRENT", MEMBERS[1]: "CURRENT"}, "settled yes: Does automatic deployment of the role StackSet "
         "honour the DIFFERENCE filter and reach accounts that joined later? 777788889999 joined later and has one; "
         "111122223333, which is left out, has none"),
        ({MEMBERS[0]: "CURRENT"}, "settled no: Does automatic deployment of the role StackSet honour the DIFFERENCE "
         "filter and reach accounts that joined later? 777788889999 joined later and has no instance"),
    ],
)  # fmt: skip
def test_an_account_that_joined_later(instances: dict[str, str], told: str) -> None:
    outputs = {"MemberRolesStackSet": f"{ROLE}-{HUB}", "DeployedFrom": "delegated-administrator"}
    with deployed(outputs=outputs) as stand:
        delegated()
        stand.here.stack_instances = instances
        stand.clock.today = lambda: datetime.now(UTC) + timedelta(hours=4)  # type: ignore[method-assign]  # time moves
        _, said = stand.run()
    assert told in said


def test_the_management_account_has_no_filter() -> None:
    outputs = {"MemberRolesStackSet": f"{ROLE}-{HUB}", "DeployedFrom": "management-account"}
    with deployed(outputs=outputs) as stand:
        _, said = stand.run()
    assert "joined later? the stack is in the management account, where the StackSet has no filter" in said


def test_accounts_that_cannot_be_listed() -> None:
    outputs = {"MemberRolesStackSet": f"{ROLE}-{HUB}", "DeployedFrom": "delegated-administrator"}
    refused = Fault("organizations", "ListAccounts", code="AccessDeniedException", times=None)
    with deployed(outputs=outputs) as stand, stand.organization.faults.inject(refused):
        status, said = stand.run()
        assert status == 0
    assert "joined later? accounts or stack instances could not be read: AccessDeniedException: " in said


def test_a_refused_answer_shows_in_the_function_s_log() -> None:
    with deployed() as stand:
        logs = stand.organization.session(HUB, HOME).client("logs")
        logs.create_log_stream(logGroupName=LOG, logStreamName="one")
        line = json.dumps({"errorType": "EvaluationError", "errorMessage": observations.REFUSAL})
        event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": line}
        logs.put_log_events(logGroupName=LOG, logStreamName="one", logEvents=[event])
        status, said = stand.run()
        assert status == 0
    assert "settled no: Does PutEvaluations' answer carry a request id" in said
    assert observations.REFUSAL in Path("rule/ecr_exposure/clients.py").read_text(encoding="utf-8")


# The seams


def test_the_real_clock_goes_on() -> None:
    clock = Clock()
    before = clock.now()
    clock.sleep(0.001)
    assert clock.now() > before
    assert clock.today().tzinfo is UTC


def test_a_signal_wakes_the_real_clock() -> None:
    """And only the first one raises."""
    clock = Clock()
    before = clock.now()
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            clock.sleep(20)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.caught
    assert clock.now() - before < 10


def test_a_shield_only_notes() -> None:
    with Interrupts() as interrupts:
        interrupts.shield()
        signal.raise_signal(signal.SIGINT)
        assert interrupts.caught
        interrupts.release()
        signal.raise_signal(signal.SIGINT)
