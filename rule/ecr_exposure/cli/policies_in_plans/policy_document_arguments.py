"""The policy that the data source ``aws_iam_policy_document`` of Terraform makes of its arguments.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value, read_policy_text
from ecr_exposure.errors import PolicyError

_TEXTS: Final = {
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
}
_VERSION: Final = "2012-10-17"
_NOTHING: Final = (None, "")
_SOURCES: Final = ("source_json", "source_policy_documents")
_OVERRIDES: Final = ("override_policy_documents", "override_json")


def policy_of_arguments(arguments: Mapping[str, Value]) -> Value:
    """Return the policy of the arguments, in which blocks are lists of objects; missing and null are the same.

    An Unknown stands for an argument, a block, a list of blocks or an element of a list. The whole policy is Unknown
    if a document that overrides others is not known, or if a document is not a policy.
    """
    own = arguments.get("version")
    version = _VERSION if own is None else own
    statements = [_statement(each, arguments) for each in _listed(arguments.get("statement"))]
    try:
        sources, overrides = (_documents(arguments, names) for names in (_SOURCES, _OVERRIDES))
    except PolicyError:
        return Unknown("a document that is not JSON")
    merged: list[Value] = []
    for document in (*sources, {"Version": version, "Statement": statements}, *overrides):
        if isinstance(document, Mapping):
            merged = _merged(merged, _listed(document.get("Statement")))
            # A document can only raise the version.
            if isinstance(version, str) and isinstance(document.get("Version"), str):
                version = max(version, document["Version"])
        elif document in overrides:
            return document  # its statements can replace those of the same Sid
        else:
            merged.append(document)
    return {"Version": version, "Statement": merged}


def _listed(value: Value) -> Sequence[Value]:
    """Return the elements of a list; one that is not known is one element."""
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _documents(arguments: Mapping[str, Value], names: Iterable[str]) -> list[Value]:
    """Return the policies of the documents, each an object or not known. Raises PolicyError."""
    policies = []
    for each in (document for name in names for document in _listed(arguments.get(name))):
        policy = read_policy_text(each) if isinstance(each, (str, Joined)) else each
        if policy is not None and not isinstance(policy, (Mapping, Unknown, Joined)):
            raise PolicyError("", "not an object")
        policies.append(policy)
    return [each for each in policies if each is not None]


def _merged(statements: list[Value], later: Iterable[Value]) -> list[Value]:
    """Return the statements of two documents: one of the later with the same Sid replaces one of the earlier."""
    merged = list(statements)
    places = {sid: index for index, each in enumerate(merged) if (sid := _sid(each))}
    for each in later:
        if (sid := _sid(each)) in places:
            merged[places[sid]] = each
        else:
            merged.append(each)
    return merged


def _sid(statement: Value) -> str:
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return sid if isinstance(sid, str) else ""


def _statement(block: Value, document: Mapping[str, Value]) -> Value:
    if not isinstance(block, Mapping):
        return block
    has_variables = document.get("version") in (None, _VERSION)
    sid, effect = block.get("sid"), block.get("effect")
    statement: dict[str, Value] = {} if sid in _NOTHING else {"Sid": sid}
    statement["Effect"] = "Allow" if effect in _NOTHING else effect
    for argument, element in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if (blocks := _listed(block.get(argument))) != ():
            statement |= _principal(element, blocks, has_variables=has_variables)
    for argument, element in _TEXTS.items():
        if values := _listed(block.get(argument)):
            statement[element] = _one_or_all(_with_variables(values, has_variables=has_variables))
    if conditions := _listed(block.get("condition")):
        statement["Condition"] = _condition(conditions, has_variables=has_variables)
    return statement


def _principal(element: str, blocks: Sequence[Value], *, has_variables: bool) -> dict[str, Value]:
    """Return the element of blocks with a type and identifiers; type "*" with "*" alone is everyone."""
    found: dict[str, list[Value]] = {}
    for block in blocks:
        if not isinstance(block, Mapping):
            return {element: block}
        kind = block.get("type")
        if not isinstance(kind, str):
            return {element: kind}
        found.setdefault(kind, []).extend(
            _with_variables(_listed(block.get("identifiers")), has_variables=has_variables)
        )
    if found == {"*": ["*"]}:
        return {element: "*"}
    return {element: {kind: _one_or_all(values) for kind, values in found.items()}} if found else {}


def _condition(blocks: Iterable[Value], *, has_variables: bool) -> Value:
    """Return the Condition: values of the same operator and key are one list."""
    found: dict[str, dict[str, list[Value]]] = {}
    for block in blocks:
        if not isinstance(block, Mapping):
            return block
        operator, key = block.get("test"), block.get("variable")
        if not isinstance(operator, str) or not isinstance(key, str):
            return operator if isinstance(key, str) else key
        values = found.setdefault(operator, {}).setdefault(key, [])
        values += _with_variables(_listed(block.get("values")), has_variables=has_variables)
    return {operator: {key: _one_or_all(values) for key, values in block.items()} for operator, block in found.items()}


def _with_variables(values: Iterable[Value], *, has_variables: bool) -> list[Value]:
    """Return the values with policy variables, which Terraform code writes as ``&{aws:username}``."""
    return [each.replace("&{", "${") if has_variables and isinstance(each, str) else each for each in values]


def _one_or_all(values: list[Any]) -> Value:
    return values[0] if len(values) == 1 else values
