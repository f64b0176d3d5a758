"""Where the properties and statements of a JSON text are, as lines and columns."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from ecr_exposure.cli.found_policies.found_policy import Span, StatementSpan
from ecr_exposure.cli.json_members import Member, members, value_at

_LINE_END: Final = re.compile("\n")
_STATEMENT: Final = "Statement"
_PRINCIPALS: Final = ("Principal", "NotPrincipal")


class JsonPositions:
    """One text; start: the place of the first character of a value in it."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        """Find the lines; first_line: the number of the first one in its file."""
        self._text, self._first_line = text, first_line
        self._lines = [0, *(found.end() for found in _LINE_END.finditer(text))]

    def span(self, first: int, end: int) -> Span:
        """Return the lines and columns of the characters from first to before end."""
        line, end_line = bisect_right(self._lines, first), bisect_right(self._lines, end)
        before = self._first_line - 1
        column, end_column = first - self._lines[line - 1] + 1, end - self._lines[end_line - 1] + 1
        return Span(before + line, column, before + end_line, end_column)

    def whole(self, start: int) -> Span:
        """Return where a value is; the line where it begins for a text that is not plain JSON."""
        try:
            _, end = value_at(self._text, start)
        except ValueError:
            end = self._text.find("\n", start)
        return self.span(start, len(self._text.rstrip()) if end < 0 else end)

    def parts(self, start: int) -> list[Member]:
        """Return the members of an object or the elements of a list; none of another value, or of no plain JSON."""
        try:
            return list(members(self._text, start)) if self._text[start : start + 1] in ("{", "[") else []
        except ValueError:
            return []

    def last_on_path(self, start: int, *keys: str) -> Member | None:
        """Return the member that the keys lead to, or the last one on the way that is there."""
        found = None
        for key in keys:
            member = next((each for each in self.parts(start) if each.key == key), None)
            if member is None:
                break
            found, start = member, member.start
        return found

    def statements(self, start: int) -> Mapping[int, StatementSpan]:
        """Return where the statements of a policy are, and their Principal elements, with its key."""
        element = next((each for each in self.parts(start) if each.key == _STATEMENT), None)
        if element is None:
            return {}
        is_list = self._text[element.start] == "["
        statements = self.parts(element.start) if is_list else [element]
        return {index: self._statement(each) for index, each in enumerate(statements)}

    def _statement(self, statement: Member) -> StatementSpan:
        principal = next((each for each in self.parts(statement.start) if each.key in _PRINCIPALS), None)
        return StatementSpan(
            statement=self.span(statement.start, statement.end),
            principal=self.span(principal.first, principal.end) if principal else None,
        )
