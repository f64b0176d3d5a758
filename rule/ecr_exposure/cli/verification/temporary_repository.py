"""The repository that ``verify`` creates, opens, closes and deletes; it changes no other."""

import json
import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, error_code, is_refusal, was_retried
from ecr_exposure.cli.terminal import Clock

PREFIX: Final = "ecr-exposure-verify-"
STARTED_TAG: Final = "ecr-exposure-verify-started"
"""The key of the tag that says when the run started."""
STARTED_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""The tag's value, in UTC."""
LONGEST_RUN: Final = timedelta(days=1)
"""The longest time limit; even a DAILY recorder needs no longer."""
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
SESSION_NAME: Final = "ecr-exposure-verify"
"""The name of a role's session, which AWS CloudTrail records."""
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_EXPORTED: Final = "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s"


class _Effect(Enum):
    """What became of a request that changes something."""

    NONE = "not requested, refused by AWS, or undone"
    UNKNOWN = "requested, and the response was lost"
    DONE = "done"


class Closing(Enum):
    """What DeleteRepositoryPolicy found."""

    DONE = "deleted its policy"
    NO_POLICY = "its policy was already deleted by somebody else"
    NO_REPOSITORY = "it was already deleted by somebody else"


# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html
_CLOSED_BEFORE: Final = {
    "RepositoryPolicyNotFoundException": Closing.NO_POLICY,
    "RepositoryNotFoundException": Closing.NO_REPOSITORY,
}


class ForeignRepositoryError(RuntimeError):
    """A repository that ``verify`` did not create; it is never changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a repository is, and how the AWS CLI reaches it."""

    account: str
    region: str
    profile: str | None
    """The operator's, of the AWS CLI."""
    role_arn: str | None = None
    """The role to assume; None if the operator's own credentials are of this account."""

    def __str__(self) -> str:
        """Return account and region."""
        return f"account {self.account}, {self.region}"

    def command(self, operation: str, repository: str, *options: str) -> str:
        """Return a command line of the AWS CLI that acts on a repository there; a role is assumed in a subshell."""
        where = ("--repository-name", repository, "--registry-id", self.account, "--region", self.region)
        profile = ("--profile", self.profile) if self.profile else ()
        if self.role_arn is None:
            return shlex.join(("aws", "ecr", operation, *where, *profile, *options))
        role = ("--role-arn", self.role_arn, "--role-session-name", SESSION_NAME, "--region", self.region)
        query = ("--query", "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]", "--output", "text")
        credentials = shlex.join(("aws", "sts", "assume-role", *role, *profile, *query))
        call = shlex.join(("aws", "ecr", operation, *where, *options))
        return f"(export $(printf {shlex.quote(_EXPORTED)} $({credentials})) && {call})"


class TemporaryRepository:
    """One empty repository with a random name."""

    def __init__(self, clients: Clients, place: Place, clock: Clock, tags: Mapping[str, str] = _NO_TAGS) -> None:
        """Choose the name; nothing is created yet. ``tags`` are those that it gets besides its own."""
        self.name = PREFIX + secrets.token_hex(6)
        self.place = place
        self.opened_at: datetime | None = None
        """When it was opened to everyone, or may have been."""
        self._clients, self._clock, self._tags = clients, clock, tags
        self._creation = self._policy = _Effect.NONE

    @classmethod
    def of_earlier_run(cls, clients: Clients, place: Place, clock: Clock, *, name: str, has_policy: bool) -> Self:
        """Return a repository that an earlier run created."""
        repository = cls(clients, place, clock)
        repository.name = name
        repository._creation = _Effect.DONE
        repository._policy = _Effect.DONE if has_policy else _Effect.NONE
        return repository

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags, if it is created now."""
        return {**self._tags, STARTED_TAG: self._clock.today().astimezone(UTC).strftime(STARTED_FORMAT)}

    @property
    def delete_command(self) -> str:
        """The command that deletes it by hand."""
        return self.place.command("delete-repository", self.name, "--force")

    @property
    def command_lines(self) -> tuple[str, ...]:
        """What the operator does by hand: close it first, if it may be open, and delete it."""
        close = (self.place.command("delete-repository-policy", self.name),) if self.may_be_open else ()
        return (*close, self.delete_command)

    @property
    def commands(self) -> tuple[str, ...]:
        """The same as lines of a report."""
        titles = ("Close it first", "Then delete it") if self.may_be_open else ("Delete it",)
        return tuple(f"{title}: {line}" for title, line in zip(titles, self.command_lines, strict=True))

    @property
    def may_be_open(self) -> bool:
        """Whether it may have the policy that grants everyone access."""
        return self._policy is not _Effect.NONE

    @property
    def may_exist_later(self) -> bool:
        """Whether it is unknown if AWS created it."""
        return self._creation is _Effect.UNKNOWN

    def use(self, clients: Clients) -> None:
        """Make all further calls with these clients."""
        self._clients = clients

    def require_own_name(self) -> None:
        """Raise ForeignRepositoryError unless its name is one that this class chooses."""
        if not is_own_name(self.name):
            raise ForeignRepositoryError(f"{self.name!r} was not created by this check and is not deleted")

    def create(self) -> None:
        """Create it with its tag; raises one of AWS_ERRORS."""
        # Set before the call: whatever happens from here on, the repository may exist.
        self._creation = _Effect.UNKNOWN
        try:
            self._clients.ecr.create_repository(
                repositoryName=self.name,
                registryId=self.place.account,
                tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
            )
        except ClientError as error:
            if error_code(error) == "RepositoryAlreadyExistsException" and was_retried(error):
                # The first attempt created it, and only its response was lost.
                self._creation = _Effect.DONE
                return
            if is_refusal(error):
                self._creation = _Effect.NONE
            raise
        self._creation = _Effect.DONE

    def make_public(self) -> None:
        """Set the policy, which grants everyone a harmless action; raises one of AWS_ERRORS."""
        self._policy = _Effect.UNKNOWN
        self.opened_at = self._clock.today()
        try:
            self._clients.ecr.set_repository_policy(
                repositoryName=self.name, registryId=self.place.account, policyText=PUBLIC_POLICY, force=False
            )
        except ClientError as error:
            if is_refusal(error):
                self._policy = _Effect.NONE
            raise
        self._policy = _Effect.DONE

    def close(self) -> Closing:
        """Delete the policy. After one of AWS_ERRORS it may still be open."""
        self.require_own_name()
        closing = Closing.DONE
        try:
            self._clients.ecr.delete_repository_policy(repositoryName=self.name, registryId=self.place.account)
        except ClientError as error:
            if error_code(error) not in _CLOSED_BEFORE:
                raise
            closing = _CLOSED_BEFORE[error_code(error)]
        # A policy whose response was lost may take effect after a deletion found none.
        if closing is not Closing.NO_POLICY or self._policy is not _Effect.UNKNOWN:
            self._policy = _Effect.NONE
        return closing

    def delete(self) -> bool:
        """Delete the repository, whatever became of its creation; False if there was nothing to delete.

        After one of AWS_ERRORS it may still exist.
        """
        self.require_own_name()
        attempts = {_Effect.NONE: 0, _Effect.UNKNOWN: _DELETIONS, _Effect.DONE: 1}[self._creation]
        found = any(self._deleted(again=number > 0) for number in range(attempts))
        if found or self._creation is _Effect.DONE:
            self._creation = self._policy = _Effect.NONE
        return found

    def _deleted(self, *, again: bool) -> bool:
        if again:
            self._clock.sleep(_BETWEEN_DELETIONS)
        try:
            self._clients.ecr.delete_repository(repositoryName=self.name, registryId=self.place.account, force=True)
        except ClientError as error:
            if error_code(error) != "RepositoryNotFoundException":
                raise
            return False
        return True


def is_own_name(name: str) -> bool:
    """Return whether a name is one that TemporaryRepository chooses."""
    return _NAME.fullmatch(name) is not None
