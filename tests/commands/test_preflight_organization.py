"""``preflight`` and the organization: trusted access, delegated administrators, aggregator and Security Hub."""

import json
import re

import pytest
from moto.config.models import config_backends
from moto.securityhub.models import securityhub_backends

from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import (
    HOME,
    ONE,
    REGISTER,
    TRUSTED,
    PreparedOrganization,
    prepared_organization,
    refused,
)
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, ORGANIZATION_ID, LocalOrganization
from tests.nightly import every


class TestReady:
    """All prerequisites are met."""

    def test_ready_organization_exits_with_0(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        report = preflight(prepared)
        assert report.status == 0
        assert report.lines == [
            f"Account {HUB} as arn:aws:sts::{HUB}:assumed-role/OrganizationAccountAccessRole/local-aws, eu-west-1, "
            "us-east-1",
            "Preflight: organization o-exampleorg1, 2 Regions",
            "Caller: account 111122223333, the management account",
            "Hub: the same account; the rule is deployed from there. --hub ACCOUNT names another one",
            "Checked: 3 accounts (the caller's own, 2 with the role OrganizationAccountAccessRole)",
            "Security Hub in both Regions: the administrator is account 777788889999 (member-777788889999); "
            "deploy deploy/security-hub.yaml there",
            "",
            "Parameter values",
            "  OrganizationId=o-exampleorg1",
            f"  OrganizationRootId={prepared.admin.org.root_id}",
            "  ManagementAccountId=111122223333",
            "  HomeRegion=eu-west-1 (the first of the named Regions that every account has enabled; it cannot be "
            "changed after the first deployment)",
            "Not written: . has no template.yaml; name the file beside it with --parameters FILE",
            "",
            "Ready to deploy",
        ]

    def test_every_call_only_reads(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        """Whatever it finds: no operation is called that could change something."""
        prepared.remove_recorder(ONE)
        prepared.record(HUB, on=False)
        preflight(prepared)
        operations = {call.operation for call in prepared.organization.calls}
        assert {name for name in operations if not re.match(r"Describe|List|Get|AssumeRole$", name)} == set()
        assert operations >= {"AssumeRole", "DescribeHub", "ListAccounts", "DescribeConfigurationRecorderStatus"}

    def test_lists_on_several_pages_are_read_completely(self, preflight: RunPreflight) -> None:
        with prepared_organization(page=1) as prepared:
            prepared.delegate("config.amazonaws.com", *TRUSTED)
            config_backends[ONE][HOME].config_aggregators.clear()
            sources = [{"AccountIds": [ONE], "AllAwsRegions": True}]
            config_backends[ONE][HOME].put_configuration_aggregator(
                {"ConfigurationAggregatorName": "a-few", "AccountAggregationSources": sources}
            )
            prepared.aggregate(ONE)
            report = preflight(prepared)
            called = [call.operation for call in prepared.organization.calls]
        assert (report.status, report.under("Hint")) == (0, [])
        assert called.count("ListAccounts") == 3
        assert called.count("ListAWSServiceAccessForOrganization") == 2
        assert called.count("ListDelegatedServicesForAccount") == 3
        assert "Checked: 2 accounts" in report.text

    def test_throttled_call_is_retried(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        throttled = Fault("organizations", "ListAccounts", code="TooManyRequestsException")
        with prepared.organization.faults.inject(throttled):
            assert preflight(prepared).status == 0


class TestManagementAccount:
    """Trusted access and the feature set."""

    @pytest.mark.parametrize(
        ("principal", "command"),
        [
            (
                TRUSTED[0],
                "aws organizations enable-aws-service-access "
                "--service-principal config-multiaccountsetup.amazonaws.com",
            ),
            (TRUSTED[1], "aws cloudformation activate-organizations-access --region eu-west-1"),
        ],
    )
    def test_disabled_trusted_access_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, principal: str, command: str
    ) -> None:
        prepared.admin.disable_aws_service_access(ServicePrincipal=principal)
        report = preflight(prepared)
        assert report.status == 1
        (finding,) = report.under("Missing")
        assert finding.startswith("management account 111122223333: trusted access for ")
        assert f"({principal}) is disabled" in finding
        assert report.commands == [command]

    def test_consolidated_billing_is_missing_all_features(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.admin.org.feature_set = "CONSOLIDATED_BILLING"
        report = preflight(prepared)
        assert report.status == 1
        assert "feature set CONSOLIDATED_BILLING" in report.under("Missing")[0]
        assert report.commands == ["aws organizations enable-all-features"]

    def test_another_partition_is_named_in_every_arn(self, preflight: RunPreflight) -> None:
        with (
            organizations_api() as services,
            LocalOrganization(regions=("us-gov-west-1",), members=(ONE,)) as organization,
        ):
            report = preflight(PreparedOrganization(organization, services), regions="us-gov-west-1")
            roles = [str(call.parameters["RoleArn"]) for call in organization.calls if call.operation == "AssumeRole"]
        assert roles == [f"arn:aws-us-gov:iam::{ONE}:role/OrganizationAccountAccessRole"]
        assert report.status == 1
        assert "arn:aws:" not in report.text
        assert f"roleARN=arn:aws-us-gov:iam::{ONE}:role/aws-service-role/" in report.text


class TestDelegatedAdministrator:
    """The command runs in a member account."""

    def test_management_account_is_not_checked(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        """The template excludes it, so it may lack a recorder."""
        prepared.delegate(*TRUSTED)
        prepared.remove_recorder(HUB)
        report = preflight(prepared)
        assert report.status == 0
        assert (
            "Caller: account 444455556666, a delegated administrator "
            "(config-multiaccountsetup.amazonaws.com, member.org.stacksets.cloudformation.amazonaws.com)"
        ) in report.lines
        assert (
            "Management account 111122223333: not checked, because the rule excludes it "
            'unless IncludeManagementAccount is "true"'
        ) in report.lines
        assert report.values["ManagementAccountId"] == HUB
        assert report.excluded == ""
        assert {call.account for call in prepared.organization.calls if call.service == "config"} == {
            ONE,
            "777788889999",
        }

    @pytest.mark.parametrize(
        ("registered", "missing", "purpose"),
        [
            (TRUSTED[0], TRUSTED[1], "StackSets"),
            (TRUSTED[1], TRUSTED[0], "AWS Config rules and conformance packs"),
        ],
    )
    def test_missing_registration_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, registered: str, missing: str, purpose: str
    ) -> None:
        prepared.delegate(registered)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"management account 111122223333: account 444455556666 is not a delegated administrator for {purpose}"
        ]
        assert report.commands == [f"{REGISTER} {missing}"]

    def test_member_without_registration_checks_its_own_account(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Organizations refuses it nearly everything."""
        prepared.organization.hub = ONE
        prepared.aggregate(ONE)
        report = preflight(prepared)
        assert report.status == 2
        assert "Caller: account 444455556666, not known to be a delegated administrator" in report.lines
        unchecked = [line for line in report.under("Not checked") if "AccessDeniedException: You don't have" in line]
        assert [line.split(" could not be checked")[0] for line in unchecked] == [
            "account 444455556666: the organization's accounts",
            "account 444455556666: the organization's root",
            "account 444455556666: trusted access",
            "account 444455556666: for which services account 444455556666 is a delegated administrator",
        ]
        assert report.commands == [f"{REGISTER} {principal}" for principal in TRUSTED]
        assert "  ExcludedAccounts: unknown, see above" in report.lines
        assert "Checked: 1 account (the caller's own)" in report.text


class TestRefusedCalls:
    """What Organizations refuses is not checked, and the rest is."""

    @pytest.mark.parametrize(
        ("operation", "what"),
        [
            ("DescribeOrganization", "the organization's feature set"),
            ("ListAWSServiceAccessForOrganization", "trusted access"),
            ("ListAccounts", "the organization's accounts"),
        ],
    )
    def test_one_refused_call_does_not_hide_the_rest(
        self, prepared: PreparedOrganization, preflight: RunPreflight, operation: str, what: str
    ) -> None:
        prepared.remove_recorder(HUB)
        with prepared.organization.faults.inject(refused("organizations", operation)):
            report = preflight(prepared)
        assert report.status == 2
        assert report.under("Not checked") == [
            f"account 111122223333: {what} could not be checked: "
            f"AccessDeniedException: no {operation} for you ({operation})"
        ]
        assert report.under("Missing")[0].endswith(
            "eu-west-1: there is no configuration recorder in this account, from which the rule is deployed"
        )
        assert report.values["ManagementAccountId"] == HUB
        assert report.values["OrganizationId"] == ORGANIZATION_ID

    def test_unknown_organization_may_not_need_a_registration(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """The caller may be the management account."""
        faults = prepared.organization.faults
        with (
            faults.inject(refused("organizations", "DescribeOrganization")),
            faults.inject(refused("organizations", "ListRoots")),
        ):
            report = preflight(prepared)
        assert report.status == 2
        assert report.lines[1] == "Preflight: organization (id unknown), 2 Regions"
        assert report.values.keys() == {"HomeRegion"}
        assert "account 111122223333: the organization could not be checked: AccessDeniedException" in report.text
        assert report.under("Missing") == []
        assert [line for line in report.under("Not checked") if "possibly" in line] == [
            "the management account: account 111122223333 is possibly not a delegated administrator for "
            "AWS Config rules and conformance packs",
            "the management account: account 111122223333 is possibly not a delegated administrator for StackSets",
        ]
        assert report.text.count("  The management account itself needs no registration.\n") == 2

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("organizations", "DescribeOrganization"),
            ("organizations", "ListAccounts"),
            ("organizations", "ListAWSServiceAccessForOrganization"),
            ("config", "DescribeConfigurationRecorders"),
            ("config", "DescribeConfigurationRecorderStatus"),
        ],
    )
    @pytest.mark.parametrize("body", every(2, ["{}", "<html>log in first</html>", "[]", "null"]))
    def test_response_that_is_not_from_aws_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight, service: str, operation: str, body: str
    ) -> None:
        """A proxy that answers in the place of AWS, with success."""
        with prepared.organization.faults.inject(Fault(service, operation, status=200, body=body, times=None)):
            report = preflight(prepared)
        assert report.status == 2
        assert report.under("Not checked")


class TestSecurityHub:
    """Security Hub is optional, so what is missing there is a hint."""

    def test_disabled_security_hub_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        for account in (ONE, HUB):
            securityhub_backends[account][HOME].disable_security_hub()
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            "account 111122223333 (master), eu-west-1: Security Hub is not enabled in the account from which the rule "
            "is deployed, so it shows no findings of that account",
        ]
        assert report.commands == [
            "aws securityhub enable-security-hub --region eu-west-1 --no-enable-default-standards"
        ]

    def test_organization_without_an_administrator_is_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        body = json.dumps({"AdminAccounts": [{"AccountId": ONE, "Status": "DISABLE_IN_PROGRESS"}]})
        none = Fault("securityhub", "ListOrganizationAdminAccounts", status=200, body=body, request_id=True)
        with prepared.organization.faults.inject(none):
            report = preflight(prepared, regions=HOME)
        assert report.under("Hint") == [
            "account 111122223333 (master), eu-west-1: the organization has no administrator of Security Hub: deploy "
            "deploy/security-hub.yaml to every account that uses it"
        ]

    @pytest.mark.parametrize("body", ["{}", "<html>log in first</html>"])
    def test_response_that_is_not_from_aws_does_not_mean_no_administrator(
        self, prepared: PreparedOrganization, preflight: RunPreflight, body: str
    ) -> None:
        wrong = Fault("securityhub", "ListOrganizationAdminAccounts", status=200, body=body, times=None)
        with prepared.organization.faults.inject(wrong):
            report = preflight(prepared, regions=HOME)
        assert report.under("Hint") == [
            "account 111122223333 (master), eu-west-1: which account is the administrator of Security Hub could not be "
            "checked: the response to ListOrganizationAdminAccounts did not come from AWS"
        ]

    def test_refused_security_hub_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        with prepared.organization.faults.inject(refused("securityhub", "DescribeHub", region=HOME)):
            report = preflight(prepared)
        assert report.status == 0
        (hint,) = (line for line in report.under("Hint") if "AccessDenied" in line)
        assert hint.startswith(
            "account 111122223333 (master), eu-west-1: Security Hub could not be checked: AccessDenied"
        )

    def test_only_the_hub_is_asked_and_only_the_management_account_lists_administrators(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate(*TRUSTED)
        report = preflight(prepared, regions=HOME)
        calls = [call for call in prepared.organization.calls if call.service == "securityhub"]
        assert [(call.operation, call.account) for call in calls] == [("DescribeHub", ONE)]
        assert "Security Hub: its administrator, where deploy/security-hub.yaml is deployed, is not known here" in (
            report.lines
        )


class TestAggregator:
    """The organization aggregator is optional, so what is missing there is a hint."""

    def test_missing_aggregator_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        config_backends[HUB][HOME].config_aggregators.clear()
        report = preflight(prepared)
        assert report.status == 0
        (hint,) = report.under("Hint")
        assert hint.startswith("account 111122223333: no organization aggregator")
        assert "covers eu-west-1, us-east-1:" in hint
        assert report.commands == [
            "aws iam create-role --role-name EcrExposureAggregator --assume-role-policy-document "
            '\'{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            '"Principal":{"Service":"config.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
            "aws iam attach-role-policy --role-name EcrExposureAggregator "
            "--policy-arn arn:aws:iam::aws:policy/service-role/AWSConfigRoleForOrganizations",
            "aws configservice put-configuration-aggregator --region eu-west-1 "
            "--configuration-aggregator-name organization --organization-aggregation-source "
            '\'{"RoleArn":"arn:aws:iam::111122223333:role/EcrExposureAggregator","AllAwsRegions":true}\'',
        ]

    def test_aggregator_of_some_regions_leaves_the_others(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.aggregate(HUB, AwsRegions=[HOME, "eu-north-1"])
        assert preflight(prepared, regions=HOME).under("Hint") == []
        (hint,) = preflight(prepared).under("Hint")
        assert "covers us-east-1:" in hint

    def test_aggregator_of_service_linked_recorders_covers_no_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        aggregator = {
            "ConfigurationAggregatorName": "of-a-service",
            "OrganizationAggregationSource": {"RoleArn": "arn:aws:iam::1:role/x", "AllAwsRegions": True},
            "AggregatorFilters": {"ServicePrincipal": {"Type": "INCLUDE", "Value": ["securityhub.amazonaws.com"]}},
        }
        body = json.dumps({"ConfigurationAggregators": [aggregator]})
        operation = "DescribeConfigurationAggregators"
        response = Fault("config", operation, status=200, body=body, request_id=True, times=None)
        with prepared.organization.faults.inject(response):
            (hint,) = preflight(prepared).under("Hint")
        assert "no organization aggregator in these Regions covers eu-west-1, us-east-1:" in hint

    def test_aggregator_of_a_delegated_administrator_needs_a_registration(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate(*TRUSTED)
        config_backends[ONE][HOME].config_aggregators.clear()
        report = preflight(prepared)
        assert report.status == 0
        at = report.lines.index(f"  Before that, in management account {HUB}:")
        assert report.lines[at + 1] == f"  {REGISTER} config.amazonaws.com"

    def test_refused_aggregator_is_a_hint(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        with prepared.organization.faults.inject(refused("config", "DescribeConfigurationAggregators")):
            report = preflight(prepared)
        assert report.status == 0
        assert "the organization aggregator could not be checked: AccessDenied" in report.under("Hint")[0]
