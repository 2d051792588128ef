"""The draw of frames and the study of their d bands."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.frame import Frame
from tm23flows.documents.study import Study
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.studies.dos import choose_frames, make_dos_study
from tm23flows.science.density_of_states import D_WINDOW_EV, d_band
from tm23flows.science.spectrum import Spectrum

SETTINGS = {"width_eV": 0.2, "count": 3, "seed": 0, "part": "test", "regime": "melt"}
choose = choose_frames.original
study = make_dos_study.original


@pytest.fixture
def dataset(archive, make_frame, make_label):
    """Ten labels to train on and twenty to test, every second one of the melt."""
    frames = [make_frame(seed=n, regime="melt" if n % 2 else "cold") for n in range(30)]
    labels = [make_label(frame) for frame in frames]
    made = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={
            "train": [one.id for one in labels[:10]],
            "test": [one.id for one in labels[10:]],
        },
        rule="full",
        query={},
    )
    archive.put(*frames, *labels, made)
    return made


def draw(dataset, count=3, seed=0, part="test", regime="melt"):
    return choose(dataset.id, part, regime, count, seed)["frame_ids"]


def test_frames_are_of_the_part_and_the_regime_and_each_once(archive, dataset):
    for seed in range(20):
        drawn = archive.get_many(Frame, draw(dataset, 4, seed))
        assert {one.regime for one in drawn} == {"melt"}
        assert len({one.id for one in drawn}) == 4
        assert all(one.step > 10 for one in drawn)  # those before are of the training part
    assert len(draw(dataset, 10)) == 10


def test_the_seed_decides(dataset):
    assert draw(dataset, seed=3) == draw(dataset, seed=3)
    assert len({tuple(draw(dataset, seed=seed)) for seed in range(20)}) > 10
    every = np.array([one for seed in range(200) for one in draw(dataset, 1, seed)])
    _, often = np.unique(every, return_counts=True)
    assert len(often) == 10  # no frame is left out by the rule
    assert often.max() < 50


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"part": "validation"}, "it has train, test"),
        ({"count": 11}, "has 10"),
        ({"count": 0}, "0"),
    ],
)
def test_what_cannot_be_drawn_is_said(dataset, change, word):
    with pytest.raises(InputError, match=word):
        draw(dataset, **change)


@pytest.fixture
def cu(archive, dataset, emt_spectra):
    """What a study is told of one metal, with its densities of states."""
    frames = draw(dataset)
    out = label_frames(frames, [{"engine": "emt", "kmesh": [3, 3, 3]}], -3, 0, spectra=True)
    return {
        "element": "Cu",
        "dataset_id": dataset.id,
        "frame_ids": frames,
        "recipe_ids": [out["recipe_id"]],
        "convergence_id": None,
    }


def read(archive, out):
    return archive.get(Study, out["study_id"])


def test_the_study_has_the_moments_of_every_frame(archive, cu, emt_spectra):
    out = study([cu], SETTINGS)
    made = read(archive, out)
    (row,) = made.results.metals
    spectra = [emt_spectra(one.atoms) for one in archive.get_many(Frame, cu["frame_ids"])]
    bands = [d_band(one) for one in spectra]
    centres = [one.centre_eV for one in bands]
    assert [one.d_band_centre_eV for one in row.frames] == pytest.approx(centres)
    assert row.d_band_centre_eV == pytest.approx(np.mean(centres))
    assert row.d_band_centre_error_eV == pytest.approx(np.std(centres, ddof=1) / np.sqrt(3))
    assert row.d_below_fermi == pytest.approx(np.mean([one.below_fermi for one in bands]))
    assert row.d_filling == pytest.approx(np.mean([one.filling for one in bands]))
    for frame in row.frames:
        assert frame.integrated_electrons == pytest.approx(frame.electrons, abs=1e-6)
        assert frame.electrons == 22
    assert out["d_band_centre_eV"] == {"Cu": row.d_band_centre_eV}
    assert made.settings["window_eV"] == list(D_WINDOW_EV)
    assert made.settings["seed"] == 0


def test_its_parents_are_the_dataset_and_the_densities_of_states(archive, cu):
    made = read(archive, study([cu], SETTINGS))
    assert made.parents["datasets"] == (cu["dataset_id"],)
    found = archive.get_many(DensityOfStates, made.parents["densities_of_states"])
    assert {one.frame_id for one in found} == set(cu["frame_ids"])


def test_twice_is_once(archive, cu):
    first = study([cu], SETTINGS)
    stored = archive.database["studies"].find_one()
    assert study([cu], SETTINGS) == first
    assert archive.database["studies"].find_one() == stored
    assert study([cu], {**SETTINGS, "width_eV": 0.4})["study_id"] != first["study_id"]


def test_a_mesh_without_a_test_is_a_warning(archive, cu):
    (said,) = read(archive, study([cu], SETTINGS)).warnings
    assert "3x3x3 of Cu was not tested" in said


def convergence(archive, cu, converged):
    row = {"spacing_per_A": 0.2, "n_points": 8, "kmesh_offset": (0.0,) * 3, "cpu_s": None}
    (dos,) = archive.get_many(
        DensityOfStates, [dos_id(cu["frame_ids"][0], *cu["recipe_ids"], D_WINDOW_EV)]
    )
    recipe = dos.recipe.model_copy(update={"kmesh": (1, 1, 1)})
    rows = [
        MeshRow(
            kmesh=(n, n, n), recipe_id=recipe.id, energy_eV_per_atom=e, force_eV_per_A=e,
            stress_eV_per_A3=e, **row,
        )
        for n, e in ((3, 0.01), (5, 0.0))
    ]  # fmt: skip
    return Convergence(
        provenance=Provenance.now(),
        element="Cu",
        base_recipe=recipe,
        frame_ids=(cu["frame_ids"][0],),
        rows=tuple(rows),
        energy_limit_eV_per_atom=0.02 if converged else 0.001,
        force_limit_eV_per_A=0.02 if converged else 0.001,
        converged=converged,
        kmesh=(3, 3, 3) if converged else (5, 5, 5),
        kmesh_offset=(0.0,) * 3,
        reason="because it is so",
    )


@pytest.mark.parametrize("converged", [True, False])
def test_what_the_convergence_says_is_passed_on(archive, cu, converged):
    test = convergence(archive, cu, converged)
    archive.put(test)
    made = read(archive, study([{**cu, "convergence_id": test.id}], SETTINGS))
    assert made.parents["convergences"] == (test.id,)
    assert [one for one in made.warnings if "not converged: because it is so" in one] == list(
        made.warnings
    )
    assert bool(made.warnings) != converged


GAP = {"dataset_id": None, "frame_ids": None, "recipe_ids": [None], "convergence_id": None}


def test_a_metal_without_any_is_a_gap_with_a_name(archive, cu):
    made = read(archive, study([{**GAP, "element": "Ti"}, cu], SETTINGS))
    assert made.elements == ("Ti", "Cu")
    assert [one.element for one in made.results.metals] == ["Cu"]
    assert any("Ti has no density of states" in one for one in made.warnings)


def test_no_density_of_states_at_all_is_an_error(archive, cu):
    with pytest.raises(PhysicsError, match="no density of states"):
        study([{**GAP, "element": "Ti"}], SETTINGS)


def test_frames_that_are_missing_are_counted(archive, cu, make_frame):
    other = make_frame(seed=99, regime="melt")
    archive.put(other)
    more = {**cu, "frame_ids": [*cu["frame_ids"], other.id]}
    made = read(archive, study([more], SETTINGS))
    assert any("3 densities of states of 4 frames" in one for one in made.warnings)
    assert len(made.results.metals[0].frames) == 3


def test_several_recipes_are_refused(cu):
    with pytest.raises(InputError, match="several recipes"):
        study([{**cu, "recipe_ids": ["a" * 64, "b" * 64]}], SETTINGS)


def test_a_window_that_ends_early_is_a_warning(archive, dataset, emt_spectra, monkeypatch):
    def few(atoms):
        whole = emt_spectra(atoms).to_arrays()
        narrow = {**whole, "eigenvalues_eV": np.minimum(whole["eigenvalues_eV"], 4.5)}
        return Spectrum.from_arrays(narrow)

    monkeypatch.setattr(EmtEngine, "spectrum", lambda _, atoms: few(atoms))
    frames = draw(dataset, 1)
    out = label_frames(frames, [{"engine": "emt"}], -1, 0, spectra=True)
    told = {**GAP, "element": "Cu", "frame_ids": frames, "recipe_ids": [out["recipe_id"]]}
    made = read(archive, study([told], SETTINGS))
    (row,) = made.results.metals
    assert not row.window_complete
    assert row.frames[0].window_end_eV == pytest.approx(3.0)  # the Fermi level is at 1.5 eV
    assert row.d_band_centre_error_eV is None
    assert any("end at 3.0 eV" in one and "bands_percent" in one for one in made.warnings)
