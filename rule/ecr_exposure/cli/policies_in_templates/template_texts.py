"""Values of a template inside a text, and as text; parts of it that are not known stay so."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecr_exposure.cli.found_policies.found_policy import Span
from ecr_exposure.cli.found_policies.unknown_values import (
    Joined,
    Unknown,
    Value,
    joined,
    parts_of,
    references_in,
)

_NOT_ALPHANUMERIC: Final = re.compile("[^0-9A-Za-z]")
_DYNAMIC_REFERENCE: Final = re.compile(r"\{\{resolve:.*?\}\}", re.DOTALL)


class NoValue:
    """AWS::NoValue: the property or element is removed."""


NO_VALUE: Final = NoValue()


class MaybeRemoved(Unknown):
    """An unknown value that may be no value, which removes its member from an object."""

    __slots__ = ()


class Placed(dict[str, Any]):
    """An object of a template, where it is, and where its members are."""

    def __init__(self, content: Mapping[str, Value], span: Span, members: Mapping[str, Span]) -> None:
        """Store the places."""
        super().__init__(content)
        self.span, self.members = span, members


def resolved_text(text: str) -> Value:
    """Return a text in which dynamic references are unknown.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
    """
    if "{{resolve:" not in text:
        return text
    parts: list[str | Unknown] = []
    at = 0
    for found in _DYNAMIC_REFERENCE.finditer(text):
        parts += (text[at : found.start()], Unknown(found[0]))
        at = found.end()
    return joined([*parts, text[at:]])


def first_unknown(value: Value, otherwise: str) -> Unknown:
    """Return the first part of a value that is not known; otherwise: names the value that is known, and wrong."""
    return Unknown(next(references_in(value), otherwise))


def compared(value: Value) -> str:
    """Return a value as a comparison and a key of a mapping see it: as text."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def parts_in(value: Value, reference: str) -> Sequence[str | Unknown]:
    """Return a value inside a text; reference: names one that is no text."""
    match value:
        case str() | Unknown() | Joined():
            return parts_of(value)
        case bool() | int() | float():
            return (json.dumps(value),)
        case NoValue():
            return ()
        case list():
            return [part for n, each in enumerate(value) for part in ("," * (n > 0), *parts_in(each, reference))]
        case _:
            return (Unknown(reference),)


def text_of(parts: Sequence[str | Unknown]) -> Value:
    """Return the parts as one text, in which a dynamic reference is unknown."""
    value = joined(parts)
    if isinstance(value, str):
        return resolved_text(value)
    if isinstance(value, Joined) and any(isinstance(part, str) and "{{resolve:" in part for part in value.parts):
        known = [resolved_text(part) if isinstance(part, str) else part for part in value.parts]
        merged = joined([part for each in known for part in parts_of(each)])
        is_cut = any("{{resolve:" in part for part in parts_of(merged) if isinstance(part, str))
        return Unknown("{{resolve:…}}") if is_cut else merged
    return value


def split_text(delimiter: str, text: str | Joined) -> Value:
    """Return the parts of a text; one that is not known is taken as a value without a delimiter.

    So it is where Fn::Join has made the text of a list that is not known: an ARN for each account of a parameter.
    """
    elements: list[list[str | Unknown]] = [[]]
    for part in parts_of(text):
        first, *others = part.split(delimiter) if isinstance(part, str) else [part]
        elements[-1].append(first)
        elements += [[each] for each in others]
    return [joined(each) for each in elements]


def json_text(value: Value) -> Value:
    """Return a value as JSON text; text that is not known stays so."""
    unknown: list[Unknown] = []

    def mark(each: Value) -> Value:
        match each:
            case Unknown() | Joined():
                marks = []
                for part in parts_of(each):
                    if isinstance(part, Unknown):
                        unknown.append(part)
                        marks.append(f"\ue102{len(unknown) - 1}\ue103")
                    else:
                        marks.append(part)
                return "".join(marks)
            case dict():
                return {key: mark(inner) for key, inner in each.items()}
            case list():
                return [mark(inner) for inner in each]
            case _:
                return each

    before, *pieces = json.dumps(mark(value), ensure_ascii=False, default=str).split("\ue102")
    parts: list[str | Unknown] = [before]
    for piece in pieces:
        number, _, text = piece.partition("\ue103")
        parts += (unknown[int(number)], text)
    return joined(parts)


def key_of_round(key: str, name: str, value: Value) -> str:
    """Return the key of one round of Fn::ForEach, in which the name stands for a value."""
    if not isinstance(value, str):
        return key
    letters = _NOT_ALPHANUMERIC.sub("", value)
    return key.replace(f"${{{name}}}", value).replace(f"&{{{name}}}", letters)
