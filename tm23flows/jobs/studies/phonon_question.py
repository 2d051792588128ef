"""What is asked of the labels and of all models of a metal alike: one supercell, path and mesh.

Owns the step from a calculator, or from force constants, to the rows of the phonon study. Who is
asked, and what happens where one fails, is in :mod:`tm23flows.jobs.studies.phonons`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.phonons import FrequencyErrorRow, FrequencyErrors, PhononCurves
from tm23flows.science.crystal_properties import lattice_constants
from tm23flows.science.force_constants import ForceConstants
from tm23flows.science.phonon_errors import frequency_errors, imaginary_modes
from tm23flows.science.phonons import phonons_of_calculator
from tm23flows.science.relaxation import relax_crystal
from tm23flows.science.wave_vectors import QMesh, QPath

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

_DIGITS = 6


@dataclass(frozen=True)
class PhononQuestion:
    """What is the same for the labels and for all models of a metal.

    Parameters
    ----------
    start
        The crystal that relaxations start from.
    supercell
        Multiples of its vectors in which atoms are displaced.
    path
        Wave vectors to draw.
    mesh
        Wave vectors to compare on.
    settings
        Those of the study.
    """

    start: Crystal
    supercell: tuple[int, int, int]
    path: QPath
    mesh: QMesh
    settings: dict[str, Any]

    def in_own_crystal(self, calculator: Calculator) -> ForceConstants:
        """Relax the crystal and compute its force constants.

        Parameters
        ----------
        calculator
            Energies, forces, and stress if it has one, in eV and angstrom.

        Returns
        -------
        Those of the crystal at rest under the calculator.

        Raises
        ------
        PhysicsError
            If there is no crystal at rest.
        """
        limit = self.settings["force_limit_eV_per_A"]
        return self.phonons(relax_crystal(self.start.atoms, calculator, limit), calculator)

    def phonons(self, crystal: Atoms, calculator: Calculator) -> ForceConstants:
        """Compute the force constants of a crystal as it is.

        Parameters
        ----------
        crystal
            The primitive cell.
        calculator
            Forces in eV/A.

        Returns
        -------
        The force constants.
        """
        displacement = self.settings["displacement_A"]
        return phonons_of_calculator(crystal, calculator, self.supercell, displacement)

    def curves(self, phonons: ForceConstants, source: str) -> PhononCurves:
        """Make what is kept of force constants.

        Parameters
        ----------
        phonons
            The force constants.
        source
            Where their crystal comes from, in words.

        Returns
        -------
        Frequencies along the path, density of states, lattice constants, imaginary modes.
        """
        on_mesh = phonons.frequencies(self.mesh.q_points)
        places, states = phonons.density_of_states(self.mesh.numbers)
        imaginary = imaginary_modes(self.mesh.weights, on_mesh, self.settings["imaginary_THz"])
        a_A, c_A = lattice_constants(phonons.crystal)
        return PhononCurves(
            crystal=Crystal.from_atoms(phonons.crystal, self.start.phase, source),
            a_A=a_A,
            c_A=c_A,
            volume_A3_per_atom=phonons.crystal.get_volume() / len(phonons.crystal),
            path_THz=phonons.frequencies(self.path.q_points).round(_DIGITS).tolist(),
            dos_THz=places.round(_DIGITS).tolist(),
            dos_per_THz=states.round(_DIGITS).tolist(),
            lowest_THz=imaginary.lowest_THz,
            imaginary_share=imaginary.share,
            drift_eV_per_A2=phonons.drift_eV_per_A2,
        )

    def errors(
        self, phonons: ForceConstants | None, reference: ForceConstants | None
    ) -> FrequencyErrors | None:
        """Compare frequencies on the mesh.

        Parameters
        ----------
        phonons
            Force constants of a model.
        reference
            Those of the labels.

        Returns
        -------
        The errors; None where one of the two is not there.
        """
        if phonons is None or reference is None:
            return None
        points = self.mesh.q_points
        found = frequency_errors(
            points,
            self.mesh.weights,
            phonons.frequencies(points),
            reference.frequencies(points),
        )
        rows = {
            name: None if one is None else FrequencyErrorRow.model_validate(one)
            for name, one in found.items()
        }
        return FrequencyErrors.model_validate(rows)
