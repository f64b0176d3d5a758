"""Formulas, texts and the solver: the only module that uses Z3."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import z3

Bool: TypeAlias = Any
Text: TypeAlias = Any
Int: TypeAlias = Any
Regex: TypeAlias = Any

# The only two: constants are compared by identity.
TRUE: Bool = z3.BoolVal(True)
FALSE: Bool = z3.BoolVal(False)
ANY_TEXT: Regex = z3.Full(z3.ReSort(z3.StringSort()))
ANY_CHARACTER: Regex = z3.AllChar(z3.ReSort(z3.StringSort()))
EMPTY_TEXT: Regex = z3.Re("")


def truth(value: bool) -> Bool:
    """True or False as a formula."""
    return TRUE if value else FALSE


def both(*parts: Bool) -> Bool:
    """True if every part is; constants are simplified."""
    kept = [part for part in parts if part is not TRUE]
    if any(part is FALSE for part in kept):
        return FALSE
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else z3.And(*kept)


def either(*parts: Bool) -> Bool:
    """True if some part is; constants are simplified."""
    kept = [part for part in parts if part is not FALSE]
    if any(part is TRUE for part in kept):
        return TRUE
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else z3.Or(*kept)


def no(part: Bool) -> Bool:
    """True if the part is not; constants are simplified."""
    if part is TRUE:
        return FALSE
    if part is FALSE:
        return TRUE
    return z3.Not(part)


def choose(test: Bool, yes: Bool, otherwise: Bool) -> Bool:
    """`yes` if the test holds, else `otherwise`."""
    return either(both(test, yes), both(no(test), otherwise))


def is_false(part: Bool) -> bool:
    """Whether the formula is the constant false."""
    return part is FALSE


def plain_name(name: str) -> str:
    """The name as ASCII text, which is all that Z3 takes."""
    return name.encode("unicode_escape").decode("ascii")


def bool_var(name: str) -> Bool:
    """A truth value that the solver may choose."""
    return z3.Bool(plain_name(name))


def int_var(name: str) -> Int:
    """A whole number that the solver may choose."""
    return z3.Int(plain_name(name))


def real_var(name: str) -> Int:
    """A number that the solver may choose."""
    return z3.Real(plain_name(name))


def text_var(plain: str) -> Text:
    """A text that the solver may choose; its name is plain."""
    return z3.String(plain)


def number(value: int | Fraction) -> Int:
    """A constant number; whole ones stay integers."""
    exact = Fraction(value)
    return z3.IntVal(exact.numerator) if exact.denominator == 1 else z3.RealVal(str(exact))


def _quoted(text: str) -> str:
    r"""The text with every backslash as `\u{5c}`: Z3 reads `\u{…}` in a constant as one character."""
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
    """The expression repeated between `least` and `most` times (None: without limit)."""
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


_VARIABLES: dict[int, tuple[Bool, frozenset[str]]] = {}
_MOST_KNOWN = 100_000


def variables(formula: Bool) -> frozenset[str]:
    """The names of the variables in a formula."""
    number = formula.get_id()
    if number not in _VARIABLES:
        if len(_VARIABLES) > _MOST_KNOWN:
            _VARIABLES.clear()
        children = formula.children()
        found = frozenset().union(*(variables(child) for child in children))
        if not children and formula.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found = frozenset({name(formula)})
        _VARIABLES[number] = formula, found  # Z3 gives the number of a formula that nothing holds to another one
    return _VARIABLES[number][1]


def all_variables(formulas: Iterable[Bool]) -> frozenset[str]:
    """The names of the variables in some formulas."""
    return frozenset().union(*map(variables, formulas))


def related(facts: Iterable[Bool], wanted: frozenset[str]) -> list[Bool]:
    """The facts that share variables with the formula, directly or through each other."""
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


def without_texts(formulas: Iterable[Bool]) -> list[Bool]:
    """The formulas with a truth value of its own in place of each comparison of texts: true wherever they are."""
    known: dict[int, Bool] = {}
    return [_without_texts(formula, known) for formula in formulas]


def _without_texts(formula: Bool, known: dict[int, Bool]) -> Bool:
    number = formula.get_id()
    if number not in known:
        if z3.is_and(formula) or z3.is_or(formula) or z3.is_not(formula):
            parts = [_without_texts(part, known) for part in formula.children()]
            known[number] = formula.decl()(*parts)
        else:
            known[number] = bool_var(f"comparison {number}") if _has_text(formula) else formula
    return known[number]


def _has_text(formula: Any) -> bool:
    return z3.is_string(formula) or any(map(_has_text, formula.children()))


@dataclass(slots=True)
class Budget:
    """How many steps the solver may still take for one policy, in units of Z3's `rlimit`."""

    left: int


Verdict: TypeAlias = Literal["sat", "unsat", "unknown"]

# The steps limit the work. The clock only ends a call that Z3 would never return from.
_LONGEST_MS = 120_000


class Solver:
    """Finds assignments that make every formula true, in at most `most` steps.

    Each has a Z3 context of its own: the order in which Z3 tries things depends on what the context holds already.
    """

    def __init__(self, formulas: Iterable[Bool], budget: Budget, most: int | None = None) -> None:
        """Start with these formulas."""
        self.budget = budget
        self.left = budget.left if most is None else min(most, budget.left)
        self._context = z3.Context()
        self._solver = z3.Solver(ctx=self._context)
        self._solver.set("timeout", _LONGEST_MS)
        self._known_steps = 0
        for formula in formulas:
            self.add(formula)

    def add(self, formula: Bool) -> None:
        """Ask for one formula more."""
        self._solver.add(formula.translate(self._context))

    def spend(self, steps: int) -> None:
        """Count steps."""
        self.left -= steps
        self.budget.left -= steps

    def check(self) -> Verdict:
        """Whether there is an assignment."""
        if self.left <= 0:
            return "unknown"
        self._solver.set("rlimit", self.left)
        verdict = str(self._solver.check())
        counts = self._solver.statistics()
        known = int(counts.get_key_value("rlimit count")) if "rlimit count" in counts.keys() else 0  # noqa: SIM118 - not a mapping
        self.spend(max(1, known - self._known_steps))
        self._known_steps = max(known, self._known_steps)
        if verdict == "sat":
            return "sat"
        return "unsat" if verdict == "unsat" else "unknown"

    def model(self) -> Any:
        """The assignment that the last check found."""
        return self._solver.model().translate(z3.main_ctx())


class Reasons:
    """Which truth values of a model make a formula true, whatever the other truth values are."""

    def __init__(self, model: Any) -> None:
        """`model`: an assignment that makes the formulas true."""
        self._model = model
        self._truths: dict[int, bool] = {}
        self._reasons: dict[int, frozenset[str]] = {}

    def of(self, formulas: Iterable[Bool]) -> frozenset[str]:
        """The names of variables that are enough."""
        return frozenset().union(*map(self._of, formulas))

    def _of(self, formula: Bool) -> frozenset[str]:
        number = formula.get_id()
        if number not in self._reasons:
            self._reasons[number] = self._find(formula)
        return self._reasons[number]

    def _find(self, formula: Bool) -> frozenset[str]:
        if z3.is_not(formula):
            return self._of(formula.arg(0))
        if not z3.is_and(formula) and not z3.is_or(formula):
            return variables(formula)
        # One part decides whether a disjunction is true or a conjunction false; else every part counts.
        decides = z3.is_or(formula)
        parts = [part for part in formula.children() if self._truth(part) is decides]
        if parts:
            return min(map(self._of, parts), key=len)
        return frozenset().union(*map(self._of, formula.children()))

    def _truth(self, formula: Bool) -> bool:
        number = formula.get_id()
        if number not in self._truths:
            self._truths[number] = shown_truth(self._model, formula)
        return self._truths[number]


def shown_text(model: Any, value: Text) -> str:
    """The text in the model."""
    raw: str = model.eval(value, model_completion=True).as_string()
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), raw)


def shown_number(model: Any, value: Int) -> str:
    """The number in the model, as decimal text."""
    exact = Fraction(str(model.eval(value, model_completion=True)))
    return str(exact.numerator) if exact.denominator == 1 else f"{Decimal(exact.numerator) / exact.denominator:f}"


def shown_truth(model: Any, value: Bool) -> bool:
    """The truth value in the model."""
    return bool(z3.is_true(model.eval(value, model_completion=True)))
