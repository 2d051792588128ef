"""The density of states of a frame, made from the spectrum that came with its label.

Owns the step from an engine's spectrum to a document. There is no job of its own: the job of the
labels (:mod:`tm23flows.jobs.label`) makes both out of one calculation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.errors import PhysicsError
from tm23flows.science.density_of_states import D_WINDOW_EV, d_band, electrons_fault

if TYPE_CHECKING:
    from tm23flows.documents.label import Label
    from tm23flows.science.spectrum import Spectrum
    from tm23flows.store.archive import Archive


def make_density_of_states(archive: Archive, label: Label, spectrum: Spectrum) -> DensityOfStates:
    """Store the arrays of a spectrum and make the document that names them.

    Parameters
    ----------
    archive
        Takes the arrays; the document is not stored here.
    label
        What else the same calculation has given.
    spectrum
        Its states.

    Returns
    -------
    The document.

    Raises
    ------
    PhysicsError
        If the occupations do not hold the electrons of the cell.
    """
    if fault := electrons_fault(spectrum):
        raise PhysicsError(f"The spectrum is not sound: {fault}.")
    band = d_band(spectrum)
    return DensityOfStates(
        provenance=label.provenance,
        frame_id=label.frame_id,
        recipe=label.recipe,
        recipe_id=label.recipe_id,
        element=label.element,
        regime=label.regime,
        n_atoms=label.n_atoms,
        electrons=spectrum.electrons,
        fermi_eV=spectrum.fermi_eV,
        window_eV=D_WINDOW_EV,
        window_complete=band.window_complete,
        d_band_centre_eV=band.centre_eV,
        d_band_width_eV=band.width_eV,
        d_filling=band.filling,
        spectrum=archive.blobs.put_arrays(**spectrum.to_arrays()),
        effort=label.effort,
    )
