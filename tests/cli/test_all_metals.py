"""The whole of TM23 as a folder of workflows, with an index that says what is in it."""

import csv
import hashlib
import sys

import pytest
from fireworks import LaunchPad, Workflow

from tm23flows.cli.all_metals import INDEX, named_metals, sum_line, write_folder
from tm23flows.cli.main import main
from tm23flows.errors import InputError
from tm23flows.flows.scales import make_tm23
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.science.metals import METALS


def read_index(folder):
    with (folder / INDEX).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The whole paper as files, made once."""
    folder = tmp_path_factory.mktemp("whole") / "paper"
    words = ["build", "all", "--engine", "vasp", "--scale", "paper", "-o", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tm23", *words, "--format", "json"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return folder


@pytest.mark.slow
def test_every_metal_has_a_file_and_a_line(paper):
    rows = read_index(paper)
    assert [row["metal"] for row in rows] == list(METALS)
    assert {one.name for one in paper.iterdir()} == {INDEX, *(row["file"] for row in rows)}
    for row in rows:
        data = (paper / row["file"]).read_bytes()
        assert int(row["bytes"]) == len(data)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert (int(row["steps"]), int(row["frames"])) == (33_000, 3000)
        assert int(row["labels"]) > 3000  # those for the test of the k-mesh
        stages = [int(count) for name, count in row.items() if name.endswith(" jobs")]
        assert sum(stages) == int(row["jobs"])
        assert int(row["largest document bytes"]) < 100_000  # of the 16 MB of MongoDB


@pytest.mark.slow
def test_a_file_is_the_workflow_of_its_line(paper):
    row = next(row for row in read_index(paper) if row["metal"] == "Hg")
    workflow = Workflow.from_file(str(paper / row["file"]))
    assert len(workflow.fws) == int(row["jobs"])
    assert {one.spec["tm23"]["element"] for one in workflow.fws} == {"Hg"}
    assert "tm23_plan" in workflow.metadata


def test_a_launchpad_takes_what_is_in_the_folder(own_server, tm23, tmp_path):
    """Two metals of the demonstration stand for all: what is added is a file."""
    folder = tmp_path / "two"
    rows = write_folder(
        ["Ti", "Cu"], lambda metal: make_tm23(metal, "demo", "emt").make(metal), folder, "x", "yaml"
    )
    launchpad: LaunchPad = open_launchpad(own_server.uri, "all-metals")
    (folder / "Cu_of_before.yaml").write_text("not one of them")
    for path in sorted(folder.glob("*_x.yaml")):  # what 'lpad add FOLDER/*_x.yaml' does
        launchpad.add_wf(Workflow.from_file(str(path)))
    assert launchpad.fireworks.count_documents({}) == sum(row["jobs"] for row in rows)
    assert sum_line(rows, folder).endswith(f"lpad add {folder}/*_x.yaml")


def test_a_folder_that_is_not_finished_has_no_index(tmp_path):
    folder = tmp_path / "some"

    def make(metal):
        if metal == "Cu":
            raise InputError("This one cannot be made.")
        return make_tm23(metal, "demo", "emt").make(metal)

    write_folder(["Ti"], make, folder, "x", "json")
    assert [row["metal"] for row in read_index(folder)] == ["Ti"]
    with pytest.raises(InputError, match="cannot be made"):
        write_folder(["Ti", "Cu"], make, folder, "x", "json")
    assert {one.name for one in folder.iterdir()} == {"Ti_x.json"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("all", "Cu"), "leave the others out"),
        (("all", "--scale", "huge"), "There is no scale 'huge'"),
        (("all", "--format", "xml"), "There is no format 'xml'"),
        (("all", "--structure", "POSCAR"), "--structure is for one metal"),
    ],
)
def test_wrong_words_write_nothing(tm23, tmp_path, words, sentence):
    ran = tm23("build", *words, "-o", tmp_path / "folder")
    assert ran.code == 2
    assert sentence in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tm23, tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    ran = tm23("build", "all", "--engine", "emt", "-o", path)
    assert ran.code == 2
    assert "choose another" in ran.err
    assert path.read_text() == "mine"


def test_all_is_what_the_article_has():
    assert named_metals(["all"]) == list(METALS)
    assert named_metals(["Cu", "Ti"]) == ["Cu", "Ti"]


def test_all_is_planned_too(tm23):
    ran = tm23("plan", "all", "--engine", "emt", "--scale", "demo", "--json")
    assert ran.code == 0
    each = tm23("plan", "Hg", "--engine", "emt", "--scale", "demo", "--json").json
    assert len(METALS) / 2 * each["fireworks"] < ran.json["fireworks"]
