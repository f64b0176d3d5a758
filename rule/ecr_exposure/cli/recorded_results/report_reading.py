"""Reads everything that a report needs from the aggregator, side by side."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.aws_calls import Unknown, attempt
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.output import Counter
from ecr_exposure.cli.recorded_reading import RecordedReading
from ecr_exposure.cli.recorded_results.evaluations import (
    EvaluatedRepository,
    RulePlace,
    read_evaluations,
    read_rule_places,
)
from ecr_exposure.cli.workers import Task, Workers

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

THREADS: Final = 8
"""The calls of one account share a rate, which the client keeps to."""
_NOT_READ: Final = Unknown("not read")
Counting = Callable[[int, str], AbstractContextManager[Counter]]


class ReportReading:
    """What was read; after an interrupt, what was read until then."""

    def __init__(self, client: "ConfigServiceClient", recorded: RecordedReading, rule: str) -> None:
        """rule: the name of the rule."""
        self._client, self._recorded, self._rule = client, recorded, rule
        self._evaluations: list[EvaluatedRepository] = []
        self._unread: dict[RulePlace, Unknown] = {}  # why evaluations are missing
        self._read: set[RulePlace] = set()
        self._complete: frozenset[RulePlace] = frozenset()  # those of before the end, after which threads may go on
        self._found_places: list[RulePlace] | Unknown = _NOT_READ

    def read(self, counting: Counting) -> None:
        """Read; raises KeyboardInterrupt, or CredentialsExpiredError."""
        client, aggregator = self._client, self._recorded.aggregator
        self._found_places = attempt(lambda: read_rule_places(client, aggregator, self._rule), "the rule's results")
        tasks = list(self._recorded.tasks)
        tasks += [partial(self._read_place, place) for place in self._places]
        try:
            with counting(len(tasks), "lists of results read") as counter:
                workers = Workers(THREADS)
                for task in tasks:
                    workers.add_last(partial(_run, task, counter))
                workers.run()
        finally:
            self._complete = frozenset(list(self._read))

    @property
    def evaluations(self) -> dict[str, list[EvaluatedRepository]]:
        """The evaluations that were read, by ACCOUNT/REGION/NAME."""
        found: dict[str, list[EvaluatedRepository]] = defaultdict(list)
        for each in self._evaluations:
            found[f"{each.account}/{each.region}/{each.name}"].append(each)
        return dict(found)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rule in the accounts."""
        return tuple(sorted({each.rule for each in self._places}))

    @property
    def unread_places(self) -> frozenset[tuple[str, str]]:
        """The accounts and Regions whose evaluations were not read, or not all."""
        return frozenset((each.account, each.region) for each in self._places if each not in self._complete)

    def may_have_evaluation(self, account: str | None, region: str | None) -> bool:
        """Return whether a repository without an evaluation may have one that was not read."""
        return isinstance(self._found_places, Unknown) or (account, region) in self.unread_places

    def errors(self) -> Iterator[NotReadError]:
        """Yield what could not be read; not what an early end left."""
        name = f"aggregator {self._recorded.aggregator.name}"
        if isinstance(self._found_places, Unknown):
            yield NotReadError(name, None, self._found_places.reason)
        elif not self._found_places:
            problem = f"it has no results of a rule {self._rule}"
            yield NotReadError(name, None, f"{problem}; name another with --rule, or see: ecr-exposure status STACK")
        for place, unread in sorted(self._unread.items()):
            problem = f"the evaluations by {place.rule}, not all of which were read: {unread.reason}"
            yield NotReadError(f"{place.account}/{place.region}", None, problem)
        yield from self._recorded.errors({place.region for place in self._places})

    @property
    def _places(self) -> list[RulePlace]:
        return [] if isinstance(self._found_places, Unknown) else self._found_places

    def _read_place(self, place: RulePlace) -> None:
        unread = attempt(lambda: self._read_each(place))
        if unread is None:
            self._read.add(place)
        else:
            self._unread[place] = unread

    def _read_each(self, place: RulePlace) -> None:
        for each in read_evaluations(self._client, self._recorded.aggregator, place):
            self._evaluations.append(each)  # one by one, so that an error or interrupt leaves those before it


def _run(task: Task, counter: Counter) -> None:
    task()
    counter.advance()
