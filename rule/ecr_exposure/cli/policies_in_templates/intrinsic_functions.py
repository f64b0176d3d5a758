"""The values of a template: its functions resolved as far as the template says what they return.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

from ecr_exposure.cli.found_policies.decisions import Decisions
from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value, parts_of, references_in
from ecr_exposure.cli.policies_in_templates.serverless_variables import (
    VARIABLE,
    Path,
    Pseudo,
    has_variable,
    is_policy_variable,
    sources_of,
    without_inner,
)
from ecr_exposure.cli.policies_in_templates.template_nodes import LOOP, Member, Node, function_of
from ecr_exposure.cli.policies_in_templates.template_scope import Scope, Template
from ecr_exposure.cli.policies_in_templates.template_texts import (
    NO_VALUE,
    MaybeRemoved,
    Placed,
    compared,
    first_unknown,
    json_text,
    key_of_round,
    parts_in,
    resolved_text,
    split_text,
    text_of,
)
from ecr_exposure.cli.policies_in_templates.templates_beside import exports_beside, output_of_stack, stacks_of
from ecr_exposure.policy.json_values import DuplicateKey

_SUBSTITUTED: Final = re.compile(r"\$\{(!?)([^${}]*)\}")
_DEEPEST: Final = 100


class Resolver:
    """Resolves the values at one place of a template."""

    def __init__(self, scope: Scope, depth: int = 0) -> None:
        """Store what names stand for."""
        self.scope, self._depth = scope, depth

    def value(self, node: Node) -> Value:
        """Return the value of a node, NO_VALUE if it is removed. Raises NotReadError."""
        self.scope.template.count(node)
        if self._depth >= _DEEPEST:
            raise NotReadError(self.scope.template.file, node.span.line, f"nested deeper than {_DEEPEST} levels")
        self._depth += 1
        try:
            return self._value(node)
        finally:
            self._depth -= 1

    def _value(self, node: Node) -> Value:
        function = function_of(node)
        if function is not None:
            name, argument = function
            known = _FUNCTIONS.get(name)
            return known(self, argument) if known else self._unknown(node, name)
        content = node.content
        if isinstance(content, str):
            return self._text(content)
        if isinstance(content, list):
            return [value for each in content if (value := self.value(each)) is not NO_VALUE]
        return self._object(node, content) if isinstance(content, tuple) else content

    def _text(self, text: str) -> Value:
        if not self._has_variable(text):
            return resolved_text(text)
        replaced = without_inner(text, self._variable)
        if replaced is None:
            return Unknown(text)
        text = replaced
        whole = VARIABLE.fullmatch(text)
        if whole is not None:
            return self._variable(whole[1])
        parts: list[str | Unknown] = []
        at = 0
        for found in VARIABLE.finditer(text):
            parts += [text[at : found.start()], *parts_in(self._variable(found[1]), found[0])]
            at = found.end()
        return text_of([*parts, text[at:]])

    def _has_variable(self, text: str) -> bool:
        return has_variable(text, is_serverless=self.scope.template.serverless is not None)

    def _variable(self, variable: str) -> Value:
        """Return what a variable of a serverless.yml stands for."""
        if is_policy_variable(variable):
            return f"${{{variable}}}"
        for source in sources_of(variable):
            match source:
                case Path():
                    document = self.scope.template.serverless
                    node = document.at(*source) if document is not None else None
                    if node is not None:
                        return self.value(node)
                case Pseudo():
                    return self._reference(source)
                case str():
                    return source
                case None:
                    break
        return Unknown(f"${{{variable}}}")

    def _unknown(self, node: Node, name: str) -> Unknown:
        if node.tag:
            return Unknown(" ".join([node.tag, *filter(None, [node.text])]))
        return Unknown(name)

    def _object(self, node: Node, members: Sequence[Member]) -> Value:
        content: dict[str, Value] = {}
        places: dict[str, Span] = {}
        for key, member, resolver in self.expanded(members):
            value = resolver.value(member.value)
            if value is NO_VALUE:
                continue
            if key in content:
                return DuplicateKey(key)
            content[key], places[key] = value, member.span
        removed = next((each for each in content.values() if isinstance(each, MaybeRemoved)), None)
        return Unknown(removed.reference) if removed else Placed(content, node.span, places)

    def within(self, variables: Mapping[str, Value]) -> "Resolver":
        """Return a resolver for which these names stand for values too."""
        scope = replace(self.scope, variables={**self.scope.variables, **variables})
        return Resolver(scope, self._depth)

    def exactly(self) -> "Resolver":
        """Return a resolver for values that are compared."""
        return Resolver(replace(self.scope, is_exact=True), self._depth)

    # Loops: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html

    def expanded(self, members: Sequence[Member]) -> Iterator[tuple[str, Member, "Resolver"]]:
        """Yield the members of an object, and for a loop those of each round; with the key and resolver of each."""
        for member in members:
            loop = member.value.content if member.key.startswith(LOOP) else None
            if not isinstance(loop, list) or len(loop) != 3 or loop[0].text is None:  # noqa: PLR2004 - its arguments
                yield member.key, member, self
                continue
            name, body = loop[0].text, loop[2].content
            for round_value in self._rounds(name, loop[1]):
                self.scope.template.count(loop[1])
                inner = self.within({name: round_value})
                if isinstance(body, tuple):
                    for key, each, resolver in inner.expanded(body):
                        yield key_of_round(key, name, round_value), each, resolver

    def _rounds(self, name: str, collection: Node) -> Sequence[Value]:
        values = self.value(collection)
        if isinstance(values, list):
            return [each if isinstance(each, str) else Unknown(f"${{{name}}}") for each in values]
        return [Unknown(f"${{{name}}}")]

    # Conditions: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html

    def condition(self, name: str) -> bool | None:
        """Return whether a condition of the template holds; None if that is not known."""
        declared = self.scope.template.root.at("Conditions", name)
        if declared is None or self._depth >= _DEEPEST:
            return self.scope.decisions.answer(("Condition", name), (True, False), (f"!If {name}",))
        self._depth += 1
        try:
            return self.exactly()._holds(declared)  # noqa: SLF001 - its own class
        finally:
            self._depth -= 1

    def _holds(self, node: Node) -> bool | None:
        function = function_of(node)
        if function is None:
            content = node.content
            if isinstance(content, tuple) and len(content) == 1 and content[0].key == "Condition":
                function = "Condition", content[0].value
        name, argument = function or ("", node)
        inner = [] if not isinstance(argument.content, list) else argument.content
        match name:
            case "Condition" if argument.text is not None:
                return self.condition(argument.text)
            case "Fn::Equals" if len(inner) == 2:  # noqa: PLR2004 - its arguments
                return self._are_equal(self.value(inner[0]), self.value(inner[1]))
            case "Fn::Not" if len(inner) == 1:
                holds = self._holds(inner[0])
                return None if holds is None else not holds
            case "Fn::And" | "Fn::Or":
                return self._hold(inner, decisive=name == "Fn::Or")
            case _:
                return self.scope.decisions.answer(("Condition", str(node.span)), (True, False), (name or "!If",))

    def _hold(self, conditions: Sequence[Node], *, decisive: bool) -> bool | None:
        """Return the decisive value if one condition has it, None if that is not known."""
        found = [self._holds(each) for each in conditions]
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    def _are_equal(self, first: Value, second: Value) -> bool | None:
        references = tuple(dict.fromkeys([*references_in(first), *references_in(second)]))
        if not references:
            return compared(first) == compared(second)
        known, unknown = sorted((first, second), key=lambda each: next(references_in(each), ""))
        decisions, question = self.scope.decisions, ("Equals", repr(unknown), repr(known))
        if decisions.has_other_answer(question):
            return False
        return decisions.answer(question, (True, False), references)

    # Functions, by the names that they have in AWS's reference.

    def _ref(self, argument: Node) -> Value:
        name = self.value(argument)
        return self._reference(name) if isinstance(name, str) else first_unknown(name, "!Ref")

    def _reference(self, name: str) -> Value:
        is_parameter = name not in self.scope.variables and self.scope.template.root.at("Parameters", name) is not None
        return self.scope.reference(name, self._given(name) if is_parameter else None)

    def _given(self, name: str) -> Value:
        """Return the value of a parameter in the template that makes a nested stack of this one, None without one."""
        template = self.scope.template
        stacks = stacks_of(template)
        if not stacks:
            return None
        options = tuple(range(len(stacks)))
        number = self.scope.decisions.answer(("stack", template.file), options, (f"!Ref {name}",)) if stacks[1:] else 0
        if number is None:
            return Unknown(f"!Ref {name}")
        parameters = stacks[number].parameters
        given = parameters.member(name) if parameters is not None else None
        value = None if given is None else self._value_in(stacks[number].template, given)
        return None if value is NO_VALUE else value

    def _value_in(self, beside: Template, node: Node, *, is_exact: bool = False) -> Value:
        """Return a value of another template; what is wrong there is told where that one is checked."""
        own = self.scope.template
        template = replace(beside, facts=own.facts, values=0)
        scope = Scope(template=template, decisions=Decisions(), is_exact=is_exact or self.scope.is_exact)
        try:
            return Resolver(scope, self._depth).value(node)
        except NotReadError:
            return Unknown(f"a value in {PurePath(template.file).name}")
        finally:
            own.values += template.values

    def _get_att(self, argument: Node) -> Value:
        name = self.value(argument)
        if isinstance(name, list) and all(isinstance(each, str) for each in name):
            name = ".".join(name)
        if not isinstance(name, str):
            return first_unknown(name, "!GetAtt")
        resource, _, attribute = name.partition(".")
        return self._attribute(resource, attribute)

    def _attribute(self, resource: str, attribute: str) -> Value:
        kind, _, name = attribute.partition(".")
        output = output_of_stack(self.scope.template, resource, name) if kind == "Outputs" else None
        return self._value_in(*output) if output is not None else self.scope.attribute(resource, attribute)

    def _sub(self, argument: Node) -> Value:
        content = argument.content
        first, *variables = content if isinstance(content, list) and content else [argument]
        text = first.text
        if text is not None and self._has_variable(text):
            text = without_inner(text, self._variable)
        if text is None:
            return Unknown(first.text or "!Sub")
        values = self.value(variables[0]) if variables else {}
        resolver = self.within(values if isinstance(values, dict) else {})
        parts: list[str | Unknown] = []
        at = 0
        for found in _SUBSTITUTED.finditer(text):
            parts.append(text[at : found.start()])
            parts += ["${", found[2], "}"] if found[1] else resolver._substituted(found[2].strip())  # noqa: SLF001
            at = found.end()
        return text_of([*parts, text[at:]])

    def _substituted(self, name: str) -> Sequence[str | Unknown]:
        if self._has_variable(f"${{{name}}}"):
            return parts_in(self._variable(name), f"${{{name}}}")
        resource, dot, attribute = name.partition(".")
        is_attribute = dot and name not in self.scope.variables
        value = self._attribute(resource, attribute) if is_attribute else self._reference(name)
        return parts_in(value, f"${{{name}}}")

    def _join(self, argument: Node) -> Value:
        values = self.value(argument)
        if not isinstance(values, list) or len(values) != 2 or not isinstance(values[0], str):  # noqa: PLR2004
            return first_unknown(values, "!Join")
        delimiter, elements = values
        if not isinstance(elements, list):
            return first_unknown(elements, "!Join")
        parts: list[str | Unknown] = []
        for number, each in enumerate(elements):
            parts += [delimiter] * (number > 0)
            parts += parts_in(each, "!Join")
        return text_of(parts)

    def _if(self, argument: Node) -> Value:
        content = argument.content
        if not isinstance(content, list) or len(content) != 3 or content[0].text is None:  # noqa: PLR2004
            return Unknown("!If")
        holds = self.condition(content[0].text)
        if holds is None:
            values = [self.value(each) for each in content[1:]]
            may_be_removed = any(each is NO_VALUE or isinstance(each, MaybeRemoved) for each in values)
            return (MaybeRemoved if may_be_removed else Unknown)(f"!If {content[0].text}")
        return self.value(content[1] if holds else content[2])

    def _find_in_map(self, argument: Node) -> Value:
        content = argument.content
        if not isinstance(content, list) or len(content) not in (3, 4):
            return Unknown("!FindInMap")
        name, *keys = (self.exactly().value(each) for each in content[:3])
        node = self.scope.template.root.at("Mappings", name) if isinstance(name, str) else None
        for key in keys:
            node = self._under_key(node, key)
        if node is not None:
            return self.value(node)
        default = content[3].member("DefaultValue") if len(content) > 3 else None  # noqa: PLR2004 - its arguments
        if default is not None and next(references_in([name, *keys]), None) is None:
            return self.value(default)
        return first_unknown([name, *keys], f"!FindInMap {name}" if isinstance(name, str) else "!FindInMap")

    def _under_key(self, node: Node | None, key: Value) -> Node | None:
        content = node.content if node is not None else None
        if node is None or not isinstance(content, tuple):
            return None
        if isinstance(key, (Unknown, Joined)):
            keys = tuple(dict.fromkeys(each.key for each in content))
            key = self.scope.decisions.answer(("key", key), keys, tuple(references_in(key)))
        return node.member(compared(key)) if key is not None else None

    def _select(self, argument: Node) -> Value:
        content = argument.content
        if not isinstance(content, list) or len(content) != 2:  # noqa: PLR2004 - its arguments
            return Unknown("!Select")
        index, values = self.value(content[0]), self.value(content[1])
        number = str(index)
        if isinstance(values, Unknown) and number.isdecimal():
            return values
        if isinstance(values, list) and number.isdecimal() and int(number) < len(values):
            return values[int(number)]
        return first_unknown([index, values], "!Select")

    def _split(self, argument: Node) -> Value:
        values = self.value(argument)
        match values:
            case [str(delimiter), str() | Joined() as text] if delimiter:
                return split_text(delimiter, text)
            case [str(), Unknown() as text]:
                return text
            case _:
                return first_unknown(values, "!Split")

    def _import_value(self, argument: Node) -> Value:
        name = self.value(argument)
        if not isinstance(name, (str, Joined)):
            return Unknown("!ImportValue")
        reference = f"!ImportValue {''.join(part if isinstance(part, str) else '…' for part in parts_of(name))}"
        found = exports_beside(self.scope.template, name, self._name_in) if isinstance(name, str) else []
        exports = [self._value_in(each.template, each.value) for each in found]
        number = self.scope.decisions.answer(reference, tuple(range(len(exports))), (reference,)) if exports[1:] else 0
        return Unknown(reference) if number is None or not exports else exports[number]

    def _name_in(self, template: Template, node: Node) -> Value:
        return self._value_in(template, node, is_exact=True)

    def _length(self, argument: Node) -> Value:
        values = self.value(argument)
        return len(values) if isinstance(values, list) else first_unknown(values, "Fn::Length")

    def _to_json_string(self, argument: Node) -> Value:
        return json_text(self.value(argument))


_FUNCTIONS: Final[Mapping[str, Callable[[Resolver, Node], Value]]] = {
    "Ref": Resolver._ref,  # noqa: SLF001 - the table of its methods
    "Fn::GetAtt": Resolver._get_att,  # noqa: SLF001
    "Fn::Sub": Resolver._sub,  # noqa: SLF001
    "Fn::Join": Resolver._join,  # noqa: SLF001
    "Fn::If": Resolver._if,  # noqa: SLF001
    "Fn::FindInMap": Resolver._find_in_map,  # noqa: SLF001
    "Fn::Select": Resolver._select,  # noqa: SLF001
    "Fn::Split": Resolver._split,  # noqa: SLF001
    "Fn::ImportValue": Resolver._import_value,  # noqa: SLF001
    "Fn::Length": Resolver._length,  # noqa: SLF001
    "Fn::ToJsonString": Resolver._to_json_string,  # noqa: SLF001
}
