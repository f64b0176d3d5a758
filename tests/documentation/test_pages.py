"""All pages: their links lead somewhere, their commands exist, and their words are those of the AWS documentation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from tests.deployment.sam import DEPLOY as TEMPLATES
from tests.deployment.sam import TEMPLATE
from tests.documentation.pages import PAGES, README, ROOT, SECURITY, text_of

EACH_PAGE: Final = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
# Words for which the AWS documentation has others.
FOREIGN_WORDS: Final = re.compile(
    r"\b(stranger|outsider|foreigner|trust zone|doubtful|judged|marks every|lets?|gets? in|keeps? out|shuts?|mends?"
    r"|heals?|tells?|told|nobody may|the role that it takes)\b",
    re.IGNORECASE,
)
# Old sentences in the changelog, and names of files.
QUOTED: Final = re.compile(r"`[^`]*`|\]\([^)]*\)")
WIDEST: Final = 120


def links(page: Path) -> Iterator[str]:
    """Yield the target of every link of a page."""
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EACH_PAGE
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@EACH_PAGE
def test_every_link_by_reference_is_defined_and_used(page: Path) -> None:
    text = text_of(page)
    used = set(re.findall(r"\]\s?\[([\w-]+)\]", text))
    assert used == set(re.findall(r"^\[([\w-]+)\]: ", text, re.MULTILINE))


@pytest.mark.parametrize("page", [page for page in PAGES if page != README], ids=lambda page: str(page.name))
def test_readme_links_every_page(page: Path) -> None:
    assert str(page.relative_to(ROOT)) in set(links(README))


@EACH_PAGE
def test_every_make_command_exists(page: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^ {4,}|`)make ([\w]+)", text_of(page), re.MULTILINE)) <= set(targets)


@EACH_PAGE
def test_lines_are_not_wider_than_120_characters(page: Path) -> None:
    wide = [line for line in text_of(page).splitlines() if len(line) > WIDEST]
    # An address, a command and the names of columns cannot be wrapped, and a condition key has its whole row.
    allowed = re.compile(r"\]\([^)]{60,}\)|^\[[\w-]+\]: https| {4,}aws |\| `aws:\w+` \| |^result,file,")
    assert [line for line in wide if not allowed.search(line)] == []


@EACH_PAGE
def test_words_are_those_of_the_aws_documentation(page: Path) -> None:
    assert FOREIGN_WORDS.findall(QUOTED.sub("", text_of(page))) == []


def test_security_page_names_no_address_of_a_person() -> None:
    assert "@" not in text_of(SECURITY)


# `aws cloudformation deploy` is the CLI's own, and has no operation behind it.
OF_THE_CLI: Final = {("cloudformation", "deploy")}


def commands_of_the_cli() -> list[tuple[str, str, list[str]]]:
    """Return service, operation and options of every `aws` command in the pages and templates."""
    found = []
    for file in (TEMPLATE, *PAGES, *TEMPLATES.iterdir()):
        text = re.sub(r"\s*\n +--", " --", file.read_text(encoding="utf-8"))
        for service, operation, rest in re.findall(r"\baws ([a-z]+) ([a-z-]+)((?:(?! aws )[^\n`])*)", text):
            found.append((service, operation, re.findall(r"--([a-z-]+)", rest)))
    return found


def test_every_command_of_the_aws_cli_exists() -> None:
    commands = [each for each in commands_of_the_cli() if each[:2] not in OF_THE_CLI]
    assert len(commands) >= 8
    session = botocore.session.get_session()
    for service, operation, options in commands:
        model = session.get_service_model({"configservice": "config"}.get(service, service))
        shapes = {xform_name(name, "-"): name for name in model.operation_names}
        members = model.operation_model(shapes[operation]).input_shape
        known = {xform_name(name, "-") for name in (members.members if members else ())}
        assert set(options) - {"output", "query", "region"} <= known, (service, operation)
