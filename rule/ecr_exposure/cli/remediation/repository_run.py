"""A change of a repository's policy, from the question to the last line: `fix` and its undoing have it in common."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ecr_exposure.cli.command_line import CannotRunError, ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation.policy_change import Changed, InPlace, PolicyChange
from ecr_exposure.cli.remediation.proposal import end
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.remediation.saved_policy import save_policy
from ecr_exposure.cli.terminal import ALARM, Clock, Interrupts

NO_CONDITIONAL_WRITE: Final = (
    "Amazon ECR has no conditional write: the policy is read once more right before it is changed, and a change that "
    "somebody makes between the two would be lost."
)
_STATES: Final = {
    InPlace.NEW: "the new policy is in place",
    InPlace.PREVIOUS: "the previous policy is in place",
    InPlace.NONE: "there is no policy now",
    InPlace.OTHER: "ANOTHER POLICY IS IN PLACE",
    InPlace.UNKNOWN: "IT IS NOT KNOWN WHICH POLICY IS IN PLACE; run the command again to see",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the operator reaches the account, and where the previous policy is kept."""

    profile: str | None
    role: str | None
    """The ARN of the role to assume."""
    folder: Path
    yes: bool

    def undo_command(self, saved: Path) -> str:
        """Return the command that restores a saved policy."""
        options = (("--role", self.role), ("--profile", self.profile))
        words = [word for name, value in options if value for word in (name, value)]
        return shlex.join(("ecr-exposure", "fix", "--undo", str(saved), *words))


@dataclass(slots=True, kw_only=True)
class RepositoryRun:
    """One run: what it knows is in the last line, however it ends."""

    access: Access
    output: Output
    interrupts: Interrupts
    clock: Clock
    closes: bool = True
    """Whether the run closes a policy; otherwise it restores one."""
    members: dict[str, object] = field(default_factory=dict)
    """What is known for the JSON document."""
    saved: Path | None = None
    """The file with the previous policy."""

    def end(self, code: ExitCode, result: str, line: str | tuple[str, str], problem: str | None = None) -> ExitCode:
        """Print the last line."""
        return end(self.output, code, result, line, **{**self.members, "problem": problem})

    def end_unchanged(self, reason: str, result: str = "not changed") -> ExitCode:
        """Print the last line of a run that was not to change anything."""
        return self.end(ExitCode.NOT_AS_WANTED, result, f"Not changed: {reason}", reason)

    def end_interrupted(self) -> ExitCode:
        """Print the last line of a run that was interrupted before it changed anything."""
        line = (f"Interrupted: nothing was changed{self._saved_in()}", "bold red")
        return self.end(ExitCode.INTERRUPTED, "interrupted", line, "interrupted")

    def end_changed(self, result: str, line: str) -> ExitCode:
        """Print the last line of a change that worked, with the command that undoes it."""
        undo = f". To undo it: {self.access.undo_command(self.saved)}" if self.saved else ""
        return self.end(ExitCode.AS_WANTED, result, (f"{line}{undo}", "bold green"))

    def agreed(self, question: str) -> bool:
        """Ask, unless --yes answers; CannotRunError where nobody can be asked or sees what the question is about."""
        return self.output.agrees_to_change(question, yes=self.access.yes)

    def replace(
        self, repository: LiveRepository, before: str | None, after: str | None, done: Callable[[str | None], ExitCode]
    ) -> ExitCode:
        """Keep the previous policy in a file, change it, and say what is in place; ``done`` ends a change that worked.

        Raises CannotRunError, KeyboardInterrupt or one of AWS_ERRORS only if nothing was changed.
        """
        if before is not None:
            now = self.clock.today()
            self.saved = save_policy(self.access.folder, repository=repository.arn, policy_text=before, now=now)
            self.members |= {"saved_policy": str(self.saved), "undo": self.access.undo_command(self.saved)}
            self.output.step(f"Saved the previous policy in {self.saved}")
        change = PolicyChange(
            repository=repository,
            before=before,
            after=after,
            clock=self.clock,
            interrupts=self.interrupts,
            output=self.output,
        )
        try:
            changed = change.run()
        except CannotRunError as error:
            raise CannotRunError(f"nothing was changed: {error.message}") from None
        self.members["in_place"] = changed.in_place.value
        if self.interrupts.caught:
            line = f"Interrupted: {_STATES[changed.in_place]}{self._saved_in()}"
            style = "bold red" if changed.in_place in (InPlace.NEW, InPlace.PREVIOUS) else ALARM
            return self.end(ExitCode.INTERRUPTED, "interrupted", (line, style), changed.problem or "interrupted")
        return done(changed.text) if changed.in_place is InPlace.NEW else self._failed(changed)

    def _failed(self, changed: Changed) -> ExitCode:
        """Print the last line of a change that did not work."""
        if changed.is_meanwhile and changed.in_place is InPlace.NONE and self.closes:
            line = "Nothing to close: somebody deleted the policy meanwhile"
            return self.end(ExitCode.AS_WANTED, "nothing to close", (line, "bold green"))
        if changed.is_meanwhile:
            line = f"Not changed: {changed.problem}; run the command again"
            return self.end(ExitCode.NOT_DONE, "changed meanwhile", (line, "bold red"), changed.problem)
        if changed.was_restored:
            line = f"Not changed: {changed.problem}; the previous policy is in place again{self._saved_in()}"
            return self.end(ExitCode.NOT_DONE, "restored", (line, "bold red"), changed.problem)
        if changed.in_place is InPlace.PREVIOUS:
            line = f"Not changed: {changed.problem}; the previous policy is in place"
            return self.end(ExitCode.NOT_DONE, "not done", (line, "bold red"), changed.problem)
        problem = changed.problem[:1].upper() + changed.problem[1:]
        line = f"{problem}; {_STATES[changed.in_place]}{self._saved_in()}"
        return self.end(ExitCode.NOT_DONE, "not done", (line, ALARM), changed.problem)

    def _saved_in(self) -> str:
        return f". The previous policy is in {self.saved}" if self.saved else ""
