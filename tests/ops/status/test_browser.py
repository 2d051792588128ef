"""The status page in a real browser: it refreshes by itself, and says when it cannot."""

import re
import shutil
import threading

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from pymongo.errors import AutoReconnect
from status_kit import fill_launchpad

from tm23flows.ops.status.overview import Observer
from tm23flows.ops.status.server import make_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 300_000
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: install Debian's package"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        # No sandbox inside containers; nothing foreign is opened.
        running = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        yield running
        running.close()


class Work:
    """A launchpad with jobs, the page on it, and a database that can go away."""

    def __init__(self, archive, launchpad, folder):
        self.launchpad, self.folder = launchpad, folder
        self.observer = Observer(archive, launchpad=launchpad.name)
        self.away = False
        fill_launchpad(launchpad, folder)
        self.server = make_server(self.look, 0, every_s=1)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def look(self):
        if self.away:
            raise AutoReconnect("connection closed")
        return self.observer.look()

    def stop(self):
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()


@pytest.fixture
def work(archive, launchpad, tmp_path):
    work = Work(archive, launchpad, tmp_path)
    yield work
    work.stop()


@pytest.fixture
def open_page(browser, work):
    opened = []

    def at(width, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(work.address)
        opened.append(context)
        return page

    yield at
    for context in opened:
        context.close()


def wait_for_text(page, text):
    page.wait_for_function(
        "text => document.body.innerText.includes(text)", arg=text, timeout=PATIENCE_MS
    )


def test_numbers_change_without_a_reload(open_page, work):
    page = open_page(1280)
    page.evaluate("window.stays = 'the same page'")
    titanium = page.locator("th", has_text=re.compile("^Ti$"))
    cell = page.locator("#metals tbody tr").filter(has=titanium).locator("td").first
    assert cell.inner_text().split() == ["0", "of", "1"]
    run_all(work.launchpad, work.folder)
    page.wait_for_function(
        "() => [...document.querySelectorAll('#metals tbody tr')].some("
        "row => row.innerText.startsWith('Ti') && row.innerText.includes('1 of 1'))",
        timeout=PATIENCE_MS,
    )
    assert page.evaluate("window.stays") == "the same page"
    work.launchpad.add_wf(Workflow([job("Os labels", "builtins.MemoryError", "x", "Os")]))
    run_all(work.launchpad, work.folder)
    wait_for_text(page, "tm23 rerun --where class=memory")
    assert page.complaints == []


def test_a_database_that_is_away_and_comes_back(open_page, work):
    page = open_page(1280)
    work.away = True
    wait_for_text(page, "The database is away.")
    assert page.locator("#metals").is_visible()
    work.away = False
    page.wait_for_function(
        "() => !document.body.innerText.includes('The database is away.')", timeout=PATIENCE_MS
    )
    assert page.complaints == []


def test_a_server_that_is_gone_is_said(open_page, work):
    page = open_page(1280)
    assert not page.locator("#gone").is_visible()
    work.stop()
    page.wait_for_selector("#gone:visible", timeout=PATIENCE_MS)
    assert "does not answer any more" in page.inner_text("#gone")
    assert page.locator("#metals").is_visible()


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(open_page, width, scheme):
    page = open_page(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints == []
    pairs = page.evaluate(CONTRASTS)
    assert len(pairs) > 10
    assert min(pairs) >= 4.5


CONTRASTS = """() => {
  const light = text => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!color.startsWith("rgba(0, 0, 0, 0")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("h1, h2, th, td, span, b, li, a, p, footer, code")]
    .filter(node => node.innerText && node.offsetParent)
    .map(node => [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a))
    .map(([high, low]) => (high + 0.05) / (low + 0.05));
}"""


def test_without_scripts_everything_is_there(open_page):
    page = open_page(1280, java_script_enabled=False)
    assert page.locator("#metals tbody tr").count() == 2
    assert page.locator("#failures").is_visible()
