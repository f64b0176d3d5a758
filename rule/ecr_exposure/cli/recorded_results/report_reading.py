"""Reads everything that a report needs from the aggregator, side by side."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.aggregated_data import Problems, read_sources
from ecr_exposure.cli.aggregators import AggregatorPlace
from ecr_exposure.cli.aws_calls import Unknown, attempt
from ecr_exposure.cli.output import Counter
from ecr_exposure.cli.policies_in_files.found_policy import FileError, FoundPolicy, Kind
from ecr_exposure.cli.recorded_repositories import found_in, read_recorded_names, read_recorded_repositories
from ecr_exposure.cli.recorded_results.evaluations import (
    EvaluatedRepository,
    RulePlace,
    read_evaluations,
    read_rule_places,
)
from ecr_exposure.cli.workers import Task, Workers
from ecr_exposure.errors import ItemError
from ecr_exposure.repository import Repository

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

THREADS: Final = 8
"""The calls of one account share a rate, which the client keeps to."""
Counting = Callable[[int, str], AbstractContextManager[Counter]]


class ReportReading:
    """What was read; after an interrupt, what was read until then."""

    def __init__(
        self, client: "ConfigServiceClient", aggregator: AggregatorPlace, rule: str, *, with_policies: bool
    ) -> None:
        """rule: the name of the rule. with_policies: also read the recorded policies."""
        self._client, self._aggregator, self._rule, self._with_policies = client, aggregator, rule, with_policies
        self._evaluations: dict[RulePlace, list[EvaluatedRepository] | Unknown] = {}
        self._recorded: list[FoundPolicy] | Unknown = Unknown("not read")
        self._sources: Callable[[str], Problems] | Unknown = Unknown("not read")
        self._places: list[RulePlace] | Unknown = Unknown("not read")

    def read(self, counting: Counting) -> None:
        """Read; raises KeyboardInterrupt, or CredentialsExpiredError."""
        client, aggregator = self._client, self._aggregator
        self._places = attempt(lambda: read_rule_places(client, aggregator, self._rule), "the results of the rule")
        places = [] if isinstance(self._places, Unknown) else self._places
        tasks: list[Task] = [self._read_sources, self._read_recorded]
        tasks += [partial(self._read_place, place) for place in places]
        with counting(len(tasks), "lists of results read") as counter:
            workers = Workers(THREADS)
            for task in tasks:
                workers.add_last(partial(_run, task, counter))
            workers.run()

    @property
    def evaluations(self) -> dict[str, list[EvaluatedRepository]]:
        """The evaluations that were read, by ACCOUNT/REGION/NAME."""
        found: dict[str, list[EvaluatedRepository]] = defaultdict(list)
        for evaluated in self._evaluations.values():
            for each in () if isinstance(evaluated, Unknown) else evaluated:
                found[f"{each.account}/{each.region}/{each.name}"].append(each)
        return dict(found)

    @property
    def recorded(self) -> dict[str, FoundPolicy]:
        """The repositories that AWS Config recorded, by ACCOUNT/REGION/NAME; without policies unless they were read."""
        return {} if isinstance(self._recorded, Unknown) else {each.file: each for each in self._recorded}

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rule in the accounts."""
        places = () if isinstance(self._places, Unknown) else self._places
        return tuple(sorted({each.rule for each in places}))

    @property
    def unread_places(self) -> frozenset[tuple[str, str]]:
        """The accounts and Regions whose evaluations could not be read."""
        places = () if isinstance(self._places, Unknown) else self._places
        read = {place for place, found in self._evaluations.items() if not isinstance(found, Unknown)}
        return frozenset((each.account, each.region) for each in places if each not in read)

    @property
    def knows_evaluations(self) -> bool:
        """Whether it is known where the rule has results."""
        return not isinstance(self._places, Unknown)

    def errors(self) -> Iterator[FileError]:
        """Yield what could not be read."""
        name = f"aggregator {self._aggregator.name}"
        if isinstance(self._places, Unknown):
            yield FileError(name, None, self._places.reason)
        elif not self._places:
            problem = f"it has no results of a rule {self._rule}"
            yield FileError(name, None, f"{problem}; name another with --rule, or see: ecr-exposure status STACK")
        if isinstance(self._recorded, Unknown):
            yield FileError(name, None, self._recorded.reason)
        for place in () if isinstance(self._places, Unknown) else self._places:
            found = self._evaluations.get(place, Unknown("not read"))
            if isinstance(found, Unknown):
                yield FileError(f"{place.account}/{place.region}", None, found.reason)
        if isinstance(self._sources, Unknown):
            yield FileError(name, None, self._sources.reason)
        else:
            yield from self._failed_sources(self._sources)

    def _failed_sources(self, sources: Callable[[str], Problems]) -> Iterator[FileError]:
        """Yield each source of which the aggregator has no current data."""
        places = () if isinstance(self._places, Unknown) else self._places
        regions = {place.region for place in places} | {str(each.region) for each in self.recorded.values()}
        for region in sorted(regions | set(self._aggregator.regions or ()) | {self._aggregator.region}):
            problems = sources(region)
            if problems.otherwise:
                yield FileError(region, None, problems.otherwise)
            for account, problem in sorted(problems.found.items()):
                yield FileError(f"{account}/{region}", None, problem)

    def _read_sources(self) -> None:
        self._sources = attempt(lambda: read_sources(self._client, self._aggregator), "the aggregator's sources")

    def _read_recorded(self) -> None:
        read = self._policies if self._with_policies else self._names
        self._recorded = attempt(read, "the recorded repositories")

    def _policies(self) -> list[FoundPolicy] | Unknown:
        try:
            return list(read_recorded_repositories(self._client, self._aggregator))
        except ItemError as error:
            return Unknown(f"the recorded repositories: {error}")

    def _names(self) -> list[FoundPolicy]:
        repositories = (
            Repository(account=account, region=region, name=name, arn="")
            for account, region, name in read_recorded_names(self._client, self._aggregator)
        )
        return [found_in(each, Kind.EVALUATION) for each in repositories]

    def _read_place(self, place: RulePlace) -> None:
        self._evaluations[place] = attempt(lambda: list(read_evaluations(self._client, self._aggregator, place)))


def _run(task: Task, counter: Counter) -> None:
    task()
    counter.advance()
