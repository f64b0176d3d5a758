"""Policies in JSON: alone, as the AWS CLI returns them, in configuration items and events; lists and lines of these.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span
from ecr_exposure.cli.found_policies.json_positions import JsonPositions
from ecr_exposure.cli.found_policies.unknown_values import Value
from ecr_exposure.cli.json_members import after_blanks
from ecr_exposure.cli.policies_in_json.config_items import (
    POLICY_PROPERTY,
    RecordedItem,
    Resource,
    found_in_item,
    keep_newest,
    not_an_object,
    policy_value,
)
from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import DuplicateKey, describe, elements, read_json
from ecr_exposure.repository import RECORDED

ITEMS: Final = "configurationItems"
"""The property of a snapshot, of a history file and of the history that the AWS CLI returns."""
_ITEM: Final = "configurationItem"
_SUMMARY: Final = "configurationItemSummary"
# An event for Lambda has the message as text; one of Amazon EventBridge has it as an object:
# https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
_MESSAGES: Final = ("invokingEvent", "detail")
_MESSAGE_TYPE: Final = "messageType"
_POLICY_TEXT: Final = "policyText"
_STATEMENT: Final = "Statement"
_POLICY_ELEMENTS: Final = ("Version", "Id", _STATEMENT)
_UNKNOWN: Final = "holds no repository policy in a form that is known"
_ACCEPTED: Final = (
    "a repository policy, the output of aws ecr get-repository-policy, a configuration item, an event, a snapshot or "
    "a history of AWS Config, a list of them, or one of them on each line"
)
LONGEST_LINE: Final = 16_000_000
"""Bytes of a line of JSON Lines that is read as a stream."""
_MARK: Final = b"\xef\xbb\xbf"
_ACTION_OF_ECR: Final = re.compile(r"ecr:.*|[^:]*[*?].*", re.IGNORECASE | re.DOTALL)


class UnknownFormError(NotReadError):
    """A JSON file has none of the forms that hold a repository policy."""


class _Document(NamedTuple):
    """A JSON value, where it begins in the text, and its address: empty if it is the whole text."""

    content: object
    start: int
    address: str = ""


def read_json_documents(file: str, content: str, facts: CodeFacts) -> Iterator[FoundPolicy]:
    """Yield the policies of a JSON text; where it has several items of a repository, the newest counts.

    Raises NotReadError if the text is not JSON, UnknownFormError if nothing in it has a known form. What cannot be read
    in a text whose rest can is told by facts.problem.
    """
    reader = _Reader(file, content, facts)
    yield from _policies(file, ((reader, each) for each in reader.documents()), facts)


def read_json_lines(file: str, stream: BinaryIO, facts: CodeFacts) -> Iterator[FoundPolicy]:
    """Yield the policies of JSON Lines as `read_json_documents` does, with one line in memory, and the newest items."""
    yield from _policies(file, _documents_of_lines(file, stream, facts), facts)


def _policies(file: str, documents: "Iterable[tuple[_Reader, _Document]]", facts: CodeFacts) -> Iterator[FoundPolicy]:
    is_known = False
    unknown: list[str] = []
    recorded: dict[Resource, RecordedItem] = {}
    for reader, document in documents:
        policy, items = reader.policy_of(document), reader.items_of(document)
        if policy is None and items is None:
            unknown.append(document.address)
            continue
        is_known = True
        keep_newest(recorded, items or ())
        if policy is not None:
            yield policy
    if not is_known:
        raise UnknownFormError(file, None, f"{_UNKNOWN} (accepted: {_ACCEPTED})")
    if unknown:
        facts.note(f"{file}: {unknown[0]} {_UNKNOWN}{f', and {len(unknown) - 1} more' if unknown[1:] else ''}")
    for item in recorded.values():
        if (found := found_in_item(file, item, facts)) is not None:
            yield found


def _documents_of_lines(file: str, stream: BinaryIO, facts: CodeFacts) -> "Iterator[tuple[_Reader, _Document]]":
    number = 0
    while content := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(content) > LONGEST_LINE:
            message = f"a line of more than {LONGEST_LINE:,} bytes: it and what follows is not read"
            facts.problem(NotReadError(file, number, message))
            return
        try:
            reader = _Reader(file, content.removeprefix(_MARK).decode(), facts, number)
        except UnicodeDecodeError as error:
            facts.problem(NotReadError(file, number, f"byte {error.start + 1} of the line is not encoded in UTF-8"))
        else:
            yield from ((reader, each) for each in reader.line())


def is_repository_policy(policy: Value) -> bool:
    """Return whether a policy that stands alone may be one of a repository, and not one of another service.

    It has a principal and an action of Amazon ECR, and no Resource, which Amazon ECR refuses: identity-based policies
    and the policies of VPC endpoints have one.
    """
    statements = [each for name, value in _members(policy) if name == _STATEMENT for each in elements(value)]
    members = [member for each in statements for member in _members(each)]
    names = {name for name, _ in members}
    actions = [action for name, value in members if name in ("Action", "NotAction") for action in elements(value)]
    return (
        not names.isdisjoint(("Principal", "NotPrincipal"))
        and names.isdisjoint(("Resource", "NotResource"))
        and any(isinstance(action, str) and _ACTION_OF_ECR.fullmatch(action) for action in actions)
    )


def _members(value: object) -> Iterable[tuple[str, object]]:
    """Return the members of an object, also of one with a duplicate key; none of another value."""
    if isinstance(value, DuplicateKey):
        return value.members
    return value.items() if isinstance(value, Mapping) else ()


class _Reader:
    """One text; first_line: the number of its first line in the file."""

    def __init__(self, file: str, text: str, facts: CodeFacts, first_line: int = 1) -> None:
        self._file, self._text, self._facts, self._first_line = file, text, facts, first_line
        self._positions = JsonPositions(text, first_line)

    def documents(self) -> Iterator[_Document]:
        """Yield the value of the text, or those of its lines. Raises NotReadError if the text is not JSON."""
        text = self._text
        first_line, _, rest = text.strip().partition("\n")
        if rest and first_line.startswith("{") and first_line.rstrip().endswith("}"):
            yield from self._lines()
        elif text.strip():
            yield from self._listed_documents(self._read(text, 1), after_blanks(text, 0))

    def _listed_documents(self, content: object, start: int) -> Iterator[_Document]:
        if not isinstance(content, list):
            yield _Document(content, start)
            return
        parts = self._positions.parts(start)
        for number, each in enumerate(content):
            at = parts[number].start if number < len(parts) else start
            if isinstance(each, DuplicateKey) and each.key not in _POLICY_ELEMENTS:
                self._problem(self._positions.whole(at), f"[{number}]: {each}")
            else:
                yield _Document(each, at, f"[{number}]")

    def line(self) -> Iterator[_Document]:
        """Yield the value of a text that is one of the lines of a file, if it has any; tells what is not JSON."""
        yield from self._line(self._text, self._first_line, 0)

    def _line(self, line: str, number: int, start: int) -> Iterator[_Document]:
        try:
            if line.strip():
                yield _Document(self._read(line, number), start + after_blanks(line, 0), f"line {number}")
        except NotReadError as error:
            self._facts.problem(error)

    def _lines(self) -> Iterator[_Document]:
        start = 0
        for number, line in enumerate(self._text.split("\n"), 1):
            yield from self._line(line, number, start)
            start += len(line) + 1

    def _read(self, text: str, line: int) -> object:
        """Return the value of a text that begins in a line of the file."""
        try:
            content = read_json(text)
        except PolicyError as error:
            message = str(error)
            try:
                json.loads(text)
            except json.JSONDecodeError as place:
                line += place.lineno - 1
                message = f"not JSON: {place.msg} (column {place.colno})"
            except (ValueError, RecursionError):
                pass
            raise NotReadError(self._file, line, message) from None
        if isinstance(content, DuplicateKey) and content.key not in _POLICY_ELEMENTS:
            raise NotReadError(self._file, line, str(content))
        return content

    def policy_of(self, document: _Document) -> FoundPolicy | None:
        """Return the policy that a value is, or has as ``policyText``; None for another value."""
        content, start, address = document
        if isinstance(content, str):
            return self._policy_in_text(content, start, address)
        if isinstance(content, DuplicateKey) or (isinstance(content, Mapping) and _STATEMENT in content):
            span, statements = self._positions.whole(start), self._positions.statements(start)
            if isinstance(content, DuplicateKey):
                statements = {}
            return FoundPolicy(
                kind=Kind.POLICY, file=self._file, address=address, policy=content, span=span, statements=statements
            )
        if not isinstance(content, Mapping) or _POLICY_TEXT not in content:
            return None
        account, name = (_text(content.get(key)) for key in ("registryId", "repositoryName"))
        return FoundPolicy(
            kind=Kind.POLICY,
            file=self._file,
            address="/".join(part for part in (account, name) if part) or address,
            policy=policy_value(content[_POLICY_TEXT]),
            span=self._span_of(start, _POLICY_TEXT),
            repository=name,
            account=account,
        )

    def _policy_in_text(self, content: str, start: int, address: str) -> FoundPolicy | None:
        """Return the policy that a text is, as ``--query policyText`` of the AWS CLI prints it."""
        policy = policy_value(content)
        if not isinstance(policy, DuplicateKey) and not (isinstance(policy, Mapping) and _STATEMENT in policy):
            return None
        span = self._positions.whole(start)
        return FoundPolicy(kind=Kind.POLICY, file=self._file, address=address, policy=policy, span=span)

    def items_of(self, document: _Document) -> list[RecordedItem] | None:
        """Return the configuration items that a value is or has; None for another value."""
        content, start, _ = document
        if not isinstance(content, Mapping):
            return None
        if "configurationItemStatus" in content and "resourceType" in content:
            return [self._recorded(content, start)]
        if ITEMS in content:
            return list(self._listed(content[ITEMS], start))
        for name in _MESSAGES:
            message = content.get(name)
            member = self._positions.last_on_path(start, name)
            if isinstance(message, str) and name == _MESSAGES[0]:
                return self._in_text(message, self._span_of(start, name))
            if isinstance(message, Mapping) and member is not None and _MESSAGE_TYPE in message:
                return self._in_message(message, member.start)
        return self._in_message(content, start) if _MESSAGE_TYPE in content else None

    def _recorded(self, item: Mapping[str, object], start: int) -> RecordedItem:
        policy = POLICY_PROPERTY.get(str(item.get("resourceType")), "")
        member = self._positions.last_on_path(start, "configuration", policy)
        is_object = member is not None and member.key == policy
        return RecordedItem(
            content=item,
            span=self._positions.span(member.first, member.end) if member else self._positions.whole(start),
            statements=self._positions.statements(member.start) if member and is_object else {},
        )

    def _listed(self, items: object, start: int) -> Iterator[RecordedItem]:
        member = self._positions.last_on_path(start, ITEMS)
        place = member.start if member else start
        if not isinstance(items, list):
            self._problem(self._positions.whole(place), f"{ITEMS}: {describe(items)} is not a list")
            return
        parts = self._positions.parts(place)
        for number, item in enumerate(items):
            at = parts[number].start if number < len(parts) else place
            if isinstance(item, Mapping):
                yield self._recorded(item, at)
            else:
                self._problem(self._positions.whole(at), f"{ITEMS}[{number}]: {not_an_object(item)}")

    def _in_message(self, message: Mapping[str, object], start: int) -> list[RecordedItem]:
        item, member = message.get(_ITEM), self._positions.last_on_path(start, _ITEM)
        if isinstance(item, Mapping) and member is not None:
            return [self._recorded(item, member.start)]
        self._say_why_no_item(message, self._positions.whole(start))
        return []

    def _in_text(self, text: str, span: Span) -> list[RecordedItem]:
        """Return the item of a message that is JSON in a string: the lines of its parts are not known."""
        try:
            message = read_json(text)
        except PolicyError as error:
            self._problem(span, f"{_MESSAGES[0]}: {error}")
            return []
        item = message.get(_ITEM) if isinstance(message, Mapping) else None
        if isinstance(item, Mapping):
            return [RecordedItem(item, span, {})]
        self._say_why_no_item(message, span)
        return []

    def _say_why_no_item(self, message: object, span: Span) -> None:
        content = message if isinstance(message, Mapping) else {}
        summary = content.get(_SUMMARY)
        if isinstance(summary, Mapping):
            # AWS Config sends a summary of an item that is too large for an event.
            is_policy = summary.get("resourceType") in POLICY_PROPERTY
            if is_policy and summary.get("configurationItemStatus") in RECORDED:
                self._problem(span, f"{_SUMMARY} has no policy (aws configservice get-resource-config-history has it)")
        elif content.get(_MESSAGE_TYPE) == "ScheduledNotification":
            self._facts.note(f"{self._file}: a scheduled notification has no policy")
        else:
            self._problem(span, f"{_ITEM} is missing or not an object")

    def _span_of(self, start: int, *path: str) -> Span:
        member = self._positions.last_on_path(start, *path)
        return self._positions.span(member.first, member.end) if member else self._positions.whole(start)

    def _problem(self, span: Span, message: str) -> None:
        self._facts.problem(NotReadError(self._file, span.line, message))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
