"""``preflight`` and recorders that exist: what AWS reports of them, and which commands are not printed for them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from moto.config.models import config_backends

from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import HOME, ONE, TRUSTED, TWO, PreparedOrganization, refused
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organization_services import LandingZone
from tests.local_aws.organization import HUB

NAMED = f"account {ONE} (member-{ONE})"
ACTIVATE = f"aws cloudformation activate-organizations-access --region {HOME}"


def fail(account: str, code: str | None, message: str | None, status: str = "FAILURE") -> None:
    """Let the last recording event of a recorder fail."""
    found = config_backends[account][HOME].recorders["default"].status
    found.last_status, found.last_error_code, found.last_error_message = status, code, message


def described(**members: Any) -> Fault:
    """Return the response to DescribeConfigurationRecorders of one account, of a recorder with these members."""
    recorder = {"name": "default", "roleARN": f"arn:aws:iam::{ONE}:role/config"} | members
    body = json.dumps({"ConfigurationRecorders": [recorder]})
    where = ("config", "DescribeConfigurationRecorders")
    return Fault(*where, status=200, body=body, request_id=True, account=ONE, times=None)


class TestFailingRecorder:
    """A recorder that is on, and whose last recording event failed."""

    def test_failure_is_missing_with_the_code_and_message_of_aws(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        fail(ONE, "AccessDenied", "Access Denied to s3:PutObject")
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"{NAMED}, eu-west-1: the configuration recorder is on, but fails: its last recording event ended with "
            "AccessDenied: Access Denied to s3:PutObject"
        ]
        assert report.commands == [
            "aws configservice describe-configuration-recorder-status --region eu-west-1",
        ]
        assert report.excluded == ""

    def test_failures_of_two_accounts_that_differ_by_their_ids_are_one_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        for account in (ONE, TWO):
            fail(account, "AccessDenied", f"no sts:AssumeRole on arn:aws:iam::{account}:role/config in {HOME}")
        (finding,) = preflight(prepared, regions=HOME).under("Missing")
        assert finding.startswith("2 accounts, eu-west-1: ")
        assert finding.endswith("AccessDenied: no sts:AssumeRole on arn:aws:iam::ACCOUNT:role/config in eu-west-1")

    @pytest.mark.parametrize("status", ["SUCCESS", "PENDING", "NOTAPPLICABLE"])
    def test_other_states_are_no_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight, status: str
    ) -> None:
        fail(ONE, "AccessDenied", "an earlier failure", status)
        assert preflight(prepared, regions=HOME).status == 0

    def test_stopped_recorder_is_only_said_to_be_stopped(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.record(ONE, on=False)
        fail(ONE, "AccessDenied", "before it was stopped")
        assert preflight(prepared, regions=HOME).under("Missing") == [
            f"{NAMED}, eu-west-1: the configuration recorder is stopped"
        ]


class TestFailingDelivery:
    """What AWS Config cannot deliver to the bucket; AWS documents no effect on evaluations."""

    def test_failure_is_a_hint_with_the_text_of_aws(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        failed = {"lastStatus": "FAILURE", "lastErrorCode": "NoSuchBucket", "lastErrorMessage": "It is gone"}
        prepared.services.recording.deliveries[ONE, HOME] = {"configHistoryDeliveryInfo": failed}
        report = preflight(prepared, regions=HOME)
        assert report.status == 0
        assert report.under("Hint") == [
            f"{NAMED}, eu-west-1: AWS Config could not deliver: to the bucket org-config-log, "
            "the configuration history: NoSuchBucket: It is gone"
        ]
        assert "  AWS documents no effect on evaluations; the history in the bucket is incomplete." in report.text

    @pytest.mark.parametrize(
        ("operation", "what"),
        [
            ("DescribeDeliveryChannels", "the delivery channel"),
            ("DescribeDeliveryChannelStatus", "whether AWS Config can deliver to the bucket of the delivery channel"),
        ],
    )
    def test_refused_call_is_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight, operation: str, what: str
    ) -> None:
        with prepared.organization.faults.inject(refused("config", operation, account=ONE)):
            report = preflight(prepared, regions=HOME)
        assert report.status == 0
        (hint,) = report.under("Hint")
        assert hint.startswith(f"{NAMED}, eu-west-1: {what} could not be checked: AccessDeniedException: ")


class TestSettingsThatAreNotPrinted:
    """PutConfigurationRecorder replaces a recorder, so what the printed settings lack would be lost."""

    @pytest.mark.parametrize(
        ("members", "lost"),
        [
            ({"connectorArn": "arn:aws:config:eu-west-1:1:connector/azure"}, "connectorArn"),
            ({"scopeConfiguration": {"scopeType": "REGIONAL"}, "connectorArn": "arn:x"},
             "connectorArn, scopeConfiguration"),
            ({"recordingMode": {"recordingFrequency": "DAILY", "recordingModeOverrides": [
                {"resourceTypes": ["AWS::S3::Bucket"], "recordingFrequency": "DAILY"},
                {"resourceTypes": ["AWS::SQS::Queue"], "recordingFrequency": "DAILY"}]}},
             "recordingMode.recordingModeOverrides"),
        ],
    )  # fmt: skip
    def test_recorder_with_members_that_would_be_lost_gets_no_command(
        self, prepared: PreparedOrganization, preflight: RunPreflight, members: Mapping[str, Any], lost: str
    ) -> None:
        with prepared.organization.faults.inject(described(recordingGroup={"resourceTypes": ["A"]}, **members)):
            report = preflight(prepared, regions=HOME)
        (finding,) = report.under("Missing")
        assert finding.startswith(f"{NAMED}, eu-west-1: the configuration recorder does not record AWS::ECR::Repos")
        assert report.commands == []
        assert (
            f"  preflight prints no command, because it could not keep {lost} of the recorder. "
            "Change what it records where the recorder was set up."
        ) in report.lines

    def test_members_that_aws_sets_itself_are_no_loss(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        members = {"arn": "arn:aws:config:x", "recordingScope": "PAID", "connectorArn": ""}
        with prepared.organization.faults.inject(described(recordingGroup={"resourceTypes": ["A"]}, **members)):
            report = preflight(prepared, regions=HOME)
        (command,) = report.commands
        assert "connector" not in command

    def test_control_tower_is_named_before_the_command_for_a_member(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Its controls deny the command in the accounts that it governs."""
        prepared.admin.enable_aws_service_access(ServicePrincipal="controltower.amazonaws.com")
        manifest = {"securityRoles": {"accountId": TWO}}
        prepared.services.landing_zone = LandingZone(account=HUB, region=HOME, manifest=manifest)
        prepared.record(ONE, recordingGroup={"resourceTypes": ["AWS::S3::Bucket"]})
        assert "  AWS Control Tower sets up AWS Config in the accounts that it governs" in (
            preflight(prepared, regions=HOME).text
        )


class TestTrustedAccessOfStackSets:
    """CloudFormation reports whether it is activated, beside what Organizations lists."""

    @pytest.mark.parametrize("status", ["DISABLED", "DISABLED_PERMANENTLY"])
    def test_access_that_only_organizations_lists_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, status: str
    ) -> None:
        prepared.services.recording.stack_sets = status
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"management account {HUB}: trusted access with Organizations is not activated in CloudFormation, whatever "
            f"Organizations lists for {TRUSTED[1]}"
        ]
        assert report.commands == [ACTIVATE]

    def test_access_that_neither_has_is_one_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.services.recording.stack_sets = "DISABLED"
        prepared.admin.disable_aws_service_access(ServicePrincipal=TRUSTED[1])
        report = preflight(prepared, regions=HOME)
        assert len(report.under("Missing")) == 1
        assert report.commands == [ACTIVATE]

    def test_refused_call_is_not_checked(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        fault = Fault("cloudformation", "DescribeOrganizationsAccess", status=403, code="AccessDenied", times=None)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared, regions=HOME)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            f"account {HUB}: whether trusted access with Organizations is active in CloudFormation could not be checked"
        )

    def test_account_that_is_not_registered_is_only_told_to_register(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """CloudFormation answers a delegated administrator only."""
        prepared.delegate(TRUSTED[0])
        report = preflight(prepared, regions=HOME)
        assert (report.status, report.under("Not checked")) == (1, [])
        (finding,) = report.under("Missing")
        assert finding.endswith(f"account {ONE} is not a delegated administrator for StackSets")
