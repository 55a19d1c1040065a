"""The browser of these tests: Debian's Chromium, which asks nobody but loopback; and the login that many tests need."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.page.office import PASSWORD, Office

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def log_in(page: Page, office: Office) -> None:
    page.goto(office.https + "/login")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
