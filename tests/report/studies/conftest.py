"""Label sets in a study: rows with numbers that are known, and densities of states to draw."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.studies.label_sets import (
    Bounded,
    ChangeRow,
    ErrorsOfSet,
    NoiseRow,
    ResponseRow,
)
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.science.spectrum import Spectrum
from tm23flows.store.archive import Archive

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def archive(database_server):
    """An empty archive; that of the whole report is not needed here."""
    return Archive.open(database_server.uri, f"test-{uuid.uuid4().hex[:8]}")


def bounded(value, spread=0.5):
    return Bounded(value=value, low=value - spread, high=value + spread)


@pytest.fixture
def set_fields():
    """A function that makes the fields of a label set with this percent error."""

    def fields(percent, change=None, verdict="falls", noise=1.5, **given):
        row = None
        if change is not None:
            row = ChangeRow(
                percent=bounded(change, 0.4),
                percent_rms=bounded(change, 0.4),
                percent_without_noise=bounded(change, 0.4),
                verdict=verdict,
            )
        force = ErrorsOfSet(
            mae=percent / 200,
            rmse=percent / 150,
            mav=0.5,
            percent=bounded(percent),
            percent_rms=bounded(percent * 1.3),
            percent_without_noise=bounded(percent * 1.2),
            change=row,
        )
        response = None
        if change is not None:
            response = ResponseRow(
                radial=bounded(0.03, 0.002),
                angular=bounded(0.071, 0.004),
                difference=bounded(0.041, 0.003),
                excess=bounded(0.011, 0.005),
                n_frames=48,
                n_atoms=336,
                block_length=2,
                effective_frames=20.0,
                trusted=False,
            )
        there = None
        if noise is not None:
            there = NoiseRow(
                label_ids=("d" * 64,),
                kmesh=(5, 5, 5),
                kmesh_offset=(0.0, 0.0, 0.0),
                n_frames=3,
                mae=noise / 200,
                rms=noise / 150,
                largest=noise / 50,
                percent=noise,
            )
        ids = ("recipe_id", "dataset_id", "model_id", "evaluation_id")
        made = {name: f"{place + int(percent * 100):064x}" for place, name in enumerate(ids)}
        return {**made, "force": force, "noise": there, "response": response, **given}

    return fields


@pytest.fixture
def set_metal():
    """A function that makes the fields that every metal has."""

    def fields(element="Cu", **given):
        return {
            "element": element,
            "kmesh": (3, 3, 3),
            "kmesh_offset": (0.0, 0.0, 0.0),
            "convergence_id": "c" * 64,
            "converged": True,
            "n_train": 36,
            "n_test": 12,
            "block_length": 1,
            "effective_frames": 12.0,
            "trusted": False,
            "verdict": "falls",
            "sentence": f"{element}: it falls.",
            **given,
        }

    return fields


@pytest.fixture
def store_densities(archive, make_frame):
    """A function that stores densities of states under a recipe and returns their ids."""

    def store(count=2, **words):
        recipe = Recipe(engine="gpaw", **words)
        made = [_density(archive, make_frame(seed=seed), recipe) for seed in range(count)]
        archive.put(*made)
        return tuple(one.id for one in made)

    return store


def _density(archive, frame, recipe):
    spectrum = Spectrum(
        eigenvalues_eV=np.linspace(-5, 3, 9)[None] + 0.1 * recipe.sigma_eV,
        weights=np.ones(1),
        occupations=np.array([[1.0] * 5 + [0.0] * 4]),
        projections=np.full((1, 9, 3), 0.3),
        fermi_eV=0.0,
        electrons=10.0,
    )
    return DensityOfStates(
        provenance=Provenance.now(),
        frame_id=frame.id,
        recipe=recipe,
        recipe_id=recipe.id,
        element=frame.element,
        regime="melt",
        n_atoms=2,
        electrons=10.0,
        fermi_eV=0.0,
        window_eV=D_WINDOW_EV,
        window_complete=True,
        d_band_centre_eV=-1.0,
        d_band_width_eV=1.0,
        d_filling=0.5,
        spectrum=archive.blobs.put_arrays(**spectrum.to_arrays()),
    )
