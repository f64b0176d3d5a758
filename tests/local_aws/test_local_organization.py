"""The local organization: accounts, regions, roles, and no access to real AWS."""

import json
import os
import socket
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.handlers import BUILTIN_HANDLERS
from moto.config.models import ConfigBackend
from moto.config.responses import ConfigResponse
from moto.ecr.responses import ECRResponse

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import (
    ABROAD,
    HOME,
    ONE,
    PRIVATE,
    PUBLIC,
    ROLE,
    ROLE_PARAMETER,
    RULE,
    TWO,
    code_of,
    example_handler,
)
from tests.local_aws.organization import HUB, ORGANIZATION_ID, LocalOrganization


class TestAccounts:
    """Accounts and regions of the organization."""

    def test_each_account_and_region_has_its_own_repositories(self, organization: LocalOrganization) -> None:
        for account, region in ((HUB, HOME), (ONE, HOME), (ONE, ABROAD)):
            ecr = organization.session(account, region).client("ecr")
            ecr.create_repository(repositoryName=f"team/of-{account}-{region}")
        assert organization.repositories(HUB, HOME) == (f"team/of-{HUB}-{HOME}",)
        assert organization.repositories(ONE, HOME) == (f"team/of-{ONE}-{HOME}",)
        assert organization.repositories(ONE, ABROAD) == (f"team/of-{ONE}-{ABROAD}",)
        assert organization.repositories(TWO, HOME) == ()
        with pytest.raises(LookupError, match="not part"):
            organization.repositories("999999999999", HOME)

    def test_default_credentials_are_the_functions_role_in_the_hub(self, organization: LocalOrganization) -> None:
        identity = boto3.client("sts").get_caller_identity()
        assert identity["Account"] == organization.hub
        assert ":assumed-role/function-role/" in identity["Arn"]

    def test_organizations_api_lists_all_accounts(self, organization: LocalOrganization) -> None:
        client = boto3.client("organizations")
        assert {account["Id"] for account in client.list_accounts()["Accounts"]} == set(organization.accounts)
        assert client.describe_organization()["Organization"]["Id"] == ORGANIZATION_ID

    def test_china_region_uses_its_partition_in_arns(self) -> None:
        with LocalOrganization(regions=("cn-north-1",), members=(ONE,)) as china:
            arn = china.create_repository(ONE, "cn-north-1", "app")
            service = ConfigService(china, example_handler)
            rule = service.put_rule(ONE, "cn-north-1", RULE)
            event = service.event(rule, service.scheduled_message(ONE))
            assert china.session(ONE, "cn-north-1").client("ecr").describe_repositories()["repositories"]
        assert arn == f"arn:aws-cn:ecr:cn-north-1:{ONE}:repository/app"
        assert event["executionRoleArn"].startswith(f"arn:aws-cn:iam::{ONE}:role/")

    def test_organization_rule_evaluates_every_account(self, organization: LocalOrganization) -> None:
        config = ConfigService(organization, example_handler)
        rules = config.put_organization_rule("ecr-repository-no-public-access", ROLE_PARAMETER)
        assert len({rule.name for rule in rules}) == 6
        assert all(rule.name.startswith("OrgConfigRule-ecr-repository-no-public-access-") for rule in rules)
        organization.create_repository(HUB, HOME, "tools/base", PRIVATE)
        organization.create_repository(ONE, HOME, "team/app", PUBLIC)
        organization.create_repository(TWO, ABROAD, "team/app")
        assert len(config.deliver_scheduled_everywhere()) == 6
        found = {
            (rule.account, rule.region, row.resource_id): row.compliance
            for rule in rules
            for row in config.evaluations(*rule.key)
        }
        assert found == {
            (HUB, HOME, "tools/base"): "COMPLIANT",
            (ONE, HOME, "team/app"): "NON_COMPLIANT",
            (TWO, ABROAD, "team/app"): "COMPLIANT",
        }


class TestRepositories:
    """Repositories and what Amazon ECR returns about them."""

    @pytest.mark.parametrize(
        "policy_text",
        [
            pytest.param('{"Statement": [', id="malformed JSON"),
            pytest.param(json.dumps({"Id": "x" * 11_000, "Statement": []}), id="11 kB"),
            pytest.param(PUBLIC.replace('"Effect"', '"Resource": "*", "Effect"'), id="a Resource element"),
            pytest.param("", id="empty"),
        ],
    )
    def test_policy_that_ecr_would_reject_is_stored_unchanged(
        self, organization: LocalOrganization, config: ConfigService, policy_text: str
    ) -> None:
        organization.create_repository(ONE, HOME, "team/app", policy_text)
        item = config.record(ONE, HOME, "team/app").as_event()
        assert item["configuration"]["RepositoryPolicyText"] == policy_text
        if policy_text:
            ecr = organization.session(ONE, HOME).client("ecr")
            assert ecr.get_repository_policy(repositoryName="team/app")["policyText"] == policy_text

    def test_repository_deleted_between_two_pages_hides_no_other(self) -> None:
        with LocalOrganization(repositories_per_page=2) as organization:
            for name in ("a1", "b1", "c1", "d1"):
                organization.create_repository(ONE, HOME, name)
            ecr = organization.session(ONE, HOME).client("ecr")
            first = ecr.describe_repositories(maxResults=100)
            organization.delete_repository(ONE, HOME, "a1")
            second = ecr.describe_repositories(nextToken=first["nextToken"])
            assert [each["repositoryName"] for each in second["repositories"]] == ["c1", "d1"]
            assert "nextToken" not in second
            assert len(ecr.describe_repositories(repositoryNames=["b1", "c1", "d1"])["repositories"]) == 3
            for wrong in (
                {"nextToken": "%%%"},
                {"maxResults": 1001},
                {"repositoryNames": ["b1"], "maxResults": 5},
            ):
                with pytest.raises(ecr.exceptions.InvalidParameterException):
                    ecr.describe_repositories(**wrong)

    def test_page_has_100_repositories_unless_max_results_is_higher(self, organization: LocalOrganization) -> None:
        for number in range(101):
            organization.create_repository(ONE, HOME, f"app-{number:03}")
        ecr = organization.session(ONE, HOME).client("ecr")
        assert len(ecr.describe_repositories()["repositories"]) == 100
        assert len(ecr.describe_repositories(maxResults=1000)["repositories"]) == 101


class TestRoles:
    """Which roles can be assumed, and by whom."""

    @pytest.mark.parametrize(
        "role",
        [
            f"{ONE}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
            f"{ONE}:role/another-name",
            f"{TWO}:role/{ROLE}",
            f"999999999999:role/{ROLE}",
        ],
    )
    def test_role_that_cannot_be_assumed_is_denied(self, organization: LocalOrganization, role: str) -> None:
        organization.accounts_without_role.add(TWO)
        with pytest.raises(ClientError) as error:
            boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{role}", RoleSessionName="test")
        assert code_of(error) == "AccessDenied"

    def test_member_account_assuming_a_role_is_denied(self, organization: LocalOrganization) -> None:
        sts = organization.session(ONE, HOME).client("sts")
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=f"arn:aws:iam::{TWO}:role/{ROLE}", RoleSessionName="test")


class TestIsolation:
    """No request reaches real AWS, and no state remains."""

    def test_request_to_another_host_fails(self, organization: LocalOrganization) -> None:
        with pytest.raises(urllib.error.URLError, match="outside"):
            urllib.request.urlopen("https://sts.eu-west-1.amazonaws.com", timeout=5)
        elsewhere = organization.session(ONE, HOME).client("ecr", endpoint_url="https://ecr.example.com")
        with pytest.raises(EndpointConnectionError):
            elsewhere.describe_repositories()
        assert socket.getaddrinfo("localhost", 80)

    def test_unknown_access_key_is_rejected(self, organization: LocalOrganization) -> None:
        unknown = boto3.Session("AKIAUNKNOWN", "secret", region_name=HOME)
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            unknown.client("ecr").describe_repositories()
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            unknown.client("sts").get_caller_identity()
        assert [call.account for call in organization.calls] == ["", ""]

    def test_exit_restores_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "mine")
        before = (
            dict(os.environ),
            list(BUILTIN_HANDLERS),
            socket.getaddrinfo,
            boto3.DEFAULT_SESSION,
            vars(ConfigBackend)["put_evaluations"],
            vars(ConfigResponse)["get_resource_config_history"],
            hasattr(ConfigResponse, "get_compliance_details_by_config_rule"),
            vars(ECRResponse)["describe_repositories"],
        )
        with LocalOrganization() as organization:
            client = organization.session(ONE, HOME).client("ecr")
            assert "AWS_PROFILE" not in os.environ
        assert before == (
            dict(os.environ),
            list(BUILTIN_HANDLERS),
            socket.getaddrinfo,
            boto3.DEFAULT_SESSION,
            vars(ConfigBackend)["put_evaluations"],
            vars(ConfigResponse)["get_resource_config_history"],
            hasattr(ConfigResponse, "get_compliance_details_by_config_rule"),
            vars(ECRResponse)["describe_repositories"],
        )
        with pytest.raises(RuntimeError, match="has ended"):
            client.describe_repositories()
