"""The page: complete, self-contained, escaped, and drawn from the archive alone."""

import base64
import re
from html.parser import HTMLParser

import pytest

from tm23flows.errors import InputError, NotFoundError
from tm23flows.report.page import render_page, write_report
from tm23flows.report.tables import cells, error_rows, noise_rows
from tm23flows.store.archive import Archive

HOSTILE = "<script>alert('$x_')</script>"
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects what a browser would see, and tags that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(world, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "new" / "index.html"
    assert write_report(world.archive, path) == path
    assert [one.name for one in path.parent.iterdir()] == ["index.html"]
    return path.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_anywhere(page):
    reader = read(page)
    assert "http" not in page
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    sources = [value for name, value in reader.attributes if name in {"src", "href"}]
    inside = ("data:image/svg+xml;base64,", "data:text/csv;base64,", "#")
    assert sources
    assert all(value.startswith(inside) for value in sources)


def test_every_link_leads_somewhere(page):
    attributes = read(page).attributes
    anchors = [value for name, value in attributes if name == "id"]
    links = {value[1:] for name, value in attributes if name == "href" and value.startswith("#")}
    assert len(anchors) == len(set(anchors))
    assert links
    assert links <= set(anchors)


def test_every_error_leads_to_its_past(page, world):
    attributes = read(page).attributes
    links = [value for name, value in attributes if name == "href"]
    for evaluation in world.evaluations.values():
        assert f"#past-{evaluation.id[:8]}" in links
        # the past of a model ends at its dataset, which has its own
        assert f"#past-{evaluation.dataset_id[:8]}" in links


def test_every_figure_is_there(page):
    titles = [value for name, value in read(page).attributes if name == "alt"]
    assert titles == [
        "Predicted against labelled forces: Cu-demo, test",
        "Errors on Cu-demo, test",
        "Course of the training",
        "Force error by magnitude of the force: Cu-demo, test",
        "Radial distribution functions of the Cu runs",
        "The same frames under other recipes, Cu-demo",
        "Temperature and conserved energy of the Cu runs",
    ]
    for data in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page):
        assert b"</svg>" in base64.b64decode(data, validate=True)


def test_every_number_of_the_error_table_is_there(page, world):
    seen = " ".join(read(page).text)
    text = " ".join(seen.split())
    for row in [*error_rows(world.archive), *noise_rows(world.archive)]:
        assert " ".join(cells(row)) in text


def test_the_story_of_a_frame_and_the_traces_are_there(page, world):
    text = " ".join(" ".join(read(page).text).split())
    for evaluation in world.evaluations.values():
        assert evaluation.id[:8] in text
    assert "trajectory" in text
    assert "2x2x3, SIGMA 0.2 eV" in text
    # two evaluations, their models, three runs, the dataset, and the label of the story
    assert page.count('<span class="good">complete</span>') == 9
    assert "incomplete" not in text
    assert "effective-medium theory, not" in text
    assert "7 atoms" in text


def test_hostile_text_stays_text(page, world):
    pointers = world.archive.database["dataset_names"]
    assert HOSTILE in " ".join(read(page).text)
    assert "<script" not in page
    pointers.update_one({"name": "Cu-demo"}, {"$set": {"name": HOSTILE}})
    try:
        renamed = render_page(world.archive)
    finally:
        pointers.update_one({"name": HOSTILE}, {"$set": {"name": "Cu-demo"}})
    assert "<script" not in renamed
    assert "&lt;script&gt;" in renamed
    read(renamed)


def without_time(page):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page)


def test_it_is_made_again_from_the_archive_alone(page, world, monkeypatch, tmp_path):
    monkeypatch.setattr("tm23flows.engines.base.get_engine", None)
    monkeypatch.setattr("tm23flows.trainers.base.get_trainer", None)
    path = tmp_path / "index.html"
    path.write_text("the old one")
    write_report(world.archive, path)
    assert without_time(path.read_text(encoding="utf-8")) == without_time(page)


def test_the_road_without_models_is_reported(road):
    text = " ".join(" ".join(read(render_page(road)).text).split())
    assert "No model has been evaluated yet." in text
    assert "24 frames" in text


def test_one_dataset_by_name_or_id(world):
    by_id = without_time(render_page(world.archive, world.dataset.id))
    assert by_id == without_time(render_page(world.archive, "Cu-demo"))
    assert "Dataset Cu-demo" in by_id
    with pytest.raises(NotFoundError, match="no dataset 'Os'"):
        render_page(world.archive, "Os")


def test_a_missing_parent_is_named(world):
    frames = world.archive.database["structures"]
    stored = frames.find_one({})
    frames.delete_one({"_id": stored["_id"]})
    try:
        text = " ".join(" ".join(read(render_page(world.archive)).text).split())
    finally:
        frames.insert_one(stored)
    assert f"missing: document {stored['_id'][:8]}" in text
    assert "incomplete" in text


def test_predictions_that_are_gone_are_named_and_the_rest_is_shown(world):
    one, other = world.evaluations.values()
    files = world.archive.database["blobs.files"]
    stored = files.find_one({"_id": one.predictions})
    files.delete_one({"_id": stored["_id"]})
    try:
        page = render_page(world.archive)
    finally:
        files.insert_one(stored)
    assert f"missing: blob {one.predictions[:8]}" in page
    assert f'id="past-{one.id[:8]}"' in page
    assert f'id="past-{other.id[:8]}"' in page


def test_an_empty_archive_has_nothing_to_report(database, tmp_path):
    archive = Archive.open(database.uri, "tm23_empty")
    with pytest.raises(InputError, match="There is nothing to report yet; "):
        write_report(archive, tmp_path / "index.html")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_said_and_nothing_is_left(road, tmp_path):
    (tmp_path / "index.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report(road, tmp_path / "index.html")
    assert [one.name for one in tmp_path.iterdir()] == ["index.html"]
