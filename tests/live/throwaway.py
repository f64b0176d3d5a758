"""The repository that the live check makes, opens, closes and deletes; it touches no other."""

import json
import re
import secrets
from enum import Enum
from typing import Final

from botocore.exceptions import ClientError

from tests.live.clients import Clients
from tests.live.clock import Clock
from tests.live.deployment import Deployment
from tests.live.errors import code_of

PREFIX: Final = "ecr-exposure-verify-"
_OURS: Final = re.compile(re.escape(PREFIX) + r"[0-9a-f]{12}")
# Everyone sees that it exists, and nothing more: there is nothing in it to pull and nobody can push.
OPEN_POLICY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Verify", "Effect": "Allow", "Principal": "*", "Action": "ecr:DescribeRepositories"},
        ],
    }
)
# A creation whose answer was lost may come about a moment after its deletion found nothing.
_LOOKS: Final = 3
_BETWEEN_LOOKS: Final = 5.0


class _Standing(Enum):
    NEVER_MADE = "nothing was asked for, or AWS refused"
    UNCLEAR = "asked for, and the answer was lost"
    OURS = "made"


class NotOursError(RuntimeError):
    """A repository that this check has not made; it is never deleted."""


class Repository:
    """One empty repository with a random name."""

    def __init__(self, clients: Clients, deployment: Deployment, clock: Clock) -> None:
        """Draw the name; nothing is made yet."""
        self.name = PREFIX + secrets.token_hex(6)
        self._account, self._region = deployment.account, deployment.region
        self._ecr = clients("ecr")
        self._clock = clock
        self._standing = _Standing.NEVER_MADE

    @property
    def command(self) -> str:
        """The command that deletes it by hand."""
        place = f"--registry-id {self._account} --region {self._region}"
        return f"aws ecr delete-repository --repository-name {self.name} {place} --force"

    @property
    def unclear(self) -> bool:
        """Whether nobody knows that it was made, nor that it was not."""
        return self._standing is _Standing.UNCLEAR

    def create(self) -> None:
        """Make it; raises one of AWS_ERRORS."""
        # Said before the call: whatever happens from here on, it may exist.
        self._standing = _Standing.UNCLEAR
        try:
            self._ecr.create_repository(repositoryName=self.name, registryId=self._account)
        except ClientError as error:
            answer = error.response.get("ResponseMetadata", {})
            retried = answer.get("RetryAttempts", 0) > 0
            if code_of(error) == "RepositoryAlreadyExistsException" and retried:
                # The first attempt did it, and only its answer was lost.
                self._standing = _Standing.OURS
                return
            # A refusal without an id is not known to be one of AWS.
            if not retried and 400 <= answer.get("HTTPStatusCode", 0) < 500 and answer.get("RequestId"):
                self._standing = _Standing.NEVER_MADE
            raise
        self._standing = _Standing.OURS

    def open(self) -> None:
        """Let everyone in, as far as it does no harm; raises one of AWS_ERRORS."""
        self._ecr.set_repository_policy(
            repositoryName=self.name, registryId=self._account, policyText=OPEN_POLICY, force=False
        )

    def close(self) -> bool:
        """Delete its policy; False where it had none any more. Raises one of AWS_ERRORS."""
        try:
            self._ecr.delete_repository_policy(repositoryName=self.name, registryId=self._account)
        except ClientError as error:
            if code_of(error) != "RepositoryPolicyNotFoundException":
                raise
            return False
        return True

    def delete(self) -> bool:
        """Delete it, whatever became of its creation; False where there was nothing to delete.

        After an error it may still be there.
        """
        if not _OURS.fullmatch(self.name):
            raise NotOursError(f"{self.name!r} is no repository of this check and is not deleted")
        looks = {_Standing.NEVER_MADE: 0, _Standing.UNCLEAR: _LOOKS, _Standing.OURS: 1}[self._standing]
        for look in range(looks):
            if look:
                self._clock.sleep(_BETWEEN_LOOKS)
            if self._deleted():
                return True
        return False

    def _deleted(self) -> bool:
        try:
            self._ecr.delete_repository(repositoryName=self.name, registryId=self._account, force=True)
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
            return False
        return True
