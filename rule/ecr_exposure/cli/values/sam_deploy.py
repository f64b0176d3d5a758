"""How ``sam deploy`` gets the values of parameters.yaml: from the line in samconfig.toml, or from its command.

``sam deploy --guided`` replaces the line by the values themselves if its question "Save arguments to configuration
file" is answered with Y; from then on changes of parameters.yaml have no effect.
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ecr_exposure.cli.aws_calls import printable
from ecr_exposure.cli.prerequisites.finding import Finding, Level

SAMCONFIG: Final = "samconfig.toml"
_SECTION: Final = "[default.deploy.parameters]"
_OVERRIDES: Final = "parameter_overrides"
_MOST_LINES: Final = 4
"""From so many Regions with the same values on, they have one command."""
_EACH: Final = "EACH-REGION"
_DEFAULT_NAME: Final = "parameters.yaml"


def stack_name(folder: Path) -> str | None:
    """Return the name of the stack that ``sam deploy`` in the folder deploys, if samconfig.toml has one."""
    found = _configured(folder, "stack_name")
    return found if isinstance(found, str) and found else None


def values_are_read(file: Path) -> bool:
    """Return whether ``sam deploy`` in the folder of the file reads it."""
    return _reads(_configured(file.parent, _OVERRIDES), file)


def configuration_finding(file: Path) -> Finding | None:
    """Return what is wrong with samconfig.toml beside parameters.yaml; another file is named on the command line."""
    if file.name != _DEFAULT_NAME:
        return None
    overrides = _configured(file.parent, _OVERRIDES)
    if _reads(overrides, file):
        return None
    if isinstance(overrides, OSError | ValueError):
        reason = "it does not exist" if isinstance(overrides, FileNotFoundError) else printable(str(overrides))
    elif overrides is None:
        reason = "it has no parameter_overrides"
    else:
        reason = "its parameter_overrides has values of its own, as sam deploy --guided saves them"
    return Finding(
        level=Level.MISSING,
        problem=f"sam deploy does not read {file.name}: {reason}",
        where=str(file.parent / SAMCONFIG),
        note=f'Below {_SECTION}, it needs this line: parameter_overrides = "file://{file.name}"',
    )


def deploy_commands(
    file: Path, regions: Mapping[str, Mapping[str, str]], profile: str | None, working_folder: Path
) -> tuple[str, ...]:
    """Return the commands that deploy a stack to each Region, with the values that only this Region needs.

    The first Region comes first. Of the others, many with the same values are one loop of the shell.
    """
    folder = file.parent.resolve()
    first = [*([] if folder == working_folder.resolve() else [shlex.join(("cd", str(folder)))]), "sam build"]
    lines = [_deploy(file, home, regions[home], profile) for home in list(regions)[:1]]
    others: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for region, values in list(regions.items())[1:]:
        others.setdefault(tuple(values.items()), []).append(region)
    for pairs, alike in others.items():
        if len(alike) < _MOST_LINES:
            lines += [_deploy(file, region, dict(pairs), profile) for region in alike]
        else:
            each = _deploy(file, _EACH, dict(pairs), profile).replace(_EACH, '"$region"')
            lines.append(f"for region in {' '.join(alike)}; do {each} || break; done")
    return (" && ".join((*first, *lines[:1])), *lines[1:]) if lines else ()


def _deploy(file: Path, region: str, values: Mapping[str, str], profile: str | None) -> str:
    command = ["sam", "deploy", "--region", region, *(("--profile", profile) if profile else ())]
    if values or not values_are_read(file):
        # An empty value needs quotes that SAM CLI sees.
        pairs = (f"{name}={value}" if value else f'{name}=""' for name, value in values.items())
        command += ["--parameter-overrides", f"file://{file.name}", *pairs]
    return shlex.join(command)


def _reads(overrides: object, file: Path) -> bool:
    """Return whether a value of parameter_overrides is the file's address alone."""
    if isinstance(overrides, list) and len(overrides) == 1:
        overrides = overrides[0]
    if not isinstance(overrides, str) or not overrides.startswith("file://"):
        return False
    return (file.parent / overrides.removeprefix("file://")).resolve() == file.resolve()


def _configured(folder: Path, option: str) -> object:
    """Return an option of the deploy command, or else of all commands, or why it cannot be read."""
    try:
        content: Any = tomllib.loads((folder / SAMCONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        return error
    for command in ("deploy", "global"):
        found = content
        for name in ("default", command, "parameters", option):
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None
