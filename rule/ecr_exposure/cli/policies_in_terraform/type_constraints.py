"""The type constraint of a variable: optional attributes of objects have their defaults.

https://developer.hashicorp.com/terraform/language/expressions/type-constraints#optional-object-type-attributes
"""

from collections.abc import Callable, Mapping
from typing import Final

from ecr_exposure.cli.found_policies.unknown_values import Value
from ecr_exposure.cli.hcl.hcl_expressions import Call, ObjectOf, Unparsed, Variable
from ecr_exposure.cli.policies_in_terraform.located_values import LocatedObject
from ecr_exposure.cli.policies_in_terraform.terraform_values import Evaluator


def with_defaults(evaluator: Evaluator, kind: Unparsed, value: Value) -> Value:
    """Return a value as its type constraint makes it; kind: the type, such as `list(object({...}))`."""
    if isinstance(kind, Variable):
        return {"true": True, "false": False}.get(str(value), value) if kind.name == "bool" else value
    convert = _CONVERSIONS.get(kind.name) if isinstance(kind, Call) and kind.arguments else None
    return convert(evaluator, kind.arguments[0], value) if convert and isinstance(kind, Call) else value


def _list(evaluator: Evaluator, kind: Unparsed, value: Value) -> Value:
    return [with_defaults(evaluator, kind, each) for each in value] if isinstance(value, list) else value


def _map(evaluator: Evaluator, kind: Unparsed, value: Value) -> Value:
    if not isinstance(value, Mapping):
        return value
    return {key: with_defaults(evaluator, kind, each) for key, each in value.items()}


def _object(evaluator: Evaluator, kind: Unparsed, value: Value) -> Value:
    if not isinstance(value, Mapping) or not isinstance(kind, ObjectOf):
        return value
    content = dict(value)
    for key, member in kind.items:
        if isinstance(key, Variable):
            _add_member(evaluator, key.name, member, content)
    return value.with_content(content) if isinstance(value, LocatedObject) else content


def _add_member(evaluator: Evaluator, name: str, member: Unparsed, content: dict[str, Value]) -> None:
    if isinstance(member, Call) and member.name == "optional" and member.arguments:
        kind, *default = member.arguments
        if content.get(name) is None:
            content[name] = evaluator.known(default[0]) if default else None
        member = kind
    if name in content:
        content[name] = with_defaults(evaluator, member, content[name])


_CONVERSIONS: Final[Mapping[str, Callable[[Evaluator, Unparsed, Value], Value]]] = {
    "list": _list,
    "set": _list,
    "map": _map,
    "object": _object,
}
