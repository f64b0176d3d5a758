"""The corpus: one hand-labelled policy a file, validated when it is read.

A case is a YAML file in a folder of tests/corpus. A person wrote its labels from AWS's documentation; rows*.yaml
name what the cases together must show. A case belongs in the first of these folders that applies:

- documents/: the case expects a problem of every test, or is about the configuration item or the form of the
  document: text that is not a JSON object (percent-encoded, for example), Id, Resource, a Statement that is empty or
  not a list.
  A case about Version or Sid that has no Deny, variable and condition belongs here too.
- deny-statements/: a statement has Effect Deny.
- policy-variables/: the policy contains a policy variable, ``${…}``.
- condition-keys/<key>/: the policy has conditions on exactly one key. The folder is the key as AWS spells it, with a
  hyphen for the colon and without the name of a tag. ``saml`` and ``sts`` hold the keys with these prefixes,
  ``web-identity-providers`` the keys of OpenID Connect providers, ``unknown-keys`` keys without a folder.
- several-conditions/: the policy has conditions on more than one key.
- principals/ or actions/: the policy has no condition.
"""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

CORPUS: Final = Path(__file__).parent
TESTS: Final = ("unconditional", "reachable", "external")

_REQUIRED: Final = frozenset(("title", "why", "page", "rows", "expect"))
_OPTIONAL: Final = frozenset(("twin", "repository", "parameters", "policy", "configuration"))
_EXPECT: Final = frozenset((*TESTS, "problem", "grants", "advisories"))
_PARAMETERS: Final = frozenset(("trustedAccounts", "trustedOrganizations", "members", "now"))
_DOCUMENTATION: Final = "https://docs.aws.amazon.com/"
_KEYS: Final = "condition-keys"
_UNKNOWN_KEYS: Final = f"{_KEYS}/unknown-keys"
# IAM ignores the case of ASCII letters only.
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_REPOSITORY: Final = {
    "account": "111122223333",
    "region": "us-east-1",
    "organization": "o-abcde12345",
}
_TAGS: Final = "tags"


class StrictLoader(yaml.CSafeLoader):
    """YAML without duplicate keys; libyaml reads the corpus ten times as fast."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Return the mapping; CaseError where YAML would silently keep the last of two duplicate keys."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if duplicates := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise CaseError(f"duplicate keys {duplicates}")
        return super().construct_mapping(node, deep)


class CaseError(Exception):
    """A corpus file breaks a rule of the corpus."""


class Place(NamedTuple):
    """Where a case belongs: one of the folders, for the reason."""

    folders: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file.

    name: its path without suffix. configuration: the ``configuration`` of the configuration item. resource_tags: the
    tags of the repository, key to value; None where they are not known. problems: the place of the problem that a
    test must report, test to place.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    twin: str | None
    repository: Mapping[str, str]
    resource_tags: Mapping[str, str] | None
    parameters: Mapping[str, Any]
    configuration: Any
    expect: Mapping[str, Any]
    problems: Mapping[str, str]

    @property
    def policy(self) -> Any:
        """The policy as `judge` gets it; KeyError where the case is about the configuration item."""
        return self.configuration["RepositoryPolicyText"]

    @property
    def is_about_the_item(self) -> bool:
        """Whether the configuration item holds no policy that `judge` could evaluate."""
        return not isinstance(self.configuration, dict) or "RepositoryPolicyText" not in self.configuration


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case of the corpus, by name."""
    return read_cases(CORPUS)


def read_cases(corpus: Path) -> tuple[Case, ...]:
    """Return every case in the folders of `corpus`, by name; CaseError for one that breaks a rule."""
    files = sorted(file for file in corpus.rglob("*.yaml") if file.parent != corpus)
    return tuple(_read(file, corpus) for file in files)


@cache
def all_rows() -> Mapping[str, str]:
    """Return what the cases must show: ID of a row to its sentence."""
    rows: dict[str, str] = {}
    for file in sorted(CORPUS.glob("rows*.yaml")):
        content = _yaml(file)
        if duplicates := rows.keys() & content.keys():
            raise CaseError(f"{file.name}: duplicate rows {sorted(duplicates)}, also in another file")
        rows |= content
    return rows


def _yaml(file: Path) -> dict[str, Any]:
    content = yaml.load(file.read_text(encoding="utf-8"), StrictLoader)  # noqa: S506 - a SafeLoader
    if not isinstance(content, dict):
        raise CaseError(f"{file}: the file is not a mapping")
    return content


def _read(file: Path, corpus: Path) -> Case:
    name = file.relative_to(corpus).with_suffix("").as_posix()
    content = _yaml(file)
    _check(name, content)
    _check_place(name, content, corpus)
    repository = {**_REPOSITORY, **content.get("repository", {})}
    resource_tags = repository.pop(_TAGS, None)
    if "configuration" in content:
        configuration = content["configuration"]
    else:
        configuration = {"RepositoryName": "team/app", "RepositoryPolicyText": content["policy"]}
        if resource_tags is not None:
            configuration["Tags"] = [{"Key": key, "Value": value} for key, value in resource_tags.items()]
    return Case(
        name=name,
        title=content["title"],
        rows=tuple(content["rows"]),
        twin=content.get("twin"),
        repository=repository,
        resource_tags=resource_tags,
        parameters=content.get("parameters", {}),
        configuration=configuration,
        expect=content["expect"],
        problems=_problems(content["expect"]),
    )


def _problems(expect: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the place of the problem that each test must report; one place alone is that of every test."""
    problem = expect.get("problem", {})
    return dict.fromkeys(TESTS, problem) if isinstance(problem, str) else problem


def _check(name: str, content: Mapping[str, Any]) -> None:
    def rule(*, holds: bool, text: str) -> None:
        if not holds:
            raise CaseError(f"{name}: {text}")

    fields, expect = content.keys(), content.get("expect", {})
    rule(holds=fields >= _REQUIRED, text=f"missing fields {sorted(_REQUIRED - fields)}")
    rule(holds=fields <= _REQUIRED | _OPTIONAL, text=f"unknown fields {sorted(fields - _REQUIRED - _OPTIONAL)}")
    rule(holds=("policy" in fields) != ("configuration" in fields), text="needs either policy or configuration")
    rule(holds=expect.keys() >= set(TESTS), text=f"expect lacks a label for {sorted(set(TESTS) - expect.keys())}")
    rule(holds=expect.keys() <= _EXPECT, text=f"unknown fields in expect: {sorted(expect.keys() - _EXPECT)}")
    labels = {expect[test] for test in TESTS}
    rule(holds=labels <= {"COMPLIANT", "NON_COMPLIANT"}, text=f"invalid labels in {sorted(map(str, labels))}")
    problems = _problems(expect)
    rule(holds="problem" not in expect or set() < problems.keys() <= set(TESTS), text="the problem names no test")
    rule(
        holds=problems.keys() != set(TESTS) or isinstance(expect["problem"], str),
        text="a problem of every test has one place for every test",
    )
    rule(holds=all(expect[test] == "NON_COMPLIANT" for test in problems), text="a problem is NON_COMPLIANT")
    needs_grants = expect["unconditional"] == "NON_COMPLIANT" and "unconditional" not in problems
    rule(holds=("grants" in expect) == needs_grants, text="expect has grants if and only if unconditional finds some")
    rule(holds=content.get("parameters", {}).keys() <= _PARAMETERS, text="unknown parameter")
    rule(holds=content.get("repository", {}).keys() <= {*_REPOSITORY, _TAGS}, text="unknown field in repository")
    rule(holds=content["page"].startswith(_DOCUMENTATION), text=f"page does not start with {_DOCUMENTATION}")


def _check_place(name: str, content: Mapping[str, Any], corpus: Path) -> None:
    place = _place(content)
    folder = name.rpartition("/")[0]
    folders = {known.translate(_LOWER) for known in place.folders}
    if folder == _UNKNOWN_KEYS:
        # A misspelled key has no folder of its own.
        own = {f"{_KEYS}/{child.name}".translate(_LOWER) for child in (corpus / _KEYS).iterdir()}
        accepted = any(known.startswith(f"{_KEYS}/") for known in folders - own)
    else:
        # A case may be about the letter case of its key.
        accepted = folder.translate(_LOWER) in folders
    if not accepted:
        raise CaseError(f"{name}: belongs in {' or '.join(place.folders)}, because {place.reason}")


def _place(content: Mapping[str, Any]) -> Place:
    """Return the first place that applies (see the module's docstring)."""
    if reason := _why_in_documents(content):
        return Place(("documents",), reason)
    statements = _statements(content["policy"])
    if any(statement["Effect"] == "Deny" for statement in statements):
        return Place(("deny-statements",), "a statement has Effect Deny")
    if "${" in content["policy"]:
        return Place(("policy-variables",), "the policy contains a policy variable")
    found = [key for statement in statements for key in _condition_keys(statement)]
    keys = sorted({key.translate(_LOWER): key for key in found}.values())
    if len(keys) > 1:
        return Place(("several-conditions",), f"it has conditions on the keys {', '.join(keys)}")
    if keys:
        return Place((f"{_KEYS}/{_folder_of(keys[0])}",), f"its only condition key is {keys[0]}")
    return Place(("principals", "actions", "documents"), "it has no condition")


def _why_in_documents(content: Mapping[str, Any]) -> str | None:
    if isinstance(content["expect"].get("problem"), str):
        return "it expects a problem"
    if "configuration" in content:
        return "it is about the configuration item"
    return None if _statements(content["policy"]) else "it is about the form of the document"


def _statements(policy: str) -> list[dict[str, Any]]:
    """Return the statements; none where the form of the document is what the case is about."""
    try:
        document = json.loads(policy)
    except ValueError:
        return []
    if not isinstance(document, dict) or not document.keys() <= {"Version", "Statement"}:
        return []
    statements = document.get("Statement")
    if not isinstance(statements, list) or any({"Resource", "NotResource"} & part.keys() for part in statements):
        return []
    return statements


def _condition_keys(statement: Mapping[str, Any]) -> list[str]:
    return [key for block in statement.get("Condition", {}).values() for key in block]


def _folder_of(key: str) -> str:
    service, _, name = key.partition(":")
    if service.translate(_LOWER) in ("saml", "sts"):
        return service.translate(_LOWER)
    # The prefix of a web identity provider's keys is the provider's domain name:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    if "." in service:
        return "web-identity-providers"
    return f"{service}-{name.partition('/')[0]}"
