"""The text of a file, and the error of one that cannot be read."""

from typing import Final

from ecr_exposure.cli.found_policies.found_policy import NotReadError

# https://www.unicode.org/faq/utf_bom.html#bom4
_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def cannot_be_read(shown: str, error: Exception) -> NotReadError:
    """Return the error of a file that the system does not let us read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return NotReadError(shown, None, f"cannot be read: {reason}")


def decoded(shown: str, content: bytes) -> str:
    """Return the text of a file, without byte order mark and with its line ends; raises NotReadError.

    The encoding is that of the byte order mark, or UTF-8, never that of the locale.
    """
    encoding = _UTF_16_MARKS.get(content[:2], "utf-8")
    try:
        return content.removeprefix(_UTF_8_MARK).decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        accepted = "accepted are UTF-8, and UTF-16 with a byte order mark"
        raise NotReadError(
            shown, line, f"byte {error.start + 1} is not encoded in {encoding.upper()}: {accepted}"
        ) from None


def is_utf_16(content: bytes) -> bool:
    """Return whether a text is encoded in UTF-16, which its byte order mark says."""
    return content[:2] in _UTF_16_MARKS
