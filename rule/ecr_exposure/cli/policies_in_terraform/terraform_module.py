"""One module of Terraform code: what its names mean, and how often its blocks are there.

https://developer.hashicorp.com/terraform/language/expressions/references
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value
from ecr_exposure.cli.hcl.hcl_expressions import GetAttribute, GetElement, Splat
from ecr_exposure.cli.hcl.hcl_reader import Attribute, Block
from ecr_exposure.cli.hcl.hcl_tokens import Source
from ecr_exposure.cli.policies_in_terraform.located_values import (
    JsonText,
    MissingError,
    ResourceObject,
    WrittenPiece,
    WrittenText,
    first_unknown,
)
from ecr_exposure.cli.policies_in_terraform.named_by_code import PRINCIPALS, named_by_code
from ecr_exposure.cli.policies_in_terraform.terraform_blocks import Code
from ecr_exposure.cli.policies_in_terraform.terraform_functions import on_each_option
from ecr_exposure.cli.policies_in_terraform.terraform_instances import (
    Instance,
    Names,
    counted,
    instance_of,
    instances_of,
    maybe,
)
from ecr_exposure.cli.policies_in_terraform.terraform_values import (
    Budget,
    Evaluator,
    Steps,
    TooManyStepsError,
    members_of,
    reference_text,
)
from ecr_exposure.cli.policies_in_terraform.type_constraints import with_defaults
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, may_be_absent

_DEEPEST_MODULE: Final = 8
_DOCUMENT: Final = "aws_iam_policy_document"

ReadFolder = Callable[[str], Mapping[str, str]]


@dataclass(kw_only=True)
class Module:
    """A module where it is called, or the root module. address: "" for the root, or `module.name.`."""

    code: Code
    folder: str
    facts: CodeFacts
    read_folder: ReadFolder
    arguments: Mapping[str, Value]
    address: str = ""
    depth: int = 0
    for_terraform: bool = False
    budget: Budget = field(default_factory=Budget)
    may_be_missing: list[Choice] = field(default_factory=list)
    """What decides whether the instances are there that were read."""
    _values: dict[tuple[str, ...], Value] = field(default_factory=dict)
    _children: dict[str, "Module | None"] = field(default_factory=dict)
    read_document: Callable[["Module", Block, Names], Value]

    def value_of(self, attribute: Attribute | None, names: Names) -> Value:
        """Return the value of an attribute; None if it is not there."""
        if attribute is None:
            return None
        try:
            return Evaluator(attribute.source, self, names).known(attribute.expression)
        except TooManyStepsError:
            return Unknown(reference_text(attribute.source, attribute.expression))

    def resolve(  # noqa: PLR0911 - one return a kind of name reads as a table
        self, name: str, steps: Steps, evaluator: Evaluator
    ) -> tuple[Value, Steps] | None:
        """Return the value of a name with the first steps, and the steps that are left; None if it is not known."""
        names: list[str] = []
        for step in steps:
            if not isinstance(step, GetAttribute):
                break
            names.append(step.name)
        match name, names:
            case "path", [which, *_]:
                return (self.folder if which == "module" else ".") or ".", steps[1:]
            case "var", [variable, *_]:
                return self._once(("var", variable), lambda: self._variable(variable)), steps[1:]
            case "local", [local, *_] if local in self.code.locals:
                return self._once(("local", local), lambda: self.value_of(self.code.locals[local], {})), steps[1:]
            case "module", [module, *_]:
                return self._part_of("module", module, steps[1:], evaluator)
            case "data", [kind, label, *_]:
                return self._part_of(f"data {kind}", label, steps[2:], evaluator)
            case _, [label, *_] if "_" in name:
                return self._part_of(f"resource {name}", label, steps[1:], evaluator)
        return None

    def _once(self, key: tuple[str, ...], evaluate: Callable[[], Value]) -> Value:
        if key not in self._values:
            self._values[key] = Unknown(".".join(key))  # what refers to itself has no value
            self._values[key] = evaluate()
        return self._values[key]

    def file(self, path: Value) -> Value:
        """Return the text of a file, with its places; None if it is not there."""
        if not isinstance(path, str):
            return None
        path = posixpath.normpath(path)
        text = self.read_folder(posixpath.dirname(path)).get(path)
        return None if text is None else WrittenText((WrittenPiece(text, Source(path, text), 0, len(text)),))

    def _variable(self, name: str) -> Value:
        block = self.code.block("variable", name)
        if name not in self.arguments:
            return self._default(name, block)
        is_nullable = block is None or self.value_of(block.attributes.get("nullable"), {}) is not False

        def given(value: Value) -> Value:
            return self._converted(block, value) if is_nullable or value is not None else self._default(name, block)

        return on_each_option(self.arguments[name], given)

    def _default(self, name: str, block: Block | None) -> Value:
        if block is None or "default" not in block.attributes:
            return Unknown(f"var.{name}")
        return self._converted(block, self.value_of(block.attributes["default"], {}))

    def _converted(self, block: Block | None, value: Value) -> Value:
        kind = block.attributes.get("type") if block else None
        return with_defaults(Evaluator(kind.source, self, {}), kind.expression, value) if kind else value

    def _part_of(self, kind: str, label: str, steps: Steps, evaluator: Evaluator) -> tuple[Value, Steps] | None:
        """Return an attribute of a resource, a data source or a module, of one instance or of all."""
        block = self.code.block(*kind.split(), label)
        which, rest = _instance_step(steps)
        if not rest or not isinstance(rest[0], GetAttribute):
            return self._whole(kind, label, block, steps) if block and kind != "module" else None
        attribute = rest[0].name
        key = evaluator.value(which.key) if isinstance(which, GetElement) else None
        instances = list(self.instances(block)) if block else [Instance("", {})]
        if isinstance(which, Splat):
            values = [maybe(self._attribute(kind, label, block, each, attribute), each.unknown) for each in instances]
            return None if None in values else (values, [which, *rest[1:]])
        if not instances:
            raise MissingError(f"{label} is not there")
        instance = instance_of(instances, key)
        if instance.unknown:
            self.may_be_missing.append(instance.unknown)
        value = self._attribute(kind, label, block, instance, attribute)
        return None if value is None else (value, rest[1:])

    def _whole(self, kind: str, label: str, block: Block, steps: Steps) -> tuple[Value, Steps] | None:
        """Return a resource or data source as an object, or the objects by the keys of for_each or count."""
        reference = f"{kind.removeprefix('resource ').replace(' ', '.')}.{label}"
        found: list[tuple[Value, Value]] = []
        for each in self.instances(block):
            names = (*_OF_OBJECTS, *(name for name in block.attributes if name not in META_ARGUMENTS))
            values = ((name, self._attribute(kind, label, block, each, name)) for name in dict.fromkeys(names))
            content = {name: value for name, value in values if value is not None}
            key = each.names.get("each", each.names.get("count", {}))
            entry = maybe(ResourceObject(f"{reference}{each.key}", content), each.unknown)
            found.append((key.get("key", key.get("index")), entry))
        if "for_each" in block.attributes:
            is_known = all(isinstance(key, str) and isinstance(each, ResourceObject) for key, each in found)
            return (dict(found), steps) if is_known else None
        objects = [each for _, each in found]
        return (objects, steps) if "count" in block.attributes else (objects[0], steps)

    def _attribute(self, kind: str, label: str, block: Block | None, instance: Instance, attribute: str) -> Value:
        """Return an attribute of a resource, a data source or a module; None if the code does not say it."""
        if kind == "module":
            return self._output(block, instance, attribute) if block else None
        if kind == f"data {_DOCUMENT}":
            return self._document(block, instance) if block and attribute in ("json", "minified_json") else None
        attributes = block.attributes if block else {}
        kind = kind.removeprefix("resource ")
        if kind == "data template_file" and attribute == "rendered":
            return self._rendered(attributes, instance)
        known = None if "provider" in attributes else self._of_account(kind, label, attribute)
        if known is None:
            known = named_by_code(kind, label, attribute, self.facts.partition_in_text)
        name = "name" if (kind, attribute) == ("aws_ecr_repository", "id") else attribute
        return self.value_of(attributes.get(name), instance.names) if known is None else known

    def _rendered(self, attributes: Mapping[str, Attribute], instance: Instance) -> Value:
        written = attributes.get("template")
        if written is None:
            return None
        template, variables = (self.value_of(attributes.get(name), instance.names) for name in ("template", "vars"))
        return Evaluator(written.source, self, {}).rendered(template, variables)

    def _output(self, block: Block, instance: Instance, name: str) -> Value:
        child = self.child(block, instance)
        output = child.code.block("output", name) if child else None
        return child.value_of(output.attributes.get("value"), {}) if child and output else None

    def _document(self, block: Block, instance: Instance) -> Value:
        key = ("data", *block.labels, instance.key)
        document = self._once(key, lambda: self.read_document(self, block, instance.names))
        return on_each_option(document, lambda each: JsonText(each) if isinstance(each, Mapping) else each)

    def _of_account(self, kind: str, label: str, attribute: str) -> Value:
        """Return what the account, the partition and the Region of the code decide; None for another attribute."""
        partition, account = self.facts.partition_in_text, self.facts.account_in_text
        principals = f"arn:{partition}:iam::{account}:"
        known = {
            ("data aws_caller_identity", "account_id"): account,
            ("data aws_caller_identity", "id"): account,
            ("data aws_caller_identity", "arn"): f"{principals}role/{label}",
            ("data aws_partition", "partition"): partition,
            ("data aws_partition", "id"): partition,
            ("data aws_partition", "dns_suffix"): "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            ("data aws_region", "name"): self.facts.region_in_text,
            ("data aws_region", "region"): self.facts.region_in_text,
            ("data aws_region", "id"): self.facts.region_in_text,
        }
        principal = PRINCIPALS.get(kind.removeprefix("data ")) if attribute == "arn" else None
        return f"{principals}{principal}/{label}" if principal else known.get((kind, attribute))

    def instances(self, block: Block) -> Iterator[Instance]:
        """Yield what a block stands for; one with unknown names if the code does not say how many."""
        if "for_each" in block.attributes:
            yield from instances_of(self.value_of(block.attributes["for_each"], {}), self.address)
        elif "count" in block.attributes:
            yield from counted(self.value_of(block.attributes["count"], {}), self.address)
        else:
            yield Instance("", {})

    @property
    def depends_on_tool(self) -> bool:
        """Whether OpenTofu reads other files than Terraform, here or in a module that was called."""
        return self.code.depends_on_tool or any(each.depends_on_tool for each in self._children.values() if each)

    def child(self, block: Block, instance: Instance) -> "Module | None":
        """Return the local module that a block calls; None for another one, or one that is not there."""
        address = f"{self.address}module.{block.labels[0]}{instance.key}."
        if address not in self._children:
            self._children[address] = None  # a module that needs its own output
            self._children[address] = self._called(block, instance, address)
        return self._children[address]

    def _called(self, block: Block, instance: Instance, address: str) -> "Module | None":
        source = self.value_of(block.attributes.get("source"), {})
        if not isinstance(source, str) or not is_local(source) or self.depth >= _DEEPEST_MODULE:
            return None
        folder = posixpath.normpath(posixpath.join(self.folder, source))
        code = Code(self.read_folder(folder), self.facts.problem, for_terraform=self.for_terraform)
        if not code.blocks and not code.locals:
            return None
        arguments = {name: self.value_of(each, instance.names) for name, each in block.attributes.items()}
        return Module(
            code=code,
            folder=folder,
            facts=self.facts,
            read_folder=self.read_folder,
            arguments={name: value for name, value in arguments.items() if name not in META_ARGUMENTS},
            address=address,
            depth=self.depth + 1,
            for_terraform=self.for_terraform,
            budget=self.budget,
            may_be_missing=self.may_be_missing,
            read_document=self.read_document,
        )


META_ARGUMENTS: Final = ("source", "version", "count", "for_each", "provider", "providers", "depends_on", "lifecycle")
_OF_OBJECTS: Final = ("arn", "id", "json", "unique_id")
"""Attributes of which the code says something, though it does not have them as arguments."""


def is_local(source: str) -> bool:
    """Return whether the source of a module is a folder beside it."""
    return source in (".", "..") or source.startswith(("./", "../"))


def _instance_step(steps: Steps) -> tuple[GetElement | Splat | None, Steps]:
    """Return the step that says which instances are meant, None for the only one, and the steps after it."""
    if not steps or isinstance(steps[0], GetAttribute):
        return None, steps
    return steps[0], steps[1:]


class Repeated(NamedTuple):
    """A nested block. unknown: what decides whether it is there, if the code does not say it."""

    block: Block
    names: Names
    unknown: Unknown | None = None


def nested_blocks(module: Module, block: Block, kind: str, names: Names) -> Iterator[Repeated]:
    """Yield the nested blocks of a kind, those of `dynamic` blocks too.

    https://developer.hashicorp.com/terraform/language/expressions/dynamic-blocks
    """
    for each in block.blocks_of(kind):
        yield Repeated(each, names)
    for dynamic in block.dynamic_blocks(kind):
        written = dynamic.attributes.get("iterator")
        iterator = written.source.text[written.value_start : written.end] if written else kind
        collection = module.value_of(dynamic.attributes.get("for_each"), names)
        for content in dynamic.blocks_of("content"):
            if isinstance(collection, Choice):
                unknown = Unknown(collection.reference)
                for option in collection.options:
                    found = _repeated(content, iterator, option, names)
                    yield from (each._replace(unknown=each.unknown or unknown) for each in found)
            else:
                yield from _repeated(content, iterator, collection, names)


def _repeated(content: Block, iterator: str, collection: Value, names: Names) -> Iterator[Repeated]:
    if isinstance(collection, (Unknown, Joined)):
        collection = [first_unknown(collection)]
    try:
        members = members_of(collection if collection is not None else [])
    except MissingError:
        # Terraform refuses a text or a number, so that nothing is known of these blocks.
        reference = Unknown(f"for_each of dynamic {iterator}")
        yield Repeated(content, {**names, iterator: {"key": reference, "value": reference}}, reference)
        return
    for key, value in members:
        unknown = first_unknown(value) if may_be_absent(value) else None
        yield Repeated(content, {**names, iterator: {"key": key, "value": value}}, unknown)
