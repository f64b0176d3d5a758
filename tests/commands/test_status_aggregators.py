"""``status`` and aggregators: which one it asks, and what none of them covers."""

import pytest
from moto.config.models import config_backends

from tests.commands.deployed_organization import ABROAD, HOME, ONE, TWO, DeployedOrganization, deployed_organization
from tests.local_aws.organization import HUB


def asked(deployed: DeployedOrganization) -> set[tuple[str, str]]:
    """Return the aggregators whose results were asked for, and the Regions that they are in."""
    calls = (call for call in deployed.organization.calls if call.operation == "SelectAggregateResourceConfig")
    return {(call.parameters["ConfigurationAggregatorName"], call.region) for call in calls}


class TestChoice:
    """Any Region's aggregator of the organization; the Region's own first."""

    def test_aggregator_of_one_region_covers_the_other(self) -> None:
        with deployed_organization() as deployed:
            assert deployed.status(regions=ABROAD).status == 0
            assert asked(deployed) == {("organization", HOME)}

    def test_aggregator_in_the_region_itself_comes_first(self) -> None:
        with deployed_organization() as deployed:
            deployed.aggregate(ABROAD, "abroad")
            assert deployed.status(regions=ABROAD).status == 0
            assert asked(deployed) == {("abroad", ABROAD)}

    def test_named_aggregator_is_asked(self) -> None:
        with deployed_organization() as deployed:
            deployed.aggregate(HOME, "other")
            assert deployed.status("--aggregator", "other").status == 0
            assert asked(deployed) == {("other", HOME)}

    def test_aggregator_of_named_accounts_leaves_the_others_unseen(self) -> None:
        with deployed_organization() as deployed:
            deployed.remove_aggregators()
            _aggregate_accounts(HUB, ONE)
            run = deployed.status(regions=HOME)
        assert run.rows[HUB, HOME] == run.rows[ONE, HOME] == "no repositories"
        assert run.rows[TWO, HOME] == "not seen | the aggregator accounts does not cover this account"
        assert run.status == 2

    def test_aggregator_of_the_organization_comes_before_one_of_named_accounts(self) -> None:
        with deployed_organization() as deployed:
            _aggregate_accounts(HUB, ONE)
            assert deployed.status(regions=HOME).status == 0
            assert asked(deployed) == {("organization", HOME)}


class TestNone:
    """Without an aggregator nothing is seen, and nothing is called evaluated."""

    def test_no_aggregator_is_not_seen(self) -> None:
        with deployed_organization() as deployed:
            deployed.remove_aggregators()
            run = deployed.status()
        assert set(run.rows.values()) == {f"not seen | this account has no aggregator in {HOME}, {ABROAD}"}
        assert run.status == 2
        assert run.last == "Not all seen: 6 not seen (3 accounts, 2 Regions)"

    def test_region_that_no_aggregator_covers_is_not_seen(self) -> None:
        with deployed_organization() as deployed:
            deployed.remove_aggregators()
            deployed.aggregate(AwsRegions=[HOME])
            run = deployed.status()
        assert run.rows[ONE, HOME] == "no repositories"
        found = "no aggregator covers this Region (found: organization in eu-west-1)"
        assert run.rows[ONE, ABROAD] == f"not seen | {found}"
        assert run.status == 2

    def test_unknown_name_names_the_aggregators_that_exist(self) -> None:
        with deployed_organization() as deployed:
            run = deployed.status("--aggregator", "typo")
        expected = f"no aggregator 'typo' with ECR repositories in {HOME}, {ABROAD} (this account has: organization)"
        assert run.rows[ONE, HOME] == f"not seen | {expected}"

    @pytest.mark.parametrize(
        ("types", "status"),
        [
            (["AWS::EC2::Instance"], 2),
            (["AWS::ECR::Repository"], 2),
            (["AWS::ECR::Repository", "AWS::Config::ResourceCompliance"], 0),
        ],
    )
    def test_aggregator_of_other_resource_types_is_none(self, types: list[str], status: int) -> None:
        """An AWS service may have created it for itself."""
        with deployed_organization() as deployed:
            deployed.data.filters = {"ResourceType": {"Type": "INCLUDE", "Value": types}}
            assert deployed.status().status == status

    def test_aggregator_of_service_linked_recorders_is_none(self) -> None:
        """It has nothing of the recorders that record repositories, so every account would have no repositories."""
        with deployed_organization() as deployed:
            deployed.data.filters = {"ServicePrincipal": {"Type": "INCLUDE", "Value": ["securityhub.amazonaws.com"]}}
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == f"not seen | this account has no aggregator in {HOME}"
        assert run.status == 2


def _aggregate_accounts(*accounts: str) -> None:
    config_backends[HUB][HOME].put_configuration_aggregator(
        {
            "ConfigurationAggregatorName": "accounts",
            "AccountAggregationSources": [{"AccountIds": list(accounts), "AllAwsRegions": True}],
        }
    )
