"""Callers where policy variables tie one key to another: tried with the values that may fit.

First with every variable standing for anything: if that is in vain, nothing helps. Then with values that
the policy or that first caller suggests. Where none fits and there may be others, the answer is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from math import prod
from typing import Final

from ecr_exposure.policy.condition_keys import Content, Presence, key_of
from ecr_exposure.policy.patterns import LITERAL
from ecr_exposure.policy.variables import VARIABLE, Reference, references, substitute
from ecr_exposure.search.callers import Outsider
from ecr_exposure.search.constraints import Demand, exact_texts, holds, whole_arns
from ecr_exposure.search.request_context import Callers, Grouped, Values, group
from ecr_exposure.search.strings import TooComplexError


def linked_caller(demands: Sequence[Demand], action: str, callers: Callers) -> Values | None:
    """Return the context of a request that meets all demands, linked ones too; None where there is none.

    Raises TooComplexError.
    """
    if not all(demand.absent or demand.present for demand in demands):
        return None
    linked = [demand for demand in demands if demand.linked]
    grouped = group(demand for demand in demands if not demand.linked)
    if not linked:
        return callers.find(grouped, action)
    if any(_contradict(one, other) for one, other in combinations(linked, 2)):
        return None
    outsider = callers.outsider
    keys = tuple(dict.fromkeys(key for demand in linked for key in _open_keys(demand, outsider)))
    relaxed = callers.find(_more(grouped, [each for demand in linked for each in _relaxed(demand)]), action)
    if relaxed is None:
        return None
    tries = [
        _all_values(grouped.get(key, ())) or list(_values_for(key, grouped, linked, relaxed, outsider)) for key in keys
    ]
    for values in islice(product(*tries), _MOST_TRIES):
        known = dict(zip(keys, values, strict=True))
        fixed = [_fixed(key, value) for key, value in known.items()]
        filled = [_filled(demand, known, outsider) for demand in linked]
        found = callers.find(_more(grouped, [*fixed, *filled]), action)
        if found is not None:
            return found
    if all(_all_values(grouped.get(key, ())) for key in keys) and prod(map(len, tries)) <= _MOST_TRIES:
        return None
    raise TooComplexError("policy variables tie several keys together")


def _contradict(one: Demand, other: Demand) -> bool:
    """Tell whether one demand wants what the other does not, whatever the variables stand for."""
    same = (one.key, one.reading, one.texts) == (other.key, other.reading, other.texts)
    # Several values under an operator that reads one: what comes out of it is not documented.
    doubtful = key_of(one.key).content is Content.UNKNOWN and (one.plain or other.plain)
    both = (one.absent and other.absent) or (one.some and other.some)
    return same and one.member != other.member and not doubtful and not both


_MOST_TRIES: Final = 256


def _all_values(demands: Sequence[Demand]) -> list[str | None]:
    """Return every value that a key can have, where its demands leave only few; empty where they do not."""
    complete = next((texts for d in demands if (texts := exact_texts(d)) is not None and not d.absent), ())
    return [text for text in complete if all(holds(demand, text) for demand in demands)]


def _more(grouped: Grouped, demands: Iterable[Demand]) -> Grouped:
    found = {key: list(each) for key, each in grouped.items()}
    for demand in demands:
        found.setdefault(demand.key, []).append(demand)
    return found


def _open_keys(demand: Demand, outsider: Outsider) -> Iterator[str]:
    for text in demand.texts:
        yield from (reference.key for reference in references(text) if not outsider.knows(reference.key))


def _relaxed(demand: Demand) -> Iterator[Demand]:
    """Yield demands that everything meets which meets this one, whatever its variables stand for."""
    if not demand.member:
        yield demand._replace(reading="any", texts=(), linked=False)
        return
    # As text a star also crosses the colons of an ARN, as the value of a variable may.
    reading = "text" if demand.reading == "arn" else demand.reading
    short = demand.reading == "arn"
    texts = [VARIABLE.sub("*", text) + ("*" if short else "") for text in demand.texts]
    yield demand._replace(reading=reading, texts=tuple(texts), linked=False)
    if len(demand.texts) == 1 and not demand.absent:
        # A variable without a value fits nothing, so its key must be there.
        yield from (Demand(each.key) for each in references(demand.texts[0]) if each.default is None)


def _fixed(key: str, value: str | None) -> Demand:
    if value is None:
        return Demand(key, absent=True, present=False)
    return Demand(key, reading="text", texts=(value.translate(LITERAL),), plain=True)


def _filled(demand: Demand, known: Mapping[str, str | None], outsider: Outsider) -> Demand:
    def value_of(reference: Reference) -> str | None:
        value = known.get(reference.key, outsider.constant(reference.key))
        return reference.default if value is None else value

    texts = tuple(text for each in demand.texts if (text := substitute(each, value_of)) is not None)
    if demand.reading == "arn":
        texts = whole_arns(texts, member=demand.member)
    if texts:
        return demand._replace(texts=texts, linked=False)
    return demand._replace(present=demand.present and not demand.member, reading="any", texts=(), linked=False)


def _values_for(
    key: str, grouped: Grouped, linked: Sequence[Demand], relaxed: Values, outsider: Outsider
) -> Iterator[str | None]:
    """Yield values of a variable that may make its demands fit, each once, and None for no value."""
    found: dict[str | None, None] = {}
    sources = [relaxed.get(key), *(relaxed.get(d.key) for d in linked if key in _open_keys(d, outsider))]
    sources += [relaxed.get(other) for d in linked if d.key == key for other in _open_keys(d, outsider)]
    found.update(dict.fromkeys(value for value in sources if isinstance(value, str)))
    for demand in linked:
        exact = [text for other in grouped.get(demand.key, ()) for text in exact_texts(other) or ()]
        for value in (*exact, *_strings(relaxed.get(demand.key))):
            found.update(dict.fromkeys(_middle(demand, value)))
    for demand in grouped.get(key, ()):
        found.update(dict.fromkeys(exact_texts(demand) or ()))
    if key_of(key).presence is not Presence.ALWAYS:
        found[None] = None
        found["x"] = None
    yield from found


def _strings(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def _middle(demand: Demand, value: str) -> Iterator[str]:
    """Yield what the one variable of a text may stand for, so that the text fits the value."""
    yield value
    for text in demand.texts:
        before, *after = VARIABLE.split(text)
        if len(after) == 2:  # noqa: PLR2004 - one variable
            pattern = f"{_as_expression(before)}(.+?){_as_expression(after[1])}"
            if (fit := re.fullmatch(pattern, value)) is not None:
                yield fit[1]


def _as_expression(part: str) -> str:
    """Return a regular expression for a part of a pattern; it only serves to guess."""
    return "[^:]*".join(".".join(map(re.escape, piece.split("?"))) for piece in part.split("*"))
