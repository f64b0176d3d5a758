"""The functions of Terraform that occur in policies, on values that can be unknown.

https://developer.hashicorp.com/terraform/language/functions
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from math import prod
from typing import Final

from ecr_exposure.cli.found_policies.unknown_values import (
    Joined,
    Unknown,
    Value,
    joined,
    read_policy_text,
    references_in,
)
from ecr_exposure.cli.policies_in_terraform.located_values import (
    JsonText,
    LocatedObject,
    MissingError,
    ResourceObject,
    WrittenText,
    as_text,
    first_unknown,
)
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, any_number, choice, may_be_absent, spread
from ecr_exposure.errors import PolicyError

Function = Callable[..., Value]
_LONGEST_RANGE: Final = 1_000
_VERB: Final = re.compile(r"%%|%s|%d|%v|%")


def _as_list(value: Value) -> list[Value]:
    """Return a list; an unknown one is one unknown element."""
    if isinstance(value, list):
        return value
    if isinstance(value, Unknown):
        return [value]
    raise MissingError("not a list")


def _distinct(values: Iterable[Value]) -> list[Value]:
    found: list[Value] = []
    for each in values:
        if each not in found:
            found.append(each)
    return found


def _concat(*lists: Value) -> Value:
    return [each for values in lists for each in _as_list(values)]


def _flatten(value: Value) -> Value:
    if isinstance(value, Unknown):
        return value
    return [inner for each in _as_list(value) for inner in (_flatten(each) if isinstance(each, list) else [each])]


def _to_set(value: Value) -> Value:
    return value if isinstance(value, Unknown) else _distinct(_as_list(value))


def _to_list(value: Value) -> Value:
    return value if isinstance(value, Unknown) else list(_as_list(value))


def _sort(value: Value) -> Value:
    values = _as_list(value)
    return values if first_unknown(value) else sorted(values)


def _compact(value: Value) -> Value:
    return value if isinstance(value, Unknown) else [each for each in _as_list(value) if each not in (None, "")]


def _one(value: Value) -> Value:
    if isinstance(value, Unknown):
        return value
    values = _as_list(value)
    if any(map(may_be_absent, values)):
        return first_unknown(values)
    if len(values) > 1:
        raise MissingError("more than one element")
    return values[0] if values else None


def _element(value: Value, index: Value) -> Value:
    values = _as_list(value)
    unknown = first_unknown([index, *(each for each in values if may_be_absent(each))])
    if unknown:
        return unknown
    if not values:
        raise MissingError("an empty list has no element")
    return values[int(index) % len(values)]


def _length(value: Value) -> Value:
    if isinstance(value, (str, Mapping)):
        return len(value)
    values = _as_list(value)
    return first_unknown([each for each in values if may_be_absent(each)]) or len(values)


def _join(separator: Value, *lists: Value) -> Value:
    parts: list[str | Unknown] = []
    for each in _concat(*lists):
        parts += [*_parts(separator), *_parts(each)] if parts else _parts(each)
    return joined(parts)


def _parts(value: Value) -> list[str | Unknown]:
    text = as_text(value)
    return list(text.parts) if isinstance(text, Joined) else [text]


def _format(pattern: Value, *values: Value) -> Value:
    pattern = as_text(pattern)
    if not isinstance(pattern, str):
        return first_unknown(pattern)
    parts: list[str | Unknown] = []
    rest, at = iter(values), 0
    for found in _VERB.finditer(pattern):
        parts.append(pattern[at : found.start()])
        at = found.end()
        if found[0] == "%%":
            parts.append("%")
        elif found[0] == "%":
            raise MissingError("a verb that is not known")
        else:
            parts += _parts(next(rest, None))
    return joined([*parts, pattern[at:]])


def _format_list(pattern: Value, *values: Value) -> Value:
    lists = [_as_list(each) if isinstance(each, (list, Unknown)) else None for each in values]
    length = max((len(each) for each in lists if each is not None), default=1)
    results = []
    for at in range(length):
        arguments = [value if each is None else each[at] for value, each in zip(values, lists, strict=True)]
        text = _format(pattern, *arguments)
        is_uncertain = any(each and may_be_absent(each[at]) for each in lists)
        results.append(any_number(text) if is_uncertain and isinstance(text, Joined) else text)
    return results


def _merge(*objects: Value) -> Value:
    unknown = next((each for each in objects if isinstance(each, Unknown)), None)
    if unknown:
        return unknown
    merged: dict[str, Value] = {}
    last: LocatedObject | None = None
    for each in objects:
        if each is not None:
            merged.update(each)
            # The object that has the Principal is the place of a statement.
            if isinstance(each, LocatedObject) and not (last and "Principal" in last and "Principal" not in each):
                last = each
    return merged if last is None else last.with_content(merged)


def _lookup(value: Value, key: Value, *default: Value) -> Value:
    if isinstance(value, Unknown):
        return value
    decides = first_unknown(key)
    if decides:
        return one_of_all(value, decides, *default) if default else decides
    if key in value:
        return value[key]
    if not default:
        raise MissingError(f"no element {key!r}")
    return default[0]


def one_of_all(value: Value, decides: Unknown, *default: Value) -> Value:
    """Return one of the values of an object or a list, by a key that is not known."""
    if not isinstance(value, (Mapping, list)) or isinstance(value, ResourceObject):
        return decides
    options = (*(value.values() if isinstance(value, Mapping) else value), *default)
    if any(each != options[0] for each in options):
        return choice(decides.reference, object(), options)
    return options[0] if options else decides


def _coalesce(*values: Value) -> Value:
    for each in values:
        if each is not None and each != "":
            return each
    raise MissingError("no value")


def _coalesce_list(*values: Value) -> Value:
    for at, each in enumerate(values):
        if isinstance(each, Unknown) or (each and all(map(may_be_absent, each))):
            others = values[at + 1 :]  # one of them counts if this one is empty
            reference = next(references_in(each))
            return choice(reference, object(), (each, _coalesce_list(*others))) if others else each
        if each:
            return each
    raise MissingError("no list")


def _json_decode(value: Value) -> Value:
    if isinstance(value, JsonText):
        return value.value
    try:
        return read_policy_text(as_text(value))
    except PolicyError as error:
        raise MissingError(str(error)) from None


def _contains(value: Value, wanted: Value) -> Value:
    values = _as_list(value)
    return wanted in values or first_unknown(value) or first_unknown(wanted) or False


def _keys(value: Value) -> Value:
    return value if isinstance(value, Unknown) else sorted(value)


def _values(value: Value) -> Value:
    return value if isinstance(value, Unknown) else [value[key] for key in sorted(value)]


def _to_string(value: Value) -> Value:
    return value if value is None else as_text(value)


def _to_bool(value: Value) -> Value:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _zip_map(keys: Value, values: Value) -> Value:
    unknown = first_unknown(keys) or (values if isinstance(values, Unknown) else None)
    return unknown or dict(zip(keys, values, strict=True))


def _known(function: Callable[..., Value]) -> Function:
    def on_known(*values: Value) -> Value:
        return next(filter(None, map(first_unknown, values)), None) or function(*values)

    return on_known


def _slice(values: list[Value], start: int, end: int) -> Value:
    if not 0 <= start <= end <= len(values):
        raise MissingError("no such elements")
    return values[start:end]


def _range(*limits: int) -> Value:
    if len(limits) > 2 or max(map(abs, limits)) > _LONGEST_RANGE:  # noqa: PLR2004 - a step is rare
        raise MissingError("a long range, or one with a step")
    return list(range(*limits))


def _product(*sets: list[Value]) -> Value:
    if prod(map(len, sets)) > _LONGEST_RANGE:
        raise MissingError("a large product")
    return [list(each) for each in product(*sets)]


def _replace(text: str, old: str, new: str) -> str:
    if old.startswith("/") and old.endswith("/") and len(old) > 1:
        raise MissingError("a regular expression is not evaluated")
    return text.replace(old, new)


_ANY: Final[dict[str, Function]] = {
    "coalesce": _coalesce,
    "coalescelist": _coalesce_list,
    "compact": _compact,
    "concat": _concat,
    "contains": _contains,
    "distinct": _to_set,
    "element": _element,
    "flatten": _flatten,
    "format": _format,
    "formatlist": _format_list,
    "join": _join,
    "jsondecode": _json_decode,
    "jsonencode": lambda value: value if isinstance(value, Unknown) else JsonText(value),
    "keys": _keys,
    "length": _length,
    "lookup": _lookup,
    "merge": _merge,
    "nonsensitive": lambda value: value,
    "one": _one,
    "sensitive": lambda value: value,
    "setunion": lambda *sets: _distinct(_concat(*sets)),
    "sort": _sort,
    "tobool": _to_bool,
    "tolist": _to_list,
    "tomap": lambda value: value,
    "toset": _to_set,
    "tostring": _to_string,
    "values": _values,
    "zipmap": _zip_map,
}
_ON_TEXT: Final[dict[str, Function]] = {
    "abspath": lambda text: text,
    "alltrue": lambda values: all(each in (True, "true") for each in values),
    "anytrue": lambda values: any(each in (True, "true") for each in values),
    "endswith": lambda text, end: text.endswith(end),
    "range": _range,
    "reverse": lambda values: values[::-1],
    "setintersection": lambda first, *others: [each for each in first if all(each in other for other in others)],
    "setproduct": _product,
    "setsubtract": lambda values, other: [each for each in values if each not in other],
    "slice": _slice,
    "lower": lambda text: text.lower(),
    "replace": _replace,
    "split": lambda separator, text: text.split(separator) if separator else list(text),
    "startswith": lambda text, start: text.startswith(start),
    "strcontains": lambda text, part: part in text,
    "substr": lambda text, start, length: text[start:] if length < 0 else text[start : start + length],
    "tonumber": lambda text: json.loads(text) if isinstance(text, str) else text,
    "trim": lambda text, characters: text.strip(characters),
    "trimprefix": lambda text, prefix: text.removeprefix(prefix),
    "trimspace": lambda text: text.strip() if isinstance(text, str) else text,
    "trimsuffix": lambda text, suffix: text.removesuffix(suffix),
    "upper": lambda text: text.upper(),
}
FUNCTIONS: Final[Mapping[str, Function]] = {**_ANY, **{name: _known(each) for name, each in _ON_TEXT.items()}}


# What they return depends on whether an element is there.
_OF_ELEMENTS: Final = ("alltrue", "anytrue", "coalescelist", "contains", "element", "join", "length", "one", "slice")


def on_each_option(value: Value, function: Callable[[Value], Value]) -> Value:
    """Return what a function makes of a value, and of each option where it is one of several."""
    if not isinstance(value, Choice):
        return function(value)
    try:
        options = tuple(on_each_option(each, function) for each in value.options)
        return choice(value.reference, value.question, options)
    except MissingError:
        return Unknown(value.reference)


def call(name: str, values: list[Value]) -> Value:
    """Return the result of a function. Raises MissingError if there is none, KeyError for a name that is not known."""
    if name in _OF_ELEMENTS:
        values = [spread(each) if isinstance(each, list) else each for each in values]
    choices = [at for at, each in enumerate(values) if isinstance(each, Choice)]
    if name == "concat":
        return _called(name, values)  # a choice stays an element
    if len(choices) == 1:
        at = choices[0]
        return on_each_option(values[at], lambda each: _called(name, [*values[:at], each, *values[at + 1 :]]))
    return _called(name, [Unknown(each.reference) if isinstance(each, Choice) else each for each in values])


def _called(name: str, values: list[Value]) -> Value:
    function = FUNCTIONS[name]
    if name in _ON_TEXT and name != "trimspace":
        values = [as_text(each) if isinstance(each, (JsonText, WrittenText)) else each for each in values]
    try:
        return function(*values)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MissingError(str(error)) from None
