"""The parameters of template.yaml: which values CloudFormation accepts.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from ecr_exposure.cli.aws_calls import printable
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.values.parameters_file import as_sam_reads

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LONGEST_VALUE: Final = 4096
MOST_IDS: Final = 315
"""How many account ids of 12 digits, with commas, a value of 4,096 bytes holds."""
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParameter:
    """What a parameter's value has to be."""

    name: str
    is_number: bool
    allowed: tuple[str, ...]
    """Empty: any."""
    pattern: re.Pattern[str] | None
    longest: int
    default: str
    """Empty without one."""
    constraint: str
    """The pattern in words."""

    def problem(self, value: str) -> str:
        """Return what is wrong with a value and what is accepted, or an empty text."""
        shown = repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")
        if self.allowed and value not in self.allowed:
            return f"{self.name}: {shown} is not accepted; accepted is one of {', '.join(self.allowed)}"
        length = len(value.encode(errors="replace"))
        if length > self.longest:
            return f"{self.name}: {shown} has {length:,} bytes; accepted are at most {self.longest:,}"
        if self.is_number and not _NUMBER.fullmatch(value):
            return f"{self.name}: {shown} is not accepted; accepted is a number"
        if self.pattern and not self.pattern.fullmatch(value):
            accepted = self.constraint or f"what matches {self.pattern.pattern}"
            return f"{self.name}: {shown} is not accepted; accepted is {accepted}"
        if as_sam_reads(value) != value:
            return f"{self.name}: {shown} is not accepted, because SAM CLI removes quotes and backslashes from it"
        return ""


class TemplateParameters:
    """All parameters of a template."""

    def __init__(self, parameters: Mapping[str, TemplateParameter]) -> None:
        """Take them by name."""
        self._parameters = parameters

    def problem(self, name: str, value: str) -> str:
        """Return why the template does not accept a value under a name, or an empty text."""
        if name in self._parameters:
            return self._parameters[name].problem(value)
        similar = get_close_matches(name, self._parameters, n=1) or get_close_matches(
            name.lower(), {each.lower(): each for each in self._parameters}, n=1
        )
        meant = next((each for each in self._parameters for one in similar if each.lower() == one.lower()), None)
        hint = f"did you mean {meant}?" if meant else f"its parameters are {', '.join(self._parameters)}"
        return f"{name} is not a parameter of template.yaml; {hint}"

    def default(self, name: str) -> str:
        """Return the default of a parameter; empty if there is none."""
        return self._parameters[name].default if name in self._parameters else ""

    def __contains__(self, name: str) -> bool:
        """Return whether the template has a parameter of this name."""
        return name in self._parameters


def read_template(file: Path) -> TemplateParameters:
    """Read the parameters of a template; CannotRunError for a file that is not one."""
    try:
        # Reads every scalar as text and ignores all tags, so that intrinsic functions (!Ref) are no error.
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - it constructs only text, lists and maps
    except OSError as error:
        raise CannotRunError(f"{file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotRunError(f"{file} is not valid YAML: {printable(str(error))}") from None
    parameters = content.get("Parameters") if isinstance(content, dict) else None
    if not isinstance(parameters, dict) or not all(isinstance(each, dict) for each in parameters.values()):
        raise CannotRunError(f"{file} is not a CloudFormation template with parameters")
    return TemplateParameters({name: _parameter(name, each) for name, each in parameters.items()})


def _parameter(name: str, properties: Mapping[str, Any]) -> TemplateParameter:
    try:
        pattern = re.compile(properties["AllowedPattern"], re.ASCII) if "AllowedPattern" in properties else None
        longest = min(int(properties.get("MaxLength", LONGEST_VALUE)), LONGEST_VALUE)
    except (re.error, ValueError) as error:
        raise CannotRunError(f"template.yaml: the parameter {name} is not valid: {error}") from None
    return TemplateParameter(
        name=name,
        is_number=properties.get("Type") == "Number",
        allowed=tuple(properties.get("AllowedValues", ())),
        pattern=pattern,
        longest=longest,
        default=properties.get("Default", ""),
        constraint=properties.get("ConstraintDescription", ""),
    )
