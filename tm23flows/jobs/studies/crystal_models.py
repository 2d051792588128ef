"""What a model says of a crystal, in the rows of the crystal study.

Owns how its calculator is used, and that what fails is a reason in its row and nothing more. What
the labels say is in :mod:`tm23flows.jobs.studies.crystal_labels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.crystal import (
    CrystalRow,
    ElasticRow,
    LatticeRow,
    PhaseRow,
    Property,
    VacancyRow,
)
from tm23flows.errors import PhysicsError, TM23Error, TrainingError
from tm23flows.jobs.model_calculator import stored_model
from tm23flows.jobs.studies.crystal_labels import NOT_ASKED
from tm23flows.science.crystal_properties import (
    MeasuredLattice,
    is_in_minimum,
    lattice_constants,
    measure_curve,
    measure_elasticity,
    relax_within_phase,
)
from tm23flows.science.equation_of_state import EquationOfState, curve_difference
from tm23flows.science.vacancy import measure_vacancy

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from tm23flows.store.archive import Archive

FAILURES = (PhysicsError, TrainingError, ValueError, ArithmeticError, RuntimeError)
"""What a bad model can end a measurement with: our words for it, and those of ASE and numpy where
its numbers lead nowhere. A missing library or a full disk is not the model's and ends the job."""


Found = TypeVar("Found")


def model_row(
    archive: Archive, model_id: str, metal: Mapping[str, Any], settings: Mapping[str, Any]
) -> CrystalRow:
    """Measure a model.

    Parameters
    ----------
    archive
        The archive.
    model_id
        The model.
    metal
        ``unit`` and ``phases``: crystals to start from, as dicts; ``multiples`` of the vacancy's
        supercell.
    settings
        Settings of the study.

    Returns
    -------
    The row; what failed is in its reasons.

    Raises
    ------
    NotFoundError
        If the model is not in the archive.
    MissingDependencyError
        If the library of its trainer is not installed.
    """
    try:
        with stored_model(archive, model_id) as calculator:
            return _measured(model_id, calculator, metal, settings)
    except FAILURES as error:
        why = _words(error)
        return CrystalRow(
            model_id=model_id, reasons={"lattice": why, "elastic": why, "vacancy": why}
        )


def with_difference(row: CrystalRow, labels: CrystalRow | None) -> CrystalRow:
    """Add to the row of a model how far its curve is from that of the labels.

    Parameters
    ----------
    row
        Of a model.
    labels
        Of the labels; None where there are none.

    Returns
    -------
    The row.
    """
    if row.lattice is None or labels is None or labels.lattice is None:
        return row
    apart = curve_difference(equation_of(row.lattice), equation_of(labels.lattice))
    lattice = row.lattice.model_copy(update={"curve_difference_eV_per_atom": apart})
    return row.model_copy(update={"lattice": lattice})


def equation_of(lattice: LatticeRow) -> EquationOfState:
    """Return the equation of state of a row.

    Parameters
    ----------
    lattice
        The row.

    Returns
    -------
    The equation, per atom.
    """
    return EquationOfState(
        volume_A3=lattice.curve_volume_A3_per_atom,
        energy_eV=lattice.curve_energy_eV_per_atom,
        bulk_modulus_eV_per_A3=lattice.bulk_modulus_eV_per_A3,
        derivative=lattice.bulk_modulus_derivative,
        residual_eV=lattice.fit_residual_eV_per_atom,
    )


def _measured(
    model_id: str, calculator: Calculator, metal: Mapping[str, Any], settings: Mapping[str, Any]
) -> CrystalRow:
    start = Crystal.model_validate(metal["unit"]).atoms
    cells = (settings["volumes"], settings["axial_ratios"])
    at_rest, curve, why = _crystal_at_rest(start, calculator, cells)
    if at_rest is None:
        missing = f"There is no crystal at rest: {why}"
        reasons = {"lattice": why, "elastic": missing, "vacancy": missing}
        return CrystalRow(model_id=model_id, reasons=reasons)
    told = (at_rest, calculator, metal, settings)
    elastic, no_elastic = _asked(settings["elastic"], lambda: _measured_elastic(*told))
    vacancy, no_vacancy = _asked(settings["vacancy"], lambda: _measured_vacancy(*told))
    missing_ones: dict[Property, str] = {"elastic": no_elastic, "vacancy": no_vacancy}
    if curve is None:
        lengths = [one for one in lattice_constants(at_rest) if one is not None]
        a_c = ", ".join(f"{name} = {one:.4f} A" for name, one in zip("ac", lengths, strict=False))
        missing_ones["lattice"] = f"At rest at {a_c}, but without an equation of state: {why}"
    energy = float(calculator.get_potential_energy(at_rest)) / len(at_rest)
    phases = {name: Crystal.model_validate(one).atoms for name, one in metal["phases"].items()}
    return CrystalRow(
        model_id=model_id,
        lattice=None if curve is None else _measured_lattice(curve, calculator),
        phases=tuple(
            _measured_phase(name, one, calculator, energy) for name, one in phases.items()
        ),
        elastic=elastic,
        vacancy=vacancy,
        reasons={name: why for name, why in missing_ones.items() if why},
    )


def _crystal_at_rest(
    start: Atoms, calculator: Calculator, cells: tuple[Sequence[float], Sequence[float]]
) -> tuple[Atoms | None, MeasuredLattice | None, str]:
    """Return the crystal at rest and the curve around it, or why there is none of the two."""
    at_rest, why = _tried(lambda: relax_within_phase(start, calculator))
    if at_rest is None:
        return None, None, why
    curve, why = _tried(lambda: measure_curve(at_rest, calculator, *cells))
    # What has no forces at all is at rest wherever it is.
    if curve is None and not is_in_minimum(at_rest, calculator):
        return None, None, why
    return at_rest, curve, why


def _asked(asked: bool, measure: Callable[[], Found]) -> tuple[Found | None, str]:
    return _tried(measure) if asked else (None, NOT_ASKED)


def _tried(measure: Callable[[], Found]) -> tuple[Found | None, str]:
    """Return what is measured, or None and why not."""
    try:
        return measure(), ""
    except FAILURES as error:
        return None, _words(error)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, TM23Error) else f"{type(error).__name__}: {error}"


def _measured_lattice(found: MeasuredLattice, calculator: Calculator) -> LatticeRow:
    a, c = lattice_constants(found.crystal)
    equation = found.curve.equation
    return LatticeRow(
        a_A=a,
        c_A=c,
        volume_A3_per_atom=found.crystal.get_volume() / len(found.crystal),
        energy_eV_per_atom=found.energy_eV_per_atom,
        curve_volume_A3_per_atom=equation.volume_A3,
        curve_energy_eV_per_atom=equation.energy_eV,
        bulk_modulus_eV_per_A3=equation.bulk_modulus_eV_per_A3,
        bulk_modulus_derivative=equation.derivative,
        fit_residual_eV_per_atom=equation.residual_eV,
        volumes_A3_per_atom=tuple(found.curve.volumes_A3.tolist()),
        energies_eV_per_atom=tuple(found.curve.energies_eV.tolist()),
        largest_force_eV_per_A=float(np.abs(calculator.get_forces(found.crystal)).max()),
    )


def _measured_elastic(
    crystal: Atoms, calculator: Calculator, _metal: Mapping[str, Any], settings: Mapping[str, Any]
) -> ElasticRow:
    steps = (settings["strain"], settings["displacement_A"])
    found = measure_elasticity(crystal, calculator, *steps)
    return ElasticRow(
        constants_eV_per_A3=found.constants_eV_per_A3.tolist(),
        asymmetry_eV_per_A3=found.asymmetry_eV_per_A3,
        residual_stress_eV_per_A3=float(np.abs(found.stress_eV_per_A3).max()),
    )


def _measured_vacancy(
    crystal: Atoms, calculator: Calculator, metal: Mapping[str, Any], settings: Mapping[str, Any]
) -> VacancyRow:
    limits = (settings["vacancy_force_limit_eV_per_A"], settings["max_steps"])
    found = measure_vacancy(crystal, metal["multiples"], calculator, *limits)
    return VacancyRow(**asdict(found))


def _measured_phase(
    name: str, start: Atoms, calculator: Calculator, own_eV_per_atom: float
) -> PhaseRow:
    at_rest, why = _tried(lambda: relax_within_phase(start, calculator))
    if at_rest is None:
        return PhaseRow(
            phase=name, difference_eV_per_atom=None, volume_A3_per_atom=None, reason=why
        )
    energy = float(calculator.get_potential_energy(at_rest)) / len(at_rest)
    return PhaseRow(
        phase=name,
        difference_eV_per_atom=energy - own_eV_per_atom,
        volume_A3_per_atom=at_rest.get_volume() / len(at_rest),
    )
