"""The resources in the JSON of ``terraform show -json``, of a plan or of a state; ``tofu show -json`` is the same.

https://developer.hashicorp.com/terraform/internals/json-format
https://opentofu.org/docs/internals/json-format/
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Self

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.found_policies.unknown_values import Unknown, Value
from ecr_exposure.policy.json_values import describe

ModulePath = tuple[str, ...]
"""The steps of a module's address, such as ``('module.app["blue"]', "module.images")``; () is the root module."""

_STEP: Final = re.compile(r'module\.[^.\["]+(?:\[(?:[^"\]]*|"(?:[^"\\]|\\.)*")\])?')
_FORMAT: Final = re.compile(r"1\.[0-9]+")
_DELETED: Final = ["delete"]
_FORGOTTEN: Final = ["forget"]
_HOW_TO: Final = "save the plan (terraform plan -out=FILE) and check the output of terraform show -json FILE"
_NOT_THE_PLAN: Final = (
    f"the JSON Lines of terraform plan -json (or apply -json) are messages about a run and hold no policies: {_HOW_TO}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResource:
    """A resource, or a data source (mode ``data``), as the plan leaves it, or as the state has it.

    values: what is known of its arguments and attributes. unknown: of the same shape, with True for what is known only
    after apply. sensitive: of the same shape too. before: its values before the plan. index: the key of count or
    for_each.
    """

    address: str
    mode: str
    type: str
    name: str
    index: int | str | None
    module: ModulePath
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    sensitive: Mapping[str, Any]
    before: Mapping[str, Any]

    def is_unknown(self, attribute: str) -> bool:
        """Return whether the whole value is known only after apply."""
        return self.unknown.get(attribute) is True

    def text(self, attribute: str) -> str | None:
        """Return a value that is text, None for any other."""
        value = self.values.get(attribute)
        return value if isinstance(value, str) else None

    @classmethod
    def from_values(cls, resource: Mapping[str, Any], module: ModulePath) -> Self:
        """Return a resource of a values representation, which leaves out what is not known."""
        deposed = resource.get("deposed_key")
        address = f"{resource.get('address')} (deposed {deposed})" if deposed else str(resource.get("address"))
        return cls._of(resource, address, module, (resource.get("values"), {}, resource.get("sensitive_values")), {})

    @classmethod
    def from_change(cls, resource: Mapping[str, Any]) -> Self:
        """Return a resource of a plan after its change; what Terraform only forgets stays as it is."""
        change = an_object(resource.get("change"))
        after = (change.get("after"), change.get("after_unknown"), change.get("after_sensitive"))
        if change.get("actions") == _FORGOTTEN:
            after = (change.get("before"), {}, change.get("before_sensitive"))
        address, module = str(resource.get("address")), module_path(resource.get("module_address"))
        # A resource that is replaced keeps nothing.
        before = {} if "create" in (change.get("actions") or ()) else an_object(change.get("before"))
        return cls._of(resource, address, module, after, before)

    @classmethod
    def _of(
        cls,
        resource: Mapping[str, Any],
        address: str,
        module: ModulePath,
        after: tuple[object, object, object],
        before: Mapping[str, Any],
    ) -> Self:
        values, unknown, sensitive = map(an_object, after)
        mode, kind, name = (str(resource.get(key)) for key in ("mode", "type", "name"))
        return cls(
            address=address,
            mode=mode,
            type=kind,
            name=name,
            index=resource.get("index"),
            module=module,
            values=values,
            unknown=unknown,
            sensitive=sensitive,
            before=before,
        )


def with_unknown(value: object, unknown: object, place: str) -> Value:
    """Return a value with an Unknown in each place that is known only after apply; it names the place."""
    if unknown is True:
        return Unknown(place)
    if isinstance(unknown, Mapping):
        known = an_object(value)
        return {key: with_unknown(known.get(key), unknown.get(key), f"{place}.{key}") for key in {**known, **unknown}}
    if isinstance(unknown, list):
        pairs = zip_longest(value if isinstance(value, list) else (), unknown)
        return [with_unknown(each, part, f"{place}[{index}]") for index, (each, part) in enumerate(pairs)]
    return value


def an_object(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for any other value: Terraform leaves out what is empty."""
    return value if isinstance(value, Mapping) else {}


def module_path(address: object) -> ModulePath:
    """Return the steps of the address of a module."""
    return tuple(_STEP.findall(address)) if isinstance(address, str) else ()


def read_terraform_json(file: str, content: str) -> Mapping[str, Any]:
    """Return the JSON of a plan or a state. Raises NotReadError for other content, and another major version."""
    try:
        document = json.loads(content)
    except json.JSONDecodeError as error:
        if '"@module"' in content.partition("\n")[0]:
            raise NotReadError(file, None, _NOT_THE_PLAN) from None
        raise NotReadError(file, error.lineno, f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise NotReadError(file, None, "not read: JSON that is nested too deeply") from None
    if not isinstance(document, Mapping):
        raise NotReadError(file, None, f"{describe(document)} is not the output of terraform show -json, an object")
    if "@module" in document:
        raise NotReadError(file, None, _NOT_THE_PLAN)
    if "format_version" not in document and "lineage" in document:
        raise NotReadError(file, None, "a state in Terraform's own format: check the output of terraform show -json")
    version = document.get("format_version")
    if not (isinstance(version, str) and _FORMAT.fullmatch(version)):
        found = "missing" if version is None else f"{describe(version)} is not supported"
        raise NotReadError(file, None, f'format_version: {found}; accepted: "1.0" and every other 1.x')
    return document


def resources_in_state(file: str, state: Mapping[str, Any], key: str = "values") -> Iterator[PlannedResource]:
    """Yield all resources of a values representation, those of its modules too. Raises NotReadError."""
    values = state.get(key)
    root = an_object(values).get("root_module")
    modules: list[tuple[str, object]] = [(f"{key}.root_module", root)] if root is not None else []
    for place, module in modules:
        content = _object_at(file, place, module)
        path = module_path(content.get("address"))
        for at, resource in _listed(file, place, content, "resources"):
            yield PlannedResource.from_values(_object_at(file, at, resource), path)
        modules += _listed(file, place, content, "child_modules")


def resources_after_plan(file: str, plan: Mapping[str, Any]) -> Iterator[PlannedResource]:
    """Yield what a plan leaves in place, data sources that are read during apply too. Raises NotReadError.

    A plan without resource_changes, as filters of it have, is read from its planned_values, which do not say what is
    unknown. One with its prior state alone changes nothing. A deferred change is planned for a later run, and counts.
    """
    if "planned_values" not in plan and "resource_changes" not in plan:
        yield from resources_in_state(file, an_object(plan.get("prior_state")))
    elif "resource_changes" not in plan:
        yield from resources_in_state(file, plan, "planned_values")
    changes = list(_listed(file, "", plan, "resource_changes"))
    for place, deferred in _listed(file, "", plan, "deferred_changes"):
        changes.append((f"{place}.resource_change", _object_at(file, place, deferred).get("resource_change")))
    for place, each in changes:
        resource = _object_at(file, place, each)
        actions = _object_at(file, f"{place}.change", resource.get("change")).get("actions")
        if not isinstance(actions, list):
            raise NotReadError(file, None, f"{place}.change.actions: {describe(actions)} is not a list")
        # A deposed object is the old one of a replacement, which the plan deletes.
        if actions != _DELETED and "deposed" not in resource:
            yield PlannedResource.from_change(resource)


def _listed(file: str, place: str, content: Mapping[str, Any], key: str) -> list[tuple[str, object]]:
    """Return the elements of a list with their places; a list that is not there is empty."""
    where = f"{place}.{key}" if place else key
    found = content.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise NotReadError(file, None, f"{where}: {describe(found)} is not a list")
    return [(f"{where}[{index}]", each) for index, each in enumerate(found)]


def _object_at(file: str, place: str, value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise NotReadError(file, None, f"{place}: {describe(value)} is not an object")
