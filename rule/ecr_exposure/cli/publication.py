"""Where the report of a command goes: each format to its file or to standard output, and the last line."""

import io
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click

from ecr_exposure.cli.command_line import CannotRunError, ExitCode
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report, Result
from ecr_exposure.cli.policy_report.json_format import first_lines, last_lines, policy_lines, write_json_lines
from ecr_exposure.cli.policy_report.not_read import not_read_lines
from ecr_exposure.cli.policy_report.report_scope import counted
from ecr_exposure.cli.policy_report.sarif_format import too_many
from ecr_exposure.cli.replaced_file import replace_file
from ecr_exposure.cli.report_options import JSON, SARIF, TABLE, Destination
from ecr_exposure.policy.json_values import printable


class LiveLines:
    """JSON Lines on standard output while the files are checked: whoever reads them waits for no other file."""

    def __init__(self, report: Report) -> None:
        """report: says what was asked; it has no policies yet."""
        self._report, self._number = report, 0
        _echo(first_lines(report))

    def add(self, policies: Sequence[CheckedPolicy]) -> None:
        """Write those of all policies so far that are new since the last time."""
        new, self._number = policies[self._number :], len(policies)
        _echo(policy_lines(self._report, new))

    def end(self, report: Report) -> None:
        """Write what is left, and the end."""
        self.add(report.policies)
        _echo(last_lines(report))


def _echo(lines: Iterable[str]) -> None:
    # In UTF-8 whatever the locale is, and with the line ends of the format.
    click.echo("".join(lines).encode("utf-8", "replace"), nl=False)


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The report of one run. is_stream: JSON as lines. quiet: no table on standard output.

    live: has written what was checked to standard output, and writes the rest.
    """

    report: Report
    is_stream: bool
    quiet: bool
    live: "LiveLines | None" = None

    def publish(self, places: Sequence[Destination]) -> ExitCode:
        """Write the report everywhere, and the last line to standard error; return the exit code of the command.

        A file is written as a whole or not at all, and one that cannot be written does not keep the others from it.
        """
        unwritten = [error for each in places if each.file is not None for error in self._to_file(each, each.file)]
        is_told = False
        for each in places:
            if each.file is None:
                is_told = each.format == TABLE and not self.quiet
                self._to_standard_output(each)
        self._say_notes(is_told=is_told, is_sarif=any(each.format == SARIF for each in places))
        for problem in unwritten:
            self._say("Not written", "red", problem)
        exit_code = ExitCode(self.report.exit_code)
        if unwritten and exit_code is not ExitCode.INTERRUPTED:
            exit_code = ExitCode.NOT_DONE
        self._say(*self._last_line(exit_code))
        return exit_code

    def _say_notes(self, *, is_told: bool, is_sarif: bool) -> None:
        """Say what could not be read and what is to be known, unless the table on standard output says it."""
        if not is_told:
            for line in not_read_lines(self.report):
                self._say("Not read", "red", line)
            for note in () if self.quiet else self.report.notes:
                self._say("Note", "yellow", note)
        if is_sarif and (limit := too_many(self.report)) is not None:
            self._say("Note", "yellow", limit)

    def _write(self, name: str, stream: TextIO) -> None:
        write = write_json_lines if self.is_stream and name == JSON else FORMATS[name]
        write(self.report, stream)

    def _content(self, name: str) -> bytes:
        text = io.StringIO(newline="")
        self._write(name, text)
        return text.getvalue().encode("utf-8", "replace")

    def _to_file(self, place: Destination, file: Path) -> Sequence[str]:
        try:
            if file.exists() and not stat.S_ISREG(file.stat().st_mode):  # a pipe or a terminal
                file.write_bytes(self._content(place.format))
            else:
                replace_file(file, self._content(place.format))
        except (CannotRunError, OSError) as error:
            return [
                error.message if isinstance(error, CannotRunError) else f"{file} cannot be written: {error.strerror}"
            ]
        return []

    def _to_standard_output(self, place: Destination) -> None:
        if self.live is not None:
            self.live.end(self.report)
        elif place.format != TABLE:
            # In UTF-8 whatever the locale is, and with the line ends of the format.
            click.echo(self._content(place.format), nl=False)
        elif not self.quiet:
            self._write(place.format, sys.stdout)

    def _say(self, title: str, color: str, text: str) -> None:
        is_plain = self.report.no_color or bool(os.environ.get("NO_COLOR"))
        styled = click.style(title, fg=color, bold=True)
        click.echo(f"{styled}: {printable(text)}", err=True, color=False if is_plain else None)

    def _last_line(self, exit_code: ExitCode) -> tuple[str, str, str]:
        report = self.report
        counts = Counter(each.result for each in report.policies)
        warnings = sum(each.is_warning for each in report.policies)
        found = [f"{counts[each]:,} {each.value}" for each in Result if counts[each] and each is not Result.CLOSED]
        if warnings:
            found = [
                f"{each} ({warnings:,} as a warning)" if each.endswith(Result.UNKNOWN.value) else each for each in found
            ]
        title, color = _TITLES[exit_code]
        if exit_code is ExitCode.AS_WANTED and any(counts[each] for each in _FINDINGS):
            title, color = "Done", "yellow"
        if exit_code is ExitCode.NOT_DONE and report.errors:
            found.append(counted(len(report.errors), "problem"))
        return title, color, "; ".join(filter(None, (", ".join(found), report.scope.sentence(len(report.policies)))))


def exit_code_of(policies: Sequence[CheckedPolicy], errors: Sequence[NotReadError], *, exit_zero: bool) -> ExitCode:
    """Return the exit code of a run that was not interrupted; exit_zero: findings do not count."""
    if errors:
        return ExitCode.NOT_DONE
    is_found = any(each.result in _FINDINGS and not each.is_warning for each in policies)
    return ExitCode.NOT_AS_WANTED if is_found and not exit_zero else ExitCode.AS_WANTED


_FINDINGS = (Result.PUBLIC, Result.CANNOT_BE_EVALUATED, Result.UNKNOWN)
_TITLES = {
    ExitCode.AS_WANTED: ("No public access found", "green"),
    ExitCode.NOT_AS_WANTED: ("Not as wanted", "red"),
    ExitCode.NOT_DONE: ("Not complete", "red"),
    ExitCode.INTERRUPTED: ("Interrupted", "red"),
}
