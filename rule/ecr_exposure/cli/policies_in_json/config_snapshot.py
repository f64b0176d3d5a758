"""Snapshots and history files that AWS Config delivers to an S3 bucket: read as a stream, for they can be large.

https://docs.aws.amazon.com/config/latest/developerguide/example-s3-snapshot.html
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Any, BinaryIO, Final, Protocol, cast

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError, Span
from ecr_exposure.cli.policies_in_json.config_items import (
    POLICY_PROPERTY,
    RecordedItem,
    found_in_item,
    newest,
    not_an_object,
)
from ecr_exposure.cli.policies_in_json.json_documents import UnknownFormError
from ecr_exposure.policy.json_values import DuplicateKey, HugeNumber, has_too_many_digits

GZIP: Final = b"\x1f\x8b"
"""The first bytes of a compressed file: https://www.rfc-editor.org/rfc/rfc1952#page-6"""
HEAD: Final = 4096
"""How many bytes of a file say whether it is such a file."""
_BEGIN: Final = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\{[^\[{]*"configurationItems"\s*:\s*\[')
_OTHER: Final = (
    "is compressed or large, and is neither a snapshot nor a history of AWS Config, which begin with configurationItems"
)
_SNAPSHOT: Final = b'"configSnapshotId"'
_MEBIBYTE: Final = 2**20
# A tenth to a fiftieth is usual for items, which are alike; DEFLATE reaches 1 : 1,032.
_MOST_EXPANDED: Final = 4096 * _MEBIBYTE
_MOST_TIMES: Final = 300
_TIMES_COUNT_FROM: Final = 64 * _MEBIBYTE
_DEEPEST: Final = 500
_LONGEST_STRING: Final = 8 * _MEBIBYTE
# Python reads an integer of at most 4,300 digits, and the parser's C code does not survive the refusal.
_MOST_DIGITS: Final = 4000
_BUFFER: Final = 64 * 1024
_LONGEST: Final = 160
_HUGE: Final = 10**40
"""As for `read_json`."""
# The parser does not say where in the file it is; AWS Config writes a file of one line.
_SOMEWHERE: Final = Span(1, 1, 1, 1)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _LimitError(Exception):
    """The file goes beyond a limit; the message says which."""


def is_config_file(head: bytes) -> bool:
    """Return whether a file with these first bytes, compressed or not, is a snapshot or history file."""
    return _BEGIN.match(_expanded_head(head)) is not None


def read_config_snapshot(file: str, stream: BinaryIO, facts: CodeFacts) -> Iterator[FoundPolicy]:
    """Yield the policies of a snapshot or history file, compressed or not, in memory that does not grow with it.

    A snapshot has one item of each resource; of a history, the newest item of each counts, so these are kept. The
    rest of a file that cannot be read to its end is told by facts.problem. Raises UnknownFormError for another file.
    """
    head = stream.read(HEAD)
    if not is_config_file(head):
        raise UnknownFormError(file, None, _OTHER)
    items = _items(file, _Begun(head, stream), facts)
    is_snapshot = _SNAPSHOT in _expanded_head(head)
    for item in items if is_snapshot else newest(items):
        if (found := found_in_item(file, item, facts)) is not None:
            yield found


def _expanded_head(head: bytes) -> bytes:
    if not head.startswith(GZIP):
        return head
    try:
        # The last 8 bytes are a check, which is not made here.
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head[:-8], HEAD)
    except zlib.error:
        return b""


def _items(file: str, stream: "_Begun", facts: CodeFacts) -> Iterator[RecordedItem]:
    # It has no annotations, and most runs read no such file.
    import ijson  # type: ignore[import-untyped]  # noqa: PLC0415

    content: _Readable = _Expanded(stream) if stream.head.startswith(GZIP) else stream
    try:
        found = ijson.items(_Bounded(content), "configurationItems.item", map_type=_Object, buf_size=_BUFFER)
        for number, item in enumerate(found):
            if not isinstance(item, _Object) or item.duplicate is not None:
                facts.problem(NotReadError(file, None, f"configurationItems[{number}]: {not_an_object(_json(item))}"))
            elif item.get("resourceType") in POLICY_PROPERTY:
                yield RecordedItem(_json(item), _SOMEWHERE, {})
    except ijson.JSONError as error:
        facts.problem(NotReadError(file, None, f"cannot be read to its end: not JSON: {_first_line(error)}"))
    except (ArithmeticError, EOFError, OSError, ValueError, zlib.error, _LimitError) as error:
        facts.problem(NotReadError(file, None, f"cannot be read to its end: {_first_line(error)}"))


def _first_line(error: Exception) -> str:
    if isinstance(error, ArithmeticError):
        return "a number has too large an exponent"
    text = error.args[0] if error.args else ""
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else str(error)
    return decoded.strip().partition("\n")[0][:_LONGEST] or type(error).__name__


class _Object(dict[str, Any]):
    """A JSON object that remembers a duplicate key."""

    duplicate: str | None = None

    def __setitem__(self, key: str, value: object) -> None:
        if key in self:
            self.duplicate = key
        super().__setitem__(key, value)


def _json(value: object) -> Any:  # noqa: ANN401 - a JSON value
    """Return a value as `read_json` returns it."""
    if isinstance(value, _Object):
        return DuplicateKey(value.duplicate) if value.duplicate else {key: _json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, Decimal):
        return HugeNumber() if has_too_many_digits(str(value)) else float(value)
    return HugeNumber() if isinstance(value, int) and abs(value) >= _HUGE else value


class _Begun:
    """A stream whose first bytes are read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self.head, self._ahead, self._stream = head, head, stream
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        # ijson asks for no byte first, to see what it gets.
        if size < 0:
            content, self._ahead = self._ahead + self._stream.read(), b""
        elif self._ahead:
            content, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            content = self._stream.read(size)
        self.count += len(content)
        return content


class _Expanded:
    """The content of a compressed stream, as far as its size and ratio are those of a file of AWS Config."""

    def __init__(self, stream: _Begun) -> None:
        self._stream = stream
        self._content = gzip.GzipFile(fileobj=cast("BinaryIO", stream))
        self._count = 0

    def read(self, size: int = -1, /) -> bytes:
        content: bytes = self._content.read(size)
        self._count += len(content)
        if self._count > _MOST_EXPANDED:
            raise _LimitError(f"expands to more than {_MOST_EXPANDED // _MEBIBYTE:,} MiB")
        if self._count > max(_TIMES_COUNT_FROM, _MOST_TIMES * self._stream.count):
            raise _LimitError(f"expands to more than {_MOST_TIMES} times its size")
        return content


_ALL: Final = bytes(range(256))
_NOT_STRUCTURE: Final = _ALL.translate(None, b'[]{}"')
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)


class _Bounded:
    """JSON text without deep nesting, very long strings and very long numbers.

    The parser takes memory or time by the square of the first two.
    """

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._depth, self._in_string, self._string, self._escape = 0, False, 0, b""
        self._end = b""

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(size)
        self._check_digits(content)
        # Escaped backslashes and quotes go first; then each quote begins or ends a string.
        text = (self._escape + content).replace(rb"\\", b"")
        self._escape = b"\\" if text.endswith(b"\\") else b""
        pieces = text.replace(rb"\"", b"").translate(None, _NOT_STRUCTURE).replace(b'""', b"").split(b'"')
        outside = b"".join(pieces[self._in_string :: 2])
        self._in_string ^= len(pieces) % 2 == 0
        self._string = self._string + len(content) if self._in_string and len(pieces) == 1 else 0
        levels = list(accumulate(map(_STEPS.__getitem__, outside), initial=self._depth))
        self._depth = levels[-1]
        if max(levels) > _DEEPEST:
            raise _LimitError(f"nested deeper than {_DEEPEST} levels")
        if self._string > _LONGEST_STRING:
            raise _LimitError(f"a string is longer than {_LONGEST_STRING // _MEBIBYTE} MiB")
        return content

    def _check_digits(self, content: bytes) -> None:
        digits = (self._end + content).translate(_AS_ZEROS)
        if b"0" * (_MOST_DIGITS + 1) in digits:
            raise _LimitError(f"more than {_MOST_DIGITS:,} digits in a row")
        self._end = digits[-_MOST_DIGITS:]
