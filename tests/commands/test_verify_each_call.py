"""``verify`` at each of its calls: the credentials expire, the operator interrupts, the output closes."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_rule import DeployedRule, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import FUNCTION_ROLE, MEMBERS
from tests.nightly import every

CALLS: Final = (
    ("sts", "GetCallerIdentity"),
    ("cloudformation", "DescribeStacks"),
    ("config", "DescribeConfigRules"),
    ("ecr", "DescribeRepositories"),
    ("config", "DescribeConfigRules"),
    ("ecr", "CreateRepository"),
    ("ecr", "DeleteRepositoryPolicy"),
    ("ecr", "DeleteRepository"),
    ("ecr", "CreateRepository"),
    ("ecr", "SetRepositoryPolicy"),
    ("config", "GetComplianceDetailsByResource"),
    ("config", "GetComplianceDetailsByResource"),
    ("securityhub", "ListEnabledProductsForImport"),
    ("securityhub", "ListAutomationRules"),
    ("securityhub", "GetFindings"),
    ("ecr", "DeleteRepositoryPolicy"),
    ("config", "GetComplianceDetailsByResource"),
    ("config", "GetComplianceDetailsByResource"),
    ("ecr", "DeleteRepository"),
    ("lambda", "GetResourcePolicy"),
    ("cloudwatch-logs", "FilterLogEvents"),
    ("cloudformation", "DescribeStacks"),
)
"""The calls of a run in the stack's account, in their order; the last one is the first of the status."""
OPENED, CLOSED, ANSWERS = 9, 15, 19
"""The places of SetRepositoryPolicy, DeleteRepositoryPolicy, and of the first call after the clean-up."""
REST: Final = ("securityhub", "lambda")
# OPENED and CLOSED are always among them.
PLACES: Final = every(3, [pytest.param(number, id=f"{number} {call[1]}") for number, call in enumerate(CALLS)])


@contextmanager
def from_call_on(rule: DeployedRule, number: int, happens: Callable[[], object]) -> Iterator[list[Call]]:
    """Let the credentials of the start be expired from the call of this number on; yield the calls of the run."""
    made: list[Call] = []

    def expired(call: Call) -> bool:
        if call.role != FUNCTION_ROLE:
            return False
        made.append(call)
        if len(made) == number + 1:
            happens()
        return len(made) > number

    body = json.dumps({"__type": "ExpiredTokenException", "message": "expired"})
    with ExitStack() as stack:
        for service, operation in set(CALLS):
            json_body = body if service in REST else None
            fault = Fault(
                service, operation, status=403, code="ExpiredTokenException", message="expired", body=json_body,
                request_id=True, times=None, when=expired,
            )  # fmt: skip
            stack.enter_context(rule.organization.faults.inject(fault))
        yield made


@contextmanager
def during_call(rule: DeployedRule, number: int, happens: Callable[[], object]) -> Iterator[list[Call]]:
    """Let something happen during the call of this number, which succeeds; yield the calls of the run."""
    made: list[Call] = []

    def happen(call: Call) -> bool:
        made.append(call)
        if len(made) == number + 1:
            happens()
        return False

    with ExitStack() as stack:
        for service, operation in set(CALLS):
            fault = Fault(service, operation, when=happen)
            stack.enter_context(rule.organization.faults.inject(fault))
        yield made


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def is_open(rule: DeployedRule) -> bool:
    return any(policy_of(rule.organization, name, account=rule.account) for name in rule.repositories())


def nothing() -> None:
    """Do nothing."""


def test_run_makes_these_calls() -> None:
    with deployed() as rule:
        rule.services.severity = "CRITICAL"
        with during_call(rule, len(CALLS), nothing) as made:
            assert rule.verify()[0] == 0
    assert tuple((call.service, call.operation) for call in made) == CALLS


@pytest.mark.parametrize("number", PLACES)
class TestExpiredCredentials:
    """Credentials that expire before the call of this number."""

    def test_new_session_closes_the_repository(self, number: int) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with from_call_on(rule, number, lambda: rule.organization.use_function_role("renewed")):
                status, output = rule.verify()
            assert rule.repositories() == ()
        assert "CLEAN-UP FAILED" not in output
        last = output.splitlines()[-1]
        if number >= CLOSED + 3:  # the rule was verified before
            assert (status, last[:9]) == (0, "Verified:")
        elif number == 0:  # they had expired before
            assert (status, last[:8]) == (2, "Not run:")
        else:
            assert status == 2
            assert "your credentials expired" in last
            assert "renew them and run again" in last
            assert ("nothing was opened" in last or last.startswith("Not run")) == (number <= OPENED)

    def test_without_new_credentials_the_command_that_closes_it_comes_first(self, number: int) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with from_call_on(rule, number, nothing):
                status, output = rule.verify()
            opened, left = is_open(rule), len(rule.repositories())
        lines = [line.partition("s] ")[2] or line for line in output.splitlines()]
        assert opened == (OPENED < number <= CLOSED)
        assert status == (0 if number >= ANSWERS else 2)
        assert left == (number in {6, 7} or OPENED <= number < ANSWERS)
        if left:
            last = [line for line in lines if not line.startswith("Not verified")][-5 if opened else -4 :]
            title = "Close it first: aws ecr delete-repository-policy " if opened else "Delete it: aws ecr delete-repos"
            assert last[0].startswith("CLEAN-UP FAILED: the repository NAME in account 111122223333, eu-west-1 is ")
            assert ("OPEN TO EVERYONE" in last[0]) == opened
            assert last[1].startswith(title)
            assert last[-1].startswith("Not cleaned up: ")

    def test_document_says_what_is_open(self, number: int) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with from_call_on(rule, number, nothing):
                status, document = rule.document()
            opened, left = is_open(rule), len(rule.repositories())
        assert document["exit_code"] == status
        assert bool(document.get("left")) == bool(left)
        if left:
            assert document["result"] == "not cleaned up"
            assert document["left"]["open_to_everyone"] == opened
            assert ("delete-repository-policy" in document["left"]["commands"][0]) == opened


@pytest.mark.parametrize("number", PLACES)
@pytest.mark.parametrize("member", [None, MEMBERS[0]])
def test_interrupt_during_each_call_leaves_nothing(number: int, member: str | None) -> None:
    with deployed(member=member) as rule:
        rule.services.severity = "CRITICAL"
        with during_call(rule, number, interrupt) as made:
            status, output = rule.verify(*(("--account", member) if member else ()))
        assert (status, rule.repositories()) == (130, ())
        assert len(made) > number
    assert output.splitlines()[-1] == "Interrupted; this run leaves no repository."


@pytest.mark.parametrize("number", PLACES)
def test_pipe_that_closes_during_each_call_leaves_nothing(number: int) -> None:
    """As after `| head`: the command ends silently; the clean-up goes on whatever becomes of its lines."""
    reading, writing = os.pipe()
    with deployed() as rule, open(writing, "w", encoding="utf-8") as pipe:  # noqa: PTH123 - no path
        rule.services.severity = "CRITICAL"
        with (
            during_call(rule, number, lambda: os.close(reading)),
            redirect_stdout(pipe),
            redirect_stderr(StringIO()) as errors,
        ):
            status = main(("verify", "verify"), Environment(clock=rule.clock))
        assert status == (0 if number == ANSWERS - 1 else 2)
        assert (rule.repositories(), errors.getvalue()) == ((), "")
