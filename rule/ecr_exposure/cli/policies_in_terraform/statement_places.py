"""Where the statements of a policy in Terraform code are written: as objects, blocks, or the text of a heredoc."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate, takewhile
from typing import NamedTuple

from ecr_exposure.cli.found_policies.found_policy import Span, StatementSpan
from ecr_exposure.cli.found_policies.json_positions import JsonPositions
from ecr_exposure.cli.found_policies.unknown_values import Value
from ecr_exposure.cli.hcl.hcl_tokens import Source
from ecr_exposure.cli.policies_in_terraform.located_values import JsonText, LocatedObject, WrittenText
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice
from ecr_exposure.policy.json_values import elements


class Place(NamedTuple):
    """Where a statement is."""

    file: str
    span: StatementSpan


def statement_places(value: Value) -> Mapping[int, Place]:
    """Return where the statements of a policy's text are, by index, as far as the code has them as they are."""
    if isinstance(value, WrittenText):
        return _WrittenJson(value).places()
    policy = value.value if isinstance(value, JsonText) else value
    statements = elements(policy.get("Statement", [])) if isinstance(policy, Mapping) else ()
    # One of several lists of statements moves those behind it.
    counted = enumerate(takewhile(lambda each: not isinstance(each, Choice), statements))
    located = ((index, each) for index, each in counted if isinstance(each, LocatedObject))
    return {index: _place(each) for index, each in located if not each.source.is_decoded}


def _place(statement: LocatedObject) -> Place:
    principal = next(
        (statement.members[each] for each in ("Principal", "NotPrincipal") if each in statement.members), None
    )
    source = statement.source
    return Place(
        source.file,
        StatementSpan(
            statement=source.span(statement.start, statement.end),
            principal=source.span(*principal) if principal else None,
        ),
    )


class _WrittenJson:
    """A text of JSON, and where its pieces are written. A value that is not known is 0, in a string and outside."""

    def __init__(self, written: WrittenText) -> None:
        self._pieces = written.pieces
        texts = [piece.text if isinstance(piece.text, str) else "0" for piece in written.pieces]
        self._starts = [0, *accumulate(map(len, texts))]
        self._text = "".join(texts)

    def places(self) -> Mapping[int, Place]:
        start = len(self._text) - len(self._text.lstrip())
        found: dict[int, Place] = {}
        for index, each in JsonPositions(self._text).statements(start).items():
            statement = self._written(each.statement)
            principal = self._written(each.principal) if each.principal else None
            if statement:
                same = principal is not None and principal[0] == statement[0]
                span = StatementSpan(statement=statement[1], principal=principal[1] if principal and same else None)
                found[index] = Place(statement[0].file, span)
        return found

    def _written(self, span: Span) -> tuple[Source, Span] | None:
        """Return where a part of the text is written; None if its ends are not in one file."""
        text = Source("", self._text)
        first = self._origin(text.offset(span.line, span.column))
        last = self._origin(text.offset(span.end_line, span.end_column) - 1)
        if first is None or last is None or first[0] is not last[0]:
            return None
        return first[0], first[0].span(first[1], last[2])

    def _origin(self, offset: int) -> tuple[Source, int, int] | None:
        """Return where a character is written, from its start to its end."""
        index = bisect_right(self._starts, offset) - 1
        piece = self._pieces[index]
        if piece.source is None or piece.source.is_decoded:
            return None
        start = piece.start + offset - self._starts[index]
        return piece.source, start, piece.end if offset + 1 == self._starts[index + 1] else start + 1
