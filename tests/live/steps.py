"""The steps of the live check, with one repository, from the stack's outputs to COMPLIANT."""

import argparse
import math
from dataclasses import dataclass
from typing import Final

from tests.live import observations
from tests.live.clients import Clients, entries
from tests.live.clock import Clock, Teller
from tests.live.deployment import Deployment, find_rule, read_deployment
from tests.live.errors import AWS_ERRORS, Unknown
from tests.live.observed import Observed, Search
from tests.live.open_questions import FINDING_SECONDS
from tests.live.throwaway import PREFIX, Repository

_POLL: Final = 10.0
# An automation rule may be a moment behind the finding.
_RAISING: Final = 120.0


class NotVerifiedError(Exception):
    """The rule did not do what it should."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was seen so far."""

    last: str = ""
    """Compliance and annotation; empty while there is no evaluation."""
    non_compliant: bool = False
    search: Search | Unknown = Unknown("the run ended before the finding was looked for")  # noqa: RUF009 - frozen


class Verification:
    """The steps with one repository."""

    def __init__(self, options: argparse.Namespace, clients: Clients, clock: Clock, say: Teller) -> None:
        """Find stack and rule; raises CannotRunError or one of AWS_ERRORS."""
        self._clients, self._clock, self._say = clients, clock, say
        self._severity: str = options.severity
        self._minutes: float = options.minutes
        self.deployment: Deployment = read_deployment(clients, options.stack)
        self.rule = find_rule(clients, self.deployment)
        self.repository = Repository(clients, self.deployment, clock)
        self.seen = Seen()
        place = f"account {self.deployment.account}, {self.deployment.region}"
        say(f"Stack {self.deployment.stack}: {self.deployment.rule_name} as {self.deployment.deployed_as} in {place}")
        say(f"Rule here: {self.rule}")

    def plan(self) -> None:
        """Say what would be done."""
        for step in (
            f"make an empty repository {PREFIX}<12 random characters>",
            "let everyone ecr:DescribeRepositories it, and nothing else",
            f"wait for NON_COMPLIANT (in all, at most {self._minutes:g} minutes)",
            f"look for its finding in Security Hub, with severity {self._severity}",
            "delete its policy and wait for COMPLIANT",
            "delete the repository, also after an error, at the time limit and on interrupt",
            "say what this settles of what AWS does not document",
        ):
            self._say(f"Would {step}")
        self._say("Dry run: nothing was made.")

    def exercise(self) -> None:
        """Open and close the repository; raises NotVerifiedError or one of AWS_ERRORS."""
        deadline = self._clock.now() + self._minutes * 60
        self._say(f"Making the empty repository {self.repository.name}")
        self.repository.create()
        self.repository.open()
        self._say("Everyone may ecr:DescribeRepositories it, and nothing else; waiting for NON_COMPLIANT")
        self._wait_for("NON_COMPLIANT", deadline)
        self.seen.non_compliant = True
        self._say("Looking for the finding in Security Hub")
        self.seen.search = self._search(deadline)
        self._say(_told(self.seen.search))
        removed = self.repository.close()
        closed = "Deleted its policy" if removed else "Somebody had deleted its policy already"
        self._say(f"{closed}; waiting for COMPLIANT")
        self._wait_for("COMPLIANT", deadline)

    def observed(self) -> Observed:
        """Return what was seen, together with what the open questions need beside it."""
        clients, deployment = self._clients, self.deployment
        return Observed(
            rule=self.rule,
            deployed_as=deployment.deployed_as,
            account=deployment.account,
            severity=self._severity,
            evaluated=bool(self.seen.last),
            non_compliant=self.seen.non_compliant,
            function_policy=observations.function_policy(clients, deployment),
            search=self.seen.search,
            accepts_config=observations.accepts_config(clients),
            automation_rules=observations.automation_rules(clients, deployment.rule_name),
            member_roles=observations.member_roles(clients, deployment, self._clock),
            refusals=observations.refusals(clients, deployment, self._clock),
        )

    def _wait_for(self, wanted: str, deadline: float) -> None:
        while True:
            compliance, told = self._evaluation()
            if told and told != self.seen.last:
                self._say(told, "bold red" if compliance == "NON_COMPLIANT" else "green")
                self.seen.last = told
            if compliance == wanted:
                return
            now = self._clock.now()
            if now >= deadline:
                last = f"last seen was {self.seen.last}" if self.seen.last else "there was no evaluation at all"
                raise NotVerifiedError(
                    f"not {wanted} within {self._minutes:g} minutes; {last}. Is AWS::ECR::Repository recorded, and "
                    f"continuously? The function's log: aws logs tail {self.deployment.log_group} --since 1h "
                    f"--region {self.deployment.region}"
                )
            self._clock.sleep(min(_POLL, deadline - now))

    def _evaluation(self) -> tuple[str, str]:
        """Return compliance and a line about it, both empty while there is no evaluation."""
        details = self._clients("config").get_paginator("get_compliance_details_by_config_rule")
        pages = details.paginate(ConfigRuleName=self.rule, PaginationConfig={"PageSize": 100})
        for result in entries(pages, "EvaluationResults"):
            qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            if qualifier["ResourceId"] == self.repository.name:
                compliance: str = result["ComplianceType"]
                return compliance, f"{compliance}: {result.get('Annotation', 'no annotation')}"
        return "", ""

    def _search(self, deadline: float) -> Search | Unknown:
        """Wait for the finding, at most half of what time there is; no finding is an answer, too."""
        start = self._clock.now()
        until = start + min(FINDING_SECONDS, (deadline - start) / 2)
        came = math.inf
        while True:
            try:
                finding = observations.finding_of(self._clients, self.rule, self.repository.name)
            except AWS_ERRORS as error:
                return observations.why_no_finding(error)
            now = self._clock.now()
            if finding and finding.failed:
                came = min(came, now)
                until = min(until, came + _RAISING)
            if now >= until or (finding and finding.failed and finding.severity == self._severity):
                return Search(finding=finding, waited=min(came, now) - start)
            self._clock.sleep(min(_POLL, until - now))


def _told(search: Search | Unknown) -> str:
    if isinstance(search, Unknown):
        return f"No answer about the finding: {search.why}"
    if search.finding is None:
        return f"No finding came in {search.waited:.0f} s"
    status = "FAILED" if search.finding.failed else "not FAILED"
    return f"The finding came after {search.waited:.0f} s: severity {search.finding.severity}, {status}"
