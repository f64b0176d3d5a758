"""The pages of the project, and how the tests read them."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
README: Final = ROOT / "README.md"
CONTRIBUTING: Final = ROOT / "CONTRIBUTING.md"
SECURITY: Final = ROOT / "SECURITY.md"
CHANGELOG: Final = ROOT / "CHANGELOG.md"
DEPLOY: Final = ROOT / "docs" / "deploy.md"
VERDICTS: Final = ROOT / "docs" / "verdicts.md"
PAGES: Final = (README, CONTRIBUTING, SECURITY, CHANGELOG, *sorted((ROOT / "docs").glob("*.md")))


def text_of(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def section(page: Path, heading: str) -> str:
    """Return the text below a heading of the second level, up to the next one."""
    return text_of(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]


def blocks(page: Path, language: str) -> list[str]:
    """Return the contents of the fenced blocks in a language."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)
    return [content for name, content in found if name == language]


def table(text: str) -> list[list[str]]:
    """Return the cells of the first table, without its heading."""
    first = re.search(r"^\|.*?(?=^[^|]|^$|\Z)", text, re.MULTILINE | re.DOTALL)
    assert first is not None
    _, _, *rows = first[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def ticked(text: str) -> list[str]:
    """Return what is written in backticks."""
    return re.findall(r"`([^`\n]+)`", text)
