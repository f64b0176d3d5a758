"""The policy in a property of a template: an object, or JSON text that functions return; and where its parts are."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span, StatementSpan
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value, read_policy_text
from ecr_exposure.cli.policies_in_templates.intrinsic_functions import Resolver
from ecr_exposure.cli.policies_in_templates.parameter_patterns import WithoutWildcard
from ecr_exposure.cli.policies_in_templates.template_nodes import JsonText, Member, Node, function_of
from ecr_exposure.cli.policies_in_templates.template_texts import NO_VALUE, Placed
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import DuplicateKey, elements

_STATEMENT: Final = "Statement"
_PRINCIPALS: Final = ("Principal", "NotPrincipal")
_AS_WRITTEN: Final = "Condition"
_SUBSTITUTED: Final = re.compile(r"\$\{[^!${}][^${}]*\}")


def policy_in(resolver: Resolver, properties: Node, name: str) -> Value:
    """Return the policy in a property of a resource, with what is unknown; None for no policy. Raises NotReadError."""
    if function_of(properties) is not None:
        value = resolver.value(properties)
        return _policy(value.get(name)) if isinstance(value, dict) else _unknown_or_none(value)
    content = properties.content
    written = [
        (member.value, inner)
        for key, member, inner in resolver.expanded(content if isinstance(content, tuple) else ())
        if key == name
    ]
    if len(written) > 1:
        return DuplicateKey(name)
    for node, inner in written:
        function = function_of(node)
        is_written_as_text = function is not None and function[0] == "Fn::ToJsonString"
        return _policy(inner.value(function[1] if function is not None and is_written_as_text else node))
    return None


def _unknown_or_none(value: Value) -> Value:
    return value if isinstance(value, (Unknown, Joined)) else None


def _policy(value: Value) -> Value:
    if value is NO_VALUE:
        return None
    if isinstance(value, (str, Unknown, Joined)):
        try:
            policy = read_policy_text(value)
        except PolicyError:
            return value
    else:
        policy = _with_texts(value)
    _name_principals(policy)
    return policy


def _name_principals(policy: Value) -> None:
    """Replace the AWS principals that are unknown but no wildcard: ``!Ref Account``, whose pattern is 12 digits.

    Such a value names one principal if it is valid, as the ARN of an unknown account does, and otherwise nobody.
    """
    for statement in elements(policy.get(_STATEMENT)) if isinstance(policy, dict) else ():
        principal = statement.get("Principal") if isinstance(statement, dict) else None
        values = elements(principal.get("AWS")) if isinstance(principal, dict) else ()
        if isinstance(principal, dict) and any(isinstance(each, WithoutWildcard) for each in values):
            principal["AWS"] = [
                Joined(("arn:aws:iam::", each, ":root")) if isinstance(each, WithoutWildcard) else each
                for each in values
            ]


def _with_texts(policy: Value) -> Value:
    """Return a policy with texts in place of numbers, as CloudFormation has them: an account id without quotes.

    The values of conditions keep their types, which a policy may have.
    """
    match policy:
        case Placed():
            content = {key: each if key == _AS_WRITTEN else _with_texts(each) for key, each in policy.items()}
            return Placed(content, policy.span, policy.members)
        case list():
            return [_with_texts(each) for each in policy]
        case int() | float() if not isinstance(policy, bool):
            return str(policy)
        case _:
            return policy


def statement_spans(policy: Value, written: Member | None) -> Mapping[int, StatementSpan]:
    """Return where the statements of a policy are; none of a text that is not on lines of its own."""
    if isinstance(policy, Placed):
        return {
            index: StatementSpan(statement.span, _principal(statement.members))
            for index, statement in enumerate(elements(policy.get(_STATEMENT)))
            if isinstance(statement, Placed)
        }
    root = _root_of_block(written.value) if written is not None else None
    statements = root.member(_STATEMENT) if root is not None else None
    if statements is None or not isinstance(policy, dict):
        return {}
    nodes = statements.content if isinstance(statements.content, list) else [statements]
    if len(nodes) != len(elements(policy.get(_STATEMENT))):
        return {}
    return {index: StatementSpan(node.span, _principal(_member_spans(node))) for index, node in enumerate(nodes)}


def _principal(members: Mapping[str, Span]) -> Span | None:
    return next((members[each] for each in _PRINCIPALS if each in members), None)


def _member_spans(node: Node) -> dict[str, Span]:
    content = node.content
    return {each.key: each.span for each in content} if isinstance(content, tuple) else {}


def _root_of_block(node: Node) -> Node | None:
    """Return the JSON in a literal block, alone or as the text of a Fn::Sub."""
    block = _block(node)
    if block is None:
        return None
    try:
        return block.root()
    except NotReadError:
        return None


def _block(node: Node) -> JsonText | None:
    function = function_of(node)
    if function is None:
        return node.json_in_lines
    name, argument = function
    if name != "Fn::Sub":
        return None
    content: Any = argument.content
    text = content[0] if isinstance(content, list) and content else argument
    block = text.json_in_lines
    return None if block is None else block.with_text(_without_substitutions(block.text))


def _without_substitutions(text: str) -> str:
    """Return a JSON text of the same length in which a value that Fn::Sub replaces is a string."""
    parts, at, in_string = [], 0, False
    for found in _SUBSTITUTED.finditer(text):
        before = text[at : found.start()]
        in_string ^= _quotes(before) % 2 == 1
        length = len(found[0])
        parts += [before, "_" * length if in_string else f'"{"_" * (length - 2)}"']
        at = found.end()
    return "".join([*parts, text[at:]])


def _quotes(text: str) -> int:
    """Return the number of quotation marks that no backslash escapes."""
    return sum(bool(found) for found in re.findall(r'\\.|(")', text))


def span_of_property(written: Member) -> Span:
    """Return where a property is: all of an object; of a text only its key if it begins on another line."""
    whole, key = written.span, written.key_span
    function = function_of(written.value)
    is_object = isinstance(written.value.content, tuple) if function is None else function[0] == "Fn::ToJsonString"
    return whole if is_object or whole.line == whole.end_line else key
