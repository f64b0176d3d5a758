"""parameters.yaml: the stack's values, read as SAM CLI reads them, and changed without the loss of a comment.

SAM CLI (1.170) reads the file of ``parameter_overrides = "file://parameters.yaml"`` by YAML 1.2, joins lists with
commas, turns other values into text, and removes quotes and backslashes that are part of a text:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NoReturn

import yaml

from ecr_exposure.cli.aws_calls import printable
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.replaced_file import replace_file

ACCEPTED: Final = 'accepted is one NAME: "value" a line, each value in double quotes'
_NEW_FILE: Final = "# The values of the stack; preflight adds those that are missing, and sam deploy reads them.\n"
_NAME: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_REFUSED_TOKENS: Final[Mapping[type, str]] = {
    yaml.AnchorToken: "an anchor (&)",
    yaml.AliasToken: "an alias (*)",
    yaml.TagToken: "a tag (!)",
    yaml.DirectiveToken: "a directive (%)",
}
# YAML 1.1 and YAML 1.2 disagree on whether these end a line.
_UNUSUAL_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
# Scalars without quotes that YAML 1.2 does not read as text, as SAM CLI's reader recognizes them.
_NOT_TEXT: Final = re.compile(
    r"""true|True|TRUE|false|False|FALSE
    |[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+
    |[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    |[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?""",
    re.VERBOSE | re.ASCII,
)
_SAME_AS_TEXT: Final = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_FIRST_BEYOND_BMP: Final = 0x10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One parameter of the file and its value."""

    name: str
    value: str
    line: int
    """Counted from 1."""
    unquoted: tuple[str, ...]
    """Those of its scalars that SAM CLI reads as something else than text."""
    start: int
    end: int
    """Where the value is in the file's text."""
    has_comment: bool
    """Whether a comment is inside the value, as in a list on several lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParametersText:
    """The text of the file, and what it says."""

    place: str
    """The file, as messages name it."""
    text: str
    entries: Mapping[str, Entry]
    """By name, in the order of the file."""
    end: int
    """Where a new line belongs: the end of the text, or of its document."""
    indent: int

    @property
    def values(self) -> dict[str, str]:
        """The values by name."""
        return {name: entry.value for name, entry in self.entries.items()}

    def with_values(self, values: Mapping[str, str]) -> "ParametersText":
        """Return the text with these values: present ones changed in place, others added at the end.

        Raises CannotRunError where that would change anything else.
        """
        changed = [self.entries[name] for name in values if name in self.entries and self._differs(name, values)]
        text = self._with_lines({name: value for name, value in values.items() if name not in self.entries})
        for entry in sorted(changed, key=lambda each: each.start, reverse=True):
            if entry.has_comment:
                problem = f"{entry.name} cannot be changed without the loss of a comment inside its value"
                _refuse(self.place, entry.line, f"{problem}; edit the file")
            blank = " " if text[entry.start - 1] == ":" else ""
            text = f"{text[: entry.start]}{blank}{quoted(values[entry.name])}{text[entry.end :]}"
        result = parse(text, self.place)
        if list(result.values.items()) != list((self.values | dict(values)).items()):
            raise CannotRunError(f"{self.place} cannot be changed without another value changing; edit the file")
        return result

    def _differs(self, name: str, values: Mapping[str, str]) -> bool:
        return bool(self.entries[name].value != values[name] or self.entries[name].unquoted)

    def _with_lines(self, values: Mapping[str, str]) -> str:
        if not values:
            return self.text
        line_end = "\r\n" if "\r\n" in self.text else "\n"
        before, after = self.text[: self.end], self.text[self.end :]
        ends = not before.removeprefix("\ufeff") or before.endswith(("\n", "\r"))
        lines = line_end.join(f"{' ' * self.indent}{name}: {quoted(value)}" for name, value in values.items())
        # A file without a newline at its end stays one.
        return f"{before}{lines}{line_end}{after}" if ends else f"{before}{line_end}{lines}{after}"


def read_parameters(file: Path) -> ParametersText:
    """Read the file; CannotRunError for one that SAM CLI cannot read, or reads otherwise than it looks.

    A file that does not exist is read as one without values.
    """
    try:
        text = file.read_bytes().decode()
    except FileNotFoundError:
        text = _NEW_FILE
    except OSError as error:
        raise CannotRunError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CannotRunError(f"{file} is not encoded in UTF-8: byte {error.start + 1}") from None
    return parse(text, str(file))


def write_parameters(file: Path, parameters: ParametersText) -> None:
    """Replace the file at once, or not at all; CannotRunError if it is read-only.

    Its mode stays; where it is a symbolic link, the file that it links to is replaced.
    """
    replace_file(file, parameters.text.encode())


def quoted(value: str) -> str:
    """Return a value in double quotes, in ASCII, whatever encoding SAM CLI assumes."""
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < _FIRST_BEYOND_BMP else f"\\U{code:08x}"


def as_sam_reads(value: str) -> str:
    """Return what is left of a text: SAM CLI removes quotes around it, and some backslashes."""
    if value and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return value.replace("\\ ", " ").replace('\\"', '"').replace("\\'", "'")


def parse(text: str, place: str) -> ParametersText:
    """Read a text; CannotRunError for one that SAM CLI cannot read, or reads otherwise than it looks."""
    unusual = _UNUSUAL_BREAKS.search(text)
    if unusual:
        line = text.count("\n", 0, unusual.start()) + 1
        _refuse(place, line, f"the character U+{ord(unusual[0]):04X}, which may or may not end a line")
    try:
        end = _end_of_document(text, place)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        parts = (part for part in (error.context, error.problem) if part)
        _refuse(place, line, f"not valid YAML: {', '.join(parts)}; {ACCEPTED}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        _refuse(place, line, f"not valid YAML: the character U+{ord(text[error.position]):04X}")
    entries: dict[str, Entry] = {}
    for key, node in _pairs(root, place):
        entry = _entry(key, node, text, place)
        if entry.name in entries:
            first = entries[entry.name].line
            _refuse(place, entry.line, f"{entry.name} is a duplicate: line {first} has it, too; delete one of them")
        entries[entry.name] = entry
    indent = root.start_mark.column if isinstance(root, yaml.MappingNode) else 0
    return ParametersText(place=place, text=text, entries=entries, end=end, indent=indent)


def _refuse(place: str, line: int, problem: str) -> NoReturn:
    raise CannotRunError(f"{place}, line {line}: {printable(problem)}")


def _end_of_document(text: str, place: str) -> int:
    """Return the index behind the last line of the document; refuses what preflight would not write."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if type(token) in _REFUSED_TOKENS:
            what = f"{_REFUSED_TOKENS[type(token)]} is not accepted"
            _refuse(place, token.start_mark.line + 1, f"{what}; {ACCEPTED}")
        if isinstance(token, yaml.DocumentEndToken):
            return int(token.start_mark.index)
    return len(text)


def _pairs(root: yaml.Node | None, place: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield the pairs of the map; nothing for a text of comments."""
    if root is None or (isinstance(root, yaml.ScalarNode) and root.style is None and not root.value):
        return
    line = root.start_mark.line + 1
    if not isinstance(root, yaml.MappingNode):
        _refuse(place, line, f"not a map of names and values; {ACCEPTED}")
    if root.flow_style:
        _refuse(place, line, f"a map in braces is not accepted; {ACCEPTED}")
    yield from root.value


def _entry(key: yaml.Node, node: yaml.Node, text: str, place: str) -> Entry:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode) or not _NAME.fullmatch(key.value):
        name = key.value if isinstance(key, yaml.ScalarNode) else "a list or a map"
        _refuse(place, line, f"{name!r} is not the name of a parameter, which has letters and digits; {ACCEPTED}")
    items = _scalars(key.value, node, place)
    value = _text(node) if isinstance(node, yaml.ScalarNode) else _joined(items)
    start, end = _span(key, node, text)
    unquoted = (item.value for item in items if item.style is None and _NOT_TEXT.fullmatch(item.value))
    return Entry(
        name=key.value,
        value=as_sam_reads(value),
        line=line,
        unquoted=tuple(each for each in unquoted if not _SAME_AS_TEXT.fullmatch(each)),
        start=start,
        end=end,
        has_comment=_has_comment(node, text, start, end),
    )


def _scalars(name: str, node: yaml.Node, place: str) -> list[yaml.ScalarNode]:
    """Return the scalars of a value: itself, or the entries of a list."""
    found: list[yaml.ScalarNode] = []
    for item in node.value if isinstance(node, yaml.SequenceNode) else (node,):
        if not isinstance(item, yaml.ScalarNode):
            problem = f"{name} has a nested value; {ACCEPTED}, for a list with commas in between"
            _refuse(place, item.start_mark.line + 1, problem)
        found.append(item)
    return found


def _text(node: yaml.ScalarNode) -> str:
    """Return a scalar's text, which is empty where YAML reads null."""
    return "" if node.style is None and node.value in _NOTHING else str(node.value)


def _joined(items: list[yaml.ScalarNode]) -> str:
    return ",".join(_text(item).strip() for item in items if _text(item))


def _span(key: yaml.Node, node: yaml.Node, text: str) -> tuple[int, int]:
    """Return where the value begins and ends; a list on lines of its own begins behind the colon of its name."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        start, end = text.index(":", key.end_mark.index) + 1, node.value[-1].end_mark.index
    return start, start + len(text[start:end].rstrip())


def _has_comment(node: yaml.Node, text: str, start: int, end: int) -> bool:
    if isinstance(node, yaml.SequenceNode):
        inner = [(item.start_mark.index, item.end_mark.index) for item in node.value]
        gaps = [(before[1], after[0]) for before, after in pairwise([(start, start), *inner, (end, end)])]
        return any("#" in text[first:last] for first, last in gaps)
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        # The first line of such a scalar has only its indicators, and maybe a comment.
        return "#" in text[start:end].partition("\n")[0]
    return False
