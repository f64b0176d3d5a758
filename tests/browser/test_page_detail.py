"""The detail of a repository: opened by mouse, keys and address, closed, and its texts copied."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from ecr_exposure.cli.remediation.how_to_apply import how_to_apply
from tests.browser.reports_to_show import DATA, PAYMENTS, PULLED, SANDBOX

Show = Callable[..., Page]
OPEN: Final = f"#open={PAYMENTS}/eu-west-1/payments/api"


def detail(page: Page) -> Locator:
    return page.get_by_role("dialog")


class TestOpening:
    """A row is opened and closed; the focus comes back to it."""

    def test_click_opens_and_the_button_closes(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.locator("#body tr", has_text="analytics/pipeline").locator("td.region").click()
        expect(detail(page).get_by_role("heading", level=2)).to_have_text("analytics/pipeline")
        assert page.evaluate("location.hash") == f"#open={DATA}/eu-west-1/analytics/pipeline"
        detail(page).get_by_role("button", name="Close").click()
        expect(detail(page)).to_have_count(0)
        expect(page.get_by_role("button", name="analytics/pipeline")).to_be_focused()
        assert page.evaluate("location.hash") == ""

    def test_enter_opens_and_escape_closes(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_role("button", name="sandbox/demo").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(detail(page)).to_have_accessible_name("analytics/pipeline")
        assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
        page.keyboard.press("Escape")
        expect(detail(page)).to_have_count(0)
        expect(page.get_by_role("button", name="analytics/pipeline")).to_be_focused()

    def test_key_before_the_event_of_closing_moves_the_focus(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.get_by_role("button", name="sandbox/demo").focus()
        page.keyboard.press("Enter")
        page.evaluate(
            "document.querySelector('dialog').close();"
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}))"
        )
        page.wait_for_function("location.hash === ''")
        expect(page.get_by_role("button", name="analytics/pipeline")).to_be_focused()

    def test_address_opens_and_back_closes(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}{OPEN}")
        expect(detail(page)).to_have_accessible_name("payments/api")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="sandbox/demo").click()
        expect(detail(page)).to_have_accessible_name("sandbox/demo")
        page.go_back()
        expect(detail(page)).to_have_count(0)
        page.go_forward()
        expect(detail(page)).to_have_accessible_name("sandbox/demo")

    def test_tab_reaches_every_control_of_the_detail_and_no_other_one(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}{OPEN}")
        detail(page).wait_for()
        reached = set()
        for _ in range(20):
            reached.add(page.evaluate("document.activeElement.textContent.slice(0, 30)"))
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
            page.keyboard.press("Tab")
        assert {"Close", "Copy the policy", "AWS CLI", "Terraform", "CloudFormation"} <= reached


class TestContent:
    """What the detail says of a public repository, and of one that is public on purpose."""

    def test_public_statement_is_marked_and_removed_in_the_changed_policy(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}{OPEN}")
        marked = detail(page).get_by_label("Policy", exact=True).locator("mark").all_inner_texts()
        assert json.loads("".join(marked)) == json.loads(PULLED)["Statement"][1]
        removed = "".join(detail(page).get_by_label("Changed policy").locator("del").all_inner_texts())
        assert "AllowPull" in removed
        assert "AllowOwnAccount" not in removed
        expect(detail(page)).to_contain_text("Everyone can pull")
        expect(detail(page)).to_contain_text("may ecr:BatchGetImage")
        expect(detail(page)).to_contain_text("Lines with − are removed, lines with + are added.")

    def test_statement_between_others_is_removed_as_a_whole(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}#open={DATA}/eu-west-1/analytics/pipeline")
        removed = "".join(detail(page).get_by_label("Changed policy").locator("del").all_inner_texts())
        assert json.loads(removed.removesuffix(","))["Sid"] == "AllowPush"

    def test_policy_of_which_no_statement_is_left_is_deleted(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}#open={SANDBOX}/eu-west-1/sandbox/demo")
        expect(detail(page)).to_contain_text("No statement is left, so the policy is deleted.")

    def test_exception_has_its_reason_and_its_end(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}#result=public+on+purpose")
        page.get_by_role("button", name="tools/cli").click()
        expect(detail(page)).to_contain_text("last day 2027-03-31")


class TestCopying:
    """A button copies a text as it is: the clipboard then has what fix and how_to_apply write."""

    CLOSED: Final = {**json.loads(PULLED), "Statement": json.loads(PULLED)["Statement"][:1]}
    APPLIED: Final = how_to_apply(CLOSED, repository="payments/api", region="eu-west-1", statements=())
    TEXTS: Final = {
        "AWS CLI": APPLIED["cli"],
        "Terraform": APPLIED["terraform"],
        "CloudFormation": APPLIED["cloudformation"],
        "ecr-exposure": "ecr-exposure fix --repository payments/api --region eu-west-1",
    }

    def test_each_text_to_apply_is_copied(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}{OPEN}", permissions=["clipboard-read", "clipboard-write"])
        for title, text in self.TEXTS.items():
            detail(page).locator("summary", has_text=title).click()
            detail(page).get_by_role("button", name=f"Copy for {title}").click()
            expect(detail(page).get_by_role("status").filter(has_text="Copied").last).to_be_visible()
            assert page.evaluate("navigator.clipboard.readText()") == text
        detail(page).get_by_role("button", name="Copy the policy").click()
        assert json.loads(page.evaluate("navigator.clipboard.readText()")) == json.loads(PULLED)

    def test_text_is_copied_without_the_permission(self, show: Show, organization: Path) -> None:
        page = show(f"{organization.as_uri()}{OPEN}")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        copy = detail(page).get_by_role("button", name="Copy the policy")
        copy.click()
        expect(detail(page).get_by_role("status").filter(has_text="Copied")).to_be_visible()
        expect(copy).to_be_focused()

    @pytest.mark.parametrize("label", ["Policy", "Changed policy"])
    def test_block_that_is_wider_than_the_page_scrolls_by_keys(
        self, show: Show, organization: Path, label: str
    ) -> None:
        page = show(f"{organization.as_uri()}{OPEN}", viewport={"width": 360, "height": 740})
        block = detail(page).get_by_role("region", name=label, exact=True)
        expect(block).to_have_attribute("tabindex", "0")
