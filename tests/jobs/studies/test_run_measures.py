"""One run measured: what is left out, what is believed, and what its numbers are."""

from __future__ import annotations

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.flows.studies.molecular_dynamics import MolecularDynamicsStudyMaker
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.studies.run_measures import measure_run, thinned
from tm23flows.science.diffusion import mean_square_displacement
from tm23flows.science.melting import judge_melting
from tm23flows.science.rdf import halves, radial_distribution, rdf_difference
from tm23flows.store.trajectories import append_segment

SETTINGS = MolecularDynamicsStudyMaker().settings()
STEPS = 60


@pytest.fixture
def stored(archive):
    """A function that stores a run of vibrating copper in two segments, perhaps with a fault."""

    def store(**faults):
        structure = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
        n_atoms = len(structure.numbers)
        rng = np.random.default_rng(5)
        positions = structure.positions + 0.08 * rng.standard_normal((STEPS, n_atoms, 3))
        positions[0] = structure.positions
        arrays = {
            "step": np.arange(1, STEPS + 1),
            "positions": positions,
            "momenta": np.zeros((STEPS, n_atoms, 3)),
            "thermostat": np.zeros((STEPS, 6)),
            "forces": np.zeros((STEPS, n_atoms, 3)),
            "stress": np.zeros((STEPS, 6)),
            "temperature": 600 + 30 * rng.standard_normal(STEPS),
            "conserved": np.full(STEPS, -1.5),
            "scf_iterations": np.full(STEPS, -1),
            "converged": np.ones(STEPS, dtype=int),
            **dict.fromkeys(
                ("energy_free", "energy_sigma0", "energy_without_entropy"), np.zeros(STEPS)
            ),
        }
        for name, (where, value) in faults.items():
            arrays[name] = arrays[name].copy()
            arrays[name][where] = value
        run = Trajectory(
            provenance=Provenance.now(),
            structure_id=structure.id,
            element="Cu",
            regime="warm",
            recipe=Recipe(engine="emt"),
            dynamics=Dynamics(temperature_K=600.0),
        )
        archive.put(structure, run)
        for part in (slice(0, 25), slice(25, None)):
            run = append_segment(archive, run, {key: one[part] for key, one in arrays.items()})
        return run, positions, archive.get(Structure, structure.id).cell

    return store


def test_numbers_are_those_of_the_steps_that_are_left(archive, stored):
    run, positions, cell = stored()
    found = measure_run(archive, run, 50, None, SETTINGS)
    kept = positions[5:50]
    np.testing.assert_allclose(found.rdf.g, radial_distribution(kept, cell).g)
    assert found.noise == pytest.approx(rdf_difference(*halves(kept, cell)))
    assert found.fields["n_steps"] == 50
    assert found.fields["failure"] is None
    lags, squares = mean_square_displacement(kept)
    np.testing.assert_allclose(found.fields["msd_A2"], squares)
    np.testing.assert_allclose(found.fields["msd_ps"], 0.005 * lags)
    melting = judge_melting(positions[:50], cell)
    assert melting.verdict == "solid"
    # 50 steps of 5 fs are no time to melt
    assert found.fields["melting"].verdict == "unclear"
    assert found.fields["diffusion"].value_A2_per_ps is None


def test_what_comes_after_a_failure_is_not_believed(archive, stored):
    run, positions, cell = stored(temperature=(slice(40, None), 5000.0))
    found = measure_run(archive, run, STEPS, None, SETTINGS)
    failure = found.fields["failure"]
    assert (failure.kind, failure.step, failure.time_ps) == ("too hot", 41, 0.2)
    np.testing.assert_allclose(found.rdf.g, radial_distribution(positions[4:40], cell).g)
    assert found.fields["temperature_mean_K"] < 700


def test_a_run_that_fails_at_once_has_no_g(archive, stored):
    run, _, _ = stored(conserved=(slice(4, None), 90.0))
    found = measure_run(archive, run, STEPS, None, SETTINGS)
    assert found.rdf is found.noise is None
    assert found.fields["melting"].verdict is None
    assert "too few" in found.fields["melting"].reason
    assert "too few" in found.fields["diffusion"].reason


def test_the_reason_of_an_early_end_counts_only_if_it_ended_early(archive, stored):
    run, _, _ = stored()
    early = measure_run(archive, run, 100, "the worker died", SETTINGS)
    assert (early.fields["failure"].kind, early.fields["failure"].step) == ("stopped", STEPS + 1)
    assert measure_run(archive, run, STEPS, "later", SETTINGS).fields["failure"] is None


def test_long_runs_are_thinned_out_evenly():
    frames = np.arange(1001.0)
    assert len(thinned(frames, 200)) <= 200
    assert set(np.diff(thinned(frames, 200))) == {6.0}
    assert np.array_equal(thinned(frames, 5000), frames)
