"""The values of Terraform expressions, as far as the code says them; everything else is an Unknown that names it.

A list with an Unknown in it has any number of elements in its place.
https://developer.hashicorp.com/terraform/language/expressions
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value, joined
from ecr_exposure.cli.hcl.hcl_expressions import (
    Call,
    Conditional,
    For,
    GetAttribute,
    GetElement,
    Literal,
    ObjectOf,
    Operation,
    Parenthesized,
    Splat,
    TextToken,
    TupleOf,
    Unparsed,
    Variable,
)
from ecr_exposure.cli.hcl.hcl_templates import (
    ForDirective,
    IfDirective,
    Part,
    Piece,
    decoded_json,
    parts_of_decoded,
    parts_of_template,
)
from ecr_exposure.cli.hcl.hcl_tokens import HclError, Source
from ecr_exposure.cli.policies_in_terraform.located_values import (
    LONGEST_TEXT,
    LocatedObject,
    MissingError,
    WrittenPiece,
    WrittenText,
    as_text,
    first_unknown,
    is_large,
)
from ecr_exposure.cli.policies_in_terraform.terraform_functions import FUNCTIONS, call, on_each_option
from ecr_exposure.cli.policies_in_terraform.terraform_operators import calculated, equal, member, truth
from ecr_exposure.cli.policies_in_terraform.uncertain_statements import either, maybe_absent
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, any_number, choice, may_be_absent

_LONGEST_REFERENCE: Final = 80
_WORD: Final = re.compile(r"[\w-]+")
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
    address: str
    may_be_missing: list[Choice]

    def file(self, path: Value) -> Value:
        """Return the text of a file; None if it is not there."""

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
                condition = truth(self.known(part.condition))
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

    def _parenthesized(self, expression: Parenthesized) -> Value:
        return self.value(expression.of)

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
            return self._call_with_files(name, expression)
        values = [self.value(each) for each in arguments]
        if expression.expands:
            last = values.pop()
            if not isinstance(last, list):
                return first_unknown(last) or Unknown(reference_text(self.source, expression))
            values += last
        return call(name, values)

    def _call_with_files(self, name: str, expression: Call) -> Value:
        """Return the value of a function that reads files or templates, if the module has them."""
        arguments = [self.known(each) for each in expression.arguments]
        match name, arguments:
            case "file", [path]:
                found = self.scope.file(path)
            case "templatefile", [path, variables]:
                found = self.scope.file(path)
                found = None if found is None else self.rendered(found, variables)
            case "templatestring", [text, variables]:
                found = self.rendered(text, variables)
            case _:
                found = None
        return Unknown(reference_text(self.source, expression)) if found is None else found

    def rendered(self, template: Value, variables: Value) -> Value:
        """Return a template with its variables in place; nothing else has a name in it."""
        text = as_text(template)
        if not isinstance(text, str):
            return first_unknown(text)
        # The text of a file keeps its places.
        piece = template.pieces[0] if isinstance(template, WrittenText) and len(template.pieces) == 1 else None
        is_file = piece is not None and piece.source is not None and piece.source.text == text
        source = piece.source if piece and is_file else None
        source = source or Source(self.source.file, text, is_decoded=True)
        names = variables if isinstance(variables, Mapping) else {}
        return Evaluator(source, self.scope, names)._template(parts_of_decoded(text))  # noqa: SLF001 - its own

    def _try(self, name: str, arguments: Sequence[Unparsed]) -> Value:
        missing = self.scope.may_be_missing
        for at, each in enumerate(arguments):
            with suppress(MissingError):
                before = len(missing)
                value = self.value(each)
                uncertain = missing[before:]
                if name == "can":
                    return first_unknown([value, *uncertain]) or True
                others = arguments[at + 1 :]
                if not uncertain or not others:
                    return value
                with suppress(MissingError):
                    other = self._try(name, others)
                    options = tuple(value if is_there else other for is_there in uncertain[0].options)
                    return choice(uncertain[0].reference, uncertain[0].question, options)
                return value
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
                found = on_each_option(value, partial(self._read_each, steps=rest[:last]))
                return self.read(found, rest[last:])
            key = step.name if isinstance(step, GetAttribute) else self.value(step.key)
            if decides := first_unknown(key):
                self.scope.may_be_missing.append(Choice(decides.reference, object(), (True, False)))
            value = member(value, key)
        return value

    def _read_each(self, value: Value, steps: Steps) -> Value:
        if isinstance(value, Unknown):
            return value
        if value is None:
            return []
        return [self.read(each, steps) for each in (value if isinstance(value, list) else [value])]

    def _conditional(self, expression: Conditional) -> Value:
        condition = truth(self.value(expression.condition))
        if not isinstance(condition, Unknown):
            return self.value(expression.yes if condition else expression.no)
        # With a name of a loop, the same text means something else each time.
        written = self.source.text[expression.condition.start : expression.condition.end]
        is_of_loop = not self.names.keys().isdisjoint(_WORD.findall(written))
        question = object() if is_of_loop else (self.scope.address, written)
        return either(condition, question, self.known(expression.yes), self.known(expression.no))

    def _operation(self, expression: Operation) -> Value:
        operator, (first, *others) = expression.operator, expression.operands
        left = self.value(first)
        if operator in ("||", "&&"):
            return self._logical(operator, truth(left), others[0])
        right = self.value(others[0]) if others else None
        if operator in ("==", "!="):
            same = equal(left, right)
            return same if isinstance(same, Unknown) else same == (operator == "==")
        return calculated(operator, left, right) if others else calculated(operator, left)

    def _logical(self, operator: str, left: Value, other: Unparsed) -> Value:
        decides = operator == "||"
        if left is decides:
            return decides
        right = truth(self.known(other))
        return right if right is decides or not isinstance(left, Unknown) else left

    def _for(self, expression: For) -> Value:
        return on_each_option(self.value(expression.collection), lambda each: self._for_each(expression, each))

    def _for_each(self, expression: For, collection: Value) -> Value:
        if isinstance(collection, Unknown):
            collection = [collection]
        results: list[Value] = []
        content: dict[str, Value] = {}
        for key, value in members_of(collection):
            loop = self.with_names(_loop_names(expression.names, key, value))
            condition = truth(loop.known(expression.condition)) if expression.condition else True
            if condition is False:
                continue
            uncertain = value if may_be_absent(value) else condition if isinstance(condition, Unknown) else None
            unknown = first_unknown(uncertain)
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
    Parenthesized: Evaluator._parenthesized,  # noqa: SLF001 - the same
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
    if isinstance(result, str):
        return choice(unknown.reference, object(), ([result], []))
    return any_number(result) if isinstance(result, Joined) else unknown


def _loop_names(names: Sequence[str], key: Value, value: Value) -> dict[str, Value]:
    return {names[0]: key, names[1]: value} if len(names) > 1 else {names[0]: value}


def members_of(collection: Value) -> list[tuple[Value, Value]]:
    """Return the keys and values of an object, the indexes and elements of a list. Raises MissingError."""
    if isinstance(collection, Mapping):
        return list(collection.items())
    if not isinstance(collection, list):
        raise MissingError("neither a list nor an object")
    return [(each if isinstance(each, Unknown) else at, each) for at, each in enumerate(collection)]
