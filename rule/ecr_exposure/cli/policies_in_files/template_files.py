"""The documents of template files, and what the templates beside a file give it: exports, and parameters of its stack.

The output of the AWS CDK is such a folder: a stack imports what another one exports, and nested stacks have
parameters. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from ecr_exposure.cli.policies_in_files.files import decoded
from ecr_exposure.cli.policies_in_files.found_policy import FileError
from ecr_exposure.cli.policies_in_files.template_nodes import JsonText, Member, Node
from ecr_exposure.cli.policies_in_files.template_scope import Template

# The property that says where the template of a nested stack is.
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-application.html
_NESTED: Final = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
# The AWS CDK has the file of a nested stack there: https://docs.aws.amazon.com/cdk/v2/guide/assets.html
_ASSET: Final = "aws:asset:path"
_NEEDED: Final = (b"Export", *(each.encode() for each in _NESTED))
_ENDINGS: Final = (".json", ".yaml", ".yml", ".template")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LARGEST: Final = 1_000_000
_MOST_FILES: Final = 2_000


class Export(NamedTuple):
    """An output that a template exports."""

    template: Template
    name: Node
    value: Node


class NestedStack(NamedTuple):
    """A resource that makes a stack of another template; parameters: that it gives it."""

    template: Template
    logical_id: str
    location: str | None
    parameters: Node | None


def documents(file: str, content: str) -> Iterator[Node]:
    """Yield the documents of a JSON text or a YAML stream. Raises FileError."""
    if content.lstrip()[:1] in ("{", "["):
        try:
            root = JsonText(content, file=file).root()
        except FileError:
            if file.endswith(".json"):
                raise
        else:
            yield root
            return
    from ecr_exposure.cli.policies_in_files.yaml_nodes import yaml_documents  # noqa: PLC0415 - JSON needs no YAML

    yield from yaml_documents(file, content)


def exports_beside(template: Template) -> Iterator[Export]:
    """Yield what the templates in the folder of a template export."""
    for each in _templates_in(PurePath(template.file).parent, template):
        outputs = each.root.member("Outputs")
        for output in _members(outputs):
            name, value = output.value.at("Export", "Name"), output.value.member("Value")
            if name is not None and value is not None:
                yield Export(each, name, value)


def stacks_of(template: Template) -> list[NestedStack]:
    """Return the nested stacks of a template's file that the templates in its folder, and in the one above, make."""
    if template.stacks is None:
        template.stacks = list(_stacks_of(template))
    return template.stacks


def _stacks_of(template: Template) -> Iterator[NestedStack]:
    folder = PurePath(template.file).parent
    return (
        nested
        for each in dict.fromkeys((folder, folder.parent))
        for parent in _templates_in(each, template)
        for nested in nested_stacks(parent)
        if nested.location is not None and _is_same(PurePath(parent.file).parent / nested.location, template.file)
    )


def nested_stacks(template: Template) -> Iterator[NestedStack]:
    """Yield the nested stacks that a template makes. location: a path in the folder of the file, if it is one."""
    for key, resource, _ in _members(template.root.member("Resources")):
        kind = resource.member("Type")
        where = _NESTED.get(kind.text or "") if kind is not None else None
        if where is not None:
            location = resource.at("Metadata", _ASSET) or resource.at("Properties", where)
            path = location.text if location is not None and not location.tag else None
            is_path = path is not None and ":" not in path
            yield NestedStack(template, key, path if is_path else None, resource.at("Properties", "Parameters"))


def _members(node: Node | None) -> tuple[Member, ...]:
    try:
        content = node.content if node is not None else None
    except FileError:
        return ()
    return content if isinstance(content, tuple) else ()


def _is_same(path: PurePath, file: str) -> bool:
    return os.path.normpath(path) == os.path.normpath(file)


def _templates_in(folder: PurePath, template: Template) -> Iterator[Template]:
    """Yield the templates of a folder that export something or make a nested stack."""
    if folder not in template.facts.kept:
        template.facts.kept[folder] = list(_read(str(folder)))
    for file, root in template.facts.kept[folder]:
        found = Template(file, template.facts, root)
        found.resources = {
            key: kind.text for key, each, _ in _members(root.member("Resources")) if (kind := each.member("Type"))
        }
        yield found


def _read(folder: str) -> Iterator[tuple[str, Node]]:
    try:
        with os.scandir(folder) as entries:
            files = sorted(each.path for each in entries if each.name.endswith(_ENDINGS) and each.is_file())
    except OSError:
        return
    for file in files[:_MOST_FILES]:
        try:
            with Path(file).open("rb") as stream:
                content = stream.read(_LARGEST + 1)
            if len(content) <= _LARGEST and any(each in content for each in _NEEDED):
                shown = os.path.normpath(file)
                yield from (
                    (shown, each) for each in documents(shown, decoded(shown, content)) if each.member("Resources")
                )
        except (OSError, FileError, RecursionError):
            continue  # if it is one of the files that are checked, its reader says what is wrong
