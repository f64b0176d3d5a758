"""The printed page: light, without controls, with all rows and open details, and the table head on every page."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

Show = Callable[..., Page]
HEAD: Final = "Result Repository Account Region Access granted"
CONTROLS: Final = (
    "Search",
    "Download CSV",
    "Clear filters",
    "Copy the policy",
    "Copy for",
    "↕",
    "Skip to",
    "Arrow keys",
)


def printed(page: Page) -> list[str]:
    """Return the text of each page, with single blanks."""
    reader = PdfReader(io.BytesIO(page.pdf(format="A4")))
    return [" ".join(each.extract_text().split()) for each in reader.pages]


class TestPrint:
    """Paper has no scroll position, no scripts and no dark scheme."""

    def test_pages_have_all_rows_below_a_head_and_open_details_and_no_controls(
        self, show: Show, organization: Path
    ) -> None:
        page = show(organization)
        pages = printed(page)
        with_rows = [text for text in pages if "internal/service-" in text]
        assert len(with_rows) >= 3
        assert all(HEAD in text for text in with_rows)
        everything = " ".join(pages)
        assert all(f"internal/service-{number:02}" in everything for number in range(60))
        assert [control for control in CONTROLS if control in everything] == []
        assert "111122223333, 444455556666, 777788889999" in everything
        assert everything.count("Changed policy") == 4
        assert "ecr:SetRepositoryPolicy, " in everything  # in the closed list of 35 actions
        assert '"Sid": "AllowPush"' in everything
        expect(page.locator("#print > *")).to_have_count(0)
        assert page.locator("#body td.name").count() < 35

    def test_filtered_rows_are_printed(self, show: Show, organization: Path) -> None:
        everything = " ".join(printed(show(f"{organization.as_uri()}#q=analytics/pipeline")))
        assert "1 of 67 repositories" in everything
        assert everything.count("Changed policy") == 1
        assert "internal/service-00" not in everything

    def test_page_without_scripts_is_printed_with_its_policies(self, show: Show, organization: Path) -> None:
        everything = " ".join(printed(show(organization, has_scripts=False)))
        assert '"Sid": "AllowPush"' in everything
        assert "sandbox/broken" in everything

    @pytest.mark.parametrize("has_scripts", [True, False])
    def test_print_is_light_in_the_dark_scheme(self, show: Show, organization: Path, *, has_scripts: bool) -> None:
        page = show(organization, has_scripts=has_scripts, color_scheme="dark")
        page.emulate_media(media="print", color_scheme="dark")
        color, ground = page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.querySelector('main > section'))"
            ".backgroundColor]"
        )
        assert (color, ground) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
