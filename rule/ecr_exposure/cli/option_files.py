"""Files that options name: their text, or the JSON or YAML in them; each raises CannotRunError with the option."""

import json
from pathlib import Path
from typing import Any

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.found_policies.file_texts import decoded
from ecr_exposure.cli.found_policies.found_policy import NotReadError


def text_of(option: str, file: Path) -> str:
    """Return the text of a file."""
    try:
        return decoded(str(file), file.read_bytes())
    except (OSError, NotReadError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise CannotRunError(f"{option}: {file} cannot be read: {reason}") from None


def json_of(option: str, file: Path, text: str) -> Any:  # noqa: ANN401 - a JSON value
    """Return the content of a JSON text; numbers as texts."""
    try:
        # An account id has zeros in front, which a number would lose.
        return json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise CannotRunError(f"{option}: {file} is not valid JSON: {error}") from None


def yaml_of(option: str, file: Path, text: str) -> Any:  # noqa: ANN401 - as JSON, with texts for all scalars
    """Return the content of a YAML text."""
    import yaml  # noqa: PLC0415 - few runs have such a file, and it takes longer than to check one

    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and dictionaries only
    except (yaml.YAMLError, RecursionError) as error:
        raise CannotRunError(f"{option}: {file} is not valid YAML: {error}") from None
