"""The report of ``preflight`` for 1,000 accounts in 17 Regions: at most 200 lines, and the whole list as JSON."""

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import (
    AccountRegion,
    Aggregator,
    ControlTower,
    DeliveryChannel,
    Inventory,
    Key,
    SecurityHub,
    Unread,
)
from ecr_exposure.cli.prerequisites.findings_report import findings_as_json
from tests.commands.large_organization import (
    ACCOUNTS,
    CHANNEL,
    HUB,
    MANAGEMENT,
    REGIONS,
    Change,
    findings_of,
    large_organization,
    recorder,
    report_of,
)
from tests.commands.prepared_organization import ELSEWHERE
from tests.nightly import every

MOST_LINES: Final = 200
HOME: Final = REGIONS[0]
VALUES: Final = {"HomeRegion": HOME}
KEY: Final = f"arn:aws:kms:{HOME}:{HUB}:key/mrk-1234abcd"
ALL_VALUES: Final = {
    "HomeRegion": HOME,
    "KmsKeyArn": KEY,
    "PermissionsBoundaryName": "Boundary",
    "ExcludedAccounts": ACCOUNTS[7],
}


def settings(account: str, **members: Any) -> dict[str, Any]:
    """Return the settings of a recorder whose role is in its account."""
    return {"name": "default", "roleARN": f"arn:aws:iam::{account}:role/config", **members}


def each_refused(number: int, each: AccountRegion) -> AccountRegion:
    return replace(each, recorder=Unknown(f"AccessDenied: request {number} in {each.region}"))


def each_fails(number: int, each: AccountRegion) -> AccountRegion:
    error = f"Code{number}: reason {number % 9}"
    return replace(each, recorder=recorder(each.account, last_status="FAILURE", last_error=error))


def each_with_settings_of_its_own(number: int, each: AccountRegion) -> AccountRegion:
    group = {"resourceTypes": ["AWS::S3::Bucket", f"AWS::Type::N{number}"]}
    return replace(each, recorder=recorder(each.account, settings=settings(each.account, recordingGroup=group)))


def each_without_a_recorder(number: int, each: AccountRegion) -> AccountRegion:
    channels = (None, CHANNEL, Unread.UNREAD, Unknown(f"AccessDenied: {number}"))
    return replace(each, recorder=None, channel=channels[number % 4])


def each_stopped(number: int, each: AccountRegion) -> AccountRegion:
    return replace(each, recorder=recorder(each.account, recording=False), channel=CHANNEL if number % 2 else None)


def each_delivery_fails(number: int, each: AccountRegion) -> AccountRegion:
    return replace(each, channel=DeliveryChannel(bucket=f"bucket-{number}", last_error=f"Code: reason {number}"))


def every_region_disabled(_number: int, each: AccountRegion) -> AccountRegion:
    return replace(each, enabled=False, recorder=None, channel=None)


def everything(number: int, each: AccountRegion) -> AccountRegion:
    """Return one problem or another, in each Region another one."""
    changes = (
        each_refused,
        each_fails,
        each_with_settings_of_its_own,
        each_without_a_recorder,
        each_stopped,
        each_delivery_fails,
        every_region_disabled,
        lambda _number, same: replace(same, enabled=Unknown(f"AccessDenied: {number} in {same.region}")),
    )
    return changes[(number + REGIONS.index(each.region)) % len(changes)](number, each)


def nothing_but_the_hub(inventory: Inventory, **changes: Any) -> Inventory:
    """Return what a delegated administrator sees that may assume no role."""
    reason = "AccessDenied: no sts:AssumeRole on arn:aws:iam::{0}:role/OrganizationAccountAccessRole (AssumeRole)"
    return replace(
        inventory,
        caller=replace(inventory.caller, account=HUB),
        account_regions=tuple(each for each in inventory.account_regions if each.account == HUB),
        role_used={},
        unreached={account: Unknown(reason.format(account)) for account in ACCOUNTS[1:]},
        security_hub={region: SecurityHub(enabled=True, administrator=Unknown("not asked")) for region in REGIONS},
        **changes,
    )


def all_wrong() -> Inventory:
    """Return an organization that lacks everything, and whose accounts have one problem or another."""
    return large_organization(
        everything,
        trusted=frozenset(),
        delegated=frozenset(),
        stack_sets_access=False,
        root=Unknown("AccessDenied"),
        opt_in_regions=frozenset(REGIONS),
        aggregated=frozenset(),
        control_tower=ControlTower(home_region=HOME, audit_account=HUB, reason=""),
        keys={region: Unknown(f"Code{at}: reason") for at, region in enumerate(REGIONS)},
        boundaries={account: Unknown(f"Code: {number}") for number, account in enumerate(ACCOUNTS)},
        service_linked_role=False,
        security_hub={region: Unknown(f"Code{at}: reason") for at, region in enumerate(REGIONS)},
    )


class TestLength:
    """At most 200 lines, with the last line, whatever is wrong."""

    @pytest.mark.parametrize(
        "change",
        [
            each_refused,
            each_fails,
            each_with_settings_of_its_own,
            each_without_a_recorder,
            each_stopped,
            each_delivery_fails,
            every_region_disabled,
            everything,
        ],
    )
    @pytest.mark.parametrize("excluded", every(2, ["", ",".join(ACCOUNTS[300:600])]))
    def test_problems_of_all_accounts_have_few_lines(self, change: Change, excluded: str) -> None:
        """The values of the file let other findings appear."""
        lines = report_of(large_organization(change), VALUES | {"ExcludedAccounts": excluded})
        assert len(lines) < MOST_LINES

    def test_all_of_the_organization_and_its_accounts_has_few_lines(self) -> None:
        assert len(report_of(all_wrong(), ALL_VALUES)) < MOST_LINES

    def test_every_account_that_cannot_be_reached_for_a_reason_of_its_own_has_few_lines(self) -> None:
        inventory = nothing_but_the_hub(
            large_organization(),
            aggregator=Aggregator(
                resources={}, failures={f"{account}, {HOME}": f"Code{account[-3:]}: no" for account in ACCOUNTS}
            ),
        )
        unreached = {account: Unknown(f"Code{number}: no") for number, account in enumerate(ACCOUNTS[1:])}
        lines = report_of(replace(inventory, unreached=unreached), VALUES)
        assert len(lines) < MOST_LINES
        assert [line for line in lines if line.startswith("- ")] == [
            *[f"- account {HUB}: cannot be seen from here: 1 account, in which it can assume no role"] * 2,
            f"- account {HUB}: cannot be seen from here: 997 accounts",
        ]
        assert "  These have 997 other reasons: --json lists them." in lines

    def test_findings_of_the_organization_are_printed_before_those_of_accounts(self) -> None:
        lines = report_of(large_organization(everything, trusted=frozenset()), VALUES)
        assert sum("is disabled" in line for line in lines if line.startswith("- management account ")) == 2

    def test_what_has_no_room_is_counted(self) -> None:
        lines = report_of(all_wrong(), ALL_VALUES)
        found = [re.fullmatch(r"(?:Missing|Not checked|Excluded|Hint) \((\d+)\)", line) for line in lines]
        left_out = [re.match(r"- (\d+) more findings? about [\d,]+ accounts?: --json", line) for line in lines]
        assert any(left_out)
        printed = [line for line in lines if line.startswith("- ")]
        assert sum(int(each[1]) for each in found if each) == (
            len(printed) - sum(map(bool, left_out)) + sum(int(each[1]) for each in left_out if each)
        )


class TestGroups:
    """Equal problems are one finding with the first five accounts and one set of commands."""

    def test_accounts_in_all_regions_are_counted_and_the_first_five_named(self) -> None:
        lines = report_of(
            large_organization(lambda number, each: each_stopped(1, each) if number in range(40, 160) else each), VALUES
        )
        at = lines.index("Missing (1)")
        assert lines[at : at + 7] == [
            "Missing (1)",
            "  Run each command with credentials of the account that the line above it names",
            "  REGION stands for each of them; --json lists all",
            "- 120 accounts, each in all 17 Regions: the configuration recorder is stopped",
            "  500000000040 (team-040), 500000000041 (team-041), 500000000042 (team-042), 500000000043 (team-043), "
            "500000000044 (team-044), and 115 more",
            "  Run preflight again afterwards. A stopped recorder excludes no account.",
            "    aws configservice start-configuration-recorder --region REGION --configuration-recorder-name default",
        ]

    def test_account_in_all_regions_has_no_list(self) -> None:
        lines = report_of(large_organization(lambda number, each: each_stopped(1, each) if number == 3 else each))
        assert "- account 500000000003 (team-003), all 17 Regions: the configuration recorder is stopped" in lines
        assert not [line for line in lines if line.startswith("  500000000003")]

    def test_account_in_some_regions_names_them_or_their_number(self) -> None:
        def change(number: int, each: AccountRegion) -> AccountRegion:
            regions = {3: REGIONS[:2], 4: REGIONS[:9]}.get(number, ())
            return each_stopped(1, each) if each.region in regions else each

        lines = report_of(large_organization(change))
        assert "- 2 accounts, 11 times in 9 Regions: the configuration recorder is stopped" in lines
        assert "  500000000003 (team-003) in eu-west-1, ap-northeast-1; 500000000004 (team-004) in 9 of 17 Regions" in (
            lines
        )

    def test_settings_that_differ_by_account_are_two_commands_and_a_count(self) -> None:
        """The printed commands would overwrite the settings of the others."""

        def change(number: int, each: AccountRegion) -> AccountRegion:
            types = ["AWS::S3::Bucket"] + ([f"AWS::Type::N{number}"] if number in range(10) else [])
            group = {"resourceTypes": types}
            own = recorder(each.account, settings=settings(each.account, recordingGroup=group))
            return replace(each, recorder=own) if number in range(30) else each

        lines = report_of(large_organization(change), VALUES)
        headings = [line.partition(":")[0] for line in lines if "does not record AWS::ECR::Repository" in line]
        assert headings == [
            "- 20 accounts, each in all 17 Regions",
            f"- account {HUB} (team-000), all 17 Regions",
            "- 9 accounts, each in all 17 Regions",
        ]
        assert "  These have 9 other sets of commands: --json lists them." in lines
        commands = [line for line in lines if line.startswith("    aws configservice put-configuration-recorder")]
        assert ["role/config" in command and "iam::ACCOUNT:" in command for command in commands] == [True, False]

    def test_hub_without_a_recorder_is_a_finding_of_its_own(self) -> None:
        lines = report_of(
            large_organization(lambda number, each: replace(each, recorder=None) if number in range(9) else each),
            VALUES | {"ExcludedAccounts": ""},
        )
        assert [line for line in lines if "there is no configuration recorder" in line] == [
            f"- account {HUB} (team-000), all 17 Regions: there is no configuration recorder in this account, from "
            "which the rule is deployed",
            "- 8 accounts, each in all 17 Regions: there is no configuration recorder",
        ]

    def test_unread_settings_are_one_hint_with_the_command_that_reads_them(self) -> None:
        def change(_number: int, each: AccountRegion) -> AccountRegion:
            unread = recorder(each.account, settings=Unread.UNREAD)
            return each if each.region == HOME else replace(each, recorder=unread, channel=Unread.UNREAD)

        inventory = large_organization(change, thorough=False)
        (hint,) = findings_of(inventory, VALUES)
        assert hint.problem == (
            "what recorders record, and whether delivery channels fail, was not read in 16,000 of 17,000 "
            "accounts × Regions, to save calls"
        )
        assert hint.commands == (f"ecr-exposure preflight --regions {','.join(REGIONS)} --hub {HUB} --thorough",)
        assert hint.where == f"account {MANAGEMENT}"

    @pytest.mark.parametrize(
        ("channel", "note"),
        [
            (None, "The policy of the bucket org-config-log, which other accounts use, must allow"),
            (
                Unread.UNREAD,
                "Whether there is a delivery channel, without which no recorder starts, was not read. If "
                "describe-delivery-channels lists none, create one before the last command.",
            ),
            (Unknown("AccessDenied"), "Whether there is a delivery channel could not be checked: AccessDenied"),
        ],
    )
    def test_delivery_channel_is_only_created_where_there_is_none(
        self, channel: Unknown | Unread | None, note: str
    ) -> None:
        def change(number: int, each: AccountRegion) -> AccountRegion:
            return replace(each, recorder=None, channel=channel) if number in range(3, 5) else each

        lines = report_of(large_organization(change))
        assert sum("put-delivery-channel" in line for line in lines) == (1 if channel is None else 0)
        assert sum(line.endswith(note) if note.endswith("command.") else note in line for line in lines) == 1
        listed = [line for line in lines if line.startswith("    aws configservice describe-delivery-channels ")]
        assert len(listed) == (channel is Unread.UNREAD)

    def test_bucket_is_that_of_most_accounts_unless_the_region_uses_another_one(self) -> None:
        """The bucket of a Region often has its name."""

        def change(number: int, each: AccountRegion) -> AccountRegion:
            own = DeliveryChannel(bucket=f"log-{each.region}", last_error="")
            other = DeliveryChannel(bucket="other", last_error="")
            channel = own if each.region in REGIONS[:5] else other if number % 3 else CHANNEL
            return replace(each, recorder=None, channel=None) if number == 3 else replace(each, channel=channel)

        found = [command for each in findings_of(large_organization(change)) for command in each.commands]
        assert [command.rpartition("=")[2] for command in found if "put-delivery-channel" in command] == [
            "log-REGION",
            "other",
        ]

    def test_disabled_regions_are_one_hint(self) -> None:
        def change(number: int, each: AccountRegion) -> AccountRegion:
            return every_region_disabled(number, each) if number > 989 and each.region in REGIONS[5:8] else each

        hints = [each.problem for each in findings_of(large_organization(change), VALUES)]
        assert hints == ["the Region is not enabled, so the rule excludes the account there"]

    def test_security_hub_that_is_off_everywhere_is_one_hint(self) -> None:
        off = {region: SecurityHub(enabled=False, administrator="") for region in REGIONS}
        lines = report_of(large_organization(security_hub=off), VALUES)
        at = lines.index("Hint (2)")
        assert lines[at + 3 : at + 7] == [
            f"- account {HUB} (team-000), all 17 Regions: Security Hub is not enabled in the account from which the "
            "rule is deployed, so it shows no findings of that account",
            "  In the other accounts it is not checked: each needs it for findings of its own.",
            "    aws securityhub enable-security-hub --region REGION --no-enable-default-standards",
            f"- account {MANAGEMENT} (management), all 17 Regions: the organization has no administrator of Security "
            "Hub: deploy deploy/security-hub.yaml to every account that uses it",
        ]

    def test_replicas_of_a_key_are_one_command(self) -> None:
        primary = Key(state="Enabled", encrypts=True, multi_region=True, primary_region=HOME)
        keys = {region: primary if region == HOME else None for region in REGIONS}
        lines = report_of(large_organization(keys=keys), VALUES | {"KmsKeyArn": KEY})
        replicate = f"    aws kms replicate-key --region {HOME} --key-id mrk-1234abcd --replica-region REGION"
        assert lines.count(replicate) == 1
        assert sum("replicate-key" in line for line in lines) == 1


class TestDelegatedAdministrator:
    """The usual hub may assume no role in the other accounts."""

    def test_what_it_cannot_see_and_who_can_are_one_finding(self) -> None:
        aggregator = Aggregator(resources=dict.fromkeys(ACCOUNTS[:600], 3), failures={})
        lines = report_of(nothing_but_the_hub(large_organization(), aggregator=aggregator), VALUES)
        at = lines.index("Not checked (1)")
        regions = ",".join(REGIONS)
        assert lines[at + 1 : at + 11] == [
            f"- account {HUB}: cannot be seen from here: 999 accounts, in which it can assume no role",
            "  500000000001 (team-001), 500000000002 (team-002), 500000000003 (team-003), 500000000004 (team-004), "
            "500000000005 (team-005), and 994 more",
            "  The reason: AccessDenied: no sts:AssumeRole on arn:aws:iam::ACCOUNT:role/OrganizationAccountAccessRole "
            "(AssumeRole)",
            "  One account without a configuration recorder fails the whole deployment. preflight tried the role "
            "OrganizationAccountAccessRole or AWSControlTowerExecution; --role names another one.",
            "  The organization aggregator counts resources of 599 of these accounts, so there is or was a recorder.",
            "  It counts no resources of 400 accounts, which may have no recorder, or one that recorded nothing yet: "
            "500000000600 (team-600), 500000000601 (team-601), 500000000602 (team-602), 500000000603 (team-603), "
            "500000000604 (team-604), and 395 more",
            f"  The management account {MANAGEMENT} can usually check this. {ELSEWHERE}:",
            f"    ecr-exposure preflight --regions {regions} --hub {HUB} --json > preflight.json",
            "  Then copy preflight.json to this folder, and here, with the other options of this run:",
            f"    ecr-exposure preflight --regions {regions} --from preflight.json",
        ]


class TestJson:
    """The findings as JSON values."""

    def test_all_places_of_all_findings_are_listed(self) -> None:
        found = findings_as_json(findings_of(large_organization(each_refused), VALUES))
        assert [len(each["places"]) for each in found] == [17] * 1000
        found = findings_as_json(findings_of(large_organization(each_stopped), VALUES))
        assert [len(each["places"]) for each in found] == [8_500, 8_500]
        assert found[1]["places"][0] == {"account": ACCOUNTS[1], "region": HOME}

    def test_finding_has_the_members_that_are_documented(self) -> None:
        inventory = large_organization(lambda number, each: each_stopped(1, each) if number == 3 else each)
        assert json.loads(json.dumps(findings_as_json(findings_of(inventory, VALUES))))[0] == {
            "level": "missing",
            "problem": "the configuration recorder is stopped",
            "where": "",
            "note": "Run preflight again afterwards. A stopped recorder excludes no account.",
            "commands": [
                "aws configservice start-configuration-recorder --region REGION --configuration-recorder-name default"
            ],
            "places": [{"account": ACCOUNTS[3], "region": region} for region in REGIONS],
        }

    def test_whole_account_has_no_region(self) -> None:
        inventory = nothing_but_the_hub(large_organization())
        (found,) = findings_as_json(findings_of(inventory, VALUES))
        assert (found["level"], found["where"], found["places"][0]) == (
            "unchecked",
            f"account {HUB}",
            {"account": ACCOUNTS[1]},
        )
