"""Repositories that earlier runs of ``verify`` left, because they were killed or could not delete them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    Clients,
    entries,
    error_code,
    error_text,
    has_expired,
    required,
)
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.terminal import ALARM, Clock, print_line
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

    def may_go_on(self, now: datetime) -> bool:
        """Return whether its run may still go on, perhaps another operator's."""
        return self.started is not None and not self.is_finished(now)

    def __str__(self) -> str:
        """Return its name, and that it is open if it is."""
        return f"{self.repository.name} (OPEN TO EVERYONE)" if self.repository.may_be_open else self.repository.name

    def report(self, output: Output, now: datetime) -> None:
        """Print what is left, since when, and what the operator can do."""
        repository, since = self.repository, _text(self.started)
        is_open = repository.may_be_open
        whose = "Of a run that may still go on" if self.may_go_on(now) else "Left by an earlier run"
        state = f"is OPEN TO EVERYONE, since {since}" if is_open else f"is closed, created {since}"
        output.step(f"{whose}: {repository.name} {state}", ALARM if is_open else "yellow")
        further = (*repository.commands, self._end(now))
        for line in further:
            output.step(line)
        # A repository that is open is no progress, which -q omits.
        for line in (f"{whose}: {repository.name} {state}", *further) if output.quiet and is_open else ():
            print_line(output.errors, (line, ALARM))

    def _end(self, now: datetime) -> str:
        """Return what --clean does with it."""
        if self.is_finished(now):
            return "--clean deletes it"
        if self.started is None:
            return f"--clean does not delete it: the value of its tag {STARTED_TAG} is no time"
        return f"Its run may still go on: --clean deletes it from {_text(self.started + LONGEST_RUN)} on"

    def as_json(self, now: datetime) -> Mapping[str, object]:
        """Return it for the JSON document."""
        return {
            "repository": self.repository.name,
            "open_to_everyone": self.repository.may_be_open,
            "started": self.started.isoformat() if self.started else None,
            "run_may_go_on": self.may_go_on(now),
            "commands": self.repository.command_lines,
        }


def still_there(leftovers: Sequence[Leftover], clients: Clients) -> tuple[Leftover, ...]:
    """Return those that exist: another operator's run may have ended meanwhile. What cannot be read counts as there."""
    return tuple(leftover for leftover in leftovers if not _is_gone(leftover.repository, clients))


def _is_gone(repository: TemporaryRepository, clients: Clients) -> bool:
    try:
        clients.ecr.describe_repositories(registryId=repository.place.account, repositoryNames=[repository.name])
    except AWS_ERRORS as error:
        return error_code(error) == "RepositoryNotFoundException"
    return False


def _text(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "an unknown time"


def find_leftovers(clients: Clients, place: Place, clock: Clock) -> tuple[Leftover, ...]:
    """Return the repositories that have both the name and the tag of an earlier run.

    Raises CannotRunError if one that has the name cannot be read, or one of AWS_ERRORS.
    """
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
            if error_code(error) == "RepositoryNotFoundException":
                continue  # another run has just deleted it
            if has_expired(error):
                raise
            what = f"{name}, which an earlier run may have left open"
            raise CannotRunError(f"{what}, cannot be read: {error_text(error)}") from None
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
