"""Closes the policy of a file."""

import shlex
from dataclasses import dataclass
from typing import Final

import click

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

_REPOSITORY: Final = "REPOSITORY"
"""Stands for the name in the steps: a file does not say whose policy it has."""
_TO_DELETE: Final = (
    "no statement is left; delete the file, and the policy of the repository: "
    "aws ecr delete-repository-policy --repository-name REPOSITORY"
)


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
    only_diff: bool
    yes: bool
    show: str | None

    def run(self) -> ExitCode:
        """Print the change, and write it if wanted; raises CannotRunError, ParameterError or KeyboardInterrupt."""
        file = read_policy_file(self.path)
        question = Question(text=file.policy, owner=self.owner, region=self.region)
        findings = question.verdicts()
        if not findings:
            line = f"Nothing to close: {file.name} grants no public access"
            return self._end(ExitCode.AS_WANTED, "nothing to close", line)
        print_findings(findings, self.output)
        try:
            choice = choose(self.wanted, findings, self.ask_for, self.output)
            proposal = propose_for_file(question, findings, choice, file)
        except RemedyError as error:
            members = {"findings": sentences(findings), "problem": str(error)}
            return self._end(ExitCode.NOT_AS_WANTED, "refused", (f"Not changed: {error}", "bold red"), **members)
        proposal.print(self.output, with_diff=not self.only_diff)
        if self.show:
            steps = proposal.show_steps(self.show, _REPOSITORY, self.region, self.output)
            return self._unchanged(proposal, "these are the steps to close it", steps=steps)
        if proposal.after is None:
            return self._unchanged(proposal, _TO_DELETE)
        return self._write(file, proposal, proposal.after) if self.in_place else self._print_next_step(file, proposal)

    def end_interrupted(self) -> ExitCode:
        """Print the last line of a run that was interrupted before the file was written."""
        line = ("Interrupted: the file is unchanged", "bold red")
        return self._end(ExitCode.INTERRUPTED, "interrupted", line, problem="interrupted")

    def _print_next_step(self, file: PolicyFile, proposal: Proposal) -> ExitCode:
        """Print how to write what was printed; before, the diff alone on standard output if it is wanted."""
        if self.only_diff and not self.output.as_json:
            # Byte for byte, in UTF-8: patch needs the line ends and the encoding of the file.
            click.echo(proposal.diff.encode(), nl=False)
        if self.only_diff:
            return self._unchanged(proposal, "patch -p1 and git apply read this difference")
        if not file.is_replaceable:
            return self._unchanged(proposal, f"{file.name} cannot be written; --show cli prints how to set the policy")
        known = (("--owner", self.owner), ("--region", self.region))
        options = " ".join((str(proposal.choice), *(f"{name} {value}" for name, value in known if value)))
        path = f"./{self.path}" if self.path.startswith("-") else self.path  # or it would be read as an option
        command = f"ecr-exposure fix {shlex.quote(path)} {options} --in-place"
        return self._unchanged(proposal, f"this writes the file: {command}")

    def _write(self, file: PolicyFile, proposal: Proposal, after: str) -> ExitCode:
        if not self.output.agrees_to_change(f"Write {file.name}?", yes=self.yes):
            return self._unchanged(proposal, "you did not agree")
        self.interrupts.shield()
        write_policy_file(file, after)
        if self.interrupts.caught:
            line = (f"Interrupted: {file.name} is written and grants no public access", "bold red")
            return self._end(ExitCode.INTERRUPTED, "interrupted", line, **proposal.members())
        line = (f"Closed: {file.name} grants no public access; deploy it to close the repository", "bold green")
        return self._end(ExitCode.AS_WANTED, "closed", line, **proposal.members())

    def _unchanged(self, proposal: Proposal, reason: str, **members: object) -> ExitCode:
        every = {**proposal.members(), "problem": reason, **members}
        return self._end(ExitCode.NOT_AS_WANTED, "not changed", f"Not changed: {reason}", **every)

    def _end(self, code: ExitCode, result: str, line: str | tuple[str, str], **members: object) -> ExitCode:
        return end(self.output, code, result, line, file=self.path, **members)
