"""The two scales of the road: a demonstration in minutes, and the paper.

Owns the numbers of each scale, for each engine. Everything is a field of the
Makers that come out of here, so a user can change any of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import check_engine_name
from tm23flows.errors import InputError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.tm23 import ExtraLabels, TM23Maker
from tm23flows.flows.trajectory import Sampling, TrajectoryMaker
from tm23flows.science import protocol
from tm23flows.science.metals import metal
from tm23flows.science.sampling import steps_needed
from tm23flows.trainers.nequip import paper_network

DEMO_PHASES = {"Mn": "bcc"}
"""Phases for the demonstration where the ground state has no small cell (alpha-Mn: 29 sites)."""

DEMO_CUTOFFS_EV = {"gpaw": (300.0, 350.0), "emt": (300.0, 350.0)}
"""Cutoffs of steps and of labels, where they are not the paper's."""

PAPER_DAMPING_FS = protocol.NOSE_PERIOD_STEPS * protocol.TIMESTEP_FS

VASP_SEGMENT_STEPS = 1000
"""Length of one run of VASP: what is lost of a run whose last state cannot be read."""

PAPER_FLARE = {"environments_per_frame": 1, "optimise_every": 300}
"""One environment per frame: 2700 for the set of 2700 frames, as in the article. There the
hyperparameters are optimised again and again while frames are added; how often is not said."""

PAPER_LMAX = 2

DEMO_NEQUIP = {"max_epochs": 300, "max_wall_s": 75.0}
"""About a minute of one core."""

PAPER_MISSING = 10
"""Labels of each temperature that may be rejected (1 %) without the dataset being refused: the
last 100 frames still test, and fewer than 900 train. The dataset says how many are missing."""

MEAN_VALUE_POINT = (0.25, 0.25, 0.25)
"""In cells this small one general k-point is far better than Gamma at the same price."""


def make_tm23(
    element: str, scale: str, engine: str, structure: StructureMaker | None = None
) -> TM23Maker:
    """Return the Maker of a scale for a metal.

    Parameters
    ----------
    element
        Chemical symbol.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.
    structure
        Where phase and cell come from; None for the defaults of the metal.

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
    return SCALES[scale](element, engine, structure or StructureMaker())


def demo(element: str, engine: str, structure: StructureMaker) -> TM23Maker:
    """Return the demonstration: 7 atoms, tens of steps, a sound k-mesh.

    Parameters
    ----------
    element
        Chemical symbol.
    engine
        Name of the engine.
    structure
        Where phase and cell come from.

    Returns
    -------
    The Maker.
    """
    sampling = _demo_sampling(element)
    for_steps, for_labels = DEMO_CUTOFFS_EV.get(engine, (protocol.CUTOFF_EV, protocol.CUTOFF_EV))
    recipe = Recipe(
        engine=engine, cutoff_eV=for_labels, kmesh=(3, 3, 3), sigma_eV=protocol.SIGMA_EV
    )
    label = _label_maker(engine)
    shifted = {"kmesh": (2, 2, 2), "kmesh_offset": MEAN_VALUE_POINT}
    return TM23Maker(
        name="demo",
        structure=_small_structure(element, structure),
        trajectory=TrajectoryMaker(
            recipe=recipe.model_copy(
                update={
                    "cutoff_eV": for_steps,
                    "kmesh": (1, 1, 1),
                    "kmesh_offset": MEAN_VALUE_POINT,
                }
            ),
            n_steps=steps_needed(sampling.discard, sampling.stride, sampling.count),
            sampling=sampling,
            # The ideal lattice around the vacancy gives 0.2 eV per atom to the motion
            # when it relaxes; a short damping time takes that out again in time.
            **{"damping_fs": 30.0, **_motion(engine, segment_steps=6)},
        ),
        # Two batches a temperature keep two workers busy to the end.
        label=replace(label, recipe=recipe, batch_size=sampling.count // 2),
        extra_labels=(
            ExtraLabels(replace(label, recipe=recipe.model_copy(update=shifted)), count=2),
            ExtraLabels(
                replace(label, recipe=recipe.model_copy(update={"sigma_eV": 1.0})), count=1
            ),
        ),
        split="fraction",
        split_options={"train_fraction": 0.75},
        models=(
            ModelMaker(trainer="flare"),
            ModelMaker(trainer="nequip", hyperparameters=DEMO_NEQUIP),
        ),
    )


def paper(element: str, engine: str, structure: StructureMaker) -> TM23Maker:  # noqa: ARG001
    """Return TM23's own protocol: 11,000 steps, 1000 frames a temperature, 520 eV.

    Parameters
    ----------
    element
        Chemical symbol.
    engine
        Name of the engine.
    structure
        Where phase and cell come from.

    Returns
    -------
    The Maker.
    """
    gamma = Recipe(engine=engine, cutoff_eV=protocol.CUTOFF_EV, sigma_eV=protocol.SIGMA_EV)
    return TM23Maker(
        structure=structure,
        trajectory=TrajectoryMaker(
            recipe=gamma, **{"damping_fs": PAPER_DAMPING_FS, **_motion(engine, segment_steps=50)}
        ),
        # The meshes of the article are not public; it says how they were found.
        label=replace(_label_maker(engine), recipe=gamma),
        convergence=KpointConvergenceMaker(),
        split_options={"allow_missing": PAPER_MISSING},
        models=(
            ModelMaker(trainer="flare", hyperparameters=PAPER_FLARE),
            # The article's settings for the full set are not public: this is a network of its
            # Table 2, whose weight counts are reproduced.
            ModelMaker(trainer="nequip", hyperparameters=paper_network(PAPER_LMAX)),
        ),
    )


SCALES: dict[str, Callable[[str, str, StructureMaker], TM23Maker]] = {"demo": demo, "paper": paper}


def _label_maker(engine: str) -> LabelMaker:
    """Return the Maker of labels of an engine, with the engine's own Maker inside."""
    if engine != "vasp":
        return LabelMaker()
    from tm23flows.engines.vasp.makers import TM23StaticMaker

    return LabelMaker(calculation=TM23StaticMaker())


def _motion(engine: str, segment_steps: int) -> dict[str, Any]:
    """Return the fields of a TrajectoryMaker in which engines differ."""
    if engine != "vasp":
        return {"segment_steps": segment_steps}
    from tm23flows.engines.vasp.makers import TM23MDMaker

    return {
        "segment_steps": VASP_SEGMENT_STEPS,
        "ensemble": "nvt-nose-hoover",
        "damping_fs": PAPER_DAMPING_FS,
        "calculation": TM23MDMaker(),
    }


def _demo_sampling(element: str) -> Sampling:
    """Return a sampling that fits into ten minutes of two cores.

    Steps and labels of Ti, V, Mn, Fe, W and Os took 1.3 to 1.6 times those of Cu and Zn.
    """
    if metal(element).group >= 11:
        return Sampling(discard=24, stride=3, count=8)
    return Sampling(discard=18, stride=2, count=4)


def _small_structure(element: str, asked: StructureMaker) -> StructureMaker:
    """Return multiples of the primitive vectors that give about eight sites."""
    nothing = asked.crystal is None and asked.phase is None and asked.a_A is None
    small = replace(
        asked,
        basis="primitive" if asked.basis == "conventional" else asked.basis,
        phase=DEMO_PHASES.get(element) if nothing else asked.phase,
    )
    if small.supercell is not None:
        return small
    multiples = {1: (2, 2, 2), 2: (2, 2, 1), 3: (2, 2, 1)}
    sites = len(small.unit_cell(element))
    return replace(small, supercell=multiples.get(sites, (1, 1, 1)))
