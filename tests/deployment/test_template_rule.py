"""The rule that each shape of template.yaml creates, and the accounts and permissions that it needs."""

from typing import Final

import pytest

from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from ecr_exposure.repository import RESOURCE_TYPE
from tests.deployment.deployment_shapes import (
    ACCOUNT,
    MANAGEMENT,
    ORGANIZATION,
    OTHER_REGION,
    PACK,
    RULE,
    RULE_PARAMETERS,
    SHAPES,
    resolved,
    rule_of,
    template,
)
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate

FREQUENCY: Final = "TwentyFour_Hours"
# account-rule that shows whether AWS Config sends aws:SourceOrgID
PROBE: Final = ACCOUNT | {"OrganizationId": "o-exampleorg1"}
LISTED: Final = "444455556666,777788889999"
RULES: Final = ("AccountRule", "OrganizationPack", "OrganizationRule")


class TestRule:
    """Name, scope, triggers and parameters."""

    @pytest.mark.parametrize(
        ("shape", "only"),
        [
            (ORGANIZATION, "OrganizationPack"),
            (PACK, "OrganizationPack"),
            (RULE, "OrganizationRule"),
            (ACCOUNT, "AccountRule"),
        ],
    )
    def test_each_shape_creates_exactly_one_rule(self, shape: dict[str, str], only: str) -> None:
        assert [kind for kind in RULES if kind in resolved(shape).resources] == [only]

    @SHAPES
    def test_rule_is_triggered_by_changes_and_once_a_day(self, shape: dict[str, str]) -> None:
        rule = rule_of(resolved(shape))
        assert rule["name"] == "ecr-repository-no-public-access"
        assert rule["types"] == [RESOURCE_TYPE]
        assert rule["triggers"] == [CHANGE, OVERSIZED, SCHEDULED]
        assert (rule["frequency"], rule["function"]) == (FREQUENCY, "RuleFunction.Arn")

    @SHAPES
    def test_frequency_off_removes_the_periodic_trigger(self, shape: dict[str, str]) -> None:
        rule = rule_of(resolved(shape, MaximumExecutionFrequency="Off"))
        assert (rule["triggers"], rule["frequency"]) == ([CHANGE, OVERSIZED], None)

    @SHAPES
    def test_each_parameter_is_passed_under_its_own_name(self, shape: dict[str, str]) -> None:
        chosen = {name: f"value-of-{name}" for name in RULE_PARAMETERS}
        assert rule_of(resolved(shape, **chosen))["parameters"] == chosen

    @SHAPES
    def test_empty_parameters_are_left_out_without_blanks(self, shape: dict[str, str]) -> None:
        stack = resolved(shape)
        assert rule_of(stack)["parameters"] == {"publicAccessTest": "unconditional"}
        if shape == RULE:
            metadata = stack.resources["OrganizationRule"]["OrganizationCustomRuleMetadata"]
            assert metadata["InputParameters"] == '{"publicAccessTest":"unconditional"}'

    def test_rule_is_created_after_its_permission_and_roles(self) -> None:
        # CloudFormation creates a resource after those that its metadata refers to.
        at_home, none = "made in the home region", "no remediation"
        for shape, after in (
            (PACK, ["OrganizationMayInvoke.Ref", "HubRole.Ref", "MemberRoles.Ref", none, none]),
            (
                PACK | {"Remediation": "manual"},
                ["OrganizationMayInvoke.Ref", "HubRole.Ref", "MemberRoles.Ref", "Runbook.Ref", "Runbooks.Ref"],
            ),
            (RULE | {"InvokePermission": "accounts"}, ["OrganizationMayInvoke.Ref", "HubRole.Ref", "MemberRoles.Ref"]),
            (RULE | {"HomeRegion": OTHER_REGION}, ["OrganizationMayInvoke.Ref", at_home, at_home]),
            (
                PACK | {"HomeRegion": OTHER_REGION, "InvokePermission": "any-account"},
                ["ConfigMayInvoke.Ref", at_home, at_home, none, none],
            ),
            (ACCOUNT, "ConfigMayInvoke.Ref"),
            (PROBE, "OrganizationMayInvoke.Ref"),
        ):
            kind = next(kind for kind in RULES if kind in resolved(shape).resources)
            metadata = template()["Resources"][kind]["Metadata"]
            assert ResolvedTemplate(template(), shape).value(metadata["After"]) == after


class TestPermission:
    """The permission of AWS Config to invoke the function."""

    @pytest.mark.parametrize(
        ("shape", "choice", "policy"),
        [
            *((shape, "organization", {"OrganizationId": "o-exampleorg1"}) for shape in (PACK, RULE, PROBE)),
            *((shape, "accounts", {"InvokingAccounts": LISTED}) for shape in (PACK, RULE)),
        ],
    )
    def test_resource_policy_limits_the_invoking_accounts(
        self, shape: dict[str, str], choice: str, policy: dict[str, str]
    ) -> None:
        resources = resolved(shape, InvokePermission=choice, InvokingAccounts=LISTED).resources
        assert "ConfigMayInvoke" not in resources
        assert resources["OrganizationMayInvoke"]["Parameters"] == policy | {"FunctionArn": "RuleFunction.Arn"}

    @pytest.mark.parametrize(
        ("shape", "choice", "source"),
        [
            (PACK, "any-account", {}),
            (RULE, "any-account", {}),
            *((ACCOUNT, choice, {"SourceAccount": HUB}) for choice in ("organization", "accounts", "any-account")),
            # Without the organization's limit, account-rule never serves another account.
            *((PROBE, choice, {"SourceAccount": HUB}) for choice in ("accounts", "any-account")),
        ],
    )
    def test_permission_without_a_resource_policy(
        self, shape: dict[str, str], choice: str, source: dict[str, str]
    ) -> None:
        resources = resolved(shape, InvokePermission=choice, InvokingAccounts=LISTED).resources
        assert "OrganizationMayInvoke" not in resources
        assert resources["ConfigMayInvoke"] == source | {
            "FunctionName": "RuleFunction.Arn",
            "Action": "lambda:InvokeFunction",
            "Principal": "config.amazonaws.com",
        }

    def test_other_kind_of_permission_is_on_another_function(self) -> None:
        """The deletion of a function's policy deletes a permission that was added to the function meanwhile."""
        names: dict[bool, set[str]] = {True: set(), False: set()}
        for shape in (PACK, RULE, ACCOUNT, PROBE):
            for choice in ("organization", "accounts", "any-account"):
                resources = resolved(shape, InvokePermission=choice, InvokingAccounts=LISTED).resources
                names["OrganizationMayInvoke" in resources].add(resources["RuleFunction"]["FunctionName"])
        assert [len(each) for each in names.values()] == [1, 1]
        assert names[True].isdisjoint(names[False])

    def test_function_changes_after_the_roles_that_it_assumes(self) -> None:
        after = template()["Resources"]["RuleFunction"]["Metadata"]["After"]
        assert ResolvedTemplate(template(), PACK).value(after) == ["HubRole.Ref", "MemberRoles.Ref"]
        for shape in (ACCOUNT, PACK | {"HomeRegion": OTHER_REGION}):
            assert set(ResolvedTemplate(template(), shape).value(after)) == {"made in the home region"}


class TestAccounts:
    """The accounts that get the rule."""

    @pytest.mark.parametrize(
        ("chosen", "excluded"),
        [
            ({}, None),
            ({"ExcludedAccounts": "444455556666,777788889999"}, ["444455556666", "777788889999"]),
            ({"ManagementAccountId": MANAGEMENT}, [MANAGEMENT]),
            ({"ManagementAccountId": MANAGEMENT, "IncludeManagementAccount": "true"}, None),
            ({"ManagementAccountId": MANAGEMENT, "ExcludedAccounts": "444455556666"}, [MANAGEMENT, "444455556666"]),
            (
                {
                    "ManagementAccountId": MANAGEMENT,
                    "IncludeManagementAccount": "true",
                    "ExcludedAccounts": "444455556666",
                },
                ["444455556666"],
            ),
        ],
    )
    def test_excluded_accounts_get_no_rule(self, chosen: dict[str, str], excluded: list[str] | None) -> None:
        for shape, kind in ((PACK, "OrganizationPack"), (RULE, "OrganizationRule")):
            assert resolved(shape, **chosen).resources[kind].get("ExcludedAccounts") == excluded


class TestQuery:
    """The query of the aggregator."""

    def test_organization_shape_has_a_query_for_open_repositories(self) -> None:
        query = resolved(PACK).resources["OpenRepositories"]
        assert query["QueryName"] == "ecr-repository-no-public-access"
        assert query["QueryExpression"] == (
            "SELECT accountId, awsRegion, configuration.targetResourceId, configuration.configRuleList"
            " WHERE resourceType = 'AWS::Config::ResourceCompliance'"
            f" AND configuration.targetResourceType = '{RESOURCE_TYPE}'"
            " AND configuration.configRuleList.complianceType = 'NON_COMPLIANT'"
        )
        assert "OpenRepositories" not in resolved(ACCOUNT).resources
