"""Which reader a file is for: by its content, and nothing is parsed that names no policy of Amazon ECR."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from importlib import import_module
from pathlib import PurePath
from typing import Any, Final, NamedTuple, cast

from ecr_exposure.cli.files_to_check.files import LONGEST_PIPE, LONGEST_TEXT, FoundFile, Stream
from ecr_exposure.cli.found_policies.code_facts import SUFFIXES, CodeFacts
from ecr_exposure.cli.found_policies.file_texts import cannot_be_read, decoded, is_utf_16
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError
from ecr_exposure.cli.policies_in_terraform.terraform_folders import RESOURCE_TYPES

Read = Callable[[str, Any, CodeFacts], Iterable[FoundPolicy]]
"""Takes the path as it is shown, and the text; the reader of snapshots takes a stream of bytes."""

_TYPES: Final = ("AWS::ECR::Repository", *RESOURCE_TYPES)
_IN_JSON: Final = ('"Statement', '"policyText')
_YAML_TEMPLATE: Final = re.compile(r"^[\"']?[Rr]esources[\"']?[ \t]*:", re.MULTILINE)
# A resource in a file that a template or a serverless.yml includes.
_YAML_RESOURCE: Final = re.compile(r"\bType[\"']?[ \t]*:[ \t]*[\"']?AWS::ECR::Repository")
_TERRAFORM_BLOCK: Final = re.compile(r'^[ \t]*resource[ \t]+"?aws(?:cc)?_ecr_', re.MULTILINE)
# A folder that only calls modules may call one with a policy.
_CALLS_MODULE: Final = re.compile(rb'^[ \t]*module[ \t]+["\w]|"module"[ \t\r\n]*:', re.MULTILINE)
# A stack of a template elsewhere may have one too.
_NESTS: Final = re.compile(rb"AWS::(?:CloudFormation::Stack(?:Set)?|Serverless::Application)\b")
# The elements of plans and states, and of the messages of a run, whose error says what to check:
# https://developer.hashicorp.com/terraform/internals/json-format
# https://developer.hashicorp.com/terraform/internals/machine-readable-ui
_PLAN: Final = frozenset(("planned_values", "resource_changes", "prior_state", "terraform_version", "@module"))
_DATA: Final = frozenset((".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".template", ".tf", ".tofu"))
"""Endings of files in which a syntax error is one. A page of documentation or a program is no broken template."""
_CHUNK: Final = 2**20
_TOO_LONG: Final = (
    f"has more than {LONGEST_TEXT:,} bytes, and may have a policy: split it (only snapshots and histories of AWS "
    "Config, plans and JSON Lines may be longer), or leave it out with --ignore"
)


class Form(Enum):
    """The forms of files, by the module of their reader, in ecr_exposure.cli, and its function."""

    CLOUDFORMATION = ("policies_in_templates.cloudformation", "read_cloudformation")
    TERRAFORM_PLAN = ("policies_in_plans.terraform_plan", "read_terraform_plan")
    TERRAFORM_SOURCE = ("policies_in_terraform.terraform_source", "read_terraform")
    JSON = ("policies_in_json.json_documents", "read_json_documents")
    JSON_LINES = ("policies_in_json.json_documents", "read_json_lines")
    SNAPSHOT = ("policies_in_json.config_snapshot", "read_config_snapshot")

    @property
    def read(self) -> Read:
        """The reader, imported when there is something to read: a policy in JSON needs no YAML."""
        module, function = self.value
        return cast("Read", getattr(import_module(f"ecr_exposure.cli.{module}"), function))


class Recognized(NamedTuple):
    """A file that has policies, or could.

    text: None for a stream. has_comments: it is in YAML. counts_errors: a syntax error is told; otherwise it says that
    the file is something else. The files of Terraform source are read by folder.
    """

    form: Form
    text: str | None
    has_comments: bool = False
    counts_errors: bool = True


def recognize(found: FoundFile) -> Recognized | None:
    """Return what to do with a file, None if nothing in it can be a policy; raises NotReadError."""
    content = found.content()
    if isinstance(content, Stream):
        try:
            return _in_stream(content)
        except OSError as error:
            raise cannot_be_read(found.shown, error) from None
    if not is_utf_16(content) and not _may_have_policy(found, content):
        return None
    counts_errors = _counts_errors(found)
    try:
        text = decoded(found.shown, content)
    except NotReadError:
        if counts_errors and (found.is_named or _may_have_policy(found, _without_errors(content))):
            raise
        return None
    form = _form_of(found, text) if _may_have_policy(found, text.encode()) else None
    if form is None:
        return None
    is_json = text.lstrip()[:1] in ("{", "[")
    # What only makes nested stacks is read for notes.
    counts_errors &= "AWS::ECR::" in text or not _nests(found, text.encode())
    return Recognized(form, text, form is Form.CLOUDFORMATION and not is_json, counts_errors)


def _without_errors(content: bytes) -> bytes:
    """Return a text in UTF-8; in UTF-16, without the characters that are invalid."""
    return content.decode("utf-16", "ignore").encode() if is_utf_16(content) else content


def _counts_errors(found: FoundFile) -> bool:
    return found.is_named or PurePath(found.shown).suffix.lower() in _DATA


def _is_terraform(found: FoundFile) -> bool:
    return found.shown.lower().endswith(SUFFIXES)


def _may_have_policy(found: FoundFile, content: bytes) -> bool:
    """Return whether a text names a type of Amazon ECR or is JSON with a policy; no text has a null byte."""
    if any(each.encode() in content for each in _TYPES):
        return b"\0" not in content
    if _is_terraform(found):
        return _CALLS_MODULE.search(content) is not None
    is_policy = any(each.encode() in content for each in _IN_JSON)
    return (is_policy or _nests(found, content)) and b"\0" not in content


def _nests(found: FoundFile, content: bytes) -> bool:
    """Return whether a file may make a nested stack; one that is named needs a repository of its own."""
    return not found.is_named and _counts_errors(found) and _NESTS.search(content) is not None


def _form_of(found: FoundFile, text: str) -> Form | None:
    if _is_terraform(found):
        return Form.TERRAFORM_SOURCE
    if text.lstrip()[:1] in ("{", "["):
        return _form_of_json(text)
    if "AWS::ECR::" in text and _counts_errors(found) and _YAML_RESOURCE.search(text):
        return Form.CLOUDFORMATION
    if ("AWS::ECR::" in text or _nests(found, text.encode())) and _YAML_TEMPLATE.search(text):
        return Form.CLOUDFORMATION
    if found.is_named and _TERRAFORM_BLOCK.search(text):
        return Form.TERRAFORM_SOURCE
    is_json = found.is_named or PurePath(found.shown).suffix.lower() == ".json"
    return Form.JSON if is_json and text.lstrip()[:1] == '"' else None


def _form_of_json(text: str) -> Form | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _form_by_keys({key for key in ("Resources", *_PLAN) if f'"{key}"' in text}, text)
    if isinstance(content, Mapping):
        is_part = any(_is_resource(each) for each in (content, *content.values()))
        return Form.CLOUDFORMATION if is_part else _form_by_keys(content.keys(), text)
    return Form.JSON if isinstance(content, list) else None


def _is_resource(content: object) -> bool:
    return isinstance(content, Mapping) and str(content.get("Type")).startswith("AWS::ECR::Repository")


def _form_by_keys(keys: Iterable[str], text: str) -> Form:
    found = frozenset(keys)
    if "Resources" in found or ("resources" in found and "AWS::ECR::" in text and not found & _PLAN):
        return Form.CLOUDFORMATION
    return Form.TERRAFORM_PLAN if found & _PLAN else Form.JSON


def _in_stream(stream: Stream) -> Recognized | None:
    """Return what a compressed or a long file is: none is a template, which AWS limits to 1 MB.

    Raises NotReadError for a long file that may have a policy, and has none of the forms that are read as a stream.
    """
    found = stream.found
    if stream.is_compressed:
        is_config = found.is_named or found.shown.lower().endswith(".json.gz")
        return Recognized(Form.SNAPSHOT, None) if is_config else None
    from ecr_exposure.cli.policies_in_json.config_snapshot import is_config_file  # noqa: PLC0415 - few files are so

    if is_config_file(stream.head):
        return Recognized(Form.SNAPSHOT, None)
    head = stream.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    is_json = head.startswith((b"{", b"["))
    if is_json and any(f'"{key}"'.encode() in head for key in _PLAN):
        return _plan_of(found)
    counts_errors = _counts_errors(found)
    if not (is_json or counts_errors) or not _names_policy(found):
        return None
    if _has_lines(found):
        return Recognized(Form.JSON_LINES, None, counts_errors=counts_errors)
    if not counts_errors:
        return None
    raise NotReadError(found.shown, None, _TOO_LONG)


def _plan_of(found: FoundFile) -> Recognized:
    with found.open() as whole:
        content = whole.read(LONGEST_PIPE + 1)
    if len(content) > LONGEST_PIPE:
        raise NotReadError(found.shown, None, f"has more than {LONGEST_PIPE:,} bytes: too many for a plan")
    return Recognized(Form.TERRAFORM_PLAN, decoded(found.shown, content))


def _names_policy(found: FoundFile) -> bool:
    """Return whether a long file names a type of Amazon ECR or an element of a policy, in UTF-8 or UTF-16."""
    names = [each.encode(code) for each in (*_TYPES, *_IN_JSON) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    overlap = max(map(len, names))
    end = b""
    with found.open() as stream:
        while block := stream.read(_CHUNK):
            window = end + block
            if any(name in window for name in names):
                return True
            end = window[-overlap:]
    return False


def _has_lines(found: FoundFile) -> bool:
    """Return whether the first line of a long file is a whole object; lines without text do not count."""
    with found.open() as stream:
        while (first := stream.readline(LONGEST_TEXT + 1)) and not first.strip():
            pass
    return first.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") and first.endswith(b"\n") and first.rstrip().endswith(b"}")
