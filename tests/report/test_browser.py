"""The page in a real browser: nothing on the console, links that work, phone and print."""

import shutil

import pytest

from tm23flows.report.page import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: install Debian's package"),
    # Chromium, the archive and the page take their time.
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        # No sandbox inside containers; nothing foreign is opened.
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(world, tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "index.html"
    return write_report(world.archive, path).as_uri()


@pytest.fixture
def open_page(browser, address):
    """A function that opens the page offline and keeps what the browser complains of."""
    opened = []

    def at(width, height=900):
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, accept_downloads=True
        )
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: page.complaints.append(request.url[:80]))
        page.goto(address)
        opened.append(context)
        return page

    yield at
    for context in opened:
        context.close()


def test_it_opens_offline_without_a_word_on_the_console(open_page, tmp_path):
    page = open_page(1200)
    assert page.complaints == []
    assert "Cu" in page.title()
    picture = tmp_path / "page.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 50_000
    # every figure was decoded and has a size
    sizes = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert len(sizes) > 4
    assert min(sizes) > 0


def test_every_link_leads_to_something_that_can_be_seen(open_page):
    page = open_page(1200)
    links = page.eval_on_selector_all("a[href^='#']", "all => all.map(one => one.hash.slice(1))")
    assert len(links) > 10
    missing = page.evaluate("ids => ids.filter(id => !document.getElementById(id))", links)
    assert missing == []
    page.click("#errors a.past")
    target = page.locator(":target")
    assert target.is_visible()
    assert "evaluations" in target.inner_text()
    assert page.complaints == []


def test_a_table_can_be_saved(open_page, tmp_path):
    page = open_page(1200)
    with page.expect_download() as waiting:
        page.click("#cost a.csv >> nth=0")
    saved = tmp_path / "table.csv"
    waiting.value.save_as(saved)
    assert waiting.value.suggested_filename == "labels.csv"
    assert saved.read_text().startswith("metal,recipe,labels")


def test_a_phone_scrolls_down_and_not_sideways(open_page):
    page = open_page(390, 800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []


def test_it_prints(open_page, tmp_path):
    page = open_page(1200)
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
    paper = tmp_path / "page.pdf"
    page.pdf(path=paper, format="A4")
    assert paper.read_bytes().startswith(b"%PDF")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
