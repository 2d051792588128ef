"""The two scales of the road: a demonstration in minutes, and the paper.

Owns the numbers of each scale, for each engine. Everything is a field of the
Makers that come out of here, so a user can change any of it.
"""

from __future__ import annotations

from collections.abc import Callable

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import check_engine_name
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.tm23 import ExtraLabels, TM23Maker
from tm23flows.flows.trajectory import Sampling, TrajectoryMaker
from tm23flows.jobs.structure import unit_cell
from tm23flows.science import protocol
from tm23flows.science.cells import supercell_matrix
from tm23flows.science.kpoints import kmesh_for_spacing
from tm23flows.science.metals import metal
from tm23flows.science.sampling import steps_needed

DEMO_ATOMS = 8
"""Sites of the smallest cell worth a demonstration; with one vacancy 7 atoms."""

PAPER_KSPACING_PER_A = 0.2
"""Default density of k-points at the paper's scale, in 1/angstrom with 2 pi.

The article's meshes are not public. They were converged for every metal to
1 meV/atom and 5 meV/angstrom, so this is a starting point to be converged.
"""

PAPER_FLARE = {"environments_per_frame": 1}
"""One environment per frame: 2700 for the set of 2700 frames, as in the article."""

PAPER_NEQUIP = {
    "l_max": 2,
    "n_features": protocol.NEQUIP.features_by_lmax[2],
    "n_layers": 4,
    "max_epochs": 1_000_000,
    "max_wall_s": 21 * 24 * 3600.0,
}
"""The article's stopping rules (three weeks at most). Its settings for the full set are not
public; layers and features are those that reproduce the weight counts of its Table 2."""

MEAN_VALUE_POINT = (0.25, 0.25, 0.25)
"""In cells this small one general k-point is far better than Gamma at the same price."""


def make_tm23(element: str, scale: str, engine: str) -> TM23Maker:
    """Return the Maker of a scale for a metal.

    Parameters
    ----------
    element
        Chemical symbol.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.

    Returns
    -------
    The Maker.

    Raises
    ------
    InputError
        If the metal, the scale or the engine is unknown.
    """
    check_engine_name(engine)
    metal(element)
    if scale not in SCALES:
        raise InputError(f"There is no scale '{scale}'; choose one of: {', '.join(SCALES)}.")
    return SCALES[scale](element, engine)


def demo(element: str, engine: str) -> TM23Maker:
    """Return the demonstration: 7 atoms, tens of steps, a sound k-mesh.

    Parameters
    ----------
    element
        Chemical symbol.
    engine
        Name of the engine.

    Returns
    -------
    The Maker.
    """
    sampling = _demo_sampling(element)
    recipe = Recipe(engine=engine, cutoff_eV=350, kmesh=(3, 3, 3), sigma_eV=protocol.SIGMA_EV)
    shifted = {"kmesh": (2, 2, 2), "kmesh_offset": MEAN_VALUE_POINT}
    return TM23Maker(
        name="demo",
        structure=StructureMaker(basis="primitive", supercell=_small_cell(element)),
        trajectory=TrajectoryMaker(
            recipe=recipe.model_copy(
                update={"cutoff_eV": 300, "kmesh": (1, 1, 1), "kmesh_offset": MEAN_VALUE_POINT}
            ),
            n_steps=steps_needed(sampling.discard, sampling.stride, sampling.count),
            sampling=sampling,
            # The ideal lattice around the vacancy gives 0.2 eV per atom to the motion
            # when it relaxes; a short damping time takes that out again in time.
            damping_fs=30.0,
            segment_steps=6,
        ),
        # Two batches a temperature keep two workers busy to the end.
        label=LabelMaker(recipe=recipe, batch_size=sampling.count // 2),
        extra_labels=(
            ExtraLabels(LabelMaker(recipe=recipe.model_copy(update=shifted)), count=2),
            ExtraLabels(LabelMaker(recipe=recipe.model_copy(update={"sigma_eV": 1.0})), count=1),
        ),
        split="fraction",
        split_options={"train_fraction": 0.75},
    )


def paper(element: str, engine: str) -> TM23Maker:
    """Return TM23's own protocol: 11,000 steps, 1000 frames a temperature, 520 eV.

    Parameters
    ----------
    element
        Chemical symbol.
    engine
        Name of the engine.

    Returns
    -------
    The Maker.
    """
    structure = StructureMaker()
    unit = unit_cell(element, structure.basis)
    matrix = supercell_matrix(unit.cell, structure.min_length_A, structure.supercell_rule)
    gamma = Recipe(engine=engine, cutoff_eV=protocol.CUTOFF_EV, sigma_eV=protocol.SIGMA_EV)
    mesh = kmesh_for_spacing(matrix @ unit.cell.array, PAPER_KSPACING_PER_A)
    return TM23Maker(
        structure=structure,
        trajectory=TrajectoryMaker(
            recipe=gamma,
            damping_fs=protocol.NOSE_PERIOD_STEPS * protocol.TIMESTEP_FS,
        ),
        label=LabelMaker(recipe=gamma.model_copy(update={"kmesh": mesh})),
        models=(
            ModelMaker(trainer="flare", hyperparameters=PAPER_FLARE),
            ModelMaker(trainer="nequip", hyperparameters=PAPER_NEQUIP),
        ),
    )


SCALES: dict[str, Callable[[str, str], TM23Maker]] = {"demo": demo, "paper": paper}


def _demo_sampling(element: str) -> Sampling:
    """Return a sampling that fits into ten minutes of two cores.

    Steps and labels of Ti, V, Mn, Fe, W and Os took 1.3 to 1.6 times those of Cu and Zn.
    """
    if metal(element).group >= 11:
        return Sampling(discard=24, stride=3, count=8)
    return Sampling(discard=18, stride=2, count=4)


def _small_cell(element: str) -> tuple[int, int, int]:
    """Return multiples of the primitive vectors that give about eight sites."""
    sites = len(unit_cell(element, "primitive"))
    multiples = {1: (2, 2, 2), 2: (2, 2, 1), 3: (2, 2, 1)}
    return multiples.get(sites, (1, 1, 1))
