"""The clients and credentials that the function keeps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import ReadTimeoutError

from ecr_exposure import EvaluationError
from ecr_exposure.aws import ClientFactory, kept
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import LocalOrganization
from tests.rule.member_account import MEMBER, OPEN, OTHER_MEMBER, REGION, ROLE, deployed

ACCOUNTS: Final = [f"{number:012}" for number in range(1, 71)]


@contextmanager
def organization_of(*members: str) -> Iterator[LocalOrganization]:
    """Create an organization with these member accounts."""
    with LocalOrganization(members=members, execution_role=ROLE) as organization:
        organization.calls.clear()
        yield organization


def factory_for(account: str) -> ClientFactory:
    """Return the client factory for the role in an account."""
    return ClientFactory(f"arn:aws:iam::{account}:role/{ROLE}", REGION)


def roles_assumed_in(organization: LocalOrganization) -> list[str]:
    """Return the ARN of each role that was assumed, in order."""
    return [call.parameters["RoleArn"] for call in organization.calls if call.operation == "AssumeRole"]


class TestKeptCredentials:
    """Credentials of every account, until they expire."""

    def test_each_of_seventy_accounts_needs_one_call_of_sts(self) -> None:
        with organization_of(*ACCOUNTS) as organization:
            for account in (*ACCOUNTS, *ACCOUNTS):
                factory_for(account).build_client("config")
            assert len(roles_assumed_in(organization)) == len(ACCOUNTS)

    def test_threads_share_one_call_of_sts_and_one_client(self) -> None:
        with organization_of(MEMBER) as organization, ThreadPoolExecutor(8) as threads:
            factory = factory_for(MEMBER)
            clients = list(threads.map(lambda _: factory.build_client("ecr"), range(8)))
            assert len(roles_assumed_in(organization)) == 1
            assert {id(client) for client in clients} == {id(clients[0])}

    @pytest.mark.parametrize(("minutes", "calls"), [(14, 2), (16, 1)])
    def test_credentials_that_do_not_outlive_an_invocation_are_renewed(self, minutes: int, calls: int) -> None:
        """An invocation takes 15 minutes at most."""
        expiration = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        body = (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s"
            f"</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )
        with organization_of(MEMBER) as organization:
            with organization.faults.inject(Fault("sts", "AssumeRole", status=200, body=body)):
                factory_for(MEMBER).build_client("config")
            factory_for(MEMBER).build_client("config")
            assert len(roles_assumed_in(organization)) == calls

    def test_failed_invocation_renews_the_credentials_of_its_account_only(self) -> None:
        with deployed() as member:
            for account in (MEMBER, OTHER_MEMBER):
                member.organization.create_repository(account, REGION, "aa", OPEN)
                member.config.deliver_change(account, REGION, "aa")
            denied = Fault("config", "PutEvaluations", status=403, code="AccessDeniedException")
            with member.organization.faults.inject(denied), pytest.raises(EvaluationError):
                member.config.deliver_change(MEMBER, REGION, "aa")
            member.organization.calls.clear()
            member.config.deliver_change(MEMBER, REGION, "aa")
            member.config.deliver_change(OTHER_MEMBER, REGION, "aa")
            assert roles_assumed_in(member.organization) == [f"arn:aws:iam::{MEMBER}:role/{ROLE}"]


class TestKeptClients:
    """Clients of 64 accounts, the least recently used out first."""

    def test_client_of_the_account_that_was_used_least_recently_is_built_again(self) -> None:
        with organization_of(*ACCOUNTS[:65]):
            first, second = (factory_for(account).build_client("config") for account in ACCOUNTS[:2])
            for account in (*ACCOUNTS[2:64], ACCOUNTS[0], ACCOUNTS[64]):
                factory_for(account).build_client("config")
            assert len(kept.clients) == 64
            assert factory_for(ACCOUNTS[0]).build_client("config") is first
            assert factory_for(ACCOUNTS[1]).build_client("config") is not second


class TestTimeLimits:
    """No call takes long, however AWS behaves."""

    def test_call_that_always_times_out_ends_within_thirty_seconds(self) -> None:
        with organization_of(MEMBER) as organization:
            ecr = factory_for(MEMBER).build_client("ecr")
            time_out = Fault("ecr", "GetRepositoryPolicy", connection=Connection.READ_TIMEOUT, times=None)
            with organization.faults.inject(time_out) as injected, pytest.raises(ReadTimeoutError):
                ecr.get_repository_policy(repositoryName="aa")
            limits: Any = ecr.meta.config
            each = limits.connect_timeout + limits.read_timeout
            assert len(injected.calls) == 3
            assert len(injected.calls) * each + sum(organization.waits) < 30

    def test_sixteen_threads_have_connections_of_their_own(self) -> None:
        with organization_of(MEMBER):
            limits: Any = factory_for(MEMBER).build_client("ecr").meta.config
            assert limits.max_pool_connections >= 16
