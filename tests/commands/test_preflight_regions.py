"""``preflight`` and opt-in Regions, which each account has to enable."""

import pytest

from ecr_exposure.cli.command_line import Environment
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
    refused,
)
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

DISABLED = "the Region is not enabled"
ENABLE = f"aws account enable-region --region-name {ABROAD}"


class TestAccountsWithoutTheRegion:
    """An account that has not enabled a named Region."""

    def test_account_without_the_region_is_excluded_there_and_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.services.enabled[ABROAD] = {HUB, ONE}
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {TWO} (member-{TWO}), us-east-1: {DISABLED}, so the rule excludes the account there"
        ]
        assert report.commands == [ENABLE]
        assert report.excluded == ""
        assert preflight(prepared, regions=ABROAD).excluded == TWO

    def test_account_without_the_region_that_the_file_does_not_exclude_is_not_said_to_be(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        prepared.services.enabled[ABROAD] = {HUB}
        write_values(ExcludedAccounts=ONE)
        report = preflight(prepared, regions=ABROAD)
        assert [line for line in report.under("Hint") if "is not enabled" in line] == [
            f"account {ONE} (member-{ONE}), us-east-1: {DISABLED}, so the rule excludes the account there",
            f"account {TWO} (member-{TWO}), us-east-1: {DISABLED}, and ExcludedAccounts lacks the account there",
        ]

    def test_recorder_is_not_read_where_the_region_is_not_enabled(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """AWS would refuse the credentials there."""
        prepared.services.enabled[ABROAD] = {HUB, ONE}
        preflight(prepared)
        called = {(call.account, call.region) for call in prepared.organization.calls if call.service == "config"}
        assert called == {(HUB, HOME), (HUB, ABROAD), (ONE, HOME), (ONE, ABROAD), (TWO, HOME)}

    def test_hub_without_the_region_is_missing_it_and_never_excluded(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.services.enabled[ABROAD] = {ONE, TWO}
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB} (master), us-east-1: the Region is not enabled in this account, from which the rule is "
            "deployed"
        ]
        assert report.commands == [ENABLE]
        assert preflight(prepared, regions=ABROAD).excluded == ""

    def test_regions_of_an_account_are_only_asked_where_they_matter(self, preflight: RunPreflight) -> None:
        """Both are enabled by default, so one call in the hub is enough; the list has several pages."""
        with prepared_organization(page=10) as organization:
            organization.services.enabled["me-south-1"] = set()
            preflight(organization)
            called = [call.account for call in organization.organization.calls if call.operation == "ListRegions"]
        assert set(called) == {HUB}
        assert len(called) > 1


class TestHomeRegion:
    """The StackSet creates the role only in accounts that have enabled the home Region."""

    def test_opt_in_home_region_is_a_hint_that_names_a_better_one(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(HomeRegion=ABROAD)
        prepared.services.enabled[ABROAD] = {HUB, ONE, TWO}
        report = preflight(prepared)
        assert report.status == 0
        (hint,) = report.under("Hint")
        assert hint.startswith(
            "every account, us-east-1: HomeRegion is us-east-1, an opt-in Region: a StackSet creates"
        )
        assert "  Before the first deployment, set HomeRegion to eu-west-1, which every account has" in report.text

    def test_home_region_that_no_stack_is_deployed_to_now_is_a_hint_too(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(HomeRegion="me-south-1")
        prepared.services.enabled["me-south-1"] = {HUB, ONE, TWO}
        opt_in, first = preflight(prepared, regions=HOME).under("Hint")
        assert "HomeRegion is me-south-1, an opt-in Region" in opt_in
        assert "HomeRegion is me-south-1, which is not among these Regions" in first

    def test_home_region_that_is_not_named_is_a_hint_to_deploy_it_first(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(HomeRegion=ABROAD)
        report = preflight(prepared, regions=HOME)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}, us-east-1: HomeRegion is us-east-1, which is not among these Regions: only the stack in "
            "HomeRegion creates the roles"
        ]
        assert "  Deploy that stack first, unless it exists." in report.lines

    @pytest.mark.parametrize("home", ["eu-wets-1", "cn-north-1"])
    def test_home_region_of_no_or_another_partition_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues, home: str
    ) -> None:
        write_values(HomeRegion=home)
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB}: HomeRegion is {home}, which is no Region of the partition aws: no stack would create the "
            "roles"
        ]
        assert report.under("Hint") == []
        assert f"parameters.yaml says HomeRegion={home}; preflight would choose eu-west-1" in report.text

    def test_account_without_the_home_region_is_missing_the_role_in_the_others(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(HomeRegion=ABROAD)
        prepared.services.enabled[ABROAD] = {HUB, ONE}
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {TWO} (member-{TWO}), us-east-1: HomeRegion is not enabled, so the role does not exist that the "
            "rule needs in the other Regions"
        ]
        assert report.commands == [ENABLE]

    def test_opt_in_regions_alone_leave_no_better_home_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values()
        prepared.services.enabled[ABROAD] = {HUB, ONE, TWO}
        report = preflight(prepared, regions=ABROAD)
        assert "HomeRegion is us-east-1, an opt-in Region" in report.under("Hint")[0]
        assert "The Regions that every account has enabled are better" in report.text


class TestRefusedRegions:
    """What AWS refuses or a proxy answers is neither enabled nor disabled."""

    @pytest.mark.parametrize(
        "fault",
        [
            refused("account", "ListRegions", account=HUB),
            Fault("account", "ListRegions", status=200, body="<html>log in first</html>", times=None, account=HUB),
            Fault("account", "ListRegions", status=200, body="{}", request_id=True, times=None, account=HUB),
        ],
    )
    def test_regions_that_cannot_be_read_are_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight, fault: Fault
    ) -> None:
        """The recorders are read all the same."""
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(f"account {HUB}: which Regions are opt-in Regions could not be checked: ")
        assert "because a StackSet creates no role in the others." in report.text
        assert report.under("Missing") == []
        recorders = [call for call in prepared.organization.calls if call.operation == "DescribeConfigurationRecorders"]
        assert len(recorders) == 6

    def test_region_of_an_account_that_cannot_be_read_is_a_hint(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """Its recorder answers, so the Region is enabled; a disabled one would refuse, too."""
        prepared.services.enabled[ABROAD] = {HUB, ONE, TWO}
        with prepared.organization.faults.inject(refused("account", "ListRegions", account=TWO)):
            report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {TWO} (member-{TWO}), us-east-1: whether the Region is enabled could not be checked: "
            "AccessDeniedException: no ListRegions for you (ListRegions)"
        ]

    def test_region_that_the_hub_has_not_enabled_explains_the_refused_credentials(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        invalid = Fault("sts", "GetCallerIdentity", status=403, code="InvalidClientTokenId", times=None)
        with prepared.organization.faults.inject(invalid):
            environment = Environment(session=prepared.organization.session(HUB, HOME))
            assert main(("preflight", "--regions", HOME), environment) == 2
        assert (
            "InvalidClientTokenId: Injected fault (GetCallerIdentity), or eu-west-1 is not enabled in their account"
            in (capsys.readouterr().err)
        )

    def test_delegated_administrator_reads_the_regions_of_its_own_account(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.delegate(*TRUSTED)
        prepared.services.enabled[ABROAD] = {HUB, TWO}
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing")[0].startswith(f"account {ONE} (member-{ONE}), us-east-1: the Region is not")
        assert preflight(prepared, regions=ABROAD).excluded == ""
