"""The configuration in a Terraform plan: where the value of an expression comes from, through variables and modules.

A plan holds an expression as its constant value or as the list of its references, never as text. Values of ``locals``
and the content of ``dynamic`` blocks are not in a plan at all.
https://developer.hashicorp.com/terraform/internals/json-format#expression-representation
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.policies_in_plans.plan_resources import ModulePath, PlannedResource, an_object, module_path

_VARIABLE: Final = re.compile(r"var\.([^.\[]+)(.*)", re.DOTALL)
_OUTPUT: Final = re.compile(r'(module\.[^.\[]+(?:\[(?:[^"\]]*|"(?:[^"\\]|\\.)*")\])?)\.([^.\[]+)')
_STEP_NAME: Final = re.compile(r"module\.([^.\[]+)")
# They are known: keys, numbers and paths, and neither a policy nor a principal.
_OF_TERRAFORM: Final = ("each.key", "count.index", "path.", "terraform.", "self.")
NOT_CONSTANT: Final = object()
_NAMES: Final = ("mode", "type", "name")


class Source(NamedTuple):
    """What a value comes from: a reference in the code of a module, and its value if it is a constant."""

    module: ModulePath
    reference: str
    constant: Any = NOT_CONSTANT

    @property
    def is_no_text(self) -> bool:
        """Return whether it is known and is no text: a number, a truth value, null, or an empty text."""
        if self.reference.startswith(_OF_TERRAFORM):
            return True
        return self.constant is None or self.constant == "" or isinstance(self.constant, (bool, int, float))

    def __str__(self) -> str:
        """Return the reference with the module that it is in."""
        return ".".join((*self.module, self.reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The configuration of a plan, empty where there is none, as in a state. variables: those of the root module."""

    root: Mapping[str, Any]
    providers: Mapping[str, Any]
    variables: Mapping[str, Any]
    _blocks: dict[ModulePath, dict[tuple[str, ...], Mapping[str, Any]]] = field(default_factory=dict, init=False)
    """The resources of each module that was asked for, by the names of a resource."""

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> "Configuration":
        """Return the configuration of a plan."""
        content = an_object(plan.get("configuration"))
        root, providers = an_object(content.get("root_module")), an_object(content.get("provider_config"))
        return cls(root=root, providers=providers, variables=an_object(plan.get("variables")))

    def block_of(self, resource: PlannedResource) -> Mapping[str, Any] | None:
        """Return the configuration of a resource, None where the plan has none."""
        return self.block(resource.module, resource.mode, resource.type, resource.name)

    def block(self, module: ModulePath, *names: str) -> Mapping[str, Any] | None:
        """Return the configuration of a resource by mode, type and name, None where the plan has none."""
        # All instances of a module have the same configuration.
        module = tuple(step.partition("[")[0] for step in module)
        if module not in self._blocks:
            blocks = self._module(module).get("resources")
            listed = map(an_object, blocks if isinstance(blocks, list) else ())
            self._blocks[module] = {tuple(str(each.get(key)) for key in _NAMES): each for each in listed}
        return self._blocks[module].get(names)

    def region_of(self, block: Mapping[str, Any]) -> str | None:
        """Return the Region of the provider of a resource, None where it is no constant."""
        provider = an_object(self.providers.get(str(block.get("provider_config_key"))))
        region = an_object(provider.get("expressions")).get("region")
        value = self.constant(module_path(provider.get("module_address")), region)
        return value if isinstance(value, str) else None

    def constant(self, module: ModulePath, expression: object) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of an expression that is a constant, or one variable with a constant value."""
        if "constant_value" in an_object(expression):
            return an_object(expression)["constant_value"]
        sources = self.sources(module, expression)
        return sources[0].constant if len(sources) == 1 else NOT_CONSTANT

    def sources(self, module: ModulePath, *expressions: object) -> list[Source]:
        """Return what the values of expressions come from: variables and outputs are followed as far as they go."""
        found: list[Source] = []
        todo = [(module, each) for expression in expressions for each in _references(expression)]
        seen = set(todo)
        for path, reference in todo:  # grows
            inner, expression = self._definition(path, reference)
            further = [(inner, each) for each in _references(expression)]
            if not further:
                constant = an_object(expression).get("constant_value", NOT_CONSTANT)
                found.append(Source(path, reference, constant if _names_whole(reference) else NOT_CONSTANT))
            new = [each for each in dict.fromkeys(further) if each not in seen]
            seen.update(new)
            todo += new
        return found

    def _definition(self, module: ModulePath, reference: str) -> tuple[ModulePath, object]:
        """Return the expression of a variable or an output, and the module that it is in."""
        if variable := _VARIABLE.fullmatch(reference):
            return self._variable(module, variable[1])
        if output := _OUTPUT.match(reference):
            inner = (*module, output[1])
            return inner, an_object(an_object(self._module(inner).get("outputs")).get(output[2])).get("expression")
        return module, None

    def _variable(self, module: ModulePath, name: str) -> tuple[ModulePath, object]:
        if not module:
            given = an_object(self.variables.get(name))
            passed = {"constant_value": given["value"]} if "value" in given else None
        else:
            passed = an_object(self._call(module).get("expressions")).get(name)
        if passed is not None:
            return module[:-1], passed
        declared = an_object(an_object(self._module(module).get("variables")).get(name))
        return module, {"constant_value": declared["default"]} if "default" in declared else None

    def _call(self, module: ModulePath) -> Mapping[str, Any]:
        name = _STEP_NAME.match(module[-1])
        calls = an_object(self._module(module[:-1]).get("module_calls"))
        return an_object(calls.get(name[1])) if name else {}

    def _module(self, module: ModulePath) -> Mapping[str, Any]:
        return an_object(self._call(module).get("module")) if module else self.root


def _names_whole(reference: str) -> bool:
    """Return whether a reference names a whole variable, and no part of its value."""
    variable = _VARIABLE.fullmatch(reference)
    return variable is None or not variable[2]


def _references(expression: object) -> list[str]:
    """Return the references of an expression without those that Terraform adds: ``a.b`` beside ``a.b.c``."""
    listed = an_object(expression).get("references")
    references = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return [each for each in dict.fromkeys(references) if not _is_implied(each, references)]


def _is_implied(reference: str, references: Iterable[str]) -> bool:
    return any(each.startswith((f"{reference}.", f"{reference}[")) for each in references)
