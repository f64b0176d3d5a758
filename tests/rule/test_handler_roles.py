"""The role that the function assumes, or its own credentials."""

from typing import Final

import pytest

from ecr_exposure import ParameterError
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.organization import LocalOrganization
from tests.rule.member_account import MEMBER, OPEN, REGION, ROLE, RULE, deployed


class TestEnvironment:
    """EXECUTION_ROLE_NAME and ASSUME_ROLE_MODE, which the template sets."""

    @pytest.mark.parametrize("parameter", ["ExecutionRoleName", "AssumeRoleMode"])
    def test_rule_parameter_that_contradicts_the_environment_is_refused(self, parameter: str) -> None:
        """An account that owns a rule cannot choose the function's role, or make it use its own credentials."""
        other = {"ExecutionRoleName": "Administrator", "AssumeRoleMode": "false"}[parameter]
        with deployed({parameter: other}) as member:
            member.create("aa", OPEN)
            member.organization.calls.clear()
            with pytest.raises(ParameterError, match=f"{parameter}: '{other}' is refused"):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.organization.calls == []

    def test_role_of_the_environment_excludes_assume_role_mode_false(self) -> None:
        with LocalOrganization(execution_role=ROLE) as organization:
            config = ConfigService(organization, lambda_handler, environment={"EXECUTION_ROLE_NAME": ROLE})
            config.put_rule(MEMBER, REGION, RULE, {"AssumeRoleMode": "false"})
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            with pytest.raises(ParameterError, match="AssumeRoleMode: 'false' is refused"):
                config.deliver_change(MEMBER, REGION, "aa")


class TestRuleParameters:
    """ExecutionRoleName and AssumeRoleMode without these variables, as RDK deploys the rule."""

    def test_role_of_the_rule_parameters_is_assumed(self) -> None:
        with LocalOrganization(execution_role="rdk-role") as organization:
            config = ConfigService(organization, lambda_handler)
            rule = config.put_rule(MEMBER, REGION, RULE, {"ExecutionRoleName": "rdk-role"})
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(MEMBER, REGION, "aa")
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert {c.role for c in organization.calls if c.operation == "PutEvaluations"} == {"rdk-role"}

    def test_service_linked_role_of_the_recorder_needs_another_role(self) -> None:
        """No function can assume AWSServiceRoleForConfig: the error names the parameter, and no call is made."""
        with LocalOrganization() as organization:
            config = ConfigService(organization, lambda_handler)
            config.put_rule(MEMBER, REGION, RULE)
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            organization.calls.clear()
            with pytest.raises(ParameterError, match=r"ExecutionRoleName: missing, .* AWSServiceRoleForConfig, which"):
                config.deliver_change(MEMBER, REGION, "aa")
            assert organization.calls == []

    def test_blanks_around_a_parameter_are_ignored(self) -> None:
        with LocalOrganization() as organization:
            config = ConfigService(organization, lambda_handler)
            rule = config.put_rule(organization.hub, REGION, RULE, {"AssumeRoleMode": " false "})
            organization.create_repository(organization.hub, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(organization.hub, REGION, "aa")
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert not [call for call in organization.calls if call.service == "sts"]


class TestPath:
    """A role with a path, from the environment and from the rule parameters."""

    ROLE: Final = "platform/security/rdk-role"

    @pytest.mark.parametrize(
        ("environment", "parameters"),
        [({"EXECUTION_ROLE_NAME": ROLE}, {}), ({}, {"ExecutionRoleName": ROLE})],
        ids=["environment", "rule parameter"],
    )
    def test_role_with_a_path_is_assumed_in_the_account_of_the_event(
        self, environment: dict[str, str], parameters: dict[str, str]
    ) -> None:
        with LocalOrganization(execution_role="rdk-role") as organization:
            config = ConfigService(organization, lambda_handler, environment=environment)
            rule = config.put_rule(MEMBER, REGION, RULE, parameters)
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(MEMBER, REGION, "aa")
            config.deliver_oversized(MEMBER, REGION, "aa")
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assumed = {c.parameters["RoleArn"] for c in organization.calls if c.operation == "AssumeRole"}
            assert assumed == {f"arn:aws:iam::{MEMBER}:role/{self.ROLE}"}


class TestOwnAccount:
    """The rule in the function's own account."""

    def test_functions_own_credentials_are_used_without_assuming_a_role(self) -> None:
        with LocalOrganization() as organization:
            config = ConfigService(organization, lambda_handler, environment={"ASSUME_ROLE_MODE": "false"})
            rule = config.put_rule(organization.hub, REGION, RULE)
            organization.create_repository(organization.hub, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(organization.hub, REGION, "aa")
            config.deliver_scheduled(organization.hub, REGION)
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert not [call for call in organization.calls if call.service == "sts"]
