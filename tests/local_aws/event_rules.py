"""Amazon EventBridge: which events a rule matches, and the text that its input transformer makes of an event.

moto sends no event to an SNS topic, and matches no list of objects. Supports the patterns that the templates use, and
raises NotImplementedError for all others.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_MISSING: Final = object()


def message(rule: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
    """Return the text that the target of an AWS::Events::Rule gets; None if the rule does not match the event."""
    if not _matches(rule["EventPattern"], event):
        return None
    (target,) = rule["Targets"]
    transformer = target["InputTransformer"]
    # A value is not escaped, and one that the event lacks is empty.
    values = {name: _at(path, event) for name, path in transformer["InputPathsMap"].items()}
    filled = re.sub(r"<([A-Za-z0-9_-]+)>", lambda found: values[found[1]], transformer["InputTemplate"])
    text = json.loads(filled)
    if not isinstance(text, str):
        raise NotImplementedError(f"not a text: {filled}")
    return text


def _at(path: str, event: Any) -> str:
    found = event
    for name, index in re.findall(r"\.([A-Za-z-]+)|\[(\d+)\]", path.removeprefix("$")):
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError):
            return ""
    return str(found)


def _matches(pattern: Mapping[str, Any], event: Any) -> bool:
    if isinstance(event, list):
        return any(_matches(pattern, each) for each in event)
    return isinstance(event, Mapping) and all(_field_matches(name, asked, event) for name, asked in pattern.items())


def _field_matches(name: str, asked: Any, event: Mapping[str, Any]) -> bool:
    if name == "$or":
        return any(_matches(each, event) for each in asked)
    value = event.get(name, _MISSING)
    if isinstance(asked, Mapping):
        return _matches(asked, value)
    return any(_value_matches(each, value) for each in asked)


def _value_matches(asked: Any, value: object) -> bool:
    match asked:
        case str():
            return asked == value
        case {"prefix": str(prefix)}:
            return isinstance(value, str) and value.startswith(prefix)
    raise NotImplementedError(f"unsupported filter: {asked}")
