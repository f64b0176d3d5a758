"""What ``check``, ``scan`` and ``report`` found: each policy with its result, and the report of every format."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Final

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError
from ecr_exposure.cli.found_policies.outcome import Outcome
from ecr_exposure.cli.policy_report.report_scope import FilesRead, Scope
from ecr_exposure.verdict import Compliance

_INCOMPLETE: Final = (2, 130)
"""The exit codes of a run that did not do all."""


class Result(Enum):
    """What is said of a policy."""

    PUBLIC = "public"
    UNKNOWN = "unknown"
    """It depends on a value that the file does not say."""
    CANNOT_BE_EVALUATED = "cannot be evaluated"
    PUBLIC_ON_PURPOSE = "public on purpose"
    """It is public, and something excuses that."""
    CLOSED = "not public"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvaluation:
    """What AWS Config recorded of a repository; evaluated: when the rule evaluated it, aware."""

    rule: str
    compliance: Compliance
    annotation: str
    evaluated: datetime


# Equal to itself only: what is said of it is kept as long as it is.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedPolicy:
    """A policy, and its result.

    excuse: what excuses it, with its reason and last day; only for PUBLIC_ON_PURPOSE. notes: what else is said of it,
    such as a suppression whose last day has passed. is_warning: this unknown value does not change the exit code.
    recorded: the evaluation that AWS Config has of the repository, if it was read.
    """

    found: FoundPolicy
    outcome: Outcome
    result: Result
    excuse: str | None = None
    notes: tuple[str, ...] = ()
    is_warning: bool = False
    recorded: RecordedEvaluation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How the policies were evaluated: the keywords of `judge`, with the number of member accounts."""

    test: str = "unconditional"
    owner: str | None = None
    region: str | None = None
    trusted_accounts: tuple[str, ...] = ()
    trusted_organizations: tuple[str, ...] = ()
    members: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one run found; a format shows it and decides nothing.

    command: the name of the command. errors: of files, or of accounts and Regions, that could not be read, whole or in
    part. notes: of the whole run, a line each, such as a module that is not followed. scope: what was read. started:
    aware. root: paths in SARIF are relative to it; None where there are no files. show_excused: table and SARIF also
    show what is public on purpose. category: of the run in code scanning, if it is not that of the test. no_color: the
    table has no colors on a terminal either.
    """

    command: str = "check"
    policies: tuple[CheckedPolicy, ...] = ()
    errors: tuple[NotReadError, ...] = ()
    notes: tuple[str, ...] = ()
    scope: Scope = field(default_factory=FilesRead)
    exit_code: int = 0
    question: Question = Question()
    started: datetime
    version: str
    root: Path | None = None
    show_excused: bool = False
    category: str | None = None
    no_color: bool = False

    @property
    def is_incomplete(self) -> bool:
        """Whether something could not be read, or the run was interrupted."""
        return bool(self.errors) or self.exit_code in _INCOMPLETE

    def with_result(self, *results: Result) -> Iterator[CheckedPolicy]:
        """Yield the policies with one of these results."""
        return (each for each in self.policies if each.result in results)
