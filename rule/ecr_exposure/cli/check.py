"""``ecr-exposure check``: says of the repository policies in files what the rule will say once they are deployed."""

import gc
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import click

import ecr_exposure
from ecr_exposure.cli.account_options import one_account
from ecr_exposure.cli.check_options import assignments, parameters_of, region
from ecr_exposure.cli.check_run import CheckRun, Facts
from ecr_exposure.cli.command_line import Environment, ExitCode, reference
from ecr_exposure.cli.files_to_check.files import STANDARD_INPUT, FoundFile, Walk
from ecr_exposure.cli.files_to_check.suppressions import Suppressions
from ecr_exposure.cli.policy_report.checked_policy import Report
from ecr_exposure.cli.policy_report.judgement import FAIL, WARN
from ecr_exposure.cli.policy_report.report_scope import FilesRead
from ecr_exposure.cli.publication import LiveLines, Publication, exit_code_of
from ecr_exposure.cli.report_options import (
    JSON,
    Destination,
    JudgementOptions,
    OrderedCommand,
    ReportOptions,
    destinations,
    judgement_of,
    judgement_options,
    report_options,
)
from ecr_exposure.cli.terminal import Clock

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from ecr_exposure.cli.found_policies.found_policy import NotReadError

_SECONDS_WITHOUT_BAR: Final = 2.0
_MOST_UPDATES: Final = 200


class _Options(JudgementOptions, ReportOptions):
    paths: tuple[str, ...]
    owner: str | None
    region: str | None
    ignore: tuple[str, ...]
    parameter: dict[str, str]
    parameters: Path | None
    unknown: str | None
    skip_unrecognized: bool
    no_suppressions: bool
    stdin_name: str
    root: Path


@click.command(
    cls=OrderedCommand,
    epilog=reference(
        (
            "ecr-exposure check .",
            "ecr-exposure check infra plan.json --format table --format sarif --output ecr.sarif",
        ),
        {
            ExitCode.AS_WANTED: "No policy grants public access, or what does is public on purpose.",
            ExitCode.NOT_AS_WANTED: "A policy grants public access, cannot be evaluated, or depends on unknown values.",
            ExitCode.NOT_DONE: "Something could not be read; the rest was checked.",
            ExitCode.INTERRUPTED: "Interrupted; what was checked so far is printed.",
        },
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(allow_dash=True))
@judgement_options
@click.option(
    "--owner",
    metavar="ID",
    callback=one_account,
    help="The account of the repositories, for files that do not say it.",
)
@click.option("--region", metavar="REGION", callback=region, help="Their Region, for files that do not say it.")
@click.option(
    "--parameter",
    metavar="NAME=VALUE",
    multiple=True,
    callback=assignments,
    help="The value of a parameter of CloudFormation templates; repeat it for several.",
)
@click.option(
    "--parameters",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Values of parameters in a file, as the AWS CLI takes it.",
)
@click.option(
    "--unknown",
    type=click.Choice((FAIL, WARN)),
    help="What a policy that depends on an unknown value is; by default warn in Terraform source, fail elsewhere.",
)
@click.option("--no-suppressions", is_flag=True, help="Ignore what files say about being public on purpose.")
@click.option(
    "--ignore",
    metavar="GLOB",
    multiple=True,
    help="Leave out these files and folders, also those that are named; repeat it for several.",
)
@click.option(
    "--skip-unrecognized",
    is_flag=True,
    help="A named file with nothing to check is no error: for tools that name every changed file.",
)
@click.option(
    "--stdin-name", metavar="PATH", default=STANDARD_INPUT, help="The path that the report has for standard input."
)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The folder of .ecr-exposure.yaml, from which SARIF names the files; by default the working folder.",
)
@report_options
@click.pass_context
def check(context: click.Context, **options: Unpack[_Options]) -> ExitCode:
    """Check files for repository policies that grant public access.

    PATH is a file, a folder, or - for standard input. What a file is, its content says: a repository policy, output of
    the AWS CLI, items and snapshots of AWS Config, CloudFormation and SAM templates, Terraform plans and source.

    The report is on standard output; the last line, on standard error, says how much was read. The command needs no
    credentials, and calls nothing.
    """
    environment: Environment = context.obj
    places = destinations(context, options["format"], options["output"])
    started = environment.clock.today()
    errors: list[NotReadError] = []
    walk = Walk(options["ignore"], options["stdin_name"], errors.append)
    run = _prepared(options, started, walk.is_ignored, errors.append)
    exit_code = ExitCode.AS_WANTED
    is_live = options["stream"] and Destination(JSON, None) in places
    live = LiveLines(_report(run, walk, options, started, exit_code)) if is_live else None
    # Lines on the same terminal would go through the bar.
    progress = _Progress(environment.clock, is_shown=not (options["quiet"] or live))
    try:
        with progress, _rare_garbage_collection() as count:
            for found in progress.through(list(walk.files(options["paths"]))):
                run.check(found)
                if live:
                    live.add(run.policies)
                count()
            run.finish()
    except KeyboardInterrupt:
        exit_code = ExitCode.INTERRUPTED
    for error in errors:
        run.add_error(error)
    report = _report(run, walk, options, started, exit_code)
    publication = Publication(report=report, is_stream=options["stream"], quiet=options["quiet"], live=live)
    return publication.publish(places)


def _prepared(
    options: _Options, now: datetime, is_ignored: Callable[[str], bool], problem: "Callable[[NotReadError], None]"
) -> CheckRun:
    """Return the run, before the first file; raises CannotRunError for a file of an option that cannot be read."""
    parameters = {**parameters_of(options["parameters"]), **options["parameter"]}
    judgement = judgement_of(options, now, owner=options["owner"], region=options["region"])
    suppressions = None
    if not options["no_suppressions"]:
        suppressions = Suppressions(options["root"], now.astimezone(UTC).date(), options["owner"], problem)
        judgement = replace(judgement, excuse_of=suppressions.excuse_of)
    return CheckRun(
        replace(judgement, unknown=options["unknown"]),
        suppressions,
        Facts(owner=options["owner"], region=options["region"], parameters=parameters),
        is_ignored=is_ignored,
        accepts_any_file=options["skip_unrecognized"],
    )


class _Progress(AbstractContextManager["_Progress"]):
    """A progress bar on standard error, if it is a terminal and the command takes longer than two seconds."""

    def __init__(self, clock: Clock, *, is_shown: bool) -> None:
        """Start the clock."""
        self._clock, self._start = clock, clock.now()
        self._is_shown = is_shown and sys.stderr is not None and sys.stderr.isatty()
        self._bar: ProgressBar[int] | None = None

    def through(self, files: Sequence[FoundFile]) -> Iterator[FoundFile]:
        """Yield the files, and count them."""
        for done, each in enumerate(files):
            if self._bar is None and self._is_shown and self._clock.now() - self._start > _SECONDS_WITHOUT_BAR:
                self._bar = click.progressbar(
                    length=len(files),
                    label="files",
                    file=sys.stderr,
                    show_pos=True,
                    width=0,  # that of the terminal: a wider one would be a new line each time
                    update_min_steps=max(1, len(files) // _MOST_UPDATES),
                )
                self._bar.update(done)
            yield each
            if self._bar is not None:
                self._bar.update(1)

    def __exit__(self, *_: object) -> None:
        """Leave a clean line."""
        if self._bar is not None:
            self._bar.render_finish()


_FILES_BETWEEN_COLLECTIONS: Final = 2000


@contextmanager
def _rare_garbage_collection() -> Iterator[Callable[[], None]]:
    """Collect garbage after many files only; yields what counts them.

    The nodes of templates are many, and in no cycles: to search for some takes a third of the time.
    """
    numbers = itertools.count(1)

    def count() -> None:
        if next(numbers) % _FILES_BETWEEN_COLLECTIONS == 0:
            gc.collect()

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield count
    finally:
        if was_enabled:
            gc.enable()


def _report(run: CheckRun, walk: Walk, options: _Options, started: datetime, ended: ExitCode) -> Report:
    suppressions = run.suppressions
    # After an interrupt, the policy that a suppression is about may not have been read yet.
    unmatched = suppressions.unmatched() if suppressions and ended is not ExitCode.INTERRUPTED else ()
    return Report(
        policies=tuple(run.policies),
        errors=tuple(run.errors),
        notes=(*run.notes, *unmatched),
        scope=FilesRead(read=run.files_read, recognized=run.recognized, ignored=walk.ignored),
        exit_code=int(ended or exit_code_of(run.policies, run.errors, exit_zero=options["exit_zero"])),
        question=run.judgement.question,
        started=started,
        version=ecr_exposure.__version__,
        root=options["root"],
        show_excused=options["show_excused"],
        category=options["category"],
        no_color=options["no_color"],
    )
