"""Figures of runs with models: a panel for each temperature, and none without numbers."""

from __future__ import annotations

import pytest

from tm23flows.documents.studies.molecular_dynamics import (
    DiffusionRow,
    MeltingRow,
    RunFailureRow,
    RunRow,
)
from tm23flows.report.studies.molecular_dynamics_figures import draw_displacements, draw_rdfs

NOTHING = dict.fromkeys(
    ("temperature_std_K", "drift_meV_per_atom_per_ps", "min_distance_A", "rdf_difference")
)


def row(model_id, **fields):
    given = {
        **NOTHING,
        "element": "Cu",
        "regime": "cold",
        "temperature_K": 339.5,
        "temperature_mean_K": 340.0,
        "dataset_id": "d",
        "is_reference": model_id is None,
        "model_id": model_id,
        "trajectory_id": "t",
        "reference_id": None,
        "n_atoms": 31,
        "asked_steps": 100,
        "n_steps": 100,
        "timestep_fs": 5.0,
        "failure": None,
        "g": (0.0, 1.5, 1.0),
        "rdf_frames": 90,
        "melting": MeltingRow(verdict=None, min_over_max=None, moved_share=None, reason="short"),
        "msd_ps": (0.1, 0.2),
        "msd_A2": (0.01, 0.02),
        "diffusion": DiffusionRow(value_A2_per_ps=None, reason="short"),
    }
    return RunRow(**{**given, **fields})


def test_figures_have_a_panel_for_each_temperature():
    names = {"m": "nequip"}
    rows = [row(None), row("m"), row(None, regime="melt"), row("m", regime="melt")]
    assert b"</svg>" in draw_rdfs((0.5, 1.5, 2.5), rows, names).svg
    wide = draw_displacements(rows, names)
    assert wide.width_in == pytest.approx(2 * draw_displacements(rows[:2], names).width_in)


def test_without_numbers_there_is_no_figure():
    nothing = row(None, g=None, msd_ps=(), msd_A2=())
    assert draw_rdfs((0.5,), [nothing], {}) is None
    assert draw_displacements([nothing], {}) is None


def test_a_failed_run_says_so_in_the_legend():
    lost = RunFailureRow(kind="too hot", step=9, time_ps=0.04, reason="hotter than 900 K")
    rows = [row(None), row("m", failure=lost)]
    figure = draw_rdfs((0.5, 1.5, 2.5), rows, {"m": "a $ b"}).figure
    legend = figure.axes[0].get_legend().get_texts()
    assert [one.get_text() for one in legend] == ["labels", r"a \$ b, failed"]
