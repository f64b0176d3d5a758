"""The change of a repository's policy: it ends in a state that is known, or it says what is not known.

Amazon ECR has no conditional write: a change that somebody else makes between the last look and the write is lost.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Unknown, error_text, has_expired, is_refusal, may_pass
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.remediation.same_policy import is_same_policy
from ecr_exposure.cli.terminal import Clock, Interrupts

# What is read right after a change may still be the previous policy: ECR documents no order of reads and writes.
_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0


class InPlace(StrEnum):
    """Which policy the repository has at the end."""

    NEW = "new policy"
    PREVIOUS = "previous policy"
    NONE = "no policy"
    """Somebody else deleted it before the change."""
    OTHER = "another policy"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change came to."""

    in_place: InPlace
    problem: str = ""
    """Why the new policy is not in place, or not known to be; empty if it is."""
    text: str | None = None
    """The text that Amazon ECR returned last, None for no policy; it means nothing for what is not known."""
    was_restored: bool = False
    """Whether the previous policy was written again."""
    may_follow: bool = False
    """Whether no answer of AWS arrived, so that the new policy may replace the previous one later."""
    is_meanwhile: bool = False
    """Whether somebody else changed the policy before anything was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A change that the operator agreed to, and whose previous policy is kept in a file."""

    repository: LiveRepository
    before: str | None
    """The policy that the operator saw; None for no policy."""
    after: str | None
    save: Callable[[str], Path]
    """Keeps a policy in a new file; raises CannotRunError."""
    clock: Clock
    interrupts: Interrupts
    output: Output

    def run(self) -> Changed:
        """Look again, write, and look at what is there; no signal raises any more once it writes.

        Raises KeyboardInterrupt, CannotRunError or one of AWS_ERRORS only if nothing was written.
        """
        current = self.repository.read()
        if not is_same_policy(current, self.before):
            in_place = InPlace.NONE if current is None else InPlace.OTHER
            problem = "somebody changed the policy meanwhile"
            return Changed(in_place=in_place, text=current, problem=problem, is_meanwhile=True)
        self.interrupts.shield()
        return self._write()

    def _write(self) -> Changed:
        try:
            self.repository.write(self.after)
        except (CannotRunError, *AWS_ERRORS) as error:
            return self._failed(error)
        self.output.try_step("Amazon ECR accepted the change; reading it back")
        seen = self._look_for(self.after)
        if isinstance(seen, Unknown):
            problem = f"Amazon ECR accepted the change, and it could not be read back: {seen.reason}"
            return Changed(in_place=InPlace.UNKNOWN, problem=problem)
        if is_same_policy(seen, self.after):
            return Changed(in_place=InPlace.NEW, text=seen)
        return self._restore(seen)

    def _failed(self, error: Exception) -> Changed:
        """Return what a failed write means: where AWS did not surely refuse it, what is there decides."""
        problem = _reason(error)
        if isinstance(error, CannotRunError):
            return Changed(in_place=InPlace.NONE, problem=problem)
        if is_refusal(error):
            return Changed(in_place=InPlace.PREVIOUS, problem=problem, text=self.before)
        self.output.try_step(f"It is not known if Amazon ECR made the change ({problem}); reading the policy")
        seen = self._look_for(self.after)
        if isinstance(seen, Unknown):
            return Changed(in_place=InPlace.UNKNOWN, problem=f"{problem}; reading the policy: {seen.reason}")
        if is_same_policy(seen, self.after):
            return Changed(in_place=InPlace.NEW, text=seen)
        is_previous = is_same_policy(seen, self.before)
        in_place = InPlace.PREVIOUS if is_previous else InPlace.NONE if seen is None else InPlace.OTHER
        return Changed(in_place=in_place, problem=problem, text=seen, may_follow=is_previous)

    def _restore(self, other: str | None) -> Changed:
        """Write the previous policy again, because Amazon ECR returned another one than was sent.

        Somebody may have written that one at the same time, so it is kept in a file, too.
        """
        problem = "Amazon ECR accepted the change and returned another policy"
        if other is not None and not is_same_policy(other, self.before):
            try:
                problem += f" (saved in {self.save(other)})"
            except CannotRunError as error:
                return Changed(in_place=InPlace.OTHER, problem=f"{problem}; {error.message}", text=other)
        self.output.try_step(f"{problem}; restoring the previous one", "bold red")
        failure = ""
        try:
            self.repository.write(self.before)
        except (CannotRunError, *AWS_ERRORS) as error:
            failure = f"; restoring the previous one failed: {_reason(error)}"
        seen = self._look_for(self.before)
        if isinstance(seen, Unknown):
            return Changed(in_place=InPlace.UNKNOWN, problem=f"{problem}{failure}; reading it again: {seen.reason}")
        if is_same_policy(seen, self.before):
            return Changed(in_place=InPlace.PREVIOUS, problem=problem, text=seen, was_restored=True)
        in_place = InPlace.NONE if seen is None else InPlace.OTHER
        return Changed(in_place=in_place, problem=f"{problem}{failure}", text=seen)

    def _look_for(self, wanted: str | None) -> str | Unknown | None:
        """Return the policy, as soon as it is the wanted one; else that of the last look, or why it failed."""
        seen: str | Unknown | None = Unknown("not read")
        for look in range(_LOOKS):
            if look:
                self.clock.sleep(_BETWEEN_LOOKS)
            try:
                seen = self.repository.read(once=True)
            except (CannotRunError, *AWS_ERRORS) as error:
                seen = Unknown(_reason(error))
                if not may_pass(error):
                    return seen
                continue
            if is_same_policy(seen, wanted):
                return seen
        return seen


def _reason(error: Exception) -> str:
    if isinstance(error, CannotRunError):
        return error.message
    return f"your credentials expired, so renew them ({error_text(error)})" if has_expired(error) else error_text(error)
