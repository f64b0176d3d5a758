"""Which values preflight would choose: the home Region, the excluded accounts, who can invoke the function."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.organization.inventory import (
    Account,
    AccountRegion,
    ControlTower,
    DeliveryChannel,
    Inventory,
    Organization,
    Recorder,
)
from ecr_exposure.cli.values.proposed_values import (
    REGIONS_WITHOUT_FUNCTION_POLICY,
    REGIONS_WITHOUT_REMEDIATION,
    ProposedValues,
    proposed_values,
)
from ecr_exposure.cli.values.template_parameters import MOST_IDS
from tests.deployment.sam import TEMPLATE
from tests.local_aws.templates import read_template

HUB, MANAGEMENT, ONE, TWO = "111111111111", "222222222222", "333333333333", "444444444444"
RECORDER: Final = Recorder(
    name="default", recording=True, last_status="SUCCESS", last_error="", settings={"name": "default"}
)
ARN: Final = "arn:aws:iam::111122223333:user/admin"
REFUSED: Final = Unknown("refused")
HOME, ABROAD, AFRICA = "eu-west-1", "us-east-1", "af-south-1"


def inventory(*regions: str, without: Mapping[str, Iterable[str]] | None = None, **changes: Any) -> Inventory:
    """Return an organization whose accounts, but for those named by Region, have a recorder in every Region."""
    members = changes.pop("members", (ONE, TWO))
    missing = without or {}
    account_regions = tuple(
        AccountRegion(
            account=account,
            region=region,
            enabled=True,
            recorder=None if account in missing.get(region, ()) else RECORDER,
            channel=DeliveryChannel(bucket="bucket", last_error=""),
        )
        for account in (HUB, MANAGEMENT, *members)
        for region in regions
    )
    found = Inventory(
        caller=Caller(arn=ARN, account=HUB, partition="aws"),
        hub=HUB,
        hub_is_named=False,
        regions=regions,
        opt_in_regions=frozenset({AFRICA}.intersection(regions)),
        partition_regions=frozenset({HOME, ABROAD, AFRICA, "eu-north-1"}),
        roles=("Role",),
        role_used={},
        boundaries={},
        organization=Organization(identifier="o-0123456789", management_account=MANAGEMENT, feature_set="ALL"),
        root="r-ab12",
        trusted=frozenset(),
        delegated=frozenset(),
        administrators=frozenset(),
        accounts=tuple(Account(identifier=each, name="", state="ACTIVE") for each in (HUB, MANAGEMENT, *members)),
        account_regions=account_regions,
        unreached={},
        aggregated=frozenset(),
        aggregator=None,
        control_tower=None,
        keys={},
        service_linked_role=None,
        security_hub={},
        stack_sets_access=True,
        to_read=(HUB, MANAGEMENT, *members),
    )
    return replace(found, **changes)


def chosen(proposed: ProposedValues, name: str) -> str | None:
    """Return the value that preflight would choose for a parameter; "-" if it proposes none."""
    return next((each.value for each in proposed.proposals if each.name == name), "-")


def refused_regions(resource_type: str) -> set[str]:
    """Return the Regions in which the template refuses values that need a resource type."""
    named: set[str] = set()
    for rule in read_template(TEMPLATE)["Rules"].values():
        for assertion in rule["Assertions"]:
            if resource_type in assertion["AssertDescription"]:
                named.update(assertion["Assert"]["Fn::Not"][0]["Fn::Contains"][0])
    return named


class TestHomeRegion:
    """The Region whose stack creates the roles."""

    @pytest.mark.parametrize(
        ("regions", "changes", "current", "home"),
        [
            ((HOME, ABROAD), {}, {}, HOME),
            ((AFRICA, HOME), {}, {}, HOME),
            ((AFRICA,), {}, {}, AFRICA),
            ((AFRICA, HOME), {"opt_in_regions": REFUSED}, {}, AFRICA),
            ((HOME, ABROAD), {"control_tower": ControlTower(home_region=ABROAD, audit_account=None, reason="")}, {},
             ABROAD),
            ((HOME, ABROAD), {"control_tower": ControlTower(home_region=None, audit_account=None, reason="no")}, {},
             HOME),
            ((HOME,), {"control_tower": ControlTower(home_region=ABROAD, audit_account=None, reason="")}, {}, HOME),
            ((HOME, AFRICA), {"control_tower": ControlTower(home_region=AFRICA, audit_account=None, reason="")}, {},
             HOME),
            ((HOME, ABROAD), {"control_tower": REFUSED}, {}, HOME),
            ((HOME, ABROAD), {}, {"HomeRegion": ABROAD}, ABROAD),
            ((HOME, AFRICA), {}, {"HomeRegion": AFRICA}, HOME),
            ((HOME,), {}, {"HomeRegion": "eu-north-1"}, "eu-north-1"),
            ((HOME,), {}, {"HomeRegion": "eu-moon-1"}, HOME),
            ((HOME,), {}, {"HomeRegion": ""}, HOME),
        ],
    )  # fmt: skip
    def test_region_that_every_account_has_comes_first(
        self, regions: tuple[str, ...], changes: Mapping[str, Any], current: Mapping[str, str], home: str
    ) -> None:
        assert chosen(proposed_values(inventory(*regions, **changes), current), "HomeRegion") == home

    def test_other_choice_than_the_file_says_what_it_means_for_a_stack(self) -> None:
        current = {"HomeRegion": AFRICA}
        (different,) = proposed_values(inventory(HOME, AFRICA), current).different(current)
        assert different.reason.endswith("; change it only before the first deployment")

    def test_first_choice_says_that_it_is_final(self) -> None:
        reasons = [each.reason for each in proposed_values(inventory(HOME), {}).proposals if each.name == "HomeRegion"]
        assert reasons == [
            "the first of the named Regions that every account has enabled; "
            "it cannot be changed after the first deployment"
        ]


class TestExcludedAccounts:
    """Accounts that would fail the deployment."""

    @pytest.mark.parametrize(
        ("without", "value"),
        [
            ({}, "-"),
            # The file has what the other Regions have.
            ({HOME: (ONE,)}, ""),
            ({HOME: (ONE, TWO), ABROAD: (TWO,)}, TWO),
            ({HOME: (HUB, MANAGEMENT), ABROAD: (HUB, MANAGEMENT)}, "-"),
        ],
    )
    def test_accounts_of_every_region_but_the_hub_and_management_are_excluded(
        self, without: Mapping[str, Iterable[str]], value: str
    ) -> None:
        assert chosen(proposed_values(inventory(HOME, ABROAD, without=without), {}), "ExcludedAccounts") == value

    def test_accounts_of_one_region_are_excluded_there_only(self) -> None:
        without = {HOME: (ONE, TWO, HUB, MANAGEMENT), ABROAD: (TWO,)}
        assert proposed_values(inventory(HOME, ABROAD, without=without), {}).of_regions == {
            HOME: {"ExcludedAccounts": f"{ONE},{TWO}"}
        }

    def test_accounts_of_the_file_are_excluded_in_every_region(self) -> None:
        proposed = proposed_values(inventory(HOME, ABROAD, without={HOME: (ONE,)}), {"ExcludedAccounts": TWO})
        assert proposed.of_regions == {HOME: {"ExcludedAccounts": f"{ONE},{TWO}"}}

    def test_unknown_accounts_leave_the_value_unknown(self) -> None:
        proposed = proposed_values(inventory(HOME, accounts=REFUSED), {})
        assert [each.name for each in proposed.unknown({})] == ["ExcludedAccounts"]
        assert proposed.unknown({"ExcludedAccounts": ""}) == ()

    @pytest.mark.parametrize(("count", "refused"), [(MOST_IDS, False), (MOST_IDS + 1, True)])
    def test_more_accounts_than_a_parameter_holds_are_refused(self, count: int, *, refused: bool) -> None:
        members = tuple(f"{number:012}" for number in range(count))
        proposed = proposed_values(inventory(HOME, members=members, without={HOME: members}), {})
        problems = [finding.problem for finding in proposed.refusals]
        assert problems == (
            [
                "ExcludedAccounts would have 316 account ids; a parameter of CloudFormation holds 315, in 4,096 "
                "characters"
            ]
            if refused
            else []
        )
        assert chosen(proposed, "ExcludedAccounts") == ("-" if refused else ",".join(members))
        assert len(",".join(members)) == (4107 if refused else 4094)

    def test_more_accounts_than_a_parameter_holds_are_refused_in_one_region(self) -> None:
        members = tuple(f"{number:012}" for number in range(MOST_IDS + 1))
        proposed = proposed_values(inventory(HOME, ABROAD, members=members, without={HOME: members}), {})
        assert [finding.where for finding in proposed.refusals] == [f"template.yaml, {HOME}"]
        assert proposed.of_regions == {}
        assert proposed.refused_regions == {HOME}

    def test_order_of_the_file_is_no_difference(self) -> None:
        current = {"ExcludedAccounts": f"{TWO},{ONE}"}
        proposed = proposed_values(inventory(HOME, without={HOME: (ONE, TWO)}), current)
        assert proposed.different(current) == ()


class TestInvokePermission:
    """Who can invoke the function."""

    def test_regions_without_the_resource_type_are_those_that_the_template_refuses(self) -> None:
        assert refused_regions("AWS::Lambda::ResourcePolicy") == REGIONS_WITHOUT_FUNCTION_POLICY

    def test_any_account_is_chosen_where_no_region_has_the_resource_type(self) -> None:
        government = Caller(arn=ARN, account=HUB, partition="aws-us-gov")
        proposed = proposed_values(inventory("us-gov-west-1", "us-gov-east-1", caller=government), {})
        assert chosen(proposed, "InvokePermission") == "any-account"
        assert proposed.of_regions == {}

    def test_organization_in_the_file_is_another_choice_where_no_region_has_the_resource_type(self) -> None:
        current = {"InvokePermission": "organization"}
        proposed = proposed_values(inventory("me-central-1"), current)
        assert [(each.name, each.value) for each in proposed.different(current)] == [
            ("InvokePermission", "any-account")
        ]
        assert proposed.of_regions == {}

    @pytest.mark.parametrize("current", [{}, {"InvokePermission": "organization"}, {"InvokePermission": "accounts"}])
    def test_only_the_region_without_the_resource_type_gets_any_account(self, current: Mapping[str, str]) -> None:
        """In all other Regions, the accounts of other organizations stay out."""
        proposed = proposed_values(inventory(HOME, "me-central-1"), current)
        assert chosen(proposed, "InvokePermission") == ("-" if current else "organization")
        assert proposed.of_regions == {"me-central-1": {"InvokePermission": "any-account"}}

    def test_any_account_in_the_file_serves_every_region(self) -> None:
        proposed = proposed_values(inventory(HOME, "me-central-1"), {"InvokePermission": "any-account"})
        assert proposed.of_regions == {}

    def test_active_accounts_are_listed_for_accounts(self) -> None:
        closing = Account(identifier="000000000001", name="", state="SUSPENDED")
        found = inventory(HOME, members=(TWO, ONE))
        assert isinstance(found.accounts, tuple)
        found = replace(found, accounts=(closing, *found.accounts))
        proposed = proposed_values(found, {"InvokePermission": "accounts"})
        assert chosen(proposed, "InvokingAccounts") == f"{HUB},{MANAGEMENT},{ONE},{TWO}"
        assert chosen(proposed_values(found, {}), "InvokingAccounts") == "-"

    def test_more_accounts_than_a_parameter_holds_cannot_be_listed(self) -> None:
        members = tuple(f"{number:012}" for number in range(MOST_IDS - 1))
        (refusal,) = proposed_values(inventory(HOME, members=members), {"InvokePermission": "accounts"}).refusals
        assert refusal.problem.startswith("InvokingAccounts would have 316 account ids")
        assert refusal.note == "Choose another InvokePermission."

    def test_unknown_accounts_cannot_be_listed(self) -> None:
        proposed = proposed_values(inventory(HOME, accounts=REFUSED), {"InvokePermission": "accounts"})
        assert [each.name for each in proposed.unknown({})] == ["ExcludedAccounts", "InvokingAccounts"]


class TestRemediation:
    """Remediation, which preflight never chooses."""

    def test_regions_without_the_resource_type_are_those_that_the_template_refuses(self) -> None:
        assert refused_regions("AWS::Config::RemediationConfiguration") == REGIONS_WITHOUT_REMEDIATION

    @pytest.mark.parametrize("choice", ["manual", "automatic"])
    def test_only_the_region_without_the_resource_type_gets_none(self, choice: str) -> None:
        proposed = proposed_values(inventory(HOME, "mx-central-1"), {"Remediation": choice})
        assert chosen(proposed, "Remediation") == "-"
        assert proposed.of_regions == {"mx-central-1": {"Remediation": "none"}}

    @pytest.mark.parametrize("current", [{}, {"Remediation": "none"}])
    def test_without_it_no_region_needs_a_value(self, current: Mapping[str, str]) -> None:
        proposed = proposed_values(inventory(HOME, "mx-central-1"), current)
        assert chosen(proposed, "Remediation") == "-"
        assert proposed.of_regions == {}

    def test_one_account_with_remediation_keeps_its_organization_and_is_not_the_probe(self) -> None:
        current = {"DeployAs": "account-rule", "OrganizationId": "o-0123456789", "Remediation": "automatic"}
        (proposal,) = proposed_values(inventory(HOME), current).proposals
        assert (proposal.name, proposal.value) == ("InvokePermission", "any-account")


class TestShape:
    """DeployAs."""

    def test_one_account_needs_none_of_the_values(self) -> None:
        proposed = proposed_values(inventory(HOME, without={HOME: (ONE,)}), {"DeployAs": "account-rule"})
        assert proposed == ProposedValues(proposals=(), of_regions={}, refusals=())

    def test_one_account_excludes_none(self) -> None:
        """The template refuses it, for example after a change of DeployAs."""
        current = {"DeployAs": "account-rule", "ExcludedAccounts": ONE}
        (different,) = proposed_values(inventory(HOME), current).different(current)
        assert (different.name, different.value) == ("ExcludedAccounts", "")

    def test_one_account_has_no_organization_unless_it_is_the_probe(self) -> None:
        """Without it, the function's policy names this account alone."""
        current = {"DeployAs": "account-rule", "OrganizationId": "o-0123456789"}
        (different,) = proposed_values(inventory(HOME), current).different(current)
        assert (different.name, different.value) == ("OrganizationId", "")
        assert different.reason == "with it, account-rule is the probe of aws:SourceOrgID"
        current["InvokePermission"] = "any-account"
        assert proposed_values(inventory(HOME), current).proposals == ()

    def test_china_has_one_account_only(self) -> None:
        proposed = proposed_values(inventory("cn-north-1", caller=Caller(arn=ARN, account=HUB, partition="aws-cn")), {})
        assert proposed.missing({}) == {"DeployAs": "account-rule"}
        assert proposed.different({"DeployAs": "organization-rule"}) == proposed.proposals
