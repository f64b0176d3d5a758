"""``preflight`` and the policy of the parameter PermissionsBoundaryName in each account."""

import json
from typing import Final

import pytest
from moto.iam.models import iam_backends

from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import HOME, ONE, TWO, PreparedOrganization
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

BOUNDARY: Final = "security/Boundary"
DOCUMENT: Final = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}


def create_boundary(*accounts: str, path: str = "/security/") -> None:
    """Create the policy in these accounts."""
    for account in accounts:
        iam_backends[account]["aws"].create_policy("", path, json.dumps(DOCUMENT), "Boundary", {})


class TestBoundary:
    """It must exist in every account that gets a role."""

    def test_policy_in_every_account_is_no_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        create_boundary(HUB, ONE, TWO)
        write_values(PermissionsBoundaryName=BOUNDARY)
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == []
        arns = {call.parameters["PolicyArn"] for call in prepared.organization.calls if call.operation == "GetPolicy"}
        assert arns == {f"arn:aws:iam::{account}:policy/{BOUNDARY}" for account in (HUB, ONE, TWO)}

    def test_policy_that_exists_nowhere_is_one_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        create_boundary(HUB, ONE, TWO, path="/")
        write_values(PermissionsBoundaryName=BOUNDARY)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"3 accounts: the policy {BOUNDARY} of PermissionsBoundaryName does not exist"
        ]
        assert f"  {HUB} (master), {ONE} (member-{ONE}), {TWO} (member-{TWO})" in report.lines
        assert report.commands == [
            "aws iam create-policy --policy-name Boundary --path /security/ --policy-document file://boundary.json"
        ]

    def test_account_without_it_is_named(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        create_boundary(HUB, ONE, path="/")
        write_values(PermissionsBoundaryName="Boundary")
        report = preflight(prepared)
        assert report.under("Missing") == [
            f"account {TWO} (member-{TWO}): the policy Boundary of PermissionsBoundaryName does not exist"
        ]
        assert report.commands == [
            "aws iam create-policy --policy-name Boundary --policy-document file://boundary.json"
        ]

    def test_of_many_accounts_the_first_five_are_named(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        for number in range(5):
            account = str(800_000_000_000 + number)
            prepared.organization.join(account)
            prepared.record(account)
        write_values(PermissionsBoundaryName=BOUNDARY)
        report = preflight(prepared, regions=HOME)
        (finding,) = report.under("Missing")
        assert finding.startswith("8 accounts: the policy ")
        assert "800000000001 (member-800000000001), and 3 more\n" in report.text

    def test_refusals_are_one_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        create_boundary(HUB)
        write_values(PermissionsBoundaryName=BOUNDARY)
        refusals = [
            Fault(
                "iam",
                "GetPolicy",
                status=403,
                code="AccessDenied",
                message=f"no iam:GetPolicy on arn:aws:iam::{account}:policy/{BOUNDARY}",
                account=account,
                times=None,
            )
            for account in (ONE, TWO)
        ]
        faults = prepared.organization.faults
        with faults.inject(refusals[0]), faults.inject(refusals[1]):
            report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"2 accounts: the policy {BOUNDARY} of PermissionsBoundaryName could not be checked: "
            f"AccessDenied: no iam:GetPolicy on arn:aws:iam::ACCOUNT:policy/{BOUNDARY} (GetPolicy)"
        ]

    def test_rule_in_one_account_needs_it_there_only(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(PermissionsBoundaryName=BOUNDARY, DeployAs="account-rule")
        report = preflight(prepared, regions=HOME)
        assert [line.partition(":")[0] for line in report.under("Missing")] == [f"account {HUB} (master)"]

    @pytest.mark.parametrize("name", ["", "/security/Boundary", "arn:aws:iam::111122223333:policy/Boundary"])
    def test_name_that_is_none_is_not_looked_up(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues, name: str
    ) -> None:
        write_values(PermissionsBoundaryName=name)
        assert preflight(prepared, regions=HOME).status == 0
        assert not [call for call in prepared.organization.calls if call.operation == "GetPolicy"]
