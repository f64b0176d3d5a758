"""``preflight --accounts`` and ``--ou``: only a part of the organization is checked."""

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import (
    HOME,
    ONE,
    TRUSTED,
    TWO,
    PreparedOrganization,
    prepared_organization,
    refused,
)
from tests.local_aws.organization import HUB

STATUS = "DescribeConfigurationRecorderStatus"


def read(prepared: PreparedOrganization) -> set[str]:
    """Return the accounts whose recorder was read."""
    return {call.account for call in prepared.organization.calls if call.operation == STATUS}


def unit(prepared: PreparedOrganization, parent: str, name: str, *accounts: str) -> str:
    """Create an organizational unit with these accounts; return its id."""
    created = prepared.admin.create_organizational_unit(ParentId=parent, Name=name, Tags=[])
    identifier: str = created["OrganizationalUnit"]["Id"]
    root = prepared.admin.org.root_id
    for account in accounts:
        prepared.admin.move_account(AccountId=account, SourceParentId=root, DestinationParentId=identifier)
    return identifier


class TestAccounts:
    """Accounts that the operator names."""

    def test_only_the_named_accounts_are_read_and_the_result_says_so(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.remove_recorder(TWO)
        report = preflight(prepared, "--accounts", f"{ONE}, {HUB}")
        assert report.status == 0
        assert report.lines[-1] == "Ready to deploy; only the 2 accounts that you named were checked"
        assert read(prepared) == {HUB, ONE}

    def test_list_of_excluded_accounts_is_not_shortened(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """What was not read may have to be excluded."""
        for account in (ONE, TWO):
            prepared.remove_recorder(account, HOME)
        report = preflight(prepared, "--accounts", ONE, regions=HOME)
        assert "ExcludedAccounts" not in report.values

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("999999999999", "--accounts: account 999999999999 is not in the organization"),
            (TWO, f"--accounts: account {TWO} is SUSPENDED"),
            ("12345", "'12345' is not an account ID of 12 digits"),
            ("", "'' is not an account ID of 12 digits"),
            (f"{ONE},", "'' is not an account ID of 12 digits"),
        ],
    )
    def test_account_that_gets_no_rule_is_refused(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], value: str, problem: str
    ) -> None:
        prepared.admin.close_account(AccountId=TWO)
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        assert main(["preflight", "--regions", HOME, "--accounts", value], environment) == 2
        assert problem in capsys.readouterr().err
        assert read(prepared) == set()

    def test_management_account_that_gets_no_rule_is_refused(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        prepared.delegate(*TRUSTED)
        environment = Environment(session=prepared.organization.session(ONE, HOME))
        assert main(["preflight", "--regions", HOME, "--accounts", HUB], environment) == 2
        assert f"account {HUB} is the management account, which does not get the rule" in capsys.readouterr().err

    def test_unknown_list_of_accounts_leaves_the_named_ones(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with prepared.organization.faults.inject(refused("organizations", "ListAccounts")):
            preflight(prepared, "--accounts", ONE)
        assert read(prepared) == {ONE}


class TestUnits:
    """Organizational units that the operator names."""

    def test_accounts_below_a_unit_are_read(self, preflight: RunPreflight, prepared: PreparedOrganization) -> None:
        upper = unit(prepared, prepared.admin.org.root_id, "workloads", ONE)
        unit(prepared, upper, "production", TWO)
        report = preflight(prepared, "--ou", upper)
        assert read(prepared) == {ONE, TWO}
        assert report.lines[-1] == "Ready to deploy; only the 2 accounts that you named were checked"

    def test_units_and_accounts_on_several_pages_are_read(self, preflight: RunPreflight) -> None:
        with prepared_organization(page=1) as prepared:
            upper = unit(prepared, prepared.admin.org.root_id, "workloads", ONE, TWO)
            for name in ("one", "two"):
                unit(prepared, upper, name)
            unit(prepared, upper, "three", HUB)
            preflight(prepared, "--ou", upper)
            assert read(prepared) == {HUB, ONE, TWO}

    def test_suspended_account_below_a_unit_is_not_read(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        below = unit(prepared, prepared.admin.org.root_id, "workloads", ONE, TWO)
        prepared.admin.close_account(AccountId=TWO)
        preflight(prepared, "--ou", below)
        assert read(prepared) == {ONE}

    def test_unit_and_account_are_read_together(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        below = unit(prepared, prepared.admin.org.root_id, "workloads", ONE)
        preflight(prepared, "--ou", below, "--accounts", HUB)
        assert read(prepared) == {ONE, HUB}

    def test_unit_without_accounts_is_refused(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        empty = unit(prepared, prepared.admin.org.root_id, "empty")
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        assert main(["preflight", "--regions", HOME, "--ou", empty], environment) == 2
        assert f"--ou: no account in {empty} gets the rule" in capsys.readouterr().err

    @pytest.mark.parametrize("value", ["workloads", "ou-1", ""])
    def test_name_of_a_unit_is_refused(self, capsys: pytest.CaptureFixture[str], value: str) -> None:
        assert main(["preflight", "--regions", HOME, "--ou", value]) == 2
        assert f"{value!r} is not the ID of an organizational unit, such as ou-ab12-11111111" in capsys.readouterr().err

    @pytest.mark.parametrize("operation", ["ListAccountsForParent", "ListOrganizationalUnitsForParent"])
    def test_unit_that_cannot_be_listed_is_refused(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], operation: str
    ) -> None:
        below = unit(prepared, prepared.admin.org.root_id, "workloads", ONE)
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        with prepared.organization.faults.inject(refused("organizations", operation)):
            assert main(["preflight", "--regions", HOME, "--ou", below], environment) == 2
        assert f"--ou: AccessDeniedException: no {operation} for you ({operation})" in capsys.readouterr().err
