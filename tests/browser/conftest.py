"""Debian's Chromium, or the one that CHROMIUM names: one browser for all tests, a new profile for each page.

`make test` runs these tests in .venv-browser; elsewhere they are not collected, because Playwright is missing.
https://playwright.dev/python/docs/api/class-browsertype#browser-type-launch
"""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser.reports_to_show import HOSTILE, ORGANIZATION, written_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

if find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]

else:

    def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
        """Print what tests measured with `record_property`; elsewhere, tests/conftest.py prints it."""
        for report in terminalreporter.getreports("passed"):
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{name}: {value}")


_OPTIONS: Final = (
    "--no-sandbox",  # the user of a container is often root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MOST_MILLISECONDS: Final = 15_000
_OF_THE_PAGE_ITSELF: Final = ("data:", "blob:")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Yield the browser."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - other environments read this file, too

    expect.set_options(timeout=_MOST_MILLISECONDS)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser: "Browser") -> Iterator[Callable[..., "Page"]]:
    """Yield what opens a page's file or address; its keywords are those of Browser.new_context.

    At the end, no page has written an error to the console, opened a dialog, or requested anything but itself.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def dismissed(dialog: "Dialog") -> None:
        problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def opened(page: Path | str, *, has_scripts: bool = True, **options: Any) -> "Page":
        address = page if isinstance(page, str) else page.as_uri()
        sizes = {"viewport": {"width": 1280, "height": 900}, "java_script_enabled": has_scripts}
        context = browser.new_context(**{**sizes, **options})
        contexts.append(context)
        context.set_default_timeout(_MOST_MILLISECONDS)
        shown = context.new_page()
        shown.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        shown.on("pageerror", lambda error: problems.append(str(error)))
        shown.on("dialog", dismissed)
        own = (address.partition("#")[0], *_OF_THE_PAGE_ITSELF)
        shown.on("request", lambda request: None if request.url.startswith(own) else problems.append(request.url))
        shown.goto(address)
        shown.locator("#explorer:not([hidden]), #static").first.wait_for()
        return shown

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="session")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the page of ORGANIZATION."""
    return written_page(ORGANIZATION, tmp_path_factory.mktemp("pages") / "organization.html")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the page of HOSTILE."""
    return written_page(HOSTILE, tmp_path_factory.mktemp("pages") / "hostile.html")
