"""A change of a repository's policy, from the question to the last line: `fix` and its undoing have it in common."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from ecr_exposure.cli.command_line import CannotRunError, ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation.policy_change import Changed, InPlace, PolicyChange
from ecr_exposure.cli.remediation.proposal import end
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.remediation.saved_policy import save_policy
from ecr_exposure.cli.terminal import ALARM, Clock, Interrupts

_NO_CONDITIONAL_WRITE: Final = (
    "Amazon ECR has no conditional write: the policy is read once more right before it is changed, and a change that "
    "somebody makes between the two would be lost."
)
_MAY_FOLLOW: Final = ". The change may still arrive, so run the command again"


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
        kept = f". {self._before.capitalize()} is in {self.saved}" if self.saved else ""
        line = (f"Interrupted: nothing was changed{kept}", "bold red")
        return self.end(ExitCode.INTERRUPTED, "interrupted", line, "interrupted")

    def end_changed(self, result: str, line: str) -> ExitCode:
        """Print the last line of a change that worked, with the command that undoes it."""
        return self.end(ExitCode.AS_WANTED, result, (f"{line}{self._next('undo it')}", "bold green"))

    def change(
        self,
        question: str,
        repository: LiveRepository,
        before: str | None,
        after: str | None,
        done: Callable[[str | None], ExitCode],
    ) -> ExitCode:
        """Ask, keep the previous policy in a file, change it, and say what is in place.

        done: prints the last line of a change that worked; gets the text that Amazon ECR returned.
        Raises CannotRunError, KeyboardInterrupt or one of AWS_ERRORS only if nothing was changed.
        """
        self.output.line(_NO_CONDITIONAL_WRITE)
        if not self.output.agrees_to_change(question, yes=self.access.yes):
            return self.end_unchanged("you did not agree")
        return self._save_and_change(repository, before, after, done)

    def _save_and_change(
        self, repository: LiveRepository, before: str | None, after: str | None, done: Callable[[str | None], ExitCode]
    ) -> ExitCode:
        try:
            if before is not None:
                self.saved = self._save(repository, before)
                self.members |= {"saved_policy": str(self.saved), "undo": self.access.undo_command(self.saved)}
                self.output.step(f"Saved {self._before} in {self.saved}")
            changed = PolicyChange(
                repository=repository,
                before=before,
                after=after,
                save=partial(self._save, repository),
                clock=self.clock,
                interrupts=self.interrupts,
                output=self.output,
            ).run()
        except CannotRunError as error:
            raise CannotRunError(f"nothing was changed: {error.message}") from None
        self.members["in_place"] = changed.in_place.value
        if self.interrupts.caught:
            return self._end_as_it_is(changed, ExitCode.INTERRUPTED, "interrupted", "Interrupted: ")
        return done(changed.text) if changed.in_place is InPlace.NEW else self._failed(changed)

    def _failed(self, changed: Changed) -> ExitCode:
        """Print the last line of a change that did not work."""
        if changed.is_meanwhile and changed.in_place is InPlace.NONE and self.closes:
            line = "Nothing to close: somebody deleted the policy meanwhile"
            return self.end(ExitCode.AS_WANTED, "nothing to close", (line, "bold green"))
        if changed.is_meanwhile:
            line = f"Not changed: {changed.problem}; run the command again"
            return self.end(ExitCode.NOT_DONE, "changed meanwhile", (line, "bold red"), changed.problem)
        title = "Not changed: " if changed.in_place is InPlace.PREVIOUS else ""
        return self._end_as_it_is(changed, ExitCode.NOT_DONE, "restored" if changed.was_restored else "not done", title)

    def _end_as_it_is(self, changed: Changed, code: ExitCode, result: str, title: str) -> ExitCode:
        """Print why it did not work, or not alone, what is in place, and the next step."""
        text = "; ".join(filter(None, (changed.problem, self._state(changed))))
        line = f"{title}{text}" if title else f"{text[0].upper()}{text[1:]}"
        style = "bold red" if changed.in_place in (InPlace.NEW, InPlace.PREVIOUS) else ALARM
        return self.end(code, result, (line, style), changed.problem or result)

    def _save(self, repository: LiveRepository, text: str) -> Path:
        now = self.clock.today()
        return save_policy(self.access.folder, repository=repository.arn, policy_text=text, now=now)

    @property
    def _before(self) -> str:
        """The policy that is there before this run."""
        return "the previous policy" if self.closes else "the policy from before this undo"

    def _state(self, changed: Changed) -> str:
        """Return what is in place, and the next step if the operator may want one."""
        match changed.in_place:
            case InPlace.NEW:
                return f"the {'new' if self.closes else 'restored'} policy is in place{self._next('undo it')}"
            case InPlace.PREVIOUS:
                again = " again" if changed.was_restored else ""
                state = f"{self._before} is in place{again}" if self.saved else "there is no policy, as before"
                follow = (
                    _MAY_FOLLOW if changed.may_follow else "; run the command again" if changed.was_restored else ""
                )
                return f"{state}{follow}"
            case InPlace.NONE:
                state = "there is no policy now"
            case InPlace.OTHER:
                state = "ANOTHER POLICY IS IN PLACE"
            case InPlace.UNKNOWN:
                state = "IT IS NOT KNOWN WHICH POLICY IS IN PLACE; run the command again to see"
            case _:
                assert_never(changed.in_place)
        return f"{state}{self._next(f'restore {self._before}')}"

    def _next(self, purpose: str) -> str:
        return f". To {purpose}: {self.access.undo_command(self.saved)}" if self.saved else ""
