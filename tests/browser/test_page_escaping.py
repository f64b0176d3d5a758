"""The page with hostile texts, and where scripts or styles are blocked."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.reports_to_show import DATA, HOSTILE_NAME, PAYMENTS

Show = Callable[..., Page]
JENKINS: Final = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
"""https://www.jenkins.io/doc/book/security/configuring-content-security-policy/"""
HIDDEN: Final = "[\\u202a-\\u202e\\u2066-\\u2069\\u0000-\\u0008]"
PUBLIC: Final = ("sandbox/demo", "analytics/pipeline", "payments/api", "payments/worker")


class TestHostileTexts:
    """A Sid or a name is a text; `show` fails on a dialog, an error in the console and a request."""

    def expect_only_own_elements(self, page: Page) -> None:
        assert page.locator("img, iframe, object, embed, script:not(#data):not(head > script)").count() == 0
        assert page.locator("svg:not(.chart svg), [onload], [onerror]").count() == 0
        assert page.evaluate(f"new RegExp('{HIDDEN}').test(document.body.textContent)") is False

    def test_rows_and_details_show_them_as_texts(self, show: Show, hostile: Path) -> None:
        page = show(hostile)
        self.expect_only_own_elements(page)
        for name in ("team/hostile", "team/text", "team/formula", HOSTILE_NAME):
            page.get_by_role("button", name=name).click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_have_accessible_name(name)
            for summary in dialog.locator("summary").all():
                summary.click()
            self.expect_only_own_elements(page)
            page.keyboard.press("Escape")
        page.get_by_role("button", name="team/hostile").click()
        expect(page.get_by_role("dialog")).to_contain_text("<script>alert(1)</script>")

    def test_search_and_fragment_with_markup_stay_texts(self, show: Show, hostile: Path) -> None:
        page = show(f"{hostile.as_uri()}#q=%3Cimg+src=x+onerror=alert(1)%3E&account=%3Cscript%3E&open=%3Cb%3E")
        expect(page.get_by_role("searchbox")).to_have_value("<img src=x onerror=alert(1)>")
        self.expect_only_own_elements(page)
        page.get_by_role("searchbox").fill("<svg/onload=alert(3)>")
        assert page.locator("#body td.name button").all_inner_texts() == [HOSTILE_NAME]

    def test_page_without_scripts_shows_them_as_texts(self, show: Show, hostile: Path) -> None:
        page = show(hostile, has_scripts=False)
        for summary in page.locator("main summary").all():
            summary.click()
        expect(page.locator("#static")).to_contain_text("<script>alert(1)</script>")
        self.expect_only_own_elements(page)


def expect_readable(page: Page) -> None:
    """Expect the totals, the public repositories and their policies, and nothing that needs a script."""
    expect(page.get_by_role("heading", level=1)).to_have_text("4 of 67 repositories are public, 1 more may be")
    totals = page.locator(".totals div").all_inner_texts()
    assert [text.split("\n")[0] for text in totals] == [
        "Public",
        "Cannot be evaluated",
        "Public on purpose",
        "Not public",
    ]
    expect(page.get_by_text("sts:AssumeRole is denied")).to_be_visible()
    for name in PUBLIC:
        expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()
    policy = page.locator("details", has_text="Policy 3: payments/api")
    policy.locator("summary").click()
    expect(policy.locator("pre")).to_contain_text('▶       "Sid": "AllowPull"')
    expect(policy).to_contain_text('statement "AllowPull": removed')
    for control in ("button", "input", "select", "#rows", "dialog"):
        expect(page.locator(control).first).to_be_hidden()


@pytest.fixture
def jenkins(organization: Path) -> Iterator[str]:
    """Yield the address of a loopback server that sends the page with the header of Jenkins."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Security-Policy", JENKINS)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(organization.read_bytes())

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/report.html"
        server.shutdown()
        thread.join()


class TestWithoutScripts:
    """What matters can be read."""

    def test_page_is_readable(self, show: Show, organization: Path) -> None:
        expect_readable(show(organization, has_scripts=False))

    def test_link_leads_to_the_policy(self, show: Show, organization: Path) -> None:
        page = show(organization, has_scripts=False, viewport={"width": 1280, "height": 300})
        page.get_by_role("link", name="Policy 2").click()
        expect(page.locator("#policy-2")).to_be_in_viewport()
        expect(page.locator("#policy-2")).to_contain_text("analytics/pipeline")

    def test_page_under_the_policy_of_jenkins_is_readable(self, browser: Browser, jenkins: str) -> None:
        context = browser.new_context()
        page = context.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(jenkins)
        background = page.evaluate("getComputedStyle(document.querySelector('.totals div')).backgroundColor")
        assert background == "rgba(0, 0, 0, 0)"  # the style is blocked, too
        expect_readable(page)
        text = page.locator("body").inner_text()
        assert text.index("What could not be seen") < text.index(DATA) < text.index("Without scripts")
        assert PAYMENTS in text
        assert [each for each in requests if not each.startswith("data:")] == [jenkins]
        context.close()

    def test_browser_that_cannot_decompress_shows_the_same(self, show: Show, organization: Path) -> None:
        page = show(organization)
        page.add_init_script("delete window.DecompressionStream")
        page.reload()
        expect_readable(page)
