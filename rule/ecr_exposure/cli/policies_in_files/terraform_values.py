"""The values of Terraform expressions, as far as the code says them; everything else is an Unknown that names it.

A list with an Unknown in it has any number of elements in its place.
https://developer.hashicorp.com/terraform/language/expressions
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from ecr_exposure.cli.policies_in_files.hcl_expressions import (
    Call,
    Conditional,
    For,
    GetAttribute,
    GetElement,
    Literal,
    ObjectOf,
    Operation,
    Splat,
    TextToken,
    TupleOf,
    Unparsed,
    Variable,
)
from ecr_exposure.cli.policies_in_files.hcl_templates import (
    ForDirective,
    IfDirective,
    Part,
    Piece,
    decoded_json,
    parts_of_decoded,
    parts_of_template,
)
from ecr_exposure.cli.policies_in_files.hcl_tokens import HclError, Source
from ecr_exposure.cli.policies_in_files.located_values import (
    LONGEST_TEXT,
    LocatedObject,
    MissingError,
    WrittenPiece,
    WrittenText,
    as_text,
    first_unknown,
    is_large,
)
from ecr_exposure.cli.policies_in_files.terraform_functions import FUNCTIONS, call
from ecr_exposure.cli.policies_in_files.uncertain_statements import either, maybe_absent
from ecr_exposure.cli.policies_in_files.unknown_values import Joined, Unknown, Value, joined

_LONGEST_REFERENCE: Final = 80
_MOST_STEPS: Final = 300_000
Steps = Sequence[GetAttribute | GetElement | Splat]
"""What is read from a value, one after another."""


class TooManyStepsError(Exception):
    """The code has loops in loops."""


class Budget:
    """How many expressions are evaluated at most: a loop in a loop would take hours."""

    def __init__(self) -> None:
        """Begin to count."""
        self._left = _MOST_STEPS

    def spend(self) -> None:
        """Count one expression. Raises TooManyStepsError."""
        self._left -= 1
        if self._left < 0:
            raise TooManyStepsError


class Scope(Protocol):
    """What names mean: the module in which an expression is written."""

    budget: Budget

    def resolve(self, name: str, steps: Steps, evaluator: "Evaluator") -> tuple[Value, Steps] | None:
        """Return the value of a name with the first steps, and the steps that are left; None if it is not known.

        Raises MissingError if it does not exist.
        """


def reference_text(source: Source, expression: Unparsed) -> str:
    """Return an expression as it is written, on one line."""
    text = " ".join(source.text[expression.start : expression.end].split())
    return text if len(text) <= _LONGEST_REFERENCE else f"{text[:_LONGEST_REFERENCE]}…"


class Evaluator:
    """Evaluates the expressions of one file in a module; names: of `each`, `count` and loops."""

    def __init__(self, source: Source, scope: Scope, names: Mapping[str, Value]) -> None:
        """Store what names mean."""
        self.source, self.scope, self.names = source, scope, names

    def with_names(self, names: Mapping[str, Value]) -> "Evaluator":
        """Return an evaluator that knows more names."""
        return Evaluator(self.source, self.scope, {**self.names, **names})

    def known(self, expression: Unparsed) -> Value:
        """Return the value of an expression; Unknown if there is none."""
        with suppress(MissingError, HclError, RecursionError):
            found = self.value(expression)
            if not is_large(found):
                return found
        return Unknown(reference_text(self.source, expression))

    def value(self, expression: Unparsed) -> Value:
        """Return the value of an expression. Raises MissingError, HclError and RecursionError."""
        self.scope.budget.spend()
        evaluate = _EVALUATIONS.get(type(expression))
        return evaluate(self, expression) if evaluate else Unknown(reference_text(self.source, expression))

    def _literal(self, expression: Literal) -> Value:
        return expression.value

    def _text(self, token: TextToken) -> Value:
        decoded = decoded_json(self.source.text, token)
        if decoded is None:
            return self._template(parts_of_template(self.source.text, token))
        evaluator = Evaluator(Source(self.source.file, decoded, is_decoded=True), self.scope, self.names)
        return evaluator._template(parts_of_decoded(decoded))

    def _template(self, parts: Sequence[Part]) -> Value:
        if len(parts) == 1 and not isinstance(parts[0], (Piece, IfDirective, ForDirective)):
            return self.value(parts[0])
        pieces = list(self.pieces(parts))
        if (
            sum(len(piece.text) if isinstance(piece.text, str) else _LONGEST_REFERENCE for piece in pieces)
            > LONGEST_TEXT
        ):
            raise MissingError("too long")
        text = joined([piece.text for piece in pieces])
        # Only the text of a policy has places that anybody asks for.
        return WrittenText(tuple(pieces)) if any("Statement" in str(piece.text) for piece in pieces) else text

    def pieces(self, parts: Sequence[Part]) -> Iterator[WrittenPiece]:
        """Yield the text of the parts of a template, and where it is written."""
        for part in parts:
            if isinstance(part, Piece):
                yield WrittenPiece(part.text, self.source, part.start, part.end)
            elif isinstance(part, IfDirective):
                condition = _truth(self.known(part.condition))
                if isinstance(condition, Unknown):
                    yield WrittenPiece(condition)
                else:
                    yield from self.pieces(part.yes if condition else part.no)
            elif isinstance(part, ForDirective):
                yield from self._repeated(part)
            else:
                text = as_text(self.known(part))
                yield from map(WrittenPiece, text.parts if isinstance(text, Joined) else (text,))

    def _repeated(self, part: ForDirective) -> Iterator[WrittenPiece]:
        collection = self.known(part.collection)
        unknown = first_unknown(collection)
        if unknown:
            yield WrittenPiece(unknown)
            return
        for key, value in members_of(collection):
            self.scope.budget.spend()
            yield from self.with_names(_loop_names(part.names, key, value)).pieces(part.content)

    def _list(self, expression: TupleOf) -> Value:
        return [self.known(each) for each in expression.items]

    def _object(self, expression: ObjectOf) -> Value:
        content: dict[str, Value] = {}
        members: dict[str, tuple[int, int]] = {}
        for key, value in expression.items:
            name = key.name if isinstance(key, Variable) else as_text(self.value(key))
            if not isinstance(name, str):
                return Unknown(reference_text(self.source, key))
            content[name] = self.known(value)
            members[name] = key.start, value.end
        return LocatedObject(content, self.source, expression.start, expression.end, members)

    def _call(self, expression: Call) -> Value:
        name, arguments = expression.name.removeprefix("core::"), expression.arguments
        if name in ("try", "can"):
            return self._try(name, arguments)
        if name not in FUNCTIONS:
            return self.scope_call(name, expression)
        values = [self.value(each) for each in arguments]
        if expression.expands:
            last = values.pop()
            if isinstance(last, Unknown):
                return last
            values += last
        return call(name, values)

    def scope_call(self, name: str, expression: Call) -> Value:
        """Return the value of a function that reads files, if the module has the file."""
        if name == "file" and len(expression.arguments) == 1:
            found = self.scope.resolve("file()", (), self.with_names({"file": self.known(expression.arguments[0])}))
            if found:
                return found[0]
        return Unknown(reference_text(self.source, expression))

    def _try(self, name: str, arguments: Sequence[Unparsed]) -> Value:
        for each in arguments:
            with suppress(MissingError):
                value = self.value(each)
                return value if name == "try" else (value if isinstance(value, Unknown) else True)
        if name == "can":
            return False
        raise MissingError("no argument of try has a value")

    def _reference(self, expression: Unparsed) -> Value:
        steps: list[Any] = []
        root = expression
        while isinstance(root, (GetAttribute, GetElement, Splat)):
            steps.insert(0, root)
            root = root.of
        if not isinstance(root, Variable):
            return self.read(self.value(root), steps)
        if root.name in self.names:
            return self.read(self.names[root.name], steps)
        found = self.scope.resolve(root.name, steps, self)
        return self.read(*found) if found else Unknown(reference_text(self.source, expression))

    def read(self, value: Value, steps: Steps) -> Value:
        """Return what the steps read from a value. Raises MissingError."""
        for at, step in enumerate(steps):
            if isinstance(step, Splat):
                rest = steps[at + 1 :]
                indexes = (i for i, each in enumerate(rest) if isinstance(each, GetElement) and not step.is_full)
                last = next(indexes, len(rest))
                return self.read(self._read_each(value, rest[:last]), rest[last:])
            key = step.name if isinstance(step, GetAttribute) else self.value(step.key)
            value = _member(value, key)
        return value

    def _read_each(self, value: Value, steps: Steps) -> Value:
        if isinstance(value, Unknown):
            return value
        if value is None:
            return []
        return [self.read(each, steps) for each in (value if isinstance(value, list) else [value])]

    def _conditional(self, expression: Conditional) -> Value:
        condition = _truth(self.value(expression.condition))
        if not isinstance(condition, Unknown):
            return self.value(expression.yes if condition else expression.no)
        return either(condition, self.known(expression.yes), self.known(expression.no))

    def _operation(self, expression: Operation) -> Value:
        operator, (first, *others) = expression.operator, expression.operands
        left = self.value(first)
        if operator in ("||", "&&"):
            return self._logical(operator, _truth(left), others[0])
        right = self.value(others[0]) if others else None
        if operator in ("==", "!="):
            equal = _equal(left, right)
            return equal if isinstance(equal, Unknown) else equal == (operator == "==")
        unknown = first_unknown(left) or first_unknown(right)
        if unknown:
            return unknown
        if not others:
            return not _truth(left) if operator == "!" else _arithmetic("-", 0, left)
        return _arithmetic(operator, left, right)

    def _logical(self, operator: str, left: Value, other: Unparsed) -> Value:
        decides = operator == "||"
        if left is decides:
            return decides
        right = _truth(self.known(other))
        return right if right is decides or not isinstance(left, Unknown) else left

    def _for(self, expression: For) -> Value:
        collection = self.value(expression.collection)
        if isinstance(collection, Unknown):
            collection = [collection]
        results: list[Value] = []
        content: dict[str, Value] = {}
        for key, value in members_of(collection):
            loop = self.with_names(_loop_names(expression.names, key, value))
            condition = _truth(loop.known(expression.condition)) if expression.condition else True
            if condition is False:
                continue
            unknown = value if isinstance(value, Unknown) else condition if isinstance(condition, Unknown) else None
            if expression.key is None:
                result = loop.known(expression.value)
                results.append(_any_number(result, unknown) if unknown else result)
            elif unknown or not isinstance(name := as_text(loop.value(expression.key)), str):
                return unknown or Unknown(reference_text(self.source, expression.key))
            elif expression.is_grouped:
                content.setdefault(name, []).append(loop.known(expression.value))
            else:
                content[name] = loop.known(expression.value)
        return results if expression.key is None else content


_EVALUATIONS: Final[Mapping[type, Callable[..., Value]]] = {
    Literal: Evaluator._literal,  # noqa: SLF001 - the table of its own methods
    TextToken: Evaluator._text,  # noqa: SLF001 - the same
    TupleOf: Evaluator._list,  # noqa: SLF001 - the same
    ObjectOf: Evaluator._object,  # noqa: SLF001 - the same
    Call: Evaluator._call,  # noqa: SLF001 - the same
    Variable: Evaluator._reference,  # noqa: SLF001 - the same
    GetAttribute: Evaluator._reference,  # noqa: SLF001 - the same
    GetElement: Evaluator._reference,  # noqa: SLF001 - the same
    Splat: Evaluator._reference,  # noqa: SLF001 - the same
    Conditional: Evaluator._conditional,  # noqa: SLF001 - the same
    Operation: Evaluator._operation,  # noqa: SLF001 - the same
    For: Evaluator._for,  # noqa: SLF001 - the same
}


def _any_number(result: Value, unknown: Unknown) -> Value:
    """Return an element that is in a list any number of times."""
    if isinstance(result, Mapping) and "Effect" in result:
        return maybe_absent(result, unknown)
    return result if isinstance(result, (Joined, WrittenText)) else unknown


def _loop_names(names: Sequence[str], key: Value, value: Value) -> dict[str, Value]:
    return {names[0]: key, names[1]: value} if len(names) > 1 else {names[0]: value}


def members_of(collection: Value) -> list[tuple[Value, Value]]:
    """Return the keys and values of an object, the indexes and elements of a list. Raises MissingError."""
    if isinstance(collection, Mapping):
        return list(collection.items())
    if not isinstance(collection, list):
        raise MissingError("neither a list nor an object")
    return [(each if isinstance(each, Unknown) else at, each) for at, each in enumerate(collection)]


def _member(value: Value, key: Value) -> Value:
    if isinstance(value, Unknown):
        text = f".{key}" if isinstance(key, str) else f"[{key}]" if isinstance(key, int) else "[…]"
        return Unknown(f"{value.reference}{text}"[:_LONGEST_REFERENCE])
    unknown = first_unknown(key) or (first_unknown(value) if isinstance(value, list) else None)
    if unknown:
        return unknown
    with suppress(KeyError, IndexError, TypeError, ValueError):
        if isinstance(value, Mapping):
            return value[as_text(key)]
        if isinstance(value, list):
            return value[int(key)]
    raise MissingError(f"no element {key!r}")


def _truth(value: Value) -> bool | Unknown:
    """Return a value as a condition. Raises MissingError."""
    unknown = first_unknown(value)
    if unknown:
        return unknown
    if value in (True, "true", False, "false") and isinstance(value, (bool, str)):
        return value in (True, "true")
    raise MissingError("neither true nor false")


def _equal(left: Value, right: Value) -> bool | Unknown:
    if any(isinstance(one, Joined) and other in (None, "") for one, other in ((left, right), (right, left))):
        return False
    return (
        first_unknown(left)
        or first_unknown(right)
        or (left == right and isinstance(left, bool) == isinstance(right, bool))
    )


_CALCULATIONS: Final[Mapping[str, Callable[[Any, Any], Value]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    if not all(type(each) in (int, float) and abs(each) < LONGEST_TEXT for each in (left, right)):
        raise MissingError("no number, or a large one")
    if operator in "/%" and not right:
        raise MissingError("division by zero")
    return _CALCULATIONS[operator](left, right)
