"""Closes the policy of a repository, or restores the one that an earlier run kept."""

from dataclasses import dataclass

from ecr_exposure.cli.command_line import CannotRunError, ExitCode
from ecr_exposure.cli.remediation.chosen_mode import Organization, Wanted, choose
from ecr_exposure.cli.remediation.excluded_repository import Facts
from ecr_exposure.cli.remediation.policy_text import unified_diff
from ecr_exposure.cli.remediation.proposal import (
    Proposal,
    Question,
    grants_of,
    print_diff,
    print_findings,
    propose_for_repository,
    readable,
    sentences,
)
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.remediation.repository_run import RepositoryRun
from ecr_exposure.cli.remediation.same_policy import is_same_policy
from ecr_exposure.cli.remediation.saved_policy import SavedPolicy
from ecr_exposure.errors import RemedyError


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFix:
    """Closes the policy of a repository."""

    repository: LiveRepository
    wanted: Wanted
    ask_for: Organization
    run: RepositoryRun
    even_if_excluded: bool
    only_diff: bool
    show: str | None

    def close(self) -> ExitCode:
        """Print the change, ask, and make it.

        Raises CannotRunError, ParameterError, CredentialsExpiredError, KeyboardInterrupt or one of AWS_ERRORS only if
        nothing was changed.
        """
        run, repository = self.run, self.repository
        run.members["repository"] = repository.arn
        text = repository.read()
        if text is None:
            line = f"Nothing to close: {repository} has no policy"
            return run.end(ExitCode.AS_WANTED, "nothing to close", line)
        facts = Facts(repository=repository, policy=text, now=run.clock.today(), report=self._report)
        facts.read_tags_of_policy()
        question = Question(text=text, owner=repository.account, region=repository.region, tags=facts.tags)
        findings = question.verdicts()
        if not findings:
            line = f"Nothing to close: the policy of {repository} grants no public access"
            return run.end(ExitCode.AS_WANTED, "nothing to close", line)
        run.members["findings"] = sentences(findings)
        print_findings(findings, run.output)
        excluded = "" if self.even_if_excluded else facts.why_excluded(grants_of(findings))
        if excluded:
            reason = f"the repository is public on purpose ({excluded}); --even-if-excluded closes it nevertheless"
            return run.end_unchanged(reason, "excluded")
        try:
            choice = choose(self.wanted, findings, self.ask_for, run.output)
            proposal = propose_for_repository(question, findings, choice, repository.name)
        except RemedyError as error:
            return run.end_unchanged(str(error), "refused")
        run.members |= proposal.members()
        proposal.print(run.output)
        return self._make(proposal)

    def _make(self, proposal: Proposal) -> ExitCode:
        run, repository = self.run, self.repository
        if self.show:
            steps = proposal.show_steps(self.show, repository.name, repository.region, run.output)
            run.members["steps"] = dict(steps)
            return run.end_unchanged("these are the steps to close it")
        if self.only_diff:
            return run.end_unchanged("run it without --diff to close it")

        def done(text: str | None) -> ExitCode:
            return self._verify(proposal.question, text)

        return run.change(f"Close {repository}?", repository, proposal.question.text, proposal.after, done)

    def _verify(self, question: Question, text: str | None) -> ExitCode:
        """Judge the policy that Amazon ECR returned, and print the last line."""
        still = () if text is None else question.with_text(text).verdicts()
        if still:
            line = f"Not closed: {still[0].annotation}"
            return self.run.end(ExitCode.NOT_DONE, "not closed", (line, "bold red"), still[0].annotation)
        what = "has no policy any more" if text is None else "grants no public access"
        return self.run.end_changed("closed", f"Closed: {self.repository} {what}")

    def _report(self, line: str) -> None:
        self.run.output.line((line, "yellow"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Restores the policy that an earlier run kept."""

    repository: LiveRepository
    saved: SavedPolicy
    run: RepositoryRun
    only_diff: bool

    def restore(self) -> ExitCode:
        """Print the change, ask, and make it; raises as `RepositoryFix.close` does."""
        run, repository, saved = self.run, self.repository, self.saved
        run.members["repository"] = repository.arn
        current = repository.read()
        if is_same_policy(current, saved.policy_text):
            line = f"Nothing to undo: {repository} has the policy of {saved.saved_at}"
            return run.end(ExitCode.AS_WANTED, "nothing to undo", line)
        diff = unified_diff(readable(current), readable(saved.policy_text), repository.name)
        question = Question(text=saved.policy_text, owner=saved.account, region=saved.region)
        findings = question.verdicts()
        run.members |= {"findings": sentences(findings), "diff": diff}
        run.output.line(("Changes:", "bold"), f" restores the policy of {saved.saved_at}")
        print_diff(diff, run.output)
        title = "This grants public access again: " if grants_of(findings) else "Finding: "
        print_findings(findings, run.output, title)
        if self.only_diff:
            return run.end_unchanged("run it without --diff to restore the policy")

        def done(_text: str | None) -> ExitCode:
            return run.end_changed("undone", f"Restored: {repository} has the policy of {saved.saved_at} again")

        return run.change(f"Restore the policy of {repository}?", repository, current, saved.policy_text, done)


def check_saved(saved: SavedPolicy, *, repository: str | None, region: str | None, account: str) -> None:
    """Raise CannotRunError if the file is about another repository than the one that is named or can be reached."""
    where = f"the file has the policy of {saved.name} in account {saved.account}, {saved.region}"
    if repository not in (None, saved.name):
        raise CannotRunError(f"{where}, not of {repository}")
    if region not in (None, saved.region):
        raise CannotRunError(f"{where}, not in {region}")
    if account != saved.account:
        raise CannotRunError(f"{where}, and these credentials are of account {account}: use others, or add --role")
