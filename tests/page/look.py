"""`python -m tests.page.look FOLDER`: the pictures of docs/screens, from an office made for them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.browser import ARGUMENTS, CHROMIUM, log_in
from tests.page.office import Office, running


def a_day(office: Office) -> str:
    """Mail of each kind; the id of one that waits."""
    office.send("anna@friendly.pretend.example", "Scan 2026-11-24 invoice 4711")
    office.send("nobody@strict.pretend.example", "Scan: offer for Mr Huber")
    office.send("maria@friendly.pretend.example", "Backup finished", "127.0.0.23", "nas", 3000)
    waiting = office.send("otto@grey.pretend.example", "Scan: signed contract")
    office.send("office@friendly.pretend.example", "Daily closing", "127.0.0.24", "till", 20_000)
    office.send("anna@friendly.pretend.example", "Scan: passport copy")
    office.until(office.settled, "the day's mail")
    return waiting


def pictures(office: Office, folder: Path, waiting: str) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = opened(browser, 1000, 800)
        shot(page, office.http + "/", folder / "anonymous.png")
        log_in(page, office)
        shot(page, office.https + f"/message/{waiting}", folder / "message.png")
        shot(page, office.https + "/devices", folder / "devices.png")
        for name, width, height, dark in (
            ("mail", 1000, 1000, False),
            ("dark", 1000, 700, True),
            ("phone", 390, 844, False),
        ):
            page = opened(browser, width, height, dark)
            log_in(page, office)
            shot(page, office.https + "/", folder / f"{name}.png")
        page = opened(browser, 1000, 640)
        log_in(page, office)
        page.get_by_role("heading", name="How much went out").scroll_into_view_if_needed()
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.screenshot(path=folder / "box.png", animations="disabled")
        browser.close()


def opened(browser: Browser, width: int, height: int, dark: bool = False) -> Page:
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    return browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, ignore_https_errors=True)


def shot(page: Page, address: str, path: Path) -> None:
    page.goto(address)
    page.screenshot(path=path, animations="disabled")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, running(Path(work)) as office:
        pictures(office, folder, a_day(office))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
