"""``preflight`` and the accounts: recorders, delivery channels, and accounts that cannot be checked."""

import json
import shlex
from typing import Final

import pytest
from moto.config.models import config_backends

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import (
    ABROAD,
    HOME,
    ONE,
    TWO,
    PreparedOrganization,
    prepared_organization,
    refused,
)
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, LocalOrganization

PUT: Final = f"aws configservice put-configuration-recorder --region {HOME} --configuration-recorder"
UNCHECKED_1: Final = "1 account not checked, so not in ExcludedAccounts; it may fail the deployment: "
NO_RECORDER_IN_HUB: Final = "there is no configuration recorder in this account, from which the rule is deployed"
START: Final = f"aws configservice start-configuration-recorder --region {HOME} --configuration-recorder-name default"


class TestScope:
    """Which accounts are checked, by which role."""

    def test_each_account_is_checked_in_each_region_by_the_named_role(self) -> None:
        with prepared_organization(execution_role="Inspector") as prepared:
            environment = Environment(session=prepared.organization.session(HUB, HOME))
            assert main(["preflight", "--regions", f"{HOME},{ABROAD}", "--role", "Inspector"], environment) == 0
            calls = [each for each in prepared.organization.calls if each.operation == "DescribeConfigurationRecorders"]
        assert sorted((call.account, call.region, call.role) for call in calls) == [
            (HUB, HOME, "OrganizationAccountAccessRole"),
            (HUB, ABROAD, "OrganizationAccountAccessRole"),
            (ONE, HOME, "Inspector"),
            (ONE, ABROAD, "Inspector"),
            (TWO, HOME, "Inspector"),
            (TWO, ABROAD, "Inspector"),
        ]

    def test_more_accounts_than_a_page_holds_are_all_checked(self, preflight: RunPreflight) -> None:
        members = tuple(str(500_000_000_000 + number) for number in range(250))
        with (
            organizations_api(page=20) as services,
            LocalOrganization(members=members, regions=(HOME,)) as organization,
        ):
            prepared = PreparedOrganization(organization, services)
            prepared.prepare(administrator=members[0])
            organization.accounts_without_role.update(members[1:-1])
            prepared.remove_recorder(members[-1])
            report = preflight(prepared, regions=HOME)
            called = [call.operation for call in organization.calls]
        assert called.count("ListAccounts") == 13
        assert "Checked: 3 accounts (the caller's own, 2 with the role OrganizationAccountAccessRole)" in report.text
        (finding,) = report.under("Not checked")
        assert finding == "account 111122223333: cannot be seen from here: 248 accounts, in which it can assume no role"
        assert report.text.count("  500000000001 (member-500000000001), ") == 1
        assert "500000000005 (member-500000000005), and 243 more\n  The reason: AccessDenied: " in report.text
        assert report.excluded == members[-1]
        assert report.lines[-1] == "Not seen: 0 missing, 1 not checked"

    @pytest.mark.parametrize("member", ["State", "Status"])
    def test_state_of_an_account_is_read_from_both_members(
        self, prepared: PreparedOrganization, preflight: RunPreflight, member: str
    ) -> None:
        """AWS announced to retire Status: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html."""
        states = {HUB: "ACTIVE", ONE: "ACTIVE", TWO: "PENDING_CLOSURE"}
        body = json.dumps({"Accounts": [{"Id": account, member: state} for account, state in states.items()]})
        response = Fault("organizations", "ListAccounts", status=200, body=body, request_id=True)
        with prepared.organization.faults.inject(response):
            report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [f"account {TWO}: not ACTIVE but PENDING_CLOSURE, so the rule excludes it"]

    def test_suspended_account_is_excluded_and_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """No command can fix it."""
        prepared.admin.close_account(AccountId=TWO)
        prepared.remove_recorder(TWO)
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {TWO} (member-{TWO}): not ACTIVE but SUSPENDED, so the rule excludes it"
        ]
        assert report.excluded == TWO
        assert not [call for call in prepared.organization.calls if call.account == TWO]

    def test_suspended_accounts_are_one_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        for account in (ONE, TWO):
            prepared.admin.close_account(AccountId=account)
        report = preflight(prepared)
        assert report.under("Hint") == ["2 accounts: not ACTIVE but SUSPENDED, so the rule excludes them"]

    def test_account_without_a_state_is_not_taken_for_an_inactive_one(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """An account that is not ACTIVE is excluded: only AWS can say that of one."""
        body = json.dumps({"Accounts": [{"Id": account} for account in (HUB, ONE, TWO)]})
        response = Fault("organizations", "ListAccounts", status=200, body=body, request_id=True)
        with prepared.organization.faults.inject(response):
            report = preflight(prepared)
        assert report.status == 2
        assert report.excluded == ""

    def test_account_without_the_role_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.organization.accounts_without_role.add(TWO)
        prepared.remove_recorder(TWO)
        report = preflight(prepared)
        assert report.status == 2
        assert report.under("Not checked") == [
            f"account {HUB}: cannot be seen from here: 1 account, in which it can assume no role"
        ]
        at = report.lines.index(f"- account {HUB}: cannot be seen from here: 1 account, in which it can assume no role")
        assert report.lines[at + 1 : at + 4] == [
            f"  {TWO} (member-{TWO})",
            "  The reason: AccessDenied: The caller is not authorized to perform: sts:AssumeRole on this role "
            "(AssumeRole)",
            "  One account without a configuration recorder fails the whole deployment. preflight tried the role "
            "OrganizationAccountAccessRole or AWSControlTowerExecution; --role names another one.",
        ]
        assert report.excluded == ""
        assert f"{UNCHECKED_1}{TWO} (member-{TWO})" in report.lines
        assert report.lines[-1] == "Not seen: 0 missing, 1 not checked"

    def test_suspended_account_that_the_file_does_not_exclude_is_not_said_to_be(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        for account in (ONE, TWO):
            prepared.admin.close_account(AccountId=account)
        write_values(ExcludedAccounts=ONE)
        report = preflight(prepared)
        assert [line for line in report.under("Hint") if "SUSPENDED" in line] == [
            f"account {ONE} (member-{ONE}): not ACTIVE but SUSPENDED, so the rule excludes it",
            f"account {TWO} (member-{TWO}): not ACTIVE but SUSPENDED, and ExcludedAccounts lacks it",
        ]
        assert "(not ACTIVE, or without a recorder in every named Region): --set ExcludedAccounts=" in report.text


class TestManyAccountsWithoutARecorder:
    """They are one finding for each set of commands."""

    def test_accounts_and_regions_are_one_finding(self, preflight: RunPreflight) -> None:
        members = tuple(str(500_000_000_000 + number) for number in range(11))
        with organizations_api() as services, LocalOrganization(members=members) as organization:
            prepared = PreparedOrganization(organization, services)
            prepared.prepare(administrator=members[0])
            for account in (HUB, *members):
                prepared.remove_recorder(account)
            prepared.remove_recorder(members[0], ABROAD)
            report = preflight(prepared)
        assert report.under("Missing") == [f"account {HUB} (master), eu-west-1: {NO_RECORDER_IN_HUB}"]
        assert report.under("Excluded") == ["11 accounts, 12 times in 2 Regions: there is no configuration recorder"]
        regions = ("both Regions", *["eu-west-1"] * 4)
        named = (f"{member} (member-{member}) in {where}" for member, where in zip(members[:5], regions, strict=True))
        assert f"  {'; '.join(named)}; and 6 more" in report.lines
        roles = [command.partition("iam::")[2][:12] for command in report.commands if "roleARN" in command]
        assert roles == [HUB, "ACCOUNT:role"]
        put = "aws configservice start-configuration-recorder --region REGION --configuration-recorder-name default"
        assert report.commands.count(put) == 1
        assert "  ACCOUNT and REGION stand for each of them; --json lists all" in report.lines
        assert (
            "  Quick Setup creates recorders in all accounts of an organization "
            "(https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-config.html). "
            "The first command fails if the role exists"
        ) in report.text
        assert report.lines[-1] == "Not ready: 1 missing, 0 not checked"

    def test_accounts_that_need_other_commands_are_another_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        for account in ("888899990000", "999900001111"):
            prepared.organization.join(account)
        prepared.remove_recorder(ONE)
        prepared.remove_recorder(TWO, channel=False)
        report = preflight(prepared, regions=HOME)
        assert [line.partition(": ")[0] for line in report.under("Excluded")] == [
            "3 accounts, eu-west-1",
            f"account {TWO} (member-{TWO}), eu-west-1",
        ]
        assert f"  {ONE} (member-{ONE}), 888899990000 (" in report.text
        assert report.lines[-1] == "Ready to deploy without 4 accounts: see Excluded"


class TestRecorder:
    """A missing or stopped configuration recorder fails the deployment."""

    def test_account_without_a_recorder_is_excluded_and_the_others_are_ready(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.remove_recorder(ONE)
        report = preflight(prepared, regions=HOME)
        assert (report.status, report.lines[-1]) == (0, "Ready to deploy without 1 account: see Excluded")
        assert report.under("Missing") == []
        assert (
            "It then prints how to include the account, which the rule does not evaluate until then.\n" in report.text
        )
        assert report.under("Excluded") == [
            "account 444455556666 (member-444455556666), eu-west-1: there is no configuration recorder"
        ]
        role = "arn:aws:iam::444455556666:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
        assert report.commands == [
            "aws iam create-service-linked-role --aws-service-name config.amazonaws.com",
            f"{PUT} name=default,roleARN={role} "
            "--recording-group resourceTypes=AWS::ECR::Repository,AWS::Config::ResourceCompliance",
            "aws configservice put-delivery-channel --region eu-west-1 "
            "--delivery-channel name=default,s3BucketName=org-config-log",
            START,
        ]
        assert "The policy of the bucket org-config-log, which other accounts use, must allow" in report.text
        assert report.excluded == ONE

    def test_unknown_bucket_is_to_be_replaced(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        """No account has a recorder; a delivery channel that exists is kept."""
        for account in prepared.organization.accounts:
            prepared.remove_recorder(account, channel=account != TWO)
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.excluded == f"{ONE},{TWO}"
        assert [command for command in report.commands if "delivery" in command] == [
            "aws configservice put-delivery-channel --region eu-west-1 "
            "--delivery-channel name=default,s3BucketName=org-config-log"
        ] * 2
        prepared.remove_recorder(TWO)
        report = preflight(prepared, regions=HOME)
        assert "s3BucketName=NAME-OF-YOUR-BUCKET" in report.text
        assert (
            "Replace NAME-OF-YOUR-BUCKET by the name of a bucket that AWS Config of the account may write to ("
            in report.text
        )

    def test_stopped_recorder_is_missing_in_its_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.record(TWO, ABROAD, on=False)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            "account 777788889999 (member-777788889999), us-east-1: the configuration recorder is stopped"
        ]
        assert report.commands == [
            "aws configservice start-configuration-recorder --region us-east-1 --configuration-recorder-name default"
        ]
        assert "  Run preflight again afterwards. A stopped recorder excludes no account.\n" in report.text
        assert report.excluded == ""
        assert preflight(prepared, regions=HOME).status == 0

    def test_stopped_recorder_without_a_delivery_channel_needs_one_first(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.record(TWO, on=False)
        config_backends[TWO][HOME].delivery_channels.clear()
        assert [shlex.split(command)[2] for command in preflight(prepared).commands] == [
            "put-delivery-channel",
            "start-configuration-recorder",
        ]

    @pytest.mark.parametrize("recorder", [True, False])
    def test_refused_delivery_channel_is_noted(
        self, prepared: PreparedOrganization, preflight: RunPreflight, *, recorder: bool
    ) -> None:
        """Without a delivery channel no recorder starts, so the commands may be too few."""
        prepared.record(ONE, on=False)
        if not recorder:
            prepared.remove_recorder(ONE)
        with prepared.organization.faults.inject(refused("config", "DescribeDeliveryChannels", account=ONE)):
            report = preflight(prepared, regions=HOME)
        assert "put-delivery-channel" not in report.text
        assert (
            "Whether there is a delivery channel could not be checked: "
            "AccessDeniedException: no DescribeDeliveryChannels for you (DescribeDeliveryChannels)"
        ) in report.text

    def test_regions_that_differ_are_both_reported(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.remove_recorder(ONE, HOME)
        prepared.remove_recorder(TWO, ABROAD)
        report = preflight(prepared)
        assert report.under("Excluded") == ["2 accounts, each in one of 2 Regions: there is no configuration recorder"]
        assert f"  {ONE} (member-{ONE}) in eu-west-1; {TWO} (member-{TWO}) in us-east-1" in report.lines
        assert (report.lines[-1], report.excluded) == ("Ready to deploy without 2 accounts: see Excluded", "")
        assert preflight(prepared, regions=HOME).excluded == ONE
        assert preflight(prepared, regions=ABROAD).excluded == TWO

    def test_account_that_one_region_excludes_is_still_unchecked_in_the_other(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """One region has no recorder, and the other refuses."""
        prepared.remove_recorder(ONE, HOME)
        fault = refused("config", "DescribeConfigurationRecorderStatus", account=ONE, region=ABROAD)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert report.excluded == ""
        assert f"{UNCHECKED_1}{ONE} (member-{ONE})" in report.lines

    def test_refused_recorder_is_not_checked(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        fault = refused("config", "DescribeConfigurationRecorderStatus", account=ONE, region=ABROAD)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            "account 444455556666 (member-444455556666), us-east-1: the configuration recorder could not be checked: "
        )
        assert report.lines.count(f"{UNCHECKED_1}{ONE} (member-{ONE})") == 1

    def test_refused_settings_of_a_recorder_are_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        fault = refused("config", "DescribeConfigurationRecorders", account=ONE, region=ABROAD)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            "account 444455556666 (member-444455556666), us-east-1: what the configuration recorder records could not "
        )

    def test_region_that_does_not_answer_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """For example one that an account has not enabled; every account is reported."""
        fault = Fault("config", "DescribeConfigurationRecorderStatus", connection=Connection.UNREACHABLE, times=None)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared, regions=HOME)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith("3 accounts, eu-west-1: the configuration recorder could not be checked: Could not")

    def test_service_linked_recorder_does_not_count(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """It serves another service; the rule needs the customer managed recorder."""
        recorder = {
            "name": "linked",
            "recording": True,
            "servicePrincipal": "observability.amazonaws.com",
        }
        body = json.dumps({"ConfigurationRecordersStatus": [recorder]})
        where = ("config", "DescribeConfigurationRecorderStatus")
        response = Fault(*where, status=200, body=body, request_id=True, account=ONE, times=None)
        with prepared.organization.faults.inject(response):
            report = preflight(prepared, regions=HOME)
        assert report.under("Excluded")[0].endswith("eu-west-1: there is no configuration recorder")
        assert report.excluded == ONE

    def test_recorder_is_missing_if_the_hub_or_the_file_does_not_exclude_its_account(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        for account in (HUB, ONE):
            prepared.remove_recorder(account)
        write_values(ExcludedAccounts=TWO, DeployAs="organization-rule")
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert [line.split(" ")[1] for line in report.under("Missing")] == [HUB, ONE]
        assert "fails the whole deployment, and ExcludedAccounts lacks it.\n" in report.text

    def test_account_that_is_excluded_although_its_recorder_runs_is_told(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        """Preflight excluded it when it had no recorder, and changes no value that is there."""
        prepared.remove_recorder(ONE)
        write_values(ExcludedAccounts=f"{ONE},{TWO}", DeployAs="organization-rule")
        report = preflight(prepared, regions=HOME)
        assert (report.status, report.lines[-1]) == (0, "Ready to deploy without 2 accounts: see Excluded")
        assert report.under("Excluded") == [
            f"account {ONE} (member-{ONE}), eu-west-1: there is no configuration recorder",
            f"account {TWO} (member-{TWO}): in ExcludedAccounts, although a configuration recorder runs there",
        ]
        assert any(line.endswith(f": --set ExcludedAccounts={ONE}") for line in report.lines)


class TestRecording:
    """What a running recorder does not record fails no deployment, but then nothing is evaluated."""

    def test_recorder_without_the_types_is_missing_them(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.record(ONE, recordingGroup={"resourceTypes": ["AWS::S3::Bucket"]})
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            "account 444455556666 (member-444455556666), eu-west-1: the configuration recorder does not record "
            "AWS::ECR::Repository and AWS::Config::ResourceCompliance: changes of repositories are not evaluated; "
            "a resource's history does not show its evaluations"
        ]
        assert report.commands == [
            PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config"}\' '
            '--recording-group \'{"resourceTypes":["AWS::S3::Bucket","AWS::ECR::Repository",'
            '"AWS::Config::ResourceCompliance"],"recordingStrategy":{"useOnly":"INCLUSION_BY_RESOURCE_TYPES"}}\''
        ]
        assert report.excluded == ""

    def test_recorder_that_excludes_a_type_is_missing_it(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        group = {
            "exclusionByResourceTypes": {"resourceTypes": ["AWS::S3::Bucket", "AWS::ECR::Repository"]},
            "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
        }
        prepared.record(ONE, recordingGroup=group)
        report = preflight(prepared)
        assert report.status == 1
        assert "does not record AWS::ECR::Repository: changes" in report.under("Missing")[0]
        assert report.commands == [
            PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config"}\' '
            '--recording-group \'{"exclusionByResourceTypes":{"resourceTypes":["AWS::S3::Bucket"]},'
            '"recordingStrategy":{"useOnly":"EXCLUSION_BY_RESOURCE_TYPES"}}\''
        ]

    def test_daily_recording_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        prepared.record(ONE, recordingMode={"recordingFrequency": "DAILY"})
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            "account 444455556666 (member-444455556666), eu-west-1: "
            "repositories are recorded DAILY: a change is evaluated up to 24 hours later"
        ]
        assert report.commands == [
            PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config",'
            '"recordingMode":{"recordingFrequency":"DAILY","recordingModeOverrides":'
            '[{"resourceTypes":["AWS::ECR::Repository"],"recordingFrequency":"CONTINUOUS"}]}}\' '
            '--recording-group \'{"allSupported":true,"includeGlobalResourceTypes":false,'
            '"recordingStrategy":{"useOnly":"ALL_SUPPORTED_RESOURCE_TYPES"}}\''
        ]
