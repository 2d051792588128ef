"""What a correlation study reads of one metal, and what it says is missing."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.model import Model
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.jobs.studies.correlation_metals import MetalIds, read_metal
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.science.spectrum import Spectrum

RECIPE = Recipe(engine="emt", xc="none", kmesh=(2, 4, 3))
CELL = [[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]]


@pytest.fixture
def copper(archive, make_frame, make_label):
    """Ids of one metal of which everything is there."""
    frames = [make_frame(seed, cell=CELL) for seed in range(4)]
    labels = [make_label(frame, RECIPE) for frame in frames]
    dataset = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"train": (labels[0].id,), "test": tuple(one.id for one in labels[1:])},
        rule="fraction",
        query={},
        energy="free",
    )
    model = Model(
        provenance=Provenance.now(),
        trainer="flare",
        hyperparameters={},
        seed=0,
        dataset_id=dataset.id,
        files=(),
        wall_s=1.0,
    )
    row = ErrorRow(mae=0.05, rmse=0.07, mav=0.5, percent=10.0)
    evaluation = Evaluation(
        provenance=Provenance.now(),
        model_id=model.id,
        dataset_id=dataset.id,
        energy_reference="mean-per-atom",
        predictions="0" * 64,
        errors=(GroupErrors(group="all", n_frames=3, energy=row, force=row, stress=None),),
    )
    constants = np.diag([1.1, 1.1, 1.1, 0.5, 0.5, 0.5])
    constants[:3, :3] += 0.7 * (1 - np.eye(3))
    elastic = ElasticConstants(
        provenance=Provenance.now(),
        element="Cu",
        crystal=None,
        recipe=None,
        source="a book",
        strain=None,
        clamped_eV_per_A3=None,
        constants_eV_per_A3=constants,
        residual_stress_eV_per_A3=None,
    )
    states = [
        density(frame, centre) for frame, centre in zip(frames[1:], (-2.0, -3.0, -4.0), strict=True)
    ]
    archive.put(*frames, *labels, dataset, model, evaluation, elastic, *states)
    return MetalIds(
        element="Cu",
        family="fcc",
        evaluation_id=evaluation.id,
        dos_frame_ids=tuple(frame.id for frame in frames[1:]),
        dos_recipe_ids=(RECIPE.id,),
        elastic_constants_id=elastic.id,
    )


def density(frame, centre, **fields):
    return DensityOfStates(
        provenance=Provenance.now(),
        frame_id=frame.id,
        recipe=RECIPE,
        recipe_id=RECIPE.id,
        element=frame.element,
        regime=frame.regime,
        n_atoms=2,
        electrons=22,
        fermi_eV=1.0,
        window_eV=D_WINDOW_EV,
        **{"window_complete": True, "spectrum": "0" * 64, **fields},
        d_band_centre_eV=centre,
        d_band_width_eV=None,
        d_filling=None,
    )


def but(ids, **fields):
    return MetalIds(**{**ids.__dict__, **fields})


def test_everything_of_a_metal_is_read(archive, copper):
    row = read_metal(archive, copper, "flare", "test")
    assert (row.element, row.group, row.family) == ("Cu", 11, "fcc")
    assert (row.force_percent, row.force_mae_eV_per_A) == (10.0, 0.05)
    assert row.values == pytest.approx(
        {
            "d_band_centre_eV": -3.0,
            # Along x 2 / (2 pi / 4), along y 4 / (2 pi / 2), along z 3 / (2 pi / 5).
            "min_k_density_A": 8 / (2 * np.pi),
            "cauchy_pressure_eV_per_A3": 0.2,
            "melting_temperature_K": 1358,
            "n_d_product": 0.0,
        },
        rel=1e-3,
    )
    assert row.missing == ()
    assert len(row.dos_ids) == 3
    assert row.cauchy_relations_eV_per_A3["C12 - C66"] == pytest.approx(0.2)


def test_what_a_job_was_given_may_have_holes():
    assert MetalIds.of({"element": "Cu", "evaluation_id": None, "dos_frame_ids": None,
                        "dos_recipe_ids": [None], "unavailable": []}) == MetalIds("Cu")  # fmt: skip


def test_a_metal_of_which_nothing_is_there_is_named(archive):
    row = read_metal(archive, MetalIds("Ti", "hcp", unavailable=("no time",)), "flare", "test")
    assert not row.has_error
    assert set(row.values) == {"melting_temperature_K", "n_d_product"}
    assert row.values["n_d_product"] == 21
    assert row.missing == (
        "no time", "no evaluation of a flare model", "no density of states",
        "no elastic constants",
    )  # fmt: skip


def test_missing_densities_of_states_are_counted(archive, copper, make_frame):
    more = but(copper, dos_frame_ids=(*copper.dos_frame_ids, make_frame(9).id))
    row = read_metal(archive, more, "flare", "test")
    assert "1 of 4 densities of states" in row.missing
    assert row.values["d_band_centre_eV"] == pytest.approx(-3.0)
    row = read_metal(archive, but(copper, dos_recipe_ids=("a", "b")), "flare", "test")
    assert "no density of states" in row.missing


@pytest.mark.parametrize(("end_eV", "counts"), [(4.0, True), (2.0, False)])
def test_a_band_that_is_cut_off_is_said_and_counts_only_if_little_is_gone(
    archive, copper, make_frame, end_eV, counts
):
    cut, states = make_frame(20), np.array([[-3.0, 1.0 + end_eV]])
    known = Spectrum(states, np.ones(1), np.array([[1.0, 0.0]]), np.zeros((1, 2, 3)), 1.0, 2.0)
    blob = archive.blobs.put_arrays(**known.to_arrays())
    archive.put(cut, density(cut, -1.0, window_complete=False, spectrum=blob))
    row = read_metal(archive, but(copper, dos_frame_ids=(cut.id,)), "flare", "test")
    assert row.missing == ("the d band was cut off above the highest computed state",)
    assert ("d_band_centre_eV" in row.values) is counts


def test_a_band_that_is_empty_is_said(archive, copper, make_frame):
    empty = make_frame(21)
    archive.put(empty, density(empty, None))
    row = read_metal(archive, but(copper, dos_frame_ids=(empty.id,)), "flare", "test")
    assert "d_band_centre_eV" not in row.values
    assert row.missing == ("no d states in the window",)


@pytest.mark.parametrize(
    ("element", "trainer", "part"),
    [("Ag", "flare", "test"), ("Cu", "nequip", "test"), ("Cu", "flare", "warm")],
)
def test_documents_of_another_metal_trainer_or_part_are_refused(
    archive, copper, element, trainer, part
):
    with pytest.raises(InputError, match="is of a flare model"):
        read_metal(archive, but(copper, element=element), trainer, part)


def test_constants_and_densities_of_another_metal_are_refused(archive, copper):
    alone = {"element": "Ag", "evaluation_id": None}
    with pytest.raises(InputError, match="not one of Ag"):
        read_metal(archive, but(copper, **alone), "flare", "test")
    with pytest.raises(InputError, match="are none of Ag"):
        read_metal(archive, but(copper, **alone, dos_frame_ids=()), "flare", "test")
