"""One run of ``verify``: its steps, the clean-up whatever happens, and its last lines."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import AWS_ERRORS, error_text, has_expired, may_pass
from ecr_exposure.cli.command_line import CannotRunError, ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.terminal import ALARM, Interrupts
from ecr_exposure.cli.verification import finding_search
from ecr_exposure.cli.verification.clean_up import CleanUp, Left
from ecr_exposure.cli.verification.leftovers import Leftover, still_there
from ecr_exposure.cli.verification.open_questions import Answer, Outcome, answers
from ecr_exposure.cli.verification.verify_steps import NotSeenError, NotVerifiedError, Verification

_STYLES: Final = {Outcome.YES: "green", Outcome.NO: "red", Outcome.OPEN: "yellow"}
_EXPIRED: Final = "credentials expired"
INTERRUPTED: Final = "Interrupted; this run leaves no repository."
_VERIFIED: Final = "Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How the steps ended."""

    exit_code: ExitCode
    result: str
    """Its name in the JSON document."""
    problem: str = ""
    """Empty if the rule is verified."""


@dataclass(slots=True, kw_only=True)
class VerifyRun:
    """A run that is prepared: nothing has changed yet."""

    verification: Verification
    leftovers: tuple[Leftover, ...]
    """The repositories of earlier runs that are still there."""
    clean_up: CleanUp
    output: Output
    interrupts: Interrupts
    print_status: Callable[[], Mapping[str, object]]
    """Prints the status table of the stack and returns it as JSON values; it raises KeyboardInterrupt only."""
    status: Mapping[str, object] | None = None
    """What that returned; None if it was not read."""

    @property
    def finished(self) -> tuple[Leftover, ...]:
        """The leftovers whose run is surely over."""
        now = self.verification.clock.today()
        return tuple(leftover for leftover in self.leftovers if leftover.is_finished(now))

    def end_dry_run(self) -> ExitCode:
        """Print the last line of a dry run."""
        if self.leftovers:
            return self._end_with_leftovers(())
        last_line = "Dry run: nothing was created or deleted."
        return self.output.end(ExitCode.AS_WANTED, "dry run", last_line, **self.members())

    def clean(self, finished: Sequence[Leftover]) -> None:
        """Delete leftovers; CannotRunError if one could not be deleted."""
        failed: list[Leftover] = []
        for leftover in finished:
            if self.clean_up.run(leftover.repository):
                failed.append(leftover)
            else:
                self.leftovers = tuple(each for each in self.leftovers if each is not leftover)
        if failed:
            raise CannotRunError(f"left by an earlier run and not deleted: {_names(failed)}")

    def end_interrupted(self) -> ExitCode:
        """Print the last line of a run that somebody interrupted, and whose own repository is deleted."""
        still = self._still_there()
        last_line = (f"{INTERRUPTED} {still}" if still else INTERRUPTED, ALARM if self._any_is_open else "bold red")
        return self.output.end(ExitCode.INTERRUPTED, "interrupted", last_line, **self.members(problem="interrupted"))

    def _still_there(self) -> str:
        """Return what other runs left; empty for nothing."""
        if not self.leftovers:
            return ""
        now = self.verification.clock.today()
        going_on = all(leftover.may_go_on(now) for leftover in self.leftovers)
        whose = "of another run, which may still go on" if going_on else "of earlier runs"
        return f"Still there, {whose}: {_names(self.leftovers)}"

    @property
    def _any_is_open(self) -> bool:
        return any(leftover.repository.may_be_open for leftover in self.leftovers)

    def run(self) -> ExitCode:
        """Run the steps and clean up; raises KeyboardInterrupt only if no repository is left."""
        left: Left | None = None
        try:
            ended = self._steps()
        finally:
            left = self.clean_up.run(self.verification.repository)
        if left:
            return self._end_with_repository(ended, left)
        if self.interrupts.caught:
            raise KeyboardInterrupt
        self.interrupts.release()
        answered = answers(self.verification.results())
        self._print(answered)
        if ended.result != _EXPIRED and (self.output.as_json or not self.output.quiet):
            self.status = self.print_status()
        self.leftovers = still_there(self.leftovers, self.verification.checked.clients)
        if self.leftovers and not ended.problem:
            self.output.step(_VERIFIED, "bold green")
            return self._end_with_leftovers(answered)
        return self._end(ended, answered)

    def _steps(self) -> _Ended:
        """Run the steps; no signal raises any more then, so the clean-up completes."""
        try:
            try:
                self.verification.run()
            finally:
                self.interrupts.shield()
        except (NotVerifiedError, NotSeenError, *AWS_ERRORS) as error:
            return self._failed(error)
        except KeyboardInterrupt:
            self.output.try_step("Interrupted; cleaning up", "bold red")
            return _Ended(exit_code=ExitCode.NOT_DONE, result="interrupted", problem="interrupted")
        except OSError:  # of the terminal or the output file: nobody reads the rest
            raise
        except Exception as error:  # noqa: BLE001 - what is left must be the last thing that is printed
            traceback.print_exc()
            return _Ended(exit_code=ExitCode.NOT_DONE, result="not done", problem=f"unexpected error: {error!r}")
        return _Ended(exit_code=ExitCode.AS_WANTED, result="verified")

    def _failed(self, error: Exception) -> _Ended:
        """Return what an error means that ended the steps."""
        if isinstance(error, NotVerifiedError):
            return _Ended(exit_code=ExitCode.NOT_AS_WANTED, result="not verified", problem=str(error))
        if isinstance(error, NotSeenError):
            return _Ended(exit_code=ExitCode.NOT_DONE, result="not seen", problem=str(error))
        result, problem = "not done", f"{error_text(error)}{_advice(error)}"
        if has_expired(error):
            result = _EXPIRED
            problem = f"your credentials expired after {self.output.minutes} min; renew them and run again ({problem})"
        nothing = "" if self.verification.opened else "nothing was opened: "
        return _Ended(exit_code=ExitCode.NOT_DONE, result=result, problem=nothing + problem)

    def _end(self, ended: _Ended, answered: Sequence[Answer]) -> ExitCode:
        """Print the last line of a run that leaves nothing."""
        still = f". {self._still_there()}" if self.leftovers else ""
        last_line = (
            (f"Not verified: {ended.problem}{still}", "bold red") if ended.problem else (_VERIFIED, "bold green")
        )
        members = self.members(answered, problem=ended.problem or None)
        return self.output.end(ended.exit_code, ended.result, last_line, **members)

    def _end_with_leftovers(self, answered: Sequence[Answer]) -> ExitCode:
        """Print the last line of a run after which nothing is wrong but what other runs left."""
        text = self._still_there()
        members = self.members(answered, problem=text)
        return self.output.end(
            ExitCode.NOT_AS_WANTED, "leftovers", (text, ALARM if self._any_is_open else "bold red"), **members
        )

    def _end_with_repository(self, ended: _Ended, left: Left) -> ExitCode:
        """Print what is left, with the command that closes it first; no further call of AWS could hide it."""
        if ended.problem:
            self.output.step(f"Not verified: {ended.problem}", "bold red")
        for line in left.lines:
            self.output.step(line, ALARM)
        members = self.members(problem=ended.problem or left.reason, left=left.as_json())
        return self.output.end(ExitCode.NOT_DONE, "not cleaned up", (f"Not cleaned up: {left.state}", ALARM), **members)

    def _print(self, answered: Sequence[Answer]) -> None:
        self.output.line(("What this run shows about AWS behavior that is undocumented:", "bold"))
        for answer in answered:
            reason = answer.reason[:1].upper() + answer.reason[1:]
            self.output.line((f"{answer.outcome.value}: {answer.question} {reason}", _STYLES[answer.outcome]))

    def members(
        self,
        answered: Sequence[Answer] = (),
        *,
        problem: str | None = None,
        left: Mapping[str, object] | None = None,
    ) -> Mapping[str, object]:
        """Return what the command adds to the JSON document."""
        verification, seen = self.verification, self.verification.seen
        now = verification.clock.today()
        return {
            "stack": verification.deployment.stack,
            "deployed_as": verification.deployment.deployed_as.value,
            "checked_account": verification.checked.place.account,
            "role": verification.checked.role,
            "rule": verification.rule,
            "repository": verification.public.name,
            "non_compliant": seen.non_compliant,
            "compliant_again": seen.compliant_again,
            "evaluation": seen.evaluation or None,
            "expected_finding": verification.expected_finding,
            "finding": finding_search.as_json(seen.search),
            "undocumented": [
                {"question": each.question, "answer": each.outcome.name.lower(), "reason": each.reason}
                for each in answered
            ],
            "status": self.status,
            "earlier_runs": [leftover.as_json(now) for leftover in self.leftovers],
            "left": left,
            "problem": problem,
        }


def _advice(error: BaseException) -> str:
    """Return what may help if AWS refused to create the repository with these tags.

    A tag policy can forbid a tag, and a service control policy can require some:
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_tag-policies.html
    """
    if isinstance(error, ClientError) and error.operation_name == "CreateRepository" and not may_pass(error):
        return "; where a tag policy or a service control policy asks for tags, name them by --tags"
    return ""


def _names(leftovers: Sequence[Leftover]) -> str:
    return ", ".join(map(str, leftovers))
