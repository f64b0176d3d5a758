"""The repository that ``verify`` creates, makes public and deletes; it changes no other."""

import json
import re
import secrets
from enum import Enum
from typing import Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, error_code
from ecr_exposure.cli.stack import Deployment
from ecr_exposure.cli.terminal import Clock

PREFIX: Final = "ecr-exposure-verify-"
_NAME: Final = re.compile(re.escape(PREFIX) + r"[0-9a-f]{12}")
# Everyone can see that the repository exists, and nothing more: it is empty, and nobody can push.
PUBLIC_POLICY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Verify", "Effect": "Allow", "Principal": "*", "Action": "ecr:DescribeRepositories"},
        ],
    }
)
# A creation whose response was lost may take effect a moment after a deletion found nothing.
_DELETIONS: Final = 3
_BETWEEN_DELETIONS: Final = 5.0


class _Creation(Enum):
    NONE = "not requested, or refused by AWS"
    UNKNOWN = "requested, and the response was lost"
    DONE = "done"


class ForeignRepositoryError(RuntimeError):
    """A repository that ``verify`` did not create; it is never deleted."""


class TemporaryRepository:
    """One empty repository with a random name."""

    def __init__(self, clients: Clients, deployment: Deployment, clock: Clock) -> None:
        """Choose the name; nothing is created yet."""
        self.name = PREFIX + secrets.token_hex(6)
        self._account, self._region = deployment.account, deployment.region
        self._ecr = clients.ecr
        self._clock = clock
        self._creation = _Creation.NONE

    @property
    def delete_command(self) -> str:
        """The command that deletes it by hand."""
        where = f"--registry-id {self._account} --region {self._region}"
        return f"aws ecr delete-repository --repository-name {self.name} {where} --force"

    @property
    def may_exist_later(self) -> bool:
        """Whether it is unknown if AWS created it."""
        return self._creation is _Creation.UNKNOWN

    def create(self) -> None:
        """Create it; raises one of AWS_ERRORS."""
        # Set before the call: whatever happens from here on, the repository may exist.
        self._creation = _Creation.UNKNOWN
        try:
            self._ecr.create_repository(repositoryName=self.name, registryId=self._account)
        except ClientError as error:
            response = error.response["ResponseMetadata"]
            retried = response.get("RetryAttempts", 0) > 0
            if error_code(error) == "RepositoryAlreadyExistsException" and retried:
                # The first attempt created it, and only its response was lost.
                self._creation = _Creation.DONE
                return
            # A refusal without a request id need not come from AWS.
            refused = 400 <= response.get("HTTPStatusCode", 0) < 500  # noqa: PLR2004 - HTTP's client errors
            if not retried and refused and response.get("RequestId"):
                self._creation = _Creation.NONE
            raise
        self._creation = _Creation.DONE

    def make_public(self) -> None:
        """Set the policy, which grants everyone a harmless action; raises one of AWS_ERRORS."""
        self._ecr.set_repository_policy(
            repositoryName=self.name, registryId=self._account, policyText=PUBLIC_POLICY, force=False
        )

    def delete_policy(self) -> bool:
        """Delete the policy; False if there was none any more. Raises one of AWS_ERRORS."""
        try:
            self._ecr.delete_repository_policy(repositoryName=self.name, registryId=self._account)
        except ClientError as error:
            if error_code(error) != "RepositoryPolicyNotFoundException":
                raise
            return False
        return True

    def delete(self) -> bool:
        """Delete the repository, whatever became of its creation; False if there was nothing to delete.

        After an error it may still exist.
        """
        if not _NAME.fullmatch(self.name):
            raise ForeignRepositoryError(f"{self.name!r} was not created by this check and is not deleted")
        attempts = {_Creation.NONE: 0, _Creation.UNKNOWN: _DELETIONS, _Creation.DONE: 1}[self._creation]
        for number in range(attempts):
            if number:
                self._clock.sleep(_BETWEEN_DELETIONS)
            if self._deleted():
                return True
        return False

    def _deleted(self) -> bool:
        try:
            self._ecr.delete_repository(repositoryName=self.name, registryId=self._account, force=True)
        except ClientError as error:
            if error_code(error) != "RepositoryNotFoundException":
                raise
            return False
        return True
