"""Densities of states out of the job of the labels: both, one alone, and neither."""

import numpy as np
import pytest
from ase.calculators.calculator import CalculationFailed
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymongo.errors import AutoReconnect

from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import label_id
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError, OutOfTimeError, PhysicsError, ResultsKeptError
from tm23flows.jobs.density_of_states import make_density_of_states
from tm23flows.jobs.label import LabelJobMaker, label_frames
from tm23flows.science.density_of_states import D_WINDOW_EV, d_band
from tm23flows.science.spectrum import Spectrum
from tm23flows.store.blobs import Blobs
from tm23flows.store.outbox import commit, pending

RECIPE = {"engine": "emt", "kmesh": [3, 3, 3]}
KEYS = ("accepted", "rejected", "existing", "spectra", "waiting")


def counts(out):
    return tuple(out[key] for key in KEYS)


def label(frame_ids, spectra=True, recipes=(RECIPE,)):
    return label_frames(frame_ids, list(recipes), 0, 0, spectra=spectra)


@pytest.fixture
def frames(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(4)]
    archive.put(*frames)
    return frames


@pytest.fixture
def frame_ids(frames):
    return [frame.id for frame in frames]


def stored(archive):
    found = archive.database["densities_of_states"].find({}, {"_id": 1})
    return archive.get_many(DensityOfStates, [one["_id"] for one in found])


def test_labels_and_densities_of_states_come_out_of_one_calculation(
    archive, frames, frame_ids, emt_spectra
):
    out = label(frame_ids)
    assert counts(out) == (4, 0, 0, 4, 0)
    by_frame = {one.frame_id: one for one in stored(archive)}
    for frame in frames:
        one = by_frame[frame.id]
        assert one.id == dos_id(frame.id, out["recipe_id"], D_WINDOW_EV)
        (labelled,) = archive.labels(frame=frame.id)
        assert (one.recipe, one.regime) == (labelled.recipe, labelled.regime)
        assert one.provenance == labelled.provenance
        expected = emt_spectra(archive.get(Frame, frame.id).atoms)
        arrays = archive.blobs.get_arrays(one.spectrum)
        found = Spectrum.from_arrays(arrays)
        np.testing.assert_array_equal(found.eigenvalues_eV, expected.eigenvalues_eV)
        band = d_band(found)
        assert one.d_band_centre_eV == pytest.approx(band.centre_eV)
        assert one.d_filling == pytest.approx(band.filling)
        assert one.window_complete == band.window_complete
        assert one.electrons == 22


def test_twice_is_once(archive, frame_ids, emt_spectra):
    label(frame_ids)
    before = list(archive.database["densities_of_states"].find())
    assert counts(label(frame_ids)) == (0, 0, 4, 0, 0)
    assert list(archive.database["densities_of_states"].find()) == before
    assert counts(label(frame_ids, spectra=False)) == (0, 0, 4, 0, 0)


def test_a_label_without_its_density_of_states_is_computed_again_and_stays(
    archive, frame_ids, emt_spectra, monkeypatch
):
    label(frame_ids[:3], spectra=False)
    label(frame_ids[:1])
    labels = {one["_id"]: one for one in archive.database["labels"].find()}
    computed = []
    quick = EmtEngine._compute

    def other(self, atoms, recipe):
        computed.append(atoms.positions.copy())
        result = quick(self, atoms, recipe)
        result.forces[:] += 1.0  # a second calculation never has the same digits
        return result

    monkeypatch.setattr(EmtEngine, "_compute", other)
    assert counts(label(frame_ids)) == (1, 0, 3, 3, 0)
    assert len(computed) == 3
    for key, one in labels.items():
        assert archive.database["labels"].find_one({"_id": key}) == one
    assert len(stored(archive)) == 4


def test_labels_alone_leave_no_density_of_states(archive, frame_ids, emt_spectra):
    assert counts(label(frame_ids, spectra=False)) == (4, 0, 0, 0, 0)
    assert stored(archive) == []


def test_both_wait_in_the_outbox_where_the_database_is_away(
    archive, frame_ids, emt_spectra, monkeypatch, tmp_path
):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")

    def away(*_args):
        raise AutoReconnect("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "put", away)
        with pytest.raises(ResultsKeptError):
            label(frame_ids[:1])
    (kept,) = pending(tmp_path / "outbox")
    commit(archive, kept)
    (one,) = stored(archive)
    assert archive.blobs.get_arrays(one.spectrum)
    assert counts(label(frame_ids[:1])) == (0, 0, 1, 0, 0)


def test_every_width_has_its_own(archive, frame_ids, emt_spectra):
    wide = {**RECIPE, "sigma_eV": 2.0}
    label(frame_ids, recipes=[RECIPE])
    assert counts(label(frame_ids, recipes=[RECIPE, wide])) == (4, 0, 4, 4, 0)
    assert {one.recipe.sigma_eV for one in stored(archive)} == {0.2, 2.0}


def test_an_engine_without_states_is_refused_in_one_sentence(archive, frame_ids):
    with pytest.raises(InputError, match="The engine emt has no electronic states"):
        label(frame_ids)
    assert stored(archive) == []


def test_a_rejected_frame_gives_neither(archive, frames, frame_ids, emt_spectra, monkeypatch):
    quick = EmtEngine._compute

    def faulty(self, atoms, recipe):
        if np.allclose(atoms.positions, frames[1].positions):
            raise CalculationFailed("no convergence")
        return quick(self, atoms, recipe)

    monkeypatch.setattr(EmtEngine, "_compute", faulty)
    assert counts(label(frame_ids)) == (3, 1, 0, 3, 0)
    assert frame_ids[1] not in {one.frame_id for one in stored(archive)}
    monkeypatch.setattr(EmtEngine, "_compute", quick)
    assert counts(label(frame_ids)) == (1, 0, 3, 1, 0)
    assert archive.database["rejections"].count_documents({}) == 0


def lose_an_electron(atoms, states):
    sound = states(atoms)
    return Spectrum.from_arrays({**sound.to_arrays(), "electrons": sound.electrons + 1})


def test_electrons_that_are_not_there_reject_label_and_spectrum(
    archive, frame_ids, emt_spectra, monkeypatch
):
    whole = EmtEngine.spectrum
    monkeypatch.setattr(
        EmtEngine, "spectrum", lambda _, atoms: lose_an_electron(atoms, emt_spectra)
    )
    with pytest.raises(PhysicsError, match=r"22\.000 electrons and the cell has 23"):
        label(frame_ids)
    assert archive.database["labels"].count_documents({}) == 0
    label(frame_ids, spectra=False)
    with pytest.raises(PhysicsError, match="None of 4"):  # the labels are there; it is said anyway
        label(frame_ids)
    assert archive.database["labels"].count_documents({}) == 4
    assert archive.database["rejections"].count_documents({}) == 0
    monkeypatch.setattr(EmtEngine, "spectrum", whole)
    assert counts(label(frame_ids)) == (0, 0, 4, 4, 0)


def test_the_detour_goes_on_with_spectra(archive, frame_ids, emt_spectra, monkeypatch):
    """A worker whose time is over after two frames; another one does the rest."""
    quick, done = EmtEngine._compute, []

    def short(self, atoms, recipe):
        done.append(1)
        if len(done) == 3:
            raise OutOfTimeError("The time of this worker is over.")
        return quick(self, atoms, recipe)

    monkeypatch.setattr(EmtEngine, "_compute", short)
    label(frame_ids[:1], spectra=False)
    job = LabelJobMaker(spectra=True).make(frame_ids, [RECIPE], 0, 0)
    run_locally(job, store=JobStore(MemoryStore()), raise_immediately=True, log=False)
    assert len(stored(archive)) == 4
    assert archive.database["labels"].count_documents({}) == 4


def test_a_document_names_arrays_that_are_there(archive, frames, frame_ids, emt_spectra):
    out = label(frame_ids, spectra=False)
    (one,) = archive.labels(frame=frame_ids[0])
    made = make_density_of_states(archive, one, emt_spectra(frames[0].atoms))
    assert archive.blobs.has(made.spectrum)
    assert made.id not in archive.existing(DensityOfStates, [made.id])
    assert one.id == label_id(frame_ids[0], out["recipe_id"])
