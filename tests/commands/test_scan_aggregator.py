"""``scan --aggregator``: what AWS Config recorded, and what is said where an aggregator does not have everything."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from moto.config.models import config_backends

from ecr_exposure.cli.scan import PERMISSIONS
from tests.commands.check_command import CLOSED, PUBLIC
from tests.commands.scanned_organization import ABROAD, HOME, ScannedOrganization, scanned_organization
from tests.local_aws.moto_aggregator import aggregated_data
from tests.local_aws.organization import HUB, MEMBERS

ONE, TWO = MEMBERS
AGGREGATOR: Final = ("--aggregator", "organization")
SELECT: Final = "SelectAggregateResourceConfig"
SOURCES: Final = "DescribeConfigurationAggregatorSourcesStatus"
DENIED: Final[dict[str, Any]] = {"status": 403, "code": "AccessDeniedException", "message": "no"}
EXPECTED: Final = {
    f"{ONE}/{HOME}/closed": "not public",
    f"{ONE}/{HOME}/public": "public",
    f"{TWO}/{ABROAD}/without": "not public",
}


def aggregate(**regions: Any) -> None:
    """Create the aggregator in the hub's home Region, by default of all Regions."""
    source = {"RoleArn": f"arn:aws:iam::{HUB}:role/aggregator"} | (regions or {"AllAwsRegions": True})
    config_backends[HUB][HOME].put_configuration_aggregator(
        {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
    )


@pytest.fixture
def scanned() -> Iterator[ScannedOrganization]:
    """Return an organization with three recorded repositories in two accounts and Regions, in pages of two."""
    with scanned_organization() as scanned, aggregated_data(scanned.organization, page=2):
        aggregate()
        scanned.create("public", account=ONE, policy=PUBLIC)
        scanned.create("closed", account=ONE, policy=CLOSED)
        scanned.create("without", account=TWO, region=ABROAD, policy=None)
        for account, region, name in (each.split("/") for each in EXPECTED):
            scanned.organization.recorder.record(account, region, name)
        yield scanned


class TestRecorded:
    """The policies as AWS Config recorded them."""

    def test_every_account_and_region_is_read_without_a_role_there(self, scanned: ScannedOrganization) -> None:
        found = scanned.scan(*AGGREGATOR)
        assert (found.code, found.results, found.errors) == (1, EXPECTED, [])
        assert {(call.service, call.account) for call in scanned.organization.calls} == {("sts", HUB), ("config", HUB)}
        assert found.document["scope"]["source"] == f"AWS Config aggregator organization in {HOME}"
        assert found.err.splitlines()[0].endswith(f", {HOME}: the aggregator organization")

    def test_region_limits_what_an_aggregator_of_the_configured_region_returns(
        self, scanned: ScannedOrganization
    ) -> None:
        found = scanned.scan(*AGGREGATOR, "--region", ABROAD)
        assert found.results == {f"{TWO}/{ABROAD}/without": "not public"}

    def test_every_call_is_among_the_permissions(self, scanned: ScannedOrganization) -> None:
        scanned.scan(*AGGREGATOR, "--test", "external")
        called = {f"{call.service}:{call.operation}" for call in scanned.organization.calls}
        names = ("OptionalReadAggregator", "OptionalListAccounts")
        allowed = {action for each in PERMISSIONS if each["Sid"] in names for action in each["Action"]}
        assert called == allowed | {"sts:GetCallerIdentity"}

    @pytest.mark.parametrize("other", [("--all-regions",), ("--member-role", "Audit"), ("--resume", "scan.jsonl")])
    def test_options_of_a_live_scan_are_refused(self, scanned: ScannedOrganization, other: tuple[str, ...]) -> None:
        found = scanned.run(*AGGREGATOR, *other)
        assert found.code == 2
        assert f"--aggregator reads what AWS Config recorded; it excludes {other[0]}." in found.last_line


class TestNotEverything:
    """The aggregator, or a call to it, has less."""

    def test_aggregator_that_does_not_exist_is_refused_with_those_that_do(self, scanned: ScannedOrganization) -> None:
        found = scanned.run("--aggregator", "other")
        assert (found.code, found.out) == (2, "")
        assert f"no aggregator 'other' with ECR repositories in {HOME}" in found.last_line
        assert f"(there: organization in {HOME})" in found.last_line

    def test_region_that_it_lacks_is_named(self, scanned: ScannedOrganization) -> None:
        config_backends[HUB][HOME].config_aggregators.clear()
        aggregate(AwsRegions=[HOME])
        found = scanned.scan(*AGGREGATOR, "--region", f"{HOME},{ABROAD}")
        assert found.code == 2
        assert found.errors == [f"{ABROAD}: the aggregator organization does not cover this Region"]

    @pytest.mark.parametrize(("operation", "read"), [(SELECT, 0), (SOURCES, 3)])
    def test_refused_call_is_named(self, scanned: ScannedOrganization, operation: str, read: int) -> None:
        with scanned.fault("config", operation, **DENIED):
            found = scanned.scan(*AGGREGATOR)
        assert (found.code, len(found.results), len(found.errors)) == (2, read, 1)
        assert found.errors[0].startswith("aggregator organization: the ")
        assert found.errors[0].endswith(f": AccessDeniedException: no ({operation})")

    def test_pages_before_a_broken_one_are_reported(self, scanned: ScannedOrganization) -> None:
        with scanned.fault("config", SELECT, when=lambda call: "NextToken" in call.parameters, **DENIED):
            found = scanned.scan(*AGGREGATOR)
        assert (found.code, len(found.results)) == (2, 2)
        assert "not all of which were read: AccessDeniedException" in found.errors[0]

    def test_throttling_is_waited_out(self, scanned: ScannedOrganization) -> None:
        with scanned.fault("config", SELECT, times=4, code="ThrottlingException"):
            assert scanned.scan(*AGGREGATOR).results == EXPECTED

    def test_credentials_that_expire_leave_what_was_read(self, scanned: ScannedOrganization) -> None:
        how = {"status": 403, "code": "ExpiredTokenException"}
        with scanned.fault("config", SELECT, when=lambda call: "NextToken" in call.parameters, **how):
            found = scanned.scan(*AGGREGATOR)
        assert (found.code, len(found.results)) == (2, 2)
        assert found.errors[0] == f"{HUB}: your credentials expired after 0 min; renew them and run again"

    def test_interrupt_leaves_what_was_read(self, scanned: ScannedOrganization) -> None:
        with scanned.interrupted_at("config", SELECT, 2):
            found = scanned.scan(*AGGREGATOR)
        assert (found.code, len(found.results)) == (130, 2)
        assert found.document["result"] == "interrupted"
