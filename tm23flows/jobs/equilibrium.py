"""The jobs that bring the lattice of a crystal to rest from labels of its strained cells.

Strained cells are frames, and their energies are labels like all others. So the crystal at rest
is to be had from statics alone, with any engine, and each of its cells can be found again. Owns
what lies before and after the labels; atoms follow their cell and are not relaxed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.label import Label, label_id
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.crystal_cells import keep_cells
from tm23flows.science.lattice_scan import RestLattice, Shape, lowest_shape, rest_lattice, shapes

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

GROUP = "lattice"
"""Tag ``group`` of the frames, by which queries leave them out or find them."""

ENERGY = "free"
"""Which energy is lowest at rest: the one whose derivatives forces and stress are."""

_DIGITS = 10


@job
def scan_lattice(
    crystal: dict[str, Any], volumes: list[float], axial_ratios: list[float]
) -> dict[str, Any]:
    """Store the cells of a crystal among which the one at rest is looked for.

    Parameters
    ----------
    crystal
        A :class:`tm23flows.documents.structure.Crystal` as a dict, in standard axes.
    volumes, axial_ratios
        As in :func:`tm23flows.science.lattice_scan.shapes`.

    Returns
    -------
    ``frame_ids`` in the order of these shapes.

    Raises
    ------
    InputError
        If there are no such cells.
    """
    given = Crystal.model_validate(crystal)
    unit = given.atoms
    cells = (
        (shape.apply(unit), {"group": GROUP, "shape": str(shape)})
        for shape in shapes(unit, volumes, axial_ratios)
    )
    return {"frame_ids": keep_cells(given, cells)}


@job
def find_equilibrium(
    frame_ids: list[str],
    recipe_ids: list[str],
    crystal: dict[str, Any],
    volumes: list[float],
    axial_ratios: list[float],
    final: bool = True,
) -> dict[str, Any]:
    """Find the crystal at rest among labelled cells.

    Parameters
    ----------
    frame_ids
        The cells that :func:`scan_lattice` stored.
    recipe_ids
        Recipe of their labels, as every labelling job reported it; all the same.
    crystal, volumes, axial_ratios
        As there.
    final
        If not, a lowest energy at the edge is taken as well, for a further round around it, and
        the ``reason`` is returned in place of numbers.

    Returns
    -------
    ``crystal`` at rest as a dict, ``recipe_id`` and ``label_ids``; if it was found between the
    cells, also ``energy_eV_per_atom`` (the free energy), ``volume_A3_per_atom``,
    ``bulk_modulus_eV_per_A3`` with c/a at rest at each pressure, ``bulk_modulus_derivative``,
    ``volumes_A3_per_atom`` and ``energies_eV_per_atom`` of the curve, ``fit_residual_eV_per_atom``,
    and ``largest_force_eV_per_A`` in the computed cell that is nearest to rest: more than noise
    where the atoms would move within the cell.

    Raises
    ------
    InputError
        If the labels come from several recipes.
    PhysicsError
        If a cell has no label, or none of them is between others with higher energies.
    """
    if len(set(recipe_ids)) != 1:
        raise InputError("The lattice at rest is found from labels of one recipe.")
    given = Crystal.model_validate(crystal)
    listed = shapes(given.atoms, volumes, axial_ratios)
    labels = _labels(open_archive(), given.element, listed, frame_ids, recipe_ids[0])
    energies = [label.energies.of(ENERGY) for label in labels]
    common = {"recipe_id": recipe_ids[0], "label_ids": [label.id for label in labels]}
    try:
        found = rest_lattice(given.atoms, listed, energies)
    except PhysicsError as error:
        if final:
            raise
        edge = _crystal(given, lowest_shape(listed, energies), common)
        return {**common, "crystal": edge, "reason": str(error)}
    return {
        **common,
        "crystal": _crystal(given, found.shape, common),
        "largest_force_eV_per_A": _force_near(found.shape, listed, labels),
        **_in_numbers(found),
    }


def _labels(
    archive: Archive, element: str, listed: list[Shape], frame_ids: list[str], recipe_id: str
) -> list[Label]:
    wanted = [label_id(frame, recipe_id) for frame in frame_ids]
    there = archive.existing(Label, wanted)
    missing = [str(shape) for shape, one in zip(listed, wanted, strict=True) if one not in there]
    if missing:
        raise PhysicsError(
            f"Of {len(listed)} cells of {element} {len(missing)} have no label (the first: "
            f"{missing[0]}), so its lattice at rest is not known: see the rejections, and run "
            "again."
        )
    return archive.get_many(Label, wanted)


def _crystal(given: Crystal, shape: Shape, made_from: dict[str, Any]) -> dict[str, Any]:
    # Rounded, so that the same labels make the same crystal on every machine.
    atoms = shape.apply(given.atoms)
    atoms.set_cell(np.round(atoms.cell.array, _DIGITS) + 0.0)
    atoms.set_positions(np.round(atoms.positions, _DIGITS) + 0.0)
    found = Crystal.from_atoms(
        atoms, given.phase, "the lattice of lowest energy among labelled cells", **made_from
    )
    return found.model_dump(mode="json")


def _in_numbers(found: RestLattice) -> dict[str, Any]:
    return {
        "energy_eV_per_atom": found.equation.energy_eV,
        "volume_A3_per_atom": found.equation.volume_A3,
        "bulk_modulus_eV_per_A3": found.equation.bulk_modulus_eV_per_A3,
        "bulk_modulus_derivative": found.equation.derivative,
        "fit_residual_eV_per_atom": found.equation.residual_eV,
        "volumes_A3_per_atom": found.volumes_A3.tolist(),
        "energies_eV_per_atom": found.energies_eV.tolist(),
    }


def _force_near(shape: Shape, listed: list[Shape], labels: list[Label]) -> float:
    away = [
        np.hypot(np.log(one.volume / shape.volume) / 3, np.log(one.axial / shape.axial))
        for one in listed
    ]
    return float(np.abs(labels[int(np.argmin(away))].forces).max())
