"""The rule that each shape of template.yaml creates, and the accounts and permissions that it needs."""

from typing import Any, Final

import pytest

from ecr_exposure.event import CHANGE, OVERSIZED, SCHEDULED
from ecr_exposure.repository import RESOURCE_TYPE
from tests.deployment.deployment_shapes import (
    ACCOUNT,
    MANAGEMENT,
    OTHER_REGION,
    PACK,
    RULE,
    RULE_PARAMETERS,
    SHAPES,
    resolved,
    rule_of,
)
from tests.deployment.sam import TEMPLATE
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate, read_template

FREQUENCY: Final = "TwentyFour_Hours"
RULES: Final = ("AccountRule", "OrganizationPack", "OrganizationRule")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


class TestRule:
    """Name, scope, triggers and parameters."""

    @pytest.mark.parametrize(
        ("shape", "only"),
        [({}, "OrganizationPack"), (PACK, "OrganizationPack"), (RULE, "OrganizationRule"), (ACCOUNT, "AccountRule")],
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

    @SHAPES
    def test_rule_is_created_after_its_permission_and_roles(
        self, template: dict[str, Any], shape: dict[str, str]
    ) -> None:
        kind = next(kind for kind in RULES if kind in resolved(shape).resources)
        rule = template["Resources"][kind]
        if shape == ACCOUNT:
            assert rule["DependsOn"] == "ConfigMayInvoke"
        else:
            # CloudFormation creates a resource after those that its metadata refers to.
            after = ResolvedTemplate(template, shape).value(rule["Metadata"]["After"])
            assert after == ["OrganizationMayInvoke.Ref", "HubRole.Ref", "MemberRoles.Ref"]
            further = ResolvedTemplate(
                template, {**shape, "HomeRegion": OTHER_REGION, "InvokePermission": "any-account"}
            )
            created_at_home = "made in the home region"
            assert further.value(rule["Metadata"]["After"]) == ["ConfigMayInvoke.Ref", created_at_home, created_at_home]


class TestPermission:
    """The permission of AWS Config to invoke the function."""

    @SHAPES
    def test_exactly_one_permission_is_created(self, shape: dict[str, str]) -> None:
        for choice in ("organization", "any-account"):
            resources = resolved(shape, InvokePermission=choice).resources
            by_policy = "OrganizationMayInvoke" in resources
            assert by_policy is (shape != ACCOUNT and choice == "organization")
            assert ("ConfigMayInvoke" in resources) is not by_policy
            if by_policy:
                assert resources["OrganizationMayInvoke"]["Parameters"] == {
                    "FunctionArn": "RuleFunction.Arn",
                    "OrganizationId": "o-exampleorg1",
                }
            else:
                source = {"SourceAccount": HUB} if shape == ACCOUNT else {}
                assert resources["ConfigMayInvoke"] == source | {
                    "FunctionName": "RuleFunction.Arn",
                    "Action": "lambda:InvokeFunction",
                    "Principal": "config.amazonaws.com",
                }


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
