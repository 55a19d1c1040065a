"""`python -m tests.page.look FOLDER`: the pictures of docs/screens, from an office made for them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.browser import ARGUMENTS, CHROMIUM, log_in
from tests.page.office import Office, running


def a_morning(office: Office) -> None:
    """Mail that arrives."""
    office.send("office@friendly.pretend.example", "Daily closing", "127.0.0.24", "till", 20_000)
    office.send("maria@friendly.pretend.example", "Backup finished", "127.0.0.23", "nas", 3000)
    office.send("anna@friendly.pretend.example", "Scan: invoice 4711")
    office.until(office.settled, "the morning's mail")


def a_day(office: Office) -> str:
    """Mail of each kind; the id of one that waits."""
    a_morning(office)
    office.send("nobody@strict.pretend.example", "Scan: offer for Mr Huber")
    waiting = office.send("otto@grey.pretend.example", "Scan: signed contract")
    office.send("anna@friendly.pretend.example", "Scan: passport copy")
    office.until(office.settled, "the day's mail")
    return waiting


def pictures(office: Office, folder: Path) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        a_morning(office)
        page = opened(browser, 1000, 760)
        log_in(page, office)
        shot(page, office.https + "/", folder / "mail.png")
        waiting = a_day(office)
        page.goto(office.https + f"/message/{waiting}")
        for count in (2, 3):
            page.get_by_role("button", name="Try now").click()
            page.locator("#recipients tbody tr").nth(count - 1).wait_for()
        shot(page, office.https + f"/message/{waiting}", folder / "message.png")
        shot(page, office.https + "/devices", folder / "devices.png")
        page.goto(office.https + "/")
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.screenshot(path=folder / "box.png", animations="disabled")
        shot(opened(browser, 1000, 760), office.http + "/", folder / "anonymous.png")
        for name, width, height, dark in (("dark", 1000, 760, True), ("phone", 390, 844, False)):
            page = opened(browser, width, height, dark)
            log_in(page, office)
            shot(page, office.https + "/", folder / f"{name}.png")
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
        pictures(office, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
