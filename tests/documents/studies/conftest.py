"""A metal with label sets, as plain fields."""

from __future__ import annotations

import pytest

from tm23flows.documents.studies.label_sets import Bounded, ChangeRow, ErrorsOfSet


@pytest.fixture
def set_fields():
    """A function that makes the fields of a label set; the first one has no change."""

    def fields(percent, change=None, verdict="falls", **given):
        here = Bounded(value=percent, low=percent - 0.5, high=percent + 0.5)
        row = None
        if change is not None:
            step = Bounded(value=change, low=change - 0.4, high=change + 0.4)
            row = ChangeRow(
                percent=step, percent_rms=step, percent_without_noise=step, verdict=verdict
            )
        force = ErrorsOfSet(
            mae=percent / 200,
            rmse=percent / 150,
            mav=0.5,
            percent=here,
            percent_rms=here,
            percent_without_noise=here,
            change=row,
        )
        ids = ("recipe_id", "dataset_id", "model_id", "evaluation_id")
        made = {name: f"{place + int(percent * 100):064x}" for place, name in enumerate(ids)}
        return {**made, "force": force, "noise": None, "response": None, **given}

    return fields


@pytest.fixture
def metal_fields():
    """Fields that every metal has."""
    return {
        "element": "Cu",
        "kmesh": (3, 3, 3),
        "kmesh_offset": (0.0, 0.0, 0.0),
        "convergence_id": None,
        "converged": False,
        "n_train": 36,
        "n_test": 12,
        "block_length": 1,
        "effective_frames": 12.0,
        "trusted": False,
        "verdict": "falls",
        "sentence": "It falls.",
    }
