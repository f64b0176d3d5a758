"""An AWS organization in one process: a hub account with the function, member accounts, several regions.

moto is the AWS behind it; it tells accounts apart by the assumed role whose access key signs a request.
What it lacks is filled in by ``moto_gaps``, and every request passes the ``gateway``.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.ecr.models import ECRBackend, ecr_backends
from moto.organizations import utils as organizations_utils
from moto.organizations.models import organizations_backends
from moto.sts.models import AssumedRole, sts_backends
from moto.utilities.utils import get_partition

from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault, Faults
from tests.local_aws.gateway import Gateway
from tests.local_aws.ledger import Ledger
from tests.local_aws.moto_gaps import filled
from tests.local_aws.process import boto3_session, own_environment
from tests.local_aws.recorder import Recorder
from tests.local_aws.roles import may_take

HUB: Final = "111122223333"
MEMBERS: Final = ("444455556666", "777788889999")
REGIONS: Final = ("eu-west-1", "us-east-1")
ORGANIZATION_ID: Final = "o-exampleorg1"
FUNCTION_ROLE: Final = "function-role"
_ADMINISTRATOR_ROLE: Final = "OrganizationAccountAccessRole"
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


def _clock() -> datetime:
    return datetime.now(UTC)


class LocalOrganization(AbstractContextManager["LocalOrganization"]):
    """While entered, every AWS call of this process goes to these accounts, and none leaves it.

    The environment holds the credentials of the function's role in the hub account, as in Lambda. A role
    can be assumed when it is in the organization, is not the recorder's service-linked one, is named
    ``execution_role`` (None: any name), its account is not in ``accounts_without_role``, and the hub asks;
    with ``iam`` also only when IAM holds it and its policies and those of the function's role allow it.
    """

    def __init__(  # noqa: PLR0913 - each argument is one fact about the organization
        self,
        *,
        hub: str = HUB,
        members: Sequence[str] = MEMBERS,
        regions: Sequence[str] = REGIONS,
        organization_id: str = ORGANIZATION_ID,
        execution_role: str | None = None,
        iam: bool = False,
        repositories_per_page: int = 1000,
        clock: Callable[[], datetime] = _clock,
    ) -> None:
        """Describe the organization; entering it makes it. The first region is the home region."""
        self.hub = hub
        self.accounts = (hub, *members)
        self.members = tuple(members)
        self.regions = tuple(regions)
        self.organization_id = organization_id
        self.accounts_without_role: set[str] = set()
        self.faults = Faults()
        self.ledger = Ledger()
        self.recorder = Recorder(clock)
        self._execution_role = execution_role
        self._iam = iam
        self._repositories_per_page = repositories_per_page
        self._gateway = Gateway(self.faults)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Found the organization."""
        with ExitStack() as stack:
            stack.enter_context(own_environment())
            stack.enter_context(mock_aws(config={"core": {"mock_credentials": False}}))
            stack.enter_context(filled(self.ledger, self.recorder, repositories_per_page=self._repositories_per_page))
            self._found()
            stack.enter_context(self._gateway.opened())
            stack.enter_context(patch.object(boto3, "DEFAULT_SESSION", boto3_session()))
            stack.enter_context(self.faults.inject(self._assume_role_refusal()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Dissolve it and restore what was there before."""
        return self._stack.__exit__(kind, error, trace)

    @property
    def calls(self) -> list[Call]:
        """Every request to AWS so far, retries included; clear it as you like."""
        return self._gateway.calls

    @property
    def waits(self) -> list[float]:
        """The seconds that botocore would have slept before its retries.

        Only the rate limiter of the retry mode ``adaptive`` does wait, after a throttle.
        """
        return self._gateway.waits

    def session(self, account: str, region: str) -> boto3.Session:
        """Return an administrator's session inside an account, by a role that the hub assumed there."""
        role = self._assume(account, region, _ADMINISTRATOR_ROLE)
        return boto3_session(
            aws_access_key_id=role.access_key_id,
            aws_secret_access_key=role.secret_access_key,
            aws_session_token=role.session_token,
            region_name=region,
        )

    def create_repository(
        self,
        account: str,
        region: str,
        name: str,
        policy_text: str | None = None,
        *,
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> str:
        """Make a repository and return its ARN; its policy may be a text that ECR would refuse."""
        repository = self._ecr(account, region).create_repository(
            repository_name=name,
            registry_id=None,
            encryption_config={},
            image_scan_config={},
            image_tag_mutability="MUTABLE",
            tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        repository.policy = policy_text
        arn: str = repository.arn
        return arn

    def set_policy(self, account: str, region: str, name: str, policy_text: str | None) -> None:
        """Replace or remove (None) a policy, again unchecked."""
        self._ecr(account, region).repositories[name].policy = policy_text

    def delete_repository(self, account: str, region: str, name: str) -> None:
        """Delete a repository."""
        self._ecr(account, region).delete_repository(name)

    def repositories(self, account: str, region: str) -> tuple[str, ...]:
        """Return the names of an account's repositories in a region, sorted."""
        return tuple(sorted(self._ecr(account, region).repositories))

    def failing_evaluations(
        self, when: Callable[[Mapping[str, Any]], bool], *, times: int | None = 1
    ) -> AbstractContextManager[None]:
        """Let PutEvaluations answer matching evaluations as FailedEvaluations and record the others."""
        return self.ledger.failing(when, times=times)

    def join(self, account: str) -> None:
        """Let a new account join the organization; nothing is in it yet."""
        backend = organizations_backends[self.hub][get_partition(self.regions[0])]
        with patch.object(organizations_utils, "make_random_account_id", lambda: account):
            backend.create_account(AccountName=f"member-{account}", Email=f"{account}@example.com")
        self.accounts += (account,)
        self.members += (account,)

    def check_place(self, account: str, region: str) -> None:
        """Raise LookupError for an account or a region that is not part of the organization."""
        if account not in self.accounts or region not in self.regions:
            raise LookupError(f"{account}, {region} is not part of this organization")

    def _ecr(self, account: str, region: str) -> ECRBackend:
        self.check_place(account, region)
        return ecr_backends[account][region]

    def _found(self) -> None:
        """Make the organization with these ids (moto draws its own) and give the function credentials."""
        home = self.regions[0]
        members, self.accounts, self.members = self.members, (self.hub,), ()
        with (
            patch.object(organizations_utils, "make_random_account_id", lambda: self.hub),
            patch.object(organizations_utils, "make_random_org_id", lambda: self.organization_id),
        ):
            organizations_backends[self.hub][get_partition(home)].create_organization(region=home, FeatureSet="ALL")
        for member in members:
            self.join(member)
        self.become(FUNCTION_ROLE)

    def become(self, role_name: str) -> None:
        """Let the environment hold the credentials of this role in the hub, as in the function of that role."""
        home = self.regions[0]
        role = self._assume(self.hub, home, role_name)
        os.environ |= {
            "AWS_ACCESS_KEY_ID": role.access_key_id,
            "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
            "AWS_SESSION_TOKEN": role.session_token,
            "AWS_DEFAULT_REGION": home,
        }

    def _assume(self, account: str, region: str, role: str) -> AssumedRole:
        """Assume a role from the hub, past the gateway: neither logged nor spoiled."""
        self.check_place(account, region)
        partition = get_partition(region)
        return sts_backends[self.hub][partition].assume_role(
            region_name=region,
            role_session_name="local-aws",
            role_arn=f"arn:{partition}:iam::{account}:role/{role}",
            policy="",
            duration=3600,
            external_id="",
        )

    def _assume_role_refusal(self) -> Fault:
        message = "The caller is not authorized to perform: sts:AssumeRole on this role"
        return Fault(
            "sts",
            "AssumeRole",
            status=403,
            code="AccessDenied",
            message=message,
            times=None,
            when=self._refuses,
        )

    def _refuses(self, call: Call) -> bool:
        """Tell whether AWS would refuse this AssumeRole; moto checks neither existence nor trust."""
        arn = str(call.parameters.get("RoleArn"))
        _, _, resource = arn.partition(":iam::")
        account, _, path = resource.partition(":role/")
        return (
            call.account != self.hub
            or account not in self.accounts
            or account in self.accounts_without_role
            or path.startswith("aws-service-role/")
            or self._execution_role not in {None, path.rpartition("/")[2]}
            or (self._iam and not may_take(arn, account=call.account, role=call.role, organization=self.accounts))
        )
