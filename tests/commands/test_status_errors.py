"""``status`` and errors: what AWS refuses, throttles or cuts, what ends a run early."""

import re
import signal
from collections.abc import Callable

import pytest
from moto.cloudformation.models import cloudformation_backends

from ecr_exposure.cli.rule_status.status_reading import THREADS
from tests.commands.deployed_organization import (
    ABROAD,
    ACCOUNT_RULE,
    HOME,
    ONE,
    ORGANIZATION_RULE,
    PACK,
    STACK,
    TWO,
    deployed_organization,
)
from tests.commands.prepared_organization import refused
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB
from tests.nightly import every

REFUSED = "AccessDeniedException: no {0} for you ({0})"


def denied(service: str, operation: str) -> Fault:
    """Refuse an operation in the protocol of its service."""
    if service in {"cloudformation", "sqs"}:
        return Fault(service, operation, status=403, code="AccessDenied", message=f"no {operation}", times=None)
    return refused(service, operation)


class TestRefused:
    """Each call that AWS may refuse: the rest is shown, and the exit code is 2."""

    @pytest.mark.parametrize(
        ("operation", "what"),
        [
            ("GetOrganizationConformancePackDetailedStatus", "the rule's deployment in each account"),
            ("GetAggregateDiscoveredResourceCounts", "the recorded repositories"),
            ("SelectAggregateResourceConfig", "the recorded repositories"),
            ("DescribeAggregateComplianceByConfigRules", "the results of the rule"),
            ("DescribeConfigurationAggregatorSourcesStatus", "the aggregator's sources"),
        ],
    )
    def test_account_is_never_without_repositories(self, operation: str, what: str) -> None:
        with deployed_organization() as deployed, deployed.organization.faults.inject(refused("config", operation)):
            run = deployed.status(regions=HOME)
        assert set(run.rows.values()) == {f"not seen | {what}: {REFUSED.format(operation)}"}
        assert run.status == 2

    @pytest.mark.parametrize(
        ("service", "operation", "what"),
        [
            ("config", "GetOrganizationConformancePackDetailedStatus", "the rule's deployment in each account"),
            ("config", "DescribeConfigurationAggregatorSourcesStatus", "the aggregator's sources"),
            ("cloudformation", "ListStackInstances", "the stack instances"),
            ("organizations", "ListAccounts", "the accounts of the organization"),
            ("sqs", "GetQueueAttributes", "the failed events"),
            ("cloudwatch", "DescribeAlarms", "the alarms"),
        ],
    )
    def test_evaluated_account_stays_evaluated(self, service: str, operation: str, what: str) -> None:
        with deployed_organization() as deployed:
            for account in (HUB, ONE, TWO):
                deployed.create_repositories("team/app", account=account)
            deployed.evaluate()
            with deployed.organization.faults.inject(denied(service, operation)):
                run = deployed.status(regions=HOME)
        assert set(run.rows.values()) == {"evaluated | 1 of 1"}
        assert any(line.startswith(f"Not seen: {what}: AccessDenied") for line in run.lines)
        assert run.last == "Not all seen: 3 evaluated (3 accounts, 1 Region)"
        assert run.status == 2

    def test_refused_stack_instances_are_not_seen_in_the_members(self) -> None:
        fault = denied("cloudformation", "ListStackInstances")
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == "no repositories"
        assert run.rows[ONE, HOME] == (
            "not seen | the stack instances: AccessDenied: no ListStackInstances (ListStackInstances)"
        )

    def test_refused_results_of_one_account_leave_that_account_unseen(self) -> None:
        operation = "GetAggregateComplianceDetailsByConfigRule"
        fault = refused("config", operation, when=lambda call: call.parameters["AccountId"] == ONE)
        with deployed_organization() as deployed:
            for account in (ONE, TWO):
                deployed.create_repositories("team/app", account=account)
            deployed.evaluate()
            with deployed.organization.faults.inject(fault):
                run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == f"not seen | {REFUSED.format(operation)}"
        assert run.rows[TWO, HOME] == "evaluated | 1 of 1"
        assert run.status == 2

    def test_refused_aggregators_name_the_region(self) -> None:
        operation = "DescribeConfigurationAggregators"
        with deployed_organization() as deployed, deployed.organization.faults.inject(refused("config", operation)):
            run = deployed.status(regions=HOME)
        expected = f"the aggregators could not be listed in {HOME}: {REFUSED.format(operation)}"
        assert run.rows[ONE, HOME] == f"not seen | {expected}"

    def test_refused_aggregators_of_one_region_do_not_matter_where_another_covers_it(self) -> None:
        fault = refused("config", "DescribeConfigurationAggregators", region=ABROAD)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            assert deployed.status().status == 0

    def test_refused_age_of_the_oldest_event_is_not_seen(self) -> None:
        with deployed_organization() as deployed:
            deployed.fail_events(2)
            with deployed.organization.faults.inject(refused("cloudwatch", "GetMetricStatistics")):
                run = deployed.status(regions=HOME)
        assert f"{HOME}: about 2 failed events wait" in run.lines
        reason = f"the age of the oldest failed event: {REFUSED.format('GetMetricStatistics')}"
        assert f"Not seen: {reason} (for {HOME})" in run.lines
        assert run.status == 2

    def test_refused_status_of_the_organization_rule_is_not_seen(self) -> None:
        operation = "GetOrganizationConfigRuleDetailedStatus"
        fault = refused("config", operation)
        with deployed_organization(ORGANIZATION_RULE) as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        expected = f"not seen | the rule's deployment in each account: {REFUSED.format(operation)}"
        assert set(run.rows.values()) == {expected}

    def test_failed_instance_is_missing_although_results_cannot_be_read(self) -> None:
        fault = refused("config", "DescribeAggregateComplianceByConfigRules")
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            del deployed.deployments.instances[ONE]
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME].startswith("missing | no stack instance of the StackSet")
        assert run.rows[TWO, HOME].startswith("not seen | the results of the rule")
        assert run.status == 2

    def test_stack_that_cannot_be_read_in_one_region_is_not_seen_there(self) -> None:
        fault = Fault("cloudformation", "DescribeStacks", code="AccessDenied", message="no", times=None, region=ABROAD)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status()
        assert run.rows[ONE, HOME] == "no repositories"
        assert run.rows[ONE, ABROAD] == "not seen | AccessDenied: no (DescribeStacks)"
        assert run.status == 2

    def test_stack_that_cannot_be_read_anywhere_ends_the_command(self) -> None:
        fault = Fault("cloudformation", "DescribeStacks", code="AccessDenied", message="no", times=None)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status()
        assert (run.status, run.errors) == (2, "Not run: AccessDenied: no (DescribeStacks)\n")

    def test_accounts_that_are_not_listed_are_those_that_aws_reports_about(self) -> None:
        fault = refused("organizations", "ListAccounts")
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert set(run.rows) == {(HUB, HOME), (ONE, HOME), (TWO, HOME)}
        assert run.status == 2


class TestTransient:
    """What botocore repeats changes nothing; what lasts is not seen."""

    @pytest.mark.parametrize(
        ("service", "operation"),
        every(
            3,
            [
                ("cloudformation", "DescribeStacks"),
                ("cloudformation", "ListStackInstances"),
                ("organizations", "ListAccounts"),
                ("config", "GetOrganizationConformancePackDetailedStatus"),
                ("config", "GetAggregateDiscoveredResourceCounts"),
                ("config", "SelectAggregateResourceConfig"),
                ("config", "DescribeAggregateComplianceByConfigRules"),
                ("config", "GetAggregateComplianceDetailsByConfigRule"),
                ("config", "DescribeConfigurationAggregators"),
                ("config", "DescribeConfigurationAggregatorSourcesStatus"),
                ("sqs", "GetQueueAttributes"),
                ("cloudwatch", "DescribeAlarms"),
            ],
        ),
    )
    def test_throttled_calls_are_repeated(self, service: str, operation: str) -> None:
        fault = Fault(service, operation, code="ThrottlingException", times=3)
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            with deployed.organization.faults.inject(fault) as injected:
                assert deployed.status(regions=HOME).status == 0
            assert len(injected.calls) == 3

    def test_lasting_throttle_is_not_seen(self) -> None:
        fault = Fault("config", "DescribeAggregateComplianceByConfigRules", message="Rate exceeded", times=None)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME].startswith("not seen | the results of the rule: ThrottlingException: Rate exceeded")

    @pytest.mark.parametrize("body", every(2, ["<html>Blocked by a proxy</html>", "{}"]))
    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("config", "GetAggregateDiscoveredResourceCounts"),
            ("config", "SelectAggregateResourceConfig"),
            ("config", "DescribeAggregateComplianceByConfigRules"),
            ("config", "GetOrganizationConformancePackDetailedStatus"),
            ("config", "DescribeConfigurationAggregatorSourcesStatus"),
            ("cloudwatch", "DescribeAlarms"),
            ("sqs", "GetQueueAttributes"),
        ],
    )
    def test_response_that_did_not_come_from_aws_is_not_seen(self, service: str, operation: str, body: str) -> None:
        fault = Fault(service, operation, status=200, body=body, request_id=body == "{}", times=None)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert run.status == 2

    def test_result_that_is_not_as_asked_for_is_not_seen(self) -> None:
        body = '{"Results": ["{\\"accountId\\": \\"444455556666\\"}"]}'
        fault = Fault("config", "SelectAggregateResourceConfig", status=200, body=body, request_id=True, times=None)
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert "a result of SelectAggregateResourceConfig is not as asked for" in run.rows[ONE, HOME]

    def test_result_without_a_time_is_not_seen(self) -> None:
        qualifier = '{"EvaluationResultQualifier": {"ResourceId": "team/app"}}'
        body = f'{{"AggregateEvaluationResults": [{{"EvaluationResultIdentifier": {qualifier}}}]}}'
        operation = "GetAggregateComplianceDetailsByConfigRule"
        fault = Fault("config", operation, status=200, body=body, request_id=True, times=None)
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            with deployed.organization.faults.inject(fault):
                run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == "not seen | the result of team/app has no time"

    def test_broken_connection_is_not_seen(self) -> None:
        fault = Fault(
            "config", "DescribeAggregateComplianceByConfigRules", connection=Connection.READ_TIMEOUT, times=None
        )
        with deployed_organization() as deployed, deployed.organization.faults.inject(fault):
            assert deployed.status(regions=HOME).rows[ONE, HOME].startswith("not seen | the results of the rule: Read")

    @pytest.mark.parametrize("deployed_as", [PACK, ORGANIZATION_RULE, ACCOUNT_RULE])
    def test_lists_in_pages_of_one_are_read_to_their_end(self, deployed_as: str) -> None:
        with deployed_organization(deployed_as, page=1) as deployed:
            deployed.data.empty_first_page = True
            for account in (HUB, ONE, TWO):
                deployed.create_repositories("team/app", "team/api", account=account)
            deployed.evaluate()
            run = deployed.status(regions=HOME)
        assert set(run.rows.values()) == {"evaluated | 2 of 2"}
        assert len(run.rows) == (1 if deployed_as == ACCOUNT_RULE else 3)

    @pytest.mark.parametrize(
        "operation",
        [
            "SelectAggregateResourceConfig",
            "DescribeAggregateComplianceByConfigRules",
            "GetAggregateDiscoveredResourceCounts",
            "GetOrganizationConformancePackDetailedStatus",
        ],
    )
    def test_list_whose_second_page_fails_is_not_seen(self, operation: str) -> None:
        """Half a list would make accounts look as if they had no repositories."""
        fault = refused("config", operation, when=lambda call: "NextToken" in call.parameters)
        with deployed_organization(page=1) as deployed:
            for account in (HUB, ONE):
                deployed.create_repositories("team/app", account=account)
            deployed.evaluate()
            with deployed.organization.faults.inject(fault):
                run = deployed.status(regions=HOME)
        assert run.rows[TWO, HOME].startswith("not seen | ")
        assert run.status == 2


class TestEarlyEnd:
    """What was seen until then is shown."""

    def test_expired_credentials_end_with_what_was_seen(self) -> None:
        fault = Fault(
            "config",
            "GetAggregateComplianceDetailsByConfigRule",
            status=403,
            code="ExpiredTokenException",
            message="The security token included in the request is expired",
            times=None,
        )
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            with deployed.organization.faults.inject(fault):
                run = deployed.status(regions=HOME)
                document = deployed.status("--json", regions=HOME).document
        assert run.rows[ONE, HOME] == "not seen | not read: credentials expired"
        assert run.rows[TWO, HOME] == "no repositories"
        expected = (
            "Your credentials expired after 0 min; 2 of 3 accounts in Regions were seen; renew them and run again"
        )
        assert run.last == expected
        assert run.status == 2
        assert (document["result"], document["exit_code"]) == ("credentials expired", 2)

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("cloudformation", "DescribeStacks"),
            ("organizations", "ListAccounts"),
            ("config", "SelectAggregateResourceConfig"),
            ("config", "DescribeAggregateComplianceByConfigRules"),
            ("config", "GetAggregateComplianceDetailsByConfigRule"),
        ],
    )
    def test_interrupt_shows_what_was_seen(self, service: str, operation: str) -> None:
        """How much that is depends on the calls whose responses are on their way."""
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            with deployed.organization.faults.inject(Fault(service, operation, when=_interrupt())):
                run = deployed.status(regions=HOME)
        assert run.status == 130
        assert re.fullmatch(r"Interrupted; \d of \d accounts in Regions were seen", run.last)
        assert "Traceback" not in run.errors

    @pytest.mark.parametrize(
        "operation", ["SelectAggregateResourceConfig", "GetAggregateComplianceDetailsByConfigRule"]
    )
    def test_interrupted_document_says_so(self, operation: str) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            with deployed.organization.faults.inject(Fault("config", operation, when=_interrupt())):
                document = deployed.status("--json", regions=HOME).document
        assert (document["result"], document["exit_code"]) == ("interrupted", 130)

    def test_interrupt_starts_no_further_call(self) -> None:
        members = tuple(f"{number:012}" for number in range(222200000000, 222200000200))
        operation = "GetAggregateComplianceDetailsByConfigRule"
        with deployed_organization(members=members) as deployed:
            for member in members:
                deployed.create_repositories("team/app", account=member)
                deployed.report("team/app", account=member)
            with deployed.organization.faults.inject(Fault("config", operation, when=_interrupt())):
                run = deployed.status(regions=HOME)
            called = sum(1 for call in deployed.organization.calls if call.operation == operation)
        assert run.status == 130
        assert called < 2 * THREADS

    def test_stack_that_is_being_deleted_while_it_is_read_is_no_traceback(self) -> None:
        with deployed_organization() as deployed:
            cloudformation_backends[HUB][HOME].delete_stack(STACK)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "missing | no stack of this name in this Region"


def _interrupt() -> Callable[[Call], bool]:
    """Return a condition that sends one signal, at the first call, and selects no call."""
    first = iter((True,))

    def interrupt(_call: Call) -> bool:
        if next(first, False):
            signal.raise_signal(signal.SIGINT)
        return False

    return interrupt
