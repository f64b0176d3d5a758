"""``preflight`` and a stack that is deployed already: its state, and values that differ from those of the file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from moto.cloudformation.models import Stack, cloudformation_backends

from ecr_exposure.cli.organization.reader import DEFAULT_ROLES, read_inventory
from ecr_exposure.cli.organization.stack_reader import read_stacks
from ecr_exposure.cli.values.parameters_file import quoted
from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import ABROAD, HOME, ONE, PreparedOrganization, Report
from tests.deployment.sam import ROOT, TEMPLATE
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB
from tests.local_aws.templates import read_template

NAME: Final = "ecr-repository-no-public-access"
DEFAULTS: Final = {name: str(each.get("Default", "")) for name, each in read_template(TEMPLATE)["Parameters"].items()}
SHAPES: Final = ("organization-conformance-pack", "organization-rule", "account-rule")

Compare = Callable[..., Report]


def deploy(region: str = HOME, status: str = "UPDATE_COMPLETE", account: str = HUB, **values: str) -> None:
    """Create a stack that has these values, and the defaults of template.yaml for the others."""
    all_values = DEFAULTS | {"HomeRegion": HOME} | values
    parameters = ", ".join(f'"{name}": {{"Type": "String"}}' for name in all_values)
    template = f'{{"Parameters": {{{parameters}}}, "Resources": {{"Topic": {{"Type": "AWS::SNS::Topic"}}}}}}'
    stack: Stack = cloudformation_backends[account][region].create_stack(NAME, template, all_values)
    stack.status = status


def refused(message: str, code: str = "AccessDenied", status: int = 403, region: str | None = None) -> Fault:
    """Refuse to describe a stack, with this message."""
    return Fault(
        "cloudformation", "DescribeStacks", status=status, code=code, message=message, region=region, times=None
    )


@pytest.fixture
def compare(prepared: PreparedOrganization, preflight: RunPreflight, working_folder: Path) -> Compare:
    """Return a function that runs preflight in the project's folder, with a file that has these values."""
    for name in ("samconfig.toml", "template.yaml"):
        shutil.copy(ROOT / name, working_folder)

    def run(regions: str = HOME, **values: str) -> Report:
        lines = (f"{name}: {quoted(value)}\n" for name, value in values.items())
        (working_folder / "parameters.yaml").write_text("".join(lines), encoding="utf-8")
        return preflight(prepared, regions=regions)

    return run


class TestNoDifference:
    """The stack does not exist, or has the values that it would get."""

    def test_missing_stack_is_no_finding(self, prepared: PreparedOrganization, compare: Compare) -> None:
        report = compare(regions=f"{HOME},{ABROAD}")
        assert report.status == 0
        assert report.under("Hint") == []
        calls = [call for call in prepared.organization.calls if call.operation == "DescribeStacks"]
        assert [(call.operation, call.region, call.account) for call in calls] == [
            ("DescribeStacks", HOME, HUB),
            ("DescribeStacks", ABROAD, HUB),
        ]
        assert {call.parameters["StackName"] for call in calls} == {NAME}

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
    def test_stack_with_the_same_values_is_no_finding(self, compare: Compare, status: str) -> None:
        deploy(status=status)
        report = compare(publicAccessTest="unconditional")
        assert report.status == 0
        assert report.under("Hint") == []

    def test_stack_whose_change_set_was_not_executed_is_no_finding(self, compare: Compare) -> None:
        deploy(status="REVIEW_IN_PROGRESS", HomeRegion=ABROAD, RuleName="ours")
        assert compare().under("Hint") == compare().under("Missing") == []


class TestName:
    """Which stack is read."""

    @pytest.mark.parametrize("command", ["global", "deploy"])
    def test_name_of_samconfig_is_used(
        self, prepared: PreparedOrganization, compare: Compare, working_folder: Path, command: str
    ) -> None:
        text = f'[default.{command}.parameters]\nstack_name = "mine"\n[default.package.parameters]\nstack_name = "no"\n'
        (working_folder / "samconfig.toml").write_text(text)
        compare()
        calls = [call for call in prepared.organization.calls if call.operation == "DescribeStacks"]
        assert [call.parameters["StackName"] for call in calls] == ["mine"]

    @pytest.mark.parametrize("text", [None, "[default.deploy.parameters]\n", "stack_name = 1\n", "["])
    def test_without_a_name_nothing_is_read(
        self, prepared: PreparedOrganization, compare: Compare, working_folder: Path, text: str | None
    ) -> None:
        file = working_folder / "samconfig.toml"
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        compare()
        assert not [call for call in prepared.organization.calls if call.operation == "DescribeStacks"]

    def test_stack_of_another_account_is_not_read(self, prepared: PreparedOrganization) -> None:
        deploy(account=ONE)
        session = prepared.organization.session(HUB, HOME)
        inventory = read_inventory(session, (HOME,), DEFAULT_ROLES)
        assert read_stacks(session, inventory, NAME).of_regions == {HOME: None}
        assert read_stacks(session, replace(inventory, hub=ONE), NAME).of_regions == {}

    def test_stack_of_another_hub_is_not_read(
        self, prepared: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        for name in ("samconfig.toml", "template.yaml"):
            shutil.copy(ROOT / name, working_folder)
        preflight(prepared, "--hub", ONE, regions=HOME)
        assert not [call for call in prepared.organization.calls if call.operation == "DescribeStacks"]

    def test_region_that_is_not_enabled_is_not_read(self, prepared: PreparedOrganization) -> None:
        session = prepared.organization.session(HUB, HOME)
        inventory = read_inventory(session, (HOME, ABROAD), DEFAULT_ROLES)
        off = tuple(replace(each, enabled=each.region == HOME) for each in inventory.account_regions)
        stacks = read_stacks(session, replace(inventory, account_regions=off), NAME)
        assert stacks.of_regions == {HOME: None}


class TestUnread:
    """AWS does not return the stack."""

    def test_refusal_is_one_hint_for_all_regions(self, prepared: PreparedOrganization, compare: Compare) -> None:
        refusals = [
            refused(f"no DescribeStacks on arn:aws:cloudformation:{region}:{HUB}:stack/{NAME}/*", region=region)
            for region in (HOME, ABROAD)
        ]
        faults = prepared.organization.faults
        with faults.inject(refusals[0]), faults.inject(refusals[1]):
            report = compare(regions=f"{HOME},{ABROAD}")
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}, {HOME}, {ABROAD}: the deployed stack could not be checked: AccessDenied: no "
            f"DescribeStacks on arn:aws:cloudformation:REGION:{HUB}:stack/{NAME}/* (DescribeStacks)"
        ]

    def test_other_validation_error_is_a_hint(self, prepared: PreparedOrganization, compare: Compare) -> None:
        with prepared.organization.faults.inject(refused("Value 'a b' failed", code="ValidationError", status=400)):
            (hint,) = compare().under("Hint")
        assert "could not be checked: ValidationError: Value 'a b' failed" in hint

    def test_empty_response_is_not_from_aws(self, prepared: PreparedOrganization, compare: Compare) -> None:
        body = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>"
        fault = Fault("cloudformation", "DescribeStacks", status=200, body=body, request_id=True, times=None)
        with prepared.organization.faults.inject(fault):
            (hint,) = compare().under("Hint")
        assert "the response to DescribeStacks has no stack, so it did not come from AWS" in hint


class TestState:
    """The status of the stack."""

    @pytest.mark.parametrize(
        ("status", "what"),
        [("ROLLBACK_COMPLETE", "creation"), ("ROLLBACK_FAILED", "creation"), ("DELETE_FAILED", "deletion")],
    )
    def test_stack_that_cannot_be_updated_is_deleted_first(self, compare: Compare, status: str, what: str) -> None:
        """Its values do not matter any more."""
        for region in (HOME, ABROAD):
            deploy(region, status, HomeRegion=ABROAD, RuleName="ours")
        report = compare(regions=f"{HOME},{ABROAD}")
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB}, {HOME}, {ABROAD}: the stack is in the state {status}: "
            f"CloudFormation cannot update a stack whose {what} failed"
        ]
        assert report.under("Hint") == []
        assert "    sam delete --region REGION --no-prompts" in report.lines
        assert "  REGION stands for each of them; --json lists all" in report.lines
        assert f"    sam delete --region {HOME} --no-prompts" in compare(regions=HOME).lines

    def test_rollback_that_failed_is_continued(self, compare: Compare) -> None:
        deploy(status="UPDATE_ROLLBACK_FAILED")
        report = compare()
        assert report.status == 1
        assert report.commands == [f"aws cloudformation continue-update-rollback --region {HOME} --stack-name {NAME}"]

    @pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
    def test_operation_that_is_not_done_is_a_hint(self, compare: Compare, status: str) -> None:
        deploy(status=status)
        report = compare()
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}, {HOME}: the stack is in the state {status}, so another operation is not done yet"
        ]


class TestHomeRegion:
    """It cannot be changed."""

    def test_other_home_region_than_the_stack_has_is_missing(self, compare: Compare) -> None:
        for region in (HOME, ABROAD):
            deploy(region, HomeRegion=ABROAD)
        report = compare(regions=f"{HOME},{ABROAD}", HomeRegion=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB}, {HOME}, {ABROAD}: the stack in {HOME}, {ABROAD} has HomeRegion={ABROAD}, and the new "
            f"value is {HOME}; it cannot be changed: remove every stack first, or set it back: "
            f"--set HomeRegion={ABROAD}"
        ]

    def test_home_region_that_preflight_chooses_is_compared(self, compare: Compare) -> None:
        deploy(HomeRegion=ABROAD)
        (finding,) = compare().under("Missing")
        assert f"has HomeRegion={ABROAD}, and the new value is {HOME};" in finding

    @pytest.mark.parametrize(("before", "after"), [("account-rule", SHAPES[0]), (SHAPES[0], "account-rule")])
    def test_home_region_of_one_account_is_not_compared(self, compare: Compare, before: str, after: str) -> None:
        deploy(HomeRegion=ABROAD, DeployAs=before)
        assert compare(DeployAs=after, HomeRegion=HOME).under("Missing") == []

    def test_stack_without_a_home_region_can_get_one(self, compare: Compare) -> None:
        deploy(HomeRegion="")
        assert compare(HomeRegion=HOME).under("Missing") == []


class TestRolePath:
    """A role's name exists once in an account."""

    def test_other_path_of_the_same_role_is_missing(self, compare: Compare) -> None:
        deploy(RolePath="/security/")
        report = compare(RolePath="/")
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB}, {HOME}: the stack in {HOME} has RolePath=/security/, and the new value is /, but "
            "ExecutionRoleName is the same: a role's name exists once in an account"
        ]
        assert "or set it back: --set RolePath=/security/" in report.text

    def test_other_path_of_another_role_is_fine(self, compare: Compare) -> None:
        deploy(RolePath="/security/")
        assert compare(RolePath="/", ExecutionRoleName="Another").status == 0

    def test_other_path_in_one_account_is_fine(self, compare: Compare) -> None:
        deploy(RolePath="/security/", DeployAs="account-rule")
        assert compare(RolePath="/", DeployAs="account-rule").status == 0

    def test_path_that_only_the_stack_has_stays(self, compare: Compare) -> None:
        deploy(RolePath="/security/")
        assert compare().under("Missing") == []


class TestShape:
    """DeployAs."""

    @pytest.mark.parametrize("before", SHAPES[1:])
    def test_other_shape_is_a_hint_about_old_evaluations(self, compare: Compare, before: str) -> None:
        deploy(DeployAs=before)
        report = compare(DeployAs=SHAPES[0])
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}, {HOME}: the stack in {HOME} has DeployAs={before}, and the new value is {SHAPES[0]}: AWS "
            "Config replaces the rule, so the old evaluations are deleted and new findings are created"
        ]


class TestKeptValues:
    """Values that the stack has and the file lacks."""

    def test_they_are_listed_by_the_regions_that_share_them(self, compare: Compare) -> None:
        kept = {"publicAccessTest": "reachable", "excludedPublicRepositories": "public/*"}
        for region in (HOME, ABROAD):
            deploy(region, RuleName="ours", LogRetentionInDays="365", **kept)
        report = compare(regions=f"{HOME},{ABROAD}", RuleName="theirs")
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}, {HOME}, {ABROAD}: the stack in {HOME}, {ABROAD} has values that the file lacks: "
            "excludedPublicRepositories, publicAccessTest"
        ]
        assert (
            "  sam deploy keeps them. To have all values in one place: "
            "--set 'excludedPublicRepositories=public/*' --set publicAccessTest=reachable"
        ) in report.lines

    def test_value_that_no_parameter_has_any_more_or_that_is_hidden_is_not_listed(self, compare: Compare) -> None:
        deploy(OldParameter="x", AlarmTopicName="****")
        assert compare().under("Hint") == []

    def test_default_of_an_older_template_is_listed(self, compare: Compare) -> None:
        """SAM CLI sends the previous value, so a new default does not change the stack."""
        deploy(LogRetentionInDays="90")
        report = compare()
        assert "--set LogRetentionInDays=90" in report.text
