"""The values of the options of ``check`` about CloudFormation templates."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.option_files import json_of, text_of, yaml_of

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


def assignments(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Return the values of --parameter by name; a callback that raises click.BadParameter."""
    for value in values:
        if not value.partition("=")[0].strip() or "=" not in value:
            raise click.BadParameter(f"{value!r:.80} is not NAME=VALUE")
    return {name.strip(): text for name, _, text in (value.partition("=") for value in values)}


def parameters_of(file: Path | None) -> dict[str, str]:
    """Return the values of --parameters by name, none without it; raises CannotRunError.

    The file is one of the AWS CLI (a list of ParameterKey and ParameterValue), one of CodePipeline (an object with
    Parameters), or an object of names and values, in JSON or YAML:
    https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-stack.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
    """
    if file is None:
        return {}
    text = text_of("--parameters", file)
    is_json = text.lstrip()[:1] in ("{", "[")
    content = json_of("--parameters", file, text) if is_json else yaml_of("--parameters", file, text)
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
