"""What a command prints: a report for people or one JSON document on standard output, progress on standard error.

The JSON document has the keys of ``schema`` 1: schema, command, version, account, caller, regions, result, exit_code,
and those of the command. Keys are only added as long as the schema stays 1.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

import ecr_exposure
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.command_line import CannotRunError, CommonOptions, Environment, ExitCode
from ecr_exposure.cli.terminal import Clock, print_line

SCHEMA: Final = 1
_SECONDS_BETWEEN_LINES: Final = 30.0

_Answer = TypeVar("_Answer")


class Counter:
    """Counts what is done; threads may share it."""

    def __init__(self, clock: Clock, console: Console, total: int | None, what: str, bar: Progress | None) -> None:
        """Start at 0 of the total, None if it is not known; with a bar on a terminal, or a line every 30 seconds."""
        self._clock, self._console, self._total, self._what, self._bar = clock, console, total, what, bar
        self._task = bar.add_task(what, total=total) if bar else None
        self._start = self._last = clock.now()
        self._lock = Lock()
        self._about = ""
        self.done = 0

    def advance(self, number: int = 1) -> None:
        """Count some more."""
        with self._lock:
            self.done += number
            if self._bar and self._task is not None:
                self._bar.update(self._task, completed=self.done)
            self._print_if_due()

    def estimate(self, total: int, *, is_exact: bool) -> None:
        """Replace the total, which is known only bit by bit; as long as it is about 0, it is not known."""
        with self._lock:
            self._total, self._about = max(total, self.done), "" if is_exact else "about "
            if not self._total and not is_exact:
                self._total = None
            if self._bar:
                self._bar.tasks[0].total = self._total  # `update` would forget the speed
            self._print_if_due()

    def _print_if_due(self) -> None:
        if not self._bar and self._clock.now() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = self._clock.now()
            self._print()

    def _print(self) -> None:
        passed = self._last - self._start
        text = f"{self.done:,} {self._what}"
        if self._total is not None:
            text = f"{self.done:,} of {self._about}{self._total:,} {self._what}"
        if self._total is not None and self.done:
            text += f", {duration(passed / self.done * (self._total - self.done))} left"
        with suppress(OSError, SystemExit):  # rich raises SystemExit for a closed pipe
            print_line(self._console, text)


class Output:
    """The output of one run of a command."""

    def __init__(  # noqa: PLR0913 - each argument is one option
        self,
        command: str,
        clock: Clock,
        *,
        as_json: bool = False,
        quiet: bool = False,
        no_color: bool = False,
        known: dict[str, Any] | None = None,
        on_errors: bool = False,
    ) -> None:
        """Start to count the time; nothing is printed yet. ``known`` gets what ``begin`` prints.

        on_errors: the report goes to standard error, because standard output is for a program.
        """
        self._command, self._clock = command, clock
        self._start = clock.now()
        self.as_json, self.quiet = as_json, quiet
        color = {"highlight": False, "no_color": True} if no_color else {"highlight": False}
        people = {"stderr": on_errors, **color}
        self._result = Console(quiet=as_json, **people)  # type: ignore[arg-type]  # rich's arguments by name
        self.report = Console(quiet=as_json or quiet, **people)  # type: ignore[arg-type]
        """What people read; silent with --json and -q."""
        self.errors = Console(stderr=True, **color)  # type: ignore[arg-type]
        self._steps = Console(stderr=as_json, quiet=quiet, markup=False, emoji=False, **color)  # type: ignore[arg-type]
        self._known: dict[str, Any] = {} if known is None else known

    @property
    def minutes(self) -> int:
        """Whole minutes since the start."""
        return int((self._clock.now() - self._start) // 60)

    def begin(self, caller: Caller, regions: Sequence[str], note: str = "") -> None:
        """Print the first line: in which account and Regions the command acts, and as whom."""
        self._known |= {"account": caller.account, "caller": caller.arn, "regions": list(regions)}
        self.line(f"Account {caller.account} as {caller.arn}, {', '.join(regions)}{f': {note}' if note else ''}")

    def line(self, *parts: str | tuple[str, str] | Text, indent: int = 0) -> None:
        """Print a line of the report."""
        print_line(self.report, *parts, indent=indent)

    def step(self, text: str, style: str | None = None) -> None:
        """Print a line with the seconds since the start; with --json on standard error."""
        seconds = self._clock.now() - self._start
        self._steps.print(Text(f"[{seconds:5.0f} s] {text}", style=style or ""), soft_wrap=True)

    def try_step(self, text: str, style: str | None = None) -> None:
        """Print such a line, if anybody still reads the output."""
        with suppress(OSError, SystemExit):  # rich raises SystemExit for a closed pipe
            self.step(text, style)

    @contextmanager
    def counting(self, total: int | None, what: str) -> Iterator[Counter]:
        """Show how many of them are done and the time left, on standard error, as long as the block runs.

        total: None if it is not known, or not yet.
        """
        if self.quiet or not self.errors.is_terminal or self.errors.is_dumb_terminal:
            silent = Console(stderr=True, quiet=self.quiet, highlight=False)
            yield Counter(self._clock, silent, total, what, None)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.errors, transient=True) as bar:
            yield Counter(self._clock, self.errors, total, what, bar)

    def confirm(self, question: str, *, yes: bool, required: bool = False) -> None:
        """Ask on a terminal, unless ``yes``; CannotRunError if the answer is no, KeyboardInterrupt for Ctrl-C.

        Without a terminal it goes on; what is ``required`` to be asked raises CannotRunError there.
        """
        if yes:
            return
        if not can_ask():
            if required:
                raise CannotRunError("nobody can be asked, because this is no terminal: add --yes")
            return
        if not self.agrees(question):
            raise CannotRunError("you did not agree, so nothing was changed")

    def agrees(self, question: str) -> bool:
        """Ask on the terminal, and return whether the answer is yes; KeyboardInterrupt for Ctrl-C."""
        with self._asking():
            return click.confirm(question, err=True)

    def agrees_to_change(self, question: str, *, yes: bool) -> bool:
        """Ask, unless ``yes``; CannotRunError where nobody can be asked or sees what the question is about."""
        if yes:
            return True
        if not can_ask():
            raise CannotRunError("nothing was changed: nobody can be asked, because this is no terminal; add --yes")
        if self.as_json or self.quiet:
            raise CannotRunError("nothing was changed: with --json and -q, add --yes, or --diff to change nothing")
        return self.agrees(question)

    def ask(self, question: str, read: Callable[[str], _Answer]) -> _Answer:
        """Ask on the terminal until ``read`` accepts the answer; it raises click.BadParameter for another one."""
        with self._asking():
            answer: _Answer = click.prompt(question, err=True, value_proc=read)
        return answer

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except click.Abort:  # Ctrl-C, or the end of the input
            self.errors.print()
            raise KeyboardInterrupt from None

    def end(
        self, exit_code: ExitCode, result: str, *parts: str | tuple[str, str] | Text, **members: object
    ) -> ExitCode:
        """Print the last line, or with --json the document; return the exit code.

        result: its name in the document, such as "not ready". parts: the line, none for a line that was printed.
        members: what the command adds to the document, as JSON values.
        """
        if self.as_json:
            end = {"result": result, "exit_code": int(exit_code), **members}
            click.echo(json.dumps({**document_head(self._command), **self._known, **end}, indent=2))
        elif parts:
            print_line(self._result, *parts)
        return exit_code


def can_ask() -> bool:
    """Return whether somebody at a terminal can be asked."""
    # Python has no stream where the process was started with a closed one.
    return all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr))


def document_head(command: str | None, caller: Caller | None = None, regions: Sequence[str] = ()) -> dict[str, Any]:
    """Return the first members of a document; without a caller, of a command that did not get so far as to know it."""
    return {
        "schema": SCHEMA,
        "command": command,
        "version": ecr_exposure.__version__,
        "account": caller.account if caller else None,
        "caller": caller.arn if caller else None,
        "regions": list(regions),
    }


def open_output(command: str, environment: Environment, options: CommonOptions, *, on_errors: bool = False) -> Output:
    """Return the output of a command with these options."""
    return Output(
        command,
        environment.clock,
        as_json=options["as_json"],
        quiet=options["quiet"],
        no_color=options["no_color"],
        known=environment.known,
        on_errors=on_errors,
    )


def duration(seconds: float) -> str:
    """Return seconds in the unit that a person would choose, rounded down: 3 d, 5 h, 12 min, 40 s."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
