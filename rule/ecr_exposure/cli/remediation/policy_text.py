"""The text of a policy: changed without a change of the rest, written anew, compared.

What stays, stays to the character: blanks, line ends, order of keys, escapes and the spelling of numbers.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import Any, Final

from ecr_exposure.remedy import LONGEST_POLICY

_BYTE_ORDER_MARK: Final = "\ufeff"
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_LAST_INDENT: Final = re.compile(r"\n([ \t]*)[^\n]*\Z")
# UTF-8 has no lone surrogates, and the others would control a terminal: C1, line and direction characters.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_COLON: Final = re.compile(r'(?<!\\)"([ \t]*:[ \t]*)')
_PLAIN_NAME: Final = re.compile(r'[^\x00-\x1f\x7f"\\]+')
_DECODER: Final = json.JSONDecoder()
_CONTAINERS: Final = (Mapping, list, tuple)
_SHORT: Final = 80
_SHORT_LINE: Final = re.compile(r'[\[{][ \t]*"[^\n\[{]*[\]}]')
"""A list or object of strings on one line."""


def pretty(policy: object) -> str:
    """Return a policy on several lines, indented by two blanks, in ASCII."""
    return f"{json.dumps(policy, indent=2)}\n"


def compact(policy: object) -> str:
    """Return a policy in as few characters as possible."""
    return _without_unsafe(json.dumps(policy, separators=(",", ":"), ensure_ascii=False))


def within_limit(policy: object) -> str:
    """Return a policy as Amazon ECR accepts it: on several lines, unless it would have too many characters."""
    text = pretty(policy)
    return text if len(text) <= LONGEST_POLICY else compact(policy)


def unified_diff(before: str, after: str, name: str) -> str:
    """Return the difference as `patch -p1` and `git apply` read it; "" for equal texts.

    name: the path of the file, from the folder in which the difference is applied.
    """
    path = name.removeprefix("/")
    lines = difflib.unified_diff(_lines(before), _lines(after), _in_header(f"a/{path}"), _in_header(f"b/{path}"))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    # str.splitlines also ends a line where patch does not.
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _in_header(path: str) -> str:
    # As git writes a path with unusual characters: https://git-scm.com/docs/diff-format
    if not _PLAIN_NAME.fullmatch(path):
        return json.dumps(path, ensure_ascii=False)
    return f"{path}\t" if " " in path else path


def with_statements_replaced(text: str, corrected: Mapping[str, Any]) -> str:
    """Return the text of a policy with the content of the corrected one.

    Elements, statements and their parts that are in both keep their text; what is new is written in the indentation of
    the text. A text for which that is not possible, such as a percent-encoded one, is written whole by `pretty`.
    """
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    try:
        result = _JsonText(text.removeprefix(mark)).with_content(corrected)
        if _identity(json.loads(result)) == _identity(corrected):
            return mark + result
    except ValueError:  # no JSON
        pass
    return mark + pretty(corrected).replace("\n", _line_end(text))


def _identity(value: object) -> str:
    """Return the same text for equal values; 1, 1.0 and true are not equal."""
    return json.dumps(value, sort_keys=True)


def _without_unsafe(json_text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _after_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    return found.end() if found else start


def _indent(text: str) -> str | None:
    """Return the indentation of the last line; None for a text of one line."""
    found = _LAST_INDENT.search(text)
    return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A member of an object, or an element of a list, which has no key."""

    key: str | None = None
    value: Any

    @property
    def name(self) -> str:
        """Return what an equal part of another text has in common with this one."""
        return _identity(self.value) if self.key is None else self.key

    @property
    def label(self) -> str:
        """Return what a changed part of another text has in common with this one: the Sid of a statement."""
        return _identity(self.value.get("Sid")) if self.key is None and isinstance(self.value, Mapping) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item(_Part):
    """A part of a text, which has it from first to end; its value begins at start. before, after: blanks around it."""

    first: int
    start: int
    end: int
    before: str = ""
    after: str = ""


def _aligned(old: Sequence[_Item], new: Sequence[_Part], *by: str) -> Iterator[tuple[_Item | None, _Part | None]]:
    """Yield in order which parts belong together; None for a part that is added or removed.

    by: the attributes that parts have in common if they belong together, the strictest first.
    """
    if not by:
        yield from zip_longest(old, new)
        return
    names = [[str(getattr(part, by[0])) for part in parts] for parts in (old, new)]
    i = j = 0
    for i_same, j_same in (*_longest_common(*names), (len(old), len(new))):
        yield from _aligned(old[i:i_same], new[j:j_same], *by[1:])
        yield from zip(old[i_same : i_same + 1], new[j_same : j_same + 1], strict=True)
        i, j = i_same + 1, j_same + 1


def _longest_common(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places in both of their longest common subsequence; difflib's is shorter where elements are equal."""
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]  # of what begins at two places
    for i, j in product(reversed(range(len(old))), reversed(range(len(new)))):
        lengths[i][j] = max(lengths[i + 1][j], lengths[i][j + 1], lengths[i + 1][j + 1] + (old[i] == new[j]))
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            yield i, j
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1


class _JsonText:
    """A JSON text, and how it writes: its line end, its indentation, what is around a colon, and in ASCII or not."""

    def __init__(self, text: str) -> None:
        """Raise ValueError for a text that does not begin with a JSON value."""
        start = _after_blanks(text, 0)
        content, end = _DECODER.raw_decode(text, start)
        self._text = text
        self._whole = _Item(value=content, first=start, start=start, end=end)
        self._line_end = _line_end(text)
        first = next(self._items(start), None) if isinstance(content, dict) else None
        self._colon = Counter(_COLON.findall(text) or [": "]).most_common(1)[0][0]
        self._blank = " " if self._colon.endswith(" ") else ""
        self._has_short_lines = _SHORT_LINE.search(text) is not None
        self._unit = (_indent(first.before) if first else None) or "  "

    def with_content(self, content: Mapping[str, Any]) -> str:
        """Return the text with another content."""
        start, end = self._whole.start, self._whole.end
        indent = "" if "\n" in self._text[start:end] else None
        return f"{self._text[:start]}{self._changed(self._whole, content, indent)}{self._text[end:]}"

    def _items(self, start: int) -> Iterator[_Item]:
        """Yield the items of the object or list that begins here."""
        text, end = self._text, start + 1
        is_object, closing = text[start] == "{", {"{": "}", "[": "]"}[text[start]]
        if text[_after_blanks(text, end)] == closing:
            return
        while text[end - 1] != closing:
            key, first = None, _after_blanks(text, end)
            before, value_at = text[end:first], first
            if is_object:
                key, key_end = _DECODER.raw_decode(text, first)
                value_at = _after_blanks(text, text.index(":", key_end) + 1)
            value, value_end = _DECODER.raw_decode(text, value_at)
            end = _after_blanks(text, value_end)
            after, end = text[value_end:end], end + 1
            yield _Item(key=key, value=value, first=first, start=value_at, end=value_end, before=before, after=after)

    def _changed(self, old: _Item, new: object, indent: str | None) -> str:
        """Return the text of a new value, with the text of the old value's parts that are in both.

        indent: that of the line on which the value begins; None if it shares the line with others.
        """
        if _identity(old.value) == _identity(new):
            return self._text[old.start : old.end]
        items: Sequence[_Item] = ()
        parts: Sequence[_Part] = ()
        if isinstance(new, Mapping) and isinstance(old.value, dict):
            items, parts = tuple(self._items(old.start)), [_Part(key=key, value=value) for key, value in new.items()]
        elif isinstance(new, (list, tuple)):
            # One value that becomes a list is its first element.
            alone = _Item(value=old.value, first=old.start, start=old.start, end=old.end)
            items = tuple(self._items(old.start)) if isinstance(old.value, list) else (alone,)
            parts = [_Part(value=value) for value in new]
        if not items or not parts:
            return self._written(new, indent)
        opening, closing = "{}" if isinstance(new, Mapping) else "[]"
        return f"{opening}{self._merged(items, parts)}{closing}"

    def _merged(self, items: Sequence[_Item], parts: Sequence[_Part]) -> str:
        """Return the text between the brackets: commas and blanks are where they were, as far as possible."""
        first, last = items[0], items[-1]
        later = items[1].before if len(items) > 1 else first.before or self._blank
        merged: list[tuple[str, str, str]] = []
        for old, new in _aligned(items, parts, "name", "label"):
            if old and new:
                before, after = (later if old is first else old.before), ("" if old is last else old.after)
                merged.append((before, self._kept(old, new), after))
            elif new:
                merged.append((later, self._added(new, first), ""))
        merged[0] = (first.before, *merged[0][1:])
        merged[-1] = (*merged[-1][:2], last.after)
        return ",".join("".join(each) for each in merged)

    def _kept(self, old: _Item, new: _Part) -> str:
        """Return the text of a part in the place of another one."""
        indent = _indent(old.before)
        if old.key != new.key:
            return self._member(new, indent)
        return f"{self._text[old.first : old.start]}{self._changed(old, new.value, indent)}"

    def _added(self, new: _Part, beside: _Item) -> str:
        """Return the text of a new part, on lines of their own if the one beside it has such."""
        indent = _indent(beside.before)
        return self._member(new, _indent(self._text[beside.first : beside.end]) if indent is None else indent)

    def _member(self, part: _Part, indent: str | None) -> str:
        key = "" if part.key is None else f"{self._written(part.key, None)}{self._colon}"
        return f"{key}{self._written(part.value, indent)}"

    def _written(self, value: object, indent: str | None) -> str:
        """Return a value on lines with this indentation, the first aside; None: on one line."""
        if indent is None or not isinstance(value, _CONTAINERS) or not value:
            return self._on_one_line(value)
        values = value.values() if isinstance(value, Mapping) else value
        line = self._on_one_line(value)
        if self._has_short_lines and len(line) <= _SHORT and not any(isinstance(each, _CONTAINERS) for each in values):
            return line
        inner = f"{self._line_end}{indent}{self._unit}"
        keys = (f"{self._on_one_line(each)}{self._colon}" if isinstance(value, Mapping) else "" for each in value)
        parts = [
            f"{inner}{key}{self._written(each, indent + self._unit)}" for key, each in zip(keys, values, strict=True)
        ]
        return f"{line[0]}{','.join(parts)}{self._line_end}{indent}{line[-1]}"

    def _on_one_line(self, value: object) -> str:
        separators = (f",{self._blank}", self._colon)
        return _without_unsafe(json.dumps(value, separators=separators, ensure_ascii=self._text.isascii()))
