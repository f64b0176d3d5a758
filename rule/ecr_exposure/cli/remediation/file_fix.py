"""Closes the policy of a file."""

from dataclasses import dataclass

from ecr_exposure.cli.command_line import ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation.chosen_mode import Organization, Wanted, choose
from ecr_exposure.cli.remediation.policy_file import PolicyFile, read_policy_file, write_policy_file
from ecr_exposure.cli.remediation.proposal import (
    Proposal,
    Question,
    end,
    print_findings,
    propose_for_file,
    sentences,
)
from ecr_exposure.cli.terminal import Interrupts
from ecr_exposure.errors import RemedyError

_REPOSITORY = "REPOSITORY"
"""Stands for the name in the steps: a file does not say whose policy it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFix:
    """One run for a file."""

    path: str
    wanted: Wanted
    ask_for: Organization
    output: Output
    interrupts: Interrupts
    owner: str | None
    region: str | None
    in_place: bool
    show: str | None

    def run(self) -> ExitCode:
        """Print the change, and write it if wanted; raises CannotRunError, ParameterError or KeyboardInterrupt."""
        file = read_policy_file(self.path)
        question = Question(text=file.policy, owner=self.owner, region=self.region)
        findings = question.verdicts()
        if not findings:
            line = f"Nothing to close: {file.name} grants no public access"
            return self._end(ExitCode.AS_WANTED, "nothing to close", line)
        try:
            choice = choose(self.wanted, findings, self.ask_for, self.output)
            proposal = propose_for_file(question, findings, choice, file)
        except RemedyError as error:
            print_findings(findings, self.output)
            members = {"findings": sentences(findings), "problem": str(error)}
            return self._end(ExitCode.NOT_AS_WANTED, "refused", (f"Not changed: {error}", "bold red"), **members)
        proposal.print(self.output)
        if self.show:
            steps = proposal.show_steps(self.show, _REPOSITORY, self.region, self.output)
            return self._unchanged(proposal, "these are the steps to close it", steps=steps)
        if not self.in_place:
            return self._unchanged(proposal, "add --in-place to write the file")
        if proposal.after is None:
            return self._unchanged(proposal, "no statement is left: delete the policy and this file")
        return self._write(file, proposal, proposal.after)

    def end_interrupted(self) -> ExitCode:
        """Print the last line of a run that was interrupted before the file was written."""
        line = ("Interrupted: the file is unchanged", "bold red")
        return self._end(ExitCode.INTERRUPTED, "interrupted", line, problem="interrupted")

    def _write(self, file: PolicyFile, proposal: Proposal, after: str) -> ExitCode:
        self.interrupts.shield()
        write_policy_file(file, after)
        if self.interrupts.caught:
            line = (f"Interrupted: {file.name} is written and grants no public access", "bold red")
            return self._end(ExitCode.INTERRUPTED, "interrupted", line, **proposal.members())
        line = (f"Closed: {file.name} grants no public access", "bold green")
        return self._end(ExitCode.AS_WANTED, "closed", line, **proposal.members())

    def _unchanged(self, proposal: Proposal, reason: str, **members: object) -> ExitCode:
        every = {**proposal.members(), "problem": reason, **members}
        return self._end(ExitCode.NOT_AS_WANTED, "not changed", f"Not changed: {reason}", **every)

    def _end(self, code: ExitCode, result: str, line: str | tuple[str, str], **members: object) -> ExitCode:
        return end(self.output, code, result, line, file=self.path, **members)
