"""The steps of ``verify``: an empty repository becomes public and private again, and AWS Config follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, entries, error_code, error_text, may_pass
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.stack import Deployment
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.cli.verification import finding_search, observations
from ecr_exposure.cli.verification.checked_account import CheckedAccount
from ecr_exposure.cli.verification.finding_search import FindingWait
from ecr_exposure.cli.verification.open_questions import AutomationRule, FindingSearch, NotEnabled, RunResults
from ecr_exposure.cli.verification.temporary_repository import Closing, TemporaryRepository
from ecr_exposure.cli.verification.waiting import Waiting, state, time_text
from ecr_exposure.repository import RESOURCE_TYPE

# AWS documents InvalidParameterValueException as the only error of GetComplianceDetailsByResource, and not what it
# returns for a resource that AWS Config has not discovered yet: so this error means "nothing seen yet".
# https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByResource.html
_NOT_YET: Final = "InvalidParameterValueException"
_SECONDS_BETWEEN_QUESTIONS: Final = 60.0
"""So often a wait makes sure that the rule is still there."""
TEMPLATE_SEVERITY: Final = "CRITICAL"
"""The severity that deploy/security-hub.yaml gives findings by default."""


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the steps have seen so far."""

    evaluation: str = ""
    """Compliance and annotation; empty as long as there is no evaluation."""
    non_compliant: bool = False
    compliant_again: bool = False
    search: FindingSearch | Unknown = Unknown("the run ended before the search for the finding")  # noqa: RUF009 - frozen
    accepts_config: bool | Unknown = Unknown("the run ended before Security Hub was read")  # noqa: RUF009 - frozen
    automation_rules: tuple[AutomationRule, ...] | Unknown = Unknown(  # noqa: RUF009 - frozen
        "the run ended before Security Hub was read"
    )


class NotVerifiedError(Exception):
    """AWS Config or Security Hub did not report what was expected."""


class NotSeenError(Exception):
    """AWS Config or Security Hub could not be read, so what was expected is not known."""


@dataclass(slots=True, kw_only=True)
class Verification:
    """The check of one deployed rule."""

    clients: Clients
    """The stack's account."""
    checked: CheckedAccount
    """Where the rule is checked."""
    clock: Clock
    output: Output
    deployment: Deployment
    rule: str
    """The rule's name in the checked account."""
    minutes: float
    expected_finding: str | None
    """The label that a FAILED finding has to have; None if no finding is expected."""
    tags: Mapping[str, str]
    """The tags that the repositories get besides their own."""
    seen: _Seen = field(default_factory=_Seen)
    repository: TemporaryRepository = field(init=False)
    """The one repository that may exist."""
    public: TemporaryRepository = field(init=False)
    """The one that becomes public; at first ``repository`` is another one."""
    opened: bool = False
    """Whether a repository may have been open to everyone."""

    def __post_init__(self) -> None:
        """Choose the names: with another one, AWS Config cannot confuse the items of the two repositories."""
        self.repository, self.public = (
            TemporaryRepository(self.checked.clients, self.checked.place, self.clock, self.tags) for _ in range(2)
        )

    def run(self) -> None:
        """Create the repository, wait for each compliance and for the finding.

        Raises NotVerifiedError, NotSeenError or one of AWS_ERRORS; then ``repository`` may exist and be open.
        """
        deadline = self.clock.now() + self.minutes * 60
        self._prove_the_permission_to_clean_up()
        self.repository = self.public
        self.output.step(f"Creating the empty repository {self.repository.name}")
        self.repository.create()
        waiting = Waiting(self.clock, self.output, self.repository, deadline)
        try:
            self.repository.make_public()
        finally:
            self.opened = self.repository.may_be_open
        granted = "ecr:DescribeRepositories and nothing else"
        self.output.step(
            f"{state(self.repository)} ({granted}); waiting for NON_COMPLIANT, {waiting.time_left}", "yellow"
        )
        self._wait_for("NON_COMPLIANT", waiting, deadline)
        self.seen.non_compliant = True
        self._search(waiting, deadline)
        self._close(waiting)
        self._wait_for("COMPLIANT", waiting, deadline)
        self.seen.compliant_again = True
        self._require_finding()

    def results(self) -> RunResults:
        """Return what was seen, together with what else the open questions need."""
        clients, deployment = self.clients, self.deployment
        return RunResults(
            rule=self.rule,
            deployed_as=deployment.deployed_as,
            account=deployment.account,
            severity=self.expected_finding or TEMPLATE_SEVERITY,
            evaluated=bool(self.seen.evaluation),
            non_compliant=self.seen.non_compliant,
            function_policy=observations.function_policy(clients, deployment),
            search=self.seen.search,
            accepts_config=self.seen.accepts_config,
            automation_rules=self.seen.automation_rules,
            member_roles=observations.member_roles(clients, deployment, self.clock),
            refused_responses=observations.refused_responses(clients, deployment, self.clock),
        )

    def _prove_the_permission_to_clean_up(self) -> None:
        """Do both steps of the clean-up with a repository that nobody can see: a refusal leaves no open one."""
        self.output.step(f"Creating and deleting {self.repository.name}, to prove the permission to clean up")
        self.repository.create()
        self.repository.close()
        self.repository.delete()

    def _search(self, waiting: Waiting, deadline: float) -> None:
        seen = self.seen
        self.output.step(f"Searching Security Hub for the finding, {waiting.time_left}")
        seen.accepts_config = observations.accepts_config(self.checked.clients)
        seen.automation_rules = observations.automation_rules(self.clients, self.deployment.rule_name)
        search = FindingWait(
            clients=self.checked.clients,
            clock=self.clock,
            rule=self.rule,
            repository=self.repository.name,
            expected=self.expected_finding,
            accepts_config=seen.accepts_config,
            automation_rules=seen.automation_rules,
        )
        seen.search = search.search(waiting, deadline)
        self.output.step(finding_search.described(seen.search, seen.accepts_config))

    def _close(self, waiting: Waiting) -> None:
        repository = self.repository
        closing = repository.close()
        since = f", open since {time_text(repository.opened_at)}" if repository.opened_at else ""
        closed = f"Closed {repository.name}{since}: {closing.value}"
        self.output.step(f"{closed}; waiting for COMPLIANT, {waiting.time_left}", "green")
        if closing is Closing.NO_REPOSITORY:
            raise NotVerifiedError("somebody else deleted the repository, so AWS Config cannot report COMPLIANT for it")

    def _require_finding(self) -> None:
        """Raise NotVerifiedError or NotSeenError unless the expected finding, if any, arrived."""
        expected, search, accepts = self.expected_finding, self.seen.search, self.seen.accepts_config
        if expected is None:
            return
        if isinstance(search, FindingSearch) and search.finding:
            if search.finding.failed and search.finding.severity == expected:
                return
        elif isinstance(search, Unknown) and not isinstance(search, NotEnabled):
            raise NotSeenError(f"no finding with severity {expected} was seen: {search.reason}")
        reason = finding_search.described(search, accepts)
        raise NotVerifiedError(f"no FAILED finding with severity {expected}: {reason[:1].lower()}{reason[1:]}")

    def _wait_for(self, wanted: str, waiting: Waiting, deadline: float) -> None:
        unseen = ""
        asked = self.clock.now()
        while True:
            try:
                compliance, evaluation = self._evaluation()
            except AWS_ERRORS as error:
                if not may_pass(error) and error_code(error) != _NOT_YET:
                    raise
                if not unseen:
                    self.output.step(f"AWS Config cannot be read, trying again: {error_text(error)}", "yellow")
                compliance, evaluation, unseen = "", "", error_text(error)
            else:
                unseen = ""
            if evaluation and evaluation != self.seen.evaluation:
                self.output.step(evaluation, "bold red" if compliance == "NON_COMPLIANT" else "green")
                self.seen.evaluation = evaluation
            if compliance == wanted:
                return
            if self.clock.now() >= deadline:
                raise self._too_late(wanted, unseen)
            if self.clock.now() - asked >= _SECONDS_BETWEEN_QUESTIONS:
                asked = self.clock.now()
                self._require_rule()
            waiting.wait(wanted, deadline)

    def _require_rule(self) -> None:
        """Raise NotVerifiedError if the rule is deleted meanwhile, for example with its stack: nothing can come then.

        Faults mean nothing: the next look at the evaluations shows them, too.
        """
        try:
            response = self.checked.clients.config.describe_config_rules(ConfigRuleNames=[self.rule])
            is_there = any(rule.get("ConfigRuleState") != "DELETING" for rule in response["ConfigRules"])
        except ClientError as error:
            # https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigRules.html
            is_there = error_code(error) != "NoSuchConfigRuleException"
        except (*AWS_ERRORS, KeyError):
            is_there = True
        if not is_there:
            raise NotVerifiedError(f"the rule {self.rule} was deleted meanwhile, so no evaluation can come any more")

    def _too_late(self, wanted: str, unseen: str) -> NotVerifiedError | NotSeenError:
        """Return why the wait ended at the time limit; ``unseen`` is why the last look saw nothing."""
        last = f"the last was {self.seen.evaluation}" if self.seen.evaluation else "there was no evaluation"
        if unseen:
            return NotSeenError(
                f"AWS Config could not be read at the end of {self.minutes:g} minutes ({unseen}); {last}"
            )
        return NotVerifiedError(
            f"not {wanted} within {self.minutes:g} minutes; {last}. Does the configuration recorder record "
            f"AWS::ECR::Repository, and continuously? The function's log: aws logs tail "
            f"{self.deployment.log_group} --since 1h --region {self.deployment.region}"
        )

    def _evaluation(self) -> tuple[str, str]:
        """Return compliance and a line about it, both empty as long as there is no evaluation.

        One call, unless more rules evaluate repositories than one page holds.
        """
        paginator = self.checked.clients.config.get_paginator("get_compliance_details_by_resource")
        pages = paginator.paginate(ResourceType=RESOURCE_TYPE, ResourceId=self.repository.name)
        for result in entries(pages, lambda page: page["EvaluationResults"]):
            qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            if qualifier["ConfigRuleName"] == self.rule:
                compliance = str(result["ComplianceType"])
                return compliance, f"{compliance}: {result.get('Annotation', 'no annotation')}"
        return "", ""
