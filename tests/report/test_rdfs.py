"""g(r) of the runs of the demonstration, and what is said where there is none."""

import numpy as np
import pytest

from tm23flows.documents.structure import Structure
from tm23flows.report.quantities import NOT_THERE
from tm23flows.report.rdfs import COLUMNS, MOST_FRAMES, draw, drawings, measured, rows, table
from tm23flows.report.records import trajectories
from tm23flows.science.rdf import radial_distribution
from tm23flows.store.trajectories import read_segments


def test_each_run_has_its_g_without_its_beginning(road):
    found = measured(road, trajectories(road))
    assert [one.run.regime for one in found] == ["cold", "warm", "melt"]
    one = found[2]
    positions = np.concatenate([part["positions"] for part in read_segments(road, one.run)])
    n = len(positions)
    assert n == one.run.n_steps < MOST_FRAMES
    cell = road.get(Structure, one.run.structure_id).cell
    expected = radial_distribution(positions[int(0.1 * n) :], cell)
    np.testing.assert_allclose(one.rdf.g, expected.g)


def test_long_runs_are_thinned_out_over_segments(road, monkeypatch):
    run = trajectories(road)[0]
    every = -(-run.n_steps // 10)
    monkeypatch.setattr("tm23flows.report.rdfs.MOST_FRAMES", 10)
    (one,) = measured(road, [run])
    frames = len(range(0, run.n_steps, every))
    assert one.rdf.n_frames == frames - int(0.1 * frames)


def test_a_metal_has_one_figure_and_a_run_one_row(road):
    runs = trajectories(road)
    (drawing,) = drawings(road, runs)
    assert drawing.title == "Radial distribution functions of the Cu runs"
    assert b"</svg>" in drawing.svg
    found = measured(road, runs)
    made = table(found)
    assert made.documents == tuple(run.id for run in runs)
    assert [row[:2] for row in made.rows] == [("Cu", "cold"), ("Cu", "warm"), ("Cu", "melt")]
    assert {len(row) for row in made.rows} == {len(COLUMNS)}
    numbers = rows(found)
    assert numbers[0]["melting"] == "unclear"  # 240 fs
    assert numbers[0]["min_over_max"] == pytest.approx(float(made.rows[0][-2]), abs=1e-3)


def test_runs_with_too_few_steps_are_rows_without_a_figure(road):
    run = trajectories(road)[0]
    short = run.model_copy(update={"segments": run.segments[:1]})
    first = next(read_segments(road, short))["step"]
    found = measured(road, [short, run.model_copy(update={"segments": ()})])
    assert len(found) == 1
    if len(first) < 8:
        assert found[0].rdf is None
        assert draw(found) == []
        assert "too few" in table(found).rows[0][5]
        assert table(found).rows[0][-2:] == (NOT_THERE, NOT_THERE)
