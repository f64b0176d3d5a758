"""CONTRIBUTING.md names folders, fields, files and commands that exist."""

import re
from typing import Any, Final

import yaml

from tests.corpus.loader import CORPUS, all_cases
from tests.documentation.pages import CONTRIBUTING, ROOT, section, table, text_of, ticked

CASES: Final = section(CONTRIBUTING, "Add a case to the corpus")
FOLDERS, FIELDS = CASES.split("These are the fields of a case:")


def fields_in_use() -> set[str]:
    """Return the fields of all cases, those of `expect` with its name before."""
    found: set[str] = set()
    for case in all_cases():
        content: dict[str, Any] = yaml.safe_load((CORPUS / f"{case.name}.yaml").read_text(encoding="utf-8"))
        found |= content.keys() | {f"expect.{name}" for name in content["expect"]}
    return found


def test_folders_are_those_of_the_corpus() -> None:
    named = [ticked(row[0])[0].partition("/")[0] for row in table(FOLDERS)]
    assert sorted(named) == sorted(path.name for path in CORPUS.iterdir() if path.is_dir() and path.name[0] != "_")


def test_fields_are_those_in_use() -> None:
    tests = {"expect.unconditional", "expect.reachable", "expect.external"}
    named = [ticked(row[0])[0] for row in table(FIELDS)]
    assert sorted(named) == sorted(fields_in_use() - tests)


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:rule|tests|docs)/[\w./*-]+)`", text_of(CONTRIBUTING))
    assert len(paths) >= 10
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []
