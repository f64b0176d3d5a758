"""``ecr-exposure check``: says of the repository policies in files what the rule will say once they are deployed."""

import gc
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import click

import ecr_exposure
from ecr_exposure.cli.account_options import one_account
from ecr_exposure.cli.check_options import (
    JSON,
    Destination,
    OrderedCommand,
    assignments,
    destinations,
    members_of,
    parameters_of,
    region,
    repositories,
    trusted_accounts,
    trusted_organizations,
)
from ecr_exposure.cli.check_publication import LiveLines, Publication
from ecr_exposure.cli.check_report import FORMATS
from ecr_exposure.cli.check_report.checked_policy import Question, Report, Result
from ecr_exposure.cli.check_run import FAIL, WARN, CheckRun, Facts, Judgement
from ecr_exposure.cli.command_line import Environment, ExitCode, reference
from ecr_exposure.cli.policies_in_files.files import STANDARD_INPUT, FoundFile, Walk
from ecr_exposure.cli.policies_in_files.suppressions import Suppressions
from ecr_exposure.cli.terminal import Clock
from ecr_exposure.findings.access_tests import TESTS, UNCONDITIONAL

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from ecr_exposure.cli.policies_in_files.found_policy import FileError
    from ecr_exposure.parameters import PublicRepository

_SECONDS_WITHOUT_BAR: Final = 2.0
_MOST_UPDATES: Final = 200


class _Options(TypedDict):
    paths: tuple[str, ...]
    test: str
    trusted_account: tuple[str, ...]
    trusted_organization: tuple[str, ...]
    members: Path | None
    owner: str | None
    region: str | None
    ignore: tuple[str, ...]
    public_repository: "tuple[PublicRepository, ...]"
    parameter: dict[str, str]
    parameters: Path | None
    unknown: str | None
    skip_unrecognized: bool
    exit_zero: bool
    format: tuple[str, ...]
    output: tuple[Path, ...]
    stream: bool
    as_json: bool
    show_excused: bool
    no_suppressions: bool
    stdin_name: str
    root: Path
    category: str | None
    quiet: bool
    no_color: bool


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
@click.option(
    "--test",
    type=click.Choice(tuple(TESTS)),
    default=UNCONDITIONAL.name,
    show_default=True,
    help="What counts as public, as the rule's parameter publicAccessTest.",
)
@click.option(
    "--owner",
    metavar="ID",
    callback=one_account,
    help="The account of the repositories, for files that do not say it.",
)
@click.option("--region", metavar="REGION", callback=region, help="Their Region, for files that do not say it.")
@click.option(
    "--trusted-account",
    metavar="ID",
    multiple=True,
    callback=trusted_accounts,
    help="An account in the zone of trust of --test external; repeat it for several.",
)
@click.option(
    "--trusted-organization",
    metavar="ID",
    multiple=True,
    callback=trusted_organizations,
    help="An organization in the zone of trust; repeat it for several.",
)
@click.option(
    "--members",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The accounts of the organization: one ID a line, or what aws organizations list-accounts prints.",
)
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
@click.option(
    "--public-repository",
    metavar="PATTERN",
    multiple=True,
    callback=repositories,
    help="Repositories that are public on purpose, as in the rule's parameter excludedPublicRepositories.",
)
@click.option("--no-suppressions", is_flag=True, help="Ignore what files say about being public on purpose.")
@click.option("--show-excused", is_flag=True, help="Also show what is public on purpose.")
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
@click.option("--exit-zero", is_flag=True, help="Exit with 0 in place of 1.")
@click.option(
    "--format",
    type=click.Choice(tuple(FORMATS)),
    multiple=True,
    help="The format of the report; repeat it, with --output, for several. By default a table.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The file for the --format before it; without one, or with -, it goes to standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--stream", is_flag=True, help="Write the JSON as one line for each policy.")
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
@click.option(
    "--category",
    metavar="NAME",
    help="The category of SARIF in code scanning, by default ecr-exposure/TEST: an upload replaces the one before it.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print no table, and the last line only.")
@click.option("--no-color", is_flag=True, help="Print without colors, as with the variable NO_COLOR.")
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
    errors: list[FileError] = []
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
    options: _Options, now: datetime, is_ignored: Callable[[str], bool], problem: "Callable[[FileError], None]"
) -> CheckRun:
    """Return the run, before the first file; raises CannotRunError for a file of an option that cannot be read."""
    members = members_of(options["members"])
    question = Question(
        test=options["test"],
        owner=options["owner"],
        region=options["region"],
        trusted_accounts=options["trusted_account"],
        trusted_organizations=options["trusted_organization"],
        members=len(members),
    )
    parameters = {**parameters_of(options["parameters"]), **options["parameter"]}
    suppressions = Suppressions(options["root"], now.astimezone(UTC).date(), options["owner"], problem)
    judgement = Judgement(
        question=question,
        members=members,
        public_repositories=options["public_repository"],
        unknown=options["unknown"],
        suppressions=None if options["no_suppressions"] else suppressions,
        now=now,
    )
    facts = Facts(owner=options["owner"], region=options["region"], parameters=parameters)
    return CheckRun(judgement, facts, is_ignored=is_ignored, accepts_any_file=options["skip_unrecognized"])


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
    suppressions = run.judgement.suppressions
    # After an interrupt, the policy that a suppression is about may not have been read yet.
    unmatched = suppressions.unmatched() if suppressions and ended is not ExitCode.INTERRUPTED else ()
    return Report(
        policies=tuple(run.policies),
        errors=tuple(run.errors),
        notes=(*run.notes, *unmatched),
        files_read=run.files_read,
        recognized=run.recognized,
        ignored=walk.ignored,
        exit_code=int(ended or _exit_code(run, exit_zero=options["exit_zero"])),
        question=run.judgement.question,
        started=started,
        version=ecr_exposure.__version__,
        root=options["root"],
        show_excused=options["show_excused"],
        category=options["category"],
        no_color=options["no_color"],
    )


_FINDINGS: Final = (Result.PUBLIC, Result.CANNOT_BE_EVALUATED, Result.UNKNOWN)


def _exit_code(run: CheckRun, *, exit_zero: bool) -> ExitCode:
    if run.errors:
        return ExitCode.NOT_DONE
    is_found = any(each.result in _FINDINGS and not each.is_warning for each in run.policies)
    return ExitCode.NOT_AS_WANTED if is_found and not exit_zero else ExitCode.AS_WANTED
