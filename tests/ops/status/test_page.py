"""The page: everything is there, escaped, and nothing comes from elsewhere."""

import re
from html.parser import HTMLParser

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from status_kit import claimed, fill_launchpad

from tm23flows.ops.launchpad import open_launchpad
from tm23flows.ops.status.overview import Observer
from tm23flows.ops.status.page import SCRIPT, STYLE, policy, render
from tm23flows.store.archive import Archive

EVIL = "<script>alert(1)</script>"


class Parsed(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def view(database_server, tmp_path_factory):
    archive = Archive.open(database_server.uri, "status-page")
    launchpad = open_launchpad(database_server.uri, "status-page-jobs")
    tmp_path = tmp_path_factory.mktemp("page")
    fill_launchpad(launchpad, tmp_path)
    launchpad.add_wf(Workflow([job(EVIL, "builtins.ValueError", EVIL, EVIL, EVIL)]))
    run_all(launchpad, tmp_path, most=3)
    claimed(archive, name=EVIL, element="Cu", stage="label", ago_s=1e5)
    return Observer(archive, launchpad=launchpad.name).look()


def test_words_of_jobs_are_only_words(view):
    page = render(view, EVIL, 10)
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert len(Parsed(page).named("script")) == 1


def test_the_table_is_one_that_can_be_read_aloud(view):
    parsed = Parsed(render(view, None, 10))
    heads = [one.get("scope") for one in parsed.named("th")]
    assert set(heads) == {"col", "row"}
    assert all(one["aria-label"] for one in parsed.named("svg"))
    assert parsed.named("html") == [{"lang": "en"}]
    regions = [one for one in parsed.named("div") if one.get("role") == "region"]
    ids = {one["id"] for _, one in parsed.tags if "id" in one}
    assert regions
    assert all(one["aria-labelledby"] in ids for one in regions)


def test_numbers_are_those_of_the_moment(view):
    text = " ".join(" ".join(Parsed(render(view, None, 10)).words).split())
    assert "Cu" in text
    assert "2 of 3 1 failed" in text
    assert "tm23 rerun --where class=database" in text
    assert "probably dead" in text
    assert f"{view.time:%H:%M:%S} UTC" in text
    assert "The database is away" not in text


def test_a_database_that_is_away_is_said_with_the_last_numbers(view):
    page = render(view, "AutoReconnect: gone", 10)
    assert "The database is away." in page
    assert "AutoReconnect: gone" in page
    assert "The numbers below are of" in page
    assert "<table" in page
    assert "<table" not in render(None, "gone", 10)


def test_nothing_is_loaded_from_anywhere_and_only_its_own_script_runs(view):
    page = render(view, None, 10)
    loading = [one for _, one in Parsed(page).tags if {"src", "srcset", "data"} & set(one)]
    assert loading == []
    assert re.findall(r"(?:https?:)?//[a-z]", page) == []
    assert [one["href"] for one in Parsed(page).named("a")] == ["/status.json"]
    assert " style=" not in page
    assert f"<style>{STYLE}</style>" in page
    assert f"<script>{SCRIPT}</script>" in page
    assert "'unsafe" not in policy()
    assert policy().startswith("default-src 'none'")
    assert "innerHTML" not in SCRIPT


def test_without_scripts_the_browser_comes_again(view):
    parsed = Parsed(render(view, None, 17))
    assert {"http-equiv": "refresh", "content": "17"} in parsed.named("meta")
