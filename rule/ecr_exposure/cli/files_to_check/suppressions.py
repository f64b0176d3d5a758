"""What says, beside the code, that a policy is public on purpose: comments, and the file .ecr-exposure.yaml.

The metadata EcrExposure of a CloudFormation resource is the third way; its reader finds it. All three have a reason,
and may have a last day; they excuse pull and discover only, as the exceptions of the rule.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.found_policies.code_facts import SUFFIXES
from ecr_exposure.cli.found_policies.file_texts import cannot_be_read, decoded
from ecr_exposure.cli.found_policies.found_policy import Excuse, FoundPolicy, NotReadError, Span, Suppression
from ecr_exposure.cli.hcl.hcl_tokens import HclError, TokenKind, tokens_of
from ecr_exposure.errors import ParameterError
from ecr_exposure.parameters import PublicRepository, read_parameters
from ecr_exposure.policy.patterns import matches
from ecr_exposure.public_on_purpose import day_in

if TYPE_CHECKING:
    from yaml import Node

FILE_NAME: Final = ".ecr-exposure.yaml"
_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))(?:\#|//)[ \t]*ecr-exposure(?P<rest>(?::|[ \t]+public-on-purpose)[^\r\n]*)", re.MULTILINE
)
_ACCEPTED_COMMENT: Final = '# ecr-exposure: public-on-purpose "reason" until=YYYY-MM-DD (until is optional)'
_CONTENT: Final = re.compile(r':[ \t]*public-on-purpose[ \t]+"(?P<reason>[^"]*)"(?:[ \t]+until=(?P<until>\S+))?[ \t]*')
_KEYS: Final = ("file", "address", "repository", "reason", "until")
_WHICH: Final = _KEYS[:3]
# A null has a text too, such as ~.
_NO_TEXTS: Final = (":null", ":bool")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What an entry of .ecr-exposure.yaml is about: each pattern that is not None must match."""

    file: str | None
    address: str | None
    repository: PublicRepository | None
    suppression: Suppression

    def covers(self, path: str, found: FoundPolicy, owner: str | None) -> bool:
        """Return whether it is about this policy; path: of its file, from the folder of .ecr-exposure.yaml."""
        if self.repository is not None:
            name = found.repository
            if not isinstance(name, str) or not self.repository.covers(found.account or owner or "", name):
                return False
        if self.file is not None and not matches(self.file, path):
            return False
        return self.address is None or matches(self.address, found.address)


class Suppressions:
    """All of one run, and which of them matched a policy."""

    def __init__(self, root: Path, today: date, owner: str | None, problem: Callable[[NotReadError], None]) -> None:
        """root: the folder with .ecr-exposure.yaml. problem: takes what is malformed; it excuses nothing."""
        self._root, self._today, self._owner, self._problem = root, today, owner, problem
        self._entries = list(_entries(root, problem))
        self._comments: dict[str, list[Suppression]] = {}
        self._matched: set[tuple[str, Span]] = set()
        self._refused: set[tuple[str, Span]] = set()

    def read_comments(self, file: str, text: str) -> None:
        """Read the comments of a file in YAML or HCL, before `excuse_of` its policies."""
        self._comments[file] = list(_comments(file, text, self._problem))

    def excuse_of(self, found: FoundPolicy) -> Excuse:
        """Return what says that a policy is public on purpose."""
        notes = []
        about = tuple(self._about(found))
        self._matched.update((each.file, each.span) for each in about)
        for each in about:
            last_day = None if each.until is None else day_in(each.until)
            place = f"{each.file}:{each.span.line}"
            if each.until is not None and last_day is None:
                self._refuse(each)
            elif last_day is not None and last_day < self._today:
                notes.append(f"{place} is no suppression: its last day was {last_day}")
            else:
                end = f", last day {last_day}" if last_day else ""
                return Excuse(f"{each.reason}{end} ({place})", tuple(notes))
        return Excuse(None, tuple(notes))

    def _about(self, found: FoundPolicy) -> Iterator[Suppression]:
        if found.suppression is not None:
            yield found.suppression
        if found.resource is not None:
            lines = range(found.resource.line, found.resource.end_line + 1)
            yield from (
                each for each in self._comments.get(found.resource_file or found.file, ()) if each.span.line in lines
            )
        path = _path_below(self._root, found.file)
        yield from (each.suppression for each in self._entries if each.covers(path, found, self._owner))

    def _refuse(self, suppression: Suppression) -> None:
        place = (suppression.file, suppression.span)
        if place not in self._refused:
            self._refused.add(place)
            self._problem(_not_a_day(suppression.file, suppression.span.line, str(suppression.until)))

    def unmatched(self) -> Iterator[str]:
        """Yield a line for each that matched no policy."""
        comments = (each for of_file in self._comments.values() for each in of_file)
        for each in (*comments, *(entry.suppression for entry in self._entries)):
            if (each.file, each.span) not in self._matched:
                yield f"{each.file}:{each.span.line}: this suppression matches no policy"


def _path_below(root: Path, file: str) -> str:
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:  # another drive, on Windows
        return file


def _not_a_day(file: str, line: int, text: str) -> NotReadError:
    return NotReadError(file, line, f"until: {text!r:.40} is not a day (YYYY-MM-DD)")


def _comments(file: str, text: str, problem: Callable[[NotReadError], None]) -> Iterator[Suppression]:
    if "ecr-exposure" not in text:
        return
    strings: list[tuple[int, int]] | None = None
    for found in _COMMENT.finditer(text):
        strings = list(_strings(file, text)) if strings is None else strings
        if any(start <= found.start() < end for start, end in strings):
            continue
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        content = _CONTENT.fullmatch(found["rest"])
        if content is None or not content["reason"].strip():
            problem(
                NotReadError(file, line, f"{found[0].strip()!r:.80} is no suppression: accepted is {_ACCEPTED_COMMENT}")
            )
        elif content["until"] is not None and day_in(content["until"]) is None:
            problem(_not_a_day(file, line, content["until"]))
        else:
            span = Span(line, column, line, column + len(found[0].rstrip()))
            yield Suppression(reason=content["reason"].strip(), until=content["until"], file=file, span=span)


def _strings(file: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of the strings of a file, up to the first error of syntax, which its reader says.

    A string can have a line that looks like a comment, such as one of documentation.
    """
    if file.lower().endswith(SUFFIXES):
        with suppress(HclError):
            for token in tokens_of(text):
                if token.kind in (TokenKind.STRING, TokenKind.HEREDOC):
                    yield token.start, token.end
        return
    import yaml  # noqa: PLC0415 - most files have no such comment

    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
                yield event.start_mark.index, event.end_mark.index


def _entries(root: Path, problem: Callable[[NotReadError], None]) -> Iterator[_Entry]:
    path = root / FILE_NAME
    shown = _path_below(Path(), str(path))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        problem(cannot_be_read(shown, error))
        return
    import yaml  # noqa: PLC0415 - most runs have no such file, and it takes longer than to check one

    try:
        top = yaml.compose(decoded(shown, content), Loader=yaml.SafeLoader)
    except NotReadError as error:
        problem(error)
        return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        problem(NotReadError(shown, mark.line + 1 if mark else None, f"not YAML: {reason}"))
        return
    if top is None:
        return
    if not isinstance(top, yaml.SequenceNode):
        problem(NotReadError(shown, top.start_mark.line + 1, f"not a list (accepted: {_ACCEPTED_ENTRY})"))
        return
    for node in top.value:
        try:
            yield _entry(shown, node)
        except NotReadError as error:
            problem(error)


_ACCEPTED_ENTRY: Final = "a list of entries with reason, with file, address or repository, and with until if they end"


def _entry(shown: str, node: "Node") -> _Entry:
    """Return an entry; raises NotReadError."""
    values = _members(shown, node)
    line = node.start_mark.line + 1
    if "reason" not in values:
        raise NotReadError(shown, line, "reason is missing: say why it is public on purpose")
    if not any(key in values for key in _WHICH):
        raise NotReadError(shown, line, f"the entry names none of {', '.join(_WHICH)}")
    until = values.get("until")
    if until is not None and day_in(until) is None:
        raise _not_a_day(shown, line, until)
    end = node.end_mark
    span = Span(line, node.start_mark.column + 1, end.line + 1, end.column + 1)
    return _Entry(
        file=values["file"].removeprefix("./") if "file" in values else None,
        address=values.get("address"),
        repository=_repository(shown, line, values["repository"]) if "repository" in values else None,
        suppression=Suppression(reason=values["reason"], until=until, file=shown, span=span),
    )


def _members(shown: str, node: "Node") -> Mapping[str, str]:
    """Return the texts of an entry as they are written: YAML would make a date of a day."""
    members: dict[str, str] = {}
    if not (isinstance(node.value, list) and all(isinstance(each, tuple) for each in node.value)):
        raise NotReadError(shown, node.start_mark.line + 1, f"not an entry (accepted: {_ACCEPTED_ENTRY})")
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name not in _KEYS:
            raise NotReadError(shown, line, f"{name!r:.40} is not a key of an entry (accepted: {', '.join(_KEYS)})")
        if name in members:
            raise NotReadError(shown, line, f"duplicate key {name!r}")
        if not isinstance(value.value, str) or not value.value.strip() or value.tag.endswith(_NO_TEXTS):
            raise NotReadError(shown, line, f"{name} is empty, or not a text")
        members[name] = value.value.strip()
    return members


def _repository(shown: str, line: int, text: str) -> PublicRepository:
    """Return the pattern, written as in the parameter excludedPublicRepositories of the rule; raises NotReadError."""
    try:
        (pattern,) = public_repositories([text])
    except (ParameterError, ValueError):
        accepted = "[account:]pattern (a repository name, in which * is any text and ? any one character)"
        raise NotReadError(shown, line, f"repository: {text!r:.80} is not {accepted}") from None
    return pattern


def public_repositories(patterns: list[str]) -> tuple[PublicRepository, ...]:
    """Return the patterns of repositories that are public on purpose; raises ParameterError."""
    return read_parameters({"excludedPublicRepositories": ",".join(patterns)}).public_repositories
