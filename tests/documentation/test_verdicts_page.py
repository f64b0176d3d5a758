"""docs/verdicts.md says what the code's tables say."""

import re
from pathlib import Path

from ecr_exposure.policy.actions import CAPABILITY_OF, REGISTRY_ACTIONS, Capability
from ecr_exposure.policy.condition_keys import PREFIXES, TABLE, Key, Presence
from ecr_exposure.search.strings import LIMIT
from tests.corpus.loader import all_rows

PAGE = (Path(__file__).parent.parent.parent / "docs" / "verdicts.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    part = PAGE[PAGE.index(f"## {heading}\n") :].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def row_of(name: str, key: Key) -> list[str]:
    """Return the cells that a key should have."""
    types = ", ".join(["text", *(each.name.lower() for each in key.types)])
    values = "–" if key.presence is Presence.NEVER else key.content.value
    return [f"`{name}`", key.presence.value, values, types + (", several values" if key.multivalued else "")]


def test_the_keys() -> None:
    keys = [row_of(name, key) for name, key in TABLE.items()]
    assert table("Condition keys") == keys + [row_of(f"{prefix}*", key) for prefix, key in PREFIXES]


def test_the_actions() -> None:
    expected = [
        [capability.value, ", ".join(a.removeprefix("ecr:") for a, c in CAPABILITY_OF.items() if c is capability)]
        for capability in Capability
    ]
    assert table("Actions") == expected
    found = re.search(r"Registry level, never granted by a repository policy: (.*)\.", PAGE)
    assert found is not None
    assert {f"ecr:{name}" for name in found[1].split(", ")} == REGISTRY_ACTIONS


def test_the_rows() -> None:
    """Each row of the two tables is a row that the corpus must show."""
    for kind, heading in (("decision", "The decision table"), ("document", "What documents say")):
        shown = {f"{kind}-{number}": text for number, text in table(heading)}
        assert shown == {row: text for row, text in all_rows().items() if row.startswith(f"{kind}-")}


def test_the_budget() -> None:
    assert f"ends after {LIMIT:,}" in PAGE
