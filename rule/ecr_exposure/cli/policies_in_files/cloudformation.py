"""The repository policies of CloudFormation and SAM templates, and of the resources in a serverless.yml.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ecr-repository.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ecr-repositorycreationtemplate.html
https://www.serverless.com/framework/docs/providers/aws/guide/resources
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ecr_exposure.cli.policies_in_files.code_facts import CodeFacts
from ecr_exposure.cli.policies_in_files.found_policy import (
    FileError,
    FoundPolicy,
    Kind,
    StatementSpan,
    Suppression,
)
from ecr_exposure.cli.policies_in_files.intrinsic_functions import Resolver
from ecr_exposure.cli.policies_in_files.template_decisions import Decisions, each_alternative
from ecr_exposure.cli.policies_in_files.template_nodes import JsonText, Member, Node
from ecr_exposure.cli.policies_in_files.template_policies import policy_in, span_of_property, statement_spans
from ecr_exposure.cli.policies_in_files.template_scope import SERVERLESS_ROLE, Scope, Template
from ecr_exposure.cli.policies_in_files.template_texts import NO_VALUE
from ecr_exposure.cli.policies_in_files.unknown_values import Alternatives, Joined, Unknown, Value
from ecr_exposure.public_on_purpose import day_in

_OWN_MACROS: Final = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions")
_CDK_PATH: Final = "aws:cdk:path"
_METADATA: Final = "EcrExposure"


class _Properties(NamedTuple):
    """The names of the properties of a resource type."""

    policy: str
    tags: str
    name: str | None


_TYPES: Final[Mapping[str | None, _Properties]] = {
    "AWS::ECR::Repository": _Properties("RepositoryPolicyText", "Tags", "RepositoryName"),
    "AWS::ECR::RepositoryCreationTemplate": _Properties("RepositoryPolicy", "ResourceTags", None),
}


def read_cloudformation(file: str, content: str, facts: CodeFacts) -> Iterator[FoundPolicy]:
    """Yield the policies of all templates in a JSON text or YAML stream; none if there is no template.

    Raises FileError if nothing can be read; what cannot be read after that is told by facts.problem.
    """
    addresses: Counter[str] = Counter()
    is_first = True
    try:
        for document in _documents(file, content.removeprefix("\ufeff")):
            for root in _templates(document):
                serverless = None if root is document else document
                for found in _policies(Template(file, facts, root, serverless)):
                    addresses[found.address] += 1
                    number = addresses[found.address]
                    yield found if number == 1 else replace(found, address=f"{found.address}#{number}")
            is_first = False
    except FileError as error:
        if is_first:
            raise
        facts.problem(error)
    except RecursionError:
        raise FileError(file, None, "nested too deep") from None


def _documents(file: str, content: str) -> Iterator[Node]:
    begins_like_json = content.lstrip()[:1] in ("{", "[")
    if begins_like_json:
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


def _templates(document: Node) -> Iterator[Node]:
    """Yield the templates of a document: itself, or those of a serverless.yml."""
    if isinstance(document.content, tuple) and document.member("Resources") is not None:
        yield document
    inner = document.member("resources")
    content = inner.content if inner is not None else None
    for each in content if isinstance(content, list) else [inner]:
        if each is not None and each.member("Resources") is not None:
            yield each


class _Resource(NamedTuple):
    """A resource of a template; scope: with the loops around it."""

    template: Template
    logical_id: str
    member: Member
    scope: Scope

    @property
    def node(self) -> Node:
        """Return what the template says about it."""
        return self.member.value

    @property
    def type_name(self) -> str | None:
        """Return the type of the resource."""
        kind = self.node.member("Type")
        return None if kind is None else kind.text

    def resolver(self, decisions: Decisions) -> Resolver:
        """Return the resolver for one alternative."""
        return Resolver(replace(self.scope, decisions=decisions))

    def property(self, name: str | None) -> Member | None:
        """Return a property as it is written; None if it is not."""
        properties = self.node.member("Properties")
        content = properties.content if properties is not None else None
        members = content if isinstance(content, tuple) else ()
        return next((each for each in reversed(members) if each.key == name), None)

    def value(self, name: str | None) -> Value:
        """Return the value of a property; None if it has none."""
        found = self.property(name)
        value = None if found is None else self.resolver(Decisions()).value(found.value)
        return None if value is NO_VALUE else value


def _policies(template: Template) -> Iterator[FoundPolicy]:
    resources = _resources(template)
    template.resources = {each.logical_id: each.type_name for each in resources}
    if template.serverless is not None:
        template.resources.setdefault(SERVERLESS_ROLE, "AWS::IAM::Role")
    relevant = [each for each in resources if each.type_name in _TYPES]
    if relevant:
        _name_macros(template)
    for resource in relevant:
        try:
            found = _found(resource, _TYPES[resource.type_name])
        except FileError as error:
            template.facts.problem(error)
            continue
        if found is not None:
            yield found


def _resources(template: Template) -> list[_Resource]:
    node = template.root.member("Resources")
    content = node.content if node is not None else None
    resolver = Resolver(Scope(template=template, decisions=Decisions()))
    members = resolver.expanded(content) if isinstance(content, tuple) else ()
    return [_Resource(template, key, member, inner.scope) for key, member, inner in members]


def _name_macros(template: Template) -> None:
    """Say which macros are not run: one could add a repository, or change a policy."""
    declared = template.root.member("Transform")
    content = declared.content if declared is not None else []
    for each in content if isinstance(content, list) else filter(None, [declared]):
        name = each.text or (each.member("Name") or each).text or "a macro"
        if name not in _OWN_MACROS:
            template.facts.note(f"{template.file}: the macro {name} is not run: check the template that it returns")


def _found(resource: _Resource, names: _Properties) -> FoundPolicy | None:
    """Return what is found; None for a resource that is not deployed."""
    resolved = each_alternative(lambda decisions: _policy_in(resource, names, decisions))
    policies = [each for each in resolved.results if not isinstance(each, _NotDeployed)]
    if not policies:
        return None
    written, member = resource.property(names.policy), resource.member
    policy = _together(policies, resolved.references)
    spans = [statement_spans(each, written) for each in policies]
    name, path = resource.value(names.name), resource.node.at("Metadata", _CDK_PATH)
    return FoundPolicy(
        kind=Kind.CLOUDFORMATION,
        file=resource.template.file,
        address=f"Resources.{resource.logical_id}",
        policy=policy,
        span=member.key_span if written is None else span_of_property(written),
        statements=_agreed(spans) if isinstance(policy, Alternatives) else spans[0],
        repository=name if isinstance(name, (str, Unknown, Joined)) else None,
        tags=_tags(resource.value(names.tags)),
        cdk_path=None if path is None else path.text,
        suppression=_suppression(resource),
        resource=member.span,
    )


class _NotDeployed:
    """Stands for a resource whose condition does not hold."""


def _policy_in(resource: _Resource, names: _Properties, decisions: Decisions) -> Value:
    """Return the policy in one alternative."""
    resource.template.values = 0
    resolver = resource.resolver(decisions)
    condition = resource.node.member("Condition")
    if condition is not None and condition.text is not None and resolver.condition(condition.text) is False:
        return _NotDeployed()
    properties = resource.node.member("Properties")
    return None if properties is None else policy_in(resolver, properties, names.policy)


def _together(policies: Sequence[Value], references: tuple[str, ...]) -> Value:
    different: list[Value] = []
    for each in policies:
        if each not in different:
            different.append(each)
    return different[0] if len(different) == 1 else Alternatives(tuple(different), references)


def _agreed(spans: Sequence[Mapping[int, StatementSpan]]) -> dict[int, StatementSpan]:
    """Return the places on which all alternatives that have the statement agree."""
    found: dict[int, set[StatementSpan]] = {}
    for alternative in spans:
        for index, span in alternative.items():
            found.setdefault(index, set()).add(span)
    return {index: next(iter(places)) for index, places in found.items() if len(places) == 1}


def _tags(value: Value) -> Mapping[str, str] | None:
    """Return the tags if all are known."""
    if not isinstance(value, list):
        return None
    tags = {}
    for each in value:
        key, tag = (each.get("Key"), each.get("Value")) if isinstance(each, dict) else (None, None)
        if not isinstance(key, str) or not isinstance(tag, str):
            return None
        tags[key] = tag
    return tags


def _suppression(resource: _Resource) -> Suppression | None:
    """Return what the metadata EcrExposure say; facts.problem takes what is malformed."""
    declared = resource.node.at("Metadata", _METADATA)
    if declared is None:
        return None
    try:
        return _read_suppression(resource.template.file, declared)
    except FileError as error:
        resource.template.facts.problem(error)
        return None


def _read_suppression(file: str, declared: Node) -> Suppression:
    (purpose,) = _members(file, declared, ("PublicOnPurpose",))
    texts = {each.key: each for each in _members(file, purpose.value, ("Reason", "Until"))}
    reason, until = texts.get("Reason"), texts.get("Until")
    text = "" if reason is None else (reason.value.text or "").strip()
    if reason is None or not text or reason.value.tag or isinstance(reason.value.content, bool):
        problem = "not a text" if text else "missing"
        raise FileError(
            file, purpose.key_span.line, f"Reason is {problem}: say why the repository is public on purpose"
        )
    day = None if until is None else until.value.text
    if until is not None and (day is None or day_in(day) is None):
        raise FileError(file, until.key_span.line, f"Until: {day!s:.40} is not a day (YYYY-MM-DD)")
    return Suppression(reason=text, until=day, file=file, span=purpose.span)


def _members(file: str, node: Node, accepted: tuple[str, ...]) -> tuple[Member, ...]:
    content = node.content
    if not isinstance(content, tuple) or not content:
        raise FileError(file, node.span.line, f"{_METADATA}: accepted is {{PublicOnPurpose: {{Reason: …, Until: …}}}}")
    for number, each in enumerate(content):
        if each.key not in accepted:
            names = ", ".join(accepted)
            raise FileError(file, each.key_span.line, f"{_METADATA}: {each.key!r:.40} is no key (accepted: {names})")
        if each.key in {earlier.key for earlier in content[:number]}:
            raise FileError(file, each.key_span.line, f"{_METADATA}: duplicate key {each.key!r}")
    return content
