"""The JSON policy that a data source `aws_iam_policy_document` makes from its blocks.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, Final

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value, read_policy_text
from ecr_exposure.cli.hcl.hcl_reader import Block
from ecr_exposure.cli.policies_in_terraform.located_values import (
    JsonText,
    LocatedObject,
    MissingError,
    as_text,
    first_unknown,
)
from ecr_exposure.cli.policies_in_terraform.terraform_instances import Names
from ecr_exposure.cli.policies_in_terraform.terraform_module import Module, Repeated, nested_blocks
from ecr_exposure.cli.policies_in_terraform.uncertain_statements import maybe_absent, maybe_met
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, are_few, choice
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import elements

_LISTS: Final = {
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
}
_PRINCIPALS: Final = {"principals": "Principal", "not_principals": "NotPrincipal"}
_VERSION: Final = "2012-10-17"
_NO_DOCUMENT: Final = (None, "")
_NO_TEXT: Final = "a value that is no text"


def read_document(module: Module, block: Block, names: Names) -> Value:
    """Return the policy of a data source, with the documents that it is merged with; a Choice if it is one of several.

    Later documents replace the statements of earlier ones.
    """
    attributes = block.attributes
    own = [_statement(module, each) for each in nested_blocks(module, block, "statement", names)]
    if "statement" in attributes and attributes["statement"].text != "[]" and not block.blocks_of("statement"):
        own.append(Unknown(f"data.{'.'.join(block.labels)}"))
    version = module.value_of(attributes.get("version"), names)
    sources = _documents(module, block, ("source_json", "source_policy_documents"), names)
    overrides = _documents(module, block, ("override_json", "override_policy_documents"), names)
    document = {"Version": _VERSION if version is None else version, "Statement": own}
    return _merged([(each, False) for each in (*sources, document)] + [(each, True) for each in overrides], {})


def _documents(module: Module, block: Block, names_of_lists: tuple[str, str], names: Names) -> list[Value]:
    """Return the documents that are merged; Unknown for one that is not known."""
    values = (module.value_of(block.attributes.get(name), names) for name in names_of_lists)
    return [each for value in values for each in elements(value)]


def _merged(documents: list[tuple[Value, bool]], answers: Mapping[Hashable, int]) -> Value:
    """Return the policy of documents, each with whether it overrides those before it."""
    choices = [at for at, (each, _) in enumerate(documents) if isinstance(each, Choice)]
    # The same question has one answer, however often it is asked.
    questions = {each.question: each for each, _ in documents if isinstance(each, Choice)}
    if not choices or not are_few(questions.values()):
        merged = _Merged()
        for document, overrides in documents:
            if document not in _NO_DOCUMENT:
                merged.add(policy_of(document), overrides=overrides)
        return {"Version": merged.version, "Statement": merged.statements}
    at = choices[0]
    chosen, overrides = documents[at]

    def with_option(number: int) -> Value:
        option = [(each, overrides) for each in elements(chosen.options[number])]
        return _merged([*documents[:at], *option, *documents[at + 1 :]], {**answers, chosen.question: number})

    if chosen.question in answers:
        return with_option(answers[chosen.question])
    return choice(chosen.reference, chosen.question, tuple(map(with_option, range(len(chosen.options)))))


def policy_of(value: Value) -> Value:
    """Return the policy of a text, with unknown parts; the text itself if it is no JSON."""
    if isinstance(value, Choice):
        return replace(value, options=tuple(map(policy_of, value.options)))
    if isinstance(value, JsonText):
        return value.value
    if isinstance(value, Unknown):
        return value
    try:
        text = as_text(value)
    except MissingError:
        return value
    try:
        return read_policy_text(text)
    except PolicyError:
        # A directive or a join can be anything, also the comma that is missing.
        return first_unknown(text) or text


class _Merged:
    """Documents that are merged: a statement replaces an earlier one with its Sid."""

    def __init__(self) -> None:
        self.version: Value = ""
        self.statements: list[Value] = []

    def add(self, document: Value, *, overrides: bool = False) -> None:
        """Merge one document; of one that is not known, each statement may replace one."""
        if not isinstance(document, Mapping):
            unknown = first_unknown(document) or Unknown("a document that is no policy")
            if overrides:
                self.statements = [_replaceable(each, unknown) for each in self.statements]
            self.statements.append(unknown)
            return
        version = document.get("Version")
        if not isinstance(version, str) or version > str(self.version):
            self.version = version if version is not None else self.version
        for statement in elements(document.get("Statement") or []):
            sid = statement.get("Sid") if isinstance(statement, Mapping) else None
            sids = [each.get("Sid") if isinstance(each, Mapping) else None for each in self.statements]
            if isinstance(sid, str) and sid in sids:
                self.statements[sids.index(sid)] = statement
            else:
                self.statements.append(statement)


def _replaceable(statement: Value, unknown: Unknown) -> Value:
    has_sid = isinstance(statement, Mapping) and statement.get("Sid")
    return maybe_absent(statement, unknown) if has_sid else statement


def _statement(module: Module, repeated: Repeated) -> Value:
    block, names, unknown = repeated
    values = {name: module.value_of(each, names) for name, each in block.attributes.items()}
    content: dict[str, Value] = {}
    if values.get("sid") not in (None, ""):
        content["Sid"] = values["sid"]
    content["Effect"] = "Allow" if values.get("effect") is None else values["effect"]
    places: dict[str, tuple[int, int]] = {}
    for kind, element in _PRINCIPALS.items():
        found = list(nested_blocks(module, block, kind, names))
        if found:
            content[element] = _principal(module, found)
            places[element] = found[0].block.start, max(each.block.end for each in found)
    for name, element in _LISTS.items():
        if values.get(name) not in (None, []):
            content[element] = _with_variables(values[name])
    conditions = list(nested_blocks(module, block, "condition", names))
    if conditions:
        content["Condition"] = _condition(module, conditions)
    statement = LocatedObject(content, block.source, block.start, block.end, places)
    return maybe_absent(statement, unknown) if unknown else statement


def _principal(module: Module, found: list[Repeated]) -> Value:
    """Return the Principal; of type "*" with the only identifier "*" it is `"*"`."""
    principals: dict[str, list[Value]] = {}
    for block, names, unknown in found:
        kind = module.value_of(block.attributes.get("type"), names)
        identifiers = _with_variables(module.value_of(block.attributes.get("identifiers"), names))
        if not isinstance(kind, str):
            return first_unknown([kind, identifiers]) or Unknown(_NO_TEXT)
        if kind == "*" and isinstance(identifiers, Unknown) and len(found) == 1:
            return identifiers
        values = list(elements(identifiers)) if identifiers is not None else []
        if unknown:
            values = [each if isinstance(each, (Unknown, Joined)) else unknown for each in values]
        principals.setdefault(kind, []).extend(values)
    return "*" if principals == {"*": ["*"]} else principals


def _condition(module: Module, found: list[Repeated]) -> Value:
    """Return the Condition, with an unknown part for a block that may be absent, or whose test is unknown."""
    condition: dict[str, Any] = {}
    uncertain: list[tuple[Unknown, bool]] = []
    others: list[tuple[Unknown, Value, Value]] = []
    for block, names, unknown in found:
        values = {name: module.value_of(each, names) for name, each in block.attributes.items()}
        test, variable = values.get("test"), values.get("variable")
        if unknown or not isinstance(test, str) or not isinstance(variable, str):
            reference = unknown or first_unknown([test, variable]) or Unknown(_NO_TEXT)
            uncertain.append((reference, unknown is None))
            others.append((reference, test, variable))
            continue
        listed = _with_variables(values.get("values"))
        condition.setdefault(test, {}).setdefault(variable, []).extend(elements(listed) if listed is not None else [])
    for reference, test, variable in others:
        _add_values(condition, reference, test, variable)
    if not uncertain:
        return condition
    reference, is_there = max(uncertain, key=lambda each: each[1])
    return maybe_met(condition, reference, is_there=is_there)


def _add_values(condition: Mapping[str, Any], reference: Unknown, test: Value, variable: Value) -> None:
    """Add an unknown value to each test of a key that an uncertain block may be about.

    The provider joins the values of blocks with the same test and variable, so that a block can also add access.
    """
    for operator, block in condition.items():
        for key, values in block.items():
            if (test == operator or not isinstance(test, str)) and (variable == key or not isinstance(variable, str)):
                values.append(reference)


def _with_variables(value: Value) -> Value:
    """Return values with `&{` as `${`, which begins a policy variable."""
    if isinstance(value, str):
        return value.replace("&{", "${")
    if isinstance(value, Joined):
        return Joined(tuple(part.replace("&{", "${") if isinstance(part, str) else part for part in value.parts))
    return [_with_variables(each) for each in value] if isinstance(value, list) else value
