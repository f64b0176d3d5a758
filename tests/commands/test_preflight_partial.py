"""``preflight`` of a part of the organization: a run that ended before its end, or of accounts that were named."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, Inventory, Recorder
from ecr_exposure.cli.prerequisites.finding import Level
from tests.commands.large_organization import (
    ACCOUNTS,
    HUB,
    MANAGEMENT,
    REGIONS,
    findings_of,
    large_organization,
    proposed_of,
    report_of,
)

HOME: Final = REGIONS[0]
NONE_OF = "1 account not checked, so not in ExcludedAccounts; it may fail the deployment: "


def without_recorder(*without: int) -> Any:
    """Return a change after which the accounts of these numbers have no recorder."""
    return lambda number, each: replace(each, recorder=None, channel=None) if number in without else each


def cut_short(inventory: Inventory, pairs: int, why: str = "credentials expired") -> Inventory:
    """Return what a run saw that ended after so many accounts and Regions."""
    return replace(inventory, cut_short=why, account_regions=inventory.account_regions[:pairs])


def limited(inventory: Inventory, *numbers: int) -> Inventory:
    """Return what a run sees in the accounts of these numbers."""
    named = tuple(ACCOUNTS[number] for number in numbers)
    seen = tuple(each for each in inventory.account_regions if each.account in named)
    return replace(inventory, limited=True, to_read=named, account_regions=seen)


class TestCutShort:
    """What was not seen is neither missing nor fine."""

    @pytest.mark.parametrize("why", ["credentials expired", "interrupted"])
    def test_what_was_not_seen_is_one_finding(self, why: str) -> None:
        lines = report_of(cut_short(large_organization(), 380 * 17 + 3, why), {"HomeRegion": HOME})
        at = lines.index("Not checked (1)")
        assert lines[at + 1 : at + 4] == [
            f"- 620 accounts, 10,537 times in 17 Regions: not seen, because this run ended before: {why}",
            "  500000000380 (team-380) in 14 of 17 Regions; 500000000381 (team-381) in all 17 Regions; "
            "500000000382 (team-382) in all 17 Regions; 500000000383 (team-383) in all 17 Regions; "
            "500000000384 (team-384) in all 17 Regions; and 615 more",
            "  What was not seen counts neither as missing nor as present. To see the rest, repeat the command with "
            "--resume.",
        ]
        assert (
            "Checked: 380 of 1,000 accounts in all Regions (1,000 with the role OrganizationAccountAccessRole)" in lines
        )

    def test_run_that_ended_early_is_to_be_resumed_and_not_repeated_elsewhere(self) -> None:
        inventory = cut_short(large_organization(), 380 * 17)
        lines = report_of(replace(inventory, caller=replace(inventory.caller, account=HUB)))
        assert not [line for line in lines if "CloudShell" in line]

    def test_file_without_the_value_gets_no_excluded_accounts(self) -> None:
        """A run that sees all accounts would not change it again."""
        inventory = cut_short(large_organization(without_recorder(3)), 380 * 17)
        assert "ExcludedAccounts" not in proposed_of(inventory).missing({})
        assert "  ExcludedAccounts: not written, because not all accounts were seen" in report_of(inventory)

    def test_excluded_accounts_of_the_file_are_not_advised_to_change(self) -> None:
        """Of those two, one was seen with a recorder, and the other was not seen."""
        current = {"HomeRegion": HOME, "ExcludedAccounts": f"{ACCOUNTS[3]},{ACCOUNTS[500]}"}
        inventory = cut_short(large_organization(), 380 * 17)
        assert proposed_of(inventory, current).different(current) == ()
        assert proposed_of(inventory, current).of_regions == {}
        (excluded,) = [each for each in findings_of(inventory, current) if each.level is Level.EXCLUDED]
        assert excluded.accounts == (ACCOUNTS[3],)
        assert excluded.note.endswith("set the value that it prints after a run that sees all accounts.")

    def test_account_that_was_seen_in_some_regions_is_excluded_in_none(self) -> None:
        inventory = cut_short(large_organization(without_recorder(3)), 3 * 17 + 5)
        proposed = proposed_of(inventory, {"ExcludedAccounts": ""})
        assert proposed.of_regions == {}
        assert proposed.different({"ExcludedAccounts": ""}) == ()

    def test_accounts_that_were_not_seen_are_named_beside_the_values(self) -> None:
        lines = report_of(cut_short(large_organization(), 999 * 17))
        assert f"{NONE_OF}{ACCOUNTS[999]} (team-999)" in lines

    def test_account_that_could_not_be_reached_is_not_told_twice(self) -> None:
        inventory = cut_short(large_organization(), 998 * 17)
        inventory = replace(inventory, unreached={ACCOUNTS[998]: Unknown("AccessDenied: no")})
        places = [each.accounts for each in findings_of(inventory, {"HomeRegion": HOME})]
        assert places == [(ACCOUNTS[998],), (ACCOUNTS[999],)]


class TestNamedAccounts:
    """--accounts and --ou."""

    def test_report_says_how_many_were_named(self) -> None:
        inventory = limited(large_organization(), 3, 4)
        inventory = replace(inventory, role_used=dict.fromkeys(inventory.to_read, "Inspector"))
        assert "Checked: 2 of 2 accounts that you named (2 with the role Inspector)" in report_of(inventory)

    def test_management_account_that_was_not_named_is_not_mentioned(self) -> None:
        lines = report_of(limited(large_organization(), 3), {"IncludeManagementAccount": "true"})
        assert not [line for line in lines if line.startswith("Management account")]

    def test_excluded_accounts_are_neither_written_nor_shortened(self) -> None:
        inventory = limited(large_organization(without_recorder(4)), 3, 4)
        assert "ExcludedAccounts" not in proposed_of(inventory).missing({})
        current = {"ExcludedAccounts": f"{ACCOUNTS[3]},{ACCOUNTS[500]}"}
        assert proposed_of(inventory, current).different(current) == ()
        assert proposed_of(inventory, current).of_regions == {}

    def test_only_the_named_accounts_have_findings(self) -> None:
        inventory = limited(large_organization(without_recorder(4, 5)), 3, 4)
        assert {account for each in findings_of(inventory, {"HomeRegion": HOME}) for account in each.accounts} == {
            ACCOUNTS[4]
        }


class TestSavedReading:
    """--from and --resume."""

    def test_age_of_the_file_is_in_the_report(self) -> None:
        made_at = datetime(2026, 11, 26, 10, 12, tzinfo=UTC)
        line = "  A part of this was read from a file of 2026-11-26 10:12 UTC, not from AWS now"
        assert line in report_of(large_organization(seen_at=made_at))


class TestExcludedAccounts:
    """Who is never excluded, in a run that sees everything."""

    def test_hub_that_the_file_excludes_is_not_in_the_command_of_a_region(self) -> None:
        def change(number: int, each: AccountRegion) -> AccountRegion:
            return replace(each, recorder=None) if number == 3 and each.region == REGIONS[1] else each

        current = {"ExcludedAccounts": f"{HUB},{ACCOUNTS[7]}"}
        of_regions = proposed_of(large_organization(change), current).of_regions
        assert of_regions == {REGIONS[1]: {"ExcludedAccounts": f"{ACCOUNTS[3]},{ACCOUNTS[7]}"}}

    def test_hub_that_the_file_excludes_is_advised_to_be_removed_even_if_it_was_not_checked(self) -> None:
        current = {"ExcludedAccounts": f"{HUB},{ACCOUNTS[7]}"}
        unknown = {HUB: Unknown("refused"), ACCOUNTS[7]: Unknown("refused")}
        seen = tuple(each for each in large_organization().account_regions if each.account not in unknown)
        inventory = large_organization(unreached=unknown)
        (different,) = proposed_of(replace(inventory, account_regions=seen), current).different(current)
        assert different.value == ACCOUNTS[7]

    def test_account_whose_recorder_a_command_starts_is_not_excluded(self) -> None:
        """After the command, preflight must run again."""

        def change(number: int, each: AccountRegion) -> AccountRegion:
            assert isinstance(each.recorder, Recorder)
            return replace(each, recorder=replace(each.recorder, recording=False)) if number == 3 else each

        inventory = large_organization(change)
        assert "ExcludedAccounts" not in proposed_of(inventory).missing({})
        assert proposed_of(inventory).of_regions == {}
        (finding,) = findings_of(inventory, {"HomeRegion": HOME})
        assert "start-configuration-recorder" in finding.commands[0]
        assert finding.note == "Run preflight again afterwards. A stopped recorder excludes no account."

    def test_account_without_a_recorder_says_that_preflight_must_run_again(self) -> None:
        inventory = large_organization(without_recorder(3))
        assert proposed_of(inventory).missing({})["ExcludedAccounts"] == ACCOUNTS[3]
        (finding,) = findings_of(inventory, {"HomeRegion": HOME})
        assert finding.level is Level.EXCLUDED
        assert finding.note.endswith(
            "Run preflight again afterwards. It then prints how to include the account, which the rule does not "
            "evaluate until then."
        )

    def test_management_account_is_never_in_the_value(self) -> None:
        own = AccountRegion(account=MANAGEMENT, region=HOME, enabled=True, recorder=None, channel=None)
        inventory = large_organization(regions=(HOME,))
        inventory = replace(
            inventory, account_regions=(*inventory.account_regions, own), to_read=(*ACCOUNTS, MANAGEMENT)
        )
        assert "ExcludedAccounts" not in proposed_of(inventory).missing({})
