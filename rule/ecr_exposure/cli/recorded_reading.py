"""Reads the repositories that an aggregator has, and which of its sources are not current."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_exposure.cli.aggregated_data import Sources, read_sources
from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import Unknown, attempt
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError
from ecr_exposure.cli.found_policies.unknown_values import Unreadable
from ecr_exposure.cli.recorded_repositories import found_in, read_recorded_names, read_recorded_repositories
from ecr_exposure.cli.workers import Task
from ecr_exposure.errors import ItemError
from ecr_exposure.repository import Repository

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

_NOT_READ = Unknown("not read")
_TWICE = Unreadable("AWS Config returned two versions of this repository, which perhaps just changed")


def _count_nothing() -> None:
    """Without a counter."""


class RecordedReading:
    """What was read; the tasks may run in threads."""

    def __init__(
        self,
        client: "ConfigServiceClient",
        aggregator: AggregatorPlace,
        *,
        regions: Collection[str] = (),
        with_policies: bool,
    ) -> None:
        """regions: those of the repositories; none for all. with_policies: read the policies, too."""
        self._client, self.aggregator = client, aggregator
        self._named, self._with_policies = regions, with_policies
        self.count: Callable[[], None] = _count_nothing
        """Called for each repository that is read."""
        self._recorded: list[FoundPolicy] = []
        self._unread: Unknown | None = _NOT_READ  # why repositories are missing
        self._sources: Sources | Unknown = _NOT_READ

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Read the sources; and the repositories."""
        return self._read_sources, self._read_recorded

    @property
    def recorded(self) -> dict[str, FoundPolicy]:
        """The repositories that were read so far, by ACCOUNT/REGION/NAME; without policies unless they were read."""
        found: dict[str, FoundPolicy] = {}
        for each in self._recorded:
            earlier = found.setdefault(each.file, each)
            if (earlier.policy, earlier.tags) != (each.policy, each.tags):
                found[each.file] = replace(each, policy=_TWICE)
        return found

    @property
    def is_complete(self) -> bool:
        """Whether all repositories that AWS Config recorded were read."""
        return self._unread is None

    def errors(self, regions: Collection[str] = ()) -> Iterator[NotReadError]:
        """Yield what could not be read; regions: those that are known to have results."""
        for each in (self._unread, self._sources):
            if isinstance(each, Unknown):
                yield NotReadError(f"aggregator {self.aggregator.name}", None, each.reason)
        for region in self._named:
            if not self.aggregator.covers(region):
                yield NotReadError(region, None, f"the aggregator {self.aggregator.name} does not cover this Region")
        if not isinstance(self._sources, Unknown):
            yield from self._failed_sources(self._sources, regions)

    def notes(self) -> Iterator[str]:
        """Yield what the aggregator leaves out."""
        regions, accounts = self.aggregator.regions, self.aggregator.accounts
        if regions is not None:
            yield f"the aggregator covers {', '.join(sorted(regions))} only"
        if accounts is not None:
            yield f"the aggregator covers {len(accounts):,} named accounts only, not the organization"

    def _failed_sources(self, sources: Sources, regions: Collection[str]) -> Iterator[NotReadError]:
        """Yield each source of which the aggregator has no current data."""
        recorded = {str(each.region) for each in self.recorded.values()}
        every = {*regions, *recorded, *sources.regions, *(self.aggregator.regions or ()), self.aggregator.region}
        for region in sorted(self._named or every):
            problems = sources.in_region(region)
            if problems.otherwise:
                yield NotReadError(region, None, problems.otherwise)
            for account, problem in sorted(problems.found.items()):
                yield NotReadError(f"{account}/{region}", None, problem)

    def _read_sources(self) -> None:
        self._sources = attempt(lambda: read_sources(self._client, self.aggregator), "the aggregator's sources")

    def _read_recorded(self) -> None:
        """Read the repositories; those before an error are kept."""
        self._unread = attempt(self._read_each, "the recorded repositories, not all of which were read")

    def _read_each(self) -> Unknown | None:
        try:
            for each in self._policies() if self._with_policies else self._names():
                self._recorded.append(each)  # one by one, so that an error or interrupt leaves those before it
                self.count()
        except ItemError as error:
            return Unknown(f"the recorded repositories, not all of which were read: {error}")
        return None

    def _policies(self) -> Iterator[FoundPolicy]:
        return read_recorded_repositories(self._client, self.aggregator, regions=self._named)

    def _names(self) -> Iterator[FoundPolicy]:
        for account, region, name in read_recorded_names(self._client, self.aggregator):
            yield found_in(Repository(account=account, region=region, name=name, arn=""), Kind.EVALUATION)
