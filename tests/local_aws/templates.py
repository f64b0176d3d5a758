"""CloudFormation templates, resolved: the resources that a stack would have, and their properties.

moto does not create rules, conformance packs, StackSets and alarms; the tests read them here.
Intrinsic functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cfnlint.decode import decode, decode_str
from moto.utilities.utils import get_partition

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_VALUE: Final = object()


def read_template(source: Path | str) -> dict[str, Any]:
    """Return a template from its file or text, with intrinsic functions in their full form."""
    content, problems = decode(str(source)) if isinstance(source, Path) else decode_str(source)
    if problems:
        raise ValueError(f"{source}: {problems}")
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def _placeholder(logical_id: str, attribute: str) -> str:
    return f"{logical_id}.{attribute}"


class ResolvedTemplate:
    """A template with its parameters, for one account and region.

    ``attribute`` resolves GetAtt and Ref of resources (Ref: attribute ``Ref``); by default to ``Id.Attribute``.
    """

    def __init__(  # noqa: PLR0913 - the pseudo parameters of a deployment
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] = _NOTHING,
        *,
        account: str = "111122223333",
        region: str = "eu-west-1",
        stack_name: str = "ecr-repository-no-public-access",
        stack_uuid: str = "1a2b3c4d-0000-1111-2222-333344445555",
        attribute: Callable[[str, str], Any] = _placeholder,
    ) -> None:
        """Take the parameters; missing ones have their defaults. Raises KeyError for an unknown one."""
        declared = template.get("Parameters", {})
        if unknown := parameters.keys() - declared.keys():
            raise KeyError(f"not parameters of the template: {sorted(unknown)}")
        self._template = template
        self._attribute = attribute
        self._names: dict[str, Any] = {name: each["Default"] for name, each in declared.items() if "Default" in each}
        self._names |= {
            **parameters,
            "AWS::AccountId": account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": get_partition(region),
            "AWS::Region": region,
            "AWS::StackId": (
                f"arn:{get_partition(region)}:cloudformation:{region}:{account}:stack/{stack_name}/{stack_uuid}"
            ),
            "AWS::StackName": stack_name,
        }

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose condition is true: logical id to properties, without AWS::NoValue."""
        return {name: self.value(each.get("Properties", {})) for name, each in self._existing("Resources")}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs whose condition is true."""
        return {name: self.value(each["Value"]) for name, each in self._existing("Outputs")}

    @property
    def violations(self) -> list[str]:
        """The failed assertions of section Rules and of the parameters' constraints."""
        failed = [
            f"{name}: {each.get('ConstraintDescription', each.get('AllowedValues'))}"
            for name, each in self._template["Parameters"].items()
            if not _accepts(each, str(self._names.get(name, "")))
        ]
        for rule in self._template.get("Rules", {}).values():
            if self.value(rule.get("RuleCondition", True)):
                failed += [each["AssertDescription"] for each in rule["Assertions"] if not self.value(each["Assert"])]
        return failed

    def _existing(self, section: str) -> list[tuple[str, Any]]:
        return [
            (name, each)
            for name, each in self._template.get(section, {}).items()
            if "Condition" not in each or self._holds(each["Condition"])
        ]

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self._template["Conditions"][condition]))

    def value(self, part: Any) -> Any:
        """Return a value with its intrinsic functions resolved."""
        match part:
            case {"Ref": name}:
                return self._names[name] if name in self._names else self._attribute(name, "Ref")
            case {"Condition": str(name)} if len(part) == 1:
                return self._holds(name)
            case dict() if len(part) == 1 and next(iter(part)).startswith("Fn::"):
                ((function, argument),) = part.items()
                return self._call(function, argument)
            case dict():
                resolved = {name: self.value(each) for name, each in part.items()}
                return {name: each for name, each in resolved.items() if each is not _NO_VALUE}
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
    """Return whether a parameter's value meets its constraints; AllowedPattern has to match all of it."""
    allowed = parameter.get("AllowedValues")
    return (
        (allowed is None or value in map(str, allowed))
        and len(value) <= parameter.get("MaxLength", len(value))
        and ("AllowedPattern" not in parameter or re.fullmatch(parameter["AllowedPattern"], value) is not None)
    )
