"""``preflight`` where accounts cannot be reached, as from a delegated administrator, and what the aggregator shows."""

import pytest
from moto.config.models import config_backends

from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import (
    ABROAD,
    ELSEWHERE,
    HOME,
    ONE,
    TRUSTED,
    TWO,
    PreparedOrganization,
    refused,
)
from tests.local_aws.faults import Fault, Injected
from tests.local_aws.moto_organization_services import create_multi_account_role
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, LocalOrganization

CREATE_ROLE = "aws iam create-service-linked-role --aws-service-name config-multiaccountsetup.amazonaws.com"
DESCRIBE = "aws configservice describe-configuration-recorders --region REGION"
RESOURCES, SOURCES = "GetAggregateDiscoveredResourceCounts", "DescribeConfigurationAggregatorSourcesStatus"


@pytest.fixture
def delegated(prepared: PreparedOrganization) -> PreparedOrganization:
    """Return an organization whose delegated administrator may not assume a role anywhere."""
    prepared.delegate(*TRUSTED)
    prepared.organization.accounts_without_role.update({HUB, TWO})
    return prepared


class TestUnreachedAccounts:
    """Equal reasons are one finding."""

    def test_delegated_administrator_is_told_where_it_can_be_seen(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        report = preflight(delegated)
        assert report.status == 2
        at = report.lines.index(f"- account {ONE}: cannot be seen from here: 1 account, in which it can assume no role")
        assert report.lines[at - 1 : at + 8] == [
            "Not checked (1)",
            f"- account {ONE}: cannot be seen from here: 1 account, in which it can assume no role",
            f"  {TWO} (member-{TWO})",
            "  The reason: AccessDenied: The caller is not authorized to perform: sts:AssumeRole on this role "
            "(AssumeRole)",
            "  One account without a configuration recorder fails the whole deployment. preflight tried the role "
            "OrganizationAccountAccessRole or AWSControlTowerExecution; --role names another one.",
            "  The organization aggregator counts no resources of 1 account, which may have no recorder, or one that "
            f"recorded nothing yet: {TWO} (member-{TWO})",
            f"  The management account {HUB} can usually check this. {ELSEWHERE}:",
            f"    ecr-exposure preflight --regions {HOME},{ABROAD} --hub {ONE} --json > preflight.json",
            "  Then copy preflight.json to this folder, and here, with the other options of this run:",
        ]
        assert report.lines[at + 8] == f"    ecr-exposure preflight --regions {HOME},{ABROAD} --from preflight.json"
        assert report.excluded == ""

    def test_reasons_that_differ_by_the_accounts_id_are_one_finding(self, preflight: RunPreflight) -> None:
        """AWS names the role's ARN in its message."""
        members = tuple(str(500_000_000_000 + number) for number in range(12))
        with organizations_api(page=5) as services, LocalOrganization(members=members, regions=(HOME,)) as organization:
            prepared = PreparedOrganization(organization, services)
            prepared.prepare(administrator=members[0])
            faults = [
                Fault(
                    "sts",
                    "AssumeRole",
                    status=403,
                    code="AccessDenied",
                    message=f"no arn:aws:iam::{member}:role/Inspector",
                    times=None,
                    when=lambda call, member=member: member in str(call.parameters["RoleArn"]),  # type: ignore[misc]
                )
                for member in members[1:]
            ]
            for fault in faults:
                organization.faults._injected.append(Injected(fault))  # noqa: SLF001 - more than a with can hold
            report = preflight(prepared, "--role", "Inspector", regions=HOME)
        assert report.under("Not checked") == [
            f"account {HUB}: cannot be seen from here: 11 accounts, in which it can assume no role"
        ]
        reason = "The reason: AccessDenied: no arn:aws:iam::ACCOUNT:role/Inspector (AssumeRole)"
        assert f"and 6 more\n  {reason}\n" in report.text


class TestAggregator:
    """The organization aggregator counts what recorders recorded, so no resources do not mean that something misses."""

    def test_accounts_with_and_without_resources_are_told(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.organization.join("888899990000")
        prepared.delegate(*TRUSTED)
        prepared.organization.accounts_without_role.update({TWO, "888899990000"})
        prepared.services.resources |= {ONE: 3, TWO: 12}
        prepared.services.page = 1
        report = preflight(prepared)
        assert report.status == 2
        assert report.under("Missing") == []
        at = report.lines.index(
            "  The organization aggregator counts resources of 1 of these accounts, so there is or was a recorder."
        )
        assert report.lines[at + 1] == (
            "  It counts no resources of 1 account, which may have no recorder, or one that recorded nothing yet: "
            "888899990000 (member-888899990000)"
        )

    def test_resources_of_all_accounts_are_one_line(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.services.resources[TWO] = 1
        line = "  The organization aggregator counts resources of all of them, so there is or was a recorder."
        assert line in preflight(delegated).lines

    def test_most_frequent_error_of_the_sources_is_told(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.services.resources[TWO] = 1
        delegated.services.page = 2
        status = {"SourceType": "ACCOUNT", "LastUpdateStatus": "FAILED", "LastErrorCode": "AccessDenied"}
        delegated.services.sources = [
            {
                "SourceId": f"50000000000{number}",
                "AwsRegion": HOME,
                "LastErrorMessage": f"no access to 50000000000{number}",
            }
            | status
            for number in range(7)
        ]
        delegated.services.sources += [
            {"SourceId": "600000000000", "AwsRegion": HOME, "LastErrorMessage": "other"} | status,
            {"SourceId": TWO, "AwsRegion": HOME, "SourceType": "ACCOUNT", "LastUpdateStatus": "SUCCEEDED"},
        ]
        report = preflight(delegated)
        first, second = [line for line in report.lines if "could not read" in line]
        assert first.startswith("  The organization aggregator could not read 7 sources (500000000000, eu-west-1; 5000")
        assert first.endswith("500000000004, eu-west-1; and 2 more): AccessDenied: no access to ACCOUNT")
        assert second == "  It could not read 1 more source, for 1 other reason."

    def test_aggregator_is_not_asked_if_all_accounts_are_reached(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        preflight(prepared)
        assert not [call for call in prepared.organization.calls if call.operation in {RESOURCES, SOURCES}]

    def test_organization_without_an_aggregator_has_no_such_hint(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        config_backends[ONE][HOME].config_aggregators.clear()
        report = preflight(delegated)
        assert report.status == 2
        assert [line.partition(" covers ")[0] for line in report.under("Hint")] == [
            f"account {ONE}: no organization aggregator in these Regions"
        ]

    @pytest.mark.parametrize("body", [None, "<html>log in first</html>", "{}"])
    @pytest.mark.parametrize(
        ("operation", "what"),
        [
            (RESOURCES, "What the organization aggregator counts"),
            (SOURCES, "Whether the sources of the organization aggregator fail"),
        ],
    )
    def test_aggregator_that_cannot_be_read_is_told(
        self, delegated: PreparedOrganization, preflight: RunPreflight, operation: str, what: str, body: str | None
    ) -> None:
        delegated.services.resources[TWO] = 1
        fault = (
            refused("config", operation)
            if body is None
            else Fault("config", operation, status=200, body=body, request_id=body == "{}", times=None)
        )
        with delegated.organization.faults.inject(fault):
            lines = preflight(delegated).lines
        (line,) = [line for line in lines if "could not be read: " in line]
        assert line.startswith(f"  {what} could not be read: ")
        assert ("AccessDeniedException" if body is None else "did not come from AWS") in line


class TestManagementAccount:
    """A delegated administrator whose rule includes the management account."""

    def test_management_account_that_cannot_be_seen_is_not_checked(
        self, delegated: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(IncludeManagementAccount="true")
        delegated.organization.accounts_without_role.discard(TWO)
        report = preflight(delegated)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            f"management account {HUB}: IncludeManagementAccount is true, and the account could not be checked: "
        )
        assert report.commands == [CREATE_ROLE, DESCRIBE]
        assert "the rule excludes it" not in report.text

    def test_management_account_without_the_service_linked_role_is_missing_it(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(IncludeManagementAccount="true")
        prepared.delegate(*TRUSTED)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"management account {HUB}: IncludeManagementAccount is true, and the service-linked role of AWS Config "
            "for organization rules does not exist"
        ]
        assert report.commands == [CREATE_ROLE]

    def test_management_account_with_role_and_recorder_is_ready(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(IncludeManagementAccount="true")
        prepared.delegate(*TRUSTED)
        create_multi_account_role(HUB)
        assert preflight(prepared).status == 0
        prepared.remove_recorder(HUB)
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [f"account {HUB} (master), eu-west-1: there is no configuration recorder"]

    @pytest.mark.parametrize("body", [None, "<html>log in first</html>"])
    def test_service_linked_role_that_cannot_be_read_is_not_checked(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        write_values: WriteValues,
        body: str | None,
    ) -> None:
        write_values(IncludeManagementAccount="true")
        prepared.delegate(*TRUSTED)
        fault = Fault("iam", "GetRole", status=403 if body is None else 200, code="AccessDenied", body=body, times=None)
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            f"management account {HUB}: the service-linked role of AWS Config for organization rules could not be "
        )


class TestDelegatedAdministratorsPermission:
    """CloudFormation requires organizations:ListDelegatedAdministrators of it."""

    def test_refused_list_of_delegated_administrators_is_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate(*TRUSTED)
        with prepared.organization.faults.inject(refused("organizations", "ListDelegatedAdministrators")):
            report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {ONE}: organizations:ListDelegatedAdministrators failed: AccessDeniedException: "
            "no ListDelegatedAdministrators for you (ListDelegatedAdministrators)"
        ]
        assert "Whoever deploys from a delegated administrator needs this permission" in report.text

    def test_management_account_does_not_need_it(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        with prepared.organization.faults.inject(refused("organizations", "ListDelegatedAdministrators")):
            report = preflight(prepared)
        assert (report.status, report.under("Hint")) == (0, [])
