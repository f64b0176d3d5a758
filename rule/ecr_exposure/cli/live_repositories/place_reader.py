"""Reads the repositories of one account in one Region: first their list, then several at a time.

What Amazon ECR does not return is never taken for a repository without a policy.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from zlib import crc32

import boto3
from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    Clients,
    CredentialsExpiredError,
    NotAwsError,
    entries,
    error_code,
    error_text,
    has_expired,
    required,
)
from ecr_exposure.cli.live_repositories.account_access import AccountAccess
from ecr_exposure.cli.live_repositories.scanned import Place, Scanned
from ecr_exposure.errors import ItemError
from ecr_exposure.repository import Repository, repository_of_api, tags_of_list

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import DescribeRepositoriesResponseTypeDef

_Value = TypeVar("_Value")

READERS: Final = 8
"""How many repositories of a place are read at a time, as in the rule's periodic evaluation."""
# So many faults without a success between are not due to single repositories.
_MOST_FAULTS: Final = 20
_NO_REPOSITORY: Final = "RepositoryNotFoundException"
_NO_POLICY: Final = "RepositoryPolicyNotFoundException"
# Of credentials in a Region that their account has not enabled:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
_NOT_ENABLED: Final = ("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure")


class Progress(Protocol):
    """Counts what is read."""

    def estimate(self, total: int, *, is_exact: bool) -> None:
        """Replace the total."""

    def advance(self, number: int = 1) -> None:
        """Count some more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How all places are read.

    session: that of the operator. needs_tags: whether the tags of a repository, which are not known, matter to its
    verdict.
    """

    session: boto3.Session
    needs_tags: Callable[[Repository], bool]
    scanned: Scanned


class PlaceReader:
    """Reads one place; its methods are tasks of threads."""

    def __init__(
        self,
        place: Place,
        access: AccountAccess,
        reading: Reading,
        progress: Progress,
        known: Mapping[str, Repository],
    ) -> None:
        """known: by name, the repositories that an earlier run read."""
        self._place, self._access, self._reading, self._known = place, access, reading, known
        self._progress = progress
        self._lock = Lock()
        self._credentials: Mapping[str, str] | None = None
        self._clients: Clients | None = None
        self._waiting: deque[tuple[str, str]] = deque()
        self._readers = 0
        self._listed = 0
        self._is_complete = True
        self._has_succeeded = False
        self._faults: list[tuple[str, str]] = []  # since the last success: name, reason
        self._without_tags: list[tuple[str, str]] = []

    def list_repositories(self) -> int:
        """List the repositories; return how many are to be read, by at most READERS tasks `read`.

        What was listed before an error is read all the same. Raises CredentialsExpiredError.
        """
        scanned, names = self._reading.scanned, dict[str, str]()
        try:
            self._list_into(names)
        except CredentialsExpiredError:
            raise
        except Exception as error:  # noqa: BLE001 - the other places are read all the same
            self._is_complete = False
            scanned.add_not_read(str(self._place), self._why(error))
        self._listed = len(names)
        for name, repository in self._known.items():
            if names.pop(name, None) is not None or not self._is_complete:
                scanned.add(repository, is_kept=False)
        if self._listed or self._is_complete:
            scanned.add_listed(self._place)
        # In no order of names: repositories that are denied often have the same prefix, and would be taken for all.
        self._waiting.extend(sorted(names.items(), key=lambda each: crc32(each[0].encode())))
        self._readers = min(READERS, len(names))
        if not self._readers:
            self._finish()
        return len(names)

    def read(self) -> None:
        """Read repositories until none is left; raises CredentialsExpiredError."""
        while not self._reading.scanned.is_closed and (each := self._next()):
            self._read(*each)
            self._progress.advance()
        with self._lock:
            self._readers -= 1
            is_last = not self._readers
        if is_last:
            self._finish()

    def _list_into(self, names: dict[str, str]) -> None:
        """Add name and ARN of each repository, as they come.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
        """
        token: str | None = None
        tokens: set[str] = set()
        while not self._reading.scanned.is_closed:
            page = self._call(partial(_page, token))
            for each in entries((page,), lambda found: found["repositories"]):
                name, arn = required(each, lambda found: (found["repositoryName"], found["repositoryArn"]))
                names[name] = self._checked(name, arn)
            token = page.get("nextToken")
            if not token:
                return
            if token in tokens:
                raise NotAwsError("DescribeRepositories returned the same nextToken twice, so its list has no end")
            tokens.add(token)

    def _checked(self, name: str, arn: str) -> str:
        """Return the ARN; raises NotAwsError for that of another account or Region, which would hide this one."""
        try:
            found = repository_of_api(name, arn, None)
        except ItemError:
            found = None
        if found is None or (found.account, found.region) != self._place:
            raise NotAwsError(f"the response to DescribeRepositories is not about {self._place}: {arn:.160}")
        return arn

    def _why(self, error: Exception) -> str:
        hint = f"; perhaps {self._place.region} is not enabled there" if error_code(error) in _NOT_ENABLED else ""
        return f"its repositories could not be listed: {fault_text(error)}{hint}"

    def _next(self) -> tuple[str, str] | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting and len(self._faults) < _MOST_FAULTS else None

    def _read(self, name: str, arn: str) -> None:
        try:
            repository = repository_of_api(name, arn, self._policy(name))
        except CredentialsExpiredError:
            raise
        except Exception as error:  # noqa: BLE001 - the others are read all the same
            if error_code(error) == _NO_REPOSITORY:
                self._reading.scanned.add_deleted()
                return
            with self._lock:
                self._is_complete = False
                self._faults.append((name, fault_text(error)))
            return
        with self._lock:
            self._has_succeeded = True
            faults, self._faults = self._faults, []
        self._add_faults(faults)
        self._add(repository)

    def _policy(self, name: str) -> str | None:
        """Return the text of a policy, None for no policy.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
        """
        try:
            response = self._call(lambda ecr: ecr.get_repository_policy(repositoryName=name))
        except ClientError as error:
            if error_code(error) == _NO_POLICY:
                return None
            raise
        text = required(response, lambda found: found["policyText"])
        about = (response.get("registryId", self._place.account), response.get("repositoryName", name))
        if about != (self._place.account, name):
            raise NotAwsError(f"the response to GetRepositoryPolicy is about {'/'.join(about):.160}")
        if not text.strip():
            raise NotAwsError("the response to GetRepositoryPolicy has an empty policy, so it did not come from AWS")
        return text

    def _add(self, repository: Repository) -> None:
        """Add a repository, with its tags where they matter."""
        is_kept = True
        try:
            if self._reading.needs_tags(repository):
                repository = replace(repository, tags=self._tags(repository.arn))
        except CredentialsExpiredError:
            raise
        except Exception as error:  # noqa: BLE001 - it is evaluated all the same
            if error_code(error) == _NO_REPOSITORY:
                self._reading.scanned.add_deleted()
                return
            is_kept = False
            with self._lock:
                self._is_complete = False
                self._without_tags.append((repository.name, fault_text(error)))
        self._reading.scanned.add(repository, is_kept=is_kept)

    def _tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
        """
        response = self._call(lambda ecr: ecr.list_tags_for_resource(resourceArn=arn))
        tags = tags_of_list(required(response, lambda found: found["tags"]))
        if tags is None:
            raise NotAwsError("the response to ListTagsForResource has another form of tags")
        return tags

    def _call(self, call: "Callable[[ECRClient], _Value]") -> _Value:
        """Return what a call returns, with new credentials if AWS takes those of a role for expired."""
        client, credentials = self._client()
        try:
            return call(client)
        except AWS_ERRORS as error:
            if not has_expired(error):
                raise
            self._access.renew(credentials)
        return call(self._client()[0])

    def _client(self) -> "tuple[ECRClient, Mapping[str, str]]":
        """Return a client, the same for all threads: it limits the rate of their calls together."""
        credentials = self._access.credentials()
        with self._lock:
            if self._clients is None or credentials is not self._credentials:
                self._credentials = credentials
                self._clients = Clients(self._reading.session, self._place.region, credentials)
            return self._clients.ecr_reads, credentials

    def _add_faults(self, faults: list[tuple[str, str]]) -> None:
        for name, reason in faults:
            self._reading.scanned.add_not_read(f"{self._place}/{name}", f"its policy could not be read: {reason}")

    def _finish(self) -> None:
        """Say what could not be read, or that all was; a client is not needed any more."""
        self._clients = None
        scanned, unread = self._reading.scanned, len(self._waiting) + len(self._faults)
        if self._waiting or (len(self._faults) > 1 and not self._has_succeeded):
            row = f", because {len(self._faults)} in a row could not be read" if self._waiting else ""
            reason = f"{unread:,} of {self._listed:,} repositories were not read{row}: {self._faults[0][1]}"
            scanned.add_not_read(str(self._place), reason)
        else:
            self._add_faults(self._faults)
        if self._without_tags:
            name, why = self._without_tags[0]
            number = len(self._without_tags)
            which = f"the tags of {name}" if number == 1 else f"the tags of {number:,} repositories, such as {name},"
            reason = f"{which} could not be read, so what depends on them counts as public: {why}"
            scanned.add_not_read(str(self._place), reason)
        if self._is_complete:
            scanned.add_complete(self._place, is_kept=True)


def fault_text(error: Exception) -> str:
    """Return an error of a call, or of what was made of its response, in one printable line."""
    if isinstance(error, AWS_ERRORS):
        return error_text(error)
    return f"a response has another form than those of AWS ({type(error).__name__})"


def _page(token: str | None, ecr: "ECRClient") -> "DescribeRepositoriesResponseTypeDef":
    if token is None:
        return ecr.describe_repositories(maxResults=1000)
    return ecr.describe_repositories(maxResults=1000, nextToken=token)
