"""What a condition demands of a request, so that it comes out as the caller needs it.

An Allow must match and a Deny must not, so each condition is wanted true or wanted false. What AWS does
not document comes out as it is wanted.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ecr_exposure.policy.addresses import is_trusted_network
from ecr_exposure.policy.condition_keys import Content, fits, key_of
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.evaluator import ARN_FIELDS, MATCHERS, TAKE_VARIABLES, is_doubtful, matches_arn, when_absent
from ecr_exposure.policy.operators import Quantifier, ValueType
from ecr_exposure.policy.patterns import LITERAL, PLAIN, has_wildcard, matches
from ecr_exposure.policy.variables import Reference, has_variable, references, substitute
from ecr_exposure.search.callers import Outsider, names_in


class Demand(NamedTuple):
    """What one key must be like.

    absent, present: whether the request may lack the key, may carry it. member: a value must fit one of
    the texts (or none). some: of several values one is enough. reading: how the texts are compared:
    "text" and "arn" are patterns with wildcards, "caseless" ignores case, "any" fits everything, the rest
    are operators. linked: some text holds policy variables that only the request can fill.
    plain: the operator has no set prefix, so it reads a single value.
    """

    key: str
    absent: bool = False
    present: bool = True
    member: bool = True
    some: bool = False
    reading: str = "any"
    texts: tuple[str, ...] = ()
    linked: bool = False
    plain: bool = False


_READINGS: Final = {
    "StringEquals": "text",
    "StringEqualsIgnoreCase": "caseless",
    "StringLike": "text",
    "ArnEquals": "arn",
    "ArnLike": "arn",
    "Bool": "caseless",
    "BinaryEquals": "text",
}
_WITH_WILDCARDS: Final = ("StringLike", "ArnEquals", "ArnLike")


def demand_of(condition: Condition, *, outcome: bool, variables: bool, outsider: Outsider) -> Demand:
    """Return what makes the condition come out as wanted."""
    operation, key = condition.operator, key_of(condition.key)
    if operation.value_type is ValueType.NULL:
        wanted = {value.lower() for value in condition.values}
        absent, present = "true" in wanted, "false" in wanted
        doubtful = not wanted
        return Demand(condition.key, doubtful or absent == outcome, doubtful or present == outcome)
    when = when_absent(operation)
    demand = Demand(
        condition.key,
        absent=when is None or when == outcome,
        member=operation.negated != outcome,
        some=(operation.quantifier is Quantifier.FOR_ANY) == outcome,
        plain=operation.quantifier is Quantifier.PLAIN,
    )
    if not condition.values or (demand.plain and key.multivalued) or not fits(key, operation.value_type):
        return demand
    if _spares_a_trusted_network(condition, outcome=outcome, outsider=outsider):
        return demand._replace(present=False)
    return _with_texts(demand, condition, variables=variables, outsider=outsider)


def _spares_a_trusted_network(condition: Condition, *, outcome: bool, outsider: Outsider) -> bool:
    # An Allow for a small network, or a Deny for all but one: no stranger is inside.
    return (
        outsider.trusts_networks
        and condition.key == "aws:sourceip"
        and condition.operator.value_type is ValueType.IP
        and condition.operator.negated != outcome
        and is_trusted_network(condition.values)
    )


def _with_texts(demand: Demand, condition: Condition, *, variables: bool, outsider: Outsider) -> Demand:
    operation = condition.operator
    base = operation.name.replace("Not", "") if operation.negated else operation.name
    reading = _READINGS.get(base)
    if reading is None:
        return demand._replace(reading=base, texts=condition.values)
    if demand.member:
        condition = condition._replace(values=_not_named(condition, outsider, variables=variables))
    filled = _Filled(demand, wildcards=base in _WITH_WILDCARDS, outsider=outsider)
    for text in condition.values:
        filled.add(text, variables=variables and operation.value_type in TAKE_VARIABLES and has_variable(text))
    if filled.anything:
        return demand if demand.member else demand._replace(present=False)
    texts = tuple(filled.texts)
    if reading == "arn" and not filled.linked:
        texts = whole_arns(texts, member=demand.member)
    if not texts:
        return demand._replace(present=False) if demand.member else demand
    return demand._replace(reading=reading, texts=texts, linked=filled.linked)


def _not_named(condition: Condition, outsider: Outsider, *, variables: bool) -> tuple[str, ...]:
    """Leave out the texts that only somebody can have who is not from outside."""
    return tuple(
        text
        for text in condition.values
        if not any(
            name in outsider.names.get(kind, ()) and not (kind == "own id" and condition.operator.name.endswith("Case"))
            for kind, name in names_in(condition, text, variables=variables, budget=None)
        )
    )


def whole_arns(texts: Iterable[str], *, member: bool) -> tuple[str, ...]:
    """Return patterns of ARNs with all fields.

    Missing fields are read as stars, which is not documented: a short pattern is left out where fitting it
    would be in the way.
    """
    missing = {text: ARN_FIELDS - 1 - text.count(":") for text in texts}
    return tuple(text + ":*" * short for text, short in missing.items() if member or short <= 0)


class _Filled:
    """The texts of a condition, with the variables filled in whose value is the same for every caller."""

    def __init__(self, demand: Demand, *, wildcards: bool, outsider: Outsider) -> None:
        self.texts: list[str] = []
        self.linked = False
        self.anything = False
        self._demand = demand
        self._wildcards = wildcards
        self._outsider = outsider

    def add(self, text: str, *, variables: bool) -> None:
        if not variables:
            self.texts.append(text if self._wildcards else text.translate(LITERAL))
            return
        found = references(text)
        if any(is_doubtful(reference) for reference in found):
            self.anything = self.anything or self._demand.member
            return
        if len(found) == 1 and _is_alone(text) and found[0].key == self._demand.key:
            self.anything = True  # a key compared with itself
            return
        if _names_the_owner(text, found, self._demand.key):
            return  # no caller from outside is of the owner's account or organization
        if not self._wildcards:
            text = _escaped(text)
        open_references = [reference for reference in found if not self._outsider.knows(reference.key)]
        if open_references:
            self.linked = True
            self.texts.append(text)
            return
        filled = substitute(text, self._value)
        if filled is not None:
            self.texts.append(filled)

    def _value(self, reference: Reference) -> str | None:
        value = self._outsider.constant(reference.key)
        return reference.default if value is None else value


_ALONE: Final = re.compile(r"\$\{[^{}]*\}")
_OUTSIDE_VARIABLES: Final = re.compile(r"(\$\{[^{}]*\})")


def _is_alone(text: str) -> bool:
    return _ALONE.fullmatch(text) is not None


def _escaped(text: str) -> str:
    """Make the wildcards outside of variables literal, for an operator that has none."""
    parts = _OUTSIDE_VARIABLES.split(text)
    return "".join(part if part.startswith("${") else part.translate(LITERAL) for part in parts)


_OWN_ACCOUNT: Final = (Content.PRINCIPAL_ACCOUNT, Content.ACCOUNT)
_OWN_ARN: Final = (Content.PRINCIPAL_ARN, Content.ARN, Content.VPC_ARN)


def _names_the_owner(text: str, found: tuple[Reference, ...], key: str) -> bool:
    names = {reference.key for reference in found}
    content = key_of(key).content
    lower = text.lower()
    if "aws:resourceorgid" in names:
        head = lower.partition("/")[0]
        return head == "${aws:resourceorgid}" and content in (Content.ORGANIZATION_ID, Content.ORGANIZATION_PATH)
    if "aws:resourceaccount" in names:
        if content in _OWN_ACCOUNT:
            return lower == "${aws:resourceaccount}"
        fields = _OUTSIDE_VARIABLES.sub(lambda m: m[0].replace(":", "\x00"), lower).split(":")
        return content in _OWN_ARN and fields[4:5] == ["${aws\x00resourceaccount}"]
    return False


def holds(demand: Demand, value: str) -> bool:
    """Tell whether a value meets the demand."""
    return any(_fits(demand.reading, text, value) for text in demand.texts) == demand.member or demand.reading == "any"


def _fits(reading: str, text: str, value: str) -> bool:
    if reading == "text":
        return matches(text, value.translate(LITERAL))
    if reading == "caseless":
        return matches(text.lower(), value.lower().translate(LITERAL))
    if reading == "arn":
        return bool(matches_arn(text, value.translate(LITERAL)))
    return bool(MATCHERS[reading](text, value))


def exact_texts(demand: Demand) -> tuple[str, ...] | None:
    """Return the only values that can meet the demand, or None where there are too many to say."""
    if not demand.member or demand.linked or demand.reading not in ("text", "arn"):
        return None
    if any(has_wildcard(text) for text in demand.texts):
        return None
    return tuple(text.translate(PLAIN) for text in demand.texts)
