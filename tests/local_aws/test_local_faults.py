"""Injected faults reach the caller as botocore's own exceptions, after its own retries."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import HOME, ONE, PRIVATE, PUBLIC, ROLE, TWO, code_of, compliances
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import MEMBERS, LocalOrganization


class TestErrors:
    """Errors that a service returns."""

    def test_throttling_error_is_retried_by_botocore(self, organization: LocalOrganization) -> None:
        organization.create_repository(ONE, HOME, "app", PRIVATE)
        ecr = organization.session(ONE, HOME).client("ecr")
        with organization.faults.inject(Fault("ecr", "GetRepositoryPolicy")) as throttling:
            assert ecr.get_repository_policy(repositoryName="app")["policyText"] == PRIVATE
        assert [call.fault for call in organization.calls] == ["ThrottlingException", ""]
        assert len(throttling.calls) == len(organization.waits) == 1
        assert throttling.spent

    @pytest.mark.parametrize(
        ("status", "code", "attempts"),
        [(400, "ThrottlingException", 3), (400, "AccessDeniedException", 1), (500, "ServerException", 3)],
    )
    def test_lasting_error_reaches_the_caller_after_all_retries(
        self, organization: LocalOrganization, status: int, code: str, attempts: int
    ) -> None:
        ecr = organization.session(ONE, HOME).client("ecr", config=Config(retries={"mode": "standard"}))
        fault = Fault("ecr", "DescribeRepositories", status=status, code=code, message="no", times=None)
        with organization.faults.inject(fault) as injected, pytest.raises(ClientError, match="no") as error:
            ecr.describe_repositories()
        assert code_of(error) == code
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert len(injected.calls) == attempts
        assert ecr.describe_repositories()["repositories"] == []

    def test_html_page_of_a_proxy_is_a_client_error(self, organization: LocalOrganization) -> None:
        ecr = organization.session(ONE, HOME).client("ecr")
        page = Fault("ecr", "DescribeRepositories", status=403, body="<html>Blocked by the proxy</html>")
        with organization.faults.inject(page), pytest.raises(ClientError) as error:
            ecr.describe_repositories()
        assert code_of(error) == "403"

    def test_sts_error_has_the_query_protocols_form(self, organization: LocalOrganization) -> None:
        sts = boto3.client("sts")
        arn = f"arn:aws:iam::{ONE}:role/{ROLE}"
        fault = Fault("sts", "AssumeRole", status=403, code="AccessDenied", message="<no>")
        with organization.faults.inject(fault), pytest.raises(ClientError, match="<no>") as error:
            sts.assume_role(RoleArn=arn, RoleSessionName="test")
        assert code_of(error) == "AccessDenied"
        assert sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def test_fault_affects_only_the_calls_that_it_selects(self, organization: LocalOrganization) -> None:
        for account, name in ((ONE, "team/a"), (ONE, "team/b"), (TWO, "team/a")):
            organization.create_repository(account, HOME, name, PRIVATE)
        missing = Fault(
            "ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", account=ONE, repository="team/a"
        )
        one, two = (organization.session(account, HOME).client("ecr") for account in MEMBERS)
        with organization.faults.inject(missing):
            assert two.get_repository_policy(repositoryName="team/a")
            assert one.get_repository_policy(repositoryName="team/b")
            with pytest.raises(one.exceptions.RepositoryNotFoundException):
                one.get_repository_policy(repositoryName="team/a")
            assert one.get_repository_policy(repositoryName="team/a")
        by_parameters = Fault(
            "ecr",
            "GetRepositoryPolicy",
            code="X",
            when=lambda call: call.parameters["repositoryName"] == "team/b",
        )
        with organization.faults.inject(by_parameters), pytest.raises(ClientError, match="X"):
            one.get_repository_policy(repositoryName="team/b")
        assert one.get_repository_policy(repositoryName="team/b")


class TestConnections:
    """Connections that break."""

    @pytest.mark.parametrize(
        ("connection", "expected"),
        [
            (Connection.RESET, ConnectionClosedError),
            (Connection.READ_TIMEOUT, ReadTimeoutError),
            (Connection.CONNECT_TIMEOUT, BotoCoreError),
            (Connection.UNREACHABLE, EndpointConnectionError),
        ],
    )
    def test_broken_connection_is_retried_then_raised(
        self, organization: LocalOrganization, connection: Connection, expected: type[Exception]
    ) -> None:
        ecr = organization.session(ONE, HOME).client("ecr")
        once = Fault("ecr", "DescribeRepositories", connection=connection)
        with organization.faults.inject(once):
            assert ecr.describe_repositories()["repositories"] == []
        assert organization.calls[0].fault == connection.value
        always = Fault("ecr", "DescribeRepositories", connection=connection, times=None)
        with organization.faults.inject(always), pytest.raises(expected):
            ecr.describe_repositories()

    def test_lost_response_makes_aws_process_the_call_twice(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "app", PUBLIC)
        lost = Fault("config", "PutEvaluations", connection=Connection.READ_TIMEOUT, processed=True)
        with organization.faults.inject(lost):
            config.deliver_change(ONE, HOME, "app")
        assert len(config.put_evaluations) == 2
        assert compliances(config) == {"app": "NON_COMPLIANT"}
