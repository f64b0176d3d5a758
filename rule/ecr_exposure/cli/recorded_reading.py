"""Reads the repositories that an aggregator has, and which of its sources are not current."""

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from ecr_exposure.cli.aggregated_data import Problems, read_sources
from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import Unknown, attempt
from ecr_exposure.cli.policies_in_files.found_policy import FileError, FoundPolicy, Kind
from ecr_exposure.cli.recorded_repositories import found_in, read_recorded_names, read_recorded_repositories
from ecr_exposure.cli.workers import Task
from ecr_exposure.errors import ItemError
from ecr_exposure.repository import Repository

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

_NOT_READ = Unknown("not read")


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
        self._recorded: list[FoundPolicy] | Unknown = _NOT_READ
        self._sources: Callable[[str], Problems] | Unknown = _NOT_READ

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Read the sources; and the repositories."""
        return self._read_sources, self._read_recorded

    @property
    def recorded(self) -> dict[str, FoundPolicy]:
        """The repositories, by ACCOUNT/REGION/NAME; without policies unless they were read."""
        return {} if isinstance(self._recorded, Unknown) else {each.file: each for each in self._recorded}

    def errors(self, regions: Collection[str] = ()) -> Iterator[FileError]:
        """Yield what could not be read; regions: those that are known to have results."""
        for each in (self._recorded, self._sources):
            if isinstance(each, Unknown):
                yield FileError(f"aggregator {self.aggregator.name}", None, each.reason)
        for region in self._named:
            if not self.aggregator.covers(region):
                yield FileError(region, None, f"the aggregator {self.aggregator.name} does not cover this Region")
        if not isinstance(self._sources, Unknown):
            yield from self._failed_sources(self._sources, regions)

    def notes(self) -> Iterator[str]:
        """Yield what the aggregator leaves out."""
        regions, accounts = self.aggregator.regions, self.aggregator.accounts
        if regions is not None:
            yield f"the aggregator covers {', '.join(sorted(regions))} only"
        if accounts is not None:
            yield f"the aggregator covers {len(accounts):,} named accounts only, not the organization"

    def _failed_sources(self, sources: Callable[[str], Problems], regions: Collection[str]) -> Iterator[FileError]:
        """Yield each source of which the aggregator has no current data."""
        recorded = {str(each.region) for each in self.recorded.values()}
        every = {*regions, *recorded, *(self.aggregator.regions or ()), self.aggregator.region}
        for region in sorted(self._named or every):
            problems = sources(region)
            if problems.otherwise:
                yield FileError(region, None, problems.otherwise)
            for account, problem in sorted(problems.found.items()):
                yield FileError(f"{account}/{region}", None, problem)

    def _read_sources(self) -> None:
        self._sources = attempt(lambda: read_sources(self._client, self.aggregator), "the aggregator's sources")

    def _read_recorded(self) -> None:
        read = self._policies if self._with_policies else self._names
        self._recorded = attempt(read, "the recorded repositories")

    def _policies(self) -> list[FoundPolicy] | Unknown:
        try:
            return list(read_recorded_repositories(self._client, self.aggregator, regions=self._named))
        except ItemError as error:
            return Unknown(f"the recorded repositories: {error}")

    def _names(self) -> list[FoundPolicy]:
        repositories = (
            Repository(account=account, region=region, name=name, arn="")
            for account, region, name in read_recorded_names(self._client, self.aggregator)
        )
        return [found_in(each, Kind.EVALUATION) for each in repositories]
