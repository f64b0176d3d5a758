"""The corpus: one hand-labelled policy a file, read strictly.

A case is a YAML file in a topic folder of tests/corpus. Its labels were written by a person from AWS's
documentation; rows*.yaml name what the cases together must show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

CORPUS: Final = Path(__file__).parent
TESTS: Final = ("unconditional", "reachable", "external")

_REQUIRED: Final = frozenset(("title", "why", "page", "rows", "expect"))
_OPTIONAL: Final = frozenset(("twin", "repository", "parameters", "policy", "configuration"))
_EXPECT: Final = frozenset((*TESTS, "problem", "grants", "advisories"))
_PARAMETERS: Final = frozenset(("trustedAccounts", "trustedOrganizations", "members", "now"))
_REPOSITORY: Final = {
    "account": "111122223333",
    "region": "us-east-1",
    "organization": "o-abcde12345",
}


class StrictLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Refuse what YAML would silently overwrite."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise CaseError(f"a key stands twice: {keys}")
        return super().construct_mapping(node, deep)


class CaseError(Exception):
    """A corpus file breaks a rule of the corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file. name: its path without suffix. configuration: what the item holds."""

    name: str
    title: str
    rows: tuple[str, ...]
    twin: str | None
    repository: Mapping[str, str]
    parameters: Mapping[str, Any]
    configuration: Any
    expect: Mapping[str, Any]

    @property
    def policy(self) -> Any:
        """The policy as `judge` gets it; only where the case is not about the item's shape."""
        return self.configuration["RepositoryPolicyText"]

    @property
    def is_about_the_item(self) -> bool:
        """Tell whether the case says something about the item around the policy."""
        return not isinstance(self.configuration, dict) or "RepositoryPolicyText" not in self.configuration


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case of the corpus, by name."""
    files = sorted(file for file in CORPUS.rglob("*.yaml") if file.parent != CORPUS)
    return tuple(_read(file) for file in files)


@cache
def all_rows() -> Mapping[str, str]:
    """Return what the cases must show: row id to sentence."""
    rows: dict[str, str] = {}
    for file in sorted(CORPUS.glob("rows*.yaml")):
        content = _yaml(file)
        if twice := rows.keys() & content.keys():
            raise CaseError(f"{file.name}: {sorted(twice)} stand in another file too")
        rows |= content
    return rows


def _yaml(file: Path) -> dict[str, Any]:
    content = yaml.load(file.read_text(encoding="utf-8"), StrictLoader)  # noqa: S506 - a SafeLoader
    if not isinstance(content, dict):
        raise CaseError(f"{file}: not a mapping")
    return content


def _read(file: Path) -> Case:
    name = file.relative_to(CORPUS).with_suffix("").as_posix()
    content = _yaml(file)
    _check(name, content)
    repository = {**_REPOSITORY, **content.get("repository", {})}
    if "configuration" in content:
        configuration = content["configuration"]
    else:
        configuration = {"RepositoryName": "team/app", "RepositoryPolicyText": content["policy"]}
    return Case(
        name=name,
        title=content["title"],
        rows=tuple(content["rows"]),
        twin=content.get("twin"),
        repository=repository,
        parameters=content.get("parameters", {}),
        configuration=configuration,
        expect=content["expect"],
    )


def _check(name: str, content: Mapping[str, Any]) -> None:
    def rule(*, holds: bool, text: str) -> None:
        if not holds:
            raise CaseError(f"{name}: {text}")

    fields, expect = content.keys(), content.get("expect", {})
    rule(holds=fields >= _REQUIRED, text=f"missing {sorted(_REQUIRED - fields)}")
    rule(holds=fields <= _REQUIRED | _OPTIONAL, text=f"unknown {sorted(fields - _REQUIRED - _OPTIONAL)}")
    rule(holds=("policy" in fields) != ("configuration" in fields), text="one of policy and configuration")
    rule(holds=expect.keys() >= set(TESTS), text="a label for each test")
    rule(holds=expect.keys() <= _EXPECT, text=f"unknown in expect: {sorted(expect.keys() - _EXPECT)}")
    labels = {expect[test] for test in TESTS}
    rule(holds=labels <= {"COMPLIANT", "NON_COMPLIANT"}, text=f"labels {sorted(labels)}")
    rule(holds="problem" not in expect or labels == {"NON_COMPLIANT"}, text="a problem is NON_COMPLIANT")
    needs_grants = expect["unconditional"] == "NON_COMPLIANT" and "problem" not in expect
    rule(holds=("grants" in expect) == needs_grants, text="grants exactly where unconditional is open")
    rule(holds=content.get("parameters", {}).keys() <= _PARAMETERS, text="unknown parameter")
    rule(holds=content.get("repository", {}).keys() <= _REPOSITORY.keys(), text="unknown in repository")
    rule(holds=content["page"].startswith("https://docs.aws.amazon.com/"), text="page is not AWS's")
