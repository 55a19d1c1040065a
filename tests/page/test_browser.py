"""What a person does with the page, in Debian's Chromium: finds a scan, logs in, retries, acknowledges; and what an
attacker tries. Accessible, without scripts, dark, on a phone."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.page.browser import ARGUMENTS, CHROMIUM, log_in
from tests.page.look import a_day
from tests.page.office import PROBE, Office, running


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with running(tmp_path_factory.mktemp("office"), probe=PROBE) as made:
        made.waiting = a_day(made)
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(ignore_https_errors=True)
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose scripts raise nothing, that breaks no policy and asks nobody but the box."""
    trouble: list[str] = []
    made = context.new_page()
    made.on("pageerror", lambda error: trouble.append(str(error)))
    made.on("console", lambda each: trouble.append(each.text) if "Content Security" in each.text else None)
    made.on("request", lambda each: None if "://127.0.0.1:" in each.url else trouble.append(each.url))
    yield made
    assert not trouble


def rows(page: Page) -> list[str]:
    return page.locator("#mail li").all_inner_texts()


def test_somebody_at_the_copier_sees_that_the_scan_went_and_no_more(page: Page, office: Office) -> None:
    page.goto(office.http + "/")
    assert "Did my scan go?" in page.inner_text("main")
    page.get_by_label("Device").fill("Copier, 2nd floor")
    page.get_by_role("button", name="Search").click()
    assert rows(page) and all("Copier, 2nd floor" in row for row in rows(page))
    assert {"Delivered", "Not delivered", "Waiting to try again"} <= set(page.locator("#mail .state").all_inner_texts())
    assert "pretend.example" not in page.content() and page.get_by_label("Address").count() == 0


def test_the_person_in_charge_searches_and_reads_every_attempt(page: Page, office: Office) -> None:
    log_in(page, office)
    page.get_by_label("Address").fill("otto@grey")
    page.get_by_role("button", name="Search").click()
    assert len(rows(page)) == 1 and "greylisted, come again" in rows(page)[0] and "Next attempt" in rows(page)[0]
    page.get_by_role("link", name="otto@grey.pretend.example").click()
    attempts = page.locator("#recipients tbody tr").all_inner_texts()
    assert attempts and all("451 4.7.1 greylisted" in each and "mail.grey.pretend.example" in each for each in attempts)
    page.goto(office.https + "/?since=2001-01-01T00:00&until=2001-01-02T00:00")
    assert rows(page) == [] and "Nothing found" in page.inner_text("#mail")


def test_what_remote_servers_say_is_text_and_runs_nothing(page: Page, office: Office) -> None:
    log_in(page, office)
    page.goto(office.https + "/?address=nobody@strict")
    assert "<script>document.title='owned'</script>" in page.inner_text("#mail")
    assert "owned" not in page.title() and page.locator("#mail img, #mail script").count() == 0


def test_retry_hold_and_release_do_what_they_say(page: Page, office: Office) -> None:
    log_in(page, office)
    page.goto(office.https + f"/message/{office.waiting}")
    before = page.locator("#recipients tbody tr").count()
    page.get_by_role("button", name="Try now").click()
    assert "It is tried now" in page.inner_text("main")
    page.locator("#recipients tbody tr").nth(before).wait_for()  # arrives by itself: the live update
    page.get_by_role("button", name="Hold").click()
    assert "On hold" in page.inner_text("#headline")
    page.get_by_role("button", name="Let it go").click()
    assert "On hold" not in page.inner_text("#headline")


def test_live_updates_show_what_happened_meanwhile(page: Page, office: Office) -> None:
    page.goto(office.http + "/")
    page.evaluate("window.sameDocument = true")
    before = page.inner_text("#box")
    office.send("anna@friendly.pretend.example", "while you look", "127.0.0.22")
    page.locator("#mail li").first.get_by_text("Mail from Alarm panel").wait_for()
    assert page.evaluate("window.sameDocument") and page.inner_text("#box") != before


def test_acknowledge_and_a_test_message(page: Page, office: Office) -> None:
    log_in(page, office)
    assert "could not be delivered" in page.inner_text("#headline")
    page.get_by_role("button", name="Acknowledge").click()
    assert "Acknowledged" in page.inner_text("main") and page.locator("#bounces section").count() == 0
    assert "could not be delivered" not in page.inner_text("#headline")
    page.get_by_text("Send a test message").click()
    page.get_by_label("To", exact=True).last.fill("maria@friendly.pretend.example")
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#headline").get_by_text("Delivered").wait_for()
    assert "maria@friendly.pretend.example" in page.inner_text("#recipients")


def test_a_message_can_be_given_up_and_downloaded(page: Page, office: Office) -> None:
    queue_id = office.send("otto@grey.pretend.example", "not any more")
    office.until(office.settled, "the attempt")
    log_in(page, office)
    page.goto(office.https + f"/message/{queue_id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert b"Subject: not any more" in Path(download.value.path()).read_bytes()
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    assert "Deleted" in page.inner_text("#headline")


def test_files_pass_after_login(page: Page, office: Office, tmp_path: Path) -> None:
    log_in(page, office)
    page.get_by_role("link", name="Files").click()
    page.get_by_label("Passphrase").fill("correct horse")
    page.get_by_label("The same again").fill("correct horse")
    with page.expect_download() as backup:
        page.get_by_role("button", name="Download a backup").click()
    assert Path(backup.value.path()).read_text().startswith("-----BEGIN OUTBOX BACKUP-----")
    with page.expect_download() as support:
        page.get_by_role("link", name="Download the support file").click()
    assert "== version" in Path(support.value.path()).read_text()
    with page.expect_download() as certificate:
        page.get_by_role("link", name="Download the certificate").click()
    assert "PRIVATE" not in Path(certificate.value.path()).read_text()
    (tmp_path / "new.raucb").write_bytes(b"no bundle" * 100_000)
    page.get_by_label("Update file").set_input_files(tmp_path / "new.raucb")
    page.get_by_role("button", name="Install").click()
    page.locator("#update").get_by_text("only the box itself can do that").wait_for()


def test_a_foreign_page_cannot_use_the_login(context: BrowserContext, page: Page, office: Office) -> None:
    log_in(page, office)
    foreign = context.new_page()
    form = f'<form method="post" action="{office.https}/flush"><button>go</button></form>'
    foreign.route("**/foreign", lambda route: route.fulfill(content_type="text/html", body=form))
    foreign.goto(office.http.replace("127.0.0.1", "localhost") + "/foreign")
    with foreign.expect_response("**/flush") as answer:
        foreign.get_by_role("button").click()
    assert answer.value.status == 403
    token = page.locator('input[name="csrf"]').first.get_attribute("value")
    for fields, code in (({"csrf": "0" * 32}, 403), ({}, 403), ({"csrf": token}, 200)):
        said = page.evaluate(
            "async fields => (await fetch('/flush', {method: 'POST', body: new URLSearchParams(fields)})).status",
            fields,
        )
        assert said == code, fields


def test_a_foreign_name_for_the_boxs_address_is_refused(office: Office) -> None:
    for path in ("/", "/api/status", "/metrics"):
        asked = urllib.request.Request(office.http + path, headers={"Host": "rebound.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=5)
        with refused.value as answer:
            assert answer.code == 421


def test_all_works_without_scripts(browser: Browser, office: Office) -> None:
    context = browser.new_context(java_script_enabled=False, ignore_https_errors=True)
    page = context.new_page()
    log_in(page, office)
    page.get_by_label("Device").fill("Till 1")
    page.get_by_role("button", name="Search").click()
    assert rows(page) and all("Till 1" in row for row in rows(page))
    page.get_by_role("button", name="Try all waiting mail now").click()
    assert "All waiting mail is tried now" in page.inner_text("main")
    page.get_by_role("button", name="Log out").click()
    assert page.get_by_role("link", name="Log in").count() == 1
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, office: Office, scheme: str) -> None:
    dark = scheme == "dark"
    context = browser.new_context(ignore_https_errors=True, color_scheme="dark" if dark else "light")
    context.set_default_timeout(15_000)
    page, found = context.new_page(), []
    for login in (False, True):
        if login:
            log_in(page, office)
        for path in ("/", f"/message/{office.waiting}", "/devices", "/words", "/login", "/files", "/nowhere"):
            page.goto(office.https + path)
            results = Axe().run(page)
            found += [
                f"{path}: {each['id']} {each['nodes'][0]['html'][:200]}" for each in results.response["violations"]
            ]
    context.close()
    assert not found


def test_it_can_be_used_by_keyboard_alone(page: Page, office: Office) -> None:
    page.goto(office.https + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    seen = []
    for _ in range(25):
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")
    assert "device" in seen and "Search" in seen
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_dark_is_dark_and_a_phone_needs_no_sideways_scrolling(browser: Browser, office: Office) -> None:
    phone = {"width": 360, "height": 740}
    context = browser.new_context(viewport=phone, color_scheme="dark", ignore_https_errors=True)  # type: ignore[arg-type]
    page = context.new_page()
    log_in(page, office)
    for path in ("/", f"/message/{office.waiting}", "/devices", "/words", "/files"):
        page.goto(office.https + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert all(int(each) < 40 for each in background[4:-1].split(","))
    context.close()


def test_a_dead_relay_is_said_and_the_page_lives(page: Page, office: Office) -> None:
    """The last one: it ends the relay."""
    page.goto(office.http + "/")
    office.end("relay")
    page.locator("#headline").get_by_text("The relay does not answer").first.wait_for()
    with pytest.raises(urllib.error.HTTPError) as refused:
        office.asked("/readyz")
    with refused.value as answer:
        assert answer.code == 503
    assert office.asked("/healthz") == "ok\n"
    assert office.end("page") == 0
