"""Repositories that earlier runs of ``verify`` left, because they were killed or could not delete them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, entries, error_code, required
from ecr_exposure.cli.terminal import ALARM, Clock, Progress
from ecr_exposure.cli.verification.temporary_repository import (
    LONGEST_RUN,
    STARTED_FORMAT,
    STARTED_TAG,
    Place,
    TemporaryRepository,
    is_own_name,
)

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import RepositoryTypeDef

# The most that DescribeRepositories accepts.
_PAGE_SIZE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A repository with the name and the tag of an earlier run."""

    repository: TemporaryRepository
    started: datetime | None
    """When that run started; None if the tag's value is no time."""

    def is_finished(self, now: datetime) -> bool:
        """Return whether its run started longer ago than any run lasts; then nobody needs the repository."""
        return self.started is not None and now - self.started > LONGEST_RUN

    def report(self, progress: Progress, now: datetime) -> None:
        """Print what is left, since when, and what the operator can do."""
        repository, since = self.repository, _text(self.started)
        if repository.may_be_open:
            progress.line(f"Left by an earlier run: {repository.name} is OPEN TO EVERYONE, since {since}", ALARM)
        else:
            progress.line(f"Left by an earlier run: {repository.name} is closed, created {since}", "yellow")
        for command in repository.commands:
            progress.line(command)
        if self.is_finished(now):
            progress.line("--clean deletes it")
        elif self.started is None:
            progress.line(f"--clean does not delete it: the value of its tag {STARTED_TAG} is no time")
        else:
            progress.line(f"Its run may still go on: --clean deletes it from {_text(self.started + LONGEST_RUN)} on")


def _text(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "an unknown time"


def find_leftovers(clients: Clients, place: Place, clock: Clock) -> tuple[Leftover, ...]:
    """Return the repositories that have both the name and the tag of an earlier run; raises one of AWS_ERRORS."""
    pages = clients.ecr.get_paginator("describe_repositories").paginate(
        registryId=place.account, PaginationConfig={"PageSize": _PAGE_SIZE}
    )
    named = [each for each in entries(pages, lambda page: page["repositories"]) if is_own_name(each["repositoryName"])]
    return tuple(_leftovers(named, clients, place, clock))


def _leftovers(named: list["RepositoryTypeDef"], clients: Clients, place: Place, clock: Clock) -> Iterator[Leftover]:
    for each in named:
        name = each["repositoryName"]
        try:
            response = clients.ecr.list_tags_for_resource(resourceArn=each["repositoryArn"])
            tags = {tag["Key"]: tag["Value"] for tag in required(response, lambda found: found["tags"])}
            if STARTED_TAG not in tags:
                continue
            has_policy = _has_policy(clients, place, name)
        except ClientError as error:
            if error_code(error) != "RepositoryNotFoundException":
                raise
            continue  # another run has just deleted it
        repository = TemporaryRepository.of_earlier_run(clients, place, clock, name=name, has_policy=has_policy)
        yield Leftover(repository=repository, started=_time(tags[STARTED_TAG]))


def _has_policy(clients: Clients, place: Place, name: str) -> bool:
    try:
        clients.ecr.get_repository_policy(repositoryName=name, registryId=place.account)
    except ClientError as error:
        if error_code(error) != "RepositoryPolicyNotFoundException":
            raise
        return False
    return True


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, STARTED_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
