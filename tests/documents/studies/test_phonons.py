"""Results of a phonon study: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.phonons import (
    FrequencyErrorRow,
    FrequencyErrors,
    PhononCurves,
    PhononMetal,
    PhononModel,
    PhononReference,
    PhononResults,
)
from tm23flows.documents.study import Study

ERROR = FrequencyErrorRow(
    mean_THz=-0.1, mae_THz=0.2, rmse_THz=0.3, largest_THz=0.4, percent=None, n_modes=9
)
ERRORS = FrequencyErrors(all=ERROR, acoustic=ERROR, optical=None)


def curves(**fields):
    given = {
        "crystal": Crystal(
            element="Cu",
            phase="fcc",
            source="a test",
            cell=((0.0, 1.8, 1.8), (1.8, 0.0, 1.8), (1.8, 1.8, 0.0)),
            positions=((0.0, 0.0, 0.0),),
        ),
        "a_A": 3.6,
        "c_A": None,
        "volume_A3_per_atom": 11.7,
        "path_THz": ((0.0, 0.0, 0.0), (4.0, 4.0, 7.0)),
        "dos_THz": (0.0, 4.0, 8.0),
        "dos_per_THz": (0.0, 0.6, 0.1),
        "lowest_THz": 0.0,
        "imaginary_share": 0.0,
        "drift_eV_per_A2": 1e-9,
    }
    return PhononCurves(**{**given, **fields})


def model(**fields):
    given = {"model_id": "m", "curves": curves(), "errors": ERRORS, "wall_s": 1.0}
    return PhononModel(**{**given, **fields})


def metal(**fields):
    labels = PhononReference(recipe_id="r", kmesh=(3, 3, 3), n_labels=1, curves=curves())
    given = {
        "element": "Cu",
        "phase": "fcc",
        "dataset_id": "d",
        "supercell": (3, 3, 3),
        "n_atoms": 27,
        "path_q": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0)),
        "path_places_per_A": (0.0, 1.7),
        "path_ticks": ((0.0, "Γ"), (1.7, "X")),
        "q_mesh": (8, 8, 8),
        "labels": labels,
        "models": (model(),),
    }
    return PhononMetal(**{**given, **fields})


def test_it_is_the_results_of_a_study_and_comes_back_as_it_was():
    study = Study(
        provenance=Provenance.now(),
        elements=("Cu",),
        settings={"displacement_A": 0.01},
        parents={"models": ("m",)},
        results=PhononResults(metals=(metal(),)),
    )
    assert study.kind == "phonons"
    assert Study.from_stored(study.model_dump()).results == study.results


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: curves(path_THz=((0.0, 0.0),)), "three branches"),
        (lambda: curves(dos_THz=(1.0,)), "one value"),
        (lambda: curves(a_A=float("nan")), "finite"),
        (lambda: model(curves=None), "there is a reason"),
        (lambda: model(reason="it failed"), "there is a reason"),
        (lambda: model(curves=None, reason="it failed"), "no errors of them"),
        (lambda: metal(path_places_per_A=(0.0,)), "has a place"),
        (lambda: metal(path_q=((0.0, 0.0, 0.0),), path_places_per_A=(0.0,)), "at each point"),
        (lambda: metal(labels=None), "without labels"),
        (
            lambda: metal(labels=None, models=(model(errors=None, errors_same_lattice=ERRORS),)),
            "without labels",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(make, why):
    with pytest.raises(ValidationError, match=why):
        make()


def test_a_model_may_have_forces_where_it_has_no_crystal():
    made = model(curves=None, errors=None, errors_same_lattice=ERRORS, reason="it collapsed")
    assert metal(models=(made,)).models[0].errors is None
