"""The periodic evaluation of all repositories of one account and region.

1. AWS Config says which repositories have an evaluation, and when each was recorded
   (GetComplianceDetailsByConfigRule); Amazon ECR says which repositories there are (DescribeRepositories).
2. The repositories of both lists are read, several at the same time (GetRepositoryPolicy): first those without an
   evaluation, then those with the oldest one. So a run that ends early leaves what the next one begins with.
3. Each is evaluated and reported as soon as it is read.
4. The evaluations of the repositories that do not exist any more are deleted. Only ECR's RepositoryNotFoundException
   says so: the policy of a repository can hide it from the list.

A repository policy can also deny that it is read. Then the latest configuration item is evaluated, as by the
evaluation that its change triggered.

The tags of a repository are read only where they matter to its verdict (ListTagsForResource).

A replayed change event reads and evaluates its one repository in the same way.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, assert_never

from botocore.exceptions import ClientError
from rdklib import ComplianceType, Evaluation

from ecr_exposure.answers import pages
from ecr_exposure.aws import ClientFactory
from ecr_exposure.errors import EvaluationError
from ecr_exposure.history import latest_item
from ecr_exposure.identifiers import account_of, region_of
from ecr_exposure.invocation import Invocation
from ecr_exposure.reporting import Reporter
from ecr_exposure.repository import (
    RECORDED,
    RESOURCE_TYPE,
    Repository,
    repository_of_api,
    repository_of_item,
    tags_of_list,
)

_logger: Final = logging.getLogger(__name__)

WORKERS: Final = 8
"""How many threads read repositories."""
MOST_AT_A_TIME: Final = 2 * WORKERS
"""How many repositories the threads may be given, so that they read on while the main thread reports a batch."""

# So many faults without a success between are not due to single repositories.
_MOST_FAULTS: Final = 20
_DENIED: Final = (
    "access to its policy is denied (ecr:GetRepositoryPolicy for the rule's role), and AWS Config has no item"
)
_DELETED: Final = {"compliance": "NOT_APPLICABLE", "reasons": ["the repository does not exist any more"]}


class _Read(NamedTuple):
    """A repository that can be evaluated.

    is_recorded: whether ECR denies access to its policy, and this is what AWS Config recorded.
    """

    repository: Repository
    is_recorded: bool = False


class _Why(Enum):
    """Why a repository could not be read."""

    GONE = auto()  # it does not exist
    DENIED = auto()  # ECR denies access to its policy, maybe to all policies
    FAULT = auto()  # a call to ECR failed
    ITEM_FAULT = auto()  # ECR denies access to its policy, and the call to AWS Config failed


class _NotRead(NamedTuple):
    name: str
    why: _Why
    error: Exception


class PeriodicRun:
    """One periodic evaluation.

    A fault never ends it: the invocation notes each, and fails after everything else is reported.
    """

    def __init__(
        self,
        event: Mapping[str, Any],
        clients: ClientFactory,
        invocation: Invocation,
        evaluate: Callable[[Repository], Evaluation],
        needs_tags: Callable[[Repository], bool],
    ) -> None:
        """Store the event, and how a repository is evaluated; raise an error of AWS without the role.

        needs_tags: whether the tags of a repository, which are not yet known, matter to its verdict.
        """
        self._event = event
        self._account: str = event.get("accountId", "")
        self._ecr, self._config = clients.build_client("ecr"), clients.build_client("config")
        for client in (self._ecr, self._config):
            # botocore makes the classes of a client's errors at their first use. Two threads would make them twice, and
            # one would not recognize the errors of the other.
            _ = client.exceptions
        self._invocation = invocation
        self._evaluate = evaluate
        self._needs_tags = needs_tags
        self._arns: Mapping[str, str] = {}
        self._gone: list[str] = []
        self._denied: list[str] = []
        self._denial: Exception | None = None
        # Whether ECR returned at least one policy to the role in this run.
        self._role_may_read = False
        self._faults = self._item_faults = 0

    def evaluations(self) -> list[Evaluation]:
        """Evaluate all repositories, and report all evaluations but the last one, which is returned."""
        self._reporter = Reporter(self._config, self._event, self._invocation)
        with self._invocation.in_time(self._ecr, self._config):
            recorded = self._recorded()
            self._arns = self._listed()
            self._read_all(_oldest_first(self._arns, recorded))
            if self._role_may_read:
                # These were denied before it was known that the role may read policies.
                denied, self._denied = self._denied, []
                self._read_all(denied)
            if self._denied:
                self._invocation.stop(f"the role may not read {len(self._denied)} policies: {self._denial!r}")
            # A run that ended early deletes nothing.
            for name in () if self._invocation.is_stopped else self._gone:
                if name in recorded:
                    self._report(name, partial(self._deletion, name))
            return self._reporter.finish()

    def evaluation_of(self, name: str) -> Evaluation:
        """Return the evaluation of one repository as it is now; raise an error of AWS if it cannot be read."""
        result = self._read(name)
        if isinstance(result, _Read):
            return self._evaluation(result)
        if result.why is _Why.GONE:
            return self._deletion(name)
        raise result.error

    def _recorded(self) -> Mapping[str, float]:
        """Return when the evaluation of each repository was recorded, in seconds since 1970; empty after a fault."""
        times: dict[str, float] = {}
        found = pages(
            self._config,
            "get_compliance_details_by_config_rule",
            "NextToken",
            ConfigRuleName=self._event["configRuleName"],
            ComplianceTypes=["COMPLIANT", "NON_COMPLIANT"],
            Limit=100,
        )
        try:
            for result in (result for page in found for result in page["EvaluationResults"]):
                resource = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
                if resource["ResourceType"] == RESOURCE_TYPE:
                    times[resource["ResourceId"]] = result["ResultRecordedTime"].timestamp()
        except Exception as error:  # noqa: BLE001 - the repositories of the list are evaluated all the same
            self._invocation.fail(error, what="the earlier evaluations")
            return {}
        return times

    def _listed(self) -> Mapping[str, str]:
        """Return the name and ARN of each repository; after a fault, of those that were listed before it."""
        arns: dict[str, str] = {}
        try:
            for page in pages(self._ecr, "describe_repositories", "nextToken", maxResults=1000):
                arns.update((each["repositoryName"], each["repositoryArn"]) for each in page["repositories"])
        except Exception as error:  # noqa: BLE001 - what is known by now is evaluated all the same
            self._invocation.fail(error, what="the list of repositories")
        return arns

    def _read_all(self, names: Iterable[str]) -> None:
        """Read repositories in several threads, and use each result as soon as it is there."""
        done: SimpleQueue[Future[_Read | _NotRead]] = SimpleQueue()
        running = 0
        with ThreadPoolExecutor(WORKERS) as workers:
            for name in names:
                if running == MOST_AT_A_TIME:
                    self._use(done.get().result())
                    running -= 1
                if self._must_stop():
                    workers.shutdown(cancel_futures=True)
                    break
                workers.submit(self._read, name).add_done_callback(done.put)
                running += 1
            for _ in range(running):
                if not (future := done.get()).cancelled():
                    self._use(future.result())

    def _must_stop(self) -> bool:
        if self._invocation.is_stopped:
            return True
        if self._invocation.is_ending():
            self._invocation.stop("all further repositories: the invocation is about to time out")
        elif self._faults >= _MOST_FAULTS:
            self._invocation.stop(f"all further repositories: {_MOST_FAULTS} in a row could not be read")
        return self._invocation.is_stopped

    # In the threads.

    def _read(self, name: str) -> _Read | _NotRead:
        try:
            return self._read_policy(name)
        except Exception as error:  # noqa: BLE001 - the others are read all the same
            return _NotRead(name, _Why.FAULT, error)

    def _read_policy(self, name: str) -> _Read | _NotRead:
        try:
            return _Read(self._repository(name))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "RepositoryNotFoundException":
                return _NotRead(name, _Why.GONE, error)
            if "AccessDenied" not in code:
                raise
            if self._role_may_read or _names_repository_policy(error):
                return self._read_item(name)
            return _NotRead(name, _Why.DENIED, error)

    def _repository(self, name: str) -> Repository:
        policy = None
        with suppress(self._ecr.exceptions.RepositoryPolicyNotFoundException):
            policy = self._ecr.get_repository_policy(repositoryName=name)["policyText"]
        return self._with_tags(repository_of_api(name, self._arn(name), policy))

    def _with_tags(self, repository: Repository) -> Repository:
        """Return the repository with its tags, if they matter and can be read."""
        try:
            if not self._needs_tags(repository):
                return repository
            answer = self._ecr.list_tags_for_resource(resourceArn=repository.arn)
            return replace(repository, tags=tags_of_list(answer["tags"]))
        except Exception as error:
            if self._invocation.is_ending():
                # There was no time to ask: the earlier evaluation stays.
                raise
            _logger.warning("the tags of %s are not known: %.300r", repository.name, error)
            return repository

    def _read_item(self, name: str) -> _Read | _NotRead:
        """Read what AWS Config recorded when the repository changed last."""
        if self._item_faults >= _MOST_FAULTS:
            # Repositories that deny access must not cost the others the time of the run.
            error = EvaluationError("not read, as too many others could not be read")
            return _NotRead(name, _Why.ITEM_FAULT, error)
        try:
            item = latest_item(self._config, name)
            if item is not None and item["configurationItemStatus"] in RECORDED:
                return _Read(repository_of_item(item), is_recorded=True)
        except Exception as error:  # noqa: BLE001 - the others are read all the same
            return _NotRead(name, _Why.ITEM_FAULT, error)
        arn = self._arn(name)
        unknown = Repository(account=account_of(arn), region=region_of(arn), name=name, arn=arn, problem=_DENIED)
        return _Read(unknown, is_recorded=True)

    def _arn(self, name: str) -> str:
        meta = self._ecr.meta
        return self._arns.get(name) or f"arn:{meta.partition}:ecr:{meta.region_name}:{self._account}:repository/{name}"

    # In the main thread.

    def _use(self, result: _Read | _NotRead) -> None:
        if isinstance(result, _Read):
            if result.is_recorded:
                self._item_faults = 0
            else:
                self._role_may_read, self._faults = True, 0
            self._report(result.repository.name, partial(self._evaluation, result))
            return
        match result.why:
            case _Why.GONE:
                self._gone.append(result.name)
            case _Why.DENIED:
                self._denied.append(result.name)
                self._denial = result.error
            case _Why.FAULT:
                self._faults += 1
                self._invocation.fail(result.error, what=result.name)
            case _Why.ITEM_FAULT:
                self._item_faults += 1
                self._invocation.fail(result.error, what=f"{result.name}: access to its policy is denied; its item")
            case _:
                assert_never(result.why)

    def _report(self, name: str, make: Callable[[], Evaluation]) -> None:
        try:
            evaluation = make()
        except Exception as error:  # noqa: BLE001 - the others are reported all the same
            self._invocation.fail(error, what=name)
        else:
            self._reporter.add(evaluation)

    def _evaluation(self, read: _Read) -> Evaluation:
        if read.is_recorded:
            _logger.info("%s denies access to its policy: its latest item is evaluated", read.repository.name)
        return self._evaluate(read.repository)

    def _deletion(self, name: str) -> Evaluation:
        place = {"account": self._account, "region": self._ecr.meta.region_name}
        _logger.info("%s is deleted", name, extra={**place, **_DELETED})
        return Evaluation(ComplianceType.NOT_APPLICABLE, name, RESOURCE_TYPE)


def _oldest_first(listed: Iterable[str], recorded: Mapping[str, float]) -> list[str]:
    """Return the names of both, each once: first those without an evaluation, in the order of the list."""
    return sorted(dict.fromkeys((*listed, *recorded)), key=lambda name: recorded.get(name, 0.0))


def _names_repository_policy(error: ClientError) -> bool:
    # "... with an explicit deny in a resource-based policy" or "... because no resource-based policy allows the ...
    # action", from the services that name the policy at all:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    return "resource-based policy" in error.response["Error"].get("Message", "")
