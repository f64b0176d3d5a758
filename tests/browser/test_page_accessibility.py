"""The page for everyone: contrast, names, headings, landmarks, keys, a phone, and a preference for less motion."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reports_to_show import ORGANIZATION, PAYMENTS, written_page

Show = Callable[..., Page]
OPEN: Final = f"#open={PAYMENTS}/eu-west-1/payments/api"
PHONE: Final = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
NAMED: Final = frozenset(
    ("button", "checkbox", "combobox", "searchbox", "link", "dialog", "region", "table", "columnheader")
)
"""Roles that need a name."""
CONTRAST: Final = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
LANDMARKS: Final = ("banner", "main", "contentinfo", "search")
LINES_OF: Final = """(text) => {
  const walker = document.createTreeWalker(document.querySelector(".facts"), NodeFilter.SHOW_TEXT);
  while (!walker.nextNode().data.includes(text)) {}
  const at = walker.currentNode.data.indexOf(text);
  const range = document.createRange();
  range.setStart(walker.currentNode, at);
  range.setEnd(walker.currentNode, at + text.length);
  return range.getClientRects().length;
}"""
WIDTHS: Final = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def open_all(page: Page) -> None:
    """Open each element that can be opened."""
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")


def nodes(page: Page) -> list[tuple[str, str]]:
    """Return role and name of the nodes of the browser's own accessibility tree."""
    session = page.context.new_cdp_session(page)
    tree: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (str(each["role"]["value"]), str(each.get("name", {}).get("value", ""))) for each in tree if not each["ignored"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
class TestContrast:
    """Each text, bar and border of a control has the contrast of WCAG 2.2, level AA."""

    def expect_enough(self, page: Page) -> None:
        found = page.evaluate(CONTRAST)
        assert {each["kind"] for each in found} >= {"text", "bar"}
        assert [each for each in found if each["contrast"] < each["needed"]] == []

    def test_list_and_detail_have_enough(self, show: Show, organization: Path, scheme: str) -> None:
        page = show(organization, color_scheme=scheme)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(ground.split("(")[1].split(",")[0]) < 0x80) is (scheme == "dark")
        open_all(page)
        self.expect_enough(page)
        for name in ("payments/api", "sandbox/broken", "tools/cli"):
            page.get_by_role("button", name=name).click()
            open_all(page)
            self.expect_enough(page)
            page.keyboard.press("Escape")

    def test_page_without_scripts_has_enough(self, show: Show, organization: Path, scheme: str) -> None:
        page = show(organization, color_scheme=scheme, has_scripts=False)
        open_all(page)
        self.expect_enough(page)


@pytest.mark.parametrize("fragment", ["", OPEN])
class TestStructure:
    """The list, and the detail above it, have names, headings and landmarks."""

    def test_controls_have_names_headings_are_in_order_and_ids_unique(
        self, show: Show, organization: Path, fragment: str
    ) -> None:
        page = show(f"{organization.as_uri()}{fragment}")
        open_all(page)
        found = nodes(page)
        assert len([role for role, _ in found if role == "button"]) >= 6
        assert [role for role, name in found if role in NAMED and not name] == []
        if not fragment:
            assert {role: Counter(role for role, _ in found)[role] for role in LANDMARKS} == dict.fromkeys(LANDMARKS, 1)
        inside = "dialog" if fragment else "body"
        levels = page.evaluate(
            f"[...document.querySelectorAll('{inside} :is(h1, h2, h3, h4)')]"
            ".filter((each) => each.checkVisibility()).map((each) => Number(each.localName[1]))"
        )
        assert levels[0] == (2 if fragment else 1)
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))


class TestKeys:
    """The page is used without a mouse."""

    def test_first_stop_leads_to_the_repositories_and_each_stop_is_visible(
        self, show: Show, organization: Path
    ) -> None:
        page = show(organization)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the repositories")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("searchbox")).to_be_focused()
        for _ in range(16):
            page.keyboard.press("Tab")
            assert page.evaluate(
                "[document.activeElement, document.activeElement.closest('tr')].some((each) => each"
                " && getComputedStyle(each).outlineStyle === 'solid')"
            )
        assert page.evaluate("document.activeElement.closest('#body') !== null")

    def test_filters_tell_the_number_of_rows(self, show: Show, organization: Path) -> None:
        page = show(organization)
        expect(page.locator("#count")).to_have_attribute("aria-live", "polite")
        page.get_by_label("Public (4)").check()
        expect(page.locator("#count")).to_have_text("4 of 67 repositories")


class TestPhone:
    """The page is 360 pixels wide: it never scrolls sideways, and fingers find its controls."""

    @pytest.mark.parametrize("has_scripts", [True, False])
    def test_page_fits(self, show: Show, hostile: Path, *, has_scripts: bool) -> None:
        page = show(hostile, has_scripts=has_scripts, **PHONE)
        open_all(page)
        width, seen = page.evaluate(WIDTHS)
        assert (width, seen) == (360, 360)
        if not has_scripts:
            return
        page.locator("#body td.name button").first.tap()
        page.get_by_role("dialog").wait_for()
        open_all(page)
        assert page.evaluate("document.querySelector('dialog').scrollWidth <= 360")

    def test_rows_show_account_and_region_and_controls_are_large(self, show: Show, organization: Path) -> None:
        page = show(organization, **PHONE)
        expect(page.locator("#body .place").first).to_have_text("777788889999 · eu-west-1")
        expect(page.locator("#body .place").first).to_be_visible()
        heights = page.evaluate(
            "[...document.querySelectorAll('#filters :is(input[type=search], select, button), #results label')]"
            ".filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height)"
        )
        assert len(heights) == 10
        assert min(heights) >= 24  # https://www.w3.org/TR/WCAG22/#target-size-minimum

    def test_numbers_of_results_beside_each_other_are_in_one_line(self, show: Show, organization: Path) -> None:
        page = show(organization, **PHONE)
        tops = page.evaluate(
            "[...document.querySelectorAll('.totals strong')].map((each) => each.getBoundingClientRect().top)"
        )
        assert (tops[0], tops[2]) == (tops[1], tops[3])

    def test_ids_are_not_broken_at_their_hyphens(self, show: Show, tmp_path: Path) -> None:
        trusted = replace(ORGANIZATION.question, test="external", trusted_organizations=("o-exampleorgid",))
        page = show(written_page(replace(ORGANIZATION, question=trusted), tmp_path / "page.html"), **PHONE)
        for width in range(320, 400, 4):
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate(LINES_OF, "o-exampleorgid") == 1


def test_nothing_moves(show: Show, organization: Path) -> None:
    page = show(f"{organization.as_uri()}{OPEN}", reduced_motion="reduce")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate("document.getAnimations().length") == 0
