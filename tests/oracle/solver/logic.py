"""Typed doors to Z3: every other module speaks logic only through these names."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import z3

Bool: TypeAlias = Any
Text: TypeAlias = Any
Int: TypeAlias = Any
Regex: TypeAlias = Any

TRUE: Bool = z3.BoolVal(True)
FALSE: Bool = z3.BoolVal(False)
ANY_TEXT: Regex = z3.Full(z3.ReSort(z3.StringSort()))
ANY_CHARACTER: Regex = z3.AllChar(z3.ReSort(z3.StringSort()))
EMPTY_TEXT: Regex = z3.Re("")


def truth(value: bool) -> Bool:
    """A Python truth as a formula."""
    return TRUE if value else FALSE


def both(*parts: Bool) -> Bool:
    """True when every part is; constants are folded away."""
    kept = [part for part in parts if not z3.is_true(part)]
    if any(z3.is_false(part) for part in kept):
        return FALSE
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else z3.And(*kept)


def either(*parts: Bool) -> Bool:
    """True when some part is; constants are folded away."""
    kept = [part for part in parts if not z3.is_false(part)]
    if any(z3.is_true(part) for part in kept):
        return TRUE
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else z3.Or(*kept)


def no(part: Bool) -> Bool:
    """True when the part is not; constants are folded away."""
    if z3.is_true(part):
        return FALSE
    if z3.is_false(part):
        return TRUE
    return z3.Not(part)


def choose(test: Bool, yes: Bool, otherwise: Bool) -> Bool:
    """`yes` where the test holds, `otherwise` elsewhere."""
    return either(both(test, yes), both(no(test), otherwise))


def is_false(part: Bool) -> bool:
    """Whether the formula is the constant false."""
    return bool(z3.is_false(part))


def bool_var(name: str) -> Bool:
    """A truth that the solver may choose."""
    return z3.Bool(name)


def int_var(name: str) -> Int:
    """A whole number that the solver may choose."""
    return z3.Int(name)


def real_var(name: str) -> Int:
    """A number that the solver may choose."""
    return z3.Real(name)


def text_var(name: str) -> Text:
    """A text that the solver may choose."""
    return z3.String(name)


def number(value: int | Fraction) -> Int:
    """A constant number; whole ones stay integers."""
    exact = Fraction(value)
    return z3.IntVal(exact.numerator) if exact.denominator == 1 else z3.RealVal(str(exact))


def _quoted(text: str) -> str:
    r"""Z3 reads `\u{…}` inside string constants as one character, so a backslash is written that way itself."""
    return "".join(f"\\u{{{ord(char):x}}}" if char == "\\" or not " " <= char <= "~" else char for char in text)


def text(value: str) -> Text:
    """A constant text."""
    return z3.StringVal(_quoted(value))


def joined(parts: Iterable[Text]) -> Text:
    """The texts one after the other."""
    known = list(parts)
    if not known:
        return text("")
    return known[0] if len(known) == 1 else z3.Concat(*known)


def number_text(value: Int) -> Text:
    """The decimal digits of a number that is not negative."""
    return z3.IntToStr(value)


@functools.lru_cache(maxsize=65536)
def re_text(value: str) -> Regex:
    """Exactly this text."""
    return z3.Re(text(value))


@functools.lru_cache(maxsize=65536)
def re_range(first: str, last: str) -> Regex:
    """One character between the two."""
    return z3.Range(text(first), text(last))


def re_any_of(*options: Regex) -> Regex:
    """One of the expressions."""
    return options[0] if len(options) == 1 else z3.Union(*options)


def re_sequence(*parts: Regex) -> Regex:
    """The expressions one after the other."""
    if not parts:
        return EMPTY_TEXT
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def re_both(one: Regex, other: Regex) -> Regex:
    """A text that both expressions describe."""
    return z3.Intersect(one, other)


def re_not(part: Regex) -> Regex:
    """A text that the expression does not describe."""
    return z3.Complement(part)


def re_times(part: Regex, least: int, most: int | None) -> Regex:
    """The expression repeated between `least` and `most` times (None: without end)."""
    if most is not None:
        return z3.Loop(part, least, most)
    if least == 0:
        return z3.Star(part)
    return z3.Plus(part) if least == 1 else z3.Concat(z3.Loop(part, least, least), z3.Star(part))


def matches(value: Text, expression: Regex) -> Bool:
    """Whether the whole text is one the expression describes."""
    return z3.InRe(value, expression)


starts_with = z3.PrefixOf
ends_with = z3.SuffixOf
length = z3.Length
index_of = z3.IndexOf
part_of = z3.SubString


def name(variable: Bool) -> str:
    """The name of a variable."""
    found: str = variable.decl().name()
    return found


def variables(formula: Bool) -> frozenset[str]:
    """The names of the variables in a formula."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [formula]
    while waiting:
        node = waiting.pop()
        if node.get_id() in seen:
            continue
        seen.add(node.get_id())
        if z3.is_const(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found.add(node.decl().name())
        waiting += node.children()
    return frozenset(found)


def related(facts: Iterable[Bool], wanted: frozenset[str]) -> list[Bool]:
    """The facts that share variables with what is wanted, directly or through each other."""
    waiting = [(fact, variables(fact)) for fact in facts]
    reached, kept = set(wanted), []
    grown = True
    while grown:
        near = [entry for entry in waiting if not reached.isdisjoint(entry[1])]
        waiting = [entry for entry in waiting if reached.isdisjoint(entry[1])]
        kept += [fact for fact, _ in near]
        before = len(reached)
        reached.update(*(names for _, names in near))
        grown = len(reached) > before
    return kept


@dataclass(frozen=True, slots=True)
class Answer:
    """What the solver said, with its model when it found one."""

    verdict: Literal["sat", "unsat", "unknown"]
    model: Any = None


def solve(formulas: Iterable[Bool], timeout_ms: int) -> Answer:
    """Look for one assignment that makes every formula true."""
    solver = z3.Solver()
    solver.set("timeout", max(1, timeout_ms))
    solver.add(*formulas)
    verdict = str(solver.check())
    if verdict == "sat":
        return Answer("sat", solver.model())
    return Answer("unsat") if verdict == "unsat" else Answer("unknown")


def shown_text(model: Any, value: Text) -> str:
    """The Python text that the model gives to a text."""
    raw: str = model.eval(value, model_completion=True).as_string()
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), raw)


def shown_number(model: Any, value: Int) -> str:
    """The number that the model gives, as text."""
    return str(model.eval(value, model_completion=True))


def shown_truth(model: Any, value: Bool) -> bool:
    """The truth that the model gives."""
    return bool(z3.is_true(model.eval(value, model_completion=True)))
