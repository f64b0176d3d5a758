"""Unknown values of which Terraform code says something: what they name, how many they are, what they can be.

All of them are unknown values for a reader that asks for nothing more.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.policies_in_files.template_decisions import Decisions, each_alternative
from ecr_exposure.cli.policies_in_files.unknown_values import Alternatives, Joined, Unknown, Value, joined

_MOST_OPTIONS: Final = 36


@dataclass(frozen=True, slots=True)
class Named(Unknown):
    """A value that names one account, principal or organization, and never all; example: a value of its shape."""

    example: str


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


def _leaves(value: Value) -> int:
    return sum(map(_leaves, value.options)) if isinstance(value, Choice) else 1


def may_be_absent(element: Value) -> bool:
    """Return whether an element of a list can stand for no element at all."""
    return isinstance(element, AnyNumber) or (isinstance(element, Unknown) and not isinstance(element, Named))


def any_number(text: Joined) -> AnyNumber:
    """Return a text as an element that is there any number of times."""
    return AnyNumber(text.parts)


def with_examples(value: Value) -> Value:
    """Return a value of a policy in which what names one is known: where it does not matter which one."""
    if isinstance(value, Named):
        return value.example
    if isinstance(value, Joined):
        return joined([part.example if isinstance(part, Named) else part for part in value.parts])
    if isinstance(value, Mapping):
        return {key: with_examples(each) for key, each in value.items()}
    return [with_examples(each) for each in value] if isinstance(value, list) else value


def as_alternatives(policy: Value) -> Value:
    """Return a policy without choices: what it is for each answer, if there is more than one."""
    resolved = each_alternative(lambda decisions: _decided(policy, decisions))
    policies = [each for at, each in enumerate(resolved.results) if each not in resolved.results[:at]]
    return Alternatives(tuple(policies), resolved.references) if len(policies) > 1 else policies[0]


def _decided(value: Value, decisions: Decisions) -> Value:
    if isinstance(value, Choice):
        options = tuple(range(len(value.options)))
        answer = decisions.answer(value.question, options, (value.reference,))
        return Unknown(value.reference) if answer is None else _decided(value.options[answer], decisions)
    if isinstance(value, Joined):
        return joined([text for part in value.parts for text in _decided_text(part, decisions)])
    if isinstance(value, Mapping):
        return {key: _decided(each, decisions) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    elements: list[Value] = []
    for each in value:
        decided = _decided(each, decisions)
        is_spliced = isinstance(each, Choice) and isinstance(decided, list)
        elements += decided if is_spliced else [decided]
    return elements


def _decided_text(part: str | Unknown, decisions: Decisions) -> tuple[str | Unknown, ...]:
    decided = _decided(part, decisions)
    if isinstance(decided, Joined):
        return decided.parts
    if isinstance(decided, (str, Unknown)):
        return (decided,)
    return (Unknown(part.reference if isinstance(part, Unknown) else part),)
