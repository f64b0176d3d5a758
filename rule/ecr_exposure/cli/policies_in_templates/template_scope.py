"""What the names in a template stand for: parameters, pseudo parameters, resources, mappings, conditions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
"""

from dataclasses import dataclass, field
from typing import Final

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.decisions import Decisions
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.found_policies.unknown_values import Unknown, Value
from ecr_exposure.cli.policies_in_templates.parameter_patterns import unknown_parameter
from ecr_exposure.cli.policies_in_templates.template_nodes import Node
from ecr_exposure.cli.policies_in_templates.template_texts import NO_VALUE, resolved_text

SERVERLESS_ROLE: Final = "IamRoleLambdaExecution"
"""The role that the Serverless Framework adds: https://www.serverless.com/framework/docs/providers/aws/guide/iam"""
_IAM_PRINCIPALS: Final = {"AWS::IAM::Role": "role", "AWS::IAM::User": "user"}
_WITH_OWN_ROLE: Final = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
_STACK: Final = "stack"
_STORED: Final = "AWS::SSM::Parameter::Value<"
# Of a role: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-role.html
_ROLE_ID: Final = "AROAUNKNOWN0000000000"
_MOST_VALUES: Final = 20_000
"""Of one policy, and of the loops around resources: far more than 10,240 characters can have."""


@dataclass(slots=True)
class Template:
    """A template, and what the options say about it. resources: types by logical id. values: read so far.

    serverless: the serverless.yml around it, whose variables are replaced first. with_others: parameters whose default
    was read, and that allow other values; tried: the one of which each allowed value is tried.
    """

    file: str
    facts: CodeFacts
    root: Node
    serverless: Node | None = None
    resources: dict[str, str | None] = field(default_factory=dict)
    values: int = 0
    with_others: set[str] = field(default_factory=set)
    tried: str | None = None

    def count(self, node: Node) -> None:
        """Count a value. Raises NotReadError if a few aliases stand for far too many."""
        self.values += 1
        if self.values > _MOST_VALUES:
            raise NotReadError(self.file, node.span.line, f"the policies here have more than {_MOST_VALUES} values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What names stand for at one place. variables: of the loops around it, or of a Fn::Sub.

    is_exact: an account, a region and a partition that are not known are unknown; otherwise a text stands for them,
    which is right for a principal and wrong for a comparison.
    """

    template: Template
    decisions: Decisions
    variables: dict[str, Value] = field(default_factory=dict)
    is_exact: bool = False

    def reference(self, name: str, given: Value = None) -> Value:
        """Return what Ref returns for a name; given: the value that the template around a nested stack gives it."""
        if name in self.variables:
            return self.variables[name]
        if name.startswith("AWS::"):
            return self._pseudo_parameter(name)
        declared = self.template.root.at("Parameters", name)
        if declared is not None:
            return self._parameter(name, declared, given)
        if self.template.resources.get(name) in _IAM_PRINCIPALS and not self.is_exact:
            return name
        return Unknown(f"!Ref {name}")

    def attribute(self, resource: str, attribute: str) -> Value:
        """Return what Fn::GetAtt returns: an ARN for a role or user of the same template."""
        kind = _IAM_PRINCIPALS.get(self.template.resources.get(resource) or "")
        if kind is None and self.template.resources.get(resource.removesuffix("Role")) in _WITH_OWN_ROLE:
            # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html
            kind = "role" if resource.endswith("Role") else None
        if kind is not None and attribute == "Arn" and not self.is_exact:
            facts = self.template.facts
            return f"arn:{facts.partition_in_text}:iam::{facts.account_in_text}:{kind}/{resource}"
        if kind == "role" and attribute == "RoleId" and not self.is_exact:
            return _ROLE_ID
        return Unknown(f"!GetAtt {resource}.{attribute}")

    def _pseudo_parameter(self, name: str) -> Value:
        facts = self.template.facts
        account, region, partition = facts.account_in_text, facts.region_in_text, facts.partition_in_text
        known, text = {
            "AWS::AccountId": (facts.owner is not None, account),
            "AWS::Region": (facts.region is not None, region),
            "AWS::Partition": (facts.region is not None, partition),
            "AWS::URLSuffix": (facts.region is not None, f"amazonaws.com{'.cn' * (partition == 'aws-cn')}"),
            # The name of a stack has letters, digits and hyphens: one name, and no pattern.
            "AWS::StackName": (False, _STACK),
            "AWS::StackId": (False, f"arn:{partition}:cloudformation:{region}:{account}:stack/{_STACK}/0"),
        }.get(name, (False, None))
        if name == "AWS::NoValue":
            return NO_VALUE
        return text if text is not None and (known or not self.is_exact) else Unknown(f"!Ref {name}")

    def _parameter(self, name: str, declared: Node, given: Value) -> Value:
        kind = _text_of(declared, "Type") or "String"
        text = self.template.facts.parameters.get(name)
        if kind.startswith(_STORED):
            # The template, and a deployment's file of parameters, have the name under which the value is stored.
            if text is None or text.startswith("/"):
                return Unknown(f"!Ref {name}")
            kind = kind.removeprefix(_STORED).removesuffix(">")
        elif isinstance(given, str):
            text = given
        elif given is not None and text is None:
            return given
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        allowed = _texts_of(declared.member("AllowedValues"))
        if text is None:
            text = self._default(name, declared, allowed, is_list=is_list)
        if text is None:
            return unknown_parameter(name, kind, _text_of(declared, "AllowedPattern"), allowed)
        return [resolved_text(each.strip()) for each in text.split(",")] if is_list else resolved_text(text)

    def _default(self, name: str, declared: Node, allowed: tuple[str, ...], *, is_list: bool) -> str | None:
        """Return the default of a parameter, or one of the allowed values where these are tried; None for neither."""
        text, template = _text_of(declared, "Default"), self.template
        if text is not None and len(allowed) > 1:
            template.with_others.add(name)
        if name == template.tried:
            text = None
        elif is_list:
            return text
        return self.decisions.answer(("Ref", name), allowed, (f"!Ref {name}",)) if text is None else text


def _texts_of(node: Node | None) -> tuple[str, ...]:
    content = node.content if node is not None else None
    return tuple(each.text for each in content if each.text is not None) if isinstance(content, list) else ()


def _text_of(node: Node, key: str) -> str | None:
    """Return a scalar as text; a YAML word for true or false as CloudFormation has it."""
    member = node.member(key)
    content = None if member is None else member.content
    if isinstance(content, bool):
        return "true" if content else "false"
    return None if member is None else member.text
