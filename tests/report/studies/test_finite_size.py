"""The finite-size study as it is shown: sentences, tables and the figure."""

import re
from xml.etree import ElementTree as ET

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.studies.finite_size import (
    CutoffRow,
    FiniteSizeMetal,
    FiniteSizeResults,
    GridPoint,
)
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.study import Study
from tm23flows.report.studies.finite_size import VERDICTS, draw_cutoffs, section

REASON = "cutoff_A=4 nmax=9 has the minimum force MAE <script>."


class FakeArchive:
    """Gives the one grid search that is asked for."""

    def get(self, kind, key):
        assert (kind, key) == (GridSearch, "the-grid")
        return type("Grid", (), {"reason": REASON})()


def point(cutoff, nmax, lmax, error):
    mae = None if error is None else error / 100
    return GridPoint(
        cutoff_A=cutoff, nmax=nmax, lmax=lmax, force_mae_eV_per_A=mae, force_percent=error
    )


def metal(**fields):
    points = (
        point(4.0, 9, 4, 5.0),
        point(4.0, 9, 8, 4.5),
        point(8.0, 9, 4, 6.5),
        point(11.0, 14, 4, None),
    )
    rows = (
        CutoffRow(cutoff_A=4.0, point=1, force_percent=Bounded(value=4.5, low=4.0, high=5.0),
                  change=None, has_copies=False),
        CutoffRow(cutoff_A=8.0, point=2, force_percent=Bounded(value=6.5),
                  change=Bounded(value=2.0, low=1.25, high=2.75), has_copies=True),
    )  # fmt: skip
    given = {
        "element": "Os", "regime": "melt", "temperature_K": 4132.5, "structure_id": "s",
        "dataset_id": "d", "grid_id": "the-grid", "n_atoms": 640, "has_vacancy": False,
        "image_distance_A": 21.63, "smallest_width_A": 18.98, "n_train": 200, "n_test": 50,
        "spacing_fs": 50.0, "points": points, "best": 1, "cutoffs": rows, "verdict": "shortest",
    }  # fmt: skip
    return FiniteSizeMetal(**{**given, **fields})


def shown(**fields):
    study = Study(
        provenance=Provenance.now(),
        elements=("Os",),
        settings={"resampling": {"level": 0.9}},
        parents={"datasets": ("d",)},
        results=FiniteSizeResults(metals=(metal(**fields),)),
    )
    return section(FakeArchive(), study)


def test_the_sentences_say_what_was_measured_and_no_more():
    words = " ".join(shown().answer)
    assert "640 atoms without a vacancy at 4132.5 K; 200 training and 50 test frames" in words
    assert "50 fs apart" in words
    assert "environments up to 10.81 Å hold no periodic copies" in words
    assert "r_max 4 Å, n_max 9, l_max 8 with a force error of 4.50 %" in words
    assert VERDICTS["shortest"] in words
    assert REASON in words


@pytest.mark.parametrize("verdict", ["longer", "unresolved"])
def test_a_null_result_is_said(verdict):
    found = shown(verdict=verdict, spacing_fs=None, temperature_K=None, has_vacancy=True)
    words = " ".join(found.answer)
    assert VERDICTS[verdict] in words
    assert VERDICTS["shortest"] not in words
    assert "with one vacancy; 200" in words


def test_the_tables():
    by_cutoff, by_point = shown().tables
    assert [row[0] for row in by_cutoff.rows] == ["4", "8"]
    assert by_cutoff.rows[0] == ("4", "9, 8", "45.0", "4.50 (4.00 to 5.00)", "-", "no")
    assert by_cutoff.rows[1][3:] == ("6.50", "+2.00 (+1.25 to +2.75)", "yes")
    assert "90 %" in by_cutoff.note
    assert by_point.rows[3] == ("11", "14", "4", "-", "-")
    for table in (by_cutoff, by_point):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_panel_for_each_n_max_and_a_line_for_each_l_max():
    drawing = draw_cutoffs(metal())
    root = ET.fromstring(drawing.svg)
    groups = [one.get("id") or "" for one in root.iter("{http://www.w3.org/2000/svg}g")]
    assert sum(bool(re.fullmatch(r"axes_\d+", one)) for one in groups) == 2
    assert "640 atoms" in drawing.title
    assert "sequence" in drawing.title


def test_the_limit_of_copies_is_drawn_only_where_cutoffs_come_near():
    near = draw_cutoffs(metal()).svg.count(b"stroke-dasharray: 4.44,1.92")
    far = draw_cutoffs(metal(image_distance_A=90.0)).svg.count(b"stroke-dasharray: 4.44,1.92")
    assert near == 2
    assert far == 0


def test_another_study_is_not_shown():
    with pytest.raises(TypeError, match="no finite-size study"):
        section(FakeArchive(), type("Other", (), {"results": None, "id": "x"})())
