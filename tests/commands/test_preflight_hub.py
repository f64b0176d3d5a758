"""``preflight --hub``: a run in the management account for a rule that is deployed from another account, the hub."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.values.parameters_file import read_parameters
from tests.commands.conftest import ROOT, RunPreflight, WriteValues
from tests.commands.prepared_organization import (
    ABROAD,
    ELSEWHERE,
    HOME,
    ONE,
    REGISTER,
    TRUSTED,
    TWO,
    PreparedOrganization,
    refused,
)
from tests.local_aws.moto_organization_services import LandingZone, create_multi_account_role
from tests.local_aws.organization import HUB as MANAGEMENT

NAMED: Final = f"account {ONE} (member-{ONE})"
ASSUMES: Final = "this report assumes that the rule is deployed from the management account, but"
NEVER_EXCLUDED: Final = "Run preflight again afterwards. The account from which the rule is deployed is never excluded."
COMMAND: Final = f"ecr-exposure preflight --regions {HOME},{ABROAD} --hub {ONE}"


@pytest.fixture
def delegated(prepared: PreparedOrganization) -> PreparedOrganization:
    """Return an organization with a hub of its own; its management account, where the command runs, has no recorder."""
    prepared.delegate(*TRUSTED)
    prepared.organization.hub = MANAGEMENT
    for region in (HOME, ABROAD):
        prepared.remove_recorder(MANAGEMENT, region)
    return prepared


@pytest.fixture
def project(working_folder: Path) -> Path:
    """Return the file of the stack's values, in the working folder with the files that belong to it."""
    for name in ("template.yaml", "samconfig.toml", "parameters.yaml"):
        shutil.copy(ROOT / name, working_folder)
    return working_folder / "parameters.yaml"


class TestHubOfItsOwn:
    """What a run in the management account checks for the hub."""

    def test_organization_that_is_ready_for_the_hub_is_ready(
        self, delegated: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """The management account needs no recorder."""
        report = preflight(delegated, "--hub", ONE)
        assert (report.status, report.lines[-1]) == (0, "Ready to deploy")
        assert report.lines[2:5] == [
            f"Caller: account {MANAGEMENT}, the management account",
            f"Hub: {NAMED}, a delegated administrator (config-multiaccountsetup.amazonaws.com, "
            "member.org.stacksets.cloudformation.amazonaws.com); the rule is deployed from there",
            "Checked: 2 accounts (2 with the role OrganizationAccountAccessRole)",
        ]
        assert report.under("Hint") == []
        assert f"Deploy with credentials of {NAMED} when nothing is missing:" in report.lines
        assert read_parameters(project).values == {
            "OrganizationId": "o-exampleorg1",
            "OrganizationRootId": delegated.admin.org.root_id,
            "ManagementAccountId": MANAGEMENT,
            "HomeRegion": HOME,
        }

    def test_hub_that_cannot_check_the_accounts_names_the_run_that_can(
        self, delegated: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """Its values are those that the run in the management account wrote."""
        preflight(delegated, "--hub", ONE)
        written = project.read_bytes()
        delegated.organization.hub = ONE
        delegated.organization.accounts_without_role.add(TWO)
        report = preflight(delegated)
        assert (report.status, report.under("Missing"), project.read_bytes()) == (2, [], written)
        assert "would choose" not in report.text
        assert report.lines[-1] == "Not seen: 0 missing, 1 not checked"
        at = report.lines.index(f"  The management account {MANAGEMENT} can usually check this. {ELSEWHERE}:")
        assert report.lines[at + 1 : at + 4] == [
            f"    {COMMAND} --json > preflight.json",
            "  Then copy preflight.json to this folder, and here, with the other options of this run:",
            f"    ecr-exposure preflight --regions {HOME},{ABROAD} --from preflight.json",
        ]

    def test_hub_without_a_recorder_is_missing_it_although_the_file_excludes_it(
        self, delegated: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """As a run without --hub wrote it."""
        project.write_text(f'ExcludedAccounts: "{ONE}"\n')
        delegated.remove_recorder(ONE)
        report = preflight(delegated, "--hub", ONE, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"{NAMED}, eu-west-1: there is no configuration recorder in this account, from which the rule is deployed"
        ]
        assert report.under("Excluded") == []
        assert (
            "Run preflight again afterwards. The account from which the rule is deployed is never excluded.\n"
            in report.text
        )
        assert (
            f"parameters.yaml says ExcludedAccounts={ONE}; preflight would choose none "
            "(not ACTIVE, or without a recorder in every named Region): --set ExcludedAccounts="
        ) in report.lines

    def test_accounts_without_a_recorder_are_excluded_but_for_the_hub(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        for account in (ONE, TWO):
            delegated.remove_recorder(account)
        report = preflight(delegated, "--hub", ONE, regions=HOME)
        assert report.excluded == TWO

    def test_region_that_the_hub_has_not_enabled_is_missing(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.services.enabled[ABROAD] = {MANAGEMENT, TWO}
        report = preflight(delegated, "--hub", ONE)
        assert report.under("Missing") == [
            f"{NAMED}, us-east-1: the Region is not enabled in this account, from which the rule is deployed"
        ]

    def test_missing_registration_of_the_hub_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.aggregate(ONE)
        report = preflight(prepared, "--hub", ONE)
        assert report.status == 1
        assert f"Hub: {NAMED}, not a delegated administrator of any service; the rule is deployed from there" in (
            report.lines
        )
        assert [line.partition(": ")[0] for line in report.under("Missing")] == [f"management account {MANAGEMENT}"] * 2
        assert report.commands == [f"{REGISTER} {principal}" for principal in TRUSTED]

    def test_deploy_commands_lack_the_profile_of_the_management_account(
        self, delegated: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        assert project.exists()
        report = preflight(delegated, "--hub", ONE, "--profile", "management", regions=HOME)
        assert "    sam build && sam deploy --region eu-west-1" in report.lines

    def test_one_account_alone_is_the_hub(
        self, delegated: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(DeployAs="account-rule")
        assert preflight(delegated, "--hub", ONE).status == 0
        delegated.remove_recorder(ONE)
        report = preflight(delegated, "--hub", ONE)
        assert [line.partition(": ")[0] for line in report.under("Missing")] == [f"{NAMED}, eu-west-1"]
        delegated.organization.accounts_without_role.add(ONE)
        report = preflight(delegated, "--hub", ONE)
        assert report.status == 2
        assert report.under("Not checked") == [
            f"account {MANAGEMENT}: cannot be seen from here: 1 account, in which it can assume no role"
        ]
        assert f"  {ONE} (member-{ONE})" in report.lines


class TestManagementAccountIncluded:
    """A rule that evaluates the management account, too."""

    def test_management_account_needs_the_service_linked_role_and_a_recorder(
        self, delegated: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(IncludeManagementAccount="true")
        report = preflight(delegated, "--hub", ONE, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"management account {MANAGEMENT}: IncludeManagementAccount is true, and the service-linked role of AWS "
            "Config for organization rules does not exist",
            f"account {MANAGEMENT} (master), eu-west-1: there is no configuration recorder",
        ]
        create_multi_account_role(MANAGEMENT)
        delegated.record(MANAGEMENT)
        assert preflight(delegated, "--hub", ONE, regions=HOME).status == 0


class TestReadInTheHub:
    """What belongs to the hub is read there."""

    def test_aggregator_of_the_management_account_does_not_count(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """It would not be the hub's."""
        for principal in TRUSTED:
            prepared.admin.register_delegated_administrator(AccountId=ONE, ServicePrincipal=principal)
        report = preflight(prepared, "--hub", ONE)
        assert report.status == 0
        (hint,) = report.under("Hint")
        assert hint.startswith(
            f"account {ONE}: no organization aggregator in these Regions covers eu-west-1, us-east-1"
        )
        at = report.lines.index(f"  Before that, in management account {MANAGEMENT}:")
        assert report.lines[at + 1] == f"  {REGISTER} config.amazonaws.com"
        assert f"arn:aws:iam::{ONE}:role/EcrExposureAggregator" in report.text

    def test_key_is_read_in_the_hub(
        self, delegated: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        """Its key policy usually allows nothing to other accounts."""
        write_values(KmsKeyArn=f"arn:aws:kms:{HOME}:{ONE}:key/mrk-1234abcd")
        preflight(delegated, "--hub", ONE)
        described = [call.account for call in delegated.organization.calls if call.operation == "DescribeKey"]
        assert set(described) == {ONE}

    def test_hub_that_cannot_be_reached_is_not_checked(
        self, delegated: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(KmsKeyArn=f"arn:aws:kms:{HOME}:{ONE}:key/mrk-1234abcd")
        delegated.organization.accounts_without_role.add(ONE)
        report = preflight(delegated, "--hub", ONE, regions=HOME)
        assert report.status == 2
        assert [line.partition(" could not be checked: ")[0] for line in report.under("Not checked")] == [
            f"account {MANAGEMENT}: cannot be seen from here: 1 account, in which it can assume no role",
            f"{NAMED}, eu-west-1: the key mrk-1234abcd of KmsKeyArn",
        ]
        assert any(
            line.startswith(f"account {ONE}: the organization aggregator could not be checked: AccessDenied")
            for line in report.under("Hint")
        )
        assert "ecr-exposure preflight" not in report.text


class TestHubThatIsTheManagementAccount:
    """A run in a delegated administrator for a rule that is deployed from the management account."""

    def test_management_account_needs_no_registration_and_is_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate("config.amazonaws.com")
        report = preflight(prepared, "--hub", MANAGEMENT)
        assert report.status == 0
        assert f"Hub: account {MANAGEMENT} (master), the management account; the rule is deployed from there" in (
            report.lines
        )
        prepared.organization.accounts_without_role.add(MANAGEMENT)
        report = preflight(prepared, "--hub", MANAGEMENT)
        assert report.status == 2
        assert report.under("Not checked") == [
            f"account {ONE}: cannot be seen from here: 1 account, in which it can assume no role"
        ]
        assert f"  {MANAGEMENT} (master)" in report.lines


class TestHint:
    """A run in the management account without --hub."""

    def test_registered_account_is_a_hint(self, delegated: PreparedOrganization, preflight: RunPreflight) -> None:
        report = preflight(delegated, regions=HOME)
        assert (
            f"management account {MANAGEMENT}: {ASSUMES} {NAMED} is a delegated administrator for AWS Config rules "
            in (report.under("Hint")[0])
        )
        assert (
            f"  If the rule is to be deployed from account {ONE}, run preflight again with --hub {ONE} "
            f"(with make: HUB={ONE}), also with credentials of the management account."
        ) in report.lines
        assert (
            "If that is not the management account, run preflight with --hub instead of the commands.\n" in report.text
        )
        assert "The rule is deployed from this account" not in report.text

    def test_registered_account_is_not_excluded(
        self, delegated: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """A run with --hub would not change the value."""
        for account in (ONE, TWO):
            delegated.remove_recorder(account)
        report = preflight(delegated, regions=HOME)
        assert read_parameters(project).values["ExcludedAccounts"] == TWO
        assert f"{NAMED}, eu-west-1: there is no configuration recorder" in report.under("Missing")

    def test_management_account_that_is_named_is_the_hub(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        for account in (ONE, TWO):
            delegated.remove_recorder(account)
        report = preflight(delegated, "--hub", MANAGEMENT, regions=HOME)
        assert report.excluded == f"{ONE},{TWO}"
        assert ASSUMES not in report.text
        assert (
            "Run preflight again afterwards. The account from which the rule is deployed is never excluded.\n"
            in report.text
        )

    def test_audit_account_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        prepared.admin.enable_aws_service_access(ServicePrincipal="controltower.amazonaws.com")
        prepared.services.landing_zone = LandingZone(
            account=MANAGEMENT, region=HOME, manifest={"securityRoles": {"accountId": TWO}}
        )
        report = preflight(prepared)
        (hint,) = report.under("Hint")
        assert hint.endswith(f"{ASSUMES} account {TWO} (member-{TWO}) is the audit account of AWS Control Tower")

    def test_several_registered_accounts_are_no_hint(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.admin.register_delegated_administrator(AccountId=TWO, ServicePrincipal=TRUSTED[0])
        assert ASSUMES not in preflight(delegated).text

    def test_registration_for_another_service_is_no_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.admin.register_delegated_administrator(AccountId=TWO, ServicePrincipal=TRUSTED[1])
        assert preflight(prepared).under("Hint") == []


class TestWrongHub:
    """An account from which nothing can be deployed."""

    @pytest.mark.parametrize(
        ("hub", "problem"),
        [
            ("1111", "Invalid value for '--hub': '1111' is not an account ID of 12 digits"),
            ("999999999999", "--hub: account 999999999999 is not in the organization"),
            (TWO, f"--hub: account {TWO} is SUSPENDED"),
        ],
    )
    def test_hub_that_is_no_active_account_ends_with_an_error(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], hub: str, problem: str
    ) -> None:
        prepared.admin.close_account(AccountId=TWO)
        environment = Environment(session=prepared.organization.session(MANAGEMENT, HOME))
        assert main(("preflight", "--regions", HOME, "--hub", hub), environment) == 2
        assert problem in capsys.readouterr().err

    def test_refused_list_of_accounts_leaves_the_hub_as_named(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with delegated.organization.faults.inject(refused("organizations", "ListAccounts")):
            report = preflight(delegated, "--hub", ONE)
        assert report.status == 2
        assert report.lines[3].startswith(f"Hub: account {ONE}, a delegated administrator (")


class TestRestToCheck:
    """The run in the management account, whose result the hub reads by --from."""

    def test_points_beside_the_accounts_can_be_checked_there_too(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.organization.hub = ONE
        with delegated.organization.faults.inject(refused("organizations", "ListAWSServiceAccessForOrganization")):
            report = preflight(delegated)
        assert report.status == 2
        assert f"    {COMMAND} --json > preflight.json" in report.lines

    @pytest.mark.parametrize(
        "values", [{"IncludeManagementAccount": "true"}, {"PermissionsBoundaryName": "Boundary"}, {"KmsKeyArn": "key"}]
    )
    def test_values_that_decide_what_is_read_are_needed_there(
        self,
        delegated: PreparedOrganization,
        preflight: RunPreflight,
        write_values: WriteValues,
        values: dict[str, str],
    ) -> None:
        delegated.organization.hub = ONE
        delegated.organization.accounts_without_role.add(TWO)
        write_values(**values)
        assert f"{ELSEWHERE} with the same parameters.yaml:\n" in preflight(delegated).text

    def test_member_without_registration_is_sent_to_an_account_without_an_id(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.organization.hub = ONE
        faults = prepared.organization.faults
        with faults.inject(refused("organizations", "DescribeOrganization")):
            report = preflight(prepared)
        assert f"  The management account can usually check this. {ELSEWHERE}:" in report.lines

    def test_management_account_has_no_other_account_to_name(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.organization.accounts_without_role.add(TWO)
        report = preflight(prepared)
        assert "CloudShell" not in report.text
        assert report.lines[-1] == "Not seen: 0 missing, 1 not checked"
