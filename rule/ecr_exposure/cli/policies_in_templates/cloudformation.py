"""Repository policies of CloudFormation and SAM templates, of parts of them, and of resources in a serverless.yml.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ecr-repository.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ecr-repositorycreationtemplate.html
https://www.serverless.com/framework/docs/providers/aws/guide/resources
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.decisions import Decisions, each_alternative
from ecr_exposure.cli.found_policies.found_policy import (
    FoundPolicy,
    Kind,
    NotReadError,
    StatementSpan,
    Suppression,
)
from ecr_exposure.cli.found_policies.unknown_values import Alternatives, Joined, Unknown, Value
from ecr_exposure.cli.policies_in_templates.intrinsic_functions import Resolver
from ecr_exposure.cli.policies_in_templates.template_nodes import Member, Node, function_of
from ecr_exposure.cli.policies_in_templates.template_policies import policy_in, span_of_property, statement_spans
from ecr_exposure.cli.policies_in_templates.template_scope import SERVERLESS_ROLE, Scope, Template
from ecr_exposure.cli.policies_in_templates.template_texts import NO_VALUE
from ecr_exposure.cli.policies_in_templates.templates_beside import documents, nested_stacks
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

    Raises NotReadError if nothing can be read; what cannot be read after that is told by facts.problem.
    """
    addresses: Counter[str] = Counter()
    is_first = True
    try:
        for document in documents(file, content.removeprefix("\ufeff")):
            for root, members in _templates(file, document):
                serverless = None if root is document else document
                for found in _policies(Template(file, facts, root, serverless), members):
                    addresses[found.address] += 1
                    number = addresses[found.address]
                    yield found if number == 1 else replace(found, address=f"{found.address}#{number}")
            is_first = False
    except NotReadError as error:
        if is_first:
            raise
        facts.problem(error)
    except RecursionError:
        raise NotReadError(file, None, "nested too deep") from None


def _templates(file: str, document: Node) -> Iterator[tuple[Node, tuple[Member, ...]]]:
    """Yield the templates of a document, and their resources: itself, or those of a serverless.yml."""
    inner = document.member("resources")
    content = inner.content if inner is not None else None
    is_template = False
    for each in [document, *(content if isinstance(content, list) else [inner])]:
        resources = each.member("Resources") if each is not None else None
        if each is not None and resources is not None:
            is_template = True
            yield each, resources.content if isinstance(resources.content, tuple) else ()
    if not is_template:
        yield document, _members_of_part(file, document)


def _members_of_part(file: str, document: Node) -> tuple[Member, ...]:
    """Return the resources in a file that another one includes: several by their logical ids, or one alone.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-include.html
    """
    content = document.content
    if _type_of(document) in _TYPES:
        return (Member(PurePath(file).stem, document, lambda: document.span),)
    members = content if isinstance(content, tuple) else ()
    return members if any(_type_of(each.value) in _TYPES for each in members) else ()


def _type_of(resource: Node) -> str | None:
    kind = resource.member("Type")
    return None if kind is None else kind.text


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
        return _type_of(self.node)

    def resolver(self, decisions: Decisions) -> Resolver:
        """Return the resolver for one alternative."""
        return Resolver(replace(self.scope, decisions=decisions))

    def properties(self, name: str | None) -> Node | None:
        """Return the properties that have one of this name: of an extension in a serverless.yml, or its own.

        https://www.serverless.com/framework/docs/providers/aws/guide/resources
        """
        is_extended = self.template.serverless is not None and name is not None
        extended = self.template.root.at("extensions", self.logical_id, "Properties") if is_extended else None
        has_name = extended is not None and extended.member(name or "") is not None
        return extended if has_name else self.node.member("Properties")

    def property(self, name: str | None) -> Member | None:
        """Return a property as it is written; None if it is not."""
        properties = self.properties(name)
        content = properties.content if properties is not None else None
        members = content if isinstance(content, tuple) else ()
        return next((each for each in reversed(members) if each.key == name), None)

    def value(self, name: str | None) -> Value:
        """Return the value of a property; None if it has none."""
        found = self.property(name)
        value = None if found is None else self.resolver(Decisions()).value(found.value)
        return None if value is NO_VALUE else value


def _policies(template: Template, members: tuple[Member, ...]) -> Iterator[FoundPolicy]:
    resolver = Resolver(Scope(template=template, decisions=Decisions()))
    resources = [_Resource(template, key, member, inner.scope) for key, member, inner in resolver.expanded(members)]
    template.resources = {each.logical_id: each.type_name for each in resources}
    if template.serverless is not None:
        template.resources.setdefault(SERVERLESS_ROLE, "AWS::IAM::Role")
    relevant = [each for each in resources if each.type_name in _TYPES]
    _name_stacks(template)
    if relevant:
        _name_macros(template, members)
    for resource in relevant:
        try:
            found = _found(resource, _TYPES[resource.type_name])
        except NotReadError as error:
            template.facts.problem(error)
            continue
        if found is not None:
            yield found


def _name_macros(template: Template, members: tuple[Member, ...]) -> None:
    """Say which macros are not run: one could add a repository, or change a policy."""
    declared = template.root.member("Transform")
    content = declared.content if declared is not None else []
    macros = [*(content if isinstance(content, list) else filter(None, [declared]))]
    macros += [each.value for each in members if each.key == "Fn::Transform"]
    for macro in macros:
        name = macro.text or (macro.member("Name") or macro).text or "a macro"
        if name not in _OWN_MACROS:
            template.facts.note(f"{template.file}: the macro {name} is not run: check the template that it returns")


def _name_stacks(template: Template) -> None:
    """Say which templates are not followed: what they are given could make a repository public."""
    for nested in nested_stacks(template):
        if nested.location is None and nested.may_decide:
            what = f"the template of {nested.logical_id} is not followed: check it with the parameters that it is given"
            template.facts.note(f"{template.file}: {what}")


def _found(resource: _Resource, names: _Properties) -> FoundPolicy | None:
    """Return what is found; None for a resource that is not deployed."""
    template = resource.template
    template.with_others.clear()
    policies, references = _alternatives(resource, names)
    if not policies:
        if resource.property(names.policy) is not None:
            what = f"Resources.{resource.logical_id} is not deployed: its condition does not hold"
            template.facts.note(f"{template.file}:{resource.member.key_span.line}: {what}")
        return None
    written, member = resource.property(names.policy), resource.member
    policy = _together(policies, references)
    spans = [statement_spans(each, written) for each in policies]
    name, path = resource.value(names.name), resource.node.at("Metadata", _CDK_PATH)
    return FoundPolicy(
        kind=Kind.CLOUDFORMATION,
        file=template.file,
        address=f"Resources.{resource.logical_id}",
        policy=policy,
        with_other_values=_with_other_values(resource, names),
        span=member.key_span if written is None else span_of_property(written),
        statements=_agreed(spans) if isinstance(policy, Alternatives) else spans[0],
        repository=name if isinstance(name, (str, Unknown, Joined)) else None,
        tags=_tags(resource.value(names.tags)),
        cdk_path=None if path is None else path.text,
        suppression=_suppression(resource),
        resource=member.span,
    )


def _alternatives(resource: _Resource, names: _Properties) -> tuple[list[Value], tuple[str, ...]]:
    """Return the policy in each alternative in which the resource is deployed, and what decides between them."""
    resolved = each_alternative(lambda decisions: _policy_in(resource, names, decisions))
    return [each for each in resolved.results if not isinstance(each, _NotDeployed)], resolved.references


def _with_other_values(resource: _Resource, names: _Properties) -> tuple[Value, ...]:
    """Return the policy with the allowed values of each parameter whose default it has; not those of several."""
    template, found = resource.template, []
    try:
        for name in sorted(template.with_others):
            template.tried = name
            policies, references = _alternatives(resource, names)
            if policies and references:  # otherwise there are too many alternatives
                found.append(_together(policies, references))
    finally:
        template.tried = None
    return tuple(found)


class _NotDeployed:
    """Stands for a resource whose condition does not hold."""


def _policy_in(resource: _Resource, names: _Properties, decisions: Decisions) -> Value:
    """Return the policy in one alternative."""
    resource.template.values = 0
    resolver = resource.resolver(decisions)
    condition = resource.node.member("Condition")
    if condition is not None and condition.text is not None and resolver.condition(condition.text) is False:
        return _NotDeployed()
    if function_of(resource.node) is not None:
        return resolver.value(resource.node)  # a macro, which can add a policy
    properties = resource.properties(names.policy)
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
    except NotReadError as error:
        resource.template.facts.problem(error)
        return None


def _read_suppression(file: str, declared: Node) -> Suppression:
    (purpose,) = _members(file, declared, ("PublicOnPurpose",))
    texts = {each.key: each for each in _members(file, purpose.value, ("Reason", "Until"))}
    reason, until = texts.get("Reason"), texts.get("Until")
    text = "" if reason is None else (reason.value.text or "").strip()
    if reason is None or not text or reason.value.tag or isinstance(reason.value.content, bool):
        problem = "not a text" if text else "missing"
        raise NotReadError(
            file, purpose.key_span.line, f"Reason is {problem}: say why the repository is public on purpose"
        )
    day = None if until is None else until.value.text
    if until is not None and (day is None or day_in(day) is None):
        raise NotReadError(file, until.key_span.line, f"Until: {day!s:.40} is not a day (YYYY-MM-DD)")
    return Suppression(reason=text, until=day, file=file, span=purpose.span)


def _members(file: str, node: Node, accepted: tuple[str, ...]) -> tuple[Member, ...]:
    content = node.content
    if not isinstance(content, tuple) or not content:
        raise NotReadError(
            file, node.span.line, f"{_METADATA}: accepted is {{PublicOnPurpose: {{Reason: …, Until: …}}}}"
        )
    for number, each in enumerate(content):
        if each.key not in accepted:
            names = ", ".join(accepted)
            raise NotReadError(file, each.key_span.line, f"{_METADATA}: {each.key!r:.40} is no key (accepted: {names})")
        if each.key in {earlier.key for earlier in content[:number]}:
            raise NotReadError(file, each.key_span.line, f"{_METADATA}: duplicate key {each.key!r}")
    return content
