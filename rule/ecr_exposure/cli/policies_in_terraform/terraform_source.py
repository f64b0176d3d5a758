"""The repository policies in Terraform and OpenTofu code, before there is a plan.

The files of a folder are one module. A local module is evaluated where it is called, with its arguments.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value
from ecr_exposure.cli.hcl.hcl_expressions import Variable, read_expression
from ecr_exposure.cli.hcl.hcl_reader import Attribute, Block, read_assignments
from ecr_exposure.cli.hcl.hcl_tokens import Source
from ecr_exposure.cli.policies_in_terraform.located_values import plain
from ecr_exposure.cli.policies_in_terraform.policy_document_data import policy_of, read_document
from ecr_exposure.cli.policies_in_terraform.statement_places import statement_places
from ecr_exposure.cli.policies_in_terraform.terraform_blocks import Code
from ecr_exposure.cli.policies_in_terraform.terraform_instances import Instance
from ecr_exposure.cli.policies_in_terraform.terraform_module import (
    META_ARGUMENTS,
    Module,
    ReadFolder,
    is_local,
)
from ecr_exposure.cli.policies_in_terraform.terraform_values import Evaluator
from ecr_exposure.cli.policies_in_terraform.uncertain_values import as_alternatives

# The attributes of the policy and of the repository's name:
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecr_repository_policy
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecr_repository_creation_template
# https://registry.terraform.io/providers/hashicorp/awscc/latest/docs/resources/ecr_repository
# https://registry.terraform.io/providers/hashicorp/awscc/latest/docs/resources/ecr_repository_creation_template
RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "aws_ecr_repository_policy": ("policy", "repository"),
    "aws_ecr_repository_creation_template": ("repository_policy", ""),
    "awscc_ecr_repository": ("repository_policy_text", "repository_name"),
    "awscc_ecr_repository_creation_template": ("repository_policy", ""),
}
_PASSES_POLICY: Final = re.compile(r"polic(?:y|ies)|principal|access_arns")
_ABOUT_REPOSITORIES: Final = re.compile(r"\becr\b|(?<![a-z])ecr(?![a-z])|repositor|container", re.IGNORECASE)


def read_terraform(files: Mapping[str, str], facts: CodeFacts, read_folder: ReadFolder) -> Iterator[FoundPolicy]:
    """Yield the policies of a folder, and of the local modules that it calls.

    files: the text of each file of the folder by its path: code, and `.tfvars`. read_folder: returns the same for the
    path of another folder, nothing if there is none. A file that is not HCL is a problem of its own.
    """
    if not files:
        return
    reader = _Reader(facts)
    module = _root(files, facts, read_folder)
    seen = []
    for found in reader.policies(module):
        seen.append((found.file, found.address, found.policy))
        yield found
    others = [posixpath.basename(file) for file in files if _is_of_option(file)]
    if seen and others and any(block.kind == "variable" for block in module.code.blocks):
        values = f"the values in {', '.join(sorted(others))} count only in a plan with -var-file"
        facts.note(f"{module.folder or '.'}: {values}: check that")
    if module.depends_on_tool:
        # Terraform reads no `.tofu`, and OpenTofu no `.tf` beside a `.tofu` of that name.
        quiet = replace(facts, problem=lambda _: None)
        for found in reader.policies(_root(files, quiet, read_folder, for_terraform=True)):
            if (found.file, found.address, found.policy) not in seen:
                yield replace(found, address=f"{found.address} (Terraform)")


def _root(
    files: Mapping[str, str], facts: CodeFacts, read_folder: ReadFolder, *, for_terraform: bool = False
) -> Module:
    module = Module(
        code=Code(files, facts.problem, for_terraform=for_terraform),
        folder=posixpath.dirname(next(iter(files))),
        facts=facts,
        read_folder=read_folder,
        arguments={},
        for_terraform=for_terraform,
        read_document=read_document,
    )
    module.arguments = _arguments(module, files)
    return module


def local_modules(files: Mapping[str, str]) -> Iterator[str]:
    """Yield the folders of the local modules that the code of a folder calls: they are read with it."""
    code = Code(files, lambda _: None)
    folder = posixpath.dirname(next(iter(files), ""))
    for block in code.blocks:
        source = _text_of(block.attributes.get("source")) if block.kind == "module" else ""
        if is_local(source):
            yield posixpath.normpath(posixpath.join(folder, source))


def _text_of(attribute: Attribute | None) -> str:
    return attribute.source.text[attribute.value_start : attribute.end].strip('"') if attribute else ""


def _arguments(module: Module, files: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of variables from files and options, later ones in place of earlier ones.

    https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
    """
    arguments: dict[str, Value] = {}
    for file in sorted(filter(_is_assignments, files), key=_precedence):
        try:
            written = read_assignments(file, files[file])
        except NotReadError as error:
            module.facts.problem(error)
            continue
        arguments.update((name, module.value_of(each, {})) for name, each in written.items())
    for name, text in module.facts.parameters.items():
        block = module.code.block("variable", name)
        if block:
            arguments[name] = _option_value(module, block.attributes.get("type"), text)
    return arguments


def _is_assignments(file: str) -> bool:
    name = posixpath.basename(file)
    return name in _FIRST or name.endswith((".auto.tfvars", ".auto.tfvars.json"))


def _is_of_option(file: str) -> bool:
    """Return whether a file has values of variables that Terraform does not read by itself."""
    return file.endswith((".tfvars", ".tfvars.json")) and not _is_assignments(file)


_FIRST: Final = ("terraform.tfvars", "terraform.tfvars.json")


def _precedence(file: str) -> tuple[int, str]:
    name = posixpath.basename(file)
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name


def _option_value(module: Module, kind: Attribute | None, text: str) -> Value:
    """Return the value of an option: an expression, unless the variable is a text."""
    if kind is None or (isinstance(kind.expression, Variable) and kind.expression.name in ("string", "any")):
        return text
    source = Source("--parameter", text)
    return Evaluator(source, module, {}).known(read_expression(text, 0, len(text)))


class _Reader:
    """Goes through a module and the local modules that it calls."""

    def __init__(self, facts: CodeFacts) -> None:
        self._facts = facts
        self._notes: set[str] = set()

    def policies(self, module: Module) -> Iterator[FoundPolicy]:
        for block in module.code.blocks:
            if block.kind == "resource" and block.labels[0] in RESOURCES and block.labels[1:]:
                yield from self._of_resource(module, block)
            elif block.kind == "module" and block.labels:
                yield from self._of_module(module, block)

    def _note(self, block: Block, message: str) -> None:
        line = f"{block.source.file}:{block.header.line}: {message}"
        if line not in self._notes:
            self._notes.add(line)
            self._facts.note(line)

    def _of_module(self, module: Module, block: Block) -> Iterator[FoundPolicy]:
        source = _text_of(block.attributes.get("source"))
        name = f"{module.address}module.{block.labels[0]}"
        if not is_local(source):
            passed = [each for each in block.attributes if each not in META_ARGUMENTS]
            about = " ".join((source, block.labels[0], *passed))
            if any(map(_PASSES_POLICY.search, passed)) and _ABOUT_REPOSITORIES.search(about):
                self._note(block, f"{name} ({source}) is not followed: check the plan")
            return
        for instance in module.instances(block):
            child = module.child(block, instance)
            if child:
                yield from self.policies(child)
            else:
                self._note(block, f"{name} ({source}) is not there or too deep, and is not followed: check the plan")

    def _of_resource(self, module: Module, block: Block) -> Iterator[FoundPolicy]:
        kind, label = block.labels[:2]
        policy_name, repository_name = RESOURCES[kind]
        attribute = block.attributes.get(policy_name)
        if attribute is None:
            return
        address = f"{module.address}{kind}.{label}"
        instances = list(module.instances(block))
        if not instances:
            self._note(block, f"{address} is not deployed: its count is 0, or its for_each is empty")
        seen: list[tuple[Value, Value]] = []
        for instance in instances:
            value = module.value_of(attribute, instance.names)
            policy = plain(as_alternatives(policy_of(value)))
            repository = _name_of(module, block.attributes.get(repository_name), instance)
            if policy is not None and (policy, repository) not in seen:
                seen.append((policy, repository))
                region = module.value_of(block.attributes.get("region"), instance.names)
                found = _found(block, attribute, value, f"{address}{instance.key}", policy, repository)
                yield replace(found, region=region if isinstance(region, str) else None)


def _name_of(module: Module, attribute: Attribute | None, instance: Instance) -> str | Unknown | Joined | None:
    name = plain(module.value_of(attribute, instance.names))
    return name if isinstance(name, (str, Unknown, Joined)) else None


def _found(  # noqa: PLR0913, PLR0917 - each argument is one fact about the policy
    block: Block,
    attribute: Attribute,
    value: Value,
    address: str,
    policy: Value,
    repository: str | Unknown | Joined | None,
) -> FoundPolicy:
    """Return a policy where its statements are written: in the file of the resource, or all in another one."""
    file = attribute.source.file
    places = statement_places(value)
    others = {each.file for each in places.values()}
    span = attribute.span
    if len(others) == 1 and file not in others:
        file = others.pop()
        first, last = (each.span.statement for each in (places[min(places)], places[max(places)]))
        span = first._replace(end_line=last.end_line, end_column=last.end_column) if first <= last else first
    own = block.source.file
    return FoundPolicy(
        kind=Kind.TERRAFORM_SOURCE,
        file=file,
        address=address,
        policy=policy,
        span=span,
        statements={index: each.span for index, each in places.items() if each.file == file},
        repository=repository,
        resource=None if own.endswith(".json") else block.span,
        resource_file=None if own == file else own,
    )
