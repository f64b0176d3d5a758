"""How ``preflight`` reads the accounts: by which calls, and what it makes of AWS's answers."""

import json
from collections import Counter
from typing import Any, Final

import pytest

from ecr_exposure.cli.main import main
from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import (
    ABROAD,
    HOME,
    ONE,
    TRUSTED,
    TWO,
    PreparedOrganization,
    prepared_organization,
)
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB
from tests.nightly import every

PAIRS: Final = 6
"""Three accounts in two Regions."""
STATUS, SETTINGS = "DescribeConfigurationRecorderStatus", "DescribeConfigurationRecorders"
CHANNELS, DELIVERIES = "DescribeDeliveryChannels", "DescribeDeliveryChannelStatus"
EVERYTHING: Final = {
    "DeployAs": "organization-rule",
    "IncludeManagementAccount": "true",
    "KmsKeyArn": f"arn:aws:kms:{HOME}:{HUB}:key/mrk-1",
    "PermissionsBoundaryName": "Boundary",
}


def operations(prepared: PreparedOrganization) -> Counter[str]:
    """Return how often each operation was called."""
    return Counter(call.operation for call in prepared.organization.calls)


def answer(operation: str, member: str, *entries: dict[str, Any], **where: Any) -> Fault:
    """Let AWS Config return these entries."""
    body = json.dumps({member: entries})
    return Fault("config", operation, status=200, body=body, request_id=True, times=None, **where)


class TestCalls:
    """As few calls as possible, each in the right account."""

    def test_each_role_is_assumed_once_and_each_recorder_read_once(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        preflight(prepared)
        called = operations(prepared)
        assert called["AssumeRole"] == 2
        assert {called[name] for name in (STATUS, SETTINGS, CHANNELS, DELIVERIES)} == {PAIRS}
        assert called["DescribeHub"] == called["ListOrganizationAdminAccounts"] == 2

    def test_every_account_is_read_with_credentials_of_its_own(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Although all accounts share the clients."""
        preflight(prepared)
        read = Counter((call.account, call.region) for call in prepared.organization.calls if call.operation == STATUS)
        assert read == Counter((account, region) for account in (HUB, ONE, TWO) for region in (HOME, ABROAD))

    def test_role_that_exists_in_one_account_is_tried_first_in_the_next(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        for number in range(60):
            prepared.organization.join(str(500_000_000_000 + number))
        denied = Fault(
            "sts",
            "AssumeRole",
            status=403,
            code="AccessDenied",
            times=None,
            when=lambda call: str(call.parameters["RoleArn"]).endswith("OrganizationAccountAccessRole"),
        )
        with prepared.organization.faults.inject(denied):
            report = preflight(prepared, regions=HOME)
        assert "62 with the role AWSControlTowerExecution" in report.text
        # The first ones are tried side by side, before any of them is known to exist.
        assert operations(prepared)["AssumeRole"] < 2 * 62

    def test_permissions_of_the_command_name_every_call(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        write_values: WriteValues,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        write_values(**EVERYTHING)
        prepared.admin.enable_aws_service_access(ServicePrincipal="controltower.amazonaws.com")
        preflight(prepared, "--ou", prepared.admin.org.root_id)
        calls = list(prepared.organization.calls)
        prepared.delegate(*TRUSTED)
        prepared.organization.accounts_without_role.add(TWO)
        preflight(prepared)
        calls += prepared.organization.calls
        assert main(["preflight", "--permissions"]) == 0
        statements = json.loads(capsys.readouterr().out)["Statement"]
        allowed = {action for each in statements for action in each["Action"]}
        assert {f"{call.service}:{call.operation}" for call in calls} - allowed == set()
        assert len({call.operation for call in calls}) > 25


class TestRefusals:
    """Whatever AWS refuses, there is a report with a result."""

    @pytest.mark.parametrize("code", every(2, ["AccessDeniedException", "ThrottlingException"]))
    @pytest.mark.parametrize(
        "call",
        [
            ("account", "ListRegions"),
            ("cloudformation", "DescribeOrganizationsAccess"),
            ("cloudformation", "DescribeStacks"),
            ("config", "DescribeConfigurationAggregators"),
            ("config", CHANNELS),
            ("config", DELIVERIES),
            ("config", SETTINGS),
            ("config", STATUS),
            ("controltower", "ListLandingZones"),
            ("iam", "GetPolicy"),
            ("kms", "DescribeKey"),
            ("organizations", "DescribeOrganization"),
            ("organizations", "ListAccounts"),
            ("organizations", "ListAWSServiceAccessForOrganization"),
            ("organizations", "ListRoots"),
            ("securityhub", "DescribeHub"),
            ("securityhub", "ListOrganizationAdminAccounts"),
            ("sts", "AssumeRole"),
        ],
    )
    def test_refused_operation_leaves_a_report_that_names_it(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        write_values: WriteValues,
        call: tuple[str, str],
        code: str,
    ) -> None:
        service, operation = call
        write_values(**EVERYTHING)
        prepared.admin.enable_aws_service_access(ServicePrincipal="controltower.amazonaws.com")
        fault = Fault(service, operation, status=400, code=code, message="no", times=None)
        with prepared.organization.faults.inject(fault) as injected:
            report = preflight(prepared)
        assert injected.calls
        assert report.status in {1, 2}
        assert f"({operation})" in report.text
        assert report.lines[-1].startswith(("Not ready: ", "Not seen: "))

    def test_throttled_calls_are_repeated(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        with prepared.organization.faults.inject(Fault("config", STATUS, times=8)):
            report = preflight(prepared)
        assert (report.status, report.under("Not checked")) == (0, [])

    def test_pair_that_fails_for_now_is_read_once_more_at_the_end(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Six attempts of botocore are not enough, a seventh is."""
        fault = Fault("config", STATUS, status=500, code="InternalError", times=6, account=ONE, region=HOME)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert (report.status, report.under("Not checked")) == (0, [])
        assert operations(prepared)[STATUS] == PAIRS + 6

    def test_role_that_cannot_be_assumed_for_now_is_assumed_at_the_end(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        fault = Fault(
            "sts", "AssumeRole", status=503, code="Down", times=12, when=lambda call: ONE in str(call.parameters)
        )
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert (report.status, report.under("Not checked")) == (0, [])

    def test_region_that_does_not_respond_is_given_up(self, preflight: RunPreflight) -> None:
        """A failed connection takes a minute with all its attempts: not every account is tried."""
        members = (ONE, TWO, *(str(500_000_000_000 + number) for number in range(98)))
        with prepared_organization(members=members) as prepared:
            fault = Fault("config", STATUS, connection=Connection.CONNECT_TIMEOUT, times=None, region=ABROAD)
            with prepared.organization.faults.inject(fault) as injected:
                report = preflight(prepared)
        assert report.status == 2
        assert len({call.account for call in injected.calls}) <= 40
        assert any("101 accounts" in line for line in report.under("Not checked"))


class TestRecorders:
    """What DescribeConfigurationRecorderStatus and the calls that follow it tell."""

    def test_status_in_either_spelling_and_its_error_are_read(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """AWS's model spells it Failure, its examples FAILURE."""
        for spelling in ("Failure", "FAILURE"):
            failing = {
                "name": "default",
                "recording": True,
                "lastStatus": spelling,
                "lastErrorCode": "AccessDenied",
                "lastErrorMessage": "the role\ncannot be assumed",
            }
            fault = answer(STATUS, "ConfigurationRecordersStatus", failing, account=ONE, region=HOME)
            with prepared.organization.faults.inject(fault):
                report = preflight(prepared)
            assert report.status == 1
            (missing,) = report.under("Missing")
            assert "AccessDenied: the role cannot be assumed" in missing

    def test_service_linked_recorder_beside_the_customers_is_ignored(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        linked = {"name": "AWSConfigurationRecorderForX", "recording": True, "servicePrincipal": "x.amazonaws.com"}
        own = {"name": "default", "recording": True, "lastStatus": "SUCCESS"}
        with prepared.organization.faults.inject(answer(STATUS, "ConfigurationRecordersStatus", linked, own)):
            assert preflight(prepared).status == 0

    def test_running_one_of_two_recorders_counts(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        stopped = {"name": "old", "recording": False, "lastStatus": "SUCCESS"}
        own = {"name": "default", "recording": True, "lastStatus": "SUCCESS"}
        with prepared.organization.faults.inject(answer(STATUS, "ConfigurationRecordersStatus", stopped, own)):
            assert preflight(prepared).status == 0

    def test_recorder_that_is_gone_when_its_settings_are_read_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with prepared.organization.faults.inject(answer(SETTINGS, "ConfigurationRecorders", account=ONE, region=HOME)):
            report = preflight(prepared)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert "DescribeConfigurationRecorders does not return the recorder default" in finding

    def test_failed_delivery_is_a_hint_with_the_text_of_aws(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.services.recording.deliveries[ONE, HOME] = {
            "configHistoryDeliveryInfo": {
                "lastStatus": "FAILURE",
                "lastErrorCode": "NoSuchBucket",
                "lastErrorMessage": "The specified bucket does not exist",
            },
            "configStreamDeliveryInfo": {"lastStatus": "Not_Applicable"},
        }
        report = preflight(prepared)
        assert report.status == 0
        (hint,) = report.under("Hint")
        assert "the configuration history: NoSuchBucket: The specified bucket does not exist" in hint

    def test_long_message_of_aws_is_cut(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        failing = {"name": "default", "recording": True, "lastStatus": "FAILURE", "lastErrorMessage": "x" * 5000}
        with prepared.organization.faults.inject(answer(STATUS, "ConfigurationRecordersStatus", failing, account=ONE)):
            assert max(map(len, preflight(prepared).lines)) < 1000

    def test_trusted_access_that_only_organizations_knows_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """CloudFormation has to activate it, so that it creates its roles."""
        prepared.services.recording.stack_sets = "DISABLED"
        report = preflight(prepared)
        assert report.status == 1
        assert "aws cloudformation activate-organizations-access --region eu-west-1" in report.commands
