"""The values of the options of ``check``: formats and their files, members of the organization, template parameters."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from ecr_exposure.cli.check_report import FORMATS
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.policies_in_files.files import decoded
from ecr_exposure.cli.policies_in_files.found_policy import FileError
from ecr_exposure.cli.policies_in_files.suppressions import public_repositories
from ecr_exposure.errors import ParameterError
from ecr_exposure.identifiers import ACCOUNT_ID, ORGANIZATION_ID
from ecr_exposure.parameters import PublicRepository

_ORDER: Final = "ecr_exposure.order"
TABLE, JSON, SARIF = "table", "json", "sarif"
_STANDARD_OUTPUT: Final = Path("-")

Callback = Callable[[click.Context, click.Parameter, Any], Any]


class OrderedCommand(click.Command):
    """A command that knows in which order its options were given: --output belongs to the --format before it."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Keep the order, and parse as always."""
        _, _, order = self.make_parser(context).parse_args(list(args))
        context.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(context, args)


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
    return _checked(found, context.params["paths"]) or (Destination(TABLE, None),)


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


# Two or three parts, such as eusc-de, and a direction. boto3, which knows every Region, takes longer to import than a
# policy to check; with a mistyped Region a condition of aws:RequestedRegion would keep everyone out.
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_REGION: Final = re.compile(
    r"[a-z]{2,4}(?:-[a-z]{2,4})?-(?:north|south|central|(?:north|south)?(?:east|west))-[0-9]{1,2}"
)


def region(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Return the value of --region; a callback that raises click.BadParameter for what no Region is named."""
    if text is not None and not _REGION.fullmatch(text):
        raise click.BadParameter(f"{text!r:.80} is not a Region such as eu-west-1")
    return text


def repositories(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> tuple[PublicRepository, ...]:
    """Return the patterns of --public-repository; a callback that raises click.BadParameter."""
    try:
        return public_repositories(list(values))
    except ParameterError as error:
        raise click.BadParameter(str(error).partition(": ")[2]) from None


def assignments(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Return the values of --parameter by name; a callback that raises click.BadParameter."""
    for value in values:
        if not value.partition("=")[0].strip() or "=" not in value:
            raise click.BadParameter(f"{value!r:.80} is not NAME=VALUE")
    return {name.strip(): text for name, _, text in (value.partition("=") for value in values)}


def members_of(file: Path | None) -> tuple[str, ...]:
    """Return the account ids of --members, none without it; raises CannotRunError.

    The file has one id a line, or it is the output of ``aws organizations list-accounts``:
    https://docs.aws.amazon.com/cli/latest/reference/organizations/list-accounts.html
    """
    if file is None:
        return ()
    text = _text_of("--members", file)
    if text.lstrip()[:1] == "{":
        content = _json_of("--members", file, text)
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


def parameters_of(file: Path | None) -> dict[str, str]:
    """Return the values of --parameters by name, none without it; raises CannotRunError.

    The file is one of the AWS CLI (a list of ParameterKey and ParameterValue), one of CodePipeline (an object with
    Parameters), or an object of names and values, in JSON or YAML:
    https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-stack.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
    """
    if file is None:
        return {}
    text = _text_of("--parameters", file)
    is_json = text.lstrip()[:1] in ("{", "[")
    content = _json_of("--parameters", file, text) if is_json else _yaml_of("--parameters", file, text)
    if isinstance(content, Mapping) and isinstance(content.get("Parameters"), Mapping):
        content = content["Parameters"]
    pairs = content.items() if isinstance(content, Mapping) else _pairs(file, content)
    found = {}
    for name, value in pairs:
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, (Mapping, list)) or each is None for each in values):
            raise CannotRunError(f"--parameters: {file}: the value of {name!s:.80} is not a text or a list of texts")
        found[str(name)] = ",".join(map(_as_text, values))
    return found


def _pairs(file: Path, content: object) -> Iterator[tuple[str, object]]:
    for each in content if isinstance(content, list) else [content]:
        if isinstance(each, str) and "=" in each:
            name, _, text = each.partition("=")
            yield name, text
        elif not isinstance(each, Mapping) or "ParameterKey" not in each:
            raise CannotRunError(f"--parameters: {file} has no names and values of parameters")
        elif "ParameterValue" in each:  # UsePreviousValue has none, and what it stands for is not known
            yield str(each["ParameterKey"]), each["ParameterValue"]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text_of(option: str, file: Path) -> str:
    try:
        return decoded(str(file), file.read_bytes())
    except (OSError, FileError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise CannotRunError(f"{option}: {file} cannot be read: {reason}") from None


def _json_of(option: str, file: Path, text: str) -> Any:  # noqa: ANN401 - a JSON value
    try:
        # An account id has zeros in front, which a number would lose.
        return json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise CannotRunError(f"{option}: {file} is not valid JSON: {error}") from None


def _yaml_of(option: str, file: Path, text: str) -> Any:  # noqa: ANN401 - as JSON, with texts for all scalars
    import yaml  # noqa: PLC0415 - few runs have such a file, and it takes longer than to check one

    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and dictionaries only
    except (yaml.YAMLError, RecursionError) as error:
        raise CannotRunError(f"{option}: {file} is not valid YAML: {error}") from None
