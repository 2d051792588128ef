"""Results of a crystal study: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.crystal import (
    CrystalMetal,
    CrystalResults,
    CrystalRow,
    LatticeRow,
    PhaseRow,
    VacancyRow,
)

WHY = {"lattice": "no", "elastic": "no", "vacancy": "no"}


def lattice(**fields):
    given = {
        "a_A": 3.6,
        "c_A": None,
        "volume_A3_per_atom": 11.6,
        "energy_eV_per_atom": -3.7,
        "curve_volume_A3_per_atom": 11.6,
        "curve_energy_eV_per_atom": -3.7,
        "bulk_modulus_eV_per_A3": 0.8,
        "bulk_modulus_derivative": 5.0,
        "fit_residual_eV_per_atom": 0.0,
        "volumes_A3_per_atom": (11.0, 12.0),
        "energies_eV_per_atom": (-3.6, -3.5),
        "largest_force_eV_per_A": 0.0,
    }
    return LatticeRow(**{**given, **fields})


def metal(**fields):
    given = {
        "element": "Cu",
        "phase": "fcc",
        "dataset_id": "d",
        "multiples": (2, 2, 2),
        "labels": CrystalRow(model_id=None, reasons=WHY),
        "models": (CrystalRow(model_id="m", reasons=WHY),),
    }
    return CrystalMetal(**{**given, **fields})


def test_results_come_back_from_json():
    others = {name: WHY[name] for name in ("elastic", "vacancy")}
    row = CrystalRow(model_id="m", lattice=lattice(), reasons=others)
    results = CrystalResults(metals=(metal(models=(row,)),))
    assert results.kind == "crystal"
    assert CrystalResults.model_validate_json(results.model_dump_json()) == results


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: CrystalRow(model_id="m"), "has a reason"),
        (lambda: CrystalRow(model_id="m", lattice=lattice(), reasons=WHY), "no other has one"),
        (lambda: lattice(energies_eV_per_atom=(1.0,)), "one energy for each volume"),
        (lambda: lattice(a_A=0.0), "greater than 0"),
        (lambda: lattice(bulk_modulus_eV_per_A3=float("nan")), "finite"),
        (lambda: VacancyRow(n_sites=32, unrelaxed_eV=1.0, relaxed_eV=None), "a reason why"),
        (
            lambda: PhaseRow(phase="hcp", difference_eV_per_atom=None, volume_A3_per_atom=None),
            "a reason why",
        ),
        (lambda: metal(labels=CrystalRow(model_id="m", reasons=WHY)), "names a model"),
        (lambda: metal(models=(CrystalRow(model_id=None, reasons=WHY),)), "does not name it"),
    ],
    ids=range(9),
)
def test_what_says_nothing_or_two_things_is_refused(make, why):
    with pytest.raises(ValidationError, match=why):
        make()
