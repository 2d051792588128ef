"""Label noise: how far two recipes disagree on the same frames.

Owns the comparison of two sets of labels. A model cannot be seen to be better than the
noise of its labels, so reports print this beside the model errors. Does not decide which
recipe is the better one and does not match frames; the caller gives them matched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import EnergyReference, ErrorTable, error_table


@dataclass(frozen=True)
class LabelNoise:
    """Differences between two recipes; percentages are of the second one's labels.

    ``energy_offset_eV_per_atom`` is the constant by which the first recipe's energies lie
    above the second's. It was taken out before ``errors`` was made.
    """

    errors: ErrorTable
    energy_offset_eV_per_atom: float


def label_noise(
    labels: LabelArrays,
    reference: LabelArrays,
    energy_reference: EnergyReference = "mean-per-atom",
) -> LabelNoise:
    """Compare labels of one recipe with those of a second recipe on the same frames.

    Two recipes (another k-mesh, smearing or cutoff) shift all energies by a constant that no
    force and no model error depends on. The mean difference per atom over the frames is
    therefore taken out of the energies first.

    Parameters
    ----------
    labels
        Labels under the recipe that is judged.
    reference
        Labels of the same frames in the same order under the better recipe.
    energy_reference
        What the energy MAV is measured from, see ``metrics.error_table``.

    Returns
    -------
        Differences as MAE and RMSE, and as percent of the reference MAV.

    Raises
    ------
    InputError
        The two sets are not of the same frames.
    """
    labels.require_same_frames(reference)
    offset = float(((labels.energies_eV - reference.energies_eV) / reference.n_atoms).mean())
    aligned = replace(labels, energies_eV=labels.energies_eV - offset * labels.n_atoms)
    return LabelNoise(error_table(aligned, reference, energy_reference), offset)
