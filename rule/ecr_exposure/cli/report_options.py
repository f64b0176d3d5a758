"""The options of `check`, `scan` and `report`: how policies are evaluated, and where the report goes."""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict

import click

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.files_to_check.suppressions import public_repositories
from ecr_exposure.cli.option_files import json_of, text_of
from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import Question
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.access_tests import TESTS, UNCONDITIONAL
from ecr_exposure.identifiers import ACCOUNT_ID, ORGANIZATION_ID
from ecr_exposure.parameters import PublicRepository, read_parameters

_ORDER: Final = "ecr_exposure.order"
TABLE, JSON, SARIF, HTML = "table", "json", "sarif", "html"
_EVALUATION_OPTIONS, _REPORT_OPTIONS = "Options of the evaluation", "Options of the report"
_STANDARD_OUTPUT: Final = Path("-")

Callback = Callable[[click.Context, click.Parameter, Any], Any]


class JudgementOptions(TypedDict):
    """The values of `judgement_options`."""

    test: str
    trusted_account: tuple[str, ...]
    trusted_organization: tuple[str, ...]
    members: Path | None
    public_repository: tuple[PublicRepository, ...]
    public_tag: str | None


class ReportOptions(TypedDict):
    """The values of `report_options`."""

    show_excused: bool
    exit_zero: bool
    format: tuple[str, ...]
    output: tuple[Path, ...]
    as_json: bool
    stream: bool
    category: str | None
    quiet: bool
    no_color: bool


class OrderedCommand(click.Command):
    """A command that knows in which order its options were given: --output belongs to the --format before it."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Keep the order, and parse as always."""
        _, _, order = self.make_parser(context).parse_args(list(args))
        context.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(context, args)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is read, how it is evaluated, and where the report goes, each below a heading of its own."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], _EVALUATION_OPTIONS: [], _REPORT_OPTIONS: []}
        for parameter in self.get_params(context):
            if record := parameter.get_help_record(context):
                groups[_heading_of(parameter)].append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def _heading_of(parameter: click.Parameter) -> str:
    if parameter.name in JudgementOptions.__annotations__:
        return _EVALUATION_OPTIONS
    return _REPORT_OPTIONS if parameter.name in ReportOptions.__annotations__ else "Options"


class Destination(NamedTuple):
    """A format, and the file for it; None for standard output."""

    format: str
    file: Path | None


def destinations(context: click.Context, formats: Sequence[str], files: Sequence[Path]) -> tuple[Destination, ...]:
    """Return where the report goes: by default as a table to standard output; raises click.UsageError.

    A file is for the format before it, or for the one after it if none is before it. --stream alone means JSON.
    """
    found: list[tuple[str | None, Path | None]] = []
    names, paths = iter(formats), iter(files)
    order: list[str] = context.meta[_ORDER]
    has_json = JSON in formats or "as_json" in order
    for name in order if has_json else ("as_json" if each == "stream" else each for each in order):
        if name == "format":
            value = next(names)
            if found and found[-1][0] is None:
                found[-1] = (value, found[-1][1])
            else:
                found.append((value, None))
        elif name == "as_json":
            found.append((JSON, None))
        elif name == "output":
            file = next(paths)
            if found and found[-1][0] is not None and found[-1][1] is None:
                found[-1] = (found[-1][0], file)
            else:
                found.append((None, file))
    return _checked(found, context.params.get("paths", ())) or (Destination(TABLE, None),)


def _checked(found: Sequence[tuple[str | None, Path | None]], checked: Sequence[str]) -> tuple[Destination, ...]:
    pairs = []
    for name, file in found:
        if name is None:
            raise click.UsageError(f"--output {file}: name its --format ({', '.join(FORMATS)}).")
        pairs.append(Destination(name, None if file == _STANDARD_OUTPUT else file))
    places = [None if each.file is None else _real(each.file) for each in pairs]
    for pair, place in zip(pairs, places, strict=True):
        if places.count(place) > 1:
            where = "standard output" if pair.file is None else str(pair.file)
            raise click.UsageError(f"two formats go to {where}: add --output FILE to one of them.")
        if place is not None and place in map(_real, checked):
            raise click.UsageError(f"--output {pair.file} is one of the files to check.")
        if pair == (HTML, None) and sys.stdout is not None and sys.stdout.isatty():
            raise click.UsageError("a terminal cannot show the page of --format html: add --output FILE.")
    return tuple(pairs)


def _real(file: str | Path) -> str:
    """Return the path of the file that is meant, whatever links lead to it; a device stays as it is named."""
    try:
        is_file = os.path.isfile(file) or not os.path.exists(file)  # noqa: PTH110, PTH113 - a Path cannot hold an empty path
        return os.path.realpath(file) if is_file else str(file)
    except ValueError:  # a null character
        return str(file)


def _listed(pattern: re.Pattern[str], what: str) -> Callback:
    """Return the callback of a repeatable option whose values are ids, also several in one."""

    def read(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
        parts = [part.strip() for value in values for part in value.split(",")]
        for part in parts:
            if not pattern.fullmatch(part):
                raise click.BadParameter(f"{part!r:.80} is not {what}")
        return tuple(dict.fromkeys(parts))

    return read


trusted_accounts: Final = _listed(ACCOUNT_ID, "an account ID of 12 digits")
trusted_organizations: Final = _listed(ORGANIZATION_ID, "an organization ID such as o-exampleorg1")


def repositories(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> tuple[PublicRepository, ...]:
    """Return the patterns of --public-repository; a callback that raises click.BadParameter."""
    try:
        return public_repositories(list(values))
    except ParameterError as error:
        raise click.BadParameter(str(error).partition(": ")[2]) from None


def _public_tag(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    try:
        return read_parameters({"excludedPublicTag": text or ""}).public_tag
    except ParameterError as error:
        raise click.BadParameter(str(error).partition(": ")[2]) from None


def members_of(file: Path | None) -> tuple[str, ...]:
    """Return the account ids of --members, none without it; raises CannotRunError.

    The file has one id a line, or it is the output of ``aws organizations list-accounts``:
    https://docs.aws.amazon.com/cli/latest/reference/organizations/list-accounts.html
    """
    if file is None:
        return ()
    text = text_of("--members", file)
    if text.lstrip()[:1] == "{":
        content = json_of("--members", file, text)
        accounts = content.get("Accounts") if isinstance(content, Mapping) else None
        if not isinstance(accounts, list):
            raise CannotRunError(f"--members: {file} has no list Accounts")
        ids = [str(each.get("Id")) if isinstance(each, Mapping) else str(each) for each in accounts]
    else:
        ids = [line for line in (each.partition("#")[0].strip() for each in text.splitlines()) if line]
    for each in ids:
        if not ACCOUNT_ID.fullmatch(each):
            raise CannotRunError(f"--members: {file}: {each!r:.80} is not an account ID of 12 digits")
    if not ids:
        raise CannotRunError(f"--members: {file} names no account")
    return tuple(dict.fromkeys(ids))


_JUDGEMENT: Final = (
    click.option(
        "--test",
        type=click.Choice(tuple(TESTS)),
        default=UNCONDITIONAL.name,
        show_default=True,
        help="What counts as public, as the rule's parameter publicAccessTest.",
    ),
    click.option(
        "--trusted-account",
        metavar="ID",
        multiple=True,
        callback=trusted_accounts,
        help="An account in the zone of trust of --test external; repeat it for several.",
    ),
    click.option(
        "--trusted-organization",
        metavar="ID",
        multiple=True,
        callback=trusted_organizations,
        help="An organization in the zone of trust; repeat it for several.",
    ),
    click.option(
        "--members",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The accounts of the organization, for --test external: one ID a line, or what aws organizations "
        "list-accounts prints.",
    ),
    click.option(
        "--public-repository",
        metavar="PATTERN",
        multiple=True,
        callback=repositories,
        help="Repositories that are public on purpose, as in the rule's parameter excludedPublicRepositories.",
    ),
    click.option(
        "--public-tag",
        metavar="KEY",
        callback=_public_tag,
        help="A tag of repositories that are public on purpose, as the rule's parameter excludedPublicTag.",
    ),
)
_REPORT: Final = (
    click.option("--show-excused", is_flag=True, help="Also show what is public on purpose."),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 in place of 1."),
    click.option(
        "--format",
        type=click.Choice(tuple(FORMATS)),
        multiple=True,
        help="The format of the report; repeat it, with --output, for several. By default a table.",
    ),
    click.option(
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path),
        multiple=True,
        help="The file for the --format before it; without one, or with -, it goes to standard output.",
    ),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
    click.option("--stream", is_flag=True, help="Write the JSON as one line for each policy."),
    click.option(
        "--category",
        metavar="NAME",
        help="The category of SARIF in code scanning, by default with the test: an upload replaces the one before it.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="Print no table, and the last line only."),
    click.option("--no-color", is_flag=True, help="Print without colors, as with the variable NO_COLOR."),
)


def judgement_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how policies are evaluated."""
    for option in reversed(_JUDGEMENT):
        function = option(function)
    return function


def report_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the report and its formats."""
    for option in reversed(_REPORT):
        function = option(function)
    return function


def judgement_of(
    options: JudgementOptions,
    now: datetime,
    *,
    owner: str | None = None,
    region: str | None = None,
    members: Sequence[str] = (),
) -> Judgement:
    """Return how policies are evaluated; raises CannotRunError for a file of members that cannot be read.

    owner, region: of repositories of which nothing else says them. members: those of the organization that are known
    without --members. now: aware.
    """
    accounts = tuple(dict.fromkeys((*members_of(options["members"]), *members)))
    question = Question(
        test=options["test"],
        owner=owner,
        region=region,
        trusted_accounts=options["trusted_account"],
        trusted_organizations=options["trusted_organization"],
        members=len(accounts),
    )
    return Judgement(
        question=question,
        members=accounts,
        public_repositories=options["public_repository"],
        public_tag=options["public_tag"],
        now=now,
    )
