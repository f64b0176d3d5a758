"""``status`` of the three shapes, in several Regions, and of the rule of one account."""

import pytest
from moto.config.models import config_backends

from tests.commands.deployed_organization import (
    ABROAD,
    ACCOUNT_RULE,
    HOME,
    ONE,
    ORGANIZATION_RULE,
    PACK,
    RULE,
    STACK,
    deployed_organization,
)
from tests.commands.prepared_organization import refused
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB


class TestRegions:
    """One stack for each Region."""

    @pytest.mark.parametrize("deployed_as", [PACK, ORGANIZATION_RULE, ACCOUNT_RULE])
    def test_region_without_the_stack_is_missing(self, deployed_as: str) -> None:
        with deployed_organization(deployed_as, regions=(HOME,)) as deployed:
            deployed.create_repositories("team/app", account=HUB)
            deployed.evaluate()
            run = deployed.status()
        assert run.rows[HUB, HOME] == "evaluated | 1 of 1"
        assert run.rows[HUB, ABROAD] == "missing | no stack of this name in this Region"
        assert run.status == 1

    def test_every_account_of_the_organization_is_missing_in_a_region_without_the_stack(self) -> None:
        with deployed_organization(regions=(HOME,)) as deployed:
            run = deployed.status()
        assert sum(1 for _, region in run.rows if region == ABROAD) == 3

    def test_no_stack_in_any_region_ends_the_command(self) -> None:
        with deployed_organization(regions=(HOME,)) as deployed:
            run = deployed.status(regions=ABROAD)
        assert (run.status, run.errors) == (2, f"Not run: stack '{STACK}' does not exist in {ABROAD} of this account\n")

    @pytest.mark.parametrize("name", ["typo", "arn:typo", f"arn:aws:cloudformation:{HOME}:{HUB}:stack/typo/0b1c2d3e"])
    def test_name_without_a_stack_is_refused(self, name: str) -> None:
        with deployed_organization() as deployed:
            run = deployed.status(stack=name)
        assert run.status == 2
        assert run.errors == f"Not run: stack '{name}' does not exist in {HOME}, {ABROAD} of this account\n"

    def test_arn_of_a_stack_names_it_in_every_region(self) -> None:
        with deployed_organization() as deployed:
            client = deployed.organization.session(HUB, HOME).client("cloudformation")
            arn = client.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
            assert deployed.status(stack=arn).status == 0

    def test_stack_that_is_none_of_the_template_is_not_seen(self) -> None:
        template = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
        with deployed_organization(regions=(HOME,)) as deployed:
            client = deployed.organization.session(HUB, ABROAD).client("cloudformation")
            client.create_stack(StackName=STACK, TemplateBody=template)
            run = deployed.status()
        assert run.rows[ONE, ABROAD].startswith(f"not seen | stack '{STACK}' (CREATE_COMPLETE) has no output RuleName")
        assert run.status == 2

    @pytest.mark.parametrize(
        ("deployed_as", "period", "problem"),
        [
            ("stack", "One_Hour", f"output DeployedAs: 'stack' is unknown (accepted: {PACK}, "),
            (PACK, "Two_Hours", "parameter MaximumExecutionFrequency: 'Two_Hours' is unknown (accepted: One_Hour, "),
        ],
    )
    def test_unknown_value_of_another_version_is_not_seen(self, deployed_as: str, period: str, problem: str) -> None:
        with deployed_organization(regions=(HOME,)) as deployed:
            deployed.create_stack(ABROAD, deployed_as, MaximumExecutionFrequency=period)
            run = deployed.status()
        assert run.rows[ONE, ABROAD].startswith(f"not seen | {problem}")
        assert run.rows[ONE, HOME] == "no repositories"

    def test_stack_sets_are_asked_in_the_home_region(self) -> None:
        with deployed_organization() as deployed:
            deployed.status(regions=ABROAD)
            calls = [call for call in deployed.organization.calls if call.operation == "ListStackInstances"]
        assert [call.region for call in calls] == [HOME]

    def test_all_enabled_regions_are_those_of_the_account(self) -> None:
        with deployed_organization() as deployed:
            run = deployed.status("--json", regions="all-enabled")
        regions = run.document["regions"]
        assert {HOME, ABROAD} < set(regions)
        assert {each["region"] for each in run.document["accounts"]} == set(regions)
        assert run.document["counts"] == {"no repositories": 6, "missing": 3 * (len(regions) - 2)}


class TestAccountRule:
    """The rule of one account needs neither organization nor aggregator."""

    def test_own_repositories_are_evaluated(self) -> None:
        with deployed_organization(ACCOUNT_RULE) as deployed:
            deployed.remove_aggregators()
            deployed.create_repositories("team/app", "team/api", account=HUB)
            deployed.evaluate()
            run = deployed.status()
            services = {call.service for call in deployed.organization.calls}
        assert run.rows == {(HUB, HOME): "evaluated | 2 of 2", (HUB, ABROAD): "no repositories"}
        assert services == {"sts", "cloudformation", "config", "sqs", "cloudwatch"}
        assert run.status == 0

    def test_missing_rule_is_named(self) -> None:
        with deployed_organization(ACCOUNT_RULE) as deployed:
            deployed.config.delete_rule(HUB, HOME, RULE)
            deployed.create_repositories("team/app", account=HUB)
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == f"missing | 0 of 1 | the rule {RULE} does not exist"

    def test_stopped_recorder_is_missing(self) -> None:
        with deployed_organization(ACCOUNT_RULE) as deployed:
            deployed.put_recorder(on=False)
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == "missing | the configuration recorder default is stopped"

    def test_account_without_a_recorder_is_missing(self) -> None:
        with deployed_organization(ACCOUNT_RULE) as deployed:
            config_backends[HUB][HOME].recorders.clear()
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == "missing | no configuration recorder"
        assert run.status == 1

    @pytest.mark.parametrize(
        ("recorder", "problem"),
        [
            (
                '{"name": "default", "recording": true, "lastStatus": "FAILURE", "lastErrorCode": "AccessDenied", '
                '"lastErrorMessage": "cannot assume the role"}',
                "the configuration recorder default fails: AccessDenied: cannot assume the role",
            ),
            (
                '{"name": "AWSConfigurationRecorderForX", "recording": true, "servicePrincipal": "x.amazonaws.com"}',
                "no configuration recorder",
            ),
        ],
    )
    def test_recorder_that_fails_or_is_of_a_service_is_missing(self, recorder: str, problem: str) -> None:
        body = f'{{"ConfigurationRecordersStatus": [{recorder}]}}'
        operation = "DescribeConfigurationRecorderStatus"
        fault = Fault("config", operation, status=200, body=body, request_id=True, times=None)
        with deployed_organization(ACCOUNT_RULE) as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == f"missing | {problem}"

    @pytest.mark.parametrize(
        ("operation", "what"),
        [
            ("DescribeConfigurationRecorderStatus", "rule and configuration recorder"),
            ("ListDiscoveredResources", "the recorded repositories"),
            ("GetComplianceDetailsByConfigRule", "the results of the rule"),
        ],
    )
    def test_refused_call_is_not_seen(self, operation: str, what: str) -> None:
        fault = refused("config", operation)
        with deployed_organization(ACCOUNT_RULE) as deployed, deployed.organization.faults.inject(fault):
            run = deployed.status(regions=HOME)
        expected = f"not seen | {what}: AccessDeniedException: no {operation} for you ({operation})"
        assert run.rows[HUB, HOME] == expected
        assert run.status == 2


class TestAccounts:
    """``--accounts`` limits what is shown."""

    def test_named_accounts_are_shown_alone(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            run = deployed.status("--accounts", f"{ONE}, {HUB}", regions=HOME)
        assert run.rows == {(ONE, HOME): "evaluated | 1 of 1", (HUB, HOME): "no repositories"}

    def test_other_accounts_are_not_asked_about(self) -> None:
        with deployed_organization() as deployed:
            for account in (ONE, HUB):
                deployed.create_repositories("team/app", account=account)
            deployed.evaluate()
            deployed.status("--accounts", ONE, regions=HOME)
            calls = [call.parameters for call in deployed.organization.calls if "Aggregate" in call.operation]
        assert [call["AccountId"] for call in calls if "AccountId" in call] == [ONE]
        assert [call["Filters"] for call in calls if "AwsRegion" in call.get("Filters", {})] == [
            {"AwsRegion": HOME, "AccountId": ONE}
        ]
        assert [call["Expression"][-19:] for call in calls if "Expression" in call] == [f"IN ('{ONE}')"]

    def test_document_of_a_refused_account_says_where_that_is(self) -> None:
        with deployed_organization() as deployed:
            document = deployed.status("--accounts", "999999999999", "--json").document
        assert (document["account"], document["regions"]) == (HUB, [HOME, ABROAD])
        assert (document["result"], document["exit_code"]) == ("not run", 2)
        assert document["error"] == "--accounts: not in the organization: 999999999999"

    def test_account_outside_the_organization_is_refused(self) -> None:
        with deployed_organization() as deployed:
            run = deployed.status("--accounts", f"{ONE},999999999999")
        assert (run.status, run.errors) == (2, "Not run: --accounts: not in the organization: 999999999999\n")

    def test_rule_of_one_account_refuses_other_accounts(self) -> None:
        with deployed_organization(ACCOUNT_RULE) as deployed:
            run = deployed.status("--accounts", ONE)
        expected = f"Not run: --accounts: an account-rule evaluates its own account {HUB} only, not {ONE}\n"
        assert (run.status, run.errors) == (2, expected)

    @pytest.mark.parametrize("text", ["", "12", f"{ONE};{HUB}", f"{ONE},"])
    def test_wrong_account_is_refused_with_what_is_accepted(self, text: str) -> None:
        with deployed_organization() as deployed:
            run = deployed.status("--accounts", text)
        assert run.status == 2
        assert "Invalid value for '--accounts'" in run.errors
        assert "is not an account ID of 12 digits" in run.errors
