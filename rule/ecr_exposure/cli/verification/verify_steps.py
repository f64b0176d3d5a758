"""The steps of ``verify``: an empty repository becomes public and private again, and AWS Config follows."""

import math
from dataclasses import dataclass, field
from typing import Final

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, Unknown, entries, error_text, may_pass
from ecr_exposure.cli.stack import Deployment
from ecr_exposure.cli.terminal import Clock, Progress
from ecr_exposure.cli.verification import observations
from ecr_exposure.cli.verification.open_questions import FINDING_SECONDS, FindingSearch, RunResults, SecurityHubFinding
from ecr_exposure.cli.verification.temporary_repository import PREFIX, STARTED_TAG, Place, TemporaryRepository

_POLL_SECONDS: Final = 10.0
# An automation rule may change the finding some time after it arrives.
_AUTOMATION_SECONDS: Final = 120.0


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the steps have seen so far."""

    evaluation: str = ""
    """Compliance and annotation; empty as long as there is no evaluation."""
    non_compliant: bool = False
    search: FindingSearch | Unknown = Unknown("the run ended before the search for the finding")  # noqa: RUF009 - frozen


class NotVerifiedError(Exception):
    """AWS Config did not report the expected compliance within the time limit."""


class NotSeenError(Exception):
    """AWS Config could not be read when the time limit ended, so its compliance is not known."""


@dataclass(slots=True, kw_only=True)
class Verification:
    """The check of one deployed rule."""

    clients: Clients
    clock: Clock
    progress: Progress
    deployment: Deployment
    rule: str
    """The rule's name in this account."""
    place: Place
    minutes: float
    severity: str
    seen: _Seen = field(default_factory=_Seen)
    repository: TemporaryRepository = field(init=False)
    """The one repository that may exist."""
    opened: bool = False
    """Whether a repository may have been open to everyone."""

    def __post_init__(self) -> None:
        """Choose the repository's name."""
        self.repository = TemporaryRepository(self.clients, self.place, self.clock)

    def print_steps(self) -> None:
        """Print what ``run`` and the clean-up would do."""
        name = f"{PREFIX}<12 random characters>"
        for step in (
            f"create an empty repository {name} and delete it, to prove the permission to clean up",
            f"create another one with the tag {STARTED_TAG}",
            "set a policy that grants everyone ecr:DescribeRepositories and nothing else",
            f"wait for NON_COMPLIANT (time limit of all steps: {self.minutes:g} minutes)",
            f"search Security Hub for its finding, with severity {self.severity}",
            "delete its policy and wait for COMPLIANT",
            "delete the repository (after an error, at the time limit and on an interrupt: first its policy)",
            "print what the run shows about AWS behavior that is undocumented",
        ):
            self.progress.line(f"Would {step}")

    def run(self) -> None:
        """Create the repository and wait for each compliance.

        Raises NotVerifiedError, NotSeenError or one of AWS_ERRORS; then ``repository`` may exist and be open.
        """
        deadline = self.clock.now() + self.minutes * 60
        self._prove_the_permission_to_clean_up()
        # With another name: AWS Config cannot confuse its configuration items with those of the first.
        self.repository = TemporaryRepository(self.clients, self.place, self.clock)
        self.progress.line(f"Creating the empty repository {self.repository.name}")
        self.repository.create()
        try:
            self.repository.make_public()
        finally:
            self.opened = self.repository.may_be_open
        granted = "Its policy grants everyone ecr:DescribeRepositories and nothing else"
        self.progress.line(f"{granted}; waiting for NON_COMPLIANT")
        self._wait_for("NON_COMPLIANT", deadline)
        self.seen.non_compliant = True
        self.progress.line("Searching Security Hub for the finding")
        self.seen.search = self._search(deadline)
        self.progress.line(_described(self.seen.search))
        closed = self.repository.close()
        done = "Deleted its policy" if closed else "Its policy was already deleted by somebody else"
        self.progress.line(f"{done}; waiting for COMPLIANT")
        self._wait_for("COMPLIANT", deadline)

    def results(self) -> RunResults:
        """Return what was seen, together with what else the open questions need."""
        clients, deployment = self.clients, self.deployment
        return RunResults(
            rule=self.rule,
            deployed_as=deployment.deployed_as,
            account=deployment.account,
            severity=self.severity,
            evaluated=bool(self.seen.evaluation),
            non_compliant=self.seen.non_compliant,
            function_policy=observations.function_policy(clients, deployment),
            search=self.seen.search,
            accepts_config=observations.accepts_config(clients),
            automation_rules=observations.automation_rules(clients, deployment.rule_name),
            member_roles=observations.member_roles(clients, deployment, self.clock),
            refused_responses=observations.refused_responses(clients, deployment, self.clock),
        )

    def _prove_the_permission_to_clean_up(self) -> None:
        """Do both steps of the clean-up with a repository that nobody can see: a refusal leaves no open one."""
        self.progress.line(f"Creating and deleting {self.repository.name}, to prove the permission to clean up")
        self.repository.create()
        self.repository.close()
        self.repository.delete()

    def _wait_for(self, wanted: str, deadline: float) -> None:
        unseen = ""
        while True:
            try:
                compliance, evaluation = self._evaluation()
            except AWS_ERRORS as error:
                if not may_pass(error):
                    raise
                if not unseen:
                    self.progress.line(f"AWS Config cannot be read, trying again: {error_text(error)}", "yellow")
                compliance, evaluation, unseen = "", "", error_text(error)
            else:
                unseen = ""
            if evaluation and evaluation != self.seen.evaluation:
                self.progress.line(evaluation, "bold red" if compliance == "NON_COMPLIANT" else "green")
                self.seen.evaluation = evaluation
            if compliance == wanted:
                return
            now = self.clock.now()
            if now >= deadline:
                raise self._too_late(wanted, unseen)
            self.clock.sleep(min(_POLL_SECONDS, deadline - now))

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
        """Return compliance and a line about it, both empty as long as there is no evaluation."""
        paginator = self.clients.config.get_paginator("get_compliance_details_by_config_rule")
        pages = paginator.paginate(ConfigRuleName=self.rule, PaginationConfig={"PageSize": 100})
        for result in entries(pages, lambda page: page["EvaluationResults"]):
            qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            if qualifier["ResourceId"] == self.repository.name:
                compliance = str(result["ComplianceType"])
                return compliance, f"{compliance}: {result.get('Annotation', 'no annotation')}"
        return "", ""

    def _search(self, deadline: float) -> FindingSearch | Unknown:
        """Wait for the finding, half of the remaining time at most; no finding is an answer, too."""
        start = self.clock.now()
        until = start + min(FINDING_SECONDS, (deadline - start) / 2)
        arrived = math.inf
        finding: SecurityHubFinding | None = None
        while True:
            unseen: Exception | None = None
            try:
                finding = observations.find_finding(self.clients, self.rule, self.repository.name)
            except AWS_ERRORS as error:
                if not may_pass(error):
                    return observations.why_no_finding(error)
                unseen = error
            now = self.clock.now()
            if finding and finding.failed:
                arrived = min(arrived, now)
                until = min(until, arrived + _AUTOMATION_SECONDS)
            if finding and finding.failed and finding.severity == self.severity:
                return FindingSearch(finding=finding, waited=arrived - start)
            if now >= until:
                if unseen and not finding:
                    return observations.why_no_finding(unseen)
                return FindingSearch(finding=finding, waited=min(arrived, now) - start)
            self.clock.sleep(min(_POLL_SECONDS, until - now))


def _described(search: FindingSearch | Unknown) -> str:
    if isinstance(search, Unknown):
        return f"Unknown whether there is a finding: {search.reason}"
    if search.finding is None:
        return f"No finding arrived in {search.waited:.0f} s"
    status = "FAILED" if search.finding.failed else "not FAILED"
    return f"The finding arrived after {search.waited:.0f} s: severity {search.finding.severity}, {status}"
