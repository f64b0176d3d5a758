"""Reads the evidence: side by side, and with what was read so far when it is interrupted."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import boto3

from ecr_exposure.cli.aggregated_data import Problems, RuleNames, Sources, read_rule_names, read_sources
from ecr_exposure.cli.aggregators import AggregatorPlace, choose_aggregator, read_aggregators
from ecr_exposure.cli.aws_calls import Clients, Unknown, attempt
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.rule_status.account_results import read_own_deployment, read_own_repositories, read_own_times
from ecr_exposure.cli.rule_status.aggregated_results import (
    Results,
    read_repositories,
    read_results,
)
from ecr_exposure.cli.rule_status.evidence import (
    ACTIVE,
    Evidence,
    Member,
    Recorded,
    RegionEvidence,
    Times,
)
from ecr_exposure.cli.rule_status.member_problems import read_deployments, read_instances, read_members
from ecr_exposure.cli.rule_status.stack_facts import StackFacts, read_stack_facts
from ecr_exposure.cli.rule_status.stack_operations import Operations, read_operations
from ecr_exposure.cli.stack import DeployedAs, NoStackError
from ecr_exposure.cli.workers import Task, Workers

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

THREADS: Final = 16
_UNREAD: Final = Unknown("not read")
_StackSet = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the operator asked for."""

    hub: str
    """The account of the credentials, which has the stack."""
    stack: str
    """Its name or ARN."""
    regions: tuple[str, ...]
    accounts: frozenset[str] = frozenset()
    """Empty for all."""
    aggregator: str | None = None
    """Its name; None for any that covers a Region."""

    def stack_in(self, region: str) -> str:
        """Return how the stack is named in a Region: an ARN has a meaning in its own Region only."""
        # arn:aws:cloudformation:eu-west-1:111122223333:stack/NAME/ID
        arn = re.fullmatch(r"arn:[^:]+:cloudformation:(?P<region>[^:]+):\d{12}:stack/(?P<name>[^/]+)/.+", self.stack)
        return self.stack if arn is None or arn["region"] == region else arn["name"]


@dataclass(slots=True)
class _Found:
    """What was read so far; each task writes a key of its own."""

    stacks: dict[str, StackFacts | Unknown | None] = field(default_factory=dict)
    members: tuple[Member, ...] | Unknown | None = None
    instances: dict[_StackSet, Problems | Unknown] = field(default_factory=dict)
    aggregators: dict[str, tuple[AggregatorPlace, ...] | Unknown] = field(default_factory=dict)
    chosen: dict[str, AggregatorPlace | Unknown] = field(default_factory=dict)
    sources: dict[AggregatorPlace, Sources | Unknown] = field(default_factory=dict)
    deployments: dict[str, Problems | Unknown] = field(default_factory=dict)
    repositories: dict[str, dict[str, Recorded] | Unknown] = field(default_factory=dict)
    names: dict[str, RuleNames | Unknown] = field(default_factory=dict)
    results: dict[str, dict[str, Results | Unknown]] = field(default_factory=dict)
    own_times: dict[str, dict[str, Times] | Unknown] = field(default_factory=dict)
    operations: dict[str, Operations] = field(default_factory=dict)


class StatusReading:
    """One reading; after an error or an interrupt its evidence has what was read until then."""

    def __init__(self, session: boto3.Session, question: Question, output: Output, now: datetime) -> None:
        """Read nothing yet."""
        self._session, self._question, self._output, self._now = session, question, output, now
        self._clients: dict[str, Clients] = {}
        self._found = _Found()

    def read(self) -> None:
        """Read all; raises CannotRunError if there is no stack, CredentialsExpiredError and KeyboardInterrupt."""
        found = self._found
        self._run(self._stack_tasks(), "stacks read")
        self._require_a_stack()
        self._require_own_account()
        if self._of_organization():
            self._run(self._organization_tasks(), "lists of the organization read")
            self._require_members()
            for region in self._of_organization():
                found.chosen[region] = choose_aggregator(region, found.aggregators, self._question.aggregator)
        for region, _ in self._stacks():
            _ = self._at(region).config  # created before the threads that share it
        self._run(self._region_tasks(), "lists of results read")
        self._run(self._account_tasks(), "accounts × Regions read")  # noqa: RUF001 - a product

    def evidence(self, unread: str = "") -> Evidence:
        """Return what was read; ``unread`` says why not all was."""
        members = self._found.members
        if members is None:
            own = (Member(account=self._question.hub, state=ACTIVE),)
            members = Unknown(unread or _UNREAD.reason) if unread or self._of_organization() else own
        missing = Unknown(unread) if unread else _UNREAD
        return Evidence(
            hub=self._question.hub,
            now=self._now,
            named=self._question.accounts,
            members=members,
            regions=tuple(self._region(region, missing) for region in self._question.regions),
            unread=unread,
        )

    @property
    def operations(self) -> tuple[Operations, ...]:
        """Queue and alarms of each Region that has the stack and was read."""
        found = self._found.operations
        return tuple(found[region] for region in self._question.regions if region in found)

    def _run(self, tasks: Sequence[Task], what: str) -> None:
        if not tasks:
            return
        with self._output.counting(len(tasks), what) as counter:

            def run(task: Task) -> None:
                task()
                counter.advance()

            workers = Workers(THREADS)
            for task in tasks:
                workers.add_last(partial(run, task))
            workers.run()

    def _at(self, region: str) -> Clients:
        """Return the clients of a Region, which all threads share."""
        if region not in self._clients:
            self._clients[region] = Clients(self._session, region)
        return self._clients[region]

    def _stacks(self) -> Iterator[tuple[str, StackFacts]]:
        for region in self._question.regions:
            stack = self._found.stacks.get(region)
            if isinstance(stack, StackFacts):
                yield region, stack

    def _of_organization(self) -> dict[str, StackFacts]:
        return {region: each for region, each in self._stacks() if each.deployed_as is not DeployedAs.ACCOUNT_RULE}

    def _require_a_stack(self) -> None:
        """Raise CannotRunError if no Region has a stack that can be read."""
        if any(True for _ in self._stacks()):
            return
        reasons = {each.reason for each in self._found.stacks.values() if isinstance(each, Unknown)}
        if reasons:
            raise CannotRunError("; ".join(sorted(reasons)))
        regions = ", ".join(self._question.regions)
        raise CannotRunError(f"stack {self._question.stack!r} does not exist in {regions} of this account")

    def _require_own_account(self) -> None:
        """Raise CannotRunError for another account than the stack's, if it has the rule of one account everywhere."""
        hub, others = self._question.hub, self._question.accounts - {self._question.hub}
        if others and not self._of_organization():
            named = ", ".join(sorted(others))
            raise CannotRunError(f"--accounts: an account-rule evaluates its own account {hub} only, not {named}")

    def _require_members(self) -> None:
        """Raise CannotRunError for a named account that the organization does not have."""
        members = self._found.members
        if isinstance(members, tuple):
            strangers = self._question.accounts - {each.account for each in members}
            if strangers:
                raise CannotRunError(f"--accounts: not in the organization: {', '.join(sorted(strangers))}")

    def _stack_tasks(self) -> list[Task]:
        def read(region: str) -> None:
            client, name = self._at(region).cloudformation, self._question.stack_in(region)
            self._found.stacks[region] = attempt(lambda: _stack(client, name))

        return [partial(read, region) for region in self._question.regions]

    def _organization_tasks(self) -> list[Task]:
        found = self._found
        stacks = self._of_organization()

        def members() -> None:
            client = self._at(self._question.regions[0]).organizations
            found.members = attempt(lambda: read_members(client), "the accounts of the organization")

        def instances(stack: StackFacts) -> None:
            client = self._at(stack.home_region).cloudformation
            found.instances[stack.home_region, stack.stack_set] = attempt(
                lambda: read_instances(client, stack), "the stack instances"
            )

        def aggregators(region: str) -> None:
            found.aggregators[region] = attempt(lambda: read_aggregators(self._at(region).config))

        stack_sets = {(stack.home_region, stack.stack_set): stack for stack in stacks.values()}
        places = dict.fromkeys((*stacks, *(stack.home_region for stack in stacks.values())))
        return [
            members,
            *(partial(instances, stack) for stack in stack_sets.values()),
            *(partial(aggregators, region) for region in places),
        ]

    def _region_tasks(self) -> list[Task]:
        tasks: list[Task] = []
        for region, stack in self._stacks():
            tasks.append(partial(self._read_operations, region, stack))
            if stack.deployed_as is DeployedAs.ACCOUNT_RULE:
                tasks.append(partial(self._read_own_account, region, stack))
                continue
            tasks.append(partial(self._read_deployments, region, stack))
            place = self._found.chosen[region]
            if not isinstance(place, Unknown):
                tasks.append(partial(self._read_repositories, region, place))
                tasks.append(partial(self._read_names, region, place, stack))
        places = {each for each in self._found.chosen.values() if not isinstance(each, Unknown)}
        return [*tasks, *(partial(self._read_sources, place) for place in places)]

    def _read_operations(self, region: str, stack: StackFacts) -> None:
        self._found.operations[region] = read_operations(self._at(region), stack, self._now)

    def _read_deployments(self, region: str, stack: StackFacts) -> None:
        what = "the rule's deployment in each account"
        self._found.deployments[region] = attempt(lambda: read_deployments(self._at(region), stack), what)

    def _read_repositories(self, region: str, place: AggregatorPlace) -> None:
        client, accounts = self._at(place.region).config, self._question.accounts
        self._found.repositories[region] = attempt(
            lambda: read_repositories(client, place, region, accounts), "the recorded repositories"
        )

    def _read_names(self, region: str, place: AggregatorPlace, stack: StackFacts) -> None:
        client, accounts = self._at(place.region).config, self._question.accounts
        self._found.names[region] = attempt(
            lambda: read_rule_names(client, place, region, stack.is_its_rule, accounts), "the results of the rule"
        )

    def _read_sources(self, place: AggregatorPlace) -> None:
        client = self._at(place.region).config
        self._found.sources[place] = attempt(lambda: read_sources(client, place), "the aggregator's sources")

    def _read_own_account(self, region: str, stack: StackFacts) -> None:
        found, client, hub, rule = self._found, self._at(region).config, self._question.hub, stack.rule_name
        found.deployments[region] = attempt(
            lambda: read_own_deployment(client, hub, rule), "rule and configuration recorder"
        )
        found.repositories[region] = attempt(lambda: read_own_repositories(client, hub), "the recorded repositories")
        found.own_times[region] = attempt(lambda: read_own_times(client, hub, rule), "the results of the rule")

    def _account_tasks(self) -> list[Task]:
        """Return a task for each account with results."""
        tasks: list[Task] = []
        for region in self._of_organization():
            names, place = self._found.names.get(region, _UNREAD), self._found.chosen[region]
            if isinstance(names, Unknown) or isinstance(place, Unknown):
                continue
            self._found.results[region] = {}
            wanted = (account for account in names if self._is_wanted(account))
            tasks += [partial(self._read_results, region, place, account, names[account]) for account in wanted]
        return tasks

    def _is_wanted(self, account: str) -> bool:
        return not self._question.accounts or account in self._question.accounts

    def _read_results(self, region: str, place: AggregatorPlace, account: str, rules: Iterable[str]) -> None:
        client = self._at(place.region).config
        self._found.results[region][account] = attempt(lambda: read_results(client, place, region, account, rules))

    def _region(self, region: str, missing: Unknown) -> RegionEvidence:
        found = self._found
        stack = found.stacks.get(region, missing)
        if stack is None or isinstance(stack, Unknown):
            return RegionEvidence(region=region, stack=stack)
        if stack.deployed_as is DeployedAs.ACCOUNT_RULE:
            return RegionEvidence(
                region=region,
                stack=stack,
                deployments=found.deployments.get(region, missing),
                repositories=found.repositories.get(region, missing),
                evaluated=found.own_times.get(region, missing),
            )
        place = found.chosen.get(region, missing)
        sources = missing if isinstance(place, Unknown) else found.sources.get(place, missing)
        return RegionEvidence(
            region=region,
            stack=stack,
            aggregator=place,
            instances=found.instances.get((stack.home_region, stack.stack_set), missing),
            deployments=found.deployments.get(region, missing),
            sources=sources if isinstance(sources, Unknown) else sources.in_region(region),
            rules=_several_rules(found.results.get(region, {})),
            repositories=found.repositories.get(region, missing),
            evaluated=self._evaluated(region, missing),
        )

    def _evaluated(self, region: str, missing: Unknown) -> dict[str, Times | Unknown] | Unknown:
        """Return the results of a Region, unknown for accounts that were not read any more."""
        names = self._found.names.get(region, missing)
        if isinstance(names, Unknown):
            return names
        results = self._found.results.get(region, {})
        read = {account: results.get(account, missing) for account in names}
        return {account: each.times if isinstance(each, Results) else each for account, each in read.items()}


def _several_rules(results: Mapping[str, Results | Unknown]) -> Problems:
    """Return the accounts in which it is not known which results are those of the stack's rule."""
    found = {
        account: f"results of {len(each.rules)} rules, of which one is not this stack's: {', '.join(each.rules)}"
        for account, each in results.items()
        if isinstance(each, Results) and len(each.rules) > 1
    }
    return Problems(found=found, otherwise="")


def _stack(client: "CloudFormationClient", name: str) -> StackFacts | Unknown | None:
    """Return the stack; None if there is none, unknown if it is not one of template.yaml, or not complete."""
    try:
        return read_stack_facts(client, name)
    except NoStackError:
        return None
    except CannotRunError as error:
        return Unknown(error.message)
