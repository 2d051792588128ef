"""Files beside the report: every figure as SVG and PNG, every table as CSV."""

import csv

import pytest

from tm23flows.errors import InputError
from tm23flows.report.export import write_files
from tm23flows.report.page import read_content, write_report
from tm23flows.report.plotting import Drawing
from tm23flows.report.studies.section import Chapter, StudySection, StudyTable

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def written(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_report(world.archive, folder / "index.html", files=folder / "files")
    return folder / "files"


def test_every_figure_is_there_in_both_formats(written, world):
    content = read_content(world.archive)
    n_figures = len(content.drawings) + sum(
        len(section.drawings) for chapter in content.chapters for section in chapter.sections
    )
    svgs, pngs = (sorted((written / "figures").glob(f"*.{kind}")) for kind in ("svg", "png"))
    assert len(svgs) == len(pngs) == n_figures > 3
    assert [one.stem for one in svgs] == [one.stem for one in pngs]
    assert all(one.read_bytes().startswith(PNG) for one in pngs)
    assert all(b"</svg>" in one.read_bytes() for one in svgs)


def test_every_table_is_there_with_the_documents_of_its_rows(written, world):
    for chapter in read_content(world.archive).chapters:
        for section in chapter.sections:
            assert section.tables
    (cost,) = (written / "tables").glob("cost-cost-trainings*.csv")
    rows = list(csv.DictReader(cost.open()))
    assert {row["document"] for row in rows} == {e.model_id for e in world.evaluations.values()}


def test_two_of_one_title_do_not_overwrite_each_other(tmp_path):
    table = StudyTable("Same, same", ("a",), [("1",)])
    section = StudySection("S", (), (table, table), (Drawing("F", "", b"<svg/>", 1.0),) * 2)
    names = [one.name for one in write_files(tmp_path, (), [Chapter("c", "C", (section,))])]
    assert names == ["f.svg", "f-2.svg", "c-s-same-same.csv", "c-s-same-same-2.csv"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(InputError, match="choose another folder"):
        write_files(tmp_path, [Drawing("F", "", b"<svg/>", 1.0)], ())
