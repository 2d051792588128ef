"""The figures about runs and labels."""

import numpy as np

from tm23flows.report.data_figures import draw_recipes, draw_trajectories
from tm23flows.report.quantities import number_text
from tm23flows.report.records import datasets, trajectories
from tm23flows.store.trajectories import read_segments


def test_the_worst_change_of_the_conserved_energy_is_said(road):
    runs = trajectories(road)
    worst = 0.0
    for run in runs:
        energy = np.concatenate([arrays["conserved"] for arrays in read_segments(road, run)])
        worst = max(worst, 1000 * np.abs(energy - energy[0]).max() / 7)
    drawing = draw_trajectories(road, runs)
    assert f"within {number_text(worst)} meV/atom" in drawing.caption
    assert drawing.title.endswith("Cu runs")


def test_runs_without_steps_are_not_drawn(road):
    empty = [run.model_copy(update={"segments": ()}) for run in trajectories(road)]
    assert draw_trajectories(road, empty) is None
    assert draw_trajectories(road, []) is None


def test_recipes_that_agree_exactly_need_no_figure(road):
    # EMT has no electrons: other meshes and widths change nothing.
    assert draw_recipes(road, datasets(road)[0]) is None


def test_recipes_that_differ_are_drawn(world):
    assert b"</svg>" in draw_recipes(world.archive, datasets(world.archive)[0]).svg
