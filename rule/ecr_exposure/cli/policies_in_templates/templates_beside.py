"""The documents of template files, and what the templates beside a file give it: exports, and parameters of its stack.

The output of the AWS CDK is such a folder: a stack imports what another one exports, and nested stacks have
parameters. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.file_texts import decoded
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.found_policies.unknown_values import Value
from ecr_exposure.cli.policies_in_templates.template_nodes import JsonText, Member, Node
from ecr_exposure.cli.policies_in_templates.template_scope import Template

# The property that says where the template of a nested stack is.
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-application.html
_NESTED: Final = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::CloudFormation::StackSet": "TemplateURL",
    "AWS::Serverless::Application": "Location",
}
# The AWS CDK has the file of a nested stack there: https://docs.aws.amazon.com/cdk/v2/guide/assets.html
_ASSET: Final = "aws:asset:path"
_NEEDED: Final = (b"Export", *(each.encode() for each in _NESTED))
_ABOUT_REPOSITORIES: Final = re.compile(r"(?<![a-z])ecr|repositor|container", re.IGNORECASE)
_ABOUT_ACCESS: Final = re.compile("polic|principal|reader|consumer|account|arn|role|trust|org", re.IGNORECASE)
_ENDINGS: Final = (".json", ".yaml", ".yml", ".template")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LARGEST: Final = 1_000_000
_MOST_FILES: Final = 2_000


class Export(NamedTuple):
    """The value of an output that a template exports."""

    template: Template
    value: Node


class NestedStack(NamedTuple):
    """A resource that makes a stack of another template.

    location: a path, seen from the folder of the file; None for a template elsewhere. parameters: that it gives it.
    may_decide: the other template may have repositories, and a parameter say who has access; or it is in a property.
    """

    template: Template
    logical_id: str
    location: str | None
    parameters: Node | None
    may_decide: bool


def documents(file: str, content: str) -> Iterator[Node]:
    """Yield the documents of a JSON text or a YAML stream. Raises NotReadError."""
    if content.lstrip()[:1] in ("{", "["):
        try:
            root = JsonText(content, file=file).root()
        except NotReadError:
            if file.endswith(".json"):
                raise
        else:
            yield root
            return
    from ecr_exposure.cli.policies_in_templates.yaml_nodes import yaml_documents  # noqa: PLC0415 - JSON needs no YAML

    yield from yaml_documents(file, content)


def exports_beside(template: Template, name: str, name_of: Callable[[Template, Node], Value]) -> list[Export]:
    """Return what the templates in the folder of a template export by a name. name_of: resolves a name."""
    folder = Path(template.file).absolute().parent
    kept = template.facts.kept.get(("exports", folder))
    if kept is None:
        kept = template.facts.kept["exports", folder] = defaultdict(list)
        for each in _templates_in(folder, template):
            with suppress(NotReadError):  # the reader of that file says what is wrong
                for output in _members(each.root.member("Outputs")):
                    written, value = output.value.at("Export", "Name"), output.value.member("Value")
                    found = name_of(each, written) if written is not None else None
                    if isinstance(found, str) and value is not None:
                        kept[found].append(Export(each, value))
    return list(kept.get(name, ()))


def stacks_of(template: Template) -> list[NestedStack]:
    """Return the nested stacks of a template's file that the templates in its folder, and in the one above, make."""
    file = os.path.abspath(template.file)  # noqa: PTH100 - without the dots that Path keeps
    folder = Path(file).parent
    return [
        nested for each in dict.fromkeys((folder, folder.parent)) for nested in _stacks_in(each, template).get(file, ())
    ]


def _stacks_in(folder: Path, template: Template) -> Mapping[str, list[NestedStack]]:
    kept: dict[str, list[NestedStack]] | None = template.facts.kept.get(("stacks", folder))
    if kept is None:
        kept = template.facts.kept["stacks", folder] = defaultdict(list)
        for parent in _templates_in(folder, template):
            with suppress(NotReadError):  # the reader of that file says what is wrong
                for nested in nested_stacks(parent):
                    if nested.location is not None:
                        kept[os.path.normpath(Path(parent.file).parent / nested.location)].append(nested)
    return kept


def output_of_stack(template: Template, logical_id: str, name: str) -> Export | None:
    """Return an output of a nested stack, None if its template is not there."""
    for nested in nested_stacks(template):
        if nested.logical_id == logical_id and nested.location is not None:
            file = os.path.normpath(Path(template.file).absolute().parent / nested.location)
            if file not in template.facts.kept:
                template.facts.kept[file] = list(_read_file(file, template.facts, [b"Outputs"]))
            for child in template.facts.kept[file]:
                value = child.root.at("Outputs", name, "Value")
                if value is not None:
                    return Export(child, value)
    return None


def nested_stacks(template: Template) -> Iterator[NestedStack]:
    """Yield the nested stacks that a template makes."""
    for key, resource, _ in _members(template.root.member("Resources")):
        kind = resource.member("Type")
        where = _NESTED.get(kind.text or "") if kind is not None else None
        if where is not None:
            location = resource.at("Metadata", _ASSET) or resource.at("Properties", where)
            path = location.text if location is not None and not location.tag else None
            is_path = path is not None and ":" not in path
            parameters = resource.at("Properties", "Parameters")
            may_decide = _may_decide(resource, f"{key} {location.text if location is not None else None}", parameters)
            yield NestedStack(template, key, path if is_path else None, parameters, may_decide)


def _may_decide(resource: Node, names: str, parameters: Node | None) -> bool:
    body = resource.at("Properties", "TemplateBody")
    content = parameters.content if parameters is not None else None
    # A StackSet has a list of them.
    keys = [each.member("ParameterKey") for each in content] if isinstance(content, list) else []
    passed = [*(each.key for each in _members(parameters)), *(each.text or "" for each in keys if each is not None)]
    is_about_access = any(map(_ABOUT_ACCESS.search, passed))
    is_about_repositories = _ABOUT_REPOSITORIES.search(" ".join((names, *passed))) is not None
    has_repository = body is not None and "AWS::ECR::Repository" in (body.text or "")
    return has_repository or (is_about_access and is_about_repositories)


def _members(node: Node | None) -> tuple[Member, ...]:
    content = node.content if node is not None else None
    return content if isinstance(content, tuple) else ()


def _templates_in(folder: Path, template: Template) -> list[Template]:
    """Return the templates of a folder that export something or make a nested stack."""
    if folder not in template.facts.kept:
        template.facts.kept[folder] = list(_read(folder, template.facts))
    found: list[Template] = template.facts.kept[folder]
    return found


def _types_in(root: Node) -> dict[str, str | None]:
    kinds = ((key, resource.member("Type")) for key, resource, _ in _members(root.member("Resources")))
    return {key: kind.text for key, kind in kinds if kind is not None}


def _read(folder: Path, facts: CodeFacts) -> Iterator[Template]:
    try:
        with os.scandir(folder) as entries:
            files = sorted(each.path for each in entries if each.name.endswith(_ENDINGS) and each.is_file())
    except OSError:
        return
    for file in files[:_MOST_FILES]:
        yield from _read_file(file, facts, _NEEDED)


def _read_file(file: str, facts: CodeFacts, needed: Iterable[bytes]) -> Iterator[Template]:
    """Yield the templates of a file that has one of the texts; of a broken one its own reader says what is wrong."""
    with suppress(OSError, NotReadError, RecursionError):
        with Path(file).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) <= _LARGEST and any(each in content for each in needed):
            for root in documents(file, decoded(file, content)):
                yield Template(file, facts, root, resources=_types_in(root))
