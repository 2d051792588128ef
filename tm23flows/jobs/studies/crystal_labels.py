"""What the labels say of a crystal, in the rows of the crystal study.

Owns the way from outputs and labels of the wired flows to a row. What models say is in
:mod:`tm23flows.jobs.studies.crystal_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.crystal import (
    CrystalRow,
    ElasticRow,
    LatticeRow,
    PhaseRow,
    Property,
    VacancyRow,
)
from tm23flows.jobs.equilibrium import ENERGY
from tm23flows.science.crystal_properties import lattice_constants
from tm23flows.science.vacancy import formation_energy

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

NOT_ASKED = "It was not asked for."
UNRELAXED = "Labels are statics: the atoms around the vacancy stay on their sites."


def label_row(archive: Archive, wired: Mapping[str, Any], phases: Mapping[str, Any]) -> CrystalRow:
    """Make the row of the labels.

    Parameters
    ----------
    archive
        The archive.
    wired
        ``rest``: the output of an equilibrium; ``elastic_constants_id`` and ``vacancy`` (with
        ``frame_ids`` and ``recipe_ids``), both None where they were not asked for.
    phases
        Outputs of the equilibria of the other phases, by phase.

    Returns
    -------
    The row.

    Raises
    ------
    NotFoundError
        If the elastic constants are not in the archive.
    """
    rest = wired["rest"]
    reasons: dict[Property, str] = {}
    elastic, vacancy = None, None
    recipes = [rest["recipe_id"], *(one["recipe_id"] for one in phases.values())]
    if wired["elastic_constants_id"] is None:
        reasons["elastic"] = NOT_ASKED
    else:
        stored = archive.get(ElasticConstants, wired["elastic_constants_id"])
        elastic = _stored_elastic(stored)
        recipes.append(stored.recipe.id)
    if wired["vacancy"] is None:
        reasons["vacancy"] = NOT_ASKED
    else:
        recipes += wired["vacancy"]["recipe_ids"]
        vacancy = _labelled_vacancy(archive, wired["vacancy"])
        if vacancy is None:
            reasons["vacancy"] = "A cell has no label: see the rejections, and run again."
    return CrystalRow(
        model_id=None,
        recipe_ids=tuple(sorted(set(recipes))),
        lattice=_labelled_lattice(rest),
        elastic=elastic,
        vacancy=vacancy,
        phases=tuple(_labelled_phase(name, one, rest) for name, one in phases.items()),
        reasons=reasons,
    )


def vacancy_labels(wired: Mapping[str, Any]) -> list[str]:
    """Return the labels of the two cells of a vacancy, there or not.

    Parameters
    ----------
    wired
        ``frame_ids`` and ``recipe_ids``.

    Returns
    -------
    Their ids: the perfect cell first.
    """
    return [label_id(frame, wired["recipe_ids"][0]) for frame in wired["frame_ids"]]


def _labelled_lattice(rest: Mapping[str, Any]) -> LatticeRow:
    a, c = lattice_constants(Crystal.model_validate(rest["crystal"]).atoms)
    same = (
        "volume_A3_per_atom", "energy_eV_per_atom", "bulk_modulus_eV_per_A3",
        "bulk_modulus_derivative", "fit_residual_eV_per_atom", "volumes_A3_per_atom",
        "energies_eV_per_atom", "largest_force_eV_per_A",
    )  # fmt: skip
    return LatticeRow(
        a_A=a,
        c_A=c,
        curve_volume_A3_per_atom=rest["volume_A3_per_atom"],
        curve_energy_eV_per_atom=rest["energy_eV_per_atom"],
        **{name: rest[name] for name in same},
    )


def _stored_elastic(stored: ElasticConstants) -> ElasticRow:
    return ElasticRow(
        constants_eV_per_A3=stored.constants_eV_per_A3.tolist(),
        asymmetry_eV_per_A3=stored.asymmetry_eV_per_A3 or 0.0,
        residual_stress_eV_per_A3=stored.residual_stress_eV_per_A3 or 0.0,
        elastic_constants_id=stored.id,
    )


def _labelled_vacancy(archive: Archive, wired: Mapping[str, Any]) -> VacancyRow | None:
    wanted = vacancy_labels(wired)
    if len(archive.existing(Label, wanted)) < len(wanted):
        return None
    perfect, holed = archive.get_many(Label, wanted)
    energies = [one.energies.of(ENERGY) for one in (holed, perfect)]
    return VacancyRow(
        n_sites=perfect.n_atoms,
        unrelaxed_eV=formation_energy(*energies, perfect.n_atoms),
        relaxed_eV=None,
        reason=UNRELAXED,
    )


def _labelled_phase(name: str, found: Mapping[str, Any], rest: Mapping[str, Any]) -> PhaseRow:
    if "energy_eV_per_atom" not in found:
        return PhaseRow(
            phase=name,
            difference_eV_per_atom=None,
            volume_A3_per_atom=None,
            reason=found["reason"],
        )
    return PhaseRow(
        phase=name,
        difference_eV_per_atom=found["energy_eV_per_atom"] - rest["energy_eV_per_atom"],
        volume_A3_per_atom=found["volume_A3_per_atom"],
    )
