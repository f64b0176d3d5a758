"""The rows of the page: search, filters, sort, the address's fragment, keys, and the CSV file."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from tests.browser.reports_to_show import (
    DATA,
    HOSTILE,
    ORGANIZATION,
    PAYMENTS,
    RECORDED,
    SANDBOX,
    written_page,
)
from tests.commands.checked_policies import EACH_RESULT

Show = Callable[..., Page]
REPORTS: Final = {"scan": ORGANIZATION, "check": EACH_RESULT, "report": RECORDED, "hostile": HOSTILE}
PUBLIC: Final = ["sandbox/demo", "analytics/pipeline", "payments/api", "payments/worker"]
"""The most dangerous first, then by name."""
ON_PURPOSE: Final = ["base/python", "tools/cli"]


def names(page: Page) -> list[str]:
    """Return the names of the rows that are in the document."""
    found: list[str] = page.locator("#body td.name button").all_inner_texts()
    return found


def expect_count(page: Page, number: int) -> None:
    expect(page.get_by_role("status").filter(has_text="of 67")).to_have_text(f"{number} of 67 repositories")


def chosen(page: Page, choice: str, value: str) -> list[str]:
    """Return the names after a choice."""
    page.get_by_label(choice, exact=True).select_option(value)
    return names(page)


class TestFilters:
    """A filter leaves the rows that it names; all filters together."""

    def test_words_of_a_search_are_all_in_the_name_place_or_reason(self, show: Show, organization: Path) -> None:
        page = show(organization)
        search = page.get_by_role("searchbox", name="Search")
        search.fill("PAYMENTS us-east")
        assert names(page) == ["payments/worker"]
        search.fill("allowpush")
        assert names(page) == ["analytics/pipeline"]
        search.fill("no such repository")
        expect_count(page, 0)
        expect(page.get_by_role("button", name="Download CSV")).to_be_disabled()
        page.get_by_role("button", name="Clear filters").click()
        expect_count(page, 67)
        expect(search).to_be_focused()

    def test_result_is_a_filter_with_those_on_purpose_as_a_value_of_its_own(
        self, show: Show, organization: Path
    ) -> None:
        page = show(organization)
        page.get_by_label("Public (4)").check()
        assert names(page) == PUBLIC
        page.get_by_label("Public on purpose (2)").check()
        assert names(page) == [*PUBLIC, *ON_PURPOSE]
        page.get_by_label("Public (4)").uncheck()
        assert names(page) == ON_PURPOSE

    def test_account_region_and_capability_are_filters(self, show: Show, organization: Path) -> None:
        page = show(organization)
        assert chosen(page, "Region", "us-east-1") == ["payments/worker"]
        assert chosen(page, "Region", "")[:4] == PUBLIC
        assert chosen(page, "Capability", "push") == ["sandbox/demo", "analytics/pipeline"]
        assert chosen(page, "Account", DATA) == ["analytics/pipeline"]

    def test_fragment_keeps_the_filters_over_a_reload_and_the_history(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_label("Public (4)").check()
        page.get_by_label("Account", exact=True).select_option(PAYMENTS)
        page.get_by_role("button", name="Repository").click()
        page.get_by_role("button", name="Repository").click()
        assert page.evaluate("location.hash") == f"#result=public&account={PAYMENTS}&sort=-name"
        page.reload()
        expect(page.get_by_label("Public (4)")).to_be_checked()
        assert names(page) == ["payments/worker", "payments/api"]
        for _ in range(3):
            page.go_back()
        expect_count(page, 4)
        assert names(page) == PUBLIC

    def test_fragment_that_names_no_value_of_the_page_filters_nothing(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}#result=x&account=%00&sort=constructor&open=%22%3E&q=")
        expect_count(page, 67)


class TestSort:
    """The head sorts, and says how."""

    def test_each_column_sorts_up_and_down(self, show: Show, organization: Path) -> None:
        page = show(organization)
        head = page.locator("#rows").get_by_role("columnheader", name="Account", exact=True)
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        expect(page.locator("#body td.account").first).to_have_text(PAYMENTS)
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "descending")
        expect(page.locator("#body td.account").first).to_have_text(SANDBOX)
        assert page.locator("#heads [aria-sort]").count() == 1

    def test_column_without_values_is_not_shown(self, show: Show, tmp_path: Path) -> None:
        closed = [each for each in ORGANIZATION.policies if str(each.found.repository).startswith("internal/")]
        page = show(written_page(replace(ORGANIZATION, policies=tuple(closed)), tmp_path / "page.html"))
        heads = page.locator("#heads button").all_inner_texts()
        assert heads == ["Result", "Repository", "Account", "Region"]

    def test_head_stays_in_view(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_role("button", name="payments/api").focus()
        page.keyboard.press("End")
        expect(page.locator("#rows").get_by_role("columnheader", name="Result")).to_be_in_viewport()
        expect(page.get_by_role("button", name="internal/service-59")).to_be_in_viewport()


class TestRowsInView:
    """Only the rows in view, and a few around them, are in the document."""

    def test_rows_follow_the_scroll_position(self, show: Show, organization: Path) -> None:
        page = show(organization)
        assert len(names(page)) < 35
        expect(page.locator("#rows")).to_have_attribute("aria-rowcount", "68")
        page.mouse.wheel(0, 100_000)
        expect(page.get_by_role("button", name="internal/service-59")).to_be_in_viewport()
        expect(page.get_by_role("button", name="sandbox/demo")).to_have_count(0)
        assert len(names(page)) < 35

    def test_keys_move_through_all_rows(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_role("button", name="sandbox/demo").focus()
        for key, name in (
            ("ArrowDown", "analytics/pipeline"),
            ("ArrowUp", "sandbox/demo"),
            ("ArrowUp", "sandbox/demo"),
            ("End", "internal/service-59"),
            ("Home", "sandbox/demo"),
        ):
            page.keyboard.press(key)
            expect(page.get_by_role("button", name=name)).to_be_focused()
        page.keyboard.press("PageDown")
        expect(page.locator("#body button:focus")).to_be_in_viewport()


def lines(text: str) -> list[list[str]]:
    """Return the lines of a CSV file in a fixed order, the head first."""
    head, *others = csv.reader(io.StringIO(text, newline=""))
    return [head, *sorted(others)]


def written(report: Report, *policies: CheckedPolicy) -> str:
    """Return what --format csv writes about these policies."""
    stream = io.StringIO(newline="")
    FORMATS["csv"](replace(report, policies=policies, errors=()), stream)
    return stream.getvalue()


class TestDownload:
    """The CSV file has the rows that pass the filters, as --format csv writes them."""

    def downloaded(self, page: Page) -> str:
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV").click()
        assert download.value.suggested_filename.startswith("ecr-exposure-")
        content = Path(download.value.path()).read_bytes().decode("utf-8")
        assert content[0] == "\ufeff"  # spreadsheets take it for UTF-8
        return content[1:]

    def test_file_has_the_filtered_rows(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_role("searchbox").fill("payments")
        expected = [each for each in ORGANIZATION.policies if str(each.found.repository).startswith("payments/")]
        assert lines(self.downloaded(page)) == lines(written(ORGANIZATION, *expected))

    @pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
    def test_file_of_all_rows_is_the_one_of_the_format_csv(self, show: Show, tmp_path: Path, report: Report) -> None:
        page = show(written_page(report, tmp_path / "page.html"))
        assert lines(self.downloaded(page)) == lines(written(report, *report.policies))


@pytest.mark.parametrize("report", [EACH_RESULT, RECORDED], ids=["check", "report"])
def test_every_row_of_every_command_opens(show: Show, tmp_path: Path, report: Report) -> None:
    page = show(written_page(report, tmp_path / "page.html"))
    rows = names(page)
    assert len(rows) == len(report.policies)
    page.locator("#body button").first.focus()
    for name in rows:
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_have_accessible_name(name)
        expect(dialog.get_by_role("heading", name="Reason")).to_be_visible()
        assert dialog.get_by_text("OrgConfigRule-").count() == (report is RECORDED)
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowDown")
