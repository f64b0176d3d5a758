"""``preflight`` where AWS Control Tower governs the organization, and the roles that it tries."""

from typing import Any

import pytest

from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import (
    ABROAD,
    HOME,
    ONE,
    TRUSTED,
    TWO,
    PreparedOrganization,
    prepared_organization,
    refused,
)
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organization_services import LandingZone
from tests.local_aws.organization import HUB

CONTROL_TOWER = "controltower.amazonaws.com"
USUALLY = "  The rule is usually deployed from the audit account; the management account usually has no recorder"


def use_control_tower(prepared: PreparedOrganization, region: str = ABROAD, **manifest: Any) -> None:
    """Enable AWS Control Tower with its home in a Region."""
    prepared.admin.enable_aws_service_access(ServicePrincipal=CONTROL_TOWER)
    prepared.services.landing_zone = LandingZone(account=HUB, region=region, manifest=manifest)


def control_tower_lines(lines: list[str]) -> list[str]:
    """Return what the scope says about AWS Control Tower."""
    return [line for line in lines if line.startswith("AWS Control Tower: ")]


class TestLandingZone:
    """Its home Region and audit account are in the scope."""

    def test_home_region_and_audit_account_are_in_the_scope(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """The landing zone is in the second of the named Regions."""
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        report = preflight(prepared)
        assert report.status == 0
        assert control_tower_lines(report.lines) == [
            "AWS Control Tower: home Region us-east-1, audit account 777788889999"
        ]
        assert USUALLY in report.lines

    def test_organization_without_control_tower_has_no_line(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        report = preflight(prepared)
        assert "Control Tower" not in report.text
        assert not [call for call in prepared.organization.calls if call.service == "controltower"]

    def test_landing_zone_in_another_region_is_said(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        assert control_tower_lines(preflight(prepared, regions=HOME).lines) == [
            "AWS Control Tower: home Region and audit account not known (eu-west-1: no landing zone)"
        ]

    def test_manifest_without_an_audit_account_leaves_the_home_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        use_control_tower(prepared)
        assert control_tower_lines(preflight(prepared).lines) == [
            "AWS Control Tower: home Region us-east-1, audit account not known (the landing zone's manifest names none)"
        ]

    def test_delegated_administrator_sees_that_it_is_used(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate(*TRUSTED)
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        report = preflight(prepared)
        assert control_tower_lines(report.lines) == [
            "AWS Control Tower: home Region and audit account not known (only the management account can read them)"
        ]
        assert not [call for call in prepared.organization.calls if call.service == "controltower"]

    def test_missing_recorder_is_created_by_control_tower(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Its controls deny the commands in the accounts that it governs, and it does not govern this one."""
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        prepared.remove_recorder(ONE)
        instead = "enroll or update the account in AWS Control Tower instead.\n  The first command"
        assert instead in preflight(prepared).text
        prepared.remove_recorder(TWO)
        assert "Quick Setup" not in preflight(prepared).text
        prepared.record(ONE)
        prepared.record(TWO)
        prepared.remove_recorder(HUB)
        assert "enroll or update the account" not in preflight(prepared).text


class TestRefusedLandingZone:
    """What cannot be read is said."""

    @pytest.mark.parametrize("body", [None, "<html>log in first</html>", "{}"])
    @pytest.mark.parametrize(
        ("operation", "known"),
        [("ListLandingZones", "home Region and audit account not known"),
         ("GetLandingZone", "home Region us-east-1, audit account not known")],
    )  # fmt: skip
    def test_landing_zone_that_cannot_be_read_is_said(
        self, prepared: PreparedOrganization, preflight: RunPreflight, operation: str, known: str, body: str | None
    ) -> None:
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        fault = (
            refused("controltower", operation)
            if body is None
            else Fault("controltower", operation, status=200, body=body, request_id=body == "{}", times=None)
        )
        with prepared.organization.faults.inject(fault):
            (line,) = control_tower_lines(preflight(prepared).lines)
        assert line.startswith(f"AWS Control Tower: {known} (")
        assert ("AccessDeniedException" if body is None else "did not come from AWS") in line

    def test_region_that_refuses_does_not_hide_the_landing_zone_of_another(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        use_control_tower(prepared, securityRoles={"accountId": TWO})
        with prepared.organization.faults.inject(refused("controltower", "ListLandingZones", region=HOME)):
            (line,) = control_tower_lines(preflight(prepared).lines)
        assert line == "AWS Control Tower: home Region us-east-1, audit account 777788889999"

    def test_unknown_trusted_access_leaves_control_tower_unknown(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with prepared.organization.faults.inject(refused("organizations", "ListAWSServiceAccessForOrganization")):
            (line,) = control_tower_lines(preflight(prepared).lines)
        assert line.startswith("AWS Control Tower: whether it is used could not be checked: AccessDeniedException")


class TestRoles:
    """Without --role, the roles of AWS Organizations and of AWS Control Tower are tried in each account."""

    def test_role_of_control_tower_is_tried_second(self, preflight: RunPreflight) -> None:
        with prepared_organization(execution_role="AWSControlTowerExecution") as prepared:
            report = preflight(prepared)
        assert report.status == 0
        assert "Checked: 3 accounts (the caller's own, 2 with the role AWSControlTowerExecution)" in report.lines

    def test_each_account_has_its_own_role(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        """The account that Account Factory created has only that of AWS Control Tower."""
        denied = Fault(
            "sts",
            "AssumeRole",
            status=403,
            code="AccessDenied",
            times=None,
            when=lambda call: str(call.parameters["RoleArn"]).endswith(f"{TWO}:role/OrganizationAccountAccessRole"),
        )
        with prepared.organization.faults.inject(denied):
            report = preflight(prepared)
        assert report.status == 0
        assert (
            "Checked: 3 accounts (the caller's own, 1 with the role AWSControlTowerExecution, "
            "1 with the role OrganizationAccountAccessRole)"
        ) in report.lines

    def test_named_role_is_the_only_one_that_is_tried(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.organization.accounts_without_role.update({ONE, TWO})
        report = preflight(prepared, "--role", "Inspector")
        assert report.status == 2
        tried = {
            str(call.parameters["RoleArn"]) for call in prepared.organization.calls if call.operation == "AssumeRole"
        }
        assert tried == {f"arn:aws:iam::{account}:role/Inspector" for account in (ONE, TWO)}
        assert "preflight tried the role Inspector; --role names another one." in report.text
