"""Where runs that stand beside the data of a dataset begin, and how the atoms are moved.

Owns the choice: the runs that the frames were taken from are repeated from the same structure with
the same temperature, seed and time step. Frames from elsewhere name no run; then the first of them
is where a run begins, with the article's time step, in the same cell and so at the same density.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.engines.dynamics import ENSEMBLE
from tm23flows.errors import InputError
from tm23flows.science import protocol
from tm23flows.science.cells import min_image_distance

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

STEPS_WITHOUT_RUN: Final = 2000
"""Steps of a run that repeats none: 10 ps, of which frames of other runs say nothing. Ours."""


@dataclass(frozen=True)
class Start:
    """The beginning of a run.

    Parameters
    ----------
    reference_id
        The run that is repeated; None where the frames name none.
    structure_id
        Where it begins.
    element
        Chemical symbol.
    dynamics
        How the atoms are moved, with our thermostat.
    n_steps
        Steps of the run that is repeated, or :data:`STEPS_WITHOUT_RUN`.
    """

    reference_id: str | None
    structure_id: str
    element: str
    dynamics: Dynamics
    n_steps: int


def starts_of(archive: Archive, dataset_id: str, regime: str) -> list[Start]:
    """Find where the runs of a dataset at one temperature begin.

    Parameters
    ----------
    archive
        The archive; the cell of a frame is stored as a structure where there is no run.
    dataset_id
        The dataset.
    regime
        cold, warm, melt or what else the frames are called.

    Returns
    -------
    One for each run in the order of their ids, or one for a frame.

    Raises
    ------
    InputError
        If no frame has that temperature, or nobody knows how hot it is.
    """
    labels = labels_at(archive, dataset_id, regime)
    runs = sorted({one.trajectory_id for one in labels if one.trajectory_id})
    if not runs:
        return [_at_frame(archive, archive.get(Frame, labels[0].frame_id), regime)]
    return [
        Start(run.id, run.structure_id, run.element, own_dynamics(run.dynamics), run.n_steps)
        for run in archive.get_many(Trajectory, runs)
    ]


def labels_at(archive: Archive, dataset_id: str, regime: str) -> list[Label]:
    """Read the labels of a dataset at one temperature.

    Parameters
    ----------
    archive
        The archive.
    dataset_id
        The dataset.
    regime
        Name of the temperature.

    Returns
    -------
    The labels in the order of the dataset, each once.

    Raises
    ------
    InputError
        If there is none.
    """
    dataset = archive.get(Dataset, dataset_id)
    found = [one for one in archive.get_many(Label, dataset.label_ids) if one.regime == regime]
    if not found:
        raise InputError(f"The dataset {dataset_id[:12]} has no frames that are called '{regime}'.")
    return found


def own_dynamics(given: Dynamics) -> Dynamics:
    """Return the equations of motion of a run that repeats another.

    Parameters
    ----------
    given
        Those of the run.

    Returns
    -------
    The same with our thermostat, a Nose-Hoover chain, where a program has another.
    """
    return given.model_copy(update={"ensemble": ENSEMBLE})


def _at_frame(archive: Archive, frame: Frame, regime: str) -> Start:
    temperature = frame.temperature_K
    if temperature is None:
        if regime not in list(protocol.Regime):
            raise InputError(
                f"Nobody says how hot the frames called '{regime}' are: give them a temperature."
            )
        temperature = protocol.temperature_K(frame.element, regime)
    structure = Structure(
        provenance=Provenance.now(inputs={"frame": frame.id}),
        numbers=frame.numbers,
        cell=frame.cell,
        positions=frame.positions,
        element=frame.element,
        phase="unknown",
        phase_source=f"frame {frame.id}, which names no run",
        basis="given",
        supercell_matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        supercell_rule="given",
        min_length_A=None,
        min_image_distance_A=min_image_distance(frame.cell),
        vacancy_index=None,
        vacancy_seed=None,
    )
    archive.put(structure)
    dynamics = Dynamics(temperature_K=temperature, timestep_fs=protocol.TIMESTEP_FS)
    return Start(None, structure.id, frame.element, dynamics, STEPS_WITHOUT_RUN)
