"""An AWS organization in one process: a hub account with the function, member accounts, several regions.

moto emulates AWS; it takes the account of a request from the access key that signed it. ``moto_config_ecr`` adds
missing operations, and every request goes through ``local_endpoint``.
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
from moto.core import models as moto_models
from moto.ecr.models import ECRBackend, ecr_backends
from moto.organizations import utils as organizations_utils
from moto.organizations.models import organizations_backends
from moto.sts.models import AssumedRole, sts_backends
from moto.utilities.utils import get_partition

from tests.local_aws.calls import Call
from tests.local_aws.config_store import ConfigStore
from tests.local_aws.faults import Fault, Faults
from tests.local_aws.local_endpoint import LocalEndpoint
from tests.local_aws.local_session import isolated_environment, shared_service_models
from tests.local_aws.moto_cloudformation import documents, json_templates, managed_policies, nested_outputs
from tests.local_aws.moto_config_ecr import config_and_ecr_api
from tests.local_aws.rate_limiter import noted_waits
from tests.local_aws.recorder import Recorder
from tests.local_aws.roles import may_assume

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
    """Inside the with block every AWS call of this process goes to these accounts, and none to real AWS.

    The environment variables hold the credentials of the function's role in the hub account, as in Lambda.
    Only the hub account can assume roles: roles in the organization that are not service-linked, are named
    ``execution_role`` (None: any name), and whose account is not in ``accounts_without_role``. With ``iam`` the
    role must also exist, and its trust policy and the policies of the calling role must allow it.
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
        """Describe the organization; ``with`` creates it. The first region is the home region."""
        self.hub = hub
        self.accounts = (hub, *members)
        self.members = tuple(members)
        self.regions = tuple(regions)
        self.organization_id = organization_id
        self.accounts_without_role: set[str] = set()
        self.faults = Faults()
        self.config_store = ConfigStore()
        self.recorder = Recorder(clock)
        self._execution_role = execution_role
        self._iam = iam
        self._repositories_per_page = repositories_per_page
        self._endpoint = LocalEndpoint(self.faults)
        self._sessions: dict[tuple[str, str, str], boto3.Session] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Create the organization."""
        with ExitStack() as stack:
            stack.enter_context(isolated_environment())
            stack.enter_context(shared_service_models())
            stack.enter_context(json_templates())
            stack.enter_context(managed_policies())
            stack.enter_context(documents())
            stack.enter_context(nested_outputs())
            # 1,300 routes for requests' sessions, which nothing here uses: it takes as long as all the rest.
            stack.enter_context(patch.object(moto_models, "RESPONSES_METHODS", ()))
            stack.enter_context(mock_aws(config={"core": {"mock_credentials": False}}))
            stack.enter_context(
                config_and_ecr_api(self.config_store, self.recorder, repositories_per_page=self._repositories_per_page)
            )
            self._create()
            stack.enter_context(self._endpoint.opened())
            stack.enter_context(noted_waits(self.waits))
            stack.enter_context(patch.object(boto3, "DEFAULT_SESSION", boto3.Session()))
            stack.enter_context(self.faults.inject(self._assume_role_denied()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Delete the organization and restore the previous state of the process."""
        return self._stack.__exit__(kind, error, trace)

    @property
    def calls(self) -> list[Call]:
        """Every request to AWS so far, retries included; a test may clear the list."""
        return self._endpoint.calls

    @property
    def waits(self) -> list[float]:
        """The seconds that botocore would have waited before its retries and in its rate limiter."""
        return self._endpoint.waits

    def session(self, account: str, region: str, role: str = _ADMINISTRATOR_ROLE) -> boto3.Session:
        """Return the session of a role in an account, by default of its administrator; always the same session."""
        if (account, region, role) not in self._sessions:
            assumed = self._assume(account, region, role)
            self._sessions[account, region, role] = boto3.Session(
                aws_access_key_id=assumed.access_key_id,
                aws_secret_access_key=assumed.secret_access_key,
                aws_session_token=assumed.session_token,
                region_name=region,
            )
        return self._sessions[account, region, role]

    def create_repository(
        self,
        account: str,
        region: str,
        name: str,
        policy_text: str | None = None,
        *,
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> str:
        """Create a repository and return its ARN; the policy may be text that ECR would reject."""
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
        """Replace or delete (None) a repository policy, also without validation."""
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
        """Let PutEvaluations return matching evaluations as FailedEvaluations and store the others."""
        return self.config_store.failing(when, times=times)

    def join(self, account: str) -> None:
        """Let a new, empty account join the organization."""
        backend = organizations_backends[self.hub][get_partition(self.regions[0])]
        with patch.object(organizations_utils, "make_random_account_id", lambda: account):
            backend.create_account(AccountName=f"member-{account}", Email=f"{account}@example.com")
        self.accounts += (account,)
        self.members += (account,)

    def check_place(self, account: str, region: str) -> None:
        """Raise LookupError for an account or region outside the organization."""
        if account not in self.accounts or region not in self.regions:
            raise LookupError(f"{account}, {region} is not part of this organization")

    def _ecr(self, account: str, region: str) -> ECRBackend:
        self.check_place(account, region)
        return ecr_backends[account][region]

    def _create(self) -> None:
        """Create the organization with these ids, not with moto's random ones, and the function's credentials."""
        home = self.regions[0]
        members, self.accounts, self.members = self.members, (self.hub,), ()
        with (
            patch.object(organizations_utils, "make_random_account_id", lambda: self.hub),
            patch.object(organizations_utils, "make_random_org_id", lambda: self.organization_id),
        ):
            organizations_backends[self.hub][get_partition(home)].create_organization(region=home, FeatureSet="ALL")
        for member in members:
            self.join(member)
        self.use_function_role(FUNCTION_ROLE)

    def use_function_role(self, role_name: str) -> None:
        """Set the environment variables to credentials of a role in the hub account, given as name or path/name."""
        home = self.regions[0]
        role = self._assume(self.hub, home, role_name)
        os.environ |= {
            "AWS_ACCESS_KEY_ID": role.access_key_id,
            "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
            "AWS_SESSION_TOKEN": role.session_token,
            "AWS_DEFAULT_REGION": home,
        }

    def _assume(self, account: str, region: str, role: str) -> AssumedRole:
        """Assume a role from the hub account without a logged call and without faults."""
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

    def _assume_role_denied(self) -> Fault:
        message = "The caller is not authorized to perform: sts:AssumeRole on this role"
        return Fault(
            "sts",
            "AssumeRole",
            status=403,
            code="AccessDenied",
            message=message,
            times=None,
            when=self._denies,
        )

    def _denies(self, call: Call) -> bool:
        """Return whether AWS would deny this AssumeRole; moto checks neither existence nor trust policy."""
        arn = str(call.parameters.get("RoleArn"))
        _, _, resource = arn.partition(":iam::")
        account, _, path = resource.partition(":role/")
        return (
            call.account != self.hub
            or account not in self.accounts
            or account in self.accounts_without_role
            or path.startswith("aws-service-role/")
            or self._execution_role not in {None, path.rpartition("/")[2]}
            or (self._iam and not may_assume(arn, account=call.account, role=call.role, organization=self.accounts))
        )
