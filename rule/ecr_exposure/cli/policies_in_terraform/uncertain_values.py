"""Unknown values of which Terraform code says something: how many they are, what they can be.

All of them are unknown values for a reader that asks for nothing more.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from ecr_exposure.cli.found_policies.decisions import Decisions, each_alternative
from ecr_exposure.cli.found_policies.unknown_values import Alternatives, Joined, Named, Unknown, Value, joined
from ecr_exposure.cli.policies_in_terraform.located_values import JsonText, WrittenText

_MOST_OPTIONS: Final = 36
_NO_POLICY: Final = (None, "")


@dataclass(frozen=True, slots=True)
class AnyNumber(Joined):
    """A text that is in a list any number of times, and maybe never."""


@dataclass(frozen=True, slots=True)
class Choice(Unknown):
    """One of several values; question: what decides it, the same wherever the same answer does."""

    question: Hashable
    options: tuple[Value, ...]


def choice(reference: str, question: Hashable, options: tuple[Value, ...]) -> Unknown:
    """Return one of several values, an Unknown if there are too many."""
    return Choice(reference, question, options) if sum(map(_leaves, options)) <= _MOST_OPTIONS else Unknown(reference)


def are_few(choices: Iterable[Choice]) -> bool:
    """Return whether all answers to these together can be looked at."""
    return prod(map(_leaves, choices)) <= _MOST_OPTIONS


def _leaves(value: Value) -> int:
    return sum(map(_leaves, value.options)) if isinstance(value, Choice) else 1


def spread(values: list[Value]) -> Value:
    """Return a list with one of several lists in it as one of several lists, unless they are too many."""
    if not are_few(each for each in values if isinstance(each, Choice)):
        return values
    for at, each in enumerate(values):
        if isinstance(each, Choice) and all(isinstance(option, list) for option in each.options):
            options = tuple(spread([*values[:at], *option, *values[at + 1 :]]) for option in each.options)
            found = choice(each.reference, each.question, options)
            return found if isinstance(found, Choice) else values
    return values


def may_be_absent(element: Value) -> bool:
    """Return whether an element of a list can stand for no element at all."""
    return isinstance(element, AnyNumber) or (isinstance(element, Unknown) and not isinstance(element, Named))


def any_number(text: Joined) -> AnyNumber:
    """Return a text as an element that is there any number of times."""
    return AnyNumber(text.parts)


def as_alternatives(policy: Value) -> Value:
    """Return a policy without choices: what it is for each answer, if there is more than one."""
    names: dict[Hashable, str] = {}
    resolved = each_alternative(lambda decisions: (decisions.answers, _decided(policy, decisions, names)))
    # A policy that may not be there counts.
    found = [each for each in resolved.results if each[1] not in _NO_POLICY] or resolved.results[:1]
    policies = [each for at, (_, each) in enumerate(found) if each not in [other for _, other in found[:at]]]
    if len(policies) == 1:
        return policies[0]
    answers = {question: {given.get(question) for given, _ in found} for question in names}
    decides = (name for question, name in names.items() if len(answers[question]) > 1)
    return Alternatives(tuple(policies), tuple(dict.fromkeys(decides)))


def _decided(value: Value, decisions: Decisions, names: dict[Hashable, str]) -> Value:
    """Return a value with the answers that are given; names: takes what decides each question."""
    if isinstance(value, Choice):
        names[value.question] = value.reference
        options = tuple(range(len(value.options)))
        answer = decisions.answer(value.question, options, (value.reference,))
        decided = None if answer is None else _decided(value.options[answer], decisions, names)
        # The text of a policy inside another one is nothing that anybody writes.
        is_text = isinstance(decided, (JsonText, WrittenText))
        return Unknown(value.reference) if answer is None or is_text else decided
    if isinstance(value, Joined):
        return joined([text for part in value.parts for text in _decided_text(part, decisions, names)])
    if isinstance(value, Mapping):
        return {key: _decided(each, decisions, names) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    elements: list[Value] = []
    for each in value:
        decided = _decided(each, decisions, names)
        is_spliced = isinstance(each, Choice) and isinstance(decided, list)
        elements += decided if is_spliced else [decided]
    return elements


def _decided_text(part: str | Unknown, decisions: Decisions, names: dict[Hashable, str]) -> tuple[str | Unknown, ...]:
    decided = _decided(part, decisions, names)
    if isinstance(decided, Joined):
        return decided.parts
    if isinstance(decided, (str, Unknown)):
        return (decided,)
    return (Unknown(part.reference if isinstance(part, Unknown) else part),)
