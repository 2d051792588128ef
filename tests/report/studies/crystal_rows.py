"""Rows of a crystal study with numbers that are known."""

from __future__ import annotations

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.crystal import (
    CrystalMetal,
    CrystalResults,
    CrystalRow,
    ElasticRow,
    LatticeRow,
    PhaseRow,
    VacancyRow,
)
from tm23flows.documents.study import Study
from tm23flows.science.equation_of_state import EquationOfState

MODEL = "a" * 64
VOLUMES = tuple(11.66 * factor for factor in (0.94, 0.97, 1.0, 1.03, 1.06))


class FakeArchive:
    """Gives the models that are asked for; each is called the same."""

    def get_many(self, _kind, keys):
        return [type("Model", (), {"id": one, "title": "my EMT"})() for one in keys]


def lattice(a_A=3.6, c_A=None, modulus=0.8, difference=None):
    volume = a_A**3 / 4
    curve = EquationOfState(volume, -3.7, modulus, 5.0, 0.0)
    return LatticeRow(
        a_A=a_A,
        c_A=c_A,
        volume_A3_per_atom=volume,
        energy_eV_per_atom=-3.7,
        curve_volume_A3_per_atom=volume,
        curve_energy_eV_per_atom=-3.7,
        bulk_modulus_eV_per_A3=modulus,
        bulk_modulus_derivative=5.0,
        fit_residual_eV_per_atom=0.0,
        volumes_A3_per_atom=VOLUMES,
        energies_eV_per_atom=tuple(curve.energy_at(VOLUMES).tolist()),
        largest_force_eV_per_A=0.0,
        curve_difference_eV_per_atom=difference,
    )


def elastic(scale=1.0):
    table = [[0.0] * 6 for _ in range(6)]
    for i in range(6):
        table[i][i] = scale * (1.0 if i < 3 else 0.5)
    return ElasticRow(
        constants_eV_per_A3=table, asymmetry_eV_per_A3=0.0, residual_stress_eV_per_A3=0.0
    )


def row(model_id, unrelaxed=1.2, scale=1.0, phases=(), **fields):
    is_model = model_id is not None
    return CrystalRow(
        model_id=model_id,
        lattice=lattice(**fields),
        elastic=elastic(scale),
        vacancy=VacancyRow(
            n_sites=32,
            unrelaxed_eV=unrelaxed,
            relaxed_eV=unrelaxed - 0.1 if is_model else None,
            reason=None if is_model else "Labels are statics.",
        ),
        phases=phases,
    )


def phase(name, energy):
    if energy is None:
        return PhaseRow(
            phase=name, difference_eV_per_atom=None, volume_A3_per_atom=None, reason="It went."
        )
    return PhaseRow(phase=name, difference_eV_per_atom=energy, volume_A3_per_atom=11.7)


def metal(**fields):
    given = {
        "element": "Cu",
        "phase": "fcc",
        "dataset_id": "d",
        "multiples": (2, 2, 2),
        "labels": row(None),
        "models": (row(MODEL),),
    }
    return CrystalMetal(**{**given, **fields})


def study(*metals):
    return Study(
        provenance=Provenance.now(),
        elements=tuple(one.element for one in metals),
        settings={},
        parents={"datasets": ("d",)},
        results=CrystalResults(metals=metals),
    )
