"""Whether two texts are the same policy: Amazon ECR stores a policy in a format of its own.

AWS does not document how a stored text differs from the sent one, so two policies are the same if the documented
meaning of their elements is: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Users report that the ARN of the root replaces an account ID, and that each read has its own order of principals:
https://github.com/crossplane-contrib/provider-aws/issues/700 and 780.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import is_list, read_json

# An account is named by its digits or by the ARN of its root:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
_ROOT: Final = re.compile(r"\Aarn:aws[a-z-]*:iam::([0-9]{12}):root\Z")
_PRINCIPALS: Final = ("Principal", "NotPrincipal")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html (not case-sensitive)
_ACTIONS: Final = ("Action", "NotAction")
_CONDITION: Final = "Condition"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
_WITHOUT_VERSION: Final = "2008-10-17"


def is_same_policy(one: str | None, other: str | None) -> bool:
    """Return whether two texts are the same policy; None is no policy."""
    if one is None or other is None:
        return one is other
    return one == other or _normalised(one) == _normalised(other)


def _normalised(text: str) -> object:
    """Return a value that is equal for equal policies; the text itself if it is no JSON object."""
    try:
        content = read_json(text)
    except PolicyError:
        return text
    if not isinstance(content, Mapping):
        return text
    statements = content.get("Statement", [])
    listed = statements if is_list(statements) else [statements]
    return {"Version": _WITHOUT_VERSION, **content, "Statement": _sorted(_statement(each) for each in listed)}


def _statement(content: object) -> object:
    if not isinstance(content, Mapping):
        return content
    return {name: _element(name, value) for name, value in content.items()}


def _element(name: str, value: object) -> object:
    if name in _PRINCIPALS:
        kinds = value if isinstance(value, Mapping) else {"AWS": value}
        return {kind: _values(principals, _account) for kind, principals in kinds.items()}
    if name in _ACTIONS:
        return _values(value, str.lower)
    if name == _CONDITION and isinstance(value, Mapping):
        return {operator: _keys(keys) for operator, keys in value.items()}
    return _values(value)


def _keys(keys: object) -> object:
    """Return the condition keys of an operator with their values; the keys are not case-sensitive.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
    """
    return (
        _sorted([key.lower(), _values(values)] for key, values in keys.items()) if isinstance(keys, Mapping) else keys
    )


def _account(principal: str) -> str:
    return _ROOT.sub(r"\1", principal)


def _values(value: object, normalise: Callable[[str], str] = str) -> list[object]:
    """Return a scalar or list as a sorted list of texts: a boolean and a number are compared as text.

    normalise: returns one text for all texts that mean the same.
    """
    listed = value if is_list(value) else (value,)
    return _sorted(normalise(text) if isinstance(text, str) else text for text in map(_scalar, listed))


def _scalar(value: object) -> object:
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _sorted(values: Iterable[object]) -> list[object]:
    """Return the values in one order, each of them once."""
    by_text = {json.dumps(value, sort_keys=True, default=str): value for value in values}
    return [by_text[text] for text in sorted(by_text)]
