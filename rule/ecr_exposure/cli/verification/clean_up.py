"""The clean-up of ``verify``: it closes a repository first and then deletes it, and says what is left."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.aws_calls import Clients, error_text, may_pass
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.terminal import ALARM, Clock, print_line
from ecr_exposure.cli.verification.temporary_repository import TemporaryRepository
from ecr_exposure.cli.verification.waiting import time_text

# While AWS throttles or cannot be reached. The operator, who may have interrupted the run, is waiting.
_PATIENCE_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """An attempt after which the repository is not, or not surely, deleted."""

    state: str
    closing: Exception | None
    deletion: Exception

    @property
    def may_pass(self) -> bool:
        return may_pass(self.deletion) or (self.closing is not None and may_pass(self.closing))

    @property
    def reason(self) -> str:
        deletion = error_text(self.deletion)
        if self.closing is None:
            return f"it could not be deleted ({deletion})"
        return f"its policy could not be deleted ({error_text(self.closing)}), nor the repository itself ({deletion})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A repository that is not, or not surely, deleted."""

    repository: TemporaryRepository
    state: str
    """The repository, where it is, and whether it is open."""
    reason: str

    @property
    def lines(self) -> tuple[str, ...]:
        """What the operator has to know: the command that closes it is the first."""
        return (f"CLEAN-UP FAILED: {self.state}", *self.repository.commands, f"Reason: {self.reason}")

    def as_json(self) -> Mapping[str, object]:
        """Return it for the JSON document."""
        return {
            "repository": self.repository.name,
            "open_to_everyone": self.repository.may_be_open,
            "commands": self.repository.command_lines,
            "reason": self.reason,
        }


class CleanUp:
    """Closes and deletes repositories; it goes on if nobody reads the output any more."""

    def __init__(self, new_clients: Callable[[], Clients], clock: Clock, output: Output) -> None:
        """``new_clients`` opens a new session, which reads the credentials again from where they came from."""
        self._new_clients, self._clock, self._output = new_clients, clock, output

    def run(self, repository: TemporaryRepository) -> Left | None:
        """Close and delete a repository; return what is left, or None.

        It tries again for two minutes while AWS throttles or cannot be reached, and once more with a new session.
        """
        repository.require_own_name()
        until = self._clock.now() + _PATIENCE_SECONDS
        failure = self._attempt(repository)
        if failure:
            self._output.try_step(f"Not cleaned up yet: {failure.state}: {failure.reason}", ALARM)
        if failure and failure.may_pass:
            self._output.try_step(f"Trying again, for {_PATIENCE_SECONDS:.0f} s at most", "yellow")
        while failure and failure.may_pass and self._clock.now() < until:
            self._clock.sleep(_PAUSE_SECONDS)
            failure = self._attempt(repository)
        if failure:
            self._output.try_step("Trying once more with a new session", "yellow")
            failure = self._attempt_with_new_session(repository, failure)
        if not failure:
            return None
        left = Left(repository=repository, state=failure.state, reason=failure.reason)
        # At once, and beside the other output, which may have no reader: this may be all that is read.
        with suppress(OSError, SystemExit):
            for line in left.lines:
                print_line(self._output.errors, (line, ALARM))
        return left

    def _attempt(self, repository: TemporaryRepository) -> _Failure | None:
        """Close the repository if it may be open, and delete it, whatever became of closing it."""
        closing: Exception | None = None
        try:
            if repository.may_be_open:
                repository.close()
                self._output.try_step(f"Closed the repository {repository.name}: it has no policy")
        except Exception as error:  # noqa: BLE001 - whatever it is, also in botocore: the deletion closes it, too
            closing = error
        try:
            done = _deletion(repository)
        except Exception as error:  # noqa: BLE001 - the same: the operator must know what is left
            return _Failure(state=_state(repository), closing=closing, deletion=error)
        self._output.try_step(done)
        return None

    def _attempt_with_new_session(self, repository: TemporaryRepository, failure: _Failure) -> _Failure | None:
        try:
            repository.use(self._new_clients())
        except Exception as error:  # noqa: BLE001 - without a new session, the attempt before was the last one
            self._output.try_step(f"There is no new session: {error_text(error)}", "yellow")
            return failure
        return self._attempt(repository)


def _deletion(repository: TemporaryRepository) -> str:
    """Delete a repository and return what became of that; raises whatever botocore raises."""
    if repository.delete():
        return f"Deleted the repository {repository.name}"
    if repository.may_exist_later:
        return f"Nothing to delete. If {repository.name} appears later, delete it: {repository.delete_command}"
    return "Nothing to delete"


def _state(repository: TemporaryRepository) -> str:
    if repository.may_be_open:
        since = f" since {time_text(repository.opened_at)}" if repository.opened_at else ""
        state = f"is OPEN TO EVERYONE{since}"
    elif repository.may_exist_later:
        state = "is closed and may still be there"
    else:
        state = "is closed and still there"
    return f"the repository {repository.name} in {repository.place} {state}"
