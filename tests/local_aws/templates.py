"""CloudFormation templates with their parameters put in: what would exist, with which properties.

moto creates what it knows of a stack; this reads the rest (rules, packs, StackSets, alarms), which moto skips.
Intrinsic functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cfnlint.decode import decode, decode_str  # type: ignore[import-untyped]  # cfn-lint marks its types as not for others
from moto.utilities.utils import get_partition

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_VALUE: Final = object()


def read_template(source: Path | str) -> dict[str, Any]:
    """Return a template, by its file or its text, with the short intrinsic functions written out."""
    content, problems = decode(str(source)) if isinstance(source, Path) else decode_str(source)
    if problems:
        raise ValueError(f"{source}: {problems}")
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def _placeholder(logical_id: str, attribute: str) -> str:
    return f"{logical_id}.{attribute}"


class ResolvedTemplate:
    """A template as one account and region would deploy it.

    ``attribute`` answers GetAtt and Ref of resources (attribute ``Ref``); without it they are ``Id.Attribute``.
    """

    def __init__(  # noqa: PLR0913 - where and with what a template is deployed
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] = _NOTHING,
        *,
        account: str = "111122223333",
        region: str = "eu-west-1",
        stack_name: str = "ecr-repository-no-public-access",
        attribute: Callable[[str, str], Any] = _placeholder,
    ) -> None:
        """Take the parameters; those left out have their defaults. Raises KeyError for an unknown one."""
        declared = template.get("Parameters", {})
        if unknown := parameters.keys() - declared.keys():
            raise KeyError(f"no parameters of the template: {sorted(unknown)}")
        self._template = template
        self._attribute = attribute
        self._names: dict[str, Any] = {name: each["Default"] for name, each in declared.items() if "Default" in each}
        self._names |= {
            **parameters,
            "AWS::AccountId": account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": get_partition(region),
            "AWS::Region": region,
            "AWS::StackName": stack_name,
        }

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Every resource that exists: logical id to its properties, without those that have no value."""
        return {name: self.value(each.get("Properties", {})) for name, each in self._existing("Resources")}

    @property
    def outputs(self) -> dict[str, str]:
        """Every output that exists."""
        return {name: self.value(each["Value"]) for name, each in self._existing("Outputs")}

    @property
    def refusals(self) -> list[str]:
        """What the section Rules and the parameters' patterns say against these parameters."""
        told = [
            f"{name}: {each.get('ConstraintDescription', each.get('AllowedValues'))}"
            for name, each in self._template["Parameters"].items()
            if not _accepts(each, str(self._names.get(name, "")))
        ]
        for rule in self._template.get("Rules", {}).values():
            if self.value(rule.get("RuleCondition", True)):
                told += [each["AssertDescription"] for each in rule["Assertions"] if not self.value(each["Assert"])]
        return told

    def _existing(self, section: str) -> list[tuple[str, Any]]:
        return [
            (name, each)
            for name, each in self._template.get(section, {}).items()
            if "Condition" not in each or self._holds(each["Condition"])
        ]

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self._template["Conditions"][condition]))

    def value(self, part: Any) -> Any:
        """Return a value with its intrinsic functions worked out."""
        match part:
            case {"Ref": name}:
                return self._names[name] if name in self._names else self._attribute(name, "Ref")
            case {"Condition": str(name)} if len(part) == 1:
                return self._holds(name)
            case dict() if len(part) == 1 and next(iter(part)).startswith("Fn::"):
                ((function, argument),) = part.items()
                return self._call(function, argument)
            case dict():
                worked_out = {name: self.value(each) for name, each in part.items()}
                return {name: each for name, each in worked_out.items() if each is not _NO_VALUE}
            case list():
                return [each for each in map(self.value, part) if each is not _NO_VALUE]
        return part

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Fn::Sub":
            text, names = (argument, {}) if isinstance(argument, str) else argument
            return self._substituted(text, self.value(names))
        if function == "Fn::If":
            name, yes, no = argument
            return self.value(yes if self._holds(name) else no)
        arguments = self.value(argument)
        if function == "Fn::GetAtt":
            return self._attribute(*arguments)
        if function == "Fn::FindInMap":
            name, first, second = arguments
            return self._template["Mappings"][name][first][second]
        return _FUNCTIONS[function](arguments)

    def _substituted(self, text: str, names: Mapping[str, Any]) -> str:
        def found(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in names:
                return str(names[name])
            resource, dot, attribute = name.partition(".")
            return str(self._attribute(resource, attribute) if dot else self.value({"Ref": name}))

        return re.sub(r"\$\{([^}]+)\}", found, text)


_FUNCTIONS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "Fn::And": all,
    "Fn::Contains": lambda those: those[1] in those[0],
    "Fn::Equals": lambda both: both[0] == both[1],
    "Fn::Join": lambda join: join[0].join(join[1]),
    "Fn::Not": lambda one: not one[0],
    "Fn::Or": any,
    "Fn::Select": lambda which: which[1][int(which[0])],
    "Fn::Split": lambda split: split[1].split(split[0]),
}


def _accepts(parameter: Mapping[str, Any], value: str) -> bool:
    """Tell whether CloudFormation takes the value of a parameter: the pattern has to match all of it."""
    allowed = parameter.get("AllowedValues")
    return (
        (allowed is None or value in map(str, allowed))
        and len(value) <= parameter.get("MaxLength", len(value))
        and ("AllowedPattern" not in parameter or re.fullmatch(parameter["AllowedPattern"], value) is not None)
    )
