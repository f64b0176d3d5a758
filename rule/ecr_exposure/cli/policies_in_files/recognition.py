"""Which reader a file is for: by its content, and nothing is parsed that names no policy of Amazon ECR."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from importlib import import_module
from pathlib import PurePath
from typing import Any, Final, NamedTuple, cast

from ecr_exposure.cli.policies_in_files.code_facts import SUFFIXES, CodeFacts
from ecr_exposure.cli.policies_in_files.files import LONGEST_PIPE, FoundFile, Stream, decoded, is_utf_16
from ecr_exposure.cli.policies_in_files.found_policy import FileError, FoundPolicy
from ecr_exposure.cli.policies_in_files.terraform_folders import RESOURCE_TYPES

Read = Callable[[str, Any, CodeFacts], Iterable[FoundPolicy]]
"""Takes the path as it is shown, and the text; the reader of snapshots takes a stream of bytes."""

_TYPES: Final = ("AWS::ECR::Repository", *RESOURCE_TYPES)
_IN_JSON: Final = ('"Statement', '"policyText')
_YAML_TEMPLATE: Final = re.compile(r"^[\"']?[Rr]esources[\"']?[ \t]*:", re.MULTILINE)
_TERRAFORM_BLOCK: Final = re.compile(r'^[ \t]*resource[ \t]+"?aws(?:cc)?_ecr_', re.MULTILINE)
# A folder that only calls modules may call one with a policy.
_CALLS_MODULE: Final = re.compile(rb'^[ \t]*module[ \t]+["\w]|"module"[ \t\r\n]*:', re.MULTILINE)
# The elements of plans and states, and of the messages of a run, whose error says what to check:
# https://developer.hashicorp.com/terraform/internals/json-format
# https://developer.hashicorp.com/terraform/internals/machine-readable-ui
_PLAN: Final = frozenset(("planned_values", "resource_changes", "prior_state", "terraform_version", "@module"))
_DATA: Final = frozenset((".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".template", ".tf", ".tofu"))
"""Endings of files in which a syntax error is one. A page of documentation or a program is no broken template."""


class Form(Enum):
    """The forms of files, by the module of their reader and its function."""

    CLOUDFORMATION = ("cloudformation", "read_cloudformation")
    TERRAFORM_PLAN = ("terraform_plan", "read_terraform_plan")
    TERRAFORM_SOURCE = ("terraform_source", "read_terraform")
    JSON = ("json_documents", "read_json_documents")
    SNAPSHOT = ("config_snapshot", "read_config_snapshot")

    @property
    def read(self) -> Read:
        """The reader, imported when there is something to read: a policy in JSON needs no YAML."""
        module, function = self.value
        return cast("Read", getattr(import_module(f"ecr_exposure.cli.policies_in_files.{module}"), function))


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
    """Return what to do with a file, None if nothing in it can be a policy; raises FileError."""
    content = found.content()
    if isinstance(content, Stream):
        return _in_stream(content)
    if not is_utf_16(content) and not _may_have_policy(found, content):
        return None
    counts_errors = found.is_named or PurePath(found.shown).suffix.lower() in _DATA
    try:
        text = decoded(found.shown, content)
    except FileError:
        if counts_errors:
            raise
        return None
    form = _form_of(found, text) if _may_have_policy(found, text.encode()) else None
    if form is None:
        return None
    is_json = text.lstrip()[:1] in ("{", "[")
    return Recognized(form, text, form is Form.CLOUDFORMATION and not is_json, counts_errors)


def _is_terraform(found: FoundFile) -> bool:
    return found.shown.lower().endswith(SUFFIXES)


def _may_have_policy(found: FoundFile, content: bytes) -> bool:
    """Return whether a text names a type of Amazon ECR or is JSON with a policy; no text has a null byte."""
    if any(each.encode() in content for each in _TYPES):
        return b"\0" not in content
    if _is_terraform(found):
        return _CALLS_MODULE.search(content) is not None
    return any(each.encode() in content for each in _IN_JSON) and b"\0" not in content


def _form_of(found: FoundFile, text: str) -> Form | None:
    if _is_terraform(found):
        return Form.TERRAFORM_SOURCE
    if text.lstrip()[:1] in ("{", "["):
        return _form_of_json(text)
    if "AWS::ECR::" in text and _YAML_TEMPLATE.search(text):
        return Form.CLOUDFORMATION
    if found.is_named and _TERRAFORM_BLOCK.search(text):
        return Form.TERRAFORM_SOURCE
    return Form.JSON if found.is_named and text.lstrip()[:1] == '"' else None


def _form_of_json(text: str) -> Form | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _form_by_keys({key for key in ("Resources", *_PLAN) if f'"{key}"' in text}, text)
    if isinstance(content, Mapping):
        return _form_by_keys(content.keys(), text)
    return Form.JSON if isinstance(content, list) else None


def _form_by_keys(keys: Iterable[str], text: str) -> Form:
    found = frozenset(keys)
    if "Resources" in found or ("resources" in found and "AWS::ECR::" in text and not found & _PLAN):
        return Form.CLOUDFORMATION
    return Form.TERRAFORM_PLAN if found & _PLAN else Form.JSON


def _in_stream(stream: Stream) -> Recognized | None:
    """Return what a compressed or a long file is: none is a template, which AWS limits to 1 MB."""
    found = stream.found
    if stream.is_compressed:
        is_config = found.is_named or found.shown.lower().endswith(".json.gz")
        return Recognized(Form.SNAPSHOT, None) if is_config else None
    head = stream.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith((b"{", b"[")):
        return None
    if not any(f'"{key}"'.encode() in head for key in _PLAN):
        return Recognized(Form.SNAPSHOT, None)
    with found.open() as whole:
        content = whole.read(LONGEST_PIPE + 1)
    if len(content) > LONGEST_PIPE:
        raise FileError(found.shown, None, f"has more than {LONGEST_PIPE:,} bytes: too many for a plan")
    return Recognized(Form.TERRAFORM_PLAN, decoded(found.shown, content))
