"""The expressions of HCL as a tree. What this reader does not know becomes Unparsed, with its extent.

https://developer.hashicorp.com/terraform/language/expressions
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.hcl.hcl_tokens import CLOSING, OPENING, HclError, Token, TokenKind, tokens_of

_MOST_NESTED: Final = 50
_BY_PRECEDENCE: Final = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("==", "!="), 3),
    **dict.fromkeys(("<", ">", "<=", ">="), 4),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/%", 6),
}
_WORDS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """An expression that this reader does not know; the base of all others. start, end: offsets in the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Unparsed):
    """A number, true, false or null."""

    value: float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextToken(Unparsed):
    """A quoted string or a heredoc, with the text as written: hcl_templates reads what is inside."""

    is_heredoc: bool
    is_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectOf(Unparsed):
    """An object: keys and values; a name as a key is a Variable, and means itself."""

    items: tuple[tuple[Unparsed, Unparsed], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleOf(Unparsed):
    """A list."""

    items: tuple[Unparsed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Unparsed):
    """A call of a function; expands: whether the last argument is a list of arguments."""

    name: str
    arguments: tuple[Unparsed, ...]
    expands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Unparsed):
    """A name, such as `var`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parenthesized(Unparsed):
    """A key of an object in parentheses: a name in it is no key, but has a value."""

    of: Unparsed


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAttribute(Unparsed):
    """An attribute of a value."""

    of: Unparsed
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetElement(Unparsed):
    """An element of a list or object."""

    of: Unparsed
    key: Unparsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Splat(Unparsed):
    """All elements of a list; what follows is read from each of them, up to an index after the older form `.*`.

    https://developer.hashicorp.com/terraform/language/expressions/splat
    """

    of: Unparsed
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Unparsed):
    """One of two values."""

    condition: Unparsed
    yes: Unparsed
    no: Unparsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Unparsed):
    """An operator with two operands; with one for `!` and the sign."""

    operator: str
    operands: tuple[Unparsed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class For(Unparsed):
    """A list or object made from another one; key: None for a list. names: of the key (or index) and the value."""

    names: tuple[str, ...]
    collection: Unparsed
    key: Unparsed | None
    value: Unparsed
    condition: Unparsed | None
    is_grouped: bool


def read_expression(text: str, start: int, end: int, *, is_json: bool = False) -> Unparsed:
    """Return the expression in a part of a text."""
    try:
        tokens = tokens_of(text, start, end, is_json=is_json)
        return read_tokens([token for token in tokens if token.kind is not TokenKind.COMMENT], is_json=is_json)
    except HclError:
        return Unparsed(start=start, end=end)


def read_tokens(tokens: Sequence[Token], *, is_json: bool = False) -> Unparsed:
    """Return the expression of some tokens, the last of which is END; those of comments are left out."""
    try:
        return _Parser(tokens, is_json=is_json).whole()
    except HclError:
        return Unparsed(start=tokens[0].start, end=tokens[-1].end)


class _Parser:
    def __init__(self, tokens: Sequence[Token], *, is_json: bool) -> None:
        self._tokens, self._is_json = tokens, is_json
        self._at = 0
        self._in_lines = False  # whether a line end separates, as in an object
        self._depth = 0

    def whole(self) -> Unparsed:
        start, end = self._next.start, self._tokens[-1].end
        found = self._expression()
        return found if self._next.kind is TokenKind.END else Unparsed(start=start, end=end)

    @property
    def _next(self) -> Token:
        if not self._in_lines:
            while self._tokens[self._at].kind is TokenKind.LINE_END:
                self._at += 1
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        if token.kind is TokenKind.END:
            raise HclError(token.start, "an expression is expected")
        self._at += 1
        return token

    def _has(self, *texts: str) -> bool:
        """Return whether the next token is a mark or a name with one of these texts."""
        return self._next.kind in (TokenKind.MARK, TokenKind.NAME) and self._next.text in texts

    def _accept(self, *texts: str) -> bool:
        has = self._has(*texts)
        self._at += has
        return has

    def _expect(self, text: str) -> Token:
        if not self._has(text):
            raise HclError(self._next.start, f"{text} is expected")
        return self._take()

    def _expression(self) -> Unparsed:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise HclError(self._next.start, "nested too deep")
        try:
            condition = self._binary(1)
            if not self._accept("?"):
                return condition
            yes = self._expression()
            self._expect(":")
            no = self._expression()
            return Conditional(start=condition.start, end=no.end, condition=condition, yes=yes, no=no)
        finally:
            self._depth -= 1

    def _binary(self, precedence: int) -> Unparsed:
        left = self._unary()
        while (found := _BY_PRECEDENCE.get(self._next.text, 0)) >= precedence and self._next.kind is TokenKind.MARK:
            operator = self._take().text
            right = self._binary(found + 1)
            left = Operation(start=left.start, end=right.end, operator=operator, operands=(left, right))
        return left

    def _unary(self) -> Unparsed:
        signs: list[Token] = []
        while self._has("!", "-"):
            signs.append(self._take())
        found = self._with_parts(self._primary())
        for sign in reversed(signs):
            found = Operation(start=sign.start, end=found.end, operator=sign.text, operands=(found,))
        return found

    def _with_parts(self, found: Unparsed) -> Unparsed:
        while True:
            if self._has("["):
                found = self._element_of(found)
            elif self._accept("."):
                token = self._take()
                if token.text == "*":
                    found = Splat(start=found.start, end=token.end, of=found, is_full=False)
                elif token.kind is TokenKind.NAME:
                    found = GetAttribute(start=found.start, end=token.end, of=found, name=token.text)
                elif token.kind is TokenKind.NUMBER and token.text.isdigit():
                    key = Literal(start=token.start, end=token.end, value=int(token.text))
                    found = GetElement(start=found.start, end=token.end, of=found, key=key)
                else:
                    raise HclError(token.start, "an attribute is expected")
            else:
                return found

    def _element_of(self, found: Unparsed) -> Unparsed:
        outer, self._in_lines = self._in_lines, False
        self._take()
        if self._accept("*"):
            end = self._expect("]").end
            found = Splat(start=found.start, end=end, of=found, is_full=True)
        else:
            key = self._expression()
            end = self._expect("]").end
            found = GetElement(start=found.start, end=end, of=found, key=key)
        self._in_lines = outer
        return found

    def _primary(self) -> Unparsed:
        token = self._take()
        place = {"start": token.start, "end": token.end}
        match token.kind:
            case TokenKind.STRING | TokenKind.HEREDOC:
                return TextToken(**place, is_heredoc=token.kind is TokenKind.HEREDOC, is_json=self._is_json)
            case TokenKind.NUMBER:
                return Literal(**place, value=_number(token))
            case TokenKind.NAME if token.text in _WORDS:
                return Literal(**place, value=_WORDS[token.text])
            case TokenKind.NAME:
                return self._call(token) if self._has("(", "::") else Variable(**place, name=token.text)
        if token.text in OPENING:
            outer, self._in_lines = self._in_lines, token.text == "{"
            try:
                return self._bracketed(token)
            finally:
                self._in_lines = outer
        raise HclError(token.start, f"{token.text!r} begins no expression")

    def _bracketed(self, opening: Token) -> Unparsed:
        if opening.text == "(":
            found = self._expression()
            self._expect(")")
            return found
        self._skip_line_ends()
        if self._has("for") and self._tokens[self._at + 1].kind is TokenKind.NAME:
            self._in_lines = False
            return self._for(opening)
        if opening.text == "{":
            return self._object(opening)
        items, end = self._list("]")
        return TupleOf(start=opening.start, end=end, items=items)

    def _skip_line_ends(self) -> None:
        while self._tokens[self._at].kind is TokenKind.LINE_END:
            self._at += 1

    def _list(self, closing: str) -> tuple[tuple[Unparsed, ...], int]:
        items: list[Unparsed] = []
        while not self._has(closing):
            items.append(self._item(closing))
            if not self._accept(","):
                break
        return tuple(items), self._expect(closing).end

    def _item(self, closing: str) -> Unparsed:
        """Return an element or argument; what follows an unknown construct is read all the same."""
        before, outer = self._at, (self._in_lines, self._depth)
        try:
            found = self._expression()
            if self._has(",", closing, "...") or (self._in_lines and self._next.kind is TokenKind.LINE_END):
                return found
        except HclError:
            pass
        self._at, (self._in_lines, self._depth) = before, outer
        return self._skipped(closing)

    def _skipped(self, closing: str) -> Unparsed:
        start, opened = self._next, 0
        last = start
        while opened or not (
            self._has(",", closing, "...") or (self._in_lines and self._next.kind is TokenKind.LINE_END)
        ):
            last = self._take()
            if last.kind is TokenKind.MARK:
                opened += (last.text in OPENING) - (last.text in CLOSING)
        return Unparsed(start=start.start, end=last.end)

    def _object(self, opening: Token) -> Unparsed:
        items: list[tuple[Unparsed, Unparsed]] = []
        self._skip_line_ends()
        while not self._has("}"):
            is_value, key = self._has("("), self._expression()
            if is_value:
                key = Parenthesized(start=key.start, end=key.end, of=key)
            if not self._accept("=", ":"):
                raise HclError(self._next.start, "= is expected")
            self._skip_line_ends()
            items.append((key, self._item("}")))
            self._skip_line_ends()
            self._accept(",")
            self._skip_line_ends()
        return ObjectOf(start=opening.start, end=self._expect("}").end, items=tuple(items))

    def _call(self, name: Token) -> Unparsed:
        full = name.text
        while self._accept("::"):
            full += f"::{self._take().text}"
        outer, self._in_lines = self._in_lines, False
        self._expect("(")
        arguments: list[Unparsed] = []
        expands = False
        while not self._has(")"):
            arguments.append(self._item(")"))
            expands = self._accept("...")
            if not self._accept(","):
                break
        end = self._expect(")").end
        self._in_lines = outer
        return Call(start=name.start, end=end, name=full, arguments=tuple(arguments), expands=expands)

    def _for(self, opening: Token) -> Unparsed:
        closing = "]" if opening.text == "[" else "}"
        self._expect("for")
        names = [self._take().text]
        if self._accept(","):
            names.append(self._take().text)
        self._expect("in")
        collection = self._expression()
        self._expect(":")
        key, value = None, self._expression()
        if closing == "}":
            self._expect("=>")
            key, value = value, self._expression()
        is_grouped = self._accept("...")
        condition = self._expression() if self._accept("if") else None
        return For(
            start=opening.start,
            end=self._expect(closing).end,
            names=tuple(names),
            collection=collection,
            key=key,
            value=value,
            condition=condition,
            is_grouped=is_grouped,
        )


def _number(token: Token) -> float:
    return int(token.text) if token.text.isdigit() and len(token.text) < 40 else float(token.text)  # noqa: PLR2004 - as json_values
